#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
What a client holds ends with its connection: descriptors, locks, waiting
requests; and the daemon's statedump shows that nothing is left.
"""

import os
import re
import sys
import threading
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from wire import *  # noqa: E402,F401,F403

fixture.brick_program()
fixture.sandbox()
scratch = fixture.Scratch()
b = fixture.Brick(scratch, "b")
CLIENTS = 40

watcher = Client(b.port).login(b.dir)
shared = uuid.uuid4().bytes
shared_fd = watcher.create("shared", gfid=shared).fd


def counts():
    """Open files and locks, as a lookup and the statedump tell them."""
    x = watcher.fop("LOOKUP", gfid=shared, xdata={
        "glusterfs.open-fd-count": v_uint(1),
        "glusterfs.posixlk-count": v_int(1),
        "glusterfs.inodelk-count": v_int(1),
        "glusterfs.entrylk-count": v_int(1)}).xdata
    dump = b.statedump()
    return {
        "open": x["glusterfs.open-fd-count"][1],
        "locks": x["glusterfs.posixlk-count"][1],
        "internal": x["glusterfs.inodelk-count"][1] +
        x["glusterfs.entrylk-count"][1],
        "fds": sum(int(n) for n in re.findall(r"\nfd-count=(\d+)", dump)),
        "posixlk": len(re.findall(r"posixlk\.posixlk\[\d+\]", dump)),
        "internal lines": len(re.findall(
            r"(?:inodelk\.inode|entrylk\.entry)lk\[\d+\]", dump)),
    }


def settles(want, seconds=20):
    seen = {}

    def there():
        seen.clear()
        seen.update(counts())
        return all(seen[k] == v for k, v in want.items())
    try:
        fixture.wait_until("counts settle", there, seconds)
    except AssertionError as e:
        raise AssertionError("%s: %r, wanted %r" % (e, seen, want)) from e


AT_REST = {"open": 1, "locks": 0, "fds": 1, "posixlk": 0, "internal": 0,
           "internal lines": 0}


def burden(c, n):
    """Open files and directories, and locks of its own range and name; one
    that waits for what all want."""
    fds = [c.fop("OPEN", gfid=shared, flags=O_RDWR).fd for _ in range(5)]
    for _ in range(2):
        c.fop("OPENDIR", gfid=ROOT)
    owner = Cred(n + 10, owner=struct.pack(">Q", n + 1))
    r = c.fop("LK", gfid=shared, fd=fds[0], cmd=SETLK, type=WRLCK,
              cred=owner, flock={"start": n * 10, "len": 10})
    if not r.ok:
        raise AssertionError("lock %d: %r" % (n, r))
    for name, args in (
            ("FINODELK", {"fd": fds[0], "cmd": SETLK, "type": WRLCK,
                          "flock": {"start": n * 10, "len": 10}}),
            ("ENTRYLK", {"cmd": 2, "type": 1, "namelen": 1, "name": str(n)})):
        r = c.fop(name, gfid=shared, volume="dom", cred=owner, **args)
        if not r.ok:
            raise AssertionError("%s %d: %r" % (name, n, r))
    c.send_fop("INODELK", gfid=shared, volume="all", cred=owner, cmd=SETLKW,
               type=WRLCK)
    return fds


def many():
    clients = [Client(b.port).login(b.dir) for _ in range(CLIENTS)]
    for n, c in enumerate(clients):
        burden(c, n)
    settles({"open": 1 + 5 * CLIENTS, "locks": CLIENTS,
             "posixlk": CLIENTS, "fds": 1 + 7 * CLIENTS,
             "internal": 3 * CLIENTS, "internal lines": 3 * CLIENTS})
    return clients


def closing():
    """many clients close their connections"""
    settles(AT_REST)
    for c in many():
        c.close()
    settles(AT_REST)


def resetting():
    """many clients reset their connections"""
    linger = struct.pack("ii", 1, 0)
    for c in many():
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        c.close()
    settles(AT_REST)


def one_identity():
    """two connections of one client: the last one takes all with it"""
    name = "CTX_ID:%s-GRAPH_ID:0-PID:1-HOST:t-PC_NAME:x-RECON_NO:-0" % \
        uuid.uuid4()
    one = Client(b.port).login(b.dir, process_uuid=name)
    two = Client(b.port).login(b.dir, process_uuid=name)
    fds = burden(one, 1)
    r = two.fop("FSTAT", gfid=shared, fd=fds[0])
    if not r.ok:
        raise AssertionError("a shared descriptor: %r" % r)
    one.close()
    two.ping()
    r = two.fop("FSTAT", gfid=shared, fd=fds[0])
    if not r.ok:
        raise AssertionError("it went with the first connection: %r" % r)
    two.close()
    settles(AT_REST)


def waiting():
    """a client that waits for a lock goes, and never gets it"""
    holder = Client(b.port).login(b.dir)
    burden(holder, 0)
    gone = Client(b.port).login(b.dir)
    fd = gone.fop("OPEN", gfid=shared, flags=O_RDWR).fd
    gone.send_fop("LK", gfid=shared, fd=fd, cmd=SETLKW, type=WRLCK,
                  cred=Cred(99, owner=b"waiting!"),
                  flock={"start": 0, "len": 10})
    settles({"locks": 2, "posixlk": 2})
    gone.close()
    settles({"locks": 1, "posixlk": 1})
    r = holder.fop("LK", gfid=shared, fd=0, cmd=SETLK, type=UNLCK,
                   cred=Cred(10, owner=struct.pack(">Q", 1)),
                   flock={"start": 0, "len": 10})
    if not r.ok:
        raise AssertionError("unlock: %r" % r)
    settles({"locks": 0, "posixlk": 0})
    holder.close()
    settles(AT_REST)


def in_flight():
    """clients go while their requests are being worked on"""
    def hasty(n):
        for i in range(20):
            c = Client(b.port).login(b.dir)
            fd = c.fop("OPEN", gfid=shared, flags=O_RDWR).fd
            for k in range(30):
                c.send_fop("OPEN", gfid=shared, flags=O_RDWR)
                c.send_fop("OPENDIR", gfid=ROOT)
                c.send_fop("LK", gfid=shared, fd=fd, cmd=SETLK, type=RDLCK,
                           cred=Cred(n, owner=struct.pack(">IIQ", n, i, k)),
                           flock={"start": k, "len": 1})
                c.send_fop("CREATE", pargfid=ROOT, flags=O_RDWR, mode=0o644,
                           bname="c%d" % (k % 5), xdata={
                               "gfid-req": v_gfid(uuid.uuid4().bytes)})
            c.close()           # not one of the replies was read
    threads = [threading.Thread(target=hasty, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    settles(AT_REST, 60)


def unlinked():
    """files kept only by a client's descriptors go with it"""
    c = Client(b.port).login(b.dir)
    for n in range(20):
        c.create("tmp%d" % n)
        if not c.fop("UNLINK", pargfid=ROOT, bname="tmp%d" % n).ok:
            raise AssertionError("unlink")
    folder = os.path.join(b.dir, ".glusterfs", "unlink")
    if len(os.listdir(folder)) != 20:
        raise AssertionError("kept: %r" % os.listdir(folder))
    c.close()
    fixture.wait_until("the kept files are gone",
                       lambda: not os.listdir(folder))
    settles(AT_REST)


def still_serving():
    """the client that stayed noticed nothing"""
    r = watcher.write(shared, shared_fd, 0, b"still here")
    if r.op_ret != 10:
        raise AssertionError("%r" % r)
    r = watcher.fop("READ", gfid=shared, fd=shared_fd, size=100)
    if r.payload != b"still here":
        raise AssertionError("%r" % r)


def sound():
    """the brick obeys the rules of its format"""
    import brickfsck
    watcher.close()
    b.stop()
    problems = brickfsck.check(b.dir)
    if problems:
        raise AssertionError("\n".join(problems))


fixture.main([closing, resetting, one_identity, waiting, in_flight, unlinked,
              still_serving, sound], cleanup=[b])
