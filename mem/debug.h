/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Poison on demand: from then on blocks of a type are filled when they are
 * allocated and when they are freed, have a red zone behind them, and rest in
 * quarantine before their memory is used again.  A write beyond a block or
 * after its end is reported with the type's name, at the latest when the block
 * is freed or leaves the quarantine.  Costs nothing for types that are not
 * poisoned.
 */
#ifndef CLINKER_MEM_DEBUG_H
#define CLINKER_MEM_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The types of this module and name (NULL or "*": any).  Blocks that are live
 * stay as they are.  Returns how many types were changed. */
unsigned mem_poison_set(const char *module, const char *name, bool on);
/* Types that are poisoned, and the bytes in quarantine. */
unsigned mem_poison_types(void);
uint64_t mem_poison_quarantine_bytes(void);

#endif
