#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A stock FUSE mount does the simplest things.
. "$(dirname "$0")/../lib/functions.sh"
need_fuse

start_brick b
m=$T/mnt
mount_brick b "$m"
ok "it mounts"
is "it is empty" "$(ls -A "$m")" ""
echo hello >"$m/file"
is "a file reads back" "$(cat "$m/file")" hello
is "its size" "$(stat -c %s "$m/file")" 6
is "its mode" "$(stat -c %a "$m/file")" 644
is "its link count" "$(stat -c %h "$m/file")" 1
check "mkdir" mkdir "$m/dir"
check "ln -s" ln -s file "$m/link"
is "readlink" "$(readlink "$m/link")" file
check "ln" ln "$m/file" "$m/dir/hard"
is "link count of 2" "$(stat -c %h "$m/file")" 2
check "mv" mv "$m/dir/hard" "$m/moved"
is "ls" "$(ls "$m" | tr '\n' ' ')" "dir file link moved "
check "append" sh -c "echo more >>'$m/file'"
is "appended" "$(tail -n 1 "$m/moved")" more
check "truncate" truncate -s 3 "$m/file"
is "truncated" "$(cat "$m/moved")" hel
is "the brick itself has the data" "$(cat "$T/b/file")" hel
check "chmod" chmod 600 "$m/file"
is "chmodded" "$(stat -c %a "$T/b/file")" 600
check "touch with a time" touch -d "2001-02-03 04:05:06 UTC" "$m/file"
is "the time" "$(stat -c %Y "$m/file")" 981173106
check "df" sh -c "df '$m' | grep -q '$m'"
check "rmdir of a full directory fails" sh -c \
    "touch '$m/dir/x'; ! rmdir '$m/dir' 2>/dev/null"
check "rm -r" rm -r "$m/dir"
check "rm" rm "$m/file" "$m/moved" "$m/link"
is "it is empty again" "$(ls -A "$m")" ""
check "a name of 255 bytes" touch "$m/$(printf 'n%.0s' {1..255})"
check "a name of 256 bytes is refused" sh -c \
    "! touch '$m/$(printf 'n%.0s' {1..256})' 2>/dev/null"
rm -f "$m"/n*
is ".glusterfs is not shown" "$(ls -A "$m")" ""
check ".glusterfs is not reachable" sh -c "! ls '$m/.glusterfs' 2>/dev/null"
check "unmount" unmount "$m"
brick_is_sound b
$ours && is "SIGTERM ends it with status 0 or the signal's number" \
    "$([ "$status" = 0 ] || [ "$status" = 15 ] && echo fine)" fine
done_testing
