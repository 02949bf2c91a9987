#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Internal locks with absurd domains, names, ranges, types and numbers."""

import errno
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from fault import *  # noqa: E402,F401,F403

scene = Scene()
TOP = 1 << 63
LENGTHS = [0, 1, 255, 256, 1023, 1024, 1025, 4096, 65536]
LOCK, UNLOCK, LOCK_NB = 0, 1, 2


def inodelk(c, cmd=SETLK, kind=WRLCK, volume="v", start=0, length=0, **kw):
    return c.fop("INODELK", gfid=scene.known, cmd=cmd, type=kind,
                 volume=volume, flock={"start": start, "len": length}, **kw)


def entrylk(c, cmd=LOCK_NB, kind=1, volume="v", name="x", namelen=1, **kw):
    return c.fop("ENTRYLK", gfid=ROOT, cmd=cmd, type=kind, volume=volume,
                 name=name, namelen=namelen, **kw)


@scene.point("domains of all lengths")
def domains():
    c = scene.login()
    for n in LENGTHS:
        for call in inodelk, entrylk:
            r = call(c, volume="d" * n)
            if n > 1024:
                refused(r, errno.EINVAL)
            else:
                same(r.op_ret, 0, "%d bytes" % n)
    for call in inodelk, entrylk:
        refused(call(c, volume=b"a\0b"), errno.EINVAL)
        same(call(c, volume=b"\xff\n\x1b[0m").op_ret, 0)
    try:
        r = inodelk(c, volume="d" * 65537)
        raise AssertionError("65537 bytes: %r" % r)
    except RpcError as e:
        same(e.status, GARBAGE_ARGS)


@scene.point("names of all lengths")
def names():
    c = scene.login()
    for n in LENGTHS:
        r = entrylk(c, name="n" * n, volume="names")
        if n > 255:
            refused(r, errno.ENAMETOOLONG)
        else:
            same(r.op_ret, 0, "%d bytes" % n)
    refused(entrylk(c, name=b"a\0b"), errno.EINVAL)
    for flag in (2, 1 << 32, (1 << 64) - 1):
        same(entrylk(c, name="f%d" % flag, namelen=flag).op_ret, 0)


@scene.point("ranges, types and commands that are none")
def nonsense():
    c = scene.login()
    for start, length in ((TOP, 0), (TOP, 1), ((1 << 64) - 1, 5), (5, TOP),
                          (0, (1 << 64) - 1)):
        refused(inodelk(c, start=start, length=length), errno.EINVAL)
        refused(inodelk(c, kind=UNLCK, start=start, length=length),
                errno.EINVAL)
    for start, length in ((TOP - 1, 0), (TOP - 1, TOP - 1), (5, TOP - 1)):
        same(inodelk(c, start=start, length=length).op_ret, 0)
    for kind in (3, 4, 255, 1 << 31):
        refused(inodelk(c, kind=kind), errno.EINVAL)
        refused(entrylk(c, kind=kind), errno.EINVAL)
    refused(entrylk(c, kind=2), errno.EINVAL)
    for cmd in (0, 3, 6, 7, 1 << 31):
        refused(inodelk(c, cmd=cmd), errno.EOPNOTSUPP)
    for cmd in (3, 255, 1 << 31):
        refused(entrylk(c, cmd=cmd), errno.EINVAL)
    refused(entrylk(c, cmd=UNLOCK, name="never"), errno.EINVAL)
    refused(c.fop("FINODELK", gfid=scene.known, fd=99, cmd=SETLK, type=WRLCK,
                  volume="v"), errno.EBADF)
    refused(c.fop("FENTRYLK", gfid=ROOT, fd=-7, cmd=LOCK_NB, type=1,
                  volume="v"), errno.EBADF)
    for owner in (b"", bytes(8), bytes(64)):
        refused(inodelk(c, cred=Cred(5, owner=owner)), errno.EINVAL)


@scene.point("counts of domains and keys that are none")
def counts():
    c = scene.login()
    for x in ({"glusterfs.inodelk-dom-count": v_int(5)},
              {"glusterfs.inodelk-dom-count": v_ptr(b"no end")},
              {"glusterfs.inodelk-dom-count": v_str("x" * 9000)},
              {"glusterfs.multi-dom-lk-cnt-req": v_uint(1),
               "glusterfs.inodelk-dom-prefix:": v_uint(1),
               "glusterfs.inodelk-dom-prefix:" + "y" * 990: v_uint(1)},
              {"glusterfs.multi-dom-lk-cnt-req": v_uint(1), **{
                  "glusterfs.inodelk-dom-prefix:%d" % i: v_uint(1)
                  for i in range(500)}}):
        r = c.fop("LOOKUP", gfid=scene.known, xdata=x)
        same(r.op_ret, 0)
        for key, (tag, value) in r.xdata.items():
            if "lk" in key:
                same((tag, value), (INT, 0), key)


@scene.point("orders to clear locks that are none")
def orders():
    c = scene.login()
    same(inodelk(c, start=3, length=4, volume="orders").op_ret, 0)
    for text in ("", ".", "..", "t", "tinode.k", "tinode.kall.kall",
                 "tinode.kall.0,", "tinode.kall.0,0", "tinode.kall.,-",
                 "tinode.kall.0,-1-5", "tinode.kall.4294967296,0-0",
                 "tinode.kall.0,9223372036854775807-9223372036854775807",
                 "tinode.kall.0,99999999999999999999-1",
                 "tinode.kall.0,0-0 ", "tinode.kall." + "9" * 900):
        r = c.fop("GETXATTR", gfid=scene.known, namelen=1,
                  name="glusterfs.clrlk." + text)
        refused(r, errno.EINVAL)
    refused(c.fop("GETXATTR", gfid=scene.known, namelen=1,
                  name="glusterfs.clrlk.tinode.kall",
                  cred=Cred(1, uid=1000, gid=1000)), errno.EPERM,
            errno.EACCES)
    r = c.fop("LOOKUP", gfid=scene.known,
              xdata={"glusterfs.inodelk-count": v_uint(1)})
    same(r.xdata["glusterfs.inodelk-count"][1], 1, "it is still there")


@scene.point("ten thousand locks in as many domains, left behind")
def many():
    c = scene.login()
    for i in range(0, 10000, 100):
        xids = [c.send_fop("ENTRYLK", gfid=ROOT, cmd=LOCK_NB, type=1,
                           namelen=1, name=uuid.uuid4().hex,
                           volume="d%d" % (i + j)) for j in range(50)]
        xids += [c.send_fop("ENTRYLK", gfid=ROOT, cmd=LOCK_NB, type=1,
                            namelen=1, name=uuid.uuid4().hex,
                            volume="same") for j in range(50)]
        for xid in xids:
            same(c.wait_fop("ENTRYLK", xid).op_ret, 0)


@scene.point("requests that wait without end, left behind")
def waiting():
    one, two = scene.login(), scene.login()
    same(inodelk(one, volume="w").op_ret, 0)
    for i in range(2000):
        two.send_fop("INODELK", gfid=scene.known, cmd=SETLKW, type=WRLCK,
                     volume="w", flock={"start": i, "len": 1},
                     cred=Cred(7, owner=b"owner%d" % i))
    two.ping()
    same(two.replies, {})


@scene.point("lists of locks that are none", log="SETACTIVELK")
def active():
    c = scene.login()
    internal = Cred(-3, owner=b"x")
    entry = {"flock": {"type": 1, "owner": b"o"}, "client": b"nobody",
             "flags": 0}
    for e, err in ((dict(entry, client=b""), errno.ENOTCONN),
                   (dict(entry, client=b"a\0b"), errno.EINVAL),
                   (entry, errno.ENOTCONN)):
        refused(c.fop("SETACTIVELK", gfid=scene.known, locks=[e],
                      cred=internal), err)
    refused(c.fop("SETACTIVELK", gfid=scene.known, locks=[entry] * 16384,
                  cred=internal), errno.ENOTCONN)
    try:
        r = c.fop("SETACTIVELK", gfid=scene.known, locks=[entry] * 16385,
                  cred=internal)
        raise AssertionError("16385 locks: %r" % r)
    except RpcError as e:
        same(e.status, GARBAGE_ARGS)


scene.run()
