/* SPDX-License-Identifier: BSD-2-Clause */
/* Tracing as allocators call it, for blocks of a type that has the mark
 * TYPE_TRACED (account_slot.h), and only then.  Private to mem/. */
#ifndef CLINKER_MEM_TRACE_HOOK_H
#define CLINKER_MEM_TRACE_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block was allocated; true: it is remembered, and trace_freed() must be
 * told of its end.  slot: without marks. */
bool trace_allocated(uint32_t slot, const void *block, size_t bytes);
/* Also of blocks that are not (any more) remembered.  Before the memory can be
 * handed out again. */
void trace_freed(uint32_t slot, const void *block);

#endif
