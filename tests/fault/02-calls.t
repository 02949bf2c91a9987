#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Calls that ask for what is not there, credentials that are none, and file
operations before SETVOLUME.
"""

import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from fault import *  # noqa: E402,F401,F403

scene = Scene()
NOT_SERVED = "asked for what is not served"


def status(c, *args, **kw):
    """accept_stat of a call, and what came with it."""
    try:
        c.call(*args, **kw)
        return SUCCESS, None
    except RpcError as e:
        return e.status, e.detail


@scene.point("unknown programs", log=NOT_SERVED)
def programs():
    for c in (scene.connect(), scene.login()):
        for number in (0, 1, 100000, 100003, FOP - 1, FOP + 1, CALLBACK,
                       34123456, 4867634, 0x7fffffff, 0xffffffff):
            for version in (0, 1, 400):
                same(status(c, number, version, 1, b""),
                     (PROG_UNAVAIL, None), "program %d" % number)


@scene.point("unknown versions", log=NOT_SERVED)
def versions():
    c = scene.login()
    for number, versions in ((FOP, (0, 330, 399, 401, 0xffffffff)),
                             (HANDSHAKE, (0, 1, 3)), (DUMP, (0, 2))):
        for version in versions:
            same(status(c, number, version, 1, b""),
                 (PROG_MISMATCH, (0, 0)), "%d/%d" % (number, version))


@scene.point("unknown procedures", log=NOT_SERVED)
def procedures():
    c = scene.login()
    for number, version, procs in (
            (FOP, FOP_VERSION, (55, 57, 100, 0x7fffffff, 0xffffffff)),
            (HANDSHAKE, HANDSHAKE_VERSION, (6, 7, 8, 0xffffffff)),
            (DUMP, DUMP_VERSION, (0, 3, 4, 0x80000000, 0xffffffff))):
        for proc in procs:
            same(status(c, number, version, proc, b""),
                 (PROC_UNAVAIL, None), "%d/%d/%d" % (number, version, proc))


@scene.point("COMPOUND, with anything in it", log="COMPOUND from .*not served",
             lines=20)
def compound():
    c = scene.login()
    for body in 50 * (b"",) + (bytes(4), bytes(1000), b"\xff" * 64):
        same(status(c, FOP, FOP_VERSION, 49, body), (GARBAGE_ARGS, None))


@scene.point("another version of RPC", log="does not decode|does not speak")
def rpc_version():
    c = scene.login()
    for version in (0, 1, 3, 0xffffffff):
        c.send(DUMP, DUMP_VERSION, 2, b"", rpc_version=version)
        r = Reader(c.receive_record())
        same(r.unpack("IIIIII"), (0, 1, 0, 0, 0, GARBAGE_ARGS))
    c.ping()


@scene.point("every operation before SETVOLUME", log="before SETVOLUME")
def before_setvolume():
    c = scene.connect()
    c.programs()
    c.ping()
    for name in FOPS:
        if name == "PUT":
            continue
        proc, body = pack_fop(name)
        same(status(c, FOP, FOP_VERSION, proc, body), (GARBAGE_ARGS, None),
             name)
    same(c.call(FOP, FOP_VERSION, 0, b"").rest(), bytes(12), "NULL")
    c.login(scene.brick.dir)
    if not c.fop("LOOKUP", gfid=ROOT).ok:
        raise AssertionError("not served after SETVOLUME")


@scene.point("a megabyte to write before SETVOLUME", log="before SETVOLUME")
def write_before_setvolume():
    c = scene.connect()
    data = b"w" * ((1 << 20) - 4096)
    proc, body = pack_fop("WRITE", gfid=scene.known, fd=ANON_FD,
                          size=len(data), payload=data)
    for _ in range(8):
        same(status(c, FOP, FOP_VERSION, proc, body), (GARBAGE_ARGS, None))


# --- credentials ---

def lookup_with(c, flavor, cred):
    proc, body = pack_fop("LOOKUP", gfid=ROOT)
    return status(c, FOP, FOP_VERSION, proc, body, flavor=flavor, cred=cred)


AUTH_ERROR = (DENIED, (1, 0))


def v3(groups=(), owner=b"", announced=None, owner_bytes=None, pid=1):
    n = len(groups) if announced is None else announced
    k = len(owner) if owner_bytes is None else owner_bytes
    return struct.pack(">iIIIIQI", pid, 0, 0, 0, 0, 0, n) + \
        b"".join(struct.pack(">I", g) for g in groups) + \
        struct.pack(">I", k) + owner + bytes(pad(len(owner)))


@scene.point("credentials at their limits")
def limits():
    c = scene.login()
    for n in (0, 1, 16, 17, 32, 89, 90):
        same(lookup_with(c, AUTH_V3, v3(range(n), b"")), (SUCCESS, None),
             "%d groups" % n)
    for n in (0, 1, 4, 8, 64, 91):
        same(lookup_with(c, AUTH_V3, v3((), b"o" * n)), (SUCCESS, None),
             "an owner of %d bytes" % n)
    for bytes_, want in ((400, (SUCCESS, None)),):
        cred = v3((), b"o" * 8)
        same(lookup_with(c, AUTH_V3, cred + bytes(bytes_ - len(cred))), want)
    # A flavour that nobody knows is nobody's.
    for flavor in (2, 6, 390041, 0xffffffff):
        same(lookup_with(c, flavor, b"\xff" * 300), (SUCCESS, None))


@scene.point("credentials beyond their limits", log="credential refused")
def beyond():
    c = scene.login()
    for name, cred in (
            ("92 bytes of owner", v3((), b"o" * 92)),
            ("90 groups, 2 bytes", v3(range(90), b"oo")[:400]),
            ("groups that are not there", v3((), b"", announced=50)),
            ("2^32 - 1 groups", v3((), b"", announced=0xffffffff)),
            ("2^30 groups", v3((), b"", announced=1 << 30)),
            ("an owner of 2^32 - 1", v3((), b"", owner_bytes=0xffffffff)),
            ("an owner of 1024", v3((), b"", owner_bytes=1024)),
            ("nothing", b""), ("half", v3()[:20])):
        same(lookup_with(c, AUTH_V3, cred), AUTH_ERROR, name)
    for flavor, cred in ((AUTH_UNIX, b"\xff" * 40), (AUTH_UNIX, b""),
                         (AUTH_V1, b"\0" * 12), (AUTH_V2, b"\0" * 8)):
        same(lookup_with(c, flavor, cred), AUTH_ERROR, "flavour %d" % flavor)
    c.ping()


@scene.point("credentials of 401 bytes and more",
             log="credential refused|does not decode|does not speak")
def too_long():
    for n in (401, 404, 1000, 65536):
        c = scene.login()
        r = c.send(DUMP, DUMP_VERSION, 2, b"", flavor=AUTH_V3, cred=bytes(n))
        reply = Reader(c.receive_record())
        xid, kind, stat = reply.unpack("III")
        if kind != 1 or (xid, stat) not in ((r, 1), (0, 0)):
            raise AssertionError("%d bytes: %r" % (n, reply.data))
        if stat == 1:
            same(reply.unpack("II"), (1, 0))
        else:
            same(reply.unpack("III"), (0, 0, GARBAGE_ARGS))
        c.ping()
    for n in (0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff):
        c = scene.login()
        c.send_raw(frame(struct.pack(">IIIIIIII", 5, 0, 2, FOP, FOP_VERSION,
                                     27, AUTH_V3, n) + bytes(64)))
        reply = Reader(c.receive_record())
        same(reply.unpack("IIIIII"), (0, 1, 0, 0, 0, GARBAGE_ARGS), n)


@scene.point("arguments cut short at every fourth byte",
             log="arguments do not decode")
def arguments_cut():
    c = scene.login()
    for name in FOPS:
        if name in ("PUT", "COMPOUND"):
            continue
        proc, body = pack_fop(name)
        for n in range(0, len(body), 4):
            same(status(c, FOP, FOP_VERSION, proc, body[:n]),
                 (GARBAGE_ARGS, None), "%s cut at %d" % (name, n))


def string_at(name):
    """Where in a request's body the lengths of its strings stand."""
    at, out = 0, []
    for field, kind in fields_of(FOPS[name][1]):
        if kind == "str":
            out.append(at)
        at += len(PACK[kind](DEFAULT.get(kind, 0)))
    return out


@scene.point("lengths of names that lie", log="arguments do not decode")
def names_that_lie():
    c = scene.login()
    for name in FOPS:
        if name in ("PUT", "COMPOUND"):
            continue
        proc, body = pack_fop(name)
        for at in string_at(name):
            for n in (len(body), 0x7fffffff, 0x80000000, 0xfffffffd,
                      0xffffffff):
                bad = body[:at] + struct.pack(">I", n) + body[at + 4:]
                same(status(c, FOP, FOP_VERSION, proc, bad),
                     (GARBAGE_ARGS, None), "%s at %d: %#x" % (name, at, n))


@scene.point("a payload that is not what WRITE says",
             log="size and payload differ")
def payloads():
    c = scene.login()
    for size, there in ((0, 10), (10, 0), (10, 9), (10, 11), (0xffffffff, 10),
                        (0x80000000, 5000), (1, 200000), (200000, 1)):
        proc, body = pack_fop("WRITE", gfid=scene.known, fd=ANON_FD,
                              size=size, payload=bytes(there))
        same(status(c, FOP, FOP_VERSION, proc, body), (GARBAGE_ARGS, None),
             "%d said, %d there" % (size, there))


scene.run()
