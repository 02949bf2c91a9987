#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The manual pages are well-formed.
set -u
command -v mandoc > /dev/null || {
    echo "mandoc is not here"
    exit 77
}
bad=0
count=0
for page in "${srcdir:-.}"/doc/*.[1-8]; do
    mandoc -Tlint -Wwarning "$page" || bad=1
    count=$((count + 1))
done
[ "$count" -ge 2 ] || {
    echo "$count manual pages: some are missing"
    bad=1
}
[ $bad -eq 0 ] && echo "man-lint: $count pages, nothing to say"
exit $bad
