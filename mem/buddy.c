/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Free blocks are in a list for each order, those with dirty pages apart from
 * wholly clean ones.  A request takes from the smallest order that has a dirty
 * block, then from the smallest that has a clean one: memory that the process
 * has is used before it grows.  Splitting goes on with the dirtier half.
 *
 * A run need not be a power of two: it is taken as the next one, and what is
 * behind its end becomes free blocks; given back, it is cut as its size reads
 * in binary.  The counters see splits and merges of the tree: over the life of
 * all runs there are as many of the ones as of the others, in each order.
 */
#include "mem/buddy.h"

#include <stdatomic.h>
#include <string.h>

#include "mem/must.h"
#include "mem/page_bits.h"

enum {
    STATE_KIND = 0x0f,
    STATE_DIRTY = 0x10, /* a free block in the list of such */
    STATE_PURGE = 0x20, /* free, but in no list and not to be merged */
    STATE_PAGES_SHIFT = 8,
};

static uint32_t
state_of(const struct buddy *b, uint32_t page)
{
    return atomic_load_explicit(&b->pages[page].state, memory_order_relaxed);
}

static void
set_state(struct buddy *b, uint32_t page, uint32_t pages, unsigned kind)
{
    atomic_store_explicit(&b->pages[page].state,
                          pages << STATE_PAGES_SHIFT | kind,
                          memory_order_relaxed);
}

static void
clear_state(struct buddy *b, uint32_t page)
{
    atomic_store_explicit(&b->pages[page].state, 0, memory_order_relaxed);
}

static uint32_t
state_pages(uint32_t state)
{
    return state >> STATE_PAGES_SHIFT;
}

static enum page_kind
state_kind(uint32_t state)
{
    return (enum page_kind)(state & STATE_KIND);
}

static struct buddy_arena *
arena_of(const struct buddy *b, uint32_t page)
{
    return &b->arenas[page / BUDDY_ARENA_PAGES];
}

static unsigned
in_arena(uint32_t page)
{
    return page % BUDDY_ARENA_PAGES;
}

static unsigned
dirty_count(const struct buddy *b, uint32_t first, uint32_t pages)
{
    unsigned at = in_arena(first);

    return bits_count(arena_of(b, first)->dirty, at, at + pages);
}

/* Order of the largest power of two that is not larger. */
static unsigned
order_below(uint32_t pages)
{
    return 31 - (unsigned)__builtin_clz(pages);
}

unsigned
buddy_order(uint32_t pages)
{
    must(pages >= 1 && pages <= BUDDY_ARENA_PAGES);
    return pages == 1 ? 0 : order_below(pages - 1) + 1;
}

uint32_t
buddy_age(uint32_t freed_at, uint32_t now)
{
    int32_t age = (int32_t)(now - freed_at);

    return age > 0 ? (uint32_t)age : 0;
}

void
buddy_init(struct buddy *b, struct page *pages, struct buddy_arena *arenas)
{
    *b = (struct buddy){.pages = pages, .arenas = arenas};
    for (unsigned o = 0; o < BUDDY_ORDERS; o++)
        b->lists[0][o] = b->lists[1][o] = BUDDY_NONE;
}

/* Lists. */

static void
insert(struct buddy *b, uint32_t first, unsigned order, bool dirty,
       uint32_t freed_at)
{
    uint32_t *list = &b->lists[dirty][order];

    b->pages[first].prev = BUDDY_NONE;
    b->pages[first].next = *list;
    b->pages[first].freed_at = freed_at;
    if (*list != BUDDY_NONE)
        b->pages[*list].prev = first;
    *list = first;
    b->orders[dirty] |= 1u << order;
    b->n.free_blocks[order]++;
    set_state(b, first, 1u << order, PAGE_FREE | (dirty ? STATE_DIRTY : 0));
}

static void
detach(struct buddy *b, uint32_t first)
{
    struct page *p = &b->pages[first];
    uint32_t state = state_of(b, first);
    bool dirty = (state & STATE_DIRTY) != 0;
    unsigned order = order_below(state_pages(state));

    if (p->next != BUDDY_NONE)
        b->pages[p->next].prev = p->prev;
    if (p->prev != BUDDY_NONE)
        b->pages[p->prev].next = p->next;
    else
        b->lists[dirty][order] = p->next;
    if (b->lists[dirty][order] == BUDDY_NONE)
        b->orders[dirty] &= ~(1u << order);
    b->n.free_blocks[order]--;
    clear_state(b, first);
}

/* Step from block to block; *page is where to start and becomes the next one's
 * place.  0 at the arena's end. */
static uint32_t
next_block(const struct buddy *b, uint32_t *page, uint32_t end,
           uint32_t *first)
{
    uint32_t state;

    if (*page == end)
        return 0;
    *first = *page;
    state = state_of(b, *first);
    must(state != 0);
    *page += state_pages(state);
    return state;
}

/* Freeing. */

static bool
is_free(const struct buddy *b, uint32_t first, unsigned order)
{
    uint32_t state = state_of(b, first);

    return state_kind(state) == PAGE_FREE && (state & STATE_PURGE) == 0 &&
           state_pages(state) == 1u << order;
}

/*
 * A merged block is as old as most of its dirty pages.  Were it as young as the
 * last page that was freed into it, one busy page would keep its 4 MiB from
 * ever being given back.
 */
static void
free_block(struct buddy *b, uint32_t first, unsigned order, uint32_t freed_at)
{
    unsigned dirty = dirty_count(b, first, 1u << order);

    while (order < BUDDY_ORDER_MAX) {
        uint32_t other = first ^ (1u << order);
        unsigned other_dirty;

        if (!is_free(b, other, order))
            break;
        detach(b, other);
        other_dirty = dirty_count(b, other, 1u << order);
        if (other_dirty > dirty ||
            (other_dirty == dirty &&
             buddy_age(b->pages[other].freed_at, freed_at) > 0))
            freed_at = b->pages[other].freed_at;
        dirty += other_dirty;
        first &= ~(1u << order);
        order++;
        b->n.merges[order]++;
    }
    insert(b, first, order, dirty > 0, freed_at);
}

/* [first, end), cut into the largest blocks that buddies can be. */
static void
free_range(struct buddy *b, uint32_t first, uint32_t end, uint32_t freed_at)
{
    while (first < end) {
        unsigned order = order_below(end - first);

        if (first != 0 && (unsigned)__builtin_ctz(first) < order)
            order = (unsigned)__builtin_ctz(first);
        free_block(b, first, order, freed_at);
        first += 1u << order;
    }
}

/* A run of had_pages was cut behind keep_pages: that splits the block of each
 * order around the cut, unless the run's own end is in the same block and has
 * split it before. */
static void
count_splits(struct buddy *b, uint32_t had_pages, uint32_t keep_pages)
{
    unsigned o = (unsigned)__builtin_ctz(keep_pages) + 1;

    for (; o <= buddy_order(had_pages); o++) {
        if (had_pages >> o != keep_pages >> o ||
            (had_pages & ((1u << o) - 1)) == 0)
            b->n.splits[o]++;
    }
}

static void
count_free(struct buddy *b, uint32_t first, uint32_t pages, uint32_t dirty,
           enum page_kind kind)
{
    b->n.used_pages[kind] -= pages;
    b->n.free_pages += pages;
    b->n.free_dirty_pages += dirty;
    arena_of(b, first)->free_dirty += dirty;
}

void
buddy_add_arena(struct buddy *b)
{
    uint32_t first = b->arenas_count++ * BUDDY_ARENA_PAGES;

    b->n.free_pages += BUDDY_ARENA_PAGES;
    insert(b, first, BUDDY_ORDER_MAX, false, 0);
}

void
buddy_give(struct buddy *b, uint32_t first, uint32_t now)
{
    uint32_t state = state_of(b, first), pages = state_pages(state);

    must(state_kind(state) >= PAGE_SLAB);
    count_free(b, first, pages, pages, state_kind(state));
    clear_state(b, first);
    free_range(b, first, first + pages, now);
}

void
buddy_trim(struct buddy *b, uint32_t first, uint32_t keep_pages, uint32_t now)
{
    uint32_t state = state_of(b, first), pages = state_pages(state);

    must(state_kind(state) >= PAGE_SLAB);
    must(keep_pages >= 1 && keep_pages <= pages);
    if (keep_pages == pages)
        return;
    count_splits(b, pages, keep_pages);
    count_free(b, first, pages - keep_pages, pages - keep_pages,
               state_kind(state));
    set_state(b, first, keep_pages, state_kind(state));
    free_range(b, first + keep_pages, first + pages, now);
}

/* Taking. */

/* Split a block that is in no list down to `order`; returns what is left. */
static uint32_t
split(struct buddy *b, uint32_t first, unsigned had, unsigned order,
      struct buddy_run *run)
{
    unsigned first_dirty, dirty = dirty_count(b, first, 1u << had);

    for (unsigned o = had;; o--) {
        uint32_t half, other;

        if (b->huge && o == (had < BUDDY_HUGE_ORDER ? had : BUDDY_HUGE_ORDER)) {
            run->near_first = first;
            run->near_pages = 1u << o;
        }
        if (o == order)
            return first;
        half = 1u << (o - 1);
        other = first + half;
        first_dirty = dirty > 0 ? dirty_count(b, first, half) : 0;
        dirty -= first_dirty;
        if (first_dirty < dirty) {
            insert(b, first, o - 1, first_dirty > 0, run->freed_at);
            first = other;
        } else {
            insert(b, other, o - 1, dirty > 0, run->freed_at);
            dirty = first_dirty;
        }
        b->n.splits[o]++;
    }
}

/* The pages of a run become used: remember which were clean. */
static void
use(struct buddy *b, struct buddy_run *run, enum page_kind kind)
{
    struct buddy_arena *arena = arena_of(b, run->first);
    unsigned at = in_arena(run->first), end = at + run->pages;
    uint32_t clean = 0;

    for (unsigned i = 0; i < run->pages; i += 64) {
        unsigned pages = run->pages - i < 64 ? run->pages - i : 64;
        uint64_t *word = &run->clean[i / 64];

        /* A run of less than 64 pages lies within a word. */
        *word = ~(arena->dirty[(at + i) / 64] >> (at + i) % 64) &
                bits_mask(0, pages);
        clean += bits_count(word, 0, pages);
    }
    bits_set(arena->dirty, at, end);
    run->new_pages = clean;
    arena->free_dirty -= run->pages - clean;
    b->n.free_dirty_pages -= run->pages - clean;
    b->n.free_pages -= run->pages;
    b->n.used_pages[kind] += run->pages;
    set_state(b, run->first, run->pages, kind);
}

bool
buddy_take(struct buddy *b, uint32_t pages, enum page_kind kind,
           struct buddy_run *out)
{
    unsigned had, order = buddy_order(pages);
    uint32_t first;
    bool dirty = b->orders[true] >> order != 0;

    must(kind >= PAGE_SLAB && kind < PAGE_KINDS);
    if (b->orders[dirty] >> order == 0)
        return false;
    had = order + (unsigned)__builtin_ctz(b->orders[dirty] >> order);
    first = b->lists[dirty][had];
    *out = (struct buddy_run){.pages = pages,
                              .freed_at = b->pages[first].freed_at};
    detach(b, first);
    out->first = split(b, first, had, order, out);
    count_splits(b, 1u << order, pages);
    use(b, out, kind);
    free_range(b, out->first + pages, out->first + (1u << order),
               out->freed_at);
    if (out->near_pages > 0)
        out->near_new_pages =
            out->near_pages - dirty_count(b, out->near_first, out->near_pages);
    return true;
}

/* Where huge pages are, the kernel may fill in any page next to one that is
 * touched.  The run is in use, so no block is larger than what is near. */
uint32_t
buddy_assume_near(struct buddy *b, const struct buddy_run *run,
                  uint32_t pages_max)
{
    struct buddy_arena *arena = arena_of(b, run->first);
    uint32_t page = run->near_first, end = page + run->near_pages;
    uint32_t first, state, done = 0;

    while ((state = next_block(b, &page, end, &first)) != 0) {
        uint32_t pages = state_pages(state);
        uint32_t clean = pages - dirty_count(b, first, pages);

        if (state_kind(state) != PAGE_FREE || (state & STATE_PURGE) != 0 ||
            clean == 0 || clean > pages_max - done)
            continue;
        detach(b, first);
        bits_set(arena->dirty, in_arena(first), in_arena(first) + pages);
        insert(b, first, order_below(pages), true,
               b->pages[first].freed_at);
        done += clean;
    }
    arena->free_dirty += done;
    b->n.free_dirty_pages += done;
    return done;
}

void
buddy_untake(struct buddy *b, const struct buddy_run *run)
{
    struct buddy_arena *arena = arena_of(b, run->first);
    uint32_t state = state_of(b, run->first), clean = 0;
    unsigned at = in_arena(run->first);

    must(state_pages(state) == run->pages);
    for (unsigned i = 0; i < run->pages; i += 64) {
        unsigned pages = run->pages - i < 64 ? run->pages - i : 64;

        arena->dirty[(at + i) / 64] &= ~(run->clean[i / 64] << (at + i) % 64);
        clean += bits_count(&run->clean[i / 64], 0, pages);
    }
    count_free(b, run->first, run->pages, run->pages - clean,
               state_kind(state));
    clear_state(b, run->first);
    free_range(b, run->first, run->first + run->pages, run->freed_at);
}

/* A run starts on a boundary of its size rounded up, so its first page is one
 * of eleven; those nearer than it are in the run, and have no state. */
bool
buddy_find(const struct buddy *b, uint32_t page, struct buddy_found *out)
{
    for (unsigned o = 0; o < BUDDY_ORDERS; o++) {
        uint32_t first = page & ~((1u << o) - 1);
        uint32_t state = state_of(b, first);

        if (state == 0)
            continue;
        out->first = first;
        out->pages = state_pages(state);
        out->kind = state_kind(state);
        return page - first < out->pages;
    }
    return false;
}

/* Purging. */

/* Note a block's dirty ranges; false when there are too many. */
static bool
purge_block(struct buddy *b, uint32_t first, uint32_t pages,
            uint32_t pages_max, struct buddy_purge *out)
{
    const uint64_t *dirty = arena_of(b, first)->dirty;
    unsigned at = in_arena(first), end = at + pages;

    detach(b, first);
    set_state(b, first, pages, PAGE_FREE | STATE_PURGE);
    out->blocks[out->blocks_count++] = first;
    while ((at = bits_find(dirty, at, end, true)) < end) {
        unsigned to = bits_find(dirty, at, end, false);

        if (out->ranges_count == BUDDY_PURGE_RANGES || out->pages == pages_max)
            return false;
        if (to - at > pages_max - out->pages)
            to = at + (pages_max - out->pages);
        out->ranges[out->ranges_count].first =
            first - in_arena(first) + at;
        out->ranges[out->ranges_count++].pages = to - at;
        out->pages += to - at;
        at = to;
    }
    return true;
}

void
buddy_purge_begin(struct buddy *b, uint32_t arena, uint32_t age_min,
                  uint32_t now, uint32_t pages_max, struct buddy_purge *out)
{
    uint32_t page = arena * BUDDY_ARENA_PAGES, first, state;
    uint32_t end = page + BUDDY_ARENA_PAGES;

    out->blocks_count = out->ranges_count = 0;
    out->pages = 0;
    out->full = false;
    while ((state = next_block(b, &page, end, &first)) != 0) {
        if ((state & STATE_DIRTY) == 0 ||
            buddy_age(b->pages[first].freed_at, now) < age_min)
            continue;
        if (out->ranges_count == BUDDY_PURGE_RANGES ||
            out->pages == pages_max ||
            !purge_block(b, first, state_pages(state), pages_max, out)) {
            out->full = true;
            return;
        }
    }
}

uint32_t
buddy_purge_end(struct buddy *b, const struct buddy_purge *purge,
                unsigned ranges)
{
    uint32_t pages = 0;

    for (unsigned i = 0; i < ranges; i++) {
        uint32_t first = purge->ranges[i].first;
        struct buddy_arena *arena = arena_of(b, first);

        bits_clear(arena->dirty, in_arena(first),
                   in_arena(first) + purge->ranges[i].pages);
        arena->free_dirty -= purge->ranges[i].pages;
        pages += purge->ranges[i].pages;
    }
    b->n.free_dirty_pages -= pages;
    for (unsigned i = 0; i < purge->blocks_count; i++) {
        uint32_t first = purge->blocks[i];
        unsigned order = order_below(state_pages(state_of(b, first)));

        clear_state(b, first);
        free_block(b, first, order, b->pages[first].freed_at);
    }
    return pages;
}

void
buddy_each_dirty(const struct buddy *b, uint32_t arena,
                 void (*fn)(void *arg, uint32_t freed_at,
                            uint32_t dirty_pages),
                 void *arg)
{
    uint32_t page = arena * BUDDY_ARENA_PAGES, first, state;
    uint32_t end = page + BUDDY_ARENA_PAGES;

    while ((state = next_block(b, &page, end, &first)) != 0) {
        if ((state & STATE_DIRTY) != 0)
            fn(arg, b->pages[first].freed_at,
               dirty_count(b, first, state_pages(state)));
    }
}

/* Checking. */

static void
check_list(const struct buddy *b, bool dirty, unsigned order, uint64_t *count)
{
    uint32_t prev = BUDDY_NONE, page = b->lists[dirty][order];

    must((page != BUDDY_NONE) == ((b->orders[dirty] >> order & 1) != 0));
    for (; page != BUDDY_NONE; page = b->pages[page].next) {
        must(page / BUDDY_ARENA_PAGES < b->arenas_count);
        must(is_free(b, page, order));
        must(((state_of(b, page) & STATE_DIRTY) != 0) == dirty);
        must(b->pages[page].prev == prev);
        prev = page;
        ++*count;
    }
}

static void
check_block(const struct buddy *b, uint32_t first, uint32_t state,
            struct buddy_counters *seen)
{
    uint32_t pages = state_pages(state), dirty = dirty_count(b, first, pages);
    unsigned order = buddy_order(pages);

    must(first % (1u << order) == 0);
    for (uint32_t i = 1; i < pages; i++)
        must(state_of(b, first + i) == 0);
    if (state_kind(state) != PAGE_FREE) {
        must(state_kind(state) > PAGE_FREE && state_kind(state) < PAGE_KINDS);
        must(dirty == pages);
        seen->used_pages[state_kind(state)] += pages;
        return;
    }
    must(pages == 1u << order);
    must((state & STATE_PURGE) == 0);
    must(((state & STATE_DIRTY) != 0) == (dirty > 0));
    must(order == BUDDY_ORDER_MAX || !is_free(b, first ^ pages, order));
    seen->free_blocks[order]++;
    seen->free_pages += pages;
    seen->free_dirty_pages += dirty;
}

void
buddy_check(const struct buddy *b)
{
    struct buddy_counters seen = {0};

    for (uint32_t a = 0; a < b->arenas_count; a++) {
        uint32_t page = a * BUDDY_ARENA_PAGES, first, state;
        uint32_t end = page + BUDDY_ARENA_PAGES;
        uint64_t dirty_before = seen.free_dirty_pages;

        while ((state = next_block(b, &page, end, &first)) != 0)
            check_block(b, first, state, &seen);
        must(seen.free_dirty_pages - dirty_before == b->arenas[a].free_dirty);
    }
    for (unsigned o = 0; o < BUDDY_ORDERS; o++) {
        uint64_t listed = 0;

        check_list(b, false, o, &listed);
        check_list(b, true, o, &listed);
        must(listed == seen.free_blocks[o]);
        must(listed == b->n.free_blocks[o]);
    }
    must(seen.free_pages == b->n.free_pages);
    must(seen.free_dirty_pages == b->n.free_dirty_pages);
    for (int k = 0; k < PAGE_KINDS; k++)
        must(seen.used_pages[k] == b->n.used_pages[k]);
}
