#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
memory.limit under load: many clients walk a tree while others write and an
internal one heals, and the process stays below its limit, with no error that a
user sees.

MEMORY_LIMIT (in MiB), MEMORY_CLIENTS, MEMORY_FILES and MEMORY_SECONDS make it
larger; `make check-long` does.
"""

import errno
import os
import re
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from operate import PROGRAM, TmpfsDaemon, need_ours, same  # noqa: E402
from wire import ROOT  # noqa: E402

fixture.sandbox()
need_ours()
MIB = 1 << 20
LIMIT = int(os.environ.get("MEMORY_LIMIT", 64))
CLIENTS = int(os.environ.get("MEMORY_CLIENTS", 40))
FILES = int(os.environ.get("MEMORY_FILES", 50000))
SECONDS = float(os.environ.get("MEMORY_SECONDS", 5))
IN_DIR = 1000
WALKERS = 4
BUILD = os.path.dirname(os.path.realpath(PROGRAM))
LOAD, WALK = (os.path.join(BUILD, "tests/bench", name)
              for name in ("wire_load", "wire_walk"))
for program in (LOAD, WALK):
    if not os.access(program, os.X_OK):
        fixture.skip_all("the benchmarks' programs (make check-client)")

scratch = fixture.Scratch()
brick = TmpfsDaemon(scratch, "b", [
    "--set", "server.listen-port={b.port}",
    "--set", "server.control-socket={b.control}",
    "--set", "memory.limit=%dM" % LIMIT, "{b.dir}"])


def status(key):
    with open("/proc/%d/status" % brick.process.pid) as f:
        return int(re.search(r"^%s:\s+(\d+) kB" % key, f.read(),
                             re.M).group(1)) * 1024


def stays_below():
    peak = status("VmHWM")
    print("# at most %.1f MiB resident" % (peak / MIB))
    assert peak <= LIMIT * MIB, "%d KiB resident" % (peak // 1024)


def load(*more):
    return subprocess.Popen(
        [LOAD, "--port", str(brick.port), "--brick", brick.dir] + list(more),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def walk(first, dirs):
    return subprocess.Popen(
        [WALK, "--port", str(brick.port), "--brick", brick.dir,
         "--first", str(first), "--dirs", str(dirs),
         "--files", str(IN_DIR)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ends_well(process, allowed=None):
    said = process.communicate(timeout=200 + 40 * SECONDS)[0]
    if process.returncode != 0 and not (allowed and allowed in said):
        raise AssertionError("%s: %d\n%s" % (process.args[0],
                                             process.returncode, said))


def a_tree_is_walked_while_others_write():
    """a tree is walked while others write: below the limit, without errors"""
    dirs = max(FILES // IN_DIR, WALKERS)
    for i in range(dirs):
        folder = os.path.join(brick.dir, "d%07d" % i)
        os.mkdir(folder)
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        for k in range(IN_DIR):
            os.close(os.open("f%07d" % k, os.O_CREAT | os.O_WRONLY, 0o644,
                             dir_fd=at))
        os.close(at)
    writers = load("--connections", str(CLIENTS), "--depth", "16",
                   "--seconds", str(SECONDS), "--ops", "100000000",
                   "--select", "write-128k,read-128k,write-4k")
    internal = load("--connections", "2", "--depth", "16", "--client-pid",
                    "-6", "--seconds", str(SECONDS), "--ops", "100000000",
                    "--select", "lookup,write-128k")
    walkers = [walk(i * (dirs // WALKERS), dirs // WALKERS)
               for i in range(WALKERS)]
    for process in walkers + [writers]:
        ends_well(process)
    ends_well(internal, os.strerror(errno.ENOMEM))
    stays_below()


def a_client_that_does_not_read_its_replies():
    """who does not read holds no more than its quota, and gets all in the end"""
    quota, size, calls = LIMIT * MIB // 4, MIB, 200
    c, other = brick.client(), brick.client()
    gfid = uuid.uuid4().bytes
    fd = c.create("replies", gfid=gfid)["fd"]
    for i in range(4):
        same(c.write(gfid, fd, i * size, bytes([i + 1]) * size).ok, True)
    xids = [c.send_fop("READ", gfid=gfid, fd=fd, offset=i % 4 * size,
                       size=size) for i in range(calls)]

    def held():
        rows = [row for row in brick.ask("clients")["clients"]
                if not row["read-from"]]
        return rows[0]["held-bytes"] if rows else None
    fixture.wait_until("it is not read from", held)
    for _ in range(50):
        same(other.fop("LOOKUP", pargfid=ROOT, bname="replies").ok, True)
        # The kernel may have taken more meanwhile.
        assert (held() or 0) <= quota + 2 * size, held()
    for i, xid in enumerate(xids):
        reply = c.wait_fop("READ", xid)
        same(reply.ok, True, os.strerror(reply.op_errno))
        same(reply["payload"][::size // 2],
             bytes([i % 4 + 1, i % 4 + 1]), "reply %d" % i)
    fixture.wait_until("nothing is held", lambda: not any(
        row["held-bytes"] for row in brick.ask("clients")["clients"]))
    c.close()
    other.close()
    stays_below()


def at_the_limit_it_answers():
    """with hardly room to work, operations are answered, ENOMEM at worst"""
    brick.ctl("config", "set", "memory.limit", "1M")
    c = brick.client()
    gfid = uuid.uuid4().bytes
    reply = c.create("tight", gfid=gfid)
    seen = set()
    for i in range(8):
        xids = [c.send_fop("READ", gfid=gfid, fd=reply["fd"], offset=0,
                           size=16 * MIB) for i in range(8)]
        seen |= {c.wait_fop("READ", xid).op_errno for xid in xids}
    assert seen <= {0, errno.ENOMEM}, seen
    # What was refused has left nothing behind.
    brick.ctl("config", "set", "memory.limit", "%dM" % LIMIT)
    same(c.fop("LOOKUP", pargfid=ROOT, bname="tight").ok, True)
    c.close()


try:
    fixture.main([
        a_client_that_does_not_read_its_replies, at_the_limit_it_answers,
        a_tree_is_walked_while_others_write], [brick])
finally:
    brick.stop()
    brick.unmount()
