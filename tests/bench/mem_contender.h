/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a scenario allocates from.  Each program is built twice: over libmem.a,
 * with CONTENDER_OURS, and over malloc(), which is the C library's or what
 * LD_PRELOAD puts in its place.
 *
 * Blocks of the micro scenarios are of the sizes in a table, so that ours can
 * have a type and a pool for each, as a program has.
 */
#ifndef CLINKER_TESTS_BENCH_MEM_CONTENDER_H
#define CLINKER_TESTS_BENCH_MEM_CONTENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mem/must.h"

#ifdef CONTENDER_OURS
#include "mem/alloc.h"
#include "mem/pool.h"
#endif

/* Bytes, and how often of a hundred in a mix: as a brick allocates. */
#define CONTENDER_SIZES(X)                                                     \
    X(16, 10)                                                                  \
    X(24, 8)                                                                   \
    X(32, 12)                                                                  \
    X(48, 12)                                                                  \
    X(64, 14)                                                                  \
    X(96, 10)                                                                  \
    X(128, 10)                                                                 \
    X(192, 6)                                                                  \
    X(256, 6)                                                                  \
    X(384, 4)                                                                  \
    X(512, 4)                                                                  \
    X(1024, 2)                                                                 \
    X(2048, 1)                                                                 \
    X(4096, 1)

#define CONTENDER_ONE(bytes, share) +1
enum { CONTENDER_SIZES_COUNT = CONTENDER_SIZES(CONTENDER_ONE) };
#undef CONTENDER_ONE

extern const uint16_t contender_bytes[CONTENDER_SIZES_COUNT];
extern const uint8_t contender_share[CONTENDER_SIZES_COUNT];

enum contender_api {
    CONTENDER_TYPED, /* mem_alloc() or malloc() */
    CONTENDER_POOL,  /* mem_pool_get(); ours only */
};

void contender_init(void);
/* false: this program has no such API. */
bool contender_api_parse(const char *name, enum contender_api *api);

#ifdef CONTENDER_OURS
extern struct mem_type contender_types[CONTENDER_SIZES_COUNT];
extern struct mem_pool *contender_pools[CONTENDER_SIZES_COUNT];
#endif

/* A block of contender_bytes[size], its first word written. */
static inline __attribute__((always_inline)) void *
contender_get(enum contender_api api, unsigned size)
{
    void *p;

#ifdef CONTENDER_OURS
    p = api == CONTENDER_POOL
            ? mem_pool_get(contender_pools[size])
            : mem_alloc(&contender_types[size], contender_bytes[size]);
#else
    (void)api;
    p = malloc(contender_bytes[size]);
#endif
    must(p != NULL);
    *(volatile uint64_t *)p = size;
    return p;
}

static inline __attribute__((always_inline)) void
contender_put(enum contender_api api, unsigned size, void *p)
{
#ifdef CONTENDER_OURS
    if (api == CONTENDER_POOL)
        mem_pool_put(contender_pools[size], p);
    else
        mem_free(p);
#else
    (void)api;
    (void)size;
    free(p);
#endif
}

#endif
