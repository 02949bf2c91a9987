#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""XATTROP with arrays that are none, and the heal index's directories put to
uses that they are not for."""

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
DIRTY, PENDING = "trusted.afr.dirty", "trusted.afr.t-client-0"
KEYS = ("glusterfs.xattrop_index_gfid", "glusterfs.xattrop_dirty_gfid",
        "glusterfs.xattrop_entry_changes_gfid")
OPERATIONS = range(7)


def i32(*values):
    return v_ptr(struct.pack(">%di" % len(values), *values))


def indices():
    """All entries of the index, but base files."""
    top = os.path.join(scene.brick.dir, ".glusterfs", "indices")
    return sorted(os.path.join(base, x)[len(top) + 1:]
                  for base, dirs, names in os.walk(top) for x in dirs + names
                  if not x.startswith(os.path.basename(base) + "-"))


def on_disk():
    path = os.path.join(scene.brick.dir, "known")
    return {x: os.getxattr(path, x) for x in os.listxattr(path)}


def back_to_zero(c):
    """Leaves the object as if nothing had been counted."""
    for key in (DIRTY, PENDING):
        c.fop("REMOVEXATTR", gfid=scene.known, name=key)
    if not c.fop("XATTROP", gfid=scene.known, dict={
            DIRTY: i32(0, 0, 0), PENDING: i32(0, 0, 0)}).ok:
        raise AssertionError("adding nothing")
    same([x for x in indices() if "/" in x], [])


@scene.point("arrays of odd lengths, of none, and beyond all bounds")
def lengths():
    c = scene.login()
    before, kept = scene.memory(), on_disk()
    for op in OPERATIONS:
        for n in list(range(34)) + [65535, 65536, 65537, 1 << 20]:
            for key in (DIRTY, "user.x"):
                for name, fd in (("XATTROP", {}), ("FXATTROP",
                                                   {"fd": ANON_FD})):
                    r = c.fop(name, gfid=scene.known, flags=op,
                              dict={key: v_ptr(b"\x01" * n)}, **fd)
                    if not r.ok:
                        refused(r, errno.EINVAL, errno.ERANGE, errno.E2BIG,
                                errno.ENOSPC)
                c.fop("REMOVEXATTR", gfid=scene.known, name=key)
    back_to_zero(c)
    same(on_disk(), kept, "xattrs of the file")
    scene.bounded(before, 24 * MIB)


@scene.point("no array at all", log="Invalid argument")
def none():
    c = scene.login()
    kept = on_disk()
    for op in list(OPERATIONS) + [7, 99, 0x7fffffff, 0xffffffff]:
        for name, fd in (("XATTROP", {}), ("FXATTROP", {"fd": ANON_FD})):
            refused(c.fop(name, gfid=scene.known, flags=op, dict=None, **fd),
                    errno.EINVAL)
            r = c.fop(name, gfid=scene.known, flags=op, dict={}, **fd)
            if op in (2, 3) or op > 6:
                refused(r, errno.EINVAL)
            elif not r.ok:
                raise AssertionError("%d of nothing: %r" % (op, r))
    for value in (v_int(-1), v_uint(1 << 63), v_str(""), v_str("x" * 300),
                  v_gfid(bytes(16))):
        c.fop("XATTROP", gfid=scene.known, dict={DIRTY: value})
    back_to_zero(c)
    same(on_disk(), kept, "xattrs of the file")


@scene.point("as many arrays as fit into a request")
def many():
    c = scene.login()
    before, kept = scene.memory(), on_disk()
    for n in (100, 1000, 1024):
        pairs = {"user.n%d" % i: i32(1, 2, 3) for i in range(n)}
        r = c.fop("XATTROP", gfid=scene.known, dict=pairs)
        if r.ok:
            same(len(r["dict"]), n)
            c.fop("REMOVEXATTR", gfid=scene.known, name="", xdata=pairs)
        else:
            refused(r, errno.ENOSPC, errno.E2BIG)
        same(on_disk(), kept, "xattrs of the file after %d" % n)
    scene.bounded(before, 24 * MIB)


@scene.point("xattrs that are nobody's to count", log="not permitted")
def names():
    c = scene.login()
    kept = on_disk()
    for key in ("trusted.gfid", "trusted.glusterfs.volume-id",
                "trusted.glusterfs.mdata", "trusted.gfid2path.x",
                "system.posix_acl_access", "security.selinux", "user.",
                "plain", "../../x", "user." + "k" * 1000, "%s%n"):
        for op in OPERATIONS:
            for gfid in (scene.known, ROOT):
                c.fop("XATTROP", gfid=gfid, flags=op,
                      dict={key: v_ptr(b"\x01" * 16)})
                c.fop("REMOVEXATTR", gfid=gfid, name=key)
    same({k: v for k, v in on_disk().items() if k in kept}, kept)
    back_to_zero(c)


@scene.point("names of changes that lead elsewhere")
def changes():
    c = scene.login()
    before = indices()
    for text in ("", ".", "..", "/", "../x", "../../../known", "a/b",
                 "/etc/passwd", "n" * 256, "n" * 5000):
        for key in ("glusterfs.xattrop-entry-create",
                    "glusterfs.xattrop-entry-delete"):
            for value in (v_str(text), v_ptr(text.encode()),
                          v_ptr(text.encode() + b"\0x"), v_int(7)):
                c.fop("XATTROP", gfid=ROOT, dict={PENDING: i32(0, 0, 0)},
                      xdata={key: value})
    same(indices(), before)
    r = c.fop("XATTROP", gfid=ROOT, dict={PENDING: i32(0, 0, 1)},
              xdata={"glusterfs.xattrop-entry-create": v_str("../x")})
    refused(r, errno.EINVAL)
    c.fop("XATTROP", gfid=ROOT, dict={PENDING: i32(0, 0, 0)}, xdata=None)
    same(indices(), before)


@scene.point("the index's directories taken for others")
def misuse():
    c = scene.login()
    names, kept = indices(), on_disk()
    for key in KEYS:
        v = c.fop("GETXATTR", gfid=ROOT, namelen=1, name=key)["dict"][key][1]
        new = {"gfid-req": v_gfid(uuid.uuid4().bytes)}
        for op, args in (
                ("STAT", {}), ("OPEN", {}), ("TRUNCATE", {}), ("STATFS", {}),
                ("SETATTR", {"valid": 1}), ("ACCESS", {"mask": 7}),
                ("READLINK", {"size": 10}), ("REMOVEXATTR", {"name": "user.a"}),
                ("SETXATTR", {"dict": {"user.a": v_ptr(b"x")}}),
                ("XATTROP", {"dict": {DIRTY: i32(1, 1, 1)}})):
            refused(c.fop(op, gfid=v, **args), errno.ESTALE)
        for op, args in (
                ("MKDIR", {"mode": 0o755}), ("MKNOD", {"mode": 0o100644}),
                ("SYMLINK", {"linkname": "/etc"}),
                ("CREATE", {"flags": O_RDWR, "mode": 0o644})):
            refused(c.fop(op, pargfid=v, bname="x", xdata=new, **args),
                    errno.ESTALE)
        refused(c.fop("LINK", oldgfid=scene.known, newgfid=v, newbname="x"),
                errno.ESTALE)
        refused(c.fop("RENAME", oldgfid=ROOT, newgfid=v, oldbname="known",
                      newbname="x"), errno.ESTALE)
        for name in ("", ".", "..", "../known", "/", "known", "n" * 256,
                     "../../health_check", "%s%n"):
            for op in ("LOOKUP", "UNLINK", "RMDIR"):
                r = c.fop(op, pargfid=v, bname=name)
                if op != "LOOKUP" or name:
                    refused(r, errno.EPERM, errno.EINVAL, errno.ENOENT,
                            errno.ENAMETOOLONG)
        fd = c.fop("OPENDIR", gfid=v).fd
        for op, args in (
                ("FSTAT", {}), ("READ", {"size": 10}), ("FTRUNCATE", {}),
                ("WRITE", {"size": 1, "payload": b"x"}), ("FSYNC", {}),
                ("FSETATTR", {"valid": 1}), ("FSYNCDIR", {}), ("FLUSH", {}),
                ("READDIRP", {"size": 4096}), ("FGETXATTR", {}),
                ("FSETXATTR", {"dict": {"user.a": v_ptr(b"x")}}),
                ("FREMOVEXATTR", {"name": "user.a"}), ("SEEK", {}),
                ("FALLOCATE", {"size": 1}), ("DISCARD", {"size": 1}),
                ("FXATTROP", {"dict": {DIRTY: i32(1, 1, 1)}}),
                ("RCHECKSUM", {"len": 1}), ("LK", {"cmd": SETLK})):
            refused(c.fop(op, gfid=v, fd=fd, **args), errno.EINVAL)
        for offset in (1, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
            for size in (0, 1, 4096, 0xffffffff):
                c.fop("READDIR", gfid=v, fd=fd, offset=offset, size=size)
        c.fop("RELEASEDIR", gfid=v, fd=fd)
    same(indices(), names)
    same(on_disk(), kept)


@scene.point("gfids near those of the index")
def near():
    c = scene.login()
    v = c.fop("GETXATTR", gfid=ROOT, namelen=1,
              name=KEYS[2])["dict"][KEYS[2]][1]
    for i in range(16):
        g = v[:i] + bytes([v[i] ^ 1]) + v[i + 1:]
        refused(c.fop("LOOKUP", gfid=g), errno.ENOENT)
        refused(c.fop("LOOKUP", pargfid=g, bname="x"), errno.ESTALE)
        refused(c.fop("OPENDIR", gfid=g), errno.ESTALE)
        refused(c.fop("RMDIR", pargfid=g, bname="x", xflags=1), errno.ESTALE)


scene.run()
