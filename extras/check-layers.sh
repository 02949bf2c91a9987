#!/bin/sh
# The layering: mem <- rpc, iothreads <- server <- cli, and inside server/
# core <- inode <- lock, posix <- heal; those, wire and stage <- fop <- admin <- top.
# Fails on an include against the arrows.
set -u
cd "${1:-.}" || exit 1
bad=0

# allow FOLDER-PATTERN-OF-FILES ALLOWED-PREFIXES...
check() {
    files=$1
    shift
    for f in $files; do
        [ -f "$f" ] || continue
        sed -n 's/^#include "\([^"]*\)".*/\1/p' "$f" | while read -r inc; do
            case $inc in config.h) continue ;; esac
            ok=
            for p in "$@"; do
                case $inc in "$p"*) ok=1 ;; esac
            done
            [ -n "$ok" ] || echo "$f includes $inc"
        done
    done
}

out=$(
    check "mem/*.[ch]" mem/
    check "rpc/*.[ch]" mem/ rpc/
    check "iothreads/*.[ch]" mem/ iothreads/
    check "server/core/*.[ch]" mem/ server/core/
    check "server/inode/*.[ch]" mem/ server/core/ server/inode/
    check "server/lock/*.[ch]" mem/ server/core/ server/inode/ server/lock/
    check "server/posix/*.[ch]" mem/ server/core/ server/inode/ server/posix/
    check "server/heal/*.[ch]" mem/ server/core/ server/inode/ server/posix/ \
        server/heal/
    check "server/stage/*.[ch]" mem/ rpc/auth.h server/core/ server/stage/
    check "server/wire/*.[ch]" mem/ rpc/ iothreads/work.h server/core/ \
        server/wire/
    check "server/fop/*.[ch]" mem/ rpc/ iothreads/ server/core/ \
        server/inode/ server/lock/ server/posix/ server/heal/ server/stage/ \
        server/wire/ server/fop/
    check "server/admin/*.[ch]" mem/ rpc/ iothreads/ server/core/ \
        server/inode/ server/lock/ server/posix/ server/heal/ server/stage/ \
        server/wire/ server/fop/ server/admin/
    check "server/*.[ch]" mem/ rpc/ iothreads/ server/
    check "cli/*.[ch]" mem/ server/ cli/
)
if [ -n "$out" ]; then
    echo "$out"
    bad=1
fi
# libtirpc has a folder rpc/ too, which our sources name with <>.
if grep -nE '\b(malloc|calloc|realloc|strdup|strndup|asprintf|free)\(' \
    rpc/*.[ch] iothreads/*.[ch] server/*.[ch] server/*/*.[ch] cli/*.[ch] \
    2> /dev/null | grep -vE 'mem_|json|log_back|_free\(|/\*|^\S+:\s+\*'; then
    echo "bare allocation outside mem/"
    bad=1
fi
[ $bad -eq 0 ] && echo "layers: every include goes with the arrows"
exit $bad
