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

enum { MEM_TRACE_FRAMES = 24, MEM_TRACE_INTERVAL_MAX = 1 << 30 };

/* Trace the types of this module and name (NULL or "*": any).  interval_bytes
 * 1: every block; at most MEM_TRACE_INTERVAL_MAX, or it is -EINVAL.  Once more
 * for a type that is traced changes its interval and forgets nothing.  Returns
 * how many types there are, 0 for none such, or -ENOMEM.  A type that is first
 * used later is not traced. */
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
/* Sites by live bytes, most first; returns how many there are, which may be
 * more than max. */
size_t mem_trace_read(struct mem_trace_site *out, size_t max);
/* "function+0x12 (file)" of a return address into text, "file+0x1234" where the
 * function is not known, else the address.  Reads the file's symbols each time;
 * static functions are found unless the file was stripped. */
void mem_trace_symbol(const void *frame, char *text, size_t text_bytes);
/* Types that are traced now: their count; blocks that were lost because the
 * tables (131072 blocks, 4095 sites) were full, since the first of them was
 * switched on. */
unsigned mem_trace_types(void);
uint64_t mem_trace_lost(void);

#endif
