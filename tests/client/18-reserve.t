#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
storage.reserve on a small file system: the write that would cross the line is
the one refused, and what frees or keeps space goes on.
"""

import errno
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from operate import TmpfsDaemon, need_ours, same  # noqa: E402
from wire import O_RDWR, ROOT, Cred, v_gfid  # noqa: E402

fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
MIB = 1 << 20
SIZE, RESERVE = 64 * MIB, 16 * MIB
brick = TmpfsDaemon(scratch, "d", [
    "--set", "server.listen-port={b.port}",
    "--set", "server.control-socket={b.control}",
    "--set", "posix.reserve=%d" % RESERVE, "{b.dir}"],
    "size=%d" % SIZE)
TOP = brick.top
client = brick.client()
INTERNAL = Cred(pid=-6)
gfids = {}


def create(name, cred=None):
    gfid = gfids[name] = uuid.uuid4().bytes
    return client.create(name, gfid=gfid, cred=cred)


def fill_to(name, free):
    """Writes until so many bytes are free on the disk, as an internal client
    does that no reserve stops."""
    reply = create(name, INTERNAL)
    same(reply.ok, True)
    offset = 0
    while True:
        vfs = os.statvfs(TOP)
        more = min(vfs.f_bfree * vfs.f_frsize - free, 128 * 1024)
        if more <= 0:
            break
        same(client.write(gfids[name], reply["fd"], offset, bytes(more),
                          cred=INTERNAL).ok, True)
        offset += more
    same(vfs.f_bfree * vfs.f_frsize, free, "free")
    client.fop("RELEASE", gfid=gfids[name], fd=reply["fd"])
    return offset


def free_bytes():
    vfs = os.statvfs(TOP)
    return vfs.f_bfree * vfs.f_frsize


def errno_of(reply):
    return errno.errorcode[reply.op_errno] if not reply.ok else "OK"


def statfs():
    reply = client.fop("STATFS", gfid=ROOT)
    same(reply.ok, True)
    return reply["statfs"]


def statfs_leaves_out_the_reserve():
    """statfs counts the reserve as taken, to the block"""
    vfs, got = os.statvfs(TOP), statfs()
    same(got["blocks"], vfs.f_blocks)
    same(got["frsize"], vfs.f_frsize)
    same(got["bfree"], vfs.f_bfree - RESERVE // vfs.f_frsize)
    same(got["bavail"], min(vfs.f_bavail, got["bfree"]))
    brick.ctl("config", "set", "storage.reserve", "25%")
    same(statfs()["bfree"], vfs.f_bfree - int(vfs.f_blocks * 0.25 + 0.5))
    brick.ctl("config", "set", "storage.reserve", "10")
    same(statfs()["bfree"], vfs.f_bfree - int(vfs.f_blocks * 0.10 + 0.5))
    brick.ctl("config", "set", "storage.reserve", "0")
    same(statfs()["bfree"], vfs.f_bfree)
    brick.ctl("config", "set", "storage.reserve", "100%")
    same((statfs()["bfree"], statfs()["bavail"]), (0, 0))
    brick.ctl("config", "set", "storage.reserve", "16MB")
    brick.ctl("config", "set", "posix.shared-brick-count", "3")
    got = statfs()
    same(got["blocks"], vfs.f_blocks // 3)
    same(got["bfree"], (vfs.f_bfree - RESERVE // vfs.f_frsize) // 3)
    brick.ctl("config", "set", "posix.shared-brick-count", "1")


def the_write_that_crosses_is_refused():
    """the write that would cross the line is refused, and none before it"""
    reply = create("file")
    same(errno_of(reply), "OK")
    global fd
    fd = reply["fd"]
    same(errno_of(client.write(gfids["file"], fd, 0, b"x" * MIB)), "OK")
    # 64 KiB above the line: one page fits, and 128 KiB do not.
    fill_to("filler", RESERVE + 64 * 1024)
    same(errno_of(client.write(gfids["file"], fd, MIB, bytes(128 * 1024))),
         "ENOSPC")
    same(os.stat(TOP + "/file").st_size, MIB, "size after the refusal")
    same(errno_of(client.write(gfids["file"], fd, MIB, bytes(4096))), "OK")
    # On the line, nothing more.
    fill_to("filler2", RESERVE)
    same(errno_of(client.write(gfids["file"], fd, MIB + 4096, bytes(4096))),
         "ENOSPC")
    same(free_bytes(), RESERVE)


def what_makes_something_is_refused():
    """below the line nothing new is made"""
    gfid = uuid.uuid4().bytes
    new = {"gfid-req": v_gfid(gfid)}
    for name, args in (
            ("MKNOD", dict(pargfid=ROOT, bname="n", mode=0o100644)),
            ("MKDIR", dict(pargfid=ROOT, bname="n", mode=0o755)),
            ("SYMLINK", dict(pargfid=ROOT, bname="n", linkname="x")),
            ("CREATE", dict(pargfid=ROOT, bname="n", flags=O_RDWR,
                            mode=0o644))):
        same(errno_of(client.fop(name, xdata=new, **args)), "ENOSPC", name)
    same(errno_of(client.fop("FALLOCATE", gfid=gfids["file"], fd=fd,
                             offset=2 * MIB, size=MIB)), "ENOSPC")
    same(os.path.lexists(TOP + "/n"), False)
    same(free_bytes(), RESERVE)


def what_needs_no_space_goes_on():
    """below the line: overwriting, reading, attributes, fsync"""
    same(errno_of(client.write(gfids["file"], fd, 4096, b"y" * 65536)), "OK")
    back = client.fop("READ", gfid=gfids["file"], fd=fd, offset=4096,
                      size=65536)
    same(back["payload"], b"y" * 65536)
    same(errno_of(client.fop("FSYNC", gfid=gfids["file"], fd=fd)), "OK")
    same(errno_of(client.fop("SETATTR", gfid=gfids["file"], valid=1,
                             stbuf={"mode": 0o100600})), "OK")
    same(errno_of(client.fop("LOOKUP", pargfid=ROOT, bname="file")), "OK")
    same(free_bytes(), RESERVE)


def internal_clients_go_on():
    """below the line an internal client (pid -6) may write"""
    reply = create("healed", INTERNAL)
    same(errno_of(reply), "OK")
    same(errno_of(client.write(gfids["healed"], reply["fd"], 0, bytes(MIB),
                               cred=INTERNAL)), "OK")
    # And a user still may not.
    same(errno_of(client.write(gfids["healed"], reply["fd"], MIB,
                               bytes(4096))), "ENOSPC")
    client.fop("RELEASE", gfid=gfids["healed"], fd=reply["fd"])


def unlink_goes_on():
    """below the line a user may unlink, and may write again when it helped"""
    assert free_bytes() < RESERVE
    same(errno_of(client.fop("UNLINK", pargfid=ROOT, bname="healed")), "OK")
    same(errno_of(client.fop("UNLINK", pargfid=ROOT, bname="filler")), "OK")
    fixture.wait_until("the space is back", lambda: free_bytes() > RESERVE +
                       MIB)
    same(errno_of(client.write(gfids["file"], fd, MIB + 4096, bytes(4096))),
         "OK")


def a_lower_reserve_helps_at_once():
    """the reserve is looked at for each write, not now and then"""
    brick.ctl("config", "set", "posix.reserve", "%d" % free_bytes())
    same(errno_of(client.write(gfids["file"], fd, 3 * MIB, bytes(4096))),
         "ENOSPC")
    brick.ctl("config", "set", "posix.reserve", "0")
    same(errno_of(client.write(gfids["file"], fd, 3 * MIB, bytes(4096))),
         "OK")


def a_disk_that_is_full():
    """a disk that is full, reserve or not: ENOSPC, and the brick lives on"""
    reply = create("last")
    offset, got = 0, "OK"
    while got == "OK" and offset < SIZE:
        got = errno_of(client.write(gfids["last"], reply["fd"], offset,
                                    bytes(MIB)))
        offset += MIB
    same(got, "ENOSPC")
    client.fop("RELEASE", gfid=gfids["last"], fd=reply["fd"])
    same(errno_of(client.fop("UNLINK", pargfid=ROOT, bname="last")), "OK")
    client.close()
    same(brick.stop(), 0)
    # Full when it starts, too: it is a brick already.
    with open(TOP + "/../stuffing", "wb", 0) as f:
        try:
            while True:
                f.write(bytes(4096))
        except OSError:
            pass
    brick.start()
    c = brick.client()
    same(c.fop("LOOKUP", pargfid=ROOT, bname="file").ok, True)
    c.close()
    same(brick.stop(), 0)


try:
    fixture.main([
        statfs_leaves_out_the_reserve, the_write_that_crosses_is_refused,
        what_makes_something_is_refused, what_needs_no_space_goes_on,
        internal_clients_go_on, unlink_goes_on,
        a_lower_reserve_helps_at_once, a_disk_that_is_full], [brick])
finally:
    brick.stop()
    brick.unmount()
