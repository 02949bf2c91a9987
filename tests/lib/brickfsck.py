#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Checks a brick directory at rest against the rules of its format: every name
has a gfid and that gfid's handle, every handle has a name, the back references
say where the names are, and nothing is left over.

  brickfsck.py BRICK [--allow-unlinked]

Prints one line a problem; exit status 1 if there was any.
"""

import argparse
import os
import re
import stat
import struct
import sys
import uuid

MASK = (1 << 64) - 1
P1, P2, P3, P4, P5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F,
                      0x165667B19E3779F9, 0x85EBCA77C2B2AE63,
                      0x27D4EB2F165667C5)
ROOT = "00000000-0000-0000-0000-000000000001"
KNOWN = {"unlink", "landfill", "health_check", "indices", "changelogs",
         "quarantine", "quanrantine"}
GFID2PATH = "trusted.gfid2path."
GFID2PATH_NAMES_MAX = 500


def rotl(x, r):
    return ((x << r) | (x >> (64 - r))) & MASK


def xxh64(data):
    """XXH64 with seed 0."""
    def lane(acc, word):
        return rotl((acc + word * P2) & MASK, 31) * P1 & MASK

    n, pos = len(data), 0
    if n >= 32:
        acc = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        while pos + 32 <= n:
            words = struct.unpack_from("<4Q", data, pos)
            acc = [lane(a, w) for a, w in zip(acc, words)]
            pos += 32
        h = sum(rotl(a, r) for a, r in zip(acc, (1, 7, 12, 18))) & MASK
        for a in acc:
            h = ((h ^ lane(0, a)) * P1 + P4) & MASK
    else:
        h = P5
    h = (h + n) & MASK
    while pos + 8 <= n:
        h ^= lane(0, struct.unpack_from("<Q", data, pos)[0])
        h = (rotl(h, 27) * P1 + P4) & MASK
        pos += 8
    if pos + 4 <= n:
        h ^= struct.unpack_from("<I", data, pos)[0] * P1 & MASK
        h = (rotl(h, 23) * P2 + P3) & MASK
        pos += 4
    for byte in data[pos:]:
        h ^= byte * P5 & MASK
        h = rotl(h, 11) * P1 & MASK
    h = (h ^ (h >> 33)) * P2 & MASK
    h = (h ^ (h >> 29)) * P3 & MASK
    return h ^ (h >> 32)


def gfid2path(parent, name):
    """The xattr (key, value) of one name of a file."""
    text = (parent + "/").encode() + os.fsencode(name)
    return "%s%016x" % (GFID2PATH, xxh64(text)), text[:1023]


class Check:
    def __init__(self, brick, allow_unlinked, crashed):
        self.brick = brick
        self.crashed = crashed
        self.store = os.path.join(brick, ".glusterfs")
        self.allow_unlinked = allow_unlinked
        self.problems = []
        self.dirs = {}        # gfid -> path
        self.files = {}       # gfid -> {"key", "names", "path", "nlink"}
        self.inodes = {}      # (dev, ino) -> gfid

    def problem(self, text, *args):
        self.problems.append(text % args)

    def xattr(self, path, name):
        try:
            return os.getxattr(path, name, follow_symlinks=False)
        except OSError:
            return None

    def gfid(self, path):
        raw = self.xattr(path, "trusted.gfid")
        if raw is None:
            self.problem("%s: no gfid", path)
            return None
        if len(raw) != 16 or not any(raw):
            self.problem("%s: gfid is %r", path, raw)
            return None
        return str(uuid.UUID(bytes=raw))

    def handle(self, gfid):
        return os.path.join(self.store, gfid[:2], gfid[2:4], gfid)

    def root(self):
        if self.gfid(self.brick) != ROOT:
            self.problem("%s: the root's gfid is not %s", self.brick, ROOT)
        path = self.handle(ROOT)
        if not os.path.islink(path):
            self.problem("%s: missing", path)
        elif os.readlink(path) != "../../..":
            self.problem("%s: leads to %s", path, os.readlink(path))
        self.dirs[ROOT] = self.brick

    def mdata(self, path):
        raw = self.xattr(path, "trusted.glusterfs.mdata")
        if raw is not None and (len(raw) != 57 or raw[0] != 1):
            self.problem("%s: mdata is %s", path, raw.hex())

    def directory(self, path, name, parent, gfid):
        if gfid in self.dirs:
            self.problem("%s: has the gfid of %s", path, self.dirs[gfid])
        self.dirs[gfid] = path
        handle = self.handle(gfid)
        want = "../../%s/%s/%s/%s" % (parent[:2], parent[2:4], parent, name)
        if not os.path.islink(handle):
            self.problem("%s: handle %s missing", path, handle)
        elif os.readlink(handle) != want:
            self.problem("%s: handle leads to %s, not %s", path,
                         os.readlink(handle), want)

    def file(self, path, name, parent, gfid, st):
        key = (st.st_dev, st.st_ino)
        f = self.files.setdefault(gfid, {
            "key": key, "names": [], "path": path, "nlink": st.st_nlink})
        if f["key"] != key:
            self.problem("%s: has the gfid of %s", path, f["path"])
            return
        f["names"].append((parent, name))
        if len(f["names"]) > 1:
            return
        try:
            h = os.lstat(self.handle(gfid))
        except FileNotFoundError:
            self.problem("%s: handle %s missing", path, self.handle(gfid))
            return
        if (h.st_dev, h.st_ino) != key:
            self.problem("%s: handle %s is another inode", path,
                         self.handle(gfid))

    def tree(self, folder, parent):
        with os.scandir(folder) as entries:
            entries = list(entries)
        for e in entries:
            if folder == self.brick and e.name == ".glusterfs":
                continue
            st = e.stat(follow_symlinks=False)
            gfid = self.gfid(e.path)
            self.mdata(e.path)
            if gfid is None:
                continue
            if stat.S_ISDIR(st.st_mode):
                self.directory(e.path, e.name, parent, gfid)
                self.tree(e.path, gfid)
            else:
                self.file(e.path, e.name, parent, gfid, st)

    def back_references(self):
        for gfid, f in self.files.items():
            names = len(f["names"])
            if f["nlink"] != names + 1:
                self.problem("%s: %d links, %d names", f["path"], f["nlink"],
                             names)
            found = {k: self.xattr(f["path"], k)
                     for k in os.listxattr(f["path"], follow_symlinks=False)
                     if k.startswith(GFID2PATH)}
            want = dict(gfid2path(*n) for n in f["names"])
            if names > GFID2PATH_NAMES_MAX:
                want = {k: v for k, v in want.items() if k in found}
            for key in want.keys() - found.keys():
                self.problem("%s: no %s (%s)", f["path"], key, want[key])
            # A rename sets the new one before it moves: doc/brick.md.
            for key in () if self.crashed else found.keys() - want.keys():
                self.problem("%s: stale %s (%s)", f["path"], key, found[key])
            for key in want.keys() & found.keys():
                if want[key] != found[key]:
                    self.problem("%s: %s is %s, not %s", f["path"], key,
                                 found[key], want[key])

    def handles(self):
        for top in sorted(os.listdir(self.store)):
            path = os.path.join(self.store, top)
            if not re.fullmatch("[0-9a-f]{2}", top):
                if top not in KNOWN and not top.startswith("clinker"):
                    self.problem("%s: not known", path)
                continue
            for sub in os.listdir(path):
                level = os.path.join(path, sub)
                if not re.fullmatch("[0-9a-f]{2}", sub) or \
                        not os.path.isdir(level):
                    self.problem("%s: not a level directory", level)
                    continue
                for name in os.listdir(level):
                    self.one_handle(level, top + sub, name)

    def one_handle(self, level, prefix, name):
        path = os.path.join(level, name)
        try:
            if str(uuid.UUID(name)) != name or name[:4] != prefix:
                raise ValueError
        except ValueError:
            self.problem("%s: not a handle's name", path)
            return
        if name not in self.dirs and name not in self.files:
            self.problem("%s: a handle without a name (%s)", path,
                         os.readlink(path) if os.path.islink(path) else
                         "%d links" % os.lstat(path).st_nlink)

    def leftovers(self):
        for folder in ("unlink", "landfill"):
            path = os.path.join(self.store, folder)
            if folder == "unlink" and self.allow_unlinked:
                continue
            for name in (os.listdir(path) if os.path.isdir(path) else ()):
                self.problem("%s/%s: left over", path, name)
        indices = os.path.join(self.store, "indices")
        for kind in ("xattrop", "dirty"):
            path = os.path.join(indices, kind)
            for name in (os.listdir(path) if os.path.isdir(path) else ()):
                if not name.startswith(kind + "-") and \
                        name not in self.dirs and name not in self.files:
                    self.problem("%s/%s: an index entry for nothing", path,
                                 name)

    def run(self):
        self.root()
        self.tree(self.brick, ROOT)
        self.back_references()
        self.handles()
        self.leftovers()
        return self.problems


def check(brick, allow_unlinked=False, crashed=False):
    return Check(os.path.abspath(brick), allow_unlinked, crashed).run()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("brick")
    p.add_argument("--allow-unlinked", action="store_true")
    p.add_argument("--crashed", action="store_true",
                   help="the daemon was killed: back references may be stale")
    args = p.parse_args()
    problems = check(args.brick, args.allow_unlinked, args.crashed)
    for line in problems[:50]:
        print(line)
    if len(problems) > 50:
        print("… and %d more" % (len(problems) - 50))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
