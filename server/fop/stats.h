/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters of file operations: how often, how long (timing.h), the slowest
 * (slow.h), and bytes of data.  Threads write to shards of their own, readers
 * add them up.
 */
#ifndef CLINKER_SERVER_FOP_STATS_H
#define CLINKER_SERVER_FOP_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/fop/slow.h"
#include "server/fop/timing.h"
#include "server/wire/fop.h"

enum { FOP_STATS_SHARDS = 32 };

struct fop_counter {
    uint64_t calls, failures;
    uint64_t ns_sum, ns_max;
    uint64_t ns_min; /* UINT64_MAX: none yet */
};

struct fop_stats_shard {
    _Atomic(uint64_t) bytes_read, bytes_written;
} __attribute__((aligned(64)));

struct fop_stats {
    struct fop_stats_shard *shards; /* FOP_STATS_SHARDS of them */
    struct timing timing;
    struct slow slow;
};

int fop_stats_init(struct fop_stats *s); /* 0 or -ENOMEM */
void fop_stats_fini(struct fop_stats *s);
/* The calling thread ends. */
void fop_stats_thread_stop(struct fop_stats *s);
void fop_stats_bytes(struct fop_stats *s, uint64_t read, uint64_t written);
void fop_stats_read(const struct fop_stats *s, unsigned proc,
                    struct fop_counter *out);
void fop_stats_read_bytes(const struct fop_stats *s, uint64_t *read,
                          uint64_t *written);

#endif
