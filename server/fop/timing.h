/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long each stage of a request's life took, by operation and class.
 *
 *     received   from its record to the queue: decoding, who asks
 *     queued     to the worker that takes it; none if it ran at once
 *     run        to its result, without waiting for a lock
 *     replied    encoding and writing to the socket; of one in 16
 *     total      from its record to its result
 *
 * A thread counts in a shard of its own, with plain stores: no line is shared
 * and nothing is locked.  A shard has room for an (operation, class) from the
 * first on that its thread counts.  Whoever looks adds all shards up.  A
 * thread that ends leaves its shard, with what is in it, to the next.
 */
#ifndef CLINKER_SERVER_FOP_TIMING_H
#define CLINKER_SERVER_FOP_TIMING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/fop/latency.h"
#include "server/wire/fop.h"

enum stage {
    STAGE_RECEIVED,
    STAGE_QUEUED,
    STAGE_RUN,
    STAGE_REPLIED,
    STAGE_TOTAL,
    STAGES,
};

extern const char *const stage_name[STAGES];

/* Of one request; its `replied` is told later, if at all. */
struct timing_spent {
    unsigned proc;
    enum iot_class class;
    bool failed;
    bool queued; /* ns[STAGE_QUEUED] counts */
    uint64_t ns[STAGES];
};

struct timing_shard;

struct timing {
    uint64_t id; /* never used twice: threads remember whose shard they have */
    _Atomic(struct timing_shard *) shards; /* only grows until timing_fini() */
    _Atomic(uint64_t) lost; /* not counted for want of memory */
};

void timing_init(struct timing *t);
/* No thread may count any more. */
void timing_fini(struct timing *t);
/* True: the reply of this one is to be told too.  To look at the clock once
 * more costs more than all the counting, so of a thread's operations of one
 * kind it is the first and every TIMING_REPLIED_EACH-th after it. */
enum { TIMING_REPLIED_EACH = 16 };
bool timing_count(struct timing *t, const struct timing_spent *spent);
void timing_replied(struct timing *t, unsigned proc, enum iot_class class,
                    uint64_t ns);
/* The calling thread ends: its shard is free for another. */
void timing_thread_stop(struct timing *t);

struct timing_counts {
    uint64_t calls, failures;
    uint64_t ns_min; /* of total; UINT64_MAX: none yet */
};

enum { TIMING_ALL = -1 };
/* Add up: of one operation or TIMING_ALL, of one class or TIMING_ALL.  out and
 * counts are set; either may be NULL. */
void timing_read(const struct timing *t, int proc, int class,
                 enum stage stage, struct latency *out,
                 struct timing_counts *counts);
uint64_t timing_lost(const struct timing *t);

#endif
