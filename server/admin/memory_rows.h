/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of mem/, read whole: rows are taken with room for all there are. */
#ifndef CLINKER_SERVER_ADMIN_MEMORY_ROWS_H
#define CLINKER_SERVER_ADMIN_MEMORY_ROWS_H

#include <stddef.h>

#include "mem/account.h"
#include "mem/growth.h"
#include "mem/pool.h"
#include "mem/reclaim.h"
#include "mem/trace.h"

/* Each returns rows to be given to mem_free(), or NULL without memory. */
struct mem_type_stats *memory_rows_types(size_t *count);  /* by module, name */
struct mem_pool_stats *memory_rows_pools(size_t *count);
struct mem_growth *memory_rows_growth(size_t *count);     /* most first */
struct mem_trace_site *memory_rows_sites(size_t *count);  /* most first */
struct mem_shrinker_stats *memory_rows_shrinkers(size_t *count);

/* Types by size, most first. */
void memory_rows_sort(struct mem_type_stats *rows, size_t count);

#endif
