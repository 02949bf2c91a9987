#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Where the daemon listens: IPv4, IPv6, both at once, a unix socket; with clients
of ours and stock mounts on each.
"""

import json
import os
import socket
import stat
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
from operate import Daemon, need_ours, refused, same  # noqa: E402
from wire import Client, ROOT  # noqa: E402

fixture.sandbox()
need_ours()
scratch = fixture.Scratch()
SOCKET = os.path.join(scratch.path, "brick.socket")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.bind(("::1", 0))
            return True
    except OSError:
        return False


class Listening:
    """A daemon on a brick of its own with these options, while the block
    lasts; afterwards it has ended well."""

    count = 0

    def __init__(self, *sets, port="{b.port}"):
        Listening.count += 1
        args = ["--set", "server.control-socket={b.control}",
                "--set", "server.listen-port=" + port]
        for s in sets:
            args += ["--set", s]
        self.args = args + ["{b.dir}"]

    def __enter__(self):
        self.brick = Daemon(scratch, "b%d" % self.count, self.args)
        return self.brick

    def __exit__(self, kind, value, trace):
        status = self.brick.stop()
        if kind is None:
            same(status, 0)


def works(brick, host, name=None, **options):
    """A client there makes a file, and finds it again by another one."""
    name = name or "f-" + uuid.uuid4().hex
    data = name.encode() * 100
    with Client(brick.port, host).login(brick.dir, **options) as c:
        reply = c.create(name)
        assert reply.ok, reply
        gfid, fd = reply["stat"]["gfid"], reply["fd"]
        same(c.write(gfid, fd, 0, data)["op_ret"], len(data))
    with Client(brick.port, host).login(brick.dir, **options) as c:
        same(c.fop("LOOKUP", pargfid=ROOT, bname=name)["pre"]["gfid"], gfid)
        same(c.fop("READ", gfid=gfid, fd=-2, size=1 << 16)["payload"], data)


def closed(brick, *hosts):
    for host in hosts:
        try:
            Client(brick.port, host).close()
        except ConnectionRefusedError:
            continue
        raise AssertionError("it listens on %s, too" % host)


def peer_of(brick, host):
    """How the daemon calls a client from there."""
    with Client(brick.port, host).login(brick.dir):
        clients = brick.ask("clients")["clients"]
        same(len(clients), 1, json.dumps(clients))
        text = brick.ctl("clients")
    fixture.wait_until("it has gone",
                       lambda: not brick.ask("clients")["clients"])
    with open(brick.log) as f:
        line = [x for x in f if "accepted client from" in x][-1]
    peer = line.split("accepted client from ")[1].split(" ")[0]
    assert peer in text, (peer, text)
    return peer


def refuses(words, *args):
    top = os.path.join(scratch.path, "other")
    if not os.path.isdir(top):
        os.mkdir(top)
        os.setxattr(top, "trusted.glusterfs.volume-id", b"x" * 16)
    refused(scratch, list(args) + [
        "--set", "server.control-socket=" + scratch.path + "/other.ctl",
        "--set", "server.listen-port=24299", top], words, 1, untouched=[top])


# --- stock mounts ---

def mount(brick, *options):
    """Mounts with the stock client, writes, reads and unmounts."""
    if not os.path.exists("/usr/sbin/glusterfs") or \
            not os.path.exists("/dev/fuse"):
        return False
    point = os.path.join(scratch.path, "mnt")
    os.makedirs(point, exist_ok=True)
    file = os.path.join(scratch.path, "client.vol")
    with open(file, "w") as f:
        f.write("volume t-client\n    type protocol/client\n"
                "    option remote-subvolume %s\n%send-volume\n" % (
                    brick.dir,
                    "".join("    option %s\n" % o for o in options)))
    log = os.path.join(scratch.path, "mnt.log")
    client = subprocess.Popen(["glusterfs", "-N", "-f", file, "-l", log,
                               point])
    try:
        def mounted():
            assert client.poll() is None, open(log).read()[-2000:]
            return subprocess.run(      # a mount not connected yet hangs
                ["timeout", "5", "mountpoint", "-q", point]).returncode == 0
        fixture.wait_until("the mount", mounted)
        path = os.path.join(point, "stock")
        os.mkdir(path)
        for i in range(20):
            with open("%s/%d" % (path, i), "wb") as f:
                f.write(b"stock %d\n" % i * 10000)
        for i in range(20):
            with open("%s/%d" % (path, i), "rb") as f:
                same(f.read(), b"stock %d\n" % i * 10000)
        same(len(os.listdir(path)), 20)
        subprocess.run(["umount", point], check=True, timeout=20)
        client.wait(20)
    finally:
        client.kill()                   # lets go of who waits for it
        client.wait()
        subprocess.run(["umount", "-l", point], capture_output=True)
    same(len(os.listdir(brick.dir + "/stock")), 20)
    return True


def tcp(brick, host, *more):
    return mount(brick, "remote-host " + host,
                 "remote-port %d" % brick.port, "transport-type tcp", *more)


# --- test points ---

def ipv4():
    """IPv4, one address: nowhere else"""
    with Listening("server.bind-address=127.0.0.1") as b:
        works(b, "127.0.0.1")
        closed(b, "127.0.0.2")
        if IPV6:
            closed(b, "::1")
        assert peer_of(b, "127.0.0.1").startswith("127.0.0.1:")


def ipv4_any():
    """IPv4, all addresses, which is the default"""
    with Listening() as b:
        works(b, "127.0.0.1")
        works(b, "127.0.0.2")
        if IPV6:
            closed(b, "::1")


def host_name():
    """a host name in place of the address"""
    with Listening("server.bind-address=localhost") as b:
        works(b, "127.0.0.1")
        closed(b, "127.0.0.2")


def ipv6():
    """IPv6, one address: nowhere else"""
    with Listening("server.address-family=inet6",
                   "server.bind-address=::1") as b:
        works(b, "::1")
        closed(b, "127.0.0.1")
        assert "::1" in peer_of(b, "::1")


def ipv6_any():
    """inet6 with all addresses takes clients of both protocols"""
    for bind in ((), ("server.bind-address=::",)):
        with Listening("server.address-family=inet6", *bind) as b:
            works(b, "::1")
            works(b, "127.0.0.1")
            with Client(b.port, "::1").login(b.dir) as one, \
                    Client(b.port, "127.0.0.1").login(b.dir) as two:
                same(one.create("both").ok, True)
                same(two.fop("LOOKUP", pargfid=ROOT, bname="both").ok, True)
            fixture.wait_until("they have gone",
                               lambda: not b.ask("clients")["clients"])
            # An IPv4 client is one, whatever the socket.
            assert peer_of(b, "127.0.0.1").startswith("127.0.0.1:")


def ipv6_auth():
    """auth.allow and auth.reject go by the client's own address"""
    def admitted(b, host):
        with Client(b.port, host) as c:
            return c.setvolume(b.dir)[0] == 0
    with Listening("server.address-family=inet6") as b:
        for allow, reject, v6, v4 in (
                ("*", "", True, True), ("::1", "", True, False),
                ("127.0.0.1", "", False, True),
                ("::1,127.0.0.*", "", True, True),
                ("*", "::1", False, True), ("*", "127.0.0.1", True, False)):
            b.ctl("config", "set", "auth.reject", reject)
            b.ctl("config", "set", "auth.allow", allow)
            same((admitted(b, "::1"), admitted(b, "127.0.0.1")), (v6, v4),
                 "allow %r, reject %r" % (allow, reject))


def ipv6_free_port():
    """port 0 takes a free one, and tells which"""
    with Listening("server.address-family=inet6", "server.bind-address=::1",
                   port="0") as b:
        b.port = b.ask("status")["port"]
        assert b.port > 0
        works(b, "::1")


def ipv6_mount():
    """a stock mount over IPv6"""
    with Listening("server.address-family=inet6",
                   "server.bind-address=::1") as b:
        return tcp(b, "::1", "transport.address-family inet6")


def both_mount():
    """a stock mount over IPv4 on a socket of both protocols"""
    with Listening("server.address-family=inet6") as b:
        return tcp(b, "127.0.0.1", "transport.address-family inet")


def unix_beside():
    """a unix socket beside the port"""
    with Listening("server.bind-address=127.0.0.1",
                   "server.listen-path=" + SOCKET) as b:
        works(b, "127.0.0.1")
        works(b, SOCKET)
        assert stat.S_ISSOCK(os.stat(SOCKET).st_mode)
        assert SOCKET in peer_of(b, SOCKET)
    same(os.path.lexists(SOCKET), False, "the socket is left")


def unix_alone():
    """a unix socket and no port; one left by a killed daemon is replaced"""
    sets = ("server.address-family=unix", "server.listen-path=" + SOCKET)
    with Listening(*sets) as b:
        works(b, SOCKET, "before")
        closed(b, "127.0.0.1")
        b.process.kill()
        b.process.wait()
        assert os.path.lexists(SOCKET)
        b.start()
        works(b, SOCKET)
        with Client(b.port, SOCKET).login(b.dir) as c:
            same(c.fop("LOOKUP", pargfid=ROOT, bname="before").ok, True)
        # Nobody takes it from who listens.
        refuses([SOCKET, "in use"], "--set", "server.listen-path=" + SOCKET)
        works(b, SOCKET)
    same(os.path.lexists(SOCKET), False, "the socket is left")


def unix_mount():
    """a stock mount through a unix socket"""
    with Listening("server.address-family=unix",
                   "server.listen-path=" + SOCKET) as b:
        return mount(b, "transport-type socket",
                     "transport.address-family unix",
                     "transport.socket.connect-path " + SOCKET,
                     "remote-host localhost", "remote-port 1")


def mistakes():
    """an address that cannot be: one line, which says why"""
    family = "server.address-family="
    bind = "server.bind-address="
    refuses(["192.0.2.1", "24299", "assign"], "--set", bind + "192.0.2.1")
    refuses(["::1", "Address family"], "--set", bind + "::1")
    refuses(["127.0.0.1", "Address family"], "--set", family + "inet6",
            "--set", bind + "127.0.0.1")
    refuses(["no.such.host.invalid", "assign"], "--set",
            bind + "no.such.host.invalid")
    refuses(["listen-path"], "--set", family + "unix")
    refuses(["/no/such/dir/s", "No such file"], "--set",
            "server.listen-path=/no/such/dir/s")
    with open(scratch.path + "/plain", "w") as f:
        f.write("mine")
    refuses(["plain", "socket"], "--set",
            "server.listen-path=" + scratch.path + "/plain")
    with open(scratch.path + "/plain") as f:
        same(f.read(), "mine")
    refuses(["too long"], "--set", "server.listen-path=/" + "x" * 200)


def skipping(function, needs):
    """A point that says by name what it has not got."""
    def point():
        if needs == "::1" and not IPV6 or function() is False:
            print("# SKIP %s: needs %s" % (function.__doc__, needs))
    point.__doc__ = function.__doc__
    return point


IPV6 = has_ipv6()
MOUNT = "glusterfs and /dev/fuse"
fixture.main(
    [ipv4, ipv4_any, host_name] +
    [skipping(f, "::1") for f in (ipv6, ipv6_any, ipv6_auth, ipv6_free_port)] +
    ([skipping(f, MOUNT) for f in (ipv6_mount, both_mount)] if IPV6 else []) +
    [unix_beside, unix_alone, skipping(unix_mount, MOUNT), mistakes])
