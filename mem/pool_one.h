/* SPDX-License-Identifier: BSD-2-Clause */
/* A pool's own numbers, for whoever in mem/ stands on one.  Private to mem/. */
#ifndef CLINKER_MEM_POOL_ONE_H
#define CLINKER_MEM_POOL_ONE_H

#include "mem/pool.h"

/* Every pool's empty slabs; returns bytes. */
size_t pools_shrink(void);
size_t pools_spare_bytes(void);

void mem_pool_read_one(struct mem_pool *pool, struct mem_pool_stats *out);

#endif
