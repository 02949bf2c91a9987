/* SPDX-License-Identifier: BSD-2-Clause */
/* What handlers of lock operations share. */
#ifndef CLINKER_SERVER_FOP_LOCKS_H
#define CLINKER_SERVER_FOP_LOCKS_H

#include "server/fop/call.h"
#include "server/lock/holder.h"

/* A client's, for lk_holder_init(): contention is told to it by the callback
 * program. */
extern const struct lk_holder_ops client_holder_ops;

struct lk_rules lock_rules(const struct options *options);
/* Clients of a certain age must say who owns a lock: 0, -EINVAL. */
int lock_owner_check(const struct call *c);
/* To be called while the call is still ours: it is going to wait for what only
 * other requests can bring about, so it must not use up those that its
 * connection may have in flight.  0; -ENOLCK: its client waits for too much
 * already. */
int call_park(struct call *c);
/* Mandatory locks: may the call read (write: change) those bytes of the inode,
 * through its fd or (NULL) by path?  0; -EAGAIN; -errno;
 * 1: the call waits and will be run anew, from its beginning. */
#define LOCK_TO_INFINITY UINT64_MAX
int lock_access(struct call *c, struct inode *inode, const struct fd *fd,
                bool write, uint64_t offset, uint64_t len);
/* The same of an open that truncates: it does not wait. */
int lock_truncates(struct call *c, struct inode *inode);
/* Before an object is removed, once that is permitted: wait for the internal
 * locks that other clients have on it.  0: lock_removal_end() is to follow;
 * -errno; 1: as lock_access(). */
int lock_removal_begin(struct call *c, struct inode *inode);
/* Nothing, if none has begun. */
void lock_removal_end(struct call *c);
/* What a handler returns when one of them has not returned 0. */
int64_t lock_result(int err);
/* It goes on after all. */
void call_unpark(struct call *c);

#endif
