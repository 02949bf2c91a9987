/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the locks of one inode live: made on first use, published in
 * inode->locks by one atomic exchange, freed with the inode.  While anything
 * is held or waited for, it keeps a reference on its inode, so that the inode
 * table cannot drop state that only memory has.  Private to lock/.
 */
#ifndef CLINKER_SERVER_LOCK_DOMAIN_H
#define CLINKER_SERVER_LOCK_DOMAIN_H

#include <stdbool.h>

#include "mem/mutex.h"
#include "server/inode/table.h"
#include "server/lock/record.h"

enum { LOCK_DOMAIN_MAGIC = 0x4c444f4d };

struct lock_domain {
    unsigned magic;
    struct inode *inode; /* constant */
    struct mutex mtx;    /* rank 25; guards all that follows */
    bool has_ref;        /* on inode  <=>  some list below is not empty */
    struct lk_records records;
};

/* NULL when the inode never had any.  The caller holds the inode. */
struct lock_domain *lock_domain_find(struct inode *inode);
/* NULL and ENOMEM. */
struct lock_domain *lock_domain_get(struct inode *inode);
/* Frees the inode's domain, which must be empty. */
void lock_domain_release(struct inode *inode);

/* Take and give back the reference that the lists call for.  The caller holds
 * mtx, has changed the lists, and puts the result after unlocking (NULL:
 * nothing to put). */
struct inode *lock_domain_settle_locked(struct lock_domain *domain);

#endif
