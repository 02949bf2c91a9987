#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kill -9 during writes and a restart: the client reconnects by itself, what
# was fsynced is there, and no name is left without its gfid handle or the
# other way round after the first lookups.
. "$(dirname "$0")/../lib/functions.sh"
need_fuse
need python3

m=$T/mnt
start_brick b
mount_brick b "$m"
writer=$lib/steadywriter.py
mkdir "$m/one" "$m/two"
echo known >"$m/known"
exec 5<"$m/known"

promises() {
    cat "$T"/journal.* 2>/dev/null | wc -l
}
more_than() {
    [ "$(promises)" -gt "$1" ]
}
for who in one two; do
    python3 "$writer" "$m/$who" "$T/journal.$who" "$who" \
        >"$T/$who.out" 2>&1 &
    background+=($!)
done

for round in 1 2 3 4; do
    seen=$(promises)
    wait_until 30 more_than $((seen + 60)) ||
        bail "the writers stand still: $(cat "$T"/*.out)"
    kill -9 "${brick_pid[b]}"
    wait "${brick_pid[b]}" 2>/dev/null
    start_brick b
    seen=$(promises)
    check "round $round: the writers go on after a restart" \
        wait_until 30 more_than $((seen + 20))
done
kill "${background[@]}"
check "the writers end" wait_until 30 eval \
    "! running ${background[0]} && ! running ${background[1]}"
is "a descriptor from before the first kill still reads" "$(cat <&5)" known
exec 5<&-

unmount "$m"
mount_brick b "$m"
for who in one two; do
    check "all that was promised to writer $who is there" \
        python3 "$writer" --verify "$m/$who" "$T/journal.$who"
done
check "the first lookups, and reading all" sh -c \
    "find '$m' -type f -exec cat {} + >/dev/null"
unmount "$m"
brick_is_sound b --crashed
done_testing
