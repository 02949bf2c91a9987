/* SPDX-License-Identifier: BSD-2-Clause */
/* The native configuration file: all of it or nothing, and every mistake told
 * with its line. */
#include "server/core/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/must.h"
#include "server/core/options.h"
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
}

static int
load(const char *text, bool running)
{
    core_file_write("conf", text);
    return options_load_file(o, "conf", running, err, NULL, NULL);
}

static void
load_well(const char *text, bool running)
{
    ck_assert_msg(load(text, running) == 0, "%s", err);
}

START_TEST(sections_names_and_values_are_read)
{
    char buf[512];

    load_well("# a comment\n"
              "; another\n"
              "server.listen-port = 1234\n"
              "\n"
              "[io-threads]\n"
              "thread-count = 8\n"
              "\tidle-time=2min   ; until then\n"
              "  least-prio-threads: 2\n"
              "[posix]\r\n"
              "directory = /bricks/one two\r\n"
              "reserve = 5%\r\n"
              "[auth] # all\n"
              "allow = 10.0.0.*,::1\n"
              "reject =\n"
              "[logins]\n"
              "alice = pass = word#1\n"
              "thread-count = not an option here",
              false);
    ck_assert_int_eq(options_number(o, OPT_LISTEN_PORT), 1234);
    ck_assert_int_eq(options_number(o, OPT_THREAD_COUNT), 8);
    ck_assert_int_eq(options_number(o, OPT_IDLE_TIME), 120);
    ck_assert_int_eq(options_number(o, OPT_LEAST_PRIO), 2);
    ck_assert_str_eq(options_const(o, OPT_BRICK_DIRECTORY),
                     "/bricks/one two");
    ck_assert_str_eq(options_text(o, OPT_AUTH_ALLOW, buf, sizeof(buf)),
                     "10.0.0.*,::1");
    ck_assert_str_eq(options_text(o, OPT_AUTH_REJECT, buf, sizeof(buf)), "");
    ck_assert(options_login(o, "alice", buf, sizeof(buf)));
    ck_assert_str_eq(buf, "pass = word#1");
    ck_assert(options_login(o, "thread-count", buf, sizeof(buf)));
    ck_assert_str_eq(buf, "not an option here");
}
END_TEST

START_TEST(an_empty_file_is_fine)
{
    load_well("", false);
    load_well("\n\n# nothing\n[server]\n", false);
    for (int i = 0; i < OPTIONS_COUNT; i++)
        ck_assert(options_is_default(o, (enum option_id)i));
}
END_TEST

static const struct {
    const char *text;
    int result;
    const char *told;
} bad_files[] = {
    {"[io-threads]\nthread-cuont = 3\n", -ENOENT,
     "conf:2: unknown option 'io-threads.thread-cuont'; did you mean "
     "'io-threads.thread-count'?"},
    {"[io-thread]\nthread-count = 3\n", -ENOENT,
     "conf:2: unknown option 'io-thread.thread-count'; did you mean "
     "'io-threads.thread-count'?"},
    {"thread-count = 3\n", -ENOENT,
     "did you mean 'io-threads.thread-count'?"},
    {"[qqqqqqqq]\nwwwwwwwwww = 1\n", -ENOENT,
     "conf:2: unknown option 'qqqqqqqq.wwwwwwwwww'"},
    {"\n\n[io-threads]\n\nthread-count = 65\n", -ERANGE,
     "conf:5: io-threads.thread-count: '65' is out of range, which is 1 to "
     "64"},
    {"[io-threads]\npass-through = maybe\n", -EINVAL,
     "conf:2: io-threads.pass-through: 'maybe' is not on or off"},
    {"[io-threads]\nthread-count\n", -EINVAL,
     "conf:2: this is neither [section] nor name = value"},
    {"[io-threads\nthread-count = 1\n", -EINVAL,
     "conf:1: a section is written [name]"},
    {"[]\n", -EINVAL, "conf:1: a section is written [name]"},
    {"[server] listen-port = 1\n", -EINVAL,
     "conf:1: there is more after the section's name"},
    {"[server]\nlisten-port = 1\n\nlisten-port = 2\n", -EINVAL,
     "conf:4: server.listen-port has been set in line 2 already"},
    {"[server]\n= 1\n", -ENOENT, "conf:2: unknown option 'server.'"},
    {"[logins]\nalice = a\nalice = b\n", -EINVAL,
     "conf:3: user 'alice' is there already"},
    {"[logins]\nalice =\n", -EINVAL, "conf:2: user 'alice'"},
    {"[server]\nbrick-name = a\x1b[2J\n", -EINVAL,
     "conf:2: server.brick-name: the value has a control character in it"},
    {"[a\x1b]\nb = 1\n", -ENOENT, "unknown option 'a\\x1b.b'"},
    /* The first of several. */
    {"[server]\nlisten-port = x\nlisten-prot = 1\n", -EINVAL,
     "conf:2: server.listen-port: 'x' is not a whole number"},
};

START_TEST(a_bad_file_changes_nothing_and_is_told)
{
    static char text[1024];

    (void)snprintf(text, sizeof(text), "server.nodelay = off\n%s",
                   bad_files[_i].text);
    ck_assert_int_eq(load(bad_files[_i].text, false), bad_files[_i].result);
    ck_assert_contains(err, bad_files[_i].told);
    ck_assert_ptr_null(strchr(err, '\n'));
    ck_assert_ptr_null(strchr(err, '\x1b'));
    ck_assert_int_eq(load(text, false), bad_files[_i].result);
    for (int i = 0; i < OPTIONS_COUNT; i++)
        ck_assert(options_is_default(o, (enum option_id)i));
}
END_TEST

START_TEST(lines_and_files_have_bounds)
{
    static char text[CONFIG_BYTES_MAX + 100];
    const size_t head = strlen("[auth]\nallow=");

    memset(text, 'a', sizeof(text) - 1);
    memcpy(text, "[auth]\nallow=", head);
    strcpy(text + 7 + CONFIG_LINE_BYTES_MAX - 2, "\n");
    load_well(text, false);
    strcpy(text + 7 + CONFIG_LINE_BYTES_MAX - 2, "a\n");
    ck_assert_int_eq(load(text, false), -EINVAL);
    ck_assert_contains(err, "conf:2: the line is longer than");
    memset(text, '\n', sizeof(text) - 1);
    text[CONFIG_BYTES_MAX] = '\0';
    load_well(text, false);
    text[CONFIG_BYTES_MAX] = '\n';
    ck_assert_int_eq(load(text, false), -EFBIG);
}
END_TEST

START_TEST(a_nul_is_told)
{
    FILE *f = fopen("conf", "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite("[auth]\nallow=1\0002\n", 1, 17, f), 17);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(options_load_file(o, "conf", false, err, NULL, NULL),
                     -EINVAL);
    ck_assert_contains(err, "conf:2: there is a NUL in the line");
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_told)
{
    ck_assert_int_eq(options_load_file(o, "none", false, err, NULL, NULL),
                     -ENOENT);
    ck_assert_str_eq(err, "none: No such file or directory");
    ck_assert_int_eq(options_load_file(o, ".", false, err, NULL, NULL),
                     -EISDIR);
    ck_assert_str_eq(err, ".: Is a directory");
    core_file_write("secret", "[server]\n");
    ck_assert_int_eq(chmod("secret", 0), 0);
    ck_assert_int_eq(chmod(core_dir, 0755), 0);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    ck_assert_int_eq(options_load_file(o, "secret", false, err, NULL, NULL),
                     -EACCES);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

static void
count_change(void *arg, enum option_id id)
{
    ((unsigned *)arg)[id]++;
}

START_TEST(reading_it_again_takes_back_what_it_no_longer_says)
{
    unsigned changes[OPTIONS_COUNT] = {0};
    char buf[512];

    load_well("[io-threads]\nthread-count=8\nidle-time=60\n"
              "[logins]\nalice=1\nbob=2\n",
              false);
    ck_assert_int_eq(options_subscribe(o, count_change, changes), 0);
    ck_assert_int_eq(options_set(o, "high-prio-threads", "4", true, err), 0);
    changes[OPT_HIGH_PRIO] = 0;
    load_well("[io-threads]\nidle-time=1min\nlow-prio-threads=3\n"
              "[logins]\nbob=3\n",
              true);
    ck_assert_int_eq(options_number(o, OPT_THREAD_COUNT), 16);
    ck_assert_int_eq(options_number(o, OPT_IDLE_TIME), 60);
    ck_assert_int_eq(options_number(o, OPT_LOW_PRIO), 3);
    ck_assert_int_eq(options_number(o, OPT_HIGH_PRIO), 16);
    ck_assert(!options_login(o, "alice", buf, sizeof(buf)));
    ck_assert(options_login(o, "bob", buf, sizeof(buf)));
    ck_assert_str_eq(buf, "3");
    for (int i = 0; i < OPTIONS_COUNT; i++)
        ck_assert_uint_eq(changes[i],
                          i == OPT_THREAD_COUNT || i == OPT_LOW_PRIO ||
                              i == OPT_HIGH_PRIO || i == OPT_AUTH_LOGIN_ALLOW);
    /* A mistake takes nothing back. */
    ck_assert_int_eq(load("[io-threads]\nidle-time=x\n", true), -EINVAL);
    ck_assert_int_eq(options_number(o, OPT_LOW_PRIO), 3);
}
END_TEST

START_TEST(the_command_line_outranks_the_file)
{
    ck_assert_int_eq(options_set(o, "thread-count", "4", false, err), 0);
    load_well("[io-threads]\nthread-count=8\n", false);
    ck_assert_int_eq(options_number(o, OPT_THREAD_COUNT), 4);
    load_well("", true);
    ck_assert_int_eq(options_number(o, OPT_THREAD_COUNT), 4);
    /* What was set meanwhile, and what is fixed at start. */
    ck_assert_int_eq(options_set(o, "thread-count", "6", true, err), 0);
    ck_assert_int_eq(options_set(o, "brick-name", "/n", false, err), 0);
    ck_assert_int_eq(options_number(o, OPT_THREAD_COUNT), 6);
    load_well("[io-threads]\nthread-count=8\n[server]\nbrick-name=/m\n",
              true);
    ck_assert_int_eq(options_number(o, OPT_THREAD_COUNT), 4);
    ck_assert_str_eq(options_const(o, OPT_BRICK_NAME), "/n");
    ck_assert_int_eq(options_set(o, "thread-count", "6", true, err), 0);
    ck_assert_int_eq(options_set(o, "idle-time", "6", true, err), 0);
    ck_assert_int_eq(options_load_none(o), 0);
    ck_assert_int_eq(options_number(o, OPT_THREAD_COUNT), 4);
    ck_assert_int_eq(options_number(o, OPT_IDLE_TIME), 120);
    ck_assert_int_eq(options_reset(o, OPT_THREAD_COUNT), 0);
    load_well("[io-threads]\nthread-count=8\n", true);
    ck_assert_int_eq(options_number(o, OPT_THREAD_COUNT), 8);
}
END_TEST

START_TEST(what_needs_a_restart_is_left_and_told)
{
    struct core_lines lines = {.count = 0};

    load_well("[posix]\ndirectory=/b\n[server]\nlisten-port=1\nnodelay=on\n",
              false);
    core_file_write("conf", "[posix]\ndirectory=/c\n"
                            "[io-threads]\nthread-count=2\n");
    ck_assert_int_eq(
        options_load_file(o, "conf", true, err, core_lines_add, &lines), 0);
    ck_assert_uint_eq(lines.count, 2);
    ck_assert_contains(lines.text, "posix.directory has changed");
    ck_assert_contains(lines.text, "server.listen-port has changed");
    ck_assert_str_eq(options_const(o, OPT_BRICK_DIRECTORY), "/b");
    ck_assert_int_eq(options_number(o, OPT_LISTEN_PORT), 1);
    ck_assert_int_eq(options_number(o, OPT_THREAD_COUNT), 2);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("config_file");
    TCase *tc = core_tcase(suite, "config_file");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, sections_names_and_values_are_read);
    tcase_add_test(tc, an_empty_file_is_fine);
    tcase_add_loop_test(tc, a_bad_file_changes_nothing_and_is_told, 0,
                        COUNT_OF(bad_files));
    tcase_add_test(tc, lines_and_files_have_bounds);
    tcase_add_test(tc, a_nul_is_told);
    tcase_add_test(tc, a_file_that_cannot_be_read_is_told);
    tcase_add_test(tc, reading_it_again_takes_back_what_it_no_longer_says);
    tcase_add_test(tc, the_command_line_outranks_the_file);
    tcase_add_test(tc, what_needs_a_restart_is_left_and_told);
    return core_run(suite);
}
