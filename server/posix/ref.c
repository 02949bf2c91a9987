/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors for inodes.  Most are held by their inode from the first use to
 * its end, so that an operation is one system call from where it works; once
 * half of what the process may open is held, further ones live for one use.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mem/must.h"
#include "server/core/log.h"

int
posix_openat(int dirfd, const char *name, int flags, mode_t mode)
{
    /* The kernel answers bits it does not know with EINVAL here, and clients
     * send some. */
    enum {
        KNOWN = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
                O_NONBLOCK | O_SYNC | O_DSYNC | O_DIRECT | O_DIRECTORY |
                O_NOATIME | O_PATH,
        KNOWN_PATH = O_PATH | O_DIRECTORY,
    };
    struct open_how how = {
        .resolve =
            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd;

    flags &= (flags & O_PATH) != 0 ? KNOWN_PATH : KNOWN;
    how.flags = (unsigned)flags | O_NOFOLLOW | O_CLOEXEC;
    if ((flags & O_CREAT) != 0)
        how.mode = mode & 07777;
    do {
        fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
    } while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : (int)fd;
}

char *
posix_proc_path(int fd, char buf[POSIX_PROC_PATH_BYTES])
{
    (void)snprintf(buf, POSIX_PROC_PATH_BYTES, "/proc/self/fd/%d", fd);
    return buf;
}

void
posix_ref_offer(struct posix *px, struct inode *inode, int fd,
                const struct stat *st, struct posix_ref *ref)
{
    ref->holder = NULL;
    ref->owned = true;
    ref->fd = fd;
    if (inode_table_path_fds(px->table) >= px->path_fds_max) {
        inode_disk_set(inode, st);
        return;
    }
    /* Two may pass at once: the limit is a fence far from the edge. */
    ref->holder = inode_path_fd_set(inode, fd, st);
    if (ref->holder == NULL)
        return;
    ref->owned = false;
    ref->fd = ref->holder->fd;
}

int
posix_ref_get(struct posix *px, struct inode *inode, struct fd *fd,
              struct posix_ref *ref)
{
    struct stat st;
    int err, opened;

    OBJ_CHECK(inode, INODE_MAGIC);
    ref->owned = false;
    ref->holder = NULL;
    ref->fd = -1;
    if (fd != NULL) {
        OBJ_CHECK(fd, FD_MAGIC);
        ref->fd = fd->os_fd;
        return 0;
    }
    if (gfid_is_root(&inode->gfid)) {
        ref->fd = px->root_fd;
        return 0;
    }
    if (inode->unlinked)
        return -ENOENT;
    ref->holder = inode_path_fd_get(inode);
    if (ref->holder != NULL) {
        ref->fd = ref->holder->fd;
        return 0;
    }
    err = handle_open(px, &inode->gfid, &opened, &st, NULL);
    if (err < 0)
        return err;
    posix_ref_offer(px, inode, opened, &st, ref);
    return 0;
}

int
posix_dir_ref(struct posix *px, struct inode *dir, struct posix_ref *ref)
{
    uint32_t type = inode_type(dir);

    if (type != 0 && type != S_IFDIR) {
        ref->owned = false;
        ref->holder = NULL;
        ref->fd = -1;
        return -ENOTDIR;
    }
    return posix_ref_get(px, dir, NULL, ref);
}

void
posix_ref_put(struct posix_ref *ref)
{
    if (ref->holder != NULL)
        inode_fd_holder_put(ref->holder);
    else if (ref->owned)
        (void)close(ref->fd);
    ref->holder = NULL;
    ref->owned = false;
    ref->fd = -1;
}

void
posix_ref_forget(struct inode *inode)
{
    inode_path_fd_drop(inode, true);
}
