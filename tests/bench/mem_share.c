/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks that are freed elsewhere than they were allocated.
 *
 * producer: lanes in pairs, joined by a ring: one allocates, the other frees.
 * Both go on for a good part of the ring before they look for each other, so
 * that it is not their meeting that is measured.  A lane without a partner
 * fills and empties its ring itself.
 *
 * larson: each lane has slots with blocks, frees that of a random slot and
 * allocates one of another size in its place.  In each round all this is
 * handed to a new thread and the old one ends.  (Larson and Krishnan, ISMM
 * 1998.)
 */
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/bench/mem_patterns.h"

enum { RING = 4096, RING_STEP = 1024, LARSON_SLOTS = 1000, LARSON_ROUNDS = 10 };

struct ring {
    _Atomic(uint64_t) in __attribute__((aligned(128)));  /* ever put */
    _Atomic(uint64_t) out __attribute__((aligned(128))); /* ever taken */
    struct {
        void *block;
        unsigned size;
    } entries[RING] __attribute__((aligned(128)));
};

static struct ring rings[LANES_MAX / 2 + 1];

void
pattern_producer_prepare(void)
{
    for (size_t i = 0; i < COUNT_OF(rings); i++) {
        atomic_store(&rings[i].in, 0);
        atomic_store(&rings[i].out, 0);
    }
}

/* Until the count is that far. */
static uint64_t
ring_await(struct lane *lane, const _Atomic(uint64_t) *count, uint64_t enough)
{
    uint64_t began, now = atomic_load_explicit(count, memory_order_acquire);
    unsigned tries = 0;

    if (now >= enough)
        return now;
    began = lane_wait_begin();
    do {
        lane_wait_once(&tries);
        now = atomic_load_explicit(count, memory_order_acquire);
    } while (now < enough);
    lane_wait_end(lane, began);
    return now;
}

static void
produce(struct lane *lane, struct ring *ring, uint64_t from, uint64_t to)
{
    const struct pattern_run *run = lane->arg;

    for (uint64_t i = from; i < to; i++) {
        unsigned size = run->sizes[i % PATTERN_SEQUENCE];

        ring->entries[i % RING].size = size;
        ring->entries[i % RING].block =
            run->api == CONTENDER_POOL ? contender_get(CONTENDER_POOL, size)
                                       : contender_get(CONTENDER_TYPED, size);
    }
}

static void
consume(struct lane *lane, struct ring *ring, uint64_t from, uint64_t to)
{
    const struct pattern_run *run = lane->arg;

    for (uint64_t i = from; i < to; i++) {
        void *block = ring->entries[i % RING].block;
        unsigned size = ring->entries[i % RING].size;

        if (run->api == CONTENDER_POOL)
            contender_put(CONTENDER_POOL, size, block);
        else
            contender_put(CONTENDER_TYPED, size, block);
    }
}

void
pattern_producer(struct lane *lane, bool warm)
{
    const struct pattern_run *run = lane->arg;
    struct ring *ring = &rings[lane->index / 2];
    uint64_t all = pattern_ops(run, warm) / RING_STEP * RING_STEP;
    bool is_alone = (lane->index | 1) >= lane->count;
    bool is_first = lane->index % 2 == 0;
    uint64_t base = 0;

    /* What the warm-up has left in the counts. */
    if (!warm)
        base = run->ops / 8 / RING_STEP * RING_STEP;
    for (uint64_t i = base; i < base + all; i += RING_STEP) {
        if (is_first) {
            if (!is_alone && i >= RING)
                (void)ring_await(lane, &ring->out, i - RING + RING_STEP);
            produce(lane, ring, i, i + RING_STEP);
            atomic_store_explicit(&ring->in, i + RING_STEP,
                                  memory_order_release);
        }
        if (is_alone || !is_first) {
            (void)ring_await(lane, &ring->in, i + RING_STEP);
            consume(lane, ring, i, i + RING_STEP);
            atomic_store_explicit(&ring->out, i + RING_STEP,
                                  memory_order_release);
        }
    }
    lane->ops = is_alone ? all * 2 : all; /* one half of each pair's */
}

struct larson {
    const struct pattern_run *run;
    uint64_t random, swaps;
    void *blocks[LARSON_SLOTS];
    uint8_t sizes[LARSON_SLOTS];
};

static void *
larson_round(void *arg)
{
    struct larson *l = arg;
    const struct pattern_run *run = l->run;

    for (uint64_t i = 0; i < l->swaps; i++) {
        unsigned k = (unsigned)(lane_random(&l->random) % LARSON_SLOTS);

        if (run->api == CONTENDER_POOL)
            contender_put(CONTENDER_POOL, l->sizes[k], l->blocks[k]);
        else
            contender_put(CONTENDER_TYPED, l->sizes[k], l->blocks[k]);
        l->sizes[k] = run->sizes[i % PATTERN_SEQUENCE];
        l->blocks[k] = run->api == CONTENDER_POOL
                           ? contender_get(CONTENDER_POOL, l->sizes[k])
                           : contender_get(CONTENDER_TYPED, l->sizes[k]);
    }
    return NULL;
}

void
pattern_larson(struct lane *lane, bool warm)
{
    const struct pattern_run *run = lane->arg;
    struct larson l = {.run = run, .random = lane->random};
    pthread_t thread;

    l.swaps = pattern_ops(run, warm) / 2 / LARSON_ROUNDS;
    for (unsigned i = 0; i < LARSON_SLOTS; i++) {
        l.sizes[i] = run->sizes[i];
        l.blocks[i] = contender_get(run->api, l.sizes[i]);
    }
    for (unsigned r = 0; r < LARSON_ROUNDS; r++) {
        must(pthread_create(&thread, NULL, larson_round, &l) == 0);
        must(pthread_join(thread, NULL) == 0);
    }
    for (unsigned i = 0; i < LARSON_SLOTS; i++)
        contender_put(run->api, l.sizes[i], l.blocks[i]);
    lane->ops = (l.swaps * LARSON_ROUNDS + LARSON_SLOTS) * 2;
}
