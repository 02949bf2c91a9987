#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A dbench run: the file operations of many office desktops.
. "$(dirname "$0")/../lib/functions.sh"
need_fuse
need dbench

load=
for f in /usr/share/dbench/client.txt /usr/share/doc/dbench/client.txt; do
    [ ! -f "$f" ] || load=$f
done
[ -n "$load" ] || skip_all "dbench's client.txt"

m=$T/mnt
start_brick b
mount_brick b "$m"
check "dbench with 4 clients" timeout 120 dbench -t 15 -c "$load" -D "$m" 4
check "the mount works after it" touch "$m/after"
rm -rf "${m:?}"/clients "$m/after"
is "nothing is left" "$(ls -A "$m")" ""
unmount "$m"
brick_is_sound b
done_testing
