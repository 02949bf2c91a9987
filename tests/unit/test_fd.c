/* SPDX-License-Identifier: BSD-2-Clause */
/* Open files and the tables that number them. */
#include "server/inode/fd.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/account.h"
#include "mem/must.h"

static struct inode_table *inodes;
static struct inode *inode;
static struct fd_table *table;
static unsigned passed; /* to fd_table_close()'s function */

static void
put_one(void *arg, struct fd *fd)
{
    passed++;
    ck_assert_ptr_eq(arg, &passed);
    ck_assert_int_eq(fd->number, -1);
    ck_assert(!fd->active);
    fd_put(fd);
}

static void
setup(void)
{
    const struct inode_table_ops ops = {0};
    struct gfid gfid;

    urcu_memb_register_thread();
    inodes = inode_table_new(10, &ops);
    gfid_random(&gfid);
    inode = inode_link(inodes, &gfid, S_IFREG);
    table = fd_table_new();
    ck_assert_ptr_nonnull(table);
    passed = 0;
}

static void
teardown(void)
{
    static const char *const types[] = {"fd", "fd table", "fd slots"};
    struct mem_type_stats mem;
    size_t i;

    fd_table_close(table, put_one, &passed);
    fd_table_destroy(&table);
    ck_assert_uint_eq(inode->fd_count, 0);
    ck_assert_uint_eq(inode->active_fd_count, 0);
    inode_put(inode);
    inode_table_destroy(&inodes);
    for (i = 0; i < COUNT_OF(types); i++) {
        mem_account_read_one("server.inode", types[i], &mem);
        ck_assert_uint_eq(mem.num_allocs, 0);
    }
    urcu_memb_unregister_thread();
}

static struct fd *
make(void)
{
    struct fd *fd = fd_new(inode, open("/dev/null", O_RDWR), O_RDWR, 7, table,
                           false);

    ck_assert_ptr_nonnull(fd);
    return fd;
}

static int64_t
install(void)
{
    struct fd *fd = make();
    int64_t number = fd_table_install(table, fd);

    ck_assert_int_eq(fd->number, number);
    fd_put(fd);
    return number;
}

static void
remove_one(int64_t number)
{
    struct fd *fd = fd_table_remove(table, number);

    ck_assert_ptr_nonnull(fd);
    fd_put(fd);
}

static unsigned releases;

static void
on_release(void *arg, struct fd *fd)
{
    ck_assert_ptr_eq(arg, &releases);
    ck_assert_int_ge(fcntl(fd->os_fd, F_GETFD), 0);
    ck_assert_uint_eq(fd->inode->fd_count, 0);
    releases++;
}

START_TEST(the_last_reference_closes)
{
    struct fd *fd = make();
    int os_fd = fd->os_fd;

    fd->release = on_release;
    fd->release_arg = &releases;
    ck_assert_uint_eq(inode->fd_count, 1);
    ck_assert_uint_eq(inode->active_fd_count, 1);
    fd_put(fd_get(fd));
    ck_assert_uint_eq(releases, 0);
    fd_put(fd);
    ck_assert_uint_eq(releases, 1);
    ck_assert_int_eq(fcntl(os_fd, F_GETFD), -1);
    ck_assert_uint_eq(inode->fd_count, 0);
    fd_put(NULL);
}
END_TEST

START_TEST(an_anonymous_one_has_its_number)
{
    struct fd *fd = fd_new(inode, open("/dev/null", O_RDWR), O_RDWR, 7, table,
                           true);

    ck_assert_int_eq(fd->number, FD_ANONYMOUS);
    fd_put(fd);
}
END_TEST

START_TEST(numbers_rise_from_0_and_the_last_freed_comes_back_first)
{
    struct fd_table_stats stats;
    int64_t i;

    for (i = 0; i < 200; i++)
        ck_assert_int_eq(install(), i);
    remove_one(5);
    remove_one(150);
    remove_one(70);
    fd_table_read(table, &stats);
    ck_assert_uint_eq(stats.open, 197);
    ck_assert_uint_eq(stats.size, 256);
    ck_assert_int_eq(stats.first_free, 70);
    ck_assert_int_eq(install(), 70);
    ck_assert_int_eq(install(), 150);
    ck_assert_int_eq(install(), 5);
    ck_assert_int_eq(install(), 200);
    ck_assert_uint_eq(inode->fd_count, 201);
}
END_TEST

START_TEST(only_numbers_in_use_are_found)
{
    struct fd *fd;

    ck_assert_ptr_null(fd_table_find(table, 0));
    ck_assert_int_eq(install(), 0);
    ck_assert_ptr_null(fd_table_find(table, -1));
    ck_assert_ptr_null(fd_table_find(table, FD_ANONYMOUS));
    ck_assert_ptr_null(fd_table_find(table, 1));
    ck_assert_ptr_null(fd_table_find(table, 64));
    ck_assert_ptr_null(fd_table_find(table, INT64_MAX));
    ck_assert_ptr_null(fd_table_find(table, INT64_MIN));
    ck_assert_ptr_null(fd_table_remove(table, 1));
    fd = fd_table_find(table, 0);
    ck_assert_int_eq(fd->number, 0);
    /* Who still uses it keeps it past its removal. */
    remove_one(0);
    ck_assert_ptr_null(fd_table_remove(table, 0));
    ck_assert(!fd->active);
    ck_assert_uint_eq(inode->active_fd_count, 0);
    ck_assert_uint_eq(inode->fd_count, 1);
    ck_assert_int_ge(fcntl(fd->os_fd, F_GETFD), 0);
    fd_put(fd);
}
END_TEST

START_TEST(an_install_is_taken_back_once)
{
    struct fd *fd = make(), *other;
    int64_t number = fd_table_install(table, fd);

    ck_assert(fd_table_uninstall(table, fd));
    ck_assert_int_eq(fd->number, -1);
    ck_assert(!fd->active);
    ck_assert_uint_eq(fd->ref, 2);
    fd_put(fd);
    ck_assert_ptr_null(fd_table_find(table, number));
    /* Its number may be another's by now. */
    ck_assert_int_eq(install(), number);
    ck_assert(!fd_table_uninstall(table, fd));
    other = fd_table_find(table, number);
    ck_assert_ptr_nonnull(other);
    fd_put(other);
    fd_put(fd);
    remove_one(number);
}
END_TEST

START_TEST(a_closed_table_takes_nothing_more)
{
    struct fd *fd = make();

    (void)install();
    (void)install();
    fd_table_close(table, put_one, &passed);
    ck_assert_uint_eq(passed, 2);
    ck_assert_int_eq(fd_table_install(table, fd), -ESHUTDOWN);
    ck_assert_int_eq(fd->number, -1);
    fd_put(fd);
    fd_table_close(table, put_one, &passed);
    ck_assert_uint_eq(passed, 2);
}
END_TEST

static bool
see(void *arg, int64_t number, struct fd *fd)
{
    int64_t *next = arg;

    ck_assert_int_eq(number, *next);
    ck_assert_int_eq(fd->number, number);
    *next += 2;
    return true;
}

static bool
see_one(void *arg, int64_t number, struct fd *fd)
{
    (void)see(arg, number, fd);
    return false;
}

START_TEST(all_are_seen_by_number)
{
    int64_t i, next = 1;

    for (i = 0; i < 10; i++)
        (void)install();
    for (i = 0; i < 10; i += 2)
        remove_one(i);
    fd_table_each(table, see, &next);
    ck_assert_int_eq(next, 11);
    next = 1;
    fd_table_each(table, see_one, &next);
    ck_assert_int_eq(next, 3); /* it had enough */
}
END_TEST

START_TEST(random_use_never_gives_a_number_twice)
{
    static bool in_use[256];
    unsigned i, open_count = 0;

    srandom(3);
    for (i = 0; i < 20000; i++) {
        int64_t n = random() % 256;

        if (in_use[n]) {
            remove_one(n);
            in_use[n] = false;
            open_count--;
        } else if (open_count < 200) {
            n = install();
            ck_assert_int_lt(n, 256);
            ck_assert(!in_use[n]);
            in_use[n] = true;
            open_count++;
        }
        ck_assert_uint_eq(inode->fd_count, open_count);
    }
}
END_TEST

START_TEST(a_table_has_an_end)
{
    struct fd *fd = make();
    uint32_t i;

    /* The same fd cannot be in it twice; so a table is filled with others
     * that share one descriptor's worth of nothing. */
    for (i = 0; i < 1048576; i++) {
        struct fd *one = fd_new(inode, 1000000 + (int)i, O_RDONLY, 0, NULL,
                                false);

        ck_assert_ptr_nonnull(one);
        ck_assert_int_eq(fd_table_install(table, one), i);
        fd_put(one);
    }
    ck_assert_int_eq(fd_table_install(table, fd), -EMFILE);
    fd_put(fd);
    remove_one(12345);
    ck_assert_int_eq(install(), 12345);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("fd");
    TCase *tc = tcase_create("fd");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_last_reference_closes);
    tcase_add_test(tc, an_anonymous_one_has_its_number);
    tcase_add_test(tc, numbers_rise_from_0_and_the_last_freed_comes_back_first);
    tcase_add_test(tc, only_numbers_in_use_are_found);
    tcase_add_test(tc, an_install_is_taken_back_once);
    tcase_add_test(tc, a_closed_table_takes_nothing_more);
    tcase_add_test(tc, all_are_seen_by_number);
    tcase_add_test(tc, random_use_never_gives_a_number_twice);
    tcase_add_test(tc, a_table_has_an_end);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
