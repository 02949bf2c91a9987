/* SPDX-License-Identifier: BSD-2-Clause */
/* The micro scenarios of tests/bench/mem. */
#ifndef CLINKER_TESTS_BENCH_MEM_PATTERNS_H
#define CLINKER_TESTS_BENCH_MEM_PATTERNS_H

#include "tests/bench/mem_contender.h"
#include "tests/bench/mem_lanes.h"

enum { PATTERN_SEQUENCE = 4096, PATTERN_BATCH_MAX = 1000 };

struct pattern {
    const char *name;
    /* lane->arg: struct pattern_run */
    void (*fn)(struct lane *lane, bool warm);
    unsigned batch;
    int size; /* in contender_bytes[]; -1: mixed */
    void (*prepare)(void); /* before the lanes start; NULL: nothing to do */
};

struct pattern_run {
    const struct pattern *pattern;
    enum contender_api api;
    uint64_t ops; /* of each lane; an allocation is one, a free is another */
    uint8_t sizes[PATTERN_SEQUENCE]; /* set by pattern_sizes() */
};

/* The sizes that the run uses in turn. */
void pattern_sizes(struct pattern_run *run);

/* Of a warm-up only so much. */
static inline uint64_t
pattern_ops(const struct pattern_run *run, bool warm)
{
    return warm ? run->ops / 8 : run->ops;
}

/* mem_patterns.c: each lane for itself. */
void pattern_pair(struct lane *lane, bool warm);
void pattern_lifo(struct lane *lane, bool warm);
void pattern_fifo(struct lane *lane, bool warm);
void pattern_churn(struct lane *lane, bool warm);
/* mem_share.c: blocks go from lane to lane. */
void pattern_producer_prepare(void);
void pattern_producer(struct lane *lane, bool warm);
void pattern_larson(struct lane *lane, bool warm);

#endif
