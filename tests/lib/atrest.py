#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
What a daemon's memory must be like when nobody asks anything of it: all that
is resident is in an account or on a named line, no more is accounted than is on
pages in use, and there is nothing left of any request, nor of any client that
has gone.

    atrest.py [--no-clients] SOCKET

asks the daemon on that control socket, waits until that is so, says it in one
line, and fails with what is wrong if it does not become so.  With --no-clients
the last client must have gone, too; else what clients that are connected may
hold is allowed.  Tests call settled(), or have it called: brick.py and
functions.sh do so before they stop a daemon in order, and at a test's end.
"""

import json
import socket
import sys
import time

SECONDS = 20                    # until it must be at rest
WORK_SECONDS = 1                # what is in work then waits for a lock
KIB, MIB = 1 << 10, 1 << 20
SLACK = 64 * KIB                # between one answer and the next

# Types that have something while nobody asks anything, and why.  All others
# must be zero; so a new type of something that lives as long as a request, a
# descriptor or a client is looked at without being named here.

# Those that grow and shrink with what was done.
VARYING = {
    # What the bookkeeping itself takes, and free memory that is kept.
    "mem/growth": "samples",
    "mem/guard": "the table of guard objects, and their pages",
    "mem/heap slack": "heads, and free blocks",
    "mem/iobuf cold": "free buffers",
    "mem/iobuf header": "one for each buffer, free ones too",
    "mem/page descriptors": "one for each page of an arena",
    "mem/pool slack": "free objects",
    "mem/slab": "headers of slabs",
    "mem/threads": "counters and magazines",
    # Counters.
    "server.fop/latency": "one for each operation and thread",
    "server.fop/slow operations": "",
    "server.fop/timing": "one for each thread",
    # Caches: as long as their inode is remembered.
    "server.inode/inode": "unused ones",
    "server.inode/path fd": "of unused inodes",
    "server.lock/lock domain": "of inodes that once had locks",
    "server.posix/acl": "of unused inodes",
}

KEPT = {
    **VARYING,
    "mem/pool": "the pools themselves",
    "mem/trace blocks": "while a type is traced",
    "mem/trace sites": "while a type is traced",
    "lib/event": "libevent's own, and the timers and listeners we have",
    "lib/openssl": "made once, for digests",
    # Made at the start, freed at the end.
    "iothreads/pool": "",
    "iothreads/worker": "one for each thread",
    "rpc/event_thread": "",
    "rpc/listener": "",
    "rpc/service": "",
    "server/pressure": "",
    "server/server": "",
    "server.admin/background": "a thread",
    "server.admin/control": "",
    "server.admin/statedump": "",
    "server.client/table": "",
    "server.core/login": "options",
    "server.core/option_text": "options",
    "server.core/options": "",
    "server.core/volfile": "what the volfile said, for as long as we run",
    "server.fop/stats": "",
    "server.groups/cache": "",
    "server.heal/heal": "",
    "server.heal/index": "",
    "server.inode/table": "",
    "server.posix/brick": "",
    "server.posix/health check": "",
    "server.posix/janitor": "",
    # As long as the user is remembered.
    "server.groups/groups of a user": "for server.manage-gids",
}

# What our own question takes, in blocks.
ASKING = {"server.admin/control connection": 1, "server.admin/control call": 1,
          "server.admin/memory rows": 1}

# What a client has while it is connected and waits for nothing.
CONNECTED = {"rpc/conn", "server.client/client", "server.client/share",
             "server.inode/fd", "server.inode/fd slots",
             "server.inode/fd table",
             "server.lock/entrylk", "server.lock/inodelk",
             "server.lock/lock volume", "server.lock/record lock",
             "server.lock/tie",
             "mem/iobuf"}       # what it is received into
# And while a request of it waits for a lock.
WAITING = {"server.fop/call", "server.fop/call arena",
           "server.lock/internal lock waiter",
           "server.lock/record lock waiter"}

# Those of mem/ that do not lie on pages of arenas, or of large runs.
OUTSIDE = {"mem/growth", "mem/guard", "mem/page descriptors", "mem/threads",
           "mem/trace blocks", "mem/trace sites"}


class Unsettled(AssertionError):
    pass


class Control:
    """One connection to a daemon's control socket."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(path)
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()
        self.sock.close()

    def ask(self, command):
        self.sock.sendall(json.dumps({"command": command}).encode() + b"\n")
        line = self.file.readline()
        if not line:
            raise Unsettled("no answer to " + command)
        answer = json.loads(line)
        if not answer["ok"]:
            raise Unsettled("%s: %r" % (command, answer))
        return answer


def kernels_count(pid):
    """Resident bytes as the kernel finds them, page by page; None when that
    process is not to be seen from here."""
    try:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            for line in f:
                if line.startswith("Rss:"):
                    return int(line.split()[1]) * KIB
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        pass
    return None


def tolerance(m):
    """Promised are 3 % or 1 MiB; seen are some pages, since the answers are
    not of one moment."""
    return max(256 * KIB, m["resident"] // 100)


def sum_problems(m, pages, kernel):
    """What of the resident memory is in no account and on no line, and the
    other way round."""
    found = []
    if not m["lines-known"]:
        return found                    # a sanitizer's build: see doc/memory.md
    off = m["resident"] - m["accounted"] - sum(m["lines"].values())
    if off != m["unaccounted"]:
        found.append("unaccounted is told as %d and is %d" %
                     (m["unaccounted"], off))
    if kernel is not None:
        off += kernel - m["resident"]
    if abs(off) > tolerance(m):
        found.append("%d of %d bytes are in no account and on no line" %
                     (off, kernel or m["resident"]))
    # The line `not touched` takes what is accounted and not resident, and so
    # would hide an account that is too large.  (One of pages in use may be
    # smaller: objects of a slab are charged when they are made.)
    size = {t["module"] + "/" + t["name"]: t["size"] for t in m["types"]}
    inside = m["accounted"] - sum(size.get(name, 0) for name in OUTSIDE)
    if inside > pages["used"] + pages["mapped"] + SLACK:
        found.append("%d bytes are accounted for %d on pages in use" %
                     (inside, pages["used"] + pages["mapped"]))
    return found


def left_over(m, clients, waiting, known=()):
    """Accounts that are not zero and should be, but for known ones."""
    found = []
    for t in m["types"]:
        name = t["module"] + "/" + t["name"]
        if t["blocks"] == 0 and t["size"] == 0 or name in KEPT or \
                name in known or \
                t["blocks"] <= ASKING.get(name, 0) or \
                clients and name in CONNECTED or \
                waiting and name in WAITING:
            continue
        found.append("%s has %d bytes in %d blocks" %
                     (name, t["size"], t["blocks"]))
    return found


def look(control, pid, no_clients, may_wait, known):
    """What is wrong now, and what the daemon has."""
    found = []
    status = control.ask("status")["connections"]
    clients = status["open"] + status["clients"]
    waiting = 0
    if clients:
        waiting = sum(c["requests"] for c in control.ask("clients")["clients"])
        if no_clients:
            found.append("%d connections are open" % status["open"])
        if waiting and not may_wait:
            found.append("%d requests are in work" % waiting)
    if status["leaving"]:
        found.append("%d clients are leaving" % status["leaving"])
    m, pages = control.ask("memory"), control.ask("memory-pages")
    found += sum_problems(m, pages, kernels_count(pid))
    found += left_over(m, clients, waiting, known)
    return found, m


def summary(m):
    text = "%.1f MiB resident, %.1f accounted" % (m["resident"] / MIB,
                                                  m["accounted"] / MIB)
    if m["lines-known"]:
        text += ", %d KiB neither" % (m["unaccounted"] // KIB)
    return text


def settled(path, no_clients=False, known=(), seconds=SECONDS):
    """Waits until the daemon is at rest as said above, but for the types that
    are known to be left; says what it has.  Raises Unsettled."""
    began = time.monotonic()
    with Control(path) as control:
        pid = control.ask("status")["pid"]
        while True:
            spent = time.monotonic() - began
            found, m = look(control, pid, no_clients, spent > WORK_SECONDS,
                            known)
            if not found:
                return summary(m)
            if spent > seconds:
                raise Unsettled("\n".join(found))
            time.sleep(0.02)


def main(words):
    no_clients = words[:1] == ["--no-clients"]
    if len(words) != 1 + no_clients:
        print(__doc__)
        return 2
    try:
        print(settled(words[-1], no_clients))
    except (Unsettled, OSError, ValueError) as e:
        print("not at rest: %s" % e)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
