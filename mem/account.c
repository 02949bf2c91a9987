/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accounts: counters per thread, added up by whoever looks.
 *
 *     type->id ──► slot ──► the thread's own cache line
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
 * no lines, because the kernel gave no page or because it is past the point
 * where it handed them in, counts on the shared ones directly.
 */
#include "mem/account.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/ranks.h"

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
    struct mutex mtx;       /* the registry */
    struct mem_type *first; /* [mtx] registered, by module and name */
    _Atomic(uint32_t) slots_count; /* [mtx] writes: ever given out, with 0 */
    uint32_t marks;         /* [mtx] of every type */
    _Atomic(struct mem_type *) types[MEM_TYPES_MAX]; /* by slot; [mtx] writes */
    uint16_t whole[MEM_TYPES_MAX]; /* [mtx] slot that this one is part of */
    _Atomic(bool) is_whole[MEM_TYPES_MAX]; /* some slot is part of this one */
    struct shared shared[MEM_TYPES_MAX];
} account = {
    .mtx = MUTEX_INITIALIZER("mem.account", MEM_RANK_ACCOUNT),
    .slots_count = 1,
};

/* What threads keep for themselves is counted like anything else. */
MEM_TYPE(mt_threads, "mem", "threads");

static uint32_t account_register_locked(struct mem_type *type);

static void
raise_max(_Atomic(int64_t) *max, int64_t to)
{
    int64_t now = counter_get(max);

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
    level =
        atomic_fetch_add_explicit(&s->size_level, bytes, memory_order_relaxed);
    raise_told(s, &s->size_max, level + bytes);
    level = atomic_fetch_add_explicit(&s->blocks_level, blocks,
                                      memory_order_relaxed);
    raise_told(s, &s->blocks_max, level + blocks);
}

static int64_t
size_told_of(const struct mem_counter *c)
{
    /* Both are 0 until the first telling. */
    return (counter_get(&c->size_low) + counter_get(&c->size_high)) / 2;
}

static bool
counter_is_used(const struct mem_counter *c)
{
    return counter_getu(&c->total) != 0 || counter_get(&c->size_high) != 0 ||
           counter_get(&c->blocks) != 0;
}

static int64_t
larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void
account_tell(uint32_t slot, struct mem_counter *c)
{
    struct shared *s = &account.shared[slot];
    int64_t size = counter_get(&c->size);
    int64_t size_told = size_told_of(c);
    int64_t blocks = counter_get(&c->blocks);
    int64_t blocks_told = counter_get(&c->blocks_told);
    int64_t level;

    level = atomic_fetch_add_explicit(&s->size_level, size - size_told,
                                      memory_order_relaxed);
    raise_told(s, &s->size_max,
               level + larger(size, counter_get(&c->size_peak)) - size_told);
    level = atomic_fetch_add_explicit(&s->blocks_level, blocks - blocks_told,
                                      memory_order_relaxed);
    raise_told(s, &s->blocks_max,
               level + larger(blocks, counter_get(&c->blocks_peak)) -
                   blocks_told);
    counter_set(&c->size_low, size - MEM_ACCOUNT_SLACK_BYTES);
    counter_set(&c->size_high, size + MEM_ACCOUNT_SLACK_BYTES);
    counter_set(&c->size_peak, size);
    counter_set(&c->blocks_told, blocks);
    counter_set(&c->blocks_peak, blocks);
}

void *
account_tell_and_return(uint32_t slot, struct mem_counter *c, void *p)
{
    account_tell(slot, c);
    return p;
}

void
account_fold(struct mem_thread *t)
{
    uint32_t count =
        atomic_load_explicit(&account.slots_count, memory_order_relaxed);

    for (uint32_t slot = 1; slot < count; slot++) {
        struct mem_counter *c = &t->counters[slot];
        struct shared *s = &account.shared[slot];

        if (!counter_is_used(c))
            continue;
        account_tell(slot, c);
        (void)atomic_fetch_add_explicit(&s->size, counter_get(&c->size),
                                        memory_order_relaxed);
        (void)atomic_fetch_add_explicit(&s->blocks, counter_get(&c->blocks),
                                        memory_order_relaxed);
        (void)atomic_fetch_add_explicit(&s->total, counter_getu(&c->total),
                                        memory_order_relaxed);
    }
}

static inline struct mem_counter *
counter_of(uint32_t slot)
{
    struct mem_thread *self = mem_self;

    if (__builtin_expect(self == &mem_no_thread, 0)) {
        self = mem_thread_make();
        if (self == NULL)
            return NULL;
    }
    return &self->counters[slot];
}

void
mem_account_add(uint32_t slot, size_t bytes, size_t blocks)
{
    struct mem_counter *c = counter_of(slot);

    if (__builtin_expect(c != NULL, 1)) {
        if (counter_add(c, bytes, blocks))
            account_tell(slot, c);
        return;
    }
    shared_add(&account.shared[slot], (int64_t)bytes, (int64_t)blocks);
}

void
mem_account_sub(uint32_t slot, size_t bytes, size_t blocks)
{
    struct mem_counter *c = counter_of(slot);

    if (__builtin_expect(c != NULL, 1)) {
        if (counter_sub(c, bytes, blocks))
            account_tell(slot, c);
        return;
    }
    shared_add(&account.shared[slot], -(int64_t)bytes, -(int64_t)blocks);
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
    (void)atomic_fetch_add_explicit(
        &account.shared[mem_account_slot(type)].failures, 1,
        memory_order_relaxed);
}

static uint32_t
free_slot_locked(void)
{
    uint32_t slot;

    if (account.slots_count < MEM_TYPES_MAX)
        return account.slots_count++;
    for (slot = 1; slot < MEM_TYPES_MAX; slot++) {
        if (atomic_load_explicit(&account.types[slot], memory_order_relaxed) ==
            NULL)
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
    slot |= account.marks;
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

bool
mem_account_names(uint32_t slot, const char **module, const char **name)
{
    const struct mem_type *type;

    mutex_lock(&account.mtx);
    type = mem_account_type(slot);
    if (type != NULL) {
        *module = type->module;
        *name = type->name;
    }
    mutex_unlock(&account.mtx);
    return type != NULL;
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

static void
add_counter(struct sum *to, const struct mem_counter *c)
{
    int64_t size = counter_get(&c->size), blocks = counter_get(&c->blocks);

    to->size += size;
    to->blocks += blocks;
    to->total += counter_getu(&c->total);
    to->size_above =
        larger(to->size_above,
               larger(size, counter_get(&c->size_peak)) - size_told_of(c));
    to->blocks_above =
        larger(to->blocks_above, larger(blocks, counter_get(&c->blocks_peak)) -
                                     counter_get(&c->blocks_told));
}

static struct sum
sum_locked(uint32_t slot)
{
    /* Held also over the shared ones: a thread that ends is in one place. */
    struct mem_thread *t = mem_threads_lock();
    struct shared *s = &account.shared[slot];
    struct sum sum = {
        .size = counter_get(&s->size),
        .blocks = counter_get(&s->blocks),
        .total = counter_getu(&s->total),
        .failures = counter_getu(&s->failures),
    };

    for (; t != NULL; t = LIST_NEXT(t, node))
        add_counter(&sum, &t->counters[slot]);
    mem_threads_unlock();
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

/* What threads keep is looked up and not charged: a page becomes memory when
 * it is first touched, which nobody is told of. */
static void
refresh_threads_locked(void)
{
    struct shared *s =
        &account.shared[account_register_locked(&mt_threads) & TYPE_SLOT];
    unsigned count;
    int64_t bytes = (int64_t)mem_threads_bytes(&count);
    int64_t was = counter_get(&s->blocks);

    counter_set(&s->size, bytes);
    counter_set(&s->blocks, count);
    if (count > was)
        (void)atomic_fetch_add_explicit(&s->total, count - (uint64_t)was,
                                        memory_order_relaxed);
    raise_max(&s->size_max, bytes);
    raise_max(&s->blocks_max, count);
}

static void
stats_add_locked(const struct mem_type *type, struct mem_type_stats *out)
{
    uint32_t slot =
        atomic_load_explicit(&type->id, memory_order_relaxed) & TYPE_SLOT;
    struct shared *s = &account.shared[slot];
    struct sum sum = sum_locked(slot);

    if (atomic_load_explicit(&account.is_whole[slot], memory_order_relaxed)) {
        struct sum parts = parts_locked(slot);

        sum.size -= parts.size;
        sum.blocks -= parts.blocks;
    } else {
        raise_max(&s->size_max, counter_get(&s->size_level) + sum.size_above);
        raise_max(&s->blocks_max,
                  counter_get(&s->blocks_level) + sum.blocks_above);
    }
    raise_max(&s->size_max, sum.size);
    raise_max(&s->blocks_max, sum.blocks);
    out->module = type->module;
    out->name = type->name;
    out->size += not_negative(sum.size);
    out->num_allocs += not_negative(sum.blocks);
    out->total_allocs += sum.total;
    out->failures += sum.failures;
    out->max_size += not_negative(counter_get(&s->size_max));
    out->max_num_allocs += not_negative(counter_get(&s->blocks_max));
}

size_t
mem_account_read(struct mem_type_stats *out, size_t max)
{
    const struct mem_type *type, *group = NULL;
    size_t count = 0;

    mutex_lock(&account.mtx);
    refresh_threads_locked();
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
    refresh_threads_locked();
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
    refresh_threads_locked();
    /* Parts are in their whole. */
    for (uint32_t slot = 1; slot < account.slots_count; slot++) {
        if (account.whole[slot] == 0)
            total += sum_locked(slot).size;
    }
    mutex_unlock(&account.mtx);
    return not_negative(total);
}

static void
clear_counter(struct mem_counter *c)
{
    counter_set(&c->size, 0);
    counter_set(&c->blocks, 0);
    counter_setu(&c->total, 0);
    counter_set(&c->size_low, 0);
    counter_set(&c->size_high, 0);
    counter_set(&c->blocks_told, 0);
    counter_set(&c->size_peak, 0);
    counter_set(&c->blocks_peak, 0);
}

/* Nobody counts in this slot now, so that its counters may be written here. */
static void
clear_slot_locked(uint32_t slot)
{
    struct shared *s = &account.shared[slot];
    struct mem_thread *t;

    for (t = mem_threads_lock(); t != NULL; t = LIST_NEXT(t, node)) {
        struct mem_counter *c = &t->counters[slot];

        /* An untouched page is not made memory for it. */
        if (counter_is_used(c))
            clear_counter(c);
    }
    mem_threads_unlock();
    counter_set(&s->size, 0);
    counter_set(&s->blocks, 0);
    counter_setu(&s->total, 0);
    counter_setu(&s->failures, 0);
    counter_set(&s->size_level, 0);
    counter_set(&s->blocks_level, 0);
    counter_set(&s->size_max, 0);
    counter_set(&s->blocks_max, 0);
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

uint32_t
mem_account_slots(void)
{
    uint32_t last;

    mutex_lock(&account.mtx);
    (void)account_register_locked(&mt_threads);
    last = account.slots_count - 1;
    mutex_unlock(&account.mtx);
    return last;
}

void
mem_account_mark(uint32_t slot, uint32_t mark, bool on)
{
    struct mem_type *type;

    must((mark & TYPE_SLOT) == 0 && slot < MEM_TYPES_MAX);
    mutex_lock(&account.mtx);
    type = atomic_load_explicit(&account.types[slot], memory_order_relaxed);
    if (type != NULL && on)
        (void)atomic_fetch_or(&type->id, mark);
    else if (type != NULL)
        (void)atomic_fetch_and(&type->id, ~mark);
    mutex_unlock(&account.mtx);
}

uint32_t
mem_account_marks(uint32_t slot)
{
    const struct mem_type *type;
    uint32_t marks = 0;

    mutex_lock(&account.mtx);
    type = mem_account_type(slot);
    if (type != NULL)
        marks = atomic_load_explicit(&type->id, memory_order_relaxed) &
                ~(uint32_t)TYPE_SLOT;
    mutex_unlock(&account.mtx);
    return marks;
}

void
mem_account_mark_all(uint32_t mark, bool on)
{
    mutex_lock(&account.mtx);
    account.marks = on ? account.marks | mark : account.marks & ~mark;
    mutex_unlock(&account.mtx);
    for (uint32_t slot = mem_account_slots(); slot > 0; slot--)
        mem_account_mark(slot, mark, on);
}

size_t
mem_account_each(bool (*fn)(void *arg, uint32_t slot, const char *module,
                            const char *name),
                 void *arg)
{
    uint32_t last = mem_account_slots();
    size_t n = 0;

    for (uint32_t slot = 1; slot <= last; slot++) {
        const char *module, *name;

        if (!mem_account_names(slot, &module, &name))
            continue;
        n++;
        if (!fn(arg, slot, module, name))
            break;
    }
    return n;
}
