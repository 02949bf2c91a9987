/* SPDX-License-Identifier: BSD-2-Clause */
/* Guard objects as allocators call them.  Private to mem/. */
#ifndef CLINKER_MEM_GUARD_HOOK_H
#define CLINKER_MEM_GUARD_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mem_thread;

enum { GUARD_BYTES_MAX = 4096, GUARD_INTERVAL_OFF = 1 << 20 };

/* Memory for `bytes` bytes (at most GUARD_BYTES_MAX) on an `align` boundary
 * (a power of two, at most 64), on a page of its own, contents undefined; NULL:
 * not this time.  Calls that follow one another use different pages. */
void *guard_take(uint32_t slot, size_t bytes, size_t align);
/* The first head_bytes of a block that was just taken are the allocator's own:
 * reports speak of what lies behind them. */
void guard_set_head(void *p, size_t head_bytes);
/* Is it one of guard_take()'s?  Cheap, for any address. */
bool guard_owns(const void *p);
/* Of a live one: its type's slot and bytes.  Anything else that guard_owns():
 * a doubled or wrong free, which ends the process with what is known; and so
 * does one around which something was written on its page. */
size_t guard_check(const void *p, uint32_t *slot);
/* After guard_check(). */
void guard_give(void *p);
/* After how many allocations a thread should try again: random, around the
 * rate; GUARD_INTERVAL_OFF when off, so that a thread notices in time when they
 * are switched on. */
uint64_t guard_interval(void);
/* Should this slow allocation, of a type with this id, be guarded?  If its type
 * was marked for it, or one in so many of those that come that way (each stands
 * for half a magazine).  A mark goes whether it can be obeyed (can_be) or not.
 * A type has one at a time: those that live as long as the process, or a cached
 * inode, would have all of them in the end. */
bool guard_is_due(struct mem_thread *self, uint32_t id, bool can_be);

#endif
