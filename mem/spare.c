/* SPDX-License-Identifier: BSD-2-Clause */
#include "mem/spare.h"

#include "mem/heap.h"
#include "mem/iobuf.h"
#include "mem/must.h"
#include "mem/pool_one.h"
#include "mem/quarantine.h"
#include "mem/reclaim.h"
#include "mem/thread.h"

enum { ROWS_MAX = 32 };

static size_t
shrink_buffers(void *arg, size_t want_bytes)
{
    return iobuf_shrink();
}

static uint64_t
held_buffers(void *arg)
{
    struct iobuf_stats rows[ROWS_MAX];
    size_t count = iobuf_read(rows, ROWS_MAX);
    uint64_t bytes = 0;

    must(count <= ROWS_MAX);
    for (size_t i = 0; i < count; i++)
        bytes += rows[i].cold * rows[i].page_size;
    return bytes;
}

static size_t
shrink_threads(void *arg, size_t want_bytes)
{
    return mem_threads_trim(true);
}

static size_t
shrink_slabs(void *arg, size_t want_bytes)
{
    return heap_shrink() + pools_shrink();
}

static uint64_t
held_slabs(void *arg)
{
    return heap_spare_bytes() + pools_spare_bytes();
}

static size_t
shrink_quarantine(void *arg, size_t want_bytes)
{
    return quarantine_flush(NULL);
}

static uint64_t
held_quarantine(void *arg)
{
    return quarantine_bytes();
}

/* What costs least to make again comes first. */
static struct mem_shrinker shrinkers[] = {
    {.name = "free buffers",
     .order = 10,
     .leaf = true,
     .shrink = shrink_buffers,
     .held = held_buffers},
    {.name = "ended threads",
     .order = 15,
     .leaf = true,
     .shrink = shrink_threads},
    {.name = "empty slabs",
     .order = 20,
     .leaf = true,
     .shrink = shrink_slabs,
     .held = held_slabs},
    {.name = "quarantine",
     .order = 30,
     .leaf = true,
     .shrink = shrink_quarantine,
     .held = held_quarantine},
};

void
mem_spare_register(void)
{
    for (size_t i = 0; i < COUNT_OF(shrinkers); i++)
        mem_shrinker_register(&shrinkers[i]);
}

void
mem_spare_unregister(void)
{
    for (size_t i = COUNT_OF(shrinkers); i-- > 0;)
        mem_shrinker_unregister(&shrinkers[i]);
}
