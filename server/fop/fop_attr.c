/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations on attributes. */
#include <errno.h>

#include "server/fop/handlers.h"
#include "server/fop/permit.h"
#include "server/fop/resolve.h"

static int
stat_of(struct call *c, struct inode *inode, struct fd *fd)
{
    struct posix_call pc = call_posix(c);

    call_answer_xdata(c);
    return posix_stat(&pc, inode, fd, &c->reply.iatt[0]);
}

int64_t
fop_stat(struct call *c)
{
    int err = resolve_inode(c);

    return err != 0 ? err : stat_of(c, c->inode, NULL);
}

int64_t
fop_fstat(struct call *c)
{
    int err = resolve_fd(c);

    return err != 0 ? err : stat_of(c, c->fd->inode, c->fd);
}

int64_t
fop_setattr(struct call *c)
{
    struct posix_call pc = call_posix(c);
    uint32_t valid = (uint32_t)c->args.valid;
    int err = resolve_inode(c);

    if (err == 0)
        err = permit_setattr(c, c->inode, &c->args.attr, valid);
    if (err != 0)
        return err;
    call_answer_xdata(c);
    return posix_setattr(&pc, c->inode, NULL, &c->args.attr, valid,
                         &c->reply.iatt[0], &c->reply.iatt[1]);
}

/* Through an fd nothing is checked, as on the peer. */
int64_t
fop_fsetattr(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err != 0)
        return err;
    call_answer_xdata(c);
    return posix_setattr(&pc, c->fd->inode, c->fd, &c->args.attr,
                         (uint32_t)c->args.valid, &c->reply.iatt[0],
                         &c->reply.iatt[1]);
}

int64_t
fop_access(struct call *c)
{
    unsigned want = c->args.mask & 7;
    int granted, err = resolve_inode(c);

    if (err != 0)
        return err;
    if (c->args.mask == 0)
        return 0;
    if (want == 0)
        return -EINVAL;
    granted = permit_granted(c, c->inode, want);
    if (granted < 0)
        return granted;
    if (c->caller.pid == CALLER_PID_NFS) {
        /* An NFS server asks for all and wants to know which. */
        c->reply.op_errno = granted;
        return 0;
    }
    return (unsigned)granted == want ? 0 : -EACCES;
}

int64_t
fop_statfs(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_inode(c);

    if (err != 0)
        return err;
    return posix_statfs(&pc, c->inode, &c->reply.statfs);
}

int64_t
fop_readlink(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_inode(c);

    if (err != 0)
        return err;
    return posix_readlink(&pc, c->inode, (uint32_t)c->args.size,
                          &c->reply.path, &c->reply.iatt[0]);
}
