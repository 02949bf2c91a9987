/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/bench/histogram.h"

#include <check.h>
#include <stdlib.h>

static struct histogram h;

static void
empty(void)
{
    h = (struct histogram){0};
}

START_TEST(an_empty_one_has_no_quantile)
{
    ck_assert_uint_eq(histogram_quantile(&h, 0.5), 0);
}
END_TEST

START_TEST(small_values_are_exact)
{
    for (uint64_t v = 0; v < 2 * HISTOGRAM_PARTS; v++)
        histogram_add(&h, v);
    ck_assert_uint_eq(histogram_quantile(&h, 0), 0);
    ck_assert_uint_eq(histogram_quantile(&h, 0.5), HISTOGRAM_PARTS - 1);
    ck_assert_uint_eq(histogram_quantile(&h, 1), 2 * HISTOGRAM_PARTS - 1);
    ck_assert_uint_eq(h.max, 2 * HISTOGRAM_PARTS - 1);
}
END_TEST

/* Every value with one or two bits set, and its neighbours: a second, larger
 * value keeps the answer from being clipped to the largest. */
START_TEST(a_reading_is_never_below_and_hardly_above)
{
    for (unsigned high = 0; high < 63; high++)
        for (unsigned low = 0; low <= high; low++)
            for (int near = -1; near <= 1; near++) {
                uint64_t v = ((UINT64_C(1) << high) | (UINT64_C(1) << low)) +
                             (uint64_t)near;
                uint64_t got;

                empty();
                histogram_add(&h, v);
                histogram_add(&h, UINT64_MAX);
                got = histogram_quantile(&h, 0.5);
                ck_assert_uint_ge(got, v);
                ck_assert_uint_le(got - v, v / HISTOGRAM_PARTS);
            }
}
END_TEST

START_TEST(the_largest_value_has_a_bucket)
{
    histogram_add(&h, UINT64_MAX);
    ck_assert_uint_eq(histogram_quantile(&h, 1), UINT64_MAX);
    ck_assert_uint_eq(h.buckets[HISTOGRAM_BUCKETS - 1], 1);
}
END_TEST

START_TEST(a_quantile_is_not_above_the_largest)
{
    histogram_add(&h, 1000001);
    ck_assert_uint_eq(histogram_quantile(&h, 0.99), 1000001);
}
END_TEST

START_TEST(the_rank_is_rounded_up)
{
    histogram_add(&h, 1);
    histogram_add(&h, 2);
    histogram_add(&h, 3);
    ck_assert_uint_eq(histogram_quantile(&h, 0.33), 1);
    ck_assert_uint_eq(histogram_quantile(&h, 0.34), 2);
    ck_assert_uint_eq(histogram_quantile(&h, 0.67), 3);
}
END_TEST

START_TEST(merging_is_as_adding_all)
{
    static struct histogram a, b;

    a = b = (struct histogram){0};
    for (uint64_t v = 1; v < 100000; v = v * 3 + 1) {
        histogram_add(v % 2 != 0 ? &a : &b, v);
        histogram_add(&h, v);
    }
    histogram_merge(&a, &b);
    ck_assert_uint_eq(a.count, h.count);
    ck_assert_uint_eq(a.max, h.max);
    ck_assert_mem_eq(a.buckets, h.buckets, sizeof(a.buckets));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("bench_histogram");
    TCase *tc = tcase_create("histogram");
    SRunner *runner = srunner_create(suite);
    int failures;

    tcase_add_checked_fixture(tc, empty, NULL);
    tcase_add_test(tc, an_empty_one_has_no_quantile);
    tcase_add_test(tc, small_values_are_exact);
    tcase_add_test(tc, a_reading_is_never_below_and_hardly_above);
    tcase_add_test(tc, the_largest_value_has_a_bucket);
    tcase_add_test(tc, a_quantile_is_not_above_the_largest);
    tcase_add_test(tc, the_rank_is_rounded_up);
    tcase_add_test(tc, merging_is_as_adding_all);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
