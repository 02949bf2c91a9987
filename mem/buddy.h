/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buddy system as an algorithm: it knows pages by number and touches only
 * their descriptors.  Callers give the memory and the mutex.  Private to mem/.
 *
 * A run of pages is in use, or a block of 2^order of them is free; the
 * descriptor of the first page says which, those of the others are 0.  Two
 * buddies that are free are one block.  Source: Knowlton, CACM 8(10), 1965.
 *
 * A bit a page says whether the page is dirty, that is, the process's memory:
 * all pages in use count as that, and free ones until they are given back to
 * the kernel.  So a block may be dirty in part and still be one block.
 */
#ifndef CLINKER_MEM_BUDDY_H
#define CLINKER_MEM_BUDDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/page_run.h"

enum {
    BUDDY_ORDERS = 11,
    BUDDY_ORDER_MAX = BUDDY_ORDERS - 1,
    BUDDY_ARENA_PAGES = 1 << BUDDY_ORDER_MAX,
    BUDDY_ARENA_WORDS = BUDDY_ARENA_PAGES / 64,
    BUDDY_HUGE_ORDER = 9, /* 2 MiB */
};

#define BUDDY_NONE UINT32_MAX

struct page {
    uint32_t next, prev; /* of the first page of a free block, in its list */
    uint32_t freed_at;   /* ditto: when most of its dirty pages were; ticks */
    /* Of a first page: what and how many.  Written under the callers' mutex,
     * read by buddy_find() without it. */
    _Atomic(uint32_t) state;
};
_Static_assert(sizeof(struct page) == 16, "a descriptor costs 0.4 %");

struct buddy_arena {
    uint64_t dirty[BUDDY_ARENA_WORDS];
    uint32_t free_dirty; /* of those, in free blocks */
};

struct buddy_counters {
    uint64_t free_blocks[BUDDY_ORDERS];
    uint64_t splits[BUDDY_ORDERS]; /* of a block of this order */
    uint64_t merges[BUDDY_ORDERS]; /* into one */
    uint64_t free_pages;           /* = arenas' pages less those used */
    uint64_t free_dirty_pages;
    uint64_t used_pages[PAGE_KINDS];
};

struct buddy {
    struct page *pages;         /* zeroed memory of the caller's, as are */
    struct buddy_arena *arenas; /* these */
    uint32_t arenas_count;
    bool huge; /* the caller's: memory becomes resident 2 MiB at a time */
    uint32_t orders[2];               /* of [dirty]: lists with something in */
    uint32_t lists[2][BUDDY_ORDERS]; /* first pages, or BUDDY_NONE */
    struct buddy_counters n;
};

/* What buddy_take() found. */
struct buddy_run {
    uint32_t first, pages;
    uint32_t freed_at;
    uint32_t new_pages; /* that were clean: how much the process may grow */
    /* With huge pages: the block that may become resident with it, and how many
     * clean pages that has besides. */
    uint32_t near_first, near_pages, near_new_pages;
    /* Which of them those are, from bit 0 on: zero, if the memory was. */
    uint64_t clean[BUDDY_ARENA_WORDS];
};

void buddy_init(struct buddy *b, struct page *pages,
                struct buddy_arena *arenas);
/* The next 1024 pages; clean. */
void buddy_add_arena(struct buddy *b);

/* The order of a request for so many pages, 1 to BUDDY_ARENA_PAGES. */
unsigned buddy_order(uint32_t pages);
/* `first` is a multiple of the order's size.  Blocks with dirty pages are
 * taken first.  false: nothing is free that is large enough. */
bool buddy_take(struct buddy *b, uint32_t pages, enum page_kind kind,
                struct buddy_run *out);
/* With huge pages: what is near counts as dirty, pages_max pages at most (it
 * may have changed since).  Returns how many those are. */
uint32_t buddy_assume_near(struct buddy *b, const struct buddy_run *run,
                           uint32_t pages_max);
/* As if it had never been. */
void buddy_untake(struct buddy *b, const struct buddy_run *run);
/* `first` is the first page of a run in use. */
void buddy_give(struct buddy *b, uint32_t first, uint32_t now);
void buddy_trim(struct buddy *b, uint32_t first, uint32_t keep_pages,
                uint32_t now);

struct buddy_found {
    uint32_t first, pages;
    enum page_kind kind;
};
/* What a page belongs to.  Without the mutex it is exact for a run that the
 * caller has, and a guess otherwise; false: it changes just now. */
bool buddy_find(const struct buddy *b, uint32_t page, struct buddy_found *out);

enum { BUDDY_PURGE_RANGES = 64 };

/* Blocks that are taken out of the lists to be cleaned without the mutex. */
struct buddy_purge {
    unsigned blocks_count, ranges_count;
    bool full; /* there may be more: ask again */
    uint32_t blocks[BUDDY_PURGE_RANGES];
    struct {
        uint32_t first, pages;
    } ranges[BUDDY_PURGE_RANGES]; /* to give to the kernel; all dirty */
    uint32_t pages; /* all of them */
};

/* Ticks since a block was freed. */
uint32_t buddy_age(uint32_t freed_at, uint32_t now);
/* Choose in one arena: of free blocks of that age, up to pages_max pages. */
void buddy_purge_begin(struct buddy *b, uint32_t arena, uint32_t age_min,
                       uint32_t now, uint32_t pages_max,
                       struct buddy_purge *out);
/* The first `ranges` ranges are clean.  Returns their pages. */
uint32_t buddy_purge_end(struct buddy *b, const struct buddy_purge *purge,
                         unsigned ranges);
/* Call back for each free block of an arena that has dirty pages. */
void buddy_each_dirty(const struct buddy *b, uint32_t arena,
                      void (*fn)(void *arg, uint32_t freed_at,
                                 uint32_t dirty_pages),
                      void *arg);

/* Walk everything and stop at what contradicts the above.  Nothing may be
 * between begin and end of a purge. */
void buddy_check(const struct buddy *b);

#endif
