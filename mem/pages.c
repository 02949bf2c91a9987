/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of pages, and how they are backed. */
#include "mem/pages.h"

#include "mem/must.h"
#include "mem/os_pages.h"
#include "mem/page_zone.h"
#include "mem/scope.h"

_Static_assert((int)MEM_PAGE_ORDERS == (int)BUDDY_ORDERS, "one number");

/* Thousandths of the free pages that are in blocks too small for an order. */
static void
judge_orders(struct mem_pages_stats *out)
{
    uint64_t too_small = 0, free_pages = 0;

    for (unsigned o = 0; o < MEM_PAGE_ORDERS; o++)
        free_pages += out->orders[o].free_blocks << o;
    for (unsigned o = 0; o < MEM_PAGE_ORDERS; o++) {
        if (free_pages > 0)
            out->orders[o].unusable_permille =
                (uint32_t)(too_small * 1000 / free_pages);
        too_small += out->orders[o].free_blocks << o;
    }
}

static void
copy_counters(struct mem_pages_stats *out, const struct buddy_counters *n)
{
    for (unsigned o = 0; o < MEM_PAGE_ORDERS; o++) {
        out->orders[o].free_blocks = n->free_blocks[o];
        out->orders[o].splits = n->splits[o];
        out->orders[o].merges = n->merges[o];
    }
    for (int k = PAGE_SLAB; k < PAGE_KINDS; k++) {
        out->used_bytes[k - PAGE_SLAB] = n->used_pages[k] * PAGE_BYTES;
        out->used_bytes[3] += n->used_pages[k] * PAGE_BYTES;
    }
    out->free_dirty_bytes = n->free_dirty_pages * PAGE_BYTES;
    out->free_clean_bytes = (n->free_pages - n->free_dirty_pages) * PAGE_BYTES;
}

void
mem_pages_read(struct mem_pages_stats *out)
{
    struct page_zone *z = &page_zone;
    struct buddy_counters n;

    *out = (struct mem_pages_stats){0};
    {
        MUTEX_SCOPE(&z->mtx);
        n = z->buddy.n;
        out->base = z->base;
        out->reserved_bytes = (uint64_t)z->arenas_max * PAGE_RUN_BYTES_MAX;
        out->arena_bytes =
            (uint64_t)z->buddy.arenas_count * PAGE_RUN_BYTES_MAX;
        out->mapped_bytes = z->mapped_bytes;
        out->purged_bytes = z->purged_bytes;
        out->purges = z->purges;
        out->failures = z->failures;
        out->huge = z->huge;
        for (unsigned o = 0; o < MEM_PAGE_ORDERS; o++)
            out->orders[o].failures = z->failures_of[o];
    }
    copy_counters(out, &n);
    judge_orders(out);
}

void
mem_pages_set_huge(bool on)
{
    struct page_zone *z = &page_zone;

    MUTEX_SCOPE(&z->mtx);
    z->huge = on;
    if (z->base == NULL)
        return;
    /* The whole range, so that arenas to come are as those that are, and one
     * mapping for the kernel. */
    os_pages_set_huge(z->base, (size_t)z->arenas_max * PAGE_RUN_BYTES_MAX, on);
    z->buddy.huge = on;
}
