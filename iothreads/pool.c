/* SPDX-License-Identifier: BSD-2-Clause */
/* What the users of the pool call: see pool.h, and pool_priv.h for how it
 * works. */
#include "iothreads/pool.h"

#include <errno.h>

#include "mem/alloc.h"
#include "mem/scope.h"

#include "iothreads/pool_priv.h"

MEM_TYPE(mt_pool, "iothreads", "pool");

/* The option table keeps operators inside these. */
static void
limits_check(const struct iot_limits *limits)
{
    must(limits->threads_max >= 1 && limits->threads_max <= LIMIT_MAX);
    for (int c = 0; c < IOT_CLASSES; c++) {
        must(limits->class_max[c] >= 1);
        must(limits->class_max[c] <= LIMIT_MAX);
    }
}

/* --- for the owner of the pool ------------------------------------------ */

static void
pool_free(struct iot_pool *pool)
{
    cond_destroy(&pool->ended);
    mutex_destroy(&pool->mtx);
    pool->magic = 0;
    mem_free(pool);
}

struct iot_pool *
iot_pool_new(const struct iot_limits *limits, const struct iot_hooks *hooks)
{
    struct iot_pool *pool;
    int ret;

    limits_check(limits);
    pool = mem_zalloc(&mt_pool, sizeof(*pool));
    if (pool == NULL)
        return NULL;
    pool->magic = POOL_MAGIC;
    if (hooks != NULL)
        pool->hooks = *hooks;
    mutex_init(&pool->mtx, "iothreads.pool", POOL_RANK);
    cond_init(&pool->ended);
    CDS_INIT_LIST_HEAD(&pool->idle);
    iot_queue_init(&pool->queue);
    pool->limits = *limits;
    for (int c = 0; c < IOT_CLASSES; c++)
        class_limit_locked(pool, c);
    pool->moved_ns = clock_ns();
    atomic_init(&pool->waiting, 0);
    pool->watched = limits->watchdog_secs > 0;

    ret = iot_pool_start_first(pool);
    if (ret < 0) {
        pool_free(pool);
        errno = -ret;
        return NULL;
    }
    if (limits->watchdog_secs > 0) {
        ret = iot_pool_watchdog_start(pool);
        if (ret < 0) {
            iot_pool_destroy(&pool);
            errno = -ret;
            return NULL;
        }
    }
    return pool;
}

void
iot_pool_destroy(struct iot_pool **poolp)
{
    struct iot_pool *pool = *poolp;

    OBJ_CHECK(pool, POOL_MAGIC);
    *poolp = NULL;

    mutex_lock(&pool->mtx);
    must(!pool->stopping);
    pool->stopping = true;
    iot_pool_wake_all_locked(pool);
    if (pool->watchdog != NULL)
        cond_signal(&pool->watchdog->wake);
    while (pool->threads > 0 || pool->watched)
        cond_wait(&pool->ended, &pool->mtx);
    must(iot_queue_waiting_mask(&pool->queue) == 0);
    must(iot_queue_running(&pool->queue) == 0);
    mutex_unlock(&pool->mtx);

    iot_pool_thread_join(pool->gone); /* which has joined all before it */
    pool_free(pool);
}

void
iot_pool_reconfigure(struct iot_pool *pool, const struct iot_limits *limits)
{
    uint32_t reserved;
    bool watch;

    OBJ_CHECK(pool, POOL_MAGIC);
    limits_check(limits);

    mutex_lock(&pool->mtx);
    must(!pool->stopping);
    pool->limits = *limits;
    for (int c = 0; c < IOT_CLASSES; c++)
        class_limit_locked(pool, c);
    /* Each looks for itself whether it is one too many, how long it may sleep
     * now, and whether a raised limit has made something ready. */
    iot_pool_wake_all_locked(pool);
    reserved = iot_pool_reserve_locked(pool, clock_ns());
    watch = iot_pool_watchdog_settle_locked(pool);
    mutex_unlock(&pool->mtx);

    iot_pool_start_reserved(pool, reserved);
    /* Without the watchdog the pool still serves; the next reconfiguration
     * tries again. */
    if (watch)
        (void)iot_pool_watchdog_start(pool);
}

/* --- for those who have work -------------------------------------------- */

static void
queue_locked(struct iot_pool *pool, struct iot_work *work)
{
    enum iot_class class = work->class;
    struct iot_class_stats *stats = &pool->stats[class];

    if (pool->queue.queued[class] == 0)
        iot_watch_moved(&pool->watch[class], work->queued_ns);
    iot_queue_push(&pool->queue, work);
    if (pool->queue.queued[class] > stats->queued_max)
        stats->queued_max = pool->queue.queued[class];
    publish_locked(pool);
    iot_pool_wake_locked(pool);
}

static void
submit(struct iot_pool *pool, struct iot_work *work, bool may_pass)
{
    void (*instead)(struct iot_work *work) = NULL;
    uint32_t reserved = 0;

    OBJ_CHECK(pool, POOL_MAGIC);
    must(work->owner != NULL);
    must((unsigned)work->class < IOT_CLASSES);
    must(work->run != NULL);
    must(work->drop != NULL);
    work->queued_ns = clock_ns();

    mutex_lock(&pool->mtx);
    if (work->class == IOT_LEAST && !pool->limits.least_enabled)
        work->class = IOT_NORMAL;
    if (pool->stopping) {
        pool->stats[work->class].dropped++;
        instead = work->drop;
    } else if (may_pass && pool->limits.pass_through) {
        pool->stats[work->class].served++;
        instead = work->run;
    } else {
        queue_locked(pool, work);
        reserved = iot_pool_reserve_locked(pool, work->queued_ns);
    }
    mutex_unlock(&pool->mtx);

    /* From here on the work may be gone. */
    if (instead != NULL)
        instead(work);
    iot_pool_start_reserved(pool, reserved);
}

void
iot_submit(struct iot_pool *pool, struct iot_work *work)
{
    submit(pool, work, true);
}

void
iot_submit_away(struct iot_pool *pool, struct iot_work *work)
{
    submit(pool, work, false);
}

bool
iot_nobody_waits(const struct iot_pool *pool, enum iot_class class)
{
    unsigned of_class_or_higher = (2u << class) - 1;

    return (atomic_load_explicit(&pool->waiting, memory_order_relaxed) &
            of_class_or_higher) == 0;
}

uint32_t
iot_owner_drop(struct iot_pool *pool, struct iot_owner *owner,
               unsigned keep_mask)
{
    uint64_t dropped[IOT_CLASSES] = {0};
    struct iot_work *work, *next;
    CDS_LIST_HEAD(out);
    uint32_t total;

    OBJ_CHECK(pool, POOL_MAGIC);
    mutex_lock(&pool->mtx);
    total = iot_queue_drop_owner(&pool->queue, owner, keep_mask, &out, dropped);
    for (int c = 0; c < IOT_CLASSES; c++) {
        pool->stats[c].dropped += dropped[c];
        if (pool->queue.queued[c] == 0)
            pool->urgent &= ~(1u << c);
        iot_pool_settle_locked(pool, c);
    }
    publish_locked(pool);
    mutex_unlock(&pool->mtx);

    cds_list_for_each_entry_safe(work, next, &out, node) {
        cds_list_del_init(&work->node);
        work->drop(work);
    }
    return total;
}

/* --- for those who look ------------------------------------------------- */

void
iot_pool_read(struct iot_pool *pool, struct iot_stats *out)
{
    OBJ_CHECK(pool, POOL_MAGIC);
    MUTEX_SCOPE(&pool->mtx);

    out->threads = pool->threads;
    out->threads_max = pool->limits.threads_max;
    out->sleeping = pool->sleeping;
    out->threads_started = pool->started;
    for (int c = 0; c < IOT_CLASSES; c++) {
        out->class[c] = pool->stats[c];
        out->class[c].queued = pool->queue.queued[c];
        out->class[c].running = pool->queue.running[c];
        out->class[c].limit = pool->queue.limit[c];
    }
}

uint32_t
iot_pool_turns(struct iot_pool *pool, enum iot_class class,
               struct iot_turn *out, uint32_t max)
{
    OBJ_CHECK(pool, POOL_MAGIC);
    MUTEX_SCOPE(&pool->mtx);
    return iot_queue_turns(&pool->queue, class, out, max);
}

struct iot_limits
iot_pool_limits(struct iot_pool *pool)
{
    OBJ_CHECK(pool, POOL_MAGIC);
    MUTEX_SCOPE(&pool->mtx);
    return pool->limits;
}
