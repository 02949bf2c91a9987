/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slowest operations of the last hour: the 8 slowest of each minute.
 *
 * Nearly all operations are faster than those, which two loads of a line that
 * seldom changes tell; only one that goes in takes the mutex.
 */
#ifndef CLINKER_SERVER_FOP_SLOW_H
#define CLINKER_SERVER_FOP_SLOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/mutex.h"
#include "rpc/service.h"
#include "server/core/gfid.h"
#include "server/wire/fop.h"

enum {
    SLOW_EACH = 8,     /* a minute */
    SLOW_MINUTES = 60, /* kept, besides the running one */
    SLOW_TOTAL = SLOW_EACH * (SLOW_MINUTES + 1),
    SLOW_NAME_BYTES = 256,
};

struct slow_op {
    uint64_t ended_ns;  /* CLOCK_MONOTONIC */
    uint64_t total_ns;  /* from the record to the result */
    uint64_t queued_ns; /* of it: waited for a worker */
    uint64_t run_ns;    /* was worked on */
    uint64_t locked_ns; /* waited for somebody else's lock */
    uint64_t client;    /* client.generation */
    struct gfid gfid;   /* the object; its directory when there is a name */
    int32_t op_errno;   /* 0: it succeeded */
    uint32_t uid;       /* as it was sent */
    int32_t pid;
    uint8_t proc;
    uint8_t class;
    char name[SLOW_NAME_BYTES]; /* "": gfid is the object */
    char peer[RPC_ADDRESS_BYTES];
};

struct slow_minute;

struct slow {
    _Atomic(uint64_t) floor_ns; /* what is not slower need not come */
    _Atomic(uint64_t) until_ns; /* end of the running minute */
    struct mutex mtx;           /* rank 765 */
    struct slow_minute *minutes; /* [mtx] by number of the minute */
    uint64_t minute;             /* [mtx] the running one's number */
};

int slow_init(struct slow *s, uint64_t now_ns); /* 0 or -ENOMEM */
void slow_fini(struct slow *s);

/* Would it go in? */
static inline bool
slow_wants(const struct slow *s, uint64_t ended_ns, uint64_t total_ns)
{
    return total_ns > atomic_load_explicit(&s->floor_ns,
                                           memory_order_relaxed) ||
           ended_ns >= atomic_load_explicit(&s->until_ns,
                                            memory_order_relaxed);
}

/* Ends at ended_ns; op is copied. */
void slow_note(struct slow *s, const struct slow_op *op);
/* Those that ended at since_ns or later, of one operation or (proc -1) of all,
 * slowest first, into `out` with room for SLOW_TOTAL.  now_ns: what is older
 * than an hour is not shown.  Returns how many. */
size_t slow_read(struct slow *s, uint64_t now_ns, uint64_t since_ns, int proc,
                 struct slow_op *out);

#endif
