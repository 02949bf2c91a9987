#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turn what the recorder wrote (mem/record.h) into a trace to replay
(tests/bench/mem_trace.h).

Addresses become numbers of objects.  What mem/ allocates for itself (the
header of a buffer, a thread's magazines) is left out: it comes with what asks
for it.
"""
import argparse
import gzip
import struct
import sys
from collections import Counter

HEAD = struct.Struct("<4sIII")
EVENT = struct.Struct("<QQIHBB")
TYPE = struct.Struct("<IHH")
BLOCK_EVENTS, BLOCK_TYPE = 0, 1
TYPED, POOL, IOBUF, FREED = 0, 1, 2, 3
BYTES_MAX = 256 << 20  # as mem_trace.h
MIN_ALIGN_LOG2 = 4


class BadRecord(Exception):
    pass


def read_record(path):
    """(events in their order, names of types by slot).  An event is
    (sequence, thread, address, bytes, slot, alignment, what)."""
    events, types = [], {}
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    while at < len(data):
        if len(data) - at < HEAD.size:
            raise BadRecord("cut off at byte %d" % at)
        magic, thread, count, kind = HEAD.unpack_from(data, at)
        at += HEAD.size
        if magic != b"MRec":
            raise BadRecord("no block at byte %d" % at)
        if kind == BLOCK_TYPE:
            slot, module_bytes, name_bytes = TYPE.unpack_from(data, at)
            at += TYPE.size
            text = data[at:at + module_bytes + name_bytes].decode()
            types[slot] = (text[:module_bytes], text[module_bytes:])
            at += module_bytes + name_bytes
            continue
        if kind != BLOCK_EVENTS or len(data) - at < count * EVENT.size:
            raise BadRecord("block of kind %d cut off at byte %d" % (kind, at))
        block = data[at:at + count * EVENT.size]
        events += [(sequence, thread, address, size, slot, align, what)
                   for sequence, address, size, slot, align, what
                   in EVENT.iter_unpack(block)]
        at += count * EVENT.size
    events.sort()
    return events, types


class Trace:
    def __init__(self):
        self.types = {}    # (kind, pool's bytes, alignment, names): number
        self.threads = {}  # as recorded: number
        self.ops = []      # (thread, object's number) or
        #                    (thread, None, type, bytes)
        self.objects = 0
        self.skipped = 0   # frees of what was not seen to be allocated
        self.own = Counter()  # blocks of mem/'s own, by name

    def add_events(self, events, types, max_ops):
        live = {}  # address: object, None for what is left out
        for _, thread, address, size, slot, align, what in events:
            if max_ops and len(self.ops) >= max_ops:
                break
            if what == FREED:
                if address not in live:
                    self.skipped += 1
                    continue
                number = live.pop(address)
                if number is not None:
                    self.ops.append((self.thread(thread), number))
                continue
            if slot not in types:
                raise BadRecord("no name for slot %d" % slot)
            if address in live:
                raise BadRecord("%#x was given out twice" % address)
            if (types[slot][0] == "mem" and what != IOBUF) or \
                    size > BYTES_MAX:
                live[address] = None
                self.own[types[slot][1]] += 1
                continue
            live[address] = self.objects
            self.objects += 1
            number = self.type(what, size, align, types[slot])
            self.ops.append((self.thread(thread), None, number, size))

    def thread(self, recorded):
        return self.threads.setdefault(recorded, len(self.threads))

    def type(self, what, size, align, names):
        key = (what, size if what == POOL else 0,
               align if what == TYPED and align > MIN_ALIGN_LOG2 else 0,
               names)
        return self.types.setdefault(key, len(self.types))

    def describe(self):
        return ("%d operations of %d threads on %d objects of %d types; left "
                "out: frees of %d unknown blocks%s" % (
                    len(self.ops), len(self.threads), self.objects,
                    len(self.types), self.skipped,
                    "".join(", %d of mem %s" % (n, name)
                            for name, n in self.own.most_common())))

    def encode(self):
        out = bytearray(b"CMR1")
        for n in (len(self.threads), len(self.types), len(self.ops),
                  self.objects):
            number(out, n)
        for what, size, align, names in self.types:
            number(out, what)
            number(out, size)
            number(out, align)
            for text in names:
                out += text.encode() + b"\0"
        begun = 0
        for op in self.ops:
            if op[1] is not None:
                number(out, op[0] * 2 + 1)
                number(out, begun - op[1])
                continue
            begun += 1
            number(out, op[0] * 2)
            number(out, op[2])
            number(out, op[3])
        return bytes(out)


def number(out, n):
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)


def pack(record, trace_path, max_ops=None):
    events, types = read_record(record)
    trace = Trace()
    trace.add_events(events, types, max_ops)
    if trace.objects == 0:
        raise BadRecord("nothing was recorded")
    with open(trace_path, "wb") as out:
        # The same trace is the same file: no time, no name.
        with gzip.GzipFile("", "wb", 9, out, 0) as f:
            f.write(trace.encode())
    return trace


def main():
    parser = argparse.ArgumentParser(
        prog="mem_trace_pack.py", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", help="what the recorder wrote")
    parser.add_argument("trace", help="the trace to be written")
    parser.add_argument("--max-ops", type=int, metavar="N",
                        help="only the first N operations")
    args = parser.parse_args()
    try:
        trace = pack(args.record, args.trace, args.max_ops)
    except (BadRecord, OSError, struct.error, UnicodeDecodeError) as why:
        print("mem_trace_pack: %s: %s" % (args.record, why), file=sys.stderr)
        return 1
    print(trace.describe())
    return 0


if __name__ == "__main__":
    sys.exit(main())
