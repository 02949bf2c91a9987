#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Gfids that do not exist, and descriptors that were never given."""

import errno
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from fault import *  # noqa: E402,F401,F403

scene = Scene()
# Of a later issue, or of no object.
NOT_YET = {"INODELK", "FINODELK", "ENTRYLK", "FENTRYLK", "LEASE",
           "GETACTIVELK", "SETACTIVELK", "IPC", "COMPOUND", "PUT", "ICREATE",
           "NAMELINK"}
ALWAYS_FINE = {"RELEASE", "RELEASEDIR"}
FILLED = {"bname": "x", "newbname": "y", "oldbname": "x", "name": "user.x",
          "linkname": "t", "cmd": 1, "namelen": 1, "size": 16,
          "dict": {"user.x": v_ptr(b"v")}}
UNSET = {"size": {"FSYNC"}}
NULLS = bytes(16)


def fields(name):
    return dict(fields_of(FOPS[name][1]))


def args_for(name, **given):
    f = fields(name)
    out = {k: v for k, v in FILLED.items() if k in f and k != "namelen"}
    if "namelen" in f:
        out["namelen"] = 1
    if name == "WRITE":
        out["payload"] = b"x" * 16
    out["xdata"] = {"gfid-req": v_gfid(uuid.uuid4().bytes)}
    out.update({k: v for k, v in given.items() if k in f})
    return out


def gfid_fields(name):
    return [k for k, kind in fields_of(FOPS[name][1]) if kind == "gfid"]


OPS = [n for n in FOPS if n not in NOT_YET]
FD_OPS = [n for n in OPS if "fd" in fields(n) or "fd_in" in fields(n)]


@scene.point("gfids that do not exist", log="Stale file handle")
def unknown():
    c = scene.login()
    for gfid in (uuid.uuid4().bytes, b"\xff" * 16, bytes(15) + b"\x09",
                 b"/etc/passwd\0\0\0\0\0", b"../../../../../."):
        for name in OPS:
            if name in ALWAYS_FINE:
                continue
            for field in gfid_fields(name):
                given = {g: scene.known if name in ("LINK",
                         "COPY_FILE_RANGE") and g != field else ROOT
                         for g in gfid_fields(name)}
                if name == "LINK" and field == "oldgfid":
                    given["newgfid"] = ROOT
                if name == "LOOKUP":
                    given = {"gfid": NULLS, "pargfid": NULLS, "bname": ""}
                    if field == "pargfid":
                        given["bname"] = "x"
                given[field] = gfid
                for fd in ("fd", "fd_in", "fd_out"):
                    given[fd] = ANON_FD
                r = c.fop(name, **args_for(name, **given))
                want = [errno.ESTALE]
                if name == "LOOKUP" and field == "gfid":
                    want = [errno.ENOENT]
                if name in FD_OPS:
                    want += [errno.ENOENT, errno.EBADF]
                try:
                    refused(r, *want)
                except AssertionError as e:
                    raise AssertionError("%s %s: %s" % (name, field, e))


@scene.point("the null gfid", log="failed: client")
def null():
    c = scene.login()
    for name in OPS:
        if name in ALWAYS_FINE:
            continue
        given = {g: NULLS for g in gfid_fields(name)}
        given.update(fd=ANON_FD, fd_in=ANON_FD, fd_out=ANON_FD)
        r = c.fop(name, **args_for(name, **given))
        try:
            refused(r, errno.EINVAL, *(
                [errno.EBADF, errno.ENOENT] if name in FD_OPS else []))
        except AssertionError as e:
            raise AssertionError("%s: %s" % (name, e))


@scene.point("a file where a directory should be, and the other way round")
def wrong_kind():
    c = scene.login()
    for name in ("LOOKUP", "CREATE", "MKDIR", "MKNOD", "SYMLINK", "UNLINK",
                 "RMDIR"):
        r = c.fop(name, **args_for(name, pargfid=scene.known, bname="x"))
        refused(r, errno.EPERM, errno.ENOTDIR)
    refused(c.fop("OPENDIR", gfid=scene.known), errno.ENOTDIR)
    refused(c.fop("TRUNCATE", gfid=ROOT, offset=0), errno.EISDIR)
    refused(c.fop("OPEN", gfid=ROOT, flags=O_RDWR), errno.EISDIR)
    refused(c.fop("READLINK", gfid=scene.known, size=100), errno.EINVAL)
    refused(c.fop("READLINK", gfid=ROOT, size=100), errno.EINVAL)
    for name in FD_OPS:
        if name in ALWAYS_FINE | {"COPY_FILE_RANGE"}:
            continue
        for gfid in (ROOT, scene.known):
            c.fop(name, **args_for(name, gfid=gfid, fd=ANON_FD))
    c.fop("FREMOVEXATTR", gfid=scene.known, fd=ANON_FD, name="user.x")
    c.fop("TRUNCATE", gfid=scene.known, offset=len(KNOWN))
    c.write(scene.known, ANON_FD, 0, KNOWN)
    c.fop("SETATTR", gfid=ROOT, stbuf={"mode": 0o755}, valid=1)


NEVER = [0, 1, 7, 63, 64, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1,
         1 << 32, (1 << 32) + 1, (1 << 63) - 1, -1, -3, -4, -(1 << 31),
         -(1 << 63)]


@scene.point("descriptors never given", log="Bad file descriptor")
def never():
    c = scene.login()
    for name in FD_OPS:
        for n in NEVER:
            for which in ("fd", "fd_in", "fd_out"):
                if which not in fields(name):
                    continue
                given = {"fd": n} if which == "fd" else {
                    "fd_in": ANON_FD, "fd_out": ANON_FD, which: n}
                given.update(gfid=scene.known, gfid1=scene.known,
                             gfid2=scene.known)
                r = c.fop(name, **args_for(name, **given))
                if name in ALWAYS_FINE:
                    same(r.op_ret, 0, name)
                    continue
                try:
                    refused(r, errno.EBADF)
                except AssertionError as e:
                    raise AssertionError("%s %s %d: %s" % (name, which, n, e))


@scene.point("descriptors of another client, and ones given back",
             log="Bad file descriptor")
def others():
    a, b = scene.login(), scene.login()
    fds = [a.fop("OPEN", gfid=scene.known, flags=O_RDWR).fd
           for _ in range(200)]
    for fd in fds:
        refused(b.fop("READ", gfid=scene.known, fd=fd, size=10), errno.EBADF)
        b.fop("RELEASE", gfid=scene.known, fd=fd)
    for fd in fds:
        if not a.fop("READ", gfid=scene.known, fd=fd, size=10).ok:
            raise AssertionError("another client gave it back")
        a.fop("RELEASE", gfid=scene.known, fd=fd)
        refused(a.fop("READ", gfid=scene.known, fd=fd, size=10), errno.EBADF)
        a.fop("RELEASE", gfid=scene.known, fd=fd)
        a.fop("RELEASEDIR", gfid=ROOT, fd=fd)


@scene.point("a gfid that is not the descriptor's")
def disagree():
    c = scene.login()
    fd = c.fop("OPEN", gfid=scene.known, flags=0).fd
    for gfid in (NULLS, ROOT, uuid.uuid4().bytes):
        r = c.fop("READ", gfid=gfid, fd=fd, size=10)
        if r.ok and r.payload != KNOWN[:10]:
            raise AssertionError("read something else: %r" % r)
        c.fop("FSTAT", gfid=gfid, fd=fd)
    refused(c.fop("WRITE", gfid=scene.known, fd=fd, size=1, payload=b"x"),
            errno.EBADF)
    refused(c.fop("READDIR", gfid=ROOT, fd=fd, size=4096), errno.EINVAL,
            errno.ENOTDIR)
    refused(c.fop("FSYNCDIR", gfid=ROOT, fd=fd), errno.ENOTDIR)


@scene.point("ten thousand descriptors, left open")
def many():
    c = scene.login()
    got = 0
    for _ in range(10):
        xids = [c.send_fop("OPEN", gfid=scene.known, flags=0)
                for _ in range(500)] + [
            c.send_fop("OPENDIR", gfid=ROOT) for _ in range(500)]
        got += sum(c.wait_fop("OPEN", x).ok for x in xids)
        scene.good()
    if got < 5000:
        raise AssertionError("only %d" % got)


@scene.point("operations of a later issue are refused, not half done")
def not_yet():
    c = scene.login()
    for gfid in (scene.known, ROOT, NULLS):
        refused(c.fop("NAMELINK", **args_for("NAMELINK", gfid=gfid)),
                errno.EOPNOTSUPP)
    refused(c.fop("LEASE", gfid=scene.known), errno.EOPNOTSUPP)
    refused(c.fop("ICREATE", gfid=uuid.uuid4().bytes, mode=0o100644),
            errno.ESTALE)
    for op in (-1, 1, 3, 0x7fffffff, -0x80000000):
        refused(c.fop("IPC", op=op), errno.EOPNOTSUPP)


scene.run()
