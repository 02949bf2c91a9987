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
#include "mem/poison.h"
#include "mem/pool_one.h"
#include "mem/ranks.h"
#include "mem/slab.h"

enum { CACHED_POOLS = 64 }; /* pools beyond have no magazines */

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
    (void)slab_take_locked(pool, &obj, 1);
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
                slab_take_locked(pool, mag->objects, MAGAZINE_OBJECTS);
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
        bool found;

        mutex_lock(&pool->mtx);
        found = slab_holds_locked(pool, obj);
        mutex_unlock(&pool->mtx);
        if (found)
            return pool;
    }
    return NULL;
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
    if (!slab_is_object(pool, obj))
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
    pool->construct = construct;
    pool->heir = type;
    pool->type.module = type->module;
    pool->type.name = type->name;
    pool->slot = mem_account_slot(&pool->type);
    mutex_init(&pool->mtx, "mem.pool", MEM_RANK_POOL);
    LIST_INIT(&pool->caches);
    slab_init(pool);
    pool_enlist(pool);
    return pool;
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
    (void)slab_shrink_locked(pool);
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
    bytes = slab_shrink_locked(pool);
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
