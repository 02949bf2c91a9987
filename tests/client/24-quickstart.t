#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# ./quickstart as somebody runs it, with a mount and where there is no
# /dev/fuse, on a build that is there already and without a network.
. "$(dirname "$0")/../lib/functions.sh"
need glusterfs diff tar awk
need_ours
build=${top_builddir:-$(dirname "$(readlink -f "$BRICK_PROGRAM")")}
[ -f "$build/Makefile" ] || skip_all "a build directory (set top_builddir)"
build=$(cd "$build" && pwd)
# shellcheck source=extras/packages.sh
. "$top_srcdir/extras/packages.sh"

# What would install says so here, and has no network.
mkdir "$T/bin"
for c in apt-get sudo; do
    printf '#!/bin/sh\necho "%s $*" >>"%s"\n' "$c" "$T/installed" \
        >"$T/bin/$c"
done
chmod +x "$T/bin"/*
PATH=$T/bin:$PATH
: >"$T/installed"

missing=$(install_packages "$CLINKER_BUILD_PACKAGES $CLINKER_CLIENT_PACKAGES")
[ -z "$missing" ] || skip_all "packages: ${missing#*installing }"
is "where all packages are there nothing is installed" \
    "$(cat "$T/installed")" ""
install_packages "gcc no-such-package make" >"$T/said"
is "what is missing is told" "$(cat "$T/said")" \
    "== installing no-such-package"
is "and that alone is installed" "$(cat "$T/installed")" \
    "apt-get update -q
apt-get install -y -q --no-install-recommends no-such-package"
: >"$T/installed"

# A tree of all kinds, and not too large.
mkdir -p "$T/tree/empty"
cp -R "$top_srcdir/server" "$top_srcdir/doc" "$T/tree"
ln -s ../nowhere "$T/tree/doc/dangling"
head -c 3000000 /dev/urandom >"$T/tree/large"
names=$(find "$T/tree" | wc -l)
stamp() {
    stat -c '%n %Y %i' "$build"/{Makefile,config.status,config.h}
}
stamp >"$T/before"

# Names of what runs here, the sandbox has its own process numbers.
processes() {
    local p
    for p in /proc/[0-9]*/comm; do
        cat "$p" 2>/dev/null
    done | grep -E '^(clinkerd|gluster.*|quickstart)$'
}
none_left() {
    [ -z "$(processes)" ]
}

# nothing_left WHERE OUTPUT
nothing_left() {
    local work
    work=$(sed -n 's/^3\. clinkerd on \(.*\)\/brick$/\1/p' "$2")
    check "$1: no process is left" wait_until 20 none_left
    is "$1: no mount is left" "$(grep clinker-quickstart /proc/mounts)" ""
    check "$1: it worked in a directory of its own" test -n "$work"
    check "$1: which is gone" test ! -e "$work"
}

# quickstart WHERE OUTPUT LINE...: runs it to its end; the lines are patterns
# of what it must print, in their order.
quickstart() {
    local where=$1 out=$2 status at=0 line
    shift 2
    CLINKER_ONCE=1 CLINKER_BUILD=$build CLINKER_TREE=$T/tree \
        timeout 120 "$top_srcdir/quickstart" >"$out" 2>"$out.err" </dev/null
    status=$?
    is "$where: exit status" $status 0 || not_ok "$where: $(tail -n 20 "$out")"
    is "$where: nothing on stderr" "$(cat "$out.err")" ""
    for line in "$@"; do
        at=$(awk -v from="$at" -v line="$line" \
            'NR > from && $0 ~ line { print NR; exit }' "$out")
        if [ -z "$at" ]; then
            not_ok "$where: it prints: $line" "$(cat "$out")"
            break
        fi
    done
    [ -z "$at" ] || ok "$where: it prints each step"
    is "$where: ten types, the largest first" \
        "$(grep -cE '^ *[0-9]+ bytes  [a-z.]+ / ' "$out")" 10
    check "$where: in their order" sort -c -rn -k1,1 \
        <(grep -E '^ *[0-9]+ bytes  ' "$out")
    nothing_left "$where" "$out"
}

steps=('^1\. packages$' '^2\. build$'
    '^3\. clinkerd on /var/tmp/clinker-quickstart\.[A-Za-z0-9]+/brick$'
    '^Port +[0-9]+$')
ends=('^5\. copy .*/tree in, compare it back$'
    "^   $names names, no difference\$"
    '^6\. statedump$'
    '^   /var/tmp/clinker-quickstart\.[A-Za-z0-9]+/dumps/.*\.dump\.[0-9]+$'
    '^   the ten largest types:$' '^$')

if [ -c /dev/fuse ]; then
    quickstart "with a mount" "$T/fuse.out" "${steps[@]}" \
        '^4\. mount with the stock client$' "${ends[@]}" \
        '^Serving .*/brick on 127\.0\.0\.1 port [0-9]+, mounted on .*/mnt\.$'
    : >"$T/nofuse"
    mount --bind "$T/nofuse" /dev/fuse || bail "cannot hide /dev/fuse"
else
    ok "with a mount # SKIP needs /dev/fuse"
fi
quickstart "without /dev/fuse" "$T/gfapi.out" "${steps[@]}" \
    '^4\. no /dev/fuse here: a libgfapi program in place of the mount$' \
    "${ends[@]}" '^Serving .*/brick on 127\.0\.0\.1 port [0-9]+\.$'

# Ctrl-C reaches all that the terminal has in the foreground.
CLINKER_BUILD=$build CLINKER_TREE=$T/tree setsid \
    env --default-signal=INT "$top_srcdir/quickstart" >"$T/int.out" 2>&1 \
    </dev/null &
pid=$!
background+=("$pid")
serves() {
    grep -q '^Ctrl-C ends it\.$' "$T/int.out" || ! running "$pid"
}
check "it serves until Ctrl-C" wait_until 60 serves
port=$(sed -n 's/^Serving .* port \([0-9]*\).*/\1/p' "$T/int.out")
check "with its port open" port_open "${port:-0}"
check "and the daemon there" test -n "$(processes | grep clinkerd)"
work=$(sed -n 's/^3\. clinkerd on \(.*\)\/brick$/\1/p' "$T/int.out")
at_rest "$work/clinkerd.sock"
kill -INT -- "-$pid"
wait "$pid"
is "Ctrl-C: exit status" $? 0
nothing_left "Ctrl-C" "$T/int.out"

is "nothing was installed" "$(cat "$T/installed")" ""
stamp >"$T/after"
same "the build directory was used as it is" "$T/before" "$T/after"
[ ! -e "$T/nofuse" ] || umount /dev/fuse
done_testing
