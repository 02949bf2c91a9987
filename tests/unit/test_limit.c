/* SPDX-License-Identifier: BSD-2-Clause */
/* The ledger and who may add to it, with a kernel and a clock made up here.
 * Shrinkers that are used here return what the test had admitted. */
#include "mem/limit.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem/clock.h"
#include "mem/limit_admit.h"
#include "mem/limit_state.h"
#include "mem/must.h"
#include "mem/reclaim.h"
#include "mem/reclaim_direct.h"
#include "mem/thread_flush.h"
#include "mem/watermark.h"

#include "tests/unit/expect_abort.h"

/* Threads' magazines are not a subject here. */
size_t __attribute__((weak)) mem_thread_flush(void)
{
    return 0;
}

void __attribute__((weak)) mem_thread_flush_ask(void)
{
}

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
enum { STEP = 64 * 1024 };

static struct {
    _Atomic(uint64_t) now_ns, resident, file;
    _Atomic(bool) known;
    _Atomic(unsigned) readings;
} kernel;

static bool
fake_read(void *arg, uint64_t *resident_bytes, uint64_t *file_bytes)
{
    kernel.readings++;
    *resident_bytes = kernel.resident;
    *file_bytes = kernel.file;
    return kernel.known;
}

static uint64_t
fake_now_ns(void *arg)
{
    return kernel.now_ns;
}

static const struct resident_source fake = {
    .read = fake_read,
    .now_ns = fake_now_ns,
};

/* 10 MiB of them ours to begin with: 6 of files, 4 of others. */
static void
setup(void)
{
    kernel.now_ns = 1000 * CLOCK_NS_PER_SEC;
    kernel.file = 6 * MIB;
    kernel.resident = 10 * MIB;
    kernel.known = true;
    limit_set_source(&fake);
    limit_refresh();
}

static void
pass_ms(uint64_t ms)
{
    kernel.now_ns += ms * CLOCK_NS_PER_MS;
}

static uint64_t
refusals(enum mem_importance importance)
{
    struct mem_limit_stats stats;

    mem_limit_read(&stats);
    return stats.refusals[importance];
}

/* Admit steps until one is refused; how many bytes that were. */
static size_t
fill(void)
{
    size_t bytes = 0;

    while (limit_admit(STEP))
        bytes += STEP;
    return bytes;
}

/* Admit, in steps, until this much is used. */
static void
fill_to(uint64_t used)
{
    enum mem_importance was = mem_set_importance(MEM_FOR_SERVER);

    while (limit_used_bytes() + STEP <= used)
        ck_assert(limit_admit(STEP));
    if (used > limit_used_bytes())
        ck_assert(limit_admit((size_t)(used - limit_used_bytes())));
    mem_set_importance(was);
}

START_TEST(marks_grow_with_the_root_of_the_limit)
{
    static const struct {
        uint64_t limit, unit;
    } rows[] = {
        {16 * MIB, 512 * KIB},  {64 * MIB, 1 * MIB},  {256 * MIB, 2 * MIB},
        {1 * GIB, 4 * MIB},     {16 * GIB, 16 * MIB}, {64 * GIB, 32 * MIB},
        {1024 * GIB, 32 * MIB},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct watermarks w = watermarks_of(rows[i].limit);

        ck_assert_uint_eq(w.limit_bytes, rows[i].limit);
        ck_assert_uint_eq(w.margin_bytes, rows[i].unit);
        ck_assert_uint_eq(w.min_bytes, 2 * rows[i].unit);
        ck_assert_uint_eq(w.low_bytes, 4 * rows[i].unit);
        ck_assert_uint_eq(w.high_bytes, 6 * rows[i].unit);
    }
}
END_TEST

START_TEST(marks_leave_half_of_any_limit)
{
    static const uint64_t limits[] = {1,   11,      12,      4096,
                                      MIB, 3 * MIB, 5 * MIB, UINT64_MAX};

    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        struct watermarks w = watermarks_of(limits[i]);

        ck_assert_uint_le(w.high_bytes, limits[i] / 2);
        ck_assert_uint_le(w.low_bytes, w.high_bytes);
        ck_assert_uint_le(w.min_bytes, w.low_bytes);
        ck_assert_uint_le(w.margin_bytes, w.min_bytes);
    }
}
END_TEST

START_TEST(a_level_begins_below_its_mark)
{
    struct watermarks w = watermarks_of(64 * MIB), none = {0};

    ck_assert_int_eq(watermarks_level(&w, 0), MEM_PLENTY);
    ck_assert_int_eq(watermarks_level(&w, 58 * MIB), MEM_PLENTY);
    ck_assert_int_eq(watermarks_level(&w, 58 * MIB + 1), MEM_BELOW_HIGH);
    ck_assert_int_eq(watermarks_level(&w, 60 * MIB), MEM_BELOW_HIGH);
    ck_assert_int_eq(watermarks_level(&w, 60 * MIB + 1), MEM_BELOW_LOW);
    ck_assert_int_eq(watermarks_level(&w, 62 * MIB), MEM_BELOW_LOW);
    ck_assert_int_eq(watermarks_level(&w, 62 * MIB + 1), MEM_BELOW_MIN);
    ck_assert_int_eq(watermarks_level(&w, UINT64_MAX), MEM_BELOW_MIN);
    ck_assert_int_eq(watermarks_level(&none, UINT64_MAX), MEM_PLENTY);
}
END_TEST

START_TEST(without_a_limit_all_is_admitted_and_counted)
{
    uint64_t before = limit_used_bytes();

    ck_assert(limit_admit(GIB));
    ck_assert(limit_admit(1024 * GIB));
    ck_assert_uint_eq(limit_used_bytes(), before + 1025 * GIB);
    ck_assert_int_eq(mem_limit_level(), MEM_PLENTY);
    ck_assert_uint_eq(limit_missing_bytes(), 0);
    limit_return(1025 * GIB);
    ck_assert_uint_eq(limit_used_bytes(), before);
}
END_TEST

START_TEST(each_importance_is_refused_at_its_own_point)
{
    static const uint64_t ceilings[MEM_IMPORTANCES] = {
        [MEM_FOR_INTERNAL] = 62 * MIB,
        [MEM_FOR_SLOW] = 62 * MIB + 512 * KIB,
        [MEM_FOR_USERS] = 63 * MIB,
        [MEM_FOR_SERVER] = 63 * MIB + 512 * KIB,
    };

    mem_limit_set(64 * MIB);
    for (int i = 0; i < MEM_IMPORTANCES; i++) {
        size_t bytes;

        mem_set_importance((enum mem_importance)i);
        bytes = fill();
        ck_assert_uint_le(limit_used_bytes(), ceilings[i]);
        ck_assert_uint_gt(limit_used_bytes() + STEP, ceilings[i]);
        ck_assert_uint_eq(refusals((enum mem_importance)i), 1);
        /* Those that matter less are refused there as well... */
        for (int j = 0; j < i; j++) {
            mem_set_importance((enum mem_importance)j);
            ck_assert(!limit_admit(STEP));
        }
        /* ...and a refusal leaves nothing behind. */
        mem_set_importance((enum mem_importance)i);
        limit_return(bytes);
        ck_assert_uint_eq(fill(), bytes);
        limit_return(bytes);
        for (int j = i + 1; j < MEM_IMPORTANCES; j++)
            ck_assert_uint_eq(refusals((enum mem_importance)j), 0);
    }
}
END_TEST

START_TEST(a_thread_starts_with_work_for_users)
{
    ck_assert_int_eq(mem_set_importance(MEM_FOR_SLOW), MEM_FOR_USERS);
    ck_assert_int_eq(mem_set_importance(MEM_FOR_USERS), MEM_FOR_SLOW);
}
END_TEST

START_TEST(what_can_never_fit_is_refused_and_harms_nobody)
{
    uint64_t used;

    mem_limit_set(64 * MIB);
    used = limit_used_bytes();
    ck_assert(!limit_admit(64 * MIB));
    ck_assert(!limit_admit(PTRDIFF_MAX));
    ck_assert_uint_eq(limit_used_bytes(), used);
    ck_assert(limit_admit(MIB));
    limit_return(MIB);
}
END_TEST

START_TEST(what_is_taken_counts_before_it_is_touched)
{
    uint64_t before;

    mem_limit_set(64 * MIB);
    before = limit_used_bytes();
    ck_assert(limit_admit(20 * MIB));
    limit_refresh(); /* the kernel shows nothing of it yet */
    ck_assert_uint_ge(limit_used_bytes(), 26 * MIB);
    kernel.resident += 20 * MIB;
    limit_refresh();
    ck_assert_uint_eq(limit_used_bytes(), before + 20 * MIB);
    limit_return(20 * MIB);
}
END_TEST

START_TEST(what_others_take_is_seen_at_readings)
{
    uint64_t before = limit_used_bytes();

    kernel.resident += 5 * MIB;
    ck_assert_uint_eq(limit_used_bytes(), before);
    limit_refresh();
    ck_assert_uint_eq(limit_used_bytes(), before + 5 * MIB);
    kernel.file += MIB;
    kernel.resident += MIB;
    limit_refresh();
    ck_assert_uint_eq(limit_used_bytes(), before + 6 * MIB);
}
END_TEST

START_TEST(what_others_gave_back_fades)
{
    uint64_t before = limit_used_bytes(), last;

    kernel.resident += 32 * MIB;
    limit_refresh();
    last = limit_used_bytes();
    ck_assert_uint_eq(last, before + 32 * MIB);
    kernel.resident -= 32 * MIB;
    for (int i = 0; i < 10; i++) {
        pass_ms(1000);
        limit_refresh();
        ck_assert_uint_lt(limit_used_bytes(), last);
        ck_assert_uint_gt(limit_used_bytes(), before);
        last = limit_used_bytes();
    }
    ck_assert_uint_lt(last, before + 20 * MIB);
    pass_ms(16000);
    limit_refresh();
    ck_assert_uint_eq(limit_used_bytes(), before);
}
END_TEST

START_TEST(near_a_mark_a_reading_is_ten_milliseconds_old_at_most)
{
    unsigned readings;

    mem_limit_set(64 * MIB);
    fill_to(60 * MIB - STEP);
    readings = kernel.readings;
    kernel.resident = 68 * MIB;   /* 8 MiB more of others */
    ck_assert(limit_admit(STEP)); /* below low still: nobody looks */
    pass_ms(9);
    ck_assert(limit_admit(STEP)); /* past it, but it was read just now */
    ck_assert_uint_eq(kernel.readings, readings);
    pass_ms(1);
    ck_assert(!limit_admit(STEP));
    ck_assert_uint_gt(kernel.readings, readings);
}
END_TEST

START_TEST(a_kernel_that_says_nothing_leaves_the_last_reading)
{
    uint64_t before = limit_used_bytes();

    kernel.known = false;
    kernel.resident = 0;
    pass_ms(60000);
    limit_refresh();
    ck_assert_uint_eq(limit_used_bytes(), before);
}
END_TEST

START_TEST(a_new_limit_holds_at_once)
{
    fill_to(50 * MIB);
    mem_limit_set(64 * MIB);
    ck_assert_int_eq(mem_limit_level(), MEM_PLENTY);
    ck_assert_uint_eq(limit_missing_bytes(), 0);
    mem_limit_set(32 * MIB);
    ck_assert_int_eq(mem_limit_level(), MEM_BELOW_MIN);
    ck_assert_uint_gt(limit_missing_bytes(), 18 * MIB);
    ck_assert(!limit_admit(4096));
    mem_limit_set(0);
    ck_assert_int_eq(mem_limit_level(), MEM_PLENTY);
    ck_assert(limit_admit(GIB));
}
END_TEST

START_TEST(the_peak_is_kept)
{
    struct mem_limit_stats stats;
    uint64_t before = limit_used_bytes();

    ck_assert(limit_admit(7 * MIB));
    limit_return(7 * MIB);
    mem_limit_read(&stats);
    ck_assert_uint_le(stats.peak_bytes, before + 7 * MIB);
    ck_assert_uint_ge(stats.peak_bytes + 64 * KIB, before + 7 * MIB);
    ck_assert_uint_eq(stats.used_bytes, before);
    ck_assert_uint_eq(stats.resident_bytes, 10 * MIB);
    ck_assert_uint_eq(stats.limit_bytes, 0);
    ck_assert_uint_eq(stats.high_bytes, 0);
}
END_TEST

/* A leaf that returns what was admitted for it. */
struct stock {
    _Atomic(size_t) bytes;
    _Atomic(unsigned) calls;
    bool allocates;
};

static size_t
stock_shrink(void *arg, size_t want)
{
    struct stock *s = arg;
    size_t had = s->bytes;
    size_t give;

    s->calls++;
    ck_assert(reclaim_is_own());
    if (s->allocates) {
        /* At the limit, and yet: it is for giving back more. */
        ck_assert(limit_admit(STEP));
        limit_return(STEP);
        ck_assert_uint_eq(reclaim_direct(STEP), 0);
    }
    do {
        give = want < had ? want : had;
    } while (!atomic_compare_exchange_weak(&s->bytes, &had, had - give));
    limit_return(give);
    return give;
}

START_TEST(reclaim_makes_room_before_anything_is_refused)
{
    struct stock stock = {.bytes = 20 * MIB};
    struct mem_shrinker s = {
        .name = "stock", .leaf = true, .shrink = stock_shrink, .arg = &stock};
    struct mem_limit_stats stats;

    mem_limit_set(64 * MIB);
    ck_assert(limit_admit(stock.bytes));
    mem_shrinker_register(&s);
    mem_set_importance(MEM_FOR_INTERNAL);
    /* All that is free, and all that was the stock's. */
    while (stock.bytes > 0)
        ck_assert(limit_admit(STEP));
    mem_limit_read(&stats);
    ck_assert_uint_eq(stats.refusals[MEM_FOR_INTERNAL], 0);
    ck_assert_uint_gt(stats.direct_reclaims, 0);
    ck_assert_uint_eq(stats.direct_reclaimed_bytes, 20 * MIB);
    fill();
    ck_assert_uint_eq(refusals(MEM_FOR_INTERNAL), 1);
    mem_shrinker_unregister(&s);
}
END_TEST

START_TEST(a_thread_that_reclaims_is_admitted)
{
    struct stock stock = {.allocates = true};
    struct mem_shrinker s = {
        .name = "stock", .leaf = true, .shrink = stock_shrink, .arg = &stock};

    mem_limit_set(64 * MIB);
    mem_shrinker_register(&s);
    fill();
    ck_assert_uint_gt(stock.calls, 0);
    ck_assert(!reclaim_is_own());
    mem_shrinker_unregister(&s);
}
END_TEST

START_TEST(vain_reclaim_is_not_tried_again_at_once_but_for_the_server)
{
    struct stock stock = {.bytes = 0};
    struct mem_shrinker s = {
        .name = "stock", .leaf = true, .shrink = stock_shrink, .arg = &stock};
    unsigned calls;

    mem_limit_set(64 * MIB);
    mem_shrinker_register(&s);
    fill();
    calls = stock.calls;
    ck_assert(!limit_admit(STEP));
    ck_assert_uint_eq(stock.calls, calls);
    pass_ms(5);
    ck_assert(!limit_admit(STEP));
    ck_assert_uint_eq(stock.calls, calls + 1);
    mem_set_importance(MEM_FOR_SERVER);
    ck_assert(limit_admit(STEP));
    ck_assert_uint_eq(stock.calls, calls + 2);
    mem_shrinker_unregister(&s);
}
END_TEST

START_TEST(returning_what_was_not_taken_aborts)
{
    expect_abort_saying("held >= bytes");
    limit_return((size_t)1 << 60);
}
END_TEST

START_TEST(a_line_of_statm_is_three_numbers_at_least)
{
    static const char *const wrong[] = {
        "",
        "1",
        "1 2",
        "1 2 3",
        "x 2 3 4\n",
        "1  2 3\n",
        "1 -2 3 4\n",
        "1 99999999999999999999 3 4\n",
        "1 9999999999999999999 3 4\n",
        " 1 2 3 4\n",
    };
    uint64_t resident = 7, file = 7;

    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        ck_assert(!resident_parse(wrong[i], 4096, &resident, &file));
    ck_assert_uint_eq(resident, 7);
    ck_assert(resident_parse("900 30 20 1 0 1 0\n", 4096, &resident, &file));
    ck_assert_uint_eq(resident, 30 * 4096);
    ck_assert_uint_eq(file, 20 * 4096);
    ck_assert(resident_parse("900 30 40 1 0 1 0\n", 4096, &resident, &file));
    ck_assert_uint_eq(file, 30 * 4096);
}
END_TEST

START_TEST(the_kernel_counts_this_process_and_after_a_fork_the_child)
{
    enum { TOUCHED = 64 << 20 };
    uint64_t before, after, file;
    int status;
    pid_t pid;

    ck_assert(resident_kernel.read(NULL, &before, &file));
    ck_assert_uint_gt(before, 0);
    ck_assert_uint_le(file, before);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        void *p = mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
            _exit(2);
        memset(p, 1, TOUCHED);
        _exit(resident_kernel.read(NULL, &after, &file) &&
                      after >= TOUCHED * 7 / 8
                  ? 0
                  : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

enum { THREADS = 8, TURNS = 20000 };

static _Atomic(uint64_t) outstanding;
static uint64_t outstanding_max;

static void *
hammer(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    size_t own[16] = {0};

    mem_set_importance((enum mem_importance)(seed % MEM_FOR_SERVER));
    for (int i = 0; i < TURNS; i++) {
        size_t *slot = &own[(unsigned)rand_r(&seed) % COUNT_OF(own)];
        size_t bytes = (1 + (unsigned)rand_r(&seed) % 256) * 4096;

        if (*slot > 0) {
            outstanding -= *slot;
            limit_return(*slot);
            *slot = 0;
        } else if (limit_admit(bytes)) {
            uint64_t now = outstanding += bytes;

            must(now <= outstanding_max);
            *slot = bytes;
        }
        if (i % 64 == 0)
            pass_ms(1);
    }
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        outstanding -= own[i];
        limit_return(own[i]);
    }
    return NULL;
}

START_TEST(many_threads_together_stay_below_the_limit)
{
    uint64_t before = limit_used_bytes();
    pthread_t threads[THREADS];
    struct mem_limit_stats stats;

    /* One thread alone wants more now and then. */
    mem_limit_set(14 * MIB);
    mem_limit_read(&stats);
    outstanding_max = stats.limit_bytes - stats.margin_bytes - 6 * MIB;
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(outstanding, 0);
    kernel.now_ns += 100 * CLOCK_NS_PER_SEC;
    limit_refresh();
    ck_assert_uint_eq(limit_used_bytes(), before);
    mem_limit_read(&stats);
    ck_assert_uint_gt(stats.refusals[MEM_FOR_INTERNAL], 0);
    ck_assert_uint_eq(stats.refusals[MEM_FOR_SERVER], 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("limit");
    TCase *tc = tcase_create("limit"), *bugs = tcase_create("bugs");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, marks_grow_with_the_root_of_the_limit);
    tcase_add_test(tc, marks_leave_half_of_any_limit);
    tcase_add_test(tc, a_level_begins_below_its_mark);
    tcase_add_test(tc, without_a_limit_all_is_admitted_and_counted);
    tcase_add_test(tc, each_importance_is_refused_at_its_own_point);
    tcase_add_test(tc, a_thread_starts_with_work_for_users);
    tcase_add_test(tc, what_can_never_fit_is_refused_and_harms_nobody);
    tcase_add_test(tc, what_is_taken_counts_before_it_is_touched);
    tcase_add_test(tc, what_others_take_is_seen_at_readings);
    tcase_add_test(tc, what_others_gave_back_fades);
    tcase_add_test(tc, near_a_mark_a_reading_is_ten_milliseconds_old_at_most);
    tcase_add_test(tc, a_kernel_that_says_nothing_leaves_the_last_reading);
    tcase_add_test(tc, a_new_limit_holds_at_once);
    tcase_add_test(tc, the_peak_is_kept);
    tcase_add_test(tc, reclaim_makes_room_before_anything_is_refused);
    tcase_add_test(tc, a_thread_that_reclaims_is_admitted);
    tcase_add_test(tc,
                   vain_reclaim_is_not_tried_again_at_once_but_for_the_server);
    tcase_add_test(tc, a_line_of_statm_is_three_numbers_at_least);
    tcase_add_test(tc,
                   the_kernel_counts_this_process_and_after_a_fork_the_child);
    tcase_add_test(tc, many_threads_together_stay_below_the_limit);
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(bugs, setup, NULL);
    tcase_add_test_raise_signal(bugs, returning_what_was_not_taken_aborts,
                                SIGABRT);
    suite_add_tcase(s, bugs);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
