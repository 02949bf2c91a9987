/* SPDX-License-Identifier: BSD-2-Clause */
/* Each pattern is written once and compiled once for each API, so that the
 * choice is not made in the loop. */
#include "tests/bench/mem_patterns.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define BY_API(run, fn, ...)                                                   \
    ((run)->api == CONTENDER_POOL ? fn(CONTENDER_POOL, __VA_ARGS__)            \
                                  : fn(CONTENDER_TYPED, __VA_ARGS__))

void
pattern_sizes(struct pattern_run *run)
{
    uint64_t random = 88172645463325252u;
    uint8_t hundred[100];
    unsigned n = 0;

    for (unsigned i = 0; i < CONTENDER_SIZES_COUNT; i++)
        for (unsigned k = 0; k < contender_share[i]; k++) {
            must(n < sizeof(hundred));
            hundred[n++] = (uint8_t)i;
        }
    must(n == sizeof(hundred));
    for (unsigned i = 0; i < PATTERN_SEQUENCE; i++) {
        int size = run->pattern->size;

        run->sizes[i] =
            size >= 0 ? (uint8_t)size : hundred[lane_random(&random) % n];
    }
}

INLINE void
pair(enum contender_api api, struct lane *lane, bool warm)
{
    const struct pattern_run *run = lane->arg;
    uint64_t pairs = pattern_ops(run, warm) / 2;

    for (uint64_t i = 0; i < pairs; i++) {
        unsigned size = run->sizes[i % PATTERN_SEQUENCE];

        contender_put(api, size, contender_get(api, size));
    }
    lane->ops = pairs * 2;
}

void
pattern_pair(struct lane *lane, bool warm)
{
    const struct pattern_run *run = lane->arg;

    BY_API(run, pair, lane, warm);
}

INLINE void
batch(enum contender_api api, bool lifo, struct lane *lane, bool warm)
{
    const struct pattern_run *run = lane->arg;
    unsigned n = run->pattern->batch;
    uint64_t rounds = pattern_ops(run, warm) / 2 / n;
    void *blocks[PATTERN_BATCH_MAX];

    for (uint64_t r = 0; r < rounds; r++) {
        const uint8_t *sizes =
            &run->sizes[r * n % (PATTERN_SEQUENCE - PATTERN_BATCH_MAX)];

        for (unsigned i = 0; i < n; i++)
            blocks[i] = contender_get(api, sizes[i]);
        for (unsigned i = 0; i < n; i++) {
            unsigned k = lifo ? n - 1 - i : i;

            contender_put(api, sizes[k], blocks[k]);
        }
    }
    lane->ops = rounds * n * 2;
}

void
pattern_lifo(struct lane *lane, bool warm)
{
    const struct pattern_run *run = lane->arg;

    BY_API(run, batch, true, lane, warm);
}

void
pattern_fifo(struct lane *lane, bool warm)
{
    const struct pattern_run *run = lane->arg;

    BY_API(run, batch, false, lane, warm);
}

/* As many blocks live all the time; which one goes next is random. */
INLINE void
churn(enum contender_api api, struct lane *lane, bool warm)
{
    const struct pattern_run *run = lane->arg;
    unsigned n = run->pattern->batch;
    uint64_t swaps = pattern_ops(run, warm) / 2;
    void *blocks[PATTERN_BATCH_MAX];
    uint8_t sizes[PATTERN_BATCH_MAX];

    swaps = swaps > n ? swaps - n : 0; /* to be filled and emptied, too */
    for (unsigned i = 0; i < n; i++) {
        sizes[i] = run->sizes[i];
        blocks[i] = contender_get(api, sizes[i]);
    }
    for (uint64_t i = 0; i < swaps; i++) {
        unsigned k = (unsigned)(lane_random(&lane->random) % n);

        contender_put(api, sizes[k], blocks[k]);
        sizes[k] = run->sizes[i % PATTERN_SEQUENCE];
        blocks[k] = contender_get(api, sizes[k]);
    }
    for (unsigned i = 0; i < n; i++)
        contender_put(api, sizes[i], blocks[i]);
    lane->ops = (swaps + n) * 2;
}

void
pattern_churn(struct lane *lane, bool warm)
{
    const struct pattern_run *run = lane->arg;

    BY_API(run, churn, lane, warm);
}
