/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holders and waiters of an inode's record locks; see record.h.
 *
 * A waiter is granted, first come first, when no granted lock conflicts with
 * it and, if it overlaps any granted lock at all (two readers), no earlier
 * waiter that stays behind conflicts with it either.  The peer grants only
 * where nothing at all overlaps; the difference is a reader that would
 * otherwise wait for another reader to leave.
 */
#include "server/lock/record.h"

#include <errno.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/must.h"

MEM_TYPE(mt_lock, "server.lock", "record lock");
MEM_TYPE(mt_waiter, "server.lock", "record lock waiter");

void
lk_records_init(struct lk_records *r)
{
    CDS_INIT_LIST_HEAD(&r->granted);
    CDS_INIT_LIST_HEAD(&r->waiting);
    r->count = 0;
}

bool
lk_records_is_empty(const struct lk_records *r)
{
    return r->count == 0;
}

/* --- one lock --- */

struct lk_lock *
lk_lock_new(const struct lk_request *req, const struct lk_range *range)
{
    struct lk_lock *lock;

    must(req->owner_bytes <= LK_OWNER_BYTES_MAX);
    lock = mem_zalloc(&mt_lock, sizeof(*lock) + req->owner_bytes);
    if (!lock)
        return NULL;
    CDS_INIT_LIST_HEAD(&lock->node);
    lock->range = *range;
    lock->type = req->type;
    lock->flags = req->flags;
    lock->whence = req->whence;
    lock->pid = req->pid;
    lock->caller_pid = req->caller_pid;
    lock->fd = req->fd;
    lock->client = req->client;
    lock->client_uid = req->client_uid;
    lock->owner_bytes = req->owner_bytes;
    if (req->owner_bytes > 0)
        memcpy(lock->owner, req->owner, req->owner_bytes);
    return lock;
}

void
lk_lock_free(struct lk_lock *lock)
{
    if (lock)
        must(lock->waiter == NULL);
    mem_free(lock);
}

struct lk_waiter *
lk_waiter_new(const struct lk_request *req, const struct lk_range *range,
              const struct lk_wait *wait, const struct lk_desc *desc)
{
    struct lk_waiter *waiter = mem_zalloc(&mt_waiter, sizeof(*waiter));

    if (!waiter)
        return NULL;
    waiter->spare = lk_lock_new(req, range);
    if (!waiter->spare) {
        mem_free(waiter);
        errno = ENOMEM;
        return NULL;
    }
    CDS_INIT_LIST_HEAD(&waiter->node);
    CDS_INIT_LIST_HEAD(&waiter->owner_node);
    waiter->wait = *wait;
    waiter->desc = *desc;
    return waiter;
}

void
lk_waiter_free(struct lk_waiter *waiter)
{
    if (waiter)
        lk_lock_free(waiter->spare);
    mem_free(waiter);
}

void
lk_lock_describe(const struct lk_lock *lock, struct lk_desc *out)
{
    out->type = lock->type;
    out->whence = lock->whence;
    out->start = (int64_t)lock->range.start;
    out->len = lk_range_len(&lock->range);
    out->pid = lock->pid;
    out->owner_bytes = lock->owner_bytes;
    memcpy(out->owner, lock->owner, lock->owner_bytes);
}

struct lk_owner
lk_owner_of(const struct lk_lock *lock)
{
    return (struct lk_owner){lock->client, lock->owner, lock->owner_bytes};
}

bool
lk_is_owner(const struct lk_lock *lock, const struct lk_owner *owner)
{
    return lock->client == owner->client && lock->owner_bytes == owner->count &&
           (owner->count == 0 ||
            memcmp(lock->owner, owner->bytes, owner->count) == 0);
}

bool
lk_conflicts(const struct lk_lock *held, const struct lk_owner *owner,
             enum lk_type type, const struct lk_range *range)
{
    return (held->type == LK_WRITE || type == LK_WRITE) &&
           lk_range_overlaps(&held->range, range) && !lk_is_owner(held, owner);
}

/* --- the list --- */

static void
link_lock(struct lk_records *r, struct lk_lock *lock, struct cds_list_head *at)
{
    cds_list_add_tail(&lock->node, at);
    r->count++;
}

static void
unlink_lock(struct lk_records *r, struct lk_lock *lock)
{
    cds_list_del_init(&lock->node);
    must(r->count > 0);
    r->count--;
}

static void
drop_lock(struct lk_records *r, struct lk_lock *lock)
{
    unlink_lock(r, lock);
    lk_lock_free(lock);
}

const struct lk_lock *
lk_records_conflict(const struct lk_records *r, const struct lk_owner *owner,
                    enum lk_type type, const struct lk_range *range)
{
    const struct lk_lock *held;

    cds_list_for_each_entry(held, &r->granted, node)
        if (lk_conflicts(held, owner, type, range))
            return held;
    return NULL;
}

static struct lk_lock *
find_own(struct lk_records *r, const struct lk_owner *owner,
         const struct lk_range *range)
{
    struct lk_lock *held;

    cds_list_for_each_entry(held, &r->granted, node)
        if (lk_range_overlaps(&held->range, range) && lk_is_owner(held, owner))
            return held;
    return NULL;
}

/* Take the range out of one lock, which it overlaps.  What is left keeps its
 * attributes and its place. */
static void
carve(struct lk_records *r, struct lk_lock *held, const struct lk_range *range,
      struct lk_lock **spare)
{
    struct lk_range left[2];
    unsigned n = lk_range_subtract(&held->range, range, left);

    if (n == 0) {
        drop_lock(r, held);
        return;
    }
    held->range = left[0];
    if (n == 2) {
        struct lk_lock *right = *spare;

        must(right != NULL);
        must(right->owner_bytes == held->owner_bytes);
        *spare = NULL;
        memcpy(right, held, sizeof(*held) + held->owner_bytes);
        right->range = left[1];
        cds_list_add(&right->node, &held->node);
        r->count++;
    }
}

bool
lk_records_add(struct lk_records *r, struct lk_lock *lock,
               struct lk_lock **spare)
{
    struct lk_owner owner = lk_owner_of(lock);
    struct lk_lock *held;
    bool weaker = false;

    must(lock->waiter == NULL);
    must(lock->type != LK_UNLOCK);
    /* Ends: each turn leaves one lock less that overlaps. */
    while ((held = find_own(r, &owner, &lock->range)) != NULL) {
        if (held->type == lock->type && held->flags == lock->flags) {
            lock->range = lk_range_union(&lock->range, &held->range);
            drop_lock(r, held);
            continue;
        }
        weaker |= held->type == LK_WRITE && lock->type == LK_READ;
        if (!lk_range_contains(&lock->range, &held->range)) {
            carve(r, held, &lock->range, spare);
            continue;
        }
        /* The peer's rule: where the old lock vanishes into the new one, it
         * is the old one that stays, with a new range and type; its fd, pid
         * and flags last. */
        unlink_lock(r, held);
        held->range = lock->range;
        held->type = lock->type;
        lk_lock_free(lock);
        lock = held;
        owner = lk_owner_of(lock);
    }
    link_lock(r, lock, &r->granted);
    return weaker;
}

bool
lk_records_cut(struct lk_records *r, const struct lk_owner *owner,
               const struct lk_range *range, struct lk_lock **spare)
{
    struct lk_lock *held;
    bool any = false;

    while ((held = find_own(r, owner, range)) != NULL) {
        carve(r, held, range, spare);
        any = true;
    }
    return any;
}

void
lk_records_wait(struct lk_records *r, struct lk_lock *lock)
{
    must(lock->waiter != NULL);
    link_lock(r, lock, &r->waiting);
}

/* --- granting --- */

static bool
overlaps_granted(const struct lk_records *r, const struct lk_range *range)
{
    const struct lk_lock *held;

    cds_list_for_each_entry(held, &r->granted, node)
        if (lk_range_overlaps(&held->range, range))
            return true;
    return false;
}

static bool
is_behind_another(const struct lk_records *r, const struct lk_lock *lock)
{
    struct lk_owner owner = lk_owner_of(lock);
    const struct lk_lock *earlier;

    cds_list_for_each_entry(earlier, &r->waiting, node) {
        if (earlier == lock)
            return false;
        if (lk_conflicts(earlier, &owner, lock->type, &lock->range))
            return true;
    }
    return false;
}

static bool
may_grant(const struct lk_records *r, const struct lk_lock *lock)
{
    struct lk_owner owner = lk_owner_of(lock);

    if (lk_records_conflict(r, &owner, lock->type, &lock->range))
        return false;
    return !overlaps_granted(r, &lock->range) || !is_behind_another(r, lock);
}

static void
answer(struct lk_records *r, struct lk_lock *lock, int err,
       struct cds_list_head *answers)
{
    struct lk_waiter *waiter = lock->waiter;

    unlink_lock(r, lock);
    lock->waiter = NULL;
    waiter->err = err;
    cds_list_add_tail(&waiter->node, answers);
}

void
lk_records_grant(struct lk_records *r, struct cds_list_head *answers,
                 time_t now)
{
    struct lk_lock *lock, *next;
    bool weaker;

    /* A grant that weakens its owner's older locks may let earlier waiters
     * in: then once more.  Ends: each further round has granted one. */
    do {
        weaker = false;
        cds_list_for_each_entry_safe(lock, next, &r->waiting, node) {
            struct lk_waiter *waiter = lock->waiter;

            if (!may_grant(r, lock))
                continue;
            answer(r, lock, 0, answers);
            lock->granted_at = now;
            weaker |= lk_records_add(r, lock, &waiter->spare);
        }
    } while (weaker);
}

/* --- dropping --- */

uint32_t
lk_records_drop_granted(struct lk_records *r, lk_chooser fn, void *arg)
{
    struct lk_lock *lock, *next;
    uint32_t count = 0;

    cds_list_for_each_entry_safe(lock, next, &r->granted, node) {
        if (!fn(arg, lock))
            continue;
        drop_lock(r, lock);
        count++;
    }
    return count;
}

uint32_t
lk_records_drop_waiting(struct lk_records *r, lk_chooser fn, void *arg,
                        int err, struct cds_list_head *answers)
{
    struct lk_lock *lock, *next;
    uint32_t count = 0;

    cds_list_for_each_entry_safe(lock, next, &r->waiting, node) {
        if (!fn(arg, lock))
            continue;
        answer(r, lock, err, answers);
        lk_lock_free(lock);
        count++;
    }
    return count;
}

static bool
is_owners(void *arg, const struct lk_lock *lock)
{
    return lk_is_owner(lock, arg);
}

bool
lk_records_drop_owner(struct lk_records *r, const struct lk_owner *owner)
{
    struct lk_owner whose = *owner;

    return lk_records_drop_granted(r, is_owners, &whose) > 0;
}

static bool
is_through(void *arg, const struct lk_lock *lock)
{
    const struct fd *const *fd = arg;

    return lock->fd == *fd;
}

bool
lk_records_drop_fd(struct lk_records *r, const struct fd *fd, int err,
                   struct cds_list_head *answers)
{
    uint32_t count = lk_records_drop_granted(r, is_through, &fd);

    count += lk_records_drop_waiting(r, is_through, &fd, err, answers);
    return count > 0;
}

bool
lk_records_has_fd(const struct lk_records *r, const struct fd *fd)
{
    const struct lk_lock *lock;

    cds_list_for_each_entry(lock, &r->granted, node)
        if (lock->fd == fd)
            return true;
    cds_list_for_each_entry(lock, &r->waiting, node)
        if (lock->fd == fd)
            return true;
    return false;
}
