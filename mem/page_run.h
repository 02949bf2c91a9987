/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs of pages for whoever in mem/ needs memory: slabs, buffers, large
 * blocks.  A buddy system over 4 MiB arenas in one reserved range of
 * addresses; larger runs are mapped by themselves.  Private to mem/; whoever
 * takes pages accounts for them.
 */
#ifndef CLINKER_MEM_PAGE_RUN_H
#define CLINKER_MEM_PAGE_RUN_H

#include <stdbool.h>
#include <stddef.h>

enum { PAGE_BYTES = 4096, PAGE_RUN_BYTES_MAX = 4 << 20 };

/* What a page is in use for; for messages about wrong pointers and for
 * statistics. */
enum page_kind {
    PAGE_FOREIGN, /* none of ours */
    PAGE_FREE,
    PAGE_SLAB,
    PAGE_BUFFER,
    PAGE_BLOCK,
    PAGE_KINDS
};

/* `bytes` bytes, a multiple of PAGE_BYTES.  Up to PAGE_RUN_BYTES_MAX the run
 * starts on a boundary of its size rounded up to a power of two; a larger one
 * on a boundary of PAGE_RUN_BYTES_MAX.  Contents undefined, or zero with
 * `zero`.  Reclaims when the process is near its limit, so no mutex of mem/
 * may be held.  NULL and ENOMEM on failure. */
void *page_run_take(size_t bytes, enum page_kind kind, bool zero);
/* The same, not zero; *dirty_bytes of it were the process's memory before. */
void *page_run_take_dirty(size_t bytes, enum page_kind kind,
                          size_t *dirty_bytes);
/* The whole run, with the bytes it was taken with. */
void page_run_give(void *run, size_t bytes);
/* Cut the end off a run: it has `bytes` and keeps `keep_bytes` of them, and
 * may then be given back with that many. */
void page_run_trim(void *run, size_t bytes, size_t keep_bytes);
/* Whatever addr is. */
enum page_kind page_run_kind(const void *addr);

#endif
