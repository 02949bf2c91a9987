#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# git works on a mount: clone, fsck, commit, gc.
. "$(dirname "$0")/../lib/functions.sh"
need_fuse
need git python3
export HOME=$T GIT_CONFIG_NOSYSTEM=1
git config --global user.name test
git config --global user.email test@localhost
git config --global init.defaultBranch main
git config --global gc.auto 0

(
    git init -q "$T/origin"
    cd "$T/origin" || exit 1
    for i in 1 2 3 4 5; do
        python3 "$lib/maketree.py" "part$i" 300 "seed $i"
        git add -A
        git commit -q -m "part $i"
    done
) || bail "no repository to clone"

m=$T/mnt
start_brick b
mount_brick b "$m"
check "clone" git clone -q --no-local "$T/origin" "$m/clone"
check "fsck" git -C "$m/clone" fsck --strict --no-progress
is "status is clean" "$(git -C "$m/clone" status --porcelain)" ""
is "the same commit" "$(git -C "$m/clone" rev-parse HEAD)" \
    "$(git -C "$T/origin" rev-parse HEAD)"
check "check out an older commit" git -C "$m/clone" checkout -q HEAD~3
is "it has fewer parts" "$(ls -d "$m"/clone/part* | wc -l)" 2
check "and back" git -C "$m/clone" checkout -q main
echo change >"$m/clone/part1/new"
check "add" git -C "$m/clone" add -A
check "commit" git -C "$m/clone" commit -q -m change
check "gc" git -C "$m/clone" gc -q --prune=now
check "fsck again" git -C "$m/clone" fsck --strict --no-progress
check "push back" git -C "$m/clone" push -q origin main:fromclone
unmount "$m"
brick_is_sound b
done_testing
