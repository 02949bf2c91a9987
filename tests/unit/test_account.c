/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounts against a model: exact at rest, whoever charges and discharges. */
#include "mem/account.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mem/must.h"
#include "mem/thread.h"

MEM_TYPE(mt_a, "test.account", "a");
MEM_TYPE(mt_b, "test.account", "b");
MEM_TYPE(mt_b_again, "test.account", "b");
MEM_TYPE(mt_failing, "test", "failing");

static struct mem_type_stats
read_one(const char *name)
{
    struct mem_type_stats s;

    mem_account_read_one("test.account", name, &s);
    return s;
}

START_TEST(a_type_never_used_reads_as_zeroes)
{
    struct mem_type_stats s = read_one("never");

    ck_assert_str_eq(s.name, "never");
    ck_assert_uint_eq(s.size, 0);
    ck_assert_uint_eq(s.total_allocs, 0);
}
END_TEST

START_TEST(one_thread_is_counted_exactly_with_its_maxima)
{
    struct mem_type_stats s;

    mem_account_charge(&mt_a, 100);
    mem_account_charge(&mt_a, 50);
    mem_account_discharge(&mt_a, 100);
    mem_account_charge(&mt_a, 1);
    s = read_one("a");
    ck_assert_uint_eq(s.size, 51);
    ck_assert_uint_eq(s.num_allocs, 2);
    ck_assert_uint_eq(s.max_size, 150);
    ck_assert_uint_eq(s.max_num_allocs, 2);
    ck_assert_uint_eq(s.total_allocs, 3);
    ck_assert_uint_eq(s.failures, 0);
}
END_TEST

START_TEST(a_peak_beyond_the_threshold_is_exact_for_one_thread)
{
    struct mem_type_stats s;

    for (int i = 0; i < 1000; i++)
        mem_account_charge(&mt_a, 777);
    for (int i = 0; i < 990; i++)
        mem_account_discharge(&mt_a, 777);
    s = read_one("a");
    ck_assert_uint_eq(s.max_size, 777000);
    ck_assert_uint_eq(s.max_num_allocs, 1000);
    ck_assert_uint_eq(s.size, 7770);
}
END_TEST

START_TEST(types_of_one_name_are_added_up)
{
    struct mem_type_stats s;

    mem_account_charge(&mt_b, 10);
    mem_account_charge(&mt_b_again, 5);
    s = read_one("b");
    ck_assert_uint_eq(s.size, 15);
    ck_assert_uint_eq(s.num_allocs, 2);
}
END_TEST

START_TEST(failures_are_counted_and_charge_nothing)
{
    struct mem_type_stats s;

    mem_account_failure(&mt_failing);
    mem_account_failure(&mt_failing);
    mem_account_read_one("test", "failing", &s);
    ck_assert_uint_eq(s.failures, 2);
    ck_assert_uint_eq(s.size, 0);
    ck_assert_uint_eq(s.total_allocs, 0);
}
END_TEST

START_TEST(reading_all_is_ordered_merged_and_bounded)
{
    struct mem_type_stats s[64];
    size_t count, seen = 0;

    mem_account_charge(&mt_failing, 1);
    mem_account_charge(&mt_b, 10);
    mem_account_charge(&mt_a, 1);
    mem_account_charge(&mt_b_again, 5);
    count = mem_account_read(s, 64);
    ck_assert_uint_ge(count, 4); /* ours, and the pages of counters */
    ck_assert_uint_le(count, 64);
    for (size_t i = 0; i + 1 < count; i++) {
        int order = strcmp(s[i].module, s[i + 1].module);

        ck_assert(order < 0 ||
                  (order == 0 && strcmp(s[i].name, s[i + 1].name) < 0));
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(s[i].module, "test.account") == 0 &&
            strcmp(s[i].name, "b") == 0) {
            seen++;
            ck_assert_uint_eq(s[i].size, 15);
        }
    }
    ck_assert_uint_eq(seen, 1);
    memset(s, 0x5a, sizeof(s));
    ck_assert_uint_eq(mem_account_read(s, 1), count);
    ck_assert_uint_eq(s[1].size, 0x5a5a5a5a5a5a5a5aull);
    ck_assert_uint_eq(mem_account_read(NULL, 0), count);
}
END_TEST

START_TEST(the_total_is_the_sum_of_all)
{
    struct mem_type_stats s[64];
    uint64_t before = mem_account_total_bytes(), sum = 0;
    size_t count;

    mem_account_charge(&mt_a, 12345);
    mem_account_discharge(&mt_a, 12345);
    before = mem_account_total_bytes();
    mem_account_charge(&mt_a, 12345);
    ck_assert_uint_eq(mem_account_total_bytes(), before + 12345);
    count = mem_account_read(s, 64);
    for (size_t i = 0; i < count; i++)
        sum += s[i].size;
    ck_assert_uint_eq(mem_account_total_bytes(), sum);
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000 };

struct script {
    unsigned seed;
    int64_t size;  /* what the thread left charged, which may be negative */
    int64_t count;
    uint64_t total;
};

/* Charges some, discharges others', at random. */
static void *
run_script(void *arg)
{
    struct script *script = arg;

    for (int i = 0; i < ROUNDS; i++) {
        size_t bytes = (size_t)rand_r(&script->seed) % 5000;

        if (rand_r(&script->seed) % 2 == 0) {
            mem_account_charge(&mt_a, bytes);
            script->size += (int64_t)bytes;
            script->count++;
            script->total++;
        } else {
            mem_account_discharge(&mt_a, bytes);
            script->size -= (int64_t)bytes;
            script->count--;
        }
    }
    return NULL;
}

START_TEST(threads_together_are_exact_once_they_ended)
{
    struct script scripts[THREADS];
    pthread_t threads[THREADS];
    const int64_t base = 1 << 30;
    int64_t size = base, count = 1;
    uint64_t total = 1;
    struct mem_type_stats s;

    mem_account_charge(&mt_a, base); /* keeps the sums above zero */
    for (int i = 0; i < ROUNDS * THREADS; i++)
        mem_account_charge(&mt_a, 0);
    count += ROUNDS * THREADS;
    total += ROUNDS * THREADS;
    for (unsigned i = 0; i < THREADS; i++) {
        scripts[i] = (struct script){.seed = (unsigned)_i * 100 + i};
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, run_script, &scripts[i]), 0);
    }
    for (int i = 0; i < 100; i++) { /* readers disturb nobody */
        s = read_one("a");
        ck_assert_uint_ge(s.max_size, s.size);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        size += scripts[i].size;
        count += scripts[i].count;
        total += scripts[i].total;
    }
    s = read_one("a");
    ck_assert_int_eq((int64_t)s.size, size);
    ck_assert_int_eq((int64_t)s.num_allocs, count);
    ck_assert_uint_eq(s.total_allocs, total);
}
END_TEST

static pthread_barrier_t barrier;

/* Charges beyond any threshold, waits, discharges. */
static void *
rise_and_fall(void *arg)
{
    for (int i = 0; i < 1000; i++)
        mem_account_charge(&mt_a, 1000);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 1000; i++)
        mem_account_discharge(&mt_a, 1000);
    return NULL;
}

START_TEST(the_maximum_of_threads_is_right_to_the_documented_slack)
{
    pthread_t threads[THREADS];
    const uint64_t peak = THREADS * 1000 * 1000, blocks = THREADS * 1000;
    struct mem_type_stats s;

    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, rise_and_fall, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    s = read_one("a");
    ck_assert_uint_eq(s.size, 0);
    ck_assert_uint_eq(s.num_allocs, 0);
    ck_assert_uint_ge(s.max_size, peak - THREADS * MEM_ACCOUNT_SLACK_BYTES);
    ck_assert_uint_le(s.max_size, peak + THREADS * MEM_ACCOUNT_SLACK_BYTES);
    /* As many blocks as the slack holds. */
    ck_assert_uint_ge(s.max_num_allocs,
                      blocks - THREADS * (MEM_ACCOUNT_SLACK_BYTES / 1000 + 1));
    ck_assert_uint_le(s.max_num_allocs,
                      blocks + THREADS * (MEM_ACCOUNT_SLACK_BYTES / 1000 + 1));
}
END_TEST

static void *
charge_once(void *arg)
{
    mem_account_charge(&mt_a, 10);
    return NULL;
}

/* The next thread goes on with them. */
START_TEST(what_an_ended_thread_left_is_adopted)
{
    struct mem_type_stats first, after;
    pthread_t thread;

    mem_account_charge(&mt_a, 1);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, charge_once, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        mem_account_read_one("mem", "threads", i == 0 ? &first : &after);
    }
    ck_assert_uint_eq(first.num_allocs, 2);
    ck_assert_uint_eq(after.num_allocs, 2);
    ck_assert_uint_eq(read_one("a").size, 501);
    /* Not at once, since another might start. */
    (void)mem_threads_trim(false);
    mem_account_read_one("mem", "threads", &after);
    ck_assert_uint_eq(after.num_allocs, 2);
    (void)mem_threads_trim(false);
    mem_account_read_one("mem", "threads", &after);
    ck_assert_uint_eq(after.num_allocs, 1);
    ck_assert_uint_eq(read_one("a").size, 501);
}
END_TEST

START_TEST(a_thread_that_ends_gives_its_counters_back)
{
    struct mem_type_stats before, after;
    pthread_t thread;

    mem_account_charge(&mt_a, 1);
    mem_account_read_one("mem", "threads", &before);
    ck_assert_uint_gt(before.size, 0);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, charge_once, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
    (void)mem_threads_trim(true);
    mem_account_read_one("mem", "threads", &after);
    ck_assert_uint_eq(after.size, before.size);
    ck_assert_uint_eq(after.num_allocs, before.num_allocs);
    ck_assert_uint_eq(read_one("a").size, 501);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("account");
    TCase *tc = tcase_create("account");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_type_never_used_reads_as_zeroes);
    tcase_add_test(tc, one_thread_is_counted_exactly_with_its_maxima);
    tcase_add_test(tc, a_peak_beyond_the_threshold_is_exact_for_one_thread);
    tcase_add_test(tc, types_of_one_name_are_added_up);
    tcase_add_test(tc, failures_are_counted_and_charge_nothing);
    tcase_add_test(tc, reading_all_is_ordered_merged_and_bounded);
    tcase_add_test(tc, the_total_is_the_sum_of_all);
    tcase_add_loop_test(tc, threads_together_are_exact_once_they_ended, 0, 4);
    tcase_add_test(tc, the_maximum_of_threads_is_right_to_the_documented_slack);
    tcase_add_test(tc, what_an_ended_thread_left_is_adopted);
    tcase_add_test(tc, a_thread_that_ends_gives_its_counters_back);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
