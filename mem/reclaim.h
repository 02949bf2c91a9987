/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reclaim: shrinkers that were registered are asked for memory, cheapest
 * first, by a thread of its own below the low watermark and by whoever
 * allocates below min.
 *
 * What a shrinker gives goes back to mem/ (objects to their slabs, slabs to
 * pages), and from there to the kernel.  Reclaim counts what has reached the
 * kernel: a shrinker says how much it gave only to tell whether to ask again.
 */
#ifndef CLINKER_MEM_RECLAIM_H
#define CLINKER_MEM_RECLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct mem_shrinker {
    const char *name; /* static text, shown */
    int order;        /* lower ones are asked first */
    /* It takes no mutexes but mem/'s own: it may be called by any thread that
     * allocates, whatever that holds.  Others are called by the reclaimer's
     * thread only, which holds nothing; who allocates waits for it a little. */
    bool leaf;
    /* Give about want_bytes back and return how many it was (SIZE_MAX: all
     * there is).  Never allocates more than it frees. */
    size_t (*shrink)(void *arg, size_t want_bytes);
    uint64_t (*held)(void *arg); /* bytes it could give, an estimate; or NULL */
    void *arg;
    /* shrinker.c's, under its mutex: */
    uint64_t calls, given_bytes;
    unsigned users; /* threads that are in a call, or between two */
    bool leaving;
    TAILQ_ENTRY(mem_shrinker) node;
};

/* The struct is the caller's and stays until it is unregistered; after
 * unregistering no call is under way: it is waited for, so nothing that a
 * shrinker takes may be held, and a shrinker cannot unregister one. */
void mem_shrinker_register(struct mem_shrinker *s);
void mem_shrinker_unregister(struct mem_shrinker *s);

/* The reclaimer's thread: reclaims below low, gives pages that have long been
 * free back to the kernel, reads the kernel's count.  0 or -errno. */
int mem_reclaimer_start(void);
void mem_reclaimer_stop(void); /* nothing when it does not run */
/* Called on that thread when it begins and before it ends (NULL: nothing), for
 * what shrinkers need of their thread.  Set while it does not run. */
void mem_reclaimer_set_hooks(void (*begins)(void), void (*ends)(void));
/* Pages are given back when they were free for so long; 2000 at start. */
void mem_reclaimer_set_purge_age(unsigned ms);

/* Ask all shrinkers for all they have, then the pages, until nothing more
 * comes; returns the bytes by which the process's memory shrank as the kernel
 * counts it.  The caller holds nothing and may wait for long. */
size_t mem_reclaim_all(void);

struct mem_shrinker_stats {
    const char *name;
    uint64_t held_bytes, calls, given_bytes;
};
/* In the order in which they are asked; returns how many there are. */
size_t mem_shrinkers_read(struct mem_shrinker_stats *out, size_t max);

#endif
