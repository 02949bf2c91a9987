/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An arena: many small allocations that die together, with their request.
 * Not thread safe; it belongs to whoever owns the request.
 */
#ifndef CLINKER_MEM_ARENA_H
#define CLINKER_MEM_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "mem/account.h"

struct arena_block;

struct arena {
    uint8_t *pos; /* next free byte, 8-aligned */
    uint8_t *end;
    uint8_t *first; /* the caller's own first block, may be NULL */
    size_t first_bytes;
    struct arena_block *blocks; /* further ones, charged to type */
    struct mem_type *type;
};

/* `first` (8-aligned, first_bytes long, not owned) serves the first
 * allocations; further blocks come from mem_alloc(). */
void arena_init(struct arena *a, struct mem_type *type, void *first,
                size_t first_bytes);
/* Gives everything back; the arena is as after arena_init(). */
void arena_release(struct arena *a);

/* 8-aligned; NULL and ENOMEM on failure. */
void *arena_alloc(struct arena *a, size_t bytes);
void *arena_zalloc(struct arena *a, size_t bytes);
void *arena_memdup(struct arena *a, const void *p, size_t bytes);
/* Copies `bytes` bytes and adds a NUL. */
char *arena_strndup(struct arena *a, const char *s, size_t bytes);
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
