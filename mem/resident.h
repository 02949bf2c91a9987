/* SPDX-License-Identifier: BSD-2-Clause */
/* How much memory the kernel says this process has, and what time it is.
 * Private to mem/; tests put a source of their own here. */
#ifndef CLINKER_MEM_RESIDENT_H
#define CLINKER_MEM_RESIDENT_H

#include <stdbool.h>
#include <stdint.h>

struct resident_source {
    /* *resident_bytes: all of it.  *file_bytes: of that, what is backed by
     * files or shared: program, libraries.  False when it cannot be known.
     * Never called by two threads at a time; allocates nothing. */
    bool (*read)(void *arg, uint64_t *resident_bytes, uint64_t *file_bytes);
    uint64_t (*now_ns)(void *arg); /* CLOCK_MONOTONIC */
    void *arg;
};

/* /proc/self/statm through a descriptor that is kept, so that reading works
 * when there are no descriptors left. */
extern const struct resident_source resident_kernel;

/* What a line of statm says, in bytes.  False when it is not one. */
bool resident_parse(const char *text, uint64_t page_bytes,
                    uint64_t *resident_bytes, uint64_t *file_bytes);

#endif
