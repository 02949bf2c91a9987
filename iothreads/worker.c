/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker from its start to its end, and who starts or wakes it.  The states
 * and the invariant are in pool_priv.h.
 */
#include "iothreads/pool_priv.h"

#include <errno.h>
#include <stdio.h>

#include "mem/alloc.h"
#include "mem/scope.h"
#include "mem/thread_flush.h"

#include "iothreads/scale.h"
#include "iothreads/thread.h"

MEM_TYPE(mt_worker, "iothreads", "worker");

/* After a thread could not be started, until the next attempt. */
#define START_RETRY_NS CLOCK_NS_PER_SEC

/* Most threads that the pool may have now. */
static uint32_t
threads_cap_locked(const struct iot_pool *pool)
{
    uint32_t cap = pool->limits.threads_max;

    for (int c = 0; c < IOT_CLASSES; c++)
        cap += pool->watch[c].raised;
    return cap;
}

static uint32_t
living_locked(const struct iot_pool *pool)
{
    return pool->threads - pool->starting;
}

static void
wake_one_locked(struct iot_pool *pool)
{
    struct worker *w = cds_list_first_entry(&pool->idle, struct worker, node);

    must(pool->sleeping > 0);
    must(w->idle);
    cds_list_del_init(&w->node);
    w->idle = false;
    pool->sleeping--;
    /* Under the mutex: once off the list the worker may end, and its
     * condition with it. */
    cond_signal(&w->wake);
}

void
iot_pool_flush(struct iot_pool *pool)
{
    struct worker *w;

    OBJ_CHECK(pool, POOL_MAGIC);
    MUTEX_SCOPE(&pool->mtx);
    cds_list_for_each_entry(w, &pool->idle, node)
        cond_signal(&w->wake);
}

/* A thread that starts is no reason to let one sleep that is there already. */
void
iot_pool_wake_locked(struct iot_pool *pool)
{
    uint32_t ready = iot_queue_ready(&pool->queue);
    uint32_t busy = iot_queue_running(&pool->queue) + pool->sleeping;
    uint32_t searching;

    must(busy <= living_locked(pool));
    searching = living_locked(pool) - busy;
    for (; ready > searching && pool->sleeping > 0; searching++)
        wake_one_locked(pool);
}

void
iot_pool_wake_all_locked(struct iot_pool *pool)
{
    while (pool->sleeping > 0)
        wake_one_locked(pool);
}

uint32_t
iot_pool_reserve_locked(struct iot_pool *pool, uint64_t now)
{
    struct iot_limits limits = {.threads_max = threads_cap_locked(pool)};
    struct iot_load load = {
        .threads = pool->threads,
        .sleeping = pool->sleeping,
    };
    uint32_t missing;

    if (pool->stopping || now < pool->start_retry_ns)
        return 0;
    for (int c = 0; c < IOT_CLASSES; c++) {
        load.queued[c] = pool->queue.queued[c];
        load.running[c] = pool->queue.running[c];
        limits.class_max[c] = pool->queue.limit[c];
    }
    missing = iot_scale_up(&load, &limits);
    pool->threads += missing;
    pool->starting += missing;
    must(pool->threads <= WORKERS_MAX);
    return missing;
}

int
iot_pool_thread_new(struct iot_pool *pool, void *(*body)(void *arg))
{
    struct worker *w = mem_zalloc(&mt_worker, sizeof(*w));
    int ret;

    if (w == NULL)
        return -ENOMEM;
    w->pool = pool;
    cond_init(&w->wake);
    CDS_INIT_LIST_HEAD(&w->node);
    ret = iot_thread_start(body, w);
    if (ret < 0) {
        cond_destroy(&w->wake);
        mem_free(w);
    }
    return ret;
}

static void *worker_main(void *arg);

void
iot_pool_start_reserved(struct iot_pool *pool, uint32_t reserved)
{
    for (; reserved > 0; reserved--) {
        if (iot_pool_thread_new(pool, worker_main) < 0)
            break;
    }
    if (reserved == 0)
        return;

    MUTEX_SCOPE(&pool->mtx);
    pool->threads -= reserved;
    pool->starting -= reserved;
    pool->start_retry_ns = clock_ns() + START_RETRY_NS;
    if (pool->stopping)
        cond_broadcast(&pool->ended);
}

void
iot_pool_thread_join(struct worker *w)
{
    if (w == NULL)
        return;
    must(pthread_join(w->thread, NULL) == 0);
    cond_destroy(&w->wake);
    mem_free(w);
}

struct worker *
iot_pool_thread_gone_locked(struct worker *self)
{
    struct iot_pool *pool = self->pool;
    struct worker *before = pool->gone;

    pool->gone = self;
    if (pool->stopping)
        cond_broadcast(&pool->ended);
    return before;
}

/* The lowest number that no worker has, for names that an operator can tell
 * apart. */
static unsigned
number_take_locked(struct iot_pool *pool)
{
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        uint64_t bit = UINT64_C(1) << (i % WORD_BITS);

        if ((pool->numbers[i / WORD_BITS] & bit) == 0) {
            pool->numbers[i / WORD_BITS] |= bit;
            return i;
        }
    }
    must(!"more workers than numbers");
    return 0;
}

static void
number_put_locked(struct iot_pool *pool, unsigned number)
{
    pool->numbers[number / WORD_BITS] &= ~(UINT64_C(1) << (number % WORD_BITS));
}

/* Threads that sleep are woken to find themselves one too many. */
void
iot_pool_settle_locked(struct iot_pool *pool, int c)
{
    struct iot_watch_view view;
    uint32_t cap;

    if (pool->watch[c].raised == 0)
        return;
    view = watch_view_locked(pool, c);
    if (!iot_watch_settle(&pool->watch[c], &view))
        return;
    class_limit_locked(pool, c);
    cap = threads_cap_locked(pool);
    for (uint32_t n = pool->threads; n > cap && pool->sleeping > 0; n--)
        wake_one_locked(pool);
}

static struct iot_work *
next_locked(struct iot_pool *pool)
{
    for (int c = 0; pool->urgent != 0 && c < IOT_CLASSES; c++) {
        struct iot_work *work;

        if ((pool->urgent & (1u << c)) == 0)
            continue;
        work = iot_queue_pop_class(&pool->queue, (enum iot_class)c);
        if (work != NULL)
            return work;
    }
    return iot_queue_pop(&pool->queue);
}

static struct iot_work *
take_locked(struct iot_pool *pool)
{
    struct iot_work *work = next_locked(pool);
    struct iot_class_stats *stats;
    uint64_t now, wait;

    if (work == NULL)
        return NULL;
    stats = &pool->stats[work->class];
    now = clock_ns();
    wait = now > work->queued_ns ? now - work->queued_ns : 0;
    work->taken_ns = now;
    stats->served++;
    stats->wait_ns_sum += wait;
    if (wait > stats->wait_ns_max)
        stats->wait_ns_max = wait;

    pool->moved_ns = now;
    pool->urgent &= ~(1u << work->class);
    iot_watch_moved(&pool->watch[work->class], now);
    iot_pool_settle_locked(pool, work->class);
    publish_locked(pool);
    return work;
}

static void
run_locked(struct iot_pool *pool, struct iot_work *work)
{
    enum iot_class class = work->class;

    mutex_unlock(&pool->mtx);
    work->run(work); /* and it is gone */
    mutex_lock(&pool->mtx);
    iot_queue_done(&pool->queue, class);
    iot_pool_settle_locked(pool, class);
}

/* Sleep until woken or to the end of the idle time, counted from idle_ns.
 * False: that was it, the worker ends.  The last one stays. */
static bool
sleep_locked(struct worker *w, uint64_t idle_ns)
{
    struct iot_pool *pool = w->pool;
    uint64_t patience_ns = pool->limits.idle_secs * CLOCK_NS_PER_SEC;
    uint64_t now = clock_ns();
    uint64_t until_ns = idle_ns + patience_ns;
    struct timespec until;

    if (now >= until_ns) {
        if (living_locked(pool) > 1)
            return false;
        /* By then it may not be the last one any more. */
        until_ns = now + (patience_ns > 0 ? patience_ns : CLOCK_NS_PER_SEC);
    }
    until = clock_timespec(until_ns);

    cds_list_add(&w->node, &pool->idle);
    w->idle = true;
    pool->sleeping++;
    while (w->idle) {
        if (mem_thread_flush_wanted()) {
            /* Whoever wakes it meanwhile waits no longer than for that. */
            mutex_unlock(&pool->mtx);
            mem_thread_idle();
            mutex_lock(&pool->mtx);
            continue;
        }
        if (cond_wait_until(&w->wake, &pool->mtx, &until) || !w->idle)
            continue;
        cds_list_del_init(&w->node);
        w->idle = false;
        pool->sleeping--;
    }
    return true;
}

static void
work_locked(struct worker *w)
{
    struct iot_pool *pool = w->pool;
    uint64_t idle_ns = clock_ns();
    struct iot_work *work;

    for (;;) {
        if (pool->threads > threads_cap_locked(pool) && living_locked(pool) > 1)
            return; /* one too many */
        work = take_locked(pool);
        if (work != NULL) {
            run_locked(pool, work);
            idle_ns = clock_ns();
            continue;
        }
        /* What is still queued when stopping is of classes at their limit;
         * those that run in them come here for it. */
        if (pool->stopping || !sleep_locked(w, idle_ns))
            return;
    }
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    struct iot_pool *pool = w->pool;
    struct worker *before;
    unsigned number;
    char name[16];

    w->thread = pthread_self();
    mutex_lock(&pool->mtx);
    pool->starting--;
    pool->started++;
    number = number_take_locked(pool);
    mutex_unlock(&pool->mtx);

    (void)snprintf(name, sizeof(name), "glfs_iotwr%03x", number & 0xfff);
    iot_thread_set_name(name);
    if (pool->hooks.thread_start != NULL)
        pool->hooks.thread_start(pool->hooks.arg);

    mutex_lock(&pool->mtx);
    work_locked(w);
    number_put_locked(pool, number);
    pool->threads--;
    iot_pool_wake_locked(pool); /* it was searching itself, for ready work */
    before = iot_pool_thread_gone_locked(w);
    mutex_unlock(&pool->mtx);

    iot_pool_thread_join(before);
    if (pool->hooks.thread_stop != NULL)
        pool->hooks.thread_stop(pool->hooks.arg);
    return NULL;
}

int
iot_pool_start_first(struct iot_pool *pool)
{
    pool->threads = 1;
    pool->starting = 1;
    return iot_pool_thread_new(pool, worker_main);
}
