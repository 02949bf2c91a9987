/* SPDX-License-Identifier: BSD-2-Clause */
/* Record locks that rebalance moves with a file: GETACTIVELK, SETACTIVELK. */
#include <errno.h>
#include <string.h>

#include "server/fop/handlers.h"
#include "server/fop/resolve.h"
#include "server/lock/active.h"

/* --- reading --- */

struct copying {
    struct call *c;
    struct wire_lock *locks;
    uint32_t count, room;
};

static int
make_room(struct copying *cp)
{
    uint32_t room = cp->room > 0 ? 2 * cp->room : 16;
    struct wire_lock *locks;

    if (cp->count < cp->room)
        return 0;
    if (cp->count == WIRE_LOCKS_MAX)
        return -E2BIG; /* nor could they be set anywhere */
    locks = arena_alloc(&cp->c->arena, room * sizeof(*locks));
    if (locks == NULL)
        return -ENOMEM;
    if (cp->count > 0)
        memcpy(locks, cp->locks, cp->count * sizeof(*locks));
    cp->locks = locks;
    cp->room = room;
    return 0;
}

/* Lock and client may go as soon as the mutex is free: all is copied. */
static int
copy_lock(void *arg, const struct lk_active *a)
{
    struct copying *cp = arg;
    struct arena *arena = &cp->c->arena;
    uint8_t *owner = arena_memdup(arena, a->owner, a->owner_bytes);
    char *uid = arena_memdup(arena, a->client_uid, strlen(a->client_uid) + 1);
    int err = make_room(cp);

    if (err != 0)
        return err;
    if (uid == NULL || (owner == NULL && a->owner_bytes > 0))
        return -ENOMEM;
    cp->locks[cp->count++] = (struct wire_lock){
        .flock = {.type = a->type,
                  .whence = a->whence,
                  .start = (uint64_t)a->start,
                  .len = (uint64_t)a->len,
                  .pid = a->pid,
                  .owner = owner,
                  .owner_bytes = a->owner_bytes},
        .client_uid = uid,
        .flags = a->flags,
    };
    return 0;
}

int64_t
fop_getactivelk(struct call *c)
{
    struct copying cp = {.c = c};
    int64_t count = resolve_inode(c);

    if (count == 0)
        count = lk_active_each(c->inode, copy_lock, &cp);
    if (count < 0)
        return count;
    c->reply.locks = cp.locks;
    c->reply.locks_count = cp.count;
    return count;
}

/* --- setting --- */

/* What a lock needs to be set: its client must be here, for nothing else would
 * ever release it. */
static int
find_holders(struct call *c, struct client **clients,
             struct lk_active *locks)
{
    for (uint32_t i = 0; i < c->args.locks_count; i++) {
        const struct wire_lock *wire = &c->args.locks[i];
        const struct wire_flock *fl = &wire->flock;

        clients[i] = client_of_uid(c->brick->clients, wire->client_uid);
        if (clients[i] == NULL)
            return -ENOTCONN;
        locks[i] = (struct lk_active){
            .holder = &clients[i]->locks,
            .type = (enum lk_type)fl->type,
            .flags = wire->flags,
            .whence = fl->whence,
            .start = (int64_t)fl->start,
            .len = (int64_t)fl->len,
            .pid = fl->pid,
            .owner = fl->owner,
            .owner_bytes = fl->owner_bytes,
        };
    }
    return 0;
}

static int
set(struct call *c)
{
    uint32_t count = c->args.locks_count;
    struct lk_active *locks = arena_alloc(&c->arena, count * sizeof(*locks));
    struct client **clients =
        arena_zalloc(&c->arena, count * sizeof(*clients));
    int err;

    if (locks == NULL || clients == NULL)
        return -ENOMEM;
    err = find_holders(c, clients, locks);
    if (err == 0)
        err = lk_adopt(c->inode, locks, count);
    for (uint32_t i = 0; i < count; i++)
        client_put(clients[i]);
    return err;
}

/* Locks in others' names are an internal client's to set. */
int64_t
fop_setactivelk(struct call *c)
{
    int err = resolve_inode(c);

    if (err != 0)
        return err;
    if (!caller_is_internal(&c->caller))
        return -EPERM;
    if (c->args.locks_count == 0)
        return -EINVAL;
    return set(c);
}
