/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks that are remembered.  Private to trace*.c. */
#ifndef CLINKER_MEM_TRACE_LIVE_H
#define CLINKER_MEM_TRACE_LIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/trace_sample.h"

enum { TRACE_LIVE_SHARDS = 64, TRACE_LIVE_SHARD_ENTRIES = 2048 };

bool trace_live_open(void);
/* No type is traced any more, none is remembered. */
void trace_live_close(void);

enum trace_put { TRACE_PUT, TRACE_PUT_FULL, TRACE_PUT_OFF };

/* Remember a block and its site.  *interval: looked at where forgetting cannot
 * come between; 0 is TRACE_PUT_OFF. */
enum trace_put trace_live_put(uint32_t slot, const void *block,
                              void *const *frames, unsigned count,
                              const struct trace_weight *weight,
                              const _Atomic(size_t) *interval);
/* It was freed; nothing happens where it is not remembered. */
void trace_live_drop(const void *block);
/* Drop all of a type. */
void trace_live_forget(uint32_t slot);

#endif
