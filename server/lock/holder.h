/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who holds internal locks, or waits for anything here, and must be found when
 * it goes: a connected client.  A tie is between a holder and an inode on
 * which it has, or lately had, something; ties go when the inode has nothing
 * left, or with the holder.
 */
#ifndef CLINKER_SERVER_LOCK_HOLDER_H
#define CLINKER_SERVER_LOCK_HOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <urcu/list.h>

#include "mem/mutex.h"

struct lk_holder;
struct lk_notice;
struct lock_domain;

/* How internal locks are handled; from the options, for each request. */
struct lk_rules {
    bool notify;              /* tell holders what others want */
    uint32_t notify_secs;     /* one lock's holder at most so often */
    uint32_t revoke_secs;     /* locks older than that may be taken away;
                                 0: none */
    uint32_t revoke_blocked;  /* or when so many wait; 0: never */
    bool revoke_all;          /* those who wait are then refused */
};

struct lk_holder_ops {
    /* A reference on what the holder is part of, and back.  get() is called
     * under mutexes and must take none. */
    void (*get)(struct lk_holder *holder);
    void (*put)(struct lk_holder *holder);
    /* Somebody else wants what the holder has.  No mutex is held. */
    void (*wanted)(struct lk_holder *holder, const struct lk_notice *notice);
};

struct lk_holder {
    const void *client;  /* whose locks; identity, as in lk_request */
    const char *uid;     /* for dumps; lives as long as the client */
    const struct lk_holder_ops *ops;
    struct mutex mtx;          /* rank 27, below a domain's */
    bool gone;                 /* [mtx] nothing is added any more */
    struct cds_list_head ties; /* [mtx] */
};

void lk_holder_init(struct lk_holder *holder, const void *client,
                    const char *uid, const struct lk_holder_ops *ops);
/* It must have left, or never have had anything. */
void lk_holder_fini(struct lk_holder *holder);
/* The client has gone: what it holds is released, what it waits for is
 * answered -EAGAIN.  Nothing is added afterwards (-ESHUTDOWN). */
void lk_holder_leave(struct lk_holder *holder, const struct lk_rules *rules);

/* --- for lock/ alone --- */

struct lk_tie {
    struct cds_list_head holder_node; /* [holder->mtx] */
    struct cds_list_head domain_node; /* [domain->mtx] */
    struct lk_holder *holder;
    struct lock_domain *domain;
};

/* NULL and ENOMEM. */
struct lk_tie *lk_tie_new(void);
void lk_tie_free(struct lk_tie *tie); /* NULL is fine */
/* Under domain->mtx: tie the two together; *spare is used up (NULL then) if
 * they were not.  0, -ESHUTDOWN. */
int lk_tie_locked(struct lock_domain *domain, struct lk_holder *holder,
                  struct lk_tie **spare);
/* Under domain->mtx, which has nothing left. */
void lk_ties_drop_locked(struct lock_domain *domain);

#endif
