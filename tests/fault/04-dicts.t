#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Dictionaries of file operations that lie about themselves."""

import os
import struct
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from fault import *  # noqa: E402,F401,F403

scene = Scene()
GOOD = p_dict({"user.a": v_ptr(b"value"), "user.b": v_str("text"),
               "gfid-req": v_gfid(bytes(range(16)))})
DECODES_NOT = "arguments do not decode"


def lengths(blob):
    """[(place, what)] of all the lengths in such a dictionary."""
    size, count, pairs = struct.unpack_from(">III", blob)
    out, at = [(8, "pairs")], 12
    for _ in range(pairs):
        n = struct.unpack_from(">I", blob, at)[0]
        out.append((at, "key"))
        at += 4 + n + pad(n)
        tag = struct.unpack_from(">I", blob, at)[0]
        out.append((at, "tag"))
        at += 4
        if tag in (STR_OLD, STR, PTR):
            n = struct.unpack_from(">I", blob, at)[0]
            out.append((at, "value"))
            at += 4 + n + pad(n)
        else:
            at += {INT: 8, UINT: 8, DOUBLE: 8, GFUUID: 16, IATT: 148,
                   MDATA: 36}[tag]
    same(at, len(blob))
    return out


# An operation with the dictionary in xdata, in its own field, and before a
# payload.
CARRIERS = [
    ("LOOKUP", {"gfid": ROOT}, "xdata"),
    ("GETXATTR", {"gfid": ROOT}, "xdata"),
    ("SETXATTR", {"gfid": None}, "dict"),
    ("FSETXATTR", {"gfid": None, "fd": ANON_FD}, "dict"),
    ("MKDIR", {"pargfid": ROOT, "bname": "never"}, "xdata"),
    ("REMOVEXATTR", {"gfid": None}, "xdata"),
]


def send(c, carrier, blob):
    name, args, where = carrier
    args = {k: scene.known if v is None else v for k, v in args.items()}
    return c.fop(name, **args, **{where: blob})


def garbage(c, carrier, blob, what):
    try:
        r = send(c, carrier, blob)
    except RpcError as e:
        same(e.status, GARBAGE_ARGS, what)
        return
    raise AssertionError("%s in %s: answered %d, %d" % (
        what, carrier[0], r.op_ret, r.op_errno))


@scene.point("lengths of dictionaries that lie", log=DECODES_NOT)
def lies():
    c = scene.login()
    for carrier in CARRIERS:
        for at, what in lengths(GOOD):
            rest = len(GOOD) - at - 4
            for n in (0xffffffff, 0x7fffffff, 0x80000000, 0xfffffffd,
                      1 << 30, rest + 4096):
                bad = GOOD[:at] + struct.pack(">I", n) + GOOD[at + 4:]
                garbage(c, carrier, bad, "%s %#x at %d" % (what, n, at))


@scene.point("one past the end, and nothing at all", log=DECODES_NOT)
def ends():
    c = scene.login()
    blob = p_dict({"user.a": v_ptr(b"value")})
    for carrier in CARRIERS:
        if carrier[2] != "xdata":
            continue            # more follows in those
        for at, what in lengths(blob):
            if what == "value":
                n = len(blob) - at - 4 + 1
                garbage(c, carrier, blob[:at] + struct.pack(">I", n) +
                        blob[at + 4:], "one past the end")
            if what in ("key", "tag"):
                garbage(c, carrier, blob[:at] + bytes(4) + blob[at + 4:],
                        "%s 0" % what)
        garbage(c, carrier, struct.pack(">III", 0, 1, 1), "a pair missing")


@scene.point("tags of no known type", log=DECODES_NOT)
def tags():
    c = scene.login()
    for tag in (0, 10, 11, 255, 0x7fffffff, -1, -0x80000000):
        for carrier in CARRIERS:
            garbage(c, carrier, p_dict({"user.a": (tag, bytes(64))}),
                    "tag %d" % tag)


@scene.point("keys that are no strings", log=DECODES_NOT)
def keys():
    c = scene.login()
    for key in (b"", b"\0", b"a\0b\0", b"no-end", b"k" * 1024 + b"k\0",
                b"k" * 70000 + b"\0"):
        blob = p_opaque(key) + struct.pack(">i", PTR) + p_opaque(b"v")
        blob = struct.pack(">IiI", len(blob), 1, 1) + blob
        for carrier in CARRIERS:
            garbage(c, carrier, blob, "key %r" % key[:20])


@scene.point("a dictionary cut short at every fourth byte", log=DECODES_NOT)
def cut():
    c = scene.login()
    for carrier in CARRIERS:
        if carrier[2] == "xdata":
            for n in range(0, len(GOOD), 4):
                garbage(c, carrier, GOOD[:n], "cut at %d" % n)


@scene.point("more pairs than anybody needs", log=DECODES_NOT)
def pairs():
    c = scene.login()
    before = scene.memory()
    for n in (1025, 2000, 60000):
        d = p_dict({"user.%d" % i: v_int(i) for i in range(n)})
        for carrier in CARRIERS[:3]:
            garbage(c, carrier, d, "%d pairs" % n)
    scene.bounded(before, 16 << 20)
    d = p_dict({"user.%d" % i: v_int(i) for i in range(1000)})
    if not send(c, CARRIERS[0], d).ok:
        raise AssertionError("1000 pairs are allowed")


@scene.point("byte counts that do not belong to the dictionary")
def byte_counts():
    c = scene.login()
    for n in (0, 1, 0x7fffffff, 0xffffffff):
        bad = struct.pack(">I", n) + p_dict({"a": v_int(1)})[4:]
        if not send(c, CARRIERS[0], bad).ok:
            raise AssertionError("nobody needs the count there, but %#x" % n)


@scene.point("byte counts before a payload", log="WRITE from|does not speak")
def before_payload():
    for n in (1, 4, 8, 20, 4096, 65536, 65537, 0x7fffffff, 0xfffffffc,
              0xffffffff):
        for size in (5, 5000, 100000):
            c = scene.login()
            proc, body = pack_fop("WRITE", gfid=scene.known, fd=ANON_FD,
                                  size=size)
            body = body[:-12] + struct.pack(">IiI", n, -1, 0) + bytes(size)
            try:
                c.call(FOP, FOP_VERSION, proc, body)
                raise AssertionError("%#x was taken" % n)
            except RpcError as e:
                same(e.status, GARBAGE_ARGS, "%#x before %d" % (n, size))
            except Closed:
                pass
            c.close()


@scene.point("counts that contradict each other")
def counts():
    c = scene.login()
    pair = p_dict({"user.x": v_int(1)})[12:]
    for count in (0, 2, 1000, 0x7fffffff, -1, -2, -0x80000000):
        for carrier in CARRIERS[:2]:
            blob = struct.pack(">IiI", len(pair), count, 1) + pair
            try:
                send(c, carrier, blob)
            except RpcError as e:
                same(e.status, GARBAGE_ARGS)


@scene.point("the same key a thousand times")
def repeated():
    c = scene.login()
    pair = p_opaque(b"user.same\0") + struct.pack(">iq", INT, 1)
    blob = struct.pack(">IiI", len(pair) * 1000, 1000, 1000) + pair * 1000
    for carrier in CARRIERS[:1]:
        if not send(c, carrier, blob).ok:
            raise AssertionError("not taken")


@scene.point("as many keys as there may be, and what we add to them")
def full():
    c = scene.login()
    keys = {"user.k%d" % i: v_int(i) for i in range(1024)}
    r = c.fop("LOOKUP", pargfid=ROOT, bname="known", xdata=keys)
    same(r.op_ret, 0, r.op_errno)
    d = c.fop("OPENDIR", gfid=ROOT).fd
    r = c.fop("READDIRP", gfid=ROOT, fd=d, size=4096, xdata=keys)
    if not r.ok or not r.entries:
        raise AssertionError("not listed: %d" % r.op_errno)


@scene.point("values of a wrong type where the brick looks at them")
def wrong_types():
    c = scene.login()
    values = [v_int(-1), v_uint(2 ** 64 - 1), (DOUBLE, float("nan")),
              (DOUBLE, 1e308), v_str(""), (STR, b""), v_ptr(b""),
              v_ptr(b"\xff" * 300), v_gfid(bytes(16)), v_gfid(ROOT),
              (IATT, None), (MDATA, (-1, 2 ** 63 - 1, -2 ** 63, 2 ** 32 - 1,
                                     10 ** 9, 0)), v_str("9" * 400),
              v_str("-"), (STR, b"no nul"), (STR_OLD, b"x")]
    names = ["gfid-req", "glusterfs.content", "umask", "mode",
             "glusterfs.lk.lkmode", "glusterfs.posixlk-count", "list-xattr",
             "glusterfs.preop.parent.key", "trusted.glusterfs.mdata",
             "set-ctime-mdata", "get-link-count", "link-count", "lease-id",
             "gfidless-lookup", "unlinked-lookup", "check-zero-filled",
             "system.posix_acl_access", "system.posix_acl_default",
             "glusterfs.inodelk-dom-count", "glusterfs.write-is-append",
             "readdir-filter-directories", "glusterfs.ancestry.path",
             "trusted.glusterfs.dht", "glusterfs.posix.acl",
             "security.selinux", "unlink-only-if-dht-linkto-file"]
    d = c.fop("OPENDIR", gfid=ROOT).fd
    for name in names:
        for i, v in enumerate(values):
            x = {name: v}
            made = "t-%d" % i
            c.fop("LOOKUP", pargfid=ROOT, bname="known", xdata=x)
            c.fop("STAT", gfid=scene.known, xdata=x)
            c.fop("SETXATTR", gfid=scene.known, dict=x)
            c.fop("READDIRP", gfid=ROOT, fd=d, size=4096, xdata=x)
            c.fop("MKDIR", pargfid=ROOT, bname=made, mode=0o755, xdata=x)
            c.fop("RMDIR", pargfid=ROOT, bname=made, xdata=x)
            c.fop("MKDIR", pargfid=ROOT, bname=made, mode=0o755, xdata=dict(
                {"gfid-req": v_gfid(uuid.uuid4().bytes)}, **x))
            c.fop("RMDIR", pargfid=ROOT, bname=made)
            c.write(scene.known, ANON_FD, 0, KNOWN[:10], xdata=x)
    c.fop("SETATTR", gfid=scene.known, stbuf={"mode": 0o644}, valid=1)


scene.run()
