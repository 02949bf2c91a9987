#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Symbolic links that somebody put on the brick, in place of a directory, of a
handle, or of a directory of handles, lead nowhere outside.
"""

import contextlib
import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from fault import *  # noqa: E402,F401,F403

scene = Scene()
BRICK = scene.brick.dir
OUT = os.path.join(scene.scratch.path, "outside")
SECRET = b"root:x:0:0:the secret"
ASIDE = os.path.join(scene.scratch.path, "aside")
os.makedirs(os.path.join(OUT, "sub"))
os.mkdir(ASIDE)
for where in ("secret", "file", "sub/secret"):
    with open(os.path.join(OUT, where), "wb") as f:
        f.write(SECRET)
os.chmod(OUT, 0o777)

DIR, SUB, FILE = (uuid.uuid4().bytes for _ in range(3))


def mkdir(parent, name, g):
    return scene.witness.fop("MKDIR", pargfid=parent, bname=name, mode=0o755,
                             xdata={"gfid-req": v_gfid(g)})


mkdir(ROOT, "dir", DIR)
mkdir(DIR, "sub", SUB)
made = scene.witness.create("file", DIR, FILE)
scene.witness.write(FILE, made.fd, 0, b"inside")
scene.witness.fop("RELEASE", gfid=FILE, fd=made.fd)


def handle(g, depth=3):
    t = gfid_text(g)
    return os.path.join(BRICK, ".glusterfs", *[t[:2], t[2:4], t][:depth])


def outside():
    out = {}
    for base, dirs, files in os.walk(OUT):
        for x in dirs + files:
            p = os.path.join(base, x)
            st = os.lstat(p)
            data = open(p, "rb").read() if x in files else b""
            out[p] = (st.st_ino, st.st_mode, st.st_uid, st.st_size,
                      st.st_mtime_ns, st.st_nlink, data, os.listxattr(p))
    return out


@contextlib.contextmanager
def instead(path, target):
    """For a while there is a symlink in the place of something."""
    aside = os.path.join(ASIDE, "it")
    os.rename(path, aside)
    os.symlink(target, path)
    try:
        yield
    finally:
        if os.path.lexists(path):
            os.unlink(path)
        os.rename(aside, path)


def everything(c):
    """All that might lead outside; nothing of it may."""
    new = {"gfid-req": v_gfid(uuid.uuid4().bytes)}
    replies = []

    def do(name, /, **args):
        replies.append((name, c.fop(name, **args)))
        return replies[-1][1]

    for g in (DIR, SUB, FILE):
        do("LOOKUP", gfid=g, xdata={"glusterfs.content": v_uint(4096)})
        do("STAT", gfid=g)
        do("READ", gfid=g, fd=ANON_FD, size=4096)
        do("READDIRP", gfid=g, fd=ANON_FD, size=65536)
        do("GETXATTR", gfid=g)
        do("SETXATTR", gfid=g, dict={"user.x": v_ptr(b"x")})
        do("REMOVEXATTR", gfid=g, name="user.x")
        do("SETATTR", gfid=g, stbuf={"mode": 0o755}, valid=1)
        d = do("OPENDIR", gfid=g)
        if d.ok:
            do("READDIRP", gfid=g, fd=d.fd, size=65536)
        f = do("OPEN", gfid=g, flags=O_RDWR)
        if f.ok:
            do("READ", gfid=g, fd=f.fd, size=4096)
    do("WRITE", gfid=FILE, fd=ANON_FD, size=6, payload=b"inside")
    for parent in (DIR, SUB):
        for name in ("secret", "file", "sub", ".."):
            do("LOOKUP", pargfid=parent, bname=name, xdata=dict(
                new, **{"glusterfs.content": v_uint(4096)}))
            if name not in ("..", "sub", "file"):
                do("UNLINK", pargfid=parent, bname=name)
        do("CREATE", pargfid=parent, bname="made", flags=O_RDWR, mode=0o644,
           xdata=new)
        do("MKDIR", pargfid=parent, bname="made2", mode=0o755, xdata={
            "gfid-req": v_gfid(uuid.uuid4().bytes)})
        do("LINK", oldgfid=scene.known, newgfid=parent, newbname="linked")
        do("RENAME", oldgfid=parent, oldbname="secret", newgfid=ROOT,
           newbname="stolen")
        for name in ("made", "linked"):
            do("UNLINK", pargfid=parent, bname=name)
        do("RMDIR", pargfid=parent, bname="made2")
    do("LOOKUP", pargfid=ROOT, bname="dir")
    for name, r in replies:
        if b"the secret" in repr(r).encode():
            raise AssertionError("%s tells it: %r" % (name, r))
        if any(e["name"] == b"secret" for e in r.get("entries", ())):
            raise AssertionError("%s lists it" % name)
    return replies


def try_with(path, target):
    before = outside()
    c = scene.login()
    with instead(path, target):
        everything(c)
    same(outside(), before, "what is outside")
    # And now it is as it was; whoever looks finds it again.
    c = scene.login()
    for p, n in ((ROOT, "dir"), (DIR, "sub"), (DIR, "file")):
        r = c.fop("LOOKUP", pargfid=p, bname=n)
        if not r.ok:
            raise AssertionError("%s is lost: %r" % (n, r))
    r = c.fop("READ", gfid=FILE, fd=ANON_FD, size=100)
    same(r.payload, b"inside")


PLACES = [
    ("a directory", os.path.join(BRICK, "dir"), OUT),
    ("a directory, relative", os.path.join(BRICK, "dir"), "../outside"),
    ("a directory below", os.path.join(BRICK, "dir", "sub"), OUT),
    ("a file", os.path.join(BRICK, "dir", "file"), OUT + "/secret"),
    ("a file's handle", handle(FILE), OUT + "/secret"),
    ("a file's handle, relative", handle(FILE),
     "../../../../outside/secret"),
    ("a directory's handle", handle(DIR), OUT),
    ("a directory's handle, relative", handle(DIR), "../../../../outside"),
    ("a directory's handle, by dots", handle(SUB),
     "../../00/00/00000000-0000-0000-0000-000000000001/../../outside"),
    ("a directory of handles", handle(FILE, 2), OUT),
    ("a directory of directories of handles", handle(FILE, 1), OUT),
    ("its own handle", handle(DIR), "../../%s/%s/%s" % (
        gfid_text(DIR)[:2], gfid_text(DIR)[2:4], gfid_text(DIR) + "/dir")),
]


def points(cold):
    for what, path, target in PLACES:
        @scene.point("a link in the place of %s, %s" % (
            what, "unknown so far" if cold else "known already"))
        def one(path=path, target=target):
            if cold:
                scene.restart()
            # As a handle the outside has the right name, too.
            for g in (FILE, DIR):
                name = os.path.join(OUT, gfid_text(g))
                if not os.path.exists(name):
                    with open(name, "wb") as f:
                        f.write(SECRET)
                    os.setxattr(name, "trusted.gfid", g)
            try_with(path, target)


# Links that were looked up have a handle like any other, and its name was
# taken away behind the brick's back.
scene.left_on_brick = r"a handle without a name \(.*/outside"
points(False)
points(True)


@scene.point("what is below them can be removed")
def remove():
    c = scene.login()
    for op, parent, name in (("UNLINK", DIR, "file"), ("RMDIR", DIR, "sub"),
                             ("RMDIR", ROOT, "dir")):
        r = c.fop(op, pargfid=parent, bname=name)
        if not r.ok:
            raise AssertionError("%s: %r" % (name, r))


scene.run()
