/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranks of the mutexes inside mem/, above all others: memory is wanted below
 * any of them.  Private to mem/; doc/locking.md is the list. */
#ifndef CLINKER_MEM_RANKS_H
#define CLINKER_MEM_RANKS_H

enum {
    MEM_RANK_IOBUF_MAKE = 890, /* making the pools of iobufs */
    MEM_RANK_POOLS = 900,      /* the list of pools */
    MEM_RANK_IOBUF = 910,        /* a size class of iobufs */
    MEM_RANK_POOL = 920,          /* the depot of a pool */
    MEM_RANK_GROWTH = 930,     /* samples of the accounts */
    MEM_RANK_GUARD = 970,      /* slots of guard objects */
    MEM_RANK_SHRINKERS = 972,  /* the list of shrinkers; not over a call */
    MEM_RANK_RECLAIMER = 974,  /* what the reclaimer is to do */
    MEM_RANK_LIMIT = 976,      /* reading the kernel's count */
    MEM_RANK_PAGES = 980,      /* free and used pages */
    MEM_RANK_ACCOUNT = 990,    /* registry of types and threads' counters */
    MEM_RANK_RECORD = 995,     /* the recorder's file, in builds with it */
};

#endif
