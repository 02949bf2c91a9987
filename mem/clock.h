/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monotonic clock as a number of nanoseconds, in which durations and
 * deadlines can simply be added up.  It starts anywhere, never steps and ends
 * in 584 years.
 */
#ifndef CLINKER_MEM_CLOCK_H
#define CLINKER_MEM_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "mem/must.h"

#define CLOCK_NS_PER_SEC UINT64_C(1000000000)
#define CLOCK_NS_PER_MS UINT64_C(1000000)

/* Any clock of the kernel's as nanoseconds. */
static inline uint64_t
clock_read_ns(clockid_t clock)
{
    struct timespec ts;

    must(clock_gettime(clock, &ts) == 0);
    return (uint64_t)ts.tv_sec * CLOCK_NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Now, on CLOCK_MONOTONIC. */
static inline uint64_t
clock_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

/* A deadline as cond_wait_until() wants it. */
static inline struct timespec
clock_timespec(uint64_t ns)
{
    struct timespec ts = {
        .tv_sec = (time_t)(ns / CLOCK_NS_PER_SEC),
        .tv_nsec = (long)(ns % CLOCK_NS_PER_SEC),
    };

    return ts;
}

#endif
