#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A file that is open when it is unlinked stays readable and writable, and is
# gone when it is closed.
. "$(dirname "$0")/../lib/functions.sh"
need_fuse
need python3

m=$T/mnt unlinked=$T/b/.glusterfs/unlink
start_brick b
mount_brick b "$m"

echo first >"$m/file"
exec 5<>"$m/file"
check "unlink while it is open" rm "$m/file"
check "the name is gone" sh -c "! test -e '$m/file'"
is "the brick keeps it" "$(ls "$unlinked" | wc -l)" 1
is "it reads" "$(cat <&5)" first
check "it writes" sh -c "echo second >&5"
is "and reads what was written" \
    "$(python3 -c 'import os; print(os.pread(5, 100, 6).decode())')" second
is "fstat" "$(stat -L -c %s /dev/fd/5)" 13
check "a new file takes the name" sh -c "echo new >'$m/file'"
is "and is another" "$(cat "$m/file")" new
exec 5>&-
check "closed, it is gone from the brick" wait_until 10 eval \
    "[ -z \"\$(ls '$unlinked')\" ]"

echo victim >"$m/victim"
exec 6<"$m/victim"
echo winner >"$m/winner"
check "rename over an open file" mv "$m/winner" "$m/victim"
is "the replaced file still reads" "$(cat <&6)" victim
is "the name leads to the new one" "$(cat "$m/victim")" winner
exec 6<&-

mount_brick b "$T/mnt2"
echo shared >"$m/shared"
exec 7<"$T/mnt2/shared"
check "unlink on one mount, open on the other" rm "$m/shared"
is "the other still reads" "$(cat <&7)" shared
exec 7<&-
check "closed there, it is gone" wait_until 10 eval \
    "[ -z \"\$(ls '$unlinked')\" ]"
unmount "$T/mnt2"

echo crash >"$m/crash"
exec 8<"$m/crash"
rm "$m/crash"
is "one is kept" "$(ls "$unlinked" | wc -l)" 1
exec 8<&-
unmount "$m"
check "and gone with its client" wait_until 10 eval \
    "[ -z \"\$(ls '$unlinked')\" ]"
brick_is_sound b
done_testing
