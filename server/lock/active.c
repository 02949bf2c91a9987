/* SPDX-License-Identifier: BSD-2-Clause */
/* Record locks that move with their file; see active.h. */
#include "server/lock/active.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "server/lock/domain.h"

MEM_TYPE(mt_tickets, "server.lock", "locks adopted");

int64_t
lk_active_each(struct inode *inode,
               int (*fn)(void *arg, const struct lk_active *lock), void *arg)
{
    struct lock_domain *domain = lock_domain_find(inode);
    const struct lk_lock *lock;
    int64_t count = 0;
    int rc = 0;

    if (!domain)
        return 0;
    mutex_lock(&domain->mtx);
    cds_list_for_each_entry(lock, &domain->records.granted, node) {
        struct lk_active view = {
            .client_uid = lock->client_uid,
            .type = lock->type,
            .flags = lock->flags,
            .whence = lock->whence,
            .start = (int64_t)lock->range.start,
            .len = lk_range_len(&lock->range),
            .pid = lock->pid,
            .owner = lock->owner,
            .owner_bytes = lock->owner_bytes,
        };

        rc = fn(arg, &view);
        if (rc < 0)
            break;
        count++;
    }
    mutex_unlock(&domain->mtx);
    return rc < 0 ? rc : count;
}

/* --- setting --- */

/* What one lock needs; what is left is freed. */
struct ticket {
    struct lk_lock *lock;
    struct lk_lock *spare;
    struct lk_tie *tie;
};

static int
ticket_make(struct ticket *t, const struct lk_active *a)
{
    struct lk_range range;
    const struct lk_request req = {
        .client = a->holder->client,
        .client_uid = a->holder->uid,
        .caller_pid = (int32_t)a->pid,
        .owner = a->owner,
        .owner_bytes = a->owner_bytes,
        .flags = a->flags,
        .type = a->type,
        .whence = a->whence,
        .pid = a->pid,
    };

    if (a->type != LK_READ && a->type != LK_WRITE)
        return -EINVAL;
    if (a->owner_bytes > LK_OWNER_BYTES_MAX ||
        lk_range_from(a->start, a->len, &range) < 0)
        return -EINVAL;
    t->lock = lk_lock_new(&req, &range);
    t->spare = lk_lock_new(&req, &range);
    t->tie = lk_tie_new();
    return t->lock && t->spare && t->tie ? 0 : -ENOMEM;
}

static int
adopt_locked(struct lock_domain *domain, const struct lk_active *a,
             struct ticket *t)
{
    struct lk_lock *lock = t->lock;
    struct lk_owner owner = {lock->client, lock->owner, lock->owner_bytes};
    int rc = lk_tie_locked(domain, a->holder, &t->tie);

    if (rc < 0)
        return rc;
    if (lk_records_conflict(&domain->records, &owner, lock->type,
                            &lock->range))
        return -EINVAL;
    t->lock = NULL;
    lock->granted_at = time(NULL);
    (void)lk_records_add(&domain->records, lock, &t->spare);
    return 0;
}

static bool
any_lock(void *arg, const struct lk_lock *lock)
{
    return true;
}

static int
adopt_all_locked(struct lock_domain *domain, const struct lk_active *locks,
                 uint32_t count, struct ticket *tickets)
{
    int rc = 0;

    if (!lk_records_is_empty(&domain->records))
        return -EEXIST;
    for (uint32_t i = 0; i < count && rc == 0; i++)
        rc = adopt_locked(domain, &locks[i], &tickets[i]);
    if (rc < 0)
        (void)lk_records_drop_granted(&domain->records, any_lock, NULL);
    return rc;
}

int
lk_adopt(struct inode *inode, const struct lk_active *locks, uint32_t count)
{
    struct lock_domain *domain = lock_domain_get(inode);
    struct lk_aftermath after;
    struct ticket *tickets;
    int rc = 0;

    if (count == 0)
        return -EINVAL;
    if (!domain)
        return -ENOMEM;
    tickets = mem_zalloc(&mt_tickets, count * sizeof(*tickets));
    if (!tickets)
        return -ENOMEM;
    for (uint32_t i = 0; i < count && rc == 0; i++)
        rc = ticket_make(&tickets[i], &locks[i]);
    if (rc == 0) {
        lock_domain_enter(domain, &after, NULL);
        rc = adopt_all_locked(domain, locks, count, tickets);
        lock_domain_leave(domain, &after);
    }
    for (uint32_t i = 0; i < count; i++) {
        lk_lock_free(tickets[i].lock);
        lk_lock_free(tickets[i].spare);
        lk_tie_free(tickets[i].tie);
    }
    mem_free(tickets);
    return rc;
}
