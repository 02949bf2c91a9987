#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Names that are no names, for every operation that takes one."""

import errno
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from fault import *  # noqa: E402,F401,F403

scene = Scene()
OUTSIDE = os.path.join(scene.scratch.path, "outside")
os.mkdir(OUTSIDE)
with open(os.path.join(OUTSIDE, "secret"), "w") as f:
    f.write("root:x:0:0")
DIR = uuid.uuid4().bytes


def new():
    return {"gfid-req": v_gfid(uuid.uuid4().bytes)}


scene.witness.fop("MKDIR", pargfid=ROOT, bname="dir", mode=0o755,
                  xdata={"gfid-req": v_gfid(DIR)})
scene.witness.create("victim", DIR)

# What takes a name, as a function of client, parent and name.
TAKES = {
    "LOOKUP": lambda c, p, n: c.fop("LOOKUP", pargfid=p, bname=n),
    "LOOKUP with a gfid": lambda c, p, n: c.fop(
        "LOOKUP", gfid=scene.known, pargfid=p, bname=n, xdata=new()),
    "CREATE": lambda c, p, n: c.fop(
        "CREATE", pargfid=p, bname=n, flags=O_RDWR | O_CREAT, mode=0o644,
        xdata=new()),
    "CREATE O_EXCL": lambda c, p, n: c.fop(
        "CREATE", pargfid=p, bname=n, flags=O_RDWR | O_CREAT | O_EXCL,
        mode=0o644, xdata=new()),
    "MKDIR": lambda c, p, n: c.fop("MKDIR", pargfid=p, bname=n, mode=0o755,
                                   xdata=new()),
    "MKNOD": lambda c, p, n: c.fop("MKNOD", pargfid=p, bname=n,
                                   mode=0o100644, xdata=new()),
    "SYMLINK": lambda c, p, n: c.fop("SYMLINK", pargfid=p, bname=n,
                                     linkname="x", xdata=new()),
    "LINK": lambda c, p, n: c.fop("LINK", oldgfid=scene.known, newgfid=p,
                                  newbname=n),
    "RENAME from": lambda c, p, n: c.fop(
        "RENAME", oldgfid=p, oldbname=n, newgfid=ROOT, newbname="moved"),
    "RENAME to": lambda c, p, n: c.fop(
        "RENAME", oldgfid=DIR, oldbname="victim", newgfid=p, newbname=n),
    "UNLINK": lambda c, p, n: c.fop("UNLINK", pargfid=p, bname=n),
    "RMDIR": lambda c, p, n: c.fop("RMDIR", pargfid=p, bname=n),
    "RMDIR -r": lambda c, p, n: c.fop("RMDIR", pargfid=p, bname=n, xflags=1),
}


def tree():
    out = {}
    for base, dirs, files in os.walk(scene.scratch.path):
        if os.path.basename(base) == "dump":
            continue
        for x in dirs + files:
            st = os.lstat(os.path.join(base, x))
            if x not in ("health_check",) and not x.endswith(".log"):
                out[os.path.join(base, x)] = (st.st_ino, st.st_mode,
                                              st.st_nlink)
    return out


def all_refuse(names, errnos, parents=(ROOT, DIR), but=()):
    """Every operation refuses each of these, and nothing has changed."""
    c = scene.login()
    before = tree()
    for op, take in TAKES.items():
        if op in but or op.split()[0] in but:
            continue
        for name in names:
            for parent in parents:
                r = take(c, parent, name)
                want = errnos.get(op.split()[0], errnos[""])
                try:
                    refused(r, *want)
                except AssertionError as e:
                    raise AssertionError("%s of %r: %s" % (op, name[:40], e))
    now = tree()
    if now != before:
        raise AssertionError("changed: %r" % (now.items() ^ before.items()))


FAILED = "failed: client"


@scene.point("names with a slash", log=FAILED)
def slashes():
    all_refuse(["a/b", "/", "/a", "a/", "//", "known/", "/known", "dir/victim",
                "../outside/secret", "../../etc/passwd", "/etc/passwd",
                OUTSIDE + "/secret", "./known", "dir/../known",
                ".glusterfs/health_check", "/" * 5000, "x" * 200 + "/y"],
               {"": (errno.EPERM,)})
    all_refuse(["x" * 300 + "/y"], {"": (errno.EPERM, errno.ENAMETOOLONG)})


@scene.point("the directory itself and the one above", log=FAILED)
def dots():
    all_refuse([".", ".."], {"": (errno.EINVAL, errno.EEXIST, errno.EPERM,
                                  errno.ENOTEMPTY, errno.EBUSY)},
               but=("LOOKUP",))


@scene.point("looking up . and .. does not lead above the root")
def lookup_dots():
    c = scene.login()
    for parent, name, want in ((ROOT, ".", ROOT), (DIR, ".", DIR),
                               (DIR, "..", ROOT)):
        r = c.fop("LOOKUP", pargfid=parent, bname=name)
        if not r.ok or r.pre["gfid"] != want:
            raise AssertionError("%s: %r" % (name, r))
    r = c.fop("LOOKUP", pargfid=ROOT, bname="..")
    if r.ok and r.pre["gfid"] != ROOT:
        raise AssertionError("above the root: %r" % r)
    for name in ("...", ".. ", " ..", "..a"):
        refused(c.fop("LOOKUP", pargfid=ROOT, bname=name), errno.ENOENT)


@scene.point("no name", log=FAILED)
def empty():
    all_refuse([""], {"": (errno.EINVAL, errno.EEXIST, errno.ENOENT)},
               but=("LOOKUP with a gfid",))


@scene.point("names with a NUL", log=FAILED)
def nul():
    all_refuse([b"\0", b"a\0", b"\0a", b"known\0", b"known\0/etc/passwd",
                b"a" * 300 + b"\0"], {"": (errno.EINVAL,)})


@scene.point("names of 256 bytes and more", log=FAILED)
def long():
    all_refuse(["n" * 256, "n" * 257, "n" * 1024, "n" * 4096, "n" * 65536,
                "\u00e4" * 128],
               {"": (errno.ENAMETOOLONG,)})


@scene.point("a name of more than 64 KiB", log="arguments do not decode")
def longer():
    c = scene.login()
    for op, take in TAKES.items():
        for n in (65537, 1 << 20):
            try:
                take(c, ROOT, "n" * n)
                raise AssertionError("%s took %d bytes" % (op, n))
            except RpcError as e:
                same(e.status, GARBAGE_ARGS)


@scene.point("a name of 255 bytes is a name")
def longest():
    c = scene.login()
    for name in ("n" * 255, "\x01" * 255, "\u00e4" * 127, "*?[", "%s%n", "-rf",
                 " ", "\n", "\\", "...", ".glusterfs.", "\x7f\xff"):
        for make in ("CREATE", "MKDIR", "SYMLINK", "MKNOD"):
            r = TAKES[make](c, DIR, name)
            if not r.ok:
                raise AssertionError("%s %r: %r" % (make, name, r))
            r = TAKES["RMDIR" if make == "MKDIR" else "UNLINK"](c, DIR, name)
            if not r.ok:
                raise AssertionError("remove %r: %r" % (name, r))


@scene.point("the hidden directory in the root", log=FAILED)
def hidden():
    c = scene.login()
    all_refuse([".glusterfs"], {"": (errno.EPERM, errno.ENOENT, errno.EEXIST),
                                "CREATE": (errno.EPERM, errno.EISDIR),
                                "RENAME": (errno.EPERM, errno.ENOENT,
                                           errno.EISDIR)},
               parents=(ROOT,))
    d = c.fop("OPENDIR", gfid=ROOT).fd
    for op in ("READDIR", "READDIRP"):
        r = c.fop(op, gfid=ROOT, fd=d, size=1 << 17)
        if b".glusterfs" in [e["name"] for e in r.entries]:
            raise AssertionError("it is listed")
    made = c.fop("MKDIR", pargfid=DIR, bname=".glusterfs", mode=0o755,
                 xdata=new())
    if not made.ok or not c.fop("RMDIR", pargfid=DIR,
                                bname=".glusterfs").ok:
        raise AssertionError("elsewhere it is a name like any other")


@scene.point("gfids of what is hidden lead nowhere")
def hidden_gfids():
    c = scene.login()
    for g in (bytes(15) + b"\2", bytes(15) + b"\5", bytes(15) + b"\6",
              bytes(15) + b"\x0d", bytes(14) + b"\1\0"):
        refused(c.fop("LOOKUP", gfid=g), errno.ENOENT, errno.ESTALE)
        refused(c.fop("OPENDIR", gfid=g), errno.ESTALE)
        refused(c.fop("CREATE", pargfid=g, bname="x", flags=O_RDWR,
                      xdata=new()), errno.ESTALE)


@scene.point("a gfid-req that is somebody's already, null, or the root's",
             log=FAILED)
def gfid_req():
    c = scene.login()
    before = tree()
    for gfid in (bytes(16), ROOT, scene.known, DIR):
        for op in ("CREATE", "MKDIR", "MKNOD", "SYMLINK"):
            if (op, gfid) == ("MKDIR", DIR):
                continue        # how a renamed directory is healed
            global new
            keep, new = new, lambda: {"gfid-req": v_gfid(gfid)}
            try:
                r = TAKES[op](c, ROOT, "fresh")
            finally:
                new = keep
            refused(r, errno.EINVAL, errno.EEXIST, errno.EPERM,
                    errno.ENODATA)
    same(tree(), before, "the tree")


@scene.point("symbolic links' targets are not looked at")
def targets():
    c = scene.login()
    for target in ("/etc/passwd", "../../../etc/passwd", OUTSIDE, ".",
                   "x" * 4095):
        r = c.fop("SYMLINK", pargfid=ROOT, bname="ln", linkname=target,
                  xdata=new())
        if not r.ok:
            raise AssertionError("symlink to %r: %r" % (target[:30], r))
        g = r.stat["gfid"]
        got = c.fop("READLINK", gfid=g, size=8192)
        same(got.path, target.encode())
        for op, args in (("OPEN", {"flags": O_RDWR}), ("OPENDIR", {}),
                         ("TRUNCATE", {"offset": 0})):
            refused(c.fop(op, gfid=g, **args), errno.ELOOP, errno.EINVAL,
                    errno.ENOTDIR)
        refused(c.fop("READ", gfid=g, fd=ANON_FD, size=100), errno.ELOOP,
                errno.EINVAL)
        refused(c.fop("LOOKUP", pargfid=g, bname="secret"), errno.EPERM,
                errno.ENOTDIR)
        if not c.fop("UNLINK", pargfid=ROOT, bname="ln").ok:
            raise AssertionError("unlink")
    for target in ("", "x" * 4096, "x" * 65536, b"a\0b"):
        refused(c.fop("SYMLINK", pargfid=ROOT, bname="ln", linkname=target,
                      xdata=new()), errno.EINVAL, errno.ENOENT,
                errno.ENAMETOOLONG)


def clear():
    c = scene.login()
    c.fop("UNLINK", pargfid=DIR, bname="victim")
    c.fop("RMDIR", pargfid=ROOT, bname="dir")


scene.point("what was made can be removed")(clear)
scene.run()
