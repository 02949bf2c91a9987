#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Offsets and sizes beyond all bounds, and locks with absurd ranges."""

import errno
import os
import struct
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from fault import *  # noqa: E402,F401,F403

scene = Scene()
MIB = 1 << 20
TOP = 1 << 63
BEYOND = [TOP, TOP + 1, TOP + 4096, (1 << 64) - 4096, (1 << 64) - 1]
EDGE = [TOP - 1, TOP - 2, TOP - 10]
INVALID = (errno.EINVAL, errno.EFBIG, errno.EOVERFLOW)


def target(c):
    """A file of our own, with 8 KiB."""
    g = uuid.uuid4().bytes
    r = c.create("target", ROOT, g)
    c.write(g, r.fd, 0, b"t" * 8192)
    return g, r.fd


def whole(c, g, fd):
    r = c.fop("FSTAT", gfid=g, fd=fd)
    same(r.stat["size"], 8192, "the size afterwards")
    if not c.fop("UNLINK", pargfid=ROOT, bname="target").ok:
        raise AssertionError("unlink")


@scene.point("reading past 2^63")
def read():
    c = scene.login()
    g, fd = target(c)
    for f in (fd, ANON_FD):
        for offset in BEYOND:
            refused(c.fop("READ", gfid=g, fd=f, offset=offset, size=10),
                    *INVALID)
        for offset in EDGE:
            r = c.fop("READ", gfid=g, fd=f, offset=offset, size=100)
            refused(r, *INVALID)
        for offset in (8192, 1 << 40):
            r = c.fop("READ", gfid=g, fd=f, offset=offset, size=10)
            same((r.op_ret, r.op_errno, r.payload), (0, errno.ENOENT, b""))
    whole(c, g, fd)


@scene.point("writing past 2^63", log="WRITE failed")
def write():
    c = scene.login()
    g, fd = target(c)
    for f in (fd, ANON_FD):
        for offset in BEYOND + EDGE:
            refused(c.write(g, f, offset, b"x" * 16), *INVALID)
    whole(c, g, fd)


@scene.point("truncating past 2^63", log="TRUNCATE failed")
def truncate():
    c = scene.login()
    g, fd = target(c)
    for offset in BEYOND:
        refused(c.fop("TRUNCATE", gfid=g, offset=offset), *INVALID)
        refused(c.fop("FTRUNCATE", gfid=g, fd=fd, offset=offset), *INVALID)
    whole(c, g, fd)


@scene.point("allocating, punching and zeroing past 2^63, and too much")
def space():
    c = scene.login()
    g, fd = target(c)
    for name in ("FALLOCATE", "DISCARD", "ZEROFILL"):
        for offset in BEYOND + EDGE:
            for size in (0, 1, 4096, TOP - 1, TOP, (1 << 64) - 1):
                if offset + size <= TOP - 1:
                    continue
                refused(c.fop(name, gfid=g, fd=fd, offset=offset, size=size),
                        *INVALID, errno.ENOSPC, errno.EOPNOTSUPP)
        for size in BEYOND + [(1 << 64) - 8192]:
            refused(c.fop(name, gfid=g, fd=fd, offset=4096, size=size),
                    *INVALID, errno.ENOSPC, errno.EOPNOTSUPP)
    for flags in (2, 4, 0x7fffffff, 0xffffffff):
        c.fop("FALLOCATE", gfid=g, fd=fd, flags=flags, offset=0, size=4096)
    # More than any disk has.
    refused(c.fop("FALLOCATE", gfid=g, fd=fd, offset=0, size=1 << 62),
            *INVALID, errno.ENOSPC)
    whole(c, g, fd)


@scene.point("seeking past 2^63, and for what there is not")
def seek():
    c = scene.login()
    g, fd = target(c)
    for offset in BEYOND:
        refused(c.fop("SEEK", gfid=g, fd=fd, offset=offset), *INVALID,
                errno.ENXIO)
    for offset in EDGE + [8192]:
        refused(c.fop("SEEK", gfid=g, fd=fd, offset=offset), errno.ENXIO)
    for what in (2, 3, 4, -1, 0x7fffffff, -0x80000000):
        refused(c.fop("SEEK", gfid=g, fd=fd, what=what), errno.ENOTSUP,
                errno.EINVAL)
    whole(c, g, fd)


@scene.point("copying past 2^63")
def copy():
    c = scene.login()
    g, fd = target(c)
    for a in BEYOND + [0]:
        for b in BEYOND + [0]:
            if (a, b) == (0, 0):
                continue
            refused(c.fop("COPY_FILE_RANGE", gfid1=scene.known, gfid2=g,
                          fd_in=ANON_FD, fd_out=fd, off_in=a, off_out=b,
                          size=100), *INVALID)
    r = c.fop("COPY_FILE_RANGE", gfid1=g, gfid2=g, fd_in=fd, fd_out=fd,
              size=0xffffffff)
    refused(r, errno.EINVAL)
    whole(c, g, fd)


@scene.point("checksums of what is beyond, and of too much")
def checksum():
    c = scene.login()
    g, fd = target(c)
    before = scene.memory()
    for offset in BEYOND:
        refused(c.fop("RCHECKSUM", gfid=g, fd=fd, offset=offset, len=100),
                *INVALID)
    for _ in range(4):
        for n in (0x7fffffff, 0x80000000, 0xffffffff):
            refused(c.fop("RCHECKSUM", gfid=g, fd=fd, len=n), errno.ENOMEM)
    # The most that heal asks for, and one more.
    most = 128 * MIB
    same(c.fop("RCHECKSUM", gfid=g, fd=fd, len=most).op_ret, 0)
    refused(c.fop("RCHECKSUM", gfid=g, fd=fd, len=most + 1), errno.ENOMEM)
    scene.bounded(before, 40 * MIB)
    whole(c, g, fd)


@scene.point("cookies of a listing that were never given")
def cookies():
    c = scene.login()
    d = c.fop("OPENDIR", gfid=ROOT).fd
    for name in ("READDIR", "READDIRP"):
        for f in (d, ANON_FD):
            for offset in BEYOND:
                refused(c.fop(name, gfid=ROOT, fd=f, offset=offset,
                              size=4096), *INVALID)
            for offset in EDGE + [1, 2, 12345, 1 << 40, 1 << 62]:
                r = c.fop(name, gfid=ROOT, fd=f, offset=offset, size=4096)
                if not r.ok and r.op_errno != errno.EINVAL:
                    raise AssertionError("%d: %r" % (offset, r))


@scene.point("4 GiB - 1 asked for in READ, READDIR, READLINK")
def sizes():
    c = scene.login()
    g, fd = target(c)
    d = c.fop("OPENDIR", gfid=ROOT).fd
    before = scene.memory()
    for _ in range(5):
        for size in (0x7fffffff, 0x80000000, 0xffffffff):
            r = c.fop("READ", gfid=g, fd=fd, size=size)
            same((r.op_ret, r.payload), (8192, b"t" * 8192))
            for name in ("READDIR", "READDIRP"):
                r = c.fop(name, gfid=ROOT, fd=d, size=size)
                if not r.ok or r.op_errno != errno.ENOENT:
                    raise AssertionError("%s: %r" % (name, r))
            refused(c.fop("READLINK", gfid=g, size=size), errno.EINVAL)
    scene.bounded(before, 48 * MIB)
    for size in (0, 1, 24):
        r = c.fop("READDIR", gfid=ROOT, fd=d, size=size)
        if r.ok and r.entries:
            raise AssertionError("more than was asked for")
    whole(c, g, fd)


@scene.point("many reads of 4 GiB - 1 of a large sparse file at once")
def large():
    c = scene.login()
    g = uuid.uuid4().bytes
    fd = c.create("target", ROOT, g).fd
    if not c.fop("FTRUNCATE", gfid=g, fd=fd, offset=1 << 40).ok:
        raise AssertionError("truncate")
    xids = [c.send_fop("READ", gfid=g, fd=fd, size=0xffffffff,
                       offset=i << 32) for i in range(12)]
    peak = 0
    for x in xids:
        r = c.wait_fop("READ", x)
        if r.op_ret <= 0 or r.op_ret != len(r.payload) or any(r.payload):
            raise AssertionError("answered %d" % r.op_ret)
        peak = max(peak, r.op_ret)
    if peak > 64 * MIB:
        raise AssertionError("%d bytes in one reply" % peak)
    if not c.fop("UNLINK", pargfid=ROOT, bname="target").ok:
        raise AssertionError("unlink")


# --- locks ---

def lk(c, g, fd, cmd=SETLK, type=WRLCK, start=0, len=0, owner=b"o" * 8,
       whence=0, flock_owner=b"", pid=1):
    return c.fop("LK", gfid=g, fd=fd, cmd=cmd, type=type, cred=Cred(
        owner=owner), flock={"type": type, "whence": whence, "start": start,
                             "len": len, "pid": pid, "owner": flock_owner})


@scene.point("locks with absurd ranges")
def lock_ranges():
    c = scene.login()
    g, fd = target(c)
    for start in (0, 1, TOP - 1, TOP, (1 << 64) - 1, (1 << 64) - 100):
        for n in (0, 1, TOP - 1, TOP, TOP + 1, (1 << 64) - 1):
            for cmd in (GETLK, SETLK, SETLKW):
                for type in (RDLCK, WRLCK, UNLCK):
                    r = lk(c, g, fd, cmd, type, start, n)
                    if not r.ok and r.op_errno not in INVALID:
                        raise AssertionError("%#x %#x: %r" % (start, n, r))
    lk(c, g, fd, SETLK, UNLCK)
    r = lk(scene.login(), g, ANON_FD, GETLK, WRLCK, owner=b"p" * 8)
    refused(r, errno.EBADF)
    whole(c, g, fd)


@scene.point("lock commands, types and whences that do not exist")
def lock_kinds():
    c = scene.login()
    g, fd = target(c)
    for cmd in (3, 4, 5, 7, 100, 0x7fffffff, 0xffffffff):
        refused(lk(c, g, fd, cmd), errno.EINVAL, errno.ENOTSUP)
    for type in (3, 4, 0x7fffffff, 0xffffffff):
        refused(lk(c, g, fd, SETLK, type), errno.EINVAL)
    for whence in (1, 2, 3, 0xffffffff):
        r = lk(c, g, fd, SETLK, WRLCK, 0, 10, whence=whence)
        if not r.ok and r.op_errno != errno.EINVAL:
            raise AssertionError("whence %d: %r" % (whence, r))
    refused(lk(c, g, fd, SETLK, WRLCK, owner=b""), errno.EINVAL)
    refused(lk(c, g, fd, SETLK, WRLCK, owner=bytes(8)), errno.EINVAL)
    whole(c, g, fd)


@scene.point("lock owners of 1024 bytes, and of 1025",
             log="arguments do not decode")
def owners():
    c = scene.login()
    g, fd = target(c)
    for n in (0, 1, 91, 1023, 1024):
        if not lk(c, g, fd, GETLK, flock_owner=b"f" * n).ok:
            raise AssertionError("%d bytes" % n)
    for n in (1025, 1026, 4096, 100000):
        try:
            lk(c, g, fd, GETLK, flock_owner=b"f" * n)
            raise AssertionError("%d bytes were taken" % n)
        except RpcError as e:
            same(e.status, GARBAGE_ARGS)
    proc, body = pack_fop("LK", gfid=g, fd=fd)
    for n in (0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff):
        bad = body[:-16] + struct.pack(">I", n) + body[-12:]
        try:
            c.call(FOP, FOP_VERSION, proc, bad)
            raise AssertionError("%#x was taken" % n)
        except RpcError as e:
            same(e.status, GARBAGE_ARGS)
    whole(c, g, fd)


@scene.point("thousands of locks, and of waiters, left behind")
def many_locks():
    a, b = scene.login(), scene.login()
    g, fd = target(a)
    other = b.fop("OPEN", gfid=g, flags=O_RDWR).fd
    for i in range(2000):
        if not lk(a, g, fd, SETLK, WRLCK, i * 2, 1).ok:
            raise AssertionError("lock %d" % i)
    cred = Cred(owner=b"waiting!")
    for i in range(2000):
        b.send_fop("LK", gfid=g, fd=other, cmd=SETLKW, type=WRLCK, cred=cred,
                   flock={"type": WRLCK, "start": i * 2, "len": 1, "pid": 1,
                          "owner": b"", "whence": 0})
    fixture.wait_until("they wait", lambda: sum(
        x["requests"] for x in scene.ctl("clients")["clients"]) >= 0 and
        scene.accounts().get("calls", 0) >= 2000)
    scene.good()
    if not a.fop("UNLINK", pargfid=ROOT, bname="target").ok:
        raise AssertionError("unlink")


@scene.point("modes, times and ids beyond all bounds")
def attributes():
    c = scene.login()
    g, fd = target(c)
    for valid in (0, 0xffffff, -1, 0x7fffffff, 1 << 30, 0x80 | 0x100):
        for field in ("mode", "uid", "gid", "atime", "mtime", "atime_nsec",
                      "mtime_nsec", "size"):
            for v in (0, 0xffffffff, 0x7fffffff, 10 ** 9):
                stbuf = {"mode": 0o644, field: v}
                r = c.fop("SETATTR", gfid=g, stbuf=stbuf, valid=valid)
                if not r.ok and r.op_errno not in (
                        errno.EINVAL, errno.EPERM, errno.EOVERFLOW):
                    raise AssertionError("%s %d: %r" % (field, v, r))
        for t in (TOP - 1, -TOP, -1):
            c.fop("FSETATTR", gfid=g, fd=fd, stbuf={"atime": t, "mtime": t},
                  valid=0x30)
    for dev in ((1 << 64) - 1, 1 << 63, 1 << 32):
        r = c.fop("MKNOD", pargfid=ROOT, bname="dev", mode=0o60600, dev=dev,
                  xdata={"gfid-req": v_gfid(uuid.uuid4().bytes)})
        if r.ok:
            c.fop("UNLINK", pargfid=ROOT, bname="dev")
    for mode in (0, 0o170644, 0o40644, 0o120644, 0xffffffff, 0o150644):
        r = c.fop("MKNOD", pargfid=ROOT, bname="dev", mode=mode,
                  xdata={"gfid-req": v_gfid(uuid.uuid4().bytes)})
        if r.ok and not c.fop("UNLINK", pargfid=ROOT, bname="dev").ok:
            raise AssertionError("mode %o cannot be removed" % mode)
    for cred in (Cred(flags=0xffffffff, ctime=(2 ** 63, 10 ** 9 - 1)),
                 Cred(flags=0x3f, ctime=(2 ** 64 - 1, 0xffffffff)),
                 Cred(uid=0xffffffff, gid=0xffffffff, flags=0x3f),
                 Cred(pid=-0x80000000, flags=7), Cred(pid=0x7fffffff)):
        c.fop("WRITE", gfid=g, fd=fd, offset=0, size=1, payload=b"t",
              cred=cred)
        c.fop("MKDIR", pargfid=ROOT, bname="strange", mode=0o7777, cred=cred,
              xdata={"gfid-req": v_gfid(uuid.uuid4().bytes)})
        c.fop("RMDIR", pargfid=ROOT, bname="strange")
    whole(c, g, fd)


scene.run()
