/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool's threads: how many, what they are like, when they come and go.
 * Starting one goes through __wrap_iot_thread_start(), so that a test can make
 * it fail.
 */
#include "iothreads/pool.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "mem/must.h"

#include "iothreads/thread.h"

#include "tests/unit/iot_scene.h"

int __real_iot_thread_start(void *(*body)(void *arg), void *arg);
int __wrap_iot_thread_start(void *(*body)(void *arg), void *arg);

static atomic_int starts_left = INT32_MAX;

int
__wrap_iot_thread_start(void *(*body)(void *arg), void *arg)
{
    if (atomic_fetch_sub(&starts_left, 1) <= 0)
        return -EAGAIN;
    return __real_iot_thread_start(body, arg);
}

/* --- threads come and go ------------------------------------------------ */

static bool
two_run_and_the_third_thread_sleeps(const struct iot_stats *st)
{
    return st->class[IOT_SLOW].running == 2 && st->threads == 3 &&
           st->sleeping == 1;
}

START_TEST(a_worker_sleeps_when_only_full_classes_have_work)
{
    struct iot_limits limits = scene_limits(8);
    struct iot_pool *pool;
    struct iot_stats st;

    limits.class_max[IOT_SLOW] = 2;
    pool = scene_pool(&limits);
    for (int i = 0; i < 5; i++)
        scene_submit(pool, i, i % OWNERS, IOT_SLOW, scene_run_gated);
    scene_await(&scene.begun, 2);
    scene_submit(pool, 5, 0, IOT_FAST, scene_run_plain);
    scene_await(&scene.done, 1);
    scene_await_stats(pool, two_run_and_the_third_thread_sleeps);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.class[IOT_SLOW].queued, 3);
    ck_assert_uint_ge(st.class[IOT_SLOW].queued_max, 3);
    ck_assert_uint_eq(scene.begun, 2);
    scene_open();
    scene_await(&scene.done, 6);
    scene_pool_end(&pool);
}
END_TEST

START_TEST(threads_are_as_many_as_the_work_needs)
{
    struct iot_limits limits = scene_limits(4);
    struct iot_pool *pool = scene_pool(&limits);
    struct iot_stats st;

    for (int i = 0; i < 3; i++) {
        scene_submit(pool, i, 0, IOT_NORMAL, scene_run_gated);
        scene_await(&scene.begun, (uint32_t)i + 1);
        iot_pool_read(pool, &st);
        ck_assert_uint_eq(st.threads, (uint32_t)i + 1);
    }
    for (int i = 3; i < 20; i++)
        scene_submit(pool, i, 0, IOT_NORMAL, scene_run_gated);
    scene_await(&scene.begun, 4);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.threads, 4);
    ck_assert_uint_eq(st.threads_started, 4);
    ck_assert_uint_eq(st.class[IOT_NORMAL].queued, 16);
    scene_open();
    scene_await(&scene.done, 20);
    scene_await_stats(pool, scene_all_sleep);

    /* Those who sleep are enough for the next. */
    scene_submit(pool, 20, 0, IOT_NORMAL, scene_run_plain);
    scene_await(&scene.done, 21);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.threads_started, 4);
    scene_pool_end(&pool);
}
END_TEST

static void
grow_to(struct iot_pool *pool, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        scene_submit(pool, (int)i, 0, IOT_NORMAL, scene_run_gated);
    scene_await(&scene.begun, n);
    scene_open();
    scene_await(&scene.done, n);
}

START_TEST(idle_threads_end_and_one_stays)
{
    struct iot_limits limits = scene_limits(5);
    struct iot_pool *pool;
    struct iot_stats st;

    limits.idle_secs = (uint32_t)_i; /* 0 and 1 */
    pool = scene_pool(&limits);
    grow_to(pool, 5);
    scene_await(&scene.threads_ended, 4);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.threads, 1);
    ck_assert_uint_eq(scene.threads_ended, 4);
    scene_submit(pool, 10, 0, IOT_NORMAL, scene_run_plain); /* and works */
    scene_await(&scene.done, 6);
    scene_pool_end(&pool);
}
END_TEST

START_TEST(lower_limits_end_idle_threads_at_once)
{
    struct iot_limits limits = scene_limits(6);
    struct iot_pool *pool = scene_pool(&limits);
    struct iot_stats st;

    grow_to(pool, 6);
    limits.threads_max = 2;
    iot_pool_reconfigure(pool, &limits);
    scene_await(&scene.threads_ended, 4);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.threads, 2);
    ck_assert_uint_eq(st.threads_max, 2);

    limits.idle_secs = 0;
    iot_pool_reconfigure(pool, &limits);
    scene_await(&scene.threads_ended, 5);
    scene_pool_end(&pool);
}
END_TEST

START_TEST(higher_limits_serve_what_waits_at_once)
{
    struct iot_limits limits = scene_limits(1);
    struct iot_pool *pool;

    limits.class_max[IOT_SLOW] = 1;
    pool = scene_pool(&limits);
    for (int i = 0; i < 4; i++)
        scene_submit(pool, i, 0, IOT_SLOW, scene_run_gated);
    scene_await(&scene.begun, 1);
    limits.threads_max = 3;
    iot_pool_reconfigure(pool, &limits);
    ck_assert_uint_eq(scene.begun, 1); /* the class has its own limit */
    limits.class_max[IOT_SLOW] = 4;
    iot_pool_reconfigure(pool, &limits);
    scene_await(&scene.begun, 3);
    limits.threads_max = 4;
    iot_pool_reconfigure(pool, &limits);
    scene_await(&scene.begun, 4);
    scene_open();
    scene_await(&scene.done, 4);
    scene_pool_end(&pool);
}
END_TEST

START_TEST(the_pool_lives_with_the_threads_it_can_get)
{
    struct iot_limits limits = scene_limits(8);
    struct iot_pool *pool = scene_pool(&limits);
    struct iot_stats st;

    atomic_store(&starts_left, 1);
    scene_submit(pool, 0, 0, IOT_NORMAL, scene_run_gated);
    scene_submit(pool, 1, 0, IOT_NORMAL, scene_run_gated);
    scene_await(&scene.begun, 2);
    for (int i = 2; i < 100; i++)
        scene_submit(pool, i, i % OWNERS, (enum iot_class)(i % 4),
                     scene_run_plain);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.threads, 2);
    ck_assert_uint_eq(st.class[IOT_FAST].queued + st.class[IOT_NORMAL].queued +
                          st.class[IOT_SLOW].queued +
                          st.class[IOT_LEAST].queued,
                      98);
    /* It did not try again for each of them. */
    ck_assert_int_ge(atomic_load(&starts_left), -10);
    scene_open();
    scene_await(&scene.done, 100);
    scene_pool_end(&pool);
}
END_TEST

START_TEST(without_its_first_thread_there_is_no_pool)
{
    struct iot_limits limits = scene_limits(8);

    limits.watchdog_secs = 1000;
    atomic_store(&starts_left, _i); /* the worker or the watchdog fails */
    errno = 0;
    ck_assert_ptr_null(iot_pool_new(&limits, &scene_hooks));
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_uint_eq(scene.threads_begun, scene.threads_ended);
    scene_check_no_memory();
}
END_TEST

/* What a worker is like, seen from inside. */
static char worker_name[16];
static size_t worker_stack_bytes;
static bool worker_takes_signals;

static void
run_look_around(struct iot_work *work)
{
    pthread_attr_t attr;
    sigset_t blocked;

    must(pthread_getname_np(pthread_self(), worker_name, sizeof(worker_name)) ==
         0);
    must(pthread_getattr_np(pthread_self(), &attr) == 0);
    must(pthread_attr_getstacksize(&attr, &worker_stack_bytes) == 0);
    must(pthread_attr_destroy(&attr) == 0);
    must(pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0);
    worker_takes_signals =
        !sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGUSR1) ||
        !sigismember(&blocked, SIGHUP) || !sigismember(&blocked, SIGCHLD);
    scene_run_plain(work);
}

START_TEST(workers_have_a_name_a_small_stack_and_no_signals)
{
    struct iot_limits limits = scene_limits(2);
    struct iot_pool *pool = scene_pool(&limits);
    sigset_t mine;

    scene_submit(pool, 0, 0, IOT_NORMAL, run_look_around);
    scene_await(&scene.done, 1);
    ck_assert_str_eq(worker_name, "glfs_iotwr000");
    ck_assert(!worker_takes_signals);
    ck_assert_uint_ge(worker_stack_bytes, IOT_STACK_BYTES);
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
    ck_assert_uint_le(worker_stack_bytes, IOT_STACK_BYTES + 65536);
#endif
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mine), 0);
    ck_assert(!sigismember(&mine, SIGTERM)); /* this thread's stayed */
    scene_pool_end(&pool);
}
END_TEST

START_TEST(numbers_show_what_was_served_and_how_it_waited)
{
    struct iot_limits limits = scene_limits(1);
    struct iot_pool *pool = scene_pool(&limits);
    struct iot_class_stats *slow;
    struct iot_stats st;

    scene_submit(pool, 0, 0, IOT_FAST, scene_run_gated);
    scene_await(&scene.begun, 1);
    for (int i = 1; i <= 10; i++)
        scene_submit(pool, i, 0, IOT_SLOW, scene_run_plain);
    scene_open();
    scene_await(&scene.done, 11);
    scene_await_stats(pool, scene_all_sleep);
    iot_pool_read(pool, &st);
    slow = &st.class[IOT_SLOW];
    ck_assert_uint_eq(slow->served, 10);
    ck_assert_uint_eq(slow->queued_max, 10);
    ck_assert_uint_eq(slow->queued, 0);
    ck_assert_uint_eq(slow->running, 0);
    ck_assert_uint_eq(slow->limit, 16);
    ck_assert_uint_gt(slow->wait_ns_max, 0);
    ck_assert_uint_ge(slow->wait_ns_sum, slow->wait_ns_max);
    ck_assert_uint_le(slow->wait_ns_sum, 10 * slow->wait_ns_max);
    ck_assert_uint_eq(st.class[IOT_FAST].served, 1);
    ck_assert_uint_eq(st.threads, 1);
    scene_pool_end(&pool);
}
END_TEST

/* --- the watchdog ------------------------------------------------------- */

static bool
slow_is_back_to_its_limit(const struct iot_stats *st)
{
    return st->class[IOT_SLOW].limit == 1;
}

START_TEST(a_stalled_class_gets_a_thread_and_gives_it_back)
{
    struct iot_limits limits = scene_limits(1);
    struct iot_pool *pool;
    struct iot_stats st;

    limits.watchdog_secs = 1;
    limits.class_max[IOT_SLOW] = 1;
    pool = scene_pool(&limits);
    scene_submit(pool, 0, 0, IOT_SLOW, scene_run_gated);
    scene_await(&scene.begun, 1);
    scene_submit(pool, 1, 1, IOT_SLOW, scene_run_gated);
    scene_await(&scene.begun, 2); /* beyond threads_max and its class's limit */
    scene_await(&scene.stalls, 1);
    ck_assert_int_eq(scene.stalled_class, IOT_SLOW);
    ck_assert_uint_eq(scene.stalled_queued, 1);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.threads, 2);
    ck_assert_uint_eq(st.threads_max, 1);
    ck_assert_uint_eq(st.class[IOT_SLOW].limit, 2);

    scene_open();
    scene_await(&scene.done, 2);
    scene_await_stats(pool, slow_is_back_to_its_limit);
    scene_await(&scene.threads_ended, 1);
    ck_assert_uint_eq(scene.stalls, 1);
    scene_pool_end(&pool);
}
END_TEST

START_TEST(a_class_starved_by_others_gets_a_thread)
{
    struct iot_limits limits = scene_limits(2);
    struct iot_pool *pool = scene_pool(&limits);

    for (int i = 0; i < 30; i++)
        scene_submit(pool, i, 0, IOT_FAST, scene_run_gated);
    scene_await(&scene.begun, 2);
    scene_submit(pool, 30, 1, IOT_LEAST, scene_run_plain);
    /* Switched on while it stalls.  The emergency thread runs the stalled
     * classes' items, not the next of the crowd; whichever class is looked at
     * first, least's turn does not wait for fast's end. */
    limits.watchdog_secs = 1;
    iot_pool_reconfigure(pool, &limits);
    scene_await(&scene.done, 1);
    ck_assert_int_eq(scene.log[0], 30);
    scene_open();
    scene_await(&scene.done, 31);
    scene_pool_end(&pool);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("iot_pool_threads");
    TCase *tc = tcase_create("pool");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, scene_setup, NULL);
    tcase_add_test(tc, a_worker_sleeps_when_only_full_classes_have_work);
    tcase_add_test(tc, threads_are_as_many_as_the_work_needs);
    tcase_add_loop_test(tc, idle_threads_end_and_one_stays, 0, 2);
    tcase_add_test(tc, lower_limits_end_idle_threads_at_once);
    tcase_add_test(tc, higher_limits_serve_what_waits_at_once);
    tcase_add_test(tc, the_pool_lives_with_the_threads_it_can_get);
    tcase_add_loop_test(tc, without_its_first_thread_there_is_no_pool, 0, 2);
    tcase_add_test(tc, workers_have_a_name_a_small_stack_and_no_signals);
    tcase_add_test(tc, numbers_show_what_was_served_and_how_it_waited);
    tcase_add_test(tc, a_stalled_class_gets_a_thread_and_gives_it_back);
    tcase_add_test(tc, a_class_starved_by_others_gets_a_thread);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
