#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Writes, renames, links and removes files on a mount whose brick comes and
goes, and keeps a journal of what has been promised to it.

  steadywriter.py DIRECTORY JOURNAL SEED      until SIGTERM
  steadywriter.py --verify DIRECTORY JOURNAL

A journal line: "kept NAME SHA1" after fsync of the file and its directory;
"unsure NAME" before an unlink, and "gone NAME" after it and an fsync of the
directory.  An operation that
failed promises nothing, and its file is not touched again.
"""

import hashlib
import os
import random
import signal
import sys
import time


def sync_directory(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class Writer:
    def __init__(self, directory, journal, seed):
        self.directory, self.seed = directory, seed
        self.journal = open(journal, "a", buffering=1)
        self.random = random.Random(seed)
        self.number = 0
        self.life = 0           # how many errors there were
        self.kept = []

    def path(self, name):
        return os.path.join(self.directory, name)

    def promise(self, what, name, digest=""):
        print(what, name, digest, file=self.journal)

    def write(self):
        self.number += 1
        name = "%s-%d-%06d" % (self.seed, self.life, self.number)
        data = self.random.randbytes(self.random.randrange(1, 60000))
        temporary = self.path(name + ".tmp")
        with open(temporary, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.rename(temporary, self.path(name))
        if self.number % 4 == 0:
            os.link(self.path(name), self.path(name + ".link"))
        sync_directory(self.directory)
        digest = hashlib.sha1(data).hexdigest()
        self.promise("kept", name, digest)
        if self.number % 4 == 0:
            self.promise("kept", name + ".link", digest)
        self.kept.append(name)

    def remove(self):
        name = self.kept.pop(self.random.randrange(len(self.kept)))
        self.promise("unsure", name)
        os.unlink(self.path(name))
        sync_directory(self.directory)
        self.promise("gone", name)

    def directory_step(self):
        name = self.path("%s-%d-dir" % (self.seed, self.life))
        os.mkdir(name)
        os.mkdir(os.path.join(name, "sub"))
        os.rename(name, name + "2")
        os.rmdir(os.path.join(name + "2", "sub"))
        os.rmdir(name + "2")

    def step(self):
        if self.number % 7 == 3:
            self.directory_step()
        if len(self.kept) > 10 and self.random.random() < 0.3:
            self.remove()
        else:
            self.write()

    def run(self):
        enough = []
        signal.signal(signal.SIGTERM, lambda *_: enough.append(True))
        while not enough:
            try:
                self.step()
            except OSError:
                # Unknown outcome: neither promised nor touched again.
                self.life += 1
                time.sleep(0.05)
        print("wrote %d, %d errors" % (self.number, self.life))


def verify(directory, journal):
    wanted = {}
    with open(journal) as f:
        for line in f:
            what, name, digest = line.rstrip("\n").split(" ")
            if what == "unsure":
                del wanted[name]
            else:
                wanted[name] = digest if what == "kept" else None
    wrong = 0
    for name, digest in wanted.items():
        path = os.path.join(directory, name)
        if digest is None:
            if os.path.lexists(path):
                print("%s was removed and is back" % name)
                wrong += 1
            continue
        try:
            with open(path, "rb") as f:
                got = hashlib.sha1(f.read()).hexdigest()
        except OSError as e:
            got = str(e)
        if got != digest:
            print("%s: %s" % (name, got))
            wrong += 1
    print("%d promises, %d broken" % (len(wanted), wrong))
    return 1 if wrong or not wanted else 0


if __name__ == "__main__":
    if sys.argv[1] == "--verify":
        sys.exit(verify(*sys.argv[2:]))
    Writer(*sys.argv[1:]).run()
