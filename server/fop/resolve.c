/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static int
find(struct call *c, const struct gfid *gfid, struct inode **out)
{
    struct posix_call pc = call_posix(c);
    int err;

    if (gfid_is_null(gfid))
        return -EINVAL;
    err = posix_find(&pc, gfid, out);
    return err == -ENOENT ? -ESTALE : err;
}

int
resolve_inode(struct call *c)
{
    return find(c, &c->args.gfid, &c->inode);
}

static int
find_fd(struct call *c, int64_t number, const struct gfid *gfid,
        struct fd **out)
{
    struct posix_call pc = call_posix(c);
    int extra = (int)c->args.flags & O_DIRECT;

    if (number == FD_ANONYMOUS) {
        if (gfid_is_null(gfid))
            return -ENOENT;
        if (c->fop->proc != FOP_READ && c->fop->proc != FOP_WRITE)
            extra = 0; /* their flags are open flags, others' are not */
        return posix_open_anonymous(&pc, gfid, extra, out);
    }
    if (number < 0)
        return -EBADF;
    *out = fd_table_find(c->client->fds, number);
    if (*out == NULL)
        return -EBADF;
    /* Of a virtual directory, which can only be listed (index_dir.h). */
    if ((*out)->os_fd == FD_MADE_UP && c->fop->proc != FOP_READDIR)
        return -EINVAL;
    return 0;
}

int
resolve_fd(struct call *c)
{
    return find_fd(c, c->args.fd, &c->args.gfid, &c->fd);
}

int
resolve_fd2(struct call *c)
{
    return find_fd(c, c->args.fd2, &c->args.gfid2, &c->fd2);
}

int
resolve_parent(struct call *c, const struct gfid *gfid, struct inode **out)
{
    int err = find(c, gfid, out);

    if (err != 0)
        return err;
    return inode_type(*out) == S_IFDIR ? 0 : -EPERM;
}

int
resolve_entry(struct call *c, struct inode *parent, const char *name,
              struct inode **out, struct iatt *stat)
{
    struct posix_call pc = call_posix(c);

    return posix_find_entry(&pc, parent, name, out, stat);
}
