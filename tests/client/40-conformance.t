#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Sends the same requests to the stock brick and to ours and compares the
replies, field by field.  A client dictates the gfids, so both bricks hold the
same objects.  Left out of the comparison is only what must differ (times that
nobody dictated, device numbers, directory cookies); what differs on purpose
stands in DELIBERATE with its reason.
"""

import os
import re
import stat
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from wire import *  # noqa: E402,F401,F403
import conformance_cases as cases  # noqa: E402

DELIBERATE = cases.DELIBERATE

if not os.access(fixture.STOCK, os.X_OK):
    fixture.skip_all(fixture.STOCK)
PROGRAM = fixture.brick_program()
fixture.sandbox()
scratch = fixture.Scratch()
# Names of one length: they come up in replies.
stock = fixture.Brick(scratch, "peer", fixture.STOCK, None,
                      "posix.janitor-sleep-duration=1", "stack=full")
ours = fixture.Brick(scratch, "ours", PROGRAM, None,
                     "posix.janitor-sleep-duration=1",
                     "index.xattrop-pending-watchlist=trusted.afr.t-")

DROPPED = {"dev", "atime", "mtime", "ctime", "atime_nsec", "mtime_nsec",
           "ctime_nsec"}


def iatt(a, keep_times):
    if not any(a["gfid"]) and not a["mode"]:
        return "none"
    drop = {"dev"} if keep_times else DROPPED
    out = {k: v for k, v in a.items() if k not in drop}
    if not any(a["gfid"]):
        del out["ino"]
    out["gfid"] = gfid_text(a["gfid"])
    out["mode"] = "%06o" % a["mode"]
    out["flags"] = "%#x" % a["flags"]
    if stat.S_ISDIR(a["mode"]):
        del out["blocks"]
        del out["nlink"]        # the backend's, by what was made before
    return out


def value(key, tag, v, keep_times):
    name = TAG_NAMES[tag]
    if tag == IATT:
        return name, iatt(v, keep_times)
    if key == "trusted.glusterfs.mdata" and not keep_times:
        return name, "%d bytes" % len(v)
    if isinstance(v, bytes):
        for b in (stock, ours):
            v = v.replace(b.dir.encode(), b"BRICK")
        return name, v
    return name, v


def dictionary(d, keep_times):
    if d is None:
        return "null"
    return {k: value(k, t, v, keep_times) for k, (t, v) in d.items()}


def entry(e, keep_times):
    out = {"type": e["type"], "off": "set" if e["off"] else "zero"}
    if "stat" in e:
        out["ino"] = e["ino"]
        out["stat"] = iatt(e["stat"], keep_times)
        if e["name"] == b"..":
            out["stat"] = "parent"
        out["dict"] = dictionary(e["dict"], keep_times)
    return out


def normal(name, reply, keep_times=False):
    """A reply as a flat dictionary of what is compared."""
    if isinstance(reply, Exception):
        return {"rpc": str(reply)}
    out = {}
    failed = reply.op_ret < 0
    hint = name in ("READ", "READDIR", "READDIRP")
    for k, v in reply.items():
        if k == "op_errno":
            if failed or hint:
                out[k] = os.strerror(v) if v else 0
        elif isinstance(v, dict) and "ino" in v and "mode" in v:
            if not failed:
                out[k] = iatt(v, keep_times)
        elif k in ("xdata", "dict"):
            d = dictionary(v, keep_times)
            # Disperse is the only one to compare a failure's, and to it the
            # two are the same.
            if failed and d in ("null", {}):
                d = "nothing"
            out[k] = d
        elif k == "entries":
            for e in v:
                out["entry %r" % e["name"].decode()] = entry(e, keep_times)
        elif k == "statfs":
            if not failed:
                out[k] = {f: v[f] for f in ("bsize", "frsize", "namemax",
                                            "files", "blocks")}
        elif failed and k in ("path", "flock", "offset", "weak", "strong",
                              "flags"):
            continue
        elif k == "flock" and v["type"] == UNLCK:
            out[k] = "unlocked"
        elif k == "fd":
            out[k] = "given" if not failed else v
        else:
            out[k] = v
    flat = {}
    for k, v in out.items():
        if isinstance(v, dict):
            flat[k] = "there"
            for kk, vv in v.items():
                flat["%s.%s" % (k, kk)] = vv
        else:
            flat[k] = v
    return flat


class Tape:
    """What a case is given: the brick's side of it, recording replies."""

    def __init__(self, brick, case_number):
        self.brick = brick
        self.case = case_number
        self.count = 0
        self.log = []
        self.clients = []
        self.client = self.connect()
        self.dir = self.new_gfid()
        r = self.client.fop("MKDIR", pargfid=ROOT, mode=0o755,
                            bname="case%d" % case_number,
                            xdata={"gfid-req": v_gfid(self.dir)})
        if not r.ok:
            raise AssertionError("no directory for the case: %r" % r)

    def connect(self):
        c = Client(self.brick.port).login(self.brick.dir)
        self.clients.append(c)
        return c

    def new_gfid(self):
        self.count += 1
        return struct.pack(">IHHQ", 0xc0de0000 + self.case, 0x1111, 0x4abc,
                           0x8000000000000000 + self.count)

    def path(self, name=""):
        return os.path.join(self.brick.dir, "case%d" % self.case, name)

    def __call__(self, label, name, /, client=None, keep_times=False, **args):
        """One operation, recorded; returns the reply, or None where the
        call failed below the operation."""
        try:
            r = (client or self.client).fop(name, **args)
        except RpcError as e:
            r = e
        self.note(label, name, normal(name, r, keep_times))
        return None if isinstance(r, Exception) else r

    def ours(self, label, name, want, **args):
        """An operation that the stock brick does not survive: it is sent to
        ours alone, which must fail it with the errno wanted."""
        if not self.brick.ours:
            return
        r = self.client.fop(name, **args)
        if r.op_ret >= 0 or r.op_errno != want:
            raise AssertionError("%s: %s answers %d, %s; wanted %s" % (
                label, name, r.op_ret, os.strerror(r.op_errno),
                os.strerror(want)))

    def note(self, label, name, what):
        self.log.append((label, name, what))

    def make(self, name, data=b"", mode=0o644, parent=None, **xdata):
        """A file (not recorded): its gfid and an open descriptor."""
        g = self.new_gfid()
        r = self.client.create(name, parent or self.dir, g, mode=mode)
        if not r.ok:
            raise AssertionError("create %s: %r" % (name, r))
        if data:
            self.client.write(g, r.fd, 0, data)
        return g, r.fd

    def mkdir(self, name, parent=None, mode=0o755):
        g = self.new_gfid()
        r = self.client.fop("MKDIR", pargfid=parent or self.dir, mode=mode,
                            bname=name, xdata={"gfid-req": v_gfid(g)})
        if not r.ok:
            raise AssertionError("mkdir %s: %r" % (name, r))
        return g

    def close(self):
        for c in self.clients:
            c.close()


def gone(brick):
    """Whether the daemon died; it may still be busy dumping core."""
    try:
        Client(brick.port, timeout=2).programs()
        return False
    except (WireError, OSError):
        brick.stop(9)
        return True


def record(brick, number, case):
    tape = Tape(brick, number)
    try:
        case(tape)
    except (Closed, OSError) as e:
        if not gone(brick):
            raise
        after = tape.log[-1:]
        tail = brick.log_tail()
        brick.start()               # the other cases go on
        raise AssertionError("brick %s died in %s after %r\n%s" % (
            brick.name, case.__name__, after, tail)) from e
    finally:
        tape.close()
    return tape.log


def allowed(case, label, name, field):
    where = "%s: %s: %s" % (case, label, name)
    for pattern, fields, _ in DELIBERATE:
        if re.fullmatch(pattern, where) and re.fullmatch(fields, field):
            return True
    return False


def verdict(reply):
    return reply.get("op_ret", 0) < 0, "rpc" in reply


def differences(case, theirs, mine):
    out = []
    for (label, name, a), (_, _, b) in zip(theirs, mine):
        fields = sorted(a.keys() | b.keys())
        if verdict(a) != verdict(b):    # the rest follows from this
            fields = [k for k in fields if k in ("op_ret", "op_errno", "rpc")]
        for k in fields:
            x, y = a.get(k, "absent"), b.get(k, "absent")
            if x != y and not allowed(case, label, name, k):
                out.append("%-34s %-12s %s: stock %r, ours %r" % (
                    label, name, k, x, y))
    if len(theirs) != len(mine):
        out.append("stock recorded %d replies, ours %d" %
                   (len(theirs), len(mine)))
    return out


def compare(number, case):
    def point():
        theirs = record(stock, number, case)
        mine = record(ours, number, case)
        found = differences(case.__name__, theirs, mine)
        if found:
            raise AssertionError("%d differences\n%s" % (
                len(found), "\n".join(found)))
    point.__doc__ = (case.__doc__ or case.__name__).strip()
    return point


def clean():
    """both bricks obey the rules of the format afterwards"""
    import brickfsck
    for b in (ours, stock):
        landfill = os.path.join(b.dir, ".glusterfs", "landfill")
        fixture.wait_until("the landfill is purged",
                           lambda: not os.listdir(landfill))
        b.stop()
        problems = [p for p in brickfsck.check(b.dir)
                    if not any(re.search(x, p) for x in cases.KNOWN_MESS)]
        if problems and b is ours:
            raise AssertionError("\n".join(problems))
        for p in problems:
            print("# stock: " + p)


only = os.environ.get("CASES")
chosen = [(n, c) for n, c in enumerate(cases.ALL, 1)
          if not only or re.search(only, c.__name__)]
fixture.main([compare(n, c) for n, c in chosen] + [clean], cleanup=[ours])
