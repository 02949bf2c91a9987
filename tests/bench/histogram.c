/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values below HISTOGRAM_PARTS have a bucket each.  Above, a value keeps its
 * leading HISTOGRAM_PARTS_LOG2 + 1 bits; the number of bits dropped is the
 * octave, the bits kept (without the first, always 1) the part.
 */
#include "tests/bench/histogram.h"

#include <stddef.h>

static size_t
bucket_of(uint64_t value)
{
    unsigned dropped;

    if (value < HISTOGRAM_PARTS)
        return (size_t)value;
    dropped = 63U - (unsigned)__builtin_clzll(value) - HISTOGRAM_PARTS_LOG2;
    return (size_t)dropped * HISTOGRAM_PARTS + (size_t)(value >> dropped);
}

static uint64_t
bucket_last(size_t bucket)
{
    size_t dropped;
    uint64_t kept;

    if (bucket < 2 * HISTOGRAM_PARTS)
        return bucket;
    dropped = bucket / HISTOGRAM_PARTS - 1;
    kept = bucket - dropped * HISTOGRAM_PARTS;
    return (kept << dropped) + ((UINT64_C(1) << dropped) - 1);
}

void
histogram_add(struct histogram *h, uint64_t value)
{
    h->buckets[bucket_of(value)]++;
    h->count++;
    if (value > h->max)
        h->max = value;
}

void
histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
    into->count += from->count;
    if (from->max > into->max)
        into->max = from->max;
}

uint64_t
histogram_quantile(const struct histogram *h, double fraction)
{
    double exact = fraction * (double)h->count;
    uint64_t rank = (uint64_t)exact, seen = 0;

    if (h->count == 0)
        return 0;
    if ((double)rank < exact || rank == 0)
        rank++;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank)
            return bucket_last(i) < h->max ? bucket_last(i) : h->max;
    }
    return h->max;
}
