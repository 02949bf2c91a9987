#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Who may connect: by address, by port, by user and password; and who has to
leave when the rules change.
"""

import errno
import os
import re
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from operate import Daemon, need_ours, same  # noqa: E402
from wire import Client, DENIED, ROOT, RpcError, WireError  # noqa: E402

fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
CONF = os.path.join(scratch.path, "auth.conf")
PORT = 24190
AUTH_ERROR, AUTH_REJECTEDCRED = 1, 2     # of ONC RPC


def write(auth="", logins=""):
    with open(CONF, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write("[posix]\ndirectory = %s/b\n[server]\nlisten-port = %d\n"
                "control-socket = %s/b.ctl\n[auth]\n%s\n[logins]\n%s\n" % (
                    scratch.path, PORT, scratch.path, auth, logins))


write()
fixture.Brick.next_port = PORT - 1
brick = Daemon(scratch, "b", ["-c", CONF])


def rules(auth="", logins=""):
    write(auth, logins)
    brick.ctl("reload")


def connect(address="127.0.0.1", port=0, **options):
    """OK or the name of the errno, and the client."""
    c = Client(brick.port, source=(address, port))
    ret, err, answer = c.setvolume(brick.dir, **options)
    if ret == 0:
        return "OK", c
    assert answer.get("ERROR"), answer
    # Refused: no operation gets through.
    try:
        c.fop("LOOKUP", gfid=ROOT)
    except WireError:
        c.close()
    else:
        raise AssertionError("an operation was served to who was refused")
    return errno.errorcode[err], None


def result(address="127.0.0.1", port=0, **options):
    what, c = connect(address, port, **options)
    if c:
        same(c.fop("LOOKUP", gfid=ROOT).ok, True)
        c.close()
    return what


def by_address():
    """auth.allow: addresses, patterns, networks; the others get EACCES"""
    same(result("127.0.0.2"), "OK", "the default")
    for rule in ("127.0.0.2", "10.0.0.1,127.0.0.2", "127.0.0.2, 10.*",
                 "*.*.*.2", "127.0.0.2/31", "10.0.0.0/8,127.0.0.2/32"):
        rules("allow = " + rule)
        same(result("127.0.0.2"), "OK", rule)
        same(result("127.0.0.1"), "EACCES", rule)
        same(result("127.0.0.22"), "EACCES", rule)
    rules("allow = 127.0.0.*")
    same(result("127.0.0.22"), "OK")
    same(result("127.0.1.2"), "EACCES")


def reject_goes_first():
    """auth.reject: goes before auth.allow"""
    rules("reject = 127.0.0.3")
    same(result("127.0.0.3"), "EACCES")
    same(result("127.0.0.2"), "OK")
    rules("allow = *\nreject = 127.0.0.0/30")
    same(result("127.0.0.3"), "EACCES")
    same(result("127.0.0.4"), "OK")
    rules("allow = 127.0.0.3\nreject = 127.0.0.3")
    same(result("127.0.0.3"), "EACCES")


def by_port():
    """allow-insecure off: only ports that are root's; changed while running"""
    rules("")
    brick.ctl("config", "set", "server.allow-insecure", "off")
    try:
        got = result(port=0)
    except RpcError as e:
        got = (e.status, e.detail)
    same(got, (DENIED, (AUTH_ERROR, AUTH_REJECTEDCRED)))
    same(result(port=987), "OK")
    brick.ctl("config", "set", "server.allow-insecure", "on")
    same(result(port=0), "OK")


def by_password():
    """user and password: the right ones only, whatever the address"""
    rules("allow = 10.0.0.1\nlogin-allow = alice,bob", "alice = secret\n"
          "bob = b=b ;\ncarol = hidden")
    same(result(), "EACCES", "none")
    same(result(username="alice", password="secret"), "OK")
    same(result(username="bob", password="b=b"), "OK")
    same(result(username="alice", password="secreT"), "EACCES")
    same(result(username="alice", password="secret2"), "EACCES")
    same(result(username="alice", password=""), "EACCES")
    same(result(username="alice", password="s" * 4000), "EACCES")
    same(result(username="alice"), "EACCES", "no password")
    same(result(username="carol", password="hidden"), "EACCES",
         "known, but not to be let in")
    same(result(username="mallory", password="secret"), "EACCES")
    same(result(username="*", password="secret"), "EACCES")


def wrong_password_outweighs_address():
    """a wrong password is refused though the address would do"""
    rules("login-allow = alice", "alice = secret")
    same(result(), "OK")
    same(result(username="alice", password="wrong"), "EACCES")
    same(result(username="mallory", password="wrong"), "OK",
         "no user of ours: the address decides")
    rules("reject = 127.0.0.1\nlogin-allow = alice", "alice = secret")
    same(result(username="alice", password="secret"), "EACCES",
         "a rejected address outweighs the password")


def strict():
    """strict-auth-accept: no entry without a valid user and password"""
    rules("login-allow = alice\nstrict-auth-accept = on", "alice = secret")
    same(result(), "EACCES")
    same(result(username="mallory", password="secret"), "EACCES")
    same(result(username="alice", password="wrong"), "EACCES")
    same(result(username="alice", password="secret"), "OK")
    rules("strict-auth-accept = on")
    same(result(), "EACCES", "there is no user at all")


def passwords_are_told_to_nobody():
    """neither the options, the dump nor the log show a password"""
    rules("login-allow = alice", "alice = sesame-4711")
    brick.ctl("config", "set", "log.level", "TRACE")
    same(result(username="alice", password="sesame-4711"), "OK")
    same(result(username="alice", password="sesame-4712"), "EACCES")
    brick.ctl("config", "set", "log.level", "INFO")
    assert "sesame" not in brick.ctl("--json", "config", "list")
    assert "sesame" not in "\n".join(brick.dump().lines)
    assert "sesame" not in brick.log_text()


def is_disconnected(c):
    """The daemon closes the connection: await that."""
    try:
        c.expect_close()
        return True
    except TimeoutError:
        return False


def rules_change():
    """clients that new rules do not admit are disconnected, others stay"""
    rules("login-allow = alice", "alice = secret")
    _, one = connect("127.0.0.1")
    _, two = connect("127.0.0.2")
    _, alice = connect("127.0.0.2", username="alice", password="secret")
    held = two.create("held")
    same(held.ok, True)
    rules("allow = 127.0.0.1\nlogin-allow = alice", "alice = secret")
    assert is_disconnected(two), "127.0.0.2 is still there"
    same(one.fop("LOOKUP", gfid=ROOT).ok, True)
    same(alice.fop("LOOKUP", gfid=ROOT).ok, True)
    fixture.wait_until("two are left", lambda: len(
        brick.ask("clients")["clients"]) == 2)
    assert "the rules no longer admit it" in brick.log_text()
    # Another password for the user: what she said is wrong now.
    rules("allow = 127.0.0.1\nlogin-allow = alice", "alice = other")
    assert is_disconnected(alice), "alice is still there"
    same(one.fop("LOOKUP", gfid=ROOT).ok, True)
    # As a reload through a signal does, and clinkerctl for one option.
    brick.ctl("config", "set", "auth.reject", "127.0.0.1")
    assert is_disconnected(one), "127.0.0.1 is still there"
    write("")
    os.kill(brick.process.pid, signal.SIGHUP)
    fixture.wait_until("all may come again", lambda: result("127.0.0.2") ==
                       "OK")


def silent_name_server():
    """a name in the rules that nobody resolves holds up nobody else"""
    resolv = os.path.join(scratch.path, "resolv.conf")
    with open(resolv, "w") as f:
        f.write("nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
    subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    server.settimeout(60)
    try:
        rules()
        _, one = connect("127.0.0.1")
        _, two = connect("127.0.0.2")
        write("allow = nobody.invalid,127.0.0.2")
        reload = threading.Thread(target=brick.ctl, args=("reload",),
                                  daemon=True)
        reload.start()
        query, peer = server.recvfrom(512)
        # It is being looked up; the main loop and the clients go on.
        brick.ctl("config", "set", "log.level", "INFO")
        same(len(brick.ask("clients")["clients"]), 2)
        same(one.fop("LOOKUP", gfid=ROOT).ok, True)
        reload.join(60)
        same(reload.is_alive(), False)
        # There is no such name: the second rule decides.
        threading.Thread(target=refuse, args=(server, query, peer),
                         daemon=True).start()
        assert is_disconnected(one), "127.0.0.1 is still there"
        same(two.fop("LOOKUP", gfid=ROOT).ok, True)
        two.close()
        rules()
    finally:
        server.close()
        subprocess.run(["umount", "/etc/resolv.conf"], check=True)


def refuse(server, query, peer):
    """NXDOMAIN to each question, until the socket is closed."""
    while True:
        try:
            server.sendto(query[:2] + b"\x81\x83" + query[4:], peer)
            query, peer = server.recvfrom(512)
        except OSError:
            return


def rules_change_for_those_who_come():
    """with dynamic-auth off connected clients stay, new ones are refused"""
    rules("dynamic-auth = off")
    _, c = connect("127.0.0.2")
    rules("dynamic-auth = off\nallow = 127.0.0.1")
    same(result("127.0.0.2"), "EACCES")
    same(c.fop("LOOKUP", gfid=ROOT).ok, True)
    c.close()


def refusals_are_logged():
    """who is refused is in the log, with the address"""
    text = brick.log_text()
    assert re.search(r"\] W \[.* refused 127\.0\.0\.\d+:\d+, client CTX_ID:.*"
                     r": Authentication failed", text)
    same(brick.stop(), 0)


fixture.main([
    by_address, reject_goes_first, by_port, by_password,
    wrong_password_outweighs_address, strict, passwords_are_told_to_nobody,
    rules_change, silent_name_server, rules_change_for_those_who_come,
    refusals_are_logged],
    [brick])
