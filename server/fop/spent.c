/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/spent.h"

#include <stdio.h>

#include "mem/clock.h"
#include "mem/must.h"

void
spent_start(struct call *c)
{
    c->started_ns = c->work.taken_ns != 0 ? c->work.taken_ns : clock_ns();
}

/* Clocks of two processors may differ by a little. */
static uint64_t
between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

static void
measure(const struct call *c, uint64_t ended_ns, struct timing_spent *spent)
{
    uint64_t received = c->rpc.received_ns, queued = c->work.queued_ns;
    uint64_t started = c->started_ns != 0 ? c->started_ns : received;

    *spent = (struct timing_spent){
        .proc = c->fop->proc,
        .class = c->work.run != NULL ? c->work.class : c->fop->class,
        .failed = c->reply.op_ret < 0,
        .queued = queued != 0,
    };
    spent->ns[STAGE_RECEIVED] = between(received,
                                        spent->queued ? queued : started);
    if (spent->queued)
        spent->ns[STAGE_QUEUED] = between(queued, started);
    spent->ns[STAGE_RUN] = between(
        started, c->parked_ns != 0 ? c->parked_ns : ended_ns);
    spent->ns[STAGE_TOTAL] = between(received, ended_ns);
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
        .client = c->client->generation,
        .op_errno = c->reply.op_ret < 0 ? c->reply.op_errno : 0,
        .uid = c->rpc.cred.uid,
        .pid = c->rpc.cred.pid,
        .proc = (uint8_t)spent->proc,
        .class = (uint8_t)spent->class,
    };

    if (c->parked_ns != 0)
        op.locked_ns = between(c->parked_ns, ended_ns);
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

    measure(c, ended_ns, &spent);
    timing_count(&stats->timing, &spent);
    op = (struct share_op){.failed = spent.failed,
                           .ns = spent.ns[STAGE_TOTAL]};
    count_bytes(c, &op);
    share_count(&c->client->share, &op);
    if (slow_wants(&stats->slow, ended_ns, spent.ns[STAGE_TOTAL]))
        note_slow(c, &spent, ended_ns);
    return (struct spent){.proc = spent.proc,
                          .class = spent.class,
                          .ended_ns = ended_ns};
}

void
spent_replied(struct brick *brick, const struct spent *spent)
{
    timing_replied(&brick->stats.timing, spent->proc, spent->class,
                   between(spent->ended_ns, clock_ns()));
}
