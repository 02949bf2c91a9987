/* SPDX-License-Identifier: BSD-2-Clause */
/* Arithmetic on ranges of bytes; see range.h. */
#include "server/lock/range.h"

#include <errno.h>

int
lk_range_from(int64_t start, int64_t len, struct lk_range *out)
{
    int64_t past; /* one past the end */

    /* The peer refuses the one range that ends exactly at the largest number
     * but is given by a length; so do we. */
    if (start < 0 || __builtin_add_overflow(start, len, &past) || past < 0)
        return -EINVAL;
    if (len == 0)
        *out = (struct lk_range){(uint64_t)start, INT64_MAX};
    else if (len > 0)
        *out = (struct lk_range){(uint64_t)start, (uint64_t)past - 1};
    else
        *out = (struct lk_range){(uint64_t)past, (uint64_t)start - 1};
    return 0;
}

int64_t
lk_range_len(const struct lk_range *r)
{
    if (r->end == INT64_MAX)
        return 0;
    return (int64_t)(r->end - r->start + 1);
}

bool
lk_range_overlaps(const struct lk_range *a, const struct lk_range *b)
{
    return a->start <= b->end && b->start <= a->end;
}

bool
lk_range_contains(const struct lk_range *outer, const struct lk_range *inner)
{
    return outer->start <= inner->start && inner->end <= outer->end;
}

struct lk_range
lk_range_union(const struct lk_range *a, const struct lk_range *b)
{
    return (struct lk_range){
        .start = a->start < b->start ? a->start : b->start,
        .end = a->end > b->end ? a->end : b->end,
    };
}

unsigned
lk_range_subtract(const struct lk_range *a, const struct lk_range *cut,
                  struct lk_range out[2])
{
    unsigned n = 0;

    if (!lk_range_overlaps(a, cut)) {
        out[0] = *a;
        return 1;
    }
    if (a->start < cut->start)
        out[n++] = (struct lk_range){a->start, cut->start - 1};
    if (a->end > cut->end)
        out[n++] = (struct lk_range){cut->end + 1, a->end};
    return n;
}
