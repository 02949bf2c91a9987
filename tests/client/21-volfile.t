#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The stock server's command line on a volfile as glusterd makes it: every layer,
in the foreground and in the background, under the stock program's name too;
and what is switched on in it that we do not have.
"""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from operate import (Load, PROGRAM, answers, ctl,  # noqa: E402
                     need_ours, refused, same, thread_names)
from wire import Client, ROOT  # noqa: E402

fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
PORT = 24170
TOP = os.path.join(scratch.path, "brick")
SPEC = os.path.join(scratch.path, "v1.vol")
LOG = os.path.join(scratch.path, "v1.log")
PID = os.path.join(scratch.path, "v1.pid")
CONTROL = "/run/clinker/%s.sock" % TOP[1:].replace("/", "-")
VOLUME, USER, PASSWORD = (str(uuid.uuid4()) for _ in range(3))
os.mkdir(TOP)
os.setxattr(TOP, "trusted.glusterfs.volume-id", uuid.UUID(VOLUME).bytes)

# Type, name and options from the bottom to the top, as glusterd writes them.
LAYERS = [
    ("storage/posix", "v1-posix", [
        ("shared-brick-count", "3"), ("fips-mode-rchecksum", "on"),
        ("volume-id", VOLUME), ("directory", TOP)]),
    ("features/trash", "v1-trash", [
        ("trash-internal-op", "off"), ("brick-path", TOP),
        ("trash-dir", ".trashcan")]),
    ("features/changelog", "v1-changelog", [
        ("changelog-barrier-timeout", "120"),
        ("changelog-notification", "off"),
        ("changelog-dir", TOP + "/.glusterfs/changelogs"),
        ("changelog-brick", TOP)]),
    ("features/bitrot-stub", "v1-bitrot-stub", [
        ("bitrot", "disable"), ("export", TOP)]),
    ("features/access-control", "v1-access-control", []),
    ("features/locks", "v1-locks", [("enforce-mandatory-lock", "off")]),
    ("features/worm", "v1-worm", [
        ("worm-files-deletable", "on"), ("worm-file-level", "off"),
        ("worm", "off")]),
    ("features/read-only", "v1-read-only", [("read-only", "off")]),
    ("features/leases", "v1-leases", [("leases", "off")]),
    ("features/upcall", "v1-upcall", [("cache-invalidation", "off")]),
    ("performance/io-threads", "v1-io-threads", []),
    ("features/selinux", "v1-selinux", [("selinux", "on")]),
    ("features/marker", "v1-marker", [
        ("inode-quota", "off"), ("quota", "off"),
        ("gsync-force-xtime", "off"), ("xtime", "off"),
        ("quota-version", "0"),
        ("timestamp-file", "/var/lib/glusterd/vols/v1/marker.tstamp"),
        ("volume-uuid", VOLUME)]),
    ("features/barrier", "v1-barrier", [
        ("barrier-timeout", "120"), ("barrier", "disable")]),
    ("features/index", "v1-index", [
        ("xattrop-pending-watchlist", "trusted.afr.v1-"),
        ("xattrop-dirty-watchlist", "trusted.afr.dirty"),
        ("index-base", TOP + "/.glusterfs/indices")]),
    ("features/quota", "v1-quota", [
        ("deem-statfs", "off"), ("server-quota", "off"),
        ("volume-uuid", "v1")]),
    ("debug/io-stats", TOP, [
        ("global-threading", "off"), ("count-fop-hits", "off"),
        ("latency-measurement", "off"), ("threads", "16"),
        ("log-level", "INFO"), ("volume-id", VOLUME), ("unique-id", TOP)]),
    ("protocol/server", "v1-server", [
        ("transport.listen-backlog", "1024"),
        ("transport.socket.keepalive-count", "9"),
        ("transport.socket.keepalive-interval", "2"),
        ("transport.socket.keepalive-time", "20"),
        ("transport.socket.ssl-enabled", "off"),
        ("rpc.outstanding-rpc-limit", "32"),
        ("transport.socket.keepalive", "1"),
        ("auth.addr.%s.allow" % TOP, "*"), ("auth-path", TOP),
        ("auth.login.%s.password" % USER, PASSWORD),
        ("auth.login.%s.allow" % TOP, USER),
        ("transport.address-family", "inet"), ("transport-type", "tcp")]),
]


def write(changes={}, left_out=(), added=()):
    """The volfile, with other values for (type, option), without some
    translators, with others on top of posix."""
    text, below = "", None
    for kind, name, options in LAYERS[:1] + list(added) + LAYERS[1:]:
        if kind in left_out:
            continue
        wanted = dict(options)
        wanted.update({k[1]: v for k, v in changes.items() if k[0] == kind})
        text += "volume %s\n    type %s\n" % (name, kind)
        for key, value in wanted.items():
            text += "    option %s %s\n" % (key, value)
        if below:
            text += "    subvolumes %s\n" % below
        text += "end-volume\n\n"
        below = name
    with open(SPEC, "w") as f:
        f.write(text)


def command(port=PORT, background=False):
    return ([] if background else ["-N"]) + [
        "-f", SPEC, "--volfile-id", "v1.host." + TOP[1:].replace("/", "-"),
        "-l", LOG, "-p", PID, "-L", "INFO", "--brick-name", TOP,
        "--process-name", "brick", "--brick-port", str(port),
        "--xlator-option", "*-posix.glusterd-uuid=" + str(uuid.uuid4()),
        "--xlator-option", "v1-server.listen-port=%d" % port]


def client(port=PORT, **options):
    return Client(port).login(TOP, **options)


def log_text():
    with open(LOG) as f:
        return f.read()


def foreground(argv0="glusterfsd", program=PROGRAM):
    process = subprocess.Popen([argv0] + command(), executable=program,
                               stdin=subprocess.DEVNULL)
    fixture.wait_until("it serves", lambda: answers(CONTROL) or
                       process.poll() is not None)
    same(process.poll(), None, "it ended")
    return process


def end(process):
    try:
        fixture.at_rest("v1", CONTROL)
    finally:
        process.terminate()


def serves_a_client():
    """every layer of glusterd's volfile serves clients: one with its password,
    and one by address, at work"""
    write()
    process = foreground()
    with client(username=USER, password=PASSWORD) as c:
        same(c.create("file").ok, True)
        same(c.fop("LOOKUP", pargfid=ROOT, bname="file").ok, True)
        reply = c.fop("STATFS", gfid=ROOT)
        same(reply["statfs"]["blocks"], os.statvfs(TOP).f_blocks // 3,
             "shared-brick-count")
    ret, err, _ = Client(PORT).setvolume(TOP, username=USER, password="no")
    same((ret, err), (-1, errno.EACCES))
    with Load(PORT, TOP) as load:
        load.more()
    load.is_clean()
    with open(PID) as f:
        same(f.read(), "%d\n" % process.pid)
    end(process)
    same(process.wait(20), 15, "exit status after SIGTERM")
    text = log_text()
    assert "received signum (15)" in text
    # Nothing is left out.
    same([x for x in text.splitlines() if "is left out" in x], [])
    process = foreground()
    process.send_signal(signal.SIGINT)
    same(process.wait(20), 2, "exit status after SIGINT")


def stock_mount():
    """a stock mount copies into it and reads it back"""
    if not shutil.which("glusterfs") or not os.path.exists("/dev/fuse"):
        print("# no glusterfs or /dev/fuse: left out")
        return
    process = foreground()
    spec, point = scratch.path + "/client.vol", scratch.path + "/mnt"
    with open(spec, "w") as f:
        f.write("volume v1-client-0\n    type protocol/client\n"
                "    option transport-type tcp\n"
                "    option remote-host 127.0.0.1\n"
                "    option remote-port %d\n    option remote-subvolume %s\n"
                "    option username %s\n    option password %s\n"
                "end-volume\n" % (PORT, TOP, USER, PASSWORD))
    os.mkdir(point)
    mount = subprocess.Popen(["glusterfs", "-N", "-f", spec, "-l",
                              scratch.path + "/mount.log", point])
    try:
        fixture.wait_until("it is mounted", lambda: os.path.ismount(point))
        with open(point + "/hello", "wb") as f:
            f.write(b"x" * 300000)
        with open(point + "/hello", "rb") as f:
            same(f.read(), b"x" * 300000)
        same(sorted(os.listdir(point)), ["file", "hello"])
        os.unlink(point + "/hello")
    finally:
        subprocess.run(["umount", point], check=True)
        mount.wait(20)
        end(process)
    same(process.wait(20), 15)


def lock_is_held(path):
    """Asked as glusterd asks, by somebody else: a child."""
    return subprocess.run(
        [sys.executable, "-c", "import os, sys\n"
         "fd = os.open(sys.argv[1], os.O_RDWR)\n"
         "try: os.lockf(fd, os.F_TEST, 0)\nexcept OSError: sys.exit(1)",
         path]).returncode == 1


def in_the_background():
    """without -N the parent ends, with 0, when the brick serves"""
    for _ in range(3):
        os.unlink(PID)
        run = subprocess.run(["glusterfsd"] + command(background=True),
                             executable=PROGRAM, stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=30)
        same((run.returncode, run.stdout, run.stderr), (0, "", ""))
        with client() as c:              # at once, and at the first try
            same(c.fop("LOOKUP", gfid=ROOT).ok, True)
        with open(PID) as f:
            text = f.read()
        assert re.fullmatch(r"\d+\n", text), text
        pid = int(text)
        assert lock_is_held(PID)
        same(os.getsid(pid), pid, "a session of its own")
        same(os.readlink("/proc/%d/cwd" % pid), "/")
        for fd in range(3):
            same(os.readlink("/proc/%d/fd/%d" % (pid, fd)), "/dev/null")
        # glusterd looks for this to know that the brick is served.
        held = [os.readlink("/proc/%d/fd/%s" % (pid, fd))
                for fd in os.listdir("/proc/%d/fd" % pid)]
        assert TOP in held, held
        os.kill(pid, signal.SIGTERM)
        # Orphans come to the first process of the sandbox, which is us.
        same(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 15)
        assert os.path.exists(PID) and not lock_is_held(PID)


def background_that_fails():
    """without -N the parent ends with what went wrong"""
    process = foreground()
    other = scratch.path + "/other.pid"
    args = command(background=True)
    args[args.index("-p") + 1] = other
    del args[args.index("-l"):args.index("-l") + 2]
    refused(scratch, args, [str(PORT), "Address already in use"], 98,
            argv0="glusterfsd")
    args[args.index("-p") + 1] = PID
    refused(scratch, args, [PID, "locked"], 1, argv0="glusterfsd")
    end(process)
    process.wait()


def log_is_reopened():
    """SIGHUP after the log was renamed: what follows is in a new file"""
    process = foreground()
    before = log_text()
    os.rename(LOG, LOG + ".1")
    process.send_signal(signal.SIGHUP)
    fixture.wait_until("a new log", lambda: os.path.exists(LOG) and
                       "read anew" in log_text())
    with client() as c:
        same(c.fop("LOOKUP", gfid=ROOT).ok, True)
    fixture.wait_until("the client is in it", lambda: "accepted client" in
                       log_text())
    with open(LOG + ".1") as f:
        assert f.read() == before, "the old log has grown"
    same(os.stat(LOG).st_mode & 0o777, 0o600)
    end(process)
    process.wait()


def volfile_is_read_anew():
    """SIGHUP with another volfile: options change, clients stay"""
    process = foreground()

    def get(key):
        return ctl(CONTROL, "config", "get", key).strip()
    same(get("io-threads.thread-count"), "16")
    with Load(PORT, TOP) as load:
        write({("performance/io-threads", "thread-count"): "5",
               ("protocol/server", "event-threads"): "4",
               ("protocol/server", "inode-lru-limit"): "100"})
        process.send_signal(signal.SIGHUP)
        fixture.wait_until("it has changed", lambda:
                           get("io-threads.thread-count") == "5")
        same(get("server.inode-lru-limit"), "100")
        fixture.wait_until("four", lambda: len(
            [n for n in thread_names(process.pid)
             if n.startswith("glfs_epoll")]) == 4)
        # One that is none changes nothing.
        with open(SPEC, "w") as f:
            f.write("volume x\n")
        process.send_signal(signal.SIGHUP)
        fixture.wait_until("it is refused", lambda:
                           "configuration not changed: " + SPEC in log_text())
        same(get("io-threads.thread-count"), "5")
        write()
        load.more()
    load.is_clean()
    end(process)
    process.wait()


def under_the_stock_name():
    """through a symlink called glusterfsd: its manners, and its name"""
    link = os.path.join(scratch.path, "glusterfsd")
    os.symlink(PROGRAM, link)
    process = foreground(link, link)
    with open("/proc/%d/comm" % process.pid) as f:
        same(f.read(), "glusterfsd\n")
    with open("/proc/%d/cmdline" % process.pid, "rb") as f:
        args = f.read().split(b"\0")
    same(args[0].decode(), link)
    assert TOP.encode() in args, args
    end(process)
    same(process.wait(20), 15)
    run = subprocess.run([link, "--version"], capture_output=True, text=True)
    same(run.returncode, 0)
    assert re.match(r"glusterfs \d", run.stdout), run.stdout
    run = subprocess.run([link, "--colour"], capture_output=True, text=True)
    same(run.returncode, 64, run.stderr)


def what_we_do_not_have():
    """what is switched on and missing here is refused by name"""
    args = command()
    del args[args.index("-l"):args.index("-l") + 2]
    for kind, option, value in (
            ("features/quota", "server-quota", "on"),
            ("features/marker", "quota", "on"),
            ("features/marker", "inode-quota", "on"),
            ("features/marker", "xtime", "on"),
            ("features/barrier", "barrier", "enable"),
            ("features/leases", "leases", "on"),
            ("features/worm", "worm", "on"),
            ("features/worm", "worm-file-level", "on"),
            ("features/locks", "enforce-mandatory-lock", "on"),
            ("features/bitrot-stub", "bitrot", "enable"),
            ("features/changelog", "changelog", "on"),
            ("features/trash", "trash", "on"),
            ("protocol/server", "transport.socket.ssl-enabled", "on"),
            ("protocol/server", "transport-type", "rdma"),
            ("protocol/server", "auth.colour.%s.allow" % TOP, "red")):
        write({(kind, option): value})
        told = refused(scratch, args, [option], 1, [TOP])
        assert kind in told or kind.split("/")[1] in told, told
    for kind in ("features/arbiter", "features/thin-arbiter", "features/cdc",
                 "debug/error-gen", "debug/delay-gen", "features/colour"):
        write(added=[(kind, "v1-added", [("mode", "server")])])
        refused(scratch, args, [kind, "v1-added"], 1, [TOP])
    write()


def any_subset():
    """a volfile of fewer layers; each that clients may miss is told of"""
    write(left_out=[k for k, _, _ in LAYERS[1:-2]
                    if k != "performance/io-threads"],
          added=[("debug/trace", "v1-trace", [("log-history", "on")])])
    process = foreground()
    with client() as c:
        same(c.fop("LOOKUP", pargfid=ROOT, bname="file").ok, True)
    text = log_text()
    assert "debug/trace is left out" in text
    assert "permissions are checked all the same" in text
    end(process)
    same(process.wait(20), 15)


fixture.main([
    serves_a_client, stock_mount, in_the_background, background_that_fails,
    log_is_reopened, volfile_is_read_anew, under_the_stock_name,
    what_we_do_not_have, any_subset])
