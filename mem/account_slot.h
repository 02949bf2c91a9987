/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounts as the rest of mem/ uses them.  Private to mem/. */
#ifndef CLINKER_MEM_ACCOUNT_SLOT_H
#define CLINKER_MEM_ACCOUNT_SLOT_H

#include <stdatomic.h>

#include "mem/account.h"

uint32_t mem_account_register(struct mem_type *type);

/* The slot of a type, given one on first use. */
static inline uint32_t
mem_account_slot(struct mem_type *type)
{
    uint32_t slot = atomic_load_explicit(&type->id, memory_order_relaxed);

    return __builtin_expect(slot != 0, 1) ? slot : mem_account_register(type);
}

/* As charge and discharge, by slot and for several blocks. */
void mem_account_add(uint32_t slot, size_t bytes, size_t blocks);
void mem_account_sub(uint32_t slot, size_t bytes, size_t blocks);

/* The type in a slot, NULL when there is none (a damaged header says so). */
const struct mem_type *mem_account_type(uint32_t slot);

/* One type alone, not added up with others of its name. */
void mem_account_read_slot(struct mem_type *type, struct mem_type_stats *out);

/* What is charged to `type` is part of what is charged to `whole`: reading
 * shows as whole's only what is not in use by such parts. */
void mem_account_set_whole(struct mem_type *type, struct mem_type *whole);

/* Give the slot of `type` up; its history goes to `heir`.  Nothing may be
 * charged to it, and nobody may use it meanwhile. */
void mem_account_retire(struct mem_type *type, struct mem_type *heir);

#endif
