/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame of every change of a file's data: attributes before, the change,
 * times, attributes after.
 */
#include "server/posix/ops.h"

#include <errno.h>
#include <string.h>

#include "mem/must.h"

int
change_begin(struct change *ch, struct posix_call *c, struct inode *inode,
             int fd, bool atomic, struct iatt *pre)
{
    int err;

    *ch = (struct change){.c = c, .inode = inode, .fd = fd};
    if (atomic) {
        mutex_lock(&inode->write_mtx);
        ch->locked = true;
    }
    err = posix_iatt_ref(c->px, inode, fd, pre);
    if (err < 0 && atomic)
        mutex_unlock(&inode->write_mtx);
    return err;
}

int
change_end(struct change *ch, int err, struct iatt *post)
{
    if (err == 0) {
        posix_mdata_apply(ch->c->px, ch->c->caller, ch->inode, ch->fd, false);
        err = posix_iatt_ref(ch->c->px, ch->inode, ch->fd, post);
    }
    if (ch->locked)
        mutex_unlock(&ch->inode->write_mtx);
    return err;
}

int
ops_range_check(uint64_t offset, uint64_t size)
{
    if (offset > INT64_MAX || size > INT64_MAX)
        return -EINVAL;
    return offset + size > INT64_MAX ? -EFBIG : 0;
}

int
ops_reserve_inside(struct posix_call *c, int fd, uint64_t offset,
                   uint64_t size)
{
    int err = posix_reserve_check(c, size);
    struct stat st;

    if (err == 0)
        return 0;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size < 0 || offset + size > (uint64_t)st.st_size)
        return err;
    /* Not sparse: it takes no more than it has. */
    return (uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size ? 0 : err;
}
