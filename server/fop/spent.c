/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/spent.h"

#include <stdio.h>

#include "mem/clock.h"
#include "mem/must.h"

/* Clocks of two processors may differ by a little. */
static uint64_t
between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

static void
unpark(struct call_times *t, uint64_t now)
{
    if (t->parked_ns != 0)
        t->locked_ns += between(t->parked_ns, now);
    t->parked_ns = 0;
}

void
spent_start(struct call *c)
{
    uint64_t queued = c->work.queued_ns, taken = c->work.taken_ns;
    struct call_times *t = &c->times;

    if (queued != 0) {
        /* One that waited for a lock may have been queued again. */
        unpark(t, queued);
        t->waited_ns += between(queued, taken != 0 ? taken : clock_ns());
        t->queued = true;
    }
    if (t->decoded_ns == 0)
        t->decoded_ns = queued != 0 ? queued : clock_ns();
}

void
spent_park(struct call *c)
{
    c->times.parked_ns = clock_ns();
}

void
spent_unpark(struct call *c)
{
    unpark(&c->times, clock_ns());
}

static void
measure(struct call *c, uint64_t ended_ns, struct timing_spent *spent)
{
    uint64_t received = c->rpc.received_ns, total, rest;
    struct call_times *t = &c->times;

    unpark(t, ended_ns);
    *spent = (struct timing_spent){
        .proc = c->fop->proc,
        .class = c->work.run != NULL ? c->work.class : c->fop->class,
        .failed = c->reply.op_ret < 0,
        .queued = t->queued,
    };
    total = between(received, ended_ns);
    if (t->decoded_ns != 0)
        spent->ns[STAGE_RECEIVED] = between(received, t->decoded_ns);
    spent->ns[STAGE_QUEUED] = t->waited_ns;
    rest = spent->ns[STAGE_RECEIVED] + t->waited_ns + t->locked_ns;
    spent->ns[STAGE_RUN] = between(rest, total);
    spent->ns[STAGE_TOTAL] = total;
}

static void
count_bytes(const struct call *c, struct share_op *op)
{
    if (c->reply.op_ret <= 0)
        return;
    if (c->fop->proc == FOP_READ)
        op->bytes_read = (uint64_t)c->reply.op_ret;
    else if (c->fop->proc == FOP_WRITE)
        op->bytes_written = (uint64_t)c->reply.op_ret;
    else
        return;
    fop_stats_bytes(&c->brick->stats, op->bytes_read, op->bytes_written);
}

/* --- the slowest --- */

/* What it was about: an object, or a name in a directory. */
static void
name_object(const struct call *c, struct slow_op *op)
{
    const struct fop_args *a = &c->args;
    const char *name = NULL;

    op->gfid = c->fd != NULL ? c->fd->inode->gfid : a->gfid;
    switch (c->fop->proc) {
    case FOP_LOOKUP:
    case FOP_LINK:
        name = a->name;
        if (name != NULL && name[0] != '\0')
            op->gfid = a->gfid2;
        break;
    case FOP_MKNOD:
    case FOP_MKDIR:
    case FOP_UNLINK:
    case FOP_RMDIR:
    case FOP_SYMLINK:
    case FOP_RENAME:
    case FOP_CREATE:
    case FOP_ENTRYLK:
    case FOP_FENTRYLK:
        name = a->name;
        /* CREATE's fd is of what it made. */
        op->gfid = a->gfid;
        break;
    default:
        break;
    }
    (void)snprintf(op->name, sizeof(op->name), "%s", name != NULL ? name : "");
}

static __attribute__((noinline)) void
note_slow(const struct call *c, const struct timing_spent *spent,
          uint64_t ended_ns)
{
    struct slow_op op = {
        .ended_ns = ended_ns,
        .total_ns = spent->ns[STAGE_TOTAL],
        .queued_ns = spent->ns[STAGE_QUEUED],
        .run_ns = spent->ns[STAGE_RUN],
        .locked_ns = c->times.locked_ns,
        .client = c->client->generation,
        .op_errno = c->reply.op_ret < 0 ? c->reply.op_errno : 0,
        .uid = c->rpc.cred.uid,
        .pid = c->rpc.cred.pid,
        .proc = (uint8_t)spent->proc,
        .class = (uint8_t)spent->class,
    };

    name_object(c, &op);
    (void)snprintf(op.peer, sizeof(op.peer), "%s", c->client->peer);
    slow_note(&c->brick->stats.slow, &op);
}

struct spent
spent_count(struct call *c)
{
    struct fop_stats *stats = &c->brick->stats;
    uint64_t ended_ns = clock_ns();
    struct timing_spent spent;
    struct share_op op;
    bool replied;

    measure(c, ended_ns, &spent);
    replied = timing_count(&stats->timing, &spent);
    op = (struct share_op){.failed = spent.failed,
                           .ns = spent.ns[STAGE_TOTAL]};
    count_bytes(c, &op);
    share_count(&c->client->share, &op);
    if (slow_wants(&stats->slow, ended_ns, spent.ns[STAGE_TOTAL]))
        note_slow(c, &spent, ended_ns);
    return (struct spent){.proc = spent.proc,
                          .class = spent.class,
                          .ended_ns = replied ? ended_ns : 0};
}

void
spent_replied(struct brick *brick, const struct spent *spent)
{
    if (spent->ended_ns != 0)
        timing_replied(&brick->stats.timing, spent->proc, spent->class,
                       between(spent->ended_ns, clock_ns()));
}
