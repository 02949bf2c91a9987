/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watchdog's thread: it sleeps until a class could have stalled, asks
 * watchdog.c, and sees that a class that has gets its thread.
 */
#include "iothreads/pool_priv.h"

#include "mem/scope.h"

#include "iothreads/thread.h"

/* Look at every class.  told[] gets the queue lengths of the newly stalled
 * ones, *reserved the threads to start, *next_ns when to look again.  True
 * when there is something to do without the mutex. */
static bool
watch_locked(struct iot_pool *pool, uint32_t told[IOT_CLASSES],
             uint32_t *reserved, uint64_t *next_ns)
{
    uint64_t patience_ns = pool->limits.watchdog_secs * CLOCK_NS_PER_SEC;
    uint64_t now = clock_ns();
    bool any_stalled = false, any_new = false;

    *next_ns = now + patience_ns;
    *reserved = 0;
    for (int c = 0; c < IOT_CLASSES; c++) {
        struct iot_watch_view view = watch_view_locked(pool, c);
        enum iot_watch_verdict verdict =
            iot_watch_check(&pool->watch[c], &view, now, patience_ns);
        uint64_t next =
            iot_watch_next_ns(&pool->watch[c], &view, now, patience_ns);

        if (next < *next_ns)
            *next_ns = next;
        told[c] = 0;
        if (verdict == IOT_WATCH_FINE)
            continue;
        any_stalled = true;
        if (verdict == IOT_WATCH_STALLED) {
            any_new = true;
            told[c] = view.queued;
            class_limit_locked(pool, c);
            pool->urgent |= 1u << c;
        }
    }
    if (any_stalled) {
        iot_pool_wake_locked(pool);
        *reserved = iot_pool_reserve_locked(pool, now);
    }
    return any_new || *reserved > 0;
}

static void *
watchdog_main(void *arg)
{
    struct worker *w = arg;
    struct iot_pool *pool = w->pool;
    struct worker *before;
    uint32_t told[IOT_CLASSES];
    uint32_t reserved;
    uint64_t next_ns;

    w->thread = pthread_self();
    iot_thread_set_name("glfs_iotwdog");

    mutex_lock(&pool->mtx);
    pool->watchdog = w;
    while (!pool->stopping && pool->limits.watchdog_secs > 0) {
        if (!watch_locked(pool, told, &reserved, &next_ns)) {
            struct timespec until = clock_timespec(next_ns);

            (void)cond_wait_until(&w->wake, &pool->mtx, &until);
            continue;
        }
        mutex_unlock(&pool->mtx);
        iot_pool_start_reserved(pool, reserved);
        for (int c = 0; c < IOT_CLASSES; c++) {
            if (told[c] > 0 && pool->hooks.stalled != NULL)
                pool->hooks.stalled(pool->hooks.arg, (enum iot_class)c,
                                    told[c]);
        }
        mutex_lock(&pool->mtx);
    }
    pool->watchdog = NULL;
    pool->watched = false;
    before = iot_pool_thread_gone_locked(w);
    mutex_unlock(&pool->mtx);

    iot_pool_thread_join(before);
    return NULL;
}

bool
iot_pool_watchdog_settle_locked(struct iot_pool *pool)
{
    if (pool->watchdog != NULL)
        cond_signal(&pool->watchdog->wake);
    if (pool->watched || pool->limits.watchdog_secs == 0)
        return false;
    pool->watched = true;
    return true;
}

int
iot_pool_watchdog_start(struct iot_pool *pool)
{
    int ret = iot_pool_thread_new(pool, watchdog_main);

    if (ret < 0) {
        MUTEX_SCOPE(&pool->mtx);
        pool->watched = false;
        if (pool->stopping)
            cond_broadcast(&pool->ended);
    }
    return ret;
}
