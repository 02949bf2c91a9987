/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation sites of a type, on demand: of every interval_bytes bytes that
 * are allocated of it, on average, one block is remembered with the stack of
 * its caller, and forgotten when it is freed.  Live bytes of a site are then
 * estimated as the sum of 1/p of the blocks remembered, p being the chance
 * that a block of its size had (Poisson sampling, as in heap profilers).
 * Costs nothing while off.
 */
#ifndef CLINKER_MEM_TRACE_H
#define CLINKER_MEM_TRACE_H

#include <stddef.h>
#include <stdint.h>

enum { MEM_TRACE_FRAMES = 24 };

/* Trace the types of this module and name (NULL or "*": any).  interval_bytes
 * 1: every block.  Returns how many types there are, 0 for none such, or
 * -errno.  A type that is declared later is not traced. */
int mem_trace_on(const char *module, const char *name, size_t interval_bytes);
/* And forget what was remembered.  Returns how many were traced. */
int mem_trace_off(const char *module, const char *name);

struct mem_trace_site {
    const char *module, *name;
    void *frames[MEM_TRACE_FRAMES];
    unsigned frames_count;
    /* Estimated; totals since it was switched on. */
    uint64_t live_blocks, live_bytes;
    uint64_t total_blocks, total_bytes;
    uint64_t samples_live, samples_total;
};
/* Sites by live bytes, most first; returns how many there are. */
size_t mem_trace_read(struct mem_trace_site *out, size_t max);
/* "function+0x12 (file)" into text; what is not known is its address. */
void mem_trace_symbol(const void *frame, char *text, size_t text_bytes);
/* Types that are traced now: their count; blocks lost because the tables were
 * full. */
unsigned mem_trace_types(void);
uint64_t mem_trace_lost(void);

#endif
