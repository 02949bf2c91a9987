/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages from the kernel; the only caller of mmap, mprotect and madvise for
 * memory.  Private to mem/: whoever takes pages accounts for them. */
#ifndef CLINKER_MEM_OS_PAGES_H
#define CLINKER_MEM_OS_PAGES_H

#include <stdbool.h>
#include <stddef.h>

enum { OS_PAGE_BYTES = 4096 };

/* Zeroed memory on an `align` boundary; both are multiples of OS_PAGE_BYTES,
 * align a power of two.  NULL and ENOMEM on failure. */
void *os_pages_map(size_t bytes, size_t align);
/* The same, addresses only: nobody may touch them before os_pages_commit(). */
void *os_pages_reserve(size_t bytes, size_t align);
/* Of what was mapped or reserved. */
void os_pages_unmap(void *p, size_t bytes);
/* Make a part of what was reserved usable: zeroed memory.  Doing so again
 * changes nothing.  0 or -errno. */
int os_pages_commit(void *p, size_t bytes);
/* Give the memory back and keep the addresses: zeroed memory when it is
 * touched again.  0 or -errno. */
int os_pages_discard(void *p, size_t bytes);
/* The same, and nobody may touch it until it is committed again. */
int os_pages_close(void *p, size_t bytes);
/* Whether to back it by transparent huge pages; a kernel that has none does
 * not. */
void os_pages_set_huge(void *p, size_t bytes, bool on);

#endif
