/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/lock/rows.h"

#include "server/lock/domain.h"

struct pass {
    bool (*fn)(void *arg, const struct lk_row *row);
    void *arg;
    bool go_on;
};

bool
lk_has_rows(struct inode *inode)
{
    return lk_count(inode) > 0 || ilk_count(inode, ILK_RANGE) > 0 ||
           ilk_count(inode, ILK_NAME) > 0;
}

static void
show_internal(struct pass *p, const struct ilk_lock *lock)
{
    const struct lk_row row = {
        .family = lock->kind == ILK_RANGE ? LK_FAMILY_INODE : LK_FAMILY_ENTRY,
        .waits = lock->waiter != NULL,
        .volume = lock->volume->name,
        .type = lock->type,
        .range = lock->range,
        .name = lock->name,
        .caller_pid = lock->caller_pid,
        .owner = lock->owner,
        .owner_bytes = lock->owner_bytes,
        .client_uid = lock->holder->uid,
        .since = lock->waiter ? lock->blocked_at : lock->granted_at,
    };

    if (p->go_on)
        p->go_on = p->fn(p->arg, &row);
}

static void
show_record(struct pass *p, const struct lk_lock *lock)
{
    const struct lk_row row = {
        .family = LK_FAMILY_POSIX,
        .waits = lock->waiter != NULL,
        .type = lock->type,
        .range = lock->range,
        .caller_pid = lock->caller_pid,
        .owner = lock->owner,
        .owner_bytes = lock->owner_bytes,
        .client_uid = lock->client_uid,
        .since = lock->waiter ? lock->blocked_at : lock->granted_at,
    };

    if (p->go_on)
        p->go_on = p->fn(p->arg, &row);
}

static void
show_queue(struct pass *p, const struct ilk_queue *q)
{
    const struct ilk_lock *lock;

    cds_list_for_each_entry(lock, &q->granted, node)
        show_internal(p, lock);
    cds_list_for_each_entry(lock, &q->waiting, node)
        show_internal(p, lock);
}

void
lk_rows_each(struct inode *inode,
             bool (*fn)(void *arg, const struct lk_row *row), void *arg)
{
    struct lock_domain *domain = lock_domain_find(inode);
    struct pass p = {.fn = fn, .arg = arg, .go_on = true};
    const struct ilk_volume *volume;
    const struct lk_lock *lock;

    if (!domain)
        return;
    mutex_lock(&domain->mtx);
    cds_list_for_each_entry(volume, &domain->internal.volumes, node) {
        show_queue(&p, &volume->queues[ILK_NAME]);
        show_queue(&p, &volume->queues[ILK_RANGE]);
    }
    cds_list_for_each_entry(lock, &domain->records.granted, node)
        show_record(&p, lock);
    cds_list_for_each_entry(lock, &domain->records.waiting, node)
        show_record(&p, lock);
    mutex_unlock(&domain->mtx);
}
