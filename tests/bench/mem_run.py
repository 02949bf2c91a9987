# SPDX-License-Identifier: BSD-2-Clause
"""Contenders, and rounds in which they take turns."""
import glob
import json
import os
import subprocess

OURS, OURS_POOL = "ours", "ours pool"
# What each is preloaded with; all but ours are the same program.
LIBRARIES = {
    "glibc": None,
    "jemalloc": "libjemalloc.so.2",
    "mimalloc": "libmimalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
}
LIBRARY_FOLDERS = ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib",
                   "/usr/local/lib")


class BenchError(Exception):
    pass


def find_library(name):
    for folder in LIBRARY_FOLDERS:
        for path in glob.glob(os.path.join(folder, name)):
            return path
    return None


class Contender:
    """An allocator: the programs that use it and what they are run with."""

    def __init__(self, name, build_dir, library=None):
        self.name = name
        self.library = library
        self.api = {OURS: "typed", OURS_POOL: "pool"}.get(name, "malloc")
        kind = "malloc" if self.api == "malloc" else "ours"
        self.programs = {
            which: os.path.join(build_dir, "tests/bench",
                                "mem_%s_%s" % (which, kind))
            for which in ("micro", "replay")}

    def environment(self):
        env = dict(os.environ)
        env.pop("LD_PRELOAD", None)
        if self.library:
            env["LD_PRELOAD"] = self.library
        return env

    def check(self, pid):
        """A library that cannot be loaded is only a warning of ld.so's."""
        if not self.library:
            return
        with open("/proc/%d/maps" % pid) as f:
            if os.path.realpath(self.library) not in f.read():
                raise BenchError("%s was not loaded" % self.library)


def contenders(build_dir, names=None):
    """(those there are, names of those that are not installed)"""
    found, missing = [], []
    for name in (OURS, OURS_POOL) + tuple(LIBRARIES):
        if names and name not in names:
            continue
        library = LIBRARIES.get(name)
        path = find_library(library) if library else None
        if library and not path:
            missing.append(name)
        else:
            found.append(Contender(name, build_dir, path))
    return found, missing


class Micro:
    """mem_micro on one contender, which does a scenario when it is told to."""

    def __init__(self, contender, args):
        command = [contender.programs["micro"], "--api", contender.api,
                   "--stepped", "--ops", str(args.ops),
                   "--threads", ",".join(str(n) for n in args.threads)]
        if args.select:
            command += ["--select", ",".join(args.select)]
        self.contender = contender
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            universal_newlines=True, env=contender.environment())
        if self.process.stdout.readline() != "ready\n":
            raise BenchError("%s failed" % " ".join(command))
        contender.check(self.process.pid)

    def step(self):
        """The next scenario's row, or None after the last."""
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: what it says of that is read below
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        if self.process.wait() != 0:
            raise BenchError("%s: mem_micro failed, status %d" % (
                self.contender.name, self.process.returncode))
        return None

    def end(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.process.stdout.close()


def turns(names, number):
    """Who comes first is another one each time."""
    at = number % len(names)
    return names[at:] + names[:at]


def micro_round(found, args, number, add):
    """All contenders' processes are up, one works at a time."""
    running = []
    try:
        for contender in found:
            running.append(Micro(contender, args))
        step = 0
        while True:
            got = [(one.contender, one.step())
                   for one in turns(running, number + step)]
            if None in [row for _, row in got]:
                return
            for contender, row in got:
                add(row["scenario"], row["threads"], contender.name, row)
            step += 1
    finally:
        for one in running:
            one.end()


REPLAYS = {"replay": "all", "replay-first": "first"}


def replay_one(contender, args, lanes, touch):
    command = [contender.programs["replay"], "--trace", args.trace,
               "--lanes", str(lanes), "--ops", str(args.replay_ops),
               "--touch", touch]
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          env=contender.environment(),
                          universal_newlines=True)
    if done.returncode != 0:
        raise BenchError("%s: %s failed, status %d" % (
            contender.name, " ".join(command), done.returncode))
    return json.loads(done.stdout)


def replay_round(found, args, number, add):
    """Each measurement is a process of its own."""
    found = [one for one in found if one.name != OURS_POOL]
    step = 0
    for scenario, touch in REPLAYS.items():
        if args.select and scenario not in args.select:
            continue
        for lanes in args.threads:
            for contender in turns(found, number + step):
                add(scenario, lanes, contender.name,
                    replay_one(contender, args, lanes, touch))
            step += 1
