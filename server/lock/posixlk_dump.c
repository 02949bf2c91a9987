/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lock section of an inode in the statedump, in the peer's form.  The
 * lines are made in memory under the domain's mutex and written after it:
 * nobody waits for a lock because a dump's disk is slow.
 */
#include "server/lock/posixlk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "server/core/gfid.h"
#include "server/lock/domain.h"
#include "server/lock/record.h"

MEM_TYPE(mt_dump, "server.lock", "lock dump");

enum {
    TIME_TEXT_BYTES = 40,
    /* Two digits a byte, a dash after each eighth, a NUL. */
    OWNER_TEXT_BYTES = LK_OWNER_BYTES_MAX * 2 + LK_OWNER_BYTES_MAX / 8 + 1,
};

/* Text that grows; broken once memory ran out. */
struct text {
    char *s;
    size_t used, size;
    bool broken;
};

static bool
text_reserve(struct text *t, size_t more)
{
    size_t size = t->size ? t->size : 1024;
    char *s;

    while (size - t->used <= more)
        size *= 2;
    if (size == t->size)
        return true;
    s = mem_realloc(&mt_dump, t->s, size);
    if (!s)
        return false;
    t->s = s;
    t->size = size;
    return true;
}

static void text_add(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
text_add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (t->broken)
        return;
    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    must(n >= 0);
    if (!text_reserve(t, (size_t)n)) {
        t->broken = true;
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(t->s + t->used, t->size - t->used, fmt, ap);
    va_end(ap);
    t->used += (size_t)n;
}

static char *
time_format(time_t t, char out[TIME_TEXT_BYTES])
{
    struct tm tm;

    if (!gmtime_r(&t, &tm) ||
        strftime(out, TIME_TEXT_BYTES, "%Y-%m-%d %H:%M:%S +0000", &tm) == 0)
        out[0] = '\0';
    return out;
}

static char *
owner_format(const struct lk_lock *lock, char out[OWNER_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char *p = out;

    for (uint32_t i = 0; i < lock->owner_bytes; i++) {
        if (i > 0 && i % 8 == 0)
            *p++ = '-';
        *p++ = digits[lock->owner[i] >> 4];
        *p++ = digits[lock->owner[i] & 0xf];
    }
    *p = '\0';
    return out;
}

static void
text_add_times(struct text *t, const struct lk_lock *lock)
{
    char buf[TIME_TEXT_BYTES];

    if (lock->blocked_at != 0)
        text_add(t, ", blocked at %s", time_format(lock->blocked_at, buf));
    if (!lock->waiter)
        text_add(t, ", granted at %s", time_format(lock->granted_at, buf));
    text_add(t, "\n");
}

static void
text_add_lock(struct text *t, uint32_t i, const struct lk_lock *lock)
{
    char owner[OWNER_TEXT_BYTES];

    text_add(t,
             "posixlk.posixlk[%" PRIu32 "](%s)=type=%s, whence=%" PRIu32
             ", start=%" PRIu64 ", len=%" PRId64 ", pid = %" PRId32
             ", owner=%s, client=%p, connection-id=%s",
             i, lock->waiter ? "BLOCKED" : "ACTIVE",
             lock->type == LK_READ ? "READ" : "WRITE", lock->whence,
             lock->range.start, lk_range_len(&lock->range), lock->caller_pid,
             owner_format(lock, owner), lock->client,
             lock->client_uid ? lock->client_uid : "(null)");
    text_add_times(t, lock);
}

static void
text_add_records(struct text *t, const struct lk_records *r)
{
    const struct lk_lock *lock;
    uint32_t i = 0;

    if (lk_records_is_empty(r))
        return;
    text_add(t, "posixlk-count=%" PRIu32 "\n", r->count);
    cds_list_for_each_entry(lock, &r->granted, node)
        text_add_lock(t, i++, lock);
    cds_list_for_each_entry(lock, &r->waiting, node)
        text_add_lock(t, i++, lock);
}

/* A line at a time: one dump_raw() takes no more. */
static void
dump_text(struct dump *d, char *s)
{
    char *end;

    for (; (end = strchr(s, '\n')) != NULL; s = end + 1) {
        *end = '\0';
        dump_raw(d, "%s", s);
    }
}

void
lk_dump(struct dump *d, struct inode *inode, const char *layer,
        const char *path)
{
    struct lock_domain *domain = lock_domain_find(inode);
    struct text t = {0};

    if (!domain)
        return;
    mutex_lock(&domain->mtx);
    text_add_records(&t, &domain->records);
    mutex_unlock(&domain->mtx);
    if (t.used > 0 || t.broken) {
        dump_section(d, "xlator.features.locks.%s.inode", layer);
        if (path)
            dump_line(d, "path", "%s", path);
        dump_line(d, "mandatory", "0");
        if (t.broken)
            dump_line(d, "Unable to print lock state", "(%s) %s",
                      strerror(ENOMEM), gfid_str(&inode->gfid));
        else
            dump_text(d, t.s);
        dump_line(d, "removes_pending", "0");
    }
    mem_free(t.s);
}
