/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one client has had of the brick: operations, failures, bytes, and a
 * small histogram (one bucket a power of two) of how long they took.
 *
 * There may be ten thousand clients, and most of them idle: a client has
 * nothing before its first operation, then 256 bytes for each of at most
 * SHARE_STRIPES groups of threads, which add to them atomically.
 */
#ifndef CLINKER_SERVER_FOP_SHARE_H
#define CLINKER_SERVER_FOP_SHARE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/fop/latency.h"

enum {
    SHARE_STRIPES = 4,
    /* Bucket n holds what is below 2^(n + LATENCY_LOW_BITS) ns; the last one
     * all that is longer. */
    SHARE_BUCKETS = LATENCY_HIGH_BITS - LATENCY_LOW_BITS + 1,
};

struct share_stripe;

/* Zeroed is empty. */
struct share {
    _Atomic(struct share_stripe *) stripes[SHARE_STRIPES];
};

struct share_op {
    bool failed;
    uint64_t ns, bytes_read, bytes_written;
};

void share_count(struct share *s, const struct share_op *op);
void share_fini(struct share *s);

struct share_counts {
    uint64_t calls, failures;
    uint64_t ns_sum;
    uint64_t bytes_read, bytes_written;
    uint64_t buckets[SHARE_BUCKETS];
};
void share_read(const struct share *s, struct share_counts *out);
/* As latency_quantile_ns(), but up to twice as long as it was. */
uint64_t share_quantile_ns(const struct share_counts *counts,
                           unsigned permille);

#endif
