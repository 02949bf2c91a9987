/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trace of allocations, as tests/bench/mem_trace_pack.py writes it, laid out
 * for lanes to replay.
 *
 * The file, compressed by gzip, has numbers of seven bits a byte, lowest
 * first, the eighth saying that more follow:
 *
 *     "CMR1"; threads, types, operations, objects (numbers)
 *     types times: kind (as enum record_kind), bytes of a pool's objects,
 *         alignment's power of two (numbers); module, name (ended by NUL)
 *     operations times: thread * 2 + (1 if it is a free) (number), then
 *         for a free:        how many objects were begun since its object
 *         for an allocation: type, bytes asked for (numbers)
 *
 * Objects are numbered as they are allocated.  The file is the project's own,
 * and yet every number is bounded as it is read.
 */
#ifndef CLINKER_TESTS_BENCH_MEM_TRACE_H
#define CLINKER_TESTS_BENCH_MEM_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "mem/record.h"

enum {
    TRACE_TYPES_MAX = 1024,
    TRACE_THREADS_MAX = 4096,
    TRACE_OPS_MAX = 64 << 20,
    TRACE_TEXT_MAX = 128,
    TRACE_BYTES_MAX = 256 << 20, /* of one object */
};

struct trace_type {
    enum record_kind kind;
    uint32_t object_bytes; /* of a pool's */
    unsigned align_log2;   /* 0: as any block */
    char module[TRACE_TEXT_MAX], name[TRACE_TEXT_MAX];
};

struct trace_op {
    uint32_t at;     /* its place among all operations */
    uint32_t object;
    uint32_t bytes;
    uint16_t type;
    bool is_free;
    bool is_foreign; /* a free of what another lane allocates */
};

struct trace_lane {
    struct trace_op *ops;
    uint64_t count;
};

struct trace {
    uint32_t threads, types_count, ops_count, objects;
    struct trace_type *types;
    struct trace_lane *lanes;
    unsigned lanes_count;
    uint64_t live_bytes_max; /* asked for and live, at the most */
};

/* lanes_count 0: as many as there were threads.  Threads are shared out by how
 * much they do.  What lives at the end is freed at the end by the lane that
 * allocated it.  0, or a negative errno with a line on stderr; the memory is
 * mapped and stays. */
int trace_load(const char *path, unsigned lanes_count, struct trace *trace);

#endif
