/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tell AddressSanitizer, or valgrind, which of our memory nobody may touch.
 * Private to mem/.
 *
 * Under either each type takes the slow path and is poisoned (special.h), so
 * that what follows is called for each block.  The first is told by how we were
 * built; the second is found at start, and all types get TYPE_WATCHED.
 * Elsewhere this is nothing, or one test of a flag off the fast path.
 */
#ifndef CLINKER_MEM_POISON_H
#define CLINKER_MEM_POISON_H

#include <stdbool.h>
#include <stddef.h>

/* valgrind watches; constant from before main(). */
extern bool mem_watched;

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
/* For code that looks at headers of blocks which may be free or foreign. */
#define POISON_BLIND __attribute__((no_sanitize_address, noinline))
#define UNDER_ASAN 1
/* The same where it is short and, in other builds, hot. */
#define POISON_BLIND_INLINE                                                    \
    __attribute__((no_sanitize_address, noinline, unused))
#else
#define POISON_BLIND
#define UNDER_ASAN 0
#define POISON_BLIND_INLINE inline
#endif

/* In poison.c; when watched only. */
void watch_close(const void *p, size_t bytes);
void watch_open(const void *p, size_t bytes, bool defined);
void watch_given(const void *p, size_t bytes, bool defined);
void watch_taken_back(const void *p);
void watch_pause(void);
void watch_resume(void);

/* Nobody may touch this. */
static inline void
poison(const void *p, size_t bytes)
{
#if UNDER_ASAN
    __asan_poison_memory_region(p, bytes);
#endif
    if (__builtin_expect(mem_watched, 0))
        watch_close(p, bytes);
}

/* It may be written, and then read. */
static inline void
unpoison(const void *p, size_t bytes)
{
#if UNDER_ASAN
    __asan_unpoison_memory_region(p, bytes);
#endif
    if (__builtin_expect(mem_watched, 0))
        watch_open(p, bytes, false);
}

/* For valgrind alone: the same, and where it is set, it may be read at once. */
static inline void
mem_defined(const void *p, size_t bytes, bool is_set)
{
    if (__builtin_expect(mem_watched, 0))
        watch_open(p, bytes, is_set);
}

/* The same two for what is somebody else's from now on, and no more: valgrind
 * remembers who asked, and who gave it back. */
static inline void
mem_given(const void *p, size_t bytes, bool is_set)
{
#if UNDER_ASAN
    __asan_unpoison_memory_region(p, bytes);
#endif
    if (__builtin_expect(mem_watched, 0))
        watch_given(p, bytes, is_set);
}

static inline void
mem_taken_back(const void *p, size_t bytes)
{
#if UNDER_ASAN
    __asan_poison_memory_region(p, bytes);
#endif
    if (__builtin_expect(mem_watched, 0))
        watch_taken_back(p);
}

static inline bool
blind_begin(void)
{
    if (__builtin_expect(mem_watched, 0))
        watch_pause();
    return mem_watched;
}

static inline void
blind_end(const bool *is_blind)
{
    if (__builtin_expect(*is_blind, 0))
        watch_resume();
}

/* Until the end of the block what is poisoned may be read and written, and
 * stays poisoned; what is read there counts as set, if all of it was poisoned.
 * In a function that is POISON_BLIND. */
#define BLIND_SCOPE()                                                          \
    bool is_blind __attribute__((cleanup(blind_end), unused)) = blind_begin()

#endif
