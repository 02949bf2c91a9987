/* SPDX-License-Identifier: BSD-2-Clause */
/* What handlers of lock operations share; the callback that tells a holder of
 * others who wait. */
#include "server/fop/locks.h"

#include <errno.h>

#include "mem/must.h"
#include "server/fop/callback.h"
#include "server/fop/spent.h"

/* A request that waits counts against no limit of its connection: this is its
 * own, for each costs more memory than it cost to send. */
enum { LOCKS_WAITING_MAX = 16384 };

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
