#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Xattr names that mean files or commands, and values beyond all bounds."""

import errno
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from fault import *  # noqa: E402,F401,F403

scene = Scene()
MIB = 1 << 20
ANYTHING = (errno.ENODATA, errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL,
            errno.EACCES, errno.ERANGE, errno.E2BIG, errno.ENOENT,
            errno.ENOTDIR)


def files():
    """All names where the daemon might write, but its own."""
    out = set()
    for top in (scene.scratch.path, "/run", "/var/run/gluster",
                "/var/log/glusterfs"):
        for base, dirs, names in os.walk(top):
            out.update(os.path.join(base, x) for x in dirs + names
                       if "/dump/" not in base + "/" and
                       "/.glusterfs/" not in base + "/")
    return out


def on_disk():
    return set(os.listxattr(os.path.join(scene.brick.dir, "known")))


@scene.point("a dump of statistics asked for without end")
def io_stats():
    c = scene.login()
    before, names, kept = scene.memory(), files(), on_disk()
    target = os.path.join(scene.scratch.path, "dumped")
    for key in ("trusted.io-stats-dump", "glusterfs.io-stats-dump",
                "io-stats-dump", "user.io-stats-dump"):
        for value in (target, "/etc/clinker-test", "../x", "%n%s", "",
                      "x" * 5000):
            for gfid in (scene.known, ROOT):
                c.fop("SETXATTR", gfid=gfid, dict={key: v_str(value)})
                c.fop("FSETXATTR", gfid=gfid, fd=ANON_FD,
                      dict={key: v_str(value)})
                c.fop("GETXATTR", gfid=gfid, namelen=1, name=key)
    xids = [c.send_fop("SETXATTR", gfid=scene.known,
                       dict={"trusted.io-stats-dump": v_str(target)})
            for _ in range(2000)]
    for x in xids:
        c.wait_fop("SETXATTR", x)
    same(files() - names, set(), "new files")
    same(on_disk(), kept, "xattrs of the file")
    if os.path.exists("/etc/clinker-test"):
        raise AssertionError("a file in /etc")
    scene.bounded(before, 8 * MIB)


@scene.point("xattr names that look like paths")
def paths():
    c = scene.login()
    names = files()
    for key in ("glusterfs.file./etc/passwd", "glusterfs.file.known",
                "glusterfs.file../../etc/passwd",
                "trusted.glusterfs.file./etc/passwd",
                "glusterfs.get_real_filename:/etc/passwd",
                "glusterfs.get_real_filename:../known",
                "glusterfs.get_real_filename:" + "x" * 300,
                "glusterfs.get_real_filename:", "glusterfs.gfid2path/x",
                "/etc/passwd", "../../../etc/passwd", "/", ".", "..",
                "glusterfs.clrlk.tall.kall", "glusterfs.clrlk.", "user.",
                "trusted.", "security.", "system.x", "nothing", "%s%n%x",
                "glusterfs.xattrop_index_gfid/..",
                "glusterfs.ancestry.path/../..", "trusted.SGI_ACL_FILE"):
        for gfid in (scene.known, ROOT):
            for r in (c.fop("GETXATTR", gfid=gfid, namelen=1, name=key),
                      c.fop("FGETXATTR", gfid=gfid, fd=ANON_FD, namelen=1,
                            name=key)):
                if b"root:" in repr(r).encode():
                    raise AssertionError("%s: %r" % (key, r))
                if not r.ok and r.op_errno not in ANYTHING:
                    raise AssertionError("%s: %r" % (key, r))
            c.fop("SETXATTR", gfid=gfid, dict={key: v_ptr(b"v")})
            c.fop("REMOVEXATTR", gfid=gfid, name=key)
            c.fop("LOOKUP", gfid=gfid, xdata={key: v_int(1)})
    for g, key in ((scene.known, "user.a/b"), (ROOT, "user.../c")):
        if not c.fop("SETXATTR", gfid=g, dict={key: v_ptr(b"v")}).ok:
            raise AssertionError("a slash means nothing there")
        got = c.fop("GETXATTR", gfid=g, namelen=1, name=key)
        same(got["dict"][key], (PTR, b"v"))
        if not c.fop("REMOVEXATTR", gfid=g, name=key).ok:
            raise AssertionError("remove")
    same(files() - names, set(), "new files")


@scene.point("names that are not the client's to change", log="failed")
def own():
    c = scene.login()
    kept = on_disk()
    for key in ("trusted.gfid", "trusted.glusterfs.volume-id",
                "trusted.glusterfs.pathinfo", "glusterfs.pathinfo",
                "trusted.gfid2path.0123456789abcdef",
                "trusted.bit-rot.version", "trusted.bit-rot.bad-file",
                "trusted.glusterfs.volume-mark"):
        for gfid in (scene.known, ROOT):
            before = {x: os.getxattr(p, x) for p in (
                scene.brick.dir, os.path.join(scene.brick.dir, "known"))
                for x in os.listxattr(p) if x in ("trusted.gfid",
                "trusted.glusterfs.volume-id")}
            c.fop("SETXATTR", gfid=gfid, dict={key: v_ptr(b"evil" * 4)})
            c.fop("REMOVEXATTR", gfid=gfid, name=key)
            c.fop("REMOVEXATTR", gfid=gfid, xdata={key: v_int(0)})
            after = {x: os.getxattr(p, x) for p in (
                scene.brick.dir, os.path.join(scene.brick.dir, "known"))
                for x in os.listxattr(p) if x in before}
            same(after, before, key)
    same(on_disk(), kept, "xattrs of the file")


@scene.point("names of 255 bytes and of 256", log="failed")
def long_names():
    c = scene.login()
    for n, fine in ((255, True), (256, False), (257, False), (1024, False)):
        key = "user." + "k" * (n - 5)
        r = c.fop("SETXATTR", gfid=scene.known, dict={key: v_ptr(b"v")})
        same(r.ok, fine, "%d bytes" % n)
        g = c.fop("GETXATTR", gfid=scene.known, namelen=1, name=key)
        same(g.ok, fine, "%d bytes" % n)
        same(c.fop("REMOVEXATTR", gfid=scene.known, name=key).ok, fine)
    for n in (4096, 65536):
        for op in ("GETXATTR", "REMOVEXATTR"):
            args = {"namelen": 1} if op == "GETXATTR" else {}
            refused(c.fop(op, gfid=scene.known, name="user." + "k" * (n - 5),
                          **args), errno.ERANGE, errno.ENODATA,
                    errno.ENAMETOOLONG)
    refused(c.fop("SETXATTR", gfid=scene.known, dict={
        "user.x": v_ptr(b"v")}, flags=4), errno.EINVAL)
    refused(c.fop("SETXATTR", gfid=scene.known, dict={
        "user.x": v_ptr(b"v")}, flags=0xffffffff), errno.EINVAL)


@scene.point("values of 64 KiB and more")
def values():
    c = scene.login()
    before = scene.memory()
    for n in (0, 1, 4096, 65535, 65536):
        r = c.fop("SETXATTR", gfid=scene.known, dict={
            "user.v": v_ptr(b"v" * n)})
        if not r.ok:        # file systems hold less
            refused(r, errno.ENOSPC, errno.E2BIG)
            continue
        got = c.fop("GETXATTR", gfid=scene.known, namelen=1, name="user.v")
        same(got["dict"]["user.v"], (PTR, b"v" * n))
    c.fop("REMOVEXATTR", gfid=scene.known, name="user.v")
    for n in (65537, 1 << 17, MIB):
        for v in (v_ptr(b"v" * n), (STR, b"s" * (n - 1) + b"\0")):
            refused(c.fop("SETXATTR", gfid=scene.known, dict={"user.v": v}),
                    errno.E2BIG)
    for n in (MIB + 1, 4 * MIB):
        for where in ("dict", "xdata"):
            try:
                c.fop("SETXATTR", gfid=scene.known, **{
                    where: {"user.v": v_ptr(b"v" * n)}})
                raise AssertionError("%d bytes were taken" % n)
            except RpcError as e:
                same(e.status, GARBAGE_ARGS)
    scene.bounded(before, 24 * MIB)


@scene.point("ACLs that are none")
def acls():
    c = scene.login()
    for key in ("system.posix_acl_access", "system.posix_acl_default",
                "glusterfs.posix.acl", "glusterfs.posix.default_acl"):
        for value in (b"", b"\0", b"\2\0\0", b"\2\0\0\0", b"\xff" * 300,
                      b"\2\0\0\0" + b"\xff" * 7, b"\2\0\0\0" + b"\1" * 65000,
                      b"u::rwx,g::r-x,o::r-x\0", b"u:::::\0",
                      b"u:nobody:rwx" * 900, b",,,,\0", b"\2\0\0\0" + bytes(
                          8 * 5000)):
            for gfid in (ROOT, scene.known):
                c.fop("SETXATTR", gfid=gfid, dict={key: v_ptr(value)})
                c.fop("GETXATTR", gfid=gfid, namelen=1, name=key)
                c.fop("MKDIR", pargfid=ROOT, bname="acl", mode=0o755,
                      xdata={"gfid-req": v_gfid(uuid.uuid4().bytes),
                             key: v_ptr(value)})
                c.fop("RMDIR", pargfid=ROOT, bname="acl")
                c.fop("REMOVEXATTR", gfid=gfid, name=key)
    for gfid, mode in ((ROOT, 0o755), (scene.known, 0o644)):
        if not c.fop("SETATTR", gfid=gfid, stbuf={"mode": mode}, valid=1).ok:
            raise AssertionError("chmod")


@scene.point("keys about locks, longer than any buffer")
def lock_keys():
    c = scene.login()
    for n in (255, 256, 1023, 1024, 1025, 4096, 65000):
        long = "d" * n
        for key in ("glusterfs.clrlk.tposix.kall:", "glusterfs.clrlk.tinode"
                    ".kgranted:", "glusterfs.clrlk.", "glusterfs."
                    "inodelk-dom-prefix:"):
            for name in ("GETXATTR", "FGETXATTR"):
                fd = {} if name == "GETXATTR" else {"fd": ANON_FD}
                refused(c.fop(name, gfid=scene.known, namelen=1,
                              name=key + long, **fd), *ANYTHING,
                        errno.ENAMETOOLONG)
        x = {"glusterfs.inodelk-dom-count": v_str(long),
             "glusterfs.multi-dom-lk-cnt-req": v_uint(1),
             "link-count": v_str(long),
             "glusterfs.inodelk-dom-prefix:" + long[:900]: v_uint(1)}
        if not c.fop("LOOKUP", gfid=scene.known, xdata=x).ok:
            raise AssertionError("lookup with a domain of %d" % n)
        for name in ("INODELK", "ENTRYLK"):
            r = c.fop(name, gfid=scene.known, volume=long, cmd=1)
            if not r.ok:
                refused(r, *ANYTHING, errno.ENAMETOOLONG)


@scene.point("as many xattrs as a file takes")
def many():
    c = scene.login()
    g = uuid.uuid4().bytes
    fd = c.create("many", ROOT, g).fd
    for i in range(0, 4000, 200):
        r = c.fop("FSETXATTR", gfid=g, fd=fd, dict={
            "user.%d" % k: v_ptr(b"v" * 200) for k in range(i, i + 200)})
        if not r.ok:
            refused(r, errno.ENOSPC, errno.E2BIG, errno.EDQUOT)
            break
    for args in ({"name": "", "namelen": 0},):
        r = c.fop("GETXATTR", gfid=g, **args)
        if not r.ok:
            refused(r, errno.E2BIG)
    c.fop("LOOKUP", gfid=g, xdata={"list-xattr": v_int(1)})
    if not c.fop("UNLINK", pargfid=ROOT, bname="many").ok:
        raise AssertionError("unlink")


scene.run()
