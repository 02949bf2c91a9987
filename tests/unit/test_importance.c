/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is refused memory first, in a whole server with a limit.  How much memory
 * the kernel says the process has is made up here, so that what is left below
 * the limit is exactly what a test wants.  Each request wants a buffer that is
 * larger than what lies about free.
 */
#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mem/clock.h"
#include "mem/limit.h"
#include "mem/limit_state.h"
#include "mem/must.h"
#include "mem/reclaim.h"
#include "mem/resident.h"
#include "server/wire/types.h"
#include "tests/unit/server_scene.h"

#define MIB (UINT64_C(1) << 20)
#define LIMIT (1024 * MIB)
enum { INTERNAL_PID = -6, USERS_PID = 1234, LISTING_BYTES = 128 * 1024 };

static _Atomic(uint64_t) resident = 10 * MIB;

static bool
fake_read(void *arg, uint64_t *resident_bytes, uint64_t *file_bytes)
{
    *resident_bytes = resident;
    *file_bytes = 6 * MIB;
    return true;
}

static uint64_t
fake_now_ns(void *arg)
{
    return 1000 * CLOCK_NS_PER_SEC;
}

static const struct resident_source fake = {
    .read = fake_read,
    .now_ns = fake_now_ns,
};

static struct peer *p;
static struct gfid file;
static int64_t fd_file, fd_root;

/* Nothing lies about free, and so much is left below the limit. */
static void
leave(uint64_t bytes)
{
    struct mem_limit_stats st;

    (void)mem_reclaim_all();
    resident = LIMIT - bytes;
    limit_refresh();
    mem_limit_read(&st);
    ck_assert_uint_ge(st.used_bytes, LIMIT - bytes);
    ck_assert_uint_le(st.used_bytes, LIMIT - bytes + MIB / 4);
}

static void
setup(void)
{
    static const char *const options[] = {"memory.limit", "1G", NULL};

    limit_set_source(&fake);
    limit_refresh();
    scene_start(options);
    p = peer_connect();
    ck_assert_int_eq(peer_hello(p, "one", NULL, NULL), 0);
    fd_file = peer_create(p, "file", &file);
    peer_begin_fop(p, FOP_OPENDIR);
    put_gfid(p, &gfid_root);
    put_no_dict(p);
    ck_assert_int_eq(peer_call(p, NULL), 0);
    take_dict(p);
    fd_root = (int64_t)take_u64(p);
}

static void
teardown(void)
{
    resident = 10 * MIB;
    limit_set_source(&resident_kernel);
    peer_close(&p);
    scene_stop();
}

/* op_errno of a READ, which is the slow class's work unless it is an internal
 * client's. */
static int32_t
read_as(int32_t pid, uint64_t bytes)
{
    int32_t op_ret, op_errno;

    p->pid = pid;
    peer_begin_fop(p, FOP_READ);
    put_gfid(p, &file);
    put_u64(p, (uint64_t)fd_file);
    put_u64(p, 0);
    put_u32(p, (uint32_t)bytes);
    put_u32(p, 0);
    put_no_dict(p);
    op_ret = peer_call(p, &op_errno);
    return op_ret < 0 ? op_errno : 0;
}

/* A user's work of another class. */
static int32_t
list_as(int32_t pid)
{
    int32_t op_ret, op_errno;

    p->pid = pid;
    peer_begin_fop(p, FOP_READDIRP);
    put_gfid(p, &gfid_root);
    put_u64(p, (uint64_t)fd_root);
    put_u64(p, 0);
    put_u32(p, LISTING_BYTES);
    put_no_dict(p);
    op_ret = peer_call(p, &op_errno);
    return op_ret < 0 ? op_errno : 0;
}

static uint64_t
refusals(enum mem_importance importance)
{
    struct mem_limit_stats st;

    mem_limit_read(&st);
    return st.refusals[importance];
}

/* The mark's unit, 4 MiB at this limit. */
static uint64_t
margin(void)
{
    struct mem_limit_stats st;

    mem_limit_read(&st);
    ck_assert_uint_eq(st.limit_bytes, LIMIT);
    ck_assert_uint_eq(st.min_bytes, 2 * st.margin_bytes);
    return st.margin_bytes;
}

START_TEST(with_plenty_everybody_is_served)
{
    ck_assert_int_eq(read_as(INTERNAL_PID, MIB), 0);
    ck_assert_int_eq(read_as(USERS_PID, MIB), 0);
    ck_assert_int_eq(list_as(USERS_PID), 0);
    for (int i = 0; i < MEM_IMPORTANCES; i++)
        ck_assert_uint_eq(refusals((enum mem_importance)i), 0);
}
END_TEST

START_TEST(internal_clients_are_refused_first)
{
    leave(2 * margin());
    ck_assert_int_eq(read_as(INTERNAL_PID, 2 * MIB), ENOMEM);
    ck_assert_uint_gt(refusals(MEM_FOR_INTERNAL), 0);
    ck_assert_int_eq(read_as(USERS_PID, MIB / 2), 0);
    ck_assert_int_eq(list_as(USERS_PID), 0);
    ck_assert_uint_eq(refusals(MEM_FOR_SLOW), 0);
    ck_assert_uint_eq(refusals(MEM_FOR_USERS), 0);
}
END_TEST

START_TEST(then_the_slow_class)
{
    leave(3 * margin() / 2);
    ck_assert_int_eq(read_as(INTERNAL_PID, 2 * MIB), ENOMEM);
    ck_assert_int_eq(read_as(USERS_PID, 2 * MIB), ENOMEM);
    ck_assert_uint_gt(refusals(MEM_FOR_INTERNAL), 0);
    ck_assert_uint_gt(refusals(MEM_FOR_SLOW), 0);
    ck_assert_int_eq(list_as(USERS_PID), 0);
    ck_assert_uint_eq(refusals(MEM_FOR_USERS), 0);
}
END_TEST

START_TEST(all_are_served_again_afterwards)
{
    leave(3 * margin() / 2);
    ck_assert_int_eq(read_as(INTERNAL_PID, 2 * MIB), ENOMEM);
    ck_assert_int_eq(read_as(USERS_PID, 2 * MIB), ENOMEM);
    mem_limit_set(2 * LIMIT);
    ck_assert_int_eq(read_as(INTERNAL_PID, 2 * MIB), 0);
    ck_assert_int_eq(read_as(USERS_PID, 2 * MIB), 0);
    ck_assert_int_eq(list_as(USERS_PID), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("importance");
    TCase *tc = tcase_create("a limit");
    SRunner *r;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, with_plenty_everybody_is_served);
    tcase_add_test(tc, internal_clients_are_refused_first);
    tcase_add_test(tc, then_the_slow_class);
    tcase_add_test(tc, all_are_served_again_afterwards);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
