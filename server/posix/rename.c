/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rename.  A file in the way loses a name as by unlink (lastname.c): its
 * handle goes first and comes back if the rename fails.  A directory in the
 * way keeps its handle until it has been replaced, since that often fails
 * (ENOTEMPTY).  The handle of a moved directory is put in its place after the
 * move; a crash before that leaves one that points nowhere, which the next
 * lookup of the new name repairs.
 *
 * What the new name needs beside itself (the new handle's symlink, a file's
 * back reference) is made before the move: on a full disk the rename fails and
 * has changed nothing.
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

struct renaming {
    struct posix_call *c;
    struct inode *oldparent, *newparent;
    const char *oldname, *newname;
    struct inode *inode;
    struct inode *victim; /* a reference of ours; NULL: nothing in the way */
    struct posix_ref olddir, newdir, ref;
    struct stat st, victim_st;
    bool same;    /* both names are of one object */
    bool copy;    /* what is moved is a copy (known.c): no handle or back
                     reference is touched, and ref is the copy's */
    bool swapped; /* the old name's back reference had to go first */
    struct handle_move move;
};

static int
renaming_begin(struct renaming *r, struct posix_renamed *out)
{
    struct posix *px = r->c->px;
    int err;

    err = posix_name_check(r->oldname);
    if (err == 0)
        err = posix_name_check(r->newname);
    if (err < 0)
        return err;
    if (posix_name_is_hidden(r->oldparent, r->oldname))
        return -ENOENT;
    if (posix_name_is_hidden(r->newparent, r->newname))
        return inode_type(r->inode) == S_IFDIR ? -ENOTEMPTY : -EISDIR;
    err = ops_stale(posix_dir_ref(px, r->oldparent, &r->olddir));
    if (err == 0)
        err = ops_stale(posix_dir_ref(px, r->newparent, &r->newdir));
    if (err == 0)
        err = posix_ref_get(px, r->inode, NULL, &r->ref);
    if (err == 0)
        err = posix_iatt_ref(px, r->oldparent, r->olddir.fd, &out->preold);
    if (err == 0)
        err = posix_iatt_ref(px, r->newparent, r->newdir.fd, &out->prenew);
    return err;
}

/* The name moves, and what the gfid leads to stays as it is. */
static int
source_copy(struct renaming *r)
{
    struct stat st;
    int fd, err = known_is_copy(r->c->px, r->inode, r->olddir.fd, r->oldname,
                                &r->st);

    if (err <= 0)
        return err < 0 ? err : -ESTALE;
    fd = posix_openat(r->olddir.fd, r->oldname, O_PATH, 0);
    if (fd < 0)
        return fd;
    posix_ref_put(&r->ref);
    r->ref = (struct posix_ref){.fd = fd, .owned = true};
    r->copy = true;
    if (fstat(fd, &st) < 0)
        return -errno;
    return st.st_ino == r->st.st_ino && st.st_dev == r->st.st_dev ? 0
                                                                  : -ESTALE;
}

/* What stands at the old name has to be the inode still. */
static int
source_look(struct renaming *r)
{
    struct stat own;

    if (fstatat(r->olddir.fd, r->oldname, &r->st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (fstat(r->ref.fd, &own) < 0)
        return -errno;
    if (own.st_ino != r->st.st_ino || own.st_dev != r->st.st_dev)
        return source_copy(r);
    return 0;
}

/* What stands at the new name, whatever the caller found there earlier. */
static int
victim_look(struct renaming *r)
{
    struct gfid gfid;
    bool dir;
    int err;

    if (fstatat(r->newdir.fd, r->newname, &r->victim_st,
                AT_SYMLINK_NOFOLLOW) < 0) {
        err = errno == ENOENT ? 0 : -errno;
        inode_put(r->victim);
        r->victim = NULL;
        return err;
    }
    if (r->victim_st.st_ino == r->st.st_ino &&
        r->victim_st.st_dev == r->st.st_dev) {
        r->same = true;
        return 0;
    }
    dir = S_ISDIR(r->victim_st.st_mode);
    if (dir != S_ISDIR(r->st.st_mode))
        return dir ? -EISDIR : -ENOTDIR;
    err = posix_gfid_read(r->newdir.fd, r->newname, &gfid);
    if (err == -ENODATA) {
        /* Put there behind our back: it has no handle to care for. */
        inode_put(r->victim);
        r->victim = NULL;
        return dir ? -EEXIST : 0;
    }
    if (err < 0)
        return err;
    if (r->victim != NULL && gfid_equal(&r->victim->gfid, &gfid))
        return 0;
    if (dir)
        return -EEXIST;
    /* Put there since the caller looked.  Whoever holds locks on it has them
     * on its inode, which we take along. */
    inode_put(r->victim);
    r->victim = inode_link(r->c->px->table, &gfid,
                           r->victim_st.st_mode & S_IFMT);
    return r->victim == NULL ? -ENOMEM : 0;
}

static int
rename_reply(struct renaming *r)
{
    struct posix_call *c = r->c;
    uint64_t names;
    int err = 0;

    c->reply->null = false;
    if (r->victim == NULL || r->same)
        return 0;
    names = r->victim_st.st_nlink;
    if (!S_ISDIR(r->victim_st.st_mode) && names > 0)
        names--;
    if (ops_asked(c, "get-link-count"))
        err = dict_set_u64(c->reply, "get-link-count", names);
    if (err == 0 && ops_asked(c, "gf_request_link_count"))
        err = dict_set_u64(c->reply, "gf_response_link_count", names);
    return err;
}

/* The victim's back reference where it has other names. */
static void
victim_note(struct renaming *r, const struct lastname *ln)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;

    if (ln->last || ln->copy || S_ISDIR(ln->st.st_mode))
        return;
    if (posix_ref_get(r->c->px, r->victim, NULL, &ref) < 0)
        return; /* it has just lost its other names as well */
    backref_remove(r->c->px, ref.fd, &r->newparent->gfid, r->newname);
}

static void
victim_dir_handle(struct renaming *r)
{
    struct posix *px = r->c->px;
    const struct gfid *gfid = &r->victim->gfid;
    int err = handle_dir_is(px, gfid, &r->newparent->gfid, r->newname);

    if (err == 1)
        err = handle_remove(px, gfid);
    if (err < 0 && err != -ENOENT)
        log_warning("remove handle of replaced gfid=%s: %s", gfid_str(gfid),
                    strerror(-err));
}

static int
rename_over(struct renaming *r)
{
    struct lastname ln;
    int err;

    err = lastname_begin(r->c->px, r->victim, r->newdir.fd, r->newname,
                         &r->victim_st, &ln);
    if (err < 0)
        return err;
    if (renameat(r->olddir.fd, r->oldname, r->newdir.fd, r->newname) < 0) {
        err = errno == EEXIST ? -ENOTEMPTY : -errno;
        lastname_undo(r->c->px, &ln, r->newdir.fd, &r->newparent->gfid,
                      r->newname);
        return err;
    }
    if (S_ISDIR(ln.st.st_mode) && !ln.copy)
        victim_dir_handle(r);
    victim_note(r, &ln);
    lastname_done(r->c->px, &ln);
    return 0;
}

/* --- handle and back references of what is moved --- */

static int
add_backref(struct renaming *r, const struct inode *parent, const char *name)
{
    uint32_t names = (uint32_t)(r->st.st_nlink > 0 ? r->st.st_nlink - 1 : 0);

    return backref_add(r->c->px, r->ref.fd, &parent->gfid, name, names);
}

static void
drop_backref(struct renaming *r, const struct inode *parent, const char *name)
{
    backref_remove(r->c->px, r->ref.fd, &parent->gfid, name);
}

static void
log_backref(struct renaming *r, int err)
{
    log_limited(LOG_LVL_WARNING, 5, "back reference of gfid=%s: %s",
                gfid_str(&r->inode->gfid), strerror(-err));
}

static void
back_to_old_backref(struct renaming *r)
{
    int err = add_backref(r, r->oldparent, r->oldname);

    if (err < 0)
        log_backref(r, err);
    r->swapped = false;
}

/* Both at a time, if there is room for both among the object's xattrs. */
static int
new_backref(struct renaming *r)
{
    int err = add_backref(r, r->newparent, r->newname);

    if (err == -ENOSPC || err == -EDQUOT) {
        drop_backref(r, r->oldparent, r->oldname);
        r->swapped = true;
        err = add_backref(r, r->newparent, r->newname);
        if (err < 0)
            back_to_old_backref(r);
        return err;
    }
    if (err < 0) /* it may do without */
        log_backref(r, err);
    return 0;
}

static int
move_begin(struct renaming *r)
{
    if (r->copy)
        return 0;
    if (!S_ISDIR(r->st.st_mode))
        return new_backref(r);
    return handle_move_begin(r->c->px, &r->inode->gfid, &r->newparent->gfid,
                             r->newname, &r->move);
}

static void
move_undo(struct renaming *r)
{
    if (r->copy || S_ISDIR(r->st.st_mode))
        return;
    drop_backref(r, r->newparent, r->newname);
    if (r->swapped)
        back_to_old_backref(r);
}

static void
move_done(struct renaming *r)
{
    int err;

    if (r->copy)
        return;
    if (!S_ISDIR(r->st.st_mode)) {
        if (!r->swapped)
            drop_backref(r, r->oldparent, r->oldname);
        return;
    }
    err = handle_move_done(r->c->px, &r->move);
    if (err < 0)
        log_error("handle of renamed directory gfid=%s: %s",
                  gfid_str(&r->inode->gfid), strerror(-err));
}

static int
rename_held(struct renaming *r)
{
    int err = source_look(r);

    if (err == 0)
        err = victim_look(r);
    if (err == 0)
        err = rename_reply(r);
    if (err == 0 && !r->same)
        err = move_begin(r);
    if (err < 0 || r->same)
        return err;
    if (r->victim != NULL)
        err = rename_over(r);
    else if (renameat(r->olddir.fd, r->oldname, r->newdir.fd, r->newname) < 0)
        err = errno == EEXIST ? -ENOTEMPTY : -errno;
    if (err < 0)
        move_undo(r);
    else
        move_done(r);
    return err;
}

static int
renaming_finish(struct renaming *r, struct posix_renamed *out)
{
    struct posix *px = r->c->px;
    const struct caller *caller = r->c->caller;
    int err;

    if (!r->same) {
        if (!r->copy)
            posix_mdata_apply(px, caller, r->inode, r->ref.fd, false);
        posix_mdata_apply(px, caller, r->oldparent, r->olddir.fd, true);
        if (r->newparent != r->oldparent)
            posix_mdata_apply(px, caller, r->newparent, r->newdir.fd, true);
    }
    err = posix_iatt_ref(px, r->inode, r->ref.fd, &out->stat);
    if (err == 0)
        err = posix_iatt_ref(px, r->oldparent, r->olddir.fd, &out->postold);
    if (err == 0)
        err = posix_iatt_ref(px, r->newparent, r->newdir.fd, &out->postnew);
    return err;
}

int
posix_rename(struct posix_call *c, struct inode *oldparent,
             const char *oldname, struct inode *inode,
             struct inode *newparent, const char *newname,
             struct inode *victim, struct posix_renamed *out)
{
    struct renaming r = {
        .c = c, .oldparent = oldparent, .oldname = oldname, .inode = inode,
        .newparent = newparent, .newname = newname,
        .victim = victim == NULL ? NULL : inode_get(victim),
        .olddir = POSIX_REF_NONE, .newdir = POSIX_REF_NONE,
        .ref = POSIX_REF_NONE, .move = {.level2_fd = -1},
    };
    struct posix *px = c->px;
    int err;

    memset(out, 0, sizeof(*out));
    err = renaming_begin(&r, out);
    if (err == 0) {
        AUTO_NAME struct name_hold hold = {0};

        name_hold_two(&hold, oldparent, oldname, newparent, newname);
        err = rename_held(&r);
        handle_move_end(px, &r.move);
    }
    if (err == 0)
        err = renaming_finish(&r, out);
    posix_ref_put(&r.ref);
    posix_ref_put(&r.newdir);
    posix_ref_put(&r.olddir);
    inode_put(r.victim);
    return err;
}
