/* SPDX-License-Identifier: BSD-2-Clause */
/* The access-control stage where requests meet it: fetches what a decision
 * needs, unless the caller is exempt. Each returns 0 or a negative errno. */
#ifndef CLINKER_SERVER_FOP_PERMIT_H
#define CLINKER_SERVER_FOP_PERMIT_H

#include "server/fop/call.h"
#include "server/stage/access.h"

bool permit_is_exempt(const struct call *c);
uint32_t permit_super_uid(const struct call *c);
/* want: ACCESS_* bits on the inode. */
int permit_inode(struct call *c, struct inode *inode, unsigned want);
/* Bits of want that are granted: 0..7, or a negative errno. */
int permit_granted(struct call *c, struct inode *inode, unsigned want);
/* A new entry in parent: w and x (`want`); an existing name is EEXIST before
 * it is EACCES. */
int permit_new_entry(struct call *c, struct inode *parent, const char *name,
                     unsigned want);
/* Taking `child` away from parent: sticky rule, then want. */
int permit_removal(struct call *c, struct inode *parent,
                   const struct iatt *child, unsigned want);
/* Ownership, for ACL xattrs. */
int permit_owner(struct call *c, struct inode *inode);
/* SETATTR; may change set->mode. */
int permit_setattr(struct call *c, struct inode *inode, struct iatt *set,
                   uint32_t valid);
/* The mode of a new object, by umask and the parent's default ACL, with the
 * ACLs that it inherits put into the request's xdata. */
int permit_inherit(struct call *c, struct inode *parent, uint32_t *mode,
                   bool directory);

#endif
