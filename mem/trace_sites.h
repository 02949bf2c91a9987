/* SPDX-License-Identifier: BSD-2-Clause */
/* Allocation sites: a type and a stack, and what was allocated there.  Private
 * to trace*.c. */
#ifndef CLINKER_MEM_TRACE_SITES_H
#define CLINKER_MEM_TRACE_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/trace.h"
#include "mem/trace_sample.h"

enum { TRACE_SITES_MAX = 4096 };

/* Make the table; until then, and after close, it is full. */
bool trace_sites_open(void);
void trace_sites_close(void);

/* A block was allocated there: the site's number, 0 where the table is full. */
uint32_t trace_sites_add(uint32_t slot, void *const *frames, unsigned count,
                         const struct trace_weight *weight);
/* It was freed. */
void trace_sites_sub(uint32_t site, const struct trace_weight *weight);
/* Forget the sites of a type, of which no block is remembered any more. */
void trace_sites_forget(uint32_t slot);
/* As mem_trace_read(). */
size_t trace_sites_read(struct mem_trace_site *out, size_t max);

#endif
