/* SPDX-License-Identifier: BSD-2-Clause */
/* Poison and red zones on demand, for typed blocks and for pools. */
#include "mem/debug.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "expect_abort.h"
#include "mem/alloc.h"
#include "mem/poison.h"
#include "mem/pool.h"

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
    /* A sanitizer poisons everything, and speaks first. */
    if (!UNDER_ASAN) {
        tcase_add_test(tc, only_the_types_asked_for_are_poisoned);
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
