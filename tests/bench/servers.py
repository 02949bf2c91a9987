# SPDX-License-Identifier: BSD-2-Clause
"""A brick server for one measurement: volume files, start, port, end.

Both programs get the same volume file, all the translators that glusterd
writes for a brick of a plain volume, and the same command line.
"""
import os
import select
import signal
import socket
import subprocess
import time
import uuid

VOLUME = "bench"
VOLUME_ID = "trusted.glusterfs.volume-id"
START_SECONDS = 30
STOP_SECONDS = 30
POLL_MS = 5


class ServerError(Exception):
    pass


def volume(name, kind, options, below):
    """One section of a volume file; the one below it must come first."""
    lines = ["volume " + name, "    type " + kind]
    lines += ["    option %s %s" % pair for pair in options]
    if below:
        lines.append("    subvolumes " + below)
    return "\n".join(lines + ["end-volume", ""])


def server_volfile(brick, volume_id, port):
    stack = [  # bottom to top
        ("posix", "storage/posix",
         [("directory", brick), ("volume-id", volume_id),
          ("fips-mode-rchecksum", "on"), ("shared-brick-count", "1")]),
        ("trash", "features/trash",
         [("trash-dir", ".trashcan"), ("brick-path", brick),
          ("trash-internal-op", "off")]),
        ("changelog", "features/changelog",
         [("changelog-brick", brick),
          ("changelog-dir", brick + "/.glusterfs/changelogs"),
          ("changelog-notification", "off"),
          ("changelog-barrier-timeout", "120")]),
        ("bitrot-stub", "features/bitrot-stub",
         [("export", brick), ("bitrot", "disable")]),
        ("access-control", "features/access-control", []),
        ("locks", "features/locks", [("enforce-mandatory-lock", "off")]),
        ("worm", "features/worm",
         [("worm", "off"), ("worm-file-level", "off"),
          ("worm-files-deletable", "on")]),
        ("read-only", "features/read-only", [("read-only", "off")]),
        ("leases", "features/leases", [("leases", "off")]),
        ("upcall", "features/upcall", [("cache-invalidation", "off")]),
        ("io-threads", "performance/io-threads", []),
        ("selinux", "features/selinux", [("selinux", "on")]),
        ("marker", "features/marker",
         [("volume-uuid", volume_id),
          ("timestamp-file", os.path.dirname(brick) + "/marker.tstamp"),
          ("quota-version", "0"), ("xtime", "off"),
          ("gsync-force-xtime", "off"), ("quota", "off"),
          ("inode-quota", "off")]),
        ("barrier", "features/barrier",
         [("barrier", "disable"), ("barrier-timeout", "120")]),
        ("index", "features/index",
         [("index-base", brick + "/.glusterfs/indices"),
          ("xattrop-dirty-watchlist", "trusted.afr.dirty"),
          ("xattrop-pending-watchlist", "trusted.afr.%s-" % VOLUME)]),
        ("quota", "features/quota",
         [("volume-uuid", VOLUME), ("server-quota", "off"),
          ("deem-statfs", "off")]),
    ]
    parts, below = [], None
    for short, kind, options in stack:
        name = "%s-%s" % (VOLUME, short)
        parts.append(volume(name, kind, options, below))
        below = name
    parts.append(volume(
        brick, "debug/io-stats",
        [("unique-id", brick), ("volume-id", volume_id),
         ("log-level", "INFO"), ("threads", "16"),
         ("latency-measurement", "off"), ("count-fop-hits", "off"),
         ("global-threading", "off")], below))
    parts.append(volume(
        VOLUME + "-server", "protocol/server",
        [("transport.listen-backlog", "1024"),
         ("transport.socket.keepalive-count", "9"),
         ("transport.socket.keepalive-interval", "2"),
         ("transport.socket.keepalive-time", "20"),
         ("transport.socket.ssl-enabled", "off"),
         ("rpc.outstanding-rpc-limit", "64"),
         ("transport.socket.keepalive", "1"),
         ("auth.addr.%s.allow" % brick, "*"), ("auth-path", brick),
         ("transport.address-family", "inet"), ("transport-type", "tcp"),
         ("transport.socket.bind-address", "127.0.0.1"),
         ("transport.socket.listen-port", port)], brick))
    return "\n".join(parts)


def client_volfile(brick, port):
    """No caching translator: each call reaches the brick.  utime stamps the
    calls with the times that the brick keeps, as on every mount."""
    return volume(
        VOLUME + "-client-0", "protocol/client",
        [("remote-host", "127.0.0.1"), ("remote-port", port),
         ("remote-subvolume", brick), ("transport-type", "socket"),
         ("transport.address-family", "inet"), ("ping-timeout", "42"),
         ("send-gids", "true")], None) + "\n" + volume(
        VOLUME + "-utime", "features/utime", [("noatime", "on")],
        VOLUME + "-client-0")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A server process on a fresh brick below `folder`."""

    stop_seconds = STOP_SECONDS

    def __init__(self, program, folder, env=None):
        self.program = program
        self.folder = folder
        self.brick = os.path.join(folder, "brick")
        self.port = free_port()
        self.client_volfile = os.path.join(folder, "client.vol")
        self.log = os.path.join(folder, "server.log")
        if not os.path.exists(self.brick):
            self.make_brick()
        with open(self.client_volfile, "w") as out:
            out.write(client_volfile(self.brick, self.port))
        with open(os.path.join(folder, "server.out"), "wb") as out:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, env=env)
        self.pidfd = os.pidfd_open(self.process.pid)

    def make_brick(self):
        """As glusterd leaves a new one."""
        os.makedirs(self.brick)
        os.mkdir(os.path.join(self.brick, ".glusterfs"), 0o600)
        os.mkdir(os.path.join(self.brick, ".glusterfs/indices"), 0o600)
        os.setxattr(self.brick, VOLUME_ID, uuid.uuid4().bytes)

    def command(self):
        volume_id = uuid.UUID(bytes=os.getxattr(self.brick, VOLUME_ID))
        volfile = os.path.join(self.folder, "server.vol")
        with open(volfile, "w") as out:
            out.write(server_volfile(self.brick, volume_id, self.port))
        return [self.program, "-N", "-f", volfile, "-l", self.log,
                "-p", os.path.join(self.folder, "server.pid")]

    @property
    def pid(self):
        return self.process.pid

    def ended(self, timeout_ms):
        """Wait for the end of the process, at most this long."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(timeout_ms))

    def wait_port(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except ConnectionRefusedError:
                pass
            if self.ended(POLL_MS):
                raise ServerError("%s ended while starting" % self.program)
            if time.monotonic() > deadline:
                raise ServerError("%s does not listen" % self.program)

    def stop(self):
        if not self.ended(0):
            self.process.send_signal(signal.SIGTERM)
            if not self.ended(self.stop_seconds * 1000):
                self.kill()
                raise ServerError("%s does not end by SIGTERM" % self.program)
        elif self.process.wait() != 0:
            self.close()
            raise ServerError("%s ended by itself, status %d" % (
                self.program, self.process.returncode))
        self.close()

    def kill(self):
        """At once; nothing to do after stop()."""
        if self.pidfd >= 0:
            if not self.ended(0):
                self.process.kill()
            self.close()

    def close(self):
        self.process.wait()
        os.close(self.pidfd)
        self.pidfd = -1

    def words(self):
        """What the server said, for a failure's report."""
        text = ""
        for name in (os.path.join(self.folder, "server.out"), self.log):
            if os.path.exists(name):
                with open(name, errors="replace") as f:
                    text += "".join(f.readlines()[-15:])
        return text
