/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mandatory locks: reads and writes that record locks of others keep out, and
 * that wait until these have gone.
 */
#ifndef CLINKER_SERVER_LOCK_MANDATORY_H
#define CLINKER_SERVER_LOCK_MANDATORY_H

#include "server/lock/internal.h"

struct lk_access {
    struct inode *inode;
    struct lk_holder *holder; /* the client; waits no longer than it is here */
    const uint8_t *owner;
    uint32_t owner_bytes;
    bool write; /* kept out by any lock, not only by write locks */
    bool flagged_only; /* by those that were set as mandatory alone */
    struct lk_range range;
};

/* 0: nothing is in the way, at this moment.
 * 1: queued; done will be called (or has been), with 0 when it is worth
 *    another try, with -EAGAIN when the holder has left.
 * -EAGAIN: something is in the way, and wait is NULL.
 * -ESHUTDOWN, -EINVAL, -ENOMEM. */
int lk_access(const struct lk_access *access, const struct ilk_wait *wait);
/* Is there any record lock at all, granted or waiting (that counts)? */
bool lk_any(struct inode *inode, bool flagged_only);

/* --- for lock/ alone: under domain->mtx --- */
struct lock_domain;
/* The record locks have changed: those who can go on go to answers. */
void lk_gates_open_locked(struct lock_domain *domain,
                          struct cds_list_head *answers);
void lk_gates_drop_holder_locked(struct lock_domain *domain,
                                 const struct lk_holder *holder,
                                 struct cds_list_head *answers);

#endif
