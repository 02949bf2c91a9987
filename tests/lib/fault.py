# SPDX-License-Identifier: BSD-2-Clause
"""
A brick that is abused while a well-behaved client watches.  A test point
does its worst, and afterwards the good client must be served as before, the
abuser's connections and everything that was allocated for them must be gone,
the log must hold a line or a few of it, and no sanitizer may have spoken.

    scene = Scene()
    @scene.point("an HTTP request", log="does not speak")
    def http():
        ...
    scene.run()

Without `log` a point must keep the log below LOG_LINES_MAX all the same.
"""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time

import atrest
import brick as fixture
import brickfsck
from wire import *  # noqa: F401,F403
from wire import Client, ROOT, ANON_FD, Closed

LOG_LINES_MAX = 120             # of one abuse, however long
KNOWN = b"known content " * 400

# What connections and requests are made of.  (The inodes that a client made
# us look at stay cached.)
COUNTED = re.compile(
    r"\[(rpc|server\.client|server\.lock|server\.fop|mem|server\.inode|"
    r"server\.posix) - usage-type (.*) memusage\]")
# What a client has that is here changes as it asks.
CACHES = {tuple(name.split("/")) for name in atrest.VARYING} | {
    ("server.client", "share")}


def accounts_in(dump):
    """{(module, type): number} of what a statedump says is allocated."""
    out, key = {}, None
    for line in dump.splitlines():
        m = COUNTED.match(line)
        if m or line.startswith("["):
            key = m.groups() if m else None
        elif key and key not in CACHES and line.startswith("num_allocs="):
            out[key] = int(line.split("=")[1])
    return out


class Scene:
    def __init__(self, *options, directory=None, prepare=None):
        self.program = fixture.brick_program()
        fixture.sandbox()
        self.scratch = fixture.Scratch()
        self.reports = os.path.join(self.scratch.path, "sanitizer")
        for name, more in (("ASAN_OPTIONS", "detect_leaks=1"),
                           ("UBSAN_OPTIONS", "print_stacktrace=1")):
            os.environ[name] = ":".join(
                [os.environ.get(name, ""), more,
                 "log_path=" + self.reports]).strip(":")
        self.brick = fixture.Brick(self.scratch, "b", self.program, directory,
                                   *options)
        if not self.brick.ours:
            fixture.skip_all("clinkerd as BRICK_PROGRAM")
        self.asan = b"__asan_init" in open(self.program, "rb").read()
        self.points = []
        self.clients = []
        fixture.wait_until("the brick serves", self.serves)
        self.witness = self.login()
        made = self.witness.create("known")
        self.known = made.stat["gfid"]
        self.witness.write(self.known, made.fd, 0, KNOWN)
        self.witness.fop("RELEASE", gfid=self.known, fd=made.fd)
        self.before = None
        self.left_on_brick = None   # what the abuse itself leaves there

    # --- clients ---

    def serves(self):
        with Client(self.brick.port) as c:
            ret, err, answer = c.setvolume(self.brick.dir)
            if ret < 0 and err != errno.EAGAIN:
                raise AssertionError("SETVOLUME: %d %r" % (err, answer))
            return ret == 0

    def connect(self, **args):
        c = Client(self.brick.port, **args)
        self.clients.append(c)
        return c

    def login(self, *, cred=None, client=None, **options):
        c = client or self.connect()
        if cred:
            c.cred = cred
        return c.login(self.brick.dir, **options)

    def close_all(self):
        for c in self.clients:
            if c is not self.witness:
                c.close()
        self.clients = [self.witness]

    def restart(self):
        """The same brick with nothing cached."""
        for c in self.clients:
            c.close()
        self.clients = []
        if self.brick.stop() != 0:
            raise AssertionError("it did not end well")
        self.brick.start()
        fixture.wait_until("the brick serves", self.serves)
        self.witness = self.login()
        self.good()
        self.before = self.at_rest(1, None)

    # --- what must hold ---

    def good(self):
        w = self.witness
        w.ping()
        r = w.fop("LOOKUP", pargfid=ROOT, bname="known")
        if not r.ok or r.pre["gfid"] != self.known:
            raise AssertionError("the good client's lookup: %r" % r)
        r = w.fop("READ", gfid=self.known, fd=ANON_FD, size=1 << 17)
        if not r.ok or r.payload != KNOWN:
            raise AssertionError("the good client's read: %r" % r)

    def ctl(self, *args):
        out = subprocess.run(
            ["clinkerctl", "-s", os.path.join(self.scratch.path, "b.ctl"),
             *args, "--json"], executable=self.program, capture_output=True,
            timeout=60, check=True)
        return json.loads(out.stdout)

    def memory(self):
        """Resident bytes."""
        with open("/proc/%d/statm" % self.brick.process.pid) as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def bounded(self, before, growth):
        """The daemon has not grown by more than so many bytes since; the
        sanitizer keeps what was freed for a while."""
        grown = self.memory() - before
        if not self.asan and grown > growth:
            raise AssertionError("grown by %d bytes" % grown)

    def accounts(self):
        """{(module, type): number} of what is allocated now."""
        dump = self.brick.statedump()
        out = accounts_in(dump)
        for count in re.findall(r"^(?:global\.)?callpool\.cnt=(\d+)", dump,
                                re.M):
            out["calls"] = int(count)
        return out

    def at_rest(self, clients, accounts):
        def quiet():
            status = self.ctl("status")["connections"]
            listed = self.ctl("clients")["clients"]
            return len(listed) == clients and status["leaving"] == 0 and \
                status["open"] == clients and \
                all(c["requests"] == 0 for c in listed)
        fixture.wait_until("the abuser's connections have ended", quiet)
        if accounts is None:
            return self.accounts()
        deadline = time.monotonic() + 5
        while True:
            now = self.accounts()
            more = {k: (accounts.get(k, 0), v) for k, v in now.items()
                    if v > accounts.get(k, 0)}
            if not more:
                return now
            if time.monotonic() > deadline:
                raise AssertionError("not given back: %r" % more)

    def no_sanitizer_report(self):
        found = ""
        for f in os.listdir(self.scratch.path):
            if f.startswith("sanitizer."):
                with open(os.path.join(self.scratch.path, f)) as text:
                    found += text.read()
        if found or re.search("runtime error|ERROR: AddressSan",
                              self.brick.log_text()):
            raise AssertionError("a sanitizer spoke:\n" + found[:6000])

    # --- test points ---

    def point(self, title, log=None, lines=LOG_LINES_MAX):
        def take(function):
            def run():
                if self.before is None:
                    self.good()
                    self.before = self.at_rest(1, None)
                try:
                    self.abuse(function, log, lines)
                finally:
                    self.close_all()
            run.__doc__ = title
            self.points.append(run)
            return function
        return take

    def abuse(self, function, log, lines):
        """Lines are rate-limited by the place that writes them, so what came
        just before may have used up this second's: then once more."""
        for _ in range(8):
            start = len(self.brick.log_text())
            try:
                function()
                self.good()
            except (Closed, OSError) as e:
                if self.brick.alive():
                    raise
                raise AssertionError("the daemon died: %r\n%s" % (
                    e, self.brick.log_tail()))
            self.close_all()
            self.at_rest(1, self.before)
            self.no_sanitizer_report()
            text = [x for x in self.brick.log_text()[start:].splitlines()
                    if " 0-statedump: " not in x]
            if len(text) > lines:
                raise AssertionError("%d lines in the log, such as\n%s" % (
                    len(text), "\n".join(text[:3])))
            if not log or any(re.search(log, x) for x in text):
                return
            time.sleep(0.3)     # towards the next second
        raise AssertionError("nothing in the log about it")

    def end(self):
        """at the end nothing is left, and the daemon goes in peace"""
        if not self.witness.fop("UNLINK", pargfid=ROOT, bname="known").ok:
            raise AssertionError("the known file cannot be removed")
        self.witness.close()
        self.at_rest(0, None)
        status = self.brick.stop(signal.SIGTERM)
        self.no_sanitizer_report()
        if status != 0:
            raise AssertionError("exit status %d\n%s" % (
                status, self.brick.log_tail()))
        problems = [p for p in brickfsck.check(self.brick.dir)
                    if not self.left_on_brick or
                    not re.search(self.left_on_brick, p)]
        if problems:
            raise AssertionError("\n".join(problems))

    def run(self):
        only = os.environ.get("POINTS")
        points = [p for p in self.points
                  if not only or re.search(only, p.__doc__)]
        fixture.main(points + [self.end], cleanup=[self.brick])


def refused(reply, *errnos):
    """A failed operation with one of these errors, and nothing in it."""
    if reply.op_ret != -1 or reply.op_errno not in errnos:
        raise AssertionError("answered %d, %s; wanted %s" % (
            reply.op_ret, os.strerror(reply.op_errno),
            " or ".join(os.strerror(e) for e in errnos)))


def same(got, wanted, what=""):
    if got != wanted:
        raise AssertionError("%s: got %r, wanted %r" % (what, got, wanted))
