/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of bytes. */
#include "server/lock/range.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

START_TEST(ranges_from_the_wire)
{
    static const struct {
        int64_t start, len;
        int rc;
        uint64_t first, last;
        int64_t len_back;
    } t[] = {
        {0, 0, 0, 0, INT64_MAX, 0},
        {0, 1, 0, 0, 0, 1},
        {1, 5, 0, 1, 5, 5},
        {100, -10, 0, 90, 99, 10},
        {100, -100, 0, 0, 99, 100},
        {100, -101, -EINVAL, 0, 0, 0},
        {0, -1, -EINVAL, 0, 0, 0},
        {-1, 0, -EINVAL, 0, 0, 0},
        {-1, 5, -EINVAL, 0, 0, 0},
        {INT64_MIN, 0, -EINVAL, 0, 0, 0},
        {INT64_MIN, INT64_MIN, -EINVAL, 0, 0, 0},
        {0, INT64_MIN, -EINVAL, 0, 0, 0},
        {INT64_MAX, INT64_MIN, -EINVAL, 0, 0, 0},
        {INT64_MAX, 0, 0, INT64_MAX, INT64_MAX, 0},
        {INT64_MAX, 1, -EINVAL, 0, 0, 0},
        {INT64_MAX, -1, 0, INT64_MAX - 1, INT64_MAX - 1, 1},
        {INT64_MAX, -INT64_MAX, 0, 0, INT64_MAX - 1, INT64_MAX},
        {0, INT64_MAX, 0, 0, INT64_MAX - 1, INT64_MAX},
        {1, INT64_MAX, -EINVAL, 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct lk_range r = {0};

        ck_assert_msg(lk_range_from(t[i].start, t[i].len, &r) == t[i].rc,
                      "row %zu", i);
        if (t[i].rc < 0)
            continue;
        ck_assert_msg(r.start == t[i].first && r.end == t[i].last, "row %zu",
                      i);
        ck_assert_int_eq(lk_range_len(&r), t[i].len_back);
    }
}
END_TEST

/* Every pair of ranges in 0..7, against sets of bits. */
static unsigned
bits(const struct lk_range *r)
{
    return ((2u << r->end) - 1) & ~((1u << r->start) - 1);
}

static void
check_pair(const struct lk_range *a, const struct lk_range *b)
{
    struct lk_range left[2], u = lk_range_union(a, b);
    unsigned n = lk_range_subtract(a, b, left), rest = 0;

    ck_assert(lk_range_overlaps(a, b) == ((bits(a) & bits(b)) != 0));
    ck_assert(lk_range_contains(a, b) == ((bits(b) & ~bits(a)) == 0));
    ck_assert_uint_eq(bits(&u) & (bits(a) | bits(b)), bits(a) | bits(b));
    ck_assert(u.start == a->start || u.start == b->start);
    ck_assert(u.end == a->end || u.end == b->end);
    ck_assert_uint_le(n, 2);
    for (unsigned i = 0; i < n; i++) {
        ck_assert_uint_le(left[i].start, left[i].end);
        ck_assert_uint_eq(rest & bits(&left[i]), 0);
        rest |= bits(&left[i]);
    }
    ck_assert_uint_eq(rest, bits(a) & ~bits(b));
    if (n == 2)
        ck_assert_uint_lt(left[0].end, left[1].start);
}

START_TEST(arithmetic_agrees_with_sets)
{
    for (uint64_t a0 = 0; a0 < 8; a0++)
        for (uint64_t a1 = a0; a1 < 8; a1++)
            for (uint64_t b0 = 0; b0 < 8; b0++)
                for (uint64_t b1 = b0; b1 < 8; b1++) {
                    struct lk_range a = {a0, a1}, b = {b0, b1};

                    check_pair(&a, &b);
                }
}
END_TEST

START_TEST(infinity_is_cut_like_any_end)
{
    struct lk_range all = {0, INT64_MAX}, cut = {10, 19}, left[2];

    ck_assert_uint_eq(lk_range_subtract(&all, &cut, left), 2);
    ck_assert_int_eq(lk_range_len(&left[0]), 10);
    ck_assert_uint_eq(left[1].start, 20);
    ck_assert_int_eq(lk_range_len(&left[1]), 0);
    cut.end = INT64_MAX;
    ck_assert_uint_eq(lk_range_subtract(&all, &cut, left), 1);
    ck_assert_uint_eq(left[0].end, 9);
    ck_assert_uint_eq(lk_range_subtract(&all, &all, left), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("lk_range");
    TCase *tc = tcase_create("range");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, ranges_from_the_wire);
    tcase_add_test(tc, arithmetic_agrees_with_sets);
    tcase_add_test(tc, infinity_is_cut_like_any_end);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
