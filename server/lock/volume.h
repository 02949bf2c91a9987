/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The internal locks of one inode as a data structure: who holds, who waits.
 * They are those that the cluster's own layers take on clients: inodelk on
 * ranges of bytes, entrylk on names of a directory.  They live in volumes,
 * which the protocol also calls domains, and meet only within one.  Knows no
 * mutex and calls nobody back; internal.c puts both around it.  Private to
 * lock/.
 *
 * Two locks collide when both can be meant: ranges that overlap, not both to
 * read; or equal names (no name is all of them), whatever the type.  They
 * conflict when their owners differ as well.  One owner's locks stack and are
 * never merged: each is unlocked for itself.
 *
 * Invariant: no two granted locks of a queue conflict.
 */
#ifndef CLINKER_SERVER_LOCK_VOLUME_H
#define CLINKER_SERVER_LOCK_VOLUME_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <urcu/list.h>

#include "server/lock/internal.h"

struct lk_holder;

/* One allocation with its owner's bytes and its name. */
struct ilk_lock {
    struct cds_list_head node; /* queue->granted or ->waiting */
    struct ilk_volume *volume; /* constant once it is on one */
    struct lk_holder *holder;
    enum ilk_kind kind;
    enum lk_type type; /* LK_READ or LK_WRITE */
    struct lk_range range;
    uint32_t whence;
    const char *name; /* NULL: all names */
    int32_t caller_pid;
    time_t blocked_at;         /* 0: never waited */
    time_t granted_at;         /* 0: waits */
    uint64_t since_ns;         /* held, or waited for, since; monotonic */
    uint64_t told_ns;          /* its holder was last told of others; 0: not */
    struct ilk_waiter *waiter; /* not NULL  <=>  on ->waiting */
    uint32_t owner_bytes;
    uint8_t owner[];
};

/* Someone to be told; outlives the waiting. */
struct ilk_waiter {
    struct cds_list_head node; /* on a list of answers, once decided */
    struct ilk_wait wait;
    int err;
};

struct ilk_queue {
    struct cds_list_head granted; /* the newest first */
    struct cds_list_head waiting; /* first come first */
    uint32_t granted_count, waiting_count;
};

struct ilk_volume {
    struct cds_list_head node; /* table->volumes */
    struct ilk_queue queues[ILK_KINDS];
    char name[];
};

/* While an object is being removed (removal.h), ranges wait that would be
 * granted else. */
enum ilk_hold {
    ILK_HOLD_NONE,
    ILK_HOLD_NEW, /* those of clients that hold none yet */
    ILK_HOLD_ALL,
};

struct ilk_table {
    struct cds_list_head volumes; /* the newest first; none is empty */
    enum ilk_hold hold;
    _Atomic(uint32_t) counts[ILK_KINDS]; /* may be read at any time */
};

void ilk_table_init(struct ilk_table *t);
bool ilk_table_is_empty(const struct ilk_table *t);

/* A lock as asked for, on no list; NULL and ENOMEM. */
struct ilk_lock *ilk_lock_new(const struct ilk_request *req,
                              const struct lk_range *range);
void ilk_lock_free(struct ilk_lock *lock); /* NULL is fine */
struct ilk_waiter *ilk_waiter_new(const struct ilk_wait *wait);
void ilk_waiter_free(struct ilk_waiter *waiter); /* NULL is fine */
struct ilk_volume *ilk_volume_new(const char *name);
void ilk_volume_free(struct ilk_volume *volume); /* NULL is fine */

struct ilk_volume *ilk_volume_find(const struct ilk_table *t,
                                   const char *name);
void ilk_volume_add(struct ilk_table *t, struct ilk_volume *volume);
/* Let go of it if it has become empty. */
void ilk_volume_tidy(struct ilk_volume *volume);

bool ilk_collide(const struct ilk_lock *a, const struct ilk_lock *b);
bool ilk_conflict(const struct ilk_lock *a, const struct ilk_lock *b);
/* Must `lock` wait: for one that is granted, or behind one that waits?  The
 * latter does not hold up an owner that has, or waits for, anything in the
 * volume: who is asked to let go may still have to finish what it began. */
bool ilk_must_wait(const struct ilk_table *t, const struct ilk_queue *q,
                   const struct ilk_lock *lock);
void ilk_grant(struct ilk_table *t, struct ilk_volume *volume,
               struct ilk_lock *lock);
void ilk_queue(struct ilk_table *t, struct ilk_volume *volume,
               struct ilk_lock *lock);
/* The granted lock that an unlock like this one means; the newest of them. */
struct ilk_lock *ilk_find_held(const struct ilk_volume *volume,
                               const struct ilk_lock *like);
/* Off its queue, and free; a waiter is answered err (put on answers). */
void ilk_drop(struct ilk_table *t, struct ilk_lock *lock, int err,
              struct cds_list_head *answers);
/* Grant what can be granted now, first come first; those waiters go to
 * answers with err 0. */
void ilk_regrant(struct ilk_table *t, struct ilk_queue *q,
                 struct cds_list_head *answers);

#endif
