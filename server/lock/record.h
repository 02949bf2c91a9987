/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record locks of one inode as a data structure: who holds, who waits.
 * Knows no mutex and calls nobody back; posixlk.c puts both around it.
 * Private to lock/.
 *
 * Invariants: granted locks of one owner do not overlap; granted locks of
 * different owners overlap only where both are read locks.  Nothing here can
 * fail: whoever adds or cuts brings the memory for the one split that may be
 * needed (one only, since an owner has at most one lock that strictly contains
 * a range).
 */
#ifndef CLINKER_SERVER_LOCK_RECORD_H
#define CLINKER_SERVER_LOCK_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <urcu/list.h>

#include "server/lock/posixlk.h"
#include "server/lock/range.h"

struct lk_owner {
    const void *client;
    const uint8_t *bytes;
    uint32_t count;
};

/* A lock, held or waited for.  client, client_uid and fd are not owned: they
 * outlive the lock, since both a client's leaving and an fd's closing take
 * their locks away first.  fd is compared, never followed. */
struct lk_lock {
    struct cds_list_head node; /* records->granted or ->waiting */
    struct lk_range range;
    enum lk_type type; /* LK_READ or LK_WRITE */
    uint32_t flags;
    uint32_t whence;
    uint32_t pid;       /* l_pid of the request */
    int32_t caller_pid; /* of its credential */
    const struct fd *fd;
    const void *client;
    const char *client_uid;
    time_t blocked_at;         /* 0: never waited */
    time_t granted_at;         /* 0: waits */
    struct lk_waiter *waiter;  /* not NULL  <=>  on ->waiting */
    uint32_t owner_bytes;
    uint8_t owner[];
};

/* Someone to be told; outlives its lock until that is done. */
struct lk_waiter {
    struct cds_list_head node; /* on a list of answers, once decided */
    struct lk_wait wait;
    int err;
    struct lk_lock *spare; /* for the split that granting may need */
    struct lk_desc desc;   /* the request, as it is answered */
    /* deadlock.c's, under its mutex: */
    struct lk_lock *lock;              /* who waits, while it does */
    struct lk_records *records;        /* where */
    struct cds_list_head owner_node;   /* by owner */
    struct cds_list_head walk_node;    /* to be followed */
    uint64_t seen;                     /* by that search */
};

struct lk_records {
    struct cds_list_head granted;
    struct cds_list_head waiting; /* first come first */
    _Atomic(uint32_t) count;      /* on both; may be read at any time */
};

void lk_records_init(struct lk_records *r);
bool lk_records_is_empty(const struct lk_records *r);

/* A lock as asked for, on no list; NULL and ENOMEM. */
struct lk_lock *lk_lock_new(const struct lk_request *req,
                            const struct lk_range *range);
void lk_lock_free(struct lk_lock *lock); /* NULL is fine */
/* NULL and ENOMEM. */
struct lk_waiter *lk_waiter_new(const struct lk_request *req,
                                const struct lk_range *range,
                                const struct lk_wait *wait,
                                const struct lk_desc *desc);
void lk_waiter_free(struct lk_waiter *waiter); /* NULL is fine */
void lk_lock_describe(const struct lk_lock *lock, struct lk_desc *out);

struct lk_owner lk_owner_of(const struct lk_lock *lock);
bool lk_is_owner(const struct lk_lock *lock, const struct lk_owner *owner);
/* Does it stand in the way of such a lock? */
bool lk_conflicts(const struct lk_lock *held, const struct lk_owner *owner,
                  enum lk_type type, const struct lk_range *range);
/* The first granted lock that stands in the way of such a lock, or NULL. */
const struct lk_lock *lk_records_conflict(const struct lk_records *r,
                                          const struct lk_owner *owner,
                                          enum lk_type type,
                                          const struct lk_range *range);
/* Grant lock, which nothing conflicts with; it is taken over and merged with
 * its owner's others.  *spare is used up (NULL then) if a split needs it.
 * True when some of the owner's old locks became weaker. */
bool lk_records_add(struct lk_records *r, struct lk_lock *lock,
                    struct lk_lock **spare);
/* Take the range out of the owner's granted locks. True if there was any. */
bool lk_records_cut(struct lk_records *r, const struct lk_owner *owner,
                    const struct lk_range *range, struct lk_lock **spare);
/* Queue lock, whose waiter is set. */
void lk_records_wait(struct lk_records *r, struct lk_lock *lock);
/* Grant what can be granted now; those waiters go to answers with err 0. */
void lk_records_grant(struct lk_records *r, struct cds_list_head *answers,
                      time_t now);
/* Drop all granted locks of the owner. */
bool lk_records_drop_owner(struct lk_records *r, const struct lk_owner *owner);
/* Drop what was taken or is waited for through fd; waiters go to answers with
 * err. */
bool lk_records_drop_fd(struct lk_records *r, const struct fd *fd, int err,
                        struct cds_list_head *answers);
/* Drop those of the granted, or of the waiting, that fn means; waiters go to
 * answers with err.  How many. */
typedef bool (*lk_chooser)(void *arg, const struct lk_lock *lock);
uint32_t lk_records_drop_granted(struct lk_records *r, lk_chooser fn,
                                 void *arg);
uint32_t lk_records_drop_waiting(struct lk_records *r, lk_chooser fn,
                                 void *arg, int err,
                                 struct cds_list_head *answers);
/* Whether anything was taken, or is waited for, through fd. */
bool lk_records_has_fd(const struct lk_records *r, const struct fd *fd);

#endif
