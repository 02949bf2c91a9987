#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Stands in for the management daemon towards clients that insist on one: on
127.0.0.1:24007 it answers DUMP, PING and GETSPEC, any volume with one volfile.

  getspec.py VOLFILE
"""

import os
import socketserver
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import (DUMP, HANDSHAKE, PROC_UNAVAIL, Reader, frame,  # noqa: E402
                  p_opaque)

PORT = 24007


def answer(volfile, program, proc):
    """The results of a call, or None for one that is not offered."""
    if program == DUMP and proc == 1:
        out = struct.pack(">Qii", 0, 0, 0)
        for name, number, version in (("GF-DUMP", DUMP, 1),
                                      ("Gluster Handshake", HANDSHAKE, 2)):
            out += struct.pack(">I", 1) + p_opaque(name.encode())
            out += struct.pack(">QQ", number, version)
        return out + struct.pack(">I", 0)
    if program == DUMP and proc == 2:
        return bytes(12)
    if program == HANDSHAKE and proc == 2:
        return struct.pack(">ii", len(volfile), 0) + p_opaque(volfile) + \
            p_opaque(b"")
    return None


class Handler(socketserver.StreamRequestHandler):
    def record(self):
        out = b""
        while True:
            head = self.rfile.read(4)
            if len(head) < 4:
                return None
            mark = struct.unpack(">I", head)[0]
            out += self.rfile.read(mark & 0x7fffffff)
            if mark & 0x80000000:
                return out

    def handle(self):
        while True:
            record = self.record()
            if record is None:
                return
            r = Reader(record)
            xid, _, _, program, _, proc = r.unpack("6I")
            body = answer(self.server.volfile, program, proc)
            status = PROC_UNAVAIL if body is None else 0
            self.wfile.write(frame(struct.pack(">6I", xid, 1, 0, 0, 0,
                                               status) + (body or b"")))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", PORT), Handler) as server:
        with open(sys.argv[1], "rb") as f:
            server.volfile = f.read()
        server.serve_forever()
