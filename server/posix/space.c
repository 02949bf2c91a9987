/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of a file: allocate, punch, zero, look for holes, copy. */
#define LOG_DOMAIN "posix"
#include "server/posix/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "mem/must.h"

enum { ZERO_CHUNK_BYTES = 1 << 20 };

static bool
is_atomic(const struct posix_call *c)
{
    return ops_asked(c, "glusterfs.write-update-atomic");
}

static int
file_range_check(const struct fd *fd, uint64_t offset, uint64_t size)
{
    OBJ_CHECK(fd, FD_MAGIC);
    if (inode_type(fd->inode) == S_IFDIR)
        return -EBADF;
    return ops_range_check(offset, size);
}

static int
allocate(int fd, int mode, uint64_t offset, uint64_t size)
{
    int ret;

    do {
        ret = fallocate(fd, mode, (off_t)offset, (off_t)size);
    } while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : 0;
}

int
posix_allocate(struct posix_call *c, struct fd *fd, bool keep_size,
               uint64_t offset, uint64_t size, struct iatt *pre,
               struct iatt *post)
{
    struct change ch;
    int err = file_range_check(fd, offset, size);

    if (err == 0)
        err = ops_reserve_inside(c, fd->os_fd, offset, size);
    if (err == 0)
        err = change_begin(&ch, c, fd->inode, fd->os_fd, is_atomic(c), pre);
    if (err < 0)
        return err;
    err = allocate(fd->os_fd, keep_size ? FALLOC_FL_KEEP_SIZE : 0, offset,
                   size);
    return change_end(&ch, err, post);
}

int
posix_discard(struct posix_call *c, struct fd *fd, uint64_t offset,
              uint64_t size, struct iatt *pre, struct iatt *post)
{
    struct change ch;
    int err = file_range_check(fd, offset, size);

    if (err == 0)
        err = posix_reserve_check(c, 0);
    if (err == 0)
        err = change_begin(&ch, c, fd->inode, fd->os_fd, is_atomic(c), pre);
    if (err < 0)
        return err;
    err = allocate(fd->os_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                   offset, size);
    return change_end(&ch, err, post);
}

/* Where the file system cannot.  The space is taken first, so that a full disk
 * shows before anything is written. */
static int
write_zeros(struct fd *fd, uint64_t offset, uint64_t size)
{
    struct iobuf *buf;
    int err;

    err = allocate(fd->os_fd, FALLOC_FL_KEEP_SIZE, offset, size);
    if (err < 0 && err != -EOPNOTSUPP)
        return err;
    buf = iobuf_new(ZERO_CHUNK_BYTES);
    if (buf == NULL)
        return -ENOMEM;
    err = 0;
    memset(buf->data, 0, ZERO_CHUNK_BYTES);
    while (size > 0) {
        size_t part = size < ZERO_CHUNK_BYTES ? size : ZERO_CHUNK_BYTES;
        ssize_t n = pwrite(fd->os_fd, buf->data, part, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            err = n < 0 ? -errno : -EIO;
            break;
        }
        offset += (uint64_t)n;
        size -= (uint64_t)n;
    }
    iobuf_put(buf);
    if (err == 0 && (fd->flags & (O_SYNC | O_DSYNC)) != 0 &&
        fsync(fd->os_fd) < 0)
        err = -errno;
    return err;
}

int
posix_zerofill(struct posix_call *c, struct fd *fd, uint64_t offset,
               uint64_t size, struct iatt *pre, struct iatt *post)
{
    struct change ch;
    int err = file_range_check(fd, offset, size);

    if (err == 0)
        err = ops_reserve_inside(c, fd->os_fd, offset, size);
    if (err == 0)
        err = change_begin(&ch, c, fd->inode, fd->os_fd, is_atomic(c), pre);
    if (err < 0)
        return err;
    err = allocate(fd->os_fd, FALLOC_FL_ZERO_RANGE, offset, size);
    if (err == -EOPNOTSUPP)
        err = write_zeros(fd, offset, size);
    return change_end(&ch, err, post);
}

int
posix_seek(struct posix_call *c, struct fd *fd, uint64_t offset, int what,
           uint64_t *result)
{
    off_t at;

    OBJ_CHECK(fd, FD_MAGIC);
    if (what != SEEK_DATA && what != SEEK_HOLE)
        return -ENOTSUP;
    if (offset > INT64_MAX)
        return -ENXIO; /* past the end of any file */
    if (inode_type(fd->inode) == S_IFDIR)
        return -EINVAL; /* it would move the listing's position */
    at = lseek(fd->os_fd, (off_t)offset, what);
    if (at < 0)
        return -errno;
    *result = (uint64_t)at;
    return 0;
}

int64_t
posix_copy_file_range(struct posix_call *c, struct fd *in, uint64_t off_in,
                      struct fd *out, uint64_t off_out, uint32_t size,
                      struct iatt *src, struct iatt *predst,
                      struct iatt *postdst)
{
    loff_t from = (loff_t)off_in, to = (loff_t)off_out;
    struct change ch;
    ssize_t n;
    int err = file_range_check(in, off_in, size);

    if (err == 0)
        err = file_range_check(out, off_out, size);
    if (err == 0)
        err = posix_reserve_check(c, size);
    if (err == 0)
        err = change_begin(&ch, c, out->inode, out->os_fd, is_atomic(c),
                           predst);
    if (err < 0)
        return err;
    do {
        n = copy_file_range(in->os_fd, &from, out->os_fd, &to, size, 0);
    } while (n < 0 && errno == EINTR);
    err = change_end(&ch, n < 0 ? -errno : 0, postdst);
    if (err == 0)
        err = posix_iatt_ref(c->px, in->inode, in->os_fd, src);
    return err < 0 ? err : n;
}
