/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening.  An object is looked at through an O_PATH descriptor first and
 * opened through that: what is opened is what was looked at, and devices never
 * are.  A fifo opens without waiting for its other end.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

/* The last reference to an fd of an unlinked object takes the object along. */
static void
fd_released(void *arg, struct fd *fd)
{
    struct posix *px = arg;
    struct inode *inode = fd->inode;
    int err;

    OBJ_CHECK(px, POSIX_MAGIC);
    /* Without the mutex: our count went down before we look, and whoever
     * unlinks looks at the count again after it has set this. */
    if (!inode->unlinked)
        return;
    MUTEX_SCOPE(&inode->write_mtx);
    if (!inode->unlinked || inode->fd_count > 0)
        return;
    err = handle_aside_remove(px, &inode->gfid);
    if (err < 0)
        log_warning("remove unlinked gfid=%s: %s", gfid_str(&inode->gfid),
                    strerror(-err));
    inode_forget(inode);
}

int
ops_fd_new(struct posix_call *c, struct inode *inode, int os_fd, int flags,
           const void *client, bool anonymous, struct fd **fdp)
{
    struct fd *fd;

    if (options_bool(c->px->options, OPT_O_DIRECT_ALWAYS))
        flags |= O_DIRECT;
    fd = fd_new(inode, os_fd, flags, c->caller->pid, client, anonymous);
    if (fd == NULL)
        return -ENOMEM;
    fd->release = fd_released;
    fd->release_arg = c->px;
    *fdp = fd;
    return 0;
}

int
ops_open_flags(const struct posix *px, int flags)
{
    enum {
        PASSED = O_ACCMODE | O_APPEND | O_TRUNC | O_SYNC | O_DSYNC | O_DIRECT |
                 O_NOATIME,
    };

    flags &= PASSED;
    if ((flags & O_ACCMODE) == O_ACCMODE) /* what open(2) calls invalid */
        flags = (flags & ~O_ACCMODE) | O_RDWR;
    if (options_bool(px->options, OPT_O_DIRECT_ALWAYS))
        flags |= O_DIRECT;
    return flags;
}

int
ops_reopen(int ref_fd, int flags)
{
    char path[POSIX_PROC_PATH_BYTES];
    struct stat st;
    int fd;

    if (fstat(ref_fd, &st) < 0)
        return -errno;
    if (S_ISLNK(st.st_mode))
        return -ELOOP;
    if (S_ISDIR(st.st_mode)) {
        if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0)
            return -EISDIR;
        flags &= ~O_DIRECT;
    } else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
        return -EINVAL;
    }
    do {
        fd = open(posix_proc_path(ref_fd, path),
                  flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    } while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

/* By a descriptor of its own, which closes at once. */
static int
truncate_opened(int ref_fd, int flags)
{
    AUTO_CLOSE int fd = ops_reopen(ref_fd, flags);

    return fd < 0 ? fd : 0;
}

int
posix_open_file(struct posix_call *c, struct inode *inode, int flags,
                const void *client, struct fd **fd)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    int pass = ops_open_flags(c->px, flags);
    int err, os_fd;

    if ((flags & O_CREAT) != 0) {
        if ((flags & O_EXCL) != 0)
            return -EEXIST;
        err = posix_reserve_check(c, 0);
        if (err < 0)
            return err;
    }
    err = posix_ref_get(c->px, inode, NULL, &ref);
    if (err < 0)
        return err;
    /* What it has is cut off last, when nothing else can fail. */
    os_fd = ops_reopen(ref.fd, pass & ~O_TRUNC);
    if (os_fd < 0)
        return os_fd;
    err = ops_fd_new(c, inode, os_fd, flags, client, false, fd);
    if (err == 0 && (pass & O_TRUNC) != 0)
        err = truncate_opened(ref.fd, pass);
    if (err < 0) {
        fd_put(*fd);
        *fd = NULL;
        return err;
    }
    posix_mdata_apply(c->px, c->caller, inode, os_fd, false);
    return 0;
}

/* O_RDWR where that is possible. */
static int
anonymous_reopen(int ref_fd, int extra)
{
    int fd = ops_reopen(ref_fd, O_RDWR | (extra & O_DIRECT));

    if (fd == -EISDIR)
        fd = ops_reopen(ref_fd, O_RDONLY);
    return fd;
}

/* An unlinked object that others still have open. */
static int
aside_open(struct posix_call *c, const struct gfid *gfid, struct inode **inode)
{
    AUTO_CLOSE int fd = posix_openat(c->px->unlink_fd, gfid_str(gfid), O_PATH,
                                     0);
    struct gfid own;
    int err;

    if (fd < 0)
        return fd;
    err = posix_gfid_read_fd(fd, &own);
    if (err == -ENODATA || (err == 0 && !gfid_equal(&own, gfid)))
        return -ENOENT;
    if (err < 0)
        return err;
    /* The table keeps it as long as it is open. */
    *inode = inode_find(c->px->table, gfid);
    if (*inode == NULL)
        return -ENOENT;
    err = fd;
    fd = -1;
    return err;
}

int
posix_open_anonymous(struct posix_call *c, const struct gfid *gfid, int extra,
                     struct fd **fdp)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    AUTO_CLOSE int aside = -1;
    struct inode *inode = NULL;
    int err, os_fd;

    if (options_bool(c->px->options, OPT_O_DIRECT_ALWAYS))
        extra |= O_DIRECT;
    err = posix_find(c, gfid, &inode);
    if (err == 0) {
        err = posix_ref_get(c->px, inode, NULL, &ref);
        if (err < 0) {
            inode_put(inode);
            inode = NULL;
        }
    }
    if (err == -ENOENT) {
        aside = aside_open(c, gfid, &inode);
        err = aside < 0 ? aside : 0;
    }
    if (err < 0)
        return err;
    os_fd = anonymous_reopen(aside >= 0 ? aside : ref.fd, extra);
    err = os_fd < 0 ? os_fd
                    : ops_fd_new(c, inode, os_fd, O_RDWR | extra, NULL, true,
                                 fdp);
    inode_put(inode);
    return err;
}
