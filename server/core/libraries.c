/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C library's heap is what liburcu, json-c, libtirpc and the C library
 * itself still use.  By default it grows in ways that suit a program whose
 * whole memory it is:
 *
 *   - The size from which a block is a mapping of its own rises, up to 32 MiB,
 *     as soon as one such block was freed; from then on large blocks lie in the
 *     heap and keep what is below them from going back.  Set, it stays.
 *   - The top of the heap is given back when it is twice that large, so after
 *     that first block hardly ever.  Set, it stays, too.
 *   - Each thread that meets another in the heap gets an arena, up to eight
 *     for each processor, of which hardly anything is given back.  Here one
 *     will do: what is hot does not come this way.
 *   - Each time the heap grows it takes 128 KiB more than it needs.
 */
#include "server/core/libraries.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include "mem/alloc.h"
#include "mem/must.h"

MEM_TYPE(mt_openssl, "lib", "openssl");

static const struct libc_heap heap = {
    .mmap_threshold_bytes = 64 << 10, /* 64 KiB: sixteen pages are worth it */
    .trim_threshold_bytes = 128 << 10,
    .top_pad_bytes = 32 << 10,
    .arenas_max = 1,
};

static void *
openssl_malloc(size_t bytes, const char *file, int line)
{
    return mem_alloc(&mt_openssl, bytes);
}

static void *
openssl_realloc(void *p, size_t bytes, const char *file, int line)
{
    return mem_realloc(&mt_openssl, p, bytes);
}

static void
openssl_free(void *p, const char *file, int line)
{
    mem_free(p);
}

void
libraries_init(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    /* (The sanitizers' malloc() knows none of this.) */
    /* 1: taken.  None of these values is out of its range. */
    must(mallopt(M_MMAP_THRESHOLD, (int)heap.mmap_threshold_bytes) == 1);
    must(mallopt(M_TRIM_THRESHOLD, (int)heap.trim_threshold_bytes) == 1);
    must(mallopt(M_TOP_PAD, (int)heap.top_pad_bytes) == 1);
    must(mallopt(M_ARENA_MAX, (int)heap.arenas_max) == 1);
#endif
    /* Refused once it has allocated: then that is left to the C library. */
    (void)CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc,
                                   openssl_free);
}

struct libc_heap
libraries_libc_heap(void)
{
    return heap;
}
