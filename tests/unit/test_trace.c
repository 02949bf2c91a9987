/* SPDX-License-Identifier: BSD-2-Clause */
/* Tracing, told of blocks as allocators do: estimates, bounds, names. */
#include "mem/trace.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/trace_hook.h"
#include "mem/trace_live.h"
#include "mem/trace_sites.h"

MEM_TYPE(mt_dict, "test.trace", "dict");
MEM_TYPE(mt_path, "test.trace", "path");
MEM_TYPE(mt_other, "test.other", "path");

enum { SITES_MAX = 8192 };

static struct mem_trace_site sites[SITES_MAX];
static _Atomic(uintptr_t) next_block = 0x10000;

/* Blocks need an address and nothing else. */
static void *
block_new(void)
{
    return (void *)atomic_fetch_add(&next_block, 16);
}

static void
setup(void)
{
    (void)mem_account_slot(&mt_dict);
    (void)mem_account_slot(&mt_path);
    (void)mem_account_slot(&mt_other);
}

static bool
is_marked(struct mem_type *type)
{
    return (mem_account_marks(mem_account_slot(type)) & TYPE_TRACED) != 0;
}

static uint64_t
held(const char *name)
{
    struct mem_type_stats s;

    mem_account_read_one("mem", name, &s);
    return s.size;
}

/* As an allocator: only types that are marked come to the hooks. */
static void *__attribute__((noinline)) take(struct mem_type *type, size_t bytes)
{
    void *p = block_new();

    if (is_marked(type))
        (void)trace_allocated(mem_account_slot(type), p, bytes);
    return p;
}

static void
give(struct mem_type *type, void *p)
{
    if (is_marked(type))
        trace_freed(mem_account_slot(type), p);
}

/* 2^depth call paths to the same allocation. */
static void *right(struct mem_type *type, size_t bytes, unsigned path,
                   unsigned depth);
static atomic_uint steps;

static void *__attribute__((noinline))
left(struct mem_type *type, size_t bytes, unsigned path, unsigned depth)
{
    void *p;

    if (depth == 0)
        p = take(type, bytes);
    else if (path & 1)
        p = right(type, bytes, path >> 1, depth - 1);
    else
        p = left(type, bytes, path >> 1, depth - 1);
    atomic_fetch_add(&steps, 1); /* no tail call, which leaves no frame */
    return p;
}

static void *__attribute__((noinline))
right(struct mem_type *type, size_t bytes, unsigned path, unsigned depth)
{
    void *p;

    if (depth == 0)
        p = take(type, bytes);
    else if (path & 1)
        p = right(type, bytes, path >> 1, depth - 1);
    else
        p = left(type, bytes, path >> 1, depth - 1);
    atomic_fetch_add(&steps, 1);
    return p;
}

static void *__attribute__((noinline))
leak_here(struct mem_type *type, size_t bytes)
{
    void *p = take(type, bytes);

    atomic_fetch_add(&steps, 1);
    return p;
}

static bool
site_names(const struct mem_trace_site *site, const char *function)
{
    for (unsigned i = 0; i < site->frames_count; i++) {
        char text[256];

        mem_trace_symbol(site->frames[i], text, sizeof(text));
        if (strncmp(text, function, strlen(function)) == 0 &&
            text[strlen(function)] == '+')
            return true;
    }
    return false;
}

START_TEST(off_costs_nothing_and_holds_nothing)
{
    ck_assert_uint_eq(mem_trace_types(), 0);
    ck_assert_uint_eq(mem_trace_read(sites, SITES_MAX), 0);
    ck_assert(!is_marked(&mt_dict));
    ck_assert_int_eq(mem_trace_off(NULL, NULL), 0);
    /* A thread that still believes in it. */
    ck_assert(!trace_allocated(mem_account_slot(&mt_dict), block_new(), 10));
    trace_freed(mem_account_slot(&mt_dict), block_new());
    ck_assert_uint_eq(held("trace sites"), 0);
    ck_assert_uint_eq(held("trace blocks"), 0);
}
END_TEST

START_TEST(types_are_chosen_by_module_and_name)
{
    ck_assert_int_eq(mem_trace_on("test.trace", "nothing", 1), 0);
    ck_assert_int_eq(mem_trace_on("test.trace", "dict", 0), -EINVAL);
    ck_assert_int_eq(
        mem_trace_on("test.trace", "dict", MEM_TRACE_INTERVAL_MAX + 1),
        -EINVAL);
    ck_assert_uint_eq(mem_trace_types(), 0);
    ck_assert_uint_eq(held("trace sites"), 0);
    ck_assert_int_eq(mem_trace_on("test.trace", "dict", 1), 1);
    ck_assert(is_marked(&mt_dict));
    ck_assert(!is_marked(&mt_path));
    ck_assert_int_eq(mem_trace_on("test.trace", "*", 1), 2);
    ck_assert(is_marked(&mt_path));
    ck_assert_uint_eq(mem_trace_types(), 2);
    ck_assert_int_eq(mem_trace_on(NULL, "path", 1), 2);
    ck_assert_uint_eq(mem_trace_types(), 3);
    ck_assert_uint_gt(held("trace sites"), 0);
    ck_assert_uint_gt(held("trace blocks"), 0);
    ck_assert_int_eq(mem_trace_off(NULL, "path"), 2);
    ck_assert(is_marked(&mt_dict));
    ck_assert(!is_marked(&mt_other));
    ck_assert_uint_gt(held("trace sites"), 0);
    ck_assert_int_eq(mem_trace_off("*", "*"), 1);
    ck_assert(!is_marked(&mt_dict));
    ck_assert_uint_eq(held("trace sites"), 0);
    ck_assert_uint_eq(held("trace blocks"), 0);
    ck_assert_int_gt(mem_trace_on("*", "*", 1000), 3);
    ck_assert_int_gt(mem_trace_off("*", "*"), 3);
}
END_TEST

START_TEST(every_block_is_exact)
{
    void *p[100];

    ck_assert_int_eq(mem_trace_on("test.trace", "dict", 1), 1);
    for (size_t i = 0; i < 100; i++)
        p[i] = leak_here(&mt_dict, i);
    ck_assert_uint_eq(mem_trace_read(sites, SITES_MAX), 1);
    ck_assert_str_eq(sites[0].module, "test.trace");
    ck_assert_str_eq(sites[0].name, "dict");
    ck_assert_uint_eq(sites[0].live_blocks, 100);
    ck_assert_uint_eq(sites[0].live_bytes, 4950);
    ck_assert_uint_eq(sites[0].samples_live, 100);
    for (size_t i = 1; i < 100; i++)
        give(&mt_dict, p[i]);
    give(&mt_dict, block_new()); /* never seen */
    ck_assert_uint_eq(mem_trace_read(sites, SITES_MAX), 1);
    ck_assert_uint_eq(sites[0].live_blocks, 1);
    ck_assert_uint_eq(sites[0].live_bytes, 0);
    ck_assert_uint_eq(sites[0].total_blocks, 100);
    ck_assert_uint_eq(sites[0].total_bytes, 4950);
    ck_assert_uint_eq(sites[0].samples_live, 1);
    ck_assert_uint_eq(sites[0].samples_total, 100);
    ck_assert_uint_eq(mem_trace_lost(), 0);
    ck_assert(site_names(&sites[0], "leak_here"));
    ck_assert(!site_names(&sites[0], "left"));
}
END_TEST

/* A block of each size, many times: what was given is what is estimated, to
 * six standard deviations, which chance exceeds once in 500 million times.  n
 * blocks with the chance p each give an estimate of the variance n (1 - p) / p.
 */
START_TEST(estimates_are_true)
{
    static const size_t sizes[] = {16, 100, 1000, 4096, 100000};
    const double interval = 4096, n = 50000;
    size_t bytes = sizes[_i];
    double p = -expm1(-(double)bytes / interval);
    double sigma = sqrt(n * (1 - p) / p);

    /* Few enough are remembered to have room for all. */
    ck_assert_double_lt(n * p, 64 * 1700 * 2);
    ck_assert_int_eq(mem_trace_on("test.trace", "dict", 4096), 1);
    for (unsigned i = 0; i < (unsigned)n; i++) {
        void *block = leak_here(&mt_dict, bytes);

        if (i % 2 == 1)
            give(&mt_dict, block);
    }
    ck_assert_uint_eq(mem_trace_lost(), 0);
    ck_assert_uint_eq(mem_trace_read(sites, SITES_MAX), 1);
    ck_assert_double_eq_tol((double)sites[0].total_blocks, n, 6 * sigma + 1);
    ck_assert_double_eq_tol((double)sites[0].total_bytes, n * (double)bytes,
                            (6 * sigma + 1) * (double)bytes);
    sigma = sqrt(n / 2 * (1 - p) / p);
    ck_assert_double_eq_tol((double)sites[0].live_blocks, n / 2, 6 * sigma + 1);
    ck_assert_double_eq_tol((double)sites[0].samples_total, n * p,
                            6 * sqrt(n * p * (1 - p)) + 1);
}
END_TEST

/* 256 sites come and go with a few hundred blocks live; one in a thousand
 * blocks is forgotten somewhere. */
START_TEST(a_leak_of_one_in_a_thousand_is_the_top_site)
{
    enum { ROUNDS = 300000, LIVE = 300 };
    static void *live[LIVE];
    unsigned seed = 7;

    ck_assert_int_eq(mem_trace_on("test.trace", "dict", 256), 1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t bytes = 32 + (size_t)rand_r(&seed) % 200;
        size_t at = (size_t)rand_r(&seed) % LIVE;

        if (live[at] != NULL)
            give(&mt_dict, live[at]);
        live[at] = left(&mt_dict, bytes, (unsigned)rand_r(&seed) % 256, 8);
        if (i % 1000 == 0)
            (void)leak_here(&mt_dict, bytes);
    }
    ck_assert_uint_gt(mem_trace_read(sites, SITES_MAX), 100);
    ck_assert(site_names(&sites[0], "leak_here"));
    ck_assert_uint_gt(sites[0].samples_live, 50);
    ck_assert_uint_gt(sites[0].live_bytes, 5 * sites[1].live_bytes);
    /* 131 bytes on average, 300 times; some 120 are seen, give or take 9. */
    ck_assert_double_eq_tol((double)sites[0].live_bytes, 39300, 20000);
    ck_assert_uint_eq(mem_trace_lost(), 0);
}
END_TEST

START_TEST(sites_are_read_by_live_bytes)
{
    size_t count;

    ck_assert_int_eq(mem_trace_on(NULL, "dict", 1), 1);
    for (unsigned path = 0; path < 256; path++) {
        for (unsigned i = 0; i < 3; i++)
            (void)left(&mt_dict, path * 37 % 256, path, 8);
    }
    count = mem_trace_read(sites, SITES_MAX);
    ck_assert_uint_eq(count, 256);
    for (size_t i = 0; i < 256; i++) {
        ck_assert_uint_eq(sites[i].live_bytes, 3 * (255 - i));
        ck_assert_uint_eq(sites[i].live_blocks, 3);
    }
    memset(sites, 0, sizeof(sites));
    ck_assert_uint_eq(mem_trace_read(sites, 2), 256);
    ck_assert_uint_eq(sites[1].live_bytes, 3 * 254);
    ck_assert_uint_eq(sites[2].live_blocks, 0);
    ck_assert_ptr_null(sites[2].module);
    ck_assert_uint_eq(mem_trace_read(NULL, 0), 256);
}
END_TEST

START_TEST(off_forgets_one_type_and_keeps_the_other)
{
    void *of_path[500];

    ck_assert_int_eq(mem_trace_on("test.trace", "*", 1), 2);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 500; i++) {
            (void)left(&mt_dict, 8, i, 8);
            of_path[i] = right(&mt_path, 8, i, 8);
        }
        ck_assert_uint_eq(mem_trace_read(sites, SITES_MAX), 512);
        ck_assert_int_eq(mem_trace_off("test.trace", "dict"), 1);
        ck_assert_uint_eq(mem_trace_read(sites, SITES_MAX), 256);
        for (size_t i = 0; i < 256; i++)
            ck_assert_str_eq(sites[i].name, "path");
        for (unsigned i = 0; i < 500; i++)
            give(&mt_path, of_path[i]);
        for (size_t i = 0; i < 256; i++)
            ck_assert_uint_gt(sites[i].samples_live, 0);
        ck_assert_uint_eq(mem_trace_read(sites, SITES_MAX), 256);
        for (size_t i = 0; i < 256; i++)
            ck_assert_uint_eq(sites[i].samples_live, 0);
        ck_assert_int_eq(mem_trace_on("test.trace", "dict", 1), 1);
    }
    ck_assert_int_eq(mem_trace_off("test.trace", "*"), 2);
    ck_assert_int_eq(mem_trace_on("test.trace", "*", 1), 2);
    ck_assert_uint_eq(mem_trace_read(sites, SITES_MAX), 0);
}
END_TEST

START_TEST(once_more_changes_the_interval_only)
{
    ck_assert_int_eq(mem_trace_on("test.trace", "dict", 1), 1);
    (void)leak_here(&mt_dict, 100);
    ck_assert_int_eq(mem_trace_on("test.trace", "dict", 1 << 30), 1);
    for (int i = 0; i < 100; i++)
        (void)leak_here(&mt_dict, 1); /* once in ten million runs one is seen */
    ck_assert_uint_eq(mem_trace_types(), 1);
    ck_assert_uint_eq(mem_trace_read(sites, SITES_MAX), 1);
    ck_assert_uint_eq(sites[0].live_bytes, 100);
}
END_TEST

START_TEST(full_tables_lose_and_say_how_many)
{
    const unsigned blocks = TRACE_LIVE_SHARDS * TRACE_LIVE_SHARD_ENTRIES;
    uintptr_t first = atomic_load(&next_block);

    ck_assert_int_eq(mem_trace_on("test.trace", "dict", 1), 1);
    for (unsigned i = 0; i < blocks; i++)
        (void)leak_here(&mt_dict, 8);
    ck_assert_uint_eq(mem_trace_read(sites, SITES_MAX), 1);
    ck_assert_uint_gt(mem_trace_lost(), 0);
    ck_assert_uint_eq(sites[0].samples_live + mem_trace_lost(), blocks);
    ck_assert_uint_ge(sites[0].samples_live, blocks / 8 * 7 * 9 / 10);
    for (unsigned i = 0; i < blocks; i++)
        give(&mt_dict, (void *)(first + (uintptr_t)i * 16));
    ck_assert_uint_eq(mem_trace_read(sites, SITES_MAX), 1);
    ck_assert_uint_eq(sites[0].samples_live, 0);
    ck_assert_uint_eq(sites[0].live_bytes, 0);
    ck_assert_int_eq(mem_trace_off(NULL, NULL), 1);
    ck_assert_int_eq(mem_trace_on("test.trace", "dict", 1), 1);
    ck_assert_uint_eq(mem_trace_lost(), 0);
    for (unsigned path = 0; path < 8192; path++)
        (void)left(&mt_dict, 8, path, 13);
    ck_assert_uint_eq(mem_trace_read(sites, SITES_MAX), TRACE_SITES_MAX - 1);
    ck_assert_uint_eq(mem_trace_lost(), 8192 - (TRACE_SITES_MAX - 1));
}
END_TEST

/* Put, drop and forget at random, against a model. */
START_TEST(the_table_of_blocks_is_right_whatever_happens)
{
    enum { BLOCKS = 4000, ROUNDS = 100000 };
    static bool in[BLOCKS], out[BLOCKS];
    struct mem_type *types[2] = {&mt_dict, &mt_path};
    unsigned seed = (unsigned)_i, live = 0, seen = 0;

    ck_assert_int_eq(mem_trace_on("test.trace", "*", 1), 2);
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t at = (size_t)rand_r(&seed) % BLOCKS;
        /* Neighbours crowd: distances of one, of a page, of a megabyte. */
        static const unsigned shifts[] = {3, 12, 20};
        void *block = (void *)((at + 1) << shifts[_i % 3]);
        uint32_t slot = mem_account_slot(types[at % 2]);

        if (in[at]) {
            trace_freed(slot, block);
            in[at] = false;
        } else {
            in[at] = trace_allocated(slot, block, 1);
            if (!in[at])
                out[at] = true;
        }
        if (i % 12500 == 12499) {
            ck_assert_int_eq(mem_trace_off("test.trace", "dict"), 1);
            ck_assert_int_eq(mem_trace_on("test.trace", "dict", 1), 1);
            for (size_t j = 0; j < BLOCKS; j += 2)
                in[j] = false;
        }
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        live += in[i];
        ck_assert(!out[i]);
    }
    for (size_t i = mem_trace_read(sites, SITES_MAX); i > 0; i--)
        seen += (unsigned)sites[i - 1].samples_live;
    ck_assert_uint_eq(seen, live);
}
END_TEST

enum { THREADS = 4, SHELF = 128 };

static _Atomic(void *) shelf[SHELF];
static atomic_bool stop;

static void *
churn(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;

    while (!atomic_load(&stop)) {
        void *p = left(&mt_dict, 100, (unsigned)rand_r(&seed) % 16, 4);

        p = atomic_exchange(&shelf[(size_t)rand_r(&seed) % SHELF], p);
        if (p != NULL)
            give(&mt_dict, p);
    }
    return NULL;
}

START_TEST(threads_and_switching_do_not_disturb_each_other)
{
    pthread_t threads[THREADS];
    uint64_t samples = 0, live = 0, on_shelf = 0;

    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, churn, (void *)(i + 1)), 0);
    for (unsigned i = 0; i < 60; i++) {
        ck_assert_int_eq(mem_trace_on("test.trace", "*", 1 + 500 * (i % 2)), 2);
        do
            (void)mem_trace_read(sites, SITES_MAX);
        while (mem_trace_read(NULL, 0) < 8);
        ck_assert_int_eq(mem_trace_off("test.trace", i % 3 ? "*" : "dict"),
                         i % 3 ? 2 : 1);
    }
    (void)mem_trace_off(NULL, NULL);
    ck_assert_uint_eq(held("trace sites") + held("trace blocks"), 0);
    /* From here on all that is live was seen. */
    for (size_t i = 0; i < SHELF; i++)
        atomic_store(&shelf[i], NULL);
    ck_assert_int_eq(mem_trace_on("test.trace", "dict", 1), 1);
    do {
        samples = 0;
        for (size_t i = mem_trace_read(sites, SITES_MAX); i > 0; i--)
            samples += sites[i - 1].samples_total;
    } while (samples < 20000);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (size_t i = mem_trace_read(sites, SITES_MAX); i > 0; i--)
        live += sites[i - 1].samples_live;
    for (size_t i = 0; i < SHELF; i++)
        on_shelf += atomic_load(&shelf[i]) != NULL;
    /* One block of each thread may have been taken unseen, or overtaken by
     * the emptying of the shelf, just before. */
    ck_assert_uint_le(live, on_shelf + THREADS);
    ck_assert_uint_ge(live + THREADS, on_shelf);
    for (size_t i = 0; i < SHELF; i++) {
        if (atomic_load(&shelf[i]) != NULL)
            give(&mt_dict, atomic_load(&shelf[i]));
    }
    ck_assert_int_eq(mem_trace_off(NULL, NULL), 1);
}
END_TEST

/*
 * Names
 */

static const char *
symbol(const void *frame)
{
    static char text[256];

    mem_trace_symbol(frame, text, sizeof(text));
    return text;
}

static void *__attribute__((noinline)) own_address(void)
{
    atomic_fetch_add(&steps, 1);
    return __builtin_return_address(0);
}

START_TEST(names_of_functions_static_and_exported)
{
    const char *text = symbol(own_address());
    char expected[64];

    /* The test's own function: check.h makes them static. */
    ck_assert_ptr_nonnull(strstr(text, "names_of_functions_static"));
    ck_assert_ptr_nonnull(strstr(text, "_fn+0x"));
    ck_assert_ptr_nonnull(strstr(text, " (test_trace)"));
    /* One behind its first byte, as if that had been a call. */
    ck_assert_str_eq(symbol((char *)(uintptr_t)leak_here + 1),
                     "leak_here+0x1 (test_trace)");
    ck_assert_str_eq(symbol((char *)(uintptr_t)mem_trace_symbol + 2),
                     "mem_trace_symbol+0x2 (test_trace)");
    text = symbol((char *)dlsym(RTLD_DEFAULT, "gnu_get_libc_version") + 1);
    ck_assert_str_eq(text, "gnu_get_libc_version+0x1 (libc.so.6)");
    (void)snprintf(expected, sizeof(expected), "%p", (void *)&expected);
    ck_assert_str_eq(symbol(&expected), expected); /* no code's */
    ck_assert_str_eq(symbol(NULL), "0x0");
    ck_assert_str_eq(symbol((void *)1), "0x1");
    /* Data of the program: its file, but no function. */
    ck_assert_int_eq(strncmp(symbol(&next_block), "test_trace+0x", 13), 0);
}
END_TEST

START_TEST(names_are_cut_to_fit)
{
    const void *frame = (char *)(uintptr_t)leak_here + 1;
    char text[64];

    for (size_t room = 1; room < sizeof(text); room++) {
        memset(text, '#', sizeof(text));
        mem_trace_symbol(frame, text, room);
        ck_assert_int_eq(text[room], '#');
        ck_assert_uint_lt(strnlen(text, room), room);
        ck_assert_int_eq(
            strncmp("leak_here+0x1 (test_trace)", text, strlen(text)), 0);
    }
    mem_trace_symbol(frame, NULL, 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("trace");
    TCase *tc = tcase_create("trace");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, off_costs_nothing_and_holds_nothing);
    tcase_add_test(tc, types_are_chosen_by_module_and_name);
    tcase_add_test(tc, every_block_is_exact);
    tcase_add_loop_test(tc, estimates_are_true, 0, 5);
    tcase_add_test(tc, a_leak_of_one_in_a_thousand_is_the_top_site);
    tcase_add_test(tc, sites_are_read_by_live_bytes);
    tcase_add_test(tc, off_forgets_one_type_and_keeps_the_other);
    tcase_add_test(tc, once_more_changes_the_interval_only);
    tcase_add_test(tc, full_tables_lose_and_say_how_many);
    tcase_add_loop_test(tc, the_table_of_blocks_is_right_whatever_happens, 0,
                        6);
    tcase_add_test(tc, threads_and_switching_do_not_disturb_each_other);
    tcase_add_test(tc, names_of_functions_static_and_exported);
    tcase_add_test(tc, names_are_cut_to_fit);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
