/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many connections, each with a fixed number of calls in flight: a reply is
 * answered at once by the next call.  Threads share the connections out.
 */
#ifndef CLINKER_TESTS_BENCH_WIRE_ENGINE_H
#define CLINKER_TESTS_BENCH_WIRE_ENGINE_H

#include "tests/bench/histogram.h"
#include "tests/bench/measure.h"
#include "tests/bench/wire_scene.h"

struct wire_op {
    const char *name;
    enum wire_fop fop;
    uint32_t block_bytes; /* READ and WRITE */
};

struct engine;

/* Connects all.  NULL and errno. */
struct engine *engine_new(const struct wire_target *target,
                          const struct scene *scene, unsigned connections,
                          unsigned depth, unsigned threads);
void engine_destroy(struct engine **enginep);

/* Do `ops` calls, fewer if `seconds` (0: no limit) are over before.  Latencies
 * in ns are added to h.  0, or the first call's or connection's negative
 * errno; then the engine can only be destroyed. */
int engine_run(struct engine *engine, const struct wire_op *op, uint64_t ops,
               double seconds, struct measure *m, struct histogram *h,
               uint64_t *done);

#endif
