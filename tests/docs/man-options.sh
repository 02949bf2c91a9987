#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The options in clinkerd.conf(5) against `clinkerd --list-options`, both ways:
# each with its type, range, default and whether it is reloadable.
#   man-options.sh --print     what the page should say, to copy from
set -u
page=${srcdir:-.}/doc/clinkerd.conf.5
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

./clinkerd --list-options > "$tmp/table" || {
    echo "clinkerd --list-options fails, or there is no ./clinkerd here"
    exit 1
}
dumpdir=$(./clinkerd --print-statedumpdir) || exit 1

# One line an option: KEY (TYPE: RANGE; default DEF; reloadable).  A range that
# only says what the type means is left out; the page has the usual directory
# for statedumps, whatever this build was configured with.
awk -F '\t' -v dumpdir="$dumpdir" '
    NF != 6 { print "a line of the table is no option: " $0; next }
    {
        range = ": " $3
        if ($2 == "text" && $3 ~ /^text / || $2 == "uuid" || $2 == "path")
            range = ""
        def = $4 == "-" ? "no default" : "default " $4
        if ($1 == "server.statedump-path" && $4 == dumpdir)
            def = "default /var/run/gluster"
        printf "%s (%s%s; %s; %s)\n", $1, $2, range, def,
            $5 == "yes" ? "reloadable" : "fixed at start"
    }' "$tmp/table" > "$tmp/facts"

if [ "${1:-}" = --print ]; then
    sed -E 's/^([^ ]+) /.It Ic \1\n/' "$tmp/facts"
    exit 0
fi
sort "$tmp/facts" > "$tmp/program"
awk '/^\.It Ic [a-z-]+\.[a-z0-9-]+$/ { key = $3; getline; print key " " $0 }' \
    "$page" | sort > "$tmp/manual"

[ "$(wc -l < "$tmp/program")" -ge 20 ] || {
    echo "clinkerd --list-options is not understood"
    exit 1
}
if ! diff -u "$tmp/manual" "$tmp/program"; then
    echo "clinkerd.conf(5) (-) and clinkerd --list-options (+) differ"
    exit 1
fi
echo "man-options: $(wc -l < "$tmp/program") options, all there"
