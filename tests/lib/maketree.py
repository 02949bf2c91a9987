#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Makes a tree of files with contents that a seed decides.

  maketree.py DIRECTORY FILES [SEED]
"""

import os
import random
import sys


def main():
    top, files = sys.argv[1], int(sys.argv[2])
    rng = random.Random(sys.argv[3] if len(sys.argv) > 3 else "tree")
    noise = rng.randbytes(1 << 20)
    folders = [top]
    os.makedirs(top, exist_ok=True)
    for n in range(files):
        if n % 80 == 0:
            parent = rng.choice(folders[-20:])
            folders.append(os.path.join(parent, "dir %d" % n))
            os.mkdir(folders[-1])
        size = 0 if n % 50 == 0 else int(rng.paretovariate(1.0) * 300)
        size = min(size, 400000)
        at = rng.randrange(len(noise) - size)
        path = os.path.join(folders[-1], "file-%05d" % n)
        with open(path, "wb") as f:
            f.write(noise[at:at + size])
        os.chmod(path, rng.choice((0o644, 0o755, 0o600, 0o444)))


if __name__ == "__main__":
    main()
