#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Locks of several clients: circles, mandatory locks (compared with the stock
brick where there is one), locks that move, and how they are shown.
"""

import errno
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from wire import *  # noqa: E402,F401,F403

PROGRAM = fixture.brick_program()
fixture.sandbox()
scratch = fixture.Scratch()
A, B = Cred(1, owner=b"owner-aa"), Cred(2, owner=b"owner-bb")
INTERNAL = Cred(-3, owner=b"rebalance")
UID = "CTX_ID:one-GRAPH_ID:0-PID:1-HOST:test-PC_NAME:wire-RECON_NO:-0"


def same(got, want, what=""):
    if got != want:
        raise AssertionError("%s: %r, wanted %r" % (what, got, want))


def lk(client, g, fd, kind, start=0, length=0, cred=A, cmd=SETLK, **kw):
    return client.fop("LK", gfid=g, fd=fd, cmd=cmd, type=kind, cred=cred,
                      flock={"type": kind, "start": start, "len": length},
                      **kw)


def send_lkw(client, g, fd, kind, start, length, cred):
    return client.send_fop("LK", gfid=g, fd=fd, cmd=SETLKW, type=kind,
                           cred=cred, flock={"type": kind, "start": start,
                                             "len": length})


def count(client, g, key="posixlk"):
    key = "glusterfs.%s-count" % key
    return client.fop("LOOKUP", gfid=g, xdata={key: v_uint(0)}).xdata[key][1]


def until(client, g, n, key="posixlk"):
    fixture.wait_until("%d of %s" % (n, key),
                       lambda: count(client, g, key) == n)


def opened(client, g, flags=O_RDWR):
    r = client.fop("OPEN", gfid=g, flags=flags)
    same(r.op_ret, 0, "open")
    return r.fd


def started(name, program, *options):
    b = fixture.Brick(scratch, name, program, None, *options)
    return b


ours = started("ours", PROGRAM)


def login(brick=None, **options):
    brick = brick or ours
    return Client(brick.port).login(brick.dir, **options)


def make(client, name, data=b"x" * 100):
    r = client.create(name)
    same(r.op_ret, 0, "create")
    same(client.write(r.stat["gfid"], r.fd, 0, data).op_ret, len(data))
    return r.stat["gfid"], r.fd


def circle():
    """a circle of waiting locks over two files: one gets EDEADLK"""
    with login() as one, login() as two:
        f, ffd = make(one, "circle-f")
        g, gfd = make(one, "circle-g")
        ffd2, gfd2 = opened(two, f), opened(two, g)
        same(lk(one, f, ffd, WRLCK).op_ret, 0)
        same(lk(two, g, gfd2, WRLCK, cred=B).op_ret, 0)
        waiting = send_lkw(one, g, gfd, RDLCK, 5, 1, A)
        until(one, g, 2)
        r = lk(two, f, ffd2, WRLCK, 5, 1, B, SETLKW)
        same((r.op_ret, r.op_errno), (-1, errno.EDEADLK))
        same(lk(two, g, gfd2, UNLCK, cred=B).op_ret, 0)
        same(one.wait_fop("LK", waiting).op_ret, 0)


def mandatory_on(brick, mode):
    """What the brick answers, as (what, op_ret, op_errno)."""
    log = []

    def note(what, r):
        log.append((what, r.op_ret, r.op_errno if r.op_ret < 0 else 0))

    with login(brick) as one, login(brick) as two:
        f, fd = make(one, "mandatory")
        nb = opened(two, f, O_RDWR | 0o4000)
        blocking = opened(two, f)
        flag = {"glusterfs.lk.lkmode": v_uint(1)}
        note("lock", lk(one, f, fd, WRLCK, 0, 5, xdata=flag))
        note("own write", one.write(f, fd, 0, b"abc", cred=A))
        note("own other owner", one.write(f, fd, 50, b"abc", cred=B))
        for off, data in (0, b"z"), (4, b"z"), (5, b"z"), (3, b"zzzz"):
            note("write %d" % off, two.write(f, nb, off, data, cred=B))
            note("read %d" % off, two.fop("READ", gfid=f, fd=nb, offset=off,
                                          size=len(data), cred=B))
        note("truncate 1", two.fop("TRUNCATE", gfid=f, offset=1, cred=B))
        note("truncate 60", two.fop("TRUNCATE", gfid=f, offset=60, cred=B))
        note("ftruncate 1", two.fop("FTRUNCATE", gfid=f, fd=nb, offset=1,
                                    cred=B))
        note("discard", two.fop("DISCARD", gfid=f, fd=nb, offset=2, size=9,
                                cred=B))
        note("zerofill", two.fop("ZEROFILL", gfid=f, fd=nb, offset=2, size=9,
                                 cred=B))
        note("fallocate", two.fop("FALLOCATE", gfid=f, fd=nb, offset=2,
                                  size=9, cred=B))
        note("open trunc", two.fop("OPEN", gfid=f, flags=O_RDWR | O_TRUNC,
                                   cred=B))
        note("own open trunc", one.fop("OPEN", gfid=f,
                                       flags=O_RDWR | O_TRUNC, cred=A))
        note("internal", two.write(f, nb, 0, b"z", cred=Cred(-6, owner=b"x")))
        note("stat", two.fop("STAT", gfid=f, cred=B))
        # Who waits, waits until nothing is in the way.
        xid = two.send_fop("WRITE", gfid=f, fd=blocking, offset=3, size=4,
                           payload=b"1234", cred=B)
        two.ping()
        note("two pings between", two.fop("STAT", gfid=f, cred=B))
        # Answers may overtake one another, but not what it does not wait for.
        answer = two.wait_fop("WRITE", xid) if mode == "off" else None
        same(xid in two.replies, False, "a write that waits")
        note("unlock the half", lk(one, f, fd, UNLCK, 0, 4))
        note("unlock the rest", lk(one, f, fd, UNLCK, 4, 1))
        note("write that waited", answer or two.wait_fop("WRITE", xid))
        note("read lock", lk(one, f, fd, RDLCK, 0, 5))
        note("shared read", two.fop("READ", gfid=f, fd=nb, size=3, cred=B))
        note("write refused", two.write(f, nb, 0, b"z", cred=B))
        xid = two.send_fop("WRITE", gfid=f, fd=blocking, offset=0, size=1,
                           payload=b"q", cred=B)
        two.ping()
        one.close()             # its end is an unlock, too
        note("write after its end", two.wait_fop("WRITE", xid))
    return log


def mandatory(mode):
    def point():
        option = "locks.mandatory-locking=" + mode
        mine = mandatory_on(started("ours-" + mode, PROGRAM, option), mode)
        refused = {w for w, ret, err in mine if err == errno.EAGAIN}
        want = set() if mode == "off" else {
            "write 0", "read 0", "write 4", "read 4", "write 3",
            "read 3", "truncate 1", "ftruncate 1", "discard", "zerofill",
            "open trunc", "own open trunc"}
        if mode == "forced":
            want.add("write refused")
        same(refused, want)
        if os.access(fixture.STOCK, os.X_OK):
            theirs = mandatory_on(started("peer-" + mode, fixture.STOCK,
                                          option), mode)
            same([m for m, t in zip(mine, theirs) if m != t],
                 [t for m, t in zip(mine, theirs) if m != t], "stock brick")
    point.__doc__ = "mandatory locks: " + mode
    return point


def waiting_accesses(brick):
    """The account of those who wait, if any do."""
    return re.findall(r"usage-type .*access that waits memusage\]\n"
                      r"size=[1-9]", brick.statedump())


def gone_while_waiting():
    """who goes while its write waits for a mandatory lock leaves nothing"""
    b = started("gone", PROGRAM, "locks.mandatory-locking=forced")
    with login(b) as one:
        f, fd = make(one, "gone")
        same(lk(one, f, fd, WRLCK).op_ret, 0)
        two = login(b)
        fd2 = opened(two, f)
        for _ in range(70):
            two.send_fop("WRITE", gfid=f, fd=fd2, size=1, payload=b"x",
                         cred=B)

        def over_the_bound():
            two.ping()
            return len(two.replies) == 6
        fixture.wait_until("6 of 70 are refused", over_the_bound)
        for xid in list(two.replies):
            r = two.wait_fop("WRITE", xid)
            same((r.op_ret, r.op_errno), (-1, errno.EAGAIN))
        same(len(waiting_accesses(b)), 1)
        two.close()
        fixture.wait_until("none waits", lambda: not waiting_accesses(b))
        same(one.write(f, fd, 0, b"y", cred=A).op_ret, 1)


def moved():
    """locks that rebalance moves belong to their client, and go with it"""
    with login() as mover, login(process_uuid=UID) as one, login() as two:
        f, fd = make(mover, "moved")
        flock = {"type": WRLCK, "whence": 0, "start": 0, "len": 10, "pid": 1,
                 "owner": A.owner}
        entry = {"flock": flock, "client": UID.encode(), "flags": 0}

        def move(*locks, cred=INTERNAL):
            r = mover.fop("SETACTIVELK", gfid=f, locks=list(locks), cred=cred)
            return 0 if r.op_ret == 0 else r.op_errno
        same(move(), errno.EINVAL, "none")
        same(move(entry, cred=A), errno.EPERM, "of a user")
        same(move(dict(entry, client=b"nobody")), errno.ENOTCONN)
        same(move(entry, dict(entry, flock=dict(flock, owner=b"other"))),
             errno.EINVAL, "in conflict")
        same(move(dict(entry, flock=dict(flock, type=7))), errno.EINVAL)
        same(move(dict(entry, flock=dict(flock, start=1 << 63))),
             errno.EINVAL)
        same(count(mover, f), 0)
        second = dict(entry, flock=dict(flock, start=20, type=RDLCK))
        same(move(entry, second), 0)
        same(move(entry), errno.EEXIST, "again")
        r = mover.fop("GETACTIVELK", gfid=f)
        same(r.op_ret, 2)
        same(r.locks, [entry, second])
        fd1, fd2 = opened(one, f), opened(two, f)
        same(lk(two, f, fd2, WRLCK, 5, 1, B).op_errno, errno.EAGAIN)
        same(lk(one, f, fd1, UNLCK, 0, 5, A).op_ret, 0, "the owner's unlock")
        same(lk(two, f, fd2, WRLCK, 0, 5, B).op_ret, 0)
        waiting = send_lkw(two, f, fd2, WRLCK, 20, 1, B)
        until(mover, f, 4)
        one.close()
        same(two.wait_fop("LK", waiting).op_ret, 0)


def ctl(*words):
    paths = [p for p in os.listdir(scratch.path) if p == "ours.ctl"]
    socket_path = os.path.join(scratch.path, paths[0]) if paths else None
    args = ["clinkerctl"] + (["-s", socket_path] if socket_path else [])
    return subprocess.run(args + list(words), executable=PROGRAM,
                          capture_output=True, text=True, timeout=60,
                          check=True).stdout


def shown():
    """clinkerctl and statedumps show who holds and who waits"""
    with login(process_uuid=UID) as one, login() as two:
        d = b"\xd0" * 16
        r = one.fop("MKDIR", pargfid=ROOT, mode=0o755, bname="dir", xdata={
            "gfid-req": v_gfid(d)})
        same(r.op_ret, 0)
        f, fd = make(one, "shown")
        name = "line\nbreak"
        for who, cmd in (one, 2), (two, 0):
            xid = who.send_fop("ENTRYLK", gfid=d, cmd=cmd, type=1, namelen=1,
                               name=name, volume="v-replicate-0", cred=A)
            if cmd == 2:
                same(who.wait_fop("ENTRYLK", xid).op_ret, 0)
        until(one, d, 2, "entrylk")
        same(one.fop("INODELK", gfid=f, cmd=SETLK, type=RDLCK, cred=A,
                     volume="v-replicate-0", flock={"start": 5, "len": 7}
                     ).op_ret, 0)
        same(lk(one, f, fd, WRLCK, 3, 4).op_ret, 0)
        answer = json.loads(ctl("--json", "locks"))
        rows = {o["path"]: o["locks"] for o in answer["objects"]}
        same(sorted(rows), ["/dir", "/shown"])
        same([(x["family"], x["state"], x["name"], x["domain"], x["type"])
              for x in rows["/dir"]],
             [("entry", s, name, "v-replicate-0", "write")
              for s in ("holds", "waits")])
        same([(x["family"], x["state"], x["start"], x["len"], x["type"],
               x["owner"], x["client"]) for x in rows["/shown"]],
             [("inode", "holds", 5, 7, "read", A.owner.hex(), UID),
              ("posix", "holds", 3, 4, "write", A.owner.hex(), UID)])
        text = ctl("locks")
        for word in ("FAMILY", "waits", "line\\x0abreak", "5-11", "/shown"):
            same(word in text, True, word + " in " + text)
        dump = ours.statedump()
        client = r"client=0x[0-9a-f]+, connection-id=%s, granted at \d{4}-" \
            r"\d\d-\d\d \d\d:\d\d:\d\d \+0000" % re.escape(UID)
        owner = A.owner.hex()
        for line in (
                r"entrylk-count=2",
                r"lock-dump\.domain\.domain=v-replicate-0",
                r"xlator\.feature\.locks\.lock-dump\.domain\.entrylk\."
                r"entrylk\[0\]\(ACTIVE\)=type=ENTRYLK_WRLCK on basename="
                r"line\\x0abreak, pid = 1, owner=%s, %s" % (owner, client),
                r"xlator\.feature\.locks\.lock-dump\.domain\.entrylk\."
                r"entrylk\[1\]\(BLOCKED\)=type=.*, blocked at .*",
                r"inodelk-count=1",
                r"inodelk\.inodelk\[0\]\(ACTIVE\)=type=READ, whence=0, "
                r"start=5, len=7, pid = 1, owner=%s, %s" % (owner, client),
                r"posixlk\.posixlk\[0\]\(ACTIVE\)=type=WRITE, whence=0, "
                r"start=3, len=4, pid = 1, owner=%s, %s" % (owner, client)):
            if not re.search("^%s$" % line, dump, re.M):
                raise AssertionError("no %s in the dump" % line)
    fixture.wait_until("no locks", lambda: ctl("locks") == "no locks\n")


fixture.main([circle] + [mandatory(m) for m in ("off", "forced", "optimal")] +
             [gone_while_waiting, moved, shown], cleanup=[ours])
