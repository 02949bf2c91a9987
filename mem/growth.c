/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Growth: rings of samples by type.
 *
 *     minutes  60 │ one time for all types, taken in the same moment
 *     hours    48 │ rows: a type, by its texts, and its three rings
 *     days     31 │
 *
 * All types are sampled together, so that the times are kept once.  A row
 * starts with zeroes, and that is the truth: a type that nobody had used yet
 * had no bytes.  A type that has gone (a pool that was destroyed) is sampled
 * as zero, until its row is wanted for another.
 *
 * Memory follows the number of types in steps of 64, and is never given back.
 */
#include "mem/growth.h"

#include <stdbool.h>
#include <string.h>

#include "mem/account.h"
#include "mem/clock.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/os_pages.h"
#include "mem/ranks.h"
#include "mem/scope.h"

enum {
    KEPT_MAX = MEM_GROWTH_MINUTES_KEPT,
    KEPT_ALL =
        MEM_GROWTH_MINUTES_KEPT + MEM_GROWTH_HOURS_KEPT + MEM_GROWTH_DAYS_KEPT,
    CHUNK_ROWS = 64,
    CHUNKS = MEM_TYPES_MAX / CHUNK_ROWS,
};

struct sample {
    uint64_t size, num_allocs;
};

struct row {
    const char *module, *name; /* static text, as the type's */
    struct sample samples[KEPT_ALL];
};

struct grown {
    int64_t bytes;
    uint16_t row;
};

struct chunk {
    struct row rows[CHUNK_ROWS];
};

enum {
    CHUNK_BYTES = (sizeof(struct chunk) + OS_PAGE_BYTES - 1) / OS_PAGE_BYTES *
                  OS_PAGE_BYTES,
    STATS_BYTES = MEM_TYPES_MAX * sizeof(struct mem_type_stats),
};

_Static_assert(STATS_BYTES % OS_PAGE_BYTES == 0, "whole pages");

static const struct span {
    uint64_t period_ns;
    unsigned kept, offset; /* in a row's samples */
} spans[MEM_GROWTH_SPANS] = {
    [MEM_GROWTH_MINUTES] = {60 * CLOCK_NS_PER_SEC, MEM_GROWTH_MINUTES_KEPT, 0},
    [MEM_GROWTH_HOURS] = {3600 * CLOCK_NS_PER_SEC, MEM_GROWTH_HOURS_KEPT,
                          MEM_GROWTH_MINUTES_KEPT},
    [MEM_GROWTH_DAYS] = {86400 * CLOCK_NS_PER_SEC, MEM_GROWTH_DAYS_KEPT,
                         MEM_GROWTH_MINUTES_KEPT + MEM_GROWTH_HOURS_KEPT},
};

/* The times of one span's samples. */
struct times {
    uint64_t taken; /* samples ever */
    uint64_t due_ns;
    uint64_t at_ns[KEPT_MAX]; /* sample i is at i % kept */
};

static struct {
    struct mutex mtx; /* everything here */
    uint64_t now_ns;  /* of the last tick */
    struct times times[MEM_GROWTH_SPANS];
    struct chunk *chunks[CHUNKS];
    unsigned rows_count;
    uint16_t order[MEM_TYPES_MAX];             /* rows by module and name */
    struct mem_type_stats *stats;              /* by mem_account_read() */
    struct mem_type_stats *now[MEM_TYPES_MAX]; /* by row; NULL: gone */
    struct grown sorted[MEM_TYPES_MAX];
} growth = {
    .mtx = MUTEX_INITIALIZER("mem.growth", MEM_RANK_GROWTH),
};

MEM_TYPE(mt_growth, "mem", "growth");

static void *
pages_new(size_t bytes)
{
    void *p = os_pages_map(bytes, OS_PAGE_BYTES);

    if (p == NULL)
        mem_account_failure(&mt_growth);
    else
        mem_account_charge(&mt_growth, bytes);
    return p;
}

static struct row *
row_at(unsigned row)
{
    return &growth.chunks[row / CHUNK_ROWS]->rows[row % CHUNK_ROWS];
}

static int
name_order(const char *module, const char *name, const struct row *row)
{
    int order = strcmp(module, row->module);

    return order != 0 ? order : strcmp(name, row->name);
}

/* Where in the order a type's row is or belongs; true: it is there. */
static bool
find_locked(const char *module, const char *name, unsigned *at)
{
    unsigned low = 0, high = growth.rows_count;

    while (low < high) {
        unsigned middle = (low + high) / 2;
        int order = name_order(module, name, row_at(growth.order[middle]));

        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    *at = low;
    return false;
}

/* A row that nobody has, out of the order; MEM_TYPES_MAX: there is no memory.
 * All rows taken means that some are of types that have gone: there are never
 * more types than rows. */
static unsigned
row_new_locked(void)
{
    unsigned row = growth.rows_count, at = 0;

    if (row < MEM_TYPES_MAX) {
        struct chunk **chunk = &growth.chunks[row / CHUNK_ROWS];

        if (*chunk == NULL)
            *chunk = pages_new(CHUNK_BYTES);
        return *chunk != NULL ? row : MEM_TYPES_MAX;
    }
    while (growth.now[growth.order[at]] != NULL)
        at++;
    row = growth.order[at];
    growth.rows_count--;
    memmove(&growth.order[at], &growth.order[at + 1],
            (growth.rows_count - at) * sizeof(growth.order[0]));
    memset(row_at(row), 0, sizeof(struct row));
    return row;
}

static void
row_set_locked(struct mem_type_stats *stats)
{
    unsigned at, row;

    if (find_locked(stats->module, stats->name, &at)) {
        growth.now[growth.order[at]] = stats;
        return;
    }
    row = row_new_locked();
    if (row == MEM_TYPES_MAX)
        return; /* it is tried again each time */
    (void)find_locked(stats->module, stats->name, &at);
    memmove(&growth.order[at + 1], &growth.order[at],
            (growth.rows_count - at) * sizeof(growth.order[0]));
    growth.order[at] = (uint16_t)row;
    growth.rows_count++;
    row_at(row)->module = stats->module;
    row_at(row)->name = stats->name;
    growth.now[row] = stats;
}

/* Read the accounts and find each its row. */
static bool
read_now_locked(void)
{
    size_t count;

    if (growth.stats == NULL)
        growth.stats = pages_new(STATS_BYTES);
    if (growth.stats == NULL)
        return false;
    count = mem_account_read(growth.stats, MEM_TYPES_MAX);
    must(count <= MEM_TYPES_MAX);
    memset(growth.now, 0, sizeof(growth.now));
    /* First those that have a row, lest it be given to another. */
    for (size_t i = 0; i < count; i++) {
        unsigned at;

        if (find_locked(growth.stats[i].module, growth.stats[i].name, &at))
            growth.now[growth.order[at]] = &growth.stats[i];
    }
    for (size_t i = 0; i < count; i++)
        row_set_locked(&growth.stats[i]);
    return true;
}

static struct sample
sample_of(const struct mem_type_stats *stats)
{
    struct sample s = {0, 0};

    if (stats != NULL) {
        s.size = stats->size;
        s.num_allocs = stats->num_allocs;
    }
    return s;
}

static void
take_locked(enum mem_growth_span span, uint64_t now_ns)
{
    struct times *t = &growth.times[span];
    const struct span *sp = &spans[span];
    unsigned at = (unsigned)(t->taken % sp->kept);

    for (unsigned row = 0; row < growth.rows_count; row++)
        row_at(row)->samples[sp->offset + at] = sample_of(growth.now[row]);
    t->at_ns[at] = now_ns;
    t->taken++;
    /* On the beat while that is kept; anew after a long pause. */
    t->due_ns += sp->period_ns;
    if (t->taken == 1 || t->due_ns <= now_ns)
        t->due_ns = now_ns + sp->period_ns;
}

void
mem_growth_tick(uint64_t now_ns)
{
    bool due = false;
    MUTEX_SCOPE(&growth.mtx);

    growth.now_ns = now_ns;
    for (int i = 0; i < MEM_GROWTH_SPANS; i++)
        due = due || now_ns >= growth.times[i].due_ns;
    if (!due || !read_now_locked())
        return;
    for (int i = 0; i < MEM_GROWTH_SPANS; i++) {
        if (now_ns >= growth.times[i].due_ns)
            take_locked(i, now_ns);
    }
}

static unsigned
kept_locked(enum mem_growth_span span)
{
    uint64_t taken = growth.times[span].taken;

    return taken < spans[span].kept ? (unsigned)taken : spans[span].kept;
}

/* Where sample i of a span is, 0 being the oldest that is kept. */
static unsigned
index_locked(enum mem_growth_span span, unsigned i)
{
    uint64_t first = growth.times[span].taken - kept_locked(span);

    return (unsigned)((first + i) % spans[span].kept);
}

static struct sample
sample_locked(const struct row *row, enum mem_growth_span span, unsigned i)
{
    return row->samples[spans[span].offset + index_locked(span, i)];
}

static uint64_t
age_locked(enum mem_growth_span span)
{
    if (kept_locked(span) == 0)
        return 0;
    return growth.now_ns - growth.times[span].at_ns[index_locked(span, 0)];
}

/* The span that looks back furthest; they do as soon as they were filled, and
 * all the same before. */
static enum mem_growth_span
longest_locked(void)
{
    enum mem_growth_span longest = MEM_GROWTH_MINUTES;

    for (int i = MEM_GROWTH_HOURS; i < MEM_GROWTH_SPANS; i++) {
        if (age_locked(i) > age_locked(longest))
            longest = i;
    }
    return longest;
}

/* Around the middle of the times, so that large numbers lose no digits. */
static void
slope_locked(const struct row *row, struct mem_growth *out)
{
    const struct times *times = &growth.times[MEM_GROWTH_MINUTES];
    unsigned n = kept_locked(MEM_GROWTH_MINUTES);
    double t[MEM_GROWTH_MINUTES_KEPT], size[MEM_GROWTH_MINUTES_KEPT];
    double mean_t = 0, mean_size = 0, product = 0, square = 0;

    for (unsigned i = 0; i < n; i++) {
        unsigned at = index_locked(MEM_GROWTH_MINUTES, i);
        unsigned first = index_locked(MEM_GROWTH_MINUTES, 0);

        t[i] = (double)(times->at_ns[at] - times->at_ns[first]) /
               (double)CLOCK_NS_PER_SEC;
        size[i] = (double)sample_locked(row, MEM_GROWTH_MINUTES, i).size;
        mean_t += t[i] / n;
        mean_size += size[i] / n;
    }
    for (unsigned i = 0; i < n; i++) {
        product += (t[i] - mean_t) * (size[i] - mean_size);
        square += (t[i] - mean_t) * (t[i] - mean_t);
        out->steps_up += i > 0 && size[i] > size[i - 1];
    }
    out->steps = n > 0 ? n - 1 : 0;
    out->slope_bytes_per_s = square > 0 ? product / square : 0;
}

static void
fill_locked(unsigned at, struct mem_growth *out)
{
    const struct row *row = row_at(at);
    struct sample now = sample_of(growth.now[at]);

    memset(out, 0, sizeof(*out));
    out->module = row->module;
    out->name = row->name;
    out->size = now.size;
    out->num_allocs = now.num_allocs;
    for (int i = 0; i < MEM_GROWTH_SPANS; i++) {
        struct sample past;

        out->past[i].age_ns = age_locked(i);
        if (out->past[i].age_ns == 0)
            continue;
        past = sample_locked(row, i, 0);
        out->past[i].size = past.size;
        out->past[i].num_allocs = past.num_allocs;
    }
    slope_locked(row, out);
}

static int64_t
grown_locked(unsigned row, enum mem_growth_span span)
{
    uint64_t now = sample_of(growth.now[row]).size;

    if (age_locked(span) == 0)
        return (int64_t)now; /* nothing to compare with: the largest first */
    return (int64_t)(now - sample_locked(row_at(row), span, 0).size);
}

/* All rows, by growth.  By insertion: the C library's sort allocates. */
static void
sort_locked(void)
{
    enum mem_growth_span span = longest_locked();
    struct grown *sorted = growth.sorted;

    for (unsigned i = 0; i < growth.rows_count; i++) {
        struct grown g = {grown_locked(growth.order[i], span), growth.order[i]};
        unsigned at = i;

        for (; at > 0 && sorted[at - 1].bytes < g.bytes; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = g;
    }
}

size_t
mem_growth_read(struct mem_growth *out, size_t max)
{
    MUTEX_SCOPE(&growth.mtx);

    if (!read_now_locked())
        return 0;
    sort_locked();
    for (size_t i = 0; i < growth.rows_count && i < max; i++)
        fill_locked(growth.sorted[i].row, &out[i]);
    return growth.rows_count;
}

size_t
mem_growth_ring(const char *module, const char *name, enum mem_growth_span span,
                uint64_t *sizes, size_t max)
{
    unsigned at, kept, skip;
    MUTEX_SCOPE(&growth.mtx);

    if (!find_locked(module, name, &at))
        return 0;
    kept = kept_locked(span);
    skip = kept > max ? kept - (unsigned)max : 0;
    for (unsigned i = skip; i < kept; i++)
        sizes[i - skip] = sample_locked(row_at(growth.order[at]), span, i).size;
    return kept - skip;
}
