/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Object pools: slabs, and a magazine for each thread.
 *
 *     get, put ──► magazine, 127 objects       own thread, no lock
 *                      │ half of it, when it is empty or full
 *                      ▼
 *                  depot, slabs (slab.c)    their mutex
 *
 * Magazines are those of Bonwick and Adams (USENIX 2001), but one that is half
 * filled and half emptied in place of two that are swapped: the border is as
 * far away, and the fast path is one array.
 *
 * The word behind an object says whether it is free or in use, mixed with its
 * address and its pool: one comparison finds a put that is doubled, misaligned
 * or in the wrong pool.  Being the object's own, it shares no cache line with
 * another thread's.
 */
#include "mem/pool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>

#include "mem/account_slot.h"
#include "mem/alloc.h"
#include "mem/guard_hook.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/poison.h"
#include "mem/pool_one.h"
#include "mem/quarantine.h"
#include "mem/ranks.h"
#include "mem/record.h"
#include "mem/slab.h"
#include "mem/thread.h"
#include "mem/trace_hook.h"

/* At most, in one magazine; of the largest objects it is seven. */
enum { MAGAZINE_BYTES = 512 << 10 };

#define POOL_MAGIC 0x504f4f4cu
#define WORD_FREE 0x0f7ee0b1u
#define WORD_USED 0xa11e0b1cu
#define WORD_GUARD 0x60a2d000u /* in use, a guard object */
#define WORD_RESTS 0x9e57ed00u /* free, in quarantine */

/* Last thing in each object's memory. */
struct word {
    uint32_t state;
    uint32_t link; /* the slab's */
};

struct mem_pool {
    unsigned magic;
    uint32_t salt; /* constant, as all down to the slabs */
    size_t object_bytes;
    size_t stride_bytes; /* an object with its word, whole lines */
    uint64_t serial;     /* never used again */
    unsigned index;      /* in pools.table and of magazines; CACHED_POOLS: none,
                            and then the serial is no magazine's */
    uint32_t slot;
    struct mem_type type;  /* the same names as the owner's, counting this pool
                              alone; its id may have marks */
    struct mem_type *heir; /* the type as its owner declared it */
    void (*construct)(void *obj);
    struct slab_cache slabs;
    LIST_ENTRY(mem_pool) node; /* [pools.mtx] */
};

_Static_assert((int)MAGAZINE_BYTES / 2 >= (int)MEM_POOL_OBJECT_BYTES_MAX,
               "half of a magazine is something");

static struct {
    struct mutex mtx;
    LIST_HEAD(, mem_pool) all;            /* [mtx] */
    struct mem_pool *table[CACHED_POOLS]; /* [mtx] */
    uint64_t serial;                      /* [mtx] last one given out */
} pools = {.mtx = MUTEX_INITIALIZER("mem.pools", MEM_RANK_POOLS)};

MEM_TYPE(mt_pool, "mem", "pool");
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

static POISON_BLIND bool
has_state(const struct mem_pool *pool, const void *obj, uint32_t state)
{
    return (uintptr_t)obj % LINE_BYTES == 0 &&
           word_of(pool, obj)->state == word_mix(pool, obj, state);
}

/* The same off the fast path, where the word may be poisoned. */
static POISON_BLIND bool
has_state_blind(const struct mem_pool *pool, const void *obj, uint32_t state)
{
    BLIND_SCOPE();

    return has_state(pool, obj, state);
}

static POISON_BLIND void
set_state_blind(const struct mem_pool *pool, void *obj, uint32_t state)
{
    BLIND_SCOPE();

    word_of(pool, obj)->state = word_mix(pool, obj, state);
}

/*
 * Magazines
 */

static inline uint64_t
serial_of(const struct pool_magazine *own)
{
    return atomic_load_explicit(&own->serial, memory_order_relaxed);
}

static inline void
serial_set(struct pool_magazine *own, uint64_t serial)
{
    atomic_store_explicit(&own->serial, serial, memory_order_relaxed);
}

/* Large objects are rarely many, and would be much memory in many threads. */
static uint32_t
magazine_max(const struct mem_pool *pool)
{
    size_t max = MAGAZINE_BYTES / pool->stride_bytes;

    return max < MAGAZINE_OBJECTS ? (uint32_t)max : MAGAZINE_OBJECTS;
}

/* A magazine of this pool; NULL: go to the slabs. */
static struct magazine *
magazine_of(struct mem_thread *self, struct mem_pool *pool)
{
    struct pool_magazine *own;

    if (self == NULL || pool->index >= CACHED_POOLS)
        return NULL;
    own = &self->pools[pool->index];
    if (serial_of(own) != pool->serial) {
        /* Left by a pool that was destroyed, which emptied it. */
        must(serial_of(own) == 0 || own->mag.count == 0);
        own->mag.count = 0;
        own->mag.max = magazine_max(pool);
        serial_set(own, pool->serial);
    }
    return &own->mag;
}

static void *
take_slow(struct mem_thread *self, struct mem_pool *pool)
{
    struct magazine *mag = magazine_of(self, pool);
    void *obj;

    if (mag == NULL)
        return slab_take(&pool->slabs, &obj, 1) == 1 ? obj : NULL;
    if (mag->count == 0 && !slab_fill(&pool->slabs, mag))
        return NULL;
    return mag->objects[--mag->count];
}

static void
give_slow(struct mem_thread *self, struct mem_pool *pool, void *obj)
{
    struct magazine *mag = magazine_of(self, pool);

    if (mag == NULL) {
        slab_give(&pool->slabs, &obj, 1);
        return;
    }
    if (mag->count == mag->max)
        slab_spill(&pool->slabs, mag);
    mag->objects[mag->count++] = obj;
}

size_t
pools_thread_flush(struct mem_thread *self)
{
    size_t bytes = 0;

    mutex_lock(&pools.mtx);
    for (unsigned i = 0; i < CACHED_POOLS; i++) {
        struct mem_pool *pool = pools.table[i];
        struct pool_magazine *own = &self->pools[i];

        if (pool == NULL || serial_of(own) != pool->serial)
            continue;
        bytes += own->mag.count * pool->stride_bytes;
        slab_give(&pool->slabs, own->mag.objects, own->mag.count);
        own->mag.count = 0;
    }
    mutex_unlock(&pools.mtx);
    return bytes;
}

/*
 * What is wrong with a put
 */

/* Which pool's memory is this?  Only what we know to be mapped is looked at. */
static struct mem_pool *
pool_find_locked(const void *obj)
{
    struct mem_pool *pool;

    LIST_FOREACH(pool, &pools.all, node) {
        if (slab_holds(&pool->slabs, obj))
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
    if (!slab_is_object(&pool->slabs, obj))
        must_panic("mem: pool %s %s: put of %p, which points into an object",
                   t->module, t->name, obj);
    if (has_state_blind(pool, obj, WORD_FREE) ||
        has_state_blind(pool, obj, WORD_RESTS))
        must_panic("mem: pool %s %s: put of %p, which is not in use", t->module,
                   t->name, obj);
    must_panic("mem: pool %s %s: overrun behind %p", t->module, t->name, obj);
}

static void __attribute__((noreturn, cold))
free_overwritten(const struct mem_pool *pool, const void *obj)
{
    must_panic("mem: pool %s %s: free object %p was overwritten",
               pool->type.module, pool->type.name, obj);
}

static void
must_be_free(const struct mem_pool *pool, const void *obj)
{
    if (__builtin_expect(
            word_of(pool, obj)->state != word_mix(pool, obj, WORD_FREE), 0))
        free_overwritten(pool, obj);
}

/*
 * The slow paths: magazines that are empty or full, traced and poisoned types,
 * guard objects
 */

static void *
guarded_new(struct mem_pool *pool)
{
    void *obj = guard_take(pool->slot, pool->stride_bytes, LINE_BYTES);

    if (obj == NULL)
        return NULL;
    if (pool->construct != NULL)
        pool->construct(obj);
    word_of(pool, obj)->state = word_mix(pool, obj, WORD_GUARD);
    mem_account_add(mem_account_slot(&mt_slack), pool->stride_bytes, 1);
    return obj;
}

static __attribute__((noinline)) void *
get_slow(struct mem_pool *pool)
{
    struct mem_thread *self = mem_thread_make();
    uint32_t id = atomic_load_explicit(&pool->type.id, memory_order_relaxed);
    void *obj = NULL;

    OBJ_CHECK(pool, POOL_MAGIC);
    if (guard_is_due(self, id, pool->stride_bytes <= GUARD_BYTES_MAX))
        obj = guarded_new(pool);
    if (obj == NULL) {
        obj = take_slow(self, pool);
        if (obj == NULL) {
            mem_account_failure(&pool->type);
            errno = ENOMEM;
            return NULL;
        }
        if (!has_state_blind(pool, obj, WORD_FREE))
            free_overwritten(pool, obj);
        set_state_blind(pool, obj, WORD_USED);
        mem_given(obj, pool->object_bytes, pool->construct != NULL);
    }
    if ((id & TYPE_TRACED) != 0)
        (void)trace_allocated(pool->slot, obj, pool->stride_bytes);
    mem_account_add(pool->slot, pool->stride_bytes, 1);
    RECORD_ALLOC(RECORD_POOL, pool->slot, pool->object_bytes, obj);
    return obj;
}

static void
free_finally(struct mem_pool *pool, void *obj)
{
    set_state_blind(pool, obj, WORD_FREE);
    give_slow(mem_thread_make(), pool, obj);
}

static void
release_quarantined(void *owner, void *obj)
{
    struct mem_pool *pool = owner;

    if (!has_state_blind(pool, obj, WORD_RESTS))
        free_overwritten(pool, obj);
    free_finally(pool, obj);
}

static __attribute__((noinline)) void
put_slow(struct mem_pool *pool, void *obj)
{
    uint32_t id = atomic_load_explicit(&pool->type.id, memory_order_relaxed);
    struct quarantined q = {
        .block = obj,
        .bytes = pool->object_bytes,
        .slot = pool->slot,
        .release = release_quarantined,
        .owner = pool,
    };

    OBJ_CHECK(pool, POOL_MAGIC);
    must(obj != NULL);
    if ((id & TYPE_TRACED) != 0)
        trace_freed(pool->slot, obj);
    if (guard_owns(obj)) {
        (void)guard_check(obj, &q.slot);
        if (q.slot != pool->slot || !has_state(pool, obj, WORD_GUARD))
            must_panic("mem: pool %s %s: put of guard object %p, which is "
                       "another's or overrun",
                       pool->type.module, pool->type.name, obj);
        RECORD_FREE(obj);
        mem_account_sub(pool->slot, pool->stride_bytes, 1);
        mem_account_sub(mem_account_slot(&mt_slack), pool->stride_bytes, 1);
        guard_give(obj);
        return;
    }
    if (!has_state_blind(pool, obj, WORD_USED))
        put_wrong(pool, obj);
    RECORD_FREE(obj);
    mem_account_sub(pool->slot, pool->stride_bytes, 1);
    if (UNDER_ASAN || (id & (TYPE_POISONED | TYPE_WATCHED)) != 0) {
        set_state_blind(pool, obj, WORD_RESTS);
        mem_taken_back(obj, pool->object_bytes);
        quarantine_put(&q);
        return;
    }
    free_finally(pool, obj);
}

void *
mem_pool_get(struct mem_pool *pool)
{
    struct mem_thread *self = mem_self;
    struct pool_magazine *own;
    struct mem_counter *c;
    void *obj;
    bool far;

    /* A mark makes the id another than the slot. */
    if (__builtin_expect(
            UNDER_ASAN || pool->magic != POOL_MAGIC ||
                atomic_load_explicit(&pool->type.id, memory_order_relaxed) !=
                    pool->slot,
            0))
        return get_slow(pool);
    own = &self->pools[pool->index % CACHED_POOLS];
    if (__builtin_expect(
            serial_of(own) != pool->serial || own->mag.count == 0, 0))
        return get_slow(pool);
    obj = own->mag.objects[--own->mag.count];
    must_be_free(pool, obj);
    word_of(pool, obj)->state = word_mix(pool, obj, WORD_USED);
    c = &self->counters[pool->slot];
    far = counter_add(c, pool->stride_bytes, 1);
    RECORD_ALLOC(RECORD_POOL, pool->slot, pool->object_bytes, obj);
    if (__builtin_expect(far, 0))
        return account_tell_and_return(pool->slot, c, obj);
    return obj;
}

void
mem_pool_put(struct mem_pool *pool, void *obj)
{
    struct mem_thread *self = mem_self;
    struct pool_magazine *own;
    bool far;

    if (__builtin_expect(
            UNDER_ASAN || obj == NULL || pool->magic != POOL_MAGIC ||
                atomic_load_explicit(&pool->type.id, memory_order_relaxed) !=
                    pool->slot ||
                !has_state(pool, obj, WORD_USED),
            0)) {
        put_slow(pool, obj);
        return;
    }
    own = &self->pools[pool->index % CACHED_POOLS];
    if (__builtin_expect(
            serial_of(own) != pool->serial || own->mag.count == own->mag.max,
            0)) {
        put_slow(pool, obj);
        return;
    }
    word_of(pool, obj)->state = word_mix(pool, obj, WORD_FREE);
    RECORD_FREE(obj);
    own->mag.objects[own->mag.count++] = obj;
    far = counter_sub(&self->counters[pool->slot], pool->stride_bytes, 1);
    if (__builtin_expect(far, 0))
        account_tell(pool->slot, &self->counters[pool->slot]);
}

/*
 * Pools as a whole
 */

static void
object_make(struct slab_cache *cache, void *obj)
{
    struct mem_pool *pool = container_of_member(cache, struct mem_pool, slabs);

    if (pool->construct != NULL)
        pool->construct(obj);
    word_of(pool, obj)->state = word_mix(pool, obj, WORD_FREE);
    poison(obj, pool->stride_bytes);
}

static bool
object_is_free(const struct slab_cache *cache, const void *obj)
{
    const struct mem_pool *pool =
        container_of_member((uintptr_t)cache, struct mem_pool, slabs);

    return has_state_blind(pool, obj, WORD_FREE);
}

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
    struct slab_shape shape = {
        .held = &mt_slack, .make = object_make, .is_free = object_is_free};
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
    pool->construct = construct;
    pool->heir = type;
    pool->type.module = type->module;
    pool->type.name = type->name;
    pool->slot = mem_account_slot(&pool->type);
    mem_account_set_whole(&pool->type, &mt_slack);
    shape.stride_bytes = pool->stride_bytes;
    shape.link_offset =
        pool->stride_bytes - sizeof(struct word) + offsetof(struct word, link);
    mutex_init(&pool->slabs.mtx, "mem.pool", MEM_RANK_POOL);
    slab_cache_init(&pool->slabs, &shape);
    pool_enlist(pool);
    return pool;
}

/* Empty some thread's magazine of this pool, which nobody uses now; false:
 * there is none any more. */
static bool
magazine_collect(struct mem_pool *pool)
{
    struct magazine mag = {.count = 0};
    struct mem_thread *t;
    bool found = false;

    for (t = mem_threads_lock(); t != NULL && !found; t = LIST_NEXT(t, node)) {
        struct pool_magazine *own = &t->pools[pool->index];

        found = serial_of(own) == pool->serial;
        if (found) {
            mag = own->mag;
            own->mag.count = 0;
            serial_set(own, 0);
        }
    }
    mem_threads_unlock();
    slab_give(&pool->slabs, mag.objects, mag.count);
    return found;
}

void
mem_pool_destroy(struct mem_pool **poolp)
{
    struct mem_pool *pool = *poolp;

    OBJ_CHECK(pool, POOL_MAGIC);
    *poolp = NULL;
    (void)quarantine_flush(pool);
    mutex_lock(&pools.mtx);
    LIST_REMOVE(pool, node);
    if (pool->index < CACHED_POOLS) {
        pools.table[pool->index] = NULL;
        while (magazine_collect(pool))
            ;
    }
    mutex_unlock(&pools.mtx);
    if (!slab_cache_fini(&pool->slabs))
        must_panic("mem: pool %s %s destroyed with objects in use",
                   pool->type.module, pool->type.name);
    mutex_destroy(&pool->slabs.mtx);
    mem_account_retire(&pool->type, pool->heir);
    pool->magic = 0;
    mem_free(pool);
}

size_t
mem_pool_shrink(struct mem_pool *pool)
{
    struct magazine *mag = magazine_of(mem_thread_make(), pool);

    OBJ_CHECK(pool, POOL_MAGIC);
    (void)quarantine_flush(pool);
    if (mag != NULL) {
        slab_give(&pool->slabs, mag->objects, mag->count);
        mag->count = 0;
    }
    return slab_shrink(&pool->slabs);
}

size_t
pools_shrink(void)
{
    struct mem_pool *pool;
    size_t bytes = 0;

    mutex_lock(&pools.mtx);
    LIST_FOREACH(pool, &pools.all, node)
        bytes += slab_shrink(&pool->slabs);
    mutex_unlock(&pools.mtx);
    return bytes;
}

size_t
pools_spare_bytes(void)
{
    struct mem_pool *pool;
    size_t bytes = 0;

    mutex_lock(&pools.mtx);
    LIST_FOREACH(pool, &pools.all, node)
        bytes += slab_spare_bytes(&pool->slabs);
    mutex_unlock(&pools.mtx);
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
    mutex_lock(&pool->slabs.mtx);
    carved = pool->slabs.carved;
    out->misses = pool->slabs.misses;
    mutex_unlock(&pool->slabs.mtx);
    out->cold = carved > used.num_allocs ? carved - used.num_allocs : 0;
}

size_t
mem_pool_read(struct mem_pool_stats *out, size_t max)
{
    struct mem_pool *pool;
    size_t count = 0;

    mutex_lock(&pools.mtx);
    LIST_FOREACH(pool, &pools.all, node) {
        if (count < max)
            mem_pool_read_one(pool, &out[count]);
        count++;
    }
    mutex_unlock(&pools.mtx);
    return count;
}
