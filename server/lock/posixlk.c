/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record locks as clients ask for them: record.c's lists, under the mutex of
 * the inode's lock domain.
 *
 * Memory is taken before the mutex, so that nothing fails halfway.  Who is to
 * be answered is collected under the mutex and called after it.
 *
 * A client that goes away: fd->active becomes false, then lk_release_fd()
 * empties.  lk_set() looks at active under the mutex, so it either adds before
 * that emptying or not at all.  Where lk_release_fd() finds no domain, lk_set()
 * has not published one yet and, all accesses being sequentially consistent,
 * will see active false.
 */
#include "server/lock/posixlk.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "mem/must.h"
#include "server/lock/deadlock.h"
#include "server/lock/domain.h"
#include "server/lock/record.h"

/* The memory that one request may need; what is left is freed. */
struct ticket {
    struct lk_lock *lock;
    struct lk_lock *spare;
    struct lk_waiter *waiter;
};

static void
ticket_free(struct ticket *t)
{
    lk_lock_free(t->lock);
    lk_lock_free(t->spare);
    lk_waiter_free(t->waiter);
}

static int
ticket_make(struct ticket *t, const struct lk_request *req,
            const struct lk_range *range, const struct lk_wait *wait,
            const struct lk_desc *desc)
{
    t->spare = lk_lock_new(req, range);
    if (!t->spare)
        return -ENOMEM;
    if (req->type == LK_UNLOCK)
        return 0;
    t->lock = lk_lock_new(req, range);
    if (!t->lock)
        return -ENOMEM;
    if (!wait)
        return 0;
    t->waiter = lk_waiter_new(req, range, wait, desc);
    return t->waiter ? 0 : -ENOMEM;
}

/* Check a request; its range, and how it is answered. */
static int
request_read(const struct lk_request *req, struct lk_range *range,
             struct lk_desc *desc)
{
    int rc;

    OBJ_CHECK(req->fd, FD_MAGIC);
    if (req->type != LK_READ && req->type != LK_WRITE && req->type != LK_UNLOCK)
        return -EINVAL;
    if (req->owner_bytes > LK_OWNER_BYTES_MAX)
        return -EINVAL;
    rc = lk_range_from(req->start, req->len, range);
    if (rc < 0)
        return rc;
    desc->type = req->type;
    desc->whence = req->whence;
    desc->start = (int64_t)range->start;
    desc->len = lk_range_len(range);
    desc->pid = req->pid;
    desc->owner_bytes = req->owner_bytes;
    if (req->owner_bytes > 0)
        memcpy(desc->owner, req->owner, req->owner_bytes);
    return 0;
}

static struct lk_owner
request_owner(const struct lk_request *req)
{
    return (struct lk_owner){req->client, req->owner, req->owner_bytes};
}

int
lk_test(const struct lk_request *req, struct lk_desc *out)
{
    struct lk_owner owner = request_owner(req);
    const struct lk_lock *held;
    struct lock_domain *domain;
    struct lk_range range;
    int rc = request_read(req, &range, out);

    if (rc < 0)
        return rc;
    out->type = LK_UNLOCK;
    domain = lock_domain_find(req->fd->inode);
    if (!domain)
        return 0;
    mutex_lock(&domain->mtx);
    held = lk_records_conflict(&domain->records, &owner, req->type, &range);
    if (held)
        lk_lock_describe(held, out);
    mutex_unlock(&domain->mtx);
    return 0;
}

/* --- setting --- */

static void
grant_locked(struct lock_domain *domain, struct ticket *t,
             struct lk_aftermath *after)
{
    struct lk_lock *lock = t->lock;

    t->lock = NULL;
    lock->granted_at = time(NULL);
    (void)lk_records_add(&domain->records, lock, &t->spare);
    lock_domain_regrant_locked(domain, after);
}

static void
queue_locked(struct lock_domain *domain, struct ticket *t,
             const struct lk_aftermath *after)
{
    struct lk_lock *lock = t->lock;

    must(after->waits);
    t->lock = NULL;
    lock->waiter = t->waiter;
    t->waiter = NULL;
    lock->blocked_at = time(NULL);
    lk_records_wait(&domain->records, lock);
    lk_waits_add(&domain->records, lock);
}

/* There is a conflict.  0: queued for it; 1: there is none any more. */
static int
wait_locked(struct lock_domain *domain, const struct lk_owner *owner,
            const struct lk_range *range, struct ticket *t,
            struct lk_aftermath *after)
{
    struct lk_records *r = &domain->records;
    enum lk_type type = t->lock->type;

    lock_domain_waits_locked(domain, after);
    if (lk_waits_closes_circle(r, t->lock))
        return -EDEADLK;
    /* Who has to wait first lets go of what it holds there: two owners that
     * both want to write what both read would otherwise wait for each
     * other. */
    if (lk_records_cut(r, owner, range, &t->spare)) {
        lock_domain_regrant_locked(domain, after);
        lk_waits_forget(&after->answers);
        if (!lk_records_conflict(r, owner, type, range))
            return 1;
        if (lk_waits_closes_circle(r, t->lock))
            return -EDEADLK;
    }
    queue_locked(domain, t, after);
    return 0;
}

static int
lock_locked(struct lock_domain *domain, const struct lk_request *req,
            const struct lk_range *range, struct ticket *t,
            struct lk_aftermath *after)
{
    struct lk_owner owner = request_owner(req);
    struct lk_records *r = &domain->records;
    int rc;

    if (!atomic_load(&req->fd->active))
        return -ESHUTDOWN;
    if (lk_records_conflict(r, &owner, req->type, range)) {
        if (!t->waiter)
            return -EAGAIN;
        rc = wait_locked(domain, &owner, range, t, after);
        if (rc <= 0)
            return rc < 0 ? rc : 1;
    }
    grant_locked(domain, t, after);
    return 0;
}

static void
unlock_locked(struct lock_domain *domain, const struct lk_request *req,
              const struct lk_range *range, struct ticket *t,
              struct lk_desc *desc, struct lk_aftermath *after)
{
    struct lk_owner owner = request_owner(req);

    if (lk_records_cut(&domain->records, &owner, range, &t->spare))
        lock_domain_regrant_locked(domain, after);
    if (lk_records_has_fd(&domain->records, req->fd))
        desc->type = LK_READ;
}

static int
set_in_domain(struct lock_domain *domain, const struct lk_request *req,
              const struct lk_range *range, const struct lk_wait *wait,
              struct lk_desc *desc)
{
    struct ticket t = {0};
    struct lk_aftermath after;
    int rc = ticket_make(&t, req, range, wait, desc);

    if (rc == 0) {
        lock_domain_enter(domain, &after, NULL);
        if (req->type == LK_UNLOCK)
            unlock_locked(domain, req, range, &t, desc, &after);
        else
            rc = lock_locked(domain, req, range, &t, &after);
        lock_domain_leave(domain, &after);
    }
    ticket_free(&t);
    return rc;
}

int
lk_set(const struct lk_request *req, const struct lk_wait *wait,
       struct lk_desc *out)
{
    struct lock_domain *domain;
    struct lk_range range;
    struct lk_desc desc;
    int rc = request_read(req, &range, &desc);

    if (rc < 0)
        return rc;
    if (req->type == LK_UNLOCK) {
        domain = lock_domain_find(req->fd->inode);
    } else {
        if (req->fd->anonymous)
            return -EBADF;
        domain = lock_domain_get(req->fd->inode);
        if (!domain)
            return -ENOMEM;
    }
    if (domain)
        rc = set_in_domain(domain, req, &range, wait, &desc);
    /* Once queued, the request is another thread's: it may have been granted
     * and answered by now, and *out be gone with it. */
    if (out && rc != 1) {
        /* The owner's bytes past owner_bytes were never written. */
        memcpy(out, &desc, offsetof(struct lk_desc, owner) + desc.owner_bytes);
    }
    return rc;
}

/* --- letting go --- */

static void
drop_fd(struct fd *fd)
{
    struct lock_domain *domain = lock_domain_find(fd->inode);
    struct lk_aftermath after;

    if (!domain)
        return;
    lock_domain_enter(domain, &after, NULL);
    if (lk_records_drop_fd(&domain->records, fd, -EAGAIN, &after.answers))
        lock_domain_regrant_locked(domain, &after);
    lock_domain_leave(domain, &after);
}

void
lk_flush(struct fd *fd, const void *client, const uint8_t *owner,
         uint32_t owner_bytes)
{
    struct lk_owner whose = {client, owner, owner_bytes};
    struct lock_domain *domain;
    struct lk_aftermath after;

    OBJ_CHECK(fd, FD_MAGIC);
    if (owner_bytes == 0) {
        drop_fd(fd);
        return;
    }
    domain = lock_domain_find(fd->inode);
    if (!domain)
        return;
    lock_domain_enter(domain, &after, NULL);
    if (lk_records_drop_owner(&domain->records, &whose))
        lock_domain_regrant_locked(domain, &after);
    lock_domain_leave(domain, &after);
}

void
lk_release_fd(struct fd *fd)
{
    OBJ_CHECK(fd, FD_MAGIC);
    must(!atomic_load(&fd->active));
    drop_fd(fd);
}

uint32_t
lk_count(struct inode *inode)
{
    struct lock_domain *domain = lock_domain_find(inode);

    return domain ? domain->records.count : 0;
}

void
lk_inode_release(struct inode *inode)
{
    lock_domain_release(inode);
}
