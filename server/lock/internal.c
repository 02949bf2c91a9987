/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internal locks as clients ask for them: volume.c's lists, under the mutex of
 * the inode's lock domain.  Memory is taken before the mutex, and who is to be
 * told is told after it, as in posixlk.c.
 */
#include "server/lock/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "mem/clock.h"
#include "mem/must.h"
#include "server/core/gfid.h"
#include "server/lock/internal_priv.h"
#include "server/lock/notice.h"
#include "server/lock/owner_text.h"
#define LOG_DOMAIN "locks"
#include "server/core/log.h"

enum { LINES_PER_SECOND = 20 };

/* The memory that one request may need; what is left is freed. */
struct ticket {
    struct ilk_lock *lock;
    struct ilk_volume *volume;
    struct ilk_waiter *waiter;
    struct lk_tie *tie;
};

static void
ticket_free(struct ticket *t)
{
    ilk_lock_free(t->lock);
    ilk_volume_free(t->volume);
    ilk_waiter_free(t->waiter);
    lk_tie_free(t->tie);
}

static int
ticket_make(struct ticket *t, const struct ilk_request *req,
            const struct lk_range *range, const struct ilk_wait *wait)
{
    t->lock = ilk_lock_new(req, range);
    t->volume = ilk_volume_new(req->volume);
    t->tie = lk_tie_new();
    if (wait)
        t->waiter = ilk_waiter_new(wait);
    return t->lock && t->volume && t->tie && (t->waiter || !wait) ? 0
                                                                   : -ENOMEM;
}

static int
request_read(const struct ilk_request *req, struct lk_range *range)
{
    *range = (struct lk_range){0};
    if (req->type != LK_READ && req->type != LK_WRITE)
        return -EINVAL;
    if (req->owner_bytes > LK_OWNER_BYTES_MAX)
        return -EINVAL;
    if (strlen(req->volume) > ILK_VOLUME_BYTES_MAX)
        return -EINVAL;
    if (req->kind == ILK_NAME) {
        if (req->name && strlen(req->name) > ILK_NAME_BYTES_MAX)
            return -ENAMETOOLONG;
        return 0;
    }
    if (req->start < 0 || req->len < 0)
        return -EINVAL;
    /* As on the peer, what would end past the largest number is to infinity;
     * of record locks it is refused. */
    if (lk_range_from(req->start, req->len, range) < 0)
        *range = (struct lk_range){(uint64_t)req->start, INT64_MAX};
    return 0;
}

/* --- taking away --- */

/* A lock that is older than it may be stands in the way, or too many wait:
 * then whoever holds anything in the volume has lost it. */
static bool
may_revoke(const struct ilk_queue *q, const struct ilk_lock *lock,
           const struct lk_rules *rules, const char **why, uint64_t *age_secs)
{
    const struct ilk_lock *held;
    uint64_t now = clock_ns();

    *age_secs = 0;
    if (rules->revoke_secs == 0)
        return false;
    cds_list_for_each_entry(held, &q->granted, node) {
        *age_secs = (now - held->since_ns) / 1000000000;
        *why = "age";
        if (ilk_collide(held, lock) && *age_secs >= rules->revoke_secs)
            return true;
    }
    *why = "max blocked";
    return rules->revoke_blocked > 0 &&
           q->waiting_count >= rules->revoke_blocked;
}

static void
revoke_locked(struct lock_domain *domain, struct ilk_volume *volume,
              const struct ilk_lock *wanted, struct lk_aftermath *after)
{
    const struct lk_rules *rules = after->rules;
    struct ilk_queue *q = &volume->queues[wanted->kind];
    uint32_t granted = q->granted_count, blocked = 0;
    struct ilk_lock *lock, *next;
    const char *why;
    uint64_t age;

    if (!may_revoke(q, wanted, rules, &why, &age))
        return;
    cds_list_for_each_entry_safe(lock, next, &q->granted, node)
        ilk_drop(&domain->internal, lock, 0, &after->internal);
    if (rules->revoke_all) {
        blocked = q->waiting_count;
        cds_list_for_each_entry_safe(lock, next, &q->waiting, node)
            ilk_drop(&domain->internal, lock, -EAGAIN, &after->internal);
    }
    ilk_regrant(&domain->internal, q, &after->internal);
    log_limited(LOG_LVL_WARNING, LINES_PER_SECOND,
                "Lock revocation [reason: %s; gfid: %s; domain: %s; age: "
                "%" PRIu64 " sec] - %s lock revoked: %" PRIu32
                " granted & %" PRIu32 " blocked locks cleared",
                why, gfid_str(&domain->inode->gfid), volume->name, age,
                wanted->kind == ILK_RANGE ? "Inode" : "Entry", granted,
                blocked);
}

/* --- setting --- */

static struct ilk_volume *
volume_locked(struct lock_domain *domain, const struct ilk_request *req,
              struct ticket *t)
{
    struct ilk_volume *volume =
        ilk_volume_find(&domain->internal, req->volume);

    if (volume)
        return volume;
    volume = t->volume;
    t->volume = NULL;
    ilk_volume_add(&domain->internal, volume);
    return volume;
}

static int
set_locked(struct lock_domain *domain, const struct ilk_request *req,
           struct ticket *t, struct lk_aftermath *after)
{
    struct ilk_lock *lock = t->lock;
    struct ilk_volume *volume;
    int rc = lk_tie_locked(domain, req->holder, &t->tie);

    if (rc < 0)
        return rc;
    volume = volume_locked(domain, req, t);
    revoke_locked(domain, volume, lock, after);
    if (!ilk_must_wait(&domain->internal, &volume->queues[req->kind],
                       lock)) {
        t->lock = NULL;
        ilk_grant(&domain->internal, volume, lock);
        return 0;
    }
    lk_notices_for(domain, volume, lock, after);
    if (!t->waiter) {
        ilk_volume_tidy(volume);
        return -EAGAIN;
    }
    t->lock = NULL;
    lock->waiter = t->waiter;
    t->waiter = NULL;
    ilk_queue(&domain->internal, volume, lock);
    return 1;
}

int
ilk_set(const struct ilk_request *req, const struct lk_rules *rules,
        const struct ilk_wait *wait)
{
    struct lock_domain *domain;
    struct lk_aftermath after;
    struct ticket t = {0};
    struct lk_range range;
    int rc = request_read(req, &range);

    if (rc < 0)
        return rc;
    domain = lock_domain_get(req->inode);
    if (!domain)
        return -ENOMEM;
    rc = ticket_make(&t, req, &range, wait);
    if (rc == 0) {
        lock_domain_enter(domain, &after, rules);
        rc = set_locked(domain, req, &t, &after);
        lock_domain_leave(domain, &after);
    }
    ticket_free(&t);
    return rc;
}

/* --- letting go --- */

/* Some locks of the volume have gone. */
static void
regrant_locked(struct lock_domain *domain, struct ilk_volume *volume,
               enum ilk_kind kind, struct lk_aftermath *after)
{
    ilk_regrant(&domain->internal, &volume->queues[kind], &after->internal);
    lk_notices_for_waiting(domain, volume, kind, after);
}

void
ilk_regrant_locked(struct lock_domain *domain, struct ilk_volume *volume,
                   struct lk_aftermath *after)
{
    regrant_locked(domain, volume, ILK_RANGE, after);
    regrant_locked(domain, volume, ILK_NAME, after);
    ilk_volume_tidy(volume);
}

static int
unset_locked(struct lock_domain *domain, const struct ilk_request *req,
             const struct ilk_lock *like, struct lk_aftermath *after)
{
    struct ilk_volume *volume =
        ilk_volume_find(&domain->internal, req->volume);
    struct ilk_lock *held = volume ? ilk_find_held(volume, like) : NULL;

    if (!held)
        return -EINVAL;
    ilk_drop(&domain->internal, held, 0, &after->internal);
    ilk_regrant_locked(domain, volume, after);
    return 0;
}

int
ilk_unset(const struct ilk_request *req, const struct lk_rules *rules)
{
    struct lock_domain *domain;
    struct lk_aftermath after;
    struct ilk_lock *like;
    struct lk_range range;
    int rc = request_read(req, &range);

    if (rc < 0)
        return rc;
    domain = lock_domain_find(req->inode);
    if (!domain)
        return -EINVAL;
    like = ilk_lock_new(req, &range);
    if (!like)
        return -ENOMEM;
    lock_domain_enter(domain, &after, rules);
    rc = unset_locked(domain, req, like, &after);
    lock_domain_leave(domain, &after);
    ilk_lock_free(like);
    return rc;
}

static void
drop_holder_from(struct lock_domain *domain, struct ilk_volume *volume,
                 enum ilk_kind kind, struct lk_holder *holder,
                 struct lk_aftermath *after)
{
    struct ilk_queue *q = &volume->queues[kind];
    char owner[LK_OWNER_TEXT_BYTES];
    struct ilk_lock *lock, *next;

    cds_list_for_each_entry_safe(lock, next, &q->granted, node) {
        if (lock->holder != holder)
            continue;
        log_limited(LOG_LVL_WARNING, LINES_PER_SECOND,
                    "releasing lock on %s held by {client=%p, pid=%" PRId32
                    " lk-owner=%s}",
                    gfid_str(&domain->inode->gfid), holder->client,
                    lock->caller_pid,
                    lk_owner_text(lock->owner, lock->owner_bytes, owner));
        ilk_drop(&domain->internal, lock, 0, &after->internal);
    }
    cds_list_for_each_entry_safe(lock, next, &q->waiting, node)
        if (lock->holder == holder)
            ilk_drop(&domain->internal, lock, -EAGAIN, &after->internal);
}

void
ilk_drop_holder_locked(struct lock_domain *domain, struct lk_holder *holder,
                       struct lk_aftermath *after)
{
    struct ilk_volume *volume, *next;

    cds_list_for_each_entry_safe(volume, next, &domain->internal.volumes,
                                 node) {
        drop_holder_from(domain, volume, ILK_RANGE, holder, after);
        drop_holder_from(domain, volume, ILK_NAME, holder, after);
        ilk_regrant_locked(domain, volume, after);
    }
}

/* --- counting --- */

uint32_t
ilk_count(struct inode *inode, enum ilk_kind kind)
{
    struct lock_domain *domain = lock_domain_find(inode);

    return domain ? domain->internal.counts[kind] : 0;
}

uint32_t
ilk_count_in(struct inode *inode, enum ilk_kind kind, const char *name)
{
    struct lock_domain *domain = lock_domain_find(inode);
    struct ilk_volume *volume;
    uint32_t count = 0;

    if (!domain || domain->internal.counts[kind] == 0)
        return 0;
    mutex_lock(&domain->mtx);
    volume = ilk_volume_find(&domain->internal, name);
    if (volume)
        count = volume->queues[kind].granted_count +
                volume->queues[kind].waiting_count;
    mutex_unlock(&domain->mtx);
    return count;
}

static bool
name_is_held_locked(const struct ilk_table *t, const char *name)
{
    const struct ilk_volume *volume;
    const struct ilk_lock *lock;

    cds_list_for_each_entry(volume, &t->volumes, node)
        cds_list_for_each_entry(lock, &volume->queues[ILK_NAME].granted, node)
            if (lock->name && strcmp(lock->name, name) == 0)
                return true;
    return false;
}

bool
ilk_name_is_held(struct inode *inode, const char *name)
{
    struct lock_domain *domain = lock_domain_find(inode);
    bool held;

    if (!domain || domain->internal.counts[ILK_NAME] == 0)
        return false;
    mutex_lock(&domain->mtx);
    held = name_is_held_locked(&domain->internal, name);
    mutex_unlock(&domain->mtx);
    return held;
}
