#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Where operations wait: slow-ops, io-threads and top of a brick under a small
load, and the same numbers in the statedump.
"""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from operate import (Daemon, Load, PROGRAM, ctl,  # noqa: E402
                     need_ours, same)
from wire import (O_RDWR, ROOT, SETLKW, UNLCK, WRLCK, Cred,  # noqa: E402
                  gfid_text, v_gfid)

fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
brick = Daemon(scratch, "b", [
    "--set", "server.listen-port={b.port}",
    "--set", "server.control-socket={b.control}",
    "--set", "server.statedump-path={b.dumps}",
    "--set", "server.volume-name=v1", "{b.dir}"])

STAGES = ["received", "queued", "run", "replied", "total"]
CLASSES = ["fast", "normal", "slow", "least"]
LOADED = {"CREATE", "WRITE", "READ", "LOOKUP", "RELEASE", "UNLINK"}


def by(rows, key):
    return {row[key]: row for row in rows}


def sane(spread):
    """A histogram's numbers, in their order."""
    at = [spread[k + "-ns"] for k in ("p50", "p90", "p99", "p999", "max")]
    same(at, sorted(at))
    assert spread["count"] > 0 and at[-1] > 0, spread
    same(spread["mean-ns"], spread["sum-ns"] // spread["count"])
    assert spread["mean-ns"] <= spread["max-ns"], spread


def operations_are_counted_by_stage():
    """each operation, with every stage of its life"""
    with Load(brick.port, brick.dir) as load:
        load.more()
        before = brick.ask("top")
        load.more()
    load.is_clean()
    after = brick.ask("top")
    was, now = (by(x["operations"], "op") for x in (before, after))
    assert LOADED <= set(now), sorted(now)
    for op in LOADED:
        stages = now[op]["stages"]
        assert now[op]["calls"] >= was[op]["calls"] > 0, op
        for stage in STAGES:
            # Not queued is what ran where it was received; the last reply is
            # counted when it has left.
            if stage != "queued" or stage in stages:
                sane(stages[stage])
        total = stages["total"]
        same(total["count"], now[op]["calls"], op)
        same(sum(n for _, n in total["buckets"]), total["count"], op)
        edges = [e for e, _ in total["buckets"] if e >= 0]
        same(edges, sorted(edges))
        assert stages["run"]["sum-ns"] <= total["sum-ns"], now[op]
    same(now["CREATE"]["failures"], 0)
    assert after["data-bytes-written"] > before["data-bytes-written"]
    assert sum(now[op]["calls"] for op in LOADED) > \
        sum(was[op]["calls"] for op in LOADED)


def classes_are_counted_apart():
    """classes: an internal client's operations are of the least"""
    def least():
        return brick.ask("top")["classes"]["least"]["total"]["count"]
    before = least()
    with brick.client() as c:
        for _ in range(5):
            c.fop("STAT", cred=Cred(pid=-6), gfid=ROOT)
        same(least() - before, 5)
        # Enough for one to be queued whatever is answered at once.
        made = c.create("classes")
        assert c.fop("WRITE", gfid=made["stat"]["gfid"], fd=made["fd"],
                     offset=0, size=4, payload=b"data").ok
    answer = brick.ask("io-threads")
    same(list(answer["classes"]), CLASSES)
    same(list(answer["turns"]), CLASSES)
    for name in ("normal", "slow", "least"):
        c = answer["classes"][name]
        assert c["served"] > 0 and c["limit"] > 0, (name, c)
        sane(c["waited"])
    text = brick.ctl("io-threads")
    for name in CLASSES:
        assert re.search(r"^%s +\d+ +\d+ " % name, text, re.M), text
    assert "P99 WAIT" in text and "No client waits." in text, text


def clients_have_their_share():
    """a client's operations, failures and bytes are its own"""
    with brick.client(process_name="one") as one, \
            brick.client(process_name="two") as two:
        made = one.create("share")
        gfid, fd = made["stat"]["gfid"], made["fd"]
        for i in range(10):
            assert one.fop("WRITE", gfid=gfid, fd=fd, offset=0, size=1000,
                           payload=b"x" * 1000).ok
        assert one.fop("READ", gfid=gfid, fd=fd, offset=0, size=500).ok
        for i in range(3):
            assert not two.fop("LOOKUP", pargfid=ROOT, bname="none").ok
        rows = by(brick.ask("top")["clients"], "process-name")
        dump = brick.dump("fd")
    first, second = rows["one"], rows["two"]
    same((first["calls"], first["failures"]), (12, 0))
    same((first["bytes-written"], first["bytes-read"]), (10000, 500))
    same((second["calls"], second["failures"]), (3, 3))
    same((second["bytes-written"], second["bytes-read"]), (0, 0))
    assert 0 < first["mean-ns"] and first["p50-ns"] <= first["p99-ns"], first
    for name, row in (("one", first), ("two", second)):
        pairs = next(dict(p) for n, p in dump.sections
                     if ("conn." in n) and
                     (n + ".process-name", name) in p)
        number = next(k for k in pairs if k.endswith(".process-name"))
        number = number[:-len(".process-name")]
        same(pairs[number + ".calls"], str(row["calls"]))
        same(pairs[number + ".failures"], str(row["failures"]))
        same(pairs[number + ".data-bytes-write"], str(row["bytes-written"]))
        assert pairs[number + ".latency"].startswith("MEAN:")


def lock(kind, owner, **about):
    flock = {"type": kind, "whence": 0, "start": 0, "len": 0, "pid": 9,
             "owner": b""}
    return dict(cmd=SETLKW, type=kind, flock=flock,
                cred=Cred(owner=owner, uid=1234), **about)


def slow_operations_say_what_they_waited_for():
    """one that waits for a lock is the slowest, with path and waits"""
    with brick.client() as holder, brick.client() as waiter:
        folder = uuid.uuid4().bytes
        assert holder.fop("MKDIR", pargfid=ROOT, bname="dir", mode=0o777,
                          umask=0, xdata={"gfid-req": v_gfid(folder)}).ok
        made = holder.create("slow\n", parent=folder, mode=0o666)
        gfid = made["stat"]["gfid"]
        fd = waiter.fop("OPEN", gfid=gfid, flags=O_RDWR)["fd"]
        assert holder.fop("LK", **lock(WRLCK, b"a" * 8, gfid=gfid,
                                       fd=made["fd"])).ok
        xid = waiter.send_fop("LK", **lock(WRLCK, b"b" * 8, gfid=gfid, fd=fd))
        fixture.wait_until("it waits", lambda: "state=parked" in
                           brick.dump("callpool").lines)
        began = time.monotonic()
        fixture.wait_until("some time has gone",
                           lambda: time.monotonic() > began + 0.3)
        assert holder.fop("LK", **lock(UNLCK, b"a" * 8, gfid=gfid,
                                       fd=made["fd"])).ok
        assert waiter.wait_fop("LK", xid).ok
    rows = brick.ask("slow-ops", "--op", "lk")["operations"]
    same({r["op"] for r in rows}, {"LK"})
    row = rows[0]
    assert row["locked-ns"] >= 300 * 10**6, row
    assert row["total-ns"] >= row["locked-ns"] + row["run-ns"], row
    assert row["run-ns"] < row["locked-ns"], row
    same((row["path"], row["gfid"], row["error"], row["uid"]),
         ("/dir/slow\n", gfid_text(gfid), 0, 1234))
    assert abs(row["time"] - time.time()) < 3600
    times = [r["total-ns"] for r in brick.ask("slow-ops")["operations"]]
    same(times, sorted(times, reverse=True))
    text = brick.ctl("slow-ops", "-o", "LK", "--since", "60")
    assert "/dir/slow" in text and " 1234 " in text, text


def slow_operations_of_names():
    """a name is shown below its directory, what went wrong by its number"""
    # Of a daemon that has nothing else to remember.
    quiet = Daemon(scratch, "q", [
        "--set", "server.listen-port={b.port}", "--set",
        "server.control-socket={b.control}", "{b.dir}"])
    same(quiet.ask("slow-ops")["operations"], [])
    assert "no operations" in quiet.ctl("slow-ops")
    with quiet.client() as c:
        assert not c.fop("RMDIR", pargfid=ROOT, bname="absent", xflags=0).ok
        assert not c.fop("STAT", gfid=b"\x77" * 16).ok
        row, = quiet.ask("slow-ops", "--op", "RMDIR")["operations"]
        same((row["path"], row["name"], row["error"]),
             ("/absent", "absent", 2))
        row, = quiet.ask("slow-ops", "--op", "stat", "-t",
                         "1")["operations"]
        same((row["path"], row["name"], row["error"]),
             ("<gfid:%s>" % gfid_text(b"\x77" * 16), None, 116))
    assert "ENOENT" in quiet.ctl("slow-ops") and \
        "ESTALE" in quiet.ctl("slow-ops")
    same(quiet.stop(), 0)


def what_cannot_be_asked():
    """wrong words are refused, by the daemon or before"""
    for words in (["--since", "0"], ["--since", "61"], ["--since", "x"],
                  ["--since", "99999999999999999999"], ["--op", "NOTHING"]):
        brick.ctl("slow-ops", *words, code=1)
    for words in (["--interval", "0"], ["--interval", "nan"],
                  ["--interval", "1x"], ["--count", "0"], ["--count", "x"]):
        brick.ctl("top", *words, code=2)


def top_without_a_terminal():
    """without a terminal top looks once, or as often as it is told"""
    text = brick.ctl("top")
    same(text.count("OPERATION"), 1)
    for word in ("CLIENT", "CLASS", "Memory", "since the start", "LOOKUP"):
        assert word in text, text
    assert "\033" not in text, text
    text = brick.ctl("top", "--count", "3", "--interval", "0.1")
    same(text.count("OPERATION"), 3)
    same(text.count("since the last look"), 2)
    text = brick.ctl("--json", "top", "-n", "2", "-i", "0.1")
    decoder, count = json.JSONDecoder(), 0
    while text.strip():
        answer, at = decoder.raw_decode(text.lstrip())
        same(answer["ok"], True)
        text, count = text.lstrip()[at:], count + 1
    same(count, 2)


class Terminal:
    """clinkerctl top in a terminal of its own."""

    def __init__(self, *words):
        self.keyboard, self.end = pty.openpty()
        self.before = termios.tcgetattr(self.end)
        self.process = subprocess.Popen(
            ["clinkerctl", "-s", brick.control, "top", *words],
            executable=PROGRAM, stdin=self.end, stdout=self.end,
            stderr=self.end)
        self.text = ""

    def wait_for(self, what, count=1):
        deadline = time.monotonic() + 60
        while self.text.count(what) < count:
            assert time.monotonic() < deadline, (what, self.text)
            if select.select([self.keyboard], [], [], 1)[0]:
                self.text += os.read(self.keyboard, 65536).decode()

    def ends(self, code):
        self.wait_for("\033[?1049l")
        same(self.process.wait(60), code)
        same(termios.tcgetattr(self.end), self.before, "the terminal")
        os.close(self.keyboard)
        os.close(self.end)


def top_in_a_terminal():
    """in a terminal top goes on until q, and leaves it as it was"""
    t = Terminal("--interval", "0.1")
    t.wait_for("OPERATION", 3)
    assert "\033[?1049h" in t.text
    os.write(t.keyboard, b"x")           # which means nothing
    t.wait_for("OPERATION", t.text.count("OPERATION") + 2)
    os.write(t.keyboard, b"q")
    t.ends(0)
    t = Terminal()
    t.wait_for("CLIENT")
    t.process.send_signal(signal.SIGTERM)
    t.ends(0)
    t = Terminal("--count", "1")
    t.ends(0)


def statedump_has_it_too():
    """the statedump has stages by operation and class, and the slowest"""
    dump = brick.dump("mem")
    same(dump.section("clinker.latency")["not-counted"], "0")
    form = re.compile(r"CNT:\d+ MEAN:\d+ P50:\d+ P90:\d+ P99:\d+ P999:\d+ "
                      r"MAX:\d+$")
    for name in (["op." + op for op in LOADED] +
                 ["class." + c for c in CLASSES]):
        pairs = dump.section("clinker.latency." + name)
        assert set(pairs) <= set(STAGES), pairs
        assert {"received", "run", "total"} <= set(pairs), (name, pairs)
        for value in pairs.values():
            assert form.match(value), value
    slow = dump.section("clinker.slow-ops")
    assert int(slow["known"]) > 0, slow
    assert re.match(r"[A-Z]+ total \d+ queued \d+ run \d+ locked \d+ ago \d+ "
                    r"error \d+ uid \d+ pid -?\d+ client \S+ path .",
                    slow["op.1"]), slow
    peers = brick.dump("priv").section(
        "performance/io-threads.v1-io-threads")
    for name in ("high", "normal", "low", "least"):
        assert peers["current_%s_priority_threads" % name].isdigit()


def top_without_a_daemon():
    """top ends when the daemon does, and says so"""
    t = Terminal("--interval", "0.1")
    t.wait_for("OPERATION", 2)
    same(brick.stop(), 0)
    t.ends(3)
    ctl(brick.control, "top", code=3)


fixture.main([
    operations_are_counted_by_stage, classes_are_counted_apart,
    clients_have_their_share, slow_operations_say_what_they_waited_for,
    slow_operations_of_names, what_cannot_be_asked, top_without_a_terminal,
    top_in_a_terminal, statedump_has_it_too, top_without_a_daemon], [brick])
