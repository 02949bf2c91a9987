/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tell AddressSanitizer, or valgrind, which of our memory nobody may touch.
 * Private to mem/.
 *
 * Under either every type is poisoned (special.h), so that what follows is
 * called for each block; elsewhere it is nothing, or one test of a flag.
 */
#ifndef CLINKER_MEM_POISON_H
#define CLINKER_MEM_POISON_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
/* For code that looks at headers of blocks which may be free or foreign. */
#define POISON_BLIND __attribute__((no_sanitize_address, noinline))
#define UNDER_ASAN 1
/* The same where it is short and, in other builds, hot. */
#define POISON_BLIND_INLINE                                                    \
    __attribute__((no_sanitize_address, noinline, unused))

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

static inline void
mem_defined(const void *p, size_t bytes, bool zeroed)
{
}
#else
#define POISON_BLIND
#define UNDER_ASAN 0
#define POISON_BLIND_INLINE inline

static inline void
poison(const void *p, size_t bytes)
{
}

static inline void
unpoison(const void *p, size_t bytes)
{
}

static inline void
mem_defined(const void *p, size_t bytes, bool zeroed)
{
}
#endif

#endif
