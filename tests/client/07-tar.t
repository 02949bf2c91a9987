#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tar in and out keeps owners, modes, times, xattrs, ACLs, hard links, holes,
# fifos, device nodes and symlinks.
. "$(dirname "$0")/../lib/functions.sh"
need_fuse
need tar setfacl getfacl setfattr python3

s=$T/src m=$T/mnt
mkdir -p "$s/dir/sub" "$s/sticky" "$s/setgid" "$s/empty"
(
    cd "$s" || exit 1
    echo plain >plain
    head -c 300000 /dev/urandom >large
    : >zero
    ln plain dir/hard1
    ln plain dir/sub/hard2
    ln -s plain symlink
    ln -s /absolute/nowhere dangling
    ln -s "$(printf 'long/%.0s' {1..200})" longlink
    mkfifo fifo
    mknod null c 1 3
    mknod block b 7 200
    python3 -c "import socket; s = socket.socket(socket.AF_UNIX); s.bind('sock')"
    rm sock                     # tar does not keep sockets
    truncate -s 64M sparse
    printf middle | dd of=sparse bs=1 seek=33000000 conv=notrunc status=none
    printf end | dd of=sparse bs=1 seek=67000000 conv=notrunc status=none
    chmod 4755 plain
    chmod 2750 large
    chmod 0000 zero
    chmod 1777 sticky
    chmod 2775 setgid
    chown 1001:2002 plain
    chown 65534:65534 large
    chown -h 1001:2002 symlink
    chmod 4755 plain
    chmod 2750 large
    chown 3003:4004 dir/sub fifo null
    setfattr -n user.name -v value plain
    setfattr -n user.binary -v 0x00ff0100 large
    setfattr -n user.empty dir
    setfattr -n trusted.mine -v secret plain
    setfacl -m u:1005:rwx,g:2006:r-x,m::rwx dir
    setfacl -d -m u:1005:rw-,g::r--,o::--- dir
    setfacl -m u:1007:r-- dir/hard1
    touch -h -d "1999-12-31 23:59:59.123456789 UTC" symlink
    touch -d "2010-06-01 12:00:00.987654321 UTC" large
    touch -d "1970-01-01 00:00:01 UTC" plain
    touch -d "2038-01-19 03:14:08 UTC" zero
    touch -d "2005-05-05 05:05:05.5 UTC" dir/sub sticky
) || bail "the source tree could not be made"

TAR="--format=posix --acls --xattrs --xattrs-include=user.* \
--xattrs-include=trusted.mine --numeric-owner --sparse"
# shellcheck disable=SC2086
copy() {
    tar -C "$1" $TAR -c . | tar -C "$2" $TAR -xp
}

start_brick b
mount_brick b "$m" --acl
list() {
    python3 "$lib/listing.py" --times "$1" \
        --xattrs 'user\..*|trusted\.mine|system\.posix_acl_.*'
}
mkdir "$m/in" "$T/out"
check "tar in" copy "$s" "$m/in"
list "$s" >"$T/src.list"
list "$m/in" >"$T/in.list"
same "the mount shows what was copied" "$T/src.list" "$T/in.list"
check "tar out" copy "$m/in" "$T/out"
list "$T/out" >"$T/out.list"
same "what comes out is what went in" "$T/src.list" "$T/out.list"

unmount "$m"
stop_brick b
start_brick b
mount_brick b "$m" --acl
list "$m/in" >"$T/again.list"
same "a new daemon and a new mount show the same" "$T/src.list" \
    "$T/again.list"
check "the sparse file has holes on the brick" test \
    "$(stat -c %b "$T/b/in/sparse")" -lt 2000
is "the hard links are one file" "$(stat -c %h "$m/in/plain")" 3
is "getfacl through the mount" \
    "$(getfacl -cnp "$m/in/dir")" "$(getfacl -cnp "$s/dir")"
is "a file made there inherits" \
    "$(touch "$m/in/dir/new" && getfacl -cnp "$m/in/dir/new")" \
    "$(touch "$s/dir/new" && getfacl -cnp "$s/dir/new")"
check "reading past holes" sh -c \
    "dd if='$m/in/sparse' bs=1 skip=33000000 count=6 status=none | grep -q middle"
unmount "$m"
brick_is_sound b
done_testing
