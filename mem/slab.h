/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pool's insides, shared by its two halves: slab.c, where objects lie, and
 * pool.c, what each thread keeps of them.  Private to mem/.
 */
#ifndef CLINKER_MEM_SLAB_H
#define CLINKER_MEM_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "mem/account.h"
#include "mem/mutex.h"
#include "mem/pool.h"

enum { LINE_BYTES = 64, MAGAZINE_OBJECTS = 32 };

#define POOL_MAGIC 0x504f4f4cu
#define WORD_FREE 0x0f7ee0b1u
#define WORD_USED 0xa11e0b1cu

enum slab_list { SLAB_EMPTY, SLAB_PARTIAL, SLAB_FULL, SLAB_LISTS };

/* Last thing in each object's memory. */
struct word {
    uint32_t state;
    uint32_t next; /* in the slab's free list: index + 1 of the next, or 0 */
};

/*
 * EMPTY:   free == carved          no object is out
 * FULL:    free == 0 && carved == capacity
 * PARTIAL: any other; those with free objects come first
 */
struct slab {
    unsigned magic;
    uint32_t capacity; /* constant, as are pool and first */
    struct mem_pool *pool;
    uint8_t *first;   /* object */
    uint32_t carved;  /* [pool->mtx], as all below */
    uint32_t free;    /* objects in the free list */
    uint32_t free_at; /* its head: index + 1, or 0 */
    enum slab_list list;
    TAILQ_ENTRY(slab) node;
};

TAILQ_HEAD(slab_head, slab);

struct magazine {
    uint32_t count;
    void *objects[MAGAZINE_OBJECTS];
};

/* One thread's for one pool; only that thread touches the magazines, until it
 * ends or the pool is destroyed. */
struct cache {
    struct magazine magazines[2];
    unsigned loaded; /* which of them */
    LIST_ENTRY(cache) node; /* [pool->mtx] */
};

struct mem_pool {
    unsigned magic;
    uint32_t salt;         /* constant, as all up to mtx */
    size_t object_bytes;
    size_t stride_bytes;   /* an object with its word, whole lines */
    size_t slab_bytes;
    size_t carve_objects;
    unsigned index;        /* in pools.table, CACHED_POOLS: not there */
    uint64_t serial;       /* never used again */
    void (*construct)(void *obj);
    struct mem_type *heir; /* the type as its owner declared it */
    struct mem_type type;  /* the same names, counting this pool alone */
    uint32_t slot;
    struct mutex mtx __attribute__((aligned(LINE_BYTES)));
    struct slab_head slabs[SLAB_LISTS]; /* [mtx] */
    LIST_HEAD(, cache) caches;          /* [mtx] */
    uint64_t carved;                    /* [mtx] objects in all slabs */
    uint64_t misses;                    /* [mtx] */
    uint32_t colour;                    /* [mtx] of the next slab, in lines */
    LIST_ENTRY(mem_pool) node;          /* [pools.mtx] */
};

static inline struct word *
word_of(const struct mem_pool *pool, const void *obj)
{
    return (struct word *)((uintptr_t)obj + pool->stride_bytes -
                           sizeof(struct word));
}

static inline uint32_t
word_mix(const struct mem_pool *pool, const void *obj, uint32_t state)
{
    return state ^ pool->salt ^ (uint32_t)((uintptr_t)obj / LINE_BYTES);
}

/* Sizes and lists, from object_bytes and type. */
void slab_init(struct mem_pool *pool);
/* Take up to `max` free objects, returning how many there were.  New ones are
 * made when there is none, a page of them. */
uint32_t slab_take_locked(struct mem_pool *pool, void **objects, uint32_t max);
/* An object whose word says that it is free. */
void slab_push_locked(struct mem_pool *pool, void *obj);
/* Unmap the empty slabs; returns the bytes that were in memory for them. */
size_t slab_shrink_locked(struct mem_pool *pool);
/* Is this address, whatever it is, in one of the pool's slabs? */
bool slab_holds_locked(struct mem_pool *pool, const void *obj);
/* Given that it is: does an object start there? */
bool slab_is_object(const struct mem_pool *pool, const void *obj);

#endif
