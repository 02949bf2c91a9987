/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owner and rank around pthread's mutex.
 *
 * The owner is written only by the thread that holds the mutex, so that a
 * thread which finds its own id there knows it truly: no other can have put it
 * there or taken it away.  Each thread keeps the list of what it holds, in
 * debug builds, and compares ranks before it waits: an order that could
 * deadlock is reported the first time it is taken, not when it deadlocks.
 */
#include "mem/mutex.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "mem/must.h"

#if defined(CLINKER_LOCK_DEBUG) || defined(__SANITIZE_ADDRESS__) ||           \
    defined(__SANITIZE_THREAD__)
#define LOCK_DEBUG 1
#else
#define LOCK_DEBUG 0
#endif

static _Thread_local int own_tid;

/* A forked child is a new thread, on a copy of its parent's variables. */
static void
forget_tid(void)
{
    own_tid = 0;
}

static void __attribute__((constructor)) watch_fork(void)
{
    must(pthread_atfork(NULL, NULL, forget_tid) == 0);
}

static int
self(void)
{
    if (own_tid == 0)
        own_tid = gettid();
    return own_tid;
}

#if LOCK_DEBUG
enum { HELD_MAX = 32 };

static _Thread_local struct {
    size_t count;
    const struct mutex *mtx[HELD_MAX];
} held;

static void
held_check_rank(const struct mutex *mtx)
{
    size_t i;

    if (mtx->rank == 0)
        return;
    for (i = 0; i < held.count; i++) {
        if (held.mtx[i]->rank >= mtx->rank)
            must_panic("mutex %s (rank %u) wanted while %s (rank %u) is held",
                       mtx->name, mtx->rank, held.mtx[i]->name,
                       held.mtx[i]->rank);
    }
}

static void
held_push(const struct mutex *mtx)
{
    must(held.count < HELD_MAX);
    held.mtx[held.count++] = mtx;
}

static void
held_drop(const struct mutex *mtx)
{
    size_t i = held.count;

    while (i > 0 && held.mtx[i - 1] != mtx)
        i--;
    must(i > 0);
    for (; i < held.count; i++)
        held.mtx[i - 1] = held.mtx[i];
    held.count--;
}
#else
static inline void
held_check_rank(const struct mutex *mtx)
{
}

static inline void
held_push(const struct mutex *mtx)
{
}

static inline void
held_drop(const struct mutex *mtx)
{
}
#endif

static void
taken(struct mutex *mtx)
{
    must(atomic_load_explicit(&mtx->owner, memory_order_relaxed) == 0);
    atomic_store_explicit(&mtx->owner, self(), memory_order_relaxed);
    held_push(mtx);
}

static void
leaving(struct mutex *mtx)
{
    mutex_assert_held(mtx);
    held_drop(mtx);
    atomic_store_explicit(&mtx->owner, 0, memory_order_relaxed);
}

void
mutex_init(struct mutex *mtx, const char *name, unsigned rank)
{
    must(name != NULL);
    must(pthread_mutex_init(&mtx->pm, NULL) == 0);
    atomic_init(&mtx->owner, 0);
    mtx->rank = rank;
    mtx->name = name;
}

void
mutex_destroy(struct mutex *mtx)
{
    int owner = atomic_load_explicit(&mtx->owner, memory_order_relaxed);

    if (owner != 0)
        must_panic("mutex %s destroyed while thread %d holds it", mtx->name,
                   owner);
    must(pthread_mutex_destroy(&mtx->pm) == 0);
}

void
mutex_lock(struct mutex *mtx)
{
    if (atomic_load_explicit(&mtx->owner, memory_order_relaxed) == self())
        must_panic("mutex %s taken twice by thread %d", mtx->name, self());
    held_check_rank(mtx);
    must(pthread_mutex_lock(&mtx->pm) == 0);
    taken(mtx);
}

bool
mutex_trylock(struct mutex *mtx)
{
    int rc = pthread_mutex_trylock(&mtx->pm);

    if (rc == EBUSY)
        return false;
    must(rc == 0);
    taken(mtx);
    return true;
}

void
mutex_unlock(struct mutex *mtx)
{
    leaving(mtx);
    must(pthread_mutex_unlock(&mtx->pm) == 0);
}

void
mutex_assert_held(struct mutex *mtx)
{
    int owner = atomic_load_explicit(&mtx->owner, memory_order_relaxed);

    if (__builtin_expect(owner != self(), 0))
        must_panic("mutex %s is not held by thread %d but by %d", mtx->name,
                   self(), owner);
}

void
cond_init(struct cond *c)
{
    pthread_condattr_t attr;

    must(pthread_condattr_init(&attr) == 0);
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(&c->pc, &attr) == 0);
    must(pthread_condattr_destroy(&attr) == 0);
}

void
cond_destroy(struct cond *c)
{
    must(pthread_cond_destroy(&c->pc) == 0);
}

void
cond_wait(struct cond *c, struct mutex *mtx)
{
    leaving(mtx);
    held_check_rank(mtx); /* it is taken again below all others we hold */
    must(pthread_cond_wait(&c->pc, &mtx->pm) == 0);
    taken(mtx);
}

bool
cond_wait_until(struct cond *c, struct mutex *mtx, const struct timespec *until)
{
    int rc;

    leaving(mtx);
    held_check_rank(mtx);
    rc = pthread_cond_timedwait(&c->pc, &mtx->pm, until);
    must(rc == 0 || rc == ETIMEDOUT);
    taken(mtx);
    return rc == 0;
}

void
cond_signal(struct cond *c)
{
    must(pthread_cond_signal(&c->pc) == 0);
}

void
cond_broadcast(struct cond *c)
{
    must(pthread_cond_broadcast(&c->pc) == 0);
}
