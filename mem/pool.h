/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pools of equal objects for the hot types.  Free objects are kept per thread
 * (a magazine), behind it in the pool's depot: the usual get and put take no
 * lock.  Objects may be put by another thread than the one that got them.
 * A put of something not in use, or of another pool's object, stops the
 * process with the pool's name.
 */
#ifndef CLINKER_MEM_POOL_H
#define CLINKER_MEM_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "mem/account.h"

struct mem_pool;

enum { MEM_POOL_OBJECT_BYTES_MAX = 65536 };

/* object_bytes, 1 to MEM_POOL_OBJECT_BYTES_MAX, and a word of state behind it
 * are rounded up to a multiple of 64 and objects are aligned to 64.  construct,
 * if any, runs once when an object's memory is made, not at each get; whoever
 * puts an object must leave it constructed.  The name is the type's.  NULL and
 * errno ENOMEM on failure. */
struct mem_pool *mem_pool_new(struct mem_type *type, size_t object_bytes,
                              void (*construct)(void *obj));
/* All objects must have been put. */
void mem_pool_destroy(struct mem_pool **poolp);

void *mem_pool_get(struct mem_pool *pool);
void mem_pool_put(struct mem_pool *pool, void *obj);
/* Give slabs that are wholly free back to the system, after emptying the
 * calling thread's magazines; returns bytes given back. */
size_t mem_pool_shrink(struct mem_pool *pool);

struct mem_pool_stats {
    const char *module;
    const char *name;
    uint64_t object_bytes;  /* as asked for */
    uint64_t padded_bytes;  /* as taken from memory */
    uint64_t hot;           /* in use */
    uint64_t cold;          /* free, kept */
    uint64_t hot_max;       /* most ever in use, right as account.h says */
    uint64_t total_gets;
    uint64_t misses;        /* gets that had to make new memory */
};

/* Every live pool; returns how many there are. */
size_t mem_pool_read(struct mem_pool_stats *out, size_t max);

#endif
