/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How durations are spread: buckets that grow with what they hold, four to a
 * power of two, so that a quantile is at most a quarter too high whatever it
 * is.
 *
 *     bucket 0       below 1024 ns
 *     bucket 1..108  1024 ns to 137 s, four equal parts of each power of two
 *     bucket 109     all above
 *
 * Here is the arithmetic alone; who counts, and how, is timing.h's business.
 */
#ifndef CLINKER_SERVER_FOP_LATENCY_H
#define CLINKER_SERVER_FOP_LATENCY_H

#include <stdint.h>

enum {
    LATENCY_LOW_BITS = 10,  /* 2^10 ns: what is shorter is all the same */
    LATENCY_HIGH_BITS = 37, /* 2^37 ns: what is longer, too */
    LATENCY_PART_BITS = 2,  /* 2^2 buckets a power of two */
    LATENCY_BUCKETS =
        ((LATENCY_HIGH_BITS - LATENCY_LOW_BITS) << LATENCY_PART_BITS) + 2,
};

static inline unsigned
latency_bucket(uint64_t ns)
{
    unsigned power, part;

    if (ns < UINT64_C(1) << LATENCY_LOW_BITS)
        return 0;
    if (ns >= UINT64_C(1) << LATENCY_HIGH_BITS)
        return LATENCY_BUCKETS - 1;
    power = 63 - (unsigned)__builtin_clzll(ns);
    part = (unsigned)(ns >> (power - LATENCY_PART_BITS)) &
           ((1u << LATENCY_PART_BITS) - 1);
    return 1 + ((power - LATENCY_LOW_BITS) << LATENCY_PART_BITS) + part;
}

/* A histogram that was added up, to be looked at. */
struct latency {
    uint64_t count; /* sum of the buckets */
    uint64_t ns_sum, ns_max;
    uint64_t buckets[LATENCY_BUCKETS];
};

/* The largest duration that a bucket holds; of the last one UINT64_MAX. */
uint64_t latency_bucket_max_ns(unsigned bucket);
/* For tests and for what is counted one at a time. */
void latency_add(struct latency *l, uint64_t ns);
/* The duration that `permille` of 1000 do not exceed: not below the true one,
 * at most a quarter above it (or 1023 ns), never above ns_max.  0: none. */
uint64_t latency_quantile_ns(const struct latency *l, unsigned permille);
uint64_t latency_mean_ns(const struct latency *l); /* 0: none */

#endif
