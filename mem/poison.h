/* SPDX-License-Identifier: BSD-2-Clause */
/* Tell AddressSanitizer which of our memory nobody may touch.  Private to
 * mem/; nothing in other builds. */
#ifndef CLINKER_MEM_POISON_H
#define CLINKER_MEM_POISON_H

#include <stddef.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
/* For code that looks at headers of blocks which may be free or foreign. */
#define POISON_BLIND __attribute__((no_sanitize_address, noinline))

static inline void
poison(const void *p, size_t bytes)
{
    __asan_poison_memory_region(p, bytes);
}

static inline void
unpoison(const void *p, size_t bytes)
{
    __asan_unpoison_memory_region(p, bytes);
}
#else
#define POISON_BLIND

static inline void
poison(const void *p, size_t bytes)
{
}

static inline void
unpoison(const void *p, size_t bytes)
{
}
#endif

#endif
