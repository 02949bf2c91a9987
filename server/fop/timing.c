/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/timing.h"

#include "mem/alloc.h"
#include "mem/limit.h"
#include "mem/must.h"

MEM_TYPE(mt_shard, "server.fop", "timing");
MEM_TYPE(mt_cell, "server.fop", "latency");

typedef _Atomic(uint64_t) counter;

/* One operation in one class, of one thread. */
struct timing_cell {
    counter calls, failures, ns_min;
    counter ns_sum[STAGES], ns_max[STAGES];
    counter buckets[STAGES][LATENCY_BUCKETS];
};

struct timing_shard {
    struct timing_shard *next; /* constant once it is in the list */
    atomic_bool taken;         /* by the one thread that writes to it */
    _Atomic(struct timing_cell *) cells[FOP_PROCS][IOT_CLASSES];
};

const char *const stage_name[STAGES] = {
    [STAGE_RECEIVED] = "received", [STAGE_QUEUED] = "queued",
    [STAGE_RUN] = "run",           [STAGE_REPLIED] = "replied",
    [STAGE_TOTAL] = "total",
};

static _Atomic(uint64_t) last_id;

static _Thread_local struct {
    uint64_t id; /* timing.id; 0: none */
    struct timing_shard *shard;
} mine;

void
timing_init(struct timing *t)
{
    t->id = 1 + atomic_fetch_add(&last_id, 1);
    atomic_init(&t->shards, NULL);
    atomic_init(&t->lost, 0);
}

static void
shard_free(struct timing_shard *shard)
{
    for (unsigned p = 0; p < FOP_PROCS; p++)
        for (unsigned c = 0; c < IOT_CLASSES; c++)
            mem_free(atomic_load(&shard->cells[p][c]));
    mem_free(shard);
}

void
timing_fini(struct timing *t)
{
    struct timing_shard *shard, *next;

    shard = atomic_load(&t->shards);
    for (; shard != NULL; shard = next) {
        next = shard->next;
        shard_free(shard);
    }
    atomic_store(&t->shards, NULL);
    t->id = 0;
}

/* --- counting: only the thread that has the shard writes to it --- */

static void
add(counter *c, uint64_t n)
{
    atomic_store_explicit(
        c, atomic_load_explicit(c, memory_order_relaxed) + n,
        memory_order_relaxed);
}

static uint64_t
load(const counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static void *
zeroed(struct mem_type *type, size_t bytes)
{
    enum mem_importance was = mem_set_importance(MEM_FOR_SERVER);
    void *p = mem_zalloc(type, bytes);

    (void)mem_set_importance(was);
    return p;
}

static struct timing_shard *
shard_left(struct timing *t)
{
    struct timing_shard *shard = atomic_load(&t->shards);

    for (; shard != NULL; shard = shard->next) {
        bool taken = false;

        /* Acquires what the thread before has counted. */
        if (!atomic_load_explicit(&shard->taken, memory_order_relaxed) &&
            atomic_compare_exchange_strong(&shard->taken, &taken, true))
            return shard;
    }
    return NULL;
}

static struct timing_shard *
shard_new(struct timing *t)
{
    struct timing_shard *shard = zeroed(&mt_shard, sizeof(*shard));

    if (shard == NULL)
        return NULL;
    atomic_init(&shard->taken, true);
    shard->next = atomic_load(&t->shards);
    while (!atomic_compare_exchange_weak(&t->shards, &shard->next, shard))
        ;
    return shard;
}

static __attribute__((noinline)) struct timing_shard *
shard_first(struct timing *t)
{
    struct timing_shard *shard = shard_left(t);

    if (shard == NULL)
        shard = shard_new(t);
    if (shard == NULL)
        return NULL;
    mine.id = t->id;
    mine.shard = shard;
    return shard;
}

static __attribute__((noinline)) struct timing_cell *
cell_first(struct timing_shard *shard, unsigned proc, enum iot_class class)
{
    struct timing_cell *cell = zeroed(&mt_cell, sizeof(*cell));

    if (cell == NULL)
        return NULL;
    atomic_init(&cell->ns_min, UINT64_MAX);
    atomic_store_explicit(&shard->cells[proc][class], cell,
                          memory_order_release);
    return cell;
}

static struct timing_cell *
cell_mine(struct timing *t, unsigned proc, enum iot_class class)
{
    struct timing_shard *shard = mine.id == t->id ? mine.shard
                                                  : shard_first(t);
    struct timing_cell *cell;

    must(proc < FOP_PROCS);
    must((unsigned)class < IOT_CLASSES);
    if (shard != NULL) {
        cell = atomic_load_explicit(&shard->cells[proc][class],
                                    memory_order_relaxed);
        if (cell == NULL)
            cell = cell_first(shard, proc, class);
        if (cell != NULL)
            return cell;
    }
    atomic_fetch_add_explicit(&t->lost, 1, memory_order_relaxed);
    return NULL;
}

static void
count_stage(struct timing_cell *cell, enum stage stage, uint64_t ns)
{
    add(&cell->buckets[stage][latency_bucket(ns)], 1);
    add(&cell->ns_sum[stage], ns);
    if (ns > load(&cell->ns_max[stage]))
        atomic_store_explicit(&cell->ns_max[stage], ns, memory_order_relaxed);
}

bool
timing_count(struct timing *t, const struct timing_spent *spent)
{
    struct timing_cell *cell = cell_mine(t, spent->proc, spent->class);
    uint64_t total = spent->ns[STAGE_TOTAL];

    if (cell == NULL)
        return false;
    add(&cell->calls, 1);
    if (spent->failed)
        add(&cell->failures, 1);
    if (total < load(&cell->ns_min))
        atomic_store_explicit(&cell->ns_min, total, memory_order_relaxed);
    count_stage(cell, STAGE_RECEIVED, spent->ns[STAGE_RECEIVED]);
    if (spent->queued)
        count_stage(cell, STAGE_QUEUED, spent->ns[STAGE_QUEUED]);
    count_stage(cell, STAGE_RUN, spent->ns[STAGE_RUN]);
    count_stage(cell, STAGE_TOTAL, total);
    return load(&cell->calls) % TIMING_REPLIED_EACH == 1;
}

void
timing_replied(struct timing *t, unsigned proc, enum iot_class class,
               uint64_t ns)
{
    struct timing_cell *cell = cell_mine(t, proc, class);

    if (cell != NULL)
        count_stage(cell, STAGE_REPLIED, ns);
}

void
timing_thread_stop(struct timing *t)
{
    if (mine.id != t->id || mine.id == 0)
        return;
    atomic_store(&mine.shard->taken, false);
    mine.id = 0;
    mine.shard = NULL;
}

/* --- looking --- */

static void
add_cell(const struct timing_cell *cell, enum stage stage,
         struct latency *out, struct timing_counts *counts)
{
    uint64_t n, max = load(&cell->ns_max[stage]), min = load(&cell->ns_min);

    counts->calls += load(&cell->calls);
    counts->failures += load(&cell->failures);
    counts->ns_min = min < counts->ns_min ? min : counts->ns_min;
    out->ns_sum += load(&cell->ns_sum[stage]);
    out->ns_max = max > out->ns_max ? max : out->ns_max;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        n = load(&cell->buckets[stage][i]);
        out->buckets[i] += n;
        out->count += n;
    }
}

static void
add_shard(const struct timing_shard *shard, int proc, int class,
          enum stage stage, struct latency *out, struct timing_counts *counts)
{
    int first = proc == TIMING_ALL ? 0 : proc;
    int last = proc == TIMING_ALL ? FOP_PROCS - 1 : proc;

    for (int p = first; p <= last; p++)
        for (int c = 0; c < IOT_CLASSES; c++) {
            const struct timing_cell *cell = atomic_load_explicit(
                &shard->cells[p][c], memory_order_acquire);

            if (cell != NULL && (class == TIMING_ALL || class == c))
                add_cell(cell, stage, out, counts);
        }
}

void
timing_read(const struct timing *t, int proc, int class, enum stage stage,
            struct latency *out, struct timing_counts *counts)
{
    const struct timing_shard *shard = atomic_load(&t->shards);
    struct timing_counts c = {.ns_min = UINT64_MAX};
    struct latency l = {.count = 0};

    must(proc < FOP_PROCS);
    must(class < IOT_CLASSES);
    must((unsigned)stage < STAGES);
    for (; shard != NULL; shard = shard->next)
        add_shard(shard, proc, class, stage, &l, &c);
    if (out != NULL)
        *out = l;
    if (counts != NULL)
        *counts = c;
}

uint64_t
timing_lost(const struct timing *t)
{
    return load(&t->lost);
}
