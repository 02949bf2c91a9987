/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations that count what is to be healed.  No permission is asked for:
 * clients send them on behalf of whoever changes something. */
#include <errno.h>

#include "server/fop/handlers.h"
#include "server/fop/resolve.h"
#include "server/heal/heal.h"

static int64_t
change(struct call *c, struct inode *inode, struct fd *fd)
{
    struct posix_call pc = call_posix(c);
    struct fop_args *a = &c->args;

    if (c->caller.pid >= 0 &&
        options_bool(c->brick->options, OPT_READ_ONLY) &&
        !heal_xattrop_is_idle(&a->dict))
        return -EROFS;
    call_answer_xdata(c);
    return heal_xattrop(c->brick->heal, &pc, inode, fd, a->flags, &a->dict,
                        &c->reply.dict);
}

int64_t
fop_xattrop(struct call *c)
{
    int err = resolve_inode(c);

    return err != 0 ? err : change(c, c->inode, NULL);
}

int64_t
fop_fxattrop(struct call *c)
{
    int err = resolve_fd(c);

    return err != 0 ? err : change(c, c->fd->inode, c->fd);
}
