/* SPDX-License-Identifier: BSD-2-Clause */
/* The limit as pages ask it.  Private to mem/. */
#ifndef CLINKER_MEM_LIMIT_ADMIT_H
#define CLINKER_MEM_LIMIT_ADMIT_H

#include <stdbool.h>
#include <stddef.h>

/* May `bytes` (at most PTRDIFF_MAX) more become the process's memory?  Reclaims
 * if need be.  Called before they are touched, with no mutex of page_run.c or
 * of any leaf shrinker held; true: they are counted as taken. */
bool limit_admit(size_t bytes);
/* They are the kernel's again (purged, unmapped): called after that was done,
 * so that they are never missing here while the kernel still counts them.
 * Never waits; any mutex may be held. */
void limit_return(size_t bytes);

#endif
