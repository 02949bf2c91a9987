/* SPDX-License-Identifier: BSD-2-Clause */
/* Squashing. */
#include "server/stage/squash.h"

#include <check.h>
#include <stdlib.h>

#include "mem/must.h"
#include "rpc/auth.h"

enum { ANON_UID = 65534, ANON_GID = 65533 };

START_TEST(who_becomes_whom)
{
    static const struct {
        bool root, all, trusted;
        int32_t pid;
        uint32_t uid, gid, uid_after, gid_after;
    } t[] = {
        {false, false, false, 9, 0, 0, 0, 0},
        {true, false, false, 9, 0, 0, ANON_UID, ANON_GID},
        {true, false, false, 9, 5, 0, 5, ANON_GID},
        {true, false, false, 9, 0, 6, ANON_UID, 6},
        {true, false, false, 9, 5, 6, 5, 6},
        {false, true, false, 9, 5, 6, ANON_UID, ANON_GID},
        {true, true, false, 9, 5, 6, ANON_UID, ANON_GID},
        /* Internal pids are believed of trusted clients only. */
        {true, false, false, -6, 0, 0, ANON_UID, ANON_GID},
        {true, false, true, -1, 0, 0, 0, 0},
        {true, false, true, -2, 0, 0, ANON_UID, ANON_GID},
        {true, false, true, -3, 0, 0, 0, 0},
        {true, false, true, -4, 0, 0, 0, 0},
        {true, false, true, -5, 0, 0, 0, 0},
        {true, true, true, -6, 5, 6, 5, 6},
        {true, false, true, -7, 0, 0, ANON_UID, ANON_GID},
        {true, false, true, 1, 0, 0, ANON_UID, ANON_GID},
        {true, false, true, 9, 0, 0, ANON_UID, ANON_GID},
    };

    for (size_t i = 0; i < COUNT_OF(t); i++) {
        struct squash_rules r = {t[i].root, t[i].all, ANON_UID, ANON_GID};
        struct caller c = {.pid = t[i].pid, .uid = t[i].uid, .gid = t[i].gid};

        squash_apply(&c, t[i].trusted, &r, NULL);
        ck_assert_msg(c.uid == t[i].uid_after, "row %zu: uid %u", i, c.uid);
        ck_assert_msg(c.gid == t[i].gid_after, "row %zu: gid %u", i, c.gid);
    }
}
END_TEST

START_TEST(zero_groups_are_replaced_in_a_copy)
{
    struct squash_rules r = {.all_squash = true,
                             .anonuid = ANON_UID,
                             .anongid = ANON_GID};
    uint32_t groups[RPC_GROUPS_MAX], buf[RPC_GROUPS_MAX] = {0};
    struct caller c = {.pid = 9,
                       .groups = groups,
                       .groups_count = RPC_GROUPS_MAX};

    for (uint32_t i = 0; i < RPC_GROUPS_MAX; i++)
        groups[i] = i % 2 == 0 ? 0 : i;
    squash_apply(&c, false, &r, buf);
    ck_assert_ptr_eq(c.groups, buf);
    ck_assert_uint_eq(c.groups_count, RPC_GROUPS_MAX);
    for (uint32_t i = 0; i < RPC_GROUPS_MAX; i++) {
        ck_assert_uint_eq(buf[i], i % 2 == 0 ? ANON_GID : i);
        ck_assert_uint_eq(groups[i], i % 2 == 0 ? 0 : i);
    }
}
END_TEST

START_TEST(groups_without_zero_stay_where_they_are)
{
    struct squash_rules r = {.root_squash = true, .anongid = ANON_GID};
    static const uint32_t groups[] = {1, 2};
    struct caller c = {.pid = 9, .groups = groups, .groups_count = 2};

    squash_apply(&c, false, &r, NULL);
    ck_assert_ptr_eq(c.groups, groups);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("squash");
    TCase *tc = tcase_create("squash");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, who_becomes_whom);
    tcase_add_test(tc, zero_groups_are_replaced_in_a_copy);
    tcase_add_test(tc, groups_without_zero_stay_where_they_are);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
