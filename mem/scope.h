/* SPDX-License-Identifier: BSD-2-Clause */
/* Cleanup at the end of a scope, by name.  (gcc and clang's cleanup
 * attribute.)  Declared last, released first. */
#ifndef CLINKER_MEM_SCOPE_H
#define CLINKER_MEM_SCOPE_H

#include <unistd.h>

#include "mem/alloc.h"
#include "mem/mutex.h"

static inline void
scope_close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static inline void
scope_mem_free(void *p)
{
    mem_free(*(void **)p);
}

static inline void
scope_mutex_unlock(struct mutex **mtx)
{
    mutex_unlock(*mtx);
}

/* AUTO_CLOSE int fd = open(...); */
#define AUTO_CLOSE __attribute__((cleanup(scope_close_fd)))
/* AUTO_FREE char *s = mem_strdup(...); */
#define AUTO_FREE __attribute__((cleanup(scope_mem_free)))

#define SCOPE_PASTE2(a, b) a##b
#define SCOPE_PASTE(a, b) SCOPE_PASTE2(a, b)
/* MUTEX_SCOPE(&x->mtx); holds it until the end of the block. */
#define MUTEX_SCOPE(mtxp)                                                      \
    struct mutex *SCOPE_PASTE(scope_mtx_, __LINE__)                            \
        __attribute__((cleanup(scope_mutex_unlock), unused)) =                 \
            (mutex_lock(mtxp), (mtxp))

#endif
