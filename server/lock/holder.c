/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holders and their ties.  A tie is on two lists and leaves both under both
 * mutexes, the domain's first.  While it is on the holder's, the domain's
 * inode is referred to: by what the domain has, or by the request that has
 * just made the tie.  So a holder that leaves can take a reference on that
 * inode under its own mutex, let go of it, and enter the domain.
 */
#include "server/lock/holder.h"

#include <errno.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "server/lock/domain.h"
#include "server/lock/internal_priv.h"
#include "server/lock/mandatory.h"
#include "server/lock/removal.h"

MEM_TYPE(mt_tie, "server.lock", "tie");

enum { RANK_HOLDER = 27 };

void
lk_holder_init(struct lk_holder *holder, const void *client, const char *uid,
               const struct lk_holder_ops *ops)
{
    holder->client = client;
    holder->uid = uid;
    holder->ops = ops;
    holder->gone = false;
    CDS_INIT_LIST_HEAD(&holder->ties);
    mutex_init(&holder->mtx, "lock holder", RANK_HOLDER);
}

void
lk_holder_fini(struct lk_holder *holder)
{
    must(cds_list_empty(&holder->ties));
    mutex_destroy(&holder->mtx);
}

struct lk_tie *
lk_tie_new(void)
{
    return mem_zalloc(&mt_tie, sizeof(struct lk_tie));
}

void
lk_tie_free(struct lk_tie *tie)
{
    mem_free(tie);
}

static struct lk_tie *
find_locked(struct lock_domain *domain, const struct lk_holder *holder)
{
    struct lk_tie *tie;

    mutex_assert_held(&domain->mtx);
    cds_list_for_each_entry(tie, &domain->ties, domain_node)
        if (tie->holder == holder)
            return tie;
    return NULL;
}

int
lk_tie_locked(struct lock_domain *domain, struct lk_holder *holder,
              struct lk_tie **spare)
{
    struct lk_tie *tie = *spare;
    int rc = 0;

    if (find_locked(domain, holder))
        return 0;
    mutex_lock(&holder->mtx);
    if (holder->gone) {
        rc = -ESHUTDOWN;
    } else {
        must(tie != NULL);
        *spare = NULL;
        tie->holder = holder;
        tie->domain = domain;
        cds_list_add(&tie->holder_node, &holder->ties);
        cds_list_add(&tie->domain_node, &domain->ties);
    }
    mutex_unlock(&holder->mtx);
    return rc;
}

static void
cut_locked(struct lk_tie *tie)
{
    mutex_lock(&tie->holder->mtx);
    cds_list_del(&tie->holder_node);
    mutex_unlock(&tie->holder->mtx);
    cds_list_del(&tie->domain_node);
    lk_tie_free(tie);
}

void
lk_ties_drop_locked(struct lock_domain *domain)
{
    struct lk_tie *tie, *next;

    cds_list_for_each_entry_safe(tie, next, &domain->ties, domain_node)
        cut_locked(tie);
}

/* --- leaving --- */

/* Locks that were set for it and through no fd (lk_adopt()). */
static bool
is_stray(void *arg, const struct lk_lock *lock)
{
    const struct lk_holder *holder = arg;

    return lock->fd == NULL && lock->client == holder->client;
}

static void
leave_domain(struct lk_holder *holder, struct lock_domain *domain,
             const struct lk_rules *rules)
{
    struct lk_aftermath after;
    struct lk_tie *tie;

    lock_domain_enter(domain, &after, rules);
    /* It may have gone with the last of the domain's locks. */
    tie = find_locked(domain, holder);
    if (tie) {
        lk_gates_drop_holder_locked(domain, holder, &after.internal);
        lk_removals_drop_holder_locked(domain, holder, &after.internal);
        /* After the removals: what they kept back is looked at again. */
        ilk_drop_holder_locked(domain, holder, &after);
        if (lk_records_drop_granted(&domain->records, is_stray, holder) > 0)
            lock_domain_regrant_locked(domain, &after);
        cut_locked(tie);
    }
    lock_domain_leave(domain, &after);
}

void
lk_holder_leave(struct lk_holder *holder, const struct lk_rules *rules)
{
    for (;;) {
        struct lock_domain *domain;
        struct lk_tie *tie;

        mutex_lock(&holder->mtx);
        holder->gone = true;
        if (cds_list_empty(&holder->ties)) {
            mutex_unlock(&holder->mtx);
            return;
        }
        tie = cds_list_first_entry(&holder->ties, struct lk_tie, holder_node);
        domain = tie->domain;
        inode_get(domain->inode);
        mutex_unlock(&holder->mtx);
        leave_domain(holder, domain, rules);
        inode_put(domain->inode);
    }
}
