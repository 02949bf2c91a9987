#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Every operation on a file system that is full, of blocks and of inodes: what
the kernel has no room for is answered with ENOSPC and leaves nothing behind,
what takes no room goes on, and with room again all is as before.
"""

import ctypes
import errno
import os
import re
import stat
import subprocess
import sys
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
import brickfsck  # noqa: E402
from fault import accounts_in  # noqa: E402
from operate import Daemon, fingerprint, need_ours, same  # noqa: E402
from wire import (ANON_FD, O_RDWR, ROOT, SETATTR_ATIME,  # noqa: E402
                  SETATTR_GID, SETATTR_MODE, SETATTR_MTIME, SETATTR_UID, Cred,
                  v_gfid, v_ptr)

fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
LIBC = ctypes.CDLL(None, use_errno=True)
MIB = 1 << 20
PAGE = 4096
LONG = "l" * 200                # with it a directory's handle needs a block
LEVEL = re.compile(r"\.glusterfs/[0-9a-f]{2}(/[0-9a-f]{2})?")
TIMES = 0o77                    # all times of an object and its parent


# --- disks ---

class Disk:
    """A small file system of its own, with a brick and what fills it."""

    def __init__(self, name, kind, spent):
        self.name, self.kind, self.spent = name, kind, spent
        self.path = os.path.join(scratch.path, name)
        self.top = os.path.join(self.path, "b")
        self.stuffing = os.path.join(self.path, "stuffing")
        os.mkdir(self.path)

    def mount(self):
        """False where the system does not let us."""
        if self.kind == "tmpfs":
            args = ["-t", "tmpfs", "-o",
                    "size=8m,nr_inodes=3000,mode=755", "tmpfs"]
        else:
            image = os.path.join(IMAGES, self.name)
            with open(image, "wb") as f:
                f.truncate(32 * MIB)
            made = subprocess.run(
                ["mkfs.ext4", "-q", "-F", "-b", "4096", "-I", "256", "-m",
                 "0", "-N", "2048", image], capture_output=True)
            if made.returncode != 0:
                return False
            args = ["-t", "ext4", "-o", "loop", image]
        if subprocess.run(["mount"] + args + [self.path],
                          capture_output=True).returncode != 0:
            return False
        os.mkdir(self.top)
        os.mkdir(self.stuffing)
        try:
            os.setxattr(self.top, "trusted.glusterfs.volume-id",
                        uuid.uuid4().bytes)
            os.setxattr(self.top, "user.x", b"1")
            os.removexattr(self.top, "user.x")
        except OSError:
            self.unmount()
            return False
        return True

    def unmount(self):
        subprocess.run(["umount", "-l", self.path], check=False)

    def sync(self):
        """What was freed comes back with the journal's next commit."""
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            same(LIBC.syncfs(fd), 0, "syncfs")
        finally:
            os.close(fd)

    def fill(self):
        """To the last block, or the last inode."""
        self.sync()
        if self.spent == "blocks":
            self.fill_blocks()
        else:
            self.fill_inodes()

    def fill_blocks(self):
        with open(os.path.join(self.stuffing, "file"), "ab", 0) as f:
            for size in (MIB, PAGE):
                try:
                    while True:
                        f.write(bytes(size))
                except OSError as e:
                    same(e.errno, errno.ENOSPC)
            os.fsync(f.fileno())

    def fill_inodes(self):
        try:
            while True:
                os.close(os.open(os.path.join(self.stuffing,
                                              uuid.uuid4().hex),
                                 os.O_CREAT | os.O_WRONLY))
        except OSError as e:
            same(e.errno, errno.ENOSPC)

    def make_room(self):
        for name in os.listdir(self.stuffing):
            os.unlink(os.path.join(self.stuffing, name))
        self.sync()


class OnDisk(Daemon):
    def __init__(self, disk):
        self.disk = disk
        super().__init__(scratch, "d-" + disk.name, [
            "--set", "server.listen-port={b.port}",
            "--set", "server.control-socket={b.control}",
            "--set", "server.statedump-path={b.dumps}",
            "--set", "posix.reserve=0",
            # It frees a block and wants it back, which somebody else might
            # take meanwhile; it has a test point of its own.
            "--set", "posix.health-check-interval=0", "{b.dir}"])

    def start(self):
        self.dir = self.disk.top
        super().start()


# --- the brick as it lies there ---

def picture(top):
    """All of a brick but its times, and the directories that handles lie
    in."""
    seen = {}
    for path, (mode, uid, gid, nlink, _, _, body, xattrs) in \
            fingerprint(top).items():
        name = os.path.relpath(path, top)
        if stat.S_ISDIR(mode):
            if LEVEL.fullmatch(name):
                continue
            nlink = 0
        seen[name] = (mode, uid, gid, nlink, body, xattrs)
    return seen


def sound(top):
    same(brickfsck.check(top), [], "problems of the brick")
    same(os.listdir(top + "/.glusterfs/clinker/making"), [], "left over")


# --- the operations ---

class Battery:
    """One client and the objects that it works on."""

    def __init__(self, brick):
        self.brick, self.disk = brick, brick.disk
        self.client = brick.client()
        self.gfids, self.fds = {"": ROOT}, {}
        self.answers = {}
        self.full = False

    def fop(self, name, /, **args):
        now = time.time_ns()
        cred = Cred(flags=TIMES, ctime=(now // 10**9, now % 10**9))
        return self.client.fop(name, cred=cred, **args)

    def new(self, path):
        """What a request that makes something there says."""
        folder, _, name = path.rpartition("/")
        gfid = self.gfids[path] = uuid.uuid4().bytes
        return dict(pargfid=self.gfids[folder], bname=name,
                    xdata={"gfid-req": v_gfid(gfid)})

    def name(self, path):
        folder, _, name = path.rpartition("/")
        return dict(pargfid=self.gfids[folder], bname=name)

    def needs(self, reply):
        assert reply.ok, os.strerror(reply.op_errno)
        return reply

    def mkdir(self, path):
        self.needs(self.fop("MKDIR", mode=0o755, **self.new(path)))

    def create(self, path, data=b""):
        fd = self.fds[path] = self.needs(self.fop(
            "CREATE", flags=O_RDWR, mode=0o644, **self.new(path)))["fd"]
        if data:
            reply = self.needs(self.fop(
                "WRITE", gfid=self.gfids[path], fd=fd, offset=0,
                size=len(data), payload=data))
            same(reply["op_ret"], len(data))

    def file(self, path):
        return dict(gfid=self.gfids[path], fd=self.fds[path])

    def prepare(self):
        for path in ("d", "d/in", "moved", "moved-long", "over", "under",
                     "landfill", "landfill/in", "empty"):
            self.mkdir(path)
        for path in ("data", "source", "closed", "open", "linked", "old",
                     "old2", "old3", "victim", "landfill/in/f"):
            self.create(path, b"0123456789abcdef" * 1024)
        self.create("hole")
        self.needs(self.fop("FTRUNCATE", offset=4 * MIB, **self.file("hole")))
        self.needs(self.fop("SYMLINK", linkname="data", **self.new("sym")))
        self.needs(self.fop("LINK", oldgfid=self.gfids["linked"],
                            newgfid=ROOT, newbname="linked2"))
        self.needs(self.fop("SETXATTR", gfid=self.gfids["data"],
                            dict={"user.known": v_ptr(b"value"),
                                  "user.spare": v_ptr(b"spare")}))
        for path in ("closed", "victim", "landfill/in/f", "linked"):
            self.needs(self.fop("RELEASE", **self.file(path)))

    def attempt(self, title, name, wanted=("OK", "ENOSPC"), /, **args):
        """One operation, which has to answer one of those.  If it is an error
        nothing may have changed, else all that belongs to it has been done.
        Then the disk is as full as before."""
        before = picture(self.disk.top)
        reply = self.fop(name, **args)
        got = "OK" if reply.ok else errno.errorcode[reply.op_errno]
        self.answers[title] = got
        assert got in (wanted if self.full else ("OK",)), \
            "%s: %s" % (title, got)
        if got != "OK":
            after = picture(self.disk.top)
            for path in sorted(set(before) | set(after)):
                same(after.get(path), before.get(path),
                     "%s was refused, but %s" % (title, path))
        elif self.full:
            self.is_whole(title)
        if self.full:
            self.disk.fill()
        return reply

    def is_whole(self, title):
        """Nothing but the landfill mends itself."""
        problems = []

        def none():
            problems[:] = brickfsck.check(self.disk.top, allow_unlinked=True)
            return not problems
        try:
            fixture.wait_until("soundness", none, 10)
        except AssertionError as e:
            raise AssertionError("after %s: %r" % (title, problems)) from e

    # What makes something.  t: names differ from round to round.

    def makes(self, t):
        inodes = ("ENOSPC",) if self.disk.spent == "inodes" else \
            ("OK", "ENOSPC")
        made = self.attempt("create", "CREATE", inodes, flags=O_RDWR,
                            mode=0o644, **self.new("d/c" + t))
        if made.ok:
            self.fds["d/c" + t] = made["fd"]
            if self.full:
                self.attempt("write to what was created", "WRITE",
                             ("ENOSPC",), offset=0, size=PAGE,
                             payload=bytes(PAGE), **self.file("d/c" + t))
        for title, path in (("", "m" + t), (" with a long name", LONG + t)):
            self.attempt("mkdir" + title, "MKDIR", inodes, mode=0o755,
                         **self.new("d/" + path))
        self.attempt("mknod", "MKNOD", inodes, mode=0o100644,
                     **self.new("d/n" + t))
        self.attempt("mknod fifo", "MKNOD", inodes, mode=0o010644,
                     **self.new("d/p" + t))
        self.attempt("mknod with a long name", "MKNOD", inodes,
                     mode=0o100644, **self.new("d/n" + LONG + t))
        self.attempt("symlink", "SYMLINK", inodes, linkname="x",
                     **self.new("d/s" + t))
        self.attempt("symlink, long", "SYMLINK", ("ENOSPC",),
                     linkname="x" * 4000, **self.new("d/S" + t))
        acl = {"system.posix_acl_access": v_ptr(bytes.fromhex(
            "02000000" "01000600ffffffff" "0200060039300000"
            "04000400ffffffff" "10000600ffffffff" "20000400ffffffff"))}
        new = self.new("d/a" + t)
        new["xdata"].update(acl)
        new["xdata"]["trusted.mine"] = v_ptr(b"v" * 2000)
        self.attempt("mknod with an ACL and an xattr", "MKNOD", inodes,
                     mode=0o100644, **new)
        self.attempt("link", "LINK", oldgfid=self.gfids["data"],
                     newgfid=self.gfids["d"], newbname="L" + t)
        self.attempt("link with a long name", "LINK",
                     oldgfid=self.gfids["data"], newgfid=self.gfids["d"],
                     newbname="L" + LONG + t)

    def rename(self, title, old, new):
        folder, _, name = old.rpartition("/")
        to, _, to_name = new.rpartition("/")
        reply = self.attempt(title, "RENAME", oldgfid=self.gfids[folder],
                             oldbname=name, newgfid=self.gfids[to],
                             newbname=to_name)
        if reply.ok:
            self.gfids[new] = self.gfids.pop(old)

    def moves(self, t):
        """There and, where that went well, back again."""
        for title, old, new in (
                ("rename", "old", "d/moved"),
                ("rename to a long name", "old2", "d/r" + LONG),
                ("rename a directory", "moved", "d/dir"),
                ("rename a directory to a long name", "moved-long",
                 "d/R" + LONG)):
            self.rename(title, old, new)
            if new in self.gfids:
                self.rename(title + ", back", new, old)
        if t == "1":
            self.rename("rename over a file", "old3", "victim")
            self.rename("rename over a directory", "under", "over")

    # Data and attributes of what is there.

    def writes(self, t):
        at = 2 * MIB if t == "1" else MIB
        enospc = ("ENOSPC",) if self.disk.spent == "blocks" else \
            ("OK", "ENOSPC")
        hole, data = self.file("hole"), self.file("data")
        body = bytes(range(256)) * 16

        def write(title, wanted, offset, size, fd=None, **more):
            self.attempt(title, "WRITE", wanted, offset=offset, size=size,
                         payload=bytes(size), **(fd or hole), **more)
        write("write into a hole", enospc, at, 128 * 1024)
        write("write, synchronous", enospc, at + 256 * 1024, PAGE,
              flag=0o4010000)
        write("write at the end", enospc, 16384 + int(t) * 65536, 65536, data)
        write("write by an anonymous fd", enospc, at + 512 * 1024, PAGE,
              dict(gfid=self.gfids["hole"], fd=ANON_FD))
        self.attempt("overwrite", "WRITE", ("OK",), offset=0, size=PAGE,
                     payload=body, **data)
        same(self.fop("READ", offset=0, size=PAGE, **data)["payload"], body)
        self.attempt("copy_file_range", "COPY_FILE_RANGE", enospc,
                     gfid1=self.gfids["source"], gfid2=self.gfids["hole"],
                     fd_in=self.fds["source"], fd_out=self.fds["hole"],
                     off_in=0, off_out=at + 600 * 1024, size=16384)
        self.attempt("fallocate", "FALLOCATE", enospc, offset=at + 700 * 1024,
                     size=100 * 1024, **hole)
        self.attempt("fallocate beyond the end", "FALLOCATE", enospc,
                     offset=5 * MIB + int(t), size=100 * 1024, **hole)
        self.attempt("fallocate, size kept", "FALLOCATE", enospc, flags=1,
                     offset=7 * MIB + int(t) * 65536, size=65536, **hole)
        self.attempt("zerofill", "ZEROFILL", enospc, offset=at + 800 * 1024,
                     size=100 * 1024, **hole)
        self.attempt("zerofill beyond the end", "ZEROFILL", enospc,
                     offset=6 * MIB + int(t) * 65536, size=65536, **hole)
        self.attempt("truncate up", "TRUNCATE", ("OK",),
                     gfid=self.gfids["hole"], offset=7 * MIB)
        self.attempt("ftruncate up", "FTRUNCATE", ("OK",), offset=8 * MIB,
                     **hole)

    def attributes(self, t):
        gfid = self.gfids["data"]
        sizes = (100, 2000) if self.disk.kind == "ext4" else \
            (100, 2000, 60000)          # it has one block for all of them
        for size in sizes:
            self.attempt("setxattr of %d bytes" % size, "SETXATTR", gfid=gfid,
                         dict={"user.size%d" % size: v_ptr(b"x" * size)})
        self.attempt("fsetxattr", "FSETXATTR",
                     dict={"trusted.mine": v_ptr(b"y" * 500)},
                     **self.file("data"))
        self.attempt("setxattr of a directory", "SETXATTR",
                     gfid=self.gfids["d"],
                     dict={"user.dir": v_ptr(b"z" * 900)})
        self.attempt("setxattr over another", "SETXATTR", ("OK",), gfid=gfid,
                     dict={"user.known": v_ptr(b"other")})
        self.attempt("setattr of the mode", "SETATTR", ("OK",), gfid=gfid,
                     valid=SETATTR_MODE, stbuf={"mode": 0o100600 + int(t)})
        self.attempt("setattr of the owner", "SETATTR", ("OK",), gfid=gfid,
                     valid=SETATTR_UID | SETATTR_GID,
                     stbuf={"uid": 10 + int(t), "gid": 20})
        self.attempt("fsetattr of times", "FSETATTR", ("OK",),
                     valid=SETATTR_ATIME | SETATTR_MTIME,
                     stbuf={"atime": 5, "mtime": 6 + int(t)},
                     **self.file("data"))

    def syncs(self):
        for name, path in (("FSYNC", "data"), ("FSYNC", "hole"),
                           ("FLUSH", "data")):
            self.attempt(name.lower(), name, ("OK",), **self.file(path))
        fd = self.needs(self.fop("OPENDIR", gfid=self.gfids["d"]))["fd"]
        self.attempt("fsyncdir", "FSYNCDIR", ("OK",), gfid=self.gfids["d"],
                     fd=fd)
        self.needs(self.fop("RELEASEDIR", gfid=self.gfids["d"], fd=fd))

    def reads(self):
        gfid, data = self.gfids["data"], self.file("data")
        for name, args in (
                ("LOOKUP", self.name("data")), ("LOOKUP", self.name("d")),
                ("LOOKUP", dict(gfid=gfid)), ("STAT", dict(gfid=gfid)),
                ("FSTAT", data), ("READ", dict(size=1 << 16, **data)),
                ("READ", dict(gfid=gfid, fd=ANON_FD, size=PAGE)),
                ("ACCESS", dict(gfid=gfid, mask=4)), ("STATFS",
                                                      dict(gfid=ROOT)),
                ("READLINK", dict(gfid=self.gfids["sym"], size=PAGE)),
                ("GETXATTR", dict(gfid=gfid, name="user.known",
                                  namelen=10)),
                ("GETXATTR", dict(gfid=gfid)), ("FGETXATTR", data),
                ("SEEK", dict(offset=0, what=0, **data)),
                ("RCHECKSUM", dict(offset=0, len=PAGE, **data))):
            self.needs(self.fop(name, **args))
        gfid = self.gfids["source"]
        fd = self.needs(self.fop("OPEN", gfid=gfid, flags=O_RDWR))["fd"]
        self.needs(self.fop("LK", gfid=gfid, fd=fd, cmd=1, type=1,
                            flock={"len": 10, "owner": b"me"}))
        self.needs(self.fop("RELEASE", gfid=gfid, fd=fd))
        fd = self.needs(self.fop("OPENDIR", gfid=ROOT))["fd"]
        names = [set(), set()]
        for seen, name in zip(names, ("READDIR", "READDIRP")):
            offset = 0
            while True:
                entries = self.needs(self.fop(
                    name, gfid=ROOT, fd=fd, offset=offset, size=8192)
                    )["entries"]
                if not entries:
                    break
                offset = entries[-1]["off"]
                seen |= {os.fsdecode(e["name"]) for e in entries}
        self.needs(self.fop("RELEASEDIR", gfid=ROOT, fd=fd))
        there = set(os.listdir(self.disk.top)) - {".glusterfs"}
        same([n - {".", ".."} for n in names], [there, there])

    def removes(self):
        for path in ("closed", "open", "linked2", "linked"):
            self.attempt("unlink " + path, "UNLINK", ("OK",),
                         **self.name(path))
        reply = self.fop("READ", size=16, **self.file("open"))
        same(reply["payload"], b"0123456789abcdef", "open, and unlinked")
        self.attempt("removexattr", "REMOVEXATTR", ("OK",),
                     gfid=self.gfids["data"], name="user.spare")
        self.attempt("rmdir", "RMDIR", ("OK",), **self.name("empty"))
        self.attempt("rmdir of a tree", "RMDIR", ("OK",), xflags=1,
                     **self.name("landfill"))
        self.attempt("truncate down", "TRUNCATE", ("OK",),
                     gfid=self.gfids["source"], offset=5)
        self.attempt("discard", "DISCARD", ("OK",), offset=0, size=PAGE * 2,
                     **self.file("data"))

    def everything(self, t):
        for part in (self.makes, self.moves, self.writes, self.attributes):
            part(t)
        self.syncs()
        self.reads()


# --- test points ---

def accounts(brick):
    """{(module, type): number} of what requests are made of."""
    return accounts_in(fixture.read_dump(brick.ctl("statedump").strip()))


def settles(brick, before):
    """No client is there, and nothing that one left."""
    seen = {}

    def back():
        seen.clear()
        seen.update({k: (before.get(k, 0), v)
                     for k, v in accounts(brick).items()
                     if v > before.get(k, 0)})
        return not seen and not brick.ask("clients")["clients"]
    try:
        fixture.wait_until("accounts", back)
    except AssertionError as e:
        raise AssertionError("not given back: %r" % seen) from e


class Scene:
    def __init__(self, name, kind, spent):
        self.disk = Disk(name, kind, spent)
        self.title = "%s without %s" % (kind, spent)
        self.brick = self.battery = None

    def point(self, what, function):
        def run():
            if self.disk.kind == "ext4" and self.brick is None and \
                    function != self.begins:
                return          # skipped by name at the first
            function()
        run.__doc__ = "%s: %s" % (self.title, what)
        return run

    def points(self):
        return [self.point(*p) for p in (
            ("prepared", self.begins),
            ("each operation is done as a whole or refused", self.is_full),
            ("unlink, rmdir and truncate go on", self.removes),
            ("the health check ends no brick for it", self.health),
            ("with room again all goes on", self.has_room),
            ("nothing is left of it, in memory or on disk", self.ends))]

    def begins(self):
        if not self.disk.mount():
            assert self.disk.kind != "tmpfs", "tmpfs with xattrs"
            print("# SKIP %s: needs a loop mount of ext4" % self.title)
            return
        self.brick = OnDisk(self.disk)
        with self.brick.client() as c:
            assert c.fop("LOOKUP", gfid=ROOT).ok
        fixture.wait_until("no client", lambda:
                           not self.brick.ask("clients")["clients"])
        self.before = accounts(self.brick)
        self.battery = Battery(self.brick)
        self.battery.prepare()

    def is_full(self):
        self.disk.fill()
        self.battery.full = True
        self.battery.everything("1")
        got = self.battery.answers
        print("# " + ", ".join(t for t in got if got[t] == "ENOSPC"))
        assert "ENOSPC" in got.values() and "OK" in got.values()

    def removes(self):
        self.battery.removes()

    def health(self):
        def probes():
            text = self.brick.dump("priv")
            return int(text.value("health_check.probes"))
        before = probes()
        self.brick.ctl("config", "set", "posix.health-check-interval", "1")
        fixture.wait_until("the health check", lambda: probes() > before + 2)
        self.brick.ctl("config", "set", "posix.health-check-interval", "0")
        assert self.brick.alive()
        self.battery.reads()

    def has_room(self):
        self.disk.make_room()
        self.battery.full = False
        b = self.battery
        b.makes("2")
        b.moves("2")
        b.writes("2")
        b.attributes("2")
        b.syncs()
        b.reads()

    def ends(self):
        # Its inode keeps what locks need.
        self.battery.attempt("unlink", "UNLINK", **self.battery.name("source"))
        self.battery.client.close()
        settles(self.brick, self.before)
        same(self.brick.stop(), 0)
        sound(self.disk.top)


# In memory: nobody else's disk is waited for.
IMAGES = os.path.join(scratch.path, "images")
os.mkdir(IMAGES)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=72m", "tmpfs", IMAGES],
               check=True)
scenes = [Scene(kind + "-" + spent, kind, spent)
          for kind in ("tmpfs", "ext4") for spent in ("blocks", "inodes")]
try:
    fixture.main([p for s in scenes for p in s.points()])
finally:
    for s in scenes:
        if s.brick:
            s.brick.stop()
        s.disk.unmount()
    subprocess.run(["umount", "-l", IMAGES], check=False)
