#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What users may do through a mount is what they may do in a local directory:
# the same operations, by the same users, in both, compared.
. "$(dirname "$0")/../lib/functions.sh"
need_fuse
need setpriv setfacl getfacl python3

m=$T/mnt b=$T/b
chmod 755 "$T"
start_brick b
# With acl the kernel leaves the decision to the client and the brick.
mount_brick -l "" b "$m" --acl
mkdir "$m/top" "$T/local"

prepare() {
    local d=$1
    (
        cd "$d" || exit 1
        chmod 755 .
        for mode in 755 770 1777 2775 333; do
            mkdir "d$mode"
            echo data >"d$mode/owned"
            echo data >"d$mode/grouped"
            echo data >"d$mode/other"
            mkdir "d$mode/sub"
            chmod 640 "d$mode/grouped"
            chmod 606 "d$mode/other"
            chmod 600 "d$mode/owned"
            chown -R 1001:2001 "d$mode"
            chmod "$mode" "d$mode"
        done
        mkdir acl acldefault
        echo data >acl/user
        echo data >acl/masked
        echo data >acl/group
        chmod 640 acl/*
        setfacl -m u:1002:rw acl/user
        setfacl -m u:1002:rwx,m::r acl/masked
        setfacl -m g:2003:rw acl/group
        setfacl -m u:1003:rwx acl
        setfacl -d -m u:1002:rwx,g:2003:rx,o::- acldefault
        chmod 777 acldefault
    )
}
prepare "$m/top"
prepare "$T/local"
# One user's deeds in the current directory: what each answers.  EPERM and
# EACCES count as one: the stock brick answers EACCES where a sticky bit
# refuses, and so do we.  (Setting another's times needs only the right to
# write there; it is left out.)
cat >"$T/deeds" <<'DEEDS'
umask 022
try() {
    local out
    out=$("$@" 2>&1 </dev/null)
    echo "$* = $? $(echo "$out" | sed 's/.*: //' | tail -n 1 |
        sed 's/Operation not permitted\|Permission denied/refused/')"
}
for d in d*; do
    for f in owned grouped other; do
        try cat $d/$f
        try sh -c "echo more >>$d/$f"
        try sh -c ": >$d/$f"
        try test -r $d/$f
        try test -w $d/$f
        try test -x $d/$f
        try stat -c %a $d/$f
        try chmod 666 $d/$f
        try chmod 640 $d/$f
        try chown $(id -u) $d/$f
        try chgrp 2003 $d/$f
        try touch $d/$f
        try setfattr -n user.x -v 1 $d/$f
        try getfattr --only-values -n user.x $d/$f
    done
    try ls $d
    try touch $d/new.$1
    try mkdir $d/newdir.$1
    try mkfifo $d/fifo.$1
    try ln -s target $d/link.$1
    try mv $d/new.$1 $d/renamed.$1
    try rmdir $d/sub
    try rmdir $d/newdir.$1
    try rm -f $d/fifo.$1
    try mv $d/other $d/other2
    try mv $d/other2 $d/other
    try rm -f $d/link.$1
    try stat -c '%u:%g %a' $d/renamed.$1
    try rm -f $d/renamed.$1
    try chmod 755 $d/sub
    try mknod $d/device.$1 b 7 1
done
for f in acl/user acl/masked acl/group; do
    try cat $f
    try sh -c "echo x >>$f"
done
try touch acl/new.$1
try touch acldefault/new.$1
try mkdir acldefault/dir.$1
try ls acldefault
DEEDS

# deeds DIRECTORY UID GID GROUPS
deeds() {
    (cd "$1" && setpriv --reuid "$2" --regid "$3" --groups "$4" \
        --inh-caps=-all bash "$T/deeds" "$2")
}
while read -r who uid gid groups; do
    deeds "$T/local" "$uid" "$gid" "$groups" >"$T/local.list" 2>&1
    deeds "$m/top" "$uid" "$gid" "$groups" >"$T/mount.list" 2>&1
    check "$who: there is something to compare" test \
        "$(wc -l <"$T/local.list")" -ge 300
    same "$who: the same answers as in a local directory" \
        "$T/local.list" "$T/mount.list"
done <<'USERS'
stranger 1009 2009 2009
group-member 1004 2004 2004,2001
acl-user 1002 2003 2003
directory-user 1003 2008 2008
owner 1001 2001 2001
USERS
list() {
    (
        cd "$1" || exit 1
        find . -printf '%p %y %m %U:%G\n' | sort
        getfacl -Rcnps . 2>/dev/null
    )
}
list "$T/local" >"$T/local.list"
list "$b/top" >"$T/brick.list"
same "and the same trees afterwards, with the same ACLs" \
    "$T/local.list" "$T/brick.list"
unmount "$m"
brick_is_sound b
done_testing
