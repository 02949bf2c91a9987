#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# fio verifies what it wrote at random places, several jobs, through FUSE.
. "$(dirname "$0")/../lib/functions.sh"
need_fuse
need fio

m=$T/mnt
start_brick b
mount_brick b "$m"

verify() {
    (cd "$T" && fio --name="$1" --directory="$m" --numjobs=4 --size=16m \
        --rw="$2" --bsrange="$3" --ioengine=psync --verify=crc32c \
        --verify_fatal=1 --do_verify=1 --end_fsync=1 --randrepeat=1 \
        --allrandrepeat=1 --group_reporting --minimal "${@:4}")
}
check "random writes of 512 bytes to 64 KiB" verify random randwrite 512-64k
check "sequential writes of 128 KiB" verify sequential write 128k-128k
check "random writes with fsync" verify synced randwrite 4k-16k --fsync=16 \
    --size=4m
check "direct writes" verify direct randwrite 4k-64k --direct=1
unmount "$m"
mount_brick -l "" b "$m"
check "verified again through a mount without caches" verify random \
    randwrite 512-64k --verify_only
check "and written without caches" verify bare randwrite 512-64k
unmount "$m"
brick_is_sound b
done_testing
