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
    uint64_t ended_ns;
};

/* A worker is about to call its handler.  A call for which this was never said
 * ran from where it was received. */
void spent_start(struct call *c);
/* The result is in c->reply. */
struct spent spent_count(struct call *c);
/* The reply has left; the call is gone. */
void spent_replied(struct brick *brick, const struct spent *spent);

#endif
