/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: its line, its files, and what clients cannot do to it. */
#define LOG_DOMAIN "test"
#include "server/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/core/escape.h"
#include "server/core/timestamp.h"
#include "tests/unit/core_fixture.h"

static void
open_log(const char *path)
{
    ck_assert_int_eq(log_open(LOG_SINK_FILE, path, LOG_LVL_INFO, false), 0);
}

static void
assert_matches(const char *text, const char *pattern)
{
    regex_t re;

    ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    ck_assert_msg(regexec(&re, text, 0, NULL, 0) == 0, "'%s' is not '%s'",
                  text, pattern);
    regfree(&re);
}

static size_t
count_lines(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

START_TEST(a_line_has_the_peers_form)
{
    open_log("log");
    log_warning("disk %s is at %d%%", "sda", 93);
    log_close();
    assert_matches(core_file_read("log", NULL),
                   "^\\[[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}\\.[0-9]{6} "
                   "\\+0000\\] W \\[test_log\\.c:[0-9]+:"
                   "a_line_has_the_peers_form[_a-z]*\\] 0-test: "
                   "disk sda is at 93%\n$");
}
END_TEST

START_TEST(levels_have_the_peers_letters)
{
    static const char letters[] = "?MACEWNIDT";
    char want[8];

    ck_assert_int_eq(log_open(LOG_SINK_FILE, "log", LOG_LVL_TRACE, false), 0);
    for (int level = LOG_LVL_EMERG; level <= LOG_LVL_TRACE; level++)
        log_at((enum log_level)level, "level=%d.", level);
    log_close();
    ck_assert_uint_eq(count_lines(core_file_read("log", NULL)), 9);
    for (int level = LOG_LVL_EMERG; level <= LOG_LVL_TRACE; level++) {
        (void)snprintf(want, sizeof(want), "] %c [", letters[level]);
        ck_assert_contains(core_file_read("log", NULL), want);
    }
}
END_TEST

START_TEST(what_is_below_the_level_is_not_written)
{
    open_log("log");
    log_debug("quiet");
    log_info("loud");
    log_set_level(LOG_LVL_DEBUG);
    ck_assert_int_eq(log_get_level(), LOG_LVL_DEBUG);
    log_debug("now audible");
    log_set_level(LOG_LVL_NONE);
    ck_assert(!log_enabled(LOG_LVL_EMERG));
    log_error("silence");
    log_close();
    ck_assert_uint_eq(count_lines(core_file_read("log", NULL)), 2);
    ck_assert_contains(core_file_read("log", NULL), "loud");
    ck_assert_contains(core_file_read("log", NULL), "now audible");
}
END_TEST

START_TEST(names_of_levels_are_read_in_any_case)
{
    enum log_level level;

    for (int i = LOG_LVL_NONE; i <= LOG_LVL_TRACE; i++) {
        ck_assert_int_eq(
            log_level_parse(log_level_name((enum log_level)i), &level), 0);
        ck_assert_int_eq(level, i);
    }
    ck_assert_int_eq(log_level_parse("warning", &level), 0);
    ck_assert_int_eq(level, LOG_LVL_WARNING);
    ck_assert_int_eq(log_level_parse("", &level), -EINVAL);
    ck_assert_int_eq(log_level_parse("INFOR", &level), -EINVAL);
}
END_TEST

START_TEST(nobody_can_forge_a_line)
{
    open_log("log");
    log_error("name=%s",
              "x\n[2026-01-01 00:00:00.000000 +0000] C [a] forged\r\t\x7f"
              "\x1b[2J"
              "\xc2\x9b"
              "1m \xc3\xa9");
    log_close();
    ck_assert_uint_eq(count_lines(core_file_read("log", NULL)), 1);
    ck_assert_contains(core_file_read("log", NULL),
                       "name=x\\x0a[2026-01-01 00:00:00.000000 +0000] C [a] "
                       "forged\\x0d\\x09\\x7f\\x1b[2J\\xc2\x9b"
                       "1m \xc3\xa9\n");
}
END_TEST

START_TEST(a_long_line_is_cut_and_says_so)
{
    static char text[20000];
    size_t bytes;

    memset(text, 'a', sizeof(text) - 1);
    open_log("log");
    log_error("%s", text);
    memset(text, '\n', sizeof(text) - 1);
    log_error("%s", text);
    log_close();
    ck_assert_uint_eq(count_lines(core_file_read("log", &bytes)), 2);
    ck_assert_uint_le(bytes, 2 * LOG_LINE_BYTES_MAX);
    ck_assert_contains(core_file_read("log", NULL), "aaa...[cut]\n");
    ck_assert_contains(core_file_read("log", NULL), "\\x0a");
}
END_TEST

START_TEST(errno_survives_a_line)
{
    open_log("log");
    errno = EXDEV;
    log_error("%m");
    ck_assert_int_eq(errno, EXDEV);
    log_close();
    ck_assert_contains(core_file_read("log", NULL), strerror(EXDEV));
}
END_TEST

START_TEST(parents_are_made_and_the_file_is_private)
{
    struct stat st;

    (void)umask(0);
    open_log("a/b/c.log");
    log_close();
    ck_assert_int_eq(stat("a/b/c.log", &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(stat("a/b", &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0755);
}
END_TEST

START_TEST(a_file_is_appended_to)
{
    core_file_write("log", "before\n");
    open_log("log");
    log_info("after");
    log_close();
    assert_matches(core_file_read("log", NULL), "^before\n.*after\n$");
}
END_TEST

START_TEST(reopening_follows_a_rename_wherever_we_are)
{
    open_log("log"); /* relative: means this directory for good */
    log_info("first");
    ck_assert_int_eq(rename("log", "log.1"), 0);
    log_info("second");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(log_reopen(), 0);
    log_info("third");
    log_close();
    ck_assert_int_eq(chdir(core_dir), 0);
    ck_assert_uint_eq(count_lines(core_file_read("log.1", NULL)), 2);
    ck_assert_uint_eq(count_lines(core_file_read("log", NULL)), 1);
    ck_assert_contains(core_file_read("log", NULL), "third");
}
END_TEST

START_TEST(a_log_that_cannot_be_opened_leaves_the_old_one)
{
    open_log("log");
    ck_assert_int_eq(log_open(LOG_SINK_FILE, "log/x", LOG_LVL_INFO, false),
                     -ENOTDIR);
    ck_assert_int_eq(log_open(LOG_SINK_FILE, "", LOG_LVL_INFO, false),
                     -ENOENT);
    ck_assert_int_eq(log_open(LOG_SINK_FILE, ".", LOG_LVL_INFO, false),
                     -EISDIR);
    log_info("still here");
    /* Reopening: the same. */
    ck_assert_int_eq(rename("log", "old"), 0);
    ck_assert_int_eq(mkdir("log", 0755), 0);
    ck_assert_int_eq(log_reopen(), -EISDIR);
    log_info("and here");
    log_close();
    ck_assert_uint_eq(count_lines(core_file_read("old", NULL)), 2);
}
END_TEST

START_TEST(a_dash_is_stderr)
{
    int fd = open("err", O_WRONLY | O_CREAT, 0600);
    int saved = dup(STDERR_FILENO);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(log_open(LOG_SINK_FILE, "-", LOG_LVL_INFO, false), 0);
    log_info("hello");
    ck_assert_int_eq(log_reopen(), 0);
    ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    ck_assert_contains(core_file_read("err", NULL), "hello");
}
END_TEST

/* A file that may not grow stands for a full disk. */
START_TEST(lines_that_nobody_takes_are_told_of_later)
{
    const struct rlimit none = {0, RLIM_INFINITY};
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    int saved = dup(STDERR_FILENO);

    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    open_log("log");
    ck_assert_int_eq(close(STDERR_FILENO), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    log_info("lost");
    log_info("lost too");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    log_info("back");
    log_info("and on");
    log_close();
    ck_assert_uint_eq(count_lines(core_file_read("log", NULL)), 3);
    ck_assert_contains(core_file_read("log", NULL),
                       "2 lines before this could not be written");
}
END_TEST

START_TEST(the_journal_is_opened_only_where_there_is_one)
{
    int err = log_open(LOG_SINK_JOURNAL, NULL, LOG_LVL_INFO, false);

    if (access("/run/systemd/journal/socket", W_OK) == 0) {
        ck_assert_int_eq(err, 0);
        log_debug("not sent");
        ck_assert_int_eq(log_reopen(), 0);
        log_close();
    } else {
        ck_assert_int_eq(err, -ENOENT);
    }
}
END_TEST

enum { WRITERS = 4, WRITER_LINES = 500 };

static void *
write_lines(void *arg)
{
    for (int i = 0; i < WRITER_LINES; i++)
        log_info("writer %d line %d end", *(const int *)arg, i);
    return NULL;
}

START_TEST(threads_do_not_mix_their_lines_while_it_is_reopened)
{
    pthread_t threads[WRITERS];
    int ids[WRITERS];
    size_t lines = 0, whole = 0;
    char name[16], *text, *save = NULL;

    open_log("log");
    for (int i = 0; i < WRITERS; i++) {
        ids[i] = i;
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, write_lines, &ids[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        (void)snprintf(name, sizeof(name), "log.%d", i);
        ck_assert_int_eq(rename("log", name), 0);
        ck_assert_int_eq(log_reopen(), 0);
    }
    for (int i = 0; i < WRITERS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    log_close();
    for (int i = 0; i < 9; i++) {
        (void)snprintf(name, sizeof(name), i < 8 ? "log.%d" : "log", i);
        text = strdup(core_file_read(name, NULL));
        for (char *line = strtok_r(text, "\n", &save); line != NULL;
             line = strtok_r(NULL, "\n", &save)) {
            lines++;
            whole += line[0] == '[' && strstr(line, " 0-test: writer ") &&
                     strcmp(line + strlen(line) - 4, " end") == 0;
        }
        free(text);
    }
    ck_assert_uint_eq(lines, WRITERS * WRITER_LINES);
    ck_assert_uint_eq(whole, lines);
}
END_TEST

START_TEST(a_limit_lets_so_many_pass_a_second_and_tells_the_rest)
{
    struct log_limit limit = {.burst = 3};
    uint32_t held = 99;

    for (int i = 0; i < 3; i++) {
        ck_assert(log_limit_pass_at(&limit, 0, &held));
        ck_assert_uint_eq(held, 0);
    }
    for (int i = 0; i < 5; i++)
        ck_assert(!log_limit_pass_at(&limit, 0, &held));
    ck_assert(log_limit_pass_at(&limit, 1, &held));
    ck_assert_uint_eq(held, 5);
    ck_assert(log_limit_pass_at(&limit, 1, &held));
    ck_assert_uint_eq(held, 0);
    /* Somebody who read the clock a second ago uses up this one's. */
    ck_assert(log_limit_pass_at(&limit, 0, &held));
    ck_assert(!log_limit_pass_at(&limit, 0, &held));
    ck_assert(!log_limit_pass_at(&limit, 1, &held));
    ck_assert(log_limit_pass_at(&limit, 100, &held));
    ck_assert_uint_eq(held, 2);
}
END_TEST

static struct log_limit shared_limit = {.burst = 100};
static _Atomic(unsigned) passed, told;

static void *
use_limit(void *arg)
{
    uint32_t held;

    for (uint64_t second = 0; second < 50; second++) {
        for (int i = 0; i < 200; i++) {
            if (log_limit_pass_at(&shared_limit, second, &held))
                passed++;
            told += held;
        }
    }
    return NULL;
}

START_TEST(a_limit_holds_among_threads)
{
    pthread_t threads[WRITERS];
    uint32_t held;

    for (int i = 0; i < WRITERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_limit, NULL),
                         0);
    for (int i = 0; i < WRITERS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_le(passed, 50 * 100);
    ck_assert(log_limit_pass_at(&shared_limit, 50, &held));
    told += held;
    ck_assert_uint_eq(passed + told, WRITERS * 50 * 200);
}
END_TEST

START_TEST(limited_lines_are_written_within_the_limit)
{
    size_t lines;

    open_log("log");
    for (int i = 0; i < 1000; i++)
        log_limited(LOG_LVL_WARNING, 5, "again");
    log_close();
    lines = count_lines(core_file_read("log", NULL));
    ck_assert_uint_ge(lines, 5);
    ck_assert_uint_lt(lines, 1000);
}
END_TEST

START_TEST(escapes_are_never_cut_in_two)
{
    char out[16];
    bool cut;

    ck_assert_uint_eq(escape_line(out, 5, "\n", 1, &cut), 4);
    ck_assert_str_eq(out, "\\x0a");
    ck_assert(!cut);
    ck_assert_uint_eq(escape_line(out, 4, "\n", 1, &cut), 0);
    ck_assert_str_eq(out, "");
    ck_assert(cut);
    ck_assert_uint_eq(escape_line(out, 6, "ab\n", 3, &cut), 2);
    ck_assert_str_eq(out, "ab");
    ck_assert(cut);
    ck_assert_uint_eq(escape_line(out, 1, "", 0, &cut), 0);
    ck_assert(!cut);
    ck_assert_uint_eq(escape_line(out, 16, "\0x", 2, NULL), 5);
    ck_assert_str_eq(out, "\\x00x");
}
END_TEST

START_TEST(times_are_written_in_utc)
{
    char out[TIMESTAMP_BYTES];

    ck_assert_str_eq(
        timestamp_format(out, &(struct timespec){1700000000, 1999}, false),
        "2023-11-14 22:13:20.000001 +0000");
    ck_assert_str_eq(
        timestamp_format(out, &(struct timespec){INT64_MAX, 0}, false), "N/A");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = core_tcase(suite, "log");

    tcase_add_test(tc, a_line_has_the_peers_form);
    tcase_add_test(tc, levels_have_the_peers_letters);
    tcase_add_test(tc, what_is_below_the_level_is_not_written);
    tcase_add_test(tc, names_of_levels_are_read_in_any_case);
    tcase_add_test(tc, nobody_can_forge_a_line);
    tcase_add_test(tc, a_long_line_is_cut_and_says_so);
    tcase_add_test(tc, errno_survives_a_line);
    tcase_add_test(tc, parents_are_made_and_the_file_is_private);
    tcase_add_test(tc, a_file_is_appended_to);
    tcase_add_test(tc, reopening_follows_a_rename_wherever_we_are);
    tcase_add_test(tc, a_log_that_cannot_be_opened_leaves_the_old_one);
    tcase_add_test(tc, a_dash_is_stderr);
    tcase_add_test(tc, lines_that_nobody_takes_are_told_of_later);
    tcase_add_test(tc, the_journal_is_opened_only_where_there_is_one);
    tcase_add_test(tc, threads_do_not_mix_their_lines_while_it_is_reopened);
    tcase_add_test(tc, a_limit_lets_so_many_pass_a_second_and_tells_the_rest);
    tcase_add_test(tc, a_limit_holds_among_threads);
    tcase_add_test(tc, limited_lines_are_written_within_the_limit);
    tcase_add_test(tc, escapes_are_never_cut_in_two);
    tcase_add_test(tc, times_are_written_in_utc);
    return core_run(suite);
}
