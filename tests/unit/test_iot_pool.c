/* SPDX-License-Identifier: BSD-2-Clause */
/* The pool with real threads: what runs, how often, in which order. */
#include "iothreads/pool.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "mem/must.h"
#include "mem/scope.h"

#include "tests/unit/iot_scene.h"

/* --- everything runs, within its limits --------------------------------- */

enum { CROWD_THREADS = 4, CROWD_EACH = JOBS / CROWD_THREADS };

static atomic_uint crowd_running[IOT_CLASSES], crowd_max[IOT_CLASSES];
static atomic_uint crowd_all, crowd_all_max;

static void
raise_to(atomic_uint *max, unsigned value)
{
    unsigned seen = atomic_load(max);

    while (value > seen && !atomic_compare_exchange_weak(max, &seen, value))
        ;
}

static void
run_counted(struct iot_work *work)
{
    struct job *job = container_of_member(work, struct job, work);
    int c = (int)work->class;

    raise_to(&crowd_max[c], atomic_fetch_add(&crowd_running[c], 1) + 1);
    raise_to(&crowd_all_max, atomic_fetch_add(&crowd_all, 1) + 1);
    atomic_fetch_add(&job->ran, 1);
    if (job->id % 7 == 0)
        sched_yield();
    atomic_fetch_sub(&crowd_all, 1);
    atomic_fetch_sub(&crowd_running[c], 1);
}

struct crowd_arg {
    struct iot_pool *pool;
    int first;
};

static void *
crowd_main(void *arg)
{
    struct crowd_arg *a = arg;

    for (int i = a->first; i < a->first + CROWD_EACH; i++)
        scene_submit(a->pool, i, i % OWNERS, (enum iot_class)(i * 7 / 3 % 4),
                     run_counted);
    return NULL;
}

static void
crowd_start(struct iot_pool *pool, pthread_t threads[CROWD_THREADS],
            struct crowd_arg args[CROWD_THREADS])
{
    for (int t = 0; t < CROWD_THREADS; t++) {
        args[t].pool = pool;
        args[t].first = t * CROWD_EACH;
        ck_assert_int_eq(
            pthread_create(&threads[t], NULL, crowd_main, &args[t]), 0);
    }
}

static void
crowd_join(pthread_t threads[CROWD_THREADS])
{
    for (int t = 0; t < CROWD_THREADS; t++)
        ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
}

static void
crowd_check_each_ran_once(void)
{
    for (int i = 0; i < JOBS; i++) {
        ck_assert_int_eq(atomic_load(&jobs[i].ran), 1);
        ck_assert_int_eq(atomic_load(&jobs[i].dropped), 0);
    }
}

START_TEST(everything_runs_once_and_within_its_limits)
{
    struct iot_limits limits = scene_limits(6);
    struct crowd_arg args[CROWD_THREADS];
    pthread_t threads[CROWD_THREADS];
    struct iot_pool *pool;

    limits.class_max[IOT_FAST] = 3;
    limits.class_max[IOT_SLOW] = 2;
    pool = scene_pool(&limits);
    crowd_start(pool, threads, args);
    crowd_join(threads);
    scene_pool_end(&pool);

    crowd_check_each_ran_once();
    for (int c = 0; c < IOT_CLASSES; c++) {
        ck_assert_uint_ge(atomic_load(&crowd_max[c]), 1);
        ck_assert_uint_le(atomic_load(&crowd_max[c]), limits.class_max[c]);
    }
    ck_assert_uint_le(atomic_load(&crowd_all_max), limits.threads_max);
}
END_TEST

START_TEST(everything_runs_once_while_limits_change)
{
    struct iot_limits limits = scene_limits(8);
    struct crowd_arg args[CROWD_THREADS];
    pthread_t threads[CROWD_THREADS];
    struct iot_pool *pool = scene_pool(&limits);

    srandom(3);
    crowd_start(pool, threads, args);
    for (int i = 0; i < 300; i++) {
        limits.threads_max = 1 + (uint32_t)random() % 8;
        limits.idle_secs = (uint32_t)random() % 2;
        limits.watchdog_secs = (uint32_t)random() % 2;
        limits.least_enabled = random() % 2 == 0;
        limits.pass_through = random() % 4 == 0;
        for (int c = 0; c < IOT_CLASSES; c++)
            limits.class_max[c] = 1 + (uint32_t)random() % 4;
        iot_pool_reconfigure(pool, &limits);
        sched_yield();
    }
    crowd_join(threads);
    ck_assert_uint_eq(iot_pool_limits(pool).threads_max, limits.threads_max);
    scene_pool_end(&pool);
    crowd_check_each_ran_once();
}
END_TEST

START_TEST(destroy_runs_what_is_queued)
{
    struct iot_limits limits = scene_limits(2);
    struct iot_pool *pool = scene_pool(&limits);

    limits.class_max[IOT_LEAST] = 1;
    for (int i = 0; i < JOBS; i++)
        scene_submit(pool, i, i % OWNERS, (enum iot_class)(i % IOT_CLASSES),
                     scene_run_plain);
    scene_pool_end(&pool);
    ck_assert_uint_eq(scene.done, JOBS);
    crowd_check_each_ran_once();
}
END_TEST

/* Submits its successor for ever: ends when that is dropped. */
static struct iot_pool *chain_pool;

static void
run_chain(struct iot_work *work)
{
    struct job *job = container_of_member(work, struct job, work);
    int next = job->id ^ 1;

    {
        MUTEX_SCOPE(&scene.mtx);
        scene_done_locked(job);
    }
    scene_submit(chain_pool, next, 0, IOT_NORMAL, run_chain);
}

START_TEST(after_destroy_began_new_work_is_dropped)
{
    struct iot_limits limits = scene_limits(2);
    struct iot_pool *pool = scene_pool(&limits);

    chain_pool = pool;
    scene_submit(pool, 0, 0, IOT_NORMAL, run_chain);
    scene_await(&scene.done, 10);
    scene_pool_end(&pool);
    ck_assert_uint_eq(scene.dropped, 1);
}
END_TEST

/* --- who is next -------------------------------------------------------- */

START_TEST(users_pass_queued_least_work)
{
    struct iot_limits limits = scene_limits(1);
    struct iot_pool *pool = scene_pool(&limits);

    scene_submit(pool, 0, 0, IOT_FAST, scene_run_gated);
    scene_await(&scene.begun, 1);
    for (int i = 1; i <= 100; i++)
        scene_submit(pool, i, 1, IOT_LEAST, scene_run_plain);
    scene_submit(pool, 101, 2, IOT_SLOW, scene_run_plain);
    scene_submit(pool, 102, 2, IOT_NORMAL, scene_run_plain);
    scene_open();
    scene_await(&scene.done, 103);
    ck_assert_int_eq(scene.log[0], 0);
    ck_assert_int_eq(scene.log[1], 102);
    ck_assert_int_eq(scene.log[2], 101);
    scene_pool_end(&pool);
}
END_TEST

START_TEST(least_work_that_hangs_holds_up_nobody_else)
{
    struct iot_limits limits = scene_limits(2);
    struct iot_pool *pool = scene_pool(&limits);
    struct iot_stats st;

    for (int i = 0; i < 50; i++)
        scene_submit(pool, i, 1, IOT_LEAST, scene_run_gated);
    scene_await(&scene.begun, 1);
    for (int i = 50; i < 150; i++)
        scene_submit(pool, i, 2, (enum iot_class)(i % IOT_LEAST),
                     scene_run_plain);
    scene_await(&scene.done, 100);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.class[IOT_LEAST].running, 1);
    ck_assert_uint_eq(st.class[IOT_LEAST].queued, 49);
    scene_open();
    scene_await(&scene.done, 150);
    scene_pool_end(&pool);
}
END_TEST

START_TEST(one_request_is_next_beside_a_crowd)
{
    struct iot_limits limits = scene_limits(1);
    struct iot_pool *pool = scene_pool(&limits);

    scene_submit(pool, 0, 0, IOT_NORMAL, scene_run_gated);
    scene_await(&scene.begun, 1);
    for (int i = 1; i <= 1000; i++)
        scene_submit(pool, i, 1, IOT_NORMAL, scene_run_plain);
    scene_submit(pool, 1001, 2, IOT_NORMAL, scene_run_plain);
    scene_open();
    scene_await(&scene.done, 1002);
    ck_assert_int_eq(scene.log[1], 1);
    ck_assert_int_eq(scene.log[2], 1001);
    ck_assert_int_eq(scene.log[3], 2);
    scene_pool_end(&pool);
}
END_TEST

START_TEST(least_is_normal_when_it_is_switched_off)
{
    struct iot_limits limits = scene_limits(1);
    struct iot_pool *pool;
    struct iot_stats st;

    limits.least_enabled = false;
    pool = scene_pool(&limits);
    scene_submit(pool, 0, 0, IOT_FAST, scene_run_gated);
    scene_await(&scene.begun, 1);
    scene_submit(pool, 1, 1, IOT_LEAST, scene_run_plain);
    scene_submit(pool, 2, 2, IOT_SLOW, scene_run_plain);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.class[IOT_NORMAL].queued, 1);
    ck_assert_uint_eq(st.class[IOT_LEAST].queued, 0);
    scene_open();
    scene_await(&scene.done, 3);
    ck_assert_int_eq(scene.log[1], 1);
    scene_pool_end(&pool);
}
END_TEST

static pthread_t ran_on;

static void
run_note_thread(struct iot_work *work)
{
    ran_on = pthread_self();
    scene_run_plain(work);
}

START_TEST(pass_through_runs_on_the_callers_thread)
{
    struct iot_limits limits = scene_limits(4);
    struct iot_pool *pool;
    struct iot_stats st;

    limits.pass_through = true;
    pool = scene_pool(&limits);
    scene_submit(pool, 0, 0, IOT_LEAST, run_note_thread);
    ck_assert_uint_eq(scene.done, 1);
    ck_assert(pthread_equal(ran_on, pthread_self()));
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.class[IOT_LEAST].served, 1);
    /* Unless it must not. */
    iot_submit_away(pool, &jobs[0].work);
    scene_await(&scene.done, 2);
    ck_assert(!pthread_equal(ran_on, pthread_self()));

    limits.pass_through = false;
    iot_pool_reconfigure(pool, &limits);
    scene_submit(pool, 1, 0, IOT_LEAST, run_note_thread);
    scene_await(&scene.done, 3);
    ck_assert(!pthread_equal(ran_on, pthread_self()));
    scene_pool_end(&pool);
}
END_TEST

START_TEST(the_hint_knows_who_waits)
{
    struct iot_limits limits = scene_limits(1);
    struct iot_pool *pool = scene_pool(&limits);

    ck_assert(iot_nobody_waits(pool, IOT_LEAST));
    scene_submit(pool, 0, 0, IOT_FAST, scene_run_gated);
    scene_await(&scene.begun, 1);
    ck_assert(iot_nobody_waits(pool, IOT_LEAST)); /* it runs */
    scene_submit(pool, 1, 0, IOT_NORMAL, scene_run_plain);
    ck_assert(iot_nobody_waits(pool, IOT_FAST));
    ck_assert(!iot_nobody_waits(pool, IOT_NORMAL));
    ck_assert(!iot_nobody_waits(pool, IOT_SLOW));
    ck_assert(!iot_nobody_waits(pool, IOT_LEAST));
    scene_open();
    scene_await(&scene.done, 2);
    ck_assert(iot_nobody_waits(pool, IOT_LEAST));
    scene_pool_end(&pool);
}
END_TEST

START_TEST(a_gone_owners_work_is_dropped_but_for_the_kept_classes)
{
    struct iot_limits limits = scene_limits(1);
    struct iot_pool *pool = scene_pool(&limits);
    struct iot_stats st;

    scene_submit(pool, 0, 0, IOT_NORMAL, scene_run_gated);
    scene_await(&scene.begun, 1);
    for (int i = 1; i <= 40; i++)
        scene_submit(pool, i, 1, (enum iot_class)(i % IOT_CLASSES),
                     scene_run_plain);
    scene_submit(pool, 41, 2, IOT_NORMAL, scene_run_plain);

    ck_assert_uint_eq(owners[1].queued[IOT_SLOW], 10);
    ck_assert_uint_eq(iot_owner_drop(pool, &owners[1], 1u << IOT_LEAST), 30);
    ck_assert_uint_eq(scene.dropped, 30); /* on this thread */
    ck_assert_uint_eq(iot_owner_drop(pool, &owners[1], 1u << IOT_LEAST), 0);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.class[IOT_SLOW].dropped, 10);
    ck_assert_uint_eq(st.class[IOT_LEAST].dropped, 0);
    scene_open();
    scene_await(&scene.done, 12);
    for (int i = 1; i <= 40; i++) {
        bool kept = i % IOT_CLASSES == IOT_LEAST;

        ck_assert_int_eq(atomic_load(&jobs[i].ran), kept);
        ck_assert_int_eq(atomic_load(&jobs[i].dropped), !kept);
    }
    scene_pool_end(&pool);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("iot_pool");
    TCase *tc = tcase_create("pool");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, scene_setup, NULL);
    tcase_add_test(tc, everything_runs_once_and_within_its_limits);
    tcase_add_test(tc, everything_runs_once_while_limits_change);
    tcase_add_test(tc, destroy_runs_what_is_queued);
    tcase_add_test(tc, after_destroy_began_new_work_is_dropped);
    tcase_add_test(tc, users_pass_queued_least_work);
    tcase_add_test(tc, least_work_that_hangs_holds_up_nobody_else);
    tcase_add_test(tc, one_request_is_next_beside_a_crowd);
    tcase_add_test(tc, least_is_normal_when_it_is_switched_off);
    tcase_add_test(tc, pass_through_runs_on_the_callers_thread);
    tcase_add_test(tc, the_hint_knows_who_waits);
    tcase_add_test(tc, a_gone_owners_work_is_dropped_but_for_the_kept_classes);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
