/* SPDX-License-Identifier: BSD-2-Clause */
/* Mutexes know their owner; builds with a sanitizer check ranks as well. */
#include "mem/mutex.h"

#include <check.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "expect_abort.h"
#include "mem/clock.h"
#include "mem/must.h"
#include "mem/scope.h"

static struct mutex low = MUTEX_INITIALIZER("low", 10);
static struct mutex high = MUTEX_INITIALIZER("high", 20);
static struct mutex other_high = MUTEX_INITIALIZER("other high", 20);
static struct mutex unranked = MUTEX_INITIALIZER("unranked", 0);

START_TEST(the_owner_is_the_thread_that_holds_it)
{
    struct mutex mtx;

    mutex_init(&mtx, "m", 5);
    ck_assert_int_eq(mtx.owner, 0);
    mutex_lock(&mtx);
    ck_assert_int_eq(mtx.owner, gettid());
    mutex_assert_held(&mtx);
    mutex_unlock(&mtx);
    ck_assert_int_eq(mtx.owner, 0);
    mutex_destroy(&mtx);
}
END_TEST

static void *
try_it(void *arg)
{
    bool *taken = arg;

    *taken = mutex_trylock(&low);
    if (*taken)
        mutex_unlock(&low);
    return NULL;
}

static bool
other_thread_can_take_low(void)
{
    pthread_t thread;
    bool taken;

    ck_assert_int_eq(pthread_create(&thread, NULL, try_it, &taken), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    return taken;
}

START_TEST(trylock_takes_only_what_is_free)
{
    mutex_lock(&low);
    ck_assert(!other_thread_can_take_low());
    mutex_unlock(&low);
    ck_assert(other_thread_can_take_low());
}
END_TEST

START_TEST(a_scope_releases_at_its_end)
{
    {
        MUTEX_SCOPE(&low);
        mutex_assert_held(&low);
    }
    ck_assert_int_eq(low.owner, 0);
}
END_TEST

START_TEST(ranks_may_rise_and_be_released_in_any_order)
{
    mutex_lock(&low);
    mutex_lock(&high);
    mutex_lock(&unranked);
    mutex_unlock(&low);
    mutex_unlock(&unranked);
    mutex_unlock(&high);
    mutex_lock(&high);
    ck_assert(mutex_trylock(&low)); /* never waits, may be out of order */
    mutex_unlock(&low);
    mutex_unlock(&high);
}
END_TEST

static struct cond cond;
static int turn; /* [low] */

static void *
answer(void *arg)
{
    mutex_lock(&low);
    while (turn != 1)
        cond_wait(&cond, &low);
    turn = 2;
    cond_broadcast(&cond);
    mutex_unlock(&low);
    return NULL;
}

START_TEST(a_condition_hands_the_mutex_over_and_back)
{
    pthread_t thread;

    cond_init(&cond);
    ck_assert_int_eq(pthread_create(&thread, NULL, answer, NULL), 0);
    mutex_lock(&low);
    turn = 1;
    cond_signal(&cond);
    while (turn != 2)
        cond_wait(&cond, &low);
    mutex_assert_held(&low);
    mutex_unlock(&low);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    cond_destroy(&cond);
}
END_TEST

START_TEST(a_wait_ends_at_its_monotonic_time)
{
    uint64_t until_ns = clock_ns() + 20 * CLOCK_NS_PER_MS;
    struct timespec until = clock_timespec(until_ns);

    cond_init(&cond);
    mutex_lock(&low);
    while (cond_wait_until(&cond, &low, &until))
        ; /* woken for nothing */
    mutex_assert_held(&low);
    mutex_unlock(&low);
    ck_assert_uint_ge(clock_ns(), until_ns);
    cond_destroy(&cond);
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000 };
static uint64_t counted; /* [low] */

static void *
count_up(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        MUTEX_SCOPE(&low);
        counted++;
    }
    return NULL;
}

START_TEST(it_excludes)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(counted, THREADS * ROUNDS);
}
END_TEST

static void *
unlock_it(void *arg)
{
    mutex_unlock(arg);
    return NULL;
}

START_TEST(an_unlock_by_another_thread_aborts)
{
    pthread_t thread;

    expect_abort_saying("mutex low is not held");
    mutex_lock(&low);
    ck_assert_int_eq(pthread_create(&thread, NULL, unlock_it, &low), 0);
    (void)pthread_join(thread, NULL);
}
END_TEST

START_TEST(an_unlock_of_a_free_one_aborts)
{
    expect_abort_saying("mutex low is not held");
    mutex_unlock(&low);
}
END_TEST

START_TEST(a_second_lock_by_its_owner_aborts)
{
    expect_abort_saying("mutex unranked taken twice");
    mutex_lock(&unranked);
    mutex_lock(&unranked);
}
END_TEST

START_TEST(a_destroy_of_a_held_one_aborts)
{
    expect_abort_saying("mutex low destroyed");
    mutex_lock(&low);
    mutex_destroy(&low);
}
END_TEST

START_TEST(a_failed_must_says_what_and_where)
{
    expect_abort_saying("must(1 + 1 == 3)");
    must(1 + 1 == 3);
}
END_TEST

#if defined(CLINKER_LOCK_DEBUG) || defined(__SANITIZE_ADDRESS__) || \
    defined(__SANITIZE_THREAD__)
#define RANKS_CHECKED 1
#else
#define RANKS_CHECKED 0
#endif

START_TEST(a_lower_rank_below_a_higher_one_aborts)
{
    expect_abort_saying("mutex low (rank 10) wanted while high (rank 20)");
    mutex_lock(&high);
    mutex_lock(&low);
}
END_TEST

START_TEST(two_of_one_rank_abort)
{
    expect_abort_saying("mutex other high (rank 20) wanted while high");
    mutex_lock(&high);
    mutex_lock(&other_high);
}
END_TEST

START_TEST(a_wait_that_takes_its_mutex_below_a_higher_one_aborts)
{
    expect_abort_saying("mutex low (rank 10) wanted while high (rank 20)");
    cond_init(&cond);
    mutex_lock(&low);
    mutex_lock(&high);
    cond_wait(&cond, &low);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mutex");
    TCase *tc = tcase_create("mutex"), *bugs = tcase_create("bugs");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_owner_is_the_thread_that_holds_it);
    tcase_add_test(tc, trylock_takes_only_what_is_free);
    tcase_add_test(tc, a_scope_releases_at_its_end);
    tcase_add_test(tc, ranks_may_rise_and_be_released_in_any_order);
    tcase_add_test(tc, a_condition_hands_the_mutex_over_and_back);
    tcase_add_test(tc, a_wait_ends_at_its_monotonic_time);
    tcase_add_test(tc, it_excludes);
    suite_add_tcase(s, tc);
    tcase_add_test_raise_signal(bugs, an_unlock_by_another_thread_aborts,
                                SIGABRT);
    tcase_add_test_raise_signal(bugs, an_unlock_of_a_free_one_aborts, SIGABRT);
    tcase_add_test_raise_signal(bugs, a_second_lock_by_its_owner_aborts,
                                SIGABRT);
    tcase_add_test_raise_signal(bugs, a_destroy_of_a_held_one_aborts, SIGABRT);
    tcase_add_test_raise_signal(bugs, a_failed_must_says_what_and_where,
                                SIGABRT);
    if (RANKS_CHECKED) {
        tcase_add_test_raise_signal(
            bugs, a_lower_rank_below_a_higher_one_aborts, SIGABRT);
        tcase_add_test_raise_signal(bugs, two_of_one_rank_abort, SIGABRT);
        tcase_add_test_raise_signal(
            bugs, a_wait_that_takes_its_mutex_below_a_higher_one_aborts,
            SIGABRT);
    }
    suite_add_tcase(s, bugs);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
