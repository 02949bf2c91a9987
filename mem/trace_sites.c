/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of sites, under one mutex: only blocks that are remembered come
 * here, a few in a thousand unless somebody asked for all.
 *
 *     hash of (type, stack) ──► bucket ──► site ──► site …
 */
#include "mem/trace_sites.h"

#include <string.h>

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/os_pages.h"
#include "mem/ranks.h"
#include "mem/scope.h"

enum { BUCKETS = TRACE_SITES_MAX };

struct site {
    uint64_t hash;
    const char *module, *name; /* static text, as the type's */
    uint16_t slot;             /* 0: free */
    uint16_t next;             /* in the bucket, or of those free; 0: none */
    uint32_t frames_count;
    void *frames[MEM_TRACE_FRAMES];
    struct trace_weight live, total;
    uint64_t samples_live, samples_total;
};

struct table {
    uint16_t buckets[BUCKETS];
    uint16_t order[TRACE_SITES_MAX];    /* for reading */
    struct site sites[TRACE_SITES_MAX]; /* 0 is nobody */
};

enum {
    TABLE_BYTES = (sizeof(struct table) + OS_PAGE_BYTES - 1) / OS_PAGE_BYTES *
                  OS_PAGE_BYTES,
};

static struct {
    struct mutex mtx; /* everything here */
    struct table *table;
    uint16_t free; /* of those that were used before */
    uint16_t used; /* those before were used */
} sites = {
    .mtx = MUTEX_INITIALIZER("mem.trace_sites", MEM_RANK_TRACE_SITES),
};

MEM_TYPE(mt_trace_sites, "mem", "trace sites");

bool
trace_sites_open(void)
{
    struct table *table = os_pages_map(TABLE_BYTES, OS_PAGE_BYTES);

    if (table == NULL) {
        mem_account_failure(&mt_trace_sites);
        return false;
    }
    mem_account_charge(&mt_trace_sites, TABLE_BYTES);
    mutex_lock(&sites.mtx);
    must(sites.table == NULL);
    sites.table = table;
    sites.free = 0;
    sites.used = 1;
    mutex_unlock(&sites.mtx);
    return true;
}

void
trace_sites_close(void)
{
    struct table *table;

    mutex_lock(&sites.mtx);
    table = sites.table;
    sites.table = NULL;
    mutex_unlock(&sites.mtx);
    must(table != NULL);
    os_pages_unmap(table, TABLE_BYTES);
    mem_account_discharge(&mt_trace_sites, TABLE_BYTES);
}

static uint64_t
hash_of(uint32_t slot, void *const *frames, unsigned count)
{
    uint64_t h = slot;

    for (unsigned i = 0; i < count; i++) {
        h = (h ^ (uintptr_t)frames[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return h;
}

static uint16_t
new_locked(void)
{
    uint16_t i = sites.free;

    if (i != 0) {
        sites.free = sites.table->sites[i].next;
        return i;
    }
    return sites.used < TRACE_SITES_MAX ? sites.used++ : 0;
}

static uint16_t
find_locked(uint64_t hash, uint32_t slot, void *const *frames, unsigned count)
{
    uint16_t i = sites.table->buckets[hash % BUCKETS];

    for (; i != 0; i = sites.table->sites[i].next) {
        const struct site *s = &sites.table->sites[i];

        if (s->hash == hash && s->slot == slot && s->frames_count == count &&
            memcmp(s->frames, frames, count * sizeof(frames[0])) == 0)
            break;
    }
    return i;
}

static uint16_t
find_or_make_locked(uint32_t slot, void *const *frames, unsigned count)
{
    uint64_t hash = hash_of(slot, frames, count);
    uint16_t *bucket = &sites.table->buckets[hash % BUCKETS];
    uint16_t i = find_locked(hash, slot, frames, count);
    const struct mem_type *type;
    struct site *s;

    if (i != 0)
        return i;
    i = new_locked();
    if (i == 0)
        return 0;
    s = &sites.table->sites[i];
    memset(s, 0, sizeof(*s));
    type = mem_account_type(slot);
    s->module = type != NULL ? type->module : "no";
    s->name = type != NULL ? type->name : "type";
    s->hash = hash;
    s->slot = (uint16_t)slot;
    s->frames_count = count;
    memcpy(s->frames, frames, count * sizeof(frames[0]));
    s->next = *bucket;
    *bucket = i;
    return i;
}

uint32_t
trace_sites_add(uint32_t slot, void *const *frames, unsigned count,
                const struct trace_weight *weight)
{
    struct site *s;
    uint16_t i;
    MUTEX_SCOPE(&sites.mtx);

    must(slot > 0 && slot < MEM_TYPES_MAX && count <= MEM_TRACE_FRAMES);
    if (sites.table == NULL)
        return 0;
    i = find_or_make_locked(slot, frames, count);
    if (i == 0)
        return 0;
    s = &sites.table->sites[i];
    s->live.blocks += weight->blocks;
    s->live.bytes += weight->bytes;
    s->total.blocks += weight->blocks;
    s->total.bytes += weight->bytes;
    s->samples_live++;
    s->samples_total++;
    return i;
}

void
trace_sites_sub(uint32_t site, const struct trace_weight *weight)
{
    struct site *s;
    MUTEX_SCOPE(&sites.mtx);

    must(site > 0 && site < TRACE_SITES_MAX && sites.table != NULL);
    s = &sites.table->sites[site];
    must(s->slot != 0 && s->samples_live > 0);
    s->live.blocks -= weight->blocks;
    s->live.bytes -= weight->bytes;
    s->samples_live--;
}

void
trace_sites_forget(uint32_t slot)
{
    MUTEX_SCOPE(&sites.mtx);

    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        uint16_t *at = &sites.table->buckets[bucket];

        while (*at != 0) {
            uint16_t i = *at;
            struct site *s = &sites.table->sites[i];

            if (s->slot != slot) {
                at = &s->next;
                continue;
            }
            must(s->samples_live == 0);
            *at = s->next;
            s->slot = 0;
            s->next = sites.free;
            sites.free = i;
        }
    }
}

/* Most live bytes first, then most ever. */
static bool
before_locked(uint16_t a, uint16_t b)
{
    const struct site *x = &sites.table->sites[a], *y = &sites.table->sites[b];

    if (x->live.bytes != y->live.bytes)
        return x->live.bytes > y->live.bytes;
    return x->total.bytes > y->total.bytes;
}

/* Shell's sort, with Ciura's gaps: the C library's allocates. */
static size_t
sort_locked(void)
{
    static const unsigned gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};
    uint16_t *order = sites.table->order;
    size_t count = 0;

    for (uint16_t i = 1; i < sites.used; i++) {
        if (sites.table->sites[i].slot != 0)
            order[count++] = i;
    }
    for (size_t g = 0; g < COUNT_OF(gaps); g++) {
        for (size_t i = gaps[g]; i < count; i++) {
            uint16_t site = order[i];
            size_t at = i;

            for (; at >= gaps[g] && before_locked(site, order[at - gaps[g]]);
                 at -= gaps[g])
                order[at] = order[at - gaps[g]];
            order[at] = site;
        }
    }
    return count;
}

size_t
trace_sites_read(struct mem_trace_site *out, size_t max)
{
    size_t count;
    MUTEX_SCOPE(&sites.mtx);

    if (sites.table == NULL)
        return 0;
    count = sort_locked();
    for (size_t i = 0; i < count && i < max; i++) {
        const struct site *s = &sites.table->sites[sites.table->order[i]];

        memset(&out[i], 0, sizeof(out[i]));
        out[i].module = s->module;
        out[i].name = s->name;
        out[i].frames_count = s->frames_count;
        memcpy(out[i].frames, s->frames, sizeof(s->frames));
        out[i].live_blocks = (s->live.blocks + TRACE_BLOCK / 2) / TRACE_BLOCK;
        out[i].live_bytes = s->live.bytes;
        out[i].total_blocks = (s->total.blocks + TRACE_BLOCK / 2) / TRACE_BLOCK;
        out[i].total_bytes = s->total.bytes;
        out[i].samples_live = s->samples_live;
        out[i].samples_total = s->samples_total;
    }
    return count;
}
