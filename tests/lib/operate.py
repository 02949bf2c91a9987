# SPDX-License-Identifier: BSD-2-Clause
"""
What the operator's tests share: a daemon started with a command line of the
test's own, clinkerctl, a load that notices every error and how long the
longest operation took, statedumps read strictly, and a fingerprint of a brick
that shows any change.
"""

import hashlib
import json
import os
import re
import stat
import subprocess
import threading
import time
import uuid

import brick as fixture
from wire import Client, ROOT, v_gfid

PROGRAM = fixture.brick_program()
START_SECONDS_MAX = 5


def same(got, wanted, what=""):
    if got != wanted:
        raise AssertionError("%s: got %r, wanted %r" % (what, got, wanted))


def need_ours():
    if os.path.basename(os.path.realpath(PROGRAM)) == "glusterfsd":
        fixture.skip_all("clinkerd as BRICK_PROGRAM")


class Daemon(fixture.Brick):
    """A daemon whose arguments are the test's: a function of the daemon.
    It serves as soon as the constructor returns."""

    def __init__(self, scratch, name, arguments, program=PROGRAM):
        self.arguments = arguments
        self.pid_file = os.path.join(scratch.path, name + ".pid")
        self.dumps = os.path.join(scratch.path, "dump")
        os.makedirs(self.dumps, exist_ok=True)
        super().__init__(scratch, name, program)

    def command(self):
        return [self.program, "-N", "-l", self.log] + \
            [a.format(b=self) for a in self.arguments]

    def start(self):
        with open(os.path.join(self.scratch, self.name + ".err"), "w") as err:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=err,
                stderr=err)
        fixture.wait_until("daemon %s serves" % self.name, self.serving)

    def serving(self):
        """It answers on the control socket when its main loop runs."""
        if self.process.poll() is not None:
            raise AssertionError("daemon %s ended with %d\n%s" % (
                self.name, self.process.returncode, self.log_tail()))
        return answers(self.control)

    def ctl(self, *args, code=0):
        return ctl(self.control, *args, code=code)

    def ask(self, *args):
        return json.loads(ctl(self.control, "--json", *args))

    def dump(self, *parts):
        """A fresh statedump, as Dump."""
        return Dump(fixture.read_dump(self.ctl("statedump", *parts).strip()))

    def threads(self):
        """The names of the process' threads."""
        return thread_names(self.process.pid)

    def client(self, **options):
        return Client(self.port).login(self.dir, **options)


class TmpfsDaemon(Daemon):
    """One whose brick is on a tmpfs of its own, from which the test is spared
    what a disk does; skips the test where that has no attributes."""

    def __init__(self, scratch, name, arguments, options="mode=1777"):
        self.disk = os.path.join(scratch.path, "disk")
        self.top = os.path.join(self.disk, "b")
        os.mkdir(self.disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs",
                        self.disk], check=True)
        os.mkdir(self.top)
        try:
            for key in ("trusted.x", "user.x"):
                os.setxattr(self.top, key, b"1")
                os.removexattr(self.top, key)
        except OSError:
            fixture.skip_all("a tmpfs with user and trusted attributes")
        super().__init__(scratch, name, arguments)

    def start(self):
        self.dir = self.top
        super().start()

    def unmount(self):
        subprocess.run(["umount", "-l", self.disk], check=False)


def answers(control):
    """Whether a daemon's main loop runs: it serves."""
    return subprocess.run(["clinkerctl", "-s", control, "log", "level"],
                          executable=PROGRAM,
                          capture_output=True).returncode == 0


def thread_names(pid):
    names = []
    for task in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/comm" % (pid, task)) as f:
                names.append(f.read().strip())
        except (FileNotFoundError, ProcessLookupError):
            pass                         # ended meanwhile
    return names


def ctl(where, *args, code=0, stderr=False):
    """Runs clinkerctl; its output, or that of its stderr when it is to fail
    (or with stderr)."""
    run = subprocess.run(["clinkerctl"] + (["-s", where] if where else []) +
                         list(args), executable=PROGRAM, text=True,
                         capture_output=True, timeout=60)
    same(run.returncode, code, "clinkerctl %s: %s%s" %
         (" ".join(args), run.stdout, run.stderr))
    if stderr or (code != 0 and "--json" not in args):
        return run.stderr
    return run.stdout


# --- statedumps ---

class Dump:
    """A statedump read as strictly as the peer's parsers allow: every line is
    a header, a pair, or the separator of pools."""

    HEADER = re.compile(r"\[([^\[\]]+(\[\d+\])?[^\[\]]*)\]$")
    STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} \+0000$"

    def __init__(self, text):
        lines = text.split("\n")
        assert re.match("DUMP-START-TIME: " + self.STAMP, lines[0]), lines[0]
        assert re.match("DUMP-END-TIME: " + self.STAMP, lines[-1]), lines[-1]
        same(lines[-2], "", "before the end")
        self.lines = lines
        self.sections = []
        for at, line in enumerate(lines[1:-1], 1):
            header = self.HEADER.match(line)
            if header:
                same(lines[at - 1], "", "before " + line)
                self.sections.append((header.group(1), []))
            elif line == "-----=-----" or line == "":
                continue
            elif "=" in line:
                assert self.sections, "%r stands before any section" % line
                self.sections[-1][1].append(tuple(line.split("=", 1)))
            else:
                raise AssertionError("line %d is nothing: %r" % (at + 1, line))

    def section(self, name):
        for n, pairs in self.sections:
            if n == name:
                return dict(pairs)
        raise AssertionError("there is no section [%s]" % name)

    def value(self, key):
        """Of the first pair with that key, wherever it is."""
        for _, pairs in self.sections:
            for k, v in pairs:
                if k == key:
                    return v
        raise AssertionError("there is no key %s" % key)

    def after(self, line, count):
        """The lines behind one."""
        at = self.lines.index(line)
        return self.lines[at + 1:at + 1 + count]


# --- load ---

class Load:
    """Clients that create, write, read, look up and unlink until stop().
    An operation that fails, and one that is slow, is remembered."""

    def __init__(self, port, subvolume, threads=2):
        self.port, self.subvolume = port, subvolume
        self.errors, self.count, self.longest = [], 0, 0.0
        self.ended = threading.Event()
        self.mutex = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(i,))
                        for i in range(threads)]
        for t in self.threads:
            t.start()
        fixture.wait_until("the load has begun", lambda: self.count > 50 or
                           self.errors)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def run(self, number):
        try:
            with Client(self.port).login(self.subvolume) as c:
                n = 0
                while not self.ended.is_set():
                    self.round(c, "load-%d-%d" % (number, n % 50), n)
                    n += 1
        except Exception as e:           # the test point shows it
            self.errors.append(repr(e))

    def timed(self, c, name, **args):
        began = time.monotonic()
        reply = c.fop(name, **args)
        took = time.monotonic() - began
        with self.mutex:
            self.count += 1
            self.longest = max(self.longest, took)
        if not reply.ok:
            raise AssertionError("%s: errno %d" % (name, reply.op_errno))
        return reply

    def round(self, c, name, n):
        data = bytes([n & 0xff]) * 4096
        gfid = uuid.uuid4().bytes
        fd = self.timed(c, "CREATE", pargfid=ROOT, bname=name, flags=0o2,
                        mode=0o644, xdata={"gfid-req": v_gfid(gfid)})["fd"]
        self.timed(c, "WRITE", gfid=gfid, fd=fd, offset=0, size=len(data),
                   payload=data)
        back = self.timed(c, "READ", gfid=gfid, fd=fd, offset=0, size=8192)
        if back["payload"] != data:
            raise AssertionError("other data came back")
        self.timed(c, "LOOKUP", pargfid=ROOT, bname=name)
        self.timed(c, "RELEASE", gfid=gfid, fd=fd)
        self.timed(c, "UNLINK", pargfid=ROOT, bname=name)

    def more(self):
        """Waits for some operations that begin after now."""
        wanted = self.count + 30
        fixture.wait_until("the load goes on", lambda: self.count > wanted or
                           self.errors)

    def stop(self):
        self.ended.set()
        for t in self.threads:
            t.join()

    def is_clean(self):
        same(self.errors, [], "errors of the load")


# --- bricks that must not change ---

def xattrs(path):
    try:
        return {n: os.getxattr(path, n, follow_symlinks=False)
                for n in sorted(os.listxattr(path, follow_symlinks=False))}
    except OSError:
        return {}


def fingerprint(top):
    """{name: what it is}, of all there is below and at a path: kind, mode,
    owner, times of change, content, attributes."""
    found = {}

    def look(path):
        st = os.lstat(path)
        body = b""
        if stat.S_ISREG(st.st_mode):
            with open(path, "rb") as f:
                body = hashlib.sha256(f.read()).digest()
        elif stat.S_ISLNK(st.st_mode):
            body = os.readlink(path).encode()
        found[path] = (st.st_mode, st.st_uid, st.st_gid, st.st_nlink,
                       st.st_mtime_ns, st.st_ctime_ns, body, xattrs(path))

    if os.path.lexists(top):
        look(top)
    if os.path.isdir(top):
        for folder, folders, files in os.walk(top):
            for name in folders + files:
                look(os.path.join(folder, name))
    return found


def unchanged(before, top, times=True):
    """Without times: what was made and removed again does not count."""
    def kept(f):
        return f if times or f is None else f[:4] + f[6:]
    after = fingerprint(top)
    for path in sorted(set(before) | set(after)):
        same(kept(after.get(path)), kept(before.get(path)),
             "%s changed" % path)


def refused(scratch, args, words, code, untouched=(), program=PROGRAM,
            argv0=None):
    """A start that must fail: with that exit code, soon, with one line on
    stderr that has all of words, and with nothing below untouched changed.
    The log, too, has but one line that is an error."""
    log = os.path.join(scratch.path, "refused.log")
    if os.path.exists(log):
        os.unlink(log)
    before = [(p, fingerprint(p)) for p in untouched]
    began = time.monotonic()
    run = subprocess.run([argv0 or program, "-l", log] + args,
                         executable=program, stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=30)
    took = time.monotonic() - began
    told = "exit %d, stderr %r" % (run.returncode, run.stderr)
    same(run.returncode, code, told)
    assert took < START_SECONDS_MAX, "took %.1f s" % took
    same(run.stderr.count("\n"), 1, "lines on stderr: " + told)
    for word in words:
        assert word in run.stderr, "%r is not in %s" % (word, told)
    if os.path.exists(log):
        with open(log) as f:
            bad = [x for x in f if re.search(r"\] [MACE] \[", x)]
        assert len(bad) == 1, bad
    for path, mark in before:
        unchanged(mark, path)
    return run.stderr
