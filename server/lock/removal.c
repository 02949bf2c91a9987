/* SPDX-License-Identifier: BSD-2-Clause */
/* Removals and internal locks; see removal.h. */
#include "server/lock/removal.h"

#include <errno.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "server/lock/internal_priv.h"
#include "server/lock/notice.h"

MEM_TYPE(mt_removal, "server.lock", "removal that waits");

struct removal {
    struct cds_list_head node; /* domain->removals, in the order of arrival */
    struct lk_holder *holder;
    struct ilk_waiter *waiter;
};

static bool
holds_up(const struct ilk_lock *lock, const struct lk_holder *holder)
{
    return lock->holder != holder && lock->caller_pid >= 0;
}

static bool
is_held_up(const struct lock_domain *domain, const struct lk_holder *holder)
{
    const struct ilk_volume *volume;
    const struct ilk_lock *lock;

    cds_list_for_each_entry(volume, &domain->internal.volumes, node)
        cds_list_for_each_entry(lock, &volume->queues[ILK_RANGE].granted,
                                node)
            if (holds_up(lock, holder))
                return true;
    return false;
}

static void
tell_holders(struct lock_domain *domain, const struct lk_holder *holder,
             struct lk_aftermath *after)
{
    struct ilk_volume *volume;
    struct ilk_lock *lock;

    cds_list_for_each_entry(volume, &domain->internal.volumes, node)
        cds_list_for_each_entry(lock, &volume->queues[ILK_RANGE].granted,
                                node)
            if (holds_up(lock, holder))
                lk_notice_to(domain, volume, lock, after);
}

/* What keeps new locks back, by what there is. */
static void
set_hold_locked(struct lock_domain *domain)
{
    domain->internal.hold = domain->removing > 0 ? ILK_HOLD_ALL
                            : !cds_list_empty(&domain->removals)
                                ? ILK_HOLD_NEW
                                : ILK_HOLD_NONE;
}

static void
regrant_all_locked(struct lock_domain *domain, struct lk_aftermath *after)
{
    struct ilk_volume *volume, *next;

    cds_list_for_each_entry_safe(volume, next, &domain->internal.volumes,
                                 node)
        ilk_regrant_locked(domain, volume, after);
}

static void
removal_free(struct removal *removal)
{
    if (removal)
        ilk_waiter_free(removal->waiter);
    mem_free(removal);
}

static struct removal *
removal_new(struct lk_holder *holder, const struct ilk_wait *wait)
{
    struct removal *removal = mem_zalloc(&mt_removal, sizeof(*removal));

    if (!removal)
        return NULL;
    removal->holder = holder;
    removal->waiter = ilk_waiter_new(wait);
    if (removal->waiter)
        return removal;
    removal_free(removal);
    errno = ENOMEM;
    return NULL;
}

/* removal NULL: it does not wait. */
static int
begin_locked(struct lock_domain *domain, struct lk_holder *holder,
             struct removal **removal, struct lk_tie **tie,
             struct lk_aftermath *after)
{
    int rc = 0;

    if (!is_held_up(domain, holder)) {
        domain->removing++;
    } else if (!*removal) {
        return -EAGAIN;
    } else {
        rc = lk_tie_locked(domain, holder, tie);
        if (rc < 0)
            return rc;
        tell_holders(domain, holder, after);
        cds_list_add_tail(&(*removal)->node, &domain->removals);
        *removal = NULL;
        rc = 1;
    }
    set_hold_locked(domain);
    return rc;
}

int
lk_removal_begin(struct inode *inode, struct lk_holder *holder,
                 const struct lk_rules *rules, const struct ilk_wait *wait)
{
    struct lock_domain *domain = lock_domain_get(inode);
    struct removal *removal = NULL;
    struct lk_aftermath after;
    struct lk_tie *tie = NULL;
    int rc = 0;

    if (!domain)
        return -ENOMEM;
    if (wait) {
        removal = removal_new(holder, wait);
        tie = lk_tie_new();
        rc = removal && tie ? 0 : -ENOMEM;
    }
    if (rc == 0) {
        lock_domain_enter(domain, &after, rules);
        rc = begin_locked(domain, holder, &removal, &tie, &after);
        lock_domain_leave(domain, &after);
    }
    removal_free(removal);
    lk_tie_free(tie);
    return rc;
}

void
lk_removal_end(struct inode *inode, const struct lk_rules *rules)
{
    struct lock_domain *domain = lock_domain_find(inode);
    struct lk_aftermath after;

    must(domain != NULL);
    lock_domain_enter(domain, &after, rules);
    must(domain->removing > 0);
    domain->removing--;
    set_hold_locked(domain);
    regrant_all_locked(domain, &after);
    lock_domain_leave(domain, &after);
}

static void
answer(struct removal *removal, int err, struct cds_list_head *answers)
{
    removal->waiter->err = err;
    cds_list_add_tail(&removal->waiter->node, answers);
    removal->waiter = NULL;
    cds_list_del(&removal->node);
    removal_free(removal);
}

void
lk_removals_begin_locked(struct lock_domain *domain,
                         struct cds_list_head *answers)
{
    struct removal *removal, *next;

    cds_list_for_each_entry_safe(removal, next, &domain->removals, node) {
        if (is_held_up(domain, removal->holder))
            continue;
        answer(removal, 0, answers);
        domain->removing++;
        set_hold_locked(domain);
    }
}

void
lk_removals_drop_holder_locked(struct lock_domain *domain,
                               const struct lk_holder *holder,
                               struct cds_list_head *answers)
{
    struct removal *removal, *next;

    cds_list_for_each_entry_safe(removal, next, &domain->removals, node)
        if (removal->holder == holder)
            answer(removal, -EAGAIN, answers);
    set_hold_locked(domain);
}
