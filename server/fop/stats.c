/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/stats.h"

#include <errno.h>

#include "mem/alloc.h"
#include "mem/clock.h"

MEM_TYPE(mt_stats, "server.fop", "stats");

static _Atomic(unsigned) next_shard;
static _Thread_local unsigned my_shard; /* 1-based, 0: none yet */

int
fop_stats_init(struct fop_stats *s)
{
    unsigned i;

    s->slow.minutes = NULL;
    timing_init(&s->timing);
    s->shards = mem_alloc_aligned(&mt_stats, 64,
                                  FOP_STATS_SHARDS * sizeof(s->shards[0]));
    if (s->shards == NULL)
        return -ENOMEM;
    for (i = 0; i < FOP_STATS_SHARDS; i++) {
        struct fop_stats_shard *sh = &s->shards[i];

        atomic_init(&sh->bytes_read, 0);
        atomic_init(&sh->bytes_written, 0);
    }
    return slow_init(&s->slow, clock_ns());
}

void
fop_stats_fini(struct fop_stats *s)
{
    slow_fini(&s->slow);
    timing_fini(&s->timing);
    mem_free(s->shards);
    s->shards = NULL;
}

static struct fop_stats_shard *
shard(struct fop_stats *s)
{
    if (my_shard == 0)
        my_shard = 1 + atomic_fetch_add_explicit(&next_shard, 1,
                                                 memory_order_relaxed) %
                           FOP_STATS_SHARDS;
    return &s->shards[my_shard - 1];
}

static void
add(_Atomic(uint64_t) *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void
fop_stats_bytes(struct fop_stats *s, uint64_t read, uint64_t written)
{
    struct fop_stats_shard *sh = shard(s);

    if (read > 0)
        add(&sh->bytes_read, read);
    if (written > 0)
        add(&sh->bytes_written, written);
}

static uint64_t
load(const _Atomic(uint64_t) *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void
fop_stats_thread_stop(struct fop_stats *s)
{
    timing_thread_stop(&s->timing);
}

void
fop_stats_read(const struct fop_stats *s, unsigned proc,
               struct fop_counter *out)
{
    struct timing_counts counts;
    struct latency total;

    timing_read(&s->timing, (int)proc, TIMING_ALL, STAGE_TOTAL, &total,
                &counts);
    *out = (struct fop_counter){.calls = counts.calls,
                                .failures = counts.failures,
                                .ns_sum = total.ns_sum,
                                .ns_max = total.ns_max,
                                .ns_min = counts.ns_min};
}

void
fop_stats_read_bytes(const struct fop_stats *s, uint64_t *read,
                     uint64_t *written)
{
    unsigned i;

    *read = *written = 0;
    for (i = 0; i < FOP_STATS_SHARDS; i++) {
        *read += load(&s->shards[i].bytes_read);
        *written += load(&s->shards[i].bytes_written);
    }
}
