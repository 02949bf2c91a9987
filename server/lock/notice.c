/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notices of contention; see notice.h.  They are hints: whoever misses one
 * lets go a little later, so that one for which there is no memory is not
 * made.
 */
#include "server/lock/notice.h"

#include <string.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/must.h"
#include "server/lock/holder.h"

MEM_TYPE(mt_notice, "server.lock", "contention notice");

static struct lk_notice *
notice_new(const struct lock_domain *domain, const struct ilk_volume *volume,
           const struct ilk_lock *held)
{
    size_t volume_bytes = strlen(volume->name) + 1;
    size_t name_bytes = held->name ? strlen(held->name) + 1 : 0;
    struct lk_notice *n =
        mem_zalloc(&mt_notice, sizeof(*n) + volume_bytes + name_bytes);
    char *tail;

    if (!n)
        return NULL;
    tail = (char *)(n + 1);
    n->holder = held->holder;
    n->gfid = domain->inode->gfid;
    n->kind = held->kind;
    n->type = held->type;
    n->whence = held->whence;
    n->range = held->range;
    n->caller_pid = held->caller_pid;
    n->volume = memcpy(tail, volume->name, volume_bytes);
    if (held->name)
        n->name = memcpy(tail + volume_bytes, held->name, name_bytes);
    return n;
}

static bool
may_tell(const struct ilk_lock *held, const struct lk_rules *rules)
{
    return held->told_ns == 0 ||
           clock_ns() - held->told_ns >=
               (uint64_t)rules->notify_secs * 1000000000;
}

static void
add_notice(struct lock_domain *domain, struct ilk_volume *volume,
           struct ilk_lock *held, struct lk_aftermath *after)
{
    struct lk_notice *n = notice_new(domain, volume, held);

    if (!n)
        return;
    held->told_ns = clock_ns();
    /* It has a lock, so it has not left yet. */
    n->holder->ops->get(n->holder);
    cds_list_add_tail(&n->node, &after->notices);
}

void
lk_notice_to(struct lock_domain *domain, struct ilk_volume *volume,
             struct ilk_lock *held, struct lk_aftermath *after)
{
    mutex_assert_held(&domain->mtx);
    must(after->rules != NULL);
    if (after->rules->notify && may_tell(held, after->rules))
        add_notice(domain, volume, held, after);
}

void
lk_notices_for(struct lock_domain *domain, struct ilk_volume *volume,
               const struct ilk_lock *wanted, struct lk_aftermath *after)
{
    struct ilk_lock *held;

    mutex_assert_held(&domain->mtx);
    must(after->rules != NULL);
    if (!after->rules->notify)
        return;
    cds_list_for_each_entry(held, &volume->queues[wanted->kind].granted, node)
        if (ilk_conflict(held, wanted) && may_tell(held, after->rules))
            add_notice(domain, volume, held, after);
}

static bool
is_wanted(const struct ilk_queue *q, const struct ilk_lock *held)
{
    const struct ilk_lock *waiting;

    cds_list_for_each_entry(waiting, &q->waiting, node)
        if (ilk_conflict(held, waiting))
            return true;
    return false;
}

void
lk_notices_for_waiting(struct lock_domain *domain, struct ilk_volume *volume,
                       enum ilk_kind kind, struct lk_aftermath *after)
{
    struct ilk_queue *q = &volume->queues[kind];
    struct ilk_lock *held;

    mutex_assert_held(&domain->mtx);
    must(after->rules != NULL);
    if (!after->rules->notify || q->waiting_count == 0)
        return;
    cds_list_for_each_entry(held, &q->granted, node)
        if (may_tell(held, after->rules) && is_wanted(q, held))
            add_notice(domain, volume, held, after);
}

void
lk_notices_send(struct cds_list_head *notices)
{
    struct lk_notice *n, *next;

    cds_list_for_each_entry_safe(n, next, notices, node) {
        struct lk_holder *holder = n->holder;

        cds_list_del(&n->node);
        holder->ops->wanted(holder, n);
        mem_free(n);
        holder->ops->put(holder);
    }
}
