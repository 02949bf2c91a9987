/* SPDX-License-Identifier: BSD-2-Clause */
/* Looked-up groups and their cache. */
#include "server/stage/groups.h"

#include <check.h>
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "mem/account.h"
#include "mem/alloc.h"

MEM_TYPE(mt_test, "server.groups", "groups of a user");

/* A source with a clock of its own: user u has the groups u, u+1 … (u % 8 of
 * them); users from 1000000 on there are none, 999999 is an error. */
struct source {
    _Atomic(unsigned) asked;
    _Atomic(uint64_t) clock;
};

static int
source_fetch(void *arg, uint32_t uid, gid_t **groups)
{
    struct source *s = arg;
    int count = (int)(uid % 8);

    s->asked++;
    *groups = NULL;
    if (uid == 999999)
        return -EIO;
    if (uid >= 1000000)
        return -ENOENT;
    *groups = mem_alloc(&mt_test, (size_t)count * sizeof(gid_t));
    ck_assert_ptr_nonnull(*groups);
    for (int i = 0; i < count; i++)
        (*groups)[i] = uid + (gid_t)i;
    return count;
}

static uint64_t
source_now(void *arg)
{
    return ((struct source *)arg)->clock;
}

static struct source source;
static struct groups_cache *cache;
static uint32_t out[16];

static void
setup(void)
{
    struct groups_source s = {&source, source_fetch, source_now};

    source.asked = 0;
    source.clock = 1000;
    cache = groups_cache_new(300, &s);
    ck_assert_ptr_nonnull(cache);
}

static uint64_t
live_blocks(void)
{
    struct mem_type_stats stats;

    mem_account_read_one("server.groups", "groups of a user", &stats);
    return stats.num_allocs;
}

static void
teardown(void)
{
    groups_cache_free(&cache);
    ck_assert_ptr_null(cache);
    ck_assert_uint_eq(live_blocks(), 0);
}

START_TEST(answers_are_kept_for_their_time)
{
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(groups_lookup(cache, 11, out, 16), 3);
        ck_assert_uint_eq(out[0], 11);
        ck_assert_uint_eq(out[2], 13);
    }
    ck_assert_uint_eq(source.asked, 1);
    source.clock += 299;
    ck_assert_int_eq(groups_lookup(cache, 11, out, 16), 3);
    ck_assert_uint_eq(source.asked, 1);
    source.clock += 1;
    ck_assert_int_eq(groups_lookup(cache, 11, out, 16), 3);
    ck_assert_uint_eq(source.asked, 2);
    groups_cache_flush(cache);
    ck_assert_int_eq(groups_lookup(cache, 11, out, 16), 3);
    ck_assert_uint_eq(source.asked, 3);
}
END_TEST

START_TEST(what_does_not_fit_is_left_out)
{
    out[2] = 7;
    ck_assert_int_eq(groups_lookup(cache, 15, out, 2), 2);
    ck_assert_uint_eq(out[2], 7);
    ck_assert_int_eq(groups_lookup(cache, 15, out, 0), 0);
    ck_assert_int_eq(groups_lookup(cache, 15, out, 16), 7);
    ck_assert_uint_eq(source.asked, 1);
}
END_TEST

START_TEST(no_such_user_is_kept_and_an_error_is_not)
{
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(groups_lookup(cache, 1000000, out, 16), -ENOENT);
        ck_assert_uint_eq(source.asked, 1);
    }
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(groups_lookup(cache, 999999, out, 16), -EIO);
        ck_assert_uint_eq(source.asked, 2 + i);
    }
}
END_TEST

START_TEST(a_timeout_of_zero_keeps_nothing)
{
    groups_cache_set_timeout(cache, 0);
    for (unsigned i = 1; i <= 3; i++) {
        ck_assert_int_eq(groups_lookup(cache, 11, out, 16), 3);
        ck_assert_uint_eq(source.asked, i);
    }
    ck_assert_uint_eq(live_blocks(), 0);
}
END_TEST

START_TEST(the_cache_is_bounded)
{
    for (uint32_t uid = 1; uid < 20 * GROUPS_USERS_MAX; uid++) {
        ck_assert_int_eq(groups_lookup(cache, uid, out, 16), (int)(uid % 8));
        ck_assert_uint_le(live_blocks(), GROUPS_USERS_MAX);
    }
    /* And a run of uids does not crowd into few sets. */
    ck_assert_uint_ge(live_blocks(), GROUPS_USERS_MAX / 2);
}
END_TEST

START_TEST(the_system_knows_root)
{
    struct groups_cache *sys = groups_cache_new(300, NULL);
    gid_t expected[64];
    int count = 64, n;

    ck_assert_ptr_nonnull(sys);
    ck_assert_int_ge(getgrouplist("root", 0, expected, &count), 1);
    n = groups_lookup(sys, 0, out, 16);
    ck_assert_int_eq(n, count < 16 ? count : 16);
    for (int i = 0; i < n; i++)
        ck_assert_uint_eq(out[i], expected[i]);
    ck_assert_int_eq(groups_lookup(sys, 3999999999u, out, 16), -ENOENT);
    groups_cache_free(&sys);
}
END_TEST

static void *
look_up_many(void *arg)
{
    uint32_t mine[16];

    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t uid = i * 7 % 3000;
        int n = groups_lookup(cache, uid, mine, 16);

        ck_assert_int_eq(n, (int)(uid % 8));
        if (n > 0)
            ck_assert_uint_eq(mine[n - 1], uid + (uint32_t)n - 1);
        if (i % 1000 == 0)
            source.clock += 100;
    }
    return NULL;
}

START_TEST(threads_look_up_together)
{
    pthread_t t[4];

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, look_up_many, NULL), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(t[i], NULL), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("groups");
    TCase *tc = tcase_create("groups");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, answers_are_kept_for_their_time);
    tcase_add_test(tc, what_does_not_fit_is_left_out);
    tcase_add_test(tc, no_such_user_is_kept_and_an_error_is_not);
    tcase_add_test(tc, a_timeout_of_zero_keeps_nothing);
    tcase_add_test(tc, the_cache_is_bounded);
    tcase_add_test(tc, the_system_knows_root);
    tcase_add_test(tc, threads_look_up_together);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
