/* SPDX-License-Identifier: BSD-2-Clause */
/* The option table, the syntax of values, and values in force. */
#include "server/core/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/must.h"
#include "server/core/option_value.h"
#include "tests/unit/core_fixture.h"

static struct options *o;
static char err[OPTION_ERROR_BYTES];

static void
set_up(void)
{
    o = options_new();
    ck_assert_ptr_nonnull(o);
    err[0] = '\0';
}

static void
tear_down(void)
{
    options_free(&o);
    ck_assert_ptr_null(o);
}

START_TEST(the_table_is_sound)
{
    char text[256];

    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const struct option_def *def = option_def((enum option_id)i);
        const char *dot = strchr(def->key, '.');

        ck_assert_ptr_nonnull(dot);
        ck_assert_ptr_null(strchr(dot + 1, '.'));
        ck_assert_uint_lt(strlen(def->key), 64);
        ck_assert_int_eq(option_find(def->key), i);
        if (def->volume_key != NULL)
            ck_assert_msg(option_find(def->volume_key) == i, "%s is ambiguous",
                          def->volume_key);
        ck_assert_int_le(def->min, def->max);
        ck_assert((def->type == OPTION_CHOICE) == (def->choices != NULL));
        ck_assert_ptr_null(strpbrk(def->help, "\t\n"));
        ck_assert_int_eq(def->help[strlen(def->help) - 1], '.');
        if (def->def != NULL)
            ck_assert_msg(options_check(def->key, def->def, err) == 0, "%s",
                          err);
        ck_assert(options_is_default(o, (enum option_id)i));
        ck_assert_ptr_nonnull(
            options_text(o, (enum option_id)i, text, sizeof(text)));
        ck_assert_str_eq(text, def->def != NULL ? def->def : "");
    }
}
END_TEST

START_TEST(options_are_found_by_key_volume_key_and_bare_name)
{
    ck_assert_int_eq(option_find("io-threads.thread-count"), OPT_THREAD_COUNT);
    ck_assert_int_eq(option_find("performance.io-thread-count"),
                     OPT_THREAD_COUNT);
    ck_assert_int_eq(option_find("thread-count"), OPT_THREAD_COUNT);
    ck_assert_int_eq(option_find("thread-coun"), -1);
    ck_assert_int_eq(option_find(""), -1);
    ck_assert_int_eq(option_find("io-threads."), -1);
}
END_TEST

START_TEST(an_unknown_key_names_the_nearest)
{
    ck_assert_int_eq(
        options_set(o, "io-threads.thread-cuont", "3", false, err), -ENOENT);
    ck_assert_contains(err, "'io-threads.thread-cuont'");
    ck_assert_contains(err, "'io-threads.thread-count'");
    ck_assert_str_eq(option_nearest("tread-count"), "io-threads.thread-count");
    ck_assert_str_eq(option_nearest("storage.reserv"), "posix.reserve");
    ck_assert_ptr_null(option_nearest("zzzzzzzzzzzzzzzzzz"));
    ck_assert_int_eq(options_check("zzzzzzzzzzzzzzzzzz", "3", err), -ENOENT);
    ck_assert_contains_not(err, "did you mean");
    ck_assert_ptr_null(option_nearest(
        "0123456789012345678901234567890123456789012345678901234567890123456"));
}
END_TEST

START_TEST(a_bad_value_is_named_with_what_is_accepted)
{
    ck_assert_int_eq(options_set(o, "thread-count", "65", false, err),
                     -ERANGE);
    ck_assert_str_eq(err, "io-threads.thread-count: '65' is out of range, "
                          "which is 1 to 64");
    ck_assert_int_eq(options_set(o, "thread-count", "many", false, err),
                     -EINVAL);
    ck_assert_contains(err, "'many' is not a whole number");
    ck_assert_int_eq(options_set(o, "log.level", "LOUD", false, err), -EINVAL);
    ck_assert_contains(err, "one of DEBUG|INFO|");
    ck_assert_int_eq(options_set(o, "force-create-mode", "1000", false, err),
                     -ERANGE);
    ck_assert_contains(err, "0000 to 0777");
    ck_assert_int_eq(options_number(o, OPT_THREAD_COUNT), 16);
}
END_TEST

struct value_case {
    enum option_type type;
    const char *text;
    int result;
    int64_t number;
};

static const struct value_case value_cases[] = {
    {OPTION_BOOL, "on", 0, 1},
    {OPTION_BOOL, "Enable", 0, 1},
    {OPTION_BOOL, "TRUE", 0, 1},
    {OPTION_BOOL, "yes", 0, 1},
    {OPTION_BOOL, "1", 0, 1},
    {OPTION_BOOL, "off", 0, 0},
    {OPTION_BOOL, "disable", 0, 0},
    {OPTION_BOOL, "no", 0, 0},
    {OPTION_BOOL, "False", 0, 0},
    {OPTION_BOOL, "0", 0, 0},
    {OPTION_BOOL, "", -EINVAL, 0},
    {OPTION_BOOL, "2", -EINVAL, 0},
    {OPTION_BOOL, "onn", -EINVAL, 0},
    {OPTION_INT, "42", 0, 42},
    {OPTION_INT, "-1", 0, -1},
    {OPTION_INT, "+7", 0, 7},
    {OPTION_INT, "0x1F", 0, 31},
    {OPTION_INT, "010", 0, 8},
    {OPTION_INT, "", -EINVAL, 0},
    {OPTION_INT, " 1", -EINVAL, 0},
    {OPTION_INT, "1 ", -EINVAL, 0},
    {OPTION_INT, "12monkeys", -EINVAL, 0},
    {OPTION_INT, "1.5", -EINVAL, 0},
    {OPTION_INT, "--1", -EINVAL, 0},
    {OPTION_INT, "9223372036854775807", 0, INT64_MAX},
    {OPTION_INT, "9223372036854775808", -ERANGE, 0},
    {OPTION_INT, "99999999999999999999x", -EINVAL, 0},
    {OPTION_SIZE, "100", 0, 100},
    {OPTION_SIZE, "100B", 0, 100},
    {OPTION_SIZE, "1KB", 0, 1024},
    {OPTION_SIZE, "1.5kb", 0, 1536},
    {OPTION_SIZE, "2 MB", 0, 2 << 20},
    {OPTION_SIZE, "3g", 0, INT64_C(3) << 30},
    {OPTION_SIZE, "1TB", 0, INT64_C(1) << 40},
    {OPTION_SIZE, "8191PB", 0, INT64_C(8191) << 50},
    {OPTION_SIZE, "8192PB", -ERANGE, 0},
    {OPTION_SIZE, "8192.0PB", -ERANGE, 0},
    {OPTION_SIZE, "9007199254740993", 0, INT64_C(9007199254740993)},
    {OPTION_SIZE, "1.KB", -EINVAL, 0},
    {OPTION_SIZE, ".5KB", -EINVAL, 0},
    {OPTION_SIZE, "1,5KB", -EINVAL, 0},
    {OPTION_SIZE, "1e3", -EINVAL, 0},
    {OPTION_SIZE, "-1", -EINVAL, 0},
    {OPTION_SIZE, "1EB", -EINVAL, 0},
    {OPTION_SIZE, "KB", -EINVAL, 0},
    {OPTION_SIZE, "nan", -EINVAL, 0},
    {OPTION_SECONDS, "90", 0, 90},
    {OPTION_SECONDS, "90s", 0, 90},
    {OPTION_SECONDS, "2min", 0, 120},
    {OPTION_SECONDS, "2m", 0, 120},
    {OPTION_SECONDS, "1 hr", 0, 3600},
    {OPTION_SECONDS, "3d", 0, 259200},
    {OPTION_SECONDS, "2days", 0, 172800},
    {OPTION_SECONDS, "1wk", 0, 604800},
    {OPTION_SECONDS, "1y", -EINVAL, 0},
    {OPTION_SECONDS, "s", -EINVAL, 0},
    {OPTION_SECONDS, "9223372036854775807w", -ERANGE, 0},
    {OPTION_OCTAL, "0755", 0, 0755},
    {OPTION_OCTAL, "755", 0, 0755},
    {OPTION_OCTAL, "0", 0, 0},
    {OPTION_OCTAL, "8", -EINVAL, 0},
    {OPTION_OCTAL, "0x1", -EINVAL, 0},
    {OPTION_OCTAL, "-1", -EINVAL, 0},
    {OPTION_PATH, "/a/b..c", 0, 0},
    {OPTION_PATH, "", 0, 0},
    {OPTION_PATH, "a", -EINVAL, 0},
    {OPTION_PATH, "/..", -EINVAL, 0},
    {OPTION_PATH, "/a/../b", -EINVAL, 0},
    {OPTION_PATH, "/a\nb", -EINVAL, 0},
    {OPTION_UUID, "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", 0, 0},
    {OPTION_UUID, "", 0, 0},
    {OPTION_UUID, "0a1b2c3d", -EINVAL, 0},
    {OPTION_STRING, "any thing", 0, 0},
    {OPTION_STRING, "a\tb", -EINVAL, 0},
    {OPTION_STRING, "a\x7f", -EINVAL, 0},
    {OPTION_CHOICE, "two", 0, 1},
    {OPTION_CHOICE, "THREE", 0, 2},
    {OPTION_CHOICE, "thre", -EINVAL, 0},
    {OPTION_CHOICE, "one|two", -EINVAL, 0},
    {OPTION_CHOICE, "", -EINVAL, 0},
};

START_TEST(values_have_the_peers_syntax)
{
    const struct value_case *c = &value_cases[_i];
    bool numeric = c->type == OPTION_INT || c->type == OPTION_SIZE ||
                   c->type == OPTION_SECONDS || c->type == OPTION_OCTAL;
    const struct option_def def = {.key = "a.b",
                                   .type = c->type,
                                   .min = numeric ? INT64_MIN : 0,
                                   .max = numeric ? INT64_MAX : 0,
                                   .choices = "one|two|three"};
    struct option_value value;
    int result = option_value_parse(&def, c->text, &value, err);

    ck_assert_msg(result == c->result, "'%s': %d", c->text, result);
    if (result == 0)
        ck_assert_int_eq(value.number, c->number);
    else
        ck_assert_contains(err, "a.b: ");
}
END_TEST

static void
assert_reserve(const char *text, bool percent, double want)
{
    double p = -1;
    uint64_t bytes = 0;

    ck_assert_msg(options_set(o, "posix.reserve", text, true, err) == 0, "%s",
                  err);
    ck_assert_msg(
        options_percent_or_size(o, OPT_RESERVE, &p, &bytes) == percent, "%s",
        text);
    if (percent)
        ck_assert_double_eq_tol(p, want, 1e-6);
    else
        ck_assert_uint_eq(bytes, (uint64_t)want);
}

START_TEST(below_a_hundred_it_is_a_percentage)
{
    double p;
    uint64_t bytes;

    ck_assert(options_percent_or_size(o, OPT_RESERVE, &p, &bytes));
    ck_assert_double_eq_tol(p, 1, 1e-9);
    assert_reserve("0", true, 0);
    assert_reserve("0.5", true, 0.5);
    assert_reserve("99.99", true, 99.99);
    assert_reserve("5%", true, 5);
    assert_reserve("100%", true, 100);
    assert_reserve("100", false, 100);
    assert_reserve("50KB", false, 51200);
    assert_reserve("off", false, 0);
    assert_reserve("1.5GB", false, 1610612736);
    ck_assert_int_eq(options_set(o, "posix.reserve", "101%", true, err),
                     -ERANGE);
    ck_assert_int_eq(options_set(o, "posix.reserve", "-1%", true, err),
                     -EINVAL);
    ck_assert_int_eq(options_set(o, "posix.reserve", "5%%", true, err),
                     -EINVAL);
    ck_assert_int_eq(options_set(o, "posix.reserve", "", true, err), -EINVAL);
}
END_TEST

START_TEST(text_is_as_it_was_set_and_choices_as_listed)
{
    char text[64], four[4];

    ck_assert_int_eq(options_set(o, "idle-time", "3min", false, err), 0);
    ck_assert_int_eq(options_number(o, OPT_IDLE_TIME), 180);
    ck_assert_str_eq(options_text(o, OPT_IDLE_TIME, text, sizeof(text)),
                     "3min");
    ck_assert_int_eq(options_set(o, "log.level", "debug", false, err), 0);
    ck_assert_str_eq(options_text(o, OPT_LOG_LEVEL, text, sizeof(text)),
                     "DEBUG");
    ck_assert_int_eq(options_number(o, OPT_LOG_LEVEL), 0);
    ck_assert_str_eq(options_text(o, OPT_LOG_LEVEL, four, sizeof(four)),
                     "DEB");
    ck_assert(!options_is_default(o, OPT_IDLE_TIME));
    ck_assert_int_eq(options_reset(o, OPT_IDLE_TIME), 0);
    ck_assert(options_is_default(o, OPT_IDLE_TIME));
    ck_assert_int_eq(options_number(o, OPT_IDLE_TIME), 120);
    ck_assert_str_eq(options_text(o, OPT_IDLE_TIME, text, sizeof(text)),
                     "120");
}
END_TEST

START_TEST(text_has_bounds)
{
    static char text[OPTION_VALUE_BYTES_MAX + 1];

    memset(text, 'a', sizeof(text) - 1);
    ck_assert_int_eq(options_set(o, "auth.allow", text, false, err), -ERANGE);
    text[OPTION_VALUE_BYTES_MAX - 1] = '\0';
    ck_assert_int_eq(options_set(o, "auth.allow", text, false, err), 0);
    ck_assert_int_eq(
        options_set(o, "posix.gfid2path-separator", "12345678", false, err),
        -ERANGE);
    ck_assert_int_eq(
        options_set(o, "posix.gfid2path-separator", "1234567", false, err), 0);
    ck_assert_int_eq(
        options_set(o, "posix.gfid2path-separator", "", false, err), -ERANGE);
}
END_TEST

START_TEST(fixed_options_do_not_change_while_running)
{
    ck_assert_ptr_null(options_const(o, OPT_BRICK_DIRECTORY));
    ck_assert_int_eq(options_set(o, "posix.directory", "/b", false, err), 0);
    ck_assert_str_eq(options_const(o, OPT_BRICK_DIRECTORY), "/b");
    ck_assert_int_eq(options_set(o, "posix.directory", "/c", true, err),
                     -EPERM);
    ck_assert_contains(err, "posix.directory");
    ck_assert_int_eq(options_set(o, "posix.directory", "/b", true, err), 0);
    ck_assert_int_eq(options_reset(o, OPT_BRICK_DIRECTORY), -EPERM);
    ck_assert_str_eq(options_const(o, OPT_BRICK_DIRECTORY), "/b");
    ck_assert_int_eq(options_set(o, "posix.directory", "", false, err), 0);
    ck_assert_ptr_null(options_const(o, OPT_BRICK_DIRECTORY));
}
END_TEST

static void
count_change(void *arg, enum option_id id)
{
    /* No lock is held: options can be read here. */
    (void)options_number(o, OPT_THREAD_COUNT);
    ((unsigned *)arg)[id]++;
}

START_TEST(subscribers_hear_of_changes_once)
{
    unsigned changes[OPTIONS_COUNT] = {0};

    ck_assert_int_eq(options_subscribe(o, count_change, changes), 0);
    ck_assert_int_eq(options_set(o, "thread-count", "8", true, err), 0);
    ck_assert_uint_eq(changes[OPT_THREAD_COUNT], 1);
    ck_assert_int_eq(options_set(o, "thread-count", "0x8", true, err), 0);
    ck_assert_uint_eq(changes[OPT_THREAD_COUNT], 1);
    ck_assert_int_eq(options_set(o, "thread-count", "99", true, err), -ERANGE);
    ck_assert_uint_eq(changes[OPT_THREAD_COUNT], 1);
    ck_assert_int_eq(options_reset(o, OPT_THREAD_COUNT), 0);
    ck_assert_uint_eq(changes[OPT_THREAD_COUNT], 2);
    ck_assert_int_eq(options_set(o, "server.listen-port", "1", false, err), 0);
    ck_assert_uint_eq(changes[OPT_LISTEN_PORT], 0);
    ck_assert_int_eq(options_set_login(o, "u", "p"), 0);
    ck_assert_uint_eq(changes[OPT_AUTH_LOGIN_ALLOW], 1);
    for (int i = 1; i < 16; i++)
        ck_assert_int_eq(options_subscribe(o, count_change, changes), 0);
    ck_assert_int_eq(options_subscribe(o, count_change, changes), -ENOSPC);
}
END_TEST

START_TEST(users_have_passwords)
{
    char buf[512], user[16];
    static char longer[600];

    ck_assert(!options_login(o, "alice", buf, sizeof(buf)));
    ck_assert_int_eq(options_set_login(o, "alice", "one"), 0);
    ck_assert_int_eq(options_set_login(o, "bob", "two"), 0);
    ck_assert_int_eq(options_set_login(o, "alice", "three"), 0);
    ck_assert(options_login(o, "alice", buf, sizeof(buf)));
    ck_assert_str_eq(buf, "three");
    ck_assert(options_login(o, "bob", buf, sizeof(buf)));
    ck_assert_str_eq(buf, "two");
    ck_assert_int_eq(options_set_login(o, "", "x"), -EINVAL);
    ck_assert_int_eq(options_set_login(o, "x", ""), -EINVAL);
    memset(longer, 'p', 512);
    ck_assert_int_eq(options_set_login(o, "x", longer), -EINVAL);
    longer[511] = '\0';
    ck_assert_int_eq(options_set_login(o, "x", longer), 0);
    ck_assert(options_login(o, "x", buf, sizeof(buf)));
    ck_assert_str_eq(buf, longer);
    for (int i = 3; i < 1024; i++) {
        (void)snprintf(user, sizeof(user), "u%d", i);
        ck_assert_int_eq(options_set_login(o, user, "p"), 0);
    }
    ck_assert_int_eq(options_set_login(o, "one more", "p"), -E2BIG);
}
END_TEST

START_TEST(the_table_prints_one_line_an_option)
{
    FILE *f = fopen("table", "w");
    const char *p;
    int lines = 0, tabs = 0;

    ck_assert_ptr_nonnull(f);
    options_print_table(f);
    ck_assert_int_eq(fclose(f), 0);
    for (p = core_file_read("table", NULL); *p != '\0'; p++) {
        lines += *p == '\n';
        tabs += *p == '\t';
    }
    ck_assert_int_eq(lines, OPTIONS_COUNT);
    ck_assert_int_eq(tabs, 5 * OPTIONS_COUNT);
    ck_assert_contains(core_file_read("table", NULL),
                       "\nio-threads.thread-count\tnumber\t1 to 64\t16\tyes\t"
                       "Most worker threads.\n");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("options");
    TCase *tc = core_tcase(suite, "options");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, the_table_is_sound);
    tcase_add_test(tc, options_are_found_by_key_volume_key_and_bare_name);
    tcase_add_test(tc, an_unknown_key_names_the_nearest);
    tcase_add_test(tc, a_bad_value_is_named_with_what_is_accepted);
    tcase_add_loop_test(tc, values_have_the_peers_syntax, 0,
                        COUNT_OF(value_cases));
    tcase_add_test(tc, below_a_hundred_it_is_a_percentage);
    tcase_add_test(tc, text_is_as_it_was_set_and_choices_as_listed);
    tcase_add_test(tc, text_has_bounds);
    tcase_add_test(tc, fixed_options_do_not_change_while_running);
    tcase_add_test(tc, subscribers_hear_of_changes_once);
    tcase_add_test(tc, users_have_passwords);
    tcase_add_test(tc, the_table_prints_one_line_an_option);
    return core_run(suite);
}
