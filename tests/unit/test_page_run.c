/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs of pages: they do not overlap, keep what is written, come back whole,
 * are counted, and go back to the kernel. */
#include "mem/page_run.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "expect_abort.h"
#include "mem/account.h"
#include "mem/limit_admit.h"
#include "mem/must.h"
#include "mem/page_zone.h"
#include "mem/pages.h"

/* The limit, as the linker puts it in the place of the real one. */
bool __wrap_limit_admit(size_t bytes);
void __wrap_limit_return(size_t bytes);

static _Atomic(uint64_t) admitted_bytes;
static _Atomic(bool) refusing;

bool
__wrap_limit_admit(size_t bytes)
{
    if (atomic_load(&refusing))
        return false;
    atomic_fetch_add(&admitted_bytes, bytes);
    return true;
}

void
__wrap_limit_return(size_t bytes)
{
    ck_assert_uint_le(bytes, atomic_load(&admitted_bytes));
    atomic_fetch_sub(&admitted_bytes, bytes);
}

static struct mem_pages_stats
stats(void)
{
    struct mem_pages_stats s;

    mem_pages_read(&s);
    return s;
}

/* What must be true at any moment of rest. */
static void
check_all(void)
{
    struct mem_pages_stats s = stats();
    uint64_t free_bytes = 0;

    page_zone_check();
    for (int o = 0; o < MEM_PAGE_ORDERS; o++)
        free_bytes += s.orders[o].free_blocks << o << 12;
    ck_assert_uint_eq(s.used_bytes[3],
                      s.used_bytes[0] + s.used_bytes[1] + s.used_bytes[2]);
    ck_assert_uint_eq(free_bytes, s.free_dirty_bytes + s.free_clean_bytes);
    ck_assert_uint_eq(s.arena_bytes, s.used_bytes[3] + free_bytes);
    ck_assert_uint_le(s.arena_bytes, s.reserved_bytes);
    ck_assert_uint_eq(atomic_load(&admitted_bytes),
                      s.used_bytes[3] + s.free_dirty_bytes + s.mapped_bytes);
    ck_assert_uint_eq(s.orders[0].unusable_permille, 0);
}

/* And when nothing is used. */
static void
check_whole(void)
{
    struct mem_pages_stats s = stats();

    check_all();
    ck_assert_uint_eq(s.used_bytes[3], 0);
    ck_assert_uint_eq(s.mapped_bytes, 0);
    for (int o = 0; o < MEM_PAGE_ORDERS; o++) {
        ck_assert_uint_eq(s.orders[o].splits, s.orders[o].merges);
        ck_assert_uint_eq(s.orders[o].free_blocks,
                          o == 10 ? s.arena_bytes / PAGE_RUN_BYTES_MAX : 0);
        ck_assert_uint_eq(s.orders[o].unusable_permille, 0);
    }
}

static size_t
align_of(size_t bytes)
{
    size_t align = PAGE_BYTES;

    while (align < bytes && align < PAGE_RUN_BYTES_MAX)
        align *= 2;
    return align;
}

static bool
is_zero(const uint8_t *p, size_t bytes)
{
    return p[0] == 0 && memcmp(p, p + 1, bytes - 1) == 0;
}

START_TEST(runs_are_aligned_and_counted)
{
    static const size_t pages[] = {1, 2, 3, 33, 64, 1000, 1023, 1024};
    void *p[COUNT_OF(pages)];
    uint64_t bytes = 0;
    struct mem_type_stats t;

    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        size_t run_bytes = pages[i] * PAGE_BYTES;

        p[i] = page_run_take(run_bytes, PAGE_BLOCK, false);
        ck_assert_ptr_nonnull(p[i]);
        ck_assert_uint_eq((uintptr_t)p[i] % align_of(run_bytes), 0);
        memset(p[i], 0x5a, run_bytes);
        ck_assert_int_eq(page_run_kind(p[i]), PAGE_BLOCK);
        ck_assert_int_eq(page_run_kind((uint8_t *)p[i] + run_bytes - 1),
                         PAGE_BLOCK);
        bytes += run_bytes;
        ck_assert_uint_eq(stats().used_bytes[2], bytes);
        check_all();
    }
    /* 33 pages are order 6 less 31 pages, which others may have. */
    ck_assert_int_eq(page_run_kind((uint8_t *)p[3] + 33 * PAGE_BYTES),
                     PAGE_FREE);
    mem_account_read_one("mem", "page descriptors", &t);
    ck_assert_uint_eq(t.size, stats().arena_bytes / PAGE_BYTES * 16 + 4096);
    for (size_t i = 0; i < COUNT_OF(pages); i++)
        page_run_give(p[i], pages[i] * PAGE_BYTES);
    check_whole();
    ck_assert_int_eq(page_run_kind(p[0]), PAGE_FREE);
}
END_TEST

START_TEST(kinds_are_told_apart)
{
    static const enum page_kind kinds[] = {PAGE_SLAB, PAGE_BUFFER, PAGE_BLOCK};
    int local = 0;

    ck_assert_int_eq(page_run_kind(&local), PAGE_FOREIGN);
    ck_assert_int_eq(page_run_kind(NULL), PAGE_FOREIGN);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        void *p = page_run_take(3 * PAGE_BYTES, kinds[i], false);

        ck_assert_int_eq(page_run_kind(&local), PAGE_FOREIGN);
        ck_assert_int_eq(page_run_kind((uint8_t *)p + 2 * PAGE_BYTES + 7),
                         kinds[i]);
        ck_assert_uint_eq(stats().used_bytes[i], 3 * PAGE_BYTES);
        page_run_give(p, 3 * PAGE_BYTES);
    }
    check_whole();
}
END_TEST

START_TEST(memory_that_was_used_is_used_again_before_more)
{
    void *p = page_run_take(64 * PAGE_BYTES, PAGE_BLOCK, false);
    uint64_t before = atomic_load(&admitted_bytes);

    page_run_give(p, 64 * PAGE_BYTES);
    for (int i = 0; i < 100; i++) {
        p = page_run_take(16 * PAGE_BYTES, PAGE_BLOCK, false);
        page_run_give(p, 16 * PAGE_BYTES);
    }
    ck_assert_uint_eq(atomic_load(&admitted_bytes), before);
    check_whole();
}
END_TEST

START_TEST(zero_is_zero)
{
    enum { PAGES = 300 };
    uint8_t *p, *q;

    p = page_run_take(PAGES * PAGE_BYTES, PAGE_BLOCK, true);
    ck_assert(is_zero(p, PAGES * PAGE_BYTES));
    memset(p, 0xff, PAGES * PAGE_BYTES);
    page_run_give(p, PAGES * PAGE_BYTES);
    /* Of these some are dirty and some are clean. */
    q = page_run_take(512 * PAGE_BYTES, PAGE_BLOCK, true);
    ck_assert_ptr_eq(q, p);
    ck_assert(is_zero(q, 512 * PAGE_BYTES));
    memset(q, 0xff, 512 * PAGE_BYTES);
    page_run_give(q, 512 * PAGE_BYTES);
    /* And given back in part. */
    ck_assert_uint_eq(mem_pages_purge(0, 100 * PAGE_BYTES), 100 * PAGE_BYTES);
    check_whole();
    q = page_run_take(512 * PAGE_BYTES, PAGE_BLOCK, true);
    ck_assert(is_zero(q, 512 * PAGE_BYTES));
    page_run_give(q, 512 * PAGE_BYTES);
    check_whole();
}
END_TEST

START_TEST(an_end_is_cut_off)
{
    uint8_t *p = page_run_take(1000 * PAGE_BYTES, PAGE_BUFFER, false);

    memset(p, 1, 1000 * PAGE_BYTES);
    page_run_trim(p, 1000 * PAGE_BYTES, 1000 * PAGE_BYTES);
    page_run_trim(p, 1000 * PAGE_BYTES, 517 * PAGE_BYTES);
    check_all();
    ck_assert_uint_eq(stats().used_bytes[1], 517 * PAGE_BYTES);
    ck_assert_int_eq(page_run_kind(p + 517 * PAGE_BYTES), PAGE_FREE);
    page_run_trim(p, 517 * PAGE_BYTES, 516 * PAGE_BYTES);
    page_run_trim(p, 516 * PAGE_BYTES, PAGE_BYTES);
    check_all();
    ck_assert_uint_eq(p[PAGE_BYTES - 1], 1);
    page_run_give(p, PAGE_BYTES);
    check_whole();
}
END_TEST

START_TEST(large_runs_are_mapped)
{
    enum { COUNT = 400, BYTES = PAGE_RUN_BYTES_MAX + PAGE_BYTES };
    static uint8_t *p[COUNT];

    for (int i = 0; i < COUNT; i++) {
        p[i] = page_run_take(BYTES, PAGE_BUFFER, i % 2 == 0);
        ck_assert_ptr_nonnull(p[i]);
        ck_assert_uint_eq((uintptr_t)p[i] % PAGE_RUN_BYTES_MAX, 0);
        ck_assert_uint_eq(p[i][BYTES - 1], 0);
        p[i][0] = p[i][BYTES - 1] = (uint8_t)i;
    }
    check_all();
    ck_assert_uint_eq(stats().mapped_bytes, (uint64_t)COUNT * BYTES);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(page_run_kind(p[i] + BYTES - 1), PAGE_BUFFER);
        ck_assert_uint_eq(p[i][0], (uint8_t)i);
        ck_assert_uint_eq(p[i][BYTES - 1], (uint8_t)i);
    }
    /* One that was large stays mapped, however little is left of it. */
    page_run_trim(p[7], BYTES, 2 * PAGE_BYTES);
    ck_assert_int_eq(page_run_kind(p[7] + 2 * PAGE_BYTES), PAGE_FOREIGN);
    check_all();
    page_run_give(p[7], 2 * PAGE_BYTES);
    for (int i = 0; i < COUNT; i++) {
        if (i != 7)
            page_run_give(p[i], BYTES);
    }
    check_whole();
    ck_assert_uint_eq(atomic_load(&admitted_bytes), 0);
}
END_TEST

/* A model: each run is filled by its own stamp. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MODEL_RUNS = 600, MODEL_STEPS = 6000, THREAD_STEPS = 800 };
#else
enum { MODEL_RUNS = 600, MODEL_STEPS = 20000, THREAD_STEPS = 3000 };
#endif

struct model_run {
    uint64_t *p;
    size_t bytes;
    uint64_t stamp;
    enum page_kind kind;
};

static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Small ones are common, all sizes occur. */
static size_t
random_bytes(uint64_t *rnd)
{
    uint64_t r = next_random(rnd);
    unsigned order = (unsigned)(r % 110);
    size_t pages;

    order = order < 60 ? order % 4 : order < 105 ? order % 8 : order % 11;
    pages = (size_t)1 << order;
    if (r >> 32 & 1)
        pages = 1 + (r >> 40) % pages;
    if (r % 499 == 0)
        pages = 1025 + (r >> 40) % 100;
    return pages * PAGE_BYTES;
}

/* The first and last word of each page are the stamp and their place. */
static void
model_fill(const struct model_run *run)
{
    for (size_t i = 0; i < run->bytes / 8; i += 512) {
        run->p[i] = run->stamp ^ i;
        run->p[i + 511] = run->stamp ^ (i + 511);
    }
}

static void
model_verify(const struct model_run *run)
{
    for (size_t i = 0; i < run->bytes / 8; i += 512) {
        ck_assert_uint_eq(run->p[i], run->stamp ^ i);
        ck_assert_uint_eq(run->p[i + 511], run->stamp ^ (i + 511));
    }
}

static void
model_take(struct model_run *run, uint64_t *rnd)
{
    bool zero = next_random(rnd) % 4 == 0;

    run->bytes = random_bytes(rnd);
    run->kind = PAGE_SLAB + next_random(rnd) % 3;
    run->stamp = next_random(rnd);
    run->p = page_run_take(run->bytes, run->kind, zero);
    ck_assert_ptr_nonnull(run->p);
    ck_assert_uint_eq((uintptr_t)run->p % align_of(run->bytes), 0);
    if (zero)
        ck_assert(is_zero((uint8_t *)run->p, run->bytes));
    model_fill(run);
}

static void
model_give(struct model_run *run)
{
    model_verify(run);
    page_run_give(run->p, run->bytes);
    run->p = NULL;
}

static void
model_trim(struct model_run *run, uint64_t *rnd)
{
    size_t keep = (1 + next_random(rnd) % (run->bytes / PAGE_BYTES)) *
                  PAGE_BYTES;

    page_run_trim(run->p, run->bytes, keep);
    run->bytes = keep;
    model_verify(run);
}

static void
model_step(struct model_run *run, uint64_t *rnd)
{
    if (run->p == NULL)
        model_take(run, rnd);
    else if (next_random(rnd) % 4 == 0)
        model_trim(run, rnd);
    else
        model_give(run);
}

static void
model_compare(const struct model_run *runs)
{
    struct mem_pages_stats s = stats();
    uint64_t in_arenas[3] = {0}, mapped = 0;

    for (int i = 0; i < MODEL_RUNS; i++) {
        uintptr_t offset = (uintptr_t)runs[i].p - (uintptr_t)page_zone.base;

        if (runs[i].p == NULL)
            continue;
        ck_assert_int_eq(page_run_kind(runs[i].p), runs[i].kind);
        if (offset < s.arena_bytes)
            in_arenas[runs[i].kind - PAGE_SLAB] += runs[i].bytes;
        else
            mapped += runs[i].bytes;
    }
    for (int k = 0; k < 3; k++)
        ck_assert_uint_eq(s.used_bytes[k], in_arenas[k]);
    ck_assert_uint_eq(s.mapped_bytes, mapped);
}

/* With huge pages asked for at times (_i is 1), too. */
START_TEST(any_order_of_takes_and_gives_is_like_the_model)
{
    static struct model_run runs[MODEL_RUNS];
    uint64_t rnd = 0x9e3779b97f4a7c15u + (uint64_t)_i;

    for (int step = 0; step < MODEL_STEPS; step++) {
        model_step(&runs[next_random(&rnd) % MODEL_RUNS], &rnd);
        if (_i == 1 && step % 1024 == 512)
            mem_pages_set_huge(step / 1024 % 2 == 0);
        if (step % 256 == 0)
            mem_pages_purge(0, next_random(&rnd) % 512 * PAGE_BYTES);
        if (step % 512 == 0) {
            model_compare(runs);
            check_all();
        }
    }
    for (int i = 0; i < MODEL_RUNS; i++) {
        if (runs[i].p != NULL)
            model_give(&runs[i]);
    }
    check_whole();
    mem_pages_purge(0, SIZE_MAX);
    check_whole();
    ck_assert_uint_eq(stats().free_dirty_bytes, 0);
    ck_assert_uint_eq(atomic_load(&admitted_bytes), 0);
}
END_TEST

enum { THREADS = 8, THREAD_RUNS = 32, SWAPS = 16 };

/* Runs that wait to be given by another thread than took them. */
static struct model_run *_Atomic swaps[SWAPS];
static _Atomic(bool) threads_done;

static void *
thread_work(void *arg)
{
    struct model_run *runs[THREAD_RUNS];
    uint64_t rnd = 77 + (uint64_t)(uintptr_t)arg;

    for (int i = 0; i < THREAD_RUNS; i++) {
        runs[i] = calloc(1, sizeof(*runs[i]));
        ck_assert_ptr_nonnull(runs[i]);
    }
    for (int step = 0; step < THREAD_STEPS; step++) {
        struct model_run **run = &runs[next_random(&rnd) % THREAD_RUNS];
        struct model_run *other;

        model_step(*run, &rnd);
        other = atomic_exchange(&swaps[next_random(&rnd) % SWAPS], *run);
        if (other == NULL)
            other = calloc(1, sizeof(*other));
        ck_assert_ptr_nonnull(other);
        *run = other;
        if (other->p != NULL)
            ck_assert_int_eq(page_run_kind(other->p), other->kind);
    }
    for (int i = 0; i < THREAD_RUNS; i++) {
        if (runs[i]->p != NULL)
            model_give(runs[i]);
        free(runs[i]);
    }
    return NULL;
}

static void *
purge_work(void *arg)
{
    uint64_t rnd = 4711;
    struct mem_pages_stats s;

    while (!atomic_load(&threads_done)) {
        mem_pages_purge(0, next_random(&rnd) % 2048 * PAGE_BYTES);
        mem_pages_read(&s);
        ck_assert_uint_eq(s.arena_bytes, s.used_bytes[3] + s.free_dirty_bytes +
                                             s.free_clean_bytes);
    }
    return NULL;
}

START_TEST(threads_take_give_and_purge)
{
    pthread_t threads[THREADS], purger;

    ck_assert_int_eq(pthread_create(&purger, NULL, purge_work, NULL), 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, thread_work, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    atomic_store(&threads_done, true);
    ck_assert_int_eq(pthread_join(purger, NULL), 0);
    for (int i = 0; i < SWAPS; i++) {
        struct model_run *run = atomic_load(&swaps[i]);

        if (run != NULL && run->p != NULL)
            model_give(run);
        free(run);
    }
    check_whole();
    mem_pages_purge(0, SIZE_MAX);
    check_whole();
    ck_assert_uint_eq(stats().free_dirty_bytes, 0);
}
END_TEST

START_TEST(what_was_free_longest_goes_first)
{
    enum { RUN_BYTES = 64 * PAGE_BYTES };
    void *old, *young, *wall;
    struct mem_pages_stats s;

    /* An order each, so that they do not merge. */
    old = page_run_take(RUN_BYTES, PAGE_BLOCK, false);
    wall = page_run_take(RUN_BYTES, PAGE_BLOCK, false);
    young = page_run_take(2 * RUN_BYTES, PAGE_BLOCK, false);
    page_run_give(old, RUN_BYTES);
    page_zone_pass_time(60000);
    page_run_give(young, 2 * RUN_BYTES);
    /* None is old enough; then one is. */
    ck_assert_uint_eq(mem_pages_purge(3600000, SIZE_MAX), 0);
    page_zone_pass_time(20000);
    ck_assert_uint_eq(mem_pages_purge(70000, SIZE_MAX), RUN_BYTES);
    ck_assert_uint_eq(mem_pages_purge(70000, SIZE_MAX), 0);
    s = stats();
    ck_assert_uint_eq(s.free_dirty_bytes, 2 * RUN_BYTES);
    ck_assert_uint_eq(s.purged_bytes, RUN_BYTES);
    ck_assert_uint_eq(s.purges, 3);
    check_all();

    /* Of two that are old enough, the older one; at most so many bytes. */
    page_run_give(wall, RUN_BYTES);
    wall = page_run_take(2 * RUN_BYTES, PAGE_BLOCK, true);
    ck_assert_ptr_eq(wall, young);
    old = page_run_take(RUN_BYTES / 2, PAGE_BLOCK, false);
    page_zone_pass_time(1000);
    page_run_give(wall, 2 * RUN_BYTES);
    page_zone_pass_time(1000);
    page_run_give(old, RUN_BYTES / 2);
    ck_assert_uint_eq(mem_pages_purge(0, PAGE_BYTES + 1), 2 * PAGE_BYTES);
    mem_pages_purge(0, SIZE_MAX);
    ck_assert_uint_eq(stats().free_dirty_bytes, 0);
    check_whole();
}
END_TEST

START_TEST(the_older_of_two_is_purged_when_one_will_do)
{
    uint8_t *a, *b, *c;

    a = page_run_take(PAGE_RUN_BYTES_MAX, PAGE_BLOCK, false);
    b = page_run_take(PAGE_RUN_BYTES_MAX, PAGE_BLOCK, false);
    page_run_give(b, PAGE_RUN_BYTES_MAX);
    page_zone_pass_time(5000);
    page_run_give(a, PAGE_RUN_BYTES_MAX);
    ck_assert_uint_eq(mem_pages_purge(0, PAGE_RUN_BYTES_MAX),
                      PAGE_RUN_BYTES_MAX);
    /* a is what is left: of two, the dirty one is taken. */
    c = page_run_take(PAGE_RUN_BYTES_MAX, PAGE_BLOCK, false);
    ck_assert_ptr_eq(c, a);
    page_run_give(c, PAGE_RUN_BYTES_MAX);
    check_whole();
}
END_TEST

/* A page that comes and goes does not keep the others young. */
START_TEST(a_busy_page_does_not_hold_its_arena)
{
    uint8_t *p = page_run_take(PAGE_RUN_BYTES_MAX, PAGE_BLOCK, false);

    page_run_give(p, PAGE_RUN_BYTES_MAX);
    for (int i = 0; i < 100; i++) {
        page_zone_pass_time(1000);
        p = page_run_take(PAGE_BYTES, PAGE_BLOCK, false);
        page_run_give(p, PAGE_BYTES);
    }
    ck_assert_uint_eq(mem_pages_purge(60000, SIZE_MAX), PAGE_RUN_BYTES_MAX);
    check_whole();
}
END_TEST

static uint64_t
resident_bytes(void)
{
    unsigned long total, resident;
    FILE *f = fopen("/proc/self/statm", "re");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%lu %lu", &total, &resident), 2);
    fclose(f);
    return (uint64_t)resident * PAGE_BYTES;
}

START_TEST(the_process_shrinks)
{
    enum { RUNS = 64, RUN_BYTES = 1 << 20 };
    uint64_t full, empty;
    void *p[RUNS];

    for (int i = 0; i < RUNS; i++) {
        p[i] = page_run_take(RUN_BYTES, PAGE_BLOCK, false);
        ck_assert_ptr_nonnull(p[i]);
        memset(p[i], 1, RUN_BYTES);
    }
    full = resident_bytes();
    /* A page in each run stays: the rest must go nevertheless. */
    for (int i = 0; i < RUNS; i++)
        page_run_trim(p[i], RUN_BYTES, PAGE_BYTES);
    ck_assert_uint_eq(mem_pages_purge(0, SIZE_MAX),
                      (size_t)RUNS * (RUN_BYTES - PAGE_BYTES));
    empty = resident_bytes();
    ck_assert_uint_lt(empty + (uint64_t)RUNS * RUN_BYTES * 9 / 10, full);
    for (int i = 0; i < RUNS; i++)
        page_run_give(p[i], PAGE_BYTES);
    check_whole();
}
END_TEST

START_TEST(a_refused_run_leaves_no_trace)
{
    struct mem_pages_stats before, after;
    void *p = page_run_take(PAGE_BYTES, PAGE_BLOCK, false);

    before = stats();
    atomic_store(&refusing, true);
    errno = 0;
    ck_assert_ptr_null(page_run_take(33 * PAGE_BYTES, PAGE_BLOCK, true));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(
        page_run_take(PAGE_RUN_BYTES_MAX + PAGE_BYTES, PAGE_BLOCK, true));
    ck_assert_int_eq(errno, ENOMEM);
    after = stats();
    ck_assert_uint_eq(after.failures, before.failures + 2);
    ck_assert_uint_eq(after.orders[6].failures, 1);
    ck_assert_uint_eq(after.used_bytes[3], before.used_bytes[3]);
    ck_assert_uint_eq(after.free_dirty_bytes, before.free_dirty_bytes);
    ck_assert_uint_eq(after.free_clean_bytes, before.free_clean_bytes);
    /* What the process has already needs no leave. */
    page_run_give(p, PAGE_BYTES);
    p = page_run_take(PAGE_BYTES, PAGE_BLOCK, false);
    ck_assert_ptr_nonnull(p);
    page_run_give(p, PAGE_BYTES);
    atomic_store(&refusing, false);
    check_whole();
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
START_TEST(few_addresses_are_an_error_not_an_end)
{
    enum { MAX = 512 };
    static void *p[MAX];
    struct rlimit as;
    int count = 0;

    ck_assert_int_eq(getrlimit(RLIMIT_AS, &as), 0);
    as.rlim_cur = (rlim_t)512 << 20;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &as), 0);
    while (count < MAX) {
        p[count] = page_run_take(PAGE_RUN_BYTES_MAX, PAGE_BLOCK, false);
        if (p[count] == NULL)
            break;
        count++;
    }
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_int_gt(count, 0);
    ck_assert_int_lt(count, MAX);
    ck_assert_uint_le(stats().reserved_bytes, 256 << 20);
    ck_assert_uint_eq(stats().reserved_bytes, stats().arena_bytes);
    ck_assert_uint_eq(stats().orders[10].failures, 1);
    check_all();
    ck_assert_ptr_null(
        page_run_take((size_t)1 << 40, PAGE_BLOCK, false));
    ck_assert_ptr_null(page_run_take(
        SIZE_MAX / PAGE_BYTES * PAGE_BYTES, PAGE_BLOCK, false));
    while (count > 0)
        page_run_give(p[--count], PAGE_RUN_BYTES_MAX);
    check_whole();
}
END_TEST

static void *
take_all_at_once(void *arg)
{
    void *p = page_run_take(PAGE_RUN_BYTES_MAX, PAGE_BLOCK, false);

    if (p != NULL)
        page_run_give(p, PAGE_RUN_BYTES_MAX);
    return p;
}

/* Whether the thread comes before or after the end of the purge, it must not
 * be told that there is nothing. */
START_TEST(what_is_being_purged_is_waited_for)
{
    struct rlimit as;
    struct buddy_purge purge;
    void *p[2];
    pthread_t thread;

    ck_assert_int_eq(getrlimit(RLIMIT_AS, &as), 0);
    as.rlim_cur = (rlim_t)512 << 20;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &as), 0);
    p[0] = page_run_take(PAGE_RUN_BYTES_MAX, PAGE_BLOCK, false);
    while ((p[1] = page_run_take(PAGE_RUN_BYTES_MAX, PAGE_BLOCK, false)) !=
           NULL)
        continue;
    page_run_give(p[0], PAGE_RUN_BYTES_MAX);
    mutex_lock(&page_zone.mtx);
    buddy_purge_begin(&page_zone.buddy, 0, 0, page_zone_now(),
                      BUDDY_ARENA_PAGES, &purge);
    page_zone.purges_now++;
    mutex_unlock(&page_zone.mtx);
    ck_assert_uint_eq(purge.pages, BUDDY_ARENA_PAGES);
    ck_assert_int_eq(pthread_create(&thread, NULL, take_all_at_once, NULL), 0);
    sched_yield();
    mutex_lock(&page_zone.mtx);
    buddy_purge_end(&page_zone.buddy, &purge, 0);
    page_zone.purges_now--;
    cond_broadcast(&page_zone.purged);
    mutex_unlock(&page_zone.mtx);
    ck_assert_int_eq(pthread_join(thread, &p[1]), 0);
    ck_assert_ptr_eq(p[1], p[0]);
    check_all();
}
END_TEST
#endif

START_TEST(unusable_space_is_told_by_order)
{
    enum { RUNS = 16 };
    void *p[RUNS];
    struct mem_pages_stats s;

    for (int i = 0; i < RUNS; i++)
        p[i] = page_run_take(PAGE_RUN_BYTES_MAX / RUNS, PAGE_BLOCK, false);
    for (int i = 0; i < RUNS; i += 2)
        page_run_give(p[i], PAGE_RUN_BYTES_MAX / RUNS);
    s = stats();
    ck_assert_uint_eq(s.orders[6].free_blocks, RUNS / 2);
    ck_assert_uint_eq(s.orders[6].unusable_permille, 0);
    ck_assert_uint_eq(s.orders[7].unusable_permille, 1000);
    for (int i = 1; i < RUNS; i += 2)
        page_run_give(p[i], PAGE_RUN_BYTES_MAX / RUNS);
    check_whole();
}
END_TEST

START_TEST(huge_pages_are_counted_whole)
{
    uint8_t *p;

    mem_pages_set_huge(true);
    ck_assert(stats().huge);
    p = page_run_take(PAGE_BYTES, PAGE_BLOCK, true);
    ck_assert(is_zero(p, PAGE_BYTES));
    ck_assert_uint_eq(atomic_load(&admitted_bytes), 2 << 20);
    check_all();
    page_run_give(p, PAGE_BYTES);
    mem_pages_set_huge(false);
    ck_assert(!stats().huge);
    mem_pages_purge(0, SIZE_MAX);
    ck_assert_uint_eq(atomic_load(&admitted_bytes), 0);
    check_whole();
}
END_TEST

static void *
take_for_wrong(size_t pages, const char *text)
{
    void *p = page_run_take(pages * PAGE_BYTES, PAGE_BUFFER, false);

    ck_assert_ptr_nonnull(p);
    expect_abort_saying(text);
    return p;
}

START_TEST(giving_twice_stops)
{
    void *p = take_for_wrong(3, "are free already");

    page_run_give(p, 3 * PAGE_BYTES);
    page_run_give(p, 3 * PAGE_BYTES);
}
END_TEST

START_TEST(giving_a_wrong_size_stops)
{
    void *p = take_for_wrong(3, "in a buffer of 12288 bytes");

    page_run_give(p, 4 * PAGE_BYTES);
}
END_TEST

START_TEST(giving_an_inner_page_stops)
{
    uint8_t *p = take_for_wrong(3, "in a buffer of 12288 bytes");

    page_run_give(p + PAGE_BYTES, PAGE_BYTES);
}
END_TEST

START_TEST(giving_within_a_page_stops)
{
    uint8_t *p = take_for_wrong(1, "in a buffer of 4096 bytes");

    page_run_give(p + 64, PAGE_BYTES);
}
END_TEST

START_TEST(giving_foreign_memory_stops)
{
    static uint8_t mine[PAGE_BYTES];

    take_for_wrong(1, "are foreign memory");
    page_run_give(mine, PAGE_BYTES);
}
END_TEST

START_TEST(giving_a_wrong_size_of_a_large_run_stops)
{
    void *p = take_for_wrong(2000, "in a buffer of 8192000 bytes");

    page_run_give(p, 2001 * PAGE_BYTES);
}
END_TEST

START_TEST(trimming_what_is_free_stops)
{
    void *p = take_for_wrong(8, "page_run_trim: 32768 bytes");

    page_run_give(p, 8 * PAGE_BYTES);
    page_run_trim(p, 8 * PAGE_BYTES, PAGE_BYTES);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("page_run");
    TCase *tc = tcase_create("page_run"), *wrong = tcase_create("wrong");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, runs_are_aligned_and_counted);
    tcase_add_test(tc, kinds_are_told_apart);
    tcase_add_test(tc, memory_that_was_used_is_used_again_before_more);
    tcase_add_test(tc, zero_is_zero);
    tcase_add_test(tc, an_end_is_cut_off);
    tcase_add_test(tc, large_runs_are_mapped);
    tcase_add_loop_test(tc, any_order_of_takes_and_gives_is_like_the_model, 0,
                        3);
    tcase_add_test(tc, threads_take_give_and_purge);
    tcase_add_test(tc, what_was_free_longest_goes_first);
    tcase_add_test(tc, the_older_of_two_is_purged_when_one_will_do);
    tcase_add_test(tc, a_busy_page_does_not_hold_its_arena);
    tcase_add_test(tc, the_process_shrinks);
    tcase_add_test(tc, a_refused_run_leaves_no_trace);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    tcase_add_test(tc, few_addresses_are_an_error_not_an_end);
    tcase_add_test(tc, what_is_being_purged_is_waited_for);
#endif
    tcase_add_test(tc, unusable_space_is_told_by_order);
    tcase_add_test(tc, huge_pages_are_counted_whole);
    suite_add_tcase(s, tc);

    tcase_add_test_raise_signal(wrong, giving_twice_stops, SIGABRT);
    tcase_add_test_raise_signal(wrong, giving_a_wrong_size_stops, SIGABRT);
    tcase_add_test_raise_signal(wrong, giving_an_inner_page_stops, SIGABRT);
    tcase_add_test_raise_signal(wrong, giving_within_a_page_stops, SIGABRT);
    tcase_add_test_raise_signal(wrong, giving_foreign_memory_stops, SIGABRT);
    tcase_add_test_raise_signal(
        wrong, giving_a_wrong_size_of_a_large_run_stops, SIGABRT);
    tcase_add_test_raise_signal(wrong, trimming_what_is_free_stops, SIGABRT);
    suite_add_tcase(s, wrong);
    return s;
}

int
main(void)
{
    SRunner *sr = srunner_create(suite());
    int failed;

    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
