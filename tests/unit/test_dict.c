/* SPDX-License-Identifier: BSD-2-Clause */
/* The dictionary of requests and replies. */
#include "server/core/dict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/core_fixture.h"

MEM_TYPE(mt_test, "server.core", "test");

static struct arena arena;
static struct dict d;

static void
set_up(void)
{
    arena_init(&arena, &mt_test, NULL, 0);
    dict_init(&d, &arena);
}

static void
tear_down(void)
{
    arena_release(&arena);
}

START_TEST(a_new_one_is_null_until_something_is_set)
{
    ck_assert(d.null);
    ck_assert(!dict_has(&d, "a"));
    dict_remove(&d, "a");
    ck_assert_int_eq(dict_set_i64(&d, "a", 1), 0);
    ck_assert(!d.null && dict_has(&d, "a"));
    dict_remove(&d, "a");
    ck_assert_uint_eq(d.count, 0);
    ck_assert(!d.null);
}
END_TEST

START_TEST(numbers_come_back_from_every_type_that_holds_one)
{
    int64_t v = 0;

    ck_assert_int_eq(dict_i64(&d, "none", &v), -ENOENT);
    ck_assert_int_eq(dict_set_i64(&d, "i", INT64_MIN), 0);
    ck_assert_int_eq(dict_i64(&d, "i", &v), 0);
    ck_assert_int_eq(v, INT64_MIN);
    ck_assert_int_eq(dict_set_u64(&d, "u", INT64_MAX), 0);
    ck_assert_int_eq(dict_i64(&d, "u", &v), 0);
    ck_assert_int_eq(v, INT64_MAX);
    ck_assert_int_eq(dict_set_u64(&d, "u", (uint64_t)INT64_MAX + 1), 0);
    ck_assert_int_eq(dict_i64(&d, "u", &v), -EINVAL);
    ck_assert_int_eq(dict_set_str(&d, "s", "-42"), 0);
    ck_assert_int_eq(dict_i64(&d, "s", &v), 0);
    ck_assert_int_eq(v, -42);
    ck_assert_int_eq(dict_set_ptr(&d, "p", "17xx", 2), 0);
    ck_assert_int_eq(dict_i64(&d, "p", &v), 0);
    ck_assert_int_eq(v, 17);
    ck_assert_int_eq(dict_set_double(&d, "d", 1.5), 0);
    ck_assert_int_eq(dict_i64(&d, "d", &v), -EINVAL);
    ck_assert_int_eq(dict_set_gfid(&d, "g", &gfid_root), 0);
    ck_assert_int_eq(dict_i64(&d, "g", &v), -EINVAL);
}
END_TEST

START_TEST(text_that_is_no_number_is_refused)
{
    static const struct {
        const char *text;
        int err;
        int64_t v;
    } cases[] = {
        {"", -EINVAL, 0},
        {"-", -EINVAL, 0},
        {"+", -EINVAL, 0},
        {"1a", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"0x10", -EINVAL, 0},
        {"--1", -EINVAL, 0},
        {"+7", 0, 7},
        {"007", 0, 7},
        {"9223372036854775807", 0, INT64_MAX},
        {"9223372036854775808", -EINVAL, 0},
        {"-9223372036854775808", 0, INT64_MIN},
        {"-9223372036854775809", -EINVAL, 0},
        {"99999999999999999999999", -EINVAL, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t v = 0;

        ck_assert_int_eq(dict_set_str(&d, "k", cases[i].text), 0);
        ck_assert_msg(dict_i64(&d, "k", &v) == cases[i].err, "'%s'",
                      cases[i].text);
        ck_assert_int_eq(v, cases[i].v);
    }
    ck_assert_int_eq(dict_set_ptr(&d, "k", "1\0002", 3), 0);
    ck_assert_int_eq(dict_i64(&d, "k", &(int64_t){0}), -EINVAL);
    ck_assert_int_eq(dict_set_ptr(&d, "k", NULL, 0), 0);
    ck_assert_int_eq(dict_i64(&d, "k", &(int64_t){0}), -EINVAL);
}
END_TEST

START_TEST(a_string_ends_in_its_only_nul)
{
    ck_assert_ptr_null(dict_str(&d, "s"));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(dict_set_str(&d, "s", "hello"), 0);
    ck_assert_str_eq(dict_str(&d, "s"), "hello");
    ck_assert_uint_eq(dict_find(&d, "s")->bytes, 6);
    ck_assert_int_eq(dict_set_ptr(&d, "s", "hello", 6), 0);
    ck_assert_str_eq(dict_str(&d, "s"), "hello");
    ck_assert_int_eq(dict_set_ptr(&d, "s", "hello", 5), 0);
    ck_assert_ptr_null(dict_str(&d, "s"));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(dict_set_ptr(&d, "s", "he\0lo", 6), 0);
    ck_assert_ptr_null(dict_str(&d, "s"));
    ck_assert_int_eq(dict_set_ptr(&d, "s", "", 0), 0);
    ck_assert_ptr_null(dict_str(&d, "s"));
    ck_assert_int_eq(dict_set_i64(&d, "s", 0), 0);
    ck_assert_ptr_null(dict_str(&d, "s"));
}
END_TEST

START_TEST(a_gfid_has_sixteen_bytes)
{
    struct gfid g;

    ck_assert_int_eq(dict_gfid(&d, "g", &g), -ENOENT);
    ck_assert_int_eq(dict_set_gfid(&d, "g", &gfid_root), 0);
    ck_assert_int_eq(dict_gfid(&d, "g", &g), 0);
    ck_assert(gfid_is_root(&g));
    ck_assert_int_eq(dict_set_ptr(&d, "g", gfid_root.b, 16), 0);
    ck_assert_int_eq(dict_gfid(&d, "g", &g), 0);
    ck_assert_int_eq(dict_set_ptr(&d, "g", gfid_root.b, 15), 0);
    ck_assert_int_eq(dict_gfid(&d, "g", &g), -EINVAL);
    ck_assert_int_eq(dict_set_str(&d, "g", "123456789012345"), 0);
    ck_assert_int_eq(dict_gfid(&d, "g", &g), -EINVAL);
}
END_TEST

static void
assert_stored(const char *key, const void *want, size_t want_bytes)
{
    const uint8_t *data;
    uint32_t bytes;

    ck_assert_int_eq(
        dict_pair_stored(dict_find(&d, key), &arena, &data, &bytes), 0);
    ck_assert_uint_eq(bytes, want_bytes);
    ck_assert_mem_eq(data, want, want_bytes);
}

START_TEST(on_disk_numbers_are_text)
{
    const struct iatt ia = {.nlink = 1};
    const uint8_t *data;
    uint32_t bytes;

    ck_assert_int_eq(dict_set_i64(&d, "i", -5), 0);
    assert_stored("i", "-5", 3);
    ck_assert_int_eq(dict_set_u64(&d, "u", UINT64_MAX), 0);
    assert_stored("u", "18446744073709551615", 21);
    ck_assert_int_eq(dict_set_double(&d, "d", 0.5), 0);
    assert_stored("d", "0.500000", 9);
    ck_assert_int_eq(dict_set_str(&d, "s", "x"), 0);
    assert_stored("s", "x", 2);
    ck_assert_int_eq(dict_set_ptr(&d, "p", "a\0b", 3), 0);
    assert_stored("p", "a\0b", 3);
    ck_assert_int_eq(dict_set_gfid(&d, "g", &gfid_root), 0);
    assert_stored("g", gfid_root.b, 16);
    ck_assert_int_eq(dict_set_iatt(&d, "ia", &ia), 0);
    ck_assert_int_eq(
        dict_pair_stored(dict_find(&d, "ia"), &arena, &data, &bytes), -EINVAL);
}
END_TEST

START_TEST(setting_again_replaces_in_place)
{
    ck_assert_int_eq(dict_set_i64(&d, "a", 1), 0);
    ck_assert_int_eq(dict_set_i64(&d, "b", 2), 0);
    ck_assert_int_eq(dict_set_str(&d, "a", "x"), 0);
    ck_assert_uint_eq(d.count, 2);
    ck_assert_str_eq(d.pairs[0].key, "a");
    ck_assert_str_eq(dict_str(&d, "a"), "x");
}
END_TEST

START_TEST(removal_keeps_the_order_of_the_others)
{
    ck_assert_int_eq(dict_set_i64(&d, "a", 1), 0);
    ck_assert_int_eq(dict_set_i64(&d, "b", 2), 0);
    ck_assert_int_eq(dict_set_i64(&d, "c", 3), 0);
    dict_remove(&d, "a");
    ck_assert_uint_eq(d.count, 2);
    ck_assert_str_eq(d.pairs[0].key, "b");
    ck_assert_str_eq(d.pairs[1].key, "c");
    dict_remove(&d, "c");
    ck_assert_uint_eq(d.count, 1);
    ck_assert(dict_has(&d, "b") && !dict_has(&d, "c"));
}
END_TEST

START_TEST(it_holds_its_maximum_and_not_one_more)
{
    static char keys[DICT_PAIRS_MAX + 1][8];
    int64_t v;

    for (int i = 0; i <= DICT_PAIRS_MAX; i++)
        (void)sprintf(keys[i], "k%d", i);
    for (int i = 0; i < DICT_PAIRS_MAX; i++)
        ck_assert_int_eq(dict_set_i64(&d, keys[i], i), 0);
    ck_assert_int_eq(dict_set_i64(&d, keys[DICT_PAIRS_MAX], 0), -E2BIG);
    ck_assert_int_eq(dict_set_i64(&d, keys[0], 7), 0); /* replacing is fine */
    for (int i = 1; i < DICT_PAIRS_MAX; i++) {
        ck_assert_int_eq(dict_i64(&d, keys[i], &v), 0);
        ck_assert_int_eq(v, i);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dict");
    TCase *tc = core_tcase(suite, "dict");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_new_one_is_null_until_something_is_set);
    tcase_add_test(tc, numbers_come_back_from_every_type_that_holds_one);
    tcase_add_test(tc, text_that_is_no_number_is_refused);
    tcase_add_test(tc, a_string_ends_in_its_only_nul);
    tcase_add_test(tc, a_gfid_has_sixteen_bytes);
    tcase_add_test(tc, on_disk_numbers_are_text);
    tcase_add_test(tc, setting_again_replaces_in_place);
    tcase_add_test(tc, removal_keeps_the_order_of_the_others);
    tcase_add_test(tc, it_holds_its_maximum_and_not_one_more);
    return core_run(suite);
}
