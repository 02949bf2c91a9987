/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The search for circles, breadth first: from the holders that a request would
 * wait for to what those wait for, and so on.  Waiters are found by owner in a
 * hash table; the list of those still to be followed runs through them.
 */
#include "server/lock/deadlock.h"

#include <xxhash.h>

#include "mem/must.h"
#include "mem/mutex.h"

enum {
    BUCKETS = 1024,
    /* Locks looked at in one search, some milliseconds.  Beyond that the
     * request waits, as it would on the peer. */
    LOOKS_MAX = 200000,
};

static struct mutex waits_mtx = MUTEX_INITIALIZER("lock waits", 26);
static struct cds_list_head buckets[BUCKETS]; /* next NULL: not used yet */
static uint64_t searches;

struct search {
    const struct lk_records *records; /* where the request is */
    const struct lk_lock *wanted;
    struct lk_owner owner; /* whose */
    struct cds_list_head todo;
    unsigned looks;
};

void
lk_waits_enter(void)
{
    mutex_lock(&waits_mtx);
}

void
lk_waits_leave(void)
{
    mutex_unlock(&waits_mtx);
}

static struct cds_list_head *
bucket_of(const struct lk_owner *owner)
{
    uint64_t hash = XXH64(owner->bytes, owner->count,
                          (uint64_t)(uintptr_t)owner->client);
    struct cds_list_head *bucket = &buckets[hash % BUCKETS];

    if (!bucket->next)
        CDS_INIT_LIST_HEAD(bucket);
    return bucket;
}

void
lk_waits_add(struct lk_records *r, struct lk_lock *lock)
{
    struct lk_owner owner = lk_owner_of(lock);
    struct lk_waiter *waiter = lock->waiter;

    mutex_assert_held(&waits_mtx);
    waiter->lock = lock;
    waiter->records = r;
    waiter->seen = 0;
    cds_list_add(&waiter->owner_node, bucket_of(&owner));
}

void
lk_waits_forget(struct cds_list_head *answers)
{
    struct lk_waiter *waiter;

    mutex_assert_held(&waits_mtx);
    cds_list_for_each_entry(waiter, answers, node)
        cds_list_del_init(&waiter->owner_node);
}

/* --- the search --- */

/* Whoever holds this waits for something, too: that is to be followed. */
static void
follow(struct search *s, const struct lk_lock *held)
{
    struct lk_owner owner = lk_owner_of(held);
    struct lk_waiter *waiter;

    cds_list_for_each_entry(waiter, bucket_of(&owner), owner_node) {
        s->looks++;
        if (waiter->seen == searches || !lk_is_owner(waiter->lock, &owner))
            continue;
        waiter->seen = searches;
        cds_list_add_tail(&waiter->walk_node, &s->todo);
    }
}

/* Does the request's owner go on to hold what the waiter wants of `held`? */
static bool
keeps(const struct search *s, const struct lk_waiter *waiter,
      const struct lk_lock *held)
{
    struct lk_range left[2];
    unsigned n;

    if (waiter->records != s->records)
        return true;
    n = lk_range_subtract(&held->range, &s->wanted->range, left);
    for (unsigned i = 0; i < n; i++)
        if (lk_range_overlaps(&left[i], &waiter->lock->range))
            return true;
    return false;
}

/* Follow those for whom the waiter waits; true if the request's owner is one
 * of them. */
static bool
comes_back(struct search *s, const struct lk_waiter *waiter)
{
    struct lk_owner owner = lk_owner_of(waiter->lock);
    const struct lk_lock *held;

    cds_list_for_each_entry(held, &waiter->records->granted, node) {
        s->looks++;
        if (!lk_conflicts(held, &owner, waiter->lock->type,
                          &waiter->lock->range))
            continue;
        if (!lk_is_owner(held, &s->owner))
            follow(s, held);
        else if (keeps(s, waiter, held))
            return true;
    }
    return false;
}

bool
lk_waits_closes_circle(const struct lk_records *r,
                       const struct lk_lock *wanted)
{
    struct search s = {.records = r, .wanted = wanted,
                       .owner = lk_owner_of(wanted)};
    const struct lk_lock *held;

    mutex_assert_held(&waits_mtx);
    CDS_INIT_LIST_HEAD(&s.todo);
    searches++;
    cds_list_for_each_entry(held, &r->granted, node)
        if (lk_conflicts(held, &s.owner, wanted->type, &wanted->range))
            follow(&s, held);
    while (!cds_list_empty(&s.todo) && s.looks < LOOKS_MAX) {
        struct lk_waiter *waiter =
            cds_list_first_entry(&s.todo, struct lk_waiter, walk_node);

        cds_list_del(&waiter->walk_node);
        if (comes_back(&s, waiter))
            return true;
    }
    return false;
}
