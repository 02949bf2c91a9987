/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Latencies in log-linear buckets: each octave is cut into equal parts, so
 * that a reading is off by less than 1 part in HISTOGRAM_PARTS whatever its
 * size, and the memory does not grow with what is recorded.
 */
#ifndef CLINKER_TESTS_BENCH_HISTOGRAM_H
#define CLINKER_TESTS_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_PARTS_LOG2 = 6,
    HISTOGRAM_PARTS = 1 << HISTOGRAM_PARTS_LOG2,
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_PARTS_LOG2 + 1) * HISTOGRAM_PARTS,
};

struct histogram { /* zeroed: empty */
    uint64_t count, max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The smallest value that `fraction` of all are not above, rounded up to the
 * end of its bucket but never past the largest; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *h, double fraction);

#endif
