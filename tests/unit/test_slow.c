/* SPDX-License-Identifier: BSD-2-Clause */
/* The slowest operations, against a list of all, with time as the test says. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "mem/clock.h"
#include "mem/must.h"
#include "server/fop/slow.h"

#define MINUTE (60 * CLOCK_NS_PER_SEC)
/* Not at a minute's beginning, nor at the clock's. */
#define START (1000 * MINUTE + 17 * CLOCK_NS_PER_SEC)

enum { NOTED_MAX = 20000, THREADS = 4, EACH = 2000 };

static struct slow slow;
static struct slow_op got[SLOW_TOTAL];
static struct slow_op noted[NOTED_MAX];
static size_t noted_count;

static void
setup(void)
{
    must(slow_init(&slow, START) == 0);
    noted_count = 0;
}

static void
teardown(void)
{
    slow_fini(&slow);
}

/* As a request does it. */
static bool
offer(uint64_t ended_ns, uint64_t total_ns, unsigned proc)
{
    struct slow_op op = {.ended_ns = ended_ns,
                         .total_ns = total_ns,
                         .proc = (uint8_t)proc};

    if (!slow_wants(&slow, ended_ns, total_ns))
        return false;
    slow_note(&slow, &op);
    return true;
}

static void
offer_noted(uint64_t ended_ns, uint64_t total_ns, unsigned proc)
{
    must(noted_count < NOTED_MAX);
    noted[noted_count++] = (struct slow_op){.ended_ns = ended_ns,
                                            .total_ns = total_ns,
                                            .proc = (uint8_t)proc};
    (void)offer(ended_ns, total_ns, proc);
}

static int
slowest_first(const void *a, const void *b)
{
    const struct slow_op *x = a, *y = b;

    return (x->total_ns < y->total_ns) - (x->total_ns > y->total_ns);
}

/* The model: of each minute the slowest, of those the ones asked for.  All
 * durations differ. */
static void
expect(uint64_t now, uint64_t since, int proc)
{
    static struct slow_op kept[NOTED_MAX];
    uint64_t hour = SLOW_MINUTES * MINUTE;
    size_t count = 0, real;

    qsort(noted, noted_count, sizeof(noted[0]), slowest_first);
    for (size_t i = 0; i < noted_count; i++) {
        size_t slower = 0;

        for (size_t j = 0; j < i && slower < SLOW_EACH; j++)
            slower += noted[j].ended_ns / MINUTE == noted[i].ended_ns / MINUTE;
        if (slower < SLOW_EACH && noted[i].ended_ns >= since &&
            noted[i].ended_ns + hour >= now &&
            (proc < 0 || noted[i].proc == proc))
            kept[count++] = noted[i];
    }
    real = slow_read(&slow, now, since, proc, got);
    ck_assert_uint_eq(real, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(got[i].total_ns, kept[i].total_ns);
        ck_assert_uint_eq(got[i].ended_ns, kept[i].ended_ns);
        ck_assert_uint_eq(got[i].proc, kept[i].proc);
    }
}

START_TEST(the_slowest_of_each_minute_are_kept)
{
    uint64_t now = START;

    srandom(4);
    for (size_t i = 0; i < NOTED_MAX; i++) {
        now += (uint64_t)(random() % 200) * CLOCK_NS_PER_MS * 5;
        offer_noted(now, (uint64_t)(random() % 100000) * NOTED_MAX + i + 1,
                    (unsigned)random() % 5);
        if (i % 4000 == 0 || i + 1 == NOTED_MAX) {
            expect(now, 0, -1);
            expect(now, now - 10 * MINUTE, -1);
            expect(now, 0, 3);
        }
    }
}
END_TEST

START_TEST(a_faster_one_is_not_even_offered)
{
    for (unsigned i = 1; i <= SLOW_EACH; i++)
        ck_assert(offer(START, 1000 * i, FOP_STAT));
    ck_assert(!offer(START, 1000, FOP_STAT));
    ck_assert(!offer(START, 1, FOP_STAT));
    ck_assert(offer(START, 1001, FOP_STAT));
    ck_assert(!offer(START, 1001, FOP_STAT));
    ck_assert_uint_eq(slow_read(&slow, START, 0, -1, got), SLOW_EACH);
    ck_assert_uint_eq(got[0].total_ns, 8000);
    ck_assert_uint_eq(got[SLOW_EACH - 1].total_ns, 1001);
}
END_TEST

START_TEST(a_minute_begins_with_none)
{
    for (unsigned i = 0; i < 100; i++)
        (void)offer(START, 1000000 + i, FOP_STAT);
    ck_assert(!offer(START, 5, FOP_STAT));
    ck_assert(offer(START + MINUTE, 5, FOP_STAT));
    ck_assert_uint_eq(slow_read(&slow, START + MINUTE, START + MINUTE, -1,
                                got),
                      1);
    ck_assert_uint_eq(got[0].total_ns, 5);
}
END_TEST

START_TEST(after_an_hour_it_is_forgotten)
{
    uint64_t hour = SLOW_MINUTES * MINUTE;

    ck_assert(offer(START, 9000, FOP_STAT));
    ck_assert_uint_eq(slow_read(&slow, START + hour, 0, -1, got), 1);
    ck_assert_uint_eq(slow_read(&slow, START + hour + 1, 0, -1, got), 0);
    /* Its slot is not mistaken for a later minute's, however long it was
     * quiet. */
    ck_assert(offer(START + 61 * 5 * MINUTE + MINUTE, 7, FOP_STAT));
    ck_assert_uint_eq(
        slow_read(&slow, START + 61 * 5 * MINUTE + MINUTE, 0, -1, got), 1);
    ck_assert_uint_eq(got[0].total_ns, 7);
}
END_TEST

START_TEST(one_that_comes_late_counts_for_the_running_minute)
{
    ck_assert(offer(START + MINUTE, 100, FOP_STAT));
    ck_assert(offer(START, 200, FOP_STAT));
    ck_assert_uint_eq(slow_read(&slow, START + MINUTE, 0, -1, got), 2);
    ck_assert_uint_eq(got[0].total_ns, 200);
    ck_assert_uint_eq(got[0].ended_ns, START);
}
END_TEST

static void *
offer_many(void *arg)
{
    for (uintptr_t i = 0; i < EACH; i++)
        (void)offer(START + i * MINUTE / EACH / 2,
                    1 + i * THREADS + (uintptr_t)arg, FOP_STAT);
    return NULL;
}

START_TEST(threads_lose_none_of_the_slowest)
{
    pthread_t threads[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, offer_many, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        must(pthread_join(threads[i], NULL) == 0);
    ck_assert_uint_eq(slow_read(&slow, START + MINUTE, 0, -1, got), SLOW_EACH);
    for (unsigned i = 0; i < SLOW_EACH; i++)
        ck_assert_uint_eq(got[i].total_ns, EACH * THREADS - i);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("slow");
    TCase *tc = tcase_create("slow");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_slowest_of_each_minute_are_kept);
    tcase_add_test(tc, a_faster_one_is_not_even_offered);
    tcase_add_test(tc, a_minute_begins_with_none);
    tcase_add_test(tc, after_an_hour_it_is_forgotten);
    tcase_add_test(tc, one_that_comes_late_counts_for_the_running_minute);
    tcase_add_test(tc, threads_lose_none_of_the_slowest);
    suite_add_tcase(s, tc);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
