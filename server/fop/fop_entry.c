/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations on names: lookup, making, linking, removing, renaming. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "server/fop/handlers.h"
#include "server/fop/locks.h"
#include "server/fop/index_dir.h"
#include "server/fop/permit.h"
#include "server/fop/resolve.h"

#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

/* The access-control layer of the peer asks for both ACLs with every lookup,
 * so clients get them without asking. */
static int
ask_for_acls(struct call *c)
{
    struct dict *xdata = &c->args.xdata;
    int err = 0;

    if (!dict_has(xdata, ACL_ACCESS))
        err = dict_set_u64(xdata, ACL_ACCESS, 0);
    if (err == 0 && !dict_has(xdata, ACL_DEFAULT))
        err = dict_set_u64(xdata, ACL_DEFAULT, 0);
    return err;
}

int64_t
fop_lookup(struct call *c)
{
    struct posix_call pc = call_posix(c);
    struct fop_args *a = &c->args;
    struct virtual_dir dir;
    int err = 0;

    if (a->name[0] != '\0') {
        err = resolve_parent(c, &a->gfid2, &c->parent);
        if (index_dir_find(c, &a->gfid2, err, &dir))
            return index_dir_lookup_entry(c, &dir);
        if (err == 0)
            err = permit_inode(c, c->parent, ACCESS_X);
    } else if (gfid_is_null(&a->gfid)) {
        err = -EINVAL;
    }
    if (err == 0)
        err = ask_for_acls(c);
    if (err != 0)
        return err;
    c->reply.xdata.null = false;
    err = posix_lookup(&pc, c->parent, a->name, &a->gfid, &c->inode,
                       &c->reply.iatt[0], &c->reply.iatt[1]);
    if (a->name[0] == '\0' && index_dir_find(c, &a->gfid, err, &dir))
        return index_dir_lookup(c, &dir);
    return err;
}

/* --- making --- */

static void
answer_made(struct call *c, struct posix_made *made)
{
    c->inode = made->inode;
    c->reply.iatt[0] = made->stat;
    c->reply.iatt[1] = made->preparent;
    c->reply.iatt[2] = made->postparent;
}

/* Common to all that make a name: its parent, leave to write there. */
static int
prepare(struct call *c, unsigned want)
{
    int err = resolve_parent(c, &c->args.gfid, &c->parent);

    if (err == 0)
        err = permit_new_entry(c, c->parent, c->args.name, want);
    return err;
}

int64_t
fop_mknod(struct call *c)
{
    struct posix_call pc = call_posix(c);
    uint32_t mode = c->args.mode & (S_IFMT | 07777);
    struct posix_made made = {0};
    int err = prepare(c, ACCESS_W | ACCESS_X);

    if (err == 0)
        err = permit_inherit(c, c->parent, &mode, false);
    if (err == 0)
        err = posix_mknod(&pc, c->parent, c->args.name, mode, c->args.rdev,
                          &made);
    if (err == 0)
        answer_made(c, &made);
    return err;
}

int64_t
fop_mkdir(struct call *c)
{
    struct posix_call pc = call_posix(c);
    uint32_t mode = c->args.mode & 07777;
    struct posix_made made = {0};
    int err = prepare(c, ACCESS_W | ACCESS_X);

    if (err == 0)
        err = permit_inherit(c, c->parent, &mode, true);
    if (err == 0)
        err = posix_mkdir(&pc, c->parent, c->args.name, mode, &made);
    if (err == 0)
        answer_made(c, &made);
    return err;
}

int64_t
fop_symlink(struct call *c)
{
    struct posix_call pc = call_posix(c);
    struct posix_made made = {0};
    int err = prepare(c, ACCESS_W | ACCESS_X);

    if (err == 0)
        err = posix_symlink(&pc, c->parent, c->args.name, c->args.name2,
                            &made);
    if (err == 0)
        answer_made(c, &made);
    return err;
}

int64_t
fop_create(struct call *c)
{
    struct posix_call pc = call_posix(c);
    uint32_t mode = c->args.mode & 07777;
    struct posix_made made = {0};
    int err = prepare(c, ACCESS_W | ACCESS_X);

    /* Without O_EXCL an existing file is opened; leave to make a name is
     * asked for all the same, as on the peer. */
    if (err == -EEXIST)
        err = (c->args.flags & O_EXCL) ? -EEXIST : -EACCES;
    if (err == 0)
        err = permit_inherit(c, c->parent, &mode, false);
    if (err == 0)
        err = call_reserve_fd(c);
    if (err == 0)
        err = posix_create(&pc, c->parent, c->args.name, (int)c->args.flags,
                           mode, c->client, &made, &c->fd);
    if (err != 0)
        return err;
    answer_made(c, &made);
    return call_install_fd(c);
}

int64_t
fop_link(struct call *c)
{
    struct posix_call pc = call_posix(c);
    struct posix_made made = {0};
    struct iatt stat;
    int err = resolve_inode(c);

    if (err == 0)
        err = resolve_parent(c, &c->args.gfid2, &c->parent);
    if (err == 0)
        err = permit_new_entry(c, c->parent, c->args.name, ACCESS_W);
    if (err == 0)
        err = posix_iatt(c->brick->px, c->inode, NULL, &stat);
    /* In a sticky directory new names are as guarded as old ones. */
    if (err == 0)
        err = permit_removal(c, c->parent, &stat, ACCESS_W);
    if (err == 0)
        err = posix_link(&pc, c->inode, c->parent, c->args.name, &made);
    if (err != 0)
        return err;
    inode_put(made.inode);
    c->reply.iatt[0] = made.stat;
    c->reply.iatt[1] = made.preparent;
    c->reply.iatt[2] = made.postparent;
    return 0;
}

/* Creation of an inode without a name, for a layer that no default graph has:
 * the real brick does not find the place either. */
int64_t
fop_icreate(struct call *c)
{
    return -ESTALE;
}

int64_t
fop_namelink(struct call *c)
{
    return -EOPNOTSUPP;
}

/* --- removing --- */

static int
prepare_removal(struct call *c, struct iatt *child)
{
    int err = resolve_parent(c, &c->args.gfid, &c->parent);

    if (err == 0)
        err = resolve_entry(c, c->parent, c->args.name, &c->inode, child);
    if (err == 0)
        err = permit_removal(c, c->parent, child, ACCESS_W | ACCESS_X);
    return err;
}

int64_t
fop_unlink(struct call *c)
{
    struct posix_call pc = call_posix(c);
    struct posix_removed removed;
    struct virtual_dir dir;
    struct iatt child;
    int err = prepare_removal(c, &child);

    if (c->parent == NULL && index_dir_find(c, &c->args.gfid, err, &dir))
        return index_dir_remove(c, &dir, false);
    if (err == 0)
        err = lock_removal_begin(c, c->inode);
    if (err != 0)
        return lock_result(err);
    err = posix_unlink(&pc, c->parent, c->args.name, c->inode, &removed);
    lock_removal_end(c);
    if (err != 0)
        return err;
    c->reply.iatt[0] = removed.preparent;
    c->reply.iatt[1] = removed.postparent;
    return 0;
}

int64_t
fop_rmdir(struct call *c)
{
    struct posix_call pc = call_posix(c);
    struct posix_removed removed;
    struct virtual_dir dir;
    struct iatt child;
    int err = prepare_removal(c, &child);

    if (c->parent == NULL && index_dir_find(c, &c->args.gfid, err, &dir))
        return index_dir_remove(c, &dir, true);
    if (err == 0)
        err = lock_removal_begin(c, c->inode);
    if (err != 0)
        return lock_result(err);
    err = posix_rmdir(&pc, c->parent, c->args.name, c->inode,
                      (int)c->args.flags, &removed);
    lock_removal_end(c);
    if (err != 0)
        return err;
    c->reply.iatt[0] = removed.preparent;
    c->reply.iatt[1] = removed.postparent;
    return 0;
}

/* Leave to take the old name away, to make the new one, and to take away what
 * stands there. */
static int
permit_rename(struct call *c, const struct iatt *moved,
              const struct iatt *victim)
{
    int err = permit_removal(c, c->parent, moved, ACCESS_W);

    if (err == 0 && c->inode2 != NULL)
        err = permit_removal(c, c->parent2, victim, ACCESS_W);
    else if (err == 0)
        err = permit_inode(c, c->parent2, ACCESS_W);
    return err;
}

int64_t
fop_rename(struct call *c)
{
    struct posix_call pc = call_posix(c);
    struct fop_args *a = &c->args;
    struct posix_renamed renamed;
    struct iatt moved, victim;
    int err = resolve_parent(c, &a->gfid, &c->parent);

    if (err == 0)
        err = resolve_parent(c, &a->gfid2, &c->parent2);
    if (err == 0)
        err = resolve_entry(c, c->parent, a->name, &c->inode, &moved);
    if (err == 0) {
        err = resolve_entry(c, c->parent2, a->name2, &c->inode2, &victim);
        if (err == -ENOENT)
            err = 0;
    }
    if (err == 0)
        err = permit_rename(c, &moved, &victim);
    if (err == 0 && c->inode2 != NULL)
        err = lock_removal_begin(c, c->inode2);
    if (err != 0)
        return lock_result(err);
    err = posix_rename(&pc, c->parent, a->name, c->inode, c->parent2, a->name2,
                       c->inode2, &renamed);
    lock_removal_end(c);
    if (err != 0)
        return err;
    c->reply.iatt[0] = renamed.stat;
    c->reply.iatt[1] = renamed.preold;
    c->reply.iatt[2] = renamed.postold;
    c->reply.iatt[3] = renamed.prenew;
    c->reply.iatt[4] = renamed.postnew;
    return 0;
}
