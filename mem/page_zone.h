/* SPDX-License-Identifier: BSD-2-Clause */
/* The process's pages: what page_run.c, page_purge.c and pages.c share.
 * Private to them and their tests. */
#ifndef CLINKER_MEM_PAGE_ZONE_H
#define CLINKER_MEM_PAGE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/buddy.h"
#include "mem/mutex.h"
#include "mem/page_large.h"

enum { PAGE_TICK_MS = 10 };

struct page_zone {
    struct mutex mtx;  /* rank MEM_RANK_PAGES; guards what follows */
    struct cond purged; /* a block that was being purged is free again */
    unsigned purges_now;
    uint8_t *base;          /* of the addresses set aside; constant once set */
    uint32_t arenas_max;    /* ditto */
    uint8_t *side;          /* of descriptors, then arenas; ditto */
    size_t arenas_at_bytes; /* where in `side` the arenas are; ditto */
    _Atomic(uint32_t) arenas_count; /* buddy's, for who has no mutex */
    struct buddy buddy;
    struct page_large_set large;
    uint64_t mapped_bytes, purged_bytes, purges, failures;
    uint64_t failures_of[BUDDY_ORDERS];
    bool huge; /* wanted, whether there are arenas or not */
};

extern struct page_zone page_zone;

/* The time as descriptors have it. */
uint32_t page_zone_now(void);

static inline uint8_t *
page_addr(uint32_t page)
{
    return page_zone.base + (size_t)page * PAGE_BYTES;
}

/* For tests: let the clock run ahead by so much more; and walk everything and
 * stop at what is wrong, when nobody purges. */
void page_zone_pass_time(uint64_t ms);
void page_zone_check(void);

#endif
