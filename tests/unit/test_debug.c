/* SPDX-License-Identifier: BSD-2-Clause */
/* Poison and red zones on demand, for typed blocks and for pools. */
#include "mem/debug.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "expect_abort.h"
#include "mem/account_slot.h"
#include "mem/alloc.h"
#include "mem/guard.h"
#include "mem/limit.h"
#include "mem/must.h"
#include "mem/pages.h"
#include "mem/poison.h"
#include "mem/pool.h"
#include "mem/quarantine.h"
#include "mem/reclaim.h"
#include "mem/spare.h"
#include "mem/trace.h"

MEM_TYPE(mt_a, "test.debug", "a");
MEM_TYPE(mt_other, "test.debug", "other");
MEM_TYPE(mt_obj, "test.debug", "obj");

START_TEST(only_the_types_asked_for_are_poisoned)
{
    mem_free(mem_alloc(&mt_a, 1));
    mem_free(mem_alloc(&mt_other, 1));
    ck_assert_uint_eq(mem_poison_set("test.debug", "a", true), 1);
    ck_assert_uint_eq(mem_poison_types(), 1);
    ck_assert_uint_eq(mem_poison_set("test.debug", "a", true), 0);
    ck_assert_uint_eq(mem_poison_set("test.debug", NULL, true), 1);
    ck_assert_uint_eq(mem_poison_types(), 2);
    ck_assert_uint_eq(mem_poison_set("no.such", "*", true), 0);
    ck_assert_uint_eq(mem_poison_set(NULL, NULL, false), 2);
    ck_assert_uint_eq(mem_poison_types(), 0);
}
END_TEST

START_TEST(a_poisoned_block_is_filled_and_works)
{
    struct mem_type_stats s;
    uint8_t *p, *before;

    before = mem_alloc(&mt_a, 100);
    (void)mem_poison_set("test.debug", "a", true);
    for (size_t bytes = 0; bytes < 20000; bytes = bytes * 2 + 1) {
        p = mem_alloc(&mt_a, bytes);
        for (size_t i = 0; i < bytes; i++)
            ck_assert_uint_eq(p[i], 0xa5);
        memset(p, 1, bytes);
        p = mem_realloc(&mt_a, p, bytes * 2);
        for (size_t i = 0; i < bytes; i++)
            ck_assert_uint_eq(p[i], 1);
        ck_assert_uint_eq(mem_usable_bytes(p), bytes * 2);
        mem_free(p);
        p = mem_zalloc(&mt_a, bytes);
        for (size_t i = 0; i < bytes; i++)
            ck_assert_uint_eq(p[i], 0);
        mem_free(p);
    }
    ck_assert_uint_gt(mem_poison_quarantine_bytes(), 0);
    /* One from before is freed as what it was. */
    mem_free(before);
    mem_account_read_one("test.debug", "a", &s);
    ck_assert_uint_eq(s.size, 0);
    ck_assert_uint_eq(s.num_allocs, 0);
    (void)mem_poison_set("test.debug", "a", false);
    ck_assert_uint_eq(mem_poison_quarantine_bytes(), 0);
}
END_TEST

START_TEST(the_quarantine_is_bounded_and_lets_go)
{
    mem_free(mem_alloc(&mt_a, 1));
    (void)mem_poison_set("test.debug", "a", true);
    for (int i = 0; i < 20000; i++)
        mem_free(mem_alloc(&mt_a, (size_t)i));
    ck_assert_uint_le(mem_poison_quarantine_bytes(), 4 << 20);
    (void)mem_poison_set("test.debug", "a", false);
}
END_TEST

/* Within the 32 bytes of the red zone. */
START_TEST(an_overrun_of_a_poisoned_block_is_named)
{
    void *p;

    mem_free(mem_alloc(&mt_a, 1));
    (void)mem_poison_set("test.debug", "a", true);
    p = mem_alloc(&mt_a, 41);
    expect_abort_saying("overrun");
    plant_byte(p, 41 + (size_t)_i, 0);
    expected_text = "test.debug a";
    mem_free(p);
}
END_TEST

START_TEST(a_write_after_the_free_is_named)
{
    uint8_t *p;

    mem_free(mem_alloc(&mt_a, 1));
    (void)mem_poison_set("test.debug", "a", true);
    p = mem_alloc(&mt_a, 41);
    mem_free(p);
    plant_byte(p, (size_t)_i * 10, 0);
    expect_abort_saying("written to after it was freed");
    expected_text = "test.debug a";
    (void)mem_poison_set("test.debug", "a", false);
}
END_TEST

START_TEST(a_double_free_is_still_one)
{
    void *volatile p;

    mem_free(mem_alloc(&mt_a, 1));
    (void)mem_poison_set("test.debug", "a", true);
    p = mem_alloc(&mt_a, 41);
    mem_free(p);
    expect_abort_saying("double free");
    mem_free(p);
}
END_TEST

START_TEST(a_write_to_a_put_object_is_named)
{
    struct mem_pool *pool = mem_pool_new(&mt_obj, 200, NULL);
    uint8_t *o = mem_pool_get(pool);

    ck_assert_uint_eq(mem_poison_set("test.debug", "obj", true), 1);
    mem_pool_put(pool, o);
    plant_byte(o, 77, (uint8_t)(o[77] + 1));
    expect_abort_saying("written to after it was freed");
    expected_text = "test.debug obj";
    mem_pool_destroy(&pool);
}
END_TEST

START_TEST(a_poisoned_pool_works)
{
    struct mem_pool *pool = mem_pool_new(&mt_obj, 200, NULL);
    void *o[100];

    (void)mem_poison_set("test.debug", "obj", true);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 100; i++)
            o[i] = memset(mem_pool_get(pool), i, 200);
        for (int i = 0; i < 100; i++)
            mem_pool_put(pool, o[i]);
    }
    (void)mem_poison_set("test.debug", "obj", false);
    mem_pool_destroy(&pool);
    ck_assert_ptr_null(pool);
}
END_TEST

static uint64_t
pages_in_use(void)
{
    struct mem_pages_stats s;

    (void)mem_reclaim_all();
    mem_pages_read(&s);
    return s.used_bytes[3] + s.mapped_bytes;
}

/* A thread wants pages to fill a magazine; reclaim then puts what was in the
 * quarantine into that very magazine.  (0: blocks, 1: a pool's objects.) */
START_TEST(what_reclaim_frees_below_an_allocation_is_not_lost)
{
    enum { COUNT = 4000, BYTES = 100 };
    static void *p[COUNT];
    struct mem_pool *pool = mem_pool_new(&mt_obj, BYTES, NULL);
    uint64_t before;
    size_t n = 0;

    mem_free(mem_alloc(&mt_a, BYTES));
    mem_spare_register();
    (void)mem_poison_set("test.debug", NULL, true);
    before = pages_in_use();
    for (int i = 0; i < 200; i++)
        p[i] = _i == 0 ? mem_alloc(&mt_a, BYTES) : mem_pool_get(pool);
    for (int i = 0; i < 200; i++) {
        if (_i == 0)
            mem_free(p[i]);
        else
            mem_pool_put(pool, p[i]);
    }
    ck_assert_uint_gt(mem_poison_quarantine_bytes(), 0);
    mem_limit_set(1 << 20); /* no more pages */
    while (n < COUNT && mem_poison_quarantine_bytes() > 0) {
        p[n] = _i == 0 ? mem_alloc(&mt_a, BYTES) : mem_pool_get(pool);
        n += p[n] != NULL;
    }
    ck_assert_uint_eq(mem_poison_quarantine_bytes(), 0);
    mem_limit_set(0);
    while (n > 0) {
        n--;
        if (_i == 0)
            mem_free(p[n]);
        else
            mem_pool_put(pool, p[n]);
    }
    (void)mem_poison_set(NULL, NULL, false);
    ck_assert_uint_eq(pages_in_use(), before);
    mem_pool_destroy(&pool);
    mem_spare_unregister();
}
END_TEST

static pthread_barrier_t barrier;
static _Atomic(bool) released;

static void
release_slowly(void *owner, void *block)
{
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 10000; i++)
        (void)sched_yield();
    released = true;
}

static void *
flush_all(void *arg)
{
    (void)quarantine_flush(NULL);
    return NULL;
}

/* Else a pool's memory would be gone while an object is put back. */
START_TEST(an_owner_waits_for_what_another_thread_gives_it_back)
{
    static int owner, block;
    const struct quarantined q = {
        .block = &block,
        .bytes = sizeof(block),
        .release = release_slowly,
        .owner = &owner,
    };
    pthread_t thread;

    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    quarantine_put(&q);
    ck_assert_int_eq(pthread_create(&thread, NULL, flush_all, NULL), 0);
    pthread_barrier_wait(&barrier);
    (void)quarantine_flush(&owner);
    ck_assert(released);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

static _Atomic(bool) over;

static void *
make_pools(void *arg)
{
    while (!over) {
        struct mem_pool *pool = mem_pool_new(&mt_obj, 100, NULL);

        mem_pool_put(pool, mem_pool_get(pool));
        mem_pool_destroy(&pool);
    }
    return NULL;
}

START_TEST(types_come_and_go_while_marks_are_set)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, make_pools, NULL), 0);
    for (int i = 0; i < 200; i++) {
        (void)mem_poison_set("test.debug", "obj", i % 2 == 0);
        (void)mem_poison_types();
        if (i % 10 != 0)
            continue;
        must(mem_trace_on("test.debug", "obj", 1) >= 0);
        must(mem_trace_off("test.debug", "obj") >= 0);
    }
    over = true;
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(blocks_of_a_type_that_was_poisoned_once_do_not_rest)
{
    void *p;

    mem_free(mem_alloc(&mt_a, 1));
    (void)mem_poison_set("test.debug", "a", true);
    (void)quarantine_flush(NULL);
    p = mem_alloc(&mt_a, 100);
    mem_free(mem_alloc(&mt_a, 8 << 20)); /* more than the quarantine holds */
    ck_assert_uint_eq(mem_poison_quarantine_bytes(), 0);
    (void)mem_poison_set("test.debug", "a", false);
    mem_free(p);
    if (!UNDER_ASAN)
        ck_assert_uint_eq(mem_poison_quarantine_bytes(), 0);
}
END_TEST

/* A guard object would have none of what was asked for; and a mark that no
 * allocation can obey does not stay. */
START_TEST(guard_objects_are_not_of_types_with_other_marks)
{
    struct mem_guard_stats s;
    struct mem_trace_site site;
    uint32_t slot;
    uint8_t *p;

    mem_free(mem_alloc(&mt_a, 1));
    slot = mem_account_slot(&mt_a);
    mem_guard_set_rate(1);
    ck_assert_int_eq(mem_trace_on("test.debug", "a", 1), 1);
    (void)mem_poison_set("test.debug", "a", true);
    mem_account_mark(slot, TYPE_GUARD, true);
    p = mem_alloc(&mt_a, 100);
    ck_assert_uint_eq(p[99], 0xa5);
    ck_assert_uint_eq(mem_trace_read(&site, 1), 1);
    ck_assert_uint_eq(site.live_bytes, 100);
    mem_guard_read(&s);
    ck_assert_uint_eq(s.guarded, 0);
    mem_free(p);
    (void)mem_trace_off(NULL, NULL);
    (void)mem_poison_set(NULL, NULL, false);
    mem_account_mark(slot, TYPE_GUARD, true);
    mem_free(mem_alloc(&mt_a, 8000));
    ck_assert_uint_eq(mem_account_marks(slot), 0);
    mem_guard_set_rate(0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("debug");
    TCase *tc = tcase_create("debug"), *bugs = tcase_create("bugs");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, a_poisoned_block_is_filled_and_works);
    tcase_add_test(tc, the_quarantine_is_bounded_and_lets_go);
    tcase_add_test(tc, a_poisoned_pool_works);
    tcase_add_loop_test(
        tc, what_reclaim_frees_below_an_allocation_is_not_lost, 0, 2);
    tcase_add_test(tc, an_owner_waits_for_what_another_thread_gives_it_back);
    tcase_add_test(tc, types_come_and_go_while_marks_are_set);
    tcase_add_test(tc, blocks_of_a_type_that_was_poisoned_once_do_not_rest);
    /* A sanitizer poisons everything, and speaks first. */
    if (!UNDER_ASAN) {
        tcase_add_test(tc, only_the_types_asked_for_are_poisoned);
        tcase_add_test(tc, guard_objects_are_not_of_types_with_other_marks);
        tcase_add_loop_test_raise_signal(
            bugs, an_overrun_of_a_poisoned_block_is_named, SIGABRT, 0, 32);
        tcase_add_loop_test_raise_signal(bugs, a_write_after_the_free_is_named,
                                         SIGABRT, 0, 5);
        tcase_add_test_raise_signal(bugs, a_double_free_is_still_one, SIGABRT);
        tcase_add_test_raise_signal(bugs, a_write_to_a_put_object_is_named,
                                    SIGABRT);
    }
    suite_add_tcase(s, tc);
    suite_add_tcase(s, bugs);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
