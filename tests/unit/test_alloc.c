/* SPDX-License-Identifier: BSD-2-Clause */
/* Typed allocations: contents, accounts against a model, and what is caught. */
#include "mem/alloc.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "expect_abort.h"
#include "mem/account_slot.h"
#include "mem/guard.h"
#include "mem/guard_hook.h"
#include "mem/heap.h"
#include "mem/must.h"
#include "mem/quarantine.h"
#include "mem/thread.h"
#include "mem/thread_flush.h"

MEM_TYPE(mt_a, "test.alloc", "a");
MEM_TYPE(mt_b, "test.alloc", "b");

static struct mem_type_stats
read_one(const char *module, const char *name)
{
    struct mem_type_stats s;

    mem_account_read_one(module, name, &s);
    return s;
}

START_TEST(blocks_are_aligned_usable_and_charged)
{
    for (size_t bytes = 0; bytes < 300; bytes++) {
        uint8_t *p = mem_alloc(&mt_a, bytes);

        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        ck_assert_uint_eq(mem_usable_bytes(p), bytes);
        memset(p, 0, bytes);
        ck_assert_uint_eq(read_one("test.alloc", "a").size, bytes);
        ck_assert_uint_eq(read_one("test.alloc", "a").num_allocs, 1);
        mem_free(p);
        ck_assert_uint_eq(read_one("test.alloc", "a").size, 0);
        ck_assert_uint_eq(read_one("test.alloc", "a").num_allocs, 0);
    }
    (void)mem_threads_trim(true);
    (void)mem_thread_flush();
    (void)quarantine_flush(NULL);
    (void)mem_thread_flush();
    (void)heap_shrink();
    ck_assert_uint_eq(read_one("mem", "heap slack").size, 0);
    ck_assert_uint_eq(read_one("mem", "heap slack").num_allocs, 0);
}
END_TEST

START_TEST(zeroed_blocks_are_zero)
{
    for (size_t bytes = 1; bytes < 3000; bytes += 97) {
        uint8_t *p = mem_alloc(&mt_a, bytes), *q;

        memset(p, 0xff, bytes);
        mem_free(p);
        p = mem_zalloc(&mt_a, bytes);
        q = mem_calloc(&mt_a, 3, bytes);
        for (size_t i = 0; i < bytes; i++) {
            ck_assert_uint_eq(p[i], 0);
            ck_assert_uint_eq(q[2 * bytes + i], 0);
        }
        mem_free(p);
        mem_free(q);
    }
}
END_TEST

START_TEST(aligned_blocks_are_aligned_also_after_realloc)
{
    for (size_t align = 1; align <= 1 << 20; align *= 2) {
        uint8_t *p = mem_alloc_aligned(&mt_a, align, 1000);

        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % align, 0);
        memset(p, 0x17, 1000);
        p = mem_realloc(&mt_a, p, 100000);
        ck_assert_uint_eq((uintptr_t)p % align, 0);
        ck_assert_uint_eq(p[999], 0x17);
        ck_assert_uint_eq(mem_usable_bytes(p), 100000);
        mem_free(p);
    }
    ck_assert_uint_eq(read_one("test.alloc", "a").size, 0);
    (void)mem_threads_trim(true);
    (void)mem_thread_flush();
    (void)quarantine_flush(NULL);
    (void)mem_thread_flush();
    (void)heap_shrink();
    ck_assert_uint_eq(read_one("mem", "heap slack").size, 0);
    ck_assert_uint_eq(read_one("mem", "heap slack").num_allocs, 0);
}
END_TEST

START_TEST(what_cannot_be_is_enomem_and_counted)
{
    volatile size_t huge = SIZE_MAX;
    void *p = mem_alloc(&mt_a, 10);

    errno = 0;
    ck_assert_ptr_null(mem_alloc(&mt_a, huge));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(mem_alloc(&mt_a, huge - 20));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_ptr_null(mem_zalloc(&mt_a, huge / 2));
    ck_assert_ptr_null(mem_calloc(&mt_a, huge / 2, 3));
    ck_assert_ptr_null(mem_alloc_aligned(&mt_a, 4096, huge - 4096));
    ck_assert_ptr_null(mem_realloc(&mt_a, p, huge - 8));
    ck_assert_uint_eq(read_one("test.alloc", "a").failures, 6);
    ck_assert_uint_eq(mem_usable_bytes(p), 10);
    mem_free(p);
    ck_assert_uint_eq(read_one("test.alloc", "a").size, 0);
}
END_TEST

START_TEST(realloc_of_null_allocates_and_retypes_what_it_is_given)
{
    char *p = mem_realloc(&mt_a, NULL, 4);

    memcpy(p, "abc", 4);
    p = mem_realloc(&mt_b, p, 5000);
    ck_assert_str_eq(p, "abc");
    ck_assert_uint_eq(read_one("test.alloc", "a").size, 0);
    ck_assert_uint_eq(read_one("test.alloc", "b").size, 5000);
    mem_free(p);
    mem_free(NULL);
}
END_TEST

START_TEST(copies_and_texts_are_what_they_copy)
{
    char *s = mem_strdup(&mt_a, "brick"), *n = mem_strndup(&mt_a, "brick", 3);
    char *m = mem_memdup(&mt_a, "a\0b", 4);
    char *f = mem_asprintf(&mt_a, "%s-%d", "brick", 42);

    ck_assert_str_eq(s, "brick");
    ck_assert_str_eq(n, "bri");
    ck_assert_mem_eq(m, "a\0b", 4);
    ck_assert_str_eq(f, "brick-42");
    ck_assert_uint_eq(mem_usable_bytes(f), 9);
    mem_free(s);
    mem_free(n);
    mem_free(m);
    mem_free(f);
    n = mem_strndup(&mt_a, "ab", 100);
    ck_assert_uint_eq(mem_usable_bytes(n), 3);
    mem_free(n);
    ck_assert_uint_eq(read_one("test.alloc", "a").num_allocs, 0);
}
END_TEST

START_TEST(libraries_are_charged_to_their_own_line)
{
    void *p = mem_lib_malloc(100);

    p = mem_lib_realloc(p, 200);
    ck_assert_uint_eq(read_one("lib", "event").size, 200);
    mem_lib_free(p);
    p = mem_lib_realloc(NULL, 5);
    mem_lib_free(p);
    mem_lib_free(NULL);
    ck_assert_uint_eq(read_one("lib", "event").size, 0);
}
END_TEST

enum { THREADS = 3, SLOTS = 64, ROUNDS = 20000 };

/* Blocks travel between threads through here. */
static _Atomic(uint8_t *) slots[SLOTS];

static void
check_pattern(const uint8_t *p)
{
    size_t bytes = mem_usable_bytes(p);

    for (size_t i = 0; i < bytes; i++)
        must(p[i] == (uint8_t)(bytes + i));
}

static uint8_t *
with_pattern(uint8_t *p)
{
    size_t bytes = mem_usable_bytes(p);

    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)(bytes + i);
    return p;
}

static size_t
random_bytes(unsigned *seed)
{
    unsigned r = (unsigned)rand_r(seed);

    return r % 50 == 0 ? r % 20000 : r % 200;
}

static void *
churn(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;

    for (int i = 0; i < ROUNDS; i++) {
        struct mem_type *type = rand_r(&seed) % 2 == 0 ? &mt_a : &mt_b;
        size_t at = (size_t)rand_r(&seed) % SLOTS;
        uint8_t *p = atomic_exchange(&slots[at], NULL);

        if (p != NULL)
            check_pattern(p);
        switch (rand_r(&seed) % 4) {
        case 0:
            mem_free(p);
            p = NULL;
            break;
        case 1:
            p = with_pattern(mem_realloc(type, p, random_bytes(&seed)));
            break;
        default:
            mem_free(p);
            p = with_pattern(mem_alloc(type, random_bytes(&seed)));
        }
        mem_free(atomic_exchange(&slots[at], p));
    }
    return NULL;
}

START_TEST(accounts_agree_with_what_is_left_after_threads_mixed_everything)
{
    pthread_t threads[THREADS];
    uint64_t size = 0, blocks = 0;

    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn,
                                        (void *)(i + (uintptr_t)_i * 10)),
                         0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < SLOTS; i++) {
        if (slots[i] == NULL)
            continue;
        check_pattern(slots[i]);
        size += mem_usable_bytes(slots[i]);
        blocks++;
    }
    ck_assert_uint_gt(blocks, 0);
    ck_assert_uint_eq(read_one("test.alloc", "a").size +
                          read_one("test.alloc", "b").size,
                      size);
    ck_assert_uint_eq(read_one("test.alloc", "a").num_allocs +
                          read_one("test.alloc", "b").num_allocs,
                      blocks);
    ck_assert_uint_gt(read_one("mem", "heap slack").size, 0);
    for (int i = 0; i < SLOTS; i++)
        mem_free(atomic_exchange(&slots[i], NULL));
    ck_assert_uint_eq(read_one("test.alloc", "a").size, 0);
    ck_assert_uint_eq(read_one("test.alloc", "b").size, 0);
    (void)mem_threads_trim(true);
    (void)mem_thread_flush();
    (void)quarantine_flush(NULL);
    (void)mem_thread_flush();
    (void)heap_shrink();
    ck_assert_uint_eq(read_one("mem", "heap slack").size, 0);
    ck_assert_uint_eq(read_one("mem", "heap slack").num_allocs, 0);
}
END_TEST

/* 1 to 4096 bytes: the C library treats what it has back in several ways. */
START_TEST(a_double_free_is_caught_and_named)
{
    void *volatile p = mem_alloc(&mt_a, (size_t)1 << _i);

    expect_abort_saying("double free");
    mem_free(p);
    expected_text = "test.alloc a";
    mem_free(p);
}
END_TEST

START_TEST(an_overrun_by_one_zero_byte_is_caught_and_named)
{
    void *p = mem_alloc(&mt_b, (size_t)_i);

    expect_abort_saying("overrun");
    plant_byte(p, (size_t)_i, 0);
    expected_text = "test.alloc b";
    mem_free(p);
}
END_TEST

START_TEST(an_underrun_is_caught)
{
    void *p = mem_alloc(&mt_b, 24);

    expect_abort_saying("head was overwritten");
    plant_byte(p, (size_t)-1 - (size_t)_i, 0x5a);
    mem_free(p);
}
END_TEST

START_TEST(a_foreign_pointer_is_caught)
{
    static uint8_t ours[256] __attribute__((aligned(16)));

    expect_abort_saying("no block of ours");
    mem_free(ours + 64);
}
END_TEST

START_TEST(a_pointer_into_a_block_is_caught)
{
    uint8_t *p = mem_zalloc(&mt_a, 256);

    expect_abort_saying("no block of ours");
    mem_free(p + 8 * _i);
}
END_TEST

/* A block as a whole, copied into the middle of another one. */
static PLANTED void
copy_with_head(uint8_t *to, const uint8_t *from, size_t bytes)
{
    volatile uint8_t *t = to - 16;
    const volatile uint8_t *f = from - 16;

    for (size_t i = 0; i < 16 + bytes + 4; i++)
        t[i] = f[i];
}

START_TEST(a_copied_head_is_not_taken_for_a_block)
{
    uint8_t *p = mem_zalloc(&mt_a, 32), *q = mem_zalloc(&mt_a, 128);

    copy_with_head(q + 32, p, 32);
    expect_abort_saying("no block of ours");
    mem_free(q + 32);
}
END_TEST

START_TEST(a_realloc_of_a_freed_block_is_caught)
{
    void *volatile p = mem_alloc(&mt_a, 100);

    expect_abort_saying("double free");
    mem_free(p);
    p = mem_realloc(&mt_a, p, 200);
}
END_TEST

START_TEST(a_type_that_is_marked_gets_one_guard_object)
{
    struct mem_type_stats before = read_one("test.alloc", "a");
    uint8_t *p, *q;

    mem_free(mem_alloc(&mt_a, 1));
    mem_guard_set_rate(1000000);
    for (size_t bytes = 0; bytes < 4000; bytes += 99) {
        mem_account_mark(mem_account_slot(&mt_a), TYPE_GUARD, true);
        p = mem_zalloc(&mt_a, bytes);
        q = mem_alloc(&mt_a, bytes);
        ck_assert(guard_owns(p) != UNDER_ASAN);
        ck_assert(!guard_owns(q));
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        ck_assert_uint_eq(mem_usable_bytes(p), bytes);
        for (size_t i = 0; i < bytes; i++)
            ck_assert_uint_eq(p[i], 0);
        memset(p, 7, bytes);
        p = mem_realloc(&mt_b, p, bytes * 2);
        for (size_t i = 0; i < bytes; i++)
            ck_assert_uint_eq(p[i], 7);
        mem_free(p);
        mem_free(q);
    }
    mem_guard_set_rate(0);
    ck_assert_uint_eq(read_one("test.alloc", "a").size, before.size);
    ck_assert_uint_eq(read_one("test.alloc", "a").num_allocs,
                      before.num_allocs);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("alloc");
    TCase *tc = tcase_create("alloc"), *bugs = tcase_create("bugs");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, blocks_are_aligned_usable_and_charged);
    tcase_add_test(tc, zeroed_blocks_are_zero);
    tcase_add_test(tc, a_type_that_is_marked_gets_one_guard_object);
    tcase_add_test(tc, aligned_blocks_are_aligned_also_after_realloc);
    tcase_add_test(tc, what_cannot_be_is_enomem_and_counted);
    tcase_add_test(tc, realloc_of_null_allocates_and_retypes_what_it_is_given);
    tcase_add_test(tc, copies_and_texts_are_what_they_copy);
    tcase_add_test(tc, libraries_are_charged_to_their_own_line);
    tcase_add_loop_test(
        tc, accounts_agree_with_what_is_left_after_threads_mixed_everything, 1,
        4);
    suite_add_tcase(s, tc);
    tcase_add_loop_test_raise_signal(bugs, a_double_free_is_caught_and_named,
                                     SIGABRT, 0, 13);
    tcase_add_loop_test_raise_signal(
        bugs, an_overrun_by_one_zero_byte_is_caught_and_named, SIGABRT, 0, 40);
    tcase_add_loop_test_raise_signal(bugs, an_underrun_is_caught, SIGABRT, 0,
                                     8);
    tcase_add_test_raise_signal(bugs, a_foreign_pointer_is_caught, SIGABRT);
    tcase_add_loop_test_raise_signal(bugs, a_pointer_into_a_block_is_caught,
                                     SIGABRT, 1, 5);
    tcase_add_test_raise_signal(bugs, a_copied_head_is_not_taken_for_a_block,
                                SIGABRT);
    tcase_add_test_raise_signal(bugs, a_realloc_of_a_freed_block_is_caught,
                                SIGABRT);
    suite_add_tcase(s, bugs);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
