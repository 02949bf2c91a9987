/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slabs of a pool: where its objects lie and free ones wait.
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
#include "mem/slab.h"

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/os_pages.h"
#include "mem/poison.h"

enum {
    CARVE_BYTES = 4096, /* made at a time, at least one object */
    SLAB_BYTES_MIN = 65536,
    SLAB_OBJECTS_MIN = 8,
};

#define SLAB_MAGIC 0x534c4142u

MEM_TYPE(mt_slab, "mem", "slab");
MEM_TYPE(mt_slack, "mem", "pool slack");

static struct slab *
slab_of(const struct mem_pool *pool, const void *obj)
{
    struct slab *slab =
        (struct slab *)((uintptr_t)obj & ~(uintptr_t)(pool->slab_bytes - 1));

    must(slab->magic == SLAB_MAGIC);
    must(slab->pool == pool);
    return slab;
}

static size_t
slab_head_bytes(void)
{
    return (sizeof(struct slab) + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

void
slab_init(struct mem_pool *pool)
{
    pool->stride_bytes =
        (pool->object_bytes + sizeof(struct word) + LINE_BYTES - 1) /
        LINE_BYTES * LINE_BYTES;
    pool->slab_bytes = SLAB_BYTES_MIN;
    while (pool->slab_bytes - slab_head_bytes() <
           SLAB_OBJECTS_MIN * pool->stride_bytes)
        pool->slab_bytes *= 2;
    pool->carve_objects = CARVE_BYTES / pool->stride_bytes;
    if (pool->carve_objects == 0)
        pool->carve_objects = 1;
    for (int l = 0; l < SLAB_LISTS; l++)
        TAILQ_INIT(&pool->slabs[l]);
    mem_account_set_whole(&pool->type, &mt_slack);
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

void
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

uint32_t
slab_take_locked(struct mem_pool *pool, void **objects, uint32_t max)
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

size_t
slab_shrink_locked(struct mem_pool *pool)
{
    struct slab *slab;
    size_t bytes = 0;

    while ((slab = TAILQ_FIRST(&pool->slabs[SLAB_EMPTY])) != NULL)
        bytes += slab_destroy_locked(pool, slab);
    return bytes;
}

bool
slab_holds_locked(struct mem_pool *pool, const void *obj)
{
    for (int l = 0; l < SLAB_LISTS; l++) {
        struct slab *slab;

        TAILQ_FOREACH (slab, &pool->slabs[l], node) {
            if ((uintptr_t)obj - (uintptr_t)slab < pool->slab_bytes)
                return true;
        }
    }
    return false;
}

bool
slab_is_object(const struct mem_pool *pool, const void *obj)
{
    const struct slab *slab = slab_of(pool, obj);
    uintptr_t offset = (uintptr_t)obj - (uintptr_t)slab->first;

    return (uintptr_t)obj >= (uintptr_t)slab->first &&
           offset % pool->stride_bytes == 0 &&
           offset / pool->stride_bytes < slab->capacity;
}
