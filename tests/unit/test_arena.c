/* SPDX-License-Identifier: BSD-2-Clause */
/* Arenas: alignment, the caller's block first, and all of it given back. */
#include "mem/arena.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

MEM_TYPE(mt_arena, "test.arena", "a");

static struct mem_type_stats
charged(void)
{
    struct mem_type_stats s;

    mem_account_read_one("test.arena", "a", &s);
    return s;
}

START_TEST(the_first_block_serves_first)
{
    _Alignas(8) uint8_t first[64];
    struct arena a;
    uint8_t *p;

    arena_init(&a, &mt_arena, first, sizeof(first));
    ck_assert_ptr_eq(arena_alloc(&a, 1), first);
    ck_assert_ptr_eq(arena_alloc(&a, 8), first + 8);
    ck_assert_ptr_eq(arena_alloc(&a, 48), first + 16);
    ck_assert_uint_eq(charged().num_allocs, 0);
    p = arena_alloc(&a, 1);
    ck_assert(p < first || p >= first + sizeof(first));
    ck_assert_uint_eq(charged().num_allocs, 1);
    arena_release(&a);
    ck_assert_uint_eq(charged().size, 0);
    ck_assert_ptr_eq(arena_alloc(&a, 64), first);
    arena_release(&a);
}
END_TEST

START_TEST(an_odd_first_block_is_used_to_its_end_and_not_beyond)
{
    _Alignas(8) uint8_t first[21];
    struct arena a;

    arena_init(&a, &mt_arena, first, sizeof(first));
    ck_assert_ptr_eq(arena_alloc(&a, 16), first);
    ck_assert_ptr_eq(arena_alloc(&a, 5), first + 16);
    ck_assert_uint_eq(charged().num_allocs, 0);
    ck_assert_ptr_nonnull(arena_alloc(&a, 0));
    ck_assert_uint_eq(charged().num_allocs, 1);
    arena_release(&a);
}
END_TEST

START_TEST(allocations_are_apart_aligned_and_keep_their_contents)
{
    enum { COUNT = 2000 };
    static uint8_t *p[COUNT];
    static size_t bytes[COUNT];
    unsigned seed = (unsigned)_i;
    struct arena a;

    arena_init(&a, &mt_arena, NULL, 0);
    for (size_t i = 0; i < COUNT; i++) {
        bytes[i] = (size_t)rand_r(&seed) % (i % 100 == 0 ? 9000 : 90);
        p[i] = arena_alloc(&a, bytes[i]);
        ck_assert_ptr_nonnull(p[i]);
        ck_assert_uint_eq((uintptr_t)p[i] % 8, 0);
        memset(p[i], (int)(i & 0xff), bytes[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < bytes[i]; j++)
            ck_assert_uint_eq(p[i][j], i & 0xff);
    }
    ck_assert_uint_gt(charged().num_allocs, 1);
    arena_release(&a);
    ck_assert_uint_eq(charged().num_allocs, 0);
    ck_assert_uint_eq(charged().size, 0);
}
END_TEST

START_TEST(a_large_one_leaves_the_current_block_in_use)
{
    struct arena a;
    uint8_t *p;

    arena_init(&a, &mt_arena, NULL, 0);
    p = arena_alloc(&a, 8);
    ck_assert_ptr_nonnull(arena_alloc(&a, 100000));
    ck_assert_ptr_eq(arena_alloc(&a, 8), p + 8);
    arena_release(&a);
}
END_TEST

START_TEST(copies_and_texts_are_what_they_copy)
{
    struct arena a;
    uint8_t *z;

    arena_init(&a, &mt_arena, NULL, 0);
    memset(arena_alloc(&a, 1000), 0xff, 1000);
    arena_release(&a);
    z = arena_zalloc(&a, 1000);
    for (int i = 0; i < 1000; i++)
        ck_assert_uint_eq(z[i], 0);
    ck_assert_mem_eq(arena_memdup(&a, "a\0b", 4), "a\0b", 4);
    ck_assert_str_eq(arena_strndup(&a, "gfid and more", 4), "gfid");
    ck_assert_str_eq(arena_strndup(&a, NULL, 0), "");
    ck_assert_str_eq(arena_printf(&a, "%d/%s", 7, "x"), "7/x");
    arena_release(&a);
}
END_TEST

/* What arenas take is part of the heap, also for a type whose first request
 * could not be met. */
START_TEST(a_type_that_began_with_a_refusal_is_counted_once)
{
    MEM_TYPE(mt_late, "test.arena", "late");
    volatile size_t huge = SIZE_MAX;
    uint64_t before, after;
    struct arena a;

    arena_init(&a, &mt_late, NULL, 0);
    ck_assert_ptr_null(arena_alloc(&a, huge));
    ck_assert_ptr_nonnull(arena_alloc(&a, 8));
    before = mem_account_total_bytes();
    ck_assert_ptr_nonnull(arena_alloc(&a, 1 << 20));
    after = mem_account_total_bytes();
    ck_assert_uint_ge(after - before, 1 << 20);
    ck_assert_uint_lt(after - before, (1 << 20) + 65536);
    arena_release(&a);
}
END_TEST

START_TEST(what_cannot_be_is_enomem_and_harms_nothing)
{
    volatile size_t huge = SIZE_MAX;
    struct arena a;
    uint8_t *p;

    arena_init(&a, &mt_arena, NULL, 0);
    p = arena_alloc(&a, 8);
    errno = 0;
    ck_assert_ptr_null(arena_alloc(&a, huge));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(arena_alloc(&a, huge - 20));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(arena_strndup(&a, "x", huge));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_ptr_null(arena_zalloc(&a, huge / 2));
    ck_assert_ptr_eq(arena_alloc(&a, 8), p + 8);
    ck_assert_uint_eq(charged().failures, 4);
    arena_release(&a);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("arena");
    TCase *tc = tcase_create("arena");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, the_first_block_serves_first);
    tcase_add_test(tc, an_odd_first_block_is_used_to_its_end_and_not_beyond);
    tcase_add_loop_test(
        tc, allocations_are_apart_aligned_and_keep_their_contents, 0, 5);
    tcase_add_test(tc, a_large_one_leaves_the_current_block_in_use);
    tcase_add_test(tc, copies_and_texts_are_what_they_copy);
    tcase_add_test(tc, a_type_that_began_with_a_refusal_is_counted_once);
    tcase_add_test(tc, what_cannot_be_is_enomem_and_harms_nothing);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
