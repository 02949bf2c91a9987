#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# doc/locking.md against the code, both ways: each mutex that the code makes is
# in the table with its rank, and each row of the table is made by the code.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

cd "${srcdir:-.}" || exit 1
files=$(find mem rpc iothreads server cli -name '*.[ch]' \
    ! -path 'mem/mutex.[ch]' | sort)

# What makes a mutex, with its plain name and its rank; may be broken over
# lines.
making='(mutex_init\([^"();]*,|MUTEX_INITIALIZER\()'
making=$making' *"[^"]*", *[A-Za-z0-9_]+ *\)'
for f in $files; do
    tr '\n' ' ' < "$f" | grep -oE "$making"
done > "$tmp/making"
bad=0
# shellcheck disable=SC2086
count=$(cat $files | grep -cE 'mutex_init\(|MUTEX_INITIALIZER\(')
found=$(wc -l < "$tmp/making")
if [ "$count" -ne "$found" ] || [ "$found" -eq 0 ]; then
    echo "$count mutexes are made, $found of them with a plain name and rank"
    bad=1
fi
sed -E 's/.*"([^"]*)", *([A-Za-z0-9_]+) *\)$/\1\t\2/' "$tmp/making" |
    sort -u > "$tmp/made"

# Ranks by name become numbers.
while IFS='	' read -r name rank; do
    case $rank in
    [0-9]*) ;;
    *)
        # shellcheck disable=SC2086
        number=$(grep -hoE "\\b$rank *= *[0-9]+" $files | sort -u |
            sed 's/.*= *//')
        [ "$(printf '%s\n' "$number" | grep -c '^[0-9]*$')" -eq 1 ] &&
            [ -n "$number" ] || {
            echo "$name: rank $rank is not one number" >&2
            number=unknown
        }
        rank=$number
        ;;
    esac
    printf '%s\t%s\n' "$rank" "$name"
done < "$tmp/made" | sort -u > "$tmp/code"

sed -nE 's/^\| *([0-9]+) \| `([^`]*)` \|.*/\1\t\2/p' doc/locking.md \
    > "$tmp/doc.raw"
sort -u "$tmp/doc.raw" > "$tmp/doc"

if ! diff -u "$tmp/doc" "$tmp/code"; then
    echo "doc/locking.md (-) and the code (+) differ"
    bad=1
fi
# Ascending, as the rule reads.
sort -n -s -k1,1 "$tmp/doc.raw" | cmp -s - "$tmp/doc.raw" || {
    echo "doc/locking.md: the rows are not in the order of their ranks"
    bad=1
}
# A mutex of another kind would have no rank.
# shellcheck disable=SC2086
if grep -nE 'pthread_(mutex|rwlock|spin)_' $files; then
    echo "a mutex that is not mem/mutex.h's"
    bad=1
fi
[ $bad -eq 0 ] && echo "locking: $(wc -l < "$tmp/code") mutexes, all there"
exit $bad
