/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guard objects: one allocation in some thousands lies at the end, or the
 * start, of a page of its own between two that nobody may touch, and its page
 * is closed when it is freed.  An overrun, or a use after free, is a fault at
 * the instruction that does it; the process's last words then are what the
 * block was, where it was allocated and where freed.  (Sampling as GWP-ASan.)
 */
#ifndef CLINKER_MEM_GUARD_H
#define CLINKER_MEM_GUARD_H

#include <stddef.h>
#include <stdint.h>

/* doc/memory.md says what it costs. */
enum { MEM_GUARD_RATE_DEFAULT = 50000 };

/* Mean allocations between two guarded ones of a thread that allocates more
 * than it frees; 0: none more, which is what a process starts with.  One that
 * gets along with what its magazines hold is not counted, since that would cost
 * each allocation: mem_guard_tick() sees to its types.  Under AddressSanitizer
 * and valgrind, which see more, it stays at 0. */
void mem_guard_set_rate(unsigned mean_allocations);
/* Let the next allocation of a few types, chosen at random, be guarded; called
 * every second by the reclaimer. */
void mem_guard_tick(void);
/* Report faults: installs handlers for SIGSEGV and SIGBUS.  After the report,
 * and where a fault is not a guard's, they leave it to what was there before
 * (as a rule, a core).  Called once, before threads are started. */
void mem_guard_install(void);

struct mem_guard_stats {
    unsigned rate;
    unsigned slots, slots_used; /* there are; with a live block */
    uint64_t guarded;           /* ever */
    uint64_t full;              /* not guarded since no slot was free */
};
void mem_guard_read(struct mem_guard_stats *out);

#endif
