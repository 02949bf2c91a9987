/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accounts of memory by module and type: always on, in every build.
 *
 * A user declares its type next to its code,
 *
 *     MEM_TYPE(mt_inode, "server.inode", "inode");
 *
 * and names it in each allocation.  Each thread counts on cache lines of its
 * own; whoever looks adds them up.  At rest the sums are exact.
 *
 * The maxima are exact while one thread uses a type.  With more, each may be
 * off by MEM_ACCOUNT_SLACK_BYTES (or one block, if that is larger), and by as
 * many blocks as that holds, for every thread: a thread tells the others of
 * its changes only when they exceed that.
 */
#ifndef CLINKER_MEM_ACCOUNT_H
#define CLINKER_MEM_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

struct mem_type {
    const char *module;
    const char *name;
    _Atomic(uint32_t) id; /* slot in each thread's counters; 0: not used yet */
    struct mem_type *next; /* registry, ordered by module and name */
};

#define MEM_TYPE(var_, module_, name_)                                         \
    static struct mem_type var_ = {.module = (module_), .name = (name_)}

enum { MEM_TYPES_MAX = 1024 };
enum { MEM_ACCOUNT_SLACK_BYTES = 65536 };

struct mem_type_stats {
    const char *module;
    const char *name;
    uint64_t size;           /* bytes live */
    uint64_t max_size;       /* most bytes ever live */
    uint64_t num_allocs;     /* blocks live */
    uint64_t max_num_allocs; /* most blocks ever live */
    uint64_t total_allocs;   /* blocks ever handed out */
    uint64_t failures;       /* requests refused */
};

/* Count `bytes` in `blocks` allocations to `type` (or back from it). */
void mem_account_charge(struct mem_type *type, size_t bytes);
void mem_account_discharge(struct mem_type *type, size_t bytes);
void mem_account_failure(struct mem_type *type);

/* Fill `out` with up to `max` types that were ever used, ordered by module and
 * name; types with the same module and name are added up.  Returns how many
 * there are, which may be more than `max`. */
size_t mem_account_read(struct mem_type_stats *out, size_t max);
/* One type by names; zeroes when never used. */
void mem_account_read_one(const char *module, const char *name,
                          struct mem_type_stats *out);
/* All types together. */
uint64_t mem_account_total_bytes(void);

#endif
