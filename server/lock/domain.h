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
#include "server/lock/holder.h"
#include "server/lock/record.h"
#include "server/lock/volume.h"

enum { LOCK_DOMAIN_MAGIC = 0x4c444f4d };

struct lock_domain {
    unsigned magic;
    struct inode *inode; /* constant */
    struct mutex mtx;    /* rank 25; guards all that follows */
    bool has_ref;        /* on inode  <=>  some list below is not empty */
    struct lk_records records;
    struct ilk_table internal;
    struct cds_list_head removals; /* removal.c's: those that wait */
    uint32_t removing;             /* and how many have begun */
    struct cds_list_head gates; /* mandatory.c's: accesses that wait */
    struct cds_list_head ties; /* holders that may have something here */
};

/* What is to be done once the mutex is free. */
struct lk_aftermath {
    const struct lk_rules *rules;  /* of internal locks; NULL: not needed */
    struct cds_list_head answers;  /* lk_waiter */
    struct cds_list_head internal; /* ilk_waiter, of gates and removals too */
    struct cds_list_head notices;  /* lk_notice */
    struct inode *put;
    bool waits; /* lk_waits_enter() has been called */
};

/* NULL when the inode never had any.  The caller holds the inode. */
struct lock_domain *lock_domain_find(struct inode *inode);
/* NULL and ENOMEM. */
struct lock_domain *lock_domain_get(struct inode *inode);
/* Frees the inode's domain, which must be empty. */
void lock_domain_release(struct inode *inode);

/* Takes domain->mtx, and deadlock.c's where record locks wait. */
void lock_domain_enter(struct lock_domain *domain, struct lk_aftermath *after,
                       const struct lk_rules *rules);
/* Record locks are going to wait. */
void lock_domain_waits_locked(struct lock_domain *domain,
                              struct lk_aftermath *after);
/* The record locks have changed: grant what can be. */
void lock_domain_regrant_locked(struct lock_domain *domain,
                                struct lk_aftermath *after);
/* Takes or gives back the reference that the lists call for, unlocks, and
 * tells whom there is to tell.  The domain may be gone afterwards, unless the
 * caller has a reference on its inode. */
void lock_domain_leave(struct lock_domain *domain, struct lk_aftermath *after);

#endif
