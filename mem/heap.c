/* SPDX-License-Identifier: BSD-2-Clause */
#include "mem/heap.h"

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/poison.h"
#include "mem/ranks.h"
#include "mem/slab.h"

/* Of whole blocks.  Steps of an eighth to a fifth, and such that the powers of
 * two, as people ask for, fit with little left over. */
static const uint16_t class_bytes[] = {
    16,   32,   48,   64,   80,   96,   112,  128,  144,  176,  208,
    240,  272,  336,  400,  464,  528,  656,  784,  912,  1040, 1296,
    1552, 1808, 2064, 2576, 3088, 3600, 4112, 5136, 6160, 7184, 8208,
};

enum {
    CLASSES = COUNT_OF(class_bytes),
    MAGAZINE_BYTES = 32768, /* at most, in one magazine */
    MAGAZINE_OBJECTS_MIN = 4,
};

_Static_assert((int)CLASSES <= (int)HEAP_CLASSES_MAX, "magazines for all");

uint16_t heap_class_by_grains[HEAP_BLOCK_BYTES_MAX / HEAP_GRAIN_BYTES + 1];
struct mem_type heap_slack = {.module = "mem", .name = "heap slack"};

static struct slab_cache classes[CLASSES];

static POISON_BLIND void
block_make(struct slab_cache *cache, void *base)
{
    head_store((uint8_t *)base + HEAD_BYTES, HEAD_DEAD, 0, 0);
    poison(base, cache->shape.stride_bytes);
}

static POISON_BLIND bool
block_is_free(const struct slab_cache *cache, const void *base)
{
    const void *user = (const uint8_t *)base + HEAD_BYTES;
    BLIND_SCOPE();

    return head_magic(user, head_load(user)) == HEAD_DEAD;
}

void
heap_init(void)
{
    unsigned class = 0;

    for (size_t grains = 0; grains < COUNT_OF(heap_class_by_grains); grains++) {
        if (grains * HEAP_GRAIN_BYTES > class_bytes[class])
            class ++;
        heap_class_by_grains[grains] = (uint16_t)(class << HEAD_SLOT_BITS);
    }
    must(class == CLASSES - 1);
    for (class = 0; class < CLASSES; class ++) {
        struct slab_shape shape = {
            .stride_bytes = class_bytes[class],
            .shift_bytes = HEAP_GRAIN_BYTES - HEAD_BYTES,
            .link_offset = HEAD_BYTES,
            .held = &heap_slack,
            .make = block_make,
            .is_free = block_is_free,
        };

        mutex_init(&classes[class].mtx, "mem.heap", MEM_RANK_HEAP);
        slab_cache_init(&classes[class], &shape);
    }
}

static struct slab_cache *
cache_of(uint32_t class)
{
    must(class >> HEAD_SLOT_BITS < CLASSES);
    return &classes[class >> HEAD_SLOT_BITS];
}

/* With its size set, on first use. */
static struct magazine *
magazine_of(struct mem_thread *self, uint32_t class)
{
    struct magazine *mag = heap_magazine(self, class);
    uint32_t max;

    if (mag->max != 0)
        return mag;
    max = MAGAZINE_BYTES / class_bytes[class >> HEAD_SLOT_BITS];
    if (max > MAGAZINE_OBJECTS)
        max = MAGAZINE_OBJECTS;
    if (max < MAGAZINE_OBJECTS_MIN)
        max = MAGAZINE_OBJECTS_MIN;
    mag->max = max;
    return mag;
}

void *
heap_take(struct mem_thread *self, uint32_t class)
{
    struct magazine *mag;
    void *base;

    if (self == NULL)
        return slab_take(cache_of(class), &base, 1) == 1 ? base : NULL;
    mag = magazine_of(self, class);
    if (mag->count == 0 && !slab_fill(cache_of(class), mag))
        return NULL;
    return mag->objects[--mag->count];
}

void
heap_give(struct mem_thread *self, uint32_t class, void *base)
{
    struct magazine *mag;

    if (self == NULL) {
        slab_give(cache_of(class), &base, 1);
        return;
    }
    mag = magazine_of(self, class);
    if (mag->count == mag->max)
        slab_spill(cache_of(class), mag);
    mag->objects[mag->count++] = base;
}

size_t
heap_thread_flush(struct mem_thread *self)
{
    size_t bytes = 0;

    for (unsigned class = 0; class < CLASSES; class ++) {
        struct magazine *mag = &self->heap[class];

        if (mag->count == 0)
            continue;
        bytes += mag->count * class_bytes[class];
        slab_give(&classes[class], mag->objects, mag->count);
        mag->count = 0;
    }
    return bytes;
}

size_t
heap_shrink(void)
{
    size_t bytes = 0;

    for (unsigned class = 0; class < CLASSES; class ++)
        bytes += slab_shrink(&classes[class]);
    return bytes;
}

size_t
heap_spare_bytes(void)
{
    size_t bytes = 0;

    for (unsigned class = 0; class < CLASSES; class ++)
        bytes += slab_spare_bytes(&classes[class]);
    return bytes;
}
