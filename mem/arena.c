/* SPDX-License-Identifier: BSD-2-Clause */
/* A pointer that moves through the caller's block, then through blocks of our
 * own.  What would waste most of a block gets one of its own size, behind the
 * current one, which stays in use. */
#include "mem/arena.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/heap.h"
#include "mem/must.h"

enum { ARENA_ALIGN = 8, ARENA_BLOCK_BYTES = 4032, ARENA_LARGE_BYTES = 1024 };

struct arena_block {
    struct arena_block *next;
    _Alignas(16) uint8_t data[];
};

void
arena_init(struct arena *a, struct mem_type *type, void *first,
           size_t first_bytes)
{
    must(type != NULL);
    must((uintptr_t)first % ARENA_ALIGN == 0);
    if (first == NULL)
        first_bytes = 0;
    a->first = first;
    a->first_bytes = first_bytes;
    a->pos = a->first;
    a->end = first != NULL ? a->first + first_bytes : NULL;
    a->blocks = NULL;
    a->type = type;
}

void
arena_release(struct arena *a)
{
    while (a->blocks != NULL) {
        struct arena_block *b = a->blocks;

        a->blocks = b->next;
        mem_free(b);
    }
    a->pos = a->first;
    a->end = a->first != NULL ? a->first + a->first_bytes : NULL;
}

static struct arena_block *
block_add(struct arena *a, size_t bytes)
{
    struct arena_block *b;

    if (bytes > SIZE_MAX - sizeof(*b)) {
        errno = ENOMEM;
        return NULL;
    }
    b = mem_alloc(a->type, sizeof(*b) + bytes);
    if (b == NULL)
        return NULL;
    b->next = a->blocks;
    a->blocks = b;
    return b;
}

void *
arena_alloc(struct arena *a, size_t bytes)
{
    struct arena_block *b;
    size_t left_bytes = (size_t)(a->end - a->pos);
    uint8_t *p = a->pos;

    if (bytes == 0)
        bytes = 1;
    if (bytes > SIZE_MAX - ARENA_ALIGN)
        return heap_refuse(a->type);
    if (bytes > left_bytes) {
        if (bytes > ARENA_LARGE_BYTES) {
            b = block_add(a, bytes);
            return b != NULL ? b->data : NULL;
        }
        b = block_add(a, ARENA_BLOCK_BYTES);
        if (b == NULL)
            return NULL;
        p = b->data;
        a->end = p + ARENA_BLOCK_BYTES;
        left_bytes = ARENA_BLOCK_BYTES;
    }
    bytes = (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    /* The first block's length need not be a multiple of the alignment. */
    a->pos = p + (bytes < left_bytes ? bytes : left_bytes);
    return p;
}

void *
arena_zalloc(struct arena *a, size_t bytes)
{
    void *p = arena_alloc(a, bytes);

    if (p != NULL)
        memset(p, 0, bytes);
    return p;
}

void *
arena_memdup(struct arena *a, const void *src, size_t bytes)
{
    void *p = arena_alloc(a, bytes);

    if (p != NULL && bytes > 0)
        memcpy(p, src, bytes);
    return p;
}

char *
arena_strndup(struct arena *a, const char *s, size_t bytes)
{
    char *p;

    if (bytes == SIZE_MAX)
        return heap_refuse(a->type);
    p = arena_alloc(a, bytes + 1);
    if (p == NULL)
        return NULL;
    if (bytes > 0)
        memcpy(p, s, bytes);
    p[bytes] = '\0';
    return p;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *p;
    int len;

    va_start(ap, fmt);
    len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    must(len >= 0);
    p = arena_alloc(a, (size_t)len + 1);
    if (p == NULL)
        return NULL;
    va_start(ap, fmt);
    must(vsnprintf(p, (size_t)len + 1, fmt, ap) == len);
    va_end(ap);
    return p;
}
