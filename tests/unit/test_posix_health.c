/* SPDX-License-Identifier: BSD-2-Clause */
/* The health check: well, slow, passing trouble, dead. */
#include "posix_scratch.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/must.h"

static struct scratch s;
static int told[2]; /* a pipe: the error that the brick died of */
static int watch;   /* inotify on .glusterfs */

static void
on_dead(void *arg, int error)
{
    ck_assert_ptr_eq(arg, told);
    ck_assert_int_eq(write(told[1], &error, sizeof(error)), sizeof(error));
}

static void
setup(void)
{
    scratch_begin(&s);
    ck_assert_int_eq(pipe2(told, O_CLOEXEC), 0);
    ck_assert_msg(scratch_open(&s) == 0, "%s", s.err);
    watch = inotify_init1(IN_CLOEXEC);
    ck_assert_int_ge(
        inotify_add_watch(watch, at(&s, ".glusterfs"), IN_CLOSE_NOWRITE), 0);
}

static void
teardown(void)
{
    scratch_end(&s);
    ck_assert_int_eq(close(told[0]), 0);
    ck_assert_int_eq(close(told[1]), 0);
    ck_assert_int_eq(close(watch), 0);
}

static void
set(const char *key, const char *value, enum option_id id)
{
    scratch_set(&s, key, value);
    posix_options_changed(s.px, id);
}

static void
start(void)
{
    posix_on_dead(s.px, on_dead, told);
    set("posix.health-check-timeout", "1", OPT_HEALTH_TIMEOUT);
    set("posix.health-check-interval", "1", OPT_HEALTH_INTERVAL);
}

/* Wait until health_check was read back. */
static void
await_probe(void)
{
    char buf[sizeof(struct inotify_event) + NAME_MAX + 1]
        __attribute__((aligned(8)));
    const struct inotify_event *e = (const void *)buf;

    do {
        ck_assert_int_gt(read(watch, buf, sizeof(buf)), 0);
    } while (e->len == 0 || strcmp(e->name, "health_check") != 0);
}

static bool
is_told(int timeout_ms, int *error)
{
    struct pollfd p = {.fd = told[0], .events = POLLIN};

    if (poll(&p, 1, timeout_ms) == 0)
        return false;
    ck_assert_int_eq(read(told[0], error, sizeof(*error)), sizeof(*error));
    return true;
}

START_TEST(a_time_is_written_and_read)
{
    char text[64];
    unsigned y, mo, d, h, mi, sec;
    int fd, n, end = 0, error;

    start();
    await_probe();
    await_probe();
    fd = open(at(&s, ".glusterfs/health_check"), O_RDONLY);
    n = (int)read(fd, text, sizeof(text) - 1);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(n, 25);
    text[n] = '\0';
    ck_assert_int_eq(sscanf(text, "%4u-%2u-%2u %2u:%2u:%2u +0000%n", &y, &mo,
                            &d, &h, &mi, &sec, &end),
                     6);
    ck_assert_int_eq(end, 25);
    ck_assert(!is_told(0, &error));
}
END_TEST

START_TEST(a_broken_one_dies_once_with_its_errno)
{
    int error = 0;

    /* Opening a directory for writing is what we can break here. */
    ck_assert_int_eq(mkdir(at(&s, ".glusterfs/health_check"), 0700), 0);
    start();
    ck_assert(is_told(10000, &error));
    ck_assert_int_eq(error, -EISDIR);
    ck_assert(!is_told(1500, &error));
}
END_TEST

START_TEST(who_asks_late_is_told_as_well)
{
    int error = 0;

    ck_assert_int_eq(symlink("/etc/x", at(&s, ".glusterfs/health_check")), 0);
    set("posix.health-check-interval", "1", OPT_HEALTH_INTERVAL);
    ck_assert(!is_told(2500, &error));
    posix_on_dead(s.px, on_dead, told);
    ck_assert(is_told(10000, &error));
    ck_assert_int_eq(error, -ELOOP);
    ck_assert_int_eq(access("/etc/x", F_OK), -1);
}
END_TEST

/* The fifo at health_check, whose name is taken away before anybody reads it:
 * the probe that hangs in it gets its error, and the next one, which is made
 * at once, finds no fifo whatever the two threads' pace. */
static int
unlink_and_read_fifo(void)
{
    char path[64];
    int held, reader;

    held = open(at(&s, ".glusterfs/health_check"), O_PATH | O_CLOEXEC);
    ck_assert_int_ge(held, 0);
    ck_assert_int_eq(unlink(at(&s, ".glusterfs/health_check")), 0);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", held);
    reader = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(reader, 0);
    ck_assert_int_eq(close(held), 0);
    return reader;
}

START_TEST(a_slow_one_is_not_dead)
{
    struct stat st;
    int error, reader;
    char text[64];

    /* Opening a fifo waits for its reader. */
    ck_assert_int_eq(mkfifo(at(&s, ".glusterfs/health_check"), 0600), 0);
    start();
    ck_assert(!is_told(4000, &error));
    /* A fifo cannot be written at an offset: an error at last. */
    reader = unlink_and_read_fifo();
    ck_assert_int_eq(read(reader, text, sizeof(text)), 0);
    ck_assert_int_eq(close(reader), 0);
    /* One error is not yet death, and the next probe is well. */
    do {
        await_probe();
    } while (stat(at(&s, ".glusterfs/health_check"), &st) < 0 ||
             !S_ISREG(st.st_mode));
    ck_assert(!is_told(0, &error));
}
END_TEST

START_TEST(a_hanging_one_does_not_hold_up_the_end)
{
    int error, reader;

    ck_assert_int_eq(mkfifo(at(&s, ".glusterfs/health_check"), 0600), 0);
    start();
    ck_assert(!is_told(2500, &error));
    scratch_close(&s);
    /* Let the one left behind go, so that nothing is left at all. */
    reader = open(at(&s, ".glusterfs/health_check"), O_RDONLY);
    ck_assert_int_ge(reader, 0);
    ck_assert_int_eq(read(reader, &error, sizeof(error)), 0);
    ck_assert_int_eq(close(reader), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("posix health");
    TCase *tc = tcase_create("health");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_time_is_written_and_read);
    tcase_add_test(tc, a_broken_one_dies_once_with_its_errno);
    tcase_add_test(tc, who_asks_late_is_told_as_well);
    tcase_add_test(tc, a_slow_one_is_not_dead);
    tcase_add_test(tc, a_hanging_one_does_not_hold_up_the_end);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
