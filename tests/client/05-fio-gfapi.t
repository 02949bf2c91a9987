#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# fio verifies what it wrote through libgfapi.  Its engine asks a management
# daemon for the volume; a small stand-in answers.
. "$(dirname "$0")/../lib/functions.sh"
need fio python3
fio --enghelp 2>/dev/null | grep -qw gfapi || skip_all "fio with gfapi"

start_brick b
client_volfile b "$T/volume" $LAYERS
python3 "$lib/getspec.py" "$T/volume" &
background+=($!)
wait_until 10 port_open 24007 || bail "no stand-in on port 24007"

verify() {
    (cd "$T" && fio --name="$1" --ioengine="$2" --volume=t \
        --brick=127.0.0.1 --thread --numjobs=2 --size=16m --rw=randwrite \
        --bsrange=4k-64k --verify=crc32c --verify_fatal=1 --do_verify=1 \
        --randrepeat=1 --allrandrepeat=1 --group_reporting --minimal \
        "${@:3}")
}
check "random writes, gfapi" verify sync gfapi
check "random writes, gfapi_async" verify async gfapi_async --iodepth=16
check "the files are on the brick" test -s "$T/b/sync.0.0"
brick_is_sound b
done_testing
