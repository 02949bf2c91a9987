#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The programs of tests/bench/mem run, on little; and what is replayed keeps
# its contents, whoever frees it.  Run in the build directory.
set -u
src=${srcdir:-.}/tests/bench
bin=tests/bench
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad=0

fail() {
    echo "$*"
    bad=1
}

# field FILE NAME: a number of the line of JSON
field() {
    python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"
}

# Scenarios: every one for each API, alone and shared.
for run in 'ours typed' 'ours pool' 'malloc malloc'; do
    # shellcheck disable=SC2086
    set -- $run
    "$bin/mem_micro_$1" --api "$2" --threads 1,3 --ops 16384 > "$tmp/out" ||
        fail "mem_micro_$1 --api $2: status $?"
    want=$(($("$bin/mem_micro_$1" --list | wc -l) * 2))
    [ "$(grep -c '"cpu_ns": [0-9]' "$tmp/out")" -eq "$want" ] ||
        fail "mem_micro_$1 --api $2: not $want results"
done
"$bin/mem_micro_malloc" --api pool > "$tmp/out" 2>&1 &&
    fail "mem_micro_malloc has pools"

# A record made here: two threads, a block that changes hands, a block at the
# same address again, one that stays, one of mem/'s own, a buffer.
python3 - "$src" "$tmp/record" << 'PY' || fail "packing"
import struct, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import mem_trace_pack as pack

def block(thread, kind, count, data):
    return pack.HEAD.pack(b"MRec", thread, count, kind) + data

def named(slot, module, name):
    return block(0, pack.BLOCK_TYPE, 1, pack.TYPE.pack(
        slot, len(module), len(name)) + module + name)

def events(thread, *rows):
    return block(thread, pack.BLOCK_EVENTS, len(rows),
                 b"".join(pack.EVENT.pack(*row) for row in rows))

T, P, B, F = pack.TYPED, pack.POOL, pack.IOBUF, pack.FREED
record = (
    named(1, b"test", b"typed") + named(2, b"mem", b"magazine") +
    named(3, b"test", b"pool") + named(4, b"mem", b"iobuf") +
    events(1, (2, 0x1000, 0, 0, 0, F), (5, 0x1000, 0, 0, 0, F),
           (7, 0x3000, 64, 1, 6, T), (9, 0x9990, 0, 0, 0, F)) +
    events(0, (0, 0x1000, 100, 1, 0, T), (1, 0x2000, 640, 2, 0, T),
           (3, 0x1000, 48, 3, 0, P), (4, 0x4000, 131072, 4, 0, B),
           (6, 0x4000, 0, 0, 0, F), (8, 0x2000, 0, 0, 0, F)))
with open(sys.argv[2], "wb") as f:
    f.write(record)
trace = pack.pack(sys.argv[2], sys.argv[2] + ".gz")
assert (len(trace.ops), trace.objects, len(trace.threads)) == (7, 4, 2), \
    trace.describe()
assert trace.skipped == 1, trace.describe()
with open(sys.argv[2], "wb") as f:
    f.write(record[:-10])
try:
    pack.pack(sys.argv[2], sys.argv[2] + ".bad")
    sys.exit("a record that was cut off is taken")
except pack.BadRecord:
    pass
PY

# replay KIND TRACE LANES
replay() {
    "$bin/mem_replay_$1" --trace "$2" --lanes "$3" --ops 1 --touch verify \
        > "$tmp/out" || {
        fail "mem_replay_$1 $2 on $3: status $?"
        return
    }
    # What was live at the end is freed, too.
    [ $(($(field "$tmp/out" ops) % 2)) -eq 0 ] ||
        fail "mem_replay_$1 $2 on $3: something is left"
}
for lanes in 0 1 2 4; do
    replay ours "$tmp/record.gz" $lanes
    replay malloc "$tmp/record.gz" $lanes
done
replay ours "$src/mem_trace.gz" 1
replay ours "$src/mem_trace.gz" 2
[ "$(field "$tmp/out" ops)" -gt 10000 ] || fail "mem_trace.gz is short"

# What is no trace is refused.
head -c 3000 "$src/mem_trace.gz" > "$tmp/short.gz"
echo "CMR1" | gzip > "$tmp/empty.gz"
echo "CMR2xxxxxxxxxxxxxxxx" > "$tmp/other.gz"
# One type, two operations, one object: freed twice.
printf 'CMR1\1\1\3\1\0\0\0a\0b\0\0\0\10\1\1\1\1' | gzip > "$tmp/twice.gz"
for name in short empty other twice missing; do
    "$bin/mem_replay_malloc" --trace "$tmp/$name.gz" > "$tmp/out" 2>&1
    [ $? -eq 1 ] || fail "$name.gz is not refused: $(cat "$tmp/out")"
done

[ $bad -eq 0 ] && echo "bench mem: programs run, contents stay, bad traces" \
    "are refused"
exit $bad
