#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The bounds in doc/protocol.md against the code, both ways: each row has the
# code's value, and each bound in the code that reads the wire has a row.
set -u
cd "${srcdir:-.}" || exit 1
files=$(ls rpc/*.[ch] server/wire/*.[ch] server/fop/*.[ch] server/core/dict.h server/lock/internal.h)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad=0

# "NAME VALUE" of each enumerator with a plain value.
# shellcheck disable=SC2086
grep -hoE '\b[A-Z][A-Z0-9_]* = [0-9][0-9a-fx<* ]*' $files |
    sed -E 's/ = /\t/; s/ +$//' | sort -u > "$tmp/enumerators"
while IFS='	' read -r name value; do
    printf '%s\t%s\n' "$name" "$(($value))"
done < "$tmp/enumerators" | sort -u > "$tmp/code"

sed -nE 's/^\| `([A-Z0-9_]+)` \| ([0-9]+) \|.*/\1\t\2/p' doc/protocol.md |
    sort > "$tmp/doc"
[ "$(wc -l < "$tmp/doc")" -ge 20 ] || {
    echo "doc/protocol.md has no table of bounds"
    exit 1
}

# Rows that the code does not say.
comm -23 "$tmp/doc" "$tmp/code" > "$tmp/wrong"
if [ -s "$tmp/wrong" ]; then
    echo "in doc/protocol.md and not so in the code:"
    cat "$tmp/wrong"
    bad=1
fi
# Bounds by their name that have no row.
grep -E '_MAX	' "$tmp/code" | cut -f 1 | sort -u > "$tmp/bounds"
cut -f 1 "$tmp/doc" | sort -u > "$tmp/named"
comm -23 "$tmp/bounds" "$tmp/named" > "$tmp/missing"
if [ -s "$tmp/missing" ]; then
    echo "in the code and not in the table of doc/protocol.md:"
    cat "$tmp/missing"
    bad=1
fi
[ $bad -eq 0 ] && echo "bounds: $(wc -l < "$tmp/doc") rows, all true"
exit $bad
