/* SPDX-License-Identifier: BSD-2-Clause */
/* Which large runs there are, in order of their addresses.  The mutex is the
 * caller's.  Private to page_run.c. */
#ifndef CLINKER_MEM_PAGE_LARGE_H
#define CLINKER_MEM_PAGE_LARGE_H

#include <stddef.h>
#include <stdint.h>

#include "mem/page_run.h"

struct page_large {
    uintptr_t base;
    size_t bytes;
    enum page_kind kind;
};

struct page_large_set {
    struct page_large *runs; /* ascending; do not overlap */
    size_t count, capacity;  /* capacity: whole pages of the kernel's */
};

/* Make room for one more.  0 or -ENOMEM. */
int page_large_reserve(struct page_large_set *set);
/* There is room. */
void page_large_add(struct page_large_set *set, struct page_large run);
/* The run that addr is in, or NULL.  Valid until the set changes. */
struct page_large *page_large_find(const struct page_large_set *set,
                                   const void *addr);
void page_large_remove(struct page_large_set *set, struct page_large *run);
void page_large_check(const struct page_large_set *set);

#endif
