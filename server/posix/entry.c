/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mknod, mkdir, symlink, create, link, readlink: what make.c does, with what
 * is special about each.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/make.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

enum { CREATE_TRIES = 8, SYMLINK_TARGET_BYTES_MAX = 4095 };

/* Where distribute asks for it, a pointer file in the way is removed.  0: the
 * name is free now. */
static int
replace_linkto(struct posix_call *c, struct inode *parent, const char *name)
{
    struct posix_removed removed;
    struct inode *inode = NULL;
    struct iatt stat;
    struct dict none;
    struct dict reply;
    struct posix_call plain = *c;
    int err;

    if (!ops_asked(c, "force-replace"))
        return -EEXIST;
    err = posix_find_entry(c, parent, name, &inode, &stat);
    if (err < 0)
        return err == -ENOENT ? 0 : -EEXIST;
    err = -EEXIST;
    if (is_linkto_mode(stat.mode)) {
        /* An unlink of its own, without this request's wishes. */
        dict_init(&none, c->arena);
        dict_init(&reply, c->arena);
        plain.xdata = &none;
        plain.reply = &reply;
        err = posix_unlink(&plain, parent, name, inode, &removed);
        if (err == -ENOENT)
            err = 0;
    }
    inode_put(inode);
    return err;
}

/* The gfid is another's, which is the trouble only if the name is free. */
static int
gfid_taken(const struct making *m)
{
    struct stat st;

    if (S_ISDIR(m->mode) ||
        fstatat(m->dir.fd, m->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    return -ENODATA;
}

static int
make(struct making *m, struct posix_made *out, bool replace)
{
    int err = making_build(m);

    if (err == -EEXIST)
        return gfid_taken(m);
    if (err < 0)
        return err;
    err = making_show(m);
    if (err == -EEXIST && replace) {
        err = replace_linkto(m->c, m->parent, m->name);
        if (err == 0)
            err = making_show(m);
    }
    return err < 0 ? err : making_finish(m, out);
}

/* --- mknod --- */

/* A name for an object that lies in .glusterfs/unlink, then its handle: it is
 * alive again. */
static int
link_aside(struct making *m)
{
    struct posix *px = m->c->px;
    struct inode *inode;
    int err;

    if (linkat(px->unlink_fd, gfid_str(&m->gfid), m->dir.fd, m->name, 0) < 0)
        return -errno;
    inode = inode_find(px->table, &m->gfid);
    if (inode != NULL)
        mutex_lock(&inode->write_mtx);
    err = handle_bring_back(px, &m->gfid);
    if (err == 0 && inode != NULL)
        inode->unlinked = false;
    if (inode != NULL)
        mutex_unlock(&inode->write_mtx);
    if (err == 0 && inode != NULL)
        inode_path_fd_unbar(inode);
    inode_put(inode);
    if (err < 0 && unlinkat(m->dir.fd, m->name, 0) < 0)
        log_warning("undo link of gfid=%s: %s", gfid_str(&m->gfid),
                    strerror(errno));
    return err;
}

/* -ENOENT where the gfid is not here. */
static int
link_known(struct making *m)
{
    struct posix *px = m->c->px;
    char handle[HANDLE_NAME_BYTES];
    int level1 = handle_place(px, &m->gfid, handle);
    int err = handle_stat(px, &m->gfid, &m->st);

    if (err == -ENOENT)
        return link_aside(m);
    if (err < 0)
        return err;
    if (S_ISDIR(m->st.st_mode))
        return -ENOENT;
    return linkat(level1, handle, m->dir.fd, m->name, 0) < 0 ? -errno : 0;
}

/* mknod of an internal client whose gfid is here already: one more name. */
static int
mknod_link(struct making *m)
{
    struct posix *px = m->c->px;
    AUTO_NAME struct name_hold hold = {0};
    int err;

    /* Memory first: what is linked is not to be undone for want of it. */
    err = making_xattrs_prepare(m);
    if (err < 0)
        return err;
    m->inode = inode_link(px->table, &m->gfid, 0);
    if (m->inode == NULL)
        return -ENOMEM;
    name_hold(&hold, m->parent, m->name);
    err = link_known(m);
    if (err < 0) {
        inode_forget_unshared(m->inode);
        inode_put(m->inode);
        m->inode = NULL;
        return err;
    }
    m->hard_link = true;
    m->fd = posix_openat(m->dir.fd, m->name, O_PATH, 0);
    if (m->fd < 0)
        return m->fd;
    if (fstat(m->fd, &m->st) < 0)
        return -errno;
    /* It is there: this learns its type. */
    inode_put(inode_link(px->table, &m->gfid, m->st.st_mode & S_IFMT));
    err = backref_add(
        px, m->fd, &m->parent->gfid, m->name,
        (uint32_t)(m->st.st_nlink > 0 ? m->st.st_nlink - 1 : 0));
    if (err < 0)
        log_limited(LOG_LVL_WARNING, 5, "back reference of gfid=%s: %s",
                    gfid_str(&m->gfid), strerror(-err));
    err = making_xattrs(m);
    if (err < 0)
        log_limited(LOG_LVL_WARNING, 5, "xattrs of gfid=%s: %s",
                    gfid_str(&m->gfid), strerror(-err));
    posix_mdata_apply(px, m->c->caller, m->inode, m->fd, false);
    return 0;
}

int
posix_mknod(struct posix_call *c, struct inode *parent, const char *name,
            uint32_t mode, uint64_t rdev, struct posix_made *out)
{
    struct making m = {.c = c, .parent = parent, .name = name,
                       .mode = mode & (S_IFMT | 07777), .rdev = rdev,
                       .flags = O_RDWR};
    int err;

    if ((mode & S_IFMT) == 0)
        m.mode |= S_IFREG;
    if (S_ISDIR(m.mode))
        return -EPERM;
    if (S_ISLNK(m.mode))
        return -EINVAL;
    if (posix_name_is_hidden(parent, name))
        return -EEXIST;
    err = making_begin(&m, out);
    if (err < 0)
        goto out;
    if (ops_asked(c, "glusterfs-internal-fop")) {
        err = mknod_link(&m);
        if (err == -EEXIST) {
            err = replace_linkto(c, parent, name);
            if (err == 0)
                err = mknod_link(&m);
        }
        if (err == 0)
            err = making_finish(&m, out);
        if (err != -ENOENT || m.hard_link)
            goto out;
    }
    err = make(&m, out, true);
out:
    making_end(&m);
    return err;
}

/* --- mkdir, symlink --- */

int
posix_mkdir(struct posix_call *c, struct inode *parent, const char *name,
            uint32_t mode, struct posix_made *out)
{
    struct making m = {.c = c, .parent = parent, .name = name,
                       .mode = (mode & 07777) | S_IFDIR};
    struct stat st;
    int err;

    if (posix_name_is_hidden(parent, name))
        return -EPERM;
    err = making_begin(&m, out);
    /* The name first: whether the gfid is free, or the parent as it should
     * be, does not matter where there is something already. */
    if (err == 0 &&
        fstatat(m.dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        err = -EEXIST;
    if (err == 0)
        err = making_preop(&m, true);
    if (err == 0)
        err = make(&m, out, false);
    making_end(&m);
    return err;
}

int
posix_symlink(struct posix_call *c, struct inode *parent, const char *name,
              const char *target, struct posix_made *out)
{
    struct making m = {.c = c, .parent = parent, .name = name,
                       .mode = S_IFLNK | 0777, .target = target};
    int err;

    if (posix_name_is_hidden(parent, name))
        return -EEXIST;
    if (target[0] == '\0')
        return -ENOENT;
    if (strnlen(target, SYMLINK_TARGET_BYTES_MAX + 1) >
        SYMLINK_TARGET_BYTES_MAX)
        return -ENAMETOOLONG;
    err = making_begin(&m, out);
    if (err == 0)
        err = make(&m, out, false);
    making_end(&m);
    return err;
}

/* --- create --- */

/* The reply repeats the request, less what served its purpose. */
static int
create_echo(struct posix_call *c)
{
    static const char *const spent[] = {
        "umask",
        "mode",
        "glusterfs.inodelk-count",
        "glusterfs.entrylk-count",
        "glusterfs.posixlk-count",
        "glusterfs.inodelk-dom-count",
        "glusterfs.parent-entrylk",
        "glusterfs.multi-dom-lk-cnt-req",
    };
    uint32_t i;
    size_t k;

    ops_reply_as_asked(c);
    for (i = 0; i < c->xdata->count; i++) {
        const struct dict_pair *p = &c->xdata->pairs[i];
        int err;

        for (k = 0; k < COUNT_OF(spent); k++) {
            if (strcmp(p->key, spent[k]) == 0)
                break;
        }
        if (k < COUNT_OF(spent) ||
            ops_starts_with(p->key, "glusterfs.inodelk-dom-prefix:"))
            continue;
        err = dict_set_pair(c->reply, p);
        if (err < 0)
            return err;
    }
    return 0;
}

/* The check's own keys leave the echo where it was made. */
static void
create_preop_spent(struct posix_call *c)
{
    const char *key = dict_str(c->xdata, "glusterfs.preop.parent.key");

    if (key == NULL)
        return;
    dict_remove(c->reply, key);
    dict_remove(c->reply, "glusterfs.preop.parent.key");
}

static int
create_existing(struct posix_call *c, struct making *m, struct inode *inode,
                int flags, const void *client, struct posix_made *out,
                struct fd **fd)
{
    int err = posix_open_file(c, inode, flags & ~O_CREAT, client, fd);

    if (err < 0)
        return err;
    err = posix_iatt_ref(c->px, inode, (*fd)->os_fd, &out->stat);
    if (err == 0)
        err = posix_iatt_ref(c->px, m->parent, m->dir.fd, &out->postparent);
    if (err < 0) {
        fd_put(*fd);
        *fd = NULL;
        return err;
    }
    out->inode = inode_get(inode);
    return 0;
}

/* Open before it has a name: what can fail comes before what shows. */
static int
create_fd(struct posix_call *c, struct making *m, int flags,
          const void *client, struct fd **fd)
{
    int os_fd = m->fd, err;

    if ((m->flags & O_ACCMODE) == O_RDONLY)
        os_fd = ops_reopen(m->fd, m->flags & ~O_TRUNC);
    if (os_fd < 0)
        return os_fd;
    err = ops_fd_new(c, m->inode, os_fd, flags, client, false, fd);
    if (os_fd != m->fd)
        return err;
    if (err < 0)
        m->fd = -1; /* closed */
    else
        m->fd_lent = true;
    return err;
}

static int
create_new(struct posix_call *c, struct making *m, int flags,
           const void *client, struct posix_made *out, struct fd **fd)
{
    int err;

    if (!m->preop_met) {
        err = making_preop(m, false);
        if (err == 0 || err == -EIO)
            create_preop_spent(c);
        if (err < 0)
            return err;
    }
    err = making_build(m);
    if (err == -EEXIST)
        return gfid_taken(m);
    if (err == 0)
        err = create_fd(c, m, flags, client, fd);
    if (err < 0)
        return err;
    err = making_show(m);
    if (err == 0)
        err = making_finish(m, out);
    if (err < 0) {
        fd_put(*fd);
        *fd = NULL;
    }
    return err;
}

/* Once: -EEXIST or -ENOENT where another request came in between. */
static int
create_once(struct posix_call *c, struct inode *parent, const char *name,
            int flags, uint32_t mode, const void *client,
            struct posix_made *out, struct fd **fd)
{
    struct making m = {.c = c, .parent = parent, .name = name,
                       .mode = (mode & 07777) | S_IFREG,
                       .flags = ops_open_flags(c->px, flags)};
    bool exclusive = (flags & O_EXCL) != 0;
    struct inode *inode = NULL;
    struct stat st;
    int err = making_begin(&m, out);

    if (err < 0)
        goto out;
    /* An exclusive one finds out when it gives the name; only the pre-op
     * check wants to know before. */
    if (exclusive && !ops_asked(c, "glusterfs.preop.parent.key"))
        err = -ENOENT;
    else
        err = fstatat(m.dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno
                                                                    : 0;
    if (err == -ENOENT) {
        err = create_new(c, &m, flags, client, out, fd);
        if (err == -EEXIST && !exclusive)
            err = -EAGAIN;
    } else if (err == 0 && exclusive) {
        err = -EEXIST;
    } else if (err == 0) {
        err = posix_find_entry(c, parent, name, &inode, NULL);
        if (err == 0)
            err = create_existing(c, &m, inode, flags, client, out, fd);
        inode_put(inode);
        if (err == -ENOENT)
            err = -EAGAIN;
    }
out:
    making_end(&m);
    return err;
}

int
posix_create(struct posix_call *c, struct inode *parent, const char *name,
             int flags, uint32_t mode, const void *client,
             struct posix_made *out, struct fd **fd)
{
    int i, err;

    *fd = NULL;
    err = create_echo(c);
    if (err < 0)
        return err;
    if (posix_name_is_hidden(parent, name))
        return -EISDIR;
    if ((flags & O_DIRECTORY) != 0)
        return -EINVAL;
    if (flags == 0)
        flags = O_RDWR | O_EXCL;
    flags |= O_CREAT;
    for (i = 0; i < CREATE_TRIES; i++) {
        err = create_once(c, parent, name, flags, mode, client, out, fd);
        if (err != -EAGAIN)
            break;
    }
    return err;
}

/* --- link --- */

static int
link_allowed(struct posix_call *c, const struct stat *st)
{
    int64_t max = options_number(c->px->options, OPT_MAX_HARDLINKS);
    int64_t names = st->st_nlink > 0 ? (int64_t)st->st_nlink - 1 : 0;

    if (S_ISDIR(st->st_mode))
        return -EPERM;
    return max > 0 && names >= max ? -EMLINK : 0;
}

/* Under the inode's write mutex: a name must not be given while the last one
 * is being taken away. */
static int
link_locked(struct posix_call *c, struct inode *inode, struct inode *parent,
            int dirfd, const char *name, int ref_fd)
{
    struct posix *px = c->px;
    char handle[HANDLE_NAME_BYTES];
    int level1 = handle_place(px, &inode->gfid, handle);
    struct stat st;
    int err;

    MUTEX_SCOPE(&inode->write_mtx);
    if (inode->unlinked)
        return -ENOENT;
    if (fstat(ref_fd, &st) < 0)
        return -errno;
    err = link_allowed(c, &st);
    if (err < 0)
        return err;
    if (linkat(level1, handle, dirfd, name, 0) < 0)
        return -errno;
    err = backref_add(px, ref_fd, &parent->gfid, name,
                      (uint32_t)st.st_nlink);
    if (err < 0 && unlinkat(dirfd, name, 0) < 0)
        log_warning("undo link of gfid=%s: %s", gfid_str(&inode->gfid),
                    strerror(errno));
    return err;
}

static int
link_held(struct posix_call *c, struct inode *inode, struct inode *parent,
          int dirfd, const char *name, int ref_fd)
{
    AUTO_NAME struct name_hold hold = {0};

    name_hold(&hold, parent, name);
    return link_locked(c, inode, parent, dirfd, name, ref_fd);
}

int
posix_link(struct posix_call *c, struct inode *inode, struct inode *parent,
           const char *name, struct posix_made *out)
{
    AUTO_REF struct posix_ref dir = POSIX_REF_NONE;
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    struct posix *px = c->px;
    int err = posix_name_check(name);

    if (err < 0)
        return err;
    if (posix_name_is_hidden(parent, name))
        return -EEXIST;
    if (inode_type(inode) == S_IFDIR)
        return -EPERM;
    err = posix_reserve_check(c, 0);
    if (err < 0)
        return err;
    memset(out, 0, sizeof(*out));
    err = posix_ref_get(px, inode, NULL, &ref);
    if (err < 0)
        return err;
    err = ops_stale(posix_dir_ref(px, parent, &dir));
    if (err == 0)
        err = posix_iatt_ref(px, parent, dir.fd, &out->preparent);
    if (err < 0)
        return err;
    err = link_held(c, inode, parent, dir.fd, name, ref.fd);
    if (err == -EEXIST) {
        err = replace_linkto(c, parent, name);
        if (err == 0)
            err = link_held(c, inode, parent, dir.fd, name, ref.fd);
    }
    if (err < 0)
        return err;
    posix_mdata_apply(px, c->caller, inode, ref.fd, false);
    posix_mdata_apply(px, c->caller, parent, dir.fd, true);
    err = posix_iatt_ref(px, inode, ref.fd, &out->stat);
    if (err == 0)
        err = posix_iatt_ref(px, parent, dir.fd, &out->postparent);
    if (err == 0)
        out->inode = inode_get(inode);
    return err;
}

/* --- readlink --- */

int
posix_readlink(struct posix_call *c, struct inode *inode, uint32_t size,
               const char **target, struct iatt *stat)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    size_t room = SYMLINK_TARGET_BYTES_MAX;
    ssize_t n;
    char *text;
    int err;

    err = posix_ref_get(c->px, inode, NULL, &ref);
    if (err < 0)
        return err;
    err = posix_iatt_ref(c->px, inode, ref.fd, stat);
    if (err < 0)
        return err;
    if (!S_ISLNK(stat->mode) || size == 0)
        return -EINVAL;
    if (size < room)
        room = size;
    text = arena_alloc(c->arena, room + 1);
    if (text == NULL)
        return -ENOMEM;
    n = readlinkat(ref.fd, "", text, room);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    *target = text;
    return (int)n;
}
