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
#include "server/core/escape.h"
#include "server/core/gfid.h"
#include "server/lock/domain.h"
#include "server/lock/owner_text.h"
#include "server/lock/record.h"

MEM_TYPE(mt_dump, "server.lock", "lock dump");

enum { TIME_TEXT_BYTES = 40, ESCAPED_BYTES = 4 * ILK_VOLUME_BYTES_MAX + 1 };

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

/* A name or a volume is whatever a client sent: a line break in it would make
 * lines of its own. */
static const char *
text_escaped(const char *text, char buf[ESCAPED_BYTES])
{
    (void)escape_line(buf, ESCAPED_BYTES, text, strlen(text), NULL);
    return buf;
}

/* Who it is and since when: the end of each line. */
static void
text_add_who(struct text *t, int32_t pid, const uint8_t *owner,
             uint32_t owner_bytes, const void *client, const char *uid)
{
    char buf[LK_OWNER_TEXT_BYTES];

    text_add(t, ", pid = %" PRId32 ", owner=%s, client=%p, connection-id=%s",
             pid, lk_owner_text(owner, owner_bytes, buf), client,
             uid ? uid : "(null)");
}

static void
text_add_times(struct text *t, time_t blocked_at, time_t granted_at,
               bool waits)
{
    char buf[TIME_TEXT_BYTES];

    if (blocked_at != 0)
        text_add(t, ", blocked at %s", time_format(blocked_at, buf));
    if (!waits)
        text_add(t, ", granted at %s", time_format(granted_at, buf));
    text_add(t, "\n");
}

static void
text_add_range(struct text *t, const char *what, uint32_t i, bool waits,
               enum lk_type type, uint32_t whence,
               const struct lk_range *range)
{
    text_add(t,
             "%s[%" PRIu32 "](%s)=type=%s, whence=%" PRIu32 ", start=%" PRIu64
             ", len=%" PRId64,
             what, i, waits ? "BLOCKED" : "ACTIVE",
             type == LK_READ ? "READ" : "WRITE", whence, range->start,
             lk_range_len(range));
}

static void
text_add_record(struct text *t, uint32_t i, const struct lk_lock *lock)
{
    bool waits = lock->waiter != NULL;

    text_add_range(t, "posixlk.posixlk", i, waits, lock->type, lock->whence,
                   &lock->range);
    text_add_who(t, lock->caller_pid, lock->owner, lock->owner_bytes,
                 lock->client, lock->client_uid);
    text_add_times(t, lock->blocked_at, lock->granted_at, waits);
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
        text_add_record(t, i++, lock);
    cds_list_for_each_entry(lock, &r->waiting, node)
        text_add_record(t, i++, lock);
}

static void
text_add_internal(struct text *t, uint32_t i, const struct ilk_lock *lock)
{
    bool waits = lock->waiter != NULL;
    char buf[ESCAPED_BYTES];

    if (lock->kind == ILK_RANGE)
        text_add_range(t, "inodelk.inodelk", i, waits, lock->type,
                       lock->whence, &lock->range);
    else
        text_add(t,
                 "xlator.feature.locks.lock-dump.domain.entrylk.entrylk"
                 "[%" PRIu32 "](%s)=type=%s on basename=%s",
                 i, waits ? "BLOCKED" : "ACTIVE",
                 lock->type == LK_READ ? "ENTRYLK_RDLCK" : "ENTRYLK_WRLCK",
                 lock->name ? text_escaped(lock->name, buf) : "(null)");
    text_add_who(t, lock->caller_pid, lock->owner, lock->owner_bytes,
                 lock->holder->client, lock->holder->uid);
    text_add_times(t, lock->blocked_at, lock->granted_at, waits);
}

static void
text_add_kind(struct text *t, const struct ilk_table *table,
              enum ilk_kind kind)
{
    const struct ilk_volume *volume;
    const struct ilk_lock *lock;
    char buf[ESCAPED_BYTES];

    if (table->counts[kind] == 0)
        return;
    text_add(t, "%s-count=%" PRIu32 "\n",
             kind == ILK_RANGE ? "inodelk" : "entrylk", table->counts[kind]);
    cds_list_for_each_entry(volume, &table->volumes, node) {
        const struct ilk_queue *q = &volume->queues[kind];
        uint32_t i = 0;

        text_add(t, "lock-dump.domain.domain=%s\n",
                 text_escaped(volume->name, buf));
        cds_list_for_each_entry(lock, &q->granted, node)
            text_add_internal(t, i++, lock);
        cds_list_for_each_entry(lock, &q->waiting, node)
            text_add_internal(t, i++, lock);
    }
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
    uint32_t removing;

    if (!domain)
        return;
    mutex_lock(&domain->mtx);
    text_add_kind(&t, &domain->internal, ILK_NAME);
    text_add_kind(&t, &domain->internal, ILK_RANGE);
    text_add_records(&t, &domain->records);
    removing = domain->removing;
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
        dump_line(d, "removes_pending", "%" PRIu32, removing);
    }
    mem_free(t.s);
}
