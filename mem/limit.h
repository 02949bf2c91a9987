/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limit on the process's memory.  What counts is that the process's
 * resident memory, as the kernel counts it, stays below.  Pages that mem/ took
 * count from the moment they are taken; what others have is read from the
 * kernel now and then.
 *
 *     limit ─┬─ the limit as given
 *     margin─┤  users' allocations fail here, the server's own halfway to the
 *            │  limit, slow work's halfway from min to margin, internal
 *            │  clients' at min
 *       min ─┤  whoever allocates reclaims first
 *       low ─┤  the reclaimer wakes, and goes on until
 *      high ─┘  here (high is the most free memory: as the kernel names its
 *               watermarks, they count what is left below the limit)
 */
#ifndef CLINKER_MEM_LIMIT_H
#define CLINKER_MEM_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whose work a thread does now; who feels a shortage first is first here. */
enum mem_importance {
    MEM_FOR_INTERNAL, /* heal, rebalance: negative pids */
    MEM_FOR_SLOW,     /* the slow class */
    MEM_FOR_USERS,    /* any other request: what a thread starts with */
    MEM_FOR_SERVER,   /* the server's own: replies, management; fails only
                         where the kernel refuses, or in the margin when
                         nothing more can be reclaimed */
    MEM_IMPORTANCES
};

/* Of the calling thread; returns what it was. */
enum mem_importance mem_set_importance(enum mem_importance importance);

enum mem_level { MEM_PLENTY, MEM_BELOW_HIGH, MEM_BELOW_LOW, MEM_BELOW_MIN };

struct mem_limit_stats {
    uint64_t limit_bytes; /* 0: none */
    /* Free below the limit. */
    uint64_t margin_bytes, min_bytes, low_bytes, high_bytes;
    uint64_t used_bytes;     /* as judged now; swapped out is used, too */
    uint64_t resident_bytes; /* as the kernel counts; 0: it does not say */
    uint64_t peak_bytes;     /* of used_bytes, to 64 KiB */
    enum mem_level level;
    uint64_t direct_reclaims;      /* by whoever allocated */
    uint64_t direct_reclaimed_bytes;
    uint64_t background_reclaims;
    uint64_t background_reclaimed_bytes;
    uint64_t refusals[MEM_IMPORTANCES];
};

/* 0 is no limit.  Takes effect at once; reclaim follows in the background. */
void mem_limit_set(uint64_t limit_bytes);
void mem_limit_read(struct mem_limit_stats *out);
enum mem_level mem_limit_level(void);
/* What the machine, or the control group that the process is in (v1 or v2,
 * whichever level is lowest), has at most; never 0.  *from says which, static
 * text. */
uint64_t mem_limit_of_machine(const char **from);
/* Called once whenever the level has changed, on the reclaimer's thread, with
 * no mutex held.  NULL: nobody.  A call may still be under way after another
 * was set, unless the reclaimer does not run. */
void mem_limit_on_level(void (*fn)(void *arg, enum mem_level level),
                        void *arg);

#endif
