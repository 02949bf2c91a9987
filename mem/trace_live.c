/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks by address, in 64 hash tables of their own mutexes: each free of a
 * traced type asks here, and most find nothing.
 *
 * Open addressing, linear probing; what is taken out is filled by shifting
 * back what came behind it, so that no marks are left to be searched through.
 * A table is full at seven eighths.
 */
#include "mem/trace_live.h"

#include <string.h>

#include "mem/account.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/os_pages.h"
#include "mem/ranks.h"
#include "mem/scope.h"
#include "mem/trace_sites.h"

enum {
    ENTRIES = TRACE_LIVE_SHARD_ENTRIES,
    FULL = ENTRIES / 8 * 7,
};

struct entry {
    uintptr_t block; /* 0: free */
    struct trace_weight weight;
    uint32_t site;
    uint32_t slot;
};

enum { TABLE_BYTES = TRACE_LIVE_SHARDS * ENTRIES * sizeof(struct entry) };

_Static_assert(TABLE_BYTES % OS_PAGE_BYTES == 0, "whole pages");
_Static_assert((ENTRIES & (ENTRIES - 1)) == 0, "a power of two");

static struct shard {
    struct mutex mtx;
    struct entry *entries; /* [mtx] NULL while nothing is traced */
    unsigned count;        /* [mtx] */
} __attribute__((aligned(64))) shards[TRACE_LIVE_SHARDS] = {
    [0 ... TRACE_LIVE_SHARDS - 1] =
        {
            .mtx = MUTEX_INITIALIZER("mem.trace_live", MEM_RANK_TRACE_LIVE),
        },
};

static struct entry *table; /* of all shards; open and close write it */

MEM_TYPE(mt_trace_live, "mem", "trace blocks");

bool
trace_live_open(void)
{
    must(table == NULL);
    table = os_pages_map(TABLE_BYTES, OS_PAGE_BYTES);
    if (table == NULL) {
        mem_account_failure(&mt_trace_live);
        return false;
    }
    mem_account_charge(&mt_trace_live, TABLE_BYTES);
    for (size_t i = 0; i < TRACE_LIVE_SHARDS; i++) {
        MUTEX_SCOPE(&shards[i].mtx);
        shards[i].entries = &table[i * ENTRIES];
    }
    return true;
}

void
trace_live_close(void)
{
    for (size_t i = 0; i < TRACE_LIVE_SHARDS; i++) {
        MUTEX_SCOPE(&shards[i].mtx);
        must(shards[i].count == 0);
        shards[i].entries = NULL;
    }
    os_pages_unmap(table, TABLE_BYTES);
    mem_account_discharge(&mt_trace_live, TABLE_BYTES);
    table = NULL;
}

static uint64_t
hash_of(uintptr_t block)
{
    uint64_t h = (block >> 3) * UINT64_C(0x9e3779b97f4a7c15);

    return h ^ (h >> 32);
}

static struct shard *
shard_of(uintptr_t block)
{
    return &shards[hash_of(block) % TRACE_LIVE_SHARDS];
}

static unsigned
home_of(uintptr_t block)
{
    return (unsigned)(hash_of(block) / TRACE_LIVE_SHARDS) % ENTRIES;
}

/* Where it is, or the free place where it belongs. */
static unsigned
find_locked(const struct shard *s, uintptr_t block)
{
    unsigned at = home_of(block);

    while (s->entries[at].block != 0 && s->entries[at].block != block)
        at = (at + 1) % ENTRIES;
    return at;
}

static void
remove_locked(struct shard *s, unsigned at)
{
    unsigned next = at;

    trace_sites_sub(s->entries[at].site, &s->entries[at].weight);
    s->count--;
    for (;;) {
        unsigned home;

        next = (next + 1) % ENTRIES;
        if (s->entries[next].block == 0)
            break;
        /* May it move back to the hole, or does it begin behind that? */
        home = home_of(s->entries[next].block);
        if ((next - home) % ENTRIES < (next - at) % ENTRIES)
            continue;
        s->entries[at] = s->entries[next];
        at = next;
    }
    memset(&s->entries[at], 0, sizeof(s->entries[at]));
}

enum trace_put
trace_live_put(uint32_t slot, const void *block, void *const *frames,
               unsigned count, const struct trace_weight *weight,
               const _Atomic(size_t) *interval)
{
    struct shard *s = shard_of((uintptr_t)block);
    struct entry e = {
        .block = (uintptr_t)block,
        .weight = *weight,
        .slot = slot,
    };
    unsigned at;
    MUTEX_SCOPE(&s->mtx);

    must(block != NULL);
    if (s->entries == NULL || atomic_load(interval) == 0)
        return TRACE_PUT_OFF;
    at = find_locked(s, e.block);
    if (s->entries[at].block != 0) {
        /* Its free was not told, as tracing was just switched. */
        remove_locked(s, at);
        at = find_locked(s, e.block);
    }
    if (s->count == FULL)
        return TRACE_PUT_FULL;
    e.site = trace_sites_add(slot, frames, count, weight);
    if (e.site == 0)
        return TRACE_PUT_FULL;
    s->entries[at] = e;
    s->count++;
    return TRACE_PUT;
}

void
trace_live_drop(const void *block)
{
    struct shard *s = shard_of((uintptr_t)block);
    unsigned at;
    MUTEX_SCOPE(&s->mtx);

    if (s->entries == NULL || s->count == 0)
        return;
    at = find_locked(s, (uintptr_t)block);
    if (s->entries[at].block != 0)
        remove_locked(s, at);
}

void
trace_live_forget(uint32_t slot)
{
    for (size_t i = 0; i < TRACE_LIVE_SHARDS; i++) {
        struct shard *s = &shards[i];
        unsigned at = 0;
        MUTEX_SCOPE(&s->mtx);

        while (at < ENTRIES) {
            /* Again at the same place, to which another may have moved.  What
             * moves over the end to the front was looked at before. */
            if (s->entries[at].block != 0 && s->entries[at].slot == slot)
                remove_locked(s, at);
            else
                at++;
        }
    }
}
