/* SPDX-License-Identifier: BSD-2-Clause */
/* Which blocks are remembered.  Private to trace*.c. */
#ifndef CLINKER_MEM_TRACE_SAMPLE_H
#define CLINKER_MEM_TRACE_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRACE_BLOCK = 1024 }; /* one block, in a weight */

/* What a remembered block stands for; whole numbers, so that what is added
 * and taken away again leaves nothing. */
struct trace_weight {
    uint64_t blocks; /* in 1 / TRACE_BLOCK */
    uint64_t bytes;
};

/* Is this block of `bytes` bytes one to remember, for how many?  interval: one
 * in so many bytes, 1 to 2^30.  epoch: another one makes the thread begin
 * anew. */
bool trace_sample(uint32_t slot, size_t bytes, size_t interval, uint32_t epoch,
                  struct trace_weight *weight);

#endif
