/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal locks as a data structure; see volume.h. */
#include "server/lock/volume.h"

#include <errno.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/must.h"
#include "server/lock/holder.h"

MEM_TYPE(mt_inodelk, "server.lock", "inodelk");
MEM_TYPE(mt_entrylk, "server.lock", "entrylk");
MEM_TYPE(mt_waiter, "server.lock", "internal lock waiter");
MEM_TYPE(mt_volume, "server.lock", "lock volume");

void
ilk_table_init(struct ilk_table *t)
{
    CDS_INIT_LIST_HEAD(&t->volumes);
    t->hold = ILK_HOLD_NONE;
    for (unsigned k = 0; k < ILK_KINDS; k++)
        t->counts[k] = 0;
}

bool
ilk_table_is_empty(const struct ilk_table *t)
{
    return t->counts[ILK_RANGE] == 0 && t->counts[ILK_NAME] == 0;
}

/* --- one of each --- */

struct ilk_lock *
ilk_lock_new(const struct ilk_request *req, const struct lk_range *range)
{
    size_t name_bytes = req->name ? strlen(req->name) + 1 : 0;
    struct ilk_lock *lock =
        mem_zalloc(req->kind == ILK_RANGE ? &mt_inodelk : &mt_entrylk,
                   sizeof(*lock) + req->owner_bytes + name_bytes);

    if (!lock)
        return NULL;
    CDS_INIT_LIST_HEAD(&lock->node);
    lock->holder = req->holder;
    lock->kind = req->kind;
    lock->type = req->type;
    lock->range = *range;
    lock->whence = req->whence;
    lock->caller_pid = req->caller_pid;
    lock->owner_bytes = req->owner_bytes;
    if (req->owner_bytes > 0)
        memcpy(lock->owner, req->owner, req->owner_bytes);
    if (req->name)
        lock->name = memcpy(lock->owner + req->owner_bytes, req->name,
                            name_bytes);
    return lock;
}

void
ilk_lock_free(struct ilk_lock *lock)
{
    if (lock)
        must(lock->waiter == NULL);
    mem_free(lock);
}

struct ilk_waiter *
ilk_waiter_new(const struct ilk_wait *wait)
{
    struct ilk_waiter *waiter = mem_zalloc(&mt_waiter, sizeof(*waiter));

    if (waiter)
        waiter->wait = *wait;
    return waiter;
}

void
ilk_waiter_free(struct ilk_waiter *waiter)
{
    mem_free(waiter);
}

/* --- volumes --- */

struct ilk_volume *
ilk_volume_new(const char *name)
{
    size_t bytes = strlen(name) + 1;
    struct ilk_volume *volume =
        mem_zalloc(&mt_volume, sizeof(*volume) + bytes);

    if (!volume)
        return NULL;
    for (unsigned k = 0; k < ILK_KINDS; k++) {
        CDS_INIT_LIST_HEAD(&volume->queues[k].granted);
        CDS_INIT_LIST_HEAD(&volume->queues[k].waiting);
    }
    memcpy(volume->name, name, bytes);
    return volume;
}

void
ilk_volume_free(struct ilk_volume *volume)
{
    mem_free(volume);
}

struct ilk_volume *
ilk_volume_find(const struct ilk_table *t, const char *name)
{
    struct ilk_volume *volume;

    cds_list_for_each_entry(volume, &t->volumes, node)
        if (strcmp(volume->name, name) == 0)
            return volume;
    return NULL;
}

void
ilk_volume_add(struct ilk_table *t, struct ilk_volume *volume)
{
    cds_list_add(&volume->node, &t->volumes);
}

void
ilk_volume_tidy(struct ilk_volume *volume)
{
    for (unsigned k = 0; k < ILK_KINDS; k++)
        if (volume->queues[k].granted_count > 0 ||
            volume->queues[k].waiting_count > 0)
            return;
    cds_list_del(&volume->node);
    ilk_volume_free(volume);
}

/* --- who meets whom --- */

static bool
same_owner(const struct ilk_lock *a, const struct ilk_lock *b)
{
    return a->holder == b->holder && a->owner_bytes == b->owner_bytes &&
           memcmp(a->owner, b->owner, a->owner_bytes) == 0;
}

bool
ilk_collide(const struct ilk_lock *a, const struct ilk_lock *b)
{
    must(a->kind == b->kind);
    if (a->kind == ILK_RANGE)
        return (a->type == LK_WRITE || b->type == LK_WRITE) &&
               lk_range_overlaps(&a->range, &b->range);
    return !a->name || !b->name || strcmp(a->name, b->name) == 0;
}

bool
ilk_conflict(const struct ilk_lock *a, const struct ilk_lock *b)
{
    return ilk_collide(a, b) && !same_owner(a, b);
}

static bool
has_any(const struct ilk_queue *q, const struct ilk_lock *lock)
{
    const struct ilk_lock *other;

    cds_list_for_each_entry(other, &q->granted, node)
        if (same_owner(other, lock))
            return true;
    cds_list_for_each_entry(other, &q->waiting, node) {
        if (other == lock)
            return false;
        if (same_owner(other, lock))
            return true;
    }
    return false;
}

/* `lock` itself may be in the queue: what stands behind it does not count. */
static bool
is_behind(const struct ilk_queue *q, const struct ilk_lock *lock)
{
    const struct ilk_lock *earlier;

    cds_list_for_each_entry(earlier, &q->waiting, node) {
        if (earlier == lock)
            return false;
        if (ilk_collide(earlier, lock))
            return !has_any(q, lock);
    }
    return false;
}

static bool
has_range(const struct ilk_table *t, const struct lk_holder *holder)
{
    const struct ilk_volume *volume;
    const struct ilk_lock *held;

    cds_list_for_each_entry(volume, &t->volumes, node)
        cds_list_for_each_entry(held, &volume->queues[ILK_RANGE].granted,
                                node)
            if (held->holder == holder)
                return true;
    return false;
}

static bool
is_held_back(const struct ilk_table *t, const struct ilk_lock *lock)
{
    if (t->hold == ILK_HOLD_NONE || lock->kind != ILK_RANGE ||
        lock->caller_pid < 0)
        return false;
    return t->hold == ILK_HOLD_ALL || !has_range(t, lock->holder);
}

bool
ilk_must_wait(const struct ilk_table *t, const struct ilk_queue *q,
              const struct ilk_lock *lock)
{
    const struct ilk_lock *held;

    if (is_held_back(t, lock))
        return true;
    cds_list_for_each_entry(held, &q->granted, node)
        if (ilk_conflict(held, lock))
            return true;
    return is_behind(q, lock);
}

/* --- on and off --- */

static struct ilk_queue *
queue_of(struct ilk_volume *volume, const struct ilk_lock *lock)
{
    return &volume->queues[lock->kind];
}

void
ilk_grant(struct ilk_table *t, struct ilk_volume *volume,
          struct ilk_lock *lock)
{
    struct ilk_queue *q = queue_of(volume, lock);

    must(lock->waiter == NULL);
    lock->volume = volume;
    lock->granted_at = time(NULL);
    lock->since_ns = clock_ns();
    cds_list_add(&lock->node, &q->granted);
    q->granted_count++;
    t->counts[lock->kind]++;
}

void
ilk_queue(struct ilk_table *t, struct ilk_volume *volume,
          struct ilk_lock *lock)
{
    struct ilk_queue *q = queue_of(volume, lock);

    must(lock->waiter != NULL);
    lock->volume = volume;
    lock->blocked_at = time(NULL);
    lock->since_ns = clock_ns();
    cds_list_add_tail(&lock->node, &q->waiting);
    q->waiting_count++;
    t->counts[lock->kind]++;
}

struct ilk_lock *
ilk_find_held(const struct ilk_volume *volume, const struct ilk_lock *like)
{
    const struct ilk_queue *q = &volume->queues[like->kind];
    struct ilk_lock *held;

    cds_list_for_each_entry(held, &q->granted, node) {
        if (!same_owner(held, like))
            continue;
        if (like->kind == ILK_RANGE) {
            if (held->range.start == like->range.start &&
                held->range.end == like->range.end)
                return held;
        } else if (held->type == like->type && !held->name == !like->name &&
                   (!held->name || strcmp(held->name, like->name) == 0)) {
            return held;
        }
    }
    return NULL;
}

/* Off its list; a waiter gets its answer. */
static void
take_off(struct ilk_table *t, struct ilk_lock *lock, int err,
         struct cds_list_head *answers)
{
    struct ilk_queue *q = queue_of(lock->volume, lock);

    cds_list_del_init(&lock->node);
    must(t->counts[lock->kind] > 0);
    t->counts[lock->kind]--;
    if (!lock->waiter) {
        must(q->granted_count > 0);
        q->granted_count--;
        return;
    }
    must(q->waiting_count > 0);
    q->waiting_count--;
    lock->waiter->err = err;
    cds_list_add_tail(&lock->waiter->node, answers);
    lock->waiter = NULL;
}

void
ilk_drop(struct ilk_table *t, struct ilk_lock *lock, int err,
         struct cds_list_head *answers)
{
    take_off(t, lock, err, answers);
    ilk_lock_free(lock);
}

void
ilk_regrant(struct ilk_table *t, struct ilk_queue *q,
            struct cds_list_head *answers)
{
    struct ilk_lock *lock, *next;

    cds_list_for_each_entry_safe(lock, next, &q->waiting, node) {
        if (ilk_must_wait(t, q, lock))
            continue;
        take_off(t, lock, 0, answers);
        ilk_grant(t, lock->volume, lock);
    }
}
