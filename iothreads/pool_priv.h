/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workers.  One mutex guards the queue and every count; it is held for a few
 * list steps, never while work, a hook or a thread's start or end runs.
 *
 * A worker is in one of three states, all of them counted:
 *
 *     running     has an item (iot_queue.running)
 *     sleeping    on pool->idle, newest first, each with a condition of its
 *                 own: the wake-up goes to the one whose caches are warmest,
 *                 and the others can reach the end of their idle time
 *     searching   on its way to iot_queue_pop(): just begun, just woken, or
 *                 just done.  starting is the part that does not live yet.
 *
 * and whenever the mutex is free
 *
 *     ready items <= searching, or nobody sleeps,
 *
 * so that nothing which may run is left lying, and a worker that finds
 * nothing sleeps until somebody makes something ready: no polling.
 *
 * Threads end by themselves.  Each that ends joins the one that ended before
 * it, so at most one is left to join, which iot_pool_destroy() does.
 *
 *     pool.c              what users call
 *     worker.c            waking, starting, a worker's life
 *     watchdog_thread.c   the watchdog's life
 */
#ifndef CLINKER_IOTHREADS_POOL_PRIV_H
#define CLINKER_IOTHREADS_POOL_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "mem/clock.h"
#include "mem/must.h"
#include "mem/mutex.h"

#include "iothreads/pool.h"
#include "iothreads/queue.h"
#include "iothreads/watchdog.h"

enum {
    POOL_MAGIC = 0x10f7ea5d,
    POOL_RANK = 60,
    LIMIT_MAX = 64, /* threads_max and class_max */
    WORKERS_MAX = LIMIT_MAX + IOT_CLASSES * IOT_RAISED_MAX,
    WORD_BITS = 64,
};

/* A thread of the pool, also the watchdog's. */
struct worker {
    struct iot_pool *pool;
    pthread_t thread;          /* set by the thread itself, first of all */
    struct cond wake;          /* left idle; watchdog: look at once */
    struct cds_list_head node; /* [mtx] on pool->idle  <=>  idle */
    bool idle;                 /* [mtx] */
};

struct iot_pool {
    unsigned magic;
    struct iot_hooks hooks; /* constant */

    /* Rank 60: the caller may hold mutexes of the server's lower ranks when it
     * submits; under it only mem/ takes any. */
    struct mutex mtx;
    struct cond ended;         /* stopping, and a thread has ended */
    struct iot_limits limits;  /* [mtx] */
    struct iot_queue queue;    /* [mtx] limit[] == class_max[] + raised */
    struct cds_list_head idle; /* [mtx] */
    uint32_t threads;          /* [mtx] running + sleeping + searching */
    uint32_t starting;         /* [mtx] <= threads - running - sleeping */
    uint32_t sleeping;         /* [mtx] length of idle */
    uint64_t started;          /* [mtx] ever */
    uint64_t start_retry_ns;   /* [mtx] no attempt before */
    uint64_t numbers[(WORKERS_MAX + WORD_BITS - 1) / WORD_BITS]; /* [mtx] */
    struct worker *gone; /* [mtx] ended, to be joined */
    bool stopping;       /* [mtx] */

    bool watched;            /* [mtx] the watchdog's thread lives or starts */
    struct worker *watchdog; /* [mtx] it lives */
    struct iot_watch watch[IOT_CLASSES]; /* [mtx] */
    uint64_t moved_ns;                   /* [mtx] last item taken */
    unsigned urgent; /* [mtx] stalled classes, served first once */

    struct iot_class_stats stats[IOT_CLASSES]; /* [mtx] cumulative ones */
    atomic_uint waiting; /* == iot_queue_waiting_mask(); written under mtx */
};

static inline struct iot_watch_view
watch_view_locked(const struct iot_pool *pool, int c)
{
    struct iot_watch_view view = {
        .queued = pool->queue.queued[c],
        .running = pool->queue.running[c],
        .class_max = pool->limits.class_max[c],
        .pool_since_ns = pool->moved_ns,
    };

    return view;
}

static inline void
class_limit_locked(struct iot_pool *pool, int c)
{
    pool->queue.limit[c] = pool->limits.class_max[c] + pool->watch[c].raised;
}

static inline void
publish_locked(struct iot_pool *pool)
{
    atomic_store_explicit(&pool->waiting, iot_queue_waiting_mask(&pool->queue),
                          memory_order_relaxed);
}

/* --- worker.c ----------------------------------------------------------- */

/* Restore "ready <= searching, or nobody sleeps". */
void iot_pool_wake_locked(struct iot_pool *pool);
void iot_pool_wake_all_locked(struct iot_pool *pool);

/* Count the threads that are missing as starting; the caller starts them with
 * iot_pool_start_reserved() when it has released the mutex. */
uint32_t iot_pool_reserve_locked(struct iot_pool *pool, uint64_t now);
/* One that cannot be started is done without: whoever lives goes on. */
void iot_pool_start_reserved(struct iot_pool *pool, uint32_t reserved);

/* After class `c` got less to do: it may not need its emergency threads any
 * more. */
void iot_pool_settle_locked(struct iot_pool *pool, int c);

/* The pool's first worker.  0 or a negative errno. */
int iot_pool_start_first(struct iot_pool *pool);

/* One more thread of the pool, in body(worker).  0 or a negative errno. */
int iot_pool_thread_new(struct iot_pool *pool, void *(*body)(void *arg));
/* The calling thread will use the pool no more than to stop itself; returns
 * the thread that it has to join, or NULL. */
struct worker *iot_pool_thread_gone_locked(struct worker *self);
void iot_pool_thread_join(struct worker *w); /* NULL is fine */

/* --- watchdog_thread.c -------------------------------------------------- */

/* See that the watchdog's thread is there, or leaves, as the limits say.
 * True: the caller calls iot_pool_watchdog_start() when it has released the
 * mutex. */
bool iot_pool_watchdog_settle_locked(struct iot_pool *pool);
/* 0 or a negative errno, and then there is no watchdog. */
int iot_pool_watchdog_start(struct iot_pool *pool);

#endif
