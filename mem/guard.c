/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guard objects: 64 pages with a closed one before and behind each.
 *
 *     │closed│ 0 │closed│ 1 │closed│ 2 │ … │closed│
 *                  └─ pattern │ block │ pattern ─┘
 *
 * A block lies at one end of its page, at random which, so that overruns and
 * underruns have equal chances.  A fault needs a whole page's border; what
 * stays on the page (alignment leaves some bytes behind most blocks) is filled
 * with a pattern, which is compared when the block is freed.
 *
 * A freed page is closed, its memory given back, and used again as late as
 * possible: pages that were never used come first, then the one that was freed
 * longest ago.
 *
 * The state of an object is the only thing that a free and a fault agree on
 * without the mutex: LIVE to FREED happens once, by whoever frees first.
 */
#include "mem/guard.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "mem/account_slot.h"
#include "mem/guard_hook.h"
#include "mem/guard_object.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/os_pages.h"
#include "mem/poison.h"
#include "mem/random.h"
#include "mem/ranks.h"
#include "mem/scope.h"
#include "mem/stack.h"

/* No text, no small number, no pointer; a byte of a string's end changes it. */
enum { PATTERN = 0xd5, TYPES_A_TICK = 4 };

enum {
    OBJECTS_BYTES =
        (sizeof(struct guard_object) * GUARD_OBJECTS + OS_PAGE_BYTES - 1) /
        OS_PAGE_BYTES * OS_PAGE_BYTES,
    RANGE_BYTES = GUARD_PAGES * OS_PAGE_BYTES,
};

/* No address of a program's is less than a range above it. */
#define NO_BASE (UINTPTR_MAX - RANGE_BYTES)

static struct {
    struct mutex mtx;
    _Atomic(uintptr_t) base; /* of the pages; NO_BASE until there are any */
    struct guard_object *objects; /* set before base */
    _Atomic(unsigned) rate;
    unsigned unused;      /* [mtx] the first that was never used */
    unsigned freed_count; /* [mtx] a queue, oldest first */
    uint16_t freed_first, freed_last;
    _Atomic(unsigned) live;
    _Atomic(uint64_t) guarded, full;
} guard = {
    .mtx = MUTEX_INITIALIZER("mem.guard", MEM_RANK_GUARD),
    .base = NO_BASE,
};

/* Live ones by type. */
static _Atomic(uint32_t) live_of[MEM_TYPES_MAX];

MEM_TYPE(mt_guard, "mem", "guard");

/* AddressSanitizer and valgrind see every block's end. */
static bool
tools_watch(void)
{
    return UNDER_ASAN || mem_watched;
}

static uintptr_t
base(void)
{
    return atomic_load_explicit(&guard.base, memory_order_acquire);
}

int
guard_page(uintptr_t addr)
{
    uintptr_t offset = addr - base();

    return offset < RANGE_BYTES ? (int)(offset / OS_PAGE_BYTES) : -1;
}

struct guard_object *
guard_object_at(unsigned i)
{
    return &guard.objects[i];
}

static uintptr_t
page_of(const struct guard_object *obj)
{
    return base() + (size_t)(2 * (obj - guard.objects) + 1) * OS_PAGE_BYTES;
}

static void
range_make_locked(void)
{
    struct guard_object *objects = os_pages_map(OBJECTS_BYTES, OS_PAGE_BYTES);
    void *range = os_pages_reserve(RANGE_BYTES, OS_PAGE_BYTES);

    if (objects == NULL || range == NULL) {
        if (objects != NULL)
            os_pages_unmap(objects, OBJECTS_BYTES);
        if (range != NULL)
            os_pages_unmap(range, RANGE_BYTES);
        mem_account_failure(&mt_guard);
        return;
    }
    mem_account_charge(&mt_guard, OBJECTS_BYTES);
    guard.objects = objects;
    atomic_store_explicit(&guard.base, (uintptr_t)range, memory_order_release);
}

void
mem_guard_set_rate(unsigned mean_allocations)
{
    if (tools_watch())
        return;
    if (mean_allocations > 0)
        stack_prepare();
    MUTEX_SCOPE(&guard.mtx);
    if (mean_allocations > 0 && base() == NO_BASE)
        range_make_locked();
    atomic_store_explicit(&guard.rate, base() != NO_BASE ? mean_allocations : 0,
                          memory_order_relaxed);
}

static unsigned
rate(void)
{
    return atomic_load_explicit(&guard.rate, memory_order_relaxed);
}

/* Uniform, twice as wide as the mean: no pattern of a program's allocations
 * stays unseen for long. */
uint64_t
guard_interval(void)
{
    uint64_t mean = rate();

    if (mean == 0)
        return GUARD_INTERVAL_OFF;
    return 1 + random_u64() % (2 * mean - 1);
}

void
mem_guard_tick(void)
{
    uint32_t slots;

    if (rate() == 0)
        return;
    slots = mem_account_slots();
    for (int i = 0; i < TYPES_A_TICK; i++)
        mem_account_mark(1 + (uint32_t)(random_u64() % slots), TYPE_GUARD,
                         true);
}

static struct guard_object *
object_take(void)
{
    struct guard_object *obj = NULL;
    MUTEX_SCOPE(&guard.mtx);

    if (guard.unused < GUARD_OBJECTS)
        return &guard.objects[guard.unused++];
    if (guard.freed_count > 0) {
        obj = &guard.objects[guard.freed_first];
        guard.freed_first = obj->next;
        guard.freed_count--;
    }
    return obj;
}

static void
object_put(struct guard_object *obj)
{
    uint16_t i = (uint16_t)(obj - guard.objects);
    MUTEX_SCOPE(&guard.mtx);

    if (guard.freed_count == 0)
        guard.freed_first = i;
    else
        guard.objects[guard.freed_last].next = i;
    guard.freed_last = i;
    guard.freed_count++;
}

/* At the start of its page, or as near to its end as alignment allows. */
static uintptr_t
place(uintptr_t page, size_t bytes, size_t align)
{
    size_t room_bytes = bytes > 0 ? bytes : 1;

    if (random_u64() >> 63 != 0)
        return page;
    return (page + OS_PAGE_BYTES - room_bytes) & ~(uintptr_t)(align - 1);
}

static void __attribute__((noinline)) site_set(struct guard_site *site)
{
    site->tid = gettid();
    /* Without this function and the hook that calls it. */
    site->frames_count = stack_take(site->frames, GUARD_FRAMES, 2);
}

static void
object_fill(struct guard_object *obj, uint32_t slot, size_t bytes,
            uintptr_t start)
{
    const struct mem_type *type = mem_account_type(slot);
    uintptr_t page = page_of(obj);

    obj->slot = slot;
    obj->bytes = (uint32_t)bytes;
    obj->head_bytes = 0;
    obj->start = start;
    obj->module = type != NULL ? type->module : "no";
    obj->name = type != NULL ? type->name : "type";
    memset((void *)page, PATTERN, start - page);
    memset((void *)(start + bytes), PATTERN,
           page + OS_PAGE_BYTES - start - bytes);
}

void *
guard_take(uint32_t slot, size_t bytes, size_t align)
{
    struct guard_object *obj;
    uintptr_t start;

    must(bytes <= GUARD_BYTES_MAX);
    must(align > 0 && align <= 64 && (align & (align - 1)) == 0);
    if (rate() == 0)
        return NULL;
    obj = object_take();
    if (obj == NULL) {
        (void)atomic_fetch_add_explicit(&guard.full, 1, memory_order_relaxed);
        return NULL;
    }
    /* Refused where the process has as many mappings as it may. */
    if (os_pages_commit((void *)page_of(obj), OS_PAGE_BYTES) != 0) {
        mem_account_failure(&mt_guard);
        object_put(obj);
        return NULL;
    }
    start = place(page_of(obj), bytes, align);
    object_fill(obj, slot, bytes, start);
    site_set(&obj->allocated);
    obj->freed.frames_count = 0;
    atomic_store_explicit(&obj->state, GUARD_LIVE, memory_order_release);
    mem_account_charge(&mt_guard, OS_PAGE_BYTES - bytes);
    (void)atomic_fetch_add_explicit(&guard.live, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&live_of[slot], 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&guard.guarded, 1, memory_order_relaxed);
    return (void *)start;
}

static bool
is_wanted(uint32_t slot)
{
    return rate() > 0 &&
           atomic_load_explicit(&live_of[slot], memory_order_relaxed) == 0;
}

bool
guard_is_due(struct mem_thread *self, uint32_t id, bool can_be)
{
    uint32_t slot = id & TYPE_SLOT;

    if ((id & TYPE_GUARD) != 0) {
        mem_account_mark(slot, TYPE_GUARD, false);
        return can_be && is_wanted(slot);
    }
    if (!can_be || self == NULL || self->guard_slowly-- > 0)
        return false;
    self->guard_slowly =
        (unsigned)(guard_interval() / (MAGAZINE_OBJECTS / 2));
    return is_wanted(slot);
}

/* The object on whose page p is, which must be its live block's address. */
static struct guard_object *
object_live(uintptr_t start)
{
    int page = guard_page(start);
    struct guard_object *obj;

    must(page >= 0);
    obj = guard_object_at((unsigned)(page < GUARD_PAGES - 1 ? page : page - 1) /
                          2);
    if (atomic_load_explicit(&obj->state, memory_order_acquire) != GUARD_LIVE ||
        obj->start != start)
        guard_report_free(obj, start);
    return obj;
}

void
guard_set_head(void *p, size_t head_bytes)
{
    struct guard_object *obj = object_live((uintptr_t)p);

    must(head_bytes <= obj->bytes);
    obj->head_bytes = (uint32_t)head_bytes;
}

bool
guard_owns(const void *p)
{
    return guard_page((uintptr_t)p) >= 0;
}

static void
pattern_check(const struct guard_object *obj, uintptr_t from, uintptr_t to)
{
    for (; from < to; from++) {
        if (*(const uint8_t *)from != PATTERN)
            guard_report_damage(obj, from);
    }
}

size_t
guard_check(const void *p, uint32_t *slot)
{
    struct guard_object *obj = object_live((uintptr_t)p);
    uintptr_t page = page_of(obj);

    /* What is nearest to the block's end first: it tells most. */
    pattern_check(obj, obj->start + obj->bytes, page + OS_PAGE_BYTES);
    pattern_check(obj, page, obj->start);
    *slot = obj->slot;
    return obj->bytes;
}

void
guard_give(void *p)
{
    struct guard_object *obj = object_live((uintptr_t)p);
    int live = GUARD_LIVE;
    struct guard_site freed;

    site_set(&freed);
    if (!atomic_compare_exchange_strong(&obj->state, &live, GUARD_FREED))
        guard_report_free(obj, (uintptr_t)p);
    obj->freed = freed;
    /* Where the kernel refuses, uses after the free are not seen. */
    if (os_pages_close((void *)page_of(obj), OS_PAGE_BYTES) != 0)
        mem_account_failure(&mt_guard);
    mem_account_discharge(&mt_guard, OS_PAGE_BYTES - obj->bytes);
    (void)atomic_fetch_sub_explicit(&guard.live, 1, memory_order_relaxed);
    (void)atomic_fetch_sub_explicit(&live_of[obj->slot], 1,
                                    memory_order_relaxed);
    object_put(obj);
}

void
mem_guard_read(struct mem_guard_stats *out)
{
    memset(out, 0, sizeof(*out));
    out->rate = rate();
    out->slots = GUARD_OBJECTS;
    out->slots_used = atomic_load_explicit(&guard.live, memory_order_relaxed);
    out->guarded = atomic_load_explicit(&guard.guarded, memory_order_relaxed);
    out->full = atomic_load_explicit(&guard.full, memory_order_relaxed);
}
