/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Space kept free on the brick.  The file system is asked each time: the write
 * that would cross the line is the one refused, not whichever comes some
 * seconds later.
 */
#include "server/posix/internal.h"

#include <errno.h>

#include "mem/must.h"

/* Units of f_frsize to be kept free. */
static uint64_t
reserve_blocks(struct posix *px, const struct statvfs *sv)
{
    double percent = 0;
    uint64_t bytes = 0;

    if (options_percent_or_size(px->options, OPT_RESERVE, &percent, &bytes))
        return (uint64_t)((double)sv->f_blocks * percent / 100 + 0.5);
    if (sv->f_frsize == 0)
        return 0;
    return bytes / sv->f_frsize + (bytes % sv->f_frsize != 0);
}

int
posix_reserve_check(struct posix_call *c, uint64_t more)
{
    struct posix *px = c->px;
    uint64_t blocks, more_blocks;
    struct statvfs sv;

    if (caller_is_internal(c->caller) || c->caller->internal_fop)
        return 0;
    if (fstatvfs(px->root_fd, &sv) < 0)
        return -errno;
    blocks = reserve_blocks(px, &sv);
    if (blocks == 0 || sv.f_frsize == 0)
        return 0;
    more_blocks = more / sv.f_frsize + (more % sv.f_frsize != 0);
    if (sv.f_bfree <= blocks || sv.f_bfree - blocks < more_blocks)
        return -ENOSPC;
    return 0;
}

void
posix_reserve_statfs(struct posix *px, struct statvfs *sv)
{
    uint64_t blocks = reserve_blocks(px, sv);
    int64_t sharers = options_number(px->options, OPT_SHARED_BRICK_COUNT);

    if (!options_bool(px->options, OPT_EXPORT_STATFS_SIZE)) {
        sv->f_blocks = sv->f_bfree = sv->f_bavail = 0;
        return;
    }
    sv->f_bfree = sv->f_bfree > blocks ? sv->f_bfree - blocks : 0;
    if (sv->f_bavail > sv->f_bfree)
        sv->f_bavail = sv->f_bfree;
    if (sharers > 1) {
        sv->f_blocks /= (uint64_t)sharers;
        sv->f_bfree /= (uint64_t)sharers;
        sv->f_bavail /= (uint64_t)sharers;
    }
}
