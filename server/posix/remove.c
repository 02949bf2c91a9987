/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking names away.
 *
 * unlink: what lastname.c says.  rmdir: the name first, since it often fails
 * (ENOTEMPTY) and until then everybody below needs the handle; a crash in
 * between leaves a directory handle that points nowhere, which the next
 * lookup of the gfid removes.  A whole tree goes to landfill by one rename,
 * handles below it are the janitor's.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem/must.h"
#include "server/core/log.h"

/* Conditions that distribute puts on an unlink. */
static int
unlink_allowed(struct posix_call *c, struct inode *inode, int dirfd,
               const char *name, const struct stat *st)
{
    int fd, err;
    ssize_t n;

    if (ops_asked_true(c, "dont-unlink-for-open-fd") && inode->fd_count > 0)
        return -EBUSY;
    if (!ops_asked_true(c, "unlink-only-if-dht-linkto-file"))
        return 0;
    if (!is_linkto_mode(st->st_mode))
        return -EBUSY;
    fd = posix_openat(dirfd, name, O_PATH, 0);
    if (fd < 0)
        return fd;
    n = posix_fgetxattr(fd, "trusted.glusterfs.dht.linkto", NULL, 0);
    err = n > 0 ? 0 : (n == 0 || n == -ENODATA ? -EBUSY : (int)n);
    (void)close(fd);
    return err;
}

/* Keys of the reply that are known beforehand; *post is filled in later. */
static int
unlink_reply(struct posix_call *c, const struct iatt *before,
             struct iatt **post)
{
    bool counted = ops_asked(c, "get-link-count");
    int err;

    *post = NULL;
    err = dict_set_u64(c->reply, "get-link-count",
                       counted ? before->nlink : 0);
    if (err == 0 && ops_asked(c, "gf_request_link_count"))
        err = dict_set_u64(c->reply, "gf_response_link_count", before->nlink);
    if (err == 0 && ops_asked(c, "gf_get_file_block_count"))
        err = dict_set_u64(c->reply, "gf_get_file_block_count",
                           before->blocks);
    if (err < 0 || !S_ISREG(before->mode) ||
        !ops_asked(c, "dht-get-iatt-in-xattr"))
        return err;
    *post = arena_zalloc(c->arena, sizeof(**post));
    if (*post == NULL)
        return -ENOMEM;
    err = dict_set_iatt(c->reply, "dht-get-iatt-in-xattr", *post);
    if (err == 0)
        err = dict_set_iatt(c->reply, "virt-gf-poststat", *post);
    return err;
}

/* How the object is afterwards; ref is good whatever became of its handle. */
static void
unlinked_post(struct posix_call *c, struct inode *inode, int ref_fd,
              const struct lastname *ln, struct iatt *post)
{
    if (ref_fd < 0 || ln->copy)
        return;
    if (!ln->last)
        posix_mdata_apply(c->px, c->caller, inode, ref_fd, false);
    if (post != NULL && posix_iatt_ref(c->px, inode, ref_fd, post) < 0)
        memset(post, 0, sizeof(*post));
}

static int
unlink_held(struct posix_call *c, struct inode *parent, int dirfd,
            const char *name, struct inode *inode)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    struct posix *px = c->px;
    struct iatt before, *post = NULL;
    struct lastname ln;
    struct stat st;
    int err;

    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    err = unlink_allowed(c, inode, dirfd, name, &st);
    if (err < 0)
        return err;
    /* Where the handle is missing there is none, and nothing to note. */
    err = posix_ref_get(px, inode, NULL, &ref);
    if (err < 0 && err != -ENOENT)
        return err;
    if (ref.fd >= 0)
        posix_iatt_fill(px, inode, ref.fd, &st, &before);
    else
        posix_iatt_plain(&inode->gfid, &st, &before);
    err = unlink_reply(c, &before, &post);
    if (err < 0)
        return err;
    err = lastname_begin(px, inode, dirfd, name, &st, &ln);
    if (err < 0)
        return err;
    if (unlinkat(dirfd, name, 0) < 0) {
        err = -errno;
        lastname_undo(px, &ln, dirfd, &parent->gfid, name);
        return err;
    }
    if (!ln.last && !ln.copy && ref.fd >= 0)
        backref_remove(px, ref.fd, &parent->gfid, name);
    lastname_done(px, &ln);
    unlinked_post(c, inode, ref.fd, &ln, post);
    return 0;
}

static int
parent_after(struct posix_call *c, struct inode *parent, int dirfd,
             struct iatt *post)
{
    posix_mdata_apply(c->px, c->caller, parent, dirfd, true);
    return posix_iatt_ref(c->px, parent, dirfd, post);
}

static int
removal_begin(struct posix_call *c, struct inode *parent, const char *name,
              struct posix_ref *dir, struct posix_removed *out)
{
    int err = posix_name_check(name);

    if (err < 0)
        return err;
    if (posix_name_is_hidden(parent, name))
        return -ENOENT;
    err = ops_stale(posix_dir_ref(c->px, parent, dir));
    if (err < 0)
        return err;
    memset(out, 0, sizeof(*out));
    return posix_iatt_ref(c->px, parent, dir->fd, &out->preparent);
}

int
posix_unlink(struct posix_call *c, struct inode *parent, const char *name,
             struct inode *inode, struct posix_removed *out)
{
    AUTO_REF struct posix_ref dir = POSIX_REF_NONE;
    int err = removal_begin(c, parent, name, &dir, out);

    if (err == 0) {
        AUTO_NAME struct name_hold hold = {0};

        name_hold(&hold, parent, name);
        err = unlink_held(c, parent, dir.fd, name, inode);
    }
    return err < 0 ? err : parent_after(c, parent, dir.fd, &out->postparent);
}

/* To landfill/<gfid>; what lies there already gives the new one another
 * name. */
static int
to_landfill(struct posix *px, int dirfd, const char *name,
            const struct gfid *gfid)
{
    struct gfid other;

    if (renameat2(dirfd, name, px->landfill_fd, gfid_str(gfid),
                  RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EEXIST && errno != EINVAL)
        return -errno;
    gfid_random(&other);
    return renameat(dirfd, name, px->landfill_fd, gfid_str(&other)) < 0
               ? -errno
               : 0;
}

static int
rmdir_held(struct posix_call *c, struct inode *parent, int dirfd,
           const char *name, struct inode *inode, int flags)
{
    struct posix *px = c->px;
    struct lastname ln;
    struct stat st;
    int err;

    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode))
        return -ENOTDIR;
    err = lastname_begin(px, inode, dirfd, name, &st, &ln);
    if (err < 0)
        return err;
    if (flags != 0)
        err = to_landfill(px, dirfd, name, &inode->gfid);
    else if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
        err = errno == EEXIST ? -ENOTEMPTY : -errno;
    if (err < 0) {
        lastname_undo(px, &ln, dirfd, &parent->gfid, name);
        return err;
    }
    /* Only its own: the gfid may have a place elsewhere by now. */
    err = ln.copy ? 0
                  : handle_dir_is(px, &inode->gfid, &parent->gfid, name);
    if (err == 1)
        err = handle_remove(px, &inode->gfid);
    if (err < 0 && err != -ENOENT)
        log_warning("remove handle of rmdir gfid=%s: %s",
                    gfid_str(&inode->gfid), strerror(-err));
    lastname_done(px, &ln);
    if (flags != 0)
        posix_janitor_wake(px);
    return 0;
}

int
posix_rmdir(struct posix_call *c, struct inode *parent, const char *name,
            struct inode *inode, int flags, struct posix_removed *out)
{
    AUTO_REF struct posix_ref dir = POSIX_REF_NONE;
    uint32_t type = inode_type(inode);
    int err = removal_begin(c, parent, name, &dir, out);

    if (err == 0 && type != 0 && type != S_IFDIR)
        err = -ENOTDIR;
    if (err == 0) {
        AUTO_NAME struct name_hold hold = {0};

        name_hold(&hold, parent, name);
        err = rmdir_held(c, parent, dir.fd, name, inode, flags);
    }
    return err < 0 ? err : parent_after(c, parent, dir.fd, &out->postparent);
}
