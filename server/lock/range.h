/* SPDX-License-Identifier: BSD-2-Clause */
/* Arithmetic on ranges of bytes, both ends inclusive.  Pure. */
#ifndef CLINKER_SERVER_LOCK_RANGE_H
#define CLINKER_SERVER_LOCK_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* Ranges as fcntl counts them: start <= end. */
struct lk_range {
    uint64_t start;
    uint64_t end; /* inclusive; INT64_MAX: to infinity */
};

/* From the wire's start and len.  A negative len reaches backwards: 100, -10
 * is 90 to 99; len 0 is to infinity.  -EINVAL when either end would be
 * negative or past the largest signed number. */
int lk_range_from(int64_t start, int64_t len, struct lk_range *out);
/* And back: the len that says the same, 0 for infinity. */
int64_t lk_range_len(const struct lk_range *r);

bool lk_range_overlaps(const struct lk_range *a, const struct lk_range *b);
bool lk_range_contains(const struct lk_range *outer,
                       const struct lk_range *inner);
/* The smallest range that covers both. */
struct lk_range lk_range_union(const struct lk_range *a,
                               const struct lk_range *b);
/* What is left of a without cut: 0 to 2 pieces, in order. */
unsigned lk_range_subtract(const struct lk_range *a, const struct lk_range *cut,
                           struct lk_range out[2]);

#endif
