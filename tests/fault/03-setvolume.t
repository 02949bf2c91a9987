#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The handshake: dictionaries that lie, and clients that may not come in."""

import errno
import os
import struct
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from fault import *  # noqa: E402,F401,F403

scene = Scene()
strict = fixture.Brick(scene.scratch, "strict", scene.program, None,
                       "login=good:secret", "auth.login-allow=good",
                       "auth.allow=", "auth.strict-auth-accept=on")


def good_request():
    return {"remote-subvolume": scene.brick.dir,
            "process-uuid": "CTX_ID:%s-fault" % uuid.uuid4(),
            "fops-version": str(FOP), "client-version": "10.3",
            "opversion": "100000", "clnt-lk-version": "1"}


def raw(c, dictionary):
    try:
        ret, err, answer = c.setvolume_raw(dictionary)
        return ret, err
    except RpcError as e:
        return e.status, e.detail


def lengths(blob):
    """Where in a binary dictionary its lengths stand: the count, then of
    each pair that of the key and that of the value."""
    out, at = [0], 4
    for _ in range(struct.unpack_from(">i", blob)[0]):
        k, v = struct.unpack_from(">ii", blob, at)
        out += [at, at + 4]
        at += 8 + k + 1 + v
    same(at, len(blob))
    return out


UNDECODED = (-1, errno.EINVAL)


@scene.point("dictionary lengths that lie", log="failed to unserialize")
def lies():
    c = scene.connect()
    blob = p_bdict(good_request())
    for at in lengths(blob):
        true = struct.unpack_from(">I", blob, at)[0]
        past = len(blob) - at - 4 + 1       # one past the end
        for n in (0xffffffff, 0x7fffffff, 0x80000000, past, len(blob),
                  true + 1, 0x40000000):
            bad = blob[:at] + struct.pack(">I", n) + blob[at + 4:]
            ret, err = raw(c, bad)
            if at and n == true + 1 and ret == -1:
                continue    # may decode, to something without sense
            same((ret, err), UNDECODED, "%#x at %d" % (n, at))


@scene.point("dictionary lengths of 0", log="refused")
def zeros():
    c = scene.connect()
    blob = p_bdict(good_request())
    for at in lengths(blob)[:-1]:       # the last value may well be empty
        bad = blob[:at] + bytes(4) + blob[at + 4:]
        ret, err = raw(c, bad)
        if ret != -1 or err not in (errno.EINVAL, errno.ENOENT,
                                    errno.EACCES):
            raise AssertionError("0 at %d: %r %r" % (at, ret, err))


@scene.point("a dictionary cut short at every byte", log="refused")
def cut():
    c = scene.connect()
    blob = p_bdict(good_request())
    for n in range(len(blob)):
        same(raw(c, blob[:n]), UNDECODED, "cut at %d" % n)


@scene.point("the dictionary's own length lies", log="does not decode")
def outer():
    c = scene.connect()
    blob = p_bdict(good_request())
    for n in (len(blob) + 4, 0x7fffffff, 0x80000000, 0xfffffffd, 0xffffffff):
        try:
            c.call(HANDSHAKE, HANDSHAKE_VERSION, 1,
                   struct.pack(">I", n) + blob)
            raise AssertionError("%#x was taken" % n)
        except RpcError as e:
            same(e.status, GARBAGE_ARGS)


@scene.point("too many pairs", log="refused|does not decode")
def pairs():
    c = scene.connect()
    for n in (1025, 5000, 20000):
        d = good_request()
        d.update(("key-%d" % i, "v") for i in range(n))
        ret, err = raw(c, p_bdict(d))
        if (ret, err) != UNDECODED and ret != GARBAGE_ARGS:
            raise AssertionError("%d pairs: %r %r" % (n, ret, err))


@scene.point("keys and values without their NUL, or with more of them")
def nuls():
    c = scene.connect()
    for d in ({"remote-subvolume": scene.brick.dir.encode()},
              {"remote-subvolume": b""},
              {"remote-subvolume": scene.brick.dir.encode() + b"\0x\0"},
              {"process-uuid": b"no end"}, {"process-uuid": b""},
              {"process-uuid": b"\0"}, {"fops-version": b"1298437"},
              {"fops-version": b" 1298437\0"}, {"fops-version": b"-1\0"},
              {"fops-version": b"99999999999999999999999\0"},
              {"process-uuid": b"x" * 5000 + b"\0"}):
        request = good_request()
        request.update(d)
        same(raw(c, p_bdict(request)), (-1, errno.EINVAL), repr(d)[:60])


@scene.point("wrong brick name, volume-id, version", log="refused")
def wrong():
    c = scene.connect()
    for name in ("", "/", "/no/such/brick", scene.brick.dir + "/",
                 scene.brick.dir[:-1], "x" * 4000,
                 scene.brick.dir + "/../b"):
        ret, err, answer = c.setvolume(name)
        if (ret, err) not in ((-1, errno.ENOENT), (-1, errno.EINVAL)):
            raise AssertionError("%r: %d %d" % (name[:50], ret, err))
    for id in (str(uuid.uuid4()), "", "x", "0" * 5000):
        ret, err, answer = c.setvolume(scene.brick.dir, volume_id=id)
        same((ret, err), (-1, errno.EINVAL), "volume-id %r" % id[:40])
        if b"Volume-ID different" not in answer["ERROR"]:
            raise AssertionError("volume-id %r: %r" % (id, answer))
    for version in (None, "330", "400", "0", "-1"):
        ret, err, _ = c.setvolume(scene.brick.dir, fops_version=version)
        same((ret, err), (-1, errno.EINVAL), "fops-version %r" % version)
    for missing in ("remote_subvolume", "process_uuid"):
        ret, err, _ = c.setvolume(scene.brick.dir, **{missing: None})
        same((ret, err), (-1, errno.EINVAL), missing)
    same(c.setvolume(scene.brick.dir)[0], 0, "and then the right one")


@scene.point("sub-directories that are not there, or are elsewhere",
             log="refused")
def subdirs():
    c = scene.connect()
    for path in ("x", "/none", "/../..", "/known", "/.glusterfs",
                 "/" + "d/" * 2000, "/" + "n" * 300, "/./known", "//known/x",
                 "/.."):
        ret, err, _ = c.setvolume(scene.brick.dir, subdir_mount=path)
        same((ret, err), (-1, errno.ENOENT), path[:40])


@scene.point("SETVOLUME twice", log="is a client's already")
def twice():
    c = scene.login()
    ret, err, answer = c.setvolume(scene.brick.dir)
    if ret == 0:
        raise AssertionError("taken a second time: %r" % answer)
    if not c.fop("LOOKUP", gfid=ROOT).ok:
        raise AssertionError("no longer served")


@scene.point("many SETVOLUMEs on one connection, without waiting")
def pipelined():
    c = scene.connect()
    body = p_opaque(p_bdict(good_request()))
    xids = [c.send(HANDSHAKE, HANDSHAKE_VERSION, 1, body)
            for _ in range(100)]
    won = sum(c.wait(x).i32() == 0 for x in xids)
    same(won, 1, "how many were taken")


@scene.point("two connections under one name")
def same_name():
    request = p_bdict(good_request())
    a, b = scene.connect(), scene.connect()
    for c in (a, b):
        same(raw(c, request)[0], 0)
        if not c.fop("LOOKUP", gfid=ROOT).ok:
            raise AssertionError("not served")
    a.close()
    if not b.fop("LOOKUP", gfid=ROOT).ok:
        raise AssertionError("the other went with it")


@scene.point("names of the client that would spoil the log")
def log_names():
    c = scene.connect()
    evil = "x\n[2020-01-01 00:00:00.000000 +0000] E [forged] 0-forged: y"
    for key in ("process_uuid", "process_name", "client_version"):
        c = scene.connect()
        c.setvolume(scene.brick.dir, **{key: evil})
        c.close()
    for line in scene.brick.log_text().splitlines():
        if line.startswith("[2020"):
            raise AssertionError("a line of the client's own: " + line)


@scene.point("wrong password, no user, no password")
def passwords():
    start = len(strict.log_text())
    fixture.wait_until("the brick serves", lambda: strict_try(
        username="good", password="secret")[0] == 0)
    for user in ({}, {"username": "good"}, {"password": "secret"},
                 {"username": "good", "password": "Secret"},
                 {"username": "good", "password": ""},
                 {"username": "good", "password": "secre"},
                 {"username": "good", "password": "secret "},
                 {"username": "good", "password": "secret" * 500},
                 {"username": "*", "password": "secret"},
                 {"username": "evil", "password": "secret"},
                 {"username": "", "password": ""}):
        ret, err, answer, c = strict_try(keep=True, **user)
        same((ret, err), (-1, errno.EACCES), user)
        same(answer["ERROR"], b"Authentication failed\0")
        proc, body = pack_fop("LOOKUP", gfid=ROOT)
        try:
            c.call(FOP, FOP_VERSION, proc, body)
            raise AssertionError("served all the same")
        except RpcError as e:
            same(e.status, GARBAGE_ARGS)
        c.close()
    text = strict.log_text()[start:]
    if "Authentication failed" not in text:
        raise AssertionError("nothing in the log about it")
    if "secre" in text:
        raise AssertionError("a password in the log")


def strict_try(keep=False, **options):
    c = Client(strict.port)
    out = c.setvolume(strict.dir, **options)
    if keep:
        return out + (c,)
    c.close()
    return out


@scene.point("GETSPEC with keys of any length")
def getspec():
    c = scene.connect()
    for n in (0, 1, 255, 256, 1023, 1024, 1025, 4096):
        r = c.call(HANDSHAKE, HANDSHAKE_VERSION, 2, struct.pack(">I", 0) +
                   p_opaque(b"k" * n) + p_opaque(b""))
        same(r.unpack("ii"), (-1, errno.ENOSYS), "a key of %d" % n)
    for n in (4097, 65536, 1 << 19):
        try:
            r = c.call(HANDSHAKE, HANDSHAKE_VERSION, 2, struct.pack(">I", 0) +
                       p_opaque(b"k" * n) + p_opaque(b""))
            same(r.i32(), -1)
        except RpcError as e:
            same(e.status, GARBAGE_ARGS)
    for key in (b"../../etc/passwd", b"/etc/passwd", b"%s%n%s", b"a\0b"):
        r = c.call(HANDSHAKE, HANDSHAKE_VERSION, 2, struct.pack(">I", 0) +
                   p_opaque(key) + p_opaque(b""))
        same(r.unpack("ii"), (-1, errno.ENOSYS))
        if b"root:" in r.rest():
            raise AssertionError("a file of the server's")


@scene.point("GETSPEC, SET_LK_VER, EVENT_NOTIFY with lengths that lie")
def others():
    c = scene.connect()
    for proc, head in ((2, bytes(4)), (4, b""), (5, bytes(4))):
        for n in (1, 0x7fffffff, 0xfffffffd, 0xffffffff):
            try:
                c.call(HANDSHAKE, HANDSHAKE_VERSION, proc,
                       head + struct.pack(">I", n))
                raise AssertionError("procedure %d took it" % proc)
            except RpcError as e:
                same(e.status, GARBAGE_ARGS)


@scene.point("the strict brick ends well too")
def strict_ends():
    if strict.alive():
        same(strict.stop(), 0, "exit status")


scene.run()
