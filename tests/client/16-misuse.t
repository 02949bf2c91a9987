#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
What an operator does wrong: one clear line that names the thing, an exit
status that is not 0, within seconds, and a disk that is as it was.
"""

import json
import os
import socket
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from operate import (Daemon, PROGRAM, answers, ctl,  # noqa: E402
                     fingerprint, need_ours, refused, same, unchanged)

fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
VOLUME = str(uuid.uuid4())


def path(name):
    return os.path.join(scratch.path, name)


def new_brick(name, volume=None):
    """A directory with a file in it, as yet no brick but for its volume."""
    top = path(name)
    os.mkdir(top)
    with open(os.path.join(top, "precious"), "w") as f:
        f.write("data")
    if volume:
        os.setxattr(top, "trusted.glusterfs.volume-id",
                    uuid.UUID(volume).bytes)
    return top


def native(*args):
    """Arguments for a port that is free."""
    return ["--set", "server.listen-port=0",
            "--set", "server.control-socket=" + path("refused.ctl"),
            *args]


def refuse(args, *words, code=1, untouched=()):
    return refused(scratch, args, words, code, untouched)


def volfile(name, posix="", extra="", server="", top=None):
    """A volfile in the peer's form; extra stands between posix and
    io-stats."""
    text = "volume v-posix\n    type storage/posix\n" \
        "    option directory %s\n%send-volume\n" % (top or brick.dir, posix)
    below = "v-posix"
    if extra:
        text += "volume v-extra\n%s    subvolumes v-posix\nend-volume\n" % \
            extra
        below = "v-extra"
    text += "volume v-server\n    type protocol/server\n" \
        "    option transport-type tcp\n" \
        "    option auth.addr.%s.allow *\n%s    subvolumes %s\n" \
        "end-volume\n" % (below, server, below)
    with open(path(name), "w") as f:
        f.write(text)
    return path(name)


def peer(file, *args):
    return ["-N", "-f", file, "--xlator-option", "v-server.listen-port=0",
            *args]


# One brick that is served all the time, and one that is not yet a brick.
brick = Daemon(scratch, "b", [
    "--set", "server.listen-port={b.port}",
    "--set", "server.control-socket={b.control}",
    "--set", "posix.health-check-interval=0",
    "-p", "{b.pid_file}", "{b.dir}"])
fresh = new_brick("fresh", VOLUME)


def no_directory():
    """a brick directory that is not there"""
    refuse(native(path("none")), path("none"), "does not exist")
    assert not os.path.exists(path("none"))
    refuse(native(), "which brick?")


def no_directory_but_a_file():
    """a brick directory that is a file, or below a file"""
    plain = path("plain")
    with open(plain, "w") as f:
        f.write("x")
    refuse(native(plain), plain, "not a directory", untouched=[plain])
    refuse(native(plain + "/b"), plain + "/b", "not a directory",
           untouched=[plain])


def no_xattrs():
    """a file system without extended attributes"""
    top = path("ramfs")
    os.mkdir(top)
    mounted = subprocess.run(["mount", "-t", "ramfs", "ramfs", top],
                             capture_output=True).returncode == 0
    if not mounted:
        top = "/proc/self/task"          # always there, and has none
    try:
        before = sorted(os.listdir(top)) if mounted else None
        refuse(native(top), top, "extended attributes")
        if mounted:
            same(sorted(os.listdir(top)), before)
    finally:
        if mounted:
            subprocess.run(["umount", top], check=True)


def other_volume():
    """another volume's brick, or one of no volume where one is demanded"""
    other = str(uuid.uuid4())
    refuse(native("--set", "posix.volume-id=" + other, fresh), fresh, VOLUME,
           other, untouched=[fresh])
    bare = new_brick("bare")
    refuse(native("--set", "posix.volume-id=" + other, bare), bare,
           "belongs to no volume", untouched=[bare])
    os.setxattr(bare, "trusted.glusterfs.volume-id", b"short")
    refuse(native(bare), bare, "16 bytes", untouched=[bare])


def dot_glusterfs_is_a_file():
    """.glusterfs is a file, or something in it is of the wrong kind"""
    top = new_brick("dotfile", VOLUME)
    with open(top + "/.glusterfs", "w") as f:
        f.write("mine")
    refuse(native(top), top + "/.glusterfs", "not a directory",
           untouched=[top])
    os.unlink(top + "/.glusterfs")
    os.mkdir(top + "/.glusterfs", 0o700)
    os.symlink("/etc", top + "/.glusterfs/indices")
    refuse(native(top), top + "/.glusterfs/indices", "not a directory",
           untouched=[top, "/etc/hostname"])
    os.unlink(top + "/.glusterfs/indices")
    os.symlink("/etc", top + "/.glusterfs/00")
    refuse(native(top), top + "/.glusterfs/00", untouched=[top])


def wrong_root():
    """a directory inside a brick: its gfid is not the root's"""
    top = new_brick("inner", VOLUME)
    gfid = uuid.uuid4()
    os.setxattr(top, "trusted.gfid", gfid.bytes)
    refuse(native(top), top, "trusted.gfid", str(gfid), untouched=[top])
    os.setxattr(top, "trusted.gfid", b"abc")
    refuse(native(top), top, "trusted.gfid", untouched=[top])


def port_is_taken():
    """a port that is taken: exit status 1, and 98 as the peer"""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = str(taken.getsockname()[1])
    refuse(["--set", "server.listen-port=" + port, "--set",
            "server.bind-address=127.0.0.1", fresh], port,
           "Address already in use", untouched=[fresh])
    refuse(["--set", "server.listen-port=" + port, fresh], port,
           "Address already in use", untouched=[fresh])
    file = volfile("taken.vol", top=fresh)
    refuse(["-N", "-f", file, "--xlator-option",
            "v-server.listen-port=" + port], port, code=98,
           untouched=[fresh])
    # In the background it is the parent that tells.
    refuse(["-f", file, "--xlator-option", "v-server.listen-port=" + port],
           port, code=98, untouched=[fresh])
    taken.close()


def no_config():
    """a configuration file that cannot be read, or is none"""
    refuse(["-c", path("none.conf"), fresh], path("none.conf"),
           "No such file", untouched=[fresh])
    refuse(["-c", scratch.path, fresh], scratch.path, "directory",
           untouched=[fresh])


def config(text):
    with open(path("c.conf"), "w") as f:
        f.write(text)
    return ["-c", path("c.conf"), fresh]


def wrong_config():
    """a key that is not known is named with the nearest one, and the line"""
    where = path("c.conf") + ":2:"
    refuse(config("[io-threads]\nthread-cuont = 4\n"), where,
           "io-threads.thread-cuont", "'io-threads.thread-count'",
           untouched=[fresh])
    refuse(config("[io-treads]\nthread-count = 4\n"), where,
           "'io-threads.thread-count'", untouched=[fresh])
    refuse(config("[io-threads]\nthread-count\n"), where, untouched=[fresh])
    refuse(config("[io-threads]\nthread-count = 65\n"), where,
           "io-threads.thread-count", "1", "64", "65", untouched=[fresh])
    refuse(config("[io-threads]\nthread-count = many\n"), where, "many",
           untouched=[fresh])
    refuse(config("[log]\nlevel = LOUD\n"), where, "LOUD", "DEBUG",
           untouched=[fresh])
    refuse(config("[server]\nroot-squash = perhaps\n"), where, "perhaps",
           untouched=[fresh])
    refuse(config("[posix]\ndirectory = not/absolute\n"), where,
           "not/absolute", untouched=[fresh])
    refuse(config("[server\n# unfinished\n"), path("c.conf") + ":1:",
           untouched=[fresh])


def wrong_command_line():
    """what is no option, value or key on the command line"""
    refuse(["--set", "thread-cuont=4", fresh], "thread-cuont",
           "thread-count", untouched=[fresh])
    refuse(["--set", "posix.reserve=101%", fresh], "posix.reserve", "101",
           untouched=[fresh])
    refuse(["--set", "nothing", fresh], "nothing", "KEY=VALUE", code=64,
           untouched=[fresh])
    before = fingerprint(fresh)
    for args, word in ((["--colour"], "colour"),
                       ([fresh, fresh], "Too many")):
        run = subprocess.run([PROGRAM] + args, capture_output=True, text=True,
                             timeout=10)
        same(run.returncode, 64, run.stderr)
        assert word in run.stderr.splitlines()[0], run.stderr
    unchanged(before, fresh)
    file = volfile("good.vol", top=fresh)
    refuse(["-L", "LOUD", fresh], "LOUD", code=64, untouched=[fresh])
    refuse(peer(file, "-L", "LOUD"), "LOUD", code=255, untouched=[fresh])
    refuse(["-N", "-f", file, "--xlator-option", "nodot"], "nodot", code=255,
           untouched=[fresh])


def wrong_volfile():
    """a volfile that is none, or has what is not supported"""
    refuse(peer(path("none.vol")), path("none.vol"), untouched=[fresh])
    with open(path("bad.vol"), "w") as f:
        f.write("volume x\n    type storage/posix\n    option directory\n"
                "end-volume\n")
    refuse(peer(path("bad.vol")), path("bad.vol"))
    with open(path("bad.vol"), "w") as f:
        f.write("")
    refuse(peer(path("bad.vol")), path("bad.vol"))
    refuse(peer(volfile("u.vol", top=fresh,
                        extra="    type features/colour\n    option a b\n")),
           "features/colour", untouched=[fresh])
    refuse(peer(volfile("u.vol", top=fresh,
                        extra="    type features/arbiter\n")),
           "features/arbiter", untouched=[fresh])
    refuse(peer(volfile("u.vol", top=fresh, extra="    type features/quota\n"
                        "    option server-quota on\n")),
           "features/quota", "server-quota", untouched=[fresh])
    refuse(peer(volfile("u.vol", top=fresh,
                        server="    option inode-lru-limit many\n")),
           "inode-lru-limit", "many", untouched=[fresh])
    refuse(peer(volfile("u.vol", top=fresh,
                        posix="    option volume-id %s\n" % uuid.uuid4())),
           fresh, VOLUME, untouched=[fresh])
    refuse(["-s", "localhost", "--volfile-id", "v", "-N"], "-s", code=255)


def full_disk():
    """a disk without room for a brick's layout: nothing is left of it"""
    top = path("full")
    os.mkdir(top)
    for full in ("size=64k,nr_inodes=3", "size=64k,nr_inodes=4",
                 "size=64k,nr_inodes=9", "size=64k,nr_inodes=200"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", full, "tmpfs", top],
                       check=True)
        try:
            os.setxattr(top, "trusted.glusterfs.volume-id",
                        uuid.UUID(VOLUME).bytes)
            with open(top + "/filler", "wb", 0) as f:
                try:
                    while True:
                        f.write(b"x" * 4096)
                except OSError:
                    pass
            before = fingerprint(top)
            refuse(native(top), top, "No space left")
            unchanged(before, top, times=False)
        finally:
            subprocess.run(["umount", top], check=True)


def second_daemon():
    """a second daemon on the same brick"""
    refuse(native(brick.dir), brick.dir, "served by process %d" %
           brick.process.pid, untouched=[brick.dir])
    other = path("same")
    os.symlink(brick.dir, other)
    refuse(native(other), "served by process", untouched=[brick.dir])
    same(brick.ask("status")["pid"], brick.process.pid)


def pid_file_is_locked():
    """a pid file that a daemon holds, or that cannot be"""
    refuse(native("-p", brick.pid_file, fresh), brick.pid_file, "locked",
           untouched=[fresh, brick.pid_file])
    refuse(native("-p", path("no/such/pid"), fresh), path("no/such/pid"),
           untouched=[fresh])
    with open(brick.pid_file) as f:
        same(f.read(), "%d\n" % brick.process.pid)


def control_socket_is_taken():
    """a control socket that a daemon listens on"""
    refuse(["--set", "server.listen-port=0", "--set",
            "server.control-socket=" + brick.control, fresh], brick.control,
           "another daemon", untouched=[fresh])


def default_control_socket_is_taken():
    """two bricks whose control sockets would have the same name"""
    first, second = path("d/e"), new_brick("d-e", VOLUME)
    os.makedirs(first)
    control = "/run/clinker/%s.sock" % first[1:].replace("/", "-")
    one = subprocess.Popen([PROGRAM, "--set", "server.listen-port=0", first],
                           stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    try:
        fixture.wait_until("it answers", lambda: answers(control))
        refuse(["--set", "server.listen-port=0", second], control,
               "another daemon", "server.control-socket", untouched=[second])
        same(json.loads(ctl(control, "--json", "status"))["pid"], one.pid)
    finally:
        one.terminate()
        one.wait()


def statedump_directory_is_missing():
    """a statedump directory that is not there is told of at the dump"""
    brick.ctl("config", "set", "server.statedump-path", path("no/dumps"))
    text = brick.ctl("statedump", code=1)
    same(text.count("\n"), 1, text)
    assert path("no/dumps") in text or "No such file" in text, text
    assert "no statedump in " + path("no/dumps") in brick.log_text()
    brick.ctl("config", "set", "server.statedump-path", brick.dumps)
    brick.dump("mem")


def log_cannot_be_opened():
    """a log file that cannot be opened"""
    for args, code in (([fresh], 1),
                       (peer(volfile("log.vol", top=fresh)), 255)):
        before = fingerprint(fresh)
        run = subprocess.run([PROGRAM, "-l", "/proc/no/log"] + args,
                             stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=10)
        same(run.returncode, code, run.stderr)
        same(run.stderr.count("\n"), 1, run.stderr)
        assert "/proc/no/log" in run.stderr, run.stderr
        unchanged(before, fresh)


def the_served_brick_noticed_nothing():
    """the brick that was served all the time noticed nothing"""
    c = brick.client()
    same(c.create("after").ok, True)
    c.close()
    same(brick.stop(), 0)


fixture.main([
    no_directory, no_directory_but_a_file, no_xattrs, other_volume,
    dot_glusterfs_is_a_file, wrong_root, port_is_taken, no_config,
    wrong_config, wrong_command_line, wrong_volfile, full_disk,
    second_daemon, pid_file_is_locked, control_socket_is_taken,
    default_control_socket_is_taken,
    statedump_directory_is_missing, log_cannot_be_opened,
    the_served_brick_noticed_nothing], [brick])
