/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/stats.h"

#include <errno.h>

#include "mem/alloc.h"

MEM_TYPE(mt_stats, "server.fop", "stats");

static _Atomic(unsigned) next_shard;
static _Thread_local unsigned my_shard; /* 1-based, 0: none yet */

int
fop_stats_init(struct fop_stats *s)
{
    unsigned i, j;

    s->shards = mem_alloc_aligned(&mt_stats, 64,
                                  FOP_STATS_SHARDS * sizeof(s->shards[0]));
    if (s->shards == NULL)
        return -ENOMEM;
    for (i = 0; i < FOP_STATS_SHARDS; i++) {
        struct fop_stats_shard *sh = &s->shards[i];

        for (j = 0; j < FOP_PROCS; j++) {
            atomic_init(&sh->fop[j].calls, 0);
            atomic_init(&sh->fop[j].failures, 0);
            atomic_init(&sh->fop[j].ns_sum, 0);
            atomic_init(&sh->fop[j].ns_max, 0);
            atomic_init(&sh->fop[j].ns_min, UINT64_MAX);
        }
        atomic_init(&sh->bytes_read, 0);
        atomic_init(&sh->bytes_written, 0);
    }
    return 0;
}

void
fop_stats_fini(struct fop_stats *s)
{
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
fop_stats_count(struct fop_stats *s, unsigned proc, bool failed, uint64_t ns)
{
    struct fop_stats_shard *sh = shard(s);
    uint64_t old;

    add(&sh->fop[proc].calls, 1);
    if (failed)
        add(&sh->fop[proc].failures, 1);
    add(&sh->fop[proc].ns_sum, ns);
    old = atomic_load_explicit(&sh->fop[proc].ns_max, memory_order_relaxed);
    while (ns > old && !atomic_compare_exchange_weak_explicit(
                           &sh->fop[proc].ns_max, &old, ns,
                           memory_order_relaxed, memory_order_relaxed))
        ;
    old = atomic_load_explicit(&sh->fop[proc].ns_min, memory_order_relaxed);
    while (ns < old && !atomic_compare_exchange_weak_explicit(
                           &sh->fop[proc].ns_min, &old, ns,
                           memory_order_relaxed, memory_order_relaxed))
        ;
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
fop_stats_read(const struct fop_stats *s, unsigned proc,
               struct fop_counter *out)
{
    unsigned i;

    *out = (struct fop_counter){.ns_min = UINT64_MAX};
    for (i = 0; i < FOP_STATS_SHARDS; i++) {
        const struct fop_stats_shard *sh = &s->shards[i];
        uint64_t max = load(&sh->fop[proc].ns_max);
        uint64_t min = load(&sh->fop[proc].ns_min);

        out->calls += load(&sh->fop[proc].calls);
        out->failures += load(&sh->fop[proc].failures);
        out->ns_sum += load(&sh->fop[proc].ns_sum);
        out->ns_max = max > out->ns_max ? max : out->ns_max;
        out->ns_min = min < out->ns_min ? min : out->ns_min;
    }
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
