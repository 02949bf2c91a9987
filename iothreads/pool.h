/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker pool: four priorities, turns between owners inside each, a limit
 * of running workers per priority, growth with the queue, shrinkage after
 * idle time, a watchdog.  It knows neither RPC nor files.
 */
#ifndef CLINKER_IOTHREADS_POOL_H
#define CLINKER_IOTHREADS_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "iothreads/queue.h"
#include "iothreads/work.h"

struct iot_pool;

struct iot_limits {
    uint32_t threads_max;               /* thread-count, 1..64 */
    uint32_t class_max[IOT_CLASSES];    /* *-prio-threads, 1..64 */
    uint32_t idle_secs;                 /* idle-time */
    uint32_t watchdog_secs;             /* 0: no watchdog */
    bool least_enabled;                 /* enable-least-priority: when false,
                                           iot_submit() makes IOT_LEAST work
                                           IOT_NORMAL (in work->class too) */
    bool pass_through;                  /* iot_submit() runs the work at once,
                                           on the caller's thread */
};

struct iot_hooks {
    void *arg;
    /* A worker thread begins and ends (for RCU registration, names). */
    void (*thread_start)(void *arg);
    void (*thread_stop)(void *arg);
    /* A class with waiting work has been served nothing for watchdog_secs and
     * got one more thread. */
    void (*stalled)(void *arg, enum iot_class class, uint32_t queued);
};

/* NULL and errno on failure.  hooks is copied and may be NULL. */
struct iot_pool *iot_pool_new(const struct iot_limits *limits,
                              const struct iot_hooks *hooks);
/* Stops taking work, runs what is queued, ends the threads.  Work that runs may
 * still submit (and see it dropped); other threads' calls into the pool must
 * have returned before this does. */
void iot_pool_destroy(struct iot_pool **poolp);
/* New limits take effect at once; running work is not disturbed. */
void iot_pool_reconfigure(struct iot_pool *pool,
                          const struct iot_limits *limits);

/* Queue `work` (owner, class, run, drop set).  Never fails: a pool that cannot
 * start another thread has at least one.  After iot_pool_destroy() began, the
 * work is dropped. */
void iot_submit(struct iot_pool *pool, struct iot_work *work);
/* The same, but never on the caller's thread, pass_through or not: for a caller
 * that must not wait for what the work waits for. */
void iot_submit_away(struct iot_pool *pool, struct iot_work *work);

/* True while nobody of `class` or a higher one waits: work that cannot block
 * may then be run by the caller itself without overtaking anybody.  One
 * relaxed load; a hint. */
bool iot_nobody_waits(const struct iot_pool *pool, enum iot_class class);

/* Drop what `owner` has queued, except items whose class is in keep_mask
 * (bit 1 << class): their drop() runs on this thread, after they left the
 * queue.  Returns how many. */
uint32_t iot_owner_drop(struct iot_pool *pool, struct iot_owner *owner,
                        unsigned keep_mask);

/* Have the workers that sleep look whether mem_thread_flush_ask() has asked for
 * what they keep; the others look when they next go to sleep. */
void iot_pool_flush(struct iot_pool *pool);

struct iot_class_stats {
    uint32_t queued;
    uint32_t queued_max;
    uint32_t running;
    uint32_t limit;       /* with what the watchdog added */
    uint64_t served;      /* items ever run */
    uint64_t dropped;
    uint64_t wait_ns_sum; /* of the items run */
    uint64_t wait_ns_max;
};

struct iot_stats {
    uint32_t threads;
    uint32_t threads_max;
    uint32_t sleeping;
    uint64_t threads_started; /* ever */
    struct iot_class_stats class[IOT_CLASSES];
};

void iot_pool_read(struct iot_pool *pool, struct iot_stats *out);
/* iot_queue_turns() of the pool's queue.  Owners are names: they may have gone
 * by the time this returns. */
uint32_t iot_pool_turns(struct iot_pool *pool, enum iot_class class,
                        struct iot_turn *out, uint32_t max);
struct iot_limits iot_pool_limits(struct iot_pool *pool);

#endif
