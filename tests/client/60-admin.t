#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The operator's side: statedumps with clients at work, the control socket with
good and bad users, clinkerctl's answers and exit codes.
"""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from wire import *  # noqa: E402,F401,F403

PROGRAM = fixture.brick_program()
fixture.sandbox()
scratch = fixture.Scratch()
brick = fixture.Brick(scratch, "b", PROGRAM, None, "server.volume-name=v1")
if not brick.ours:
    fixture.skip_all("clinkerd as BRICK_PROGRAM")
SOCKET = os.path.join(scratch.path, "b.ctl")
DUMPS = os.path.join(scratch.path, "dump")
LINE_MAX = 64 * 1024
CONNS_MAX = 32


def same(got, wanted, what=""):
    if got != wanted:
        raise AssertionError("%s: got %r, wanted %r" % (what, got, wanted))


def ctl(*args, code=0, where=SOCKET):
    run = subprocess.run(["clinkerctl"] + (["-s", where] if where else []) +
                         list(args), executable=PROGRAM, text=True,
                         capture_output=True, timeout=60)
    same(run.returncode, code, "clinkerctl %s: %s%s" %
         (" ".join(args), run.stdout, run.stderr))
    return run.stdout if code == 0 or "--json" in args else run.stderr


class Control:
    """A raw connection to the control socket."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)
        self.sock.settimeout(20)
        self.file = self.sock.makefile("rb")

    def ask(self, line):
        if not isinstance(line, bytes):
            line = json.dumps(line).encode()
        self.sock.sendall(line + b"\n")
        return self.answer()

    def answer(self):
        line = self.file.readline()
        if not line:
            raise AssertionError("the connection was closed")
        return json.loads(line)

    def close(self):
        self.file.close()
        self.sock.close()


def sections(text):
    """[(header, [(key, value)])] of a statedump."""
    found = [("", [])]
    for line in text.splitlines():
        if line.startswith("[") and line.endswith("]"):
            found.append((line[1:-1], []))
        elif "=" in line:
            found[-1][1].append(tuple(line.split("=", 1)))
    return found


def section(text, name):
    lines = [dict(l) for n, l in sections(text) if n == name]
    if not lines:
        raise AssertionError("no section [%s]" % name)
    return lines[0]


def live(kind):
    """How many blocks of a type of ours there are."""
    name = "server.admin - usage-type %s memusage" % kind
    return int(section(brick.statedump(), name)["num_allocs"])


# --- clients at work ---

holder = Client(brick.port).login(brick.dir, process_name="evil\x1b[2J\xff")
waiter = Client(brick.port).login(brick.dir)
OWNER, WAITING = b"\x01\x02\x03\x04\x05\x06\x07\x08", b"\x11" * 8
cred = {"uid": 7, "gid": 8, "pid": 4321}
made = holder.create("locked")
gfid = made["stat"]["gfid"]
lock = dict(gfid=gfid, fd=made["fd"], type=WRLCK)


def flock(kind):
    return {"type": kind, "whence": 0, "start": 1, "len": 5, "pid": 99,
            "owner": b""}


def dump_has_the_peers_form():
    """a dump has the peer's first and last line, sections and keys"""
    text = brick.statedump()
    lines = text.splitlines()
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} \+0000$"
    assert re.match("DUMP-START-TIME: " + stamp, lines[0]), lines[0]
    assert re.match("DUMP-END-TIME: " + stamp, lines[-1]), lines[-1]
    assert not text.endswith("\n")
    names = [n for n, _ in sections(text)]
    order = ["mallinfo", "global.glusterfs - Memory usage", "mempool",
             "iobuf.global", "arena.1", "global.callpool", "dict",
             "active graph - 0", "v1-server.latency",
             "xlator.protocol.server.priv", "GlusterFS 4.x v1",
             "conn.0.bound_xl.%s.active.1" % brick.dir]
    places = [names.index(n) for n in order]
    same(places, sorted(places), "order of sections")
    types = [dict(l) for n, l in sections(text) if n.endswith(" memusage")]
    same(len(types), int(section(text, order[1])["num_types"]), "types")
    for t in types:
        for key in ("size", "num_allocs", "max_size", "max_num_allocs",
                    "total_allocs"):
            int(t[key])
        assert int(t["size"]) <= int(t["max_size"]), t
        assert int(t["num_allocs"]) <= int(t["total_allocs"]), t


def dump_shows_fds_in_line_order():
    """fd-count and active-fd-count stand where scripts look for them"""
    lines = brick.statedump().splitlines()
    at = lines.index("gfid=" + gfid_text(gfid))
    same(lines[at + 1], "nlookup=1")
    same(lines[at + 2], "fd-count=1")
    same(lines[at + 3], "active-fd-count=1")


def dump_shows_clients():
    """clients are there, and what they call themselves makes no line"""
    text = brick.statedump()
    assert "\x1b" not in text
    ids = [v for n, l in sections(text) for k, v in l
           if re.match(r"conn\.\d+\.id$", k)]
    same(len(ids), 2, "clients")
    first = section(text, "conn.1")
    same(first["conn.1.bound_xl"], brick.dir)
    same(section(text, "conn.1.fdentry[0]")["gfid"], gfid_text(gfid))


def dump_shows_locks_and_waiting_requests():
    """a lock, who waits for it, and the request that waits"""
    holder.fop("LK", cred=Cred(owner=OWNER, **cred), gfid=gfid,
               fd=made["fd"], cmd=SETLK, type=WRLCK, flock=flock(WRLCK))
    opened = waiter.fop("OPEN", gfid=gfid, flags=O_RDWR)
    xid = waiter.send_fop("LK", cred=Cred(owner=WAITING, **cred), gfid=gfid,
                          fd=opened["fd"], cmd=SETLKW, type=WRLCK,
                          flock=flock(WRLCK))
    fixture.wait_until("the request is parked", lambda: "(BLOCKED)" in
                       brick.statedump())
    text = brick.statedump()
    lines = text.splitlines()
    at = lines.index("[xlator.features.locks.v1-locks.inode]")
    same(lines[at + 1], "path=/locked")
    same(lines[at + 2], "mandatory=0")
    same(lines[at + 3], "posixlk-count=2")
    assert lines[at + 4].startswith(
        "posixlk.posixlk[0](ACTIVE)=type=WRITE, whence=0, start=1, len=5"), \
        lines[at + 4]
    assert "owner=0102030405060708," in lines[at + 4], lines[at + 4]
    same(section(text, "global.callpool")["callpool.cnt"], "1")
    stack = section(text, "global.callpool.stack.1")
    wanted = {"uid": "7", "gid": "8", "pid": "4321", "unique": str(xid),
              "lk-owner": "11" * 8, "op": "LK", "type": "1", "cnt": "1"}
    same({k: stack[k] for k in wanted}, wanted)
    frame = section(text, "global.callpool.stack.1.frame.1")
    same(frame["state"], "parked")
    holder.fop("LK", cred=Cred(owner=OWNER, **cred), gfid=gfid,
               fd=made["fd"], cmd=SETLK, type=UNLCK, flock=flock(UNLCK))
    waiter.wait_fop("LK", xid)
    same(section(brick.statedump(), "global.callpool")["callpool.cnt"], "0")


def dumps_of_one_second_do_not_overwrite():
    """dumps of one second are files of their own, and none is half there"""
    paths = []

    def one():
        paths.append(ctl("statedump", "mem").strip())
    threads = [threading.Thread(target=one) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same(len(set(paths)), 8, "files")
    for p in paths:
        assert re.search(r"/[^/]+\.%d\.dump\.\d+$" % brick.process.pid, p), p
        same(stat.S_IMODE(os.stat(p).st_mode), 0o600, p)
        with open(p) as f:
            last = f.read().splitlines()[-1]
        assert last.startswith("DUMP-END-TIME"), last
    same([n for n in os.listdir(DUMPS) if ".dump." not in n], [], "left over")


def signals_in_a_heap_make_few_dumps():
    """a hundred signals make at least one dump, and no heap of them"""
    before = set(os.listdir(DUMPS))
    for _ in range(100):
        os.kill(brick.process.pid, signal.SIGUSR1)
    fixture.wait_until("a dump", lambda: set(os.listdir(DUMPS)) - before)
    ctl("statedump", "mem")  # stands behind them in the queue
    assert len(set(os.listdir(DUMPS)) - before) <= 100


def options_file_is_followed():
    """the options file chooses parts and directory"""
    other = os.path.join(scratch.path, "other")
    os.mkdir(other)
    # The built-in directory; the sandbox has a /run of its own.
    folder = ctl("--print-statedumpdir").strip()
    os.makedirs(folder, exist_ok=True)
    name = os.path.join(folder, "glusterdump.%d.options" % brick.process.pid)
    with open(name, "w") as f:
        f.write("path=%s\ncallpool=yes mem=no\n" % other)
    path = ctl("statedump").strip()
    same(os.path.dirname(path), other)
    with open(path) as f:
        text = f.read()
    section(text, "global.callpool")
    assert "memusage" not in text and "[mempool]" not in text
    with open(name, "w") as f:
        f.write("path=relative\n")
    same(os.path.dirname(ctl("statedump").strip()), DUMPS)
    os.unlink(name)


def dump_that_cannot_be_written_is_told():
    """a directory that is not there: told, and nothing is left"""
    ctl("config", "set", "server.statedump-path", "/no/such/place")
    assert "No such file" in ctl("statedump", code=1)
    ctl("config", "set", "server.statedump-path", DUMPS)
    ctl("statedump")


# --- the control socket ---

def socket_is_private():
    """the socket has mode 0600"""
    same(stat.S_IMODE(os.stat(SOCKET).st_mode), 0o600)


def strangers_are_refused():
    """another user gets nothing, even with the file's mode widened"""
    os.chmod(SOCKET, 0o666)
    os.chmod(scratch.path, 0o755)
    code = ("import os, socket; os.setgid(65534); os.setuid(65534)\n"
            "s = socket.socket(socket.AF_UNIX); s.connect(%r)\n"
            "print(s.makefile().readline())" % SOCKET)
    out = subprocess.run([sys.executable, "-c", code], capture_output=True,
                         text=True, timeout=20)
    os.chmod(SOCKET, 0o600)
    assert json.loads(out.stdout)["ok"] is False, out
    same(json.loads(out.stdout)["code"], 13, "EACCES")


def bad_requests_are_answered():
    """what is no request is answered, and the connection goes on"""
    c = Control()
    for line in (b"", b"x", b"{}", b"[]", b"\xff\xfe", b"{\"command\":7}",
                 b"{\"command\":\"no such\"}", b"\0\0\0\0",
                 b"{\"command\":\"config-get\"}",
                 b"{\"command\":\"config-get\",\"key\":7}",
                 b"{\"command\":\"config-set\",\"key\":\"log.level\"}",
                 b"{\"command\":\"log-level\",\"level\":[]}",
                 b"{\"command\":\"statedump\",\"parts\":\"mem\"}",
                 b"{\"command\":\"statedump\",\"parts\":[null]}",
                 b"[" * 1000, b"{\"command\":\"" + b"x" * 60000 + b"\"}"):
        answer = c.ask(line)
        same(answer["ok"], False, repr(line[:60]))
        assert answer["error"] and answer["code"] > 0, answer
        assert "\n" not in answer["error"]
    same(c.ask({"command": "status"})["ok"], True)
    c.close()


def line_has_a_bound():
    """a line without end is refused and the connection closed"""
    for end in (b"", b"\n"):
        c = Control()
        try:
            c.sock.sendall(b"x" * (LINE_MAX + 1) + end)
        except BrokenPipeError:
            pass
        same(c.answer()["ok"], False)
        try:
            same(c.file.readline(), b"", "after it")
        except ConnectionResetError:
            pass  # closed with some of the line unread
        c.close()
    c = Control()
    c.sock.sendall(b" " * 40)
    c.close()


def requests_are_answered_in_turn():
    """many requests at once, also behind a statedump, come back in order"""
    c = Control()
    many = 200
    lines = []
    for i in range(many):
        lines.append({"command": "statedump", "parts": ["fd"]} if i % 50 == 0
                     else {"command": "config-get", "key": "log.level"}
                     if i % 2 else {"command": "log-level"})
    c.sock.sendall(b"".join(json.dumps(x).encode() + b"\n" for x in lines))
    c.sock.shutdown(socket.SHUT_WR)  # said all; still listens
    for line in lines:
        answer = c.answer()
        same(answer["ok"], True, answer)
        key = {"statedump": "path", "config-get": "option",
               "log-level": "level"}[line["command"]]
        assert key in answer, (line, answer)
    same(c.file.readline(), b"", "at the end")
    c.close()


def who_does_not_read_hurts_nobody():
    """one that asks and never reads is not read from for ever"""
    c = Control()
    c.sock.setblocking(False)
    line = b"{\"command\":\"config-list\"}\n" * 1000
    sent = 0
    try:
        while sent < 64 << 20:
            sent += c.sock.send(line)
    except BlockingIOError:
        pass
    assert sent < 8 << 20, sent
    ctl("status")
    c.close()


def who_leaves_early_hurts_nobody():
    """one that asks for a dump and leaves"""
    for _ in range(20):
        c = Control()
        c.sock.sendall(b"{\"command\":\"statedump\",\"parts\":[\"fd\"]}\n")
        c.close()
    same(len(json.loads(ctl("--json", "clients"))["clients"]), 2)
    ctl("statedump", "fd")  # stands behind theirs
    fixture.wait_until("they are gone", lambda: live("control connection") ==
                       0)


def connections_have_a_bound():
    """the 33rd connection is told so; one that goes makes room"""
    conns = [Control() for _ in range(CONNS_MAX)]
    for c in conns:
        same(c.ask({"command": "log-level"})["ok"], True)
    over = Control()
    same(over.answer()["code"], 16, "EBUSY")
    same(over.file.readline(), b"")
    over.close()
    assert "too many" in ctl("status", code=1)
    conns.pop().close()
    fixture.wait_until("room", lambda: subprocess.run(
        ["clinkerctl", "-s", SOCKET, "status"], executable=PROGRAM,
        capture_output=True).returncode == 0)
    for c in conns:
        c.close()


# --- clinkerctl ---

def status_and_clients():
    """status and clients tell what there is"""
    status = json.loads(ctl("--json", "status"))
    same(status["pid"], brick.process.pid)
    same(status["volume"], "v1")
    same(status["directory"], brick.dir)
    same(status["port"], brick.port)
    same(status["connections"]["clients"], 2)
    assert str(brick.process.pid) in ctl("status")
    clients = json.loads(ctl("clients", "--json"))["clients"]
    same(len(clients), 2)
    same(clients[0]["fds"], 1)
    text = ctl("clients")
    assert "\x1b" not in text and "evil\\x1b[2J" in text, text
    same(len(text.splitlines()), 3)


def config_is_set_and_told():
    """config get, set and list; what is wrong with a value or key"""
    same(ctl("config", "get", "io-threads.thread-count"), "16\n")
    same(ctl("config", "get", "performance.io-thread-count"), "16\n")
    assert "= 24 (was 16)" in ctl("config", "set", "thread-count", "24")
    same(json.loads(ctl("--json", "status"))["workers"]["threads-max"], 24)
    same(section(brick.statedump(), "performance/io-threads.v1-io-threads")
         ["maximum_threads_count"], "24")
    assert "already" in ctl("config", "set", "thread-count", "24")
    assert "1 to 64" in ctl("config", "set", "thread-count", "65", code=1)
    assert "thread-count" in ctl("config", "set", "tread-count", "5", code=1)
    assert "while" in ctl("config", "set", "posix.directory", "/", code=1)
    answer = json.loads(ctl("--json", "config", "set", "no.such", "1",
                            code=1))
    same((answer["ok"], answer["code"]), (False, 2))
    options = json.loads(ctl("--json", "config", "list"))["options"]
    keys = {o["key"]: o for o in options}
    same(keys["io-threads.thread-count"]["is-default"], False)
    same(keys["log.level"]["is-default"], True)
    same(len(ctl("config", "list").splitlines()), len(options) + 1)


def log_level_is_set():
    """log level"""
    same(ctl("log", "level"), "INFO\n")
    same(ctl("log", "level", "debug"), "DEBUG\n")
    same(ctl("config", "get", "log.level"), "DEBUG\n")
    ctl("log", "level", "INFO")
    assert "no such" in ctl("log", "level", "LOUD", code=1)


def volume_statedump():
    """volume statedump, said as with gluster"""
    before = len(os.listdir(DUMPS))
    same(ctl("volume", "statedump", "v1", "mem"),
         "volume statedump: success\n")
    same(len(os.listdir(DUMPS)), before + 1)
    assert "v2" in ctl("volume", "statedump", "v2", code=1)
    assert "nonsense" in ctl("statedump", "nonsense", code=1)


def exit_codes():
    """exit codes: wrong usage 2, no daemon 3"""
    assert "'status'" in ctl("staus", code=2)
    assert "list" in ctl("config", code=2)
    ctl("config", "get", code=2)
    ctl("--bogus", code=2)
    ctl(code=2)
    none = os.path.join(scratch.path, "none.ctl")
    assert "No such file" in ctl("status", where=none, code=3)
    answer = json.loads(ctl("--json", "status", where=none, code=3))
    same(answer["ok"], False)
    ctl("status", where="/" + "x" * 200, code=3)
    ctl("status", where=None, code=3)


def full_output_is_an_error():
    """an answer that cannot be written is an error"""
    with open("/dev/full", "w") as full:
        run = subprocess.run(["clinkerctl", "-s", SOCKET, "status"],
                             executable=PROGRAM, stdout=full, timeout=20,
                             stderr=subprocess.PIPE)
    same(run.returncode, 1, run.stderr)


def reload_works():
    """reload"""
    assert "anew" in ctl("reload")


def only_socket_is_found():
    """without -s: the only daemon; with two of them, a question"""
    def start(name):
        folder = os.path.join(scratch.path, name)
        os.mkdir(folder)
        log = open(os.path.join(scratch.path, name + ".log"), "w")
        return subprocess.Popen(
            [PROGRAM, "-N", "--set", "server.listen-port=0",
             "--set", "server.statedump-path=" + DUMPS, folder],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def sockets():
        out = subprocess.run(["clinkerctl", "status", "--json"],
                             executable=PROGRAM, capture_output=True,
                             text=True, timeout=20)
        return out.returncode, out.stdout

    one = start("one")
    fixture.wait_until("the first", lambda: sockets()[0] == 0)
    same(json.loads(ctl("--json", "status", where=None))["pid"], one.pid)
    two = start("two")
    fixture.wait_until("the second", lambda: sockets()[0] == 2)
    text = ctl("status", where=None, code=2)
    found = re.findall(r"^  (/.*\.sock)$", text, re.M)
    same(len(found), 2, text)
    for p in found:
        ctl("status", where=p)
    # One that is killed leaves a socket that is nobody's; a new one takes it.
    two.kill()
    two.wait()
    same(json.loads(ctl("--json", "status", where=None))["pid"], one.pid)
    one.terminate()
    one.wait()
    same(len([p for p in found if os.path.exists(p)]), 1, "left")
    again = subprocess.Popen(
        [PROGRAM, "-N", "--set", "server.listen-port=0",
         os.path.join(scratch.path, "two")], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    fixture.wait_until("the second again", lambda: sockets()[0] == 0)
    same(json.loads(ctl("--json", "status", where=None))["pid"], again.pid)
    again.terminate()
    again.wait()


def socket_in_the_way():
    """a file that is no socket, or a live one, stops the start in one line"""
    folder = os.path.join(scratch.path, "way")
    os.mkdir(folder)
    plain = os.path.join(scratch.path, "plain")
    open(plain, "w").close()
    for path, text in ((plain, "not a socket"), (SOCKET, "another daemon")):
        run = subprocess.run(
            [PROGRAM, "-N", "--set", "server.listen-port=0", "--set",
             "server.control-socket=" + path, folder],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=30)
        assert run.returncode != 0
        assert text in run.stderr, run.stderr
    assert os.path.exists(plain)
    ctl("status")


def memory_comes_back():
    """nothing of all this is left in the accounts, nor the socket after it"""
    holder.close()
    waiter.close()

    def gone():
        text = brick.statedump()
        live = {n: l for n, l in sections(text)}
        for kind in ("control call", "control connection"):
            t = dict(live["server.admin - usage-type %s memusage" % kind])
            if t["num_allocs"] != "0":
                return False
        t = dict(live["server.client - usage-type client memusage"])
        return t["num_allocs"] == "0"
    fixture.wait_until("accounts at rest", gone)
    brick.stop()
    assert not os.path.exists(SOCKET)


fixture.main([
    dump_has_the_peers_form,
    dump_shows_fds_in_line_order,
    dump_shows_clients,
    dump_shows_locks_and_waiting_requests,
    dumps_of_one_second_do_not_overwrite,
    signals_in_a_heap_make_few_dumps,
    options_file_is_followed,
    dump_that_cannot_be_written_is_told,
    socket_is_private,
    strangers_are_refused,
    bad_requests_are_answered,
    line_has_a_bound,
    requests_are_answered_in_turn,
    who_does_not_read_hurts_nobody,
    who_leaves_early_hurts_nobody,
    connections_have_a_bound,
    status_and_clients,
    config_is_set_and_told,
    log_level_is_set,
    volume_statedump,
    exit_codes,
    full_output_is_an_error,
    reload_works,
    only_socket_is_found,
    socket_in_the_way,
    memory_comes_back,
], [brick])
