#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A brick written by the stock daemon is taken over by ours, changed, and
# handed back; each sees every file, gfid and xattr of the other.
. "$(dirname "$0")/../lib/functions.sh"
need_fuse
need "$STOCK" python3 setfacl setfattr
need_ours

m=$T/mnt b=$T/b
# Everything of the brick at rest: names, owners, contents, all xattrs, and
# each handle with what it leads to.
portrait() {
    python3 "$lib/listing.py" "$b" --xattrs '.*' --times --skip .glusterfs
    (
        cd "$b/.glusterfs" || exit 1
        find ?? -mindepth 2 -printf '%p %y %l %n\n' | sort
    )
}
# What a client sees, gfids too.
view() {
    mount_brick "$1" "$m" --acl --aux-gfid-mount >&2
    python3 "$lib/listing.py" "$m" --times \
        --xattrs 'user\..*|system\.posix_acl_.*|trusted\.(afr|mine).*'
    find "$m" | sort | while read -r f; do
        getfattr -h --absolute-names --only-values \
            -n glusterfs.gfid.string "$f" 2>/dev/null
        echo " $f"
    done
    unmount "$m" >&2
}
# change N: everything that leaves a trace on the brick.
change() {
    local d=$m/made$1
    mkdir -p "$d/a/b/c" "$d/dir" "$d/victim"
    echo "text $1" >"$d/file"
    head -c 200000 /dev/urandom >"$d/a/large"
    : >"$d/a/b/empty"
    ln "$d/file" "$d/a/hard"
    ln "$d/file" "$d/dir/harder"
    ln -s ../file "$d/a/symlink"
    ln "$d/a/symlink" "$d/dir/symlink"
    mkfifo "$d/fifo"
    mknod "$d/null" c 1 3
    python3 -c "import os, socket; os.chdir('$d')
socket.socket(socket.AF_UNIX).bind('sock')"
    touch "$d/$(printf 'long%.0s' {1..60})" "$d/sp ace" "$d/$(printf 'nl\nx')"
    chmod 4711 "$d/a/large"
    chown 1001:2002 "$d/a/b/empty"
    setfattr -n user.one -v 1 "$d/file"
    setfattr -n user.two -v 0x0002 "$d/dir"
    setfattr -n trusted.mine -v x "$d/dir"
    setfacl -m u:1005:rw "$d/a/large"
    setfacl -d -m g:77:rwx "$d/dir"
    touch "$d/dir/inherits"
    touch -d "2002-02-02 02:02:02.2 UTC" "$d/a/b/empty"
    mv "$d/a/b" "$d/dir/moved"
    mv "$d/dir/moved/empty" "$d/renamed"
    mv "$d/dir/harder" "$d/dir/moved/c/hardest"
    mv "$d/a/b" "$d/none" 2>/dev/null
    mkdir "$d/over"
    mv -T "$d/victim" "$d/over"
    echo new >"$d/newer"
    mv "$d/newer" "$d/sp ace"
    rm "$d/a/hard"
    mkdir "$d/gone"
    touch "$d/gone/x"
    rm -r "$d/gone"
    truncate -s 5M "$d/sparse"
    setfattr -x user.one "$d/file"
    setfattr -n user.one -v again "$d/file"
    exec 7>"$d/unlinked"
    rm "$d/unlinked"
    echo x >&7
    exec 7>&-
}
# What the other one made is changed as well.
rework() {
    local d=$m/made$1
    echo appended >>"$d/file"
    mv "$d/dir/moved" "$d/dir/movedagain"
    mv "$d/dir" "$d/dir2"
    ln "$d/file" "$d/dir2/another"
    rm "$d/dir2/symlink"
    mv "$d/a/large" "$m/large$1"
    chmod 700 "$d/a"
    setfattr -x user.two "$d/dir2"
    setfacl -b "$m/large$1"
    rm "$d/fifo" "$d/null"
    rm -r "$d/over"
}
sound() {
    check "$1: the brick obeys the rules of its format" \
        python3 "$lib/brickfsck.py" "$b"
}

start_brick -p "$STOCK" b
mount_brick b "$m" --acl
change 1
change 2
unmount "$m"
view b >"$T/view.stock"
stop_brick b
sound "written by the stock daemon"
portrait >"$T/before"

start_brick b
view b >"$T/view.ours"
same "ours shows what the stock daemon showed" "$T/view.stock" "$T/view.ours"
stop_brick b
portrait >"$T/after"
same "looking at it changed nothing on disk" "$T/before" "$T/after"

start_brick b
mount_brick b "$m" --acl
change 3
rework 1
unmount "$m"
view b >"$T/view.ours"
stop_brick b
sound "changed by ours"
portrait >"$T/before"

start_brick -p "$STOCK" b
view b >"$T/view.stock"
same "the stock daemon shows what ours showed" "$T/view.ours" "$T/view.stock"
stop_brick b
portrait >"$T/after"
same "and changed nothing on disk by it" "$T/before" "$T/after"

start_brick -p "$STOCK" b
mount_brick b "$m" --acl
rework 3
rework 2
change 4
unmount "$m"
stop_brick b
sound "changed by the stock daemon again"
start_brick b
mount_brick b "$m" --acl
rework 4
check "everything can be removed by ours" rm -rf "$m"/made? "$m"/large?
is "nothing is left" "$(ls -A "$m")" ""
unmount "$m"
stop_brick b
sound "emptied by ours"
is "no handle is left but the root's" \
    "$(find "$b"/.glusterfs/?? -mindepth 2 | wc -l)" 1
done_testing
