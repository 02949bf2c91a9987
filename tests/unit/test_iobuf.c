/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O buffers: capacity, alignment, references, stocks that stay bounded. */
#include "mem/iobuf.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "expect_abort.h"
#include "mem/account.h"
#include "mem/must.h"
#include "mem/thread.h"

static struct mem_type_stats
read_one(const char *name)
{
    struct mem_type_stats s;

    mem_account_read_one("mem", name, &s);
    return s;
}

/* The row that serves `bytes`. */
static struct iobuf_stats
row_for(size_t bytes)
{
    struct iobuf_stats rows[32];
    size_t count = iobuf_read(rows, COUNT_OF(rows)), i = 0;

    ck_assert_uint_le(count, COUNT_OF(rows));
    ck_assert_uint_eq(rows[count - 1].page_size, 0);
    while (i + 1 < count && rows[i].page_size < bytes)
        i++;
    return rows[i];
}

static const size_t sizes[] = {
    0,      1,      511,     512,     513,           4095,    4096, 4097,
    16384,  16385,  65536,   131072,  131072 + 4096, 131072 + 4097,
    262144, 524288, 1048576, 1048576 + 4096,         1048576 + 4097,
    5000000};

START_TEST(every_size_is_held_aligned_and_counted)
{
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint64_t total = row_for(sizes[i]).total;
        struct iobuf *buf = iobuf_new(sizes[i]);

        ck_assert_ptr_nonnull(buf);
        ck_assert_uint_ge(buf->capacity, sizes[i]);
        if (sizes[i] >= IOBUF_ALIGN)
            ck_assert_uint_eq((uintptr_t)buf->data % IOBUF_ALIGN, 0);
        memset(buf->data, 0x33, buf->capacity);
        ck_assert_uint_eq(row_for(sizes[i]).active, 1);
        ck_assert_uint_ge(row_for(sizes[i]).max_active, 1);
        ck_assert_uint_eq(row_for(sizes[i]).total, total + 1);
        ck_assert_uint_ge(read_one("iobuf").size, buf->capacity);
        ck_assert_uint_eq(read_one("iobuf").num_allocs, 1);
        iobuf_put(buf);
        ck_assert_uint_eq(row_for(sizes[i]).active, 0);
        ck_assert_uint_eq(read_one("iobuf").size, 0);
    }
    iobuf_put(NULL);
}
END_TEST

START_TEST(rows_are_ordered_and_bounded)
{
    struct iobuf_stats rows[32];
    size_t count = iobuf_read(rows, COUNT_OF(rows));

    for (size_t i = 0; i + 2 < count; i++)
        ck_assert_uint_lt(rows[i].page_size, rows[i + 1].page_size);
    memset(rows, 0x5a, sizeof(rows));
    ck_assert_uint_eq(iobuf_read(rows, 2), count);
    ck_assert_uint_eq(rows[2].total, 0x5a5a5a5a5a5a5a5aull);
    ck_assert_uint_eq(iobuf_read(NULL, 0), count);
}
END_TEST

START_TEST(the_last_reference_frees)
{
    struct iobuf *buf = iobuf_new(128 << 10);

    ck_assert_ptr_eq(iobuf_get(buf), buf);
    ck_assert_ptr_eq(iobuf_get(buf), buf);
    iobuf_put(buf);
    iobuf_put(buf);
    ck_assert_uint_eq(row_for(128 << 10).active, 1);
    buf->data[0] = 1;
    iobuf_put(buf);
    ck_assert_uint_eq(row_for(128 << 10).active, 0);
}
END_TEST

START_TEST(a_freed_buffer_is_used_again_and_stays_counted)
{
    struct iobuf *buf = iobuf_new(65536);
    uint8_t *data = buf->data;
    uint64_t total = mem_account_total_bytes();

    iobuf_put(buf);
    ck_assert_uint_eq(row_for(65536).cold, 1);
    ck_assert_uint_eq(read_one("iobuf cold").size, 65536);
    ck_assert_uint_eq(mem_account_total_bytes(), total);
    buf = iobuf_new(65000);
    ck_assert_ptr_eq(buf->data, data);
    ck_assert_uint_eq(read_one("iobuf cold").size, 0);
    iobuf_put(buf);
}
END_TEST

START_TEST(free_buffers_are_bounded_and_can_be_given_back)
{
    enum { COUNT = 200 };
    static struct iobuf *buf[COUNT];
    size_t cold, back;

    for (size_t c = 0; c < COUNT_OF(sizes); c++) {
        if (sizes[c] <= 512)
            continue;
        for (int i = 0; i < COUNT; i++)
            buf[i] = iobuf_new(sizes[c]);
        ck_assert_uint_eq(row_for(sizes[c]).active, COUNT);
        for (int i = 0; i < COUNT; i++)
            iobuf_put(buf[i]);
        ck_assert_uint_le(row_for(sizes[c]).cold * sizes[c],
                          (4 << 20) + (256 << 10));
    }
    cold = read_one("iobuf cold").size;
    ck_assert_uint_gt(cold, 0);
    back = iobuf_shrink();
    ck_assert_uint_ge(back, cold);
    ck_assert_uint_eq(read_one("iobuf cold").size, 0);
    ck_assert_uint_eq(row_for(131072).cold, 0);
    ck_assert_uint_eq(iobuf_shrink(), 0);
}
END_TEST

START_TEST(what_cannot_be_is_enomem)
{
    volatile size_t huge = SIZE_MAX;

    errno = 0;
    ck_assert_ptr_null(iobuf_new(huge));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(iobuf_new(huge / 2 - 4096));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_uint_eq(read_one("iobuf").failures, 2);
    ck_assert_uint_eq(read_one("iobuf").size, 0);
    ck_assert_uint_eq(read_one("iobuf header").size, 0);
}
END_TEST

enum { THREADS = 4, SLOTS = 32, ROUNDS = 3000 };
static _Atomic(struct iobuf *) slots[SLOTS];

static void *
churn(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;

    for (int i = 0; i < ROUNDS; i++) {
        size_t bytes = sizes[(size_t)rand_r(&seed) % COUNT_OF(sizes)];
        struct iobuf *buf = NULL;

        if (rand_r(&seed) % 3 != 0) {
            buf = iobuf_new(bytes);
            must(buf != NULL && buf->capacity >= bytes);
            memcpy(buf->data, &buf, sizeof(buf));
            memcpy(buf->data + buf->capacity - sizeof(buf), &buf, sizeof(buf));
            if (rand_r(&seed) % 2 == 0)
                iobuf_put(iobuf_get(buf));
        }
        buf = atomic_exchange(&slots[(size_t)rand_r(&seed) % SLOTS], buf);
        if (buf != NULL) {
            must(memcmp(buf->data, &buf, sizeof(buf)) == 0);
            must(memcmp(buf->data + buf->capacity - sizeof(buf), &buf,
                        sizeof(buf)) == 0);
            iobuf_put(buf);
        }
    }
    return NULL;
}

START_TEST(buffers_travel_between_threads_and_none_is_lost)
{
    pthread_t threads[THREADS];
    uint64_t left = 0;

    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn,
                                        (void *)(i + (uintptr_t)_i * 10)),
                         0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < SLOTS; i++)
        left += slots[i] != NULL;
    ck_assert_uint_gt(left, 0);
    ck_assert_uint_eq(read_one("iobuf").num_allocs, left);
    for (int i = 0; i < SLOTS; i++)
        iobuf_put(slots[i]);
    ck_assert_uint_eq(read_one("iobuf").size, 0);
    (void)mem_threads_trim(true);
    (void)iobuf_shrink();
    ck_assert_uint_eq(read_one("iobuf cold").size, 0);
    ck_assert_uint_eq(read_one("pool slack").size, 0);
}
END_TEST

START_TEST(a_put_of_a_dead_one_is_caught)
{
    struct iobuf *buf = iobuf_new(sizes[_i]);

    expect_abort_saying("which is not in use");
    iobuf_put(buf);
    iobuf_put(buf);
}
END_TEST

START_TEST(a_get_of_a_dead_one_is_caught)
{
    struct iobuf *buf = iobuf_new(sizes[_i]);

    expect_abort_saying("iobuf get of");
    iobuf_put(buf);
    (void)iobuf_get(buf);
}
END_TEST

START_TEST(a_put_of_something_else_is_caught)
{
    static uint8_t memory[256] __attribute__((aligned(64)));

    expect_abort_saying("which is no iobuf");
    iobuf_put((struct iobuf *)memory);
}
END_TEST

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

START_TEST(a_sanitizer_sees_free_buffers_as_poisoned)
{
    struct iobuf *buf = iobuf_new(4096);
    uint8_t *data = buf->data;

    ck_assert_ptr_null(__asan_region_is_poisoned(data, 4096));
    iobuf_put(buf);
    ck_assert_ptr_eq(__asan_region_is_poisoned(data, 4096), data);
}
END_TEST
#endif

int
main(void)
{
    Suite *s = suite_create("iobuf");
    TCase *tc = tcase_create("iobuf"), *bugs = tcase_create("bugs");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_size_is_held_aligned_and_counted);
    tcase_add_test(tc, rows_are_ordered_and_bounded);
    tcase_add_test(tc, the_last_reference_frees);
    tcase_add_test(tc, a_freed_buffer_is_used_again_and_stays_counted);
    tcase_add_test(tc, free_buffers_are_bounded_and_can_be_given_back);
    tcase_add_test(tc, what_cannot_be_is_enomem);
    tcase_add_loop_test(tc, buffers_travel_between_threads_and_none_is_lost, 1,
                        4);
    suite_add_tcase(s, tc);
#ifdef __SANITIZE_ADDRESS__
    tcase_add_test(bugs, a_sanitizer_sees_free_buffers_as_poisoned);
#endif
    tcase_add_loop_test_raise_signal(bugs, a_put_of_a_dead_one_is_caught,
                                     SIGABRT, 0, COUNT_OF(sizes));
    tcase_add_loop_test_raise_signal(bugs, a_get_of_a_dead_one_is_caught,
                                     SIGABRT, 0, COUNT_OF(sizes));
    tcase_add_test_raise_signal(bugs, a_put_of_something_else_is_caught,
                                SIGABRT);
    suite_add_tcase(s, bugs);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
