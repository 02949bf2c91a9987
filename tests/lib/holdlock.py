#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Takes an advisory lock and holds it until it is killed.

  holdlock.py FILE read|write|unlock START LENGTH [wait]
  holdlock.py FILE get START LENGTH

Says "waiting" before it waits, "held" when it has the lock; "refused", status
1, when it does not get it.  get prints the lock in the way, or "free".
"""

import fcntl
import os
import signal
import struct
import sys

KINDS = {"read": fcntl.F_RDLCK, "write": fcntl.F_WRLCK,
         "unlock": fcntl.F_UNLCK}
FLOCK = "hhqqi"


def get(fd, start, length):
    """The lock that a write lock there would meet."""
    ask = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
    kind, _, start, length, _ = struct.unpack(
        FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, ask))
    if kind == fcntl.F_UNLCK:
        return "free"
    names = {v: k for k, v in KINDS.items()}
    return "%s %d %d" % (names[kind], start, length)


def main():
    path, kind, start, length = sys.argv[1:5]
    start, length = int(start), int(length)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    if kind == "get":
        print(get(fd, start, length))
        return 0
    waits = len(sys.argv) > 5
    if waits:
        print("waiting", flush=True)
    what = struct.pack(FLOCK, KINDS[kind], os.SEEK_SET, start, length, 0)
    try:
        fcntl.fcntl(fd, fcntl.F_SETLKW if waits else fcntl.F_SETLK, what)
    except (BlockingIOError, PermissionError):
        print("refused", flush=True)
        return 1
    print("held", flush=True)
    signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
