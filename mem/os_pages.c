/* SPDX-License-Identifier: BSD-2-Clause */
/* Anonymous mappings, aligned by mapping too much and cutting both ends. */
#include "mem/os_pages.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "mem/must.h"

static void *
map(size_t bytes, int prot, int flags)
{
    void *p = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1,
                   0);

    if (p != MAP_FAILED)
        return p;
    errno = ENOMEM;
    return NULL;
}

static void *
map_aligned(size_t bytes, size_t align, int prot, int flags)
{
    size_t head_bytes, extra = align - OS_PAGE_BYTES;
    uint8_t *p;

    must(bytes > 0 && bytes % OS_PAGE_BYTES == 0);
    must(align >= OS_PAGE_BYTES && (align & (align - 1)) == 0);
    if (bytes > PTRDIFF_MAX - extra) {
        errno = ENOMEM;
        return NULL;
    }
    p = map(bytes + extra, prot, flags);
    if (p == NULL)
        return NULL;
    head_bytes = -(uintptr_t)p & (align - 1);
    if (head_bytes > 0)
        os_pages_unmap(p, head_bytes);
    if (extra > head_bytes)
        os_pages_unmap(p + head_bytes + bytes, extra - head_bytes);
    return p + head_bytes;
}

void *
os_pages_map(size_t bytes, size_t align)
{
    return map_aligned(bytes, align, PROT_READ | PROT_WRITE, 0);
}

void *
os_pages_reserve(size_t bytes, size_t align)
{
    return map_aligned(bytes, align, PROT_NONE, MAP_NORESERVE);
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

int
os_pages_commit(void *p, size_t bytes)
{
    return mprotect(p, bytes, PROT_READ | PROT_WRITE) == 0 ? 0 : -errno;
}

int
os_pages_discard(void *p, size_t bytes)
{
    return madvise(p, bytes, MADV_DONTNEED) == 0 ? 0 : -errno;
}

int
os_pages_close(void *p, size_t bytes)
{
    if (mprotect(p, bytes, PROT_NONE) != 0)
        return -errno;
    return os_pages_discard(p, bytes);
}

void
os_pages_set_huge(void *p, size_t bytes, bool on)
{
    /* Fails where the kernel was built without huge pages, or is too short of
     * memory to note it: advice either way, and nothing depends on it. */
    (void)madvise(p, bytes, on ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}
