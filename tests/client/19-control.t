#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The control socket: whose it is from its first moment, what bad users of it can
do (nothing), and what scripts may rely on: exit codes and JSON.
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
from operate import (Daemon, Load, PROGRAM, answers, ctl,  # noqa: E402
                     need_ours, same)

fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
OWN = ["--set", "server.listen-port={b.port}",
       "--set", "server.control-socket={b.control}",
       "--set", "server.statedump-path={b.dumps}",
       "--set", "server.volume-name=v1", "{b.dir}"]
brick = Daemon(scratch, "b", OWN)


def modes_while_starting(control, command):
    """The modes that a socket has between being there and serving."""
    seen = set()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, umask=0)
    try:
        while not seen or not answers(control):
            for _ in range(5000):
                try:
                    seen.add(stat.S_IMODE(os.lstat(control).st_mode))
                except FileNotFoundError:
                    pass
            assert process.poll() is None, "it ended: %d" % process.returncode
    finally:
        process.terminate()
        process.wait()
    return seen


def private_from_the_first_moment():
    """the socket has mode 0600 whenever one looks, with any umask"""
    os.mkdir(scratch.path + "/m")
    control = os.path.join(scratch.path, "m.ctl")
    for _ in range(3):
        same(modes_while_starting(control, [
            PROGRAM, "--set", "server.listen-port=0", "--set",
            "server.control-socket=" + control, scratch.path + "/m"]),
            {0o600})
        assert not os.path.exists(control), "it is left behind"
    same(stat.S_IMODE(os.stat(brick.control).st_mode), 0o600)
    same(os.stat(brick.control).st_uid, 0)


def strangers():
    """another user cannot connect; where he can, he is refused"""
    os.chmod(scratch.path, 0o755)
    code = "import os, socket\nos.setgroups([])\nos.setgid(65534)\n" \
        "os.setuid(65534)\ns = socket.socket(socket.AF_UNIX)\n" \
        "s.connect(%r)\n" \
        "print(s.makefile().readline())" % brick.control

    def stranger():
        return subprocess.run([sys.executable, "-c", code], text=True,
                              capture_output=True, timeout=20)
    assert "PermissionError" in stranger().stderr
    os.chmod(brick.control, 0o666)
    answer = json.loads(stranger().stdout)
    same((answer["ok"], answer["code"]), (False, 13))
    os.chmod(brick.control, 0o600)


def garbage():
    """garbage and lines without end, while clients work and ctl asks"""
    def one(data, shut):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(brick.control)
            s.settimeout(20)
            try:
                s.sendall(data)
                if shut:
                    s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass                     # closed with some of it unread
    with Load(brick.port, brick.dir) as load:
        for data in (os.urandom(50000), b"\0" * 70000, b"x" * (1 << 22),
                     b"\n" * 5000, b"{" * 70000, b"[" * 60000 + b"\n",
                     b"\x80" * 100 + b"\n", b'{"command":"status"',
                     b'{"command":' + b"9" * 60000 + b"}\n"):
            one(data, True)
            same(brick.ask("status")["ok"], True)
        load.more()
    load.is_clean()
    fixture.wait_until("they are gone", lambda: brick.dump("mem").section(
        "server.admin - usage-type control connection memusage")
        ["num_allocs"] == "1")           # the one that asks


def two_at_once():
    """two clients at once each get their own answers"""
    wrong = []

    def asks(key, value):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(brick.control)
            s.settimeout(20)
            f = s.makefile("rw")
            for _ in range(300):
                f.write(json.dumps({"command": "config-get",
                                    "key": key}) + "\n")
                f.flush()
                option = json.loads(f.readline())["option"]
                if (option["key"], option["value"]) != (key, value):
                    wrong.append(option)
    both = [threading.Thread(target=asks, args=a) for a in (
        ("io-threads.thread-count", "16"), ("log.level", "INFO"))]
    for t in both:
        t.start()
    for t in both:
        t.join()
    same(wrong, [])


def stale_socket_is_taken_over():
    """the socket of a daemon that was killed is taken over"""
    b = Daemon(scratch, "killed", OWN)
    b.stop(signal.SIGKILL)
    assert os.path.exists(b.control)
    assert "no daemon listens" in b.ctl("status", code=3)
    b.start()
    same(b.ask("status")["pid"], b.process.pid)
    b.stop()
    assert not os.path.exists(b.control)


def two_daemons_are_named():
    """with two daemons clinkerctl names both and asks which"""
    def default(name):
        os.makedirs(os.path.join(scratch.path, name))
        folder = os.path.join(scratch.path, name)
        control = "/run/clinker/%s.sock" % folder[1:].replace("/", "-")
        process = subprocess.Popen(
            [PROGRAM, "--set", "server.listen-port=0", folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        fixture.wait_until("it answers", lambda: answers(control))
        return process, control
    one, first = default("one")
    same(json.loads(ctl(None, "--json", "status"))["pid"], one.pid)
    two, second = default("two")
    text = ctl(None, "status", code=2)
    assert first in text and second in text, text
    answer = json.loads(ctl(None, "--json", "status", code=2))
    same(answer["ok"], False)
    assert first in answer["error"] and second in answer["error"], answer
    for control, process in ((first, one), (second, two)):
        same(json.loads(ctl(control, "--json", "status"))["pid"],
             process.pid)
        process.terminate()
        process.wait()
    ctl(None, "status", code=3)


WORDS = {"config get": ["log.level"], "config set": ["log.level", "INFO"],
         "volume statedump": ["v1"], "memory trace": ["all", "show"],
         "memory poison": ["control call", "off"]}
# Commands that ask no daemon.
ALONE = ("help", "statedump diff")


def commands():
    listed = ctl(None, "help", "--list").splitlines()
    return [x.split(" ", 1)[1] for x in listed if x.startswith("command ")]


def json_of_every_command():
    """--json of every command is one object with ok, done or refused"""
    nobody = os.path.join(scratch.path, "nobody.ctl")
    found = commands()
    assert len(found) >= 9, found
    for command in found:
        words = command.split() + WORDS.get(command, [])
        if command in ALONE:
            continue
        text = brick.ctl("--json", *words)
        assert json.loads(text)["ok"] is True, text
        text = brick.ctl(*words, "--json")
        assert json.loads(text)["ok"] is True, text
        answer = json.loads(ctl(nobody, "--json", *words, code=3))
        same(answer["ok"], False)
        assert answer["error"] and answer["code"] == 2, answer


def exit_codes():
    """exit codes 0, 1, 2 and 3, as the manual says"""
    manual = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..",
                          "..", "doc", "clinkerctl.1")
    with open(manual) as f:
        text = f.read().split(".Sh EXIT STATUS")[1].split(".Sh ")[0]
    same(re.findall(r"^\.It (\d+)$", text, re.M), ["0", "1", "2", "3"])
    older, newer = (brick.ctl("statedump").strip() for _ in range(2))
    words_of = dict(WORDS, **{"statedump diff": [older, newer]})
    for command in commands():
        words = command.split() + words_of.get(command, [])
        brick.ctl(*words, code=0)
        brick.ctl(*words, "--bogus", code=2)
        brick.ctl("help", *command.split(), code=0)
    for words in (["config", "get", "no.such"], ["log", "level", "LOUD"],
                  ["config", "set", "log.level", "LOUD"],
                  ["volume", "statedump", "v2"], ["statedump", "nonsense"],
                  ["memory", "limit", "much"], ["memory", "growth", "x/y"],
                  ["memory", "trace", "x/y", "on"],
                  ["memory", "trace", "all", "on", "0"],
                  ["memory", "poison", "x/y", "on"],
                  ["statedump", "diff", older, PROGRAM],
                  ["statedump", "diff", older, scratch.path],
                  ["statedump", "diff", older, older + ".none"]):
        text = brick.ctl(*words, code=1)
        same(text.count("\n"), 1, text)
        assert text.startswith("clinkerctl: "), text
    for words in ([], ["staus"], ["status", "more"], ["config"],
                  ["config", "get"], ["config", "set", "log.level"],
                  ["volume"], ["volume", "statedump"], ["-s"],
                  ["memory", "trace", "all"], ["memory", "trace", "all", "up"],
                  ["memory", "trace", "all", "off", "1"],
                  ["memory", "poison", "all", "show"], ["memory", "x"],
                  ["statedump", "diff", older]):
        brick.ctl(*words, code=2)
    ctl(scratch.path + "/none.ctl", "status", code=3)
    for option in ("--help", "--version", "--print-statedumpdir"):
        ctl(None, option, code=0)
    with open("/dev/full", "w") as full:
        run = subprocess.run(["clinkerctl", "-s", brick.control, "status"],
                             executable=PROGRAM, stdout=full,
                             stderr=subprocess.PIPE, timeout=20)
    same(run.returncode, 1, run.stderr)


def has_socket(pid):
    folder = "/proc/%d/fd" % pid
    try:
        return any(os.readlink(os.path.join(folder, fd)).startswith("socket:")
                   for fd in os.listdir(folder))
    except FileNotFoundError:       # closed meanwhile
        return False


def is_stopped(pid):
    with open("/proc/%d/status" % pid) as f:
        return "State:\tT" in f.read()


def daemon_that_hangs():
    """clinkerctl waits for a daemon that hangs, and ends when told to"""
    os.kill(brick.process.pid, signal.SIGSTOP)
    fixture.wait_until("it hangs", lambda: is_stopped(brick.process.pid))
    try:
        p = subprocess.Popen(["clinkerctl", "-s", brick.control, "status"],
                             executable=PROGRAM, stdout=subprocess.DEVNULL)
        fixture.wait_until("it has asked", lambda: has_socket(p.pid))
        same(p.poll(), None, "it has an answer")
        p.send_signal(signal.SIGTERM)
        same(p.wait(10), -signal.SIGTERM)
    finally:
        os.kill(brick.process.pid, signal.SIGCONT)
    same(brick.ask("status")["ok"], True)
    same(brick.stop(), 0)


fixture.main([
    private_from_the_first_moment, strangers, garbage, two_at_once,
    stale_socket_is_taken_over, two_daemons_are_named,
    json_of_every_command, exit_codes, daemon_that_hangs], [brick])
