/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks in size classes, below typed allocations.  Private to mem/.
 *
 *     base                      user (16-aligned)
 *     │ head 8 B                │ bytes asked for │ tail 4 B │ slack │
 *
 * A block keeps its head while it is free, marked dead.
 */
#ifndef CLINKER_MEM_HEAP_H
#define CLINKER_MEM_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/poison.h"
#include "mem/thread.h"

enum {
    HEAD_BYTES = 8,
    TAIL_BYTES = 4,
    HEAP_GRAIN_BYTES = 16,
    HEAP_BLOCK_BYTES_MAX = 8208, /* with head and tail */
    HEAP_BYTES_MAX = HEAP_BLOCK_BYTES_MAX - HEAD_BYTES - TAIL_BYTES,
    HEAD_SLOT_BITS = 10,
    HEAD_SLOT = (1 << HEAD_SLOT_BITS) - 1,
    HEAD_CLASS = 0xffff & ~HEAD_SLOT,
};

#define HEAD_LIVE 0x6d454d2bu
#define HEAD_DEAD 0x7e8a1d0fu
#define HEAD_SPECIAL 0x51ec1a1du /* special.h */
#define HEAD_INNER 0x2b1c9e55u   /* a class's block around a special one */
/* No byte of it is zero or printable: the usual overrun, by a string's end,
 * changes it. */
#define TAIL 0xb1d7e39du

/* Loaded and stored as one word: a store in parts would make the load that
 * follows wait.  check is the magic, mixed with the block's address and the
 * rest, so that a head that was copied with its block is not taken for one. */
struct head {
    uint32_t check;
    uint16_t slot_and_class;
    uint16_t bytes; /* as asked for; UINT16_MAX where they are elsewhere */
} __attribute__((aligned(8)));

_Static_assert(sizeof(struct head) == HEAD_BYTES, "a word");

_Static_assert((int)MEM_TYPES_MAX <= 1 << HEAD_SLOT_BITS, "a slot fits");
_Static_assert(sizeof(struct magazine) == 1 << HEAD_SLOT_BITS,
               "a class is its magazine's place");
_Static_assert(HEAP_CLASSES_MAX <= 1 << (16 - HEAD_SLOT_BITS), "a class fits");

typedef uint64_t __attribute__((may_alias)) head_word;

/* Lies wherever the bytes asked for end. */
struct tail {
    uint32_t magic;
} __attribute__((packed, may_alias));

static inline struct head *
head_of(const void *user)
{
    return (struct head *)((uintptr_t)user - HEAD_BYTES);
}

static POISON_BLIND_INLINE uint64_t
head_load(const void *user)
{
    return *(const head_word *)(const void *)head_of(user);
}

static inline uint32_t
head_slot(uint64_t head)
{
    return (uint32_t)(head >> 32) & HEAD_SLOT;
}

static inline uint32_t
head_class(uint64_t head)
{
    return (uint32_t)(head >> 32) & HEAD_CLASS;
}

static inline size_t
head_bytes(uint64_t head)
{
    return head >> 48;
}

/* What is left of a head when its address is taken out: its magic. */
static inline uint32_t
head_magic(const void *user, uint64_t head)
{
    return (uint32_t)head ^ (uint32_t)(head >> 32) ^
           (uint32_t)((uintptr_t)user / HEAP_GRAIN_BYTES);
}

static POISON_BLIND_INLINE void
head_store(void *user, uint32_t magic, uint32_t slot_and_class, size_t bytes)
{
    uint32_t info = slot_and_class | (uint32_t)bytes << 16;

    *(head_word *)(void *)head_of(user) =
        (head_word)info << 32 |
        (magic ^ (uint32_t)((uintptr_t)user / HEAP_GRAIN_BYTES) ^ info);
}

/* The same with another magic. */
static POISON_BLIND_INLINE void
head_turn(void *user, uint64_t head, uint32_t from, uint32_t to)
{
    *(head_word *)(void *)head_of(user) = head ^ (from ^ to);
}

/* The class whose blocks hold this many bytes, by grains with head and tail;
 * where it stands in a head and, in bytes, among a thread's magazines.  Filled
 * before the first thread has any. */
extern uint16_t
    heap_class_by_grains[HEAP_BLOCK_BYTES_MAX / HEAP_GRAIN_BYTES + 1];

static inline uint32_t
heap_class_for(size_t bytes)
{
    return heap_class_by_grains[(bytes + HEAD_BYTES + TAIL_BYTES +
                                 HEAP_GRAIN_BYTES - 1) /
                                HEAP_GRAIN_BYTES];
}

static inline struct magazine *
heap_magazine(struct mem_thread *self, uint32_t class)
{
    return &self->heap[class >> HEAD_SLOT_BITS];
}

void heap_init(void); /* once */
/* A block, or back, without a magazine if self is NULL. */
void *heap_take(struct mem_thread *self, uint32_t class);
void heap_give(struct mem_thread *self, uint32_t class, void *base);
/* What is in classes' blocks: in use, free, heads and tails.  A whole, of which
 * every type of alloc.h is part. */
extern struct mem_type heap_slack;

/* Count a request for a block of this type that cannot be met: NULL, and
 * ENOMEM. */
void *heap_refuse(struct mem_type *type);

/* Every class's empty slabs; returns bytes. */
size_t heap_shrink(void);
size_t heap_spare_bytes(void);

#endif
