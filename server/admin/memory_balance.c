/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *     resident = files + stacks + C heap + arenas + other
 *     arenas   = accounted + free dirty - not touched
 *     other    = accounted (mapped runs, what mem/ maps for itself)
 *              + what the C library maps for large blocks - not touched
 *
 * What is accounted and not resident was not touched, or is swapped out; that
 * is seen for arenas and for the others by itself, so that neither hides what
 * is resident and not accounted in the other.
 */
#include "server/admin/memory_balance.h"

#include <malloc.h>

#include "mem/must.h"
#include "server/admin/usage.h"

const char *const memory_line_name[MEMORY_LINES] = {
    [MEMORY_LINE_PROGRAM] = "program and libraries",
    [MEMORY_LINE_STACKS] = "thread stacks",
    [MEMORY_LINE_LIBC] = "C library heap",
    [MEMORY_LINE_FREE] = "free pages",
    [MEMORY_LINE_UNTOUCHED] = "not touched",
};

/* Types of mem/ that lie in mappings of their own. */
static const char *const outside[] = {"page descriptors", "threads", "growth",
                                      "guard", "trace blocks", "trace sites"};

static uint64_t
above(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

void
memory_balance_sum(struct memory_balance *out, uint64_t libc_mapped_bytes,
                   uint64_t accounted, uint64_t outside_bytes)
{
    const uint64_t *in = out->map.resident;
    const struct mem_pages_stats *pages = &out->pages;
    uint64_t libc_mapped = libc_mapped_bytes < in[MEMORY_MAP_OTHER]
                               ? libc_mapped_bytes
                               : in[MEMORY_MAP_OTHER];
    uint64_t untouched;
    int64_t sum = 0;

    out->accounted = accounted;
    out->lines[MEMORY_LINE_FREE] = (int64_t)pages->free_dirty_bytes;
    if (out->known) {
        out->lines[MEMORY_LINE_PROGRAM] = (int64_t)in[MEMORY_MAP_FILES];
        out->lines[MEMORY_LINE_STACKS] = (int64_t)in[MEMORY_MAP_STACKS];
        out->lines[MEMORY_LINE_LIBC] =
            (int64_t)(in[MEMORY_MAP_HEAP] + libc_mapped);
        outside_bytes += pages->mapped_bytes;
        untouched = above(above(accounted, outside_bytes) +
                              pages->free_dirty_bytes,
                          in[MEMORY_MAP_PAGES]);
        untouched += above(outside_bytes, in[MEMORY_MAP_OTHER] - libc_mapped);
        out->lines[MEMORY_LINE_UNTOUCHED] = -(int64_t)untouched;
    }
    for (int i = 0; i < MEMORY_LINES; i++)
        sum += out->lines[i];
    out->unaccounted = (int64_t)out->resident - (int64_t)accounted - sum;
}

void
memory_balance_read(struct memory_balance *out)
{
    struct mem_type_stats type;
    uint64_t outside_bytes = 0;

    *out = (struct memory_balance){0};
    out->known = memory_map_read(&out->map) == 0;
    mem_pages_read(&out->pages);
    for (int i = 0; out->known && i < MEMORY_MAP_KINDS; i++)
        out->resident += out->map.resident[i];
    if (!out->known)
        out->resident = usage_resident_bytes();
    out->anonymous = out->map.anonymous;
    out->file = out->map.file;
    out->stacks = out->map.stacks;
    for (size_t i = 0; i < COUNT_OF(outside); i++) {
        mem_account_read_one("mem", outside[i], &type);
        outside_bytes += type.size;
    }
    memory_balance_sum(out, mallinfo2().hblkhd, mem_account_total_bytes(),
                       outside_bytes);
}
