/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record locks (fcntl's) of an inode: holders and waiters.  Ranges are
 * inclusive at both ends.  An owner is a client together with the owner bytes
 * of the request; the fd and the pid are remembered, not compared.
 */
#ifndef CLINKER_SERVER_LOCK_POSIXLK_H
#define CLINKER_SERVER_LOCK_POSIXLK_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/dump.h"
#include "server/inode/fd.h"
#include "server/inode/table.h"
#include "server/lock/range.h"

enum lk_type { LK_READ = 0, LK_WRITE = 1, LK_UNLOCK = 2 };
enum { LK_OWNER_BYTES_MAX = 1024 };

/* How clients see a lock. */
struct lk_desc {
    enum lk_type type;
    uint32_t whence;
    int64_t start, len; /* len 0: to infinity */
    uint32_t pid;       /* l_pid as the client gave it */
    uint32_t owner_bytes;
    uint8_t owner[LK_OWNER_BYTES_MAX];
};

struct lk_waiter;

struct lk_request {
    struct fd *fd;          /* its inode is the one locked */
    const void *client;     /* identity; must stay valid while it has locks */
    const char *client_uid; /* for dumps; lives as long as client */
    int32_t caller_pid;
    const uint8_t *owner;
    uint32_t owner_bytes;
    uint32_t flags; /* glusterfs.lk.lkmode: 1 mandatory */
    enum lk_type type;
    uint32_t whence;
    int64_t start, len;
    uint32_t pid;
};

/* GETLK: the first conflicting lock, or type LK_UNLOCK and the request's range
 * when there is none. -EINVAL. */
int lk_test(const struct lk_request *req, struct lk_desc *out);

/* Who waits.  `done` is called exactly once, by whoever frees the range or
 * takes the waiter away, on that one's thread, with no mutex held: err 0 and
 * what was granted, else a negative errno and NULL.  That may be before
 * lk_set() has returned. */
struct lk_wait {
    void (*done)(void *arg, int err, const struct lk_desc *granted);
    void *arg;
};
/* SETLK(W).
 * 0: done.
 * 1: queued, done will be called (or has been).
 * -EAGAIN: not to be had, and wait is NULL.
 * -EDEADLK: it would wait for its own owner in the end, over others that wait
 *  (deadlock.h).
 * -EINVAL: the range, type or owner is none.
 * -EBADF: a lock through an anonymous fd, which nothing would ever release.
 * -ESHUTDOWN: a lock through an fd that is not active any more.
 * -ENOMEM.
 * *out (may be NULL; not touched when 1 is returned): what is answered: the
 * request with start at its first byte and len not negative; the type of an
 * unlock is LK_READ while the fd still has locks. */
int lk_set(const struct lk_request *req, const struct lk_wait *wait,
           struct lk_desc *out);

/* FLUSH: drop the granted locks of (owner, client) on the fd's inode; with no
 * owner bytes, what lk_release_fd() does. */
void lk_flush(struct fd *fd, const void *client, const uint8_t *owner,
              uint32_t owner_bytes);
/* RELEASE or disconnect: everything taken through this fd; waiters among them
 * are answered -EAGAIN.  fd->active must be false already: no later lk_set()
 * adds anything then. */
void lk_release_fd(struct fd *fd);
/* Granted and waiting record locks on the inode. */
uint32_t lk_count(struct inode *inode);
/* For the inode table's release: frees the (empty) state.  An inode that has
 * locks is referred to by them. */
void lk_inode_release(struct inode *inode);

/* The inode's section in the statedump, if it has locks. */
void lk_dump(struct dump *d, struct inode *inode, const char *layer,
             const char *path);

#endif
