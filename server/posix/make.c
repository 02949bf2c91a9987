/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making an object so that a crash leaves nothing half made.
 *
 *   1. a file without a name (O_TMPFILE), anything else under a name in the
 *      private directory, which is emptied at each start;
 *   2. owner, gfid, ACLs, back reference, xattrs, times;
 *   3. its name: link(2), or rename of a directory, which fail if the name is
 *      taken;
 *   4. its handle.
 *
 * A disk that is full shows in 1, 2 or 4, and then nothing is left of it all.
 * Other errors of what an object can do without (2, but for owner and gfid) are
 * logged.
 *
 * Between 3 and 4 the name has a gfid but no handle: the next lookup of it
 * mends that.  Nobody can take the name away meanwhile (namelock.c).  Made in
 * the private directory it inherits nothing from its parent but what the
 * request says: the default ACL was applied above.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/make.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

/* --- before --- */

static int
gfid_wanted(struct making *m)
{
    int err = dict_gfid(m->c->xdata, "gfid-req", &m->gfid);

    if (err == 0 && !gfid_is_null(&m->gfid))
        return 0;
    if (m->c->caller->pid != CALLER_PID_TRASH)
        return -EINVAL;
    gfid_random(&m->gfid);
    return 0;
}

static uint32_t
mode_masked(struct posix *px, uint32_t mode)
{
    bool dir = S_ISDIR(mode);
    uint32_t mask = (uint32_t)options_number(
        px->options, dir ? OPT_CREATE_DIRECTORY_MASK : OPT_CREATE_MASK);
    uint32_t force = (uint32_t)options_number(
        px->options, dir ? OPT_FORCE_DIRECTORY_MODE : OPT_FORCE_CREATE_MODE);

    return (mode & (S_IFMT | 07000)) | (mode & 0777 & mask) | force;
}

static void
owner_and_mode(struct making *m, const struct iatt *parent)
{
    const struct caller *caller = m->c->caller;

    m->uid = caller->uid;
    m->gid = (parent->mode & S_ISGID) != 0 ? parent->gid : caller->gid;
    if (S_ISLNK(m->mode))
        return;
    m->mode = mode_masked(m->c->px, m->mode);
    if (S_ISDIR(m->mode)) {
        /* As mkdir(2) leaves it. */
        m->mode &= ~(uint32_t)(S_ISUID | S_ISGID);
        if ((parent->mode & S_ISGID) != 0)
            m->mode |= S_ISGID;
        return;
    }
    /* As a chown that follows the creation leaves it. */
    m->mode &= ~(uint32_t)S_ISUID;
    if ((m->mode & S_IXGRP) != 0)
        m->mode &= ~(uint32_t)S_ISGID;
}

int
making_begin(struct making *m, struct posix_made *out)
{
    int err;

    m->fd = -1;
    m->dir = (struct posix_ref)POSIX_REF_NONE;
    memset(out, 0, sizeof(*out));
    err = posix_name_check(m->name);
    if (err < 0)
        return err;
    err = gfid_wanted(m);
    if (err < 0)
        return err;
    err = posix_reserve_check(m->c, 0);
    if (err < 0)
        return err;
    err = ops_stale(posix_dir_ref(m->c->px, m->parent, &m->dir));
    if (err < 0)
        return err;
    err = posix_iatt_ref(m->c->px, m->parent, m->dir.fd, &out->preparent);
    if (err < 0)
        return err;
    owner_and_mode(m, &out->preparent);
    return 0;
}

int
making_preop(struct making *m, bool missing_is_errno)
{
    const char *key = dict_str(m->c->xdata, "glusterfs.preop.parent.key");
    const struct dict_pair *want;
    const uint8_t *value;
    uint32_t bytes = 0;
    int err;

    if (key == NULL)
        return 0;
    want = dict_find(m->c->xdata, key);
    if (want == NULL || (want->type != DICT_PTR && want->type != DICT_STR &&
                         want->type != DICT_STR_OLD))
        return 0;
    err = ops_xattr_read(m->dir.fd, key, m->c->arena, &value, &bytes);
    if (err == 0 && bytes == want->bytes &&
        memcmp(value, want->data, bytes) == 0) {
        m->preop_met = true;
        return 0;
    }
    if (err < 0 && err != -ENODATA && !missing_is_errno)
        return err;
    if (err < 0 && missing_is_errno)
        return err;
    err = dict_set_i64(m->c->reply, "glusterfs.preop.check.failed", 1);
    return err < 0 ? err : -EIO;
}

/* Whose is the gfid?  Found out beforehand, so that an object which may not
 * have it never shows. */
static int
gfid_is_free(struct making *m)
{
    struct posix *px = m->c->px;
    struct stat st;
    int err = handle_stat(px, &m->gfid, &st);

    if (err == -ENOENT)
        return 0;
    if (err < 0)
        return err;
    if (!S_ISDIR(m->mode) || !S_ISDIR(st.st_mode) || gfid_is_root(&m->gfid))
        return -EEXIST;
    /* Healing a renamed directory makes it anew where it belongs and removes
     * the old one afterwards: both have the gfid for a while. */
    if (handle_dir_is(px, &m->gfid, &m->parent->gfid, m->name) == 1)
        return -EEXIST;
    log_info("mkdir gfid=%s: takes the gfid over from a directory elsewhere",
             gfid_str(&m->gfid));
    m->taken_over = true;
    return 0;
}

/* --- the object --- */

static void
temp_name(struct making *m)
{
    (void)snprintf(m->temp, sizeof(m->temp), "new.%" PRIu64,
                   atomic_fetch_add(&m->c->px->serial, 1));
}

/* Where a file without a name is made: in its parent, so that the file system
 * puts it near its neighbours and into its parent's quota project; unless it
 * would inherit a default ACL there, which has been applied already. */
static int
birthplace(struct making *m)
{
    const uint8_t *acl;
    uint32_t bytes = 0;

    if (posix_acl(m->c->px, m->parent, true, m->c->arena, &acl, &bytes) == 0 &&
        bytes == 0)
        return m->dir.fd;
    return m->c->px->private_fd;
}

/* O_TMPFILE wants a descriptor that may write; create() opens another one for
 * who may only read. */
static int
build_file(struct making *m)
{
    int at = birthplace(m);
    int flags = m->flags & ~(O_TRUNC | O_EXCL | O_CREAT);
    int acc = flags & O_ACCMODE;
    int fd;

    if (acc == O_RDONLY)
        flags |= O_RDWR;
    do {
        fd = openat(at, ".", flags | O_TMPFILE | O_CLOEXEC | O_NOCTTY,
                    m->mode & 07777);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        temp_name(m);
        fd = posix_openat(m->c->px->private_fd, m->temp,
                          flags | O_CREAT | O_EXCL, m->mode & 07777);
        if (fd < 0)
            m->temp[0] = '\0';
    } else if (fd < 0) {
        fd = -errno;
    }
    m->fd = fd;
    return fd < 0 ? fd : 0;
}

static int
build_named(struct making *m)
{
    int at = m->c->px->private_fd;
    int ret, fd;

    temp_name(m);
    if (S_ISDIR(m->mode))
        ret = mkdirat(at, m->temp, m->mode & 07777);
    else if (S_ISLNK(m->mode))
        ret = symlinkat(m->target, at, m->temp);
    else
        ret = mknodat(at, m->temp, m->mode, m->rdev);
    if (ret < 0) {
        m->temp[0] = '\0';
        return -errno;
    }
    fd = posix_openat(at, m->temp,
                      S_ISDIR(m->mode) ? O_RDONLY | O_DIRECTORY : O_PATH, 0);
    m->fd = fd;
    return fd < 0 ? fd : 0;
}

static int
give_owner(struct making *m)
{
    char path[POSIX_PROC_PATH_BYTES];

    if (m->uid != 0 || m->gid != 0) {
        if (fchownat(m->fd, "", m->uid, m->gid, AT_EMPTY_PATH) < 0)
            return -errno;
    }
    /* mkdir(2) gives no S_ISGID. */
    if (S_ISDIR(m->mode) && (m->mode & S_ISGID) != 0 &&
        chmod(posix_proc_path(m->fd, path), m->mode & 07777) < 0)
        return -errno;
    return 0;
}

static bool
is_full(int err)
{
    return err == -ENOSPC || err == -EDQUOT;
}

static int
give_acl(struct making *m, const char *key)
{
    const struct dict_pair *p = dict_find(m->c->xdata, key);
    int err;

    if (p == NULL || p->type != DICT_PTR)
        return 0;
    err = posix_fsetxattr(m->fd, key, p->data, p->bytes, 0);
    if (err >= 0 || is_full(err))
        return err;
    log_limited(LOG_LVL_WARNING, 5, "set %s on new gfid=%s: %s", key,
                gfid_str(&m->gfid), strerror(-err));
    return 0;
}

static int
give_acls(struct making *m)
{
    int err;

    if (S_ISLNK(m->mode))
        return 0;
    err = give_acl(m, POSIX_ACL_ACCESS_XATTR);
    if (err == 0 && S_ISDIR(m->mode))
        err = give_acl(m, POSIX_ACL_DEFAULT_XATTR);
    return err;
}

static int
give_backref(struct making *m)
{
    int err;

    if (S_ISDIR(m->mode))
        return 0;
    err = backref_add(m->c->px, m->fd, &m->parent->gfid, m->name, 1);
    if (err >= 0 || is_full(err))
        return err;
    log_limited(LOG_LVL_WARNING, 5, "back reference of gfid=%s: %s",
                gfid_str(&m->gfid), strerror(-err));
    return 0;
}

static int
give_times(struct making *m)
{
    int err = posix_mdata_try(m->c->px, m->c->caller, m->inode, m->fd, false);

    if (err >= 0 || is_full(err))
        return err;
    log_limited(LOG_LVL_WARNING, 5, "times of new gfid=%s: %s",
                gfid_str(&m->gfid), strerror(-err));
    return 0;
}

/* What has no namespace is no xattr: control keys, known or not. */
static bool
is_xattr(const char *key)
{
    return ops_starts_with(key, "trusted.") || ops_starts_with(key, "user.") ||
           ops_starts_with(key, "security.");
}

int
making_xattrs_prepare(struct making *m)
{
    const struct dict *xdata = m->c->xdata;
    const char *preop = dict_str(xdata, "glusterfs.preop.parent.key");
    uint32_t i, count = 0;

    m->changes_count = 0;
    for (i = 0; i < xdata->count; i++)
        count += is_xattr(xdata->pairs[i].key);
    if (count == 0)
        return 0;
    m->changes = arena_alloc(m->c->arena, count * sizeof(*m->changes));
    if (m->changes == NULL)
        return -ENOMEM;
    for (i = 0; i < xdata->count; i++) {
        const struct dict_pair *p = &xdata->pairs[i];
        int err;

        if (!is_xattr(p->key) ||
            (preop != NULL && m->preop_met && strcmp(p->key, preop) == 0))
            continue;
        err = ops_xattr_prepare(m->c, m->fd, p,
                                &m->changes[m->changes_count++]);
        if (err < 0)
            return err;
    }
    return 0;
}

int
making_xattrs(struct making *m)
{
    uint32_t i;

    for (i = 0; i < m->changes_count; i++) {
        const struct xattr_change *change = &m->changes[i];
        int err = ops_xattr_apply(m->c, m->inode, m->fd, change, XATTR_CREATE,
                                  false);

        if (is_full(err))
            return err;
        if (err < 0)
            log_debug("set %s on new gfid=%s: %s", change->key,
                      gfid_str(&m->gfid), strerror(-err));
    }
    return 0;
}

/* Nobody need look at a new object for the times that it cannot have yet. */
static void
mdata_is_none(struct inode *inode)
{
    MUTEX_SCOPE(&inode->mtx);
    if (!inode->mdata_known) {
        inode->mdata_known = true;
        inode->mdata_present = false;
    }
}

static int
dress(struct making *m)
{
    struct posix *px = m->c->px;
    int err = give_owner(m);

    if (err == 0)
        err = give_acls(m);
    if (err == 0)
        err = give_backref(m);
    if (err < 0)
        return err;
    m->inode = inode_link(px->table, &m->gfid, m->mode & S_IFMT);
    if (m->inode == NULL)
        return -ENOMEM;
    if (m->taken_over)
        inode_path_fd_drop(m->inode, false);
    else
        mdata_is_none(m->inode);
    err = making_xattrs_prepare(m);
    if (err == 0)
        err = making_xattrs(m);
    if (err < 0)
        return err;
    /* The last one, as on the peer: what a listing of xattrs answers depends
     * on their order on disk, and a disperse volume compares bricks. */
    err = posix_fsetxattr(m->fd, POSIX_GFID_XATTR, m->gfid.b, GFID_BYTES,
                          XATTR_CREATE);
    if (err < 0)
        return err;
    err = give_times(m);
    if (err < 0)
        return err;
    return fstat(m->fd, &m->st) < 0 ? -errno : 0;
}

int
making_build(struct making *m)
{
    int err = gfid_is_free(m);

    if (err < 0)
        return err;
    err = S_ISREG(m->mode) ? build_file(m) : build_named(m);
    if (err < 0)
        return err;
    return dress(m);
}

/* --- its name and handle --- */

static int
link_unnamed(int fd, int dirfd, const char *name)
{
    char path[POSIX_PROC_PATH_BYTES];

    if (linkat(fd, "", dirfd, name, AT_EMPTY_PATH) == 0)
        return 0;
    /* Without CAP_DAC_READ_SEARCH the kernel says ENOENT. */
    if (errno != ENOENT)
        return -errno;
    return linkat(AT_FDCWD, posix_proc_path(fd, path), dirfd, name,
                  AT_SYMLINK_FOLLOW) < 0
               ? -errno
               : 0;
}

/* Where renameat2() knows no RENAME_NOREPLACE; names are made by us alone, and
 * this one is held. */
static int
rename_dir(int from, const char *temp, int dirfd, const char *name)
{
    struct stat st;

    if (renameat2(from, temp, dirfd, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    return renameat(from, temp, dirfd, name) < 0 ? -errno : 0;
}

static int
give_name(struct making *m)
{
    int from = m->c->px->private_fd;
    int err;

    if (m->temp[0] == '\0')
        return link_unnamed(m->fd, m->dir.fd, m->name);
    if (!S_ISDIR(m->mode))
        return linkat(from, m->temp, m->dir.fd, m->name, 0) < 0 ? -errno : 0;
    err = rename_dir(from, m->temp, m->dir.fd, m->name);
    if (err == 0)
        m->temp[0] = '\0';
    return err;
}

static void
take_name_back(struct making *m)
{
    int flags = S_ISDIR(m->mode) ? AT_REMOVEDIR : 0;

    if (unlinkat(m->dir.fd, m->name, flags) < 0)
        log_warning("undo making of gfid=%s: %s", gfid_str(&m->gfid),
                    strerror(errno));
}

static void
drop_temp(struct making *m)
{
    int flags = S_ISDIR(m->mode) ? AT_REMOVEDIR : 0;

    if (m->temp[0] == '\0')
        return;
    if (unlinkat(m->c->px->private_fd, m->temp, flags) < 0)
        log_warning("remove private name %s: %s", m->temp, strerror(errno));
    m->temp[0] = '\0';
}

int
making_show(struct making *m)
{
    AUTO_NAME struct name_hold hold = {0};
    struct posix *px = m->c->px;
    int err;

    name_hold(&hold, m->parent, m->name);
    err = give_name(m);
    if (err < 0)
        return err;
    if (m->taken_over)
        err = handle_move_dir(px, &m->gfid, &m->parent->gfid, m->name);
    else
        err = handle_make(px, &m->gfid, m->dir.fd, &m->parent->gfid, m->name,
                          &m->st);
    if (err < 0)
        take_name_back(m);
    drop_temp(m); /* before anybody counts its links */
    return err;
}

/* --- after --- */

/* The inode may as well hold it, where it is one of the kind. */
static void
keep_descriptor(struct making *m)
{
    struct posix_ref ref = POSIX_REF_NONE;

    if (S_ISREG(m->mode) && !m->hard_link)
        return;
    posix_ref_offer(m->c->px, m->inode, m->fd, &m->st, &ref);
    m->fd = -1;
    posix_ref_put(&ref);
}

int
making_finish(struct making *m, struct posix_made *out)
{
    struct posix *px = m->c->px;
    int err;

    err = posix_iatt_ref(px, m->inode, m->fd, &out->stat);
    if (err < 0)
        return err;
    inode_disk_set(m->inode, &m->st);
    posix_mdata_apply(px, m->c->caller, m->parent, m->dir.fd, true);
    err = posix_iatt_ref(px, m->parent, m->dir.fd, &out->postparent);
    if (err < 0)
        return err;
    keep_descriptor(m);
    out->inode = m->inode;
    m->inode = NULL;
    return 0;
}

void
making_end(struct making *m)
{
    drop_temp(m);
    /* Still here: nothing came of it. */
    if (m->inode != NULL && !m->hard_link && !m->taken_over)
        inode_forget_unshared(m->inode);
    inode_put(m->inode);
    m->inode = NULL;
    if (m->fd >= 0 && !m->fd_lent)
        (void)close(m->fd);
    m->fd = -1;
    posix_ref_put(&m->dir);
}
