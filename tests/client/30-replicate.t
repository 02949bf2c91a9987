#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Stock replicate clients on two and three of our bricks: one is killed while
# there is work, comes back, and is healed; by a client that looks at what it
# finds, and by the self-heal daemon's graph, which crawls the index.  In the
# end the bricks are equal and nothing is left to be healed.
. "$(dirname "$0")/../lib/functions.sh"
need_fuse
need_ours
need getfattr python3

node=$(cat /proc/sys/kernel/random/uuid)
volume=$(cat /proc/sys/kernel/random/uuid)

# replica_volfile FILE DAEMON BRICK...: DAEMON is yes for the self-heal daemon.
replica_volfile() {
    local file=$1 daemon=$2 b i=0 subvolumes='' pending=''
    shift 2
    : >"$file"
    for b in "$@"; do
        cat >>"$file" <<VOL
volume t-client-$i
    type protocol/client
    option transport-type tcp
    option remote-host 127.0.0.1
    option remote-port ${brick_port[$b]}
    option remote-subvolume ${brick_dir[$b]}
    option ping-timeout 42
end-volume

VOL
        subvolumes+=" t-client-$i"
        pending+=${pending:+,}t-client-$i
        i=$((i + 1))
    done
    cat >>"$file" <<VOL
volume t-replicate-0
    type cluster/replicate
    option afr-pending-xattr $pending
    option granular-entry-heal on
    option data-self-heal on
    option metadata-self-heal on
    option entry-self-heal on
    option quorum-type none
    option iam-self-heal-daemon $daemon
    option iam-nfs-daemon no
    option self-heal-daemon $daemon
    option heal-timeout 5
    subvolumes$subvolumes
end-volume

volume t
    type debug/io-stats
    subvolumes t-replicate-0
end-volume
VOL
}

# mount_replica MOUNTPOINT BRICK...
mount_replica() {
    local point=$1
    shift
    mkdir -p "$point"
    replica_volfile "$T/replica.vol" no "$@"
    (
        close_inherited
        exec glusterfs -N -f "$T/replica.vol" -l "$T/mount.log" \
            --entry-timeout=0 --attribute-timeout=0 "$point"
    ) &
    mount_pid[$point]=$!
    mounts+=("$point")
    wait_until 20 mounted "$point" || bail "$point did not mount"
}

# start_healer BRICK...: the self-heal daemon, as glusterd would start it.
start_healer() {
    replica_volfile "$T/healer.vol" yes "$@"
    (
        close_inherited
        exec glusterfs -N -f "$T/healer.vol" -l "$T/healer.log" \
            --process-name glustershd \
            --xlator-option "*replicate*.node-uuid=$node"
    ) &
    healer=$!
    background+=("$healer")
}

stop_healer() {
    kill "$healer"
    wait_until 20 eval "! running $healer"
}

# What the index of a brick has, but base files.
entries() {
    local d
    for d in xattrop dirty entry-changes; do
        find "${brick_dir[$1]}/.glusterfs/indices/$d" -mindepth 1 \
            ! -name "$d-*" -printf "$d/%P\n"
    done
}

# Of an object that is there.  Entries of others stay until a crawler, who finds
# them in the index alone, has looked for their objects in vain.
entries_of_objects() {
    local e g
    entries "$1" | while read -r e; do
        g=${e#*/}
        g=${g%%/*}
        g=${brick_dir[$1]}/.glusterfs/${g:0:2}/${g:2:2}/$g
        [ ! -e "$g" ] && [ ! -L "$g" ] || echo "$e"
    done
}

nothing_to_heal() {
    local b
    for b in "$@"; do
        [ -z "$(entries "$b")" ] || return 1
    done
}

# tell BRICK: all that must be equal on all bricks, a line a thing.
tell() {
    python3 - "${brick_dir[$1]}" <<'PY'
import hashlib
import os
import sys

top = sys.argv[1]
# Who was blamed is on those who were there.
ZEROES = ("trusted.afr.",)
for base, dirs, files in os.walk(top):
    if base == top:
        dirs.remove(".glusterfs")
    for name in [""] + files + [d for d in dirs
                                if os.path.islink(os.path.join(base, d))]:
        path = os.path.join(base, name) if name else base
        st = os.lstat(path)
        what = [os.path.relpath(path, top), "%o" % st.st_mode, st.st_uid,
                st.st_gid]
        if name:
            what += [st.st_size, st.st_nlink]
        if os.path.islink(path):
            what.append(os.readlink(path))
        elif os.path.isfile(path):
            with open(path, "rb") as f:
                what.append(hashlib.sha256(f.read()).hexdigest())
        for x in sorted(os.listxattr(path, follow_symlinks=False)):
            v = os.getxattr(path, x, follow_symlinks=False)
            if x.startswith(ZEROES):
                if any(v):
                    what.append("%s is not zero: %s" % (x, v.hex()))
            elif x != "trusted.glusterfs.volume-id":
                what.append("%s=%s" % (x, v.hex()))
        print(*what)
PY
}

told() {
    tell "$1" | LC_ALL=C sort >"$T/$1.told"
}

# Work of all kinds, on what may be there: change N DIRECTORY
change() {
    local n=$1 m=$2
    mkdir -p "$m/dir$n/below"
    echo "text $n" >"$m/dir$n/file"
    head -c 300000 /dev/urandom >"$m/dir$n/below/random"
    ln -s "file" "$m/dir$n/link"
    ln "$m/dir$n/file" "$m/dir$n/hard"
    mkfifo "$m/dir$n/fifo"
    echo "more $n" >>"$m/both"
    chmod "0$((600 + n))" "$m/mode"
    setfattr -n user.n -v "$n" "$m/mode"
    dd if=/dev/urandom of="$m/middle" bs=4096 count=4 seek=$((n * 3)) \
        conv=notrunc status=none
    truncate -s $((100000 + n * 5000)) "$m/sized"
}

# What is made is made everywhere.
reaches_all() {
    local b
    probes=$((probes + 1))
    : >"$m/probe$probes" || return 1
    for b in "${names[@]}"; do
        [ -e "${brick_dir[$b]}/probe$probes" ] || return 1
    done
    rm "$m"/probe*
}
probes=0

# scene COUNT: bricks and a mount with something in it.
scene() {
    local i
    names=()
    for i in $(seq 1 "$1"); do
        names+=("r$1b$i")
        mkdir "$T/r$1b$i"
        setfattr -n trusted.glusterfs.volume-id -v "0x${volume//-/}" \
            "$T/r$1b$i" || skip_all "a file system with trusted xattrs"
        start_brick "r$1b$i" posix.glusterd-uuid="$node"
    done
    m=$T/mnt$1
    mount_replica "$m" "${names[@]}"
    wait_until 20 reaches_all || bail "the mount does not reach all bricks"
    touch "$m/both" "$m/mode" "$m/middle" "$m/sized"
    head -c 200000 /dev/urandom >"$m/gone"
    mkdir "$m/removed" "$m/kept"
    touch "$m/removed/x" "$m/kept/x"
    change 0 "$m"
    check "replica $1: all bricks up, nothing is to be healed" \
        wait_until 20 nothing_to_heal "${names[@]}"
}

# bricks_are_equal COUNT
bricks_are_equal() {
    local b
    for b in "${names[@]}"; do
        told "$b"
    done
    check "replica $1: there is something to compare" \
        [ "$(wc -l <"$T/${names[0]}.told")" -gt 15 ]
    for b in "${names[@]:1}"; do
        same "replica $1: $b is ${names[0]}, byte by byte and xattr by xattr" \
            "$T/${names[0]}.told" "$T/$b.told"
    done
}

# work_without BRICK
work_without() {
    kill -9 "${brick_pid[$1]}"
    wait "${brick_pid[$1]}" 2>/dev/null
    change 1 "$m"
    rm -r "$m/removed" "$m/gone"
    mv "$m/kept/x" "$m/moved"
    rm "$m/dir0/file"
    change 2 "$m"
    sync -f "$m"
}

look_at_all() {
    find "$m" -exec stat -t {} + >/dev/null
    find "$m" -type f -exec cat {} + >/dev/null
}

healed_by_looking() {
    local b
    look_at_all
    for b in "${names[@]}"; do
        [ -z "$(entries_of_objects "$b")" ] || return 1
    done
}

for count in 2 3; do
    scene $count

    # By the client.
    victim=${names[1]}
    work_without "$victim"
    check "replica $count: what is to be healed is in the index" \
        [ -n "$(entries "${names[0]}")" ]
    start_brick "$victim" posix.glusterd-uuid="$node"
    check "replica $count: the client comes back to $victim" \
        wait_until 30 reaches_all
    check "replica $count: the client heals all that it looks at" \
        wait_until 60 healed_by_looking
    bricks_are_equal $count

    # By the daemon; the other way round.
    victim=${names[0]}
    rm -r "$m"/dir[12] "$m/moved"
    mkdir "$m/removed"
    touch "$m/gone" "$m/dir0/file" "$m/kept/x" "$m/removed/x"
    work_without "$victim"
    check "unmount" unmount "$m"
    start_brick "$victim" posix.glusterd-uuid="$node"
    start_healer "${names[@]}"
    check "replica $count: the self-heal daemon heals all of it" \
        wait_until 90 nothing_to_heal "${names[@]}"
    bricks_are_equal $count
    stop_healer
    for b in "${names[@]}"; do
        brick_is_sound "$b"
    done
done
done_testing
