#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The commands and options in clinkerctl(1) against the program, both ways.
set -u
page=${srcdir:-.}/doc/clinkerctl.1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

ln -s "$PWD/clinkerd" "$tmp/clinkerctl"
"$tmp/clinkerctl" help --list > "$tmp/list" || {
    echo "clinkerctl help --list fails, or there is no ./clinkerd here"
    exit 1
}
# "command config set" and "option -j --json"
sed -n 's/^option \(-[^ ]*\) \(--.*\)$/\1\n\2/p; s/^command //p' \
    "$tmp/list" | sort > "$tmp/program"

# .It Ic config set Ar key value
# .It Fl s Ar path , Fl -socket Ar path
# .It Fl j , -json
awk '$1 == ".It" && $2 == "Ic" {
    name = ""
    for (i = 3; i <= NF && $i != "Ar" && $i != "Op"; i++)
        name = name (name == "" ? "" : " ") $i
    print name
}
$1 == ".It" && $2 == "Fl" {
    for (i = 2; i < NF; i++)
        if ($i == "Fl" || $i == "," && $(i + 1) != "Fl")
            print "-" $(i + 1)
}' "$page" | sort > "$tmp/manual"

[ "$(wc -l < "$tmp/program")" -ge 15 ] || {
    echo "clinkerctl help --list is not understood"
    exit 1
}
if ! diff -u "$tmp/manual" "$tmp/program"; then
    echo "clinkerctl(1) (-) and clinkerctl help --list (+) differ"
    exit 1
fi
# Each command has help of its own, and the exit codes are those of the manual.
sed -n 's/^command //p' "$tmp/list" | while read -r words; do
    # shellcheck disable=SC2086
    "$tmp/clinkerctl" help $words | grep -q "^usage: clinkerctl $words" ||
        exit 1
done || {
    echo "a command has no help"
    exit 1
}
"$tmp/clinkerctl" no-such-command > "$tmp/out" 2>&1
[ $? -eq 2 ] || {
    echo "an unknown command does not exit with 2"
    exit 1
}
"$tmp/clinkerctl" -s "$tmp/none.sock" status > "$tmp/out" 2>&1
[ $? -eq 3 ] || {
    echo "no daemon does not exit with 3"
    exit 1
}
echo "man-clinkerctl: $(wc -l < "$tmp/program") commands and options, all there"
