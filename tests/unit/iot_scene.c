/* SPDX-License-Identifier: BSD-2-Clause */
/* See iot_scene.h. */
#include "tests/unit/iot_scene.h"

#include <check.h>
#include <sched.h>
#include <string.h>

#include "mem/account.h"
#include "mem/must.h"
#include "mem/scope.h"

struct scene scene;
struct iot_owner owners[OWNERS];
struct job jobs[JOBS];

void
scene_setup(void)
{
    memset(&scene, 0, sizeof(scene));
    mutex_init(&scene.mtx, "scene", 100);
    cond_init(&scene.changed);
    for (int o = 0; o < OWNERS; o++)
        iot_owner_init(&owners[o]);
}

void
scene_await(const uint32_t *member, uint32_t n)
{
    MUTEX_SCOPE(&scene.mtx);
    while (*member < n)
        cond_wait(&scene.changed, &scene.mtx);
}

void
scene_open(void)
{
    MUTEX_SCOPE(&scene.mtx);
    scene.open = true;
    cond_broadcast(&scene.changed);
}

void
scene_done_locked(struct job *job)
{
    if (scene.done < LOG_MAX)
        scene.log[scene.done] = job->id;
    scene.done++;
    cond_broadcast(&scene.changed);
}

void
scene_run_plain(struct iot_work *work)
{
    struct job *job = container_of_member(work, struct job, work);

    atomic_fetch_add(&job->ran, 1);
    MUTEX_SCOPE(&scene.mtx);
    scene_done_locked(job);
}

void
scene_run_gated(struct iot_work *work)
{
    struct job *job = container_of_member(work, struct job, work);

    atomic_fetch_add(&job->ran, 1);
    MUTEX_SCOPE(&scene.mtx);
    scene.begun++;
    cond_broadcast(&scene.changed);
    while (!scene.open)
        cond_wait(&scene.changed, &scene.mtx);
    scene_done_locked(job);
}

static void
scene_drop(struct iot_work *work)
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
    job->work.drop = scene_drop;
}

void
scene_submit(struct iot_pool *pool, int id, int owner, enum iot_class class,
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

const struct iot_hooks scene_hooks = {
    .thread_start = hook_start,
    .thread_stop = hook_stop,
    .stalled = hook_stalled,
};

struct iot_limits
scene_limits(uint32_t threads_max)
{
    struct iot_limits limits = {
        .threads_max = threads_max,
        .class_max = {16, 16, 16, 1},
        .idle_secs = 1000,
        .least_enabled = true,
    };

    return limits;
}

struct iot_pool *
scene_pool(const struct iot_limits *limits)
{
    struct iot_pool *pool = iot_pool_new(limits, &scene_hooks);

    ck_assert_ptr_nonnull(pool);
    return pool;
}

void
scene_await_stats(struct iot_pool *pool,
                  bool (*seen)(const struct iot_stats *st))
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

bool
scene_all_sleep(const struct iot_stats *st)
{
    return nothing_runs(st) && st->sleeping == st->threads;
}

/* After a pool is gone, so is all its memory. */
void
scene_check_no_memory(void)
{
    struct mem_type_stats st;

    mem_account_read_one("iothreads", "worker", &st);
    ck_assert_uint_gt(st.total_allocs, 0);
    ck_assert_uint_eq(st.num_allocs, 0);
    mem_account_read_one("iothreads", "pool", &st);
    ck_assert_uint_eq(st.num_allocs, 0);
}

void
scene_pool_end(struct iot_pool **poolp)
{
    iot_pool_destroy(poolp);
    ck_assert_ptr_null(*poolp);
    ck_assert_uint_eq(scene.threads_begun, scene.threads_ended);
    scene_check_no_memory();
}
