/* SPDX-License-Identifier: BSD-2-Clause */
/* Record locks: LK. */
#include <errno.h>
#include <string.h>

#include "server/fop/handlers.h"
#include "server/fop/locks.h"
#include "server/fop/resolve.h"
#include "server/lock/posixlk.h"

enum lk_cmd { LK_CMD_GET = 0, LK_CMD_SET = 1, LK_CMD_SETW = 2,
              LK_CMD_GET_FD = 6 };

/* The owner's bytes go to the arena: the description is the callback's. */
static int
answer(struct call *c, const struct lk_desc *d)
{
    uint8_t *owner = arena_memdup(&c->arena, d->owner, d->owner_bytes);

    if (owner == NULL && d->owner_bytes > 0)
        return -ENOMEM;
    c->reply.flock = (struct wire_flock){
        .type = d->type,
        .whence = d->whence,
        .start = (uint64_t)d->start,
        .len = (uint64_t)d->len,
        .pid = d->pid,
        .owner = owner,
        .owner_bytes = d->owner_bytes,
    };
    return 0;
}

/* The lock that the call waited for has been granted or will never be.  What
 * is granted cannot fail any more: its owner's bytes are the caller's, which
 * are here as long as the call. */
static void
waited(void *arg, int err, const struct lk_desc *granted)
{
    struct call *c = arg;

    dict_init(&c->reply.xdata, &c->arena); /* nor does the peer's repeat it */
    if (err == 0)
        c->reply.flock = (struct wire_flock){
            .type = granted->type,
            .whence = granted->whence,
            .start = (uint64_t)granted->start,
            .len = (uint64_t)granted->len,
            .pid = granted->pid,
            .owner = c->caller.lk_owner,
            .owner_bytes = granted->owner_bytes,
        };
    fop_finish(c, err);
}

static int64_t
set(struct call *c, const struct lk_request *req)
{
    const struct lk_wait wait = {.done = waited, .arg = c};
    struct lk_desc *desc = arena_alloc(&c->arena, sizeof(*desc));
    int err;

    if (desc == NULL)
        return -ENOMEM;
    if (c->args.cmd == LK_CMD_SET || req->type == LK_UNLOCK) {
        err = lk_set(req, NULL, desc);
    } else {
        err = call_park(c);
        if (err != 0)
            return err;
        err = lk_set(req, &wait, desc);
        if (err == 1)
            return FOP_WAITS;
        call_unpark(c);
    }
    desc->owner_bytes = 0; /* as on the peer: the caller knows whose it is */
    return err != 0 ? err : answer(c, desc);
}

int64_t
fop_lk(struct call *c)
{
    const struct wire_flock *fl = &c->args.flock;
    struct lk_request req;
    struct lk_desc *desc;
    int64_t mode = 0;
    int err;

    err = resolve_fd(c);
    if (err != 0)
        return err;
    /* A lock lives as long as its fd, and an anonymous one does not. */
    if (c->fd->anonymous)
        return -EBADF;
    /* As on the peer: what is answered at once repeats the request's. */
    c->reply.xdata = c->args.xdata;
    if (c->args.cmd == LK_CMD_GET_FD) {
        c->reply.flock = *fl;
        return 0;
    }
    if (c->args.cmd > LK_CMD_SETW || c->args.lock_type > LK_UNLOCK)
        return -EINVAL;
    err = lock_owner_check(c);
    if (err != 0)
        return err;
    (void)dict_i64(&c->args.xdata, "glusterfs.lk.lkmode", &mode);
    req = (struct lk_request){
        .fd = c->fd,
        .client = c->client,
        .client_uid = c->client->uid,
        .caller_pid = c->caller.pid,
        .owner = c->caller.lk_owner,
        .owner_bytes = c->caller.lk_owner_bytes,
        .flags = (uint32_t)mode,
        .type = (enum lk_type)c->args.lock_type,
        .whence = fl->whence,
        .start = (int64_t)fl->start,
        .len = (int64_t)fl->len,
        .pid = fl->pid,
    };
    if (c->args.cmd != LK_CMD_GET)
        return set(c, &req);
    desc = arena_alloc(&c->arena, sizeof(*desc));
    if (desc == NULL)
        return -ENOMEM;
    err = lk_test(&req, desc);
    return err != 0 ? err : answer(c, desc);
}
