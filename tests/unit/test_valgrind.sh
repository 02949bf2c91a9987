#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# valgrind sees bugs in blocks, objects and buffers of ours as it does in
# malloc()'s, and nothing where there is none.  Run in the build directory.
set -u
plants=tests/unit/valgrind_plants

command -v valgrind > /dev/null || {
    echo "no valgrind here"
    exit 77
}
"$plants" supported || {
    echo "this build cannot be watched: a sanitizer's, or without the header"
    exit 77
}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad=0

# watch CASE OPTIONS...: its report is $tmp/CASE, its status $status.
watch() {
    case=$1
    shift
    valgrind --error-exitcode=9 --leak-check=no --log-file="$tmp/$case" \
        "$@" "$plants" "$case"
    status=$?
}

fail() {
    echo "$case: $1"
    cat "$tmp/$case"
    bad=1
}

no_errors() {
    watch "$@"
    if [ $status -eq 0 ] && grep -q 'ERROR SUMMARY: 0 errors' "$tmp/$case"; then
        echo "$case: no errors"
    else
        fail "status $status, and there should be no errors"
    fi
}

# finds CASE TEXT [TEXT...]: each is in the report.
finds() {
    name=$1
    shift
    watch "$name"
    [ $status -eq 9 ] || fail "status $status, not 9"
    for text; do
        grep -q -- "$text" "$tmp/$case" || fail "does not say: $text"
    done
    echo "$case: $1"
}

no_errors clean
no_errors leak

finds use_after_free_read 'Invalid read of size 1' \
    '12 bytes inside a block of size 40 free' 'by 0x.*: use_after_free_read'
finds use_after_free_late 'Invalid read of size 1' \
    '12 bytes inside a block of size 40 free'
finds overrun_read 'Invalid read of size 1' \
    '0 bytes after a block of size 41 ' 'by 0x.*: overrun_read'
finds overrun_large 'Invalid read of size 1' \
    '0 bytes after a block of size 100,000 '
finds underrun_read 'Invalid read of size 1' \
    '9 bytes before a block of size 40 '
finds uninitialised_use 'depends on uninitialised value'
finds pool_use_after_put 'Invalid read of size 1' \
    '5 bytes inside a block of size 120 free'
finds pool_overrun_read 'Invalid read of size 1' \
    '0 bytes after a block of size 120 '
finds pool_uninitialised_use 'depends on uninitialised value'
finds iobuf_use_after_put 'Invalid write of size 1' \
    '2,048 bytes inside a block of size 4,096 free'
finds iobuf_small_use_after_put 'Invalid write of size 1'
finds iobuf_large_use_after_put 'Invalid write of size 1'
finds iobuf_uninitialised_use 'depends on uninitialised value'

# Blocks that only other lost ones point to are not told of: doc/memory.md.
watch leak --leak-check=full
grep -qE 'definitely lost: .* in ([89]|10) blocks' "$tmp/leak" ||
    fail "not told of as lost"
exit $bad
