/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's count of our memory.  A read of statm costs about a microsecond
 * and no allocation; smaps_rollup, which is exact, walks the page tables.  So
 * the count may be behind by what the kernel keeps for each thread or
 * processor (64 pages, as a rule), which is one of the reasons for the margin
 * below the limit.
 */
#include "mem/resident.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "mem/clock.h"
#include "mem/must.h"

static int statm_fd = -1;
/* A forked child's descriptor shows its parent. */
static _Atomic(bool) statm_stale;

static void
forget_statm(void)
{
    atomic_store(&statm_stale, true);
}

static void __attribute__((constructor)) watch_fork(void)
{
    must(pthread_atfork(NULL, NULL, forget_statm) == 0);
}

static void
reopen(void)
{
    if (statm_fd >= 0)
        (void)close(statm_fd);
    statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

/* One number and the blank behind it. */
static const char *
number(const char *p, uint64_t *out)
{
    uint64_t n = 0;
    const char *start = p;

    for (; *p >= '0' && *p <= '9'; p++) {
        if (n > (UINT64_MAX - 9) / 10)
            return NULL;
        n = n * 10 + (uint64_t)(*p - '0');
    }
    if (p == start || *p != ' ')
        return NULL;
    *out = n;
    return p + 1;
}

bool
resident_parse(const char *text, uint64_t page_bytes, uint64_t *resident_bytes,
               uint64_t *file_bytes)
{
    uint64_t size, resident, shared;
    const char *p = number(text, &size);

    if (p != NULL)
        p = number(p, &resident);
    if (p != NULL)
        p = number(p, &shared);
    if (p == NULL || resident > UINT64_MAX / page_bytes)
        return false;
    /* The two are not counted at the same instant. */
    if (shared > resident)
        shared = resident;
    *resident_bytes = resident * page_bytes;
    *file_bytes = shared * page_bytes;
    return true;
}

static bool
kernel_read(void *arg, uint64_t *resident_bytes, uint64_t *file_bytes)
{
    char text[256];
    ssize_t n;

    if (statm_fd < 0 || atomic_exchange(&statm_stale, false))
        reopen();
    n = statm_fd < 0 ? -1 : pread(statm_fd, text, sizeof(text) - 1, 0);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return resident_parse(text, (uint64_t)sysconf(_SC_PAGESIZE), resident_bytes,
                          file_bytes);
}

static uint64_t
kernel_now_ns(void *arg)
{
    return clock_ns();
}

const struct resident_source resident_kernel = {
    .read = kernel_read,
    .now_ns = kernel_now_ns,
};
