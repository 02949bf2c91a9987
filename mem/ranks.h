/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranks of the mutexes inside mem/, above all others: memory is wanted below
 * any of them.  Private to mem/; doc/locking.md is the list. */
#ifndef CLINKER_MEM_RANKS_H
#define CLINKER_MEM_RANKS_H

enum {
    MEM_RANK_IOBUF_MAKE = 890, /* making the pools of iobufs */
    MEM_RANK_QUARANTINE = 895, /* freed blocks that wait */
    MEM_RANK_POOLS = 900,      /* the list of pools */
    MEM_RANK_IOBUF = 910,      /* a size class of iobufs */
    MEM_RANK_POOL = 920,       /* the slabs of a pool */
    MEM_RANK_HEAP = 925,       /* the slabs of a size class */
    MEM_RANK_GROWTH = 930,     /* samples of the accounts */
    MEM_RANK_TRACE = 940,      /* switching tracing on and off */
    MEM_RANK_TRACE_LIVE = 950, /* a table of blocks that are remembered */
    MEM_RANK_TRACE_SITES = 960, /* the table of sites */
    MEM_RANK_GUARD = 970,      /* slots of guard objects */
    MEM_RANK_SHRINKERS = 972,  /* the list of shrinkers; not over a call */
    MEM_RANK_RECLAIMER = 974,  /* what the reclaimer is to do */
    MEM_RANK_LIMIT = 976,      /* reading the kernel's count */
    MEM_RANK_PAGES = 980,      /* free and used pages */
    MEM_RANK_ACCOUNT = 990,    /* registry of types */
    MEM_RANK_THREADS = 992,    /* the list of threads */
    MEM_RANK_RECORD = 995,     /* the recorder's file, in builds with it */
};

#endif
