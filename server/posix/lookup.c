/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding objects: by gfid through their handle, by name in a directory that
 * is held open.  What a crash left half made is mended on the way: a missing
 * gfid is given where the request brings one, a missing handle is made, a
 * handle without an object is removed.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

/* What a name or a gfid led to. */
struct found {
    struct inode *inode; /* a reference; NULL: no gfid */
    struct posix_ref ref;
    struct stat st;
};

static void
found_end(struct found *f)
{
    posix_ref_put(&f->ref);
    inode_put(f->inode);
    f->inode = NULL;
}
#define AUTO_FOUND __attribute__((cleanup(found_end)))
#define FOUND_NONE {.inode = NULL, .ref = POSIX_REF_NONE}

/* --- by gfid --- */

/* A handle led here, or an entry: fd is taken over. */
static int
found_link(struct posix *px, const struct gfid *gfid, int fd, struct found *f)
{
    f->ref = (struct posix_ref){.fd = fd, .owned = true};
    f->inode = inode_link(px->table, gfid, f->st.st_mode & S_IFMT);
    return f->inode != NULL ? 0 : -ENOMEM;
}

static int
find_on_disk(struct posix *px, const struct gfid *gfid, struct found *f)
{
    bool dangling;
    int err, fd;

    err = handle_open(px, gfid, &fd, &f->st, &dangling);
    if (err < 0) {
        if (err == -ENOENT && dangling)
            handle_remove_dangling(px, gfid);
        return err;
    }
    err = found_link(px, gfid, fd, f);
    if (err < 0)
        return err;
    posix_ref_offer(px, f->inode, fd, &f->st, &f->ref);
    return 0;
}

int
posix_find(struct posix_call *c, const struct gfid *gfid, struct inode **out)
{
    AUTO_FOUND struct found f = FOUND_NONE;
    int err;

    if (gfid_is_null(gfid))
        return -EINVAL;
    *out = inode_find(c->px->table, gfid);
    if (*out != NULL)
        return 0;
    err = find_on_disk(c->px, gfid, &f);
    if (err < 0)
        return err;
    *out = f.inode;
    f.inode = NULL;
    return 0;
}

/* Does the link count say that the object has lost its handle, or its last
 * name? */
static bool
has_gone(const struct stat *st)
{
    return st->st_nlink == 0 || (!S_ISDIR(st->st_mode) && st->st_nlink == 1);
}

/* 0, or -ENOENT: it has gone, or its handle. */
static int
known_look(struct posix *px, struct found *f)
{
    int err;

    posix_ref_put(&f->ref);
    err = posix_ref_get(px, f->inode, NULL, &f->ref);
    if (err < 0)
        return err;
    if (fstat(f->ref.fd, &f->st) < 0)
        return -errno;
    return !gfid_is_root(&f->inode->gfid) && has_gone(&f->st) ? -ENOENT : 0;
}

/* It seems to have been removed behind our back.  Or somebody is about to
 * remove it, who has taken the handle first (lastname.c) and puts it back if
 * that fails: an inode that has users then must not be forgotten.  With the
 * mutex it is one or the other.  -ESTALE: something else may have its gfid by
 * now. */
static int
known_gone(struct posix *px, struct found *f)
{
    int err;

    MUTEX_SCOPE(&f->inode->write_mtx);
    if (f->inode->unlinked)
        return -ENOENT;
    err = known_look(px, f);
    if (err != -ENOENT)
        return err;
    posix_ref_forget(f->inode);
    inode_forget(f->inode);
    return -ESTALE;
}

/* From the table, if that still is what the disk has. */
static int
find_known(struct posix *px, const struct gfid *gfid, struct found *f)
{
    int err;

    f->inode = inode_find(px->table, gfid);
    if (f->inode == NULL)
        return -ESTALE;
    if (f->inode->unlinked)
        return -ENOENT;
    err = known_look(px, f);
    if (err == -ENOENT)
        err = known_gone(px, f);
    if (err == -ESTALE)
        found_end(f);
    return err;
}

static int
find_by_gfid(struct posix *px, const struct gfid *gfid, struct found *f)
{
    int err = find_known(px, gfid, f);

    return err == -ESTALE ? find_on_disk(px, gfid, f) : err;
}

/* --- by name --- */

/* Give the entry the gfid that the request brings.  -ENODATA: it brings none,
 * or one that belongs to something else. */
static int
give_gfid(struct posix_call *c, struct inode *parent, int dirfd,
          const char *name, int fd, const struct stat *st, struct gfid *gfid)
{
    struct stat other;
    int err;

    if (dict_gfid(c->xdata, "gfid-req", gfid) < 0 || gfid_is_null(gfid) ||
        gfid_is_root(gfid))
        return -ENODATA;
    err = handle_stat(c->px, gfid, &other);
    if (err == 0) {
        log_limited(LOG_LVL_WARNING, 5,
                    "%s in gfid=%s has no gfid, and the one asked for belongs "
                    "to another object",
                    name, gfid_str(&parent->gfid));
        return -ENODATA;
    }
    if (err != -ENOENT)
        return err;
    err = posix_fsetxattr(fd, POSIX_GFID_XATTR, gfid->b, GFID_BYTES,
                          XATTR_CREATE);
    if (err == -EEXIST) /* somebody else was faster */
        return posix_gfid_read_fd(fd, gfid);
    if (err < 0)
        return err;
    err = handle_make(c->px, gfid, dirfd, &parent->gfid, name, st);
    if (err == 0)
        return 0;
    (void)posix_fremovexattr(fd, POSIX_GFID_XATTR);
    return err == -EEXIST ? -ENODATA : err == -ESTALE ? -ENOENT : err;
}

/* The entry, opened O_PATH; its gfid may be missing (-ENODATA, f->st and
 * f->ref are set then). */
static int
find_by_name(struct posix_call *c, struct inode *parent, int dirfd,
             const char *name, struct found *f)
{
    struct posix *px = c->px;
    struct gfid gfid;
    int err, fd;

    fd = posix_openat(dirfd, name, O_PATH, 0);
    if (fd < 0)
        return fd;
    f->ref = (struct posix_ref){.fd = fd, .owned = true};
    if (fstat(fd, &f->st) < 0)
        return -errno;
    if (handle_is_dot(px, &f->st))
        return -ENOENT;
    err = posix_gfid_read_fd(fd, &gfid);
    if (err == -ENODATA) {
        err = give_gfid(c, parent, dirfd, name, fd, &f->st, &gfid);
        /* Its handle is one more name. */
        if (err == 0 && fstat(fd, &f->st) < 0)
            err = -errno;
    }
    if (err < 0)
        return err;
    err = known_inode(c, parent, dirfd, name, &gfid, fd, &f->st, &f->inode);
    if (err != 0 || S_ISDIR(f->st.st_mode))
        return err < 0 ? err : 0; /* of a copy the inode holds nothing */
    posix_ref_offer(px, f->inode, fd, &f->st, &f->ref);
    backref_note(px, f->ref.fd, &parent->gfid);
    return 0;
}

int
posix_find_entry(struct posix_call *c, struct inode *parent, const char *name,
                 struct inode **out, struct iatt *stat)
{
    AUTO_REF struct posix_ref dir = POSIX_REF_NONE;
    AUTO_FOUND struct found f = FOUND_NONE;
    int err;

    OBJ_CHECK(parent, INODE_MAGIC);
    err = posix_name_check(name);
    if (err < 0)
        return err;
    if (posix_name_is_hidden(parent, name))
        return -ENOENT;
    err = posix_dir_ref(c->px, parent, &dir);
    if (err == 0)
        err = find_by_name(c, parent, dir.fd, name, &f);
    if (err < 0)
        return err;
    if (stat != NULL)
        posix_iatt_fill(c->px, f.inode, f.ref.fd, &f.st, stat);
    *out = f.inode;
    f.inode = NULL;
    return 0;
}

/* --- LOOKUP --- */

static bool
asked(const struct posix_call *c, const char *key)
{
    int64_t v;

    return dict_i64(c->xdata, key, &v) == 0 && v != 0;
}

/* What a successful lookup adds. */
static int
answer(struct posix_call *c, struct found *f, struct inode **out,
       struct iatt *stat)
{
    int err;

    if (!c->xdata->null)
        c->reply->null = false;
    if (f->inode == NULL) {
        posix_iatt_plain(&gfid_null, &f->st, stat);
        *out = NULL;
        return 0;
    }
    if (dict_has(c->xdata, "glusterfs.clean.writexattr")) {
        err = posix_fremovexattr(f->ref.fd, "trusted.glusterfs.protect.writes");
        if (err < 0 && err != -ENODATA)
            log_limited(LOG_LVL_WARNING, 5,
                        "remove trusted.glusterfs.protect.writes gfid=%s: %s",
                        gfid_str(&f->inode->gfid), strerror(-err));
    }
    posix_iatt_fill(c->px, f->inode, f->ref.fd, &f->st, stat);
    err = posix_content_keys(c, f->inode, f->ref.fd, stat, c->xdata, c->reply);
    if (err < 0)
        return err;
    *out = f->inode;
    f->inode = NULL;
    return 0;
}

/* The raw attributes of a file that was unlinked while open. */
static int
lookup_aside(struct posix *px, const struct gfid *gfid, struct iatt *stat)
{
    struct stat st;

    if (fstatat(px->unlink_fd, gfid_str(gfid), &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -ENOENT;
    posix_iatt_plain(&gfid_null, &st, stat);
    stat->flags &= ~(uint64_t)IATT_GFID;
    stat->nlink = 0;
    return 0;
}

static int
lookup_gfid(struct posix_call *c, const struct gfid *gfid, struct inode **out,
            struct iatt *stat)
{
    AUTO_FOUND struct found f = FOUND_NONE;
    int err;

    if (gfid_is_null(gfid))
        return -EINVAL;
    err = find_by_gfid(c->px, gfid, &f);
    if (err == -ENOENT && asked(c, "unlinked-lookup") &&
        lookup_aside(c->px, gfid, stat) == 0) {
        c->reply->null = true;
        *out = NULL;
        return 0;
    }
    return err < 0 ? err : answer(c, &f, out, stat);
}

/* "." and "..". */
static int
lookup_dots(struct posix_call *c, struct inode *parent, bool up,
            struct inode **out, struct iatt *stat)
{
    char name[POSIX_NAME_BYTES_MAX + 1];
    struct gfid gfid = parent->gfid;
    int err;

    if (up) {
        if (gfid_is_root(&gfid))
            return -ENODATA;
        err = handle_dir_read(c->px, &gfid, &gfid, name);
        if (err < 0)
            return err == -EINVAL || err == -ENOTDIR ? -ESTALE : err;
    }
    return lookup_gfid(c, &gfid, out, stat);
}

static int
lookup_name(struct posix_call *c, struct inode *parent, int dirfd,
            const char *name, struct inode **out, struct iatt *stat)
{
    AUTO_FOUND struct found f = FOUND_NONE;
    int err;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return lookup_dots(c, parent, name[1] == '.', out, stat);
    err = posix_name_check(name);
    if (err < 0)
        return err;
    if (posix_name_is_hidden(parent, name))
        return -EPERM;
    err = find_by_name(c, parent, dirfd, name, &f);
    if (err == -ENODATA && f.ref.fd >= 0 && asked(c, "gfidless-lookup"))
        err = 0;
    return err < 0 ? err : answer(c, &f, out, stat);
}

int
posix_lookup(struct posix_call *c, struct inode *parent, const char *name,
             const struct gfid *gfid, struct inode **out, struct iatt *stat,
             struct iatt *postparent)
{
    AUTO_REF struct posix_ref dir = POSIX_REF_NONE;
    int err;

    *out = NULL;
    memset(postparent, 0, sizeof(*postparent));
    if (name[0] == '\0')
        return lookup_gfid(c, gfid, out, stat);
    OBJ_CHECK(parent, INODE_MAGIC);
    err = posix_dir_ref(c->px, parent, &dir);
    if (err < 0)
        return err == -ENOENT ? -ESTALE : err;
    err = lookup_name(c, parent, dir.fd, name, out, stat);
    if (err == 0)
        err = posix_iatt_ref(c->px, parent, dir.fd, postparent);
    if (err < 0) {
        inode_put(*out);
        *out = NULL;
    }
    return err;
}
