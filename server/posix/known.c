/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an entry to its inode.
 *
 * The table knows objects by gfid, a name leads to an object on disk, and
 * somebody who works on the brick directly may have made them differ.  An inode
 * remembers which object it was last found to be, so that seeing that nothing
 * has changed takes no system call.  Otherwise the handle decides:
 *
 *     leads to the object     it is the inode's object now; an inode that was
 *                             another's before is forgotten with all it holds
 *     leads nowhere           it is made anew (a crash may leave that)
 *     leads to another        the name is a copy, xattrs and all.  It shows
 *                             what it is, as on the stock brick, and can be
 *                             removed or renamed; what is asked by gfid goes to
 *                             the object that the handle leads to
 */
#define LOG_DOMAIN "posix"
#include "server/posix/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "mem/must.h"
#include "server/core/log.h"

/* The name is held: a removal takes the handle first, and must not find it made
 * anew.  -EEXIST: the gfid leads to another object. */
static int
mend_handle(struct posix *px, struct inode *parent, int dirfd,
            const char *name, const struct gfid *gfid, const struct stat *st)
{
    AUTO_NAME struct name_hold hold = {0};
    struct stat now;
    int err;

    name_hold(&hold, parent, name);
    if (fstatat(dirfd, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (now.st_ino != st->st_ino || now.st_dev != st->st_dev)
        return -ENOENT;
    err = handle_make(px, gfid, dirfd, &parent->gfid, name, st);
    if (err == 0 || err == -EEXIST)
        return err;
    if (err == -ESTALE)
        return -ENOENT; /* renamed or removed since we looked */
    log_limited(LOG_LVL_ERROR, 5, "%s in gfid=%s: handle of gfid=%s: %s", name,
                gfid_str(&parent->gfid), gfid_str(gfid), strerror(-err));
    /* On a full or read-only disk it can be read all the same. */
    return 0;
}

/* Does the handle say what it should?  Cheaper to see than to make. */
static bool
handle_is_right(struct posix *px, struct inode *parent, const char *name,
                const struct gfid *gfid, const struct stat *st)
{
    if (S_ISDIR(st->st_mode))
        return handle_dir_is(px, gfid, &parent->gfid, name) == 1;
    return handle_leads_to(px, gfid, st);
}

static int
check_handle(struct posix *px, struct inode *parent, int dirfd,
             const char *name, const struct gfid *gfid, int fd,
             struct stat *st)
{
    int err;

    if (handle_is_right(px, parent, name, gfid, st))
        return 0;
    err = mend_handle(px, parent, dirfd, name, gfid, st);
    if (err < 0)
        return err;
    /* A handle is one more name. */
    return fstat(fd, st) < 0 ? -errno : 0;
}

/* The inode of the object that the gfid's handle leads to.  `inode`, a
 * reference or NULL, is what the table has for the gfid. */
static struct inode *
inode_of(struct posix *px, const struct gfid *gfid, struct inode *inode,
         const struct stat *st)
{
    if (inode != NULL && inode_disk_is(inode, st) == INODE_DISK_OTHER) {
        log_limited(LOG_LVL_NOTICE, 5,
                    "gfid=%s is another object on disk than it was",
                    gfid_str(gfid));
        /* Who has the old one open or locked keeps that. */
        posix_ref_forget(inode);
        inode_forget(inode);
        inode_put(inode);
        inode = NULL;
    }
    if (inode == NULL)
        inode = inode_link(px->table, gfid, st->st_mode & S_IFMT);
    if (inode != NULL)
        inode_disk_set(inode, st);
    return inode;
}

static const char *
path_or_gfid(struct posix_call *c, struct inode *inode)
{
    const char *path;

    return posix_path(c->px, inode, c->arena, &path) == 0
               ? path
               : gfid_str(&inode->gfid);
}

static void
tell_copy(struct posix_call *c, struct inode *parent, const char *name,
          struct inode *inode)
{
    static struct log_limit limit = {.burst = 1};
    const char *dir;
    uint32_t held = 0;

    /* Paths are looked for only if the line is written. */
    if (!log_enabled(LOG_LVL_WARNING) || !log_limit_pass(&limit, &held))
        return;
    dir = path_or_gfid(c, parent);
    log_warning("%s%s%s is a copy, made on the brick, of %s: it has the same "
                "gfid=%s; remove one of them through the volume (%u like this "
                "were held back)",
                dir, strcmp(dir, "/") == 0 ? "" : "/", name,
                path_or_gfid(c, inode), gfid_str(&inode->gfid), held);
}

/* What inodes cache is learned through whatever descriptor is at hand, and that
 * will be the copy's. */
static int
learn(struct posix_call *c, struct inode *inode)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    const uint8_t *acl;
    struct mdata mdata;
    uint32_t bytes;
    int err = posix_ref_get(c->px, inode, NULL, &ref);

    if (err == 0)
        err = posix_mdata_get(c->px, inode, ref.fd, &mdata);
    if (err >= 0)
        err = acl_of(c->px, inode, ref.fd, false, c->arena, &acl, &bytes);
    if (err >= 0)
        err = acl_of(c->px, inode, ref.fd, true, c->arena, &acl, &bytes);
    return err < 0 ? err : 0;
}

/* The gfid's handle leads to something else. */
static int
copy_inode(struct posix_call *c, struct inode *parent, const char *name,
           const struct gfid *gfid, struct inode *inode, const struct stat *st,
           struct inode **out)
{
    struct stat original;
    int err = handle_stat(c->px, gfid, &original);

    if (err == 0 && (original.st_mode & S_IFMT) != (st->st_mode & S_IFMT)) {
        log_limited(LOG_LVL_WARNING, 1,
                    "%s in gfid=%s has gfid=%s, which belongs to an object of "
                    "another kind",
                    name, gfid_str(&parent->gfid), gfid_str(gfid));
        err = -ESTALE;
    }
    if (err < 0) {
        inode_put(inode);
        return ops_stale(err); /* it has just been removed */
    }
    inode = inode_of(c->px, gfid, inode, &original);
    if (inode == NULL)
        return -ENOMEM;
    err = learn(c, inode);
    if (err < 0) {
        inode_put(inode);
        return ops_stale(err);
    }
    tell_copy(c, parent, name, inode);
    *out = inode;
    return 1;
}

int
known_inode(struct posix_call *c, struct inode *parent, int dirfd,
            const char *name, const struct gfid *gfid, int fd,
            struct stat *st, struct inode **out)
{
    struct posix *px = c->px;
    struct inode *inode;
    int err;

    if (gfid_is_root(gfid))
        return -ESTALE; /* there is one root */
    inode = inode_find(px->table, gfid);
    if (inode != NULL && !inode->unlinked &&
        inode_disk_is(inode, st) == INODE_DISK_SAME) {
        *out = inode;
        return 0;
    }
    err = check_handle(px, parent, dirfd, name, gfid, fd, st);
    if (err == -EEXIST)
        return copy_inode(c, parent, name, gfid, inode, st, out);
    if (err < 0) {
        inode_put(inode);
        return err;
    }
    *out = inode_of(px, gfid, inode, st);
    return *out != NULL ? 0 : -ENOMEM;
}

int
known_is_copy(struct posix *px, struct inode *inode, int dirfd,
              const char *name, const struct stat *seen)
{
    struct gfid gfid;
    int err = posix_gfid_read(dirfd, name, &gfid);

    if (err < 0)
        return err == -ENODATA ? 0 : err;
    return gfid_equal(&gfid, &inode->gfid) &&
           !handle_leads_to(px, &gfid, seen);
}
