/* SPDX-License-Identifier: BSD-2-Clause */
/* The place of an inode's locks; see domain.h. */
#include "server/lock/domain.h"

#include <stdatomic.h>
#include <time.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "server/lock/deadlock.h"
#include "server/lock/mandatory.h"
#include "server/lock/notice.h"
#include "server/lock/removal.h"

MEM_TYPE(mt_domain, "server.lock", "lock domain");

enum { RANK_DOMAIN = 25 };

static void
domain_free(struct lock_domain *domain)
{
    must(lk_records_is_empty(&domain->records));
    must(ilk_table_is_empty(&domain->internal));
    must(cds_list_empty(&domain->gates));
    must(cds_list_empty(&domain->removals));
    must(domain->removing == 0);
    must(cds_list_empty(&domain->ties));
    must(!domain->has_ref);
    mutex_destroy(&domain->mtx);
    domain->magic = 0;
    mem_free(domain);
}

struct lock_domain *
lock_domain_find(struct inode *inode)
{
    struct lock_domain *domain = atomic_load(&inode->locks);

    if (domain)
        OBJ_CHECK(domain, LOCK_DOMAIN_MAGIC);
    return domain;
}

struct lock_domain *
lock_domain_get(struct inode *inode)
{
    struct lock_domain *domain = lock_domain_find(inode);
    struct lock_domain *other = NULL;

    if (domain)
        return domain;
    domain = mem_zalloc(&mt_domain, sizeof(*domain));
    if (!domain)
        return NULL;
    domain->magic = LOCK_DOMAIN_MAGIC;
    domain->inode = inode;
    mutex_init(&domain->mtx, "lock domain", RANK_DOMAIN);
    lk_records_init(&domain->records);
    ilk_table_init(&domain->internal);
    CDS_INIT_LIST_HEAD(&domain->gates);
    CDS_INIT_LIST_HEAD(&domain->removals);
    CDS_INIT_LIST_HEAD(&domain->ties);
    if (atomic_compare_exchange_strong(&inode->locks, &other, domain))
        return domain;
    domain_free(domain);
    OBJ_CHECK(other, LOCK_DOMAIN_MAGIC);
    return other;
}

void
lock_domain_release(struct inode *inode)
{
    struct lock_domain *domain = atomic_exchange(&inode->locks, NULL);

    if (!domain)
        return;
    OBJ_CHECK(domain, LOCK_DOMAIN_MAGIC);
    domain_free(domain);
}

/* --- in and out --- */

void
lock_domain_enter(struct lock_domain *domain, struct lk_aftermath *after,
                  const struct lk_rules *rules)
{
    after->rules = rules;
    CDS_INIT_LIST_HEAD(&after->answers);
    CDS_INIT_LIST_HEAD(&after->internal);
    CDS_INIT_LIST_HEAD(&after->notices);
    after->put = NULL;
    after->waits = false;
    mutex_lock(&domain->mtx);
    if (!cds_list_empty(&domain->records.waiting))
        lock_domain_waits_locked(domain, after);
}

void
lock_domain_waits_locked(struct lock_domain *domain,
                         struct lk_aftermath *after)
{
    mutex_assert_held(&domain->mtx);
    if (!after->waits)
        lk_waits_enter();
    after->waits = true;
}

void
lock_domain_regrant_locked(struct lock_domain *domain,
                           struct lk_aftermath *after)
{
    lk_records_grant(&domain->records, &after->answers, time(NULL));
}

static bool
has_something(struct lock_domain *domain)
{
    return !lk_records_is_empty(&domain->records) ||
           !ilk_table_is_empty(&domain->internal) ||
           !cds_list_empty(&domain->gates) ||
           !cds_list_empty(&domain->removals) || domain->removing > 0;
}

/* Returns the inode when its reference is to be put. */
static struct inode *
settle_locked(struct lock_domain *domain)
{
    bool wants_ref = has_something(domain);

    mutex_assert_held(&domain->mtx);
    if (!wants_ref)
        lk_ties_drop_locked(domain);
    if (wants_ref == domain->has_ref)
        return NULL;
    domain->has_ref = wants_ref;
    if (!wants_ref)
        return domain->inode;
    inode_get(domain->inode);
    return NULL;
}

static void
tell(struct lk_aftermath *after)
{
    struct lk_waiter *waiter, *next;
    struct ilk_waiter *inner, *inner_next;

    cds_list_for_each_entry_safe(waiter, next, &after->answers, node) {
        cds_list_del(&waiter->node);
        waiter->wait.done(waiter->wait.arg, waiter->err,
                          waiter->err == 0 ? &waiter->desc : NULL);
        lk_waiter_free(waiter);
    }
    cds_list_for_each_entry_safe(inner, inner_next, &after->internal, node) {
        cds_list_del(&inner->node);
        inner->wait.done(inner->wait.arg, inner->err);
        ilk_waiter_free(inner);
    }
    lk_notices_send(&after->notices);
}

void
lock_domain_leave(struct lock_domain *domain, struct lk_aftermath *after)
{
    lk_gates_open_locked(domain, &after->internal);
    lk_removals_begin_locked(domain, &after->internal);
    after->put = settle_locked(domain);
    if (after->waits) {
        lk_waits_forget(&after->answers);
        lk_waits_leave();
    }
    mutex_unlock(&domain->mtx);
    tell(after);
    inode_put(after->put);
}
