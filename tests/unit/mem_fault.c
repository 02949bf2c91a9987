/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/mem_fault.h"

#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/arena.h"
#include "mem/iobuf.h"
#include "mem/limit.h"
#include "mem/page_run.h"
#include "mem/pool.h"

enum { FRAMES = 12 };

static _Atomic(bool) armed;
static enum mem_fault_mode mode;
static unsigned first;
static _Atomic(unsigned) asked, failed;
static void *frames[FRAMES];
static int frames_count;
static _Thread_local bool exempt;
static _Thread_local enum { UNKNOWN, OTHER, WORKER, NEVER } kind;
static _Thread_local enum mem_importance importance = MEM_FOR_USERS;

/* --- whether --- */

/* What runs whenever it likes would take another's turn to fail. */
static bool
is_background(const char *name)
{
    static const char *const names[] = {"reclaim", "janitor", "health",
                                        "healthio", "glfs_iotwdog"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void
know_thread(void)
{
    char name[32] = "";

    (void)pthread_getname_np(pthread_self(), name, sizeof(name));
    if (is_background(name))
        kind = NEVER;
    else if (strncmp(name, "glfs_iotwr", 10) == 0)
        kind = WORKER;
    else
        kind = OTHER;
}

static bool
fails(void)
{
    unsigned n;

    if (!armed || exempt)
        return false;
    know_thread();
    if (kind == NEVER)
        return false;
    if (mode == MEM_FAULT_WORKERS &&
        (kind != WORKER || importance == MEM_FOR_SERVER))
        return false;
    n = atomic_fetch_add(&asked, 1) + 1;
    if (mode == MEM_FAULT_ONCE ? n != first : n < first)
        return false;
    if (atomic_fetch_add(&failed, 1) == 0)
        frames_count = backtrace(frames, FRAMES);
    errno = ENOMEM;
    return true;
}

void
mem_fault_exempt(void)
{
    exempt = true;
}

void
mem_fault_arm(enum mem_fault_mode how, unsigned n)
{
    /* Loads what it needs now, not in the middle of a test. */
    (void)backtrace(frames, FRAMES);
    frames_count = 0;
    mode = how;
    first = n;
    asked = failed = 0;
    armed = true;
}

unsigned
mem_fault_disarm(void)
{
    armed = false;
    return failed;
}

const char *
mem_fault_where(void)
{
    extern const char __executable_start;
    static char text[FRAMES * 20 + 1];
    size_t used = 0;

    text[0] = '\0';
    for (int i = 1; i < frames_count; i++)
        used += (size_t)snprintf(
            text + used, sizeof(text) - used, " %#zx",
            (size_t)((uintptr_t)frames[i] - (uintptr_t)&__executable_start));
    return text;
}

/* --- what --- */

/* The linker's names for a function and for who stands in its place. */
#define WRAP(result, name, params, args)                                       \
    result __real_##name params;                                               \
    result __wrap_##name params;                                               \
    result __wrap_##name params                                                \
    {                                                                          \
        return fails() ? NULL : __real_##name args;                            \
    }

WRAP(void *, mem_alloc, (struct mem_type * t, size_t n), (t, n))
WRAP(void *, mem_zalloc, (struct mem_type * t, size_t n), (t, n))
WRAP(void *, mem_calloc, (struct mem_type * t, size_t k, size_t n), (t, k, n))
WRAP(void *, mem_realloc, (struct mem_type * t, void *p, size_t n), (t, p, n))
WRAP(void *, mem_alloc_aligned, (struct mem_type * t, size_t a, size_t n),
     (t, a, n))
WRAP(char *, mem_strdup, (struct mem_type * t, const char *s), (t, s))
WRAP(char *, mem_strndup, (struct mem_type * t, const char *s, size_t n),
     (t, s, n))
WRAP(void *, mem_memdup, (struct mem_type * t, const void *p, size_t n),
     (t, p, n))
WRAP(char *, mem_vasprintf,
     (struct mem_type * t, const char *fmt, va_list ap), (t, fmt, ap))
WRAP(void *, mem_lib_malloc, (size_t n), (n))
WRAP(void *, mem_lib_realloc, (void *p, size_t n), (p, n))
WRAP(void *, mem_pool_get, (struct mem_pool * pool), (pool))
WRAP(struct mem_pool *, mem_pool_new,
     (struct mem_type * t, size_t n, void (*construct)(void *obj)),
     (t, n, construct))
WRAP(struct iobuf *, iobuf_new, (size_t n), (n))
WRAP(void *, page_run_take, (size_t n, enum page_kind k, bool zero),
     (n, k, zero))
WRAP(void *, arena_alloc, (struct arena * a, size_t n), (a, n))
WRAP(void *, arena_zalloc, (struct arena * a, size_t n), (a, n))
WRAP(void *, arena_memdup, (struct arena * a, const void *p, size_t n),
     (a, p, n))
WRAP(char *, arena_strndup, (struct arena * a, const char *s, size_t n),
     (a, s, n))

char *__wrap_mem_asprintf(struct mem_type *type, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *
__wrap_mem_asprintf(struct mem_type *type, const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = mem_vasprintf(type, fmt, ap);
    va_end(ap);
    return text;
}

char *__wrap_arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *
__wrap_arena_printf(struct arena *a, const char *fmt, ...)
{
    char text[8192];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(text)) {
        errno = ENOMEM;
        return NULL;
    }
    return arena_strndup(a, text, (size_t)n);
}

enum mem_importance __real_mem_set_importance(enum mem_importance i);
enum mem_importance __wrap_mem_set_importance(enum mem_importance i);
enum mem_importance
__wrap_mem_set_importance(enum mem_importance i)
{
    importance = i;
    return __real_mem_set_importance(i);
}
