/* SPDX-License-Identifier: BSD-2-Clause */
/* Histograms against sorting, and the counters that threads fill them with. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mem/must.h"
#include "server/fop/latency.h"
#include "server/fop/share.h"
#include "server/fop/timing.h"

enum { VALUES_MAX = 3000, ROUNDS = 60, THREADS = 8, EACH = 20000 };

#define LOW_NS (UINT64_C(1) << LATENCY_LOW_BITS)
#define HIGH_NS (UINT64_C(1) << LATENCY_HIGH_BITS)

static const unsigned permilles[] = {0, 1, 10, 500, 900, 990, 999, 1000};

static int
by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Any magnitude is as likely as any other. */
static uint64_t
some_ns(void)
{
    uint64_t bits = (uint64_t)random() << 31 | (uint64_t)random();

    return bits >> (23 + random() % 39);
}

/* The smallest value that `permille` of 1000 do not exceed. */
static uint64_t
true_quantile(const uint64_t *sorted, size_t count, unsigned permille)
{
    size_t rank = (count * permille + 999) / 1000;

    return sorted[rank > 0 ? rank - 1 : 0];
}

/* --- buckets --- */

START_TEST(buckets_follow_each_other_without_a_gap)
{
    for (unsigned i = 0; i + 1 < LATENCY_BUCKETS; i++) {
        uint64_t last = latency_bucket_max_ns(i);

        ck_assert_uint_eq(latency_bucket(last), i);
        ck_assert_uint_eq(latency_bucket(last + 1), i + 1);
    }
    ck_assert_uint_eq(latency_bucket(0), 0);
    ck_assert_uint_eq(latency_bucket_max_ns(0), LOW_NS - 1);
    ck_assert_uint_eq(latency_bucket_max_ns(LATENCY_BUCKETS - 2), HIGH_NS - 1);
    ck_assert_uint_eq(latency_bucket(UINT64_MAX), LATENCY_BUCKETS - 1);
    ck_assert_uint_eq(latency_bucket_max_ns(LATENCY_BUCKETS - 1), UINT64_MAX);
}
END_TEST

START_TEST(a_bucket_is_at_most_a_quarter_of_what_it_holds)
{
    for (unsigned i = 1; i + 1 < LATENCY_BUCKETS; i++) {
        uint64_t first = latency_bucket_max_ns(i - 1) + 1;

        ck_assert_uint_le(latency_bucket_max_ns(i) + 1 - first, first / 4);
    }
}
END_TEST

/* --- quantiles --- */

START_TEST(quantiles_are_those_of_sorting_or_hardly_above)
{
    static uint64_t values[VALUES_MAX];
    static struct latency l;

    srandom(20);
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = 1 + (size_t)random() % VALUES_MAX;

        memset(&l, 0, sizeof(l));
        for (size_t i = 0; i < count; i++) {
            values[i] = some_ns();
            latency_add(&l, values[i]);
        }
        qsort(values, count, sizeof(values[0]), by_value);
        ck_assert_uint_eq(l.count, count);
        ck_assert_uint_eq(l.ns_max, values[count - 1]);
        for (size_t i = 0; i < COUNT_OF(permilles); i++) {
            uint64_t is = true_quantile(values, count, permilles[i]);
            uint64_t got = latency_quantile_ns(&l, permilles[i]);

            ck_assert_uint_ge(got, is);
            if (is < LOW_NS)
                ck_assert_uint_lt(got, LOW_NS);
            else if (is < HIGH_NS)
                ck_assert_uint_le(got, is + is / 4);
            else
                ck_assert_uint_eq(got, l.ns_max);
        }
    }
}
END_TEST

START_TEST(of_nothing_all_is_zero)
{
    struct latency l = {.count = 0};

    ck_assert_uint_eq(latency_mean_ns(&l), 0);
    for (size_t i = 0; i < COUNT_OF(permilles); i++)
        ck_assert_uint_eq(latency_quantile_ns(&l, permilles[i]), 0);
}
END_TEST

START_TEST(many_counts_do_not_overflow_a_rank)
{
    struct latency l = {.count = UINT64_MAX, .ns_max = 5000};

    l.buckets[0] = UINT64_MAX - 1;
    l.buckets[9] = 1;
    ck_assert_uint_eq(latency_quantile_ns(&l, 999), LOW_NS - 1);
    ck_assert_uint_eq(latency_quantile_ns(&l, 1000), 5000);
}
END_TEST

/* --- threads count --- */

static struct timing timing;
static struct share share;

static void
setup(void)
{
    timing_init(&timing);
}

static void
teardown(void)
{
    timing_thread_stop(&timing);
    timing_fini(&timing);
    share_fini(&share);
}

static struct timing_spent
spent_of(unsigned proc, enum iot_class class, uint64_t ns)
{
    struct timing_spent spent = {.proc = proc, .class = class, .queued = true};

    spent.ns[STAGE_RECEIVED] = ns;
    spent.ns[STAGE_QUEUED] = 2 * ns;
    spent.ns[STAGE_RUN] = 3 * ns;
    spent.ns[STAGE_TOTAL] = 6 * ns;
    return spent;
}

START_TEST(stages_are_apart)
{
    struct timing_spent spent = spent_of(FOP_READ, IOT_SLOW, 5000);
    struct timing_counts counts;
    struct latency l;

    ck_assert(timing_count(&timing, &spent));
    spent.queued = false;
    spent.failed = true;
    ck_assert(!timing_count(&timing, &spent));
    timing_replied(&timing, FOP_READ, IOT_SLOW, 7000);
    for (int s = 0; s < STAGES; s++) {
        timing_read(&timing, FOP_READ, TIMING_ALL, (enum stage)s, &l,
                    &counts);
        ck_assert_uint_eq(counts.calls, 2);
        ck_assert_uint_eq(counts.failures, 1);
        ck_assert_uint_eq(counts.ns_min, 30000);
        ck_assert_uint_eq(l.count,
                          s == STAGE_QUEUED || s == STAGE_REPLIED ? 1 : 2);
        ck_assert_uint_eq(l.ns_max,
                          s == STAGE_REPLIED ? 7000 : spent.ns[s]);
    }
}
END_TEST

START_TEST(the_reply_of_one_in_sixteen_is_wanted)
{
    struct timing_spent spent = spent_of(FOP_READ, IOT_SLOW, 5000);
    unsigned wanted = 0;

    for (int i = 0; i < 3 * TIMING_REPLIED_EACH; i++)
        wanted += timing_count(&timing, &spent);
    ck_assert_uint_eq(wanted, 3);
    /* Another kind has a first of its own. */
    spent.proc = FOP_WRITE;
    ck_assert(timing_count(&timing, &spent));
}
END_TEST

START_TEST(classes_and_operations_add_up)
{
    struct timing_spent a = spent_of(FOP_READ, IOT_SLOW, 5000);
    struct timing_spent b = spent_of(FOP_READ, IOT_LEAST, 5000);
    struct timing_spent c = spent_of(FOP_STAT, IOT_FAST, 5000);
    static const struct {
        int proc, class;
        unsigned wanted;
    } looks[] = {
        {FOP_READ, TIMING_ALL, 3}, {FOP_READ, IOT_LEAST, 1},
        {TIMING_ALL, IOT_SLOW, 2}, {TIMING_ALL, IOT_FAST, 4},
        {TIMING_ALL, IOT_NORMAL, 0}, {TIMING_ALL, TIMING_ALL, 7},
        {FOP_WRITE, TIMING_ALL, 0},
    };
    struct timing_counts counts;
    struct latency l;

    for (int i = 0; i < 4; i++) {
        if (i < 2)
            (void)timing_count(&timing, &a);
        if (i < 1)
            (void)timing_count(&timing, &b);
        (void)timing_count(&timing, &c);
    }
    for (size_t i = 0; i < COUNT_OF(looks); i++) {
        timing_read(&timing, looks[i].proc, looks[i].class, STAGE_TOTAL, &l,
                    &counts);
        ck_assert_uint_eq(l.count, looks[i].wanted);
        ck_assert_uint_eq(counts.calls, looks[i].wanted);
    }
    ck_assert_uint_eq(timing_lost(&timing), 0);
}
END_TEST

static void *
count_many(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < EACH; i++) {
        uint64_t ns = 1000 * (1 + (i * 7 + seed) % 1000);
        struct timing_spent spent = spent_of(FOP_READ, IOT_SLOW, ns);
        struct share_op op = {.ns = ns, .bytes_read = 3};

        (void)timing_count(&timing, &spent);
        share_count(&share, &op);
    }
    timing_thread_stop(&timing);
    return NULL;
}

static unsigned
shards(void)
{
    struct timing_counts counts;

    timing_read(&timing, FOP_READ, TIMING_ALL, STAGE_TOTAL, NULL, &counts);
    return (unsigned)(counts.calls / EACH);
}

START_TEST(nothing_is_lost_while_threads_count_come_and_go)
{
    pthread_t threads[THREADS];
    struct share_counts counts;

    for (int round = 0; round < 2; round++) {
        for (uintptr_t i = 0; i < THREADS; i++)
            must(pthread_create(&threads[i], NULL, count_many, (void *)i) ==
                 0);
        for (int i = 0; i < 50; i++)
            (void)shards(); /* reading disturbs nobody */
        for (int i = 0; i < THREADS; i++)
            must(pthread_join(threads[i], NULL) == 0);
    }
    ck_assert_uint_eq(shards(), 2 * THREADS);
    ck_assert_uint_eq(timing_lost(&timing), 0);
    share_read(&share, &counts);
    ck_assert_uint_eq(counts.calls, 2 * THREADS * EACH);
    ck_assert_uint_eq(counts.bytes_read, 3 * 2 * THREADS * EACH);
    ck_assert_uint_eq(counts.failures, 0);
}
END_TEST

/* --- the small histogram of a client --- */

START_TEST(a_clients_quantiles_are_at_most_doubled)
{
    static uint64_t values[VALUES_MAX];
    struct share_counts counts;

    srandom(21);
    for (size_t i = 0; i < VALUES_MAX; i++) {
        struct share_op op;

        values[i] = some_ns();
        op = (struct share_op){.ns = values[i], .failed = i % 3 == 0};
        share_count(&share, &op);
    }
    qsort(values, VALUES_MAX, sizeof(values[0]), by_value);
    share_read(&share, &counts);
    ck_assert_uint_eq(counts.calls, VALUES_MAX);
    ck_assert_uint_eq(counts.failures, VALUES_MAX / 3);
    for (size_t i = 0; i < COUNT_OF(permilles); i++) {
        uint64_t is = true_quantile(values, VALUES_MAX, permilles[i]);
        uint64_t got = share_quantile_ns(&counts, permilles[i]);

        if (is >= HIGH_NS)
            continue;
        ck_assert_uint_ge(got, is);
        ck_assert_uint_le(got, is < LOW_NS ? LOW_NS : 2 * is);
    }
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("latency");
    TCase *tc = tcase_create("histograms");
    TCase *counts = tcase_create("counters");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, buckets_follow_each_other_without_a_gap);
    tcase_add_test(tc, a_bucket_is_at_most_a_quarter_of_what_it_holds);
    tcase_add_test(tc, quantiles_are_those_of_sorting_or_hardly_above);
    tcase_add_test(tc, of_nothing_all_is_zero);
    tcase_add_test(tc, many_counts_do_not_overflow_a_rank);
    suite_add_tcase(s, tc);
    tcase_set_timeout(counts, 300);
    tcase_add_checked_fixture(counts, setup, teardown);
    tcase_add_test(counts, stages_are_apart);
    tcase_add_test(counts, the_reply_of_one_in_sixteen_is_wanted);
    tcase_add_test(counts, classes_and_operations_add_up);
    tcase_add_test(counts, nothing_is_lost_while_threads_count_come_and_go);
    tcase_add_test(counts, a_clients_quantiles_are_at_most_doubled);
    suite_add_tcase(s, counts);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
