#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The log in the journal: what journald would get, and where lines go when there
is no journal any more.  The sandbox has a /run of its own, so the socket there
is the test's.
"""

import os
import re
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from operate import Daemon, need_ours, refused, same  # noqa: E402

fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
JOURNAL = "/run/systemd/journal/socket"
LINE = re.compile(r"\[[-0-9]+ [:.0-9]+ \+0000\] ([A-Z]) "
                  r"\[[a-z_]+\.c:\d+:[a-z_]+\] 0-[a-z-]+: (.*)$")
os.makedirs(os.path.dirname(JOURNAL))


class Journal:
    """What journald is to its clients: a datagram socket.  Entries are
    dictionaries of its fields."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(JOURNAL)
        self.sock.settimeout(20)
        self.entries = []

    def close(self):
        os.unlink(JOURNAL)
        self.sock.close()

    @staticmethod
    def parse(data):
        """NAME=VALUE, or NAME, a 64-bit length and any bytes."""
        fields = {}
        while data:
            name, _, rest = data.partition(b"\n")
            if b"=" in name:
                name, _, value = name.partition(b"=")
            else:
                size, = struct.unpack("<Q", rest[:8])
                value, rest = rest[8:8 + size], rest[8 + size:]
                assert rest[:1] == b"\n", rest[:20]
                rest = rest[1:]
            assert name.decode() not in fields, name
            fields[name.decode()] = value.decode()
            data = rest
        return fields

    def receive(self):
        data, ancillary, _, _ = self.sock.recvmsg(1 << 18, 1024)
        same(ancillary, [], "a descriptor in place of the text")
        self.entries.append(self.parse(data))
        return self.entries[-1]

    def wait_for(self, part):
        """The next entry with that in its message."""
        while True:
            entry = self.receive()
            if part in entry["MESSAGE"]:
                return entry


class Silent(Daemon):
    """A daemon whose log has no file."""

    def command(self):
        return [self.program, "-N"] + [a.format(b=self)
                                       for a in self.arguments]

    def errors(self):
        """What it said on stderr."""
        with open(os.path.join(self.scratch, self.name + ".err")) as f:
            return f.read()


journal = Journal()
brick = Silent(scratch, "b", [
    "--set", "log.sink=journal", "--set", "server.listen-port={b.port}",
    "--set", "server.control-socket={b.control}",
    "--set", "server.statedump-path={b.dumps}", "{b.dir}"])


def entries_have_their_fields():
    """each line is an entry with fields of its own"""
    entry = journal.wait_for("serving brick")
    same(entry["MESSAGE"].split(" as ")[0], "serving brick " + brick.dir)
    same(entry["PRIORITY"], "5", "a notice")
    same(entry["SYSLOG_IDENTIFIER"], "clinkerd")
    same(entry["CLINKER_DOMAIN"], "server")
    same(entry["CODE_FILE"], "server.c")
    same(entry["CODE_FUNC"], "server_start")
    assert int(entry["CODE_LINE"]) > 0
    for e in journal.entries:
        same(sorted(e), ["CLINKER_DOMAIN", "CODE_FILE", "CODE_FUNC",
                         "CODE_LINE", "MESSAGE", "PRIORITY",
                         "SYSLOG_IDENTIFIER"])
        assert "/" not in e["CODE_FILE"] and "\n" not in e["MESSAGE"], e


def levels_are_priorities():
    """levels are syslog's priorities"""
    seen = {}
    brick.dump("mem")
    seen["I"] = journal.wait_for("statedump written")["PRIORITY"]
    brick.ctl("config", "set", "server.statedump-path", "/no/such/place")
    brick.ctl("statedump", code=1)
    seen["E"] = journal.wait_for("no statedump in /no/such/place")["PRIORITY"]
    brick.ctl("config", "set", "server.statedump-path", brick.dumps)
    same(seen, {"I": "6", "E": "3"})


def what_a_client_says_is_one_entry():
    """what a client can say does not make entries or fields of its own"""
    name = "evil\nPRIORITY=0\nMESSAGE=forged\x01"
    with fixture.Client(brick.port) as c:
        same(c.setvolume(brick.dir, client_version=name)[0], 0)
    entry = journal.wait_for("evil")
    assert "\n" not in entry["MESSAGE"] and "\x01" not in entry["MESSAGE"], \
        entry
    assert entry["PRIORITY"] != "0", entry
    assert "forged" in entry["MESSAGE"], entry


def nothing_on_stderr():
    """nothing of it goes to stderr as long as the journal takes it"""
    same(brick.errors(), "")


def without_a_journal():
    """lines that no journal takes go to stderr"""
    journal.close()
    brick.dump("mem")               # its socket has gone
    fixture.wait_until("a line on stderr",
                       lambda: "statedump written" in brick.errors())
    with open(JOURNAL, "w"):
        pass
    os.unlink(JOURNAL)
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(JOURNAL)
    dead.close()                    # it is there, and nobody listens
    brick.dump("mem")
    fixture.wait_until("another", lambda:
                       brick.errors().count("statedump written") == 2)
    lines = brick.errors().splitlines()
    for line in lines:
        assert LINE.match(line), line
    same([LINE.match(x).group(1) for x in lines], ["I"] * len(lines))
    os.unlink(JOURNAL)


def a_journal_comes_back():
    """a journal that is there again is used again"""
    global journal
    before = brick.errors()
    journal = Journal()
    brick.dump("mem")
    same(journal.wait_for("statedump written")["PRIORITY"], "6")
    same(brick.errors(), before)


def the_last_line():
    """the journal has the last line, too"""
    same(brick.stop(), 0)
    assert journal.wait_for("shutting down")["PRIORITY"] == "4"


def no_journal_at_start():
    """a daemon that is to log to a journal and finds none does not start"""
    journal.close()
    top = os.path.join(scratch.path, "other")
    os.mkdir(top)
    os.setxattr(top, "trusted.glusterfs.volume-id", b"x" * 16)
    for args in (["--set", "log.sink=journal"], ["--logger=syslog"]):
        refused(scratch, args + ["--set", "server.listen-port=0", top],
                ["journal"], 1, untouched=[top])


try:
    fixture.main([
        entries_have_their_fields, levels_are_priorities,
        what_a_client_says_is_one_entry, nothing_on_stderr,
        without_a_journal, a_journal_comes_back, the_last_line,
        no_journal_at_start], [brick])
finally:
    brick.stop()
