/* SPDX-License-Identifier: BSD-2-Clause */
/* What top makes of two answers. */
#include <check.h>
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "cli/top.h"
#include "mem/must.h"

static char shown[16384];

static json_object *
parse(const char *text)
{
    json_object *obj = json_tokener_parse(text);

    must(obj != NULL);
    return obj;
}

/* One operation, one client, one class, all with the same counts. */
static json_object *
answer(int64_t at_ns, int calls, int64_t sum_ns, const char *buckets)
{
    char text[4096];

    (void)snprintf(
        text, sizeof(text),
        "{\"ok\": true, \"brick\": \"/b\\u001b[2J\", \"volume\": \"v\","
        " \"uptime\": 10, \"at-ns\": %lld, \"connections\": 1,"
        " \"data-bytes-read\": %d,"
        " \"memory\": {\"resident\": 1048576, \"limit\": 0},"
        " \"classes\": {\"fast\": {\"queued\": {\"count\": %d,"
        " \"sum-ns\": %lld}, \"total\": {\"count\": %d}}},"
        " \"operations\": [{\"op\": \"IDLE\", \"calls\": 7},"
        " {\"op\": \"LOOKUP\", \"calls\": %d, \"stages\": {\"total\":"
        " {\"count\": %d, \"sum-ns\": %lld, \"buckets\": %s}}}],"
        " \"clients\": [{\"generation\": 1, \"peer\": \"here:1\","
        " \"calls\": %d, \"bytes-read\": %d}]}",
        (long long)at_ns, calls * 1024, calls, (long long)sum_ns, calls, calls,
        calls, (long long)sum_ns, buckets, calls, calls * 1024);
    return parse(text);
}

static void
show(json_object *older, json_object *newer, unsigned rows)
{
    FILE *out = fmemopen(shown, sizeof(shown), "w");

    must(out != NULL);
    top_print(out, older, newer, rows);
    must(fclose(out) == 0);
}

/* The words of the line that begins with `word`. */
static const char *
line_of(const char *word)
{
    static char line[512];
    const char *at = shown;

    for (; at != NULL && *at != '\0'; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, word, strlen(word)) == 0) {
            size_t n = 0;

            for (; *at != '\0' && *at != '\n' && n + 1 < sizeof(line); at++)
                if (*at != ' ' || (n > 0 && line[n - 1] != ' '))
                    line[n++] = *at;
            line[n] = '\0';
            return line;
        }
    }
    return "";
}

START_TEST(rates_are_those_between_the_two)
{
    json_object *older = answer(1000000000, 100, 100000000, "[[2047, 100]]");
    json_object *newer =
        answer(3000000000, 300, 500000000, "[[2047, 100], [4095, 200]]");

    show(older, newer, 0);
    ck_assert_str_eq(line_of("LOOKUP"),
                     "LOOKUP 100 0 2.00 ms 4.09 us 4.09 us - - -");
    ck_assert_str_eq(line_of("IDLE"), "IDLE 0 0 - - - - - -");
    ck_assert_str_eq(line_of("here:1"), "here:1 100 100 KiB 0 B - 0 B ");
    ck_assert_str_eq(line_of("fast"), "fast 0 0 0 100 2.00 ms -");
    ck_assert_ptr_nonnull(strstr(shown, "since the last look"));
    json_object_put(older);
    json_object_put(newer);
}
END_TEST

START_TEST(the_first_look_is_since_the_start)
{
    json_object *newer = answer(3000000000, 300, 300000000, "[[2047, 300]]");

    show(NULL, newer, 0);
    ck_assert_str_eq(line_of("LOOKUP"),
                     "LOOKUP 30 0 1.00 ms 2.05 us 2.05 us - - -");
    ck_assert_ptr_nonnull(strstr(shown, "since the start"));
    json_object_put(newer);
}
END_TEST

START_TEST(counters_that_went_back_are_no_rate)
{
    json_object *older = answer(1000000000, 900, 900, "[[2047, 900]]");
    json_object *newer = answer(2000000000, 5, 5, "[[2047, 5]]");

    show(older, newer, 0);
    ck_assert_str_eq(line_of("LOOKUP"), "LOOKUP 0 0 - - - - - -");
    json_object_put(older);
    json_object_put(newer);
}
END_TEST

START_TEST(an_answer_may_lack_anything)
{
    json_object *newer = parse("{\"ok\": true, \"operations\": 5,"
                               " \"clients\": [3], \"classes\": []}");

    show(newer, newer, 3);
    ck_assert_ptr_nonnull(strstr(shown, "OPERATION"));
    json_object_put(newer);
}
END_TEST

START_TEST(it_fits_into_the_rows)
{
    json_object *newer = answer(3000000000, 300, 300000000, "[[2047, 300]]");

    for (unsigned rows = 18; rows < 40; rows++) {
        unsigned lines = 0;

        show(NULL, newer, rows);
        for (const char *p = shown; *p != '\0'; p++)
            lines += *p == '\n';
        ck_assert_uint_le(lines, rows);
    }
    json_object_put(newer);
}
END_TEST

START_TEST(what_the_daemon_says_moves_no_cursor)
{
    json_object *newer = answer(3000000000, 300, 300000000, "[]");

    show(NULL, newer, 0);
    ck_assert_ptr_null(strchr(shown, '\033'));
    ck_assert_ptr_nonnull(strstr(shown, "\\x1b[2J"));
    json_object_put(newer);
}
END_TEST

START_TEST(quantiles_come_from_what_was_added)
{
    json_object *older = parse("[[1000, 1000], [2000, 5]]");
    json_object *newer = parse("[[1000, 1001], [2000, 103], [-1, 1]]");

    ck_assert_int_eq(top_quantile_ns(older, newer, 0), 1000);
    ck_assert_int_eq(top_quantile_ns(older, newer, 500), 2000);
    ck_assert_int_eq(top_quantile_ns(older, newer, 990), 2000);
    ck_assert_int_eq(top_quantile_ns(older, newer, 1000), -1);
    ck_assert_int_eq(top_quantile_ns(NULL, newer, 500), 1000);
    ck_assert_int_eq(top_quantile_ns(newer, newer, 500), 0);
    ck_assert_int_eq(top_quantile_ns(NULL, NULL, 500), 0);
    json_object_put(older);
    json_object_put(newer);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("top");
    TCase *tc = tcase_create("top");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, rates_are_those_between_the_two);
    tcase_add_test(tc, the_first_look_is_since_the_start);
    tcase_add_test(tc, counters_that_went_back_are_no_rate);
    tcase_add_test(tc, an_answer_may_lack_anything);
    tcase_add_test(tc, it_fits_into_the_rows);
    tcase_add_test(tc, what_the_daemon_says_moves_no_cursor);
    tcase_add_test(tc, quantiles_come_from_what_was_added);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
