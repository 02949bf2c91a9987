/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Typed allocations.  Every call names the account that it is charged to; a
 * block remembers its type, so that mem_free() needs none.  Functions return
 * NULL with errno ENOMEM when memory runs out (and count a failure); they
 * never abort for it.  A header and a trailer magic are checked on free: a
 * doubled, foreign or overrun block stops the process with the type's name.
 */
#ifndef CLINKER_MEM_ALLOC_H
#define CLINKER_MEM_ALLOC_H

#include <stdarg.h>
#include <stddef.h>

#include "mem/account.h"

/* Contents undefined.  bytes may be 0: a unique pointer to nothing. */
void *mem_alloc(struct mem_type *type, size_t bytes)
    __attribute__((malloc, alloc_size(2)));
void *mem_zalloc(struct mem_type *type, size_t bytes)
    __attribute__((malloc, alloc_size(2)));
/* n * bytes, zeroed; an overflow is ENOMEM. */
void *mem_calloc(struct mem_type *type, size_t n, size_t bytes)
    __attribute__((malloc, alloc_size(2, 3)));
/* p may be NULL; on failure p stays as it is. */
void *mem_realloc(struct mem_type *type, void *p, size_t bytes);
/* align: a power of two, at most 1 MiB. */
void *mem_alloc_aligned(struct mem_type *type, size_t align, size_t bytes);
char *mem_strdup(struct mem_type *type, const char *s);
char *mem_strndup(struct mem_type *type, const char *s, size_t max);
void *mem_memdup(struct mem_type *type, const void *p, size_t bytes);
char *mem_asprintf(struct mem_type *type, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *mem_vasprintf(struct mem_type *type, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
void mem_free(void *p); /* NULL is fine */
/* Bytes that the caller may use of p (as asked for). */
size_t mem_usable_bytes(const void *p);

/* malloc-shaped entry points for libraries that take an allocator (libevent,
 * json-c …).  They are charged to the type that was named here first. */
void *mem_lib_malloc(size_t bytes);
void *mem_lib_realloc(void *p, size_t bytes);
void mem_lib_free(void *p);

#endif
