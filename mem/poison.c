/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What valgrind is told.  Its requests do nothing where it does not run; they
 * are here and not inline so that the rest of mem/ needs neither its header nor
 * their dozen instructions.
 *
 * Without the header there is nobody to ask, and nothing is watched.
 */
#include "mem/poison.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#if defined(HAVE_VALGRIND_MEMCHECK_H) && !UNDER_ASAN
#include <valgrind/memcheck.h>

#include "mem/account_slot.h"
#endif

bool mem_watched;

#if defined(HAVE_VALGRIND_MEMCHECK_H) && !UNDER_ASAN
/* Before anybody allocates, so that no block is of the unwatched kind. */
static void __attribute__((constructor)) init(void)
{
    mem_watched = RUNNING_ON_VALGRIND != 0;
    if (mem_watched)
        mem_account_mark_all(TYPE_WATCHED, true);
}

void
watch_close(const void *p, size_t bytes)
{
    (void)VALGRIND_MAKE_MEM_NOACCESS(p, bytes);
}

void
watch_open(const void *p, size_t bytes, bool defined)
{
    if (defined)
        (void)VALGRIND_MAKE_MEM_DEFINED(p, bytes);
    else
        (void)VALGRIND_MAKE_MEM_UNDEFINED(p, bytes);
}

void
watch_given(const void *p, size_t bytes, bool defined)
{
    VALGRIND_MALLOCLIKE_BLOCK(p, bytes, 0, defined);
}

void
watch_taken_back(const void *p)
{
    VALGRIND_FREELIKE_BLOCK(p, 0);
}

/* Of this thread's errors. */
void
watch_pause(void)
{
    VALGRIND_DISABLE_ERROR_REPORTING;
}

void
watch_resume(void)
{
    VALGRIND_ENABLE_ERROR_REPORTING;
}
#else
void
watch_close(const void *p, size_t bytes)
{
}

void
watch_open(const void *p, size_t bytes, bool defined)
{
}

void
watch_given(const void *p, size_t bytes, bool defined)
{
}

void
watch_taken_back(const void *p)
{
}

void
watch_pause(void)
{
}

void
watch_resume(void)
{
}
#endif
