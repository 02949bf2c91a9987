#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A tree of 20,000 files is copied in and compared back.
. "$(dirname "$0")/../lib/functions.sh"
need_fuse
need tar python3

m=$T/mnt
start_brick b
mount_brick b "$m"
python3 "$lib/maketree.py" "$T/src" 20000
is "the tree has its files" "$(find "$T/src" -type f | wc -l)" 20000

mkdir "$m/dst"
check "tar copies it in" bash -o pipefail -c \
    "tar -C '$T/src' --format=posix -c . | tar -C '$m/dst' -xp"
python3 "$lib/listing.py" --times "$T/src" >"$T/src.list"
python3 "$lib/listing.py" --times "$m/dst" >"$T/dst.list"
same "it compares equal" "$T/src.list" "$T/dst.list"

unmount "$m"
mount_brick b "$m"
python3 "$lib/listing.py" --times "$m/dst" >"$T/dst2.list"
same "also through a fresh mount" "$T/src.list" "$T/dst2.list"

leaf=$(cd "$T/src" && find . -type d -links 2 | sort | tail -n 1)
check "cp -a inside the mount" cp -a "$m/dst/$leaf" "$m/copy"
python3 "$lib/listing.py" "$T/src/$leaf" >"$T/a.list"
python3 "$lib/listing.py" "$m/copy" >"$T/c.list"
same "the copy is equal" "$T/a.list" "$T/c.list"

check "rm -r" rm -r "$m/copy"
is "it is gone" "$(ls -A "$m")" dst
unmount "$m"
brick_is_sound b
done_testing
