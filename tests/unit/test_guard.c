/* SPDX-License-Identifier: BSD-2-Clause */
/* Guard objects: what must be caught is caught, at once, and named. */
#include "mem/guard.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem/account_slot.h"
#include "mem/guard_hook.h"
#include "mem/must.h"
#include "tests/unit/expect_abort.h"

MEM_TYPE(mt_path, "server.posix", "path");

enum { PAGE = 4096 };

static uint32_t
slot(void)
{
    return mem_account_slot(&mt_path);
}

#ifdef __SANITIZE_ADDRESS__
START_TEST(a_sanitizer_sees_more_and_is_not_disturbed)
{
    struct mem_guard_stats s;

    mem_guard_set_rate(1);
    for (int i = 0; i < 100; i++)
        ck_assert_ptr_null(guard_take(slot(), 100, 8));
    ck_assert_uint_eq(guard_interval(), GUARD_INTERVAL_OFF);
    mem_guard_read(&s);
    ck_assert_uint_eq(s.rate, 0);
    ck_assert_uint_eq(s.guarded, 0);
}
END_TEST
#else

/* The functions whose names must be in reports. */
static void *__attribute__((noinline)) take_here(size_t bytes, size_t align)
{
    void *p = guard_take(slot(), bytes, align);

    ck_assert_ptr_nonnull(p);
    return p;
}

static void __attribute__((noinline)) free_here(void *p)
{
    uint32_t s;

    (void)guard_check(p, &s);
    guard_give(p);
    atomic_signal_fence(memory_order_seq_cst); /* no tail call */
}

static bool
is_at_page_start(const void *p)
{
    return (uintptr_t)p % PAGE == 0;
}

/* One that lies at the wanted end of its page; the others stay taken. */
static uint8_t *
take_placed(size_t bytes, size_t align, bool at_start)
{
    for (int i = 0; i < 60; i++) {
        uint8_t *p = take_here(bytes, align);

        if (is_at_page_start(p) == at_start)
            return p;
    }
    ck_abort_msg("one end of the page only"); /* once in 2^60 */
}

static void
setup(void)
{
    mem_guard_set_rate(1);
    mem_guard_install();
}

START_TEST(off_means_off)
{
    struct mem_guard_stats s;

    ck_assert_uint_eq(guard_interval(), GUARD_INTERVAL_OFF);
    ck_assert_ptr_null(guard_take(slot(), 10, 8));
    ck_assert(!guard_owns(&s));
    ck_assert(!guard_owns(NULL));
    ck_assert(!guard_owns((void *)4096));
    mem_guard_read(&s);
    ck_assert_uint_eq(s.rate, 0);
    ck_assert_uint_eq(s.slots_used, 0);
}
END_TEST

START_TEST(blocks_have_their_size_their_place_and_their_type)
{
    static const size_t aligns[] = {1, 2, 4, 8, 16, 32, 64};
    bool seen[2] = {false, false};

    for (size_t bytes = 0; bytes <= GUARD_BYTES_MAX; bytes += 1 + bytes / 7) {
        for (size_t i = 0; i < COUNT_OF(aligns); i++) {
            uint8_t *p = guard_take(slot(), bytes, aligns[i]);
            uint32_t its_slot = 0;

            ck_assert_ptr_nonnull(p);
            ck_assert_uint_eq((uintptr_t)p % aligns[i], 0);
            ck_assert(guard_owns(p));
            memset(p, 0xee, bytes);
            seen[is_at_page_start(p)] = true;
            if (!is_at_page_start(p) && bytes > 0)
                ck_assert_uint_lt(-((uintptr_t)p + bytes) % PAGE, aligns[i]);
            ck_assert_uint_eq(guard_check(p, &its_slot), bytes);
            ck_assert_uint_eq(its_slot, slot());
            guard_give(p);
        }
    }
    ck_assert(seen[0] && seen[1]);
}
END_TEST

START_TEST(accounts_are_whole_pages_while_blocks_live)
{
    struct mem_type_stats before, s;
    void *p;

    mem_account_read_one("mem", "guard", &before);
    ck_assert_uint_gt(before.size, 0);
    p = take_here(1000, 8);
    mem_account_read_one("mem", "guard", &s);
    ck_assert_uint_eq(s.size, before.size + PAGE - 1000);
    free_here(p);
    mem_account_read_one("mem", "guard", &s);
    ck_assert_uint_eq(s.size, before.size);
    mem_guard_set_rate(0);
    mem_guard_set_rate(1);
    mem_account_read_one("mem", "guard", &s);
    ck_assert_uint_eq(s.size, before.size);
}
END_TEST

START_TEST(pages_are_used_again_as_late_as_can_be)
{
    struct mem_guard_stats s;
    uintptr_t pages[64];
    void *p[64];

    for (int i = 0; i < 64; i++)
        pages[i] = (uintptr_t)(p[i] = take_here(8, 8)) / PAGE;
    ck_assert_ptr_null(guard_take(slot(), 8, 8));
    mem_guard_read(&s);
    ck_assert_uint_eq(s.slots, 64);
    ck_assert_uint_eq(s.slots_used, 64);
    ck_assert_uint_eq(s.guarded, 64);
    ck_assert_uint_eq(s.full, 1);
    for (int i = 0; i < 64; i++)
        free_here(p[(i * 5) % 64]);
    for (int i = 0; i < 200; i++) {
        void *q = take_here(8, 8);

        ck_assert_uint_eq((uintptr_t)q / PAGE, pages[(i * 5) % 64]);
        free_here(q);
    }
    mem_guard_read(&s);
    ck_assert_uint_eq(s.slots_used, 0);
    ck_assert_uint_eq(s.guarded, 264);
}
END_TEST

START_TEST(live_blocks_outlast_switching_off)
{
    uint8_t *p = take_here(10, 1);

    mem_guard_set_rate(0);
    ck_assert_ptr_null(guard_take(slot(), 10, 1));
    ck_assert(guard_owns(p));
    p[9] = 1;
    free_here(p);
}
END_TEST

START_TEST(intervals_are_random_around_the_rate)
{
    const unsigned rate = 1000;
    uint64_t sum = 0, least = UINT64_MAX, most = 0;
    const unsigned n = 100000;

    mem_guard_set_rate(rate);
    for (unsigned i = 0; i < n; i++) {
        uint64_t interval = guard_interval();

        sum += interval;
        least = interval < least ? interval : least;
        most = interval > most ? interval : most;
    }
    ck_assert_uint_ge(least, 1);
    ck_assert_uint_le(most, 2 * rate - 1);
    /* Six sigma of a uniform mean: 6 * rate / sqrt(3 n). */
    ck_assert_double_eq_tol((double)sum / n, rate, 6 * 1000 / 547.7);
    mem_guard_set_rate(1);
    ck_assert_uint_eq(guard_interval(), 1);
}
END_TEST

enum { THREADS = 4, ROUNDS = 3000, SHELF = 32 };

static _Atomic(uint8_t *) shelf[SHELF];

/* Takes, hands over, frees what others took. */
static void *
churn(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;

    for (int i = 0; i < ROUNDS; i++) {
        size_t bytes = 1 + (size_t)rand_r(&seed) % 200;
        uint8_t *p = NULL;
        uint32_t its_slot;

        if (rand_r(&seed) % 2 == 0)
            p = guard_take(slot(), bytes, 8);
        if (p != NULL)
            memset(p, (int)bytes, bytes);
        p = atomic_exchange(&shelf[(size_t)rand_r(&seed) % SHELF], p);
        if (p == NULL)
            continue;
        must(guard_check(p, &its_slot) == *p);
        guard_give(p);
    }
    return NULL;
}

START_TEST(threads_take_and_free_each_others)
{
    pthread_t threads[THREADS];
    struct mem_guard_stats s;
    unsigned left = 0;

    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, churn, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < SHELF; i++)
        left += shelf[i] != NULL;
    mem_guard_read(&s);
    ck_assert_uint_eq(s.slots_used, left);
    ck_assert_uint_gt(s.guarded, SHELF);
}
END_TEST

/*
 * What must be caught.  A process that says all it should ends in the report,
 * with a status that nothing else has; one that only dies proves nothing.
 */

enum { TOLD = 42, DIES_TOO = 77 };

#ifdef __SANITIZE_THREAD__
enum { DEFAULT_IS_TO_DIE = 0 }; /* it has a handler of its own */
#else
enum { DEFAULT_IS_TO_DIE = 1 };
#endif

static bool then_die; /* go on after the report */
static volatile sig_atomic_t told;

static const char *wanted[8];

static void
all_hook(const char *text)
{
    for (size_t i = 0; i < COUNT_OF(wanted) && wanted[i] != NULL; i++) {
        if (strstr(text, wanted[i]) == NULL) {
            (void)fprintf(stderr, "missing: %s\n", wanted[i]);
            _exit(99);
        }
    }
    told = 1;
    if (!then_die)
        _exit(TOLD);
}

#define EXPECT_REPORT(...)                        \
    do {                                          \
        const char *const list[] = {__VA_ARGS__}; \
        memset(wanted, 0, sizeof(wanted));        \
        memcpy(wanted, list, sizeof(list));       \
        must_set_hook(all_hook);                  \
    } while (0)

static volatile uint8_t sink;

static PLANTED void
touch_here(uint8_t *p, ptrdiff_t offset, bool write)
{
    if (write)
        ((volatile uint8_t *)p)[offset] = 0;
    else
        sink = ((volatile uint8_t *)p)[offset];
}

START_TEST(an_overrun_by_one_byte_faults_and_is_named)
{
    uint8_t *p = take_placed(40, 1, false);

    EXPECT_REPORT("mem: overrun of 0x", "(+40)",
                  "a block of server.posix path of 40 bytes, allocated by "
                  "thread ",
                  " at take_here+0x", ", written by thread ",
                  " at touch_here+0x");
    touch_here(p, 40, true);
}
END_TEST

START_TEST(a_read_past_the_end_is_told_from_a_write)
{
    uint8_t *p = take_placed(40, 1, false);

    EXPECT_REPORT("mem: overrun of 0x", "(+41)", "path of 40 bytes",
                  " at take_here+0x", ", read by thread ", " at touch_here+0x");
    touch_here(p, 41, false);
}
END_TEST

START_TEST(an_overrun_by_a_page_is_named)
{
    /* To the far end of the page behind. */
    uint8_t *p = take_placed(100, 8, false);

    EXPECT_REPORT("mem: overrun of 0x", "server.posix path of 100 bytes",
                  " at take_here+0x", "written by thread ");
    touch_here(p, 104 + 2000, true);
}
END_TEST

START_TEST(an_underrun_faults_and_is_named)
{
    uint8_t *p = take_placed(40, 8, true);

    EXPECT_REPORT("mem: underrun of 0x", "(-1)",
                  "a block of server.posix path of 40 bytes",
                  " at take_here+0x", "written by thread ",
                  " at touch_here+0x");
    touch_here(p, -1, true);
}
END_TEST

START_TEST(a_use_after_free_names_both_sites)
{
    uint8_t *p = take_placed(40, 8, _i % 2 == 0);
    bool write = _i / 2 == 1;

    free_here(p);
    EXPECT_REPORT("mem: use after free of 0x", "(+12)",
                  "a block of server.posix path of 40 bytes, allocated by",
                  " at take_here+0x", ", freed by thread ", " at free_here+0x",
                  write ? ", written by thread " : ", read by thread ",
                  " at touch_here+0x");
    touch_here(p, 12, write);
}
END_TEST

START_TEST(after_the_report_the_fault_has_its_way)
{
    uint8_t *p = take_here(40, 8);

    free_here(p);
    then_die = true;
    EXPECT_REPORT("mem: use after free of 0x");
    touch_here(p, 12, true);
}
END_TEST

START_TEST(a_double_free_names_both_sites)
{
    uint8_t *p = take_here(40, 8);

    free_here(p);
    EXPECT_REPORT("mem: double free of 0x",
                  "a block of server.posix path of 40 bytes, allocated by",
                  " at take_here+0x", ", freed by thread ", " at free_here+0x",
                  ", freed again by thread ");
    free_here(p);
}
END_TEST

START_TEST(an_overrun_into_what_alignment_leaves_is_found_at_the_free)
{
    uint8_t *p = take_placed(41, 16, false);

    EXPECT_REPORT("mem: overrun of 0x", "(+41)",
                  "a block of server.posix path of 41 bytes",
                  " at take_here+0x", ", found by thread ");
    touch_here(p, 41, true);
    free_here(p);
}
END_TEST

START_TEST(an_underrun_on_the_page_is_found_at_the_free)
{
    uint8_t *p = take_placed(41, 16, false);

    EXPECT_REPORT("mem: underrun of 0x", "(-1)", "path of 41 bytes",
                  " at take_here+0x", ", found by thread ");
    touch_here(p, -1, true);
    free_here(p);
}
END_TEST

START_TEST(a_free_inside_a_block_is_named)
{
    uint8_t *p = take_here(40, 8);

    EXPECT_REPORT("mem: free of what is no block's start, near 0x", "(+8)",
                  "path of 40 bytes", " at take_here+0x", ", now freed by");
    free_here(p + 8);
}
END_TEST

START_TEST(the_allocators_own_head_is_not_spoken_of)
{
    uint8_t *p = take_placed(16 + 40, 1, false);

    guard_set_head(p, 16);
    EXPECT_REPORT("mem: overrun of 0x", "(+41)",
                  "a block of server.posix path of 40 bytes");
    touch_here(p + 16, 41, true);
}
END_TEST

static void *
fault_elsewhere(void *p)
{
    touch_here(p, 0, true);
    return NULL;
}

START_TEST(another_threads_fault_is_reported_too)
{
    uint8_t *p = take_here(64, 8);
    pthread_t thread;

    free_here(p);
    EXPECT_REPORT("mem: use after free of 0x", ", freed by thread ",
                  " at free_here+0x", " at touch_here+0x",
                  "fault_elsewhere+0x");
    ck_assert_int_eq(pthread_create(&thread, NULL, fault_elsewhere, p), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

static void
never_hook(const char *text)
{
    _exit(99);
}

START_TEST(other_faults_are_not_ours)
{
    uint8_t *page =
        mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must_set_hook(never_hook);
    touch_here(page, 0, true);
}
END_TEST

START_TEST(a_signal_that_was_sent_ends_the_process)
{
    must_set_hook(never_hook);
    ck_assert_int_eq(raise(SIGSEGV), 0);
    _exit(98);
}
END_TEST

static void
earlier_handler(int sig)
{
    _exit(sig == SIGSEGV && told == then_die ? DIES_TOO : 99);
}

START_TEST(a_handler_that_was_there_before_is_called)
{
    struct sigaction sa = {.sa_handler = earlier_handler};
    uint8_t *page =
        mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ck_assert_int_eq(sigaction(SIGSEGV, &sa, NULL), 0);
    mem_guard_set_rate(1);
    mem_guard_install();
    if (_i == 0) {
        touch_here(page, 0, true);
    } else { /* after our report */
        uint8_t *p = take_here(10, 1);

        free_here(p);
        then_die = true;
        EXPECT_REPORT("mem: use after free of 0x", " at take_here+0x");
        touch_here(p, 0, false);
    }
}
END_TEST
#endif

int
main(void)
{
    Suite *s = suite_create("guard");
    TCase *tc = tcase_create("guard");
    SRunner *sr;
    int failed;

    suite_add_tcase(s, tc);
#ifdef __SANITIZE_ADDRESS__
    tcase_add_test(tc, a_sanitizer_sees_more_and_is_not_disturbed);
#else
    tcase_add_test(tc, off_means_off);
    tcase_add_loop_exit_test(tc, a_handler_that_was_there_before_is_called,
                             DIES_TOO, 0, 2);
    tc = tcase_create("on");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, blocks_have_their_size_their_place_and_their_type);
    tcase_add_test(tc, accounts_are_whole_pages_while_blocks_live);
    tcase_add_test(tc, pages_are_used_again_as_late_as_can_be);
    tcase_add_test(tc, live_blocks_outlast_switching_off);
    tcase_add_test(tc, intervals_are_random_around_the_rate);
    tcase_add_test(tc, threads_take_and_free_each_others);
    suite_add_tcase(s, tc);
    tc = tcase_create("bugs");
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_exit_test(tc, an_overrun_by_one_byte_faults_and_is_named, TOLD);
    tcase_add_exit_test(tc, a_read_past_the_end_is_told_from_a_write, TOLD);
    tcase_add_exit_test(tc, an_overrun_by_a_page_is_named, TOLD);
    tcase_add_exit_test(tc, an_underrun_faults_and_is_named, TOLD);
    tcase_add_loop_exit_test(tc, a_use_after_free_names_both_sites, TOLD, 0, 4);
    tcase_add_exit_test(tc, a_double_free_names_both_sites, TOLD);
    tcase_add_exit_test(
        tc, an_overrun_into_what_alignment_leaves_is_found_at_the_free, TOLD);
    tcase_add_exit_test(tc, an_underrun_on_the_page_is_found_at_the_free, TOLD);
    tcase_add_exit_test(tc, a_free_inside_a_block_is_named, TOLD);
    tcase_add_exit_test(tc, the_allocators_own_head_is_not_spoken_of, TOLD);
    tcase_add_exit_test(tc, another_threads_fault_is_reported_too, TOLD);
    if (DEFAULT_IS_TO_DIE) {
        tcase_add_test_raise_signal(tc, after_the_report_the_fault_has_its_way,
                                    SIGSEGV);
        tcase_add_test_raise_signal(tc, other_faults_are_not_ours, SIGSEGV);
        tcase_add_test_raise_signal(tc, a_signal_that_was_sent_ends_the_process,
                                    SIGSEGV);
    }
    suite_add_tcase(s, tc);
#endif
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
