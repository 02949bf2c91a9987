/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/admin/memory_rows.h"

#include <stdlib.h>

#include "mem/alloc.h"

MEM_TYPE(mt_rows, "server.admin", "memory rows");

/* How many there are is known only when they are read, and there may be more
 * the next time: some room for those, and again when that was not enough. */
enum { SPARE = 16 };

#define READ_ROWS(read_)                                                       \
    do {                                                                       \
        size_t room = read_(NULL, 0) + SPARE;                                  \
                                                                               \
        for (;;) {                                                             \
            rows = mem_calloc(&mt_rows, room, sizeof(*rows));                  \
            if (rows == NULL)                                                  \
                break;                                                         \
            *count = read_(rows, room);                                        \
            if (*count <= room)                                                \
                break;                                                         \
            mem_free(rows);                                                    \
            room = *count + SPARE;                                             \
        }                                                                      \
    } while (0)

struct mem_type_stats *
memory_rows_types(size_t *count)
{
    struct mem_type_stats *rows;

    READ_ROWS(mem_account_read);
    return rows;
}

struct mem_pool_stats *
memory_rows_pools(size_t *count)
{
    struct mem_pool_stats *rows;

    READ_ROWS(mem_pool_read);
    return rows;
}

struct mem_growth *
memory_rows_growth(size_t *count)
{
    struct mem_growth *rows;

    READ_ROWS(mem_growth_read);
    return rows;
}

struct mem_trace_site *
memory_rows_sites(size_t *count)
{
    struct mem_trace_site *rows;

    READ_ROWS(mem_trace_read);
    return rows;
}

struct mem_shrinker_stats *
memory_rows_shrinkers(size_t *count)
{
    struct mem_shrinker_stats *rows;

    READ_ROWS(mem_shrinkers_read);
    return rows;
}

static int
compare_sizes(const void *a, const void *b)
{
    const struct mem_type_stats *x = a, *y = b;

    return x->size < y->size ? 1 : x->size > y->size ? -1 : 0;
}

void
memory_rows_sort(struct mem_type_stats *rows, size_t count)
{
    qsort(rows, count, sizeof(*rows), compare_sizes);
}
