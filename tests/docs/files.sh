#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The list of files in doc/architecture.md against the tree, both ways: each
# name stands for NAME.c, NAME.h or both.
set -u
cd "${srcdir:-.}" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

for f in mem/*.[ch] rpc/*.[ch] iothreads/*.[ch] server/*.[ch] \
    server/*/*.[ch] cli/*.[ch]; do
    echo "${f%.[ch]}"
done | sort -u > "$tmp/tree"

# Four blanks and a folder; six and names, up to two blanks and a text; more
# blanks are only text.
awk '
    /^## / { inside = ($0 == "## The files") }
    !inside { next }
    /^    [a-z]+[a-z\/]*\/$/ { folder = $1; next }
    /^      [a-z]/ {
        sub(/^      /, "")
        sub(/  .*/, "")
        # One blank is enough where names fill their column.
        n = split($0, names, /, */)
        for (i = 1; i <= n; i++) {
            sub(/ .*/, "", names[i])
            if (names[i] != "")
                print folder names[i]
        }
    }' doc/architecture.md | sort > "$tmp/doc"

if ! diff -u "$tmp/doc" "$tmp/tree"; then
    echo "doc/architecture.md (-) and the tree (+) differ"
    exit 1
fi
echo "files: $(wc -l < "$tmp/tree") names, all there"
