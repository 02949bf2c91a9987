/* SPDX-License-Identifier: BSD-2-Clause */
/* stat, setattr, statfs. */
#define LOG_DOMAIN "posix"
#include "server/posix/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "mem/must.h"

int
posix_iatt(struct posix *px, struct inode *inode, struct fd *fd,
           struct iatt *stat)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    int err = posix_ref_get(px, inode, fd, &ref);

    return err < 0 ? err : posix_iatt_ref(px, inode, ref.fd, stat);
}

int
posix_stat(struct posix_call *c, struct inode *inode, struct fd *fd,
           struct iatt *stat)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    int err = posix_ref_get(c->px, inode, fd, &ref);

    if (err == 0)
        err = posix_iatt_ref(c->px, inode, ref.fd, stat);
    if (err < 0)
        return err;
    ops_reply_as_asked(c);
    return content_answer(c, inode, ref.fd, stat, c->xdata, fd == NULL,
                          c->reply);
}

static int
set_owner(int fd, const struct iatt *set, uint32_t valid)
{
    uid_t uid = (valid & SETATTR_UID) != 0 ? set->uid : (uid_t)-1;
    gid_t gid = (valid & SETATTR_GID) != 0 ? set->gid : (gid_t)-1;

    return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static int
set_mode(struct posix *px, int fd, uint32_t type, uint32_t mode, bool by_fd)
{
    bool dir = type == S_IFDIR && !by_fd; /* as on the peer */
    uint32_t mask = (uint32_t)options_number(
        px->options, dir ? OPT_CREATE_DIRECTORY_MASK : OPT_CREATE_MASK);
    uint32_t force = (uint32_t)options_number(
        px->options, dir ? OPT_FORCE_DIRECTORY_MODE : OPT_FORCE_CREATE_MODE);
    char path[POSIX_PROC_PATH_BYTES];

    if (type == S_IFLNK)
        return 0; /* it has none that matters */
    mode = (mode & 07000) | (mode & 0777 & mask) | force;
    return chmod(posix_proc_path(fd, path), mode) < 0 ? -errno : 0;
}

static int
set_times(int fd, const struct iatt *set, uint32_t valid)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_nsec = UTIME_OMIT}};

    /* The special values of utimensat() are not for clients. */
    if ((valid & SETATTR_ATIME) != 0) {
        if (set->atime.tv_nsec < 0 || set->atime.tv_nsec > 999999999)
            return -EINVAL;
        times[0] = set->atime;
    }
    if ((valid & SETATTR_MTIME) != 0) {
        if (set->mtime.tv_nsec < 0 || set->mtime.tv_nsec > 999999999)
            return -EINVAL;
        times[1] = set->mtime;
    }
    return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* Owner first: it takes the set-id bits away. */
static int
set_all(struct posix_call *c, struct inode *inode, int fd, bool by_fd,
        const struct iatt *set, uint32_t valid, uint32_t type)
{
    int err = 0;

    if ((valid & (SETATTR_UID | SETATTR_GID)) != 0 || valid == 0)
        err = set_owner(fd, set, valid);
    if (err == 0 && (valid & SETATTR_MODE) != 0) {
        err = set_mode(c->px, fd, type, set->mode, by_fd);
        /* The kernel brings the ACL's entries in line. */
        posix_acl_changed(inode);
    }
    if (err == 0 && (valid & (SETATTR_ATIME | SETATTR_MTIME)) != 0)
        err = set_times(fd, set, valid);
    return err;
}

int
posix_setattr(struct posix_call *c, struct inode *inode, struct fd *fd,
              const struct iatt *set, uint32_t valid, struct iatt *pre,
              struct iatt *post)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    struct posix *px = c->px;
    int err = posix_ref_get(px, inode, fd, &ref);

    if (err == 0)
        err = posix_iatt_ref(px, inode, ref.fd, pre);
    if (err == 0)
        err = set_all(c, inode, ref.fd, fd != NULL, set, valid,
                      pre->mode & S_IFMT);
    if (err < 0)
        return err;
    posix_mdata_apply(px, c->caller, inode, ref.fd, false);
    posix_mdata_setattr(px, c->caller, inode, ref.fd, set, valid);
    err = posix_iatt_ref(px, inode, ref.fd, post);
    if (err < 0)
        return err;
    ops_reply_as_asked(c);
    err = content_answer(c, inode, ref.fd, post, c->xdata, fd == NULL,
                         c->reply);
    /* They are set by now; without memory nothing else is told. */
    if (err == -ENOMEM) {
        c->reply->count = 0;
        err = 0;
    }
    return err;
}

int
posix_statfs(struct posix_call *c, struct inode *inode, struct statvfs *out)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    int err = posix_ref_get(c->px, inode, NULL, &ref);

    if (err < 0)
        return err;
    if (fstatvfs(ref.fd, out) < 0)
        return -errno;
    posix_reserve_statfs(c->px, out);
    return 0;
}
