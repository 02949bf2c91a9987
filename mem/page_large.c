/* SPDX-License-Identifier: BSD-2-Clause */
/* A sorted array in memory of its own: large runs are few and long-lived, and
 * mapping one costs more than moving the entries behind it. */
#include "mem/page_large.h"

#include <errno.h>
#include <string.h>

#include "mem/must.h"
#include "mem/os_pages.h"

/* How many of them start at or below addr. */
static size_t
count_up_to(const struct page_large_set *set, uintptr_t addr)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->runs[middle].base <= addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int
page_large_reserve(struct page_large_set *set)
{
    size_t old_bytes, bytes = OS_PAGE_BYTES;
    struct page_large *runs;

    if (set->count < set->capacity)
        return 0;
    old_bytes = set->capacity * sizeof(*runs);
    while (bytes / sizeof(*runs) <= set->capacity)
        bytes *= 2;
    runs = os_pages_map(bytes, OS_PAGE_BYTES);
    if (runs == NULL)
        return -ENOMEM;
    if (set->count > 0) {
        memcpy(runs, set->runs, set->count * sizeof(*runs));
        /* The array ends within its last page. */
        os_pages_unmap(set->runs, (old_bytes + OS_PAGE_BYTES - 1) /
                                      OS_PAGE_BYTES * OS_PAGE_BYTES);
    }
    set->runs = runs;
    set->capacity = bytes / sizeof(*runs);
    return 0;
}

void
page_large_add(struct page_large_set *set, struct page_large run)
{
    size_t at = count_up_to(set, run.base);

    must(set->count < set->capacity);
    must(at == 0 ||
         set->runs[at - 1].base + set->runs[at - 1].bytes <= run.base);
    must(at == set->count || run.base + run.bytes <= set->runs[at].base);
    memmove(&set->runs[at + 1], &set->runs[at],
            (set->count - at) * sizeof(*set->runs));
    set->runs[at] = run;
    set->count++;
}

struct page_large *
page_large_find(const struct page_large_set *set, const void *addr)
{
    size_t at = count_up_to(set, (uintptr_t)addr);
    struct page_large *run;

    if (at == 0)
        return NULL;
    run = &set->runs[at - 1];
    return (uintptr_t)addr - run->base < run->bytes ? run : NULL;
}

void
page_large_remove(struct page_large_set *set, struct page_large *run)
{
    size_t at = (size_t)(run - set->runs);

    must(at < set->count);
    memmove(run, run + 1, (set->count - at - 1) * sizeof(*run));
    set->count--;
}

void
page_large_check(const struct page_large_set *set)
{
    must(set->count <= set->capacity);
    for (size_t i = 0; i < set->count; i++) {
        const struct page_large *run = &set->runs[i];

        must(run->bytes > 0 && run->bytes % PAGE_BYTES == 0);
        must(run->kind >= PAGE_SLAB && run->kind < PAGE_KINDS);
        must(i == 0 || run[-1].base + run[-1].bytes <= run->base);
    }
}
