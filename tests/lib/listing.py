#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Prints a tree as text, one line an entry, sorted, so that diff compares two
trees: path, type, mode, owner, size or device, link group, content hash or
link target, and the extended attributes asked for.

  listing.py DIRECTORY [--times] [--xattrs REGEX] [--skip NAME]
"""

import argparse
import hashlib
import os
import re
import stat
import sys

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link",
         stat.S_IFIFO: "fifo", stat.S_IFSOCK: "sock", stat.S_IFCHR: "char",
         stat.S_IFBLK: "block"}


def content(path):
    h = hashlib.sha1()
    with open(path, "rb") as f:
        while True:
            block = f.read(1 << 20)
            if not block:
                return h.hexdigest()
            h.update(block)


def xattrs(path, pattern):
    out = []
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        if pattern.fullmatch(name):
            value = os.getxattr(path, name, follow_symlinks=False)
            out.append("%s=%s" % (name, value.hex()))
    return out


def entries(top, skip):
    for folder, dirs, files in os.walk(top):
        if folder == top:
            dirs[:] = [d for d in dirs if d not in skip]
            yield top
        for name in dirs + files:
            yield os.path.join(folder, name)


def line(path, top, groups, args):
    st = os.lstat(path)
    kind = KINDS[stat.S_IFMT(st.st_mode)]
    rel = os.path.relpath(path, top)
    out = [rel.encode("unicode_escape", "surrogateescape").decode(), kind,
           "%04o" % stat.S_IMODE(st.st_mode),
           "%d:%d" % (st.st_uid, st.st_gid)]
    if kind == "file":
        out += [str(st.st_size), content(path)]
    elif kind == "link":
        out.append("-> " + os.readlink(path))
    elif kind in ("char", "block"):
        out.append("%d,%d" % (os.major(st.st_rdev), os.minor(st.st_rdev)))
    if kind != "dir" and st.st_nlink > 1:
        first = groups.setdefault((st.st_dev, st.st_ino), rel)
        if first != rel:
            out.append("same as " + first)
    if args.times:
        out.append("mtime %d" % st.st_mtime_ns)
    if args.xattrs:
        out += xattrs(path, args.xattrs)
    return " ".join(out)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("directory")
    p.add_argument("--times", action="store_true")
    p.add_argument("--xattrs", type=re.compile)
    p.add_argument("--skip", action="append", default=[])
    args = p.parse_args()
    groups = {}
    for path in sorted(entries(args.directory, args.skip)):
        print(line(path, args.directory, groups, args))
    return 0


if __name__ == "__main__":
    sys.exit(main())
