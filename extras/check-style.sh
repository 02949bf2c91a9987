#!/bin/sh
# What a formatter does not see: lines over 80 columns, tabs, trailing blanks,
# missing licence lines, files over 900 lines, marks left behind.
set -u
cd "${1:-.}" || exit 1
bad=0
files=$(find mem rpc iothreads server cli tests -name '*.[ch]' | sort)

for f in $files; do
    head -n 1 "$f" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' ||
        { echo "$f: no licence line"; bad=1; }
    lines=$(wc -l < "$f")
    case $f in tests/*) max=1000 ;; *) max=900 ;; esac
    [ "$lines" -le $max ] || { echo "$f: $lines lines"; bad=1; }
done
case $files in *option_list.h*) ;; *) echo "no option table"; bad=1 ;; esac
# Tables are wider than text on purpose.
text=$(echo "$files" | grep -vE '_list\.h$')
# shellcheck disable=SC2086
{
    grep -nE '	' $text && { echo "tabs"; bad=1; }
    grep -nE ' +$' $files && { echo "trailing blanks"; bad=1; }
    grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $files && { echo "marks"; bad=1; }
    # Drawings have characters of several bytes: count characters.
    perl -CSD -ne 'chomp; if (length > 80) { print "$ARGV:$.: ",
        length, " columns\n"; $n++ } close ARGV if eof;
        END { exit($n > 0) }' $text || bad=1
}
[ $bad -eq 0 ] && echo "style: nothing to say"
exit $bad
