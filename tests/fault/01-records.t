#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Bytes that are no records, and records that are no calls."""

import os
import random
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from fault import *  # noqa: E402,F401,F403

scene = Scene()
MIB = 1 << 20
SPEAKS_NOT = "does not speak the protocol"


def gone(c, what=""):
    """The daemon has closed it, without a word."""
    same(c.expect_close(), 0, "bytes before the end " + what)


def poured(data):
    """Send and say no more; whatever comes, the daemon must not wait."""
    c = scene.connect()
    try:
        c.send_raw(data)
        c.sock.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError, OSError):
        pass                            # closed on us already: as well
    c.expect_close()
    c.close()


@scene.point("random bytes", log=SPEAKS_NOT)
def random_bytes():
    for seed in range(300):
        r = random.Random(seed)
        poured(r.randbytes(r.choice([1, 3, 4, 5, 28, 64, 1000, 70000])))


@scene.point("random bytes behind a mark that fits them")
def random_records():
    for seed in range(300):
        r = random.Random(1000 + seed)
        data = r.randbytes(r.choice([0, 4, 27, 28, 40, 200, 3000]))
        if seed % 2:            # as far as a call of ours
            data = struct.pack(">IIIIII", seed, 0, 2, FOP, FOP_VERSION,
                               r.randrange(60)) + data
        poured(frame(data))


@scene.point("random bytes after SETVOLUME", lines=200)
def random_after_login():
    for seed in range(60):
        r = random.Random(2000 + seed)
        c = scene.login()
        try:
            c.send_raw(r.randbytes(r.choice([4, 100, 5000])))
            c.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        c.expect_close()
        c.close()


@scene.point("random arguments for every file operation")
def random_arguments():
    c = scene.login()
    for seed in range(12):
        r = random.Random(3000 + seed)
        for proc in range(60):
            body = r.randbytes(r.choice([0, 3, 16, 52, 60, 148, 400]))
            if r.random() < .5:
                body = ROOT + body
            try:
                c.call(FOP, FOP_VERSION, proc, body)
            except RpcError:
                pass


@scene.point("an HTTP request", log=SPEAKS_NOT)
def http():
    c = scene.connect()
    c.send_raw(b"GET / HTTP/1.1\r\nHost: brick\r\n\r\n")
    gone(c)


@scene.point("a TLS hello", log=SPEAKS_NOT)
def tls():
    c = scene.connect()
    c.send_raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500))
    gone(c)


@scene.point("a record of 2 GiB - 1, before and after SETVOLUME",
             log=SPEAKS_NOT)
def two_gib():
    for c in (scene.connect(), scene.login()):
        c.send_raw(b"\xff\xff\xff\xff")
        gone(c)


@scene.point("1 GiB, one byte over what the protocol has", log=SPEAKS_NOT)
def one_gib():
    c = scene.login()
    c.send_raw(struct.pack(">I", 0x80000000 | 0x40000000))
    gone(c)


@scene.point("more than a stranger may send", log=SPEAKS_NOT)
def stranger():
    c = scene.connect()
    c.send_raw(struct.pack(">I", 0x80000000 | (MIB + 1)))
    gone(c)


@scene.point("1 GiB - 1 announced, little sent: memory follows what came")
def announced():
    before = scene.memory()
    clients = [scene.login() for _ in range(8)]
    head = call_record(9, FOP, FOP_VERSION, 13, b"", cred=Cred().v3())
    write = head + pack_fop("WRITE", gfid=scene.known, fd=ANON_FD,
                            size=0x3fffffff - len(head) - 52)[1]
    for i, c in enumerate(clients):
        c.send_raw(struct.pack(">I", 0x80000000 | 0x3fffffff) +
                   (b"" if i < 3 else head if i < 6 else write))
    scene.witness.ping()
    fixture.wait_until("it was read", lambda: scene.ctl(
        "status")["connections"]["bytes-read"] > 0)
    scene.bounded(before, 24 * MIB)


@scene.point("fragments that never end", log=SPEAKS_NOT)
def fragments():
    before = scene.memory()
    c = scene.connect()
    part = struct.pack(">I", 4096) + bytes(4096)
    sent = 0
    try:
        while sent < 64 * MIB:
            c.send_raw(part * 16)
            sent += 16 * 4096
    except OSError:
        pass
    gone(c)
    scene.bounded(before, 12 * MIB)


@scene.point("fragments that never end, of a byte each", log=SPEAKS_NOT)
def small_fragments():
    before = scene.memory()
    c = scene.connect()
    try:
        for _ in range(400):
            c.send_raw((struct.pack(">I", 1) + b"x") * 4096)
    except OSError:
        pass                    # sooner or later, by what sockets hold
    gone(c)
    scene.bounded(before, 12 * MIB)


@scene.point("zero-length fragments for ever", log=SPEAKS_NOT)
def empty_fragments():
    for c in (scene.connect(), scene.login()):
        try:
            for _ in range(1000):
                c.send_raw(bytes(4) * 1024)
        except OSError:
            pass
        gone(c)


@scene.point("records of no length", log=SPEAKS_NOT)
def empty_records():
    c = scene.connect()
    c.send_raw(struct.pack(">I", 0x80000000))
    gone(c)


@scene.point("a good call in many fragments is a good call")
def fragments_of_a_call():
    c = scene.login()
    proc, body = pack_fop("LOOKUP", gfid=ROOT)
    record = call_record(77, FOP, FOP_VERSION, proc, body, cred=Cred().v3())
    for size in (1, 3, 4, 50, len(record) - 1):
        parts = [record[i:i + size] for i in range(0, len(record), size)]
        data = b"".join(frame(p, last=i == len(parts) - 1)
                        for i, p in enumerate(parts))
        for i in range(0, len(data), 7):
            c.send_raw(data[i:i + 7])
        if not unpack_fop("LOOKUP", c.wait(77)).ok:
            raise AssertionError("not understood in parts of %d" % size)


@scene.point("a header cut short at every byte, by the record's end",
             log="does not decode|does not speak")
def cut_by_record():
    proc, body = pack_fop("LOOKUP", gfid=scene.known)
    record = call_record(5, FOP, FOP_VERSION, proc, body,
                         cred=Cred(groups=[1, 2]).v3())
    c = None
    for n in range(len(record)):
        if c is None:
            c = scene.login()
        c.send_raw(frame(record[:n]))
        if n < 8:               # not even a message type
            gone(c, "after %d bytes" % n)
            c = None
            continue
        r = Reader(c.receive_record())
        xid, kind, stat = r.unpack("III")
        if kind != 1 or xid not in (0, 5) or (stat == 0 and
                                              r.unpack("III")[2] != 4):
            raise AssertionError("cut at %d: %r" % (n, r.data))


@scene.point("a header cut short at every byte, by the connection's end")
def cut_by_close():
    proc, body = pack_fop("LOOKUP", gfid=scene.known)
    for record in (frame(call_record(5, FOP, FOP_VERSION, proc, body,
                                     cred=Cred().v3())),):
        for n in range(1, len(record)):
            c = scene.connect()
            c.send_raw(record[:n])
            c.close()


@scene.point("a connection closed in the middle of a write")
def closed_in_write():
    proc, body = pack_fop("WRITE", gfid=scene.known, fd=ANON_FD,
                          size=3 * MIB)
    record = call_record(5, FOP, FOP_VERSION, proc, body, cred=Cred().v3())
    mark = struct.pack(">I", 0x80000000 | (len(record) + 3 * MIB))
    for sent in (0, 1, 4096, MIB, 3 * MIB - 1):
        c = scene.login()
        c.send_raw(mark + record + bytes(sent))
        c.close()


@scene.point("a connection closed with its requests on the way")
def closed_with_requests():
    for _ in range(30):
        c = scene.login()
        for _ in range(20):
            c.send_fop("READ", gfid=scene.known, fd=ANON_FD, size=4096)
            c.send_fop("LOOKUP", pargfid=ROOT, bname="known")
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))
        c.close()


@scene.point("messages that are neither call nor reply", log=SPEAKS_NOT)
def message_types():
    for kind in (2, 7, 0x80000000, 0xffffffff):
        c = scene.connect()
        c.send_raw(frame(call_record(3, DUMP, 1, 2, b"", msg_type=kind)))
        gone(c)


@scene.point("replies to what nobody asked")
def replies():
    c = scene.connect()
    for _ in range(1000):
        c.send_raw(frame(struct.pack(">IIIIII", 9, 1, 0, 0, 0, 0)))
    c.ping()


@scene.point("two thousand connections opened and dropped at once")
def storm():
    before = scene.memory()
    for _ in range(10):
        socks = []
        for _ in range(200):
            s = socket.create_connection(("127.0.0.1", scene.brick.port), 20)
            s.sendall(b"\x80\x00")
            socks.append(s)
        scene.good()
        for s in socks:
            s.close()
    scene.at_rest(1, scene.before)
    scene.bounded(before, 16 * MIB)


@scene.point("three hundred clients come and go at once", lines=300)
def storm_of_clients():
    for _ in range(3):
        clients = [scene.login() for _ in range(100)]
        scene.good()
        for c in clients:
            c.close()


scene.run()
