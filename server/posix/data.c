/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading, writing, truncating, syncing. */
#define LOG_DOMAIN "posix"
#include "server/posix/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"

MEM_TYPE(mt_bounce, "server.posix", "write bounce");

enum { READ_BYTES_MAX = 16 << 20 };

/* --- read --- */

/* Would anything but the read itself have to touch the disk? */
static bool
read_may_block(struct posix_call *c, struct inode *inode)
{
    bool known;

    if (!options_bool(c->px->options, OPT_CTIME))
        return false;
    if ((c->caller->time_flags &
         (CALLER_CTIME | CALLER_MTIME | CALLER_ATIME)) != 0)
        return true;
    mutex_lock(&inode->mtx);
    known = inode->mdata_known;
    mutex_unlock(&inode->mtx);
    return !known;
}

static ssize_t
read_once(struct fd *fd, struct iovec *iov, uint64_t offset, bool nowait)
{
    ssize_t n;

    do {
        n = preadv2(fd->os_fd, iov, 1, (off_t)offset, nowait ? RWF_NOWAIT : 0);
    } while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    if (nowait && (errno == EOPNOTSUPP || errno == ENOSYS))
        return -EAGAIN;
    return -errno;
}

int64_t
posix_readv(struct posix_call *c, struct fd *fd, uint64_t offset,
            uint32_t size, bool nowait, struct iobuf **bufp,
            struct iatt *stat, bool *eof)
{
    struct inode *inode = fd->inode;
    struct iobuf *buf;
    struct iovec iov;
    struct stat st;
    ssize_t n;
    int err;

    OBJ_CHECK(fd, FD_MAGIC);
    if (size == 0 || ops_range_check(offset, size) < 0)
        return -EINVAL;
    if (inode_type(inode) == S_IFDIR)
        return -EISDIR;
    if (size > READ_BYTES_MAX)
        size = READ_BYTES_MAX;
    if (nowait && read_may_block(c, inode))
        return -EAGAIN;
    buf = iobuf_new(size);
    if (buf == NULL)
        return -ENOMEM;
    iov = (struct iovec){.iov_base = buf->data, .iov_len = size};
    n = read_once(fd, &iov, offset, nowait);
    err = n < 0 ? (int)n : 0;
    if (err == 0) {
        posix_mdata_apply(c->px, c->caller, inode, fd->os_fd, false);
        err = fstat(fd->os_fd, &st) < 0 ? -errno : 0;
    }
    /* Less than asked for and more to come: the rest was not in memory. */
    if (err == 0 && nowait && (size_t)n < size &&
        offset + (uint64_t)n < (uint64_t)st.st_size)
        err = -EAGAIN;
    if (err < 0) {
        iobuf_put(buf);
        return err;
    }
    posix_iatt_fill(c->px, inode, fd->os_fd, &st, stat);
    *eof = offset + (uint64_t)n >= (uint64_t)st.st_size;
    *bufp = buf;
    return n;
}

/* --- write --- */

static int64_t
write_all(int fd, const uint8_t *data, uint32_t size, uint64_t offset)
{
    uint32_t done = 0;

    while (done < size) {
        ssize_t n = pwrite(fd, data + done, size - done,
                           (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return done > 0 ? (int64_t)done : -errno;
        if (n == 0)
            break;
        done += (uint32_t)n;
    }
    return done;
}

/* O_DIRECT wants memory on a page's border. */
static int64_t
write_direct(int fd, const void *data, uint32_t size, uint64_t offset)
{
    AUTO_FREE uint8_t *bounce = NULL;

    if ((uintptr_t)data % IOBUF_ALIGN == 0)
        return write_all(fd, data, size, offset);
    bounce = mem_alloc_aligned(&mt_bounce, IOBUF_ALIGN, size);
    if (bounce == NULL)
        return -ENOMEM;
    memcpy(bounce, data, size);
    return write_all(fd, bounce, size, offset);
}

/* Marks that rebalance keeps on a file which it is moving. */
static int
write_marks(struct posix_call *c, int fd)
{
    static const char mark[] = "trusted.glusterfs.protect.writes";
    const struct dict_pair *p = dict_find(c->xdata, mark);
    const uint8_t *value;
    uint32_t bytes;
    ssize_t n;
    int err;

    if (p != NULL) {
        err = dict_pair_stored(p, c->arena, &value, &bytes);
        if (err == 0)
            err = posix_fsetxattr(fd, mark, value, bytes, 0);
        if (err < 0)
            return err;
    }
    if (!ops_asked(c, "glusterfs.avoid.overwrite"))
        return 0;
    n = posix_fgetxattr(fd, mark, NULL, 0);
    if (n >= 0)
        return -EBUSY;
    return n == -ENODATA ? 0 : (int)n;
}

static int
write_reply(struct posix_call *c, struct fd *fd, bool is_append)
{
    int err = 0;

    ops_reply_as_asked(c);
    if (ops_asked(c, "glusterfs.write-is-append"))
        err = dict_set_u64(c->reply, "glusterfs.write-is-append", is_append);
    if (err == 0 && ops_asked(c, "glusterfs.open-fd-count"))
        err = dict_set_u64(c->reply, "glusterfs.open-fd-count",
                           fd->inode->fd_count);
    if (err == 0 && ops_asked(c, "glusterfs.open-active-fd-count"))
        err = dict_set_u64(c->reply, "glusterfs.open-active-fd-count",
                           fd->inode->active_fd_count);
    return err;
}

static bool
write_is_atomic(const struct posix_call *c)
{
    return ops_asked(c, "glusterfs.write-is-append") ||
           ops_asked(c, "glusterfs.write-update-atomic");
}

static int64_t
write_synced(struct fd *fd, uint64_t offset, const void *data, uint32_t size,
             int flags)
{
    bool direct = ((fd->flags | flags) & O_DIRECT) != 0;
    int64_t n = direct ? write_direct(fd->os_fd, data, size, offset)
                       : write_all(fd->os_fd, data, size, offset);

    if (n >= 0 && (flags & (O_SYNC | O_DSYNC)) != 0 && fsync(fd->os_fd) < 0)
        return -errno;
    return n;
}

int64_t
posix_writev(struct posix_call *c, struct fd *fd, uint64_t offset,
             const void *data, uint32_t size, int flags, struct iatt *pre,
             struct iatt *post)
{
    struct change ch;
    bool is_append;
    int64_t n;
    int err;

    OBJ_CHECK(fd, FD_MAGIC);
    if (ops_range_check(offset, size) < 0)
        return -EINVAL; /* whichever it is, as pwrite(2) has it */
    if (inode_type(fd->inode) == S_IFDIR)
        return -EBADF;
    err = ops_reserve_inside(c, fd->os_fd, offset, size);
    if (err == 0)
        err = write_marks(c, fd->os_fd);
    if (err == 0)
        err = change_begin(&ch, c, fd->inode, fd->os_fd, write_is_atomic(c),
                           pre);
    if (err < 0)
        return err;
    is_append = offset == pre->size || (fd->flags & O_APPEND) != 0;
    err = write_reply(c, fd, is_append);
    n = err < 0 ? err : write_synced(fd, offset, data, size, flags);
    err = change_end(&ch, n < 0 ? (int)n : 0, post);
    return err < 0 ? err : n;
}

/* --- truncate --- */

int
posix_truncate(struct posix_call *c, struct inode *inode, struct fd *fd,
               uint64_t size, struct iatt *pre, struct iatt *post)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    char path[POSIX_PROC_PATH_BYTES];
    struct change ch;
    int err, ret;

    if (size > INT64_MAX)
        return -EINVAL;
    if (inode_type(inode) == S_IFDIR)
        return -EISDIR;
    if (inode_type(inode) != S_IFREG && inode_type(inode) != 0)
        return -EINVAL;
    err = posix_ref_get(c->px, inode, fd, &ref);
    if (err == 0)
        err = change_begin(&ch, c, inode, ref.fd, false, pre);
    if (err < 0)
        return err;
    do {
        ret = fd != NULL ? ftruncate(ref.fd, (off_t)size)
                         : truncate(posix_proc_path(ref.fd, path),
                                    (off_t)size);
    } while (ret < 0 && errno == EINTR);
    return change_end(&ch, ret < 0 ? -errno : 0, post);
}

/* --- sync --- */

int
posix_flush(struct posix_call *c, struct fd *fd)
{
    OBJ_CHECK(fd, FD_MAGIC);
    return 0; /* nothing is kept back here */
}

int
posix_fsync(struct posix_call *c, struct fd *fd, bool datasync,
            struct iatt *pre, struct iatt *post)
{
    int err;

    OBJ_CHECK(fd, FD_MAGIC);
    err = posix_iatt_ref(c->px, fd->inode, fd->os_fd, pre);
    if (err < 0)
        return err;
    if ((datasync ? fdatasync(fd->os_fd) : fsync(fd->os_fd)) < 0)
        return -errno;
    return posix_iatt_ref(c->px, fd->inode, fd->os_fd, post);
}
