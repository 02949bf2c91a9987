/* SPDX-License-Identifier: BSD-2-Clause */
/* What handlers of lock operations share; the callback that tells a holder of
 * others who wait. */
#include "server/fop/locks.h"

#include <errno.h>
#include <fcntl.h>

#include "mem/must.h"
#include "server/fop/callback.h"
#include "server/fop/run.h"
#include "server/fop/spent.h"
#include "server/lock/mandatory.h"
#include "server/lock/removal.h"

/* A request that waits counts against no limit of its connection: this is its
 * own, for each costs more memory than it cost to send. */
enum { LOCKS_WAITING_MAX = 16384 };

/* Of those, reads and writes that mandatory locks keep out. */
enum { ACCESS_WAITING_MAX = 64 };

/* From here on a client must say who owns a lock. */
enum { OWNER_OPVERSION = 70000 };

struct lk_rules
lock_rules(const struct options *o)
{
    return (struct lk_rules){
        .notify = options_bool(o, OPT_LOCKS_NOTIFY),
        .notify_secs = (uint32_t)options_number(o, OPT_LOCKS_NOTIFY_DELAY),
        .revoke_secs = (uint32_t)options_number(o, OPT_LOCKS_REVOKE_SECS),
        .revoke_blocked =
            (uint32_t)options_number(o, OPT_LOCKS_REVOKE_BLOCKED),
        .revoke_all = options_bool(o, OPT_LOCKS_REVOKE_ALL),
    };
}

static bool
owner_is_null(const struct caller *caller)
{
    uint32_t i;

    for (i = 0; i < caller->lk_owner_bytes; i++)
        if (caller->lk_owner[i] != 0)
            return false;
    return true;
}

int
lock_owner_check(const struct call *c)
{
    return c->client->opversion >= OWNER_OPVERSION && owner_is_null(&c->caller)
               ? -EINVAL
               : 0;
}

int
call_park(struct call *c)
{
    if (!c->waits) {
        c->waits = true;
        if (atomic_fetch_add(&c->client->waiting, 1) >= LOCKS_WAITING_MAX)
            return -ENOLCK;
    }
    rpc_request_park(&c->rpc);
    spent_park(c);
    c->state = CALL_PARKED;
    return 0;
}

void
call_unpark(struct call *c)
{
    spent_unpark(c);
    c->state = CALL_RUNNING;
}

/* --- mandatory locks --- */

enum mandatory { MANDATORY_OFF, MANDATORY_FORCED, MANDATORY_OPTIMAL };

/* "file" would ask for a mode that marks a file, which the peer never looks
 * at. */
static enum mandatory
mandatory_of(const struct call *c)
{
    const struct options *o = c->brick->options;

    if (c->caller.pid < 0)
        return MANDATORY_OFF;
    switch (options_number(o, OPT_LOCKS_MANDATORY)) {
    case 2:
        return MANDATORY_FORCED;
    case 3:
        return MANDATORY_OPTIMAL;
    default:
        return MANDATORY_OFF;
    }
}

/* The lock in the way has gone, or so has the client. */
static void
access_waited(void *arg, int err)
{
    struct call *c = arg;

    if (err == 0)
        fop_again(c);
    else
        fop_finish(c, err);
}

/* Such a call keeps what it is to write. */
static int
access_park(struct call *c)
{
    if (!c->gated) {
        c->gated = true;
        if (atomic_fetch_add(&c->client->gated, 1) >= ACCESS_WAITING_MAX)
            return -EAGAIN;
    }
    return call_park(c);
}

int
lock_access(struct call *c, struct inode *inode, const struct fd *fd,
            bool write, uint64_t offset, uint64_t len)
{
    const struct ilk_wait wait = {.done = access_waited, .arg = c};
    enum mandatory mode = mandatory_of(c);
    struct lk_access access = {
        .inode = inode,
        .holder = &c->client->locks,
        .owner = c->caller.lk_owner,
        .owner_bytes = c->caller.lk_owner_bytes,
        .write = write,
        .flagged_only = mode == MANDATORY_OPTIMAL,
    };
    bool waits = fd != NULL && (fd->flags & O_NONBLOCK) == 0;
    int err;

    if (mode == MANDATORY_OFF || len == 0 || offset > INT64_MAX)
        return 0; /* what is no range is told by the operation */
    access.range = (struct lk_range){
        offset, len > INT64_MAX - offset ? INT64_MAX : offset + len - 1};
    err = lk_access(&access, NULL);
    if (err != -EAGAIN || !waits)
        return err;
    err = access_park(c);
    if (err != 0)
        return err;
    err = lk_access(&access, &wait);
    if (err <= 0)
        call_unpark(c);
    return err;
}

int
lock_truncates(struct call *c, struct inode *inode)
{
    enum mandatory mode = mandatory_of(c);

    if (mode == MANDATORY_OFF)
        return 0;
    return lk_any(inode, mode == MANDATORY_OPTIMAL) ? -EAGAIN : 0;
}

int64_t
lock_result(int err)
{
    return err > 0 ? FOP_WAITS : err;
}

/* --- removals --- */

/* The removal has begun, or the client has gone. */
static void
removal_waited(void *arg, int err)
{
    struct call *c = arg;

    if (err == 0) {
        fop_again(c);
        return;
    }
    inode_put(c->removing);
    c->removing = NULL;
    fop_finish(c, err);
}

int
lock_removal_begin(struct call *c, struct inode *inode)
{
    const struct ilk_wait wait = {.done = removal_waited, .arg = c};
    struct lk_rules rules = lock_rules(c->brick->options);
    int err;

    if (c->removing == inode)
        return 0; /* it is our second run */
    /* The name has become another object's meanwhile. */
    lock_removal_end(c);
    c->removing = inode_get(inode);
    err = lk_removal_begin(inode, &c->client->locks, &rules, NULL);
    if (err == -EAGAIN) {
        err = call_park(c);
        if (err == 0)
            err = lk_removal_begin(inode, &c->client->locks, &rules, &wait);
        if (err > 0)
            return err;
        call_unpark(c);
    }
    if (err < 0) {
        inode_put(inode);
        c->removing = NULL;
    }
    return err;
}

void
lock_removal_end(struct call *c)
{
    struct lk_rules rules;

    if (c->removing == NULL)
        return;
    rules = lock_rules(c->brick->options);
    lk_removal_end(c->removing, &rules);
    inode_put(c->removing);
    c->removing = NULL;
}

/* --- a client as a holder --- */

static struct client *
client_of(struct lk_holder *holder)
{
    return container_of_member(holder, struct client, locks);
}

static void
holder_get(struct lk_holder *holder)
{
    (void)client_get(client_of(holder));
}

static void
holder_put(struct lk_holder *holder)
{
    client_put(client_of(holder));
}

static void
holder_wanted(struct lk_holder *holder, const struct lk_notice *notice)
{
    callback_contention(client_of(holder), notice);
}

const struct lk_holder_ops client_holder_ops = {
    .get = holder_get,
    .put = holder_put,
    .wanted = holder_wanted,
};
