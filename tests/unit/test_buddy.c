/* SPDX-License-Identifier: BSD-2-Clause */
/* The buddy system alone, on descriptors without memory, against a model that
 * knows each page. */
#include "mem/buddy.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "mem/must.h"

enum {
    ARENAS = 4,
    PAGES = ARENAS * BUDDY_ARENA_PAGES,
    RUNS = 300,
    STEPS = 40000,
};

static struct page descriptors[PAGES];
static struct buddy_arena arenas[ARENAS];
static struct buddy buddy;

/* The model. */
static bool page_used[PAGES], page_dirty[PAGES];
static struct model_run {
    uint32_t first, pages;
    enum page_kind kind;
} runs[RUNS];

static uint64_t rnd = 0x2545f4914f6cdd1du;

static uint32_t
below(uint32_t n)
{
    rnd ^= rnd << 13;
    rnd ^= rnd >> 7;
    rnd ^= rnd << 17;
    return (uint32_t)(rnd >> 32) % n;
}

static void
begin(void)
{
    buddy_init(&buddy, descriptors, arenas);
    for (int i = 0; i < ARENAS; i++)
        buddy_add_arena(&buddy);
}

static uint32_t
some_pages(void)
{
    return 1 + below(1u << below(BUDDY_ORDERS));
}

static void
model_take(struct model_run *run)
{
    uint32_t pages = some_pages(), clean = 0;
    enum page_kind kind = PAGE_SLAB + below(3);
    struct buddy_run got;
    bool keep = below(8) != 0;

    if (!buddy_take(&buddy, pages, kind, &got))
        return;
    ck_assert_uint_eq(got.pages, pages);
    ck_assert_uint_eq(got.first % (1u << buddy_order(pages)), 0);
    for (uint32_t i = 0; i < pages; i++) {
        ck_assert(!page_used[got.first + i]);
        ck_assert((got.clean[i / 64] >> i % 64 & 1) !=
                  page_dirty[got.first + i]);
        clean += !page_dirty[got.first + i];
    }
    ck_assert_uint_eq(got.new_pages, clean);
    if (!keep) {
        buddy_untake(&buddy, &got);
        return;
    }
    memset(page_used + got.first, true, pages);
    memset(page_dirty + got.first, true, pages);
    *run = (struct model_run){got.first, pages, kind};
}

static void
model_give(struct model_run *run, uint32_t now)
{
    uint32_t keep = 0;

    if (below(3) == 0) {
        keep = 1 + below(run->pages);
        buddy_trim(&buddy, run->first, keep, now);
    } else {
        buddy_give(&buddy, run->first, now);
    }
    memset(page_used + run->first + keep, false, run->pages - keep);
    run->pages = keep;
}

/* Only a part may be given to the kernel, and others come between. */
static void
model_purge(uint32_t now)
{
    struct buddy_purge purge;
    uint32_t pages_max = 1 + below(600), pages = 0;
    unsigned ranges;

    buddy_purge_begin(&buddy, below(ARENAS), below(20), now, pages_max, &purge);
    ck_assert_uint_le(purge.pages, pages_max);
    if (runs[0].pages > 0)
        model_give(&runs[0], now);
    if (runs[1].pages == 0)
        model_take(&runs[1]);
    ranges = below(purge.ranges_count + 1);
    for (unsigned r = 0; r < ranges; r++) {
        for (uint32_t i = 0; i < purge.ranges[r].pages; i++) {
            ck_assert(!page_used[purge.ranges[r].first + i]);
            ck_assert(page_dirty[purge.ranges[r].first + i]);
            page_dirty[purge.ranges[r].first + i] = false;
        }
        pages += purge.ranges[r].pages;
    }
    ck_assert_uint_eq(buddy_purge_end(&buddy, &purge, ranges), pages);
}

static void
model_compare(void)
{
    uint64_t free_pages = 0, free_dirty = 0;

    buddy_check(&buddy);
    for (uint32_t i = 0; i < PAGES; i++) {
        struct buddy_found f;

        ck_assert(buddy_find(&buddy, i, &f));
        ck_assert(f.first <= i && i < f.first + f.pages);
        ck_assert((f.kind != PAGE_FREE) == page_used[i]);
        free_pages += !page_used[i];
        free_dirty += !page_used[i] && page_dirty[i];
    }
    ck_assert_uint_eq(buddy.n.free_pages, free_pages);
    ck_assert_uint_eq(buddy.n.free_dirty_pages, free_dirty);
    for (int r = 0; r < RUNS; r++) {
        struct buddy_found f;

        if (runs[r].pages == 0)
            continue;
        ck_assert(buddy_find(&buddy, runs[r].first + below(runs[r].pages),
                             &f));
        ck_assert_uint_eq(f.first, runs[r].first);
        ck_assert_uint_eq(f.pages, runs[r].pages);
        ck_assert_int_eq(f.kind, runs[r].kind);
    }
}

START_TEST(any_order_is_like_the_model)
{
    begin();
    for (uint32_t step = 0; step < STEPS; step++) {
        struct model_run *run = &runs[below(RUNS)];

        if (run->pages == 0)
            model_take(run);
        else
            model_give(run, step / 100);
        if (step % 50 == 0)
            model_purge(step / 100);
        if (step % 400 == 0)
            model_compare();
    }
    for (int r = 0; r < RUNS; r++) {
        if (runs[r].pages > 0)
            buddy_give(&buddy, runs[r].first, STEPS);
    }
    buddy_check(&buddy);
    ck_assert_uint_eq(buddy.n.free_blocks[BUDDY_ORDER_MAX], ARENAS);
    for (int o = 0; o < BUDDY_ORDERS; o++)
        ck_assert_uint_eq(buddy.n.splits[o], buddy.n.merges[o]);
}
END_TEST

START_TEST(orders_are_of_the_next_power_of_two)
{
    ck_assert_uint_eq(buddy_order(1), 0);
    ck_assert_uint_eq(buddy_order(2), 1);
    ck_assert_uint_eq(buddy_order(3), 2);
    ck_assert_uint_eq(buddy_order(33), 6);
    ck_assert_uint_eq(buddy_order(1024), 10);
}
END_TEST

START_TEST(a_full_house_refuses)
{
    struct buddy_run run;

    begin();
    for (int i = 0; i < ARENAS; i++)
        ck_assert(buddy_take(&buddy, BUDDY_ARENA_PAGES, PAGE_BLOCK, &run));
    ck_assert(!buddy_take(&buddy, 1, PAGE_BLOCK, &run));
    buddy_give(&buddy, 0, 1);
    ck_assert(buddy_take(&buddy, 1, PAGE_BLOCK, &run));
    ck_assert(!buddy_take(&buddy, BUDDY_ARENA_PAGES, PAGE_BLOCK, &run));
    buddy_check(&buddy);
}
END_TEST

START_TEST(the_clock_may_wrap)
{
    ck_assert_uint_eq(buddy_age(UINT32_MAX - 4, 5), 10);
    ck_assert_uint_eq(buddy_age(7, 7), 0);
    /* Freed after now was read. */
    ck_assert_uint_eq(buddy_age(8, 7), 0);
}
END_TEST

START_TEST(a_damaged_list_is_seen)
{
    struct buddy_run run;

    begin();
    ck_assert(buddy_take(&buddy, 1, PAGE_BLOCK, &run));
    buddy_check(&buddy);
    descriptors[buddy.lists[false][3]].prev = 12;
    buddy_check(&buddy);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("buddy");
    TCase *tc = tcase_create("buddy");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, any_order_is_like_the_model);
    tcase_add_test(tc, orders_are_of_the_next_power_of_two);
    tcase_add_test(tc, a_full_house_refuses);
    tcase_add_test(tc, the_clock_may_wrap);
    tcase_add_test_raise_signal(tc, a_damaged_list_is_seen, SIGABRT);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
