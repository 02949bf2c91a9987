/* SPDX-License-Identifier: BSD-2-Clause */
/* How clinkerctl shows things, and what it takes a mistyped word for. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/humane.h"
#include "cli/table.h"
#include "server/core/nearest.h"

START_TEST(sizes_have_three_digits)
{
    char out[HUMANE_BYTES];

    ck_assert_str_eq(humane_size(out, 0), "0 B");
    ck_assert_str_eq(humane_size(out, 999), "999 B");
    ck_assert_str_eq(humane_size(out, 1000), "1.0 KiB");
    ck_assert_str_eq(humane_size(out, 1024), "1.0 KiB");
    ck_assert_str_eq(humane_size(out, 1536), "1.5 KiB");
    ck_assert_str_eq(humane_size(out, 100 << 10), "100 KiB");
    ck_assert_str_eq(humane_size(out, 1023 << 10), "1.0 MiB");
    ck_assert_str_eq(humane_size(out, (uint64_t)3 << 40), "3.0 TiB");
    ck_assert_str_eq(humane_size(out, UINT64_MAX), "16.0 EiB");
}
END_TEST

START_TEST(durations_have_two_units)
{
    char out[HUMANE_BYTES];

    ck_assert_str_eq(humane_duration(out, -5), "0s");
    ck_assert_str_eq(humane_duration(out, 59), "59s");
    ck_assert_str_eq(humane_duration(out, 60), "1m 0s");
    ck_assert_str_eq(humane_duration(out, 3599), "59m 59s");
    ck_assert_str_eq(humane_duration(out, 3600), "1h 0m");
    ck_assert_str_eq(humane_duration(out, 86399), "23h 59m");
    ck_assert_str_eq(humane_duration(out, 86400 * 3 + 7200), "3d 2h");
    ck_assert_str_eq(humane_duration(out, INT64_MAX),
                     "106751991167300d 15h");
}
END_TEST

START_TEST(nearest_word_is_found)
{
    static const char *const words[] = {"status", "statedump", "config get",
                                        "log level"};
    char longer[200];

    ck_assert_str_eq(nearest("staus", words, 4), "status");
    ck_assert_str_eq(nearest("statedmp", words, 4), "statedump");
    ck_assert_str_eq(nearest("config gte", words, 4), "config get");
    ck_assert_ptr_null(nearest("zzzzzz", words, 4));
    ck_assert_ptr_null(nearest("x", words, 0));
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    ck_assert_ptr_null(nearest(longer, words, 4));
}
END_TEST

START_TEST(columns_are_aligned_and_never_cut)
{
    struct table *t = table_new(3, 1 << 1);
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    ck_assert_ptr_nonnull(out);
    table_add(t, "NAME");
    table_add(t, "COUNT");
    table_add(t, "LAST");
    table_add(t, "gr\xc3\xbc\xc3\x9f");
    table_add(t, "%d", 7);
    table_add(t, "a longer text than most");
    table_add(t, "evil\x1b[2J\n");
    table_add(t, "%d", 1234567);
    table_add(t, "%s", "");
    table_print(t, out);
    table_free(&t);
    ck_assert_ptr_null(t);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_str_eq(text, "NAME               COUNT  LAST\n"
                           "gr\xc3\xbc\xc3\x9f                   7  "
                           "a longer text than most\n"
                           "evil\\x1b[2J\\x0a  1234567  \n");
    free(text); /* open_memstream's own */
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("cli");
    TCase *t = tcase_create("cli");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(t, sizes_have_three_digits);
    tcase_add_test(t, durations_have_two_units);
    tcase_add_test(t, nearest_word_is_found);
    tcase_add_test(t, columns_are_aligned_and_never_cut);
    suite_add_tcase(s, t);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
