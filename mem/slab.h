/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slabs: where equal objects lie, and free ones wait that no thread keeps.
 * Under pools (pool.c) and under the size classes of typed allocations
 * (heap.c).  Private to mem/.
 */
#ifndef CLINKER_MEM_SLAB_H
#define CLINKER_MEM_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "mem/account.h"
#include "mem/mutex.h"
#include "mem/thread.h"

enum {
    LINE_BYTES = 64,
    SLAB_BATCH_OBJECTS = 63, /* half a magazine */
    SLAB_BATCHES = 8,
};

enum slab_list { SLAB_EMPTY, SLAB_PARTIAL, SLAB_FULL, SLAB_LISTS };

struct slab_cache;

/*
 * EMPTY:   free == carved          no object is out
 * FULL:    free == 0 && carved == capacity
 * PARTIAL: any other; those with free objects come first
 */
struct slab {
    unsigned magic;
    uint32_t capacity; /* constant, as are cache and first */
    struct slab_cache *cache;
    uint8_t *first;     /* object */
    size_t stale_bytes; /* [cache->mtx], as all below; not carved, and memory
                           all the same */
    uint32_t carved;
    uint32_t free;    /* objects in the free list */
    uint32_t free_at; /* its head, from the slab's start; 0: none */
    enum slab_list list;
    TAILQ_ENTRY(slab) node;
};

TAILQ_HEAD(slab_head, slab);

/* How a cache's objects look; constant. */
struct slab_shape {
    size_t stride_bytes; /* from one object to the next */
    size_t shift_bytes;  /* of the first behind a boundary of LINE_BYTES */
    size_t link_offset;  /* 4 bytes there are the slab's while it is free */
    struct mem_type *held; /* charged with what is carved; a whole, of which
                              what is in use is part */
    /* Runs once for an object's memory, with the mutex held. */
    void (*make)(struct slab_cache *cache, void *obj);
    /* Still as free as it was put here? */
    bool (*is_free)(const struct slab_cache *cache, const void *obj);
};

/* Free objects that some magazine gave as a whole, for another. */
struct slab_batch {
    uint32_t count;
    void *objects[SLAB_BATCH_OBJECTS];
};

struct slab_cache {
    struct slab_shape shape;
    size_t slab_bytes;
    size_t carve_objects;
    uint32_t batches_max; /* fewer of large objects */
    struct mutex mtx __attribute__((aligned(LINE_BYTES)));
    struct slab_head slabs[SLAB_LISTS]; /* [mtx] */
    uint32_t slabs_count;               /* [mtx] in all lists */
    uint32_t empty_count;               /* [mtx] in that of the empty ones */
    uint32_t colour;                    /* [mtx] of the next slab, in lines */
    uint64_t carved;                    /* [mtx] objects in all slabs */
    uint64_t misses;                    /* [mtx] takes that made new ones */
    uint32_t batches_count;             /* [mtx] */
    struct slab_batch batches[SLAB_BATCHES]; /* [mtx] the depot */
};

/* The mutex is the caller's to make before and to destroy after. */
void slab_cache_init(struct slab_cache *cache, const struct slab_shape *shape);
/* Gives all slabs back; false: objects are still out. */
bool slab_cache_fini(struct slab_cache *cache);

/* Take up to `max` free objects, returning how many there were: a batch, if the
 * depot has one.  New ones are made when there is none, a page of them; 0: no
 * memory.  max: 1, or at least SLAB_BATCH_OBJECTS where batches of so many are
 * given. */
uint32_t slab_take(struct slab_cache *cache, void **objects, uint32_t max);
/* Half fill a magazine that is empty; false: no memory. */
bool slab_fill(struct slab_cache *cache, struct magazine *mag);
/* Make room in a magazine that is full: its older half goes to the depot
 * together, if there is room. */
void slab_spill(struct slab_cache *cache, struct magazine *mag);
/* Each to its slab. */
void slab_give(struct slab_cache *cache, void *const *objects, uint32_t n);
/* Empty the depot, and give the empty slabs back; returns the bytes that were
 * memory. */
size_t slab_shrink(struct slab_cache *cache);
/* Bytes that slab_shrink() would give. */
size_t slab_spare_bytes(struct slab_cache *cache);

/* Is this address, whatever it is, in one of the cache's slabs? */
bool slab_holds(struct slab_cache *cache, const void *obj);
/* Given that it is: does an object start there? */
bool slab_is_object(const struct slab_cache *cache, const void *obj);

#endif
