#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Statedumps while clients are at work: whole files, never half ones, whichever
way they are asked for, and clients that hardly notice.
"""

import os
import re
import signal
import stat
import sys
import threading
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from operate import Daemon, Dump, Load, need_ours, same  # noqa: E402
from wire import O_RDWR, ROOT, gfid_text  # noqa: E402

fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
# What sanitizers and a loaded machine add is within it; a daemon that stops
# while it dumps would not be.
LATENCY_SECONDS_MAX = 2.0
brick = Daemon(scratch, "b", [
    "--set", "server.listen-port={b.port}",
    "--set", "server.control-socket={b.control}",
    "--set", "server.statedump-path={b.dumps}",
    "--set", "server.volume-name=v1", "{b.dir}"])
NAME = brick.dir[1:].replace("/", "-")
FORM = re.compile(re.escape("%s.%d.dump." % (NAME, brick.process.pid)) +
                  r"\d{10}$")


class Watcher:
    """Reads each dump the moment that its name appears."""

    def __init__(self):
        self.seen, self.bad = {}, []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def look(self):
        for name in os.listdir(brick.dumps):
            if ".dump." not in name or name in self.seen:
                continue
            with open(os.path.join(brick.dumps, name)) as f:
                self.seen[name] = f.read()
            try:
                Dump(self.seen[name])
                assert FORM.match(name), name
            except AssertionError as e:
                self.bad.append("%s: %s" % (name, e))

    def run(self):
        while not self.ended.wait(0.001):
            self.look()
        self.look()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.ended.set()
        self.thread.join()
        if exc[0] is None:
            same(self.bad, [], "dumps that are not whole")


def under_load(ask, times):
    held = len(os.listdir(brick.dumps))
    with Load(brick.port, brick.dir) as load, Watcher() as watcher:
        for _ in range(times):
            before = len(watcher.seen)
            ask()
            fixture.wait_until("a dump", lambda: len(watcher.seen) > before)
        load.more()
    load.is_clean()
    same(len(watcher.seen), times + held, "dumps")
    assert load.longest < LATENCY_SECONDS_MAX, \
        "an operation took %.2f s" % load.longest
    print("# %d operations, the longest took %.1f ms" %
          (load.count, load.longest * 1000))
    left = [n for n in os.listdir(brick.dumps) if not FORM.match(n)]
    same(left, [], "left over")


def by_signal():
    """SIGUSR1 under load: one whole file for each"""
    under_load(lambda: os.kill(brick.process.pid, signal.SIGUSR1), 3)


def by_clinkerctl():
    """clinkerctl statedump prints where the file is, and it is there"""
    def ask():
        path = brick.ctl("statedump").strip()
        same(os.path.dirname(path), brick.dumps)
        with open(path) as f:
            Dump(f.read())
        same(stat.S_IMODE(os.stat(path).st_mode), 0o600)
    under_load(ask, 3)


def by_volume_name():
    """clinkerctl volume statedump NAME does the same"""
    under_load(lambda: same(brick.ctl("volume", "statedump", "v1"),
                            "volume statedump: success\n"), 2)
    assert "v2" in brick.ctl("volume", "statedump", "v2", code=1)


def twenty_in_a_row():
    """twenty dumps in a row, and no operation waits long"""
    under_load(lambda: brick.ctl("statedump"), 20)


def sections_and_their_order():
    """the sections of the peer, in its order, once each"""
    dump = brick.dump()
    names = [n for n, _ in dump.sections]
    order = ["mallinfo", "global.glusterfs - Memory usage", "mempool",
             "iobuf.global", "arena.1", "global.callpool", "dict",
             "active graph - 0", "v1-server.latency",
             "xlator.protocol.server.priv", "GlusterFS 4.x v1",
             "performance/io-threads.v1-io-threads"]
    places = [names.index(n) for n in order]
    same(places[:11], sorted(places[:11]), "order of sections")
    for name in order:
        same(names.count(name), 1, name)
    threads = dump.section(order[-1])
    for key in ("maximum_threads_count", "current_threads_count",
                "sleep_count", "idle_time", "max_high_priority_threads",
                "max_normal_priority_threads", "max_low_priority_threads",
                "max_least_priority_threads"):
        int(threads[key])
    same(threads["maximum_threads_count"], "16")
    program = dump.section("GlusterFS 4.x v1")
    same(program["GlusterFS 4.x v1.program-number"], "1298437")
    same(program["GlusterFS 4.x v1.program-version"], "400")


def accounts_of_every_type():
    """each type of memory has its five numbers, in the old order"""
    dump = brick.dump("mem")
    types = [(n, p) for n, p in dump.sections if n.endswith(" memusage")]
    usage = dump.section("global.glusterfs - Memory usage")
    same(len(types), int(usage["num_types"]), "num_types")
    assert len(types) > 20, len(types)
    for name, pairs in types:
        assert " - usage-type " in name, name
        same([k for k, _ in pairs][:5],
             ["size", "num_allocs", "max_size", "max_num_allocs",
              "total_allocs"], name)
        t = {k: int(v) for k, v in pairs}
        assert 0 <= t["size"] <= t["max_size"], (name, t)
        assert 0 <= t["num_allocs"] <= t["max_num_allocs"], (name, t)
        assert t["max_num_allocs"] <= t["total_allocs"], (name, t)
        assert (t["size"] == 0) == (t["num_allocs"] == 0), (name, t)


def fd_counts_follow_the_fds():
    """gfid, nlookup, fd-count, active-fd-count: in a row, and true"""
    c = brick.client()
    gfid = uuid.uuid4().bytes
    first = c.create("counted", gfid=gfid)["fd"]
    other = brick.client()
    other.fop("LOOKUP", pargfid=ROOT, bname="counted")
    second = other.fop("OPEN", gfid=gfid, flags=O_RDWR)["fd"]
    line = "gfid=" + gfid_text(gfid)

    def counts():
        rows = [x.split("=") for x in brick.dump("inode").after(line, 3)]
        same([k for k, _ in rows], ["nlookup", "fd-count", "active-fd-count"])
        return [int(v) for _, v in rows]
    got = counts()
    assert got[0] >= 1, got
    same(got[1:], [2, 2], "two opened it")
    other.fop("RELEASE", gfid=gfid, fd=second)
    fixture.wait_until("one is left", lambda: counts()[1:] == [1, 1])
    c.fop("UNLINK", pargfid=ROOT, bname="counted")
    same(counts()[1:], [1, 1], "unlinked, and open")
    c.fop("RELEASE", gfid=gfid, fd=first)
    fixture.wait_until("it is gone", lambda: line not in
                       brick.dump("inode").lines or counts()[1:] == [0, 0])
    c.close()
    other.close()


def options_file():
    """the options file of this process chooses parts and directory"""
    folder = brick.ctl("--print-statedumpdir").strip()
    os.makedirs(folder, exist_ok=True)
    other = os.path.join(scratch.path, "other")
    os.mkdir(other)
    name = os.path.join(folder,
                        "glusterdump.%d.options" % brick.process.pid)
    stranger = os.path.join(folder, "glusterdump.1.options")
    with open(stranger, "w") as f:
        f.write("path=/nowhere\n")
    with open(name, "w") as f:
        f.write("path=%s CALLPOOL=Yes\ninode=no" % other)
    os.kill(brick.process.pid, signal.SIGUSR1)
    found = fixture.wait_until("the dump", lambda: [
        n for n in os.listdir(other) if ".dump." in n])
    assert FORM.match(found[0]), found
    with open(os.path.join(other, found[0])) as f:
        dump = Dump(f.read())
    dump.section("global.callpool")
    names = [n for n, _ in dump.sections]
    assert "mempool" not in names and "mallinfo" not in names, names
    assert not [n for n in names if n.startswith("conn.0.bound_xl")], names
    os.unlink(name)
    os.unlink(stranger)


def nothing_is_left():
    """the daemon has not grown by it, and ends well"""
    def at_rest():
        dump = brick.dump("mem")
        return all(p["num_allocs"] == "0" for p in (
            dump.section("server.client - usage-type client memusage"),
            dump.section("server.inode - usage-type fd memusage")))
    fixture.wait_until("accounts at rest", at_rest)
    same(brick.stop(), 0, "exit status")


fixture.main([
    by_signal, by_clinkerctl, by_volume_name, twenty_in_a_row,
    sections_and_their_order, accounts_of_every_type,
    fd_counts_follow_the_fds, options_file, nothing_is_left], [brick])
