/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mutex that knows its owner and its rank.  pthread errors are asserted.
 * Ranks (doc/locking.md is the list): a thread may only take a mutex of a
 * higher rank than any it holds; rank 0 is exempt.  Checked when built with
 * a sanitizer or CLINKER_LOCK_DEBUG; the owner is kept in every build.
 */
#ifndef CLINKER_MEM_MUTEX_H
#define CLINKER_MEM_MUTEX_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

struct mutex {
    pthread_mutex_t pm;
    _Atomic(int) owner; /* kernel thread id of the holder, 0 when free */
    unsigned rank;
    const char *name; /* static text */
};

#define MUTEX_INITIALIZER(name_, rank_)                                        \
    {                                                                          \
        .pm = PTHREAD_MUTEX_INITIALIZER, .owner = 0, .rank = (rank_),          \
        .name = (name_)                                                        \
    }

void mutex_init(struct mutex *mtx, const char *name, unsigned rank);
void mutex_destroy(struct mutex *mtx); /* must be free */
void mutex_lock(struct mutex *mtx);
/* true: taken.  Never waits, and so may ignore the order of ranks. */
bool mutex_trylock(struct mutex *mtx);
void mutex_unlock(struct mutex *mtx);
void mutex_assert_held(struct mutex *mtx);

struct cond {
    pthread_cond_t pc; /* on CLOCK_MONOTONIC */
};

void cond_init(struct cond *c);
void cond_destroy(struct cond *c);
void cond_wait(struct cond *c, struct mutex *mtx);
/* `until` is an absolute CLOCK_MONOTONIC time; false when it has passed. */
bool cond_wait_until(struct cond *c, struct mutex *mtx,
                     const struct timespec *until);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);

#endif
