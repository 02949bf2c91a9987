/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gfids and attributes of open objects.  A handle is one name more than users
 * see, and blocks beyond the size are the file system's own affair.
 */
#include "server/posix/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/must.h"
#include "mem/scope.h"

/* The f-calls refuse O_PATH descriptors.  Through /proc the same object is
 * reached, a symlink too: the link there is not followed any further. */

ssize_t
posix_fgetxattr(int fd, const char *name, void *value, size_t bytes)
{
    char path[POSIX_PROC_PATH_BYTES];
    ssize_t n = fgetxattr(fd, name, value, bytes);

    if (n < 0 && errno == EBADF)
        n = getxattr(posix_proc_path(fd, path), name, value, bytes);
    return n < 0 ? -errno : n;
}

ssize_t
posix_flistxattr(int fd, char *names, size_t bytes)
{
    char path[POSIX_PROC_PATH_BYTES];
    ssize_t n = flistxattr(fd, names, bytes);

    if (n < 0 && errno == EBADF)
        n = listxattr(posix_proc_path(fd, path), names, bytes);
    return n < 0 ? -errno : n;
}

int
posix_fsetxattr(int fd, const char *name, const void *value, size_t bytes,
                int flags)
{
    char path[POSIX_PROC_PATH_BYTES];
    int err = fsetxattr(fd, name, value, bytes, flags);

    if (err < 0 && errno == EBADF)
        err = setxattr(posix_proc_path(fd, path), name, value, bytes, flags);
    return err < 0 ? -errno : 0;
}

int
posix_fremovexattr(int fd, const char *name)
{
    char path[POSIX_PROC_PATH_BYTES];
    int err = fremovexattr(fd, name);

    if (err < 0 && errno == EBADF)
        err = removexattr(posix_proc_path(fd, path), name);
    return err < 0 ? -errno : 0;
}

int
posix_gfid_read_fd(int fd, struct gfid *gfid)
{
    uint8_t value[GFID_BYTES];
    ssize_t n = posix_fgetxattr(fd, POSIX_GFID_XATTR, value, sizeof(value));

    if (n == -ERANGE || (n >= 0 && n != GFID_BYTES))
        return -EIO;
    if (n < 0)
        return (int)n;
    memcpy(gfid->b, value, GFID_BYTES);
    /* Names nothing: as good as none. */
    return gfid_is_null(gfid) ? -ENODATA : 0;
}

int
posix_gfid_read(int dirfd, const char *name, struct gfid *gfid)
{
    AUTO_CLOSE int fd = posix_openat(dirfd, name, O_PATH, 0);

    return fd < 0 ? fd : posix_gfid_read_fd(fd, gfid);
}

void
posix_iatt_plain(const struct gfid *gfid, const struct stat *st,
                 struct iatt *out)
{
    uint64_t size = st->st_size > 0 ? (uint64_t)st->st_size : 0;
    uint64_t whole = size / 512 + (size % 512 != 0);
    uint64_t blocks = st->st_blocks > 0 ? (uint64_t)st->st_blocks : 0;

    memset(out, 0, sizeof(*out));
    out->gfid = *gfid;
    out->flags = IATT_ALL;
    if (gfid_is_null(gfid)) {
        out->flags &= ~(uint64_t)IATT_INO;
        out->ino = UINT64_MAX;
    } else {
        out->ino = gfid_ino(gfid);
    }
    out->dev = st->st_dev;
    out->rdev = ((uint64_t)major(st->st_rdev) << 32) | minor(st->st_rdev);
    out->size = size;
    out->blocks = blocks < whole ? blocks : whole;
    out->atime = st->st_atim;
    out->mtime = st->st_mtim;
    out->ctime = st->st_ctim;
    out->nlink = (uint32_t)st->st_nlink;
    if (!S_ISDIR(st->st_mode) && out->nlink > 0)
        out->nlink--;
    out->uid = st->st_uid;
    out->gid = st->st_gid;
    out->blksize = (uint32_t)st->st_blksize;
    out->mode = st->st_mode;
}

void
posix_iatt_fill(struct posix *px, struct inode *inode, int ref_fd,
                const struct stat *st, struct iatt *out)
{
    struct mdata md;

    posix_iatt_plain(&inode->gfid, st, out);
    if (posix_mdata_get(px, inode, ref_fd, &md) != 1)
        return;
    out->atime = md.atime;
    out->mtime = md.mtime;
    out->ctime = md.ctime;
}

int
posix_iatt_ref(struct posix *px, struct inode *inode, int ref_fd,
               struct iatt *out)
{
    struct stat st;

    if (fstat(ref_fd, &st) < 0)
        return -errno;
    posix_iatt_fill(px, inode, ref_fd, &st, out);
    return 0;
}
