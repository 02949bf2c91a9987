/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of an object's handle when it loses a name.
 *
 * Its last name: the handle goes before the name.  A crash in between leaves
 * a name with a gfid and no handle, which the next lookup of that name
 * repairs, and the removal was not acknowledged.  The other order would leave
 * a handle without a name: space that nobody finds again.  If the removal
 * fails, the handle is made anew from the name.
 *
 * An object that is open keeps its handle below .glusterfs/unlink, so that
 * requests by gfid and anonymous fds still reach its data; the last fd to go
 * removes it (open.c), or the next start.
 *
 * A copy that was made behind our back has the object's gfid but no handle:
 * its name is all that goes.
 *
 * All of it under inode->write_mtx: which name is the last, and whether it is
 * open, must not change until the name has gone.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "mem/must.h"
#include "server/core/log.h"

/* Does what was seen at the name stand for the inode?  By its handle, or where
 * that is missing by the gfid on it.  1: for a copy of it. */
static int
name_is(struct posix *px, struct inode *inode, int dirfd, const char *name,
        const struct stat *seen, struct stat *st)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    struct gfid gfid;
    int err = posix_ref_get(px, inode, NULL, &ref);

    if (err == 0) {
        if (fstat(ref.fd, st) < 0)
            return -errno;
        if (st->st_ino == seen->st_ino && st->st_dev == seen->st_dev)
            return 0;
        *st = *seen;
        err = known_is_copy(px, inode, dirfd, name, seen);
        return err == 0 ? -ESTALE : err;
    }
    if (err != -ENOENT)
        return err;
    *st = *seen;
    err = posix_gfid_read(dirfd, name, &gfid);
    if (err < 0)
        return err;
    return gfid_equal(&gfid, &inode->gfid) ? 0 : -ESTALE;
}

/* Without its handle st_nlink counts names alone. */
static bool
has_handle(struct posix *px, const struct lastname *ln)
{
    char name[HANDLE_NAME_BYTES];
    int level1 = handle_place(px, &ln->inode->gfid, name);
    struct stat st;

    return fstatat(level1, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_ino == ln->st.st_ino && st.st_dev == ln->st.st_dev;
}

int
lastname_begin(struct posix *px, struct inode *inode, int dirfd,
               const char *name, const struct stat *seen, struct lastname *ln)
{
    int err;

    ln->inode = inode;
    ln->copy = false;
    ln->last = false;
    ln->aside = false;
    mutex_lock(&inode->write_mtx);
    err = name_is(px, inode, dirfd, name, seen, &ln->st);
    if (err < 0)
        goto fail;
    ln->copy = err == 1;
    if (ln->copy || S_ISDIR(ln->st.st_mode))
        return 0;
    ln->last = ln->st.st_nlink == 1 ||
               (ln->st.st_nlink == 2 && has_handle(px, ln));
    if (!ln->last)
        return 0;
    if (inode->fd_count > 0) {
        err = handle_set_aside(px, &inode->gfid);
        ln->aside = err == 0;
        if (err == -ENOENT)
            err = 0;
    } else {
        err = handle_remove(px, &inode->gfid);
    }
    if (err == 0)
        return 0;
fail:
    mutex_unlock(&inode->write_mtx);
    return err;
}

void
lastname_done(struct posix *px, struct lastname *ln)
{
    struct inode *inode = ln->inode;
    bool gone = ln->last || (!ln->copy && S_ISDIR(ln->st.st_mode));
    bool forget = gone;

    if (gone) {
        inode->unlinked = true;
        /* After it: an fd that goes now sees that, or we see its going. */
        if (ln->aside && inode->fd_count > 0) {
            forget = false;
        } else if (ln->aside) {
            int err = handle_aside_remove(px, &inode->gfid);

            if (err < 0)
                log_warning("remove unlinked gfid=%s: %s",
                            gfid_str(&inode->gfid), strerror(-err));
        }
    }
    mutex_unlock(&inode->write_mtx);
    if (gone)
        posix_ref_forget(inode);
    if (forget)
        inode_forget(inode);
}

void
lastname_undo(struct posix *px, struct lastname *ln, int dirfd,
              const struct gfid *parent, const char *name)
{
    int err = 0;

    if (ln->aside)
        err = handle_bring_back(px, &ln->inode->gfid);
    else if (ln->last)
        err = handle_make(px, &ln->inode->gfid, dirfd, parent, name, &ln->st);
    if (err < 0)
        log_warning("handle of gfid=%s, which keeps its name: %s",
                    gfid_str(&ln->inode->gfid), strerror(-err));
    mutex_unlock(&ln->inode->write_mtx);
}
