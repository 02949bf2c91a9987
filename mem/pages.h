/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages as the rest of the program sees them: statistics, and giving free
 * ones back to the kernel. */
#ifndef CLINKER_MEM_PAGES_H
#define CLINKER_MEM_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEM_PAGE_ORDERS = 11 }; /* 4 KiB to 4 MiB */

struct mem_pages_order {
    uint64_t free_blocks;
    uint64_t splits;   /* of a block of this order, ever */
    uint64_t merges;   /* into a block of this order, ever */
    uint64_t failures; /* requests of this order refused, ever */
    /* Unusable free space index (Gorman and Whitcroft, 2006): thousandths of
     * the free memory that no request of this order can have. */
    uint32_t unusable_permille;
};

struct mem_pages_stats {
    const void *base;          /* of the addresses set aside; NULL: none yet */
    uint64_t reserved_bytes;   /* how many those are */
    uint64_t arena_bytes;      /* of those, in arenas */
    /* arena_bytes = used_bytes[3] + free_dirty_bytes + free_clean_bytes */
    uint64_t used_bytes[4];    /* in runs: slabs, buffers, blocks, all */
    uint64_t free_dirty_bytes; /* free, but still the process's memory */
    uint64_t free_clean_bytes; /* free, given back or never touched */
    uint64_t mapped_bytes;     /* runs larger than an arena */
    uint64_t purged_bytes;     /* given back to the kernel, ever */
    uint64_t purges;           /* calls for that */
    uint64_t failures;
    bool huge;                 /* transparent huge pages are asked for */
    struct mem_pages_order orders[MEM_PAGE_ORDERS];
};

void mem_pages_read(struct mem_pages_stats *out);
/* Give pages that have been free for at least min_age_ms back to the kernel,
 * oldest first, at most max_bytes (rounded up to a page).  Returns how many
 * bytes were.  Any number of threads may. */
size_t mem_pages_purge(unsigned min_age_ms, size_t max_bytes);
/* Ask for transparent huge pages (off at start); for arenas made before, too.
 * With them the kernel may fill in free clean pages on its own. */
void mem_pages_set_huge(bool on);

#endif
