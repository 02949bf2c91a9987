/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounts as the rest of mem/ uses them.  Private to mem/. */
#ifndef CLINKER_MEM_ACCOUNT_SLOT_H
#define CLINKER_MEM_ACCOUNT_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "mem/account.h"
#include "mem/thread.h"

/* Marks in mem_type.id, above the slot: allocating such a type takes the slow
 * path.  One comparison finds a type that has no slot yet, or any mark. */
enum {
    TYPE_SLOT = 0xffff,
    TYPE_WATCHED = 1 << 27,  /* valgrind watches: poisoned, whatever is asked */
    TYPE_TRACED = 1 << 28,   /* trace.h */
    TYPE_POISONED = 1 << 29, /* poison, red zones and a quarantine */
    TYPE_GUARD = 1 << 30,    /* the next one shall be a guard object */
};

_Static_assert((int)MEM_TYPES_MAX <= (int)TYPE_SLOT,
               "a slot fits below the marks");

uint32_t mem_account_register(struct mem_type *type);

/* Slot and marks of a type, given a slot on first use. */
static inline uint32_t
mem_account_id(struct mem_type *type)
{
    uint32_t id = atomic_load_explicit(&type->id, memory_order_relaxed);

    return __builtin_expect(id != 0, 1) ? id : mem_account_register(type);
}

static inline uint32_t
mem_account_slot(struct mem_type *type)
{
    return mem_account_id(type) & TYPE_SLOT;
}

/* As charge and discharge, by slot and for several blocks. */
void mem_account_add(uint32_t slot, size_t bytes, size_t blocks);
void mem_account_sub(uint32_t slot, size_t bytes, size_t blocks);

/* The type in a slot, NULL when there is none (a damaged header says so).  A
 * pool's goes with the pool: to be looked at only while something of it is in
 * use. */
const struct mem_type *mem_account_type(uint32_t slot);
/* The names of the type in a slot, if there is one; static text. */
bool mem_account_names(uint32_t slot, const char **module, const char **name);

/* One type alone, not added up with others of its name. */
void mem_account_read_slot(struct mem_type *type, struct mem_type_stats *out);

/* What is charged to `type` is part of what is charged to `whole`: reading
 * shows as whole's only what is not in use by such parts. */
void mem_account_set_whole(struct mem_type *type, struct mem_type *whole);

/* Give the slot of `type` up; its history goes to `heir`.  Nothing may be
 * charged to it, and nobody may use it meanwhile. */
void mem_account_retire(struct mem_type *type, struct mem_type *heir);

/* Set or clear a mark of the type in this slot. */
void mem_account_mark(uint32_t slot, uint32_t mark, bool on);
uint32_t mem_account_marks(uint32_t slot);
/* A mark for all types to come as well as those that are. */
void mem_account_mark_all(uint32_t mark, bool on);
/* Slots 1 to this one have been given out; there is at least one. */
uint32_t mem_account_slots(void);
/* Calls fn for each type that has a slot, in no order, without a lock held;
 * stops when fn returns false.  Returns how many there were.  The type may have
 * gone by then; its names stay. */
size_t mem_account_each(bool (*fn)(void *arg, uint32_t slot,
                                   const char *module, const char *name),
                        void *arg);

/* A thread that ends: its counters go to the shared ones.  [threads' mutex] */
void account_fold(struct mem_thread *t);

/*
 * The allocators' fast path.  Plain loads and stores of the thread's own line,
 * atomic for the readers' sake.
 */

/* Tell the others what changed in one of our counters. */
void account_tell(uint32_t slot, struct mem_counter *c);
/* The same, and returns p: a call at the end of whoever would return that, and
 * so needs no frame for it. */
void *account_tell_and_return(uint32_t slot, struct mem_counter *c, void *p);

static inline int64_t
counter_get(const _Atomic(int64_t) *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

static inline uint64_t
counter_getu(const _Atomic(uint64_t) *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

static inline void
counter_set(_Atomic(int64_t) *v, int64_t to)
{
    atomic_store_explicit(v, to, memory_order_relaxed);
}

static inline void
counter_setu(_Atomic(uint64_t) *v, uint64_t to)
{
    atomic_store_explicit(v, to, memory_order_relaxed);
}

/* One instruction where that is to be had. */
static inline void
counter_step(_Atomic(int64_t) *v, int64_t by)
{
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
    __asm__("addq %1, %0" : "+m"(*v) : "er"(by) : "cc");
#else
    counter_set(v, counter_get(v) + by);
#endif
}

/* They return whether account_tell() is due: a tail call of whoever is in a
 * hurry.  A counter that was never told of has low and high at 0, and so is
 * told of at its first use. */
#ifndef CLINKER_NO_ACCOUNTS
static inline bool
counter_add(struct mem_counter *c, size_t bytes, size_t blocks)
{
    int64_t size = counter_get(&c->size) + (int64_t)bytes;

    counter_set(&c->size, size);
    counter_step(&c->blocks, (int64_t)blocks);
    counter_step((_Atomic(int64_t) *)&c->total, (int64_t)blocks);
    return size >= counter_get(&c->size_high);
}

static inline bool
counter_sub(struct mem_counter *c, size_t bytes, size_t blocks)
{
    int64_t size = counter_get(&c->size);
    int64_t live = counter_get(&c->blocks);

    if (__builtin_expect(size > counter_get(&c->size_peak), 0))
        counter_set(&c->size_peak, size);
    if (__builtin_expect(live > counter_get(&c->blocks_peak), 0))
        counter_set(&c->blocks_peak, live);
    size -= (int64_t)bytes;
    counter_set(&c->size, size);
    counter_set(&c->blocks, live - (int64_t)blocks);
    return size <= counter_get(&c->size_low);
}
#else
/* Only for the bench that measures what accounts cost. */
static inline bool
counter_add(struct mem_counter *c, size_t bytes, size_t blocks)
{
    return false;
}

static inline bool
counter_sub(struct mem_counter *c, size_t bytes, size_t blocks)
{
    return false;
}
#endif

#endif
