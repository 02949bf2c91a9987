/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who reclaims when: the reclaimer's thread, and threads that wait for it.
 *
 * The thread wakes each second, each 100 ms while memory is not plenty, and
 * when somebody wakes it below low or wants a pass.  Below low it makes pass
 * after pass until high.  A pass is small, so that one who waits for its end
 * does not wait long; one that gives nothing is followed by a rest, in which
 * only the clock ends the thread's sleep.
 *
 * Only one thread is in a pass over all shrinkers at a time: the reclaimer's,
 * or, while that does not run, one in mem_reclaim_all().  Whoever allocates
 * asks the leaf shrinkers on its own thread, next to it.
 */
#include "mem/reclaim.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "mem/clock.h"
#include "mem/growth.h"
#include "mem/guard.h"
#include "mem/limit.h"
#include "mem/limit_state.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/pages.h"
#include "mem/ranks.h"
#include "mem/reclaim_direct.h"
#include "mem/reclaim_pass.h"
#include "mem/scope.h"
#include "mem/thread.h"
#include "mem/thread_flush.h"

#define LOOK_NS CLOCK_NS_PER_SEC              /* while memory is plenty */
#define WATCH_NS (100 * CLOCK_NS_PER_MS)      /* while it is not */
#define DIRECT_WAIT_NS (20 * CLOCK_NS_PER_MS) /* for whoever allocates */
#define ALL_PAUSE_NS (20 * CLOCK_NS_PER_MS)   /* for other threads' flushes */
enum {
    STACK_BYTES = 256 * 1024,
    PASS_BYTES_MAX = 4 << 20,
    /* Passes in a row whose gifts do not reach the kernel: slabs that stay
     * half used, or a shrinker that is wrong about itself. */
    HOLLOW_PASSES_MAX = 64,
    ALL_ROUNDS_MAX = 64,
    PURGE_AGE_MS = 2000,
};

static struct {
    struct mutex mtx;
    struct cond wake;  /* the reclaimer: work, or the end */
    struct cond ended; /* a pass has ended, or the thread */
    pthread_t thread;
    bool started;  /* [mtx] between start and the end of stop */
    bool running;  /* [mtx] passes wanted now will be made */
    bool in_pass;  /* [mtx] somebody is in a pass over all shrinkers */
    bool resting;  /* [mtx] the last pass gave nothing */
    size_t wanted; /* [mtx] the next pass shall give this, too; 0: nobody */
    uint64_t passes_begun, passes_ended; /* [mtx] */
    struct reclaimed total;              /* [mtx] of all passes, ever */

    _Atomic(bool) woken; /* since the thread last looked */
    _Atomic(unsigned) purge_age_ms;
    void (*begins)(void);
    void (*ends)(void);
} reclaimer = {
    .mtx = MUTEX_INITIALIZER("mem.reclaimer", MEM_RANK_RECLAIMER),
    .purge_age_ms = PURGE_AGE_MS,
};

static _Thread_local bool own_reclaimer; /* this is the reclaimer's thread */

static void __attribute__((constructor)) init(void)
{
    cond_init(&reclaimer.wake);
    cond_init(&reclaimer.ended);
}

/* The thread's own state: how far it is with what it does by itself. */
struct duty {
    uint64_t next_look_ns; /* the second's work */
    uint64_t rest_ns;      /* 0: the last pass gave something */
    uint64_t rest_end_ns;
    bool striving; /* was below low and not yet at high */
    unsigned hollow;
};

static void
pass_begin_locked(void)
{
    while (reclaimer.in_pass)
        cond_wait(&reclaimer.ended, &reclaimer.mtx);
    reclaimer.in_pass = true;
    reclaimer.passes_begun++;
}

static void
pass_end_locked(const struct reclaimed *r)
{
    reclaimer.in_pass = false;
    reclaimer.passes_ended++;
    reclaimer.total.claimed_bytes += r->claimed_bytes;
    reclaimer.total.returned_bytes += r->returned_bytes;
    cond_broadcast(&reclaimer.ended);
}

/* A pass over all shrinkers.  All that was wanted until it begins is part of
 * it. */
static struct reclaimed
make_pass(size_t want)
{
    struct reclaimed r;

    mutex_lock(&reclaimer.mtx);
    pass_begin_locked();
    if (reclaimer.wanted > want)
        want = reclaimer.wanted;
    reclaimer.wanted = 0;
    mutex_unlock(&reclaimer.mtx);

    r = reclaim_pass(want, false);
    limit_refresh();
    limit_count_background(r.returned_bytes);

    mutex_lock(&reclaimer.mtx);
    pass_end_locked(&r);
    mutex_unlock(&reclaimer.mtx);
    return r;
}

/* Did a pass get us anywhere? */
static bool
was_of_use(struct duty *d, const struct reclaimed *r, uint64_t used_before)
{
    if (r->returned_bytes > 0 || limit_used_bytes() < used_before) {
        d->hollow = 0;
        return r->returned_bytes > 0 || r->claimed_bytes > 0;
    }
    return r->claimed_bytes > 0 && ++d->hollow <= HOLLOW_PASSES_MAX;
}

static void
set_rest(struct duty *d, uint64_t rest_ns)
{
    d->rest_ns = rest_ns;
    d->rest_end_ns = clock_ns() + rest_ns;
    MUTEX_SCOPE(&reclaimer.mtx);
    reclaimer.resting = rest_ns > 0;
}

/* Memory is plenty (again). */
static void
content(struct duty *d)
{
    d->striving = false;
    d->hollow = 0;
    if (d->rest_ns > 0)
        set_rest(d, 0);
}

/* One pass, and what follows from it. */
static void
strive(struct duty *d, bool demanded)
{
    uint64_t used = limit_used_bytes(), want = limit_missing_bytes();
    struct reclaimed r;

    if (want > PASS_BYTES_MAX)
        want = PASS_BYTES_MAX;
    r = make_pass((size_t)want);
    if (was_of_use(d, &r, used)) {
        set_rest(d, 0);
    } else if (!demanded || d->striving) {
        /* The libraries' heap is the last that may have something: the C
         * library keeps freed memory until it is told to. */
        (void)malloc_trim(0);
        limit_refresh();
        set_rest(
            d, reclaim_rest_ns(d->rest_ns, mem_limit_level() == MEM_BELOW_MIN));
    }
    if (limit_missing_bytes() == 0)
        content(d);
}

static void
second_work(struct duty *d, uint64_t now)
{
    if (now < d->next_look_ns)
        return;
    d->next_look_ns = now + LOOK_NS;
    (void)mem_pages_purge(
        atomic_load_explicit(&reclaimer.purge_age_ms, memory_order_relaxed),
        SIZE_MAX);
    (void)mem_threads_trim(false);
    mem_growth_tick(now);
    mem_guard_tick();
}

/* Whatever is to be done now; returns until when nothing else is. */
static uint64_t
work(struct duty *d, bool demanded)
{
    uint64_t now = clock_ns(), next_ns;
    bool rested = now >= d->rest_end_ns;

    if (rested)
        atomic_store(&reclaimer.woken, false);
    second_work(d, now);
    limit_refresh();
    limit_tell_level();
    if (mem_limit_level() >= MEM_BELOW_LOW)
        d->striving = true;
    else if (limit_missing_bytes() == 0)
        content(d);
    if (demanded || (d->striving && rested))
        strive(d, demanded);
    limit_tell_level();

    next_ns = d->next_look_ns;
    if (mem_limit_level() != MEM_PLENTY && next_ns > now + WATCH_NS)
        next_ns = now + WATCH_NS;
    if (d->striving && next_ns > d->rest_end_ns)
        next_ns = d->rest_end_ns;
    return next_ns;
}

static void
sleep_locked(const struct duty *d, uint64_t until_ns)
{
    struct timespec until = clock_timespec(until_ns);

    while (!(!reclaimer.running || reclaimer.wanted > 0 ||
             (d->rest_ns == 0 && atomic_load(&reclaimer.woken)))) {
        if (!cond_wait_until(&reclaimer.wake, &reclaimer.mtx, &until))
            return;
    }
}

static void *
reclaimer_main(void *arg)
{
    struct duty d = {0};

    own_reclaimer = true;
    (void)pthread_setname_np(pthread_self(), "reclaim");
    /* What it allocates is for giving back more. */
    (void)mem_set_importance(MEM_FOR_SERVER);
    if (reclaimer.begins != NULL)
        reclaimer.begins();
    mutex_lock(&reclaimer.mtx);
    while (reclaimer.running) {
        bool demanded = reclaimer.wanted > 0;
        uint64_t next_ns;

        mutex_unlock(&reclaimer.mtx);
        next_ns = work(&d, demanded);
        mutex_lock(&reclaimer.mtx);
        sleep_locked(&d, next_ns);
    }
    mutex_unlock(&reclaimer.mtx);
    if (reclaimer.ends != NULL)
        reclaimer.ends();
    return NULL;
}

int
mem_reclaimer_start(void)
{
    pthread_attr_t attr;
    sigset_t all, saved;
    int err;

    MUTEX_SCOPE(&reclaimer.mtx);
    must(!reclaimer.started);
    err = pthread_attr_init(&attr);
    if (err != 0)
        return -err;
    must(pthread_attr_setstacksize(&attr, STACK_BYTES) == 0);
    /* A thread inherits the mask: blocked here, so that there is no moment in
     * which a signal could reach it. */
    must(sigfillset(&all) == 0);
    must(pthread_sigmask(SIG_SETMASK, &all, &saved) == 0);
    reclaimer.running = true;
    reclaimer.resting = false;
    err = pthread_create(&reclaimer.thread, &attr, reclaimer_main, NULL);
    must(pthread_sigmask(SIG_SETMASK, &saved, NULL) == 0);
    must(pthread_attr_destroy(&attr) == 0);
    reclaimer.running = err == 0;
    reclaimer.started = err == 0;
    return -err;
}

void
mem_reclaimer_stop(void)
{
    {
        MUTEX_SCOPE(&reclaimer.mtx);
        if (!reclaimer.started)
            return;
        must(reclaimer.running); /* nobody else stops it, too */
        reclaimer.running = false;
        reclaimer.wanted = 0;
        cond_signal(&reclaimer.wake);
        cond_broadcast(&reclaimer.ended);
    }
    must(pthread_join(reclaimer.thread, NULL) == 0);
    MUTEX_SCOPE(&reclaimer.mtx);
    reclaimer.started = false;
}

void
mem_reclaimer_set_hooks(void (*begins)(void), void (*ends)(void))
{
    MUTEX_SCOPE(&reclaimer.mtx);
    must(!reclaimer.started);
    reclaimer.begins = begins;
    reclaimer.ends = ends;
}

void
mem_reclaimer_set_purge_age(unsigned ms)
{
    atomic_store_explicit(&reclaimer.purge_age_ms, ms, memory_order_relaxed);
}

void
reclaim_wake(void)
{
    if (atomic_load_explicit(&reclaimer.woken, memory_order_relaxed) ||
        atomic_exchange(&reclaimer.woken, true))
        return;
    MUTEX_SCOPE(&reclaimer.mtx);
    cond_signal(&reclaimer.wake);
}

/* Want a pass and wait for the end of one.  The end of the one that is under
 * way will do: it is as good as the start of another.  Not while the reclaimer
 * rests: it would only find nothing once more. */
static void
wait_for_pass(size_t want)
{
    struct timespec until = clock_timespec(clock_ns() + DIRECT_WAIT_NS);
    uint64_t target;

    if (own_reclaimer)
        return;
    MUTEX_SCOPE(&reclaimer.mtx);
    if (!reclaimer.running || reclaimer.resting)
        return;
    target = reclaimer.passes_ended + 1;
    if (!reclaimer.in_pass && reclaimer.wanted < want)
        reclaimer.wanted = want;
    cond_signal(&reclaimer.wake);
    while (reclaimer.running && reclaimer.passes_ended < target) {
        if (!cond_wait_until(&reclaimer.ended, &reclaimer.mtx, &until))
            return;
    }
}

static struct reclaimed
total(void)
{
    MUTEX_SCOPE(&reclaimer.mtx);
    return reclaimer.total;
}

static size_t
given(const struct reclaimed *r)
{
    return (size_t)(r->returned_bytes > 0 ? r->returned_bytes
                                          : r->claimed_bytes);
}

size_t
reclaim_direct(size_t want_bytes)
{
    struct reclaimed r, before, after;

    if (reclaim_is_own())
        return 0;
    r = reclaim_pass(want_bytes, true);
    limit_count_direct(r.returned_bytes);
    if (r.returned_bytes >= want_bytes)
        return given(&r);
    before = total();
    wait_for_pass(want_bytes);
    after = total();
    r.claimed_bytes += after.claimed_bytes - before.claimed_bytes;
    r.returned_bytes += after.returned_bytes - before.returned_bytes;
    return given(&r);
}

/* One pass for everything, by the reclaimer if it runs; false when it gave
 * nothing. */
static bool
reclaim_all_once(void)
{
    struct reclaimed before = total(), after;
    bool made = false;

    mutex_lock(&reclaimer.mtx);
    if (reclaimer.running) {
        uint64_t target = reclaimer.passes_begun + 1;

        reclaimer.wanted = SIZE_MAX;
        cond_signal(&reclaimer.wake);
        while (reclaimer.running && reclaimer.passes_ended < target)
            cond_wait(&reclaimer.ended, &reclaimer.mtx);
        made = reclaimer.passes_ended >= target;
    }
    mutex_unlock(&reclaimer.mtx);
    if (!made)
        (void)make_pass(SIZE_MAX);
    after = total();
    return after.claimed_bytes > before.claimed_bytes ||
           after.returned_bytes > before.returned_bytes;
}

/* Other threads give back what they keep when they next go idle: no event
 * says when the last one has. */
static void
pause_for_flushes(void)
{
    struct timespec until = clock_timespec(clock_ns() + ALL_PAUSE_NS);

    MUTEX_SCOPE(&reclaimer.mtx);
    while (cond_wait_until(&reclaimer.ended, &reclaimer.mtx, &until))
        continue;
}

size_t
mem_reclaim_all(void)
{
    struct mem_limit_stats before, after;
    unsigned vain = 0;

    must(!reclaim_is_own());
    mem_limit_read(&before);
    for (unsigned i = 0; i < ALL_ROUNDS_MAX && vain < 2; i++) {
        (void)mem_thread_flush();
        if (reclaim_all_once()) {
            vain = 0;
            continue;
        }
        if (++vain < 2)
            pause_for_flushes();
    }
    (void)malloc_trim(0);
    mem_limit_read(&after);
    return before.resident_bytes > after.resident_bytes
               ? (size_t)(before.resident_bytes - after.resident_bytes)
               : 0;
}
