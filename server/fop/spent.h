/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is written down of a request when it has its result: which stage of it
 * took how long, into the counters by operation, its client's share, and, if
 * it was slow, the slowest.
 */
#ifndef CLINKER_SERVER_FOP_SPENT_H
#define CLINKER_SERVER_FOP_SPENT_H

#include "server/fop/call.h"

/* Which counters the rest of its life belongs to; outlives the call. */
struct spent {
    unsigned proc;
    enum iot_class class;
    uint64_t ended_ns; /* 0: nobody wants to know how long the reply takes */
};

/* Its handler is about to be called, by a worker or where it was received; also
 * when that happens once more. */
void spent_start(struct call *c);
/* It begins to wait for a lock, before anybody else may have it; it does not
 * wait after all, or no longer. */
void spent_park(struct call *c);
void spent_unpark(struct call *c);
/* The result is in c->reply. */
struct spent spent_count(struct call *c);
/* The reply has left; the call is gone. */
void spent_replied(struct brick *brick, const struct spent *spent);

#endif
