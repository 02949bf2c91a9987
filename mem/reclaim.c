/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a pass goes.  Freed memory sinks through the floors of mem/:
 *
 *     inodes, fds, buffers      shrinkers, in their order
 *       → threads' magazines    mem_thread_flush(), here; others are asked
 *       → empty slabs           leaf shrinkers
 *       → free pages            mem_pages_purge()
 *       → the kernel            limit_return()
 *
 * so after each shrinker that gave something the floors below it are emptied
 * too, and only what has arrived at the bottom counts towards what is wanted.
 * One who gave much out of half-used slabs is asked for more in the next pass.
 */
#include "mem/reclaim_pass.h"

#include "mem/clock.h"
#include "mem/limit_state.h"
#include "mem/must.h"
#include "mem/pages.h"
#include "mem/reclaim_direct.h"
#include "mem/shrinker.h"
#include "mem/thread_flush.h"

#define REST_NS_MIN (10 * CLOCK_NS_PER_MS)
#define REST_NS_MAX CLOCK_NS_PER_SEC
/* Somebody waits for what might have become free meanwhile. */
#define REST_NS_MAX_BELOW_MIN (50 * CLOCK_NS_PER_MS)

static _Thread_local bool reclaiming;

bool
reclaim_is_own(void)
{
    return reclaiming;
}

struct pass {
    size_t want;
    uint64_t start; /* limit_own_returned_bytes() then */
    uint64_t claimed;
};

static size_t
missing(const struct pass *p)
{
    uint64_t returned = limit_own_returned_bytes() - p->start;

    return returned < p->want ? p->want - (size_t)returned : 0;
}

/* From free pages to the kernel. */
static void
purge(const struct pass *p)
{
    size_t want = missing(p);

    if (want > 0)
        (void)mem_pages_purge(0, want);
}

static size_t
ask(struct pass *p, struct mem_shrinker *s)
{
    size_t given = shrinker_ask(s, missing(p));

    p->claimed += given;
    return given;
}

static void
ask_leaves(struct pass *p)
{
    struct mem_shrinker *s = NULL;

    while ((s = shrinker_next(s, true)) != NULL) {
        if (missing(p) == 0) {
            shrinker_let_go(s);
            return;
        }
        if (ask(p, s) > 0)
            purge(p);
    }
}

static void
ask_all(struct pass *p)
{
    struct mem_shrinker *s = NULL;

    while ((s = shrinker_next(s, false)) != NULL) {
        if (missing(p) == 0) {
            shrinker_let_go(s);
            return;
        }
        if (ask(p, s) == 0)
            continue;
        purge(p);
        if (!s->leaf) {
            (void)mem_thread_flush();
            ask_leaves(p);
        }
    }
}

struct reclaimed
reclaim_pass(size_t want_bytes, bool leaf)
{
    struct pass p = {
        .want = want_bytes,
        .start = limit_own_returned_bytes(),
    };

    must(!reclaiming);
    reclaiming = true;
    purge(&p);
    if (leaf) {
        ask_leaves(&p);
    } else {
        mem_thread_flush_ask();
        ask_all(&p);
        (void)mem_thread_flush();
        purge(&p);
    }
    reclaiming = false;
    return (struct reclaimed){
        .claimed_bytes = p.claimed,
        .returned_bytes = limit_own_returned_bytes() - p.start,
    };
}

uint64_t
reclaim_rest_ns(uint64_t last_ns, bool below_min)
{
    uint64_t max_ns = below_min ? REST_NS_MAX_BELOW_MIN : REST_NS_MAX;

    if (last_ns == 0)
        return REST_NS_MIN;
    return last_ns < max_ns / 2 ? 2 * last_ns : max_ns;
}
