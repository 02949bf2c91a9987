# SPDX-License-Identifier: BSD-2-Clause
"""
What a Python test needs around it: the sandbox, a scratch directory, bricks,
and TAP.  A test calls main(function, ...); each function is one test point and
fails by raising.  The last test point, which main() adds, is that every daemon
of ours was at rest (atrest.py) before it was stopped.
"""

import atexit
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import uuid

import atrest
from wire import Client, WireError

LIB = os.path.dirname(os.path.abspath(__file__))
STOCK = "/usr/sbin/glusterfsd"


def brick_program():
    given = os.environ.get("BRICK_PROGRAM")
    if given:
        return given
    top = os.path.dirname(os.path.dirname(LIB))
    for folder in (os.environ.get("top_builddir"), os.getcwd(), top):
        if folder and os.access(os.path.join(folder, "clinkerd"), os.X_OK):
            return os.path.abspath(os.path.join(folder, "clinkerd"))
    print("1..0 # SKIP needs clinkerd (set BRICK_PROGRAM or top_builddir)")
    sys.exit(0)


def skip_all(why):
    print("1..0 # SKIP needs " + why)
    sys.exit(0)


def sandbox():
    if os.environ.get("CLINKER_SANDBOX") != "inner":
        me = os.path.abspath(sys.argv[0])
        run = os.path.join(LIB, "sandbox")
        os.execv(run, [run, sys.executable, me] + sys.argv[1:])


def wait_until(what, condition, seconds=20):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("waited %d s in vain: %s" % (seconds, what))
        time.sleep(0.02)


def at_rest(name, control, no_clients=False, known=()):
    """Waits until the daemon at that socket is (atrest.py)."""
    said = atrest.settled(control, no_clients, known)
    print("# %s at rest: %s" % (name, said), flush=True)
    Brick.settled += 1


class Scratch:
    def __init__(self):
        base = os.environ.get("TMPDIR", "/var/tmp")
        self.path = tempfile.mkdtemp(prefix="clinker-test-", dir=base)
        atexit.register(self.remove)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def remove(self):
        if os.environ.get("KEEP"):
            print("# kept " + self.path)
            return
        shutil.rmtree(self.path, ignore_errors=True)


def read_dump(path):
    """The text of a statedump.  Names in it need not be UTF-8, and may be cut
    within a letter."""
    with open(path, errors="surrogateescape") as f:
        return f.read()


class Brick:
    """A brick directory and the daemon on it."""

    next_port = 24100
    started = []                    # all
    settled = 0                     # how often one was found at rest
    leaks = ()                      # types that a test makes it leak

    def __init__(self, scratch, name, program=None, directory=None, *options):
        self.name, self.scratch = name, scratch.path
        self.program = program or brick_program()
        self.dir = directory or os.path.join(scratch.path, name)
        self.control = os.path.join(scratch.path, name + ".ctl")
        self.log = os.path.join(scratch.path, name + ".log")
        self.options = list(options)
        Brick.next_port += 1
        self.port = Brick.next_port
        if not os.path.isdir(self.dir):
            os.mkdir(self.dir)
            os.setxattr(self.dir, "trusted.glusterfs.volume-id",
                        uuid.uuid4().bytes)
        self.process = None
        self.start()
        Brick.started.append(self)
        atexit.register(self.end)

    @property
    def ours(self):
        return os.path.basename(os.path.realpath(self.program)) != \
            "glusterfsd"

    def start(self):
        self.process = subprocess.Popen(
            [os.path.join(LIB, "run-brick"), self.program, self.scratch,
             self.name, self.dir, str(self.port)] + self.options,
            stdin=subprocess.DEVNULL)
        wait_until("brick %s listens" % self.name, self.listening)

    def listening(self):
        if self.process.poll() is not None:
            raise AssertionError("brick %s ended with %d\n%s" % (
                self.name, self.process.returncode, self.log_tail()))
        try:
            with Client(self.port, timeout=5) as c:
                return c.setvolume(self.dir)[1] != errno.EAGAIN
        except (OSError, WireError):
            return False

    def alive(self):
        return self.process.poll() is None

    def stop(self, sig=signal.SIGTERM):
        """Its exit status.  One that is not killed must have been at rest."""
        trouble = None
        if self.process and self.alive() and \
                sig in (signal.SIGTERM, signal.SIGINT):
            try:
                self.at_rest()
            except (atrest.Unsettled, OSError) as e:
                trouble = e
        status = self.end(sig)
        if trouble:
            raise AssertionError("%s was not at rest: %s" % (
                self.name, trouble))
        return status

    def at_rest(self, no_clients=False):
        if self.ours:
            at_rest(self.name, self.control, no_clients, self.leaks)

    def end(self, sig=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("brick %s did not end in 20 s" %
                                     self.name)
        return self.process.returncode

    def log_text(self):
        try:
            with open(self.log, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def log_tail(self, lines=15):
        return "".join("# log: %s\n" % x
                       for x in self.log_text().splitlines()[-lines:])

    def statedump(self):
        """Asks for a dump by signal; returns its text."""
        folder = os.path.join(self.scratch, "dump")
        for old in os.listdir(folder):
            os.unlink(os.path.join(folder, old))
        os.kill(self.process.pid, signal.SIGUSR1)

        def there():
            for f in os.listdir(folder):
                if ".%d.dump." % self.process.pid in f:
                    return read_dump(os.path.join(folder, f))
            return None
        text = wait_until("a statedump of " + self.name, there)
        if not text.splitlines()[-1].startswith("DUMP-END-TIME"):
            raise AssertionError("the statedump is not whole")
        return text


def memory_is_accounted_for():
    """at rest: memory is accounted for"""
    for client in list(Client.live):
        client.close()
    for brick in Brick.started:
        if brick.alive():
            brick.at_rest(no_clients=True)


def main(points, cleanup=()):
    """Runs the test points in order, as TAP; leaves with the verdict."""
    points = list(points) + [memory_is_accounted_for]
    print("1..%d" % len(points), flush=True)
    failed = 0
    for number, point in enumerate(points, 1):
        title = (point.__doc__ or point.__name__).strip().splitlines()[0]
        try:
            point()
            if point is memory_is_accounted_for and Brick.settled == 0:
                title += " # SKIP needs a clinkerd that was not killed"
            print("ok %d - %s" % (number, title), flush=True)
        except Exception as e:
            failed += 1
            print("not ok %d - %s" % (number, title))
            plain = isinstance(e, AssertionError) and str(e)
            for line in (plain or traceback.format_exc()).splitlines():
                print("#   " + line)
            if not plain:
                for brick in cleanup:
                    print(brick.log_tail(), end="")
            sys.stdout.flush()
    sys.exit(1 if failed else 0)
