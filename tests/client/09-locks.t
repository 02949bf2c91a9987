#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Advisory locks between two mounts: conflict, ranges, waiting, release by
# unlock, by close, and by the end of a client.
. "$(dirname "$0")/../lib/functions.sh"
need_fuse
need python3 flock

start_brick b
a=$T/mnta c=$T/mntc
mount_brick b "$a"
mount_brick b "$c"
hold=$lib/holdlock.py
: >"$a/file"

# take NAME FILE KIND START LENGTH [wait]: a process that holds a lock, or
# waits for it, until release NAME.
declare -A holder=()
take() {
    local name=$1
    shift
    : >"$T/$name.out"
    python3 "$hold" "$@" >"$T/$name.out" 2>&1 &
    holder[$name]=$!
    background+=($!)
    wait_until 10 grep -q 'held\|refused\|waiting\|Error' "$T/$name.out"
}
says() {
    tail -n 1 "$T/$1.out"
}
release() {
    kill "${holder[$1]}" 2>/dev/null
    wait "${holder[$1]}" 2>/dev/null
}
get() {
    python3 "$hold" "$1" get "$2" "$3"
}

take one "$a/file" write 0 10
is "one mount takes a write lock" "$(says one)" held
is "the other sees it" "$(get "$c/file" 0 0)" "write 0 10"
take two "$c/file" write 5 10
is "the other does not get it" "$(says two)" refused
release two
take two "$c/file" write 10 10
is "but the range behind it" "$(says two)" held
release two
take two "$c/file" write 0 10 wait
is "it can wait" "$(says two)" waiting
release one
check "and gets it when the holder closes" wait_until 10 \
    eval '[ "$(says two)" = held ]'
release two
is "closed, the file is free" "$(get "$a/file" 0 0)" free

take one "$a/file" read 0 0
take two "$c/file" read 0 0
is "read locks are shared" "$(says one) $(says two)" "held held"
take three "$c/file" write 100 1
is "a write lock does not pass them" "$(says three)" refused
release three
release one
release two

take one "$a/file" write 0 100
take two "$c/file" read 20 10 wait
take three "$c/file" read 30 10 wait
is "several wait" "$(says two) $(says three)" "waiting waiting"
kill -9 "${holder[one]}"
check "a killed process lets them all go on" wait_until 10 eval \
    '[ "$(says two) $(says three)" = "held held" ]'
release one
release two
release three

take one "$a/file" write 0 0
take two "$c/file" write 0 0 wait
# The whole client goes; nobody closes or unlocks anything.
kill -9 "${mount_pid[$a]}"
check "the end of a client releases its locks" wait_until 20 eval \
    '[ "$(says two)" = held ]'
kill -9 "${holder[one]}" 2>/dev/null
umount -l "$a"
release two
is "nothing is locked" "$(get "$c/file" 0 0)" free

mount_brick b "$T/mntd"
mkfifo "$T/gate"
(flock -x 9 && echo in >"$T/flocked" && cat "$T/gate") 9>"$T/mntd/flock" &
background+=($!)
check "flock on one mount" wait_until 10 test -s "$T/flocked"
check "is seen on the other" sh -c "! flock -n '$c/flock' true"
: >"$T/gate"
check "and gone when it ends" wait_until 10 flock -n "$c/flock" true

take one "$T/mntd/file" write 0 10
take two "$c/file" write 0 10 wait
kill "${holder[two]}"
release one
release two
is "one that gave up waiting holds nothing" "$(get "$c/file" 0 0)" free
unmount "$T/mntd"
unmount "$c"
brick_is_sound b
done_testing
