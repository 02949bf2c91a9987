/* SPDX-License-Identifier: BSD-2-Clause */
/* Inodes by gfid: one for each, references, pruning, held descriptors. */
#include "server/inode/table.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/account.h"
#include "mem/must.h"

#ifdef __SANITIZE_THREAD__
/* liburcu is not built with the sanitizer, which sees only half of what it
 * does with its own memory. */
const char *__tsan_default_suppressions(void);
const char *
__tsan_default_suppressions(void)
{
    return "race:liburcu-memb.so\nrace:liburcu-cds.so\n"
           "deadlock:liburcu-memb.so\n";
}
#endif

static struct inode_table *table;
static _Atomic(uint32_t) released;

static void
count_release(void *arg, struct inode *inode)
{
    ck_assert_ptr_eq(arg, &released);
    ck_assert_uint_eq(inode->magic, INODE_MAGIC);
    released++;
}

static void
setup(void)
{
    const struct inode_table_ops ops = {.arg = &released,
                                        .release = count_release};

    urcu_memb_register_thread();
    released = 0;
    table = inode_table_new(10, &ops);
    ck_assert_ptr_nonnull(table);
}

static void
teardown(void)
{
    struct inode_table_stats stats;
    struct mem_type_stats mem;

    inode_table_read(table, &stats);
    ck_assert_uint_eq(stats.active, 0);
    inode_table_destroy(&table);
    ck_assert_ptr_null(table);
    mem_account_read_one("server.inode", "inode", &mem);
    ck_assert_uint_eq(mem.num_allocs, 0);
    mem_account_read_one("server.inode", "path fd", &mem);
    ck_assert_uint_eq(mem.num_allocs, 0);
    urcu_memb_unregister_thread();
}

static struct gfid
gfid_of(uint32_t i)
{
    struct gfid g = {{0}};

    memcpy(g.b, &i, sizeof(i));
    g.b[GFID_BYTES - 1] = 0xee;
    return g;
}

static struct inode *
link_of(uint32_t i)
{
    struct gfid g = gfid_of(i);
    struct inode *inode = inode_link(table, &g, S_IFREG);

    ck_assert_ptr_nonnull(inode);
    return inode;
}

static struct inode *
find(uint32_t i)
{
    struct gfid g = gfid_of(i);

    return inode_find(table, &g);
}

START_TEST(there_is_one_inode_for_a_gfid)
{
    struct inode *a = link_of(1), *b = link_of(1), *c = find(1);

    ck_assert_ptr_eq(a, b);
    ck_assert_ptr_eq(a, c);
    ck_assert_ptr_ne(a, NULL);
    ck_assert_ptr_null(find(2));
    inode_put(a);
    inode_put(b);
    inode_put(c);
    inode_put(NULL);
    /* Unused, and still there. */
    b = find(1);
    ck_assert_ptr_eq(a, b);
    inode_put(b);
}
END_TEST

START_TEST(a_type_once_learned_stays)
{
    struct gfid g = gfid_of(1);
    struct inode *a = inode_link(table, &g, 0), *b;

    ck_assert_uint_eq(inode_type(a), 0);
    b = inode_link(table, &g, S_IFDIR);
    ck_assert_uint_eq(inode_type(a), S_IFDIR);
    inode_put(b);
    b = inode_link(table, &g, S_IFREG);
    ck_assert_uint_eq(inode_type(a), S_IFDIR);
    inode_put(b);
    inode_put(a);
}
END_TEST

START_TEST(a_forgotten_one_is_not_found_and_lives_on)
{
    struct inode *old = link_of(1), *new;

    inode_forget(old);
    inode_forget(old);
    ck_assert_ptr_null(find(1));
    new = link_of(1);
    ck_assert_ptr_ne(new, old);
    ck_assert_uint_eq(old->magic, INODE_MAGIC);
    ck_assert_uint_eq(released, 0);
    inode_put(old);
    ck_assert_uint_eq(released, 1);
    inode_put(new);
    new = find(1);
    ck_assert_ptr_nonnull(new);
    inode_put(new);
}
END_TEST

START_TEST(unused_ones_go_beyond_the_limit_and_used_ones_stay)
{
    struct inode *held[20];
    struct inode_table_stats stats;
    uint32_t i;

    for (i = 0; i < COUNT_OF(held); i++)
        held[i] = link_of(i);
    for (i = 100; i < 1100; i++)
        inode_put(link_of(i));
    inode_table_read(table, &stats);
    ck_assert_uint_eq(stats.active, COUNT_OF(held));
    /* The last to come may still have its second chance. */
    ck_assert_uint_le(stats.unused, 10 + 2);
    ck_assert_uint_eq(stats.drops, released);
    ck_assert_uint_eq(stats.links - stats.drops, stats.active + stats.unused);
    inode_table_set_limit(table, 0);
    inode_table_read(table, &stats);
    ck_assert_uint_eq(stats.unused, 0);
    for (i = 0; i < COUNT_OF(held); i++) {
        struct inode *again = find(i);

        ck_assert_ptr_eq(again, held[i]);
        inode_put(again);
        inode_put(held[i]);
    }
}
END_TEST

START_TEST(what_is_used_between_visits_stays)
{
    uint32_t i;
    struct inode *hot;

    inode_put(link_of(0));
    for (i = 1; i < 2000; i++) {
        hot = find(0);
        ck_assert_ptr_nonnull(hot);
        inode_put(hot);
        inode_put(link_of(i));
    }
}
END_TEST

struct walk {
    uint32_t seen;
    uint32_t stop_after;
    bool forget;
};

static bool
walk_one(void *arg, struct inode *inode)
{
    struct walk *w = arg;
    struct gfid expected = gfid_of(w->seen);

    ck_assert(gfid_equal(&inode->gfid, &expected));
    if (w->forget)
        inode_forget(inode);
    return ++w->seen != w->stop_after;
}

START_TEST(all_are_walked_in_order_whatever_becomes_of_them)
{
    struct walk w = {.stop_after = 3};
    uint32_t i;

    inode_table_set_limit(table, 1000);
    for (i = 0; i < 50; i++)
        inode_put(link_of(i));
    inode_table_each(table, walk_one, &w);
    ck_assert_uint_eq(w.seen, 3);
    w = (struct walk){0};
    inode_table_each(table, walk_one, &w);
    ck_assert_uint_eq(w.seen, 50);
    w = (struct walk){.forget = true};
    inode_table_each(table, walk_one, &w);
    ck_assert_uint_eq(w.seen, 50);
    ck_assert_uint_eq(released, 50);
    w = (struct walk){0};
    inode_table_each(table, walk_one, &w);
    ck_assert_uint_eq(w.seen, 0);
}
END_TEST

START_TEST(reclaim_takes_what_is_unused)
{
    size_t each = inode_table_inode_bytes();
    struct inode_table_stats stats;
    struct inode *held;
    uint32_t i;

    inode_table_set_limit(table, 10000);
    for (i = 0; i < 1000; i++)
        inode_put(link_of(i));
    held = find(500);
    ck_assert_uint_eq(inode_table_unused_bytes(table), 999 * each);
    ck_assert_uint_eq(inode_table_shrink(table, 99 * each), 100 * each);
    ck_assert_uint_eq(released, 100);
    /* More than there is. */
    ck_assert_uint_eq(inode_table_shrink(table, SIZE_MAX), 899 * each);
    inode_table_read(table, &stats);
    ck_assert_uint_eq(stats.unused, 0);
    ck_assert_uint_eq(stats.active, 1);
    ck_assert_uint_eq(inode_table_shrink(table, 1), 0);
    ck_assert_ptr_eq(find(500), held);
    inode_put(held);
    inode_put(held);
}
END_TEST

/* Some object on disk. */
static const struct stat object = {.st_dev = 1, .st_ino = 5};

static bool
is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(reclaim_closes_what_is_held)
{
    struct inode *inode = link_of(1);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct inode_fd_holder *holder;

    ck_assert_int_ge(fd, 0);
    holder = inode_path_fd_set(inode, fd, &object);
    ck_assert_ptr_nonnull(holder);
    ck_assert_uint_gt(inode_table_path_fds_bytes(table), 0);
    ck_assert_uint_gt(inode_table_shrink_path_fds(table, 1), 0);
    ck_assert_ptr_null(inode_path_fd_get(inode));
    ck_assert(is_open(fd)); /* somebody works with it */
    inode_fd_holder_put(holder);
    ck_assert(!is_open(fd));
    ck_assert_uint_eq(inode_table_path_fds_bytes(table), 0);
    ck_assert_uint_eq(inode_table_shrink_path_fds(table, 1), 0);
    inode_put(inode);
}
END_TEST

START_TEST(a_held_descriptor_outlives_its_drop_by_its_users)
{
    struct inode *inode = link_of(1);
    struct inode_fd_holder *a, *b;
    int fd = open("/dev/null", O_RDONLY), second = open("/", O_RDONLY);

    ck_assert_ptr_null(inode_path_fd_get(inode));
    a = inode_path_fd_set(inode, fd, &object);
    ck_assert_int_eq(a->fd, fd);
    b = inode_path_fd_set(inode, second, &object);
    ck_assert_ptr_eq(a, b);
    ck_assert(!is_open(second));
    ck_assert_uint_eq(inode_table_path_fds(table), 1);
    inode_fd_holder_put(b);
    inode_path_fd_drop(inode, false);
    ck_assert(is_open(fd));
    ck_assert_ptr_null(inode_path_fd_get(inode));
    inode_fd_holder_put(a);
    ck_assert(!is_open(fd));
    ck_assert_uint_eq(inode_table_path_fds(table), 0);
    inode_put(inode);
}
END_TEST

START_TEST(a_barred_inode_holds_nothing)
{
    struct inode *inode = link_of(1);
    struct inode_fd_holder *a;
    int fd = open("/dev/null", O_RDONLY);

    inode_path_fd_drop(inode, true);
    a = inode_path_fd_set(inode, fd, &object);
    ck_assert_int_eq(a->fd, fd);
    ck_assert_ptr_null(inode_path_fd_get(inode));
    inode_fd_holder_put(a);
    ck_assert(!is_open(fd));
    inode_path_fd_unbar(inode);
    fd = open("/dev/null", O_RDONLY);
    inode_fd_holder_put(inode_path_fd_set(inode, fd, &object));
    ck_assert(is_open(fd));
    inode_forget(inode);
    inode_put(inode);
    ck_assert(!is_open(fd));
}
END_TEST

/* --- many threads --- */

enum { THREADS = 4, ROUNDS = 20000, KEYS = 64 };

static _Atomic(int) users[KEYS]; /* of the inode that is found by each key */

static void *
hammer(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    int i;

    urcu_memb_register_thread();
    for (i = 0; i < ROUNDS; i++) {
        uint32_t key = (uint32_t)rand_r(&seed) % KEYS;
        struct inode *inode = (i & 1) != 0 ? find(key) : link_of(key);
        struct gfid expected = gfid_of(key);

        if (inode == NULL)
            continue;
        must(gfid_equal(&inode->gfid, &expected));
        must(inode->magic == INODE_MAGIC);
        if (rand_r(&seed) % 16 == 0)
            inode_forget(inode);
        if (rand_r(&seed) % 8 == 0) {
            struct inode_fd_holder *h = inode_path_fd_get(inode);

            if (h == NULL)
                h = inode_path_fd_set(inode, dup(0), &object);
            must(h != NULL);
            must(is_open(h->fd));
            inode_path_fd_drop(inode, false);
            must(is_open(h->fd));
            inode_fd_holder_put(h);
        }
        users[key]++;
        inode_put(inode);
    }
    urcu_memb_unregister_thread();
    return NULL;
}

START_TEST(threads_agree)
{
    pthread_t threads[THREADS];
    struct inode_table_stats stats;
    int total = 0;
    uintptr_t i;

    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)), 0);
    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (i = 0; i < KEYS; i++)
        total += users[i];
    ck_assert_int_gt(total, THREADS * ROUNDS / 2 - 1);
    inode_table_read(table, &stats);
    ck_assert_uint_eq(stats.active, 0);
    ck_assert_uint_eq(stats.links - stats.drops, stats.unused);
    ck_assert_uint_eq(stats.drops, released);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("inode table");
    TCase *tc = tcase_create("table");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, there_is_one_inode_for_a_gfid);
    tcase_add_test(tc, a_type_once_learned_stays);
    tcase_add_test(tc, a_forgotten_one_is_not_found_and_lives_on);
    tcase_add_test(tc, unused_ones_go_beyond_the_limit_and_used_ones_stay);
    tcase_add_test(tc, what_is_used_between_visits_stays);
    tcase_add_test(tc, reclaim_takes_what_is_unused);
    tcase_add_test(tc, reclaim_closes_what_is_held);
    tcase_add_test(tc, all_are_walked_in_order_whatever_becomes_of_them);
    tcase_add_test(tc, a_held_descriptor_outlives_its_drop_by_its_users);
    tcase_add_test(tc, a_barred_inode_holds_nothing);
    tcase_add_test(tc, threads_agree);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
