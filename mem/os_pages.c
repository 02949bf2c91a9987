/* SPDX-License-Identifier: BSD-2-Clause */
/* Anonymous mappings, aligned by mapping too much and cutting both ends. */
#include "mem/os_pages.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "mem/must.h"

static void *
map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p != MAP_FAILED)
        return p;
    errno = ENOMEM;
    return NULL;
}

void *
os_pages_map(size_t bytes, size_t align)
{
    size_t head_bytes, extra = align - OS_PAGE_BYTES;
    uint8_t *p;

    must(bytes > 0 && bytes % OS_PAGE_BYTES == 0);
    must(align >= OS_PAGE_BYTES && (align & (align - 1)) == 0);
    if (bytes > PTRDIFF_MAX - extra) {
        errno = ENOMEM;
        return NULL;
    }
    p = map(bytes + extra);
    if (p == NULL)
        return NULL;
    head_bytes = -(uintptr_t)p & (align - 1);
    if (head_bytes > 0)
        os_pages_unmap(p, head_bytes);
    if (extra > head_bytes)
        os_pages_unmap(p + head_bytes + bytes, extra - head_bytes);
    return p + head_bytes;
}

void
os_pages_unmap(void *p, size_t bytes)
{
    /* Fails only for arguments that were never mapped, or where it would
     * split a mapping beyond the kernel's limit of them: then the pages are
     * emptied, which is what matters, and the addresses are lost. */
    if (munmap(p, bytes) != 0) {
        must(errno == ENOMEM);
        must(madvise(p, bytes, MADV_DONTNEED) == 0);
    }
}
