/* SPDX-License-Identifier: BSD-2-Clause */
/* Granted record locks as rebalance moves them with their file: read from one
 * brick, set on another for the same clients. */
#ifndef CLINKER_SERVER_LOCK_ACTIVE_H
#define CLINKER_SERVER_LOCK_ACTIVE_H

#include "server/lock/holder.h"
#include "server/lock/posixlk.h"

/* A view. */
struct lk_active {
    struct lk_holder *holder; /* lk_adopt()'s */
    const char *client_uid;   /* lk_active_each()'s */
    enum lk_type type;        /* LK_READ, LK_WRITE */
    uint32_t flags;
    uint32_t whence;
    int64_t start, len;
    uint32_t pid;
    const uint8_t *owner;
    uint32_t owner_bytes;
};

/* Calls fn for each, in order, under a mutex: it must not block.  Stops at its
 * first error, which is returned; else how many there are. */
int64_t lk_active_each(struct inode *inode,
                       int (*fn)(void *arg, const struct lk_active *lock),
                       void *arg);
/* Set all of them, or none.  They last until they are unlocked, or flushed, or
 * the holder leaves.  0; -EINVAL: one of them is none, or they conflict;
 * -EEXIST: there are record locks already; -ESHUTDOWN; -ENOMEM. */
int lk_adopt(struct inode *inode, const struct lk_active *locks,
             uint32_t count);

#endif
