#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Device nodes that a squashed client makes are names and no more: nobody reads
the disk or waits for a fifo through them.
"""

import atexit
import errno
import os
import shutil
import stat
import sys
import tempfile
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from fault import *  # noqa: E402,F401,F403

if os.environ.get("CLINKER_SANDBOX") != "inner":
    fixture.brick_program()
    fixture.sandbox()
place = tempfile.mkdtemp(prefix="clinker-test-brick-",
                         dir=os.environ.get("TMPDIR", "/var/tmp"))
atexit.register(shutil.rmtree, place, True)
os.chmod(place, 0o777)
os.setxattr(place, "trusted.glusterfs.volume-id", uuid.uuid4().bytes)
scene = Scene("server.root-squash=on", directory=place)

# The disk that the brick is on, /dev/zero (which gives what nobody wrote),
# /dev/mem, /dev/kmsg, and a fifo.
disk = os.stat(place).st_dev
NODES = [("disk", stat.S_IFBLK, disk),
         ("partition", stat.S_IFBLK, os.makedev(8, 0)),
         ("zero", stat.S_IFCHR, os.makedev(1, 5)),
         ("mem", stat.S_IFCHR, os.makedev(1, 1)),
         ("kmsg", stat.S_IFCHR, os.makedev(1, 11)),
         ("fifo", stat.S_IFIFO, 0), ("socket", stat.S_IFSOCK, 0)]
NO = (errno.EINVAL, errno.ENXIO, errno.EPERM, errno.EACCES, errno.EBADF,
      errno.ESPIPE, errno.EOPNOTSUPP)


def make(c, name, kind, dev):
    g = uuid.uuid4().bytes
    r = c.fop("MKNOD", pargfid=ROOT, bname=name, mode=kind | 0o666, dev=dev,
              xdata={"gfid-req": v_gfid(g)})
    return g if r.ok else None


def abuse(c, g, name):
    if name in ("fifo", "socket"):
        return          # no way to a disk; that they do not wait is below
    try:
        abuse_all(c, g, name)
    except AssertionError as e:
        raise AssertionError("%s: %s" % (name, e))


def abuse_all(c, g, name):
    for flags in (0, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC, O_DIRECT, O_CREAT,
                  O_RDWR | O_SYNC):
        refused(c.fop("OPEN", gfid=g, flags=flags), errno.EINVAL,
                errno.EACCES)
        refused(c.fop("CREATE", pargfid=ROOT, bname=name, mode=0o644,
                      flags=flags, xdata={
                          "gfid-req": v_gfid(uuid.uuid4().bytes)}),
                *NO, errno.EEXIST, errno.ENODATA, errno.EISDIR)
    fd = {"gfid": g, "fd": ANON_FD}
    for name, more in (("READ", {"size": 4096}), ("FSTAT", {}),
                       ("FSYNC", {}), ("FTRUNCATE", {"offset": 0}),
                       ("FALLOCATE", {"size": 4096}),
                       ("DISCARD", {"size": 4096}),
                       ("ZEROFILL", {"size": 4096}), ("SEEK", {}),
                       ("RCHECKSUM", {"len": 4096}), ("READDIR", {
                           "size": 4096})):
        refused(c.fop(name, **fd, **more), *NO)
    refused(c.write(g, ANON_FD, 0, b"x" * 512), *NO)
    refused(c.fop("TRUNCATE", gfid=g, offset=0), *NO)
    for a, b in ((g, scene.known), (scene.known, g)):
        refused(c.fop("COPY_FILE_RANGE", gfid1=a, gfid2=b, fd_in=ANON_FD,
                      fd_out=ANON_FD, size=512), *NO)
    refused(c.fop("OPENDIR", gfid=g), errno.ENOTDIR)
    refused(c.fop("READLINK", gfid=g, size=100), errno.EINVAL)
    for key in ("glusterfs.content", "list-xattr"):
        r = c.fop("LOOKUP", gfid=g, xdata={key: v_uint(1 << 20)})
        if not r.ok or "glusterfs.content" in (r.xdata or {}):
            raise AssertionError("%s: %r" % (key, r))


@scene.point("device nodes of a squashed client", log="failed: client")
def devices():
    c = scene.login()
    for name, kind, dev in NODES:
        g = make(c, name, kind, dev)
        if g is None:
            continue
        st = os.lstat(os.path.join(place, name))
        same(stat.S_IFMT(st.st_mode), kind)
        if st.st_uid == 0:
            raise AssertionError("it is root's: not squashed")
        abuse(c, g, name)
        if not c.fop("UNLINK", pargfid=ROOT, bname=name).ok:
            raise AssertionError("unlink " + name)


@scene.point("a fifo does not hold up a thread")
def fifo():
    c = scene.login()
    g = make(c, "fifo", stat.S_IFIFO, 0)
    xids = [c.send_fop("OPEN", gfid=g, flags=i % 3) for i in range(200)] + [
        c.send_fop("READ", gfid=g, fd=ANON_FD, size=10) for _ in range(200)]
    scene.good()
    for i, x in enumerate(xids):
        r = c.wait_fop("OPEN" if i < 200 else "READ", x)
        if i >= 200:
            refused(r, *NO, errno.EAGAIN)
        elif not r.ok:
            refused(r, *NO)
    for i in range(100):
        c.write(g, ANON_FD, 0, b"x" * 65536)
    c.fop("UNLINK", pargfid=ROOT, bname="fifo")


@scene.point("nodes planted on the brick")
def planted():
    c = scene.login()
    for name, kind, dev in NODES:
        os.mknod(os.path.join(place, name), kind | 0o666, dev)
        g = uuid.uuid4().bytes
        r = c.fop("LOOKUP", pargfid=ROOT, bname=name,
                  xdata={"gfid-req": v_gfid(g)})
        if not r.ok or r.pre["gfid"] != g:
            raise AssertionError("%s: %r" % (name, r))
        abuse(c, g, name)
        os.chown(os.path.join(place, name), 65534, 65534)
        c.fop("UNLINK", pargfid=ROOT, bname=name)


@scene.point("a file that is exchanged for a device between two requests")
def exchanged():
    c = scene.login()
    g = uuid.uuid4().bytes
    r = c.create("swap", ROOT, g)
    c.fop("RELEASE", gfid=g, fd=r.fd)
    path = os.path.join(place, "swap")
    t = gfid_text(g)
    handle = os.path.join(place, ".glusterfs", t[:2], t[2:4], t)
    for p in (path, handle):
        os.rename(p, p + ".aside")
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    os.setxattr(path, "trusted.gfid", g)
    os.link(path, handle)
    r = c.fop("READ", gfid=g, fd=ANON_FD, size=4096)
    if r.ok and r.payload:
        raise AssertionError("read %d bytes" % len(r.payload))
    r = c.fop("OPEN", gfid=g, flags=O_RDWR)
    if r.ok:
        r = c.fop("READ", gfid=g, fd=r.fd, size=4096)
        if r.ok and r.payload:
            raise AssertionError("read %d bytes" % len(r.payload))
    for p in (path, handle):
        os.unlink(p)
        os.rename(p + ".aside", p)
    r = c.fop("LOOKUP", pargfid=ROOT, bname="swap")
    if not r.ok:
        raise AssertionError("the file itself is gone: %s" %
                             os.strerror(r.op_errno))
    c.fop("LOOKUP", gfid=g)     # what is kept open is looked at anew
    r = c.fop("UNLINK", pargfid=ROOT, bname="swap")
    if not r.ok:
        raise AssertionError("unlink: " + os.strerror(r.op_errno))


scene.run()
