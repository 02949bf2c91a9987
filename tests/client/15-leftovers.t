#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The four things that a crash may leave on a brick, made by hand: an entry
without gfid, a gfid without handle, a handle without a name, a directory's
handle that leads elsewhere.  Whichever way a client comes upon them first, by
name, by gfid or in a listing, they are repaired.
"""

import os
import sys
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import brick as fixture  # noqa: E402
import brickfsck  # noqa: E402
from wire import *  # noqa: E402,F401,F403

fixture.brick_program()
fixture.sandbox()
scratch = fixture.Scratch()
b = fixture.Brick(scratch, "b")
if not b.ours:
    fixture.skip_all("clinkerd as BRICK_PROGRAM")


def handle(gfid):
    text = gfid_text(gfid)
    return os.path.join(b.dir, ".glusterfs", text[:2], text[2:4], text)


def must(reply, what):
    if not reply.ok:
        raise AssertionError("%s: %s" % (what, os.strerror(reply.op_errno)))
    return reply


def make():
    """A directory with a file, a symlink and a directory with a file in it;
    returns gfids by name."""
    top = uuid.uuid4().bytes
    name = gfid_text(top)
    c = Client(b.port).login(b.dir)
    must(c.fop("MKDIR", pargfid=ROOT, mode=0o755, bname=name,
               xdata={"gfid-req": v_gfid(top)}), "mkdir")
    g = {"": top}
    for n in ("file", "link", "dir"):
        g[n] = uuid.uuid4().bytes
    must(c.create("file", top, g["file"]), "create")
    must(c.fop("SYMLINK", pargfid=top, bname="link", linkname="file",
               xdata={"gfid-req": v_gfid(g["link"])}), "symlink")
    must(c.fop("MKDIR", pargfid=top, mode=0o755, bname="dir",
               xdata={"gfid-req": v_gfid(g["dir"])}), "mkdir")
    g["inner"] = uuid.uuid4().bytes
    must(c.create("inner", g["dir"], g["inner"]), "create")
    c.close()
    return g, os.path.join(b.dir, name)


def list_first(c, g):
    fd = must(c.fop("OPENDIR", gfid=g[""]), "opendir").fd
    r = must(c.fop("READDIRP", gfid=g[""], fd=fd, size=65536), "readdirp")
    for e in r.entries:
        if e["name"] in (b".", b".."):
            continue
        # As a kernel does that got attributes: straight by the gfid.
        if any(e["stat"]["gfid"]):
            must(c.fop("STAT", gfid=e["stat"]["gfid"]),
                 "stat of %s by its gfid" % e["name"].decode())
        else:
            must(c.fop("LOOKUP", pargfid=g[""], bname=e["name"], xdata={
                "gfid-req": v_gfid(uuid.uuid4().bytes)}),
                "lookup of %s" % e["name"].decode())
    if "dir" in g:
        must(c.fop("OPENDIR", gfid=g["dir"]), "opendir of dir by its gfid")


def name_first(c, g):
    for n in ("file", "link", "dir"):
        must(c.fop("LOOKUP", pargfid=g[""], bname=n, xdata={
            "gfid-req": v_gfid(uuid.uuid4().bytes)}), "lookup of " + n)
    must(c.fop("OPENDIR", gfid=g["dir"]), "opendir of dir by its gfid")


def gfid_then_name(c, g):
    """By a stale gfid, as a client that knew it before: refused or served,
    and the name repairs."""
    for n in ("file", "link", "dir"):
        c.fop("LOOKUP", gfid=g[n])
    name_first(c, g)


def problems_below(path, gfids):
    marks = [path] + [gfid_text(x) for x in gfids.values()]
    return [p for p in brickfsck.check(b.dir, allow_unlinked=True)
            if any(m in p for m in marks)]


def case(damage, first):
    g, path = make()
    b.stop()
    damage(g, path)
    if not problems_below(path, g):
        raise AssertionError("the damage is none")
    b.start()
    with Client(b.port).login(b.dir) as c:
        must(c.fop("LOOKUP", pargfid=ROOT, bname=os.path.basename(path)),
             "lookup of the directory")
        first(c, g)
    found = problems_below(path, g)
    if found:
        raise AssertionError("\n".join(found))


def no_handles(g, path):
    for n in ("file", "link", "dir"):
        os.unlink(handle(g[n]))


def stale_directory_handle(g, path):
    os.unlink(handle(g["dir"]))
    parent = gfid_text(g[""])
    os.symlink("../../%s/%s/%s/%s" % (parent[:2], parent[2:4], parent,
                                      "before"), handle(g["dir"]))


def handle_of_another(g, path):
    """The directory's handle leads to another directory that is there."""
    os.unlink(handle(g["dir"]))
    os.symlink("../../00/00/%s/%s" % (brickfsck.ROOT,
                                      os.path.basename(path)),
               handle(g["dir"]))


def orphans(g, path):
    """Names gone, handles not."""
    os.unlink(os.path.join(path, "file"))
    os.unlink(os.path.join(path, "link"))
    os.unlink(os.path.join(path, "dir", "inner"))
    os.unlink(handle(g["inner"]))
    os.rmdir(os.path.join(path, "dir"))


def gone_by_gfid(c, g):
    for n in ("file", "link", "dir"):
        r = c.fop("LOOKUP", gfid=g[n])
        if r.ok:
            raise AssertionError("%s is still found by its gfid" % n)


def points():
    for damage, what in ((no_handles, "gfids without handles"),
                         (stale_directory_handle,
                          "a directory's handle with its old name"),
                         (handle_of_another,
                          "a directory's handle to another directory")):
        for first, how in ((name_first, "by name"),
                           (list_first, "in a listing"),
                           (gfid_then_name, "by gfid")):
            def point(damage=damage, first=first):
                case(damage, first)
            point.__doc__ = "%s, met first %s" % (what, how)
            yield point

    def orphan():
        case(orphans, gone_by_gfid)
    orphan.__doc__ = "handles without names, asked for by gfid"
    yield orphan


def gfidless():
    """entries without gfid, met by name and in a listing"""
    for first in (name_first, list_first):
        g, path = make()
        b.stop()
        for n in ("file", "link", "dir"):
            os.unlink(handle(g[n]))
            os.removexattr(os.path.join(path, n), "trusted.gfid",
                           follow_symlinks=False)
        os.unlink(handle(g["inner"]))
        os.unlink(os.path.join(path, "dir", "inner"))
        b.start()
        with Client(b.port).login(b.dir) as c:
            must(c.fop("LOOKUP", pargfid=ROOT, bname=os.path.basename(path)),
                 "lookup of the directory")
            for n in ("file", "link", "dir"):
                g[n] = uuid.uuid4().bytes
            if first is list_first:
                del g["dir"]
                list_first(c, g)
            else:
                for n in ("file", "link", "dir"):
                    must(c.fop("LOOKUP", pargfid=g[""], bname=n, xdata={
                        "gfid-req": v_gfid(g[n])}), "lookup of " + n)
                must(c.fop("OPENDIR", gfid=g["dir"]), "opendir")
        found = problems_below(path, {})
        if found:
            raise AssertionError("\n".join(found))


fixture.main(list(points()) + [gfidless], cleanup=[b])
