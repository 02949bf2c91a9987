#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Bugs that were planted in a daemon (tests/planted/plant.c) are named: a leak of
one dictionary value in 1,000 by type and by call, and those that end the
process by its last words.
"""

import json
import os
import re
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import atrest  # noqa: E402
import brick as fixture  # noqa: E402
from operate import Daemon, PROGRAM, need_ours, same  # noqa: E402
from wire import ROOT, v_ptr  # noqa: E402

PLANTED = os.path.join(os.path.dirname(PROGRAM), "tests", "planted",
                       "clinkerd-planted")
if not os.access(PLANTED, os.X_OK):
    fixture.skip_all("tests/planted/clinkerd-planted (make check builds it)")
fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
with open(PLANTED, "rb") as f:
    SANITIZED = re.search(b"__[at]san_init", f.read()) is not None
PAIRS, VALUE, REQUESTS = 250, b"v" * 4000, 160
TYPE = "planted/dictionary value"
VICTIM = "planted victim"


def start(name, *more):
    return Daemon(scratch, name, [
        "--set", "server.listen-port={b.port}",
        "--set", "server.control-socket={b.control}",
        "--set", "server.statedump-path={b.dumps}", *more, "{b.dir}"],
        program=PLANTED)


# A guard object is not traced, and there would be one or two.
brick = start("b", "--set", "memory.guard-rate=0")


def say(daemon, command):
    """A command that clinkerctl does not have; None: it got no answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(daemon.control)
        s.settimeout(60)
        s.sendall(json.dumps({"command": command}).encode() + b"\n")
        try:
            line = s.makefile().readline()
        except ConnectionResetError:
            return None
    return json.loads(line) if line else None


def send_values(requests):
    """Each request leaks one value in four requests."""
    xdata = {"user.planted.%d" % i: v_ptr(VALUE) for i in range(PAIRS)}
    with brick.client() as c:
        for _ in range(requests):
            assert c.fop("STAT", gfid=ROOT, xdata=xdata).ok


def leaked():
    for t in brick.ask("memory")["types"]:
        if t["module"] + "/" + t["name"] == TYPE:
            return t
    raise AssertionError("there is no account of it")


def leak_is_named_by_type():
    """memory growth names the type that leaks, and statedump diff does"""
    before = brick.ctl("statedump", "mem").strip()
    send_values(8)
    have = leaked()
    same(have["blocks"], 2)
    assert have["allocations"] >= 8 * PAIRS, have
    same(brick.ctl("memory", "trace", TYPE, "on", "1"),
         "1 types are traced, one block in 1 B\n")
    send_values(REQUESTS)
    have = leaked()
    same(have["blocks"], 2 + REQUESTS * PAIRS // 1000)
    grown = [t for t in brick.ask("memory", "growth")["types"]
             if t["module"] != "mem"]
    same(grown[0]["module"] + "/" + grown[0]["name"], TYPE)
    same(grown[0]["size"], have["size"])
    assert have["size"] > have["blocks"] * len(VALUE), have
    assert TYPE.split("/")[1] in brick.ctl("memory", "growth", TYPE)
    after = brick.ctl("statedump", "mem").strip()
    rows = json.loads(brick.ctl("--json", "statedump", "diff", before, after))
    row = [t for t in rows["types"] if t["name"] == TYPE][0]
    same((row["old-size"], row["size"], row["blocks"]),
         (0, have["size"], have["blocks"]))


def leak_is_named_by_call():
    """memory trace names the call that leaks: all of it, and nothing else"""
    sites = brick.ask("memory", "trace", TYPE, "show")["sites"]
    live = [s for s in sites if s["live-blocks"] > 0]
    same(len(live), 1)
    same(live[0]["live-blocks"], REQUESTS * PAIRS // 1000)
    same(sum(s["total-blocks"] for s in sites), REQUESTS * PAIRS)
    stack = " ".join(live[0]["stack"])
    assert "__wrap_dict_append+" in stack, stack
    assert "fop_args_decode+" in stack, stack
    text = brick.ctl("memory", "trace", TYPE, "show")
    assert re.search(r"^    __wrap_dict_append\+0x", text, re.M), text
    brick.ctl("memory", "trace", TYPE, "off")
    assert "nothing is traced" in brick.ctl("memory", "trace", "all", "show")


def other_accounts_hold():
    """it is accounted, so the sum still adds up"""
    m = brick.ask("memory")
    same(m["lines-known"], not SANITIZED)
    assert SANITIZED or abs(m["unaccounted"]) <= max(1 << 20, m["resident"] * 0.03), m


def found_at_rest(daemon):
    try:
        return atrest.settled(daemon.control, known=daemon.leaks, seconds=0.5)
    except atrest.Unsettled as e:
        return str(e)


def rest_tells():
    """a look at a daemon at rest finds the leak, and memory of no account"""
    assert re.search("^%s has [0-9]+ bytes in %d blocks$" % (
        TYPE, leaked()["blocks"]), found_at_rest(brick)), found_at_rest(brick)
    brick.leaks = (TYPE,)
    assert "accounted" in found_at_rest(brick), found_at_rest(brick)
    if SANITIZED:
        return                           # nobody knows the sum
    other = start("map")
    say(other, "plant-mapping")
    assert re.search("[0-9]{7} of [0-9]+ bytes are in no account",
                     found_at_rest(other)), found_at_rest(other)
    other.end()


def ends_with_words(name, steps, words):
    """The last step ends a daemon, which has said words on stderr and in the
    log."""
    daemon = start(name)
    for step in steps[:-1]:
        step(daemon)
    steps[-1](daemon)
    code = daemon.process.wait(60)
    assert code in (-signal.SIGABRT, -signal.SIGSEGV) or SANITIZED, code
    with open(os.path.join(scratch.path, name + ".err"),
              errors="replace") as f:
        err = f.read()
    if SANITIZED and "AddressSanitizer" in err:
        return                           # it was first
    with open(daemon.log) as f:
        log = f.read()
    for word in words:
        assert re.search(word, err), "%s is not in %s" % (word, err)
        assert re.search(word, log), "%s is not in the log: %s" % (
            word, log[-2000:])


def plant(what):
    return lambda daemon: say(daemon, "plant-" + what)


def ctl(*args):
    return lambda daemon: daemon.ctl(*args)


def asks_and_dies(*args):
    def step(daemon):
        try:
            daemon.ctl(*args)
        except AssertionError:
            pass                         # no answer: it is gone
    return step


def double_free():
    """a double free ends the process and names the type"""
    ends_with_words("double", [plant("double-free")], [VICTIM, "free"])


def overrun():
    """a write one byte beyond a block does"""
    ends_with_words("overrun", [plant("overrun")], [VICTIM, "overrun"])


def use_after_free():
    """a write to a freed block of a poisoned type does, when it is used again"""
    ends_with_words("use", [plant("nothing"),
                            ctl("memory", "poison", "planted/victim", "on"),
                            plant("write-after-free"),
                            asks_and_dies("memory", "reclaim")],
                    [VICTIM, "free"])


def guarded_read():
    """a read of a freed guard object does, at once, and tells who freed it"""
    if SANITIZED:
        return                           # there are no guard objects
    ends_with_words("guard", [ctl("config", "set", "memory.guard-rate", "1"),
                              plant("nothing"), plant("read-after-free")],
                    [VICTIM, "use after free", "allocated by", "freed by",
                     "read_after_free"])


def wrong_type():
    """an object that is put into another pool does, and names both"""
    ends_with_words("wrong", [plant("wrong-type")], ["planted wrong pool"])


fixture.main([
    leak_is_named_by_type, leak_is_named_by_call, other_accounts_hold,
    rest_tells, double_free, overrun, use_after_free, guarded_read,
    wrong_type], [brick])
