/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a limit to its watermarks, and from a use of memory to what it means:
 * arithmetic alone.  Private to mem/.
 *
 * Below a limit of L bytes, with m = 4 * sqrt(L in KiB) KiB:
 *
 *     margin = m   where users' allocations fail: what is left is for memory
 *                  that nobody asks us for (stacks, libraries) and that the
 *                  kernel's count shows only afterwards
 *     min    = 2m  where whoever allocates reclaims
 *     low    = 4m  where the reclaimer wakes
 *     high   = 6m  where it rests
 *
 * The root is how Linux sizes its own reserve (min_free_kbytes): bursts grow
 * more slowly than machines.  Linux keeps low and high closer (5/4 and 6/4 of
 * min); a brick's bursts are buffers of a megabyte, so here there is room of
 * twice m between one mark and the next.
 */
#ifndef CLINKER_MEM_WATERMARK_H
#define CLINKER_MEM_WATERMARK_H

#include <stdint.h>

#include "mem/limit.h"

struct watermarks {
    uint64_t limit_bytes; /* 0: none, and then the others mean nothing */
    /* Free below the limit; margin < min < low < high <= limit / 2. */
    uint64_t margin_bytes, min_bytes, low_bytes, high_bytes;
};

struct watermarks watermarks_of(uint64_t limit_bytes);
enum mem_level watermarks_level(const struct watermarks *w,
                                uint64_t used_bytes);
/* Up to how many bytes used may this thread's work allocate? */
uint64_t watermarks_ceiling(const struct watermarks *w,
                            enum mem_importance importance);

#endif
