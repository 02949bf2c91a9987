/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All of mem/ at once.  Workers allocate in every way there is, write a pattern
 * into what they got and hand it to each other; they end and are replaced.
 * Meanwhile one thread switches tracing, poison, guard objects and the limit
 * on and off, and has memory given back.  What is verified: no pattern changes
 * while somebody has the block, no check of mem/ fires, and in the end all
 * accounts and all pages are as before.
 *
 * MEM_STRESS_SECONDS and MEM_STRESS_SEED choose a run; the seed is printed, and
 * fixes what each thread does, not how they meet.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/account.h"
#include "mem/alloc.h"
#include "mem/arena.h"
#include "mem/clock.h"
#include "mem/debug.h"
#include "mem/guard.h"
#include "mem/iobuf.h"
#include "mem/limit.h"
#include "mem/must.h"
#include "mem/page_zone.h"
#include "mem/pages.h"
#include "mem/pool.h"
#include "mem/reclaim.h"
#include "mem/spare.h"
#include "mem/thread_flush.h"
#include "mem/trace.h"

enum {
    WORKERS = 5,
    OWN_ITEMS = 96,
    SHARED_ITEMS = 128,
    TYPES = 3,
    POOLS = 4,
    OWN_POOLS = 2,
    LIFE_MS = 60,
    PATTERN_BYTES = 512, /* at either end; one of each page between */
    ARENA_BYTES = 512,
};

/* ------------------------------------------------------------ random --- */

struct dice {
    uint64_t state;
};

static uint64_t
roll(struct dice *d)
{
    d->state ^= d->state << 13;
    d->state ^= d->state >> 7;
    d->state ^= d->state << 17;
    return d->state * UINT64_C(0x2545f4914f6cdd1d) >> 11;
}

static size_t
below(struct dice *d, size_t n)
{
    return (size_t)(roll(d) % n);
}

/* Small ones most often, and now and then what has pages or a mapping of its
 * own. */
static size_t
random_bytes(struct dice *d)
{
    if (below(d, 300) == 0)
        return below(d, 6 << 20);
    switch (below(d, 64)) {
    case 0:
    case 1:
    case 2:
        return below(d, 300000);
    case 3:
    case 4:
    case 5:
    case 6:
        return below(d, 20000);
    case 7:
        return 8170 + below(d, 40); /* the last class, and behind it */
    case 8:
        return 0;
    default:
        return below(d, (size_t)16 << below(d, 9));
    }
}

/* ----------------------------------------------------------- scenery --- */

struct own_pool {
    struct mem_pool *pool;
    size_t object_bytes;
    _Atomic(unsigned) out; /* objects that somebody has */
    bool closing;          /* its maker's: no more gets */
};

enum kind { NOTHING, BLOCK, OBJECT, OWN_OBJECT, BUFFER };

struct item {
    enum kind kind;
    uint8_t *data;
    size_t bytes;
    uint8_t seed;
    size_t align;
    union {
        struct mem_pool *pool;
        struct own_pool *own;
        struct iobuf *buf;
    } of;
};

struct worker {
    pthread_t thread;
    struct dice dice;
    struct item *items[OWN_ITEMS];
    struct own_pool pools[OWN_POOLS];
    uint64_t allocations, refusals;
};

static struct mem_type types[TYPES] = {
    {.module = "test.stress", .name = "a"},
    {.module = "test.stress", .name = "b"},
    {.module = "test.stress", .name = "c"},
};
MEM_TYPE(mt_pool, "test.stress", "pool");
MEM_TYPE(mt_own, "test.stress", "own pool");
MEM_TYPE(mt_arena, "test.stress", "arena");

static struct worker workers[WORKERS];
static struct item items[WORKERS * OWN_ITEMS + SHARED_ITEMS];
static _Atomic(struct item *) shared[SHARED_ITEMS];
static const size_t pool_bytes[POOLS] = {40, 200, 1000, 9000};
static struct mem_pool *pools[POOLS];
static _Atomic(bool) over;

/* ---------------------------------------------------------- patterns --- */

static size_t
next_at(size_t at, size_t bytes)
{
    if (at < PATTERN_BYTES || bytes - at <= PATTERN_BYTES)
        return at + 1;
    at += 4096;
    return bytes - at < PATTERN_BYTES || at > bytes ? bytes - PATTERN_BYTES
                                                    : at;
}

static void
fill(struct item *it, struct dice *d)
{
    it->seed = (uint8_t)roll(d);
    for (size_t at = 0; at < it->bytes; at = next_at(at, it->bytes))
        it->data[at] = (uint8_t)(it->seed + at * 7);
}

/* Of the first bytes; those in between only while the size has not changed. */
static void
verify(const struct item *it, size_t bytes)
{
    for (size_t at = 0; at < bytes; at = next_at(at, it->bytes)) {
        if (it->data[at] != (uint8_t)(it->seed + at * 7))
            must_panic("byte %zu of %zu of an item of kind %d has changed", at,
                       it->bytes, it->kind);
    }
}

static void
must_be_zero(const uint8_t *p, size_t bytes)
{
    for (size_t at = 0; at < bytes; at = next_at(at, bytes))
        must(p[at] == 0);
}

/* ------------------------------------------------------------- items --- */

static void
drop(struct item *it)
{
    verify(it, it->bytes);
    switch (it->kind) {
    case NOTHING:
        break;
    case BLOCK:
        must(mem_usable_bytes(it->data) == it->bytes);
        mem_free(it->data);
        break;
    case OBJECT:
        mem_pool_put(it->of.pool, it->data);
        break;
    case OWN_OBJECT:
        mem_pool_put(it->of.own->pool, it->data);
        (void)atomic_fetch_sub_explicit(&it->of.own->out, 1,
                                        memory_order_release);
        break;
    case BUFFER:
        iobuf_put(it->of.buf);
        break;
    }
    *it = (struct item){.kind = NOTHING};
}

static uint8_t *
new_block(struct item *it, struct dice *d)
{
    struct mem_type *type = &types[below(d, TYPES)];
    uint8_t *p;

    it->kind = BLOCK;
    it->bytes = random_bytes(d);
    it->align = 16;
    switch (below(d, 6)) {
    case 0:
        it->align = (size_t)1 << below(d, below(d, 8) == 0 ? 21 : 13);
        return mem_alloc_aligned(type, it->align, it->bytes);
    case 1:
        p = mem_zalloc(type, it->bytes);
        break;
    case 2:
        p = mem_calloc(type, 3, it->bytes / 3);
        it->bytes = it->bytes / 3 * 3;
        break;
    case 3:
        p = (uint8_t *)mem_asprintf(type, "%*s", (int)(it->bytes % 3000), "x");
        it->bytes = it->bytes % 3000 + (it->bytes % 3000 == 0) + 1;
        return p;
    default:
        return mem_alloc(type, it->bytes);
    }
    if (p != NULL)
        must_be_zero(p, it->bytes);
    return p;
}

static uint8_t *
new_own_object(struct item *it, struct own_pool *own, struct dice *d)
{
    uint8_t *p;

    it->kind = NOTHING;
    if (own->closing) {
        if (atomic_load_explicit(&own->out, memory_order_acquire) == 0) {
            mem_pool_destroy(&own->pool);
            own->closing = false;
        }
        return NULL;
    }
    if (own->pool == NULL) {
        own->object_bytes = 1 + below(d, 3000);
        own->pool = mem_pool_new(&mt_own, own->object_bytes, NULL);
        if (own->pool == NULL)
            return NULL;
    }
    p = mem_pool_get(own->pool);
    own->closing = below(d, 200) == 0;
    if (p == NULL)
        return NULL;
    (void)atomic_fetch_add_explicit(&own->out, 1, memory_order_relaxed);
    it->kind = OWN_OBJECT;
    it->bytes = own->object_bytes;
    it->align = 64;
    it->of.own = own;
    return p;
}

static uint8_t *
new_object(struct item *it, struct dice *d)
{
    size_t i = below(d, POOLS);

    it->kind = OBJECT;
    it->bytes = pool_bytes[i];
    it->align = 64;
    it->of.pool = pools[i];
    return mem_pool_get(pools[i]);
}

static uint8_t *
new_buffer(struct item *it, struct dice *d)
{
    struct iobuf *buf = iobuf_new(random_bytes(d));

    it->kind = BUFFER;
    it->of.buf = buf;
    if (buf == NULL)
        return NULL;
    it->bytes = buf->capacity;
    it->align = buf->capacity >= IOBUF_ALIGN ? IOBUF_ALIGN : 1;
    iobuf_put(iobuf_get(buf));
    return buf->data;
}

static void
make(struct worker *w, struct item *it)
{
    struct dice *d = &w->dice;
    uint8_t *p;

    errno = 0;
    switch (below(d, 8)) {
    case 0:
    case 1:
        p = new_object(it, d);
        break;
    case 2:
        p = new_own_object(it, &w->pools[below(d, OWN_POOLS)], d);
        break;
    case 3:
        p = new_buffer(it, d);
        break;
    default:
        p = new_block(it, d);
        break;
    }
    w->allocations++;
    if (p == NULL) {
        must(errno == ENOMEM || it->kind == NOTHING);
        w->refusals++;
        *it = (struct item){.kind = NOTHING};
        return;
    }
    must((uintptr_t)p % it->align == 0);
    it->data = p;
    fill(it, d);
}

static void
resize(struct worker *w, struct item *it)
{
    size_t bytes = random_bytes(&w->dice), kept_bytes;
    uint8_t *p;

    verify(it, it->bytes);
    kept_bytes = bytes < it->bytes ? bytes : it->bytes;
    p = mem_realloc(&types[below(&w->dice, TYPES)], it->data, bytes);
    w->allocations++;
    if (p == NULL) {
        must(errno == ENOMEM);
        w->refusals++;
        return;
    }
    must((uintptr_t)p % it->align == 0);
    it->data = p;
    verify(it, kept_bytes);
    it->bytes = bytes;
    fill(it, &w->dice);
}

static void
use_arena(struct worker *w)
{
    uint64_t first[ARENA_BYTES / 8];
    struct dice *d = &w->dice;
    struct item parts[12];
    struct arena a;
    size_t n = 0;

    arena_init(&a, &mt_arena, first, sizeof(first));
    for (size_t i = below(d, COUNT_OF(parts)); i > 0; i--) {
        struct item *it = &parts[n];

        *it = (struct item){.bytes = below(d, (size_t)16 << below(d, 12))};
        it->data = arena_alloc(&a, it->bytes);
        if (it->data == NULL)
            continue;
        fill(it, d);
        n++;
    }
    while (n-- > 0)
        verify(&parts[n], parts[n].bytes);
    arena_release(&a);
}

/* ----------------------------------------------------------- workers --- */

static void
step(struct worker *w)
{
    struct item **it = &w->items[below(&w->dice, OWN_ITEMS)];

    switch (below(&w->dice, 16)) {
    case 0:
    case 1:
    case 2:
        *it = atomic_exchange(&shared[below(&w->dice, SHARED_ITEMS)], *it);
        break;
    case 3:
        use_arena(w);
        break;
    case 4:
    case 5:
        if ((*it)->kind == BLOCK)
            resize(w, *it);
        break;
    case 6:
        verify(*it, (*it)->bytes);
        if (below(&w->dice, 16) == 0)
            mem_thread_idle();
        break;
    default:
        if ((*it)->kind == NOTHING)
            make(w, *it);
        else
            drop(*it);
        break;
    }
}

static void *
work(void *arg)
{
    struct worker *w = arg;
    uint64_t end_ns =
        clock_ns() + below(&w->dice, LIFE_MS) * CLOCK_NS_PER_MS;

    (void)mem_set_importance((enum mem_importance)below(
        &w->dice, MEM_IMPORTANCES));
    do {
        for (int i = 0; i < 32; i++)
            step(w);
    } while (!atomic_load(&over) && clock_ns() < end_ns);
    return NULL;
}

/* One worker after another; each begins with what the last one had. */
static void *
employ(void *arg)
{
    while (!atomic_load(&over)) {
        pthread_t thread;

        must(pthread_create(&thread, NULL, work, arg) == 0);
        must(pthread_join(thread, NULL) == 0);
    }
    return NULL;
}

/* --------------------------------------------------------- disturber --- */

static void
look(void)
{
    static struct mem_type_stats stats[256];
    static struct mem_trace_site sites[64];
    static struct mem_pool_stats of_pools[64];
    struct mem_guard_stats of_guards;
    struct mem_pages_stats of_pages;
    struct mem_limit_stats of_limit;

    must(mem_account_read(stats, COUNT_OF(stats)) > 0);
    (void)mem_account_total_bytes();
    (void)mem_trace_read(sites, COUNT_OF(sites));
    must(mem_pool_read(of_pools, COUNT_OF(of_pools)) >= POOLS);
    mem_guard_read(&of_guards);
    mem_pages_read(&of_pages);
    mem_limit_read(&of_limit);
}

static void
disturb(struct dice *d)
{
    static const char *const names[] = {"a", "b", "pool", "own pool", "iobuf",
                                        NULL};
    const char *name = names[below(d, COUNT_OF(names))];
    const char *module = below(d, 8) == 0 ? NULL : "test.stress";
    struct mem_limit_stats limit;

    switch (below(d, 16)) {
    case 0:
    case 1:
        (void)mem_poison_set(module, name, true);
        break;
    case 2:
        (void)mem_poison_set(module, name, false);
        break;
    case 3:
    case 4:
        must(mem_trace_on(module, name, below(d, 2) == 0 ? 1 : 5000) >= 0);
        break;
    case 5:
        must(mem_trace_off(module, name) >= 0);
        break;
    case 6:
        mem_guard_set_rate(below(d, 2) == 0 ? 0 : 1 + (unsigned)below(d, 999));
        break;
    case 7:
    case 8:
        mem_guard_tick();
        break;
    case 9:
        mem_limit_read(&limit);
        mem_limit_set(limit.used_bytes + below(d, 16 << 20));
        break;
    case 10:
    case 13:
        mem_limit_set(0);
        break;
    case 11:
        (void)mem_pages_purge(0, below(d, 8 << 20));
        mem_thread_flush_ask();
        break;
    case 12:
        (void)mem_reclaim_all();
        break;
    default:
        look();
        break;
    }
}

static void
all_off(void)
{
    mem_guard_set_rate(0);
    (void)mem_trace_off(NULL, NULL);
    (void)mem_poison_set(NULL, NULL, false);
    mem_limit_set(0);
}

/* -------------------------------------------------------------- test --- */

static uint64_t
number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

static uint64_t
pages_in_use(void)
{
    struct mem_pages_stats s;

    (void)mem_reclaim_all();
    mem_pages_read(&s);
    return s.used_bytes[3] + s.mapped_bytes;
}

static void
ck_all_given_back(void)
{
    struct mem_type_stats s[256];
    size_t count = mem_account_read(s, COUNT_OF(s));

    ck_assert_uint_le(count, COUNT_OF(s));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(s[i].module, "test.stress") != 0 &&
            strcmp(s[i].name, "iobuf") != 0 &&
            strcmp(s[i].name, "iobuf cold") != 0)
            continue;
        ck_assert_msg(s[i].size == 0 && s[i].num_allocs == 0,
                      "%s %s has %llu bytes in %llu blocks", s[i].module,
                      s[i].name, (unsigned long long)s[i].size,
                      (unsigned long long)s[i].num_allocs);
    }
}

static void
set_up(uint64_t seed)
{
    for (size_t i = 0; i < POOLS; i++)
        pools[i] = mem_pool_new(&mt_pool, pool_bytes[i], NULL);
    for (size_t i = 0; i < SHARED_ITEMS; i++)
        shared[i] = &items[i];
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i].dice.state = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
        for (size_t k = 0; k < OWN_ITEMS; k++)
            workers[i].items[k] = &items[SHARED_ITEMS + i * OWN_ITEMS + k];
    }
}

static void
tear_down(void)
{
    for (size_t i = 0; i < COUNT_OF(items); i++)
        drop(&items[i]);
    for (size_t i = 0; i < WORKERS; i++) {
        for (size_t k = 0; k < OWN_POOLS; k++) {
            if (workers[i].pools[k].pool != NULL)
                mem_pool_destroy(&workers[i].pools[k].pool);
        }
    }
    for (size_t i = 0; i < POOLS; i++)
        mem_pool_destroy(&pools[i]);
}

START_TEST(everything_at_once)
{
    uint64_t seed = number_from("MEM_STRESS_SEED", clock_ns());
    uint64_t end_ns = clock_ns() + number_from("MEM_STRESS_SECONDS", 3) *
                                       CLOCK_NS_PER_SEC;
    struct dice dice = {.state = (seed - 1) * UINT64_C(0xbf58476d1ce4e5b9) | 1};
    uint64_t before, after, allocations = 0, refusals = 0;

    printf("MEM_STRESS_SEED=%llu\n", (unsigned long long)seed);
    (void)fflush(stdout);
    mem_spare_register();
    ck_assert_int_eq(mem_reclaimer_start(), 0);
    /* These stay, whatever happens. */
    iobuf_put(iobuf_new(1));
    iobuf_put(iobuf_new(4096));
    before = pages_in_use();

    set_up(seed);
    for (size_t i = 0; i < WORKERS; i++)
        must(pthread_create(&workers[i].thread, NULL, employ, &workers[i]) ==
             0);
    while (clock_ns() < end_ns)
        disturb(&dice);
    atomic_store(&over, true);
    for (size_t i = 0; i < WORKERS; i++) {
        must(pthread_join(workers[i].thread, NULL) == 0);
        allocations += workers[i].allocations;
        refusals += workers[i].refusals;
    }
    all_off();
    tear_down();
    after = pages_in_use();
    printf("%llu allocations, %llu refused\n", (unsigned long long)allocations,
           (unsigned long long)refusals);
    ck_assert_uint_eq(mem_poison_quarantine_bytes(), 0);
    ck_all_given_back();
    ck_assert_uint_eq(after, before);
    ck_assert_uint_gt(allocations, refusals);
    mem_reclaimer_stop();
    mem_spare_unregister();
    page_zone_check();
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("mem_stress");
    TCase *tc = tcase_create("stress");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, everything_at_once);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
