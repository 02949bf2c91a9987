/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving free pages back to the kernel.
 *
 * A few dozen ranges of one arena at a time are taken out of the lists, given
 * back without the mutex, and put back clean.  What is oldest goes first: the
 * ages of all candidates are counted in coarse classes to find the one where
 * the sum reaches what is wanted; then all older ones go, and of that class as
 * many as it takes.
 */
#include "mem/pages.h"

#include <stdatomic.h>
#include <string.h>

#include "mem/limit_admit.h"
#include "mem/must.h"
#include "mem/os_pages.h"
#include "mem/page_zone.h"
#include "mem/scope.h"

/* Classes of ages: four for each power of two of ticks. */
enum { AGE_CLASSES = 128 };

static unsigned
age_class(uint32_t age)
{
    unsigned log2;

    if (age < 8)
        return age;
    log2 = 31 - (unsigned)__builtin_clz(age);
    return (log2 - 1) * 4 + (age >> (log2 - 2) & 3);
}

/* The least age of a class. */
static uint32_t
class_age(unsigned class)
{
    if (class < 8)
        return class;
    return (4 + class % 4) << (class / 4 - 1);
}

struct ages {
    uint32_t now, age_min;
    uint64_t pages[AGE_CLASSES];
};

static void
count_age(void *arg, uint32_t freed_at, uint32_t dirty_pages)
{
    struct ages *ages = arg;
    uint32_t age = buddy_age(freed_at, ages->now);

    if (age >= ages->age_min)
        ages->pages[age_class(age)] += dirty_pages;
}

/* The class of which only a part is wanted; 0 when all may go. */
static unsigned
find_class(uint32_t now, uint32_t age_min, uint64_t pages_max)
{
    struct page_zone *z = &page_zone;
    struct ages ages = {.now = now, .age_min = age_min};
    uint32_t arenas = atomic_load(&z->arenas_count);
    unsigned class = AGE_CLASSES - 1;
    uint64_t sum = 0;

    for (uint32_t a = 0; a < arenas; a++) {
        MUTEX_SCOPE(&z->mtx);
        if (z->buddy.arenas[a].free_dirty > 0)
            buddy_each_dirty(&z->buddy, a, count_age, &ages);
    }
    for (; class > 0; class--) {
        sum += ages.pages[class];
        if (sum >= pages_max)
            break;
    }
    return class;
}

/* Returns how many ranges the kernel took. */
static unsigned
discard(const struct buddy_purge *purge)
{
    unsigned i;

    for (i = 0; i < purge->ranges_count; i++) {
        if (os_pages_discard(page_addr(purge->ranges[i].first),
                             (size_t)purge->ranges[i].pages * PAGE_BYTES) != 0)
            break; /* pages that are locked into memory */
    }
    return i;
}

/* One handful of an arena; *more: there may be others. */
static uint32_t
purge_some(uint32_t arena, uint32_t now, uint32_t age_min, uint32_t pages_max,
           bool *more)
{
    struct page_zone *z = &page_zone;
    struct buddy_purge purge;
    unsigned ranges;
    uint32_t pages;

    {
        MUTEX_SCOPE(&z->mtx);
        *more = false;
        if (z->buddy.arenas[arena].free_dirty == 0)
            return 0;
        buddy_purge_begin(&z->buddy, arena, age_min, now, pages_max, &purge);
        z->purges_now++;
    }
    ranges = discard(&purge);
    {
        MUTEX_SCOPE(&z->mtx);
        pages = buddy_purge_end(&z->buddy, &purge, ranges);
        z->purges_now--;
        z->purged_bytes += (uint64_t)pages * PAGE_BYTES;
        cond_broadcast(&z->purged);
    }
    if (pages > 0)
        limit_return((size_t)pages * PAGE_BYTES);
    *more = purge.full && ranges == purge.ranges_count;
    return pages;
}

static uint64_t
purge_older(uint32_t now, uint32_t age_min, uint64_t pages_max)
{
    uint32_t arenas = atomic_load(&page_zone.arenas_count);
    uint64_t done = 0;

    for (uint32_t a = 0; a < arenas && done < pages_max; a++) {
        uint32_t here = 0;
        bool more = true;

        /* Others may free as fast as this purges: once round is enough. */
        while (more && done < pages_max && here < BUDDY_ARENA_PAGES) {
            uint64_t left = pages_max - done;
            uint32_t pages = purge_some(
                a, now, age_min,
                left < BUDDY_ARENA_PAGES ? (uint32_t)left : BUDDY_ARENA_PAGES,
                &more);

            here += pages;
            done += pages;
        }
    }
    return done;
}

size_t
mem_pages_purge(unsigned min_age_ms, size_t max_bytes)
{
    struct page_zone *z = &page_zone;
    uint32_t now = page_zone_now();
    uint32_t age_min =
        min_age_ms / PAGE_TICK_MS + (min_age_ms % PAGE_TICK_MS != 0);
    uint64_t dirty_pages, done = 0;
    uint64_t pages_max = max_bytes / PAGE_BYTES + (max_bytes % PAGE_BYTES != 0);
    unsigned class;

    {
        MUTEX_SCOPE(&z->mtx);
        z->purges++;
        dirty_pages = z->buddy.n.free_dirty_pages;
    }
    if (pages_max < dirty_pages) {
        class = find_class(now, age_min, pages_max);
        if (class + 1 < AGE_CLASSES && class_age(class + 1) > age_min)
            done = purge_older(now, class_age(class + 1), pages_max);
        if (class_age(class) > age_min)
            age_min = class_age(class);
    }
    done += purge_older(now, age_min, pages_max - done);
    return (size_t)done * PAGE_BYTES;
}
