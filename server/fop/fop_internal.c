/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal locks: INODELK, FINODELK, ENTRYLK, FENTRYLK. */
#include <errno.h>
#include <string.h>

#include "server/fop/handlers.h"
#include "server/fop/locks.h"
#include "server/fop/resolve.h"
#include "server/lock/internal.h"

enum { INODELK_SET = 1, INODELK_SETW = 2 };
enum { ENTRYLK_LOCK = 0, ENTRYLK_UNLOCK = 1, ENTRYLK_LOCK_NB = 2 };

/* The lock that the call waited for has been granted or will never be. */
static void
waited(void *arg, int err)
{
    fop_finish(arg, err);
}

static int64_t
set(struct call *c, const struct ilk_request *req, bool blocking)
{
    const struct ilk_wait wait = {.done = waited, .arg = c};
    struct lk_rules rules = lock_rules(c->brick->options);
    int err;

    if (!blocking)
        return ilk_set(req, &rules, NULL);
    err = call_park(c);
    if (err != 0)
        return err;
    err = ilk_set(req, &rules, &wait);
    if (err == 1)
        return FOP_WAITS;
    call_unpark(c);
    return err;
}

static int64_t
unset(struct call *c, const struct ilk_request *req)
{
    struct lk_rules rules = lock_rules(c->brick->options);

    return ilk_unset(req, &rules);
}

static struct ilk_request
request_of(struct call *c, struct inode *inode, enum ilk_kind kind)
{
    return (struct ilk_request){
        .inode = inode,
        .holder = &c->client->locks,
        .caller_pid = c->caller.pid,
        .owner = c->caller.lk_owner,
        .owner_bytes = c->caller.lk_owner_bytes,
        .volume = c->args.volume,
        .kind = kind,
        .type = (enum lk_type)c->args.lock_type,
    };
}

/* Replication locks an object's attributes by a range beyond all data.  They
 * get a volume of their own, lest they wait for who has locked all of the
 * data. */
static int
choose_volume(struct call *c, struct ilk_request *req)
{
    static const char suffix[] = ":metadata";
    size_t bytes = strlen(req->volume);
    char *name;

    if (req->start != INT64_MAX - 1 || req->len != 0)
        return 0;
    if (bytes >= strlen(suffix) &&
        strcmp(req->volume + bytes - strlen(suffix), suffix) == 0)
        return 0;
    name = arena_alloc(&c->arena, bytes + sizeof(suffix));
    if (name == NULL)
        return -ENOMEM;
    memcpy(name, req->volume, bytes);
    memcpy(name + bytes, suffix, sizeof(suffix));
    req->volume = name;
    return 0;
}

static int64_t
inodelk(struct call *c, struct inode *inode)
{
    struct ilk_request req = request_of(c, inode, ILK_RANGE);
    int err;

    if (c->args.cmd != INODELK_SET && c->args.cmd != INODELK_SETW)
        return -EOPNOTSUPP;
    err = lock_owner_check(c);
    if (err != 0)
        return err;
    req.whence = c->args.flock.whence;
    req.start = (int64_t)c->args.flock.start;
    req.len = (int64_t)c->args.flock.len;
    err = choose_volume(c, &req);
    if (err != 0)
        return err;
    if (c->args.lock_type != LK_UNLOCK)
        return set(c, &req, c->args.cmd == INODELK_SETW);
    req.type = LK_WRITE;
    return unset(c, &req);
}

static int64_t
entrylk(struct call *c, struct inode *inode)
{
    struct ilk_request req = request_of(c, inode, ILK_NAME);
    int err = lock_owner_check(c);

    if (err != 0)
        return err;
    if (c->args.name_flag != 0)
        req.name = c->args.name;
    switch (c->args.cmd) {
    case ENTRYLK_LOCK:
        return set(c, &req, true);
    case ENTRYLK_LOCK_NB:
        return set(c, &req, false);
    case ENTRYLK_UNLOCK:
        return unset(c, &req);
    default:
        return -EINVAL;
    }
}

int64_t
fop_inodelk(struct call *c)
{
    int err = resolve_inode(c);

    return err != 0 ? err : inodelk(c, c->inode);
}

int64_t
fop_finodelk(struct call *c)
{
    int err = resolve_fd(c);

    return err != 0 ? err : inodelk(c, c->fd->inode);
}

int64_t
fop_entrylk(struct call *c)
{
    int err = resolve_inode(c);

    return err != 0 ? err : entrylk(c, c->inode);
}

int64_t
fop_fentrylk(struct call *c)
{
    int err = resolve_fd(c);

    return err != 0 ? err : entrylk(c, c->fd->inode);
}
