/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool with real threads.  Tests wait for what they want to see: for
 * events where the pool tells (work that runs, threads that end), else by
 * looking until it is there.  check's timeout is the end of all patience.
 *
 * Starting a thread goes through __wrap_iot_thread_start(), so that a test can
 * make it fail.
 */
#include "iothreads/pool.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mem/account.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/scope.h"

#include "iothreads/thread.h"

/* --- threads that do not start ------------------------------------------ */

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

/* --- the scene ---------------------------------------------------------- */

enum { OWNERS = 4, JOBS = 4000, LOG_MAX = 256 };

/* What happened, guarded by mtx; `changed` is broadcast at each change. */
static struct {
    struct mutex mtx;
    struct cond changed;
    bool open;         /* gated jobs may go on */
    uint32_t begun;    /* gated jobs that have begun */
    uint32_t done;     /* jobs of all kinds */
    uint32_t dropped;
    uint32_t threads_begun, threads_ended;
    uint32_t stalls;
    enum iot_class stalled_class;
    uint32_t stalled_queued;
    int log[LOG_MAX]; /* ids of done jobs, in their order */
} scene;

struct job {
    struct iot_work work;
    int id;
    atomic_int ran;
    atomic_int dropped;
};

static struct iot_owner owners[OWNERS];
static struct job jobs[JOBS];

static void
scene_setup(void)
{
    memset(&scene, 0, sizeof(scene));
    mutex_init(&scene.mtx, "scene", 100);
    cond_init(&scene.changed);
    for (int o = 0; o < OWNERS; o++)
        iot_owner_init(&owners[o]);
}

/* Wait until the member is at least n. */
static void
await(const uint32_t *member, uint32_t n)
{
    MUTEX_SCOPE(&scene.mtx);
    while (*member < n)
        cond_wait(&scene.changed, &scene.mtx);
}

static void
gate_open(void)
{
    MUTEX_SCOPE(&scene.mtx);
    scene.open = true;
    cond_broadcast(&scene.changed);
}

static void
job_done_locked(struct job *job)
{
    if (scene.done < LOG_MAX)
        scene.log[scene.done] = job->id;
    scene.done++;
    cond_broadcast(&scene.changed);
}

static void
run_plain(struct iot_work *work)
{
    struct job *job = container_of_member(work, struct job, work);

    atomic_fetch_add(&job->ran, 1);
    MUTEX_SCOPE(&scene.mtx);
    job_done_locked(job);
}

static void
run_gated(struct iot_work *work)
{
    struct job *job = container_of_member(work, struct job, work);

    atomic_fetch_add(&job->ran, 1);
    MUTEX_SCOPE(&scene.mtx);
    scene.begun++;
    cond_broadcast(&scene.changed);
    while (!scene.open)
        cond_wait(&scene.changed, &scene.mtx);
    job_done_locked(job);
}

static void
drop_job(struct iot_work *work)
{
    struct job *job = container_of_member(work, struct job, work);

    atomic_fetch_add(&job->dropped, 1);
    MUTEX_SCOPE(&scene.mtx);
    scene.dropped++;
    cond_broadcast(&scene.changed);
}

static void
job_init(int id, int owner, enum iot_class class,
         void (*run)(struct iot_work *work))
{
    struct job *job = &jobs[id];

    memset(job, 0, sizeof(*job));
    job->id = id;
    job->work.owner = &owners[owner];
    job->work.class = class;
    job->work.run = run;
    job->work.drop = drop_job;
}

static void
submit(struct iot_pool *pool, int id, int owner, enum iot_class class,
       void (*run)(struct iot_work *work))
{
    job_init(id, owner, class, run);
    iot_submit(pool, &jobs[id].work);
}

static void
hook_start(void *arg)
{
    MUTEX_SCOPE(&scene.mtx);
    scene.threads_begun++;
    cond_broadcast(&scene.changed);
}

static void
hook_stop(void *arg)
{
    MUTEX_SCOPE(&scene.mtx);
    scene.threads_ended++;
    cond_broadcast(&scene.changed);
}

static void
hook_stalled(void *arg, enum iot_class class, uint32_t queued)
{
    MUTEX_SCOPE(&scene.mtx);
    scene.stalls++;
    scene.stalled_class = class;
    scene.stalled_queued = queued;
    cond_broadcast(&scene.changed);
}

static const struct iot_hooks hooks = {
    .thread_start = hook_start,
    .thread_stop = hook_stop,
    .stalled = hook_stalled,
};

static struct iot_limits
limits_of(uint32_t threads_max)
{
    struct iot_limits limits = {
        .threads_max = threads_max,
        .class_max = {16, 16, 16, 1},
        .idle_secs = 1000,
        .least_enabled = true,
    };

    return limits;
}

static struct iot_pool *
pool_of(const struct iot_limits *limits)
{
    struct iot_pool *pool = iot_pool_new(limits, &hooks);

    ck_assert_ptr_nonnull(pool);
    return pool;
}

/* For states of which nothing tells. */
static void
await_stats(struct iot_pool *pool, bool (*seen)(const struct iot_stats *st))
{
    struct iot_stats st;

    for (;;) {
        iot_pool_read(pool, &st);
        if (seen(&st))
            return;
        sched_yield();
    }
}

static bool
nothing_runs(const struct iot_stats *st)
{
    for (int c = 0; c < IOT_CLASSES; c++) {
        if (st->class[c].running + st->class[c].queued > 0)
            return false;
    }
    return true;
}

static bool
all_sleep(const struct iot_stats *st)
{
    return nothing_runs(st) && st->sleeping == st->threads;
}

/* After a pool is gone, so is all its memory. */
static void
check_no_memory(void)
{
    struct mem_type_stats st;

    mem_account_read_one("iothreads", "worker", &st);
    ck_assert_uint_gt(st.total_allocs, 0);
    ck_assert_uint_eq(st.num_allocs, 0);
    mem_account_read_one("iothreads", "pool", &st);
    ck_assert_uint_eq(st.num_allocs, 0);
}

static void
pool_end(struct iot_pool **poolp)
{
    iot_pool_destroy(poolp);
    ck_assert_ptr_null(*poolp);
    ck_assert_uint_eq(scene.threads_begun, scene.threads_ended);
    check_no_memory();
}

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
        submit(a->pool, i, i % OWNERS, (enum iot_class)(i * 7 / 3 % 4),
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
    struct iot_limits limits = limits_of(6);
    struct crowd_arg args[CROWD_THREADS];
    pthread_t threads[CROWD_THREADS];
    struct iot_pool *pool;

    limits.class_max[IOT_FAST] = 3;
    limits.class_max[IOT_SLOW] = 2;
    pool = pool_of(&limits);
    crowd_start(pool, threads, args);
    crowd_join(threads);
    pool_end(&pool);

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
    struct iot_limits limits = limits_of(8);
    struct crowd_arg args[CROWD_THREADS];
    pthread_t threads[CROWD_THREADS];
    struct iot_pool *pool = pool_of(&limits);

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
    pool_end(&pool);
    crowd_check_each_ran_once();
}
END_TEST

START_TEST(destroy_runs_what_is_queued)
{
    struct iot_limits limits = limits_of(2);
    struct iot_pool *pool = pool_of(&limits);

    limits.class_max[IOT_LEAST] = 1;
    for (int i = 0; i < JOBS; i++)
        submit(pool, i, i % OWNERS, (enum iot_class)(i % IOT_CLASSES),
               run_plain);
    pool_end(&pool);
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
        job_done_locked(job);
    }
    submit(chain_pool, next, 0, IOT_NORMAL, run_chain);
}

START_TEST(after_destroy_began_new_work_is_dropped)
{
    struct iot_limits limits = limits_of(2);
    struct iot_pool *pool = pool_of(&limits);

    chain_pool = pool;
    submit(pool, 0, 0, IOT_NORMAL, run_chain);
    await(&scene.done, 10);
    pool_end(&pool);
    ck_assert_uint_eq(scene.dropped, 1);
}
END_TEST

/* --- who is next -------------------------------------------------------- */

START_TEST(users_pass_queued_least_work)
{
    struct iot_limits limits = limits_of(1);
    struct iot_pool *pool = pool_of(&limits);

    submit(pool, 0, 0, IOT_FAST, run_gated);
    await(&scene.begun, 1);
    for (int i = 1; i <= 100; i++)
        submit(pool, i, 1, IOT_LEAST, run_plain);
    submit(pool, 101, 2, IOT_SLOW, run_plain);
    submit(pool, 102, 2, IOT_NORMAL, run_plain);
    gate_open();
    await(&scene.done, 103);
    ck_assert_int_eq(scene.log[0], 0);
    ck_assert_int_eq(scene.log[1], 102);
    ck_assert_int_eq(scene.log[2], 101);
    pool_end(&pool);
}
END_TEST

START_TEST(least_work_that_hangs_holds_up_nobody_else)
{
    struct iot_limits limits = limits_of(2);
    struct iot_pool *pool = pool_of(&limits);
    struct iot_stats st;

    for (int i = 0; i < 50; i++)
        submit(pool, i, 1, IOT_LEAST, run_gated);
    await(&scene.begun, 1);
    for (int i = 50; i < 150; i++)
        submit(pool, i, 2, (enum iot_class)(i % IOT_LEAST), run_plain);
    await(&scene.done, 100);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.class[IOT_LEAST].running, 1);
    ck_assert_uint_eq(st.class[IOT_LEAST].queued, 49);
    gate_open();
    await(&scene.done, 150);
    pool_end(&pool);
}
END_TEST

START_TEST(one_request_is_next_beside_a_crowd)
{
    struct iot_limits limits = limits_of(1);
    struct iot_pool *pool = pool_of(&limits);

    submit(pool, 0, 0, IOT_NORMAL, run_gated);
    await(&scene.begun, 1);
    for (int i = 1; i <= 1000; i++)
        submit(pool, i, 1, IOT_NORMAL, run_plain);
    submit(pool, 1001, 2, IOT_NORMAL, run_plain);
    gate_open();
    await(&scene.done, 1002);
    ck_assert_int_eq(scene.log[1], 1);
    ck_assert_int_eq(scene.log[2], 1001);
    ck_assert_int_eq(scene.log[3], 2);
    pool_end(&pool);
}
END_TEST

START_TEST(least_is_normal_when_it_is_switched_off)
{
    struct iot_limits limits = limits_of(1);
    struct iot_pool *pool;
    struct iot_stats st;

    limits.least_enabled = false;
    pool = pool_of(&limits);
    submit(pool, 0, 0, IOT_FAST, run_gated);
    await(&scene.begun, 1);
    submit(pool, 1, 1, IOT_LEAST, run_plain);
    submit(pool, 2, 2, IOT_SLOW, run_plain);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.class[IOT_NORMAL].queued, 1);
    ck_assert_uint_eq(st.class[IOT_LEAST].queued, 0);
    gate_open();
    await(&scene.done, 3);
    ck_assert_int_eq(scene.log[1], 1);
    pool_end(&pool);
}
END_TEST

static pthread_t ran_on;

static void
run_note_thread(struct iot_work *work)
{
    ran_on = pthread_self();
    run_plain(work);
}

START_TEST(pass_through_runs_on_the_callers_thread)
{
    struct iot_limits limits = limits_of(4);
    struct iot_pool *pool;
    struct iot_stats st;

    limits.pass_through = true;
    pool = pool_of(&limits);
    submit(pool, 0, 0, IOT_LEAST, run_note_thread);
    ck_assert_uint_eq(scene.done, 1);
    ck_assert(pthread_equal(ran_on, pthread_self()));
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.class[IOT_LEAST].served, 1);

    limits.pass_through = false;
    iot_pool_reconfigure(pool, &limits);
    submit(pool, 1, 0, IOT_LEAST, run_note_thread);
    await(&scene.done, 2);
    ck_assert(!pthread_equal(ran_on, pthread_self()));
    pool_end(&pool);
}
END_TEST

START_TEST(the_hint_knows_who_waits)
{
    struct iot_limits limits = limits_of(1);
    struct iot_pool *pool = pool_of(&limits);

    ck_assert(iot_nobody_waits(pool, IOT_LEAST));
    submit(pool, 0, 0, IOT_FAST, run_gated);
    await(&scene.begun, 1);
    ck_assert(iot_nobody_waits(pool, IOT_LEAST)); /* it runs */
    submit(pool, 1, 0, IOT_NORMAL, run_plain);
    ck_assert(iot_nobody_waits(pool, IOT_FAST));
    ck_assert(!iot_nobody_waits(pool, IOT_NORMAL));
    ck_assert(!iot_nobody_waits(pool, IOT_SLOW));
    ck_assert(!iot_nobody_waits(pool, IOT_LEAST));
    gate_open();
    await(&scene.done, 2);
    ck_assert(iot_nobody_waits(pool, IOT_LEAST));
    pool_end(&pool);
}
END_TEST

START_TEST(a_gone_owners_work_is_dropped_but_for_the_kept_classes)
{
    struct iot_limits limits = limits_of(1);
    struct iot_pool *pool = pool_of(&limits);
    struct iot_stats st;

    submit(pool, 0, 0, IOT_NORMAL, run_gated);
    await(&scene.begun, 1);
    for (int i = 1; i <= 40; i++)
        submit(pool, i, 1, (enum iot_class)(i % IOT_CLASSES), run_plain);
    submit(pool, 41, 2, IOT_NORMAL, run_plain);

    ck_assert_uint_eq(owners[1].queued[IOT_SLOW], 10);
    ck_assert_uint_eq(iot_owner_drop(pool, &owners[1], 1u << IOT_LEAST), 30);
    ck_assert_uint_eq(scene.dropped, 30); /* on this thread */
    ck_assert_uint_eq(iot_owner_drop(pool, &owners[1], 1u << IOT_LEAST), 0);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.class[IOT_SLOW].dropped, 10);
    ck_assert_uint_eq(st.class[IOT_LEAST].dropped, 0);
    gate_open();
    await(&scene.done, 12);
    for (int i = 1; i <= 40; i++) {
        bool kept = i % IOT_CLASSES == IOT_LEAST;

        ck_assert_int_eq(atomic_load(&jobs[i].ran), kept);
        ck_assert_int_eq(atomic_load(&jobs[i].dropped), !kept);
    }
    pool_end(&pool);
}
END_TEST

/* --- threads come and go ------------------------------------------------ */

static bool
two_run_and_the_third_thread_sleeps(const struct iot_stats *st)
{
    return st->class[IOT_SLOW].running == 2 && st->threads == 3 &&
           st->sleeping == 1;
}

START_TEST(a_worker_sleeps_when_only_full_classes_have_work)
{
    struct iot_limits limits = limits_of(8);
    struct iot_pool *pool;
    struct iot_stats st;

    limits.class_max[IOT_SLOW] = 2;
    pool = pool_of(&limits);
    for (int i = 0; i < 5; i++)
        submit(pool, i, i % OWNERS, IOT_SLOW, run_gated);
    await(&scene.begun, 2);
    submit(pool, 5, 0, IOT_FAST, run_plain);
    await(&scene.done, 1);
    await_stats(pool, two_run_and_the_third_thread_sleeps);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.class[IOT_SLOW].queued, 3);
    ck_assert_uint_ge(st.class[IOT_SLOW].queued_max, 3);
    ck_assert_uint_eq(scene.begun, 2);
    gate_open();
    await(&scene.done, 6);
    pool_end(&pool);
}
END_TEST

START_TEST(threads_are_as_many_as_the_work_needs)
{
    struct iot_limits limits = limits_of(4);
    struct iot_pool *pool = pool_of(&limits);
    struct iot_stats st;

    for (int i = 0; i < 3; i++) {
        submit(pool, i, 0, IOT_NORMAL, run_gated);
        await(&scene.begun, (uint32_t)i + 1);
        iot_pool_read(pool, &st);
        ck_assert_uint_eq(st.threads, (uint32_t)i + 1);
    }
    for (int i = 3; i < 20; i++)
        submit(pool, i, 0, IOT_NORMAL, run_gated);
    await(&scene.begun, 4);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.threads, 4);
    ck_assert_uint_eq(st.threads_started, 4);
    ck_assert_uint_eq(st.class[IOT_NORMAL].queued, 16);
    gate_open();
    await(&scene.done, 20);
    await_stats(pool, all_sleep);

    /* Those who sleep are enough for the next. */
    submit(pool, 20, 0, IOT_NORMAL, run_plain);
    await(&scene.done, 21);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.threads_started, 4);
    pool_end(&pool);
}
END_TEST

static void
grow_to(struct iot_pool *pool, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        submit(pool, (int)i, 0, IOT_NORMAL, run_gated);
    await(&scene.begun, n);
    gate_open();
    await(&scene.done, n);
}

START_TEST(idle_threads_end_and_one_stays)
{
    struct iot_limits limits = limits_of(5);
    struct iot_pool *pool;
    struct iot_stats st;

    limits.idle_secs = (uint32_t)_i; /* 0 and 1 */
    pool = pool_of(&limits);
    grow_to(pool, 5);
    await(&scene.threads_ended, 4);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.threads, 1);
    ck_assert_uint_eq(scene.threads_ended, 4);
    submit(pool, 10, 0, IOT_NORMAL, run_plain); /* and works */
    await(&scene.done, 6);
    pool_end(&pool);
}
END_TEST

START_TEST(lower_limits_end_idle_threads_at_once)
{
    struct iot_limits limits = limits_of(6);
    struct iot_pool *pool = pool_of(&limits);
    struct iot_stats st;

    grow_to(pool, 6);
    limits.threads_max = 2;
    iot_pool_reconfigure(pool, &limits);
    await(&scene.threads_ended, 4);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.threads, 2);
    ck_assert_uint_eq(st.threads_max, 2);

    limits.idle_secs = 0;
    iot_pool_reconfigure(pool, &limits);
    await(&scene.threads_ended, 5);
    pool_end(&pool);
}
END_TEST

START_TEST(higher_limits_serve_what_waits_at_once)
{
    struct iot_limits limits = limits_of(1);
    struct iot_pool *pool;

    limits.class_max[IOT_SLOW] = 1;
    pool = pool_of(&limits);
    for (int i = 0; i < 4; i++)
        submit(pool, i, 0, IOT_SLOW, run_gated);
    await(&scene.begun, 1);
    limits.threads_max = 3;
    iot_pool_reconfigure(pool, &limits);
    ck_assert_uint_eq(scene.begun, 1); /* the class has its own limit */
    limits.class_max[IOT_SLOW] = 4;
    iot_pool_reconfigure(pool, &limits);
    await(&scene.begun, 3);
    limits.threads_max = 4;
    iot_pool_reconfigure(pool, &limits);
    await(&scene.begun, 4);
    gate_open();
    await(&scene.done, 4);
    pool_end(&pool);
}
END_TEST

START_TEST(the_pool_lives_with_the_threads_it_can_get)
{
    struct iot_limits limits = limits_of(8);
    struct iot_pool *pool = pool_of(&limits);
    struct iot_stats st;

    atomic_store(&starts_left, 1);
    submit(pool, 0, 0, IOT_NORMAL, run_gated);
    submit(pool, 1, 0, IOT_NORMAL, run_gated);
    await(&scene.begun, 2);
    for (int i = 2; i < 100; i++)
        submit(pool, i, i % OWNERS, (enum iot_class)(i % 4), run_plain);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.threads, 2);
    ck_assert_uint_eq(st.class[IOT_FAST].queued +
                          st.class[IOT_NORMAL].queued +
                          st.class[IOT_SLOW].queued +
                          st.class[IOT_LEAST].queued,
                      98);
    /* It did not try again for each of them. */
    ck_assert_int_ge(atomic_load(&starts_left), -10);
    gate_open();
    await(&scene.done, 100);
    pool_end(&pool);
}
END_TEST

START_TEST(without_its_first_thread_there_is_no_pool)
{
    struct iot_limits limits = limits_of(8);

    limits.watchdog_secs = 1000;
    atomic_store(&starts_left, _i); /* the worker or the watchdog fails */
    errno = 0;
    ck_assert_ptr_null(iot_pool_new(&limits, &hooks));
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_uint_eq(scene.threads_begun, scene.threads_ended);
    check_no_memory();
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

    must(pthread_getname_np(pthread_self(), worker_name,
                            sizeof(worker_name)) == 0);
    must(pthread_getattr_np(pthread_self(), &attr) == 0);
    must(pthread_attr_getstacksize(&attr, &worker_stack_bytes) == 0);
    must(pthread_attr_destroy(&attr) == 0);
    must(pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0);
    worker_takes_signals =
        !sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGUSR1) ||
        !sigismember(&blocked, SIGHUP) || !sigismember(&blocked, SIGCHLD);
    run_plain(work);
}

START_TEST(workers_have_a_name_a_small_stack_and_no_signals)
{
    struct iot_limits limits = limits_of(2);
    struct iot_pool *pool = pool_of(&limits);
    sigset_t mine;

    submit(pool, 0, 0, IOT_NORMAL, run_look_around);
    await(&scene.done, 1);
    ck_assert_str_eq(worker_name, "glfs_iotwr000");
    ck_assert(!worker_takes_signals);
    ck_assert_uint_ge(worker_stack_bytes, IOT_STACK_BYTES);
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
    ck_assert_uint_le(worker_stack_bytes, IOT_STACK_BYTES + 65536);
#endif
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mine), 0);
    ck_assert(!sigismember(&mine, SIGTERM)); /* this thread's stayed */
    pool_end(&pool);
}
END_TEST

START_TEST(numbers_show_what_was_served_and_how_it_waited)
{
    struct iot_limits limits = limits_of(1);
    struct iot_pool *pool = pool_of(&limits);
    struct iot_class_stats *slow;
    struct iot_stats st;

    submit(pool, 0, 0, IOT_FAST, run_gated);
    await(&scene.begun, 1);
    for (int i = 1; i <= 10; i++)
        submit(pool, i, 0, IOT_SLOW, run_plain);
    gate_open();
    await(&scene.done, 11);
    await_stats(pool, all_sleep);
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
    pool_end(&pool);
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
    struct iot_limits limits = limits_of(1);
    struct iot_pool *pool;
    struct iot_stats st;

    limits.watchdog_secs = 1;
    limits.class_max[IOT_SLOW] = 1;
    pool = pool_of(&limits);
    submit(pool, 0, 0, IOT_SLOW, run_gated);
    await(&scene.begun, 1);
    submit(pool, 1, 1, IOT_SLOW, run_gated);
    await(&scene.begun, 2); /* beyond threads_max and its class's limit */
    await(&scene.stalls, 1);
    ck_assert_int_eq(scene.stalled_class, IOT_SLOW);
    ck_assert_uint_eq(scene.stalled_queued, 1);
    iot_pool_read(pool, &st);
    ck_assert_uint_eq(st.threads, 2);
    ck_assert_uint_eq(st.threads_max, 1);
    ck_assert_uint_eq(st.class[IOT_SLOW].limit, 2);

    gate_open();
    await(&scene.done, 2);
    await_stats(pool, slow_is_back_to_its_limit);
    await(&scene.threads_ended, 1);
    ck_assert_uint_eq(scene.stalls, 1);
    pool_end(&pool);
}
END_TEST

START_TEST(a_class_starved_by_others_gets_a_thread)
{
    struct iot_limits limits = limits_of(2);
    struct iot_pool *pool = pool_of(&limits);

    for (int i = 0; i < 30; i++)
        submit(pool, i, 0, IOT_FAST, run_gated);
    await(&scene.begun, 2);
    submit(pool, 30, 1, IOT_LEAST, run_plain);
    /* Switched on while it stalls.  The emergency thread runs the stalled
     * classes' items, not the next of the crowd; whichever class is looked at
     * first, least's turn does not wait for fast's end. */
    limits.watchdog_secs = 1;
    iot_pool_reconfigure(pool, &limits);
    await(&scene.done, 1);
    ck_assert_int_eq(scene.log[0], 30);
    gate_open();
    await(&scene.done, 31);
    pool_end(&pool);
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
