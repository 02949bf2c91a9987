/* SPDX-License-Identifier: BSD-2-Clause */
/* Object pools: an object has one user at a time, all are counted, empty
 * slabs go back, and every wrong put is caught and named. */
#include "mem/pool.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "expect_abort.h"
#include "mem/must.h"
#include "mem/page_run.h"
#include "mem/thread.h"

MEM_TYPE(mt_obj, "test.pool", "obj");
MEM_TYPE(mt_other, "test.pool", "other");

static uint64_t constructed;

struct obj {
    uint64_t constructed; /* 0x0b1ec7 for as long as the memory lives */
    _Atomic(int) users;
    uint64_t stamp;
    uint8_t rest[100];
};

static void
construct(void *p)
{
    struct obj *o = p;

    o->constructed = 0x0b1ec7;
    atomic_init(&o->users, 0);
    constructed++;
}

static struct mem_type_stats
read_one(const char *module, const char *name)
{
    struct mem_type_stats s;

    mem_account_read_one(module, name, &s);
    return s;
}

static struct mem_pool_stats
read_pool(const char *name)
{
    struct mem_pool_stats s[80];
    size_t count = mem_pool_read(s, COUNT_OF(s));

    ck_assert_uint_le(count, COUNT_OF(s));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(s[i].name, name) == 0)
            return s[i];
    }
    ck_abort_msg("no pool %s", name);
    return s[0];
}

START_TEST(objects_are_aligned_constructed_once_and_counted)
{
    struct mem_pool *pool =
        mem_pool_new(&mt_obj, sizeof(struct obj), construct);
    enum { COUNT = 1000 };
    static struct obj *o[COUNT];
    uint64_t padded;
    struct mem_pool_stats s;

    ck_assert_ptr_nonnull(pool);
    padded = read_pool("obj").padded_bytes;
    ck_assert_uint_eq(padded % 64, 0);
    ck_assert_uint_ge(padded, sizeof(struct obj));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            o[i] = mem_pool_get(pool);
            ck_assert_uint_eq((uintptr_t)o[i] % 64, 0);
            ck_assert_uint_eq(o[i]->constructed, 0x0b1ec7);
            memset(o[i]->rest, i, sizeof(o[i]->rest));
        }
        s = read_pool("obj");
        ck_assert_uint_eq(s.hot, COUNT);
        /* Slabs that were given back are made anew. */
        ck_assert_uint_le(s.hot + s.cold, constructed);
        ck_assert_uint_eq(s.total_gets, (uint64_t)(round + 1) * COUNT);
        ck_assert_uint_eq(read_one("test.pool", "obj").size, COUNT * padded);
        ck_assert_uint_eq(read_one("mem", "pool slack").size, s.cold * padded);
        for (int i = 0; i < COUNT; i++)
            mem_pool_put(pool, o[i]);
        /* Cold or hot, the memory is there and counted. */
        s = read_pool("obj");
        ck_assert_uint_eq(read_one("test.pool", "obj").size +
                              read_one("mem", "pool slack").size,
                          (s.hot + s.cold) * padded);
        ck_assert_uint_eq(read_one("test.pool", "obj").num_allocs, 0);
    }
    s = read_pool("obj");
    ck_assert_uint_eq(s.hot, 0);
    ck_assert_uint_eq(s.hot_max, COUNT);
    ck_assert_uint_eq(s.object_bytes, sizeof(struct obj));
    ck_assert_uint_gt(s.misses, 0);
    mem_pool_destroy(&pool);
    ck_assert_ptr_null(pool);
    ck_assert_uint_eq(read_one("mem", "pool slack").size, 0);
    ck_assert_uint_eq(read_one("mem", "pool").size, 0);
    /* The history stays with the type. */
    ck_assert_uint_eq(read_one("test.pool", "obj").total_allocs, 3 * COUNT);
    ck_assert_uint_eq(read_one("test.pool", "obj").max_num_allocs, COUNT);
}
END_TEST

START_TEST(any_size_holds_its_bytes)
{
    static const size_t sizes[] = {1,    8,    56,   57,    64,   512,
                                   4000, 8192, 9999, 65535, 65536};

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct mem_pool *pool = mem_pool_new(&mt_obj, sizes[i], NULL);
        uint8_t *o[50];

        for (int j = 0; j < 50; j++) {
            o[j] = mem_pool_get(pool);
            memset(o[j], j, sizes[i]);
        }
        for (int j = 0; j < 50; j++) {
            ck_assert_uint_eq(o[j][0], j);
            ck_assert_uint_eq(o[j][sizes[i] - 1], j);
            mem_pool_put(pool, o[j]);
        }
        mem_pool_destroy(&pool);
    }
    ck_assert_uint_eq(read_one("test.pool", "obj").size, 0);
}
END_TEST

START_TEST(shrinking_gives_back_what_is_wholly_free)
{
    struct mem_pool *pool =
        mem_pool_new(&mt_obj, sizeof(struct obj), construct);
    enum { COUNT = 5000 };
    static struct obj *o[COUNT];

    for (int i = 0; i < COUNT; i++)
        o[i] = mem_pool_get(pool);
    ck_assert_uint_le(mem_pool_shrink(pool), 65536);
    for (int i = 1; i < COUNT; i++)
        mem_pool_put(pool, o[i]);
    (void)mem_pool_shrink(pool);
    ck_assert_uint_lt(read_one("mem", "pool slack").size,
                      1000 * read_pool("obj").padded_bytes);
    ck_assert_uint_eq(o[0]->constructed, 0x0b1ec7);
    ck_assert_uint_eq(read_pool("obj").hot, 1);
    ck_assert_uint_lt(read_pool("obj").cold, 1000);
    mem_pool_put(pool, o[0]);
    ck_assert_uint_gt(mem_pool_shrink(pool), 0);
    ck_assert_uint_eq(read_pool("obj").cold, 0);
    ck_assert_uint_eq(mem_pool_shrink(pool), 0);
    o[0] = mem_pool_get(pool);
    ck_assert_uint_eq(o[0]->constructed, 0x0b1ec7);
    mem_pool_put(pool, o[0]);
    mem_pool_destroy(&pool);
}
END_TEST

/* Of slabs and what lies in them. */
static uint64_t
charged_bytes(void)
{
    return read_one("mem", "slab").size + read_one("mem", "pool slack").size +
           read_one("test.pool", "obj").size;
}

START_TEST(a_slab_of_used_pages_is_charged_as_a_whole)
{
    enum { SLAB = 65536, OBJECTS = 1000 };
    struct mem_pool *pool = mem_pool_new(&mt_obj, sizeof(struct obj), NULL);
    uint64_t before = charged_bytes();
    static void *o[OBJECTS];
    void *used;

    o[0] = mem_pool_get(pool);
    ck_assert_ptr_nonnull(o[0]);
    ck_assert_uint_lt(charged_bytes() - before, 2 * 4096);
    mem_pool_put(pool, o[0]);
    (void)mem_pool_shrink(pool);
    ck_assert_uint_eq(charged_bytes(), before);

    used = page_run_take(SLAB, PAGE_BUFFER, false);
    ck_assert_ptr_nonnull(used);
    memset(used, 1, SLAB);
    page_run_give(used, SLAB);
    o[0] = mem_pool_get(pool);
    ck_assert_uint_eq((uintptr_t)o[0] & ~(uintptr_t)(SLAB - 1),
                      (uintptr_t)used);
    ck_assert_uint_eq(charged_bytes() - before, SLAB);
    for (int i = 1; i < OBJECTS; i++)
        o[i] = mem_pool_get(pool);
    /* What is left of each slab is too small for an object, but for the last,
     * which is a clean one. */
    ck_assert_uint_lt(read_one("mem", "slab").size, 4096);
    for (int i = 0; i < OBJECTS; i++)
        mem_pool_put(pool, o[i]);
    (void)mem_pool_shrink(pool);
    ck_assert_uint_eq(charged_bytes(), before);
    mem_pool_destroy(&pool);
}
END_TEST

START_TEST(more_pools_than_have_magazines_work)
{
    enum { COUNT = 100 };
    struct mem_pool *pool[COUNT];
    void *o[COUNT];

    for (int round = 0; round < 20; round++) { /* more than there are slots */
        for (int i = 0; i < COUNT; i++) {
            pool[i] = mem_pool_new(&mt_obj, 100, NULL);
            o[i] = mem_pool_get(pool[i]);
        }
        ck_assert_uint_eq(mem_pool_read(NULL, 0), COUNT);
        ck_assert_uint_eq(read_one("test.pool", "obj").num_allocs, COUNT);
        for (int i = 0; i < COUNT; i++) {
            mem_pool_put(pool[i], o[i]);
            mem_pool_destroy(&pool[i]);
        }
    }
    ck_assert_uint_eq(read_one("test.pool", "obj").total_allocs, 20 * COUNT);
    ck_assert_uint_eq(mem_pool_read(NULL, 0), 0);
}
END_TEST

enum { THREADS = 4, SLOTS = 256, ROUNDS = 30000 };

static struct mem_pool *shared_pool;
static _Atomic(struct obj *) slots[SLOTS];

/* Gets, hands over, takes from others, puts. */
static void *
churn(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    int64_t held = 0;

    for (int i = 0; i < ROUNDS; i++) {
        size_t at = (size_t)rand_r(&seed) % SLOTS;
        struct obj *o = NULL;

        if (rand_r(&seed) % 2 == 0) {
            o = mem_pool_get(shared_pool);
            must(o->constructed == 0x0b1ec7);
            must(atomic_fetch_add(&o->users, 1) == 0);
            o->stamp = (uintptr_t)o;
            held++;
        }
        o = atomic_exchange(&slots[at], o);
        if (o != NULL) {
            must(o->stamp == (uintptr_t)o);
            must(atomic_fetch_sub(&o->users, 1) == 1);
            mem_pool_put(shared_pool, o);
            held--;
        }
    }
    return (void *)(intptr_t)held;
}

START_TEST(an_object_has_one_user_whoever_puts_it)
{
    pthread_t threads[THREADS];
    int64_t held = 0, left = 0;
    struct mem_pool_stats s;
    void *result;

    shared_pool = mem_pool_new(&mt_obj, sizeof(struct obj), construct);
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn,
                                        (void *)(i + (uintptr_t)_i * 10)),
                         0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        held += (intptr_t)result;
    }
    for (int i = 0; i < SLOTS; i++)
        left += slots[i] != NULL;
    ck_assert_int_gt(left, 0);
    ck_assert_int_eq(left, held);
    s = read_pool("obj");
    ck_assert_int_eq((int64_t)s.hot, left);
    ck_assert_uint_eq(s.hot + s.cold, constructed);
    ck_assert_int_eq((int64_t)read_one("test.pool", "obj").num_allocs, left);
    /* The threads ended: no magazine is left, all can go. */
    ck_assert_uint_eq(read_one("mem", "magazine").num_allocs, 0);
    for (int i = 0; i < SLOTS; i++) {
        if (slots[i] != NULL)
            mem_pool_put(shared_pool, slots[i]);
    }
    (void)mem_threads_trim(true);
    ck_assert_uint_gt(mem_pool_shrink(shared_pool), 0);
    ck_assert_uint_eq(read_pool("obj").cold, 0);
    mem_pool_destroy(&shared_pool);
}
END_TEST

static pthread_barrier_t barrier;

static void *
use_and_stay(void *arg)
{
    mem_pool_put(shared_pool, mem_pool_get(shared_pool));
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier); /* the pool is gone, another is there */
    mem_pool_put(shared_pool, mem_pool_get(shared_pool));
    return NULL;
}

START_TEST(a_thread_outlives_a_pool_that_it_used)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    shared_pool = mem_pool_new(&mt_obj, 100, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, use_and_stay, NULL), 0);
    pthread_barrier_wait(&barrier);
    mem_pool_destroy(&shared_pool);
    shared_pool = mem_pool_new(&mt_other, 200, NULL);
    pthread_barrier_wait(&barrier);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(read_pool("other").total_gets, 1);
    ck_assert_uint_eq(read_pool("other").hot, 0);
    mem_pool_destroy(&shared_pool);
}
END_TEST

static struct mem_pool *beyond; /* the magazines */

static void *
use_beyond(void *arg)
{
    mem_pool_put(shared_pool, mem_pool_get(shared_pool));
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 1000; i++)
        mem_pool_put(beyond, mem_pool_get(beyond));
    return NULL;
}

/* A pool without magazines looks where another has its own, which may go
 * meanwhile. */
START_TEST(a_pool_ends_while_one_without_magazines_is_used)
{
    struct mem_pool *fillers[CACHED_POOLS - 1];
    pthread_t thread;

    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    shared_pool = mem_pool_new(&mt_obj, 100, NULL);
    for (size_t i = 0; i < COUNT_OF(fillers); i++)
        fillers[i] = mem_pool_new(&mt_obj, 100, NULL);
    beyond = mem_pool_new(&mt_other, 100, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, use_beyond, NULL), 0);
    pthread_barrier_wait(&barrier);
    mem_pool_destroy(&shared_pool);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(read_pool("other").total_gets, 1000);
    mem_pool_destroy(&beyond);
    for (size_t i = 0; i < COUNT_OF(fillers); i++)
        mem_pool_destroy(&fillers[i]);
}
END_TEST

/*
 * What must be caught
 */

static struct mem_pool *pool, *other;

static void
setup(void)
{
    pool = mem_pool_new(&mt_obj, sizeof(struct obj), construct);
    other = mem_pool_new(&mt_other, sizeof(struct obj), construct);
    ck_assert(pool != NULL && other != NULL);
}

START_TEST(a_double_put_is_caught_and_named)
{
    void *o = mem_pool_get(pool);

    expect_abort_saying("which is not in use");
    mem_pool_put(pool, o);
    expected_text = "pool test.pool obj: put of";
    mem_pool_put(pool, o);
}
END_TEST

START_TEST(a_put_into_the_wrong_pool_names_both)
{
    expect_abort_saying("pool test.pool obj: put of");
    expected_text = "which is of pool test.pool other";
    mem_pool_put(pool, mem_pool_get(other));
}
END_TEST

START_TEST(a_put_of_foreign_memory_is_caught)
{
    static uint8_t memory[1024] __attribute__((aligned(64)));

    expect_abort_saying("which is no pool's");
    mem_pool_put(pool, memory);
}
END_TEST

START_TEST(a_put_of_a_misaligned_pointer_is_caught)
{
    uint8_t *o = mem_pool_get(pool);

    expect_abort_saying("which points into an object");
    mem_pool_put(pool, o + _i);
}
END_TEST

START_TEST(an_overrun_is_caught_at_the_put)
{
    uint8_t *o = mem_pool_get(pool);

    expect_abort_saying("pool test.pool obj: overrun behind");
    plant_byte(o, read_pool("obj").padded_bytes - 8, 0);
    plant_byte(o, read_pool("obj").padded_bytes - 7, 0);
    mem_pool_put(pool, o);
}
END_TEST

START_TEST(a_destroy_with_objects_in_use_is_caught)
{
    expect_abort_saying("pool test.pool obj destroyed with objects in use");
    ck_assert_ptr_nonnull(mem_pool_get(pool));
    mem_pool_destroy(&pool);
}
END_TEST

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

START_TEST(a_sanitizer_sees_free_objects_as_poisoned)
{
    struct obj *o = mem_pool_get(pool);

    ck_assert_ptr_null(__asan_region_is_poisoned(o, sizeof(*o)));
    ck_assert_int_eq(__asan_address_is_poisoned((char *)o + sizeof(*o)), 1);
    mem_pool_put(pool, o);
    ck_assert_ptr_eq(__asan_region_is_poisoned(o, sizeof(*o)), o);
}
END_TEST
#endif

int
main(void)
{
    Suite *s = suite_create("pool");
    TCase *tc = tcase_create("pool"), *bugs = tcase_create("bugs");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, objects_are_aligned_constructed_once_and_counted);
    tcase_add_test(tc, any_size_holds_its_bytes);
    tcase_add_test(tc, shrinking_gives_back_what_is_wholly_free);
    tcase_add_test(tc, a_slab_of_used_pages_is_charged_as_a_whole);
    tcase_add_test(tc, more_pools_than_have_magazines_work);
    tcase_add_loop_test(tc, an_object_has_one_user_whoever_puts_it, 1, 4);
    tcase_add_test(tc, a_thread_outlives_a_pool_that_it_used);
    tcase_add_test(tc, a_pool_ends_while_one_without_magazines_is_used);
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(bugs, setup, NULL);
#ifdef __SANITIZE_ADDRESS__
    tcase_add_test(bugs, a_sanitizer_sees_free_objects_as_poisoned);
#endif
    tcase_add_test_raise_signal(bugs, a_double_put_is_caught_and_named,
                                SIGABRT);
    tcase_add_test_raise_signal(bugs, a_put_into_the_wrong_pool_names_both,
                                SIGABRT);
    tcase_add_test_raise_signal(bugs, a_put_of_foreign_memory_is_caught,
                                SIGABRT);
    tcase_add_loop_test_raise_signal(
        bugs, a_put_of_a_misaligned_pointer_is_caught, SIGABRT, 1, 100);
    tcase_add_test_raise_signal(bugs, an_overrun_is_caught_at_the_put, SIGABRT);
    tcase_add_test_raise_signal(bugs, a_destroy_with_objects_in_use_is_caught,
                                SIGABRT);
    suite_add_tcase(s, bugs);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
