/* SPDX-License-Identifier: BSD-2-Clause */
/* Circles of record locks that wait for each other. */
#include "server/lock/posixlk.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/must.h"
#include "server/lock/domain.h"
#include "tests/unit/lk_scene.h"

/* Two files; client i is the same in both. */
static struct scene files[2];

static void
setup(void)
{
    scene_open(&files[0]);
    scene_open(&files[1]);
}

/* Accounts are of the process: the second to close finds nothing left. */
static void
teardown(void)
{
    for (unsigned f = 0; f < 2; f++) {
        for (unsigned i = 0; i < SCENE_FDS; i++)
            if (files[f].numbers[i] >= 0)
                scene_release_fd(&files[f], i);
        inode_forget(files[f].inode);
        for (unsigned i = 0; i < SCENE_FDS; i++)
            fd_put(files[f].fds[i]);
        ck_assert_uint_eq(lk_count(files[f].inode), 0);
        inode_put(files[f].inode);
        fd_table_close(files[f].fd_table, NULL, NULL);
        fd_table_destroy(&files[f].fd_table);
        inode_table_destroy(&files[f].table);
    }
}

static int
set(unsigned file, unsigned client, char owner, enum lk_type type,
    int64_t start, int64_t len, struct answer *a)
{
    struct lk_request req =
        scene_request(&files[file], client, owner, type, start, len);
    struct lk_wait wait = {answer_done, a};

    req.client = &files[0].fds[client];
    return lk_set(&req, a != NULL ? &wait : NULL, NULL);
}

#define OK(...) ck_assert_int_eq(set(__VA_ARGS__, NULL), 0)
#define WAITS(...) ck_assert_int_eq(set(__VA_ARGS__), 1)
#define CIRCLE(...) ck_assert_int_eq(set(__VA_ARGS__), -EDEADLK)

START_TEST(two_who_want_what_the_other_has)
{
    static struct answer a, b;

    OK(0, 0, 'a', LK_WRITE, 0, 1);
    OK(0, 1, 'b', LK_WRITE, 1, 1);
    WAITS(0, 0, 'a', LK_WRITE, 1, 1, &a);
    CIRCLE(0, 1, 'b', LK_WRITE, 0, 1, &b);
    ck_assert_uint_eq(b.calls, 0);
    ck_assert_uint_eq(a.calls, 0);
    OK(0, 1, 'b', LK_UNLOCK, 1, 1); /* b goes back, and a goes on */
    ck_assert_uint_eq(a.calls, 1);
    ck_assert_int_eq(a.err, 0);
}
END_TEST

START_TEST(a_circle_over_two_files)
{
    static struct answer a, b;

    OK(0, 0, 'a', LK_WRITE, 0, 0);
    OK(1, 1, 'b', LK_WRITE, 0, 0);
    WAITS(1, 0, 'a', LK_WRITE, 5, 1, &a);
    CIRCLE(0, 1, 'b', LK_READ, 5, 1, &b);
}
END_TEST

START_TEST(a_long_circle)
{
    static struct answer answers[SCENE_FDS];

    for (unsigned i = 0; i < SCENE_FDS; i++)
        OK(i % 2, i, (char)('a' + i), LK_WRITE, i, 1);
    for (unsigned i = 0; i + 1 < SCENE_FDS; i++)
        WAITS((i + 1) % 2, i, (char)('a' + i), LK_WRITE, i + 1, 1,
              &answers[i]);
    CIRCLE(0, SCENE_FDS - 1, 'h', LK_WRITE, 0, 1, &answers[SCENE_FDS - 1]);
}
END_TEST

START_TEST(a_chain_is_no_circle)
{
    static struct answer a, b, c;

    OK(0, 0, 'a', LK_WRITE, 0, 1);
    OK(0, 1, 'b', LK_WRITE, 1, 1);
    WAITS(0, 1, 'b', LK_WRITE, 0, 1, &b);
    WAITS(0, 2, 'c', LK_WRITE, 1, 1, &c);
    WAITS(0, 3, 'd', LK_WRITE, 0, 2, &a);
}
END_TEST

START_TEST(equal_owner_bytes_of_two_clients_make_no_circle)
{
    static struct answer a, b;

    OK(0, 0, 'a', LK_WRITE, 0, 1);
    OK(0, 1, 'b', LK_WRITE, 1, 1);
    WAITS(0, 0, 'a', LK_WRITE, 1, 1, &a);
    WAITS(0, 2, 'b', LK_WRITE, 0, 1, &b);
}
END_TEST

/* Who waits lets go of what it holds there, so that it is in nobody's way. */
START_TEST(two_readers_who_both_want_to_write)
{
    static struct answer a, b;

    OK(0, 0, 'a', LK_READ, 0, 10);
    OK(0, 1, 'b', LK_READ, 0, 10);
    WAITS(0, 0, 'a', LK_WRITE, 0, 10, &a);
    ck_assert_int_eq(set(0, 1, 'b', LK_WRITE, 0, 10, &b), 0);
    ck_assert_uint_eq(a.calls, 0);
}
END_TEST

START_TEST(a_refused_upgrade_keeps_its_lock)
{
    static struct answer a, b;

    OK(0, 0, 'a', LK_READ, 0, 10);
    OK(0, 1, 'b', LK_READ, 0, 10);
    OK(1, 1, 'b', LK_WRITE, 0, 1);
    OK(0, 0, 'a', LK_WRITE, 50, 1);
    WAITS(1, 0, 'a', LK_WRITE, 0, 1, &a);       /* a waits for b */
    CIRCLE(0, 1, 'b', LK_WRITE, 0, 51, &b);     /* b for a's 50 */
    ck_assert_str_eq(scene_text(&files[0]), "R0-9:a R0-9:b W50-50:a");
}
END_TEST

START_TEST(a_circle_that_was_broken_is_none)
{
    static struct answer a, b;

    OK(0, 0, 'a', LK_WRITE, 0, 1);
    OK(0, 1, 'b', LK_WRITE, 1, 1);
    WAITS(0, 0, 'a', LK_WRITE, 1, 1, &a);
    OK(0, 0, 'a', LK_UNLOCK, 0, 1);
    ck_assert_int_eq(set(0, 1, 'b', LK_WRITE, 0, 1, &b), 0);
}
END_TEST

START_TEST(who_has_left_waits_for_nobody)
{
    static struct answer a, b;

    OK(0, 0, 'a', LK_WRITE, 0, 1);
    OK(0, 1, 'b', LK_WRITE, 1, 1);
    WAITS(0, 0, 'a', LK_WRITE, 1, 1, &a);
    scene_release_fd(&files[0], 0);
    ck_assert_int_eq(a.err, -EAGAIN);
    ck_assert_int_eq(set(0, 1, 'b', LK_WRITE, 0, 1, &b), 0);
}
END_TEST

/* --- random requests, and the graph by brute force --- */

enum { OWNERS = 6, STEPS = 3000, SPAN = 8 };

static bool reach[OWNERS][OWNERS];

static void
add_edges(const struct lk_records *r)
{
    const struct lk_lock *w, *held;

    cds_list_for_each_entry(w, &r->waiting, node) {
        struct lk_owner owner = lk_owner_of(w);

        cds_list_for_each_entry(held, &r->granted, node)
            if (lk_conflicts(held, &owner, w->type, &w->range))
                reach[w->owner[0] - 'a'][held->owner[0] - 'a'] = true;
    }
}

/* Nobody else is at work: no mutex. */
static void
build_graph(void)
{
    memset(reach, 0, sizeof(reach));
    for (unsigned f = 0; f < 2; f++) {
        struct lock_domain *domain = lock_domain_find(files[f].inode);

        if (domain != NULL)
            add_edges(&domain->records);
    }
    for (unsigned k = 0; k < OWNERS; k++)
        for (unsigned i = 0; i < OWNERS; i++)
            for (unsigned j = 0; j < OWNERS; j++)
                reach[i][j] = reach[i][j] || (reach[i][k] && reach[k][j]);
}

/* Would the request wait for itself?  It holds nothing in its range. */
static bool
would_circle(unsigned file, unsigned owner, enum lk_type type,
             const struct lk_range *range)
{
    struct lock_domain *domain = lock_domain_find(files[file].inode);
    const struct lk_lock *held;

    build_graph();
    if (domain == NULL)
        return false;
    cds_list_for_each_entry(held, &domain->records.granted, node)
        if ((held->type == LK_WRITE || type == LK_WRITE) &&
            lk_range_overlaps(&held->range, range) &&
            held->owner[0] != 'a' + (int)owner &&
            reach[held->owner[0] - 'a'][owner])
            return true;
    return false;
}

static unsigned
pick(unsigned below)
{
    return (unsigned)random() % below;
}

/* Owners that wait ask for nothing: processes with one thread. */
START_TEST(no_circle_is_ever_there_and_none_is_imagined)
{
    static struct answer answers[OWNERS];
    bool waiting[OWNERS] = {false};
    unsigned refused = 0;

    srandom((unsigned)_i + 1);
    memset(answers, 0, sizeof(answers));
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned o = pick(OWNERS), file = pick(2), start = pick(SPAN);
        unsigned len = 1 + pick(SPAN - start), what = pick(10);
        enum lk_type type = pick(2) ? LK_WRITE : LK_READ;
        struct lk_range range = {start, start + len - 1};
        char name = (char)('a' + o);
        bool circle;
        int rc;

        waiting[o] = waiting[o] && answers[o].calls == 0;
        if (waiting[o])
            continue;
        ck_assert_int_eq(set(file, o, name, LK_UNLOCK, start, len, NULL), 0);
        if (what >= 6)
            continue;
        circle = would_circle(file, o, type, &range);
        memset(&answers[o], 0, sizeof(answers[o]));
        rc = set(file, o, name, type, start, len, &answers[o]);
        waiting[o] = rc == 1;
        refused += rc == -EDEADLK;
        ck_assert_msg((rc == -EDEADLK) == circle, "step %u: %d", step, rc);
        build_graph();
        for (unsigned i = 0; i < OWNERS; i++)
            ck_assert_msg(!reach[i][i], "step %u: %c", step, 'a' + i);
    }
    ck_assert_uint_gt(refused, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("deadlock");
    TCase *tc = tcase_create("circles");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, two_who_want_what_the_other_has);
    tcase_add_test(tc, a_circle_over_two_files);
    tcase_add_test(tc, a_long_circle);
    tcase_add_test(tc, a_chain_is_no_circle);
    tcase_add_test(tc, equal_owner_bytes_of_two_clients_make_no_circle);
    tcase_add_test(tc, two_readers_who_both_want_to_write);
    tcase_add_test(tc, a_refused_upgrade_keeps_its_lock);
    tcase_add_test(tc, a_circle_that_was_broken_is_none);
    tcase_add_test(tc, who_has_left_waits_for_nobody);
    tcase_add_loop_test(tc, no_circle_is_ever_there_and_none_is_imagined, 0,
                        10);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
