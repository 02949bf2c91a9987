/* SPDX-License-Identifier: BSD-2-Clause */
/* See watermark.h. */
#include "mem/watermark.h"

#include "mem/must.h"

enum { UNIT_BYTES_MIN = 256 << 10, UNIT_BYTES_MAX = 32 << 20 };
/* The highest mark is 6 units; it leaves half of the smallest limit. */
enum { UNITS_IN_LIMIT = 12 };

/* The root, rounded down, a bit at a time. */
static uint64_t
square_root(uint64_t n)
{
    uint64_t root = 0, bit;

    for (bit = UINT64_C(1) << 31; bit > 0; bit >>= 1) {
        if ((root + bit) * (root + bit) <= n)
            root += bit;
    }
    return root;
}

struct watermarks
watermarks_of(uint64_t limit_bytes)
{
    uint64_t unit = 4 * 1024 * square_root(limit_bytes / 1024);

    if (unit < UNIT_BYTES_MIN)
        unit = UNIT_BYTES_MIN;
    if (unit > UNIT_BYTES_MAX)
        unit = UNIT_BYTES_MAX;
    if (unit > limit_bytes / UNITS_IN_LIMIT)
        unit = limit_bytes / UNITS_IN_LIMIT;
    return (struct watermarks){
        .limit_bytes = limit_bytes,
        .margin_bytes = unit,
        .min_bytes = 2 * unit,
        .low_bytes = 4 * unit,
        .high_bytes = 6 * unit,
    };
}

enum mem_level
watermarks_level(const struct watermarks *w, uint64_t used_bytes)
{
    uint64_t free_bytes;

    if (w->limit_bytes == 0)
        return MEM_PLENTY;
    free_bytes = used_bytes < w->limit_bytes ? w->limit_bytes - used_bytes : 0;
    if (free_bytes < w->min_bytes)
        return MEM_BELOW_MIN;
    if (free_bytes < w->low_bytes)
        return MEM_BELOW_LOW;
    return free_bytes < w->high_bytes ? MEM_BELOW_HIGH : MEM_PLENTY;
}

uint64_t
watermarks_ceiling(const struct watermarks *w, enum mem_importance importance)
{
    if (w->limit_bytes == 0)
        return UINT64_MAX;
    switch (importance) {
    case MEM_FOR_INTERNAL:
        return w->limit_bytes - w->min_bytes;
    case MEM_FOR_SLOW:
        return w->limit_bytes - (w->min_bytes + w->margin_bytes) / 2;
    case MEM_FOR_USERS:
        return w->limit_bytes - w->margin_bytes;
    case MEM_FOR_SERVER:
        /* Half of what is kept for memory that nobody asks for. */
        return w->limit_bytes - w->margin_bytes / 2;
    case MEM_IMPORTANCES:
        break;
    }
    must_panic("no such importance: %d", (int)importance);
}
