/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accounts: counters per thread, added up by whoever looks.
 *
 *     type->id ──► slot ──► own block ──► chunk of 64 ──► one cache line
 *
 * A thread writes only lines of its own, with plain loads and stores made
 * atomic for the readers' sake.  What one thread allocated and another freed
 * leaves +n with the one and -n with the other; the sum is right.
 *
 * A maximum cannot be had from counters that are only added up now and then.
 * So each type has a level shared by all threads, to which a thread adds its
 * changes once they pass a threshold, and remembers its own peak in between.
 * What is live is never read from the level.
 *
 * A thread that ends adds its counters to the shared ones.  A thread that has
 * no block, because the kernel gave no page or because it is past the point
 * where it handed its block in, counts on the shared ones directly.
 */
#include "mem/account.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/os_pages.h"
#include "mem/ranks.h"

enum { CHUNK_SLOTS = 64, CHUNKS = MEM_TYPES_MAX / CHUNK_SLOTS };

/* Of one thread for one type; written by that thread only. */
struct counter {
    _Atomic(int64_t) size;
    _Atomic(int64_t) blocks;
    _Atomic(uint64_t) total;
    _Atomic(uint64_t) failures;
    _Atomic(int64_t) size_told; /* part of size that is in the level */
    _Atomic(int64_t) blocks_told;
    _Atomic(int64_t) size_peak; /* highest size since it was told last */
    _Atomic(int64_t) blocks_peak;
};

_Static_assert(sizeof(struct counter) == 64, "one cache line");

struct chunk {
    struct counter counters[CHUNK_SLOTS];
};

_Static_assert(sizeof(struct chunk) == OS_PAGE_BYTES, "one page");

struct block {
    _Atomic(struct chunk *) chunks[CHUNKS]; /* NULL until used */
    LIST_ENTRY(block) node;                 /* [account.mtx] */
};

enum { BLOCK_BYTES = OS_PAGE_BYTES };

_Static_assert(sizeof(struct block) <= BLOCK_BYTES, "fits its page");

/* Of all threads for one type. */
struct shared {
    _Atomic(int64_t) size; /* of threads that ended or have no block */
    _Atomic(int64_t) blocks;
    _Atomic(uint64_t) total;
    _Atomic(uint64_t) failures;
    _Atomic(int64_t) size_level; /* what threads told */
    _Atomic(int64_t) blocks_level;
    _Atomic(int64_t) size_max;
    _Atomic(int64_t) blocks_max;
} __attribute__((aligned(64)));

static struct {
    struct mutex mtx;              /* the lists, tables and chunk pointers */
    LIST_HEAD(, block) blocks;     /* [mtx] of all threads */
    struct mem_type *first;        /* [mtx] registered, by module and name */
    uint32_t slots_count;          /* [mtx] slots ever given out, with 0 */
    _Atomic(struct mem_type *) types[MEM_TYPES_MAX]; /* by slot; [mtx] writes */
    uint16_t whole[MEM_TYPES_MAX]; /* [mtx] slot that this one is part of */
    _Atomic(bool) is_whole[MEM_TYPES_MAX]; /* some slot is part of this one */
    struct shared shared[MEM_TYPES_MAX];
    pthread_key_t exit_key;
} account = {
    .mtx = MUTEX_INITIALIZER("mem.account", MEM_RANK_ACCOUNT),
    .slots_count = 1,
};

static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static _Thread_local struct block *own_block;
static _Thread_local bool own_block_refused; /* count on the shared ones */

/* Pages of counters are counted like anything else. */
MEM_TYPE(mt_account, "mem", "account");

static uint32_t account_register_locked(struct mem_type *type);

static inline int64_t
get(const _Atomic(int64_t) *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

static inline uint64_t
getu(const _Atomic(uint64_t) *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

static inline void
set(_Atomic(int64_t) *v, int64_t to)
{
    atomic_store_explicit(v, to, memory_order_relaxed);
}

static inline void
setu(_Atomic(uint64_t) *v, uint64_t to)
{
    atomic_store_explicit(v, to, memory_order_relaxed);
}

static void
raise_max(_Atomic(int64_t) *max, int64_t to)
{
    int64_t now = get(max);

    while (now < to &&
           !atomic_compare_exchange_weak_explicit(
               max, &now, to, memory_order_relaxed, memory_order_relaxed))
        ;
}

/* The level of a whole says nothing about what its parts leave of it: there
 * the maxima are those that readers saw. */
static void
raise_told(struct shared *s, _Atomic(int64_t) *max, int64_t to)
{
    if (!atomic_load_explicit(&account.is_whole[s - account.shared],
                              memory_order_relaxed))
        raise_max(max, to);
}

static void
shared_add(struct shared *s, int64_t bytes, int64_t blocks)
{
    int64_t level;

    (void)atomic_fetch_add_explicit(&s->size, bytes, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&s->blocks, blocks, memory_order_relaxed);
    if (blocks > 0)
        (void)atomic_fetch_add_explicit(&s->total, (uint64_t)blocks,
                                        memory_order_relaxed);
    level = atomic_fetch_add_explicit(&s->size_level, bytes,
                                      memory_order_relaxed);
    raise_told(s, &s->size_max, level + bytes);
    level = atomic_fetch_add_explicit(&s->blocks_level, blocks,
                                      memory_order_relaxed);
    raise_told(s, &s->blocks_max, level + blocks);
}

/* Tell the others what changed in one of our counters. */
static void
tell(struct shared *s, struct counter *c)
{
    int64_t size = get(&c->size), size_told = get(&c->size_told);
    int64_t blocks = get(&c->blocks), blocks_told = get(&c->blocks_told);
    int64_t level;

    level = atomic_fetch_add_explicit(&s->size_level, size - size_told,
                                      memory_order_relaxed);
    raise_told(s, &s->size_max, level + get(&c->size_peak) - size_told);
    level = atomic_fetch_add_explicit(&s->blocks_level, blocks - blocks_told,
                                      memory_order_relaxed);
    raise_told(s, &s->blocks_max,
               level + get(&c->blocks_peak) - blocks_told);
    set(&c->size_told, size);
    set(&c->size_peak, size);
    set(&c->blocks_told, blocks);
    set(&c->blocks_peak, blocks);
}

static void
account_own_pages_locked(int64_t bytes, int64_t blocks)
{
    uint32_t slot = account_register_locked(&mt_account);

    shared_add(&account.shared[slot], bytes, blocks);
}

static void
fold_chunk(struct chunk *chunk, struct shared *shared)
{
    for (size_t i = 0; i < CHUNK_SLOTS; i++) {
        struct counter *c = &chunk->counters[i];
        struct shared *s = &shared[i];

        tell(s, c);
        (void)atomic_fetch_add_explicit(&s->size, get(&c->size),
                                        memory_order_relaxed);
        (void)atomic_fetch_add_explicit(&s->blocks, get(&c->blocks),
                                        memory_order_relaxed);
        (void)atomic_fetch_add_explicit(&s->total, getu(&c->total),
                                        memory_order_relaxed);
        (void)atomic_fetch_add_explicit(&s->failures, getu(&c->failures),
                                        memory_order_relaxed);
    }
}

/* At the end of a thread. */
static void
fold_block(void *arg)
{
    struct block *b = arg;

    must(b == own_block);
    own_block = NULL;
    own_block_refused = true;
    mutex_lock(&account.mtx);
    LIST_REMOVE(b, node);
    for (size_t i = 0; i < CHUNKS; i++) {
        struct chunk *chunk =
            atomic_load_explicit(&b->chunks[i], memory_order_relaxed);

        if (chunk == NULL)
            continue;
        fold_chunk(chunk, &account.shared[i * CHUNK_SLOTS]);
        os_pages_unmap(chunk, sizeof(*chunk));
        account_own_pages_locked(-(int64_t)sizeof(*chunk), -1);
    }
    account_own_pages_locked(-(int64_t)BLOCK_BYTES, -1);
    mutex_unlock(&account.mtx);
    os_pages_unmap(b, BLOCK_BYTES);
}

static void
make_exit_key(void)
{
    must(pthread_key_create(&account.exit_key, fold_block) == 0);
}

static struct block *
block_new(void)
{
    struct block *b;

    must(pthread_once(&exit_key_once, make_exit_key) == 0);
    b = os_pages_map(BLOCK_BYTES, OS_PAGE_BYTES);
    if (b == NULL)
        return NULL;
    if (pthread_setspecific(account.exit_key, b) != 0) {
        os_pages_unmap(b, BLOCK_BYTES);
        return NULL;
    }
    mutex_lock(&account.mtx);
    LIST_INSERT_HEAD(&account.blocks, b, node);
    account_own_pages_locked(BLOCK_BYTES, 1);
    mutex_unlock(&account.mtx);
    return b;
}

static struct counter *
counter_make(uint32_t slot)
{
    struct block *b = own_block;
    struct chunk *chunk;

    if (own_block_refused)
        return NULL;
    if (b == NULL) {
        b = own_block = block_new();
        if (b == NULL) {
            own_block_refused = true;
            return NULL;
        }
    }
    chunk = os_pages_map(sizeof(*chunk), OS_PAGE_BYTES);
    if (chunk == NULL)
        return NULL;
    mutex_lock(&account.mtx);
    account_own_pages_locked(sizeof(*chunk), 1);
    mutex_unlock(&account.mtx);
    atomic_store_explicit(&b->chunks[slot / CHUNK_SLOTS], chunk,
                          memory_order_release);
    return &chunk->counters[slot % CHUNK_SLOTS];
}

static inline struct counter *
counter_of(uint32_t slot)
{
    struct block *b = own_block;
    struct chunk *chunk;

    if (__builtin_expect(b == NULL, 0))
        return counter_make(slot);
    chunk = atomic_load_explicit(&b->chunks[slot / CHUNK_SLOTS],
                                 memory_order_relaxed);
    if (__builtin_expect(chunk == NULL, 0))
        return counter_make(slot);
    return &chunk->counters[slot % CHUNK_SLOTS];
}

static inline bool
is_far(int64_t size_delta, int64_t blocks_delta)
{
    return size_delta > MEM_ACCOUNT_SLACK_BYTES ||
           size_delta < -MEM_ACCOUNT_SLACK_BYTES ||
           blocks_delta > MEM_ACCOUNT_SLACK_BLOCKS ||
           blocks_delta < -MEM_ACCOUNT_SLACK_BLOCKS;
}

void
mem_account_add(uint32_t slot, size_t bytes, size_t blocks)
{
    struct counter *c = counter_of(slot);
    int64_t size, n;

    if (__builtin_expect(c == NULL, 0)) {
        shared_add(&account.shared[slot], (int64_t)bytes, (int64_t)blocks);
        return;
    }
    size = get(&c->size) + (int64_t)bytes;
    n = get(&c->blocks) + (int64_t)blocks;
    set(&c->size, size);
    set(&c->blocks, n);
    setu(&c->total, getu(&c->total) + blocks);
    if (size > get(&c->size_peak))
        set(&c->size_peak, size);
    if (n > get(&c->blocks_peak))
        set(&c->blocks_peak, n);
    if (is_far(size - get(&c->size_told), n - get(&c->blocks_told)))
        tell(&account.shared[slot], c);
}

void
mem_account_sub(uint32_t slot, size_t bytes, size_t blocks)
{
    struct counter *c = counter_of(slot);
    int64_t size, n;

    if (__builtin_expect(c == NULL, 0)) {
        shared_add(&account.shared[slot], -(int64_t)bytes, -(int64_t)blocks);
        return;
    }
    size = get(&c->size) - (int64_t)bytes;
    n = get(&c->blocks) - (int64_t)blocks;
    set(&c->size, size);
    set(&c->blocks, n);
    if (is_far(size - get(&c->size_told), n - get(&c->blocks_told)))
        tell(&account.shared[slot], c);
}

void
mem_account_charge(struct mem_type *type, size_t bytes)
{
    mem_account_add(mem_account_slot(type), bytes, 1);
}

void
mem_account_discharge(struct mem_type *type, size_t bytes)
{
    mem_account_sub(mem_account_slot(type), bytes, 1);
}

void
mem_account_failure(struct mem_type *type)
{
    uint32_t slot = mem_account_slot(type);
    struct counter *c = counter_of(slot);

    if (c == NULL)
        (void)atomic_fetch_add_explicit(&account.shared[slot].failures, 1,
                                        memory_order_relaxed);
    else
        setu(&c->failures, getu(&c->failures) + 1);
}

static uint32_t
free_slot_locked(void)
{
    uint32_t slot;

    if (account.slots_count < MEM_TYPES_MAX)
        return account.slots_count++;
    for (slot = 1; slot < MEM_TYPES_MAX; slot++) {
        if (atomic_load_explicit(&account.types[slot],
                                 memory_order_relaxed) == NULL)
            return slot;
    }
    must_panic("mem: more than %d types", MEM_TYPES_MAX - 1);
}

static int
name_order(const struct mem_type *a, const struct mem_type *b)
{
    int order = strcmp(a->module, b->module);

    return order != 0 ? order : strcmp(a->name, b->name);
}

static uint32_t
account_register_locked(struct mem_type *type)
{
    uint32_t slot = atomic_load_explicit(&type->id, memory_order_relaxed);
    struct mem_type **at = &account.first;

    if (slot != 0)
        return slot; /* another thread was quicker */
    must(type->module != NULL && type->name != NULL);
    slot = free_slot_locked();
    while (*at != NULL && name_order(*at, type) <= 0)
        at = &(*at)->next;
    type->next = *at;
    *at = type;
    atomic_store_explicit(&account.types[slot], type, memory_order_release);
    atomic_store_explicit(&type->id, slot, memory_order_release);
    return slot;
}

uint32_t
mem_account_register(struct mem_type *type)
{
    uint32_t slot;

    mutex_lock(&account.mtx);
    slot = account_register_locked(type);
    mutex_unlock(&account.mtx);
    return slot;
}

const struct mem_type *
mem_account_type(uint32_t slot)
{
    if (slot >= MEM_TYPES_MAX)
        return NULL;
    return atomic_load_explicit(&account.types[slot], memory_order_acquire);
}

void
mem_account_set_whole(struct mem_type *type, struct mem_type *whole)
{
    uint32_t slot = mem_account_slot(type);
    uint32_t whole_slot = mem_account_slot(whole);

    mutex_lock(&account.mtx);
    account.whole[slot] = (uint16_t)whole_slot;
    account.is_whole[whole_slot] = true;
    mutex_unlock(&account.mtx);
}

/* What is live of one type, and how far its maxima may be. */
struct sum {
    int64_t size, blocks;
    uint64_t total, failures;
    int64_t size_above, blocks_above; /* highest untold peak of a thread */
};

static struct counter *
counter_find(struct block *b, uint32_t slot)
{
    struct chunk *chunk = atomic_load_explicit(&b->chunks[slot / CHUNK_SLOTS],
                                               memory_order_acquire);

    return chunk != NULL ? &chunk->counters[slot % CHUNK_SLOTS] : NULL;
}

static struct sum
sum_locked(uint32_t slot)
{
    struct shared *s = &account.shared[slot];
    struct sum sum = {
        .size = get(&s->size),
        .blocks = get(&s->blocks),
        .total = getu(&s->total),
        .failures = getu(&s->failures),
    };
    struct block *b;

    LIST_FOREACH (b, &account.blocks, node) {
        struct counter *c = counter_find(b, slot);
        int64_t above;

        if (c == NULL)
            continue;
        sum.size += get(&c->size);
        sum.blocks += get(&c->blocks);
        sum.total += getu(&c->total);
        sum.failures += getu(&c->failures);
        above = get(&c->size_peak) - get(&c->size_told);
        if (above > sum.size_above)
            sum.size_above = above;
        above = get(&c->blocks_peak) - get(&c->blocks_told);
        if (above > sum.blocks_above)
            sum.blocks_above = above;
    }
    return sum;
}

static uint64_t
not_negative(int64_t v)
{
    return v > 0 ? (uint64_t)v : 0; /* seen between a free and its alloc */
}

/* What is in use of a whole. */
static struct sum
parts_locked(uint32_t whole)
{
    struct sum parts = {.size = 0};

    for (uint32_t slot = 1; slot < account.slots_count; slot++) {
        struct sum sum;

        if (account.whole[slot] != whole)
            continue;
        sum = sum_locked(slot);
        parts.size += sum.size;
        parts.blocks += sum.blocks;
    }
    return parts;
}

static void
stats_add_locked(const struct mem_type *type, struct mem_type_stats *out)
{
    uint32_t slot = atomic_load_explicit(&type->id, memory_order_relaxed);
    struct shared *s = &account.shared[slot];
    struct sum sum = sum_locked(slot);

    if (atomic_load_explicit(&account.is_whole[slot], memory_order_relaxed)) {
        struct sum parts = parts_locked(slot);

        sum.size -= parts.size;
        sum.blocks -= parts.blocks;
    } else {
        raise_max(&s->size_max, get(&s->size_level) + sum.size_above);
        raise_max(&s->blocks_max, get(&s->blocks_level) + sum.blocks_above);
    }
    raise_max(&s->size_max, sum.size);
    raise_max(&s->blocks_max, sum.blocks);
    out->module = type->module;
    out->name = type->name;
    out->size += not_negative(sum.size);
    out->num_allocs += not_negative(sum.blocks);
    out->total_allocs += sum.total;
    out->failures += sum.failures;
    out->max_size += not_negative(get(&s->size_max));
    out->max_num_allocs += not_negative(get(&s->blocks_max));
}

size_t
mem_account_read(struct mem_type_stats *out, size_t max)
{
    const struct mem_type *type, *group = NULL;
    size_t count = 0;

    mutex_lock(&account.mtx);
    for (type = account.first; type != NULL; type = type->next) {
        if (group == NULL || name_order(group, type) != 0) {
            group = type;
            count++;
            if (count <= max)
                memset(&out[count - 1], 0, sizeof(*out));
        }
        if (count <= max)
            stats_add_locked(type, &out[count - 1]);
    }
    mutex_unlock(&account.mtx);
    return count;
}

void
mem_account_read_one(const char *module, const char *name,
                     struct mem_type_stats *out)
{
    const struct mem_type *type;

    memset(out, 0, sizeof(*out));
    out->module = module;
    out->name = name;
    mutex_lock(&account.mtx);
    for (type = account.first; type != NULL; type = type->next) {
        if (strcmp(type->module, module) == 0 && strcmp(type->name, name) == 0)
            stats_add_locked(type, out);
    }
    mutex_unlock(&account.mtx);
}

void
mem_account_read_slot(struct mem_type *type, struct mem_type_stats *out)
{
    (void)mem_account_slot(type);
    memset(out, 0, sizeof(*out));
    mutex_lock(&account.mtx);
    stats_add_locked(type, out);
    mutex_unlock(&account.mtx);
}

uint64_t
mem_account_total_bytes(void)
{
    int64_t total = 0;

    mutex_lock(&account.mtx);
    /* Parts are in their whole. */
    for (uint32_t slot = 1; slot < account.slots_count; slot++) {
        if (account.whole[slot] == 0)
            total += sum_locked(slot).size;
    }
    mutex_unlock(&account.mtx);
    return not_negative(total);
}

/* Nobody counts in this slot now, so that its counters may be written here. */
static void
clear_slot_locked(uint32_t slot)
{
    struct shared *s = &account.shared[slot];
    struct block *b;

    LIST_FOREACH (b, &account.blocks, node) {
        struct counter *c = counter_find(b, slot);

        if (c == NULL)
            continue;
        set(&c->size, 0);
        set(&c->blocks, 0);
        setu(&c->total, 0);
        setu(&c->failures, 0);
        set(&c->size_told, 0);
        set(&c->blocks_told, 0);
        set(&c->size_peak, 0);
        set(&c->blocks_peak, 0);
    }
    set(&s->size, 0);
    set(&s->blocks, 0);
    setu(&s->total, 0);
    setu(&s->failures, 0);
    set(&s->size_level, 0);
    set(&s->blocks_level, 0);
    set(&s->size_max, 0);
    set(&s->blocks_max, 0);
    account.whole[slot] = 0;
}

void
mem_account_retire(struct mem_type *type, struct mem_type *heir)
{
    struct mem_type_stats was = {.size = 0};
    uint32_t slot = mem_account_slot(type);
    struct shared *to = &account.shared[mem_account_slot(heir)];
    struct mem_type **at;

    mutex_lock(&account.mtx);
    stats_add_locked(type, &was);
    if (was.size != 0 || was.num_allocs != 0)
        must_panic("mem: %s %s retired with %" PRIu64 " bytes in %" PRIu64
                   " blocks",
                   type->module, type->name, was.size, was.num_allocs);
    (void)atomic_fetch_add(&to->total, was.total_allocs);
    (void)atomic_fetch_add(&to->failures, was.failures);
    raise_max(&to->size_max, (int64_t)was.max_size);
    raise_max(&to->blocks_max, (int64_t)was.max_num_allocs);
    clear_slot_locked(slot);
    for (at = &account.first; *at != type; at = &(*at)->next)
        must(*at != NULL);
    *at = type->next;
    atomic_store(&account.types[slot], NULL);
    atomic_store(&type->id, 0);
    mutex_unlock(&account.mtx);
}
