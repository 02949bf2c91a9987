#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Clients that ask and do not read what they are answered."""

import os
import socket
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from fault import *  # noqa: E402,F401,F403

scene = Scene()
MIB = 1 << 20
BIG = uuid.uuid4().bytes
made = scene.witness.create("big", ROOT, BIG)
scene.witness.fop("FTRUNCATE", gfid=BIG, fd=made.fd, offset=1 << 34)
scene.witness.fop("RELEASE", gfid=BIG, fd=made.fd)


def ask(c, n, name, **args):
    """n requests, as far as the daemon takes them; nothing is read."""
    c.sock.settimeout(1)
    sent = 0
    try:
        for _ in range(n):
            c.send_fop(name, **args)
            sent += 1
    except OSError:
        pass
    return sent


def queued(at_least):
    """Reply bytes that wait for somebody, by the statedump."""
    n = sum(int(line.split("=")[1])
            for line in scene.brick.statedump().splitlines()
            if line.startswith("tx_queued_bytes="))
    return n if n >= at_least else 0


@scene.point("replies that nobody reads", log="does not read its replies")
def unread():
    before = scene.memory()
    c = scene.login(client=scene.connect(rcvbuf=4096))
    ask(c, 3000, "READ", gfid=BIG, fd=ANON_FD, size=1 << 17)
    fixture.wait_until("replies are queued", lambda: queued(14 * MIB))
    for _ in range(20):
        scene.good()
    scene.bounded(before, 80 * MIB)


@scene.point("an unread reply later the client reads on, and gets them all")
def reads_on():
    c = scene.login(client=scene.connect(rcvbuf=4096))
    xids = [c.send_fop("READ", gfid=BIG, fd=ANON_FD, size=1 << 17)
            for _ in range(400)]
    fixture.wait_until("replies are queued", lambda: queued(8 * MIB))
    for x in xids:
        if len(c.wait_fop("READ", x).payload) != 1 << 17:
            raise AssertionError("a reply is not whole")
    c.ping()


@scene.point("ten clients that do not read, and one that does",
             log="does not read its replies")
def ten():
    clients = [scene.login(client=scene.connect(rcvbuf=4096))
               for _ in range(10)]
    for c in clients:
        ask(c, 600, "READ", gfid=BIG, fd=ANON_FD, size=1 << 17)
    for _ in range(50):
        scene.good()
    fixture.wait_until("replies are queued", lambda: queued(64 * MIB))
    scene.good()


@scene.point("replies of the largest size, unread")
def largest():
    before = scene.memory()
    c = scene.login(client=scene.connect(rcvbuf=4096))
    ask(c, 60, "READ", gfid=BIG, fd=ANON_FD, size=0xffffffff)
    fixture.wait_until("replies are queued", lambda: queued(32 * MIB) or
                       scene.ctl("status")["connections"]["clients"] < 2)
    scene.good()
    # What may be queued on a connection, and a request in each worker's hand.
    scene.bounded(before, (256 + 16 * 16 + 64) * MIB)


@scene.point("pings without end, unread")
def pings():
    before = scene.memory()
    c = scene.connect(rcvbuf=4096)
    c.sock.settimeout(1)
    one = frame(call_record(7, DUMP, DUMP_VERSION, 2, b"", flavor=AUTH_NULL))
    sent = 0
    try:
        while sent < 64 * MIB:
            c.send_raw(one * 1000)
            sent += 1000 * len(one)
    except OSError:
        pass
    if sent >= 64 * MIB:
        raise AssertionError("it goes on taking them")
    scene.good()
    scene.bounded(before, 100 * MIB)


@scene.point("half a reply read, then gone")
def half():
    for i in range(20):
        c = scene.login(client=scene.connect(rcvbuf=4096))
        for _ in range(20):
            c.send_fop("READ", gfid=BIG, fd=ANON_FD, size=1 << 17)
        c.sock.recv(1000 * (i + 1))
        if i % 2:
            c.sock.shutdown(socket.SHUT_RD)
        c.close()


@scene.point("the big file goes")
def remove():
    if not scene.login().fop("UNLINK", pargfid=ROOT, bname="big").ok:
        raise AssertionError("unlink")


scene.run()
