/* SPDX-License-Identifier: BSD-2-Clause */
/* Growth by a clock that the test moves. */
#include "mem/growth.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/account.h"
#include "mem/account_slot.h"
#include "mem/clock.h"
#include "mem/must.h"

MEM_TYPE(mt_leak, "test.growth", "leak");
MEM_TYPE(mt_steady, "test.growth", "steady");
MEM_TYPE(mt_late, "test.growth", "late");
MEM_TYPE(mt_gone, "test.growth", "gone");
MEM_TYPE(mt_heir, "test.growth", "heir");

enum { MAX = 64 };
static const uint64_t SECOND = CLOCK_NS_PER_SEC;
static const uint64_t MINUTE = 60 * CLOCK_NS_PER_SEC;
static const uint64_t HOUR = 3600 * CLOCK_NS_PER_SEC;
static const uint64_t DAY = 86400 * CLOCK_NS_PER_SEC;

static uint64_t now = 1000 * CLOCK_NS_PER_SEC;

static void
pass(uint64_t ns)
{
    now += ns;
    mem_growth_tick(now);
}

static struct mem_growth
read_one(const char *name)
{
    static struct mem_growth all[MAX];
    size_t count = mem_growth_read(all, MAX);

    ck_assert_uint_le(count, MAX);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].module, "test.growth") == 0 &&
            strcmp(all[i].name, name) == 0)
            return all[i];
    }
    ck_abort_msg("no type %s", name);
}

START_TEST(before_the_first_tick_the_past_is_unknown)
{
    struct mem_growth g;

    mem_account_charge(&mt_leak, 100);
    g = read_one("leak");
    ck_assert_uint_eq(g.size, 100);
    ck_assert_uint_eq(g.num_allocs, 1);
    for (int i = 0; i < MEM_GROWTH_SPANS; i++)
        ck_assert_uint_eq(g.past[i].age_ns, 0);
    ck_assert_uint_eq(g.steps, 0);
    ck_assert(g.slope_bytes_per_s == 0);
    ck_assert_uint_eq(
        mem_growth_ring("test.growth", "leak", MEM_GROWTH_MINUTES, NULL, 0), 0);
}
END_TEST

START_TEST(a_sample_is_taken_each_minute_and_no_oftener)
{
    uint64_t sizes[MEM_GROWTH_MINUTES_KEPT];
    struct mem_growth g;

    mem_account_charge(&mt_leak, 1000);
    mem_growth_tick(now);
    for (int i = 0; i < 180; i++) {
        mem_account_charge(&mt_leak, 1);
        pass(SECOND);
    }
    ck_assert_uint_eq(
        mem_growth_ring("test.growth", "leak", MEM_GROWTH_MINUTES, sizes, 60),
        4);
    ck_assert_uint_eq(sizes[0], 1000);
    ck_assert_uint_eq(sizes[1], 1060);
    ck_assert_uint_eq(sizes[2], 1120);
    ck_assert_uint_eq(sizes[3], 1180);
    /* The newest ones, where there is less room. */
    ck_assert_uint_eq(
        mem_growth_ring("test.growth", "leak", MEM_GROWTH_MINUTES, sizes, 2),
        2);
    ck_assert_uint_eq(sizes[0], 1120);
    ck_assert_uint_eq(sizes[1], 1180);
    g = read_one("leak");
    ck_assert_uint_eq(g.size, 1180);
    ck_assert_uint_eq(g.num_allocs, 182);
    ck_assert_uint_eq(g.past[MEM_GROWTH_MINUTES].size, 1000);
    ck_assert_uint_eq(g.past[MEM_GROWTH_MINUTES].num_allocs, 2);
    ck_assert_uint_eq(g.past[MEM_GROWTH_MINUTES].age_ns, 3 * MINUTE);
    ck_assert_uint_eq(g.steps, 3);
    ck_assert_uint_eq(g.steps_up, 3);
    ck_assert_double_eq_tol(g.slope_bytes_per_s, 1.0, 1e-9);
}
END_TEST

START_TEST(rings_hold_an_hour_two_days_and_a_month)
{
    uint64_t sizes[MEM_GROWTH_MINUTES_KEPT];
    const unsigned minutes = 40 * 24 * 60;
    struct mem_growth g;

    mem_growth_tick(now);
    for (unsigned i = 0; i < minutes; i++) {
        mem_account_charge(&mt_leak, 1);
        pass(MINUTE);
    }
    g = read_one("leak");
    ck_assert_uint_eq(g.size, minutes);
    ck_assert_uint_eq(g.past[MEM_GROWTH_MINUTES].age_ns, 59 * MINUTE);
    ck_assert_uint_eq(g.past[MEM_GROWTH_MINUTES].size, minutes - 59);
    ck_assert_uint_eq(g.past[MEM_GROWTH_HOURS].age_ns, 47 * HOUR);
    ck_assert_uint_eq(g.past[MEM_GROWTH_HOURS].size, minutes - 47 * 60);
    ck_assert_uint_eq(g.past[MEM_GROWTH_DAYS].age_ns, 30 * DAY);
    ck_assert_uint_eq(g.past[MEM_GROWTH_DAYS].size, minutes - 30 * 24 * 60);
    ck_assert_uint_eq(
        mem_growth_ring("test.growth", "leak", MEM_GROWTH_DAYS, sizes, 60),
        MEM_GROWTH_DAYS_KEPT);
    for (unsigned i = 1; i < MEM_GROWTH_DAYS_KEPT; i++)
        ck_assert_uint_eq(sizes[i] - sizes[i - 1], 24 * 60);
    ck_assert_uint_eq(sizes[MEM_GROWTH_DAYS_KEPT - 1], minutes);
    ck_assert_double_eq_tol(g.slope_bytes_per_s, 1.0 / 60, 1e-9);
}
END_TEST

START_TEST(ticks_that_come_late_keep_the_beat_and_tell_the_true_age)
{
    struct mem_growth g;

    mem_growth_tick(now);
    pass(MINUTE + 30 * SECOND); /* the next is due half a minute later */
    pass(20 * SECOND);
    ck_assert_uint_eq(read_one("leak").steps, 1);
    pass(10 * SECOND);
    g = read_one("leak");
    ck_assert_uint_eq(g.steps, 2);
    ck_assert_uint_eq(g.past[MEM_GROWTH_MINUTES].age_ns, 2 * MINUTE);
    pass(5 * HOUR); /* asleep: one sample, not three hundred */
    g = read_one("leak");
    ck_assert_uint_eq(g.steps, 3);
    ck_assert_uint_eq(g.past[MEM_GROWTH_HOURS].age_ns, 5 * HOUR + 2 * MINUTE);
    pass(SECOND);
    ck_assert_uint_eq(read_one("leak").steps, 3);
}
END_TEST

static void
setup_leak(void)
{
    mem_account_charge(&mt_leak, 0);
}

START_TEST(what_grew_most_comes_first)
{
    struct mem_growth all[MAX];
    size_t count;

    mem_account_charge(&mt_steady, 1 << 30);
    mem_account_charge(&mt_leak, 10);
    mem_growth_tick(now);
    for (int i = 0; i < 90; i++) {
        mem_account_charge(&mt_leak, 1 << 20);
        mem_account_charge(&mt_steady, 4096);
        mem_account_discharge(&mt_steady, 4096);
        pass(MINUTE);
    }
    count = mem_growth_read(all, MAX);
    ck_assert_str_eq(all[0].name, "leak");
    ck_assert_double_eq_tol(all[0].slope_bytes_per_s, (1 << 20) / 60.0, 1e-6);
    ck_assert_uint_eq(all[0].steps, 59);
    ck_assert_uint_eq(all[0].steps_up, 59);
    for (size_t i = 1; i + 1 < count; i++) {
        enum mem_growth_span days = MEM_GROWTH_DAYS;

        ck_assert_int_ge(
            (int64_t)(all[i].size - all[i].past[days].size),
            (int64_t)(all[i + 1].size - all[i + 1].past[days].size));
    }
    ck_assert(read_one("steady").slope_bytes_per_s == 0);
    ck_assert_uint_eq(read_one("steady").steps_up, 0);
    ck_assert_uint_eq(mem_growth_read(NULL, 0), count);
}
END_TEST

START_TEST(a_type_that_came_late_had_nothing_before)
{
    struct mem_growth g;

    mem_growth_tick(now);
    pass(MINUTE);
    mem_account_charge(&mt_late, 600);
    pass(MINUTE);
    g = read_one("late");
    ck_assert_uint_eq(g.size, 600);
    ck_assert_uint_eq(g.past[MEM_GROWTH_MINUTES].size, 0);
    ck_assert_uint_eq(g.past[MEM_GROWTH_MINUTES].age_ns, 2 * MINUTE);
    ck_assert_uint_eq(g.steps_up, 1);
    ck_assert_double_eq_tol(g.slope_bytes_per_s, 5.0, 1e-9);
}
END_TEST

START_TEST(a_type_that_went_reads_as_nothing)
{
    uint64_t sizes[3];

    mem_account_charge(&mt_gone, 50);
    mem_growth_tick(now);
    mem_account_discharge(&mt_gone, 50);
    mem_account_retire(&mt_gone, &mt_heir);
    pass(MINUTE);
    ck_assert_uint_eq(read_one("gone").size, 0);
    ck_assert_uint_eq(read_one("gone").past[MEM_GROWTH_MINUTES].size, 50);
    ck_assert_uint_eq(
        mem_growth_ring("test.growth", "gone", MEM_GROWTH_MINUTES, sizes, 3),
        2);
    ck_assert_uint_eq(sizes[0], 50);
    ck_assert_uint_eq(sizes[1], 0);
}
END_TEST

/* More names than there are types at one time: rows of types that went are
 * used again, and start with nothing. */
START_TEST(rows_of_types_that_went_are_used_again)
{
    enum { NAMES = 1400, AT_ONCE = 700 };
    static struct mem_type types[NAMES];
    static char names[NAMES][16];
    uint64_t size;

    for (int i = 0; i < NAMES; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "n%04d", i);
        types[i].module = "test.many";
        types[i].name = names[i];
    }
    for (int round = 0; round < NAMES / AT_ONCE; round++) {
        struct mem_type *own = &types[round * AT_ONCE];

        for (int i = 0; i < AT_ONCE; i++)
            mem_account_charge(&own[i], 1000 + (size_t)i);
        pass(MINUTE);
        for (int i = 0; i < AT_ONCE; i++) {
            ck_assert_uint_ge(mem_growth_ring("test.many", own[i].name,
                                              MEM_GROWTH_MINUTES, &size, 1),
                              1);
            ck_assert_uint_eq(size, 1000 + (size_t)i);
        }
        for (int i = 0; i < AT_ONCE; i++) {
            mem_account_discharge(&own[i], 1000 + (size_t)i);
            mem_account_retire(&own[i], &mt_heir);
        }
    }
    /* Of the first round's, some rows were taken away. */
    ck_assert_uint_le(mem_growth_read(NULL, 0), MEM_TYPES_MAX);
    for (int i = AT_ONCE; i < NAMES; i++) {
        uint64_t sizes[2];

        ck_assert_uint_eq(mem_growth_ring("test.many", names[i],
                                          MEM_GROWTH_MINUTES, sizes, 2),
                          2);
        ck_assert_uint_eq(sizes[0], 0); /* not another's past */
        ck_assert_uint_eq(sizes[1], 1000 + (size_t)(i - AT_ONCE));
    }
}
END_TEST

START_TEST(its_own_memory_is_accounted)
{
    struct mem_type_stats s;

    mem_growth_tick(now);
    mem_account_read_one("mem", "growth", &s);
    ck_assert_uint_gt(s.size, 64 * 139 * 16);
    ck_assert_uint_lt(s.size, 256 * 1024);
    pass(MINUTE);
    (void)mem_growth_read(NULL, 0);
    ck_assert_uint_eq(read_one("leak").size, 0);
    mem_account_read_one("mem", "growth", &s);
    ck_assert_uint_eq(s.num_allocs, 2); /* once and for all */
}
END_TEST

static atomic_bool stop;

static void *
reader(void *arg)
{
    struct mem_growth all[MAX];

    while (!atomic_load(&stop)) {
        size_t count = mem_growth_read(all, MAX);

        must(count <= MAX);
        for (size_t i = 0; i < count; i++)
            must(all[i].steps_up <= all[i].steps);
    }
    return NULL;
}

START_TEST(readers_and_the_ticker_do_not_disturb_each_other)
{
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, reader, NULL), 0);
    for (int i = 0; i < 2000; i++) {
        mem_account_charge(&mt_leak, 10);
        pass(20 * SECOND);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_double_eq_tol(read_one("leak").slope_bytes_per_s, 0.5, 1e-9);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("growth");
    TCase *tc = tcase_create("growth");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup_leak, NULL);
    tcase_add_test(tc, a_sample_is_taken_each_minute_and_no_oftener);
    tcase_add_test(tc, rings_hold_an_hour_two_days_and_a_month);
    tcase_add_test(tc,
                   ticks_that_come_late_keep_the_beat_and_tell_the_true_age);
    tcase_add_test(tc, what_grew_most_comes_first);
    tcase_add_test(tc, a_type_that_came_late_had_nothing_before);
    tcase_add_test(tc, a_type_that_went_reads_as_nothing);
    tcase_add_test(tc, rows_of_types_that_went_are_used_again);
    tcase_add_test(tc, its_own_memory_is_accounted);
    tcase_add_test(tc, readers_and_the_ticker_do_not_disturb_each_other);
    suite_add_tcase(s, tc);
    tc = tcase_create("first");
    tcase_add_test(tc, before_the_first_tick_the_past_is_unknown);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
