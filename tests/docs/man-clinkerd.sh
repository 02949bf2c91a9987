#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The command line in clinkerd(8) against `clinkerd --help`, both ways.
set -u
page=${srcdir:-.}/doc/clinkerd.8
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

./clinkerd --help > "$tmp/help" || {
    echo "clinkerd --help fails, or there is no ./clinkerd here"
    exit 1
}
# "  -c, --config=FILE   text" and "      --brick=DIRECTORY   text"
grep -E '^ +-' "$tmp/help" | sed -E 's/^ +((-.,)? *--[a-z-]+).*/\1/' |
    tr ',' '\n' | tr -d ' ' | sort -u > "$tmp/program"

# .It Fl c Ar file , Fl -config Ns = Ns Ar file
# .It Fl N , -no-daemon
awk '$1 == ".It" && / Fl / {
    for (i = 2; i < NF; i++)
        if ($i == "Fl" || $i == "," && $(i + 1) != "Fl") {
            sub(/^\\&/, "", $(i + 1))
            print "-" $(i + 1)
        }
}' "$page" | sort -u > "$tmp/manual"

[ "$(wc -l < "$tmp/program")" -ge 20 ] || {
    echo "clinkerd --help is not understood"
    exit 1
}
if ! diff -u "$tmp/manual" "$tmp/program"; then
    echo "clinkerd(8) (-) and clinkerd --help (+) differ"
    exit 1
fi
echo "man-clinkerd: $(wc -l < "$tmp/program") options, all there"
