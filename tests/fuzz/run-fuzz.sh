#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Run every fuzz target that was built for a moment, from its seeds.
# FUZZ_MS: milliseconds for each (1000).
set -eu
src=${srcdir:-.}/tests/fuzz
ran=0
for target in tests/fuzz/fuzz_*; do
    [ -x "$target" ] && [ ! -d "$target" ] || continue
    name=${target##*/}
    [ -f "$src/$name.c" ] || continue
    printf '%s: ' "$name"
    "$target" -t "${FUZZ_MS:-1000}" "$src/corpus/$name"
    ran=$((ran + 1))
done
[ "$ran" -gt 0 ] || { echo "no fuzz target was built" >&2; exit 1; }
