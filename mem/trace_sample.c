/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Poisson sampling: bytes go by, and events strike them at random, one in
 * `interval` bytes on average.  A block that is struck is remembered.  One of
 * n bytes is struck with the chance p = 1 - exp(-n / interval), and stands for
 * 1 / p blocks of its size.
 *
 * The distance to the next event is exponentially distributed and so has no
 * memory: it may be drawn anew at any time.  A thread therefore keeps those of
 * a few types only, and draws again when two types want one place.
 */
#include "mem/trace_sample.h"

#include <math.h>

#include "mem/random.h"

enum { COUNTDOWNS = 16 };

static _Thread_local struct {
    uint32_t slot, epoch; /* whose; slot 0: nobody's */
    double left_bytes;    /* to the next event */
} countdowns[COUNTDOWNS];

bool
trace_sample(uint32_t slot, size_t bytes, size_t interval, uint32_t epoch,
             struct trace_weight *weight)
{
    double mean = (double)interval, n = bytes > 0 ? (double)bytes : 1, p = 1;
    size_t at = slot % COUNTDOWNS;

    if (interval > 1) {
        if (countdowns[at].slot != slot || countdowns[at].epoch != epoch) {
            countdowns[at].slot = slot;
            countdowns[at].epoch = epoch;
            countdowns[at].left_bytes = random_exponential(mean);
        }
        countdowns[at].left_bytes -= n;
        if (countdowns[at].left_bytes > 0)
            return false;
        countdowns[at].left_bytes = random_exponential(mean);
        p = -expm1(-n / mean);
    }
    weight->blocks = (uint64_t)(TRACE_BLOCK / p + 0.5);
    weight->bytes = (uint64_t)((double)bytes / p + 0.5);
    return true;
}
