/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders to take locks away; see clear.h. */
#include "server/lock/clear.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mem/must.h"
#include "server/lock/internal_priv.h"

static const char *const families[] = {
    [LK_FAMILY_INODE] = "inode",
    [LK_FAMILY_ENTRY] = "entry",
    [LK_FAMILY_POSIX] = "posix",
};

const char *
lk_family_name(enum lk_family family)
{
    return families[family];
}

/* --- reading --- */

/* The word that *textp begins with, up to a dot or the end; what follows is
 * left in *textp. */
static size_t
take_word(const char **textp, const char **word)
{
    size_t bytes = strcspn(*textp, ".");

    *word = *textp;
    *textp += bytes;
    if (**textp == '.')
        (*textp)++;
    return bytes;
}

static bool
word_is(const char *word, size_t bytes, const char *text)
{
    return strlen(text) == bytes && memcmp(word, text, bytes) == 0;
}

static int
read_family(const char **textp, enum lk_family *out)
{
    const char *word;
    size_t bytes = take_word(textp, &word);

    if (bytes == 0 || word[0] != 't')
        return -EINVAL;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        if (!word_is(word + 1, bytes - 1, families[i]))
            continue;
        *out = (enum lk_family)i;
        return 0;
    }
    return -EINVAL;
}

static int
read_which(const char **textp, struct lk_clear *out)
{
    const char *word;
    size_t bytes = take_word(textp, &word);

    if (bytes == 0)
        return 0;
    if (word[0] != 'k')
        return -EINVAL;
    out->blocked = word_is(word, bytes, "kblocked") ||
                   word_is(word, bytes, "kall");
    out->granted = word_is(word, bytes, "kgranted") ||
                   word_is(word, bytes, "kall");
    return out->blocked || out->granted ? 0 : -EINVAL;
}

static int
read_number(const char **textp, char after, int64_t *out)
{
    char *end;

    if (**textp < '0' || **textp > '9')
        return -EINVAL;
    errno = 0;
    *out = strtoll(*textp, &end, 10);
    if (errno != 0 || *end != after)
        return -EINVAL;
    *textp = after == '\0' ? end : end + 1;
    return 0;
}

static int
read_range(const char *text, struct lk_clear *out)
{
    int64_t whence, start, len;

    if (read_number(&text, ',', &whence) < 0 || whence > UINT32_MAX ||
        read_number(&text, '-', &start) < 0 ||
        read_number(&text, '\0', &len) < 0)
        return -EINVAL;
    out->one_range = true;
    out->whence = (uint32_t)whence;
    return lk_range_from(start, len, &out->range);
}

int
lk_clear_parse(const char *text, struct lk_clear *out)
{
    int rc;

    *out = (struct lk_clear){0};
    rc = read_family(&text, &out->family);
    if (rc == 0)
        rc = read_which(&text, out);
    if (rc < 0 || *text == '\0')
        return rc;
    if (out->family != LK_FAMILY_ENTRY)
        return read_range(text, out);
    out->name = text;
    return 0;
}

/* --- clearing --- */

static bool
same_range(const struct lk_clear *order, uint32_t whence,
           const struct lk_range *range)
{
    return !order->one_range ||
           (order->whence == whence && order->range.start == range->start &&
            order->range.end == range->end);
}

static bool
means_internal(const struct lk_clear *order, const struct ilk_lock *lock)
{
    if (lock->kind == ILK_RANGE)
        return same_range(order, lock->whence, &lock->range);
    return !order->name ||
           (lock->name && strcmp(order->name, lock->name) == 0);
}

static uint32_t
clear_list(struct lock_domain *domain, struct cds_list_head *list,
           const struct lk_clear *order, struct lk_aftermath *after)
{
    struct ilk_lock *lock, *next;
    uint32_t count = 0;

    cds_list_for_each_entry_safe(lock, next, list, node) {
        if (!means_internal(order, lock))
            continue;
        ilk_drop(&domain->internal, lock, -EAGAIN, &after->internal);
        count++;
    }
    return count;
}

static void
clear_internal(struct lock_domain *domain, enum ilk_kind kind,
               const struct lk_clear *order, struct lk_aftermath *after,
               struct lk_cleared *out)
{
    struct ilk_volume *volume, *next;

    cds_list_for_each_entry_safe(volume, next, &domain->internal.volumes,
                                 node) {
        struct ilk_queue *q = &volume->queues[kind];

        if (order->blocked)
            out->blocked += clear_list(domain, &q->waiting, order, after);
        if (order->granted)
            out->granted += clear_list(domain, &q->granted, order, after);
        ilk_regrant_locked(domain, volume, after);
    }
}

static bool
means_record(void *arg, const struct lk_lock *lock)
{
    const struct lk_clear *order = arg;

    if (order->client && (lock->client != order->client ||
                          lock->caller_pid != order->caller_pid))
        return false;
    return same_range(order, lock->whence, &lock->range);
}

static void
clear_records(struct lock_domain *domain, struct lk_clear *order,
              struct lk_aftermath *after, struct lk_cleared *out)
{
    struct lk_records *r = &domain->records;

    if (order->blocked)
        out->blocked = lk_records_drop_waiting(r, means_record, order, -EINTR,
                                               &after->answers);
    if (order->granted)
        out->granted = lk_records_drop_granted(r, means_record, order);
    lock_domain_regrant_locked(domain, after);
}

void
lk_clear(struct inode *inode, const struct lk_clear *order,
         const struct lk_rules *rules, struct lk_cleared *out)
{
    struct lock_domain *domain = lock_domain_find(inode);
    struct lk_clear copy = *order;
    struct lk_aftermath after;

    *out = (struct lk_cleared){0};
    if (!domain)
        return;
    lock_domain_enter(domain, &after, rules);
    if (order->family == LK_FAMILY_POSIX)
        clear_records(domain, &copy, &after, out);
    else
        clear_internal(domain,
                       order->family == LK_FAMILY_INODE ? ILK_RANGE
                                                        : ILK_NAME,
                       order, &after, out);
    lock_domain_leave(domain, &after);
}
