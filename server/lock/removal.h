/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An object that is to be removed, and internal locks on its data: the removal
 * waits until no other client holds any, and new ones wait until it is over.
 * Locks of internal callers (negative pids) neither hold it up nor wait for it.
 */
#ifndef CLINKER_SERVER_LOCK_REMOVAL_H
#define CLINKER_SERVER_LOCK_REMOVAL_H

#include "server/lock/internal.h"

/* 0: begun; lk_removal_end() must follow, with the inode referred to till then.
 * 1: queued: done will be called (or has been), with 0 when it has begun, with
 *    -EAGAIN when the holder has left.
 * -EAGAIN: it is held up, and wait is NULL.
 * -ESHUTDOWN, -ENOMEM. */
int lk_removal_begin(struct inode *inode, struct lk_holder *holder,
                     const struct lk_rules *rules,
                     const struct ilk_wait *wait);
void lk_removal_end(struct inode *inode, const struct lk_rules *rules);

/* --- for lock/ alone: under domain->mtx --- */
struct lock_domain;
/* Internal locks have gone: begin what can begin. */
void lk_removals_begin_locked(struct lock_domain *domain,
                              struct cds_list_head *answers);
void lk_removals_drop_holder_locked(struct lock_domain *domain,
                                    const struct lk_holder *holder,
                                    struct cds_list_head *answers);

#endif
