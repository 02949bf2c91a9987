/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/latency.h"

#include "mem/must.h"

uint64_t
latency_bucket_max_ns(unsigned bucket)
{
    unsigned power, part;
    uint64_t width;

    must(bucket < LATENCY_BUCKETS);
    if (bucket == 0)
        return (UINT64_C(1) << LATENCY_LOW_BITS) - 1;
    if (bucket == LATENCY_BUCKETS - 1)
        return UINT64_MAX;
    power = LATENCY_LOW_BITS + ((bucket - 1) >> LATENCY_PART_BITS);
    part = (bucket - 1) & ((1u << LATENCY_PART_BITS) - 1);
    width = UINT64_C(1) << (power - LATENCY_PART_BITS);
    return (UINT64_C(1) << power) + (part + 1) * width - 1;
}

void
latency_add(struct latency *l, uint64_t ns)
{
    l->buckets[latency_bucket(ns)]++;
    l->count++;
    l->ns_sum += ns;
    if (ns > l->ns_max)
        l->ns_max = ns;
}

uint64_t
latency_quantile_ns(const struct latency *l, unsigned permille)
{
    uint64_t rank, below = 0, ns;

    must(permille <= 1000);
    if (l->count == 0)
        return 0;
    /* Rounded up, without a product that could overflow. */
    rank = l->count / 1000 * permille +
           (l->count % 1000 * permille + 999) / 1000;
    if (rank == 0)
        rank = 1;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        below += l->buckets[i];
        if (below < rank)
            continue;
        ns = latency_bucket_max_ns(i);
        return ns < l->ns_max ? ns : l->ns_max;
    }
    return l->ns_max; /* counters move while they are added up */
}

uint64_t
latency_mean_ns(const struct latency *l)
{
    return l->count == 0 ? 0 : l->ns_sum / l->count;
}
