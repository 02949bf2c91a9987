# SPDX-License-Identifier: BSD-2-Clause
"""What tests/bench/mem does with a whole clinkerd: a trace of its allocations,
what its accounts cost, what an inode takes."""
import json
import os
import shlex
import subprocess
from statistics import geometric_mean, median, stdev

import mem_trace_pack
import servers
from mem_run import OURS, BenchError, Contender, replay_one, turns

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
FILES_IN_DIR = 1000
WARM_SHARE = 100  # one in so many directories is walked before the first look
# Calls that both loads make for each of --record-ops: 38 through libgfapi, 7
# kinds of 8 by our own.
CALLS_PER_OP = 94


def run(command, what, **options):
    """Its output on the error output when it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True,
                          **options)
    if done.returncode != 0:
        raise BenchError("%s failed, status %d:\n%s" % (
            what, done.returncode, "\n".join(done.stdout.split("\n")[-20:])))
    return done.stdout


def variant(build_dir, name, flag, *targets):
    """A build as build_dir but for one configure option, made below it, of
    these targets.  Returns where."""
    status = os.path.join(build_dir, "config.status")
    if not os.path.exists(status):
        raise BenchError("no build in %s" % build_dir)
    if os.path.realpath(build_dir) == os.path.realpath(TOP):
        raise BenchError("a build outside of the sources is needed to make "
                         "another next to it: --build-dir")
    flags = shlex.split(run([status, "--config"], "config.status"))
    where = os.path.join(os.path.abspath(build_dir), "bench-variants", name)
    os.makedirs(where, exist_ok=True)
    if not os.path.exists(os.path.join(where, "config.status")):
        run([os.path.join(TOP, "configure"), "--quiet"] + flags + [flag],
            "configure", cwd=where)
    run(["make", "-s", "-j%d" % os.cpu_count()] + list(targets), "make",
        cwd=where)
    return where


def program(build_dir, name):
    path = os.path.join(build_dir, name)
    if not os.access(path, os.X_OK):
        raise BenchError("%s is missing" % path)
    return path


# --- a trace ---


def loads(args, server, ops):
    """Commands that work on a server together: data next to metadata."""
    wire = [program(args.build_dir, "tests/bench/wire_load"),
            "--port", str(server.port), "--brick", server.brick,
            "--ops", str(ops), "--connections", "4", "--depth", "8"]
    gfapi = os.path.join(args.build_dir, "tests/bench/gfapi_load")
    if not os.access(gfapi, os.X_OK):
        raise BenchError("%s is missing: a real client is wanted" % gfapi)
    return [wire, [gfapi, "--volfile", server.client_volfile,
                   "--log", os.path.join(server.folder, "client.log"),
                   "--ops", str(ops)]]


def under_load(args, server, ops):
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL)
               for command in loads(args, server, ops)]
    if any([one.wait() != 0 for one in running]):
        raise BenchError("a load failed")


def with_server(server, use):
    """Stopped in any case; its words are shown if something failed."""
    try:
        server.wait_port()
        result = use(server)
        server.stop()
        return result
    except (BenchError, servers.ServerError) as why:
        server.kill()
        raise BenchError("%s\n%s" % (why, server.words()))
    finally:
        server.kill()


def record(args, folder):
    """A trace at args.trace."""
    clinkerd = args.record_clinkerd or os.path.join(
        variant(args.build_dir, "record", "--enable-mem-record", "clinkerd"),
        "clinkerd")
    raw = os.path.join(folder, "record")
    env = dict(os.environ, CLINKER_MEM_RECORD=raw)
    where = os.path.join(folder, "recorded")
    os.mkdir(where)
    ops = max(args.record_calls // CALLS_PER_OP, 1)
    with_server(servers.Server(clinkerd, where, env),
                lambda server: under_load(args, server, ops))
    if not os.path.exists(raw):
        raise BenchError("%s records nothing" % clinkerd)
    try:
        trace = mem_trace_pack.pack(raw, args.trace)
    except mem_trace_pack.BadRecord as why:
        raise BenchError("%s: %s" % (raw, why))
    finally:
        os.unlink(raw)
    return "%d calls: %s" % (ops * CALLS_PER_OP, trace.describe())


# --- the accounts ---


def brick_cost(args, plain):
    """Both by tests/bench/brick, which takes any two programs."""
    out = subprocess.run(
        [os.path.join(HERE, "brick"), "--build-dir", args.build_dir,
         "--clinkerd", program(args.build_dir, "clinkerd"),
         "--glusterfsd", program(plain, "clinkerd"), "--load", "wire,gfapi",
         "--rounds", str(args.rounds), "--ops", str(args.brick_ops),
         "--json"], stdout=subprocess.PIPE, universal_newlines=True)
    if out.returncode != 0:
        raise BenchError("brick failed, status %d" % out.returncode)
    return json.loads(out.stdout)["operations"]


def round_means(operations, key, is_rate):
    """For each round, the mean ratio over all operations."""
    rounds = len(operations[0]["clinkerd"]["rounds"])
    means = []
    for i in range(rounds):
        pairs = [(op["clinkerd"]["rounds"][i][key],
                  op["glusterfsd"]["rounds"][i][key]) for op in operations]
        means.append(geometric_mean(b / a if is_rate else a / b
                                    for a, b in pairs))
    return means


def spread(means):
    """The median, and the standard error of the mean."""
    error = stdev(means) / len(means) ** 0.5 if len(means) > 1 else None
    return {"median": median(means), "error": error}


def replay_cost(args, plain):
    """The allocator alone, in turns, where the difference can be seen."""
    found = {"with": Contender(OURS, args.build_dir),
             "without": Contender(OURS, plain)}
    rows = {name: [] for name in found}
    for number in range(args.rounds):
        for name in turns(list(found), number):
            rows[name].append(replay_one(found[name], args, 1,
                                         "first")["cpu_ns"])
    return {"with_ns": median(rows["with"]),
            "without_ns": median(rows["without"]),
            "ratio": median(a / b for a, b in zip(rows["with"],
                                                  rows["without"]))}


def accounts_cost(args):
    plain = args.plain_build or variant(
        args.build_dir, "plain", "--disable-accounts", "clinkerd",
        "tests/bench/mem_replay_ours")
    replay = replay_cost(args, plain)
    operations = brick_cost(args, plain)
    rows = [{"op": op["op"],
             "with": {key: op["clinkerd"][key]
                      for key in ("ops_per_s", "cpu_us")},
             "without": {key: op["glusterfsd"][key]
                         for key in ("ops_per_s", "cpu_us")},
             "ratio": op["ratio"]} for op in operations]
    return {"replay": replay, "operations": rows, "mean": {
        "time": spread(round_means(operations, "ops_per_s", True)),
        "cpu": spread(round_means(operations, "cpu_us", False))}}


# --- inodes ---


class Standalone(servers.Server):
    """A clinkerd with the default options but for those that are given."""

    stop_seconds = 600  # a million inodes are to be given back

    def __init__(self, program, folder, *settings):
        self.settings = settings
        super().__init__(program, folder)

    def socket(self):
        return os.path.join(self.folder, "control")

    def command(self):
        command = [self.program, "-N", "-l", self.log,
                   "-p", os.path.join(self.folder, "server.pid")]
        for pair in (("server.listen-port", self.port),
                     ("server.bind-address", "127.0.0.1"),
                     ("server.control-socket", self.socket())) + self.settings:
            command += ["--set", "%s=%s" % pair]
        return command + [self.brick]


def resident(pid):
    """What the kernel counts, in KiB."""
    found = {}
    with open("/proc/%d/smaps_rollup" % pid) as f:
        for line in f:
            name, _, rest = line.partition(":")
            if name in ("Rss", "Anonymous"):
                found[name] = int(rest.split()[0])
    return {"rss_kib": found["Rss"], "anonymous_kib": found["Anonymous"],
            "file_kib": found["Rss"] - found["Anonymous"]}


def make_tree(brick, dirs):
    """Behind the brick's back: it finds files that have no gfid yet."""
    for i in range(dirs):
        folder = os.path.join(brick, "d%07d" % i)
        os.mkdir(folder)
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        for k in range(FILES_IN_DIR):
            os.close(os.open("f%07d" % k, os.O_CREAT | os.O_WRONLY, 0o644,
                             dir_fd=at))
        os.close(at)


def walk(args, server, first, dirs):
    run([program(args.build_dir, "tests/bench/wire_walk"),
         "--port", str(server.port), "--brick", server.brick,
         "--first", str(first), "--dirs", str(dirs),
         "--files", str(FILES_IN_DIR)], "wire_walk")


class Ctl:
    """clinkerctl is clinkerd by another name."""

    def __init__(self, clinkerd, folder):
        self.path = os.path.join(folder, "clinkerctl")
        os.symlink(os.path.abspath(clinkerd), self.path)
        self.commands = run([self.path, "help", "--list"], "clinkerctl help")

    def has(self, words):
        return any(line.split()[1:] == words.split()
                   for line in self.commands.split("\n"))

    def run(self, server, words):
        return run([self.path, "--socket", server.socket()] + words.split(),
                   "clinkerctl " + words)


def walk_and_look(args, control, dirs, server):
    warm = max(dirs // WARM_SHARE, 1)
    out = {"idle": resident(server.pid)}
    walk(args, server, 0, warm)
    out["before"] = resident(server.pid)
    walk(args, server, warm, dirs - warm)
    out["after"] = resident(server.pid)
    out["inodes"] = (dirs - warm) * (FILES_IN_DIR + 1)
    out["bytes_per_inode"] = (out["after"]["rss_kib"] -
                              out["before"]["rss_kib"]) * 1024 / out["inodes"]
    if control.has("memory reclaim"):
        control.run(server, "memory reclaim")
        out["reclaimed"] = resident(server.pid)
    return out


def inodes(args, folder):
    clinkerd = program(args.build_dir, "clinkerd")
    dirs = max(args.inodes // FILES_IN_DIR, 2)
    control = Ctl(clinkerd, folder)
    # More than there is room for would not all be cached.
    limit = ("server.inode-lru-limit", dirs * (FILES_IN_DIR + 1) + 1000)
    with_server(Standalone(clinkerd, folder),
                lambda server: make_tree(server.brick, dirs))
    # The first walk gives gfids; the second is measured, by a fresh process.
    with_server(Standalone(clinkerd, folder, limit),
                lambda server: walk(args, server, 0, dirs))
    return with_server(Standalone(clinkerd, folder, limit),
                       lambda server: walk_and_look(args, control, dirs,
                                                    server))


def idle(args, folder):
    """A fresh daemon with the default options."""
    clinkerd = program(args.build_dir, "clinkerd")
    return with_server(Standalone(clinkerd, folder),
                       lambda server: resident(server.pid))
