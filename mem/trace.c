/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tracing: which types, and the way of a block.
 *
 *     allocated ─► struck? ─► stack ─► blocks: address ─► site, weight
 *                  (trace_sample.c)    (trace_live.c)      │
 *     freed ─────────────────────────► out of it           ▼
 *                                      sites: stack ─► sums (trace_sites.c)
 *
 * Both tables are made when the first type is traced and unmapped when the
 * last one is not any more.  A thread that still believes a type to be traced
 * finds its interval 0 under the mutex of a table of blocks: whatever it put
 * there earlier was forgotten with the rest.
 */
#include "mem/trace.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/ranks.h"
#include "mem/scope.h"
#include "mem/stack.h"
#include "mem/trace_hook.h"
#include "mem/trace_live.h"
#include "mem/trace_sample.h"
#include "mem/trace_sites.h"

_Static_assert((int)MEM_TRACE_FRAMES <= (int)STACK_FRAMES_MAX, "a stack fits");

struct traced {
    const char *module, *name; /* static text, as the type's */
    uint32_t slot;
};

static struct {
    struct mutex mtx;                         /* switching on and off */
    struct traced types[MEM_TYPES_MAX];       /* [mtx] */
    unsigned types_count;                     /* [mtx] */
    _Atomic(size_t) intervals[MEM_TYPES_MAX]; /* by slot; 0: off */
    _Atomic(uint32_t) epoch;                  /* of the intervals */
    _Atomic(uint64_t) lost;
} trace = {
    .mtx = MUTEX_INITIALIZER("mem.trace", MEM_RANK_TRACE),
};

static bool
text_matches(const char *wanted, const char *text)
{
    return wanted == NULL || strcmp(wanted, "*") == 0 ||
           strcmp(wanted, text) == 0;
}

struct wanted {
    const char *module, *name;
    struct traced found[MEM_TYPES_MAX];
    unsigned count;
};

static bool
collect(void *arg, uint32_t slot, const char *module, const char *name)
{
    struct wanted *w = arg;

    if (text_matches(w->module, module) && text_matches(w->name, name) &&
        w->count < MEM_TYPES_MAX)
        w->found[w->count++] = (struct traced){module, name, slot};
    return true;
}

/* The names may be those of one that had the slot before. */
static void
enlist_locked(const struct traced *t)
{
    unsigned i = 0;

    while (i < trace.types_count && trace.types[i].slot != t->slot)
        i++;
    trace.types[i] = *t;
    if (i == trace.types_count)
        trace.types_count++;
}

static int
open_locked(void)
{
    if (trace.types_count > 0)
        return 0;
    stack_prepare();
    if (!trace_sites_open())
        return -ENOMEM;
    if (!trace_live_open()) {
        trace_sites_close();
        return -ENOMEM;
    }
    atomic_store(&trace.lost, 0);
    return 0;
}

/* Is the slot still that type's?  A pool's goes with the pool. */
static bool
is_same_type(const struct traced *t)
{
    const char *module, *name;

    return mem_account_names(t->slot, &module, &name) &&
           strcmp(module, t->module) == 0 && strcmp(name, t->name) == 0;
}

/* The interval first: a block that comes in between is not remembered, and
 * one that came before is forgotten. */
static void
off_locked(const struct traced *t)
{
    atomic_store(&trace.intervals[t->slot], 0);
    if (is_same_type(t))
        mem_account_mark(t->slot, TYPE_TRACED, false);
    trace_live_forget(t->slot);
    trace_sites_forget(t->slot);
}

int
mem_trace_on(const char *module, const char *name, size_t interval_bytes)
{
    static struct wanted wanted; /* [trace.mtx] */
    int rc;
    MUTEX_SCOPE(&trace.mtx);

    if (interval_bytes == 0 || interval_bytes > MEM_TRACE_INTERVAL_MAX)
        return -EINVAL;
    wanted.module = module;
    wanted.name = name;
    wanted.count = 0;
    (void)mem_account_each(collect, &wanted);
    if (wanted.count == 0)
        return 0;
    rc = open_locked();
    if (rc != 0)
        return rc;
    (void)atomic_fetch_add(&trace.epoch, 1);
    for (unsigned i = 0; i < wanted.count; i++) {
        uint32_t slot = wanted.found[i].slot;

        enlist_locked(&wanted.found[i]);
        atomic_store(&trace.intervals[slot], interval_bytes);
        mem_account_mark(slot, TYPE_TRACED, true);
    }
    return (int)wanted.count;
}

int
mem_trace_off(const char *module, const char *name)
{
    unsigned kept = 0, count;
    MUTEX_SCOPE(&trace.mtx);

    count = trace.types_count;
    for (unsigned i = 0; i < count; i++) {
        struct traced t = trace.types[i];

        if (text_matches(module, t.module) && text_matches(name, t.name))
            off_locked(&t);
        else
            trace.types[kept++] = t;
    }
    trace.types_count = kept;
    if (count > 0 && kept == 0) {
        trace_live_close();
        trace_sites_close();
    }
    return (int)(count - kept);
}

bool
trace_allocated(uint32_t slot, const void *block, size_t bytes)
{
    void *frames[MEM_TRACE_FRAMES];
    struct trace_weight weight;
    size_t interval;
    unsigned count;
    enum trace_put put;

    must(slot < MEM_TYPES_MAX);
    interval =
        atomic_load_explicit(&trace.intervals[slot], memory_order_relaxed);
    if (interval == 0 || !trace_sample(slot, bytes, interval,
                                       atomic_load(&trace.epoch), &weight))
        return false;
    count = stack_take(frames, MEM_TRACE_FRAMES, 1);
    put = trace_live_put(slot, block, frames, count, &weight,
                         &trace.intervals[slot]);
    if (put == TRACE_PUT_FULL)
        (void)atomic_fetch_add_explicit(&trace.lost, 1, memory_order_relaxed);
    return put == TRACE_PUT;
}

void
trace_freed(uint32_t slot, const void *block)
{
    trace_live_drop(block);
}

size_t
mem_trace_read(struct mem_trace_site *out, size_t max)
{
    return trace_sites_read(out, max);
}

unsigned
mem_trace_types(void)
{
    MUTEX_SCOPE(&trace.mtx);

    return trace.types_count;
}

uint64_t
mem_trace_lost(void)
{
    return atomic_load_explicit(&trace.lost, memory_order_relaxed);
}
