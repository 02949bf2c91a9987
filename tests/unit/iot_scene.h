/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the pool share: jobs, a gate that they can be held at, and
 * a record of what happened.  Tests wait for what they want to see: for events
 * where the pool tells (work that runs, threads that end), else by looking
 * until it is there.  check's timeout is the end of all patience.
 */
#ifndef CLINKER_TESTS_IOT_SCENE_H
#define CLINKER_TESTS_IOT_SCENE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "mem/mutex.h"

#include "iothreads/pool.h"

enum { OWNERS = 4, JOBS = 4000, LOG_MAX = 256 };

/* What happened, guarded by mtx; `changed` is broadcast at each change. */
struct scene {
    struct mutex mtx;
    struct cond changed;
    bool open;      /* gated jobs may go on */
    uint32_t begun; /* gated jobs that have begun */
    uint32_t done;  /* jobs of all kinds */
    uint32_t dropped;
    uint32_t threads_begun, threads_ended;
    uint32_t stalls;
    enum iot_class stalled_class;
    uint32_t stalled_queued;
    int log[LOG_MAX]; /* ids of done jobs, in their order */
};

struct job {
    struct iot_work work;
    int id;
    atomic_int ran;
    atomic_int dropped;
};

extern struct scene scene;
extern struct iot_owner owners[OWNERS];
extern struct job jobs[JOBS];
extern const struct iot_hooks scene_hooks; /* they record into the scene */

void scene_setup(void);

/* Wait until the scene's member is at least n. */
void scene_await(const uint32_t *member, uint32_t n);
/* For states of which nothing tells. */
void scene_await_stats(struct iot_pool *pool,
                       bool (*seen)(const struct iot_stats *st));
bool scene_all_sleep(const struct iot_stats *st); /* nothing to do is left */
/* Gated jobs may go on. */
void scene_open(void);

/* Make jobs[id] anew and submit it. */
void scene_submit(struct iot_pool *pool, int id, int owner,
                  enum iot_class class, void (*run)(struct iot_work *work));
void scene_run_plain(struct iot_work *work);
void scene_run_gated(struct iot_work *work);
void scene_done_locked(struct job *job);

/* threads_max threads, 16 a class and 1 for least, no end of idleness. */
struct iot_limits scene_limits(uint32_t threads_max);
struct iot_pool *scene_pool(const struct iot_limits *limits);
/* Destroy it, and check that nothing of it is left. */
void scene_pool_end(struct iot_pool **poolp);
void scene_check_no_memory(void);

#endif
