/* SPDX-License-Identifier: BSD-2-Clause */
/* Mandatory locks; see mandatory.h.  Who waits is called a gate. */
#include "server/lock/mandatory.h"

#include <errno.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "server/lock/domain.h"

MEM_TYPE(mt_gate, "server.lock", "access that waits");

enum { LK_FLAG_MANDATORY = 1 };

struct gate {
    struct cds_list_head node; /* domain->gates, in the order of arrival */
    struct lk_access access;   /* its owner is below */
    struct ilk_waiter *waiter;
    uint8_t owner[];
};

static bool
counts(const struct lk_access *a, const struct lk_lock *lock)
{
    return !a->flagged_only || (lock->flags & LK_FLAG_MANDATORY) != 0;
}

static bool
is_kept_out(const struct lock_domain *domain, const struct lk_access *a)
{
    struct lk_owner owner = {a->holder->client, a->owner, a->owner_bytes};
    enum lk_type type = a->write ? LK_WRITE : LK_READ;
    const struct lk_lock *held;

    cds_list_for_each_entry(held, &domain->records.granted, node)
        if (counts(a, held) && lk_conflicts(held, &owner, type, &a->range))
            return true;
    return false;
}

static void
gate_free(struct gate *gate)
{
    if (gate)
        ilk_waiter_free(gate->waiter);
    mem_free(gate);
}

static struct gate *
gate_new(const struct lk_access *a, const struct ilk_wait *wait)
{
    struct gate *gate = mem_zalloc(&mt_gate, sizeof(*gate) + a->owner_bytes);

    if (!gate)
        return NULL;
    gate->access = *a;
    if (a->owner_bytes > 0)
        memcpy(gate->owner, a->owner, a->owner_bytes);
    gate->access.owner = gate->owner;
    gate->waiter = ilk_waiter_new(wait);
    if (gate->waiter)
        return gate;
    gate_free(gate);
    errno = ENOMEM;
    return NULL;
}

static void
answer(struct gate *gate, int err, struct cds_list_head *answers)
{
    gate->waiter->err = err;
    cds_list_add_tail(&gate->waiter->node, answers);
    gate->waiter = NULL;
    cds_list_del(&gate->node);
    gate_free(gate);
}

static int
wait_locked(struct lock_domain *domain, struct gate **gatep,
            struct lk_tie **tie)
{
    struct gate *gate = *gatep;
    int rc;

    if (!is_kept_out(domain, &gate->access))
        return 0;
    rc = lk_tie_locked(domain, gate->access.holder, tie);
    if (rc < 0)
        return rc;
    *gatep = NULL;
    cds_list_add_tail(&gate->node, &domain->gates);
    return 1;
}

static int
wait_for(struct lock_domain *domain, const struct lk_access *a,
         const struct ilk_wait *wait)
{
    struct gate *gate = gate_new(a, wait);
    struct lk_tie *tie = lk_tie_new();
    struct lk_aftermath after;
    int rc = gate && tie ? 0 : -ENOMEM;

    if (rc == 0) {
        lock_domain_enter(domain, &after, NULL);
        rc = wait_locked(domain, &gate, &tie);
        lock_domain_leave(domain, &after);
    }
    gate_free(gate);
    lk_tie_free(tie);
    return rc;
}

int
lk_access(const struct lk_access *a, const struct ilk_wait *wait)
{
    struct lock_domain *domain = lock_domain_find(a->inode);
    bool kept_out;

    if (a->owner_bytes > LK_OWNER_BYTES_MAX)
        return -EINVAL;
    if (!domain || domain->records.count == 0)
        return 0;
    mutex_lock(&domain->mtx);
    kept_out = is_kept_out(domain, a);
    mutex_unlock(&domain->mtx);
    if (!kept_out)
        return 0;
    return wait ? wait_for(domain, a, wait) : -EAGAIN;
}

bool
lk_any(struct inode *inode, bool flagged_only)
{
    const struct lk_access a = {.flagged_only = flagged_only};
    struct lock_domain *domain = lock_domain_find(inode);
    const struct lk_lock *lock;
    bool any = false;

    if (!domain || domain->records.count == 0)
        return false;
    mutex_lock(&domain->mtx);
    cds_list_for_each_entry(lock, &domain->records.granted, node)
        any = any || counts(&a, lock);
    cds_list_for_each_entry(lock, &domain->records.waiting, node)
        any = any || counts(&a, lock);
    mutex_unlock(&domain->mtx);
    return any;
}

void
lk_gates_open_locked(struct lock_domain *domain,
                     struct cds_list_head *answers)
{
    struct gate *gate, *next;

    cds_list_for_each_entry_safe(gate, next, &domain->gates, node)
        if (!is_kept_out(domain, &gate->access))
            answer(gate, 0, answers);
}

void
lk_gates_drop_holder_locked(struct lock_domain *domain,
                            const struct lk_holder *holder,
                            struct cds_list_head *answers)
{
    struct gate *gate, *next;

    cds_list_for_each_entry_safe(gate, next, &domain->gates, node)
        if (gate->access.holder == holder)
            answer(gate, -EAGAIN, answers);
}
