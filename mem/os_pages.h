/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages from the kernel; the only caller of mmap for memory.  Private to mem/:
 * whoever takes pages accounts for them. */
#ifndef CLINKER_MEM_OS_PAGES_H
#define CLINKER_MEM_OS_PAGES_H

#include <stddef.h>

enum { OS_PAGE_BYTES = 4096 };

/* Zeroed memory on an `align` boundary; both are multiples of OS_PAGE_BYTES,
 * align a power of two.  NULL and ENOMEM on failure. */
void *os_pages_map(size_t bytes, size_t align);
void os_pages_unmap(void *p, size_t bytes);

#endif
