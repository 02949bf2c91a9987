/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A verdict on the process's memory, in sentences: what grew, since when, who
 * holds it and from which call site, what is slack, what to do.  Pure: numbers
 * in, sentences out.  doc/memory.md explains the thresholds.
 */
#ifndef CLINKER_SERVER_ADMIN_MEMORY_DOCTOR_H
#define CLINKER_SERVER_ADMIN_MEMORY_DOCTOR_H

#include <stddef.h>
#include <stdint.h>

#include "mem/account.h"
#include "mem/growth.h"
#include "mem/iobuf.h"
#include "mem/limit.h"
#include "mem/pool.h"
#include "mem/trace.h"
#include "server/admin/memory_balance.h"

enum {
    DOCTOR_FINDINGS_MAX = 32,
    DOCTOR_TEXT_BYTES = 1024,
    /* A type leaks, by its looks: over so many minutes it has grown by so
     * much, and in so many of a hundred of them. */
    DOCTOR_LEAK_STEPS_MIN = 10,
    DOCTOR_LEAK_STEPS_UP_PERCENT = 80,
    DOCTOR_LEAK_BYTES_MIN = 64 * 1024,
    /* Growth that is not steady, and slack, are told of from so much. */
    DOCTOR_BYTES_MIN = 1024 * 1024,
    DOCTOR_PERCENT_MIN = 10, /* of the resident memory, and as much */
    /* Unaccounted memory is told of beyond so much, and DOCTOR_BYTES_MIN. */
    DOCTOR_UNACCOUNTED_PERCENT = 3,
    DOCTOR_MAJOR_FAULTS_PER_S = 10,
};

enum doctor_weight { DOCTOR_FINE, DOCTOR_NOTE, DOCTOR_WARNING };

struct doctor_finding {
    enum doctor_weight weight;
    char text[DOCTOR_TEXT_BYTES];
};

struct doctor_facts {
    const struct memory_balance *balance;
    const struct mem_limit_stats *limit;
    const struct mem_type_stats *types;
    size_t types_count;
    const struct mem_growth *growth;
    size_t growth_count;
    const struct mem_pool_stats *pools;
    size_t pools_count;
    const struct iobuf_stats *buffers;
    size_t buffers_count;
    const struct mem_trace_site *sites; /* by live bytes */
    size_t sites_count;
    uint64_t libc_free_bytes; /* in the C library's heap, not in use */
    double major_faults_per_s;
    /* Name of a return address; mem_trace_symbol(). */
    void (*symbol)(const void *frame, char *text, size_t text_bytes);
};

/* Warnings first.  Never empty: when nothing is wrong that is said. Returns how
 * many there are, at most DOCTOR_FINDINGS_MAX. */
size_t memory_doctor(const struct doctor_facts *facts,
                     struct doctor_finding out[DOCTOR_FINDINGS_MAX]);

#endif
