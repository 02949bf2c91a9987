/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arenas, and who gets them.
 *
 *     addresses  │ arena │ arena │ arena │ set aside, no memory …   │
 *     side       │ descriptors …  │ …        │ arenas' bits … │ …    │
 *
 * One range of addresses is set aside on first use, twice the machine's memory
 * or more.  It is made usable arena by arena, and its descriptors with it, so a
 * kernel that does not overcommit counts what is used.  Being one range, it
 * makes a page's number from its address by a subtraction, and tells any
 * foreign address by a comparison.
 *
 * The buddy system (buddy.c) works under one mutex.  Nothing that waits is done
 * under it: the limit is asked after a run was found and before it is handed
 * out, and a refused run goes back as if it had not been taken.
 *
 * Runs larger than an arena are mapped by themselves and known by a sorted
 * array (page_large.c).
 */
#include "mem/page_run.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mem/account.h"
#include "mem/clock.h"
#include "mem/limit_admit.h"
#include "mem/must.h"
#include "mem/os_pages.h"
#include "mem/page_bits.h"
#include "mem/page_zone.h"
#include "mem/poison.h"
#include "mem/ranks.h"
#include "mem/scope.h"

#define RESERVE_BYTES_MIN ((size_t)16 << 30)
/* Page numbers have 32 bits, with room for BUDDY_NONE. */
#define RESERVE_BYTES_MAX ((size_t)8 << 40)

enum { ARENA_BYTES = PAGE_RUN_BYTES_MAX };
_Static_assert(ARENA_BYTES == BUDDY_ARENA_PAGES * PAGE_BYTES, "one size");
_Static_assert((int)PAGE_BYTES == (int)OS_PAGE_BYTES, "one size");

MEM_TYPE(mt_descriptors, "mem", "page descriptors");

struct page_zone page_zone = {
    .mtx = MUTEX_INITIALIZER("mem.pages", MEM_RANK_PAGES),
};

static const char *const kind_texts[PAGE_KINDS] = {
    [PAGE_FOREIGN] = "foreign memory", [PAGE_FREE] = "free pages",
    [PAGE_SLAB] = "a slab",            [PAGE_BUFFER] = "a buffer",
    [PAGE_BLOCK] = "a block",
};

static _Atomic(uint64_t) passed_ms;

void
page_zone_pass_time(uint64_t ms)
{
    atomic_fetch_add(&passed_ms, ms);
}

uint32_t
page_zone_now(void)
{
    uint64_t ms = clock_read_ns(CLOCK_MONOTONIC_COARSE) / CLOCK_NS_PER_MS +
                  atomic_load_explicit(&passed_ms, memory_order_relaxed);

    return (uint32_t)(ms / PAGE_TICK_MS);
}

/* Making arenas. */

static size_t
round_up(size_t bytes, size_t to)
{
    return (bytes + to - 1) / to * to;
}

static size_t
wanted_bytes(void)
{
    size_t bytes = RESERVE_BYTES_MIN;
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    struct rlimit as;

    if (pages > 0 && page_bytes > 0) {
        while (bytes < RESERVE_BYTES_MAX &&
               bytes / 2 / (size_t)page_bytes < (size_t)pages)
            bytes *= 2;
    }
    /* Leave others their half of few addresses. */
    if (getrlimit(RLIMIT_AS, &as) == 0 && as.rlim_cur != RLIM_INFINITY) {
        while (bytes > ARENA_BYTES && bytes > as.rlim_cur / 2)
            bytes /= 2;
    }
    return bytes;
}

static int
reserve_locked(struct page_zone *z)
{
    size_t bytes = wanted_bytes(), arenas, side_bytes, at_bytes;
    uint8_t *base, *side;

    for (; bytes >= ARENA_BYTES; bytes /= 2) {
        arenas = bytes / ARENA_BYTES;
        at_bytes = bytes / PAGE_BYTES * sizeof(struct page);
        side_bytes = round_up(at_bytes + arenas * sizeof(struct buddy_arena),
                              OS_PAGE_BYTES);
        base = os_pages_reserve(bytes, ARENA_BYTES);
        if (base == NULL)
            continue;
        side = os_pages_reserve(side_bytes, OS_PAGE_BYTES);
        if (side != NULL) {
            os_pages_set_huge(base, bytes, z->huge);
            os_pages_set_huge(side, side_bytes, false);
            cond_init(&z->purged);
            z->base = base;
            z->side = side;
            z->arenas_at_bytes = at_bytes;
            z->arenas_max = (uint32_t)arenas;
            buddy_init(&z->buddy, (struct page *)(void *)side,
                       (struct buddy_arena *)(void *)(side + at_bytes));
            z->buddy.huge = z->huge;
            return 0;
        }
        os_pages_unmap(base, bytes);
    }
    return -ENOMEM;
}

/* Make what is described by [from, to) of the side range usable, whole pages
 * of it; what was before stays. */
static int
commit_side(struct page_zone *z, size_t from, size_t to)
{
    from = from / OS_PAGE_BYTES * OS_PAGE_BYTES;
    return os_pages_commit(z->side + from, round_up(to, OS_PAGE_BYTES) - from);
}

/* One more arena; *charge_bytes grows by what its description takes. */
static int
grow_locked(struct page_zone *z, size_t *charge_bytes)
{
    const size_t each_bytes = sizeof(struct buddy_arena);
    const size_t pages_bytes = BUDDY_ARENA_PAGES * sizeof(struct page);
    size_t i, at, ends;

    if (z->base == NULL && reserve_locked(z) != 0)
        return -ENOMEM;
    i = z->buddy.arenas_count;
    at = z->arenas_at_bytes + i * each_bytes;
    ends = round_up(at + each_bytes, OS_PAGE_BYTES);
    if (i == z->arenas_max ||
        commit_side(z, i * pages_bytes, (i + 1) * pages_bytes) != 0 ||
        commit_side(z, at, at + each_bytes) != 0 ||
        os_pages_commit(z->base + i * ARENA_BYTES, ARENA_BYTES) != 0)
        return -ENOMEM;
    poison(z->base + i * ARENA_BYTES, ARENA_BYTES);
    buddy_add_arena(&z->buddy);
    atomic_store_explicit(&z->arenas_count, z->buddy.arenas_count,
                          memory_order_release);
    *charge_bytes += pages_bytes;
    if (ends != round_up(at, OS_PAGE_BYTES))
        *charge_bytes += OS_PAGE_BYTES;
    return 0;
}

/* Taking. */

static bool
take_locked(struct page_zone *z, uint32_t pages, enum page_kind kind,
            struct buddy_run *run, size_t *charge_bytes)
{
    while (z->base == NULL || !buddy_take(&z->buddy, pages, kind, run)) {
        if (grow_locked(z, charge_bytes) == 0)
            continue;
        /* What is being purged is free in a moment. */
        if (z->purges_now == 0)
            return false;
        cond_wait(&z->purged, &z->mtx);
    }
    return true;
}

static void *
refuse(unsigned order)
{
    MUTEX_SCOPE(&page_zone.mtx);
    page_zone.failures++;
    if (order < BUDDY_ORDERS)
        page_zone.failures_of[order]++;
    errno = ENOMEM;
    return NULL;
}

/* What was clean is zero as it is. */
static void
zero_dirty(const struct buddy_run *run)
{
    uint8_t *p = page_addr(run->first);
    unsigned at = 0, end = run->pages;

    while ((at = bits_find(run->clean, at, end, false)) < end) {
        unsigned to = bits_find(run->clean, at, end, true);

        memset(p + (size_t)at * PAGE_BYTES, 0,
               (size_t)(to - at) * PAGE_BYTES);
        at = to;
    }
}

/* May the process grow by what is new in the run?  If not, it was never
 * taken. */
static bool
admit(const struct buddy_run *run)
{
    struct page_zone *z = &page_zone;
    uint32_t pages = run->new_pages + run->near_new_pages, near_pages = 0;
    bool admitted = pages == 0 || limit_admit((size_t)pages * PAGE_BYTES);

    if (admitted && run->near_new_pages == 0)
        return true;
    {
        MUTEX_SCOPE(&z->mtx);
        if (admitted)
            near_pages =
                buddy_assume_near(&z->buddy, run, run->near_new_pages);
        else
            buddy_untake(&z->buddy, run);
    }
    if (admitted && near_pages < run->near_new_pages)
        limit_return((size_t)(run->near_new_pages - near_pages) * PAGE_BYTES);
    return admitted;
}

static void *
take(uint32_t pages, enum page_kind kind, bool zero, size_t *dirty_bytes)
{
    struct page_zone *z = &page_zone;
    size_t charge_bytes = 0;
    struct buddy_run run;
    bool taken;

    {
        MUTEX_SCOPE(&z->mtx);
        taken = take_locked(z, pages, kind, &run, &charge_bytes);
    }
    if (charge_bytes > 0)
        mem_account_charge(&mt_descriptors, charge_bytes);
    if (!taken || !admit(&run))
        return refuse(buddy_order(pages));
    unpoison(page_addr(run.first), (size_t)pages * PAGE_BYTES);
    if (zero) {
        zero_dirty(&run);
        mem_defined(page_addr(run.first), (size_t)pages * PAGE_BYTES, true);
    }
    *dirty_bytes = (size_t)(pages - run.new_pages) * PAGE_BYTES;
    return page_addr(run.first);
}

static bool
add_large(void *p, size_t bytes, enum page_kind kind)
{
    struct page_large run = {
        .base = (uintptr_t)p, .bytes = bytes, .kind = kind};

    MUTEX_SCOPE(&page_zone.mtx);
    if (page_large_reserve(&page_zone.large) != 0)
        return false;
    page_large_add(&page_zone.large, run);
    page_zone.mapped_bytes += bytes;
    return true;
}

static void *
take_large(size_t bytes, enum page_kind kind)
{
    void *p;

    if (bytes > PTRDIFF_MAX || !limit_admit(bytes))
        return refuse(BUDDY_ORDERS);
    p = os_pages_map(bytes, PAGE_RUN_BYTES_MAX);
    if (p != NULL && add_large(p, bytes, kind))
        return p;
    if (p != NULL)
        os_pages_unmap(p, bytes);
    limit_return(bytes);
    return refuse(BUDDY_ORDERS);
}

static void *
take_any(size_t bytes, enum page_kind kind, bool zero, size_t *dirty_bytes)
{
    must(bytes > 0 && bytes % PAGE_BYTES == 0);
    must(kind >= PAGE_SLAB && kind < PAGE_KINDS);
    *dirty_bytes = 0;
    if (bytes > PAGE_RUN_BYTES_MAX)
        return take_large(bytes, kind);
    return take((uint32_t)(bytes / PAGE_BYTES), kind, zero, dirty_bytes);
}

void *
page_run_take(size_t bytes, enum page_kind kind, bool zero)
{
    size_t dirty_bytes;

    return take_any(bytes, kind, zero, &dirty_bytes);
}

void *
page_run_take_dirty(size_t bytes, enum page_kind kind, size_t *dirty_bytes)
{
    return take_any(bytes, kind, false, dirty_bytes);
}

/* Giving. */

/* Whether addr is in an arena, and in which page of all. */
static bool
in_arenas(const void *addr, uint32_t *page)
{
    uint32_t count =
        atomic_load_explicit(&page_zone.arenas_count, memory_order_acquire);
    uintptr_t offset;

    if (count == 0)
        return false;
    offset = (uintptr_t)addr - (uintptr_t)page_zone.base;
    if (offset >= (uintptr_t)count * ARENA_BYTES)
        return false;
    *page = (uint32_t)(offset / PAGE_BYTES);
    return true;
}

/* Stop: [run, run + bytes) is not one that was taken. */
static void __attribute__((noreturn, cold))
wrong_run(const char *what, const void *run, size_t bytes, const void *owner,
          size_t owner_bytes, enum page_kind kind)
{
    if (owner == NULL)
        must_panic("%s: %zu bytes at %p are foreign memory", what, bytes, run);
    if (kind == PAGE_FREE)
        must_panic("%s: %zu bytes at %p are free already (in %zu free bytes "
                   "at %p)",
                   what, bytes, run, owner_bytes, owner);
    must_panic("%s: %zu bytes at %p are not a run, but in %s of %zu bytes at "
               "%p",
               what, bytes, run, kind_texts[kind], owner_bytes, owner);
}

/* The run's first page, once it is sure that it is one. */
static void
check_run_locked(const char *what, const void *run, size_t bytes, uint32_t page)
{
    struct buddy_found f;

    must(buddy_find(&page_zone.buddy, page, &f));
    if (f.kind == PAGE_FREE || page_addr(f.first) != run ||
        (size_t)f.pages * PAGE_BYTES != bytes)
        wrong_run(what, run, bytes, page_addr(f.first),
                  (size_t)f.pages * PAGE_BYTES, f.kind);
}

static struct page_large *
find_large_locked(const char *what, const void *run, size_t bytes)
{
    struct page_large *large = page_large_find(&page_zone.large, run);

    if (large == NULL)
        wrong_run(what, run, bytes, NULL, 0, PAGE_FOREIGN);
    if (large->base != (uintptr_t)run || large->bytes != bytes)
        wrong_run(what, run, bytes, (void *)large->base, large->bytes,
                  large->kind);
    return large;
}

static void
unmap_large(void *p, size_t bytes)
{
    /* Whoever gets these addresses next knows nothing of us. */
    unpoison(p, bytes);
    os_pages_unmap(p, bytes);
    limit_return(bytes);
}

static void
give_large(void *run, size_t bytes)
{
    {
        MUTEX_SCOPE(&page_zone.mtx);
        page_large_remove(&page_zone.large,
                          find_large_locked("page_run_give", run, bytes));
        page_zone.mapped_bytes -= bytes;
    }
    unmap_large(run, bytes);
}

void
page_run_give(void *run, size_t bytes)
{
    uint32_t now, page;

    if (!in_arenas(run, &page)) {
        give_large(run, bytes);
        return;
    }
    now = page_zone_now();
    MUTEX_SCOPE(&page_zone.mtx);
    check_run_locked("page_run_give", run, bytes, page);
    poison(run, bytes);
    buddy_give(&page_zone.buddy, page, now);
}

static void
trim_large(uint8_t *run, size_t bytes, size_t keep_bytes)
{
    struct page_large *large;

    {
        MUTEX_SCOPE(&page_zone.mtx);
        large = find_large_locked("page_run_trim", run, bytes);
        large->bytes = keep_bytes;
        page_zone.mapped_bytes -= bytes - keep_bytes;
    }
    if (keep_bytes < bytes)
        unmap_large(run + keep_bytes, bytes - keep_bytes);
}

void
page_run_trim(void *run, size_t bytes, size_t keep_bytes)
{
    uint32_t now, page;

    must(keep_bytes > 0 && keep_bytes % PAGE_BYTES == 0);
    must(keep_bytes <= bytes);
    if (!in_arenas(run, &page)) {
        trim_large(run, bytes, keep_bytes);
        return;
    }
    now = page_zone_now();
    MUTEX_SCOPE(&page_zone.mtx);
    check_run_locked("page_run_trim", run, bytes, page);
    poison((uint8_t *)run + keep_bytes, bytes - keep_bytes);
    buddy_trim(&page_zone.buddy, page, (uint32_t)(keep_bytes / PAGE_BYTES),
               now);
}

enum page_kind
page_run_kind(const void *addr)
{
    struct buddy_found f;
    struct page_large *large;
    uint32_t page;

    /* What is not a run's just now, while it splits or merges, is free. */
    if (in_arenas(addr, &page))
        return buddy_find(&page_zone.buddy, page, &f) ? f.kind : PAGE_FREE;
    MUTEX_SCOPE(&page_zone.mtx);
    large = page_large_find(&page_zone.large, addr);
    return large != NULL ? large->kind : PAGE_FOREIGN;
}

void
page_zone_check(void)
{
    MUTEX_SCOPE(&page_zone.mtx);
    must(page_zone.purges_now == 0);
    if (page_zone.base != NULL)
        buddy_check(&page_zone.buddy);
    page_large_check(&page_zone.large);
}
