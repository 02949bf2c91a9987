#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The configuration of a running daemon: read anew on SIGHUP, set through
clinkerctl, with effects that can be seen, while clients work without an error.
"""

import json
import os
import signal
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from operate import Daemon, Load, need_ours, same  # noqa: E402
from wire import Client, ROOT, v_gfid  # noqa: E402

fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
CONF = os.path.join(scratch.path, "clinkerd.conf")
DUMPS = os.path.join(scratch.path, "dump")
PORT = 24180
THREADS = "performance/io-threads.v1-io-threads"


def write(text=""):
    """The file that the daemon was started with, and more."""
    with open(CONF + ".new", "w") as f:
        f.write("[posix]\ndirectory = %s\n[server]\nlisten-port = %d\n"
                "volume-name = v1\ncontrol-socket = %s\n"
                "statedump-path = %s\n" % (
                    os.path.join(scratch.path, "b"), PORT,
                    os.path.join(scratch.path, "b.ctl"), DUMPS) + text)
    os.rename(CONF + ".new", CONF)


write()
fixture.Brick.next_port = PORT - 1
brick = Daemon(scratch, "b", ["-c", CONF])
load = None


def log_since(mark):
    with open(brick.log) as f:
        f.seek(mark)
        return f.read()


def hup(text, wanted="configuration read anew"):
    """Sends SIGHUP with a new file, and waits for what the log says; returns
    all that it says."""
    write(text)
    mark = os.path.getsize(brick.log)
    os.kill(brick.process.pid, signal.SIGHUP)
    fixture.wait_until(wanted, lambda: wanted in log_since(mark))
    return log_since(mark)


def settings():
    return {o["key"]: o["value"]
            for o in brick.ask("config", "list")["options"]}


def get(key):
    return brick.ctl("config", "get", key).strip()


def with_load(function):
    """The point holds only if the clients saw nothing of it."""
    def point():
        function()
        load.more()
        load.is_clean()
    point.__doc__ = function.__doc__
    point.__name__ = function.__name__
    return point


def begins():
    """clients begin to work, and will notice every error"""
    global load
    load = Load(brick.port, brick.dir, threads=3)


@with_load
def list_get_set():
    """config list, get and set say the same, also in JSON"""
    listed = settings()
    text = brick.ctl("config", "list")
    for key in ("io-threads.thread-count", "log.level", "posix.reserve",
                "auth.allow", "server.event-threads"):
        row = [x for x in text.splitlines() if x.split()[0] == key]
        same(len(row), 1, key)
        assert listed[key] in row[0], row
        same(get(key), listed[key])
        one = brick.ask("config", "get", key)["option"]
        same(one["value"], listed[key])
        same(one["reloadable"], True)
    answer = brick.ask("config", "set", "io-threads.idle-time", "120")
    same((answer["key"], answer["changed"]), ("io-threads.idle-time", False))
    answer = brick.ask("config", "set", "io-threads.idle-time", "2m")
    same((answer["value"], answer["changed"]), ("120", False))
    same(brick.ctl("config", "set", "posix.brick-uid", "-1", "-s",
                   brick.control), "posix.brick-uid is -1 already\n")
    assert "-1" in brick.ctl("config", "set", "thread-count", "-1", code=1)
    answer = brick.ask("config", "set", "io-threads.idle-time", "3m")
    same((answer["old"], answer["changed"]), ("120", True))
    same(brick.dump().section(THREADS)["idle_time"], "180")
    # What the volume calls it will do, too.
    brick.ctl("config", "set", "performance.io-thread-count", "12")
    same(get("io-threads.thread-count"), "12")
    brick.ctl("config", "set", "thread-count", "16")
    brick.ctl("config", "set", "idle-time", "120")
    same(settings(), listed, "set back")


@with_load
def thread_counts():
    """thread-count and the four limits, on SIGHUP and set"""
    hup("[io-threads]\nthread-count = 7\nhigh-prio-threads = 6\n"
        "normal-prio-threads = 5\nlow-prio-threads = 4\n"
        "least-prio-threads = 3\n")
    shown = brick.dump().section(THREADS)
    same([shown[k] for k in (
        "maximum_threads_count", "max_high_priority_threads",
        "max_normal_priority_threads", "max_low_priority_threads",
        "max_least_priority_threads")], ["7", "6", "5", "4", "3"])
    brick.ctl("config", "set", "io-threads.thread-count", "1")
    fixture.wait_until("one worker is left", lambda: len(
        [n for n in brick.threads() if n.startswith("glfs_iotwr")]) <= 1)
    load.more()
    brick.ctl("config", "set", "io-threads.thread-count", "64")
    same(brick.ask("status")["workers"]["threads-max"], 64)
    # The file holds again.
    hup("")
    same(get("io-threads.thread-count"), "16")
    same(get("io-threads.high-prio-threads"), "16")


@with_load
def event_threads():
    """event-threads: more, and fewer, under connections at work"""
    def count():
        return len([n for n in brick.threads()
                    if n.startswith("glfs_epoll")])
    same(count(), 2)
    hup("event-threads = 6\n")
    fixture.wait_until("six", lambda: count() == 6)
    with brick.client(), brick.client(), brick.client(), brick.client():
        load.more()
        brick.ctl("config", "set", "server.event-threads", "3")
        same(get("server.event-threads"), "3")
        load.more()
        same(len(brick.ask("clients")["clients"]), 3 + 4)
    hup("")
    same(get("server.event-threads"), "2")


@with_load
def log_level():
    """log level: DEBUG adds lines, and ERROR leaves them out"""
    hup("[log]\nlevel = DEBUG\n")
    same(brick.ctl("log", "level"), "DEBUG\n")
    hup("[log]\nlevel = INFO\n")
    brick.ctl("log", "level", "ERROR")
    mark = os.path.getsize(brick.log)
    brick.dump("mem")
    same(log_since(mark), "", "nothing at INFO")
    brick.ctl("config", "set", "log.level", "INFO")
    brick.dump("mem")
    assert "statedump written" in log_since(mark), log_since(mark)


@with_load
def inode_lru_limit():
    """inode-lru-limit: those that nobody uses go at once"""
    def lru():
        dump = brick.dump("inode")
        at = "conn.0.bound_xl.%s." % brick.dir
        return int(dump.value(at + "lru_size")), \
            int(dump.value(at + "lru_limit"))
    c = brick.client()
    for i in range(300):
        reply = c.fop("MKNOD", pargfid=ROOT, bname="i%d" % i, mode=0o100644,
                      xdata={"gfid-req": v_gfid(uuid.uuid4().bytes)})
        same(reply.ok, True)
    size, limit = lru()
    assert size >= 300, size
    hup("inode-lru-limit = 40\n")
    fixture.wait_until("fewer inodes", lambda: lru()[0] <= 40)
    same(lru()[1], 40)
    for i in range(300):
        same(c.fop("UNLINK", pargfid=ROOT, bname="i%d" % i).ok, True)
    c.close()
    hup("")
    same(lru()[1], limit)


@with_load
def auth_allow():
    """auth.allow: those whom it no longer names are refused"""
    def result():
        with Client(brick.port) as c:
            ret, err, _ = c.setvolume(brick.dir)
            return 0 if ret == 0 else err
    same(result(), 0)
    hup("[auth]\nallow = 127.0.0.1,10.*\n")
    same(result(), 0)
    brick.ctl("config", "set", "auth.dynamic-auth", "off")
    brick.ctl("config", "set", "auth.allow", "10.*")
    same(result(), 13, "EACCES")
    hup("")
    same(result(), 0)
    same(get("auth.dynamic-auth"), "on")


@with_load
def fixed_ones_are_refused():
    """what is fixed at start is refused by name, one and all"""
    before = settings()
    fixed = [o for o in brick.ask("config", "list")["options"]
             if not o["reloadable"]]
    assert len(fixed) > 10
    other = {"boolean": ("on", "off"), "number": ("1", "2"),
             "time": ("1", "2"), "path": ("/a", "/b"), "size": ("1", "2"),
             "text": ("x", "y"), "uuid": (str(uuid.uuid4()),
                                          str(uuid.uuid4()))}
    for o in fixed:
        values = other.get(o["type"]) or o["range"].split("|")[:2]
        value = [v for v in values if v != o["value"]][0]
        text = brick.ctl("config", "set", o["key"], value, code=1)
        same(text.count("\n"), 1, text)
        assert o["key"] in text and "while the daemon runs" in text, text
    same(settings(), before, "nothing was set")
    text = hup("brick-name = another\n[log]\nlocaltime = on\n")
    for key in ("server.brick-name", "log.localtime"):
        lines = [x for x in text.splitlines() if key in x]
        same(len(lines), 1, text)
        assert " W " in lines[0], lines
    same(settings(), before, "nothing was read")
    hup("")


@with_load
def wrong_values():
    """wrong keys and values change nothing, and are told in one line"""
    before = settings()
    for key, value, word in (
            ("io-threads.thread-count", "0", "1 to 64"),
            ("io-threads.thread-count", "", "io-threads.thread-count"),
            ("io-threads.thread-count", "1e3", "1e3"),
            ("io-threads.thread-count", "99999999999999999999", "9999"),
            ("io-threads.thread-cuont", "4", "'io-threads.thread-count'"),
            ("log.level", "LOUD", "LOUD"),
            ("server.root-squash", "perhaps", "perhaps"),
            ("posix.reserve", "101%", "posix.reserve"),
            ("posix.reserve", "5 apples", "5 apples"),
            ("server.statedump-path", "relative", "relative"),
            ("posix.create-mask", "0999", "0999"),
            ("auth.allow", "a\nb", "auth.allow")):
        text = brick.ctl("config", "set", key, value, code=1)
        same(text.count("\n"), 1, text)
        assert word in text, (word, text)
        answer = json.loads(brick.ctl("--json", "config", "set", key, value,
                                      code=1))
        same(answer["ok"], False)
        assert answer["code"] > 0 and answer["error"], answer
    same(settings(), before)


@with_load
def broken_file():
    """a broken file changes nothing, and is told in one line"""
    hup("[io-threads]\nthread-count = 9\n")
    before = settings()
    for text, words in (
            ("[io-threads]\nthread-count = 10\nidle-time = soon\n",
             (CONF + ":10:", "idle-time", "soon")),
            ("[io-threads]\nthread-count = 10\nthraed-count = 11\n",
             (CONF + ":10:", "'io-threads.thread-count'")),
            ("[io-threads\nthread-count = 10\n", (CONF + ":8:",)),
            ("thread-count 10\n", (CONF + ":8:",)),
            ("[io-threads]\nthread-count = 10\n\0\n", (CONF + ":10:",))):
        said = hup(text, "configuration not changed")
        lines = [x for x in said.splitlines() if " I " not in x]
        same(len(lines), 1, said)
        for word in words:
            assert word in lines[0], (word, lines[0])
        same(settings(), before)
        told = brick.ctl("reload", code=1)
        same(told.count("\n"), 1, told)
        assert words[0] in told, told
    os.unlink(CONF)
    assert CONF in brick.ctl("reload", code=1)
    same(settings(), before)
    write("")
    brick.ctl("reload")
    same(get("io-threads.thread-count"), "16")


def ends():
    """no operation failed in all that, and none waited long"""
    load.stop()
    load.is_clean()
    print("# %d operations, the longest took %.1f ms" %
          (load.count, load.longest * 1000))
    assert load.longest < 5, load.longest
    same(brick.stop(), 0)


try:
    fixture.main([
        begins, list_get_set, thread_counts, event_threads, log_level,
        inode_lru_limit, auth_allow, fixed_ones_are_refused, wrong_values,
        broken_file, ends], [brick])
finally:
    if load:
        load.stop()
