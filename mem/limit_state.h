/* SPDX-License-Identifier: BSD-2-Clause */
/* The limit as reclaim and tests see it.  Private to mem/. */
#ifndef CLINKER_MEM_LIMIT_STATE_H
#define CLINKER_MEM_LIMIT_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "mem/resident.h"

/* Read the kernel's count now. */
void limit_refresh(void);
/* Bytes that have to be given back for memory to be plenty. */
uint64_t limit_missing_bytes(void);
uint64_t limit_used_bytes(void);
/* Call back if the level is not the one that was told last.  One thread's. */
void limit_tell_level(void);
/* All that the calling thread ever gave back by limit_return(). */
uint64_t limit_own_returned_bytes(void);
/* Count a reclaim for statistics. */
void limit_count_direct(uint64_t returned_bytes);
void limit_count_background(uint64_t returned_bytes);

/* Where to read from and what the time is, instead of the kernel's (NULL).
 * For tests, before anything else happens.  *source must stay. */
void limit_set_source(const struct resident_source *source);

#endif
