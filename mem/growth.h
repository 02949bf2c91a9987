/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How each type has grown: its size and blocks in the past, in a fixed ring of
 * samples for each type: every minute of an hour, every hour of two days, every
 * day of a month.  That is 2.2 KiB for a type.  Texts of types are kept by
 * pointer.
 */
#ifndef CLINKER_MEM_GROWTH_H
#define CLINKER_MEM_GROWTH_H

#include <stddef.h>
#include <stdint.h>

enum mem_growth_span { MEM_GROWTH_MINUTES, MEM_GROWTH_HOURS, MEM_GROWTH_DAYS,
                       MEM_GROWTH_SPANS };
enum { MEM_GROWTH_MINUTES_KEPT = 60, MEM_GROWTH_HOURS_KEPT = 48,
       MEM_GROWTH_DAYS_KEPT = 31 };

/* Take a sample if one is due; called about every second by the reclaimer.
 * now_ns: CLOCK_MONOTONIC. */
void mem_growth_tick(uint64_t now_ns);

struct mem_growth {
    const char *module, *name;
    uint64_t size, num_allocs;         /* now */
    /* Bytes and blocks then, and how long ago that was; age 0: unknown. */
    struct {
        uint64_t size, num_allocs;
        uint64_t age_ns;
    } past[MEM_GROWTH_SPANS]; /* the oldest sample of each ring */
    /* Least squares over the minutes' ring: bytes in a second; and in how many
     * of the steps between samples it grew, of how many. */
    double slope_bytes_per_s;
    unsigned steps_up, steps;
};
/* By growth over the longest span known, most first; ages as of the last tick.
 * Returns how many there are, which may be more than max. */
size_t mem_growth_read(struct mem_growth *out, size_t max);
/* The ring of one type, its newest `max` samples, oldest first: sizes; returns
 * how many. */
size_t mem_growth_ring(const char *module, const char *name,
                       enum mem_growth_span span, uint64_t *sizes, size_t max);

#endif
