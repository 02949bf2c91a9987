/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages in the statedump: one line for each number, all orders on it, as
 * /proc/buddyinfo has them, smallest first. */
#include "server/admin/sections.h"

#include <inttypes.h>
#include <stdio.h>

#include "mem/must.h"
#include "mem/pages.h"

enum { LINE_BYTES = MEM_PAGE_ORDERS * 24 };

static void
dump_orders(struct dump *d, const char *key, const uint64_t *of)
{
    char line[LINE_BYTES];
    size_t used = 0;

    for (unsigned o = 0; o < MEM_PAGE_ORDERS; o++) {
        int n = snprintf(line + used, sizeof(line) - used, "%s%6" PRIu64,
                         o > 0 ? " " : "", of[o]);

        must(n > 0 && (size_t)n < sizeof(line) - used);
        used += (size_t)n;
    }
    dump_line(d, key, "%s", line);
}

void
section_pages(struct dump *d)
{
    uint64_t free[MEM_PAGE_ORDERS], splits[MEM_PAGE_ORDERS],
        merges[MEM_PAGE_ORDERS], failures[MEM_PAGE_ORDERS],
        unusable[MEM_PAGE_ORDERS];
    struct mem_pages_stats p;

    mem_pages_read(&p);
    for (unsigned o = 0; o < MEM_PAGE_ORDERS; o++) {
        free[o] = p.orders[o].free_blocks;
        splits[o] = p.orders[o].splits;
        merges[o] = p.orders[o].merges;
        failures[o] = p.orders[o].failures;
        unusable[o] = p.orders[o].unusable_permille;
    }
    dump_section(d, "clinker.pages");
    dump_line(d, "reserved", "%" PRIu64, p.reserved_bytes);
    dump_line(d, "arenas", "%" PRIu64, p.arena_bytes);
    dump_line(d, "used", "%" PRIu64, p.used_bytes[3]);
    dump_line(d, "used.slabs", "%" PRIu64, p.used_bytes[0]);
    dump_line(d, "used.buffers", "%" PRIu64, p.used_bytes[1]);
    dump_line(d, "used.blocks", "%" PRIu64, p.used_bytes[2]);
    dump_line(d, "free-dirty", "%" PRIu64, p.free_dirty_bytes);
    dump_line(d, "free-clean", "%" PRIu64, p.free_clean_bytes);
    dump_line(d, "mapped", "%" PRIu64, p.mapped_bytes);
    dump_line(d, "purged", "%" PRIu64, p.purged_bytes);
    dump_line(d, "purges", "%" PRIu64, p.purges);
    dump_line(d, "failures", "%" PRIu64, p.failures);
    dump_line(d, "huge", "%d", p.huge ? 1 : 0);
    dump_orders(d, "orders.free", free);
    dump_orders(d, "orders.splits", splits);
    dump_orders(d, "orders.merges", merges);
    dump_orders(d, "orders.failures", failures);
    dump_orders(d, "orders.unusable-permille", unusable);
}
