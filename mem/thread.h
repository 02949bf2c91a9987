/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a thread has of its own: counters by type, magazines by size class and
 * by pool, buffers.  One mapping for each thread, of which only the pages are
 * memory that the thread uses.  Only the thread itself writes it; others read
 * the counters.  Private to mem/.
 */
#ifndef CLINKER_MEM_THREAD_H
#define CLINKER_MEM_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "mem/account.h"

enum {
    MAGAZINE_OBJECTS = 127, /* 1 KiB with its counts */
    HEAP_CLASSES_MAX = 40,
    CACHED_POOLS = 64, /* pools beyond have no magazines */
};

/* Of one thread for one type: a cache line. */
struct mem_counter {
    _Atomic(int64_t) size;   /* bytes taken less bytes given back here */
    _Atomic(int64_t) blocks; /* the same in blocks */
    _Atomic(uint64_t) total; /* blocks taken, ever */
    _Atomic(int64_t) size_peak; /* highest since told last; a rise that no
                                   fall has followed is not in it yet */
    _Atomic(int64_t) blocks_peak;
    _Atomic(int64_t) size_low; /* beyond these the others are to be told */
    _Atomic(int64_t) size_high;
    _Atomic(int64_t) blocks_told; /* what is in the shared level; of size it is
                                     half way from low to high */
};

_Static_assert(sizeof(struct mem_counter) == 64, "one cache line");

/* Free objects, the one put last on top.  Half of a full one goes to the slabs
 * and an empty one is half filled from there, so that a thread which gets and
 * puts around either end does not go there each time. */
struct magazine {
    uint32_t count;
    uint32_t max; /* at most MAGAZINE_OBJECTS, fewer of large ones; 0: unused */
    void *objects[MAGAZINE_OBJECTS];
};

_Static_assert(sizeof(struct magazine) == 1024, "found by a shift");

struct pool_magazine {
    /* Of the pool that these objects are of; 0: none.  Set to that by whoever
     * destroys the pool, while its thread may look for another's. */
    _Atomic(uint64_t) serial;
    struct magazine mag;
};

struct mem_thread {
    struct mem_counter counters[MEM_TYPES_MAX];
    struct magazine heap[HEAP_CLASSES_MAX];
    struct pool_magazine pools[CACHED_POOLS];
    unsigned flushed;       /* the request for a flush that was last obeyed */
    unsigned guard_slowly;  /* so many slow allocations to the next guarded */
    LIST_ENTRY(mem_thread) node;
    SLIST_ENTRY(mem_thread) left_node; /* left by a thread that ended */
    unsigned left_ticks;               /* mem_threads_trim()s since then */
};

/* &mem_no_thread: not made yet, or this thread is past its end.  Nothing is in
 * the magazines of that, and nothing may be put there. */
extern _Thread_local struct mem_thread *mem_self;
extern struct mem_thread mem_no_thread;

/* The calling thread's, made if need be.  NULL: no memory for it, or the
 * thread is past its end; then there are no magazines and counting is on
 * shared counters. */
struct mem_thread *mem_thread_make(void);

/* What ended threads left goes back, of those that nobody adopted since the
 * call before the last, or of `all`.  Returns bytes. */
size_t mem_threads_trim(bool all);

/* The first of all threads' (next by `node`); no thread comes or goes until
 * mem_threads_unlock(). */
struct mem_thread *mem_threads_lock(void);
void mem_threads_unlock(void);
/* Bytes of memory, not addresses, in all threads' mappings. */
uint64_t mem_threads_bytes(unsigned *threads);

/* The parts of mem_thread_flush(), each in the file of what it flushes: empty
 * the calling thread's magazines.  Return bytes. */
size_t heap_thread_flush(struct mem_thread *self);
size_t pools_thread_flush(struct mem_thread *self);
size_t iobuf_thread_flush(bool at_end);

#endif
