/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slab lies on a boundary of its size, which leads from object to slab.  Its
 * objects are carved and constructed as they are wanted: what was never
 * carved was never touched, and is memory only by address; unless the pages
 * had been in use for something else, when it is charged to `slab`.
 *
 *     slab │ colour │ object │ object │ … │ not carved
 *
 * Slabs that are in use are filled first, so that others become empty; a few
 * empty ones are kept, the rest goes back to the pages.
 *
 * In front of them is a depot of batches: what one thread's magazine has too
 * much another's takes as a whole, and no object is touched (Bonwick and Adams,
 * USENIX 2001).
 */
#include "mem/slab.h"

#include <string.h>

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/page_run.h"
#include "mem/poison.h"

enum {
    CARVE_BYTES = 4096, /* made at a time, at least one object */
    SLAB_BYTES_MIN = 65536,
    SLAB_OBJECTS_MIN = 7,
    EMPTY_SHARE = 8, /* one, and of the slabs one in so many, is kept empty */
    DEPOT_BYTES = 131072, /* in one depot, at most */
};

#define SLAB_MAGIC 0x534c4142u

MEM_TYPE(mt_slab, "mem", "slab");

static struct slab *
slab_of(const struct slab_cache *cache, const void *obj)
{
    struct slab *slab =
        (struct slab *)((uintptr_t)obj & ~(uintptr_t)(cache->slab_bytes - 1));

    must(slab->magic == SLAB_MAGIC);
    must(slab->cache == cache);
    return slab;
}

static size_t
slab_head_bytes(void)
{
    return (sizeof(struct slab) + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

static size_t
slab_room_bytes(const struct slab_cache *cache)
{
    return cache->slab_bytes - slab_head_bytes() - cache->shape.shift_bytes;
}

void
slab_cache_init(struct slab_cache *cache, const struct slab_shape *shape)
{
    cache->shape = *shape;
    cache->slab_bytes = SLAB_BYTES_MIN;
    while (slab_room_bytes(cache) < SLAB_OBJECTS_MIN * shape->stride_bytes)
        cache->slab_bytes *= 2;
    cache->carve_objects = CARVE_BYTES / shape->stride_bytes;
    if (cache->carve_objects == 0)
        cache->carve_objects = 1;
    for (int l = 0; l < SLAB_LISTS; l++)
        TAILQ_INIT(&cache->slabs[l]);
    cache->batches_max =
        (uint32_t)(DEPOT_BYTES / SLAB_BATCH_OBJECTS / shape->stride_bytes);
    if (cache->batches_max > SLAB_BATCHES)
        cache->batches_max = SLAB_BATCHES;
}

/* Put the slab into the list where it belongs now. */
static void
slab_place_locked(struct slab_cache *cache, struct slab *slab)
{
    enum slab_list list = SLAB_PARTIAL;

    if (slab->free == slab->carved)
        list = SLAB_EMPTY;
    else if (slab->free == 0 && slab->carved == slab->capacity)
        list = SLAB_FULL;
    TAILQ_REMOVE(&cache->slabs[slab->list], slab, node);
    cache->empty_count += (list == SLAB_EMPTY) - (slab->list == SLAB_EMPTY);
    slab->list = list;
    if (slab->free > 0)
        TAILQ_INSERT_HEAD(&cache->slabs[list], slab, node);
    else
        TAILQ_INSERT_TAIL(&cache->slabs[list], slab, node);
}

/* Objects of successive slabs start at different lines, so that they do not
 * all fall into the same sets of the processor's caches. */
static size_t
colour_bytes_locked(struct slab_cache *cache)
{
    size_t left_bytes = slab_room_bytes(cache) % cache->shape.stride_bytes;

    return cache->colour++ % (left_bytes / LINE_BYTES + 1) * LINE_BYTES;
}

/* What is behind the objects that were carved. */
static size_t
slab_rest_bytes(const struct slab_cache *cache, const struct slab *slab)
{
    return cache->slab_bytes - (size_t)(slab->first - (uint8_t *)slab) -
           slab->carved * cache->shape.stride_bytes;
}

/* Of a slab that was dirty in parts, the dirty ones are taken to be last: what
 * is charged is never less than what is memory. */
static void
slab_keep_stale_locked(const struct slab_cache *cache, struct slab *slab)
{
    size_t rest_bytes = slab_rest_bytes(cache, slab);

    if (slab->stale_bytes <= rest_bytes)
        return;
    mem_account_sub(mem_account_slot(&mt_slab), slab->stale_bytes - rest_bytes,
                    0);
    slab->stale_bytes = rest_bytes;
}

static void
slab_enter_locked(struct slab_cache *cache, struct slab *slab,
                  size_t dirty_bytes)
{
    size_t first_bytes = slab_head_bytes() + colour_bytes_locked(cache) +
                         cache->shape.shift_bytes;

    slab->magic = SLAB_MAGIC;
    slab->cache = cache;
    slab->first = (uint8_t *)slab + first_bytes;
    slab->capacity = (uint32_t)((cache->slab_bytes - first_bytes) /
                                cache->shape.stride_bytes);
    slab->carved = slab->free = slab->free_at = 0;
    slab->list = SLAB_EMPTY;
    TAILQ_INSERT_TAIL(&cache->slabs[SLAB_EMPTY], slab, node);
    cache->slabs_count++;
    cache->empty_count++;
    poison((uint8_t *)slab + slab_head_bytes(),
           cache->slab_bytes - slab_head_bytes());
    slab->stale_bytes = dirty_bytes;
    mem_account_charge(&mt_slab, first_bytes + dirty_bytes);
    slab_keep_stale_locked(cache, slab);
}

/* Take an empty slab out; slab_destroy() follows without the mutex. */
static void
slab_leave_locked(struct slab_cache *cache, struct slab *slab)
{
    must(slab->list == SLAB_EMPTY && slab->free == slab->carved);
    TAILQ_REMOVE(&cache->slabs[SLAB_EMPTY], slab, node);
    cache->slabs_count--;
    cache->empty_count--;
    cache->carved -= slab->carved;
}

/* Returns the bytes that were memory. */
static size_t
slab_destroy(struct slab_cache *cache, struct slab *slab)
{
    size_t first_bytes = (size_t)(slab->first - (uint8_t *)slab);
    size_t objects_bytes = slab->carved * cache->shape.stride_bytes;
    size_t own_bytes = first_bytes + slab->stale_bytes;

    mem_account_sub(mem_account_slot(cache->shape.held), objects_bytes,
                    slab->carved);
    mem_account_discharge(&mt_slab, own_bytes);
    slab->magic = 0;
    unpoison(slab, cache->slab_bytes);
    page_run_give(slab, cache->slab_bytes);
    return own_bytes + objects_bytes;
}

static size_t
slabs_destroy(struct slab_cache *cache, struct slab_head *slabs)
{
    struct slab *slab;
    size_t bytes = 0;

    while ((slab = TAILQ_FIRST(slabs)) != NULL) {
        TAILQ_REMOVE(slabs, slab, node);
        bytes += slab_destroy(cache, slab);
    }
    return bytes;
}

static void *
slab_object(const struct slab_cache *cache, const struct slab *slab, uint32_t i)
{
    return slab->first + i * cache->shape.stride_bytes;
}

static POISON_BLIND uint32_t
link_get(const struct slab_cache *cache, const void *obj)
{
    BLIND_SCOPE();

    return *(const uint32_t *)((uintptr_t)obj + cache->shape.link_offset);
}

static POISON_BLIND void
link_set(const struct slab_cache *cache, void *obj, uint32_t to)
{
    BLIND_SCOPE();

    *(uint32_t *)((uintptr_t)obj + cache->shape.link_offset) = to;
}

static void
slab_push_locked(struct slab_cache *cache, void *obj)
{
    struct slab *slab = slab_of(cache, obj);

    must(cache->shape.is_free(cache, obj));
    must(slab->free < slab->carved);
    link_set(cache, obj, slab->free_at);
    slab->free_at = (uint32_t)((uintptr_t)obj - (uintptr_t)slab);
    slab->free++;
    /* Others change nothing about the list that the slab is in. */
    if (slab->free == 1 || slab->free == slab->carved)
        slab_place_locked(cache, slab);
}

static void *
slab_pop_locked(struct slab_cache *cache, struct slab *slab)
{
    bool was_empty = slab->free == slab->carved;
    void *obj;

    must(slab->free > 0 && slab->free_at > 0);
    must(slab->free_at < cache->slab_bytes);
    obj = (uint8_t *)slab + slab->free_at;
    must(cache->shape.is_free(cache, obj));
    slab->free_at = link_get(cache, obj);
    slab->free--;
    if (slab->free == 0 || was_empty)
        slab_place_locked(cache, slab);
    return obj;
}

static void
slab_carve_locked(struct slab_cache *cache, struct slab *slab)
{
    size_t n = slab->capacity - slab->carved;

    if (n > cache->carve_objects)
        n = cache->carve_objects;
    must(n > 0);
    mem_account_add(mem_account_slot(cache->shape.held),
                    n * cache->shape.stride_bytes, n);
    cache->carved += n;
    for (size_t i = 0; i < n; i++) {
        void *obj = slab_object(cache, slab, slab->carved++);

        unpoison(obj, cache->shape.stride_bytes);
        cache->shape.make(cache, obj);
        slab_push_locked(cache, obj);
    }
    slab_keep_stale_locked(cache, slab);
    slab_place_locked(cache, slab);
}

/* A slab with something free: partly used ones first. */
static struct slab *
slab_with_free_locked(struct slab_cache *cache)
{
    struct slab *slab = TAILQ_FIRST(&cache->slabs[SLAB_PARTIAL]);

    if (slab != NULL && slab->free > 0)
        return slab;
    slab = TAILQ_FIRST(&cache->slabs[SLAB_EMPTY]);
    return slab != NULL && slab->free > 0 ? slab : NULL;
}

/* One with room for objects that are not made yet. */
static struct slab *
slab_with_room_locked(struct slab_cache *cache)
{
    struct slab *slab = TAILQ_LAST(&cache->slabs[SLAB_PARTIAL], slab_head);

    if (slab == NULL)
        slab = TAILQ_LAST(&cache->slabs[SLAB_EMPTY], slab_head);
    return slab != NULL && slab->carved < slab->capacity ? slab : NULL;
}

static uint32_t
take_free_locked(struct slab_cache *cache, void **objects, uint32_t max)
{
    struct slab *slab;
    uint32_t n = 0;

    while (n < max && (slab = slab_with_free_locked(cache)) != NULL) {
        while (n < max && slab->free > 0)
            objects[n++] = slab_pop_locked(cache, slab);
    }
    return n;
}

static uint32_t
take_batch_locked(struct slab_cache *cache, void **objects, uint32_t max)
{
    struct slab_batch *batch;

    if (cache->batches_count == 0)
        return 0;
    batch = &cache->batches[cache->batches_count - 1];
    if (batch->count > max) {
        /* One object for a thread without magazines. */
        objects[0] = batch->objects[--batch->count];
        return 1;
    }
    cache->batches_count--;
    memcpy(objects, batch->objects, batch->count * sizeof(objects[0]));
    return batch->count;
}

uint32_t
slab_take(struct slab_cache *cache, void **objects, uint32_t max)
{
    struct slab *slab;
    size_t dirty_bytes;
    uint32_t n;

    mutex_lock(&cache->mtx);
    n = take_batch_locked(cache, objects, max);
    if (n == 0)
        n = take_free_locked(cache, objects, max);
    if (n > 0)
        goto done;
    slab = slab_with_room_locked(cache);
    if (slab == NULL) {
        /* Taking pages may reclaim, which comes to slabs as well. */
        mutex_unlock(&cache->mtx);
        slab = page_run_take_dirty(cache->slab_bytes, PAGE_SLAB, &dirty_bytes);
        if (slab == NULL)
            return 0;
        mutex_lock(&cache->mtx);
        slab_enter_locked(cache, slab, dirty_bytes);
    }
    cache->misses++;
    slab_carve_locked(cache, slab);
    n = take_free_locked(cache, objects, max);
done:
    mutex_unlock(&cache->mtx);
    return n;
}

bool
slab_fill(struct slab_cache *cache, struct magazine *mag)
{
    void *objects[MAGAZINE_OBJECTS / 2];
    uint32_t n;

    must(mag->count == 0);
    n = slab_take(cache, objects, mag->max / 2);
    /* Taking pages may have reclaimed, and what that freed may be in this
     * magazine by now. */
    if (mag->count > 0) {
        slab_give(cache, objects, n);
        return true;
    }
    memcpy(mag->objects, objects, n * sizeof(objects[0]));
    mag->count = n;
    return n > 0;
}

void
slab_give(struct slab_cache *cache, void *const *objects, uint32_t n)
{
    struct slab_head spare = TAILQ_HEAD_INITIALIZER(spare);

    mutex_lock(&cache->mtx);
    for (uint32_t i = 0; i < n; i++)
        slab_push_locked(cache, objects[i]);
    while (cache->empty_count > 1 + cache->slabs_count / EMPTY_SHARE) {
        struct slab *slab = TAILQ_LAST(&cache->slabs[SLAB_EMPTY], slab_head);

        slab_leave_locked(cache, slab);
        TAILQ_INSERT_TAIL(&spare, slab, node);
    }
    mutex_unlock(&cache->mtx);
    (void)slabs_destroy(cache, &spare);
}

static void
give_batch(struct slab_cache *cache, void *const *objects, uint32_t n)
{
    bool kept;

    must(n > 0);
    mutex_lock(&cache->mtx);
    kept = n <= SLAB_BATCH_OBJECTS && cache->batches_count < cache->batches_max;
    if (kept) {
        struct slab_batch *batch = &cache->batches[cache->batches_count++];

        batch->count = n;
        memcpy(batch->objects, objects, n * sizeof(objects[0]));
    }
    mutex_unlock(&cache->mtx);
    if (!kept)
        slab_give(cache, objects, n);
}

void
slab_spill(struct slab_cache *cache, struct magazine *mag)
{
    uint32_t n = mag->max / 2;

    must(mag->count == mag->max);
    /* The oldest, which the processor's cache is most likely without. */
    give_batch(cache, mag->objects, n);
    memmove(mag->objects, mag->objects + n,
            (mag->count - n) * sizeof(mag->objects[0]));
    mag->count -= n;
}

size_t
slab_shrink(struct slab_cache *cache)
{
    struct slab_head spare = TAILQ_HEAD_INITIALIZER(spare);
    struct slab *slab;

    mutex_lock(&cache->mtx);
    while (cache->batches_count > 0) {
        struct slab_batch *batch = &cache->batches[--cache->batches_count];

        while (batch->count > 0)
            slab_push_locked(cache, batch->objects[--batch->count]);
    }
    while ((slab = TAILQ_FIRST(&cache->slabs[SLAB_EMPTY])) != NULL) {
        slab_leave_locked(cache, slab);
        TAILQ_INSERT_TAIL(&spare, slab, node);
    }
    mutex_unlock(&cache->mtx);
    return slabs_destroy(cache, &spare);
}

size_t
slab_spare_bytes(struct slab_cache *cache)
{
    struct slab *slab;
    size_t bytes = 0;

    mutex_lock(&cache->mtx);
    TAILQ_FOREACH(slab, &cache->slabs[SLAB_EMPTY], node)
        bytes += slab->carved * cache->shape.stride_bytes;
    mutex_unlock(&cache->mtx);
    return bytes;
}

bool
slab_cache_fini(struct slab_cache *cache)
{
    (void)slab_shrink(cache);
    return cache->carved == 0;
}

bool
slab_holds(struct slab_cache *cache, const void *obj)
{
    bool found = false;

    mutex_lock(&cache->mtx);
    for (int l = 0; l < SLAB_LISTS && !found; l++) {
        struct slab *slab;

        TAILQ_FOREACH(slab, &cache->slabs[l], node) {
            found = (uintptr_t)obj - (uintptr_t)slab < cache->slab_bytes;
            if (found)
                break;
        }
    }
    mutex_unlock(&cache->mtx);
    return found;
}

bool
slab_is_object(const struct slab_cache *cache, const void *obj)
{
    const struct slab *slab = slab_of(cache, obj);
    uintptr_t offset = (uintptr_t)obj - (uintptr_t)slab->first;

    return (uintptr_t)obj >= (uintptr_t)slab->first &&
           offset % cache->shape.stride_bytes == 0 &&
           offset / cache->shape.stride_bytes < slab->capacity;
}
