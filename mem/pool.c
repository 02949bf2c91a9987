/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Object pools: slabs, a depot, and two magazines for each thread.
 *
 *     get, put ──► loaded ◄─swap─► previous        own thread, no lock
 *                     │               │
 *                     └── 32 objects ─┘            pool->mtx
 *                            ▼
 *                  slabs: partial, empty, full
 *
 * The two magazines are those of Bonwick and Adams (USENIX 2001): a thread
 * that gets and puts around the border of one swaps them and still takes no
 * lock.  Behind them a free object lies in its slab and not in a depot of
 * magazines, so that an object always has a place to go, fuller slabs are used
 * first, and a slab whose objects are all back can be given up.
 *
 * A slab lies on a boundary of its size, which leads from object to slab.  Its
 * objects are carved and constructed as they are wanted: what was never
 * carved was never touched, and is memory only by address.
 *
 *     slab │ colour │ object … word │ object … word │ … │ not carved
 *
 * The word behind an object says whether it is free or in use, mixed with its
 * address and its pool: one comparison finds a put that is doubled, misaligned
 * or in the wrong pool.  Being the object's own, it shares no cache line with
 * another thread's.
 */
#include "mem/pool.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>

#include "mem/account_slot.h"
#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/os_pages.h"
#include "mem/poison.h"
#include "mem/pool_one.h"
#include "mem/ranks.h"

enum {
    LINE_BYTES = 64,
    MAGAZINE_OBJECTS = 32,
    CARVE_BYTES = 4096, /* made at a time, at least one object */
    SLAB_BYTES_MIN = 65536,
    SLAB_OBJECTS_MIN = 8,
    CACHED_POOLS = 64, /* pools beyond have no magazines */
};

#define POOL_MAGIC 0x504f4f4cu
#define SLAB_MAGIC 0x534c4142u
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

static struct {
    struct mutex mtx;
    LIST_HEAD(, mem_pool) all;             /* [mtx] */
    struct mem_pool *table[CACHED_POOLS];  /* [mtx] */
    uint64_t serial;                       /* [mtx] last one given out */
    pthread_key_t exit_key;
} pools = {.mtx = MUTEX_INITIALIZER("mem.pools", MEM_RANK_POOLS)};

static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;

/* By pool->index.  The serial tells a pool from one that was destroyed. */
static _Thread_local struct {
    uint64_t serial;
    struct cache *cache;
} own_caches[CACHED_POOLS];
static _Thread_local bool own_caches_closed; /* this thread is ending */

MEM_TYPE(mt_pool, "mem", "pool");
MEM_TYPE(mt_magazine, "mem", "magazine");
MEM_TYPE(mt_slab, "mem", "slab");
MEM_TYPE(mt_slack, "mem", "pool slack");

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

static inline struct slab *
slab_of(const struct mem_pool *pool, const void *obj)
{
    struct slab *slab =
        (struct slab *)((uintptr_t)obj & ~(uintptr_t)(pool->slab_bytes - 1));

    must(slab->magic == SLAB_MAGIC);
    must(slab->pool == pool);
    return slab;
}

/*
 * Slabs
 */

static size_t
slab_head_bytes(void)
{
    return (sizeof(struct slab) + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

/* Put the slab into the list where it belongs now. */
static void
slab_place_locked(struct mem_pool *pool, struct slab *slab)
{
    enum slab_list list = SLAB_PARTIAL;

    if (slab->free == slab->carved)
        list = SLAB_EMPTY;
    else if (slab->free == 0 && slab->carved == slab->capacity)
        list = SLAB_FULL;
    TAILQ_REMOVE(&pool->slabs[slab->list], slab, node);
    slab->list = list;
    if (slab->free > 0)
        TAILQ_INSERT_HEAD(&pool->slabs[list], slab, node);
    else
        TAILQ_INSERT_TAIL(&pool->slabs[list], slab, node);
}

/* Objects of successive slabs start at different lines, so that they do not
 * all fall into the same sets of the processor's caches. */
static size_t
colour_bytes_locked(struct mem_pool *pool)
{
    size_t left_bytes =
        (pool->slab_bytes - slab_head_bytes()) % pool->stride_bytes;

    return pool->colour++ % (left_bytes / LINE_BYTES + 1) * LINE_BYTES;
}

static struct slab *
slab_new_locked(struct mem_pool *pool)
{
    struct slab *slab = os_pages_map(pool->slab_bytes, pool->slab_bytes);
    size_t first_bytes;

    if (slab == NULL)
        return NULL;
    first_bytes = slab_head_bytes() + colour_bytes_locked(pool);
    slab->magic = SLAB_MAGIC;
    slab->pool = pool;
    slab->first = (uint8_t *)slab + first_bytes;
    slab->capacity =
        (uint32_t)((pool->slab_bytes - first_bytes) / pool->stride_bytes);
    slab->list = SLAB_EMPTY;
    TAILQ_INSERT_TAIL(&pool->slabs[SLAB_EMPTY], slab, node);
    mem_account_charge(&mt_slab, first_bytes);
    return slab;
}

/* An empty slab; returns the bytes that were in memory for it. */
static size_t
slab_destroy_locked(struct mem_pool *pool, struct slab *slab)
{
    size_t first_bytes = (size_t)(slab->first - (uint8_t *)slab);
    size_t objects_bytes = slab->carved * pool->stride_bytes;

    must(slab->free == slab->carved);
    TAILQ_REMOVE(&pool->slabs[slab->list], slab, node);
    pool->carved -= slab->carved;
    mem_account_sub(mem_account_slot(&mt_slack), objects_bytes, slab->carved);
    mem_account_discharge(&mt_slab, first_bytes);
    slab->magic = 0;
    unpoison(slab, pool->slab_bytes);
    os_pages_unmap(slab, pool->slab_bytes);
    return first_bytes + objects_bytes;
}

static void *
slab_object(const struct mem_pool *pool, const struct slab *slab, uint32_t i)
{
    return slab->first + i * pool->stride_bytes;
}

static void
slab_push_locked(struct mem_pool *pool, void *obj)
{
    struct slab *slab = slab_of(pool, obj);
    size_t offset = (size_t)((uint8_t *)obj - slab->first);
    struct word *w = word_of(pool, obj);

    must(w->state == word_mix(pool, obj, WORD_FREE));
    must(slab->free < slab->carved);
    w->next = slab->free_at;
    slab->free_at = (uint32_t)(offset / pool->stride_bytes) + 1;
    slab->free++;
    /* Others change nothing about the list that the slab is in. */
    if (slab->free == 1 || slab->free == slab->carved)
        slab_place_locked(pool, slab);
}

static void *
slab_pop_locked(struct mem_pool *pool, struct slab *slab)
{
    bool was_empty = slab->free == slab->carved;
    void *obj;

    must(slab->free > 0 && slab->free_at > 0);
    must(slab->free_at <= slab->carved);
    obj = slab_object(pool, slab, slab->free_at - 1);
    must(word_of(pool, obj)->state == word_mix(pool, obj, WORD_FREE));
    slab->free_at = word_of(pool, obj)->next;
    slab->free--;
    if (slab->free == 0 || was_empty)
        slab_place_locked(pool, slab);
    return obj;
}

static void
object_make(struct mem_pool *pool, void *obj)
{
    if (pool->construct != NULL)
        pool->construct(obj);
    word_of(pool, obj)->state = word_mix(pool, obj, WORD_FREE);
    poison(obj, pool->stride_bytes - sizeof(struct word));
}

static void
slab_carve_locked(struct mem_pool *pool, struct slab *slab)
{
    size_t n = slab->capacity - slab->carved;

    if (n > pool->carve_objects)
        n = pool->carve_objects;
    must(n > 0);
    mem_account_add(mem_account_slot(&mt_slack), n * pool->stride_bytes, n);
    pool->carved += n;
    for (size_t i = 0; i < n; i++) {
        void *obj = slab_object(pool, slab, slab->carved++);

        object_make(pool, obj);
        slab_push_locked(pool, obj);
    }
    slab_place_locked(pool, slab);
}

/* A slab with something free: partly used ones first. */
static struct slab *
slab_with_free_locked(struct mem_pool *pool)
{
    struct slab *slab = TAILQ_FIRST(&pool->slabs[SLAB_PARTIAL]);

    if (slab != NULL && slab->free > 0)
        return slab;
    slab = TAILQ_FIRST(&pool->slabs[SLAB_EMPTY]);
    return slab != NULL && slab->free > 0 ? slab : NULL;
}

/* Take up to `max` free objects.  New ones are made only for the first. */
static uint32_t
depot_take_locked(struct mem_pool *pool, void **objects, uint32_t max)
{
    struct slab *slab;
    uint32_t n = 0;

    while (n < max && (slab = slab_with_free_locked(pool)) != NULL) {
        while (n < max && slab->free > 0)
            objects[n++] = slab_pop_locked(pool, slab);
    }
    if (n > 0)
        return n;
    /* None of these has a free object; some may have room. */
    slab = TAILQ_LAST(&pool->slabs[SLAB_PARTIAL], slab_head);
    if (slab == NULL)
        slab = slab_new_locked(pool);
    if (slab == NULL)
        return 0;
    pool->misses++;
    slab_carve_locked(pool, slab);
    while (n < max && slab->free > 0)
        objects[n++] = slab_pop_locked(pool, slab);
    return n;
}

static void
magazine_empty_locked(struct mem_pool *pool, struct magazine *mag)
{
    while (mag->count > 0)
        slab_push_locked(pool, mag->objects[--mag->count]);
}

/*
 * Each thread's caches
 */

static void
cache_close_locked(struct mem_pool *pool, struct cache *cache)
{
    magazine_empty_locked(pool, &cache->magazines[0]);
    magazine_empty_locked(pool, &cache->magazines[1]);
    LIST_REMOVE(cache, node);
    mem_free(cache);
}

/* At the end of a thread. */
static void
caches_close(void *arg)
{
    own_caches_closed = true;
    mutex_lock(&pools.mtx);
    for (unsigned i = 0; i < CACHED_POOLS; i++) {
        struct mem_pool *pool = pools.table[i];

        if (pool == NULL || own_caches[i].serial != pool->serial)
            continue;
        mutex_lock(&pool->mtx);
        cache_close_locked(pool, own_caches[i].cache);
        mutex_unlock(&pool->mtx);
        own_caches[i].serial = 0;
    }
    mutex_unlock(&pools.mtx);
}

static void
make_exit_key(void)
{
    must(pthread_key_create(&pools.exit_key, caches_close) == 0);
}

static struct cache *
cache_make(struct mem_pool *pool)
{
    struct cache *cache;

    if (own_caches_closed || pool->index >= CACHED_POOLS)
        return NULL;
    must(pthread_once(&exit_key_once, make_exit_key) == 0);
    if (pthread_setspecific(pools.exit_key, own_caches) != 0)
        return NULL;
    cache = mem_alloc_aligned(&mt_magazine, LINE_BYTES, sizeof(*cache));
    if (cache == NULL)
        return NULL;
    memset(cache, 0, sizeof(*cache));
    mutex_lock(&pool->mtx);
    LIST_INSERT_HEAD(&pool->caches, cache, node);
    mutex_unlock(&pool->mtx);
    own_caches[pool->index].cache = cache;
    own_caches[pool->index].serial = pool->serial;
    return cache;
}

/* NULL: go to the depot. */
static inline struct cache *
cache_of(struct mem_pool *pool)
{
    unsigned i = pool->index;

    if (__builtin_expect(i < CACHED_POOLS &&
                             own_caches[i].serial == pool->serial,
                         1))
        return own_caches[i].cache;
    return cache_make(pool);
}

static void *
depot_take_one(struct mem_pool *pool)
{
    void *obj = NULL;

    mutex_lock(&pool->mtx);
    (void)depot_take_locked(pool, &obj, 1);
    mutex_unlock(&pool->mtx);
    return obj;
}

static void
depot_give_one(struct mem_pool *pool, void *obj)
{
    mutex_lock(&pool->mtx);
    slab_push_locked(pool, obj);
    mutex_unlock(&pool->mtx);
}

static void *
take(struct mem_pool *pool)
{
    struct cache *cache = cache_of(pool);
    struct magazine *mag;

    if (__builtin_expect(cache == NULL, 0))
        return depot_take_one(pool);
    mag = &cache->magazines[cache->loaded];
    if (__builtin_expect(mag->count == 0, 0)) {
        cache->loaded ^= 1;
        mag = &cache->magazines[cache->loaded];
        if (mag->count == 0) {
            mutex_lock(&pool->mtx);
            mag->count =
                depot_take_locked(pool, mag->objects, MAGAZINE_OBJECTS);
            mutex_unlock(&pool->mtx);
            if (mag->count == 0)
                return NULL;
        }
    }
    return mag->objects[--mag->count];
}

static void
give(struct mem_pool *pool, void *obj)
{
    struct cache *cache = cache_of(pool);
    struct magazine *mag;

    if (__builtin_expect(cache == NULL, 0)) {
        depot_give_one(pool, obj);
        return;
    }
    mag = &cache->magazines[cache->loaded];
    if (__builtin_expect(mag->count == MAGAZINE_OBJECTS, 0)) {
        cache->loaded ^= 1;
        mag = &cache->magazines[cache->loaded];
        if (mag->count > 0) {
            mutex_lock(&pool->mtx);
            magazine_empty_locked(pool, mag);
            mutex_unlock(&pool->mtx);
        }
    }
    mag->objects[mag->count++] = obj;
}

/*
 * What is wrong with a put
 */

/* Which pool's memory is this?  Only what we know to be mapped is looked at. */
static struct mem_pool *
pool_find_locked(const void *obj)
{
    struct mem_pool *pool;

    LIST_FOREACH (pool, &pools.all, node) {
        bool found = false;

        mutex_lock(&pool->mtx);
        for (int l = 0; l < SLAB_LISTS; l++) {
            struct slab *slab;

            TAILQ_FOREACH (slab, &pool->slabs[l], node) {
                if ((uintptr_t)obj - (uintptr_t)slab < pool->slab_bytes)
                    found = true;
            }
        }
        mutex_unlock(&pool->mtx);
        if (found)
            return pool;
    }
    return NULL;
}

static bool
is_object_start(struct mem_pool *pool, const void *obj)
{
    struct slab *slab = slab_of(pool, obj);
    uintptr_t offset = (uintptr_t)obj - (uintptr_t)slab->first;

    return (uintptr_t)obj >= (uintptr_t)slab->first &&
           offset % pool->stride_bytes == 0 &&
           offset / pool->stride_bytes < slab->capacity;
}

static POISON_BLIND void __attribute__((noreturn, cold))
put_wrong(struct mem_pool *pool, const void *obj)
{
    const struct mem_type *t = &pool->type;
    struct mem_pool *at;

    mutex_lock(&pools.mtx);
    at = pool_find_locked(obj);
    mutex_unlock(&pools.mtx);
    if (at == NULL)
        must_panic("mem: pool %s %s: put of %p, which is no pool's", t->module,
                   t->name, obj);
    if (at != pool)
        must_panic("mem: pool %s %s: put of %p, which is of pool %s %s",
                   t->module, t->name, obj, at->type.module, at->type.name);
    if (!is_object_start(pool, obj))
        must_panic("mem: pool %s %s: put of %p, which points into an object",
                   t->module, t->name, obj);
    if (word_of(pool, obj)->state == word_mix(pool, obj, WORD_FREE))
        must_panic("mem: pool %s %s: put of %p, which is not in use",
                   t->module, t->name, obj);
    must_panic("mem: pool %s %s: overrun behind %p", t->module, t->name, obj);
}

static POISON_BLIND bool
is_in_use(const struct mem_pool *pool, const void *obj)
{
    return (uintptr_t)obj % LINE_BYTES == 0 &&
           word_of(pool, obj)->state == word_mix(pool, obj, WORD_USED);
}

void *
mem_pool_get(struct mem_pool *pool)
{
    void *obj;

    OBJ_CHECK(pool, POOL_MAGIC);
    obj = take(pool);
    if (__builtin_expect(obj == NULL, 0)) {
        mem_account_failure(&pool->type);
        errno = ENOMEM;
        return NULL;
    }
    if (__builtin_expect(word_of(pool, obj)->state !=
                             word_mix(pool, obj, WORD_FREE),
                         0))
        must_panic("mem: pool %s %s: free object %p was overwritten",
                   pool->type.module, pool->type.name, obj);
    word_of(pool, obj)->state = word_mix(pool, obj, WORD_USED);
    unpoison(obj, pool->object_bytes);
    mem_account_add(pool->slot, pool->stride_bytes, 1);
    return obj;
}

void
mem_pool_put(struct mem_pool *pool, void *obj)
{
    OBJ_CHECK(pool, POOL_MAGIC);
    must(obj != NULL);
    if (__builtin_expect(!is_in_use(pool, obj), 0))
        put_wrong(pool, obj);
    word_of(pool, obj)->state = word_mix(pool, obj, WORD_FREE);
    poison(obj, pool->stride_bytes - sizeof(struct word));
    mem_account_sub(pool->slot, pool->stride_bytes, 1);
    give(pool, obj);
}

/*
 * Pools as a whole
 */

static void
pool_enlist(struct mem_pool *pool)
{
    mutex_lock(&pools.mtx);
    pool->serial = ++pools.serial;
    pool->salt = (uint32_t)pool->serial * 0x9e3779b9u;
    for (pool->index = 0; pool->index < CACHED_POOLS; pool->index++) {
        if (pools.table[pool->index] == NULL) {
            pools.table[pool->index] = pool;
            break;
        }
    }
    LIST_INSERT_HEAD(&pools.all, pool, node);
    mutex_unlock(&pools.mtx);
}

struct mem_pool *
mem_pool_new(struct mem_type *type, size_t object_bytes,
             void (*construct)(void *obj))
{
    struct mem_pool *pool;

    must(object_bytes > 0 && object_bytes <= MEM_POOL_OBJECT_BYTES_MAX);
    pool = mem_alloc_aligned(&mt_pool, LINE_BYTES, sizeof(*pool));
    if (pool == NULL)
        return NULL;
    memset(pool, 0, sizeof(*pool));
    pool->magic = POOL_MAGIC;
    pool->object_bytes = object_bytes;
    pool->stride_bytes = (object_bytes + sizeof(struct word) + LINE_BYTES - 1) /
                         LINE_BYTES * LINE_BYTES;
    pool->slab_bytes = SLAB_BYTES_MIN;
    while (pool->slab_bytes - slab_head_bytes() <
           SLAB_OBJECTS_MIN * pool->stride_bytes)
        pool->slab_bytes *= 2;
    pool->carve_objects = CARVE_BYTES / pool->stride_bytes;
    if (pool->carve_objects == 0)
        pool->carve_objects = 1;
    pool->construct = construct;
    pool->heir = type;
    pool->type.module = type->module;
    pool->type.name = type->name;
    pool->slot = mem_account_slot(&pool->type);
    mem_account_set_whole(&pool->type, &mt_slack);
    mutex_init(&pool->mtx, "mem.pool", MEM_RANK_POOL);
    for (int l = 0; l < SLAB_LISTS; l++)
        TAILQ_INIT(&pool->slabs[l]);
    LIST_INIT(&pool->caches);
    pool_enlist(pool);
    return pool;
}

static size_t
empty_slabs_destroy_locked(struct mem_pool *pool)
{
    struct slab *slab;
    size_t bytes = 0;

    while ((slab = TAILQ_FIRST(&pool->slabs[SLAB_EMPTY])) != NULL)
        bytes += slab_destroy_locked(pool, slab);
    return bytes;
}

void
mem_pool_destroy(struct mem_pool **poolp)
{
    struct mem_pool *pool = *poolp;
    struct cache *cache;

    OBJ_CHECK(pool, POOL_MAGIC);
    *poolp = NULL;
    mutex_lock(&pools.mtx);
    LIST_REMOVE(pool, node);
    if (pool->index < CACHED_POOLS)
        pools.table[pool->index] = NULL;
    mutex_lock(&pool->mtx);
    while ((cache = LIST_FIRST(&pool->caches)) != NULL)
        cache_close_locked(pool, cache);
    (void)empty_slabs_destroy_locked(pool);
    if (pool->carved != 0)
        must_panic("mem: pool %s %s destroyed with objects in use",
                   pool->type.module, pool->type.name);
    mutex_unlock(&pool->mtx);
    mutex_unlock(&pools.mtx);
    mem_account_retire(&pool->type, pool->heir);
    mutex_destroy(&pool->mtx);
    pool->magic = 0;
    mem_free(pool);
}

size_t
mem_pool_shrink(struct mem_pool *pool)
{
    struct cache *cache;
    size_t bytes;

    OBJ_CHECK(pool, POOL_MAGIC);
    cache = cache_of(pool);
    mutex_lock(&pool->mtx);
    if (cache != NULL) {
        magazine_empty_locked(pool, &cache->magazines[0]);
        magazine_empty_locked(pool, &cache->magazines[1]);
    }
    bytes = empty_slabs_destroy_locked(pool);
    mutex_unlock(&pool->mtx);
    return bytes;
}

void
mem_pool_read_one(struct mem_pool *pool, struct mem_pool_stats *out)
{
    struct mem_type_stats used;
    uint64_t carved;

    mem_account_read_slot(&pool->type, &used);
    out->module = pool->type.module;
    out->name = pool->type.name;
    out->object_bytes = pool->object_bytes;
    out->padded_bytes = pool->stride_bytes;
    out->hot = used.num_allocs;
    out->hot_max = used.max_num_allocs;
    out->total_gets = used.total_allocs;
    mutex_lock(&pool->mtx);
    carved = pool->carved;
    out->misses = pool->misses;
    mutex_unlock(&pool->mtx);
    out->cold = carved > used.num_allocs ? carved - used.num_allocs : 0;
}

size_t
mem_pool_read(struct mem_pool_stats *out, size_t max)
{
    struct mem_pool *pool;
    size_t count = 0;

    mutex_lock(&pools.mtx);
    LIST_FOREACH (pool, &pools.all, node) {
        if (count < max)
            mem_pool_read_one(pool, &out[count]);
        count++;
    }
    mutex_unlock(&pools.mtx);
    return count;
}
