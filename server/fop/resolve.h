/* SPDX-License-Identifier: BSD-2-Clause */
/* What a request names, as inodes and fds hung on the call; the errors are
 * those of doc/protocol.md.  Each returns 0 or a negative errno. */
#ifndef CLINKER_SERVER_FOP_RESOLVE_H
#define CLINKER_SERVER_FOP_RESOLVE_H

#include "server/fop/call.h"

/* args.gfid into c->inode: EINVAL for the null gfid, ESTALE when unknown. */
int resolve_inode(struct call *c);
/* args.fd (and args.gfid, for an anonymous one) into c->fd. EBADF; ENOENT. */
int resolve_fd(struct call *c);
/* args.fd2 with args.gfid2 into c->fd2. */
int resolve_fd2(struct call *c);
/* A directory, for an entry operation: EINVAL, ESTALE; EPERM when it is none.
 * *out is one of the call's members. */
int resolve_parent(struct call *c, const struct gfid *gfid,
                   struct inode **out);
/* The entry, which must be there. stat may be NULL. */
int resolve_entry(struct call *c, struct inode *parent, const char *name,
                  struct inode **out, struct iatt *stat);

#endif
