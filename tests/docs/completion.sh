#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# bash completes every command and option of clinkerctl, and nothing else.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=/dev/null
. "${srcdir:-.}/extras/clinkerctl.bash-completion"

ln -s "$PWD/clinkerd" "$tmp/clinkerctl"
"$tmp/clinkerctl" help --list > "$tmp/list" || {
    echo "clinkerctl help --list fails, or there is no ./clinkerd here"
    exit 1
}

# complete WORD...: what the last word may become
complete_words() {
    COMP_WORDS=(clinkerctl "$@")
    COMP_CWORD=$#
    _clinkerctl
    printf '%s\n' "${COMPREPLY[@]}"
}

{
    for first in $(complete_words ''); do
        case $first in
        volume | config | log | memory)
            [ "$first" != memory ] || echo "command $first"
            for second in $(complete_words "$first" ''); do
                echo "command $first $second"
            done
            ;;
        statedump)
            echo "command $first"
            complete_words "$first" '' | grep -x diff |
                sed "s/^/command $first /"
            ;;
        *) echo "command $first" ;;
        esac
    done
    complete_words - | paste -d ' ' - - | sed 's/^/option /'
} | sort > "$tmp/completed"
if ! sort "$tmp/list" | diff -u - "$tmp/completed"; then
    echo "clinkerctl help --list (-) and the completion (+) differ"
    exit 1
fi
for word in $(complete_words statedump ''); do
    grep -q "\b$word\b" "${srcdir:-.}/doc/clinkerctl.1" || {
        echo "statedump $word is not in the manual"
        exit 1
    }
done
echo "completion: $(wc -l < "$tmp/completed") commands and options, all there"
