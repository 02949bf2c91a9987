/* SPDX-License-Identifier: BSD-2-Clause */
/* Reclaim as the limit asks for it.  Private to mem/. */
#ifndef CLINKER_MEM_RECLAIM_DIRECT_H
#define CLINKER_MEM_RECLAIM_DIRECT_H

#include <stdbool.h>
#include <stddef.h>

/* On the allocating thread, which may hold any mutex but mem/'s: the leaf
 * shrinkers here, then the others on the reclaimer's thread, waited for 20
 * milliseconds at most (it may need what the caller holds).  Not recursive:
 * while a thread reclaims, what it allocates itself is admitted.  Returns the
 * bytes given back: to the kernel, or else to mem/; 0: there is nothing. */
size_t reclaim_direct(size_t want_bytes);
/* Does the calling thread reclaim now? */
bool reclaim_is_own(void);
/* Wake the reclaimer's thread.  Cheap while it is awake, or is not there. */
void reclaim_wake(void);

#endif
