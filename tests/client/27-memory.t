#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
clinkerctl memory and its like against a daemon that clients work on: what they
say adds up, at rest nothing is held for requests, and reclaim brings the memory
back to where it was.
"""

import json
import os
import re
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from operate import Daemon, Load, PROGRAM, need_ours, same  # noqa: E402
from wire import O_RDWR, ROOT, v_gfid  # noqa: E402

fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
with open(PROGRAM, "rb") as f:
    # Their shadow memory is nobody's account, and they keep what is freed.
    SANITIZED = re.search(b"__[at]san_init", f.read()) is not None
MIB = 1 << 20
FILES = 3000
brick = Daemon(scratch, "b", [
    "--set", "server.listen-port={b.port}",
    "--set", "server.control-socket={b.control}",
    "--set", "server.statedump-path={b.dumps}",
    "--set", "server.volume-name=v1", "{b.dir}"])


def resident():
    with open("/proc/%d/statm" % brick.process.pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def accounts():
    return {t["module"] + "/" + t["name"]: t
            for t in brick.ask("memory")["types"]}


def adds_up(m):
    total = m["accounted"] + sum(m["lines"].values()) + m["unaccounted"]
    same(total, m["resident"])
    same(m["lines-known"], not SANITIZED)
    return abs(m["unaccounted"]) <= max(MIB, 0.03 * m["resident"])


def work():
    """Files made, written, looked up and left."""
    data = b"x" * 65536
    with brick.client() as c:
        for i in range(FILES):
            gfid = uuid.uuid4().bytes
            fd = c.fop("CREATE", pargfid=ROOT, bname="f%d" % i, flags=O_RDWR,
                       mode=0o644, xdata={"gfid-req": v_gfid(gfid)})["fd"]
            if i % 10 == 0:
                assert c.fop("WRITE", gfid=gfid, fd=fd, offset=0,
                             size=len(data), payload=data).ok
            assert c.fop("RELEASE", gfid=gfid, fd=fd).ok
            assert c.fop("LOOKUP", pargfid=ROOT, bname="f%d" % i).ok


fresh = resident()


def table_adds_up():
    """the table is sorted, and accounts and lines are the resident memory"""
    with Load(brick.port, brick.dir) as load:
        m = brick.ask("memory")
        load.more()
    load.is_clean()
    work()
    if not SANITIZED:
        fixture.wait_until("the sum is the resident memory",
                           lambda: adds_up(brick.ask("memory")))
    m = brick.ask("memory")
    sizes = [t["size"] for t in m["types"]]
    same(sizes, sorted(sizes, reverse=True))
    assert abs(sum(sizes) - m["accounted"]) < 65536, m["accounted"]
    text = brick.ctl("memory")
    assert re.search(r"^MODULE +TYPE +SIZE +SHARE", text), text
    for line in ("accounted", "thread stacks", "unaccounted", "resident"):
        assert re.search("^%s +-?[0-9.]+ [KMG]?i?B$" % line, text, re.M), text
    assert abs(m["resident"] - resident()) < 8 * MIB, m["resident"]


def nothing_is_left_of_requests():
    """at rest every account of what a request has is zero"""
    brick.at_rest(no_clients=True)
    call = accounts()["server.fop/call"]
    same((call["size"], call["failures"]), (0, 0))
    assert call["allocations"] > FILES, call


def free_by_order(p):
    return p["free-dirty"] + p["free-clean"] - sum(
        o["bytes"] * o["free"] for o in p["orders"])


def pages_pools_guard():
    """memory pages, pools and guard say the same as the statedump"""
    p = brick.ask("memory", "pages")
    same(len(p["orders"]), 11)
    same([o["bytes"] for o in p["orders"]], [4096 << i for i in range(11)])
    same(p["arenas"], p["used"] + p["free-dirty"] + p["free-clean"])
    # But for what is being given back in that moment.
    fixture.wait_until("the orders add up", lambda: free_by_order(
        brick.ask("memory", "pages")) == 0)
    assert brick.ctl("memory", "pages").startswith("    SIZE"), p
    pools = {x["name"]: x for x in brick.ask("memory", "pools")["pools"]}
    assert pools["inode"]["hot"] >= FILES, pools["inode"]
    same(pools["call"]["hot"], 0)
    assert "BUFFER" in brick.ctl("memory", "pools")
    guard = brick.ask("memory", "guard")
    assert guard["slots-used"] <= guard["slots"], guard
    assert "guarded" in brick.ctl("memory", "guard")
    dump = brick.dump("mem")
    same(dump.section("clinker.guard")["rate"], str(guard["rate"]))
    for key in ("free", "splits", "merges", "failures", "unusable-permille"):
        same(len(dump.section("clinker.pages")["orders." + key].split()), 11)


def sections():
    """ours come after the peer's, whole, and their numbers add up"""
    dump = brick.dump("mem")
    names = [name for name, _ in dump.sections]
    ours = ["clinker." + n for n in ("memory", "pages", "watermarks",
                                     "reclaim", "faults", "glibc", "guard",
                                     "growth")]
    at = names.index("clinker.memory")
    same(names[at:at + len(ours)], ours)
    assert names.index("mempool") < at, names
    m = {k: int(v) for k, v in dump.section("clinker.memory").items()}
    same(m["accounted"] + m["unaccounted"] +
         sum(v for k, v in m.items() if k.startswith("line.")), m["resident"])
    same(m["anonymous"] + m["file"], 0 if SANITIZED else m["resident"])
    assert int(dump.section("clinker.faults")["minor"]) > 0
    shrinkers = [k for k in dump.section("clinker.reclaim")
                 if k.startswith("shrinker.") and k.endswith(".held")]
    assert len(shrinkers) >= 3, shrinkers
    growth = dump.section("clinker.growth")
    assert len(growth) == 21 and int(growth["types"]) > 20, growth
    for key, value in growth.items():
        assert key == "types" or re.match(
            r"size \d+ blocks \d+ slope -?[0-9.]+ up \d+/\d+", value), value


def growth_has_its_form():
    """memory growth lists each type once, and one with its samples"""
    rows = brick.ask("memory", "growth")["types"]
    names = [(t["module"], t["name"]) for t in rows]
    same(len(names), len(set(names)))
    same(set(rows[0]) >= {"size", "blocks", "slope", "steps", "steps-up",
                          "past"}, True)
    one = brick.ask("memory", "growth", "server.inode/inode")["types"]
    same(len(one), 1)
    same(set(one[0]["samples"]), {"minutes", "hours", "days"})
    assert one[0]["size"] > FILES * 100, one
    assert "THE HOUR" in brick.ctl("memory", "growth")


def trace_names_a_function():
    """memory trace shows what allocates, as functions, and ends"""
    same(brick.ask("memory", "trace", "server.fop/call", "on", "1")["types"],
         1)
    with Load(brick.port, brick.dir) as load:
        load.more()
        text = brick.ctl("memory", "trace", "call", "show")
        load.more()
    load.is_clean()
    assert re.search(r"^server\.fop/call: ", text, re.M), text
    assert re.search(r"^    [a-z_]+\+0x[0-9a-f]+ \(clinkerd\)$", text,
                     re.M), text
    assert "dispatch_record" in text, text
    same(brick.ask("memory", "trace", "all", "off")["types"], 1)
    same(brick.ctl("memory", "trace", "all", "show"), "nothing is traced\n")


def poison_is_no_hindrance():
    """all types are poisoned while clients work, and none afterwards"""
    brick.ctl("memory", "poison", "all", "on")
    same(brick.ask("memory", "guard")["poisoned-types"] > 40, True)
    with Load(brick.port, brick.dir) as load:
        load.more()
    load.is_clean()
    brick.ctl("memory", "poison", "all", "off")
    same(brick.ask("memory", "guard")["poisoned-types"], 0)


def limit_is_shown_and_set():
    """memory limit shows, sets, and takes back"""
    same(brick.ask("memory", "limit")["limit"], 0)
    brick.ctl("memory", "limit", "200MB")
    r = brick.ask("memory", "limit")
    same(r["limit"], 200 * MIB)
    marks = r["free-marks"]
    assert 0 < marks["margin"] < marks["min"] < marks["low"] < marks["high"]
    same(r["level"], "plenty")
    same(r["refusals"], {"internal": 0, "slow": 0, "users": 0, "server": 0})
    assert "200 MiB" in brick.ctl("memory", "limit")
    same(brick.ctl("config", "get", "memory.limit"), "200MB\n")
    same(brick.dump("mem").section("clinker.watermarks")["limit"],
         str(200 * MIB))
    brick.ctl("memory", "limit", "off")
    same(brick.ask("memory", "limit")["limit"], 0)


def doctor_speaks():
    """memory doctor finds nothing to warn of"""
    findings = brick.ask("memory", "doctor")["findings"]
    assert findings, findings
    if not SANITIZED:
        same([f["text"] for f in findings if f["weight"] == "warning"], [])
    text = brick.ctl("memory", "doctor")
    assert "are resident:" in text.replace("\n ", ""), text
    assert max(len(line) for line in text.splitlines()) <= 80, text


def reclaim_gives_back():
    """memory reclaim brings the memory to within 2 MiB or 20 % of fresh"""
    with Load(brick.port, brick.dir) as load:
        r = brick.ask("memory", "reclaim")   # also while clients work
        load.more()
    load.is_clean()
    assert r["after"]["resident"] > 0, r
    if SANITIZED:
        return
    fixture.wait_until("it is as small as when it began", lambda:
                       brick.ask("memory", "reclaim") and
                       resident() <= max(fresh + 2 * MIB, fresh * 1.2))
    assert accounts()["server.inode/inode"]["blocks"] < FILES // 2
    text = brick.ctl("memory", "reclaim")
    assert re.search(r"^resident +", text, re.M) and "given back" in text


def growth_of_two_dumps():
    """statedump diff of two dumps of ours shows what grew between them"""
    older = brick.ctl("statedump", "mem").strip()
    with brick.client() as c:
        for i in range(FILES):
            assert c.fop("LOOKUP", pargfid=ROOT, bname="f%d" % i).ok
    newer = brick.ctl("statedump", "mem").strip()
    diff = json.loads(brick.ctl("--json", "statedump", "diff", older, newer))
    inode = [t for t in diff["types"] if t["name"] == "server.inode/inode"]
    assert inode and inode[0]["blocks"] - inode[0]["old-blocks"] > FILES // 2, \
        inode
    grown = [t["size"] - t["old-size"] for t in diff["types"]]
    same(grown, sorted(grown, reverse=True))
    text = brick.ctl("statedump", "diff", older, newer)
    assert re.search(r"^server\.inode/inode +\+ ", text, re.M), text
    same(brick.ctl("statedump", "diff", older, older), "nothing differs\n")


fixture.main([
    table_adds_up, nothing_is_left_of_requests, pages_pools_guard, sections,
    growth_has_its_form, trace_names_a_function, poison_is_no_hindrance,
    limit_is_shown_and_set, doctor_speaks, reclaim_gives_back,
    growth_of_two_dumps], [brick])
