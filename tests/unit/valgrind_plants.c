/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One planted bug, named by the argument, for tests/unit/test_valgrind.sh to
 * run under valgrind.  `clean` is all that the allocator can do, without any.
 *
 * Exits with 0; 77 for `supported` where this build can not be watched; 2 for a
 * case that there is none of.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "mem/alloc.h"
#include "mem/arena.h"
#include "mem/debug.h"
#include "mem/guard.h"
#include "mem/iobuf.h"
#include "mem/must.h"
#include "mem/pages.h"
#include "mem/pool.h"
#include "mem/reclaim.h"

MEM_TYPE(mt_block, "test.valgrind", "block");
MEM_TYPE(mt_object, "test.valgrind", "object");

enum { OBJECT_BYTES = 120, LEAKED_BYTES = 48, LEAKED_BLOCKS = 10 };

static volatile unsigned sink;

/* The loads that the cases are about. */
static void __attribute__((noinline)) look_at(const void *p, size_t offset)
{
    sink += ((const volatile uint8_t *)p)[offset];
}

static void __attribute__((noinline)) write_to(void *p, size_t offset)
{
    ((volatile uint8_t *)p)[offset] = 1;
}

static void __attribute__((noinline)) decide_by(const void *p, size_t offset)
{
    if (((const volatile uint8_t *)p)[offset] == 7)
        sink++;
}

static void
object_construct(void *obj)
{
    memset(obj, 7, OBJECT_BYTES);
}

/*
 * Without a bug
 */

static void
all_must_be(const uint8_t *p, size_t bytes, uint8_t value)
{
    for (size_t i = 0; i < bytes; i++)
        must(p[i] == value);
}

static void
blocks_of(size_t bytes)
{
    size_t align = bytes < 4096 ? 256 : 8192;
    uint8_t *p = mem_zalloc(&mt_block, bytes), *q;

    must(p != NULL && mem_usable_bytes(p) == bytes);
    all_must_be(p, bytes, 0);
    memset(p, 3, bytes);
    p = mem_realloc(&mt_block, p, bytes * 2 + 1);
    must(p != NULL);
    all_must_be(p, bytes, 3);
    memset(p, 4, bytes * 2 + 1);
    p = mem_realloc(&mt_block, p, bytes / 2 + 1);
    must(p != NULL);
    all_must_be(p, bytes / 2 + 1, 4);
    q = mem_alloc_aligned(&mt_block, align, bytes);
    must(q != NULL && (uintptr_t)q % align == 0);
    memset(q, 5, bytes);
    all_must_be(q, bytes, 5);
    mem_free(p);
    mem_free(q);
}

/* Objects keep what they hold while they are free. */
static void
objects(void (*construct)(void *))
{
    struct mem_pool *pool = mem_pool_new(&mt_object, OBJECT_BYTES, construct);
    uint8_t *o[300];

    must(pool != NULL);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < COUNT_OF(o); i++) {
            o[i] = mem_pool_get(pool);
            must(o[i] != NULL);
            if (construct != NULL)
                all_must_be(o[i], OBJECT_BYTES, 7);
            else
                memset(o[i], (int)i, OBJECT_BYTES);
        }
        for (unsigned i = 0; i < COUNT_OF(o); i++)
            mem_pool_put(pool, o[i]);
        (void)mem_pool_shrink(pool);
    }
    mem_pool_destroy(&pool);
}

static void
buffers_of(size_t bytes)
{
    struct iobuf *b[40];

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < COUNT_OF(b); i++) {
            b[i] = iobuf_new(bytes);
            must(b[i] != NULL && b[i]->capacity >= bytes);
            memset(b[i]->data, (int)i, bytes);
            iobuf_put(iobuf_get(b[i]));
        }
        for (unsigned i = 0; i < COUNT_OF(b); i++) {
            look_at(b[i]->data, bytes - 1);
            iobuf_put(b[i]);
        }
    }
}

static void
arenas(void)
{
    uint8_t first[64] __attribute__((aligned(16)));
    struct arena a;

    arena_init(&a, &mt_block, first, sizeof(first));
    for (size_t bytes = 1; bytes < 3000; bytes += 37) {
        uint8_t *p = arena_zalloc(&a, bytes);

        must(p != NULL);
        all_must_be(p, bytes, 0);
    }
    arena_release(&a);
}

static void *
everything(void *arg)
{
    for (size_t bytes = 0; bytes < 100000; bytes = bytes * 3 + 1)
        blocks_of(bytes);
    /* Past what the quarantine holds. */
    for (size_t i = 0; i < 5000; i++)
        mem_free(mem_alloc(&mt_block, i));
    objects(NULL);
    objects(object_construct);
    for (size_t bytes = 100; bytes < 200000; bytes *= 3)
        buffers_of(bytes);
    arenas();
    return NULL;
}

static void
clean(void)
{
    pthread_t thread;

    mem_guard_set_rate(10); /* not where somebody watches */
    must(pthread_create(&thread, NULL, everything, NULL) == 0);
    (void)everything(NULL);
    must(pthread_join(thread, NULL) == 0);
    blocks_of(5 << 20);
    must(mem_poison_set("test.valgrind", NULL, true) >= 2);
    (void)everything(NULL);
    must(mem_poison_set("test.valgrind", NULL, false) >= 2);
    (void)mem_reclaim_all();
    (void)mem_pages_purge(0, SIZE_MAX);
    (void)everything(NULL);
}

/*
 * With one
 */

static void
use_after_free_read(void)
{
    void *volatile p = mem_zalloc(&mt_block, 40);

    mem_free(p);
    look_at(p, 12);
}

/* When its memory has long been others'. */
static void
use_after_free_late(void)
{
    void *volatile p = mem_zalloc(&mt_block, 40);

    mem_free(p);
    for (int i = 0; i < 3000; i++)
        mem_free(mem_alloc(&mt_block, 1000));
    look_at(p, 12);
}

static void
overrun_read(void)
{
    void *p = mem_zalloc(&mt_block, 41);

    look_at(p, 41);
    mem_free(p);
}

static void
overrun_large(void)
{
    void *p = mem_zalloc(&mt_block, 100000);

    look_at(p, 100000);
    mem_free(p);
}

static void
underrun_read(void)
{
    void *p = mem_zalloc(&mt_block, 40);

    /* The eight bytes in front are read by mem_free(). */
    look_at((uint8_t *)p - 9, 0);
    mem_free(p);
}

static void
uninitialised_use(void)
{
    void *p = mem_alloc(&mt_block, 40);

    decide_by(p, 39);
    mem_free(p);
}

static void
pool_use_after_put(void)
{
    struct mem_pool *pool =
        mem_pool_new(&mt_object, OBJECT_BYTES, object_construct);
    void *volatile o = mem_pool_get(pool);

    mem_pool_put(pool, o);
    look_at(o, 5);
    mem_pool_destroy(&pool);
}

/* Of a pool whose objects have no byte to spare before the word of state. */
static void
pool_overrun_read(void)
{
    struct mem_pool *pool = mem_pool_new(&mt_object, OBJECT_BYTES, NULL);
    void *o = mem_pool_get(pool);

    look_at(o, OBJECT_BYTES);
    mem_pool_put(pool, o);
    mem_pool_destroy(&pool);
}

static void
pool_uninitialised_use(void)
{
    struct mem_pool *pool = mem_pool_new(&mt_object, OBJECT_BYTES, NULL);
    void *o = mem_pool_get(pool);

    decide_by(o, 5);
    mem_pool_put(pool, o);
    mem_pool_destroy(&pool);
}

static void
iobuf_use(size_t bytes)
{
    struct iobuf *b = iobuf_new(bytes);
    uint8_t *volatile data = b->data;

    memset(data, 0, bytes);
    iobuf_put(b);
    write_to(data, bytes / 2);
}

static void
iobuf_use_after_put(void)
{
    iobuf_use(4096);
}

static void
iobuf_small_use_after_put(void)
{
    iobuf_use(200);
}

static void
iobuf_large_use_after_put(void)
{
    iobuf_use(2 << 20);
}

/* Also of one that was used before. */
static void
iobuf_uninitialised_use(void)
{
    for (size_t bytes = 100; bytes <= 100000; bytes *= 10) {
        struct iobuf *b = iobuf_new(bytes);

        memset(b->data, 0, bytes);
        iobuf_put(b);
        b = iobuf_new(bytes);
        decide_by(b->data, bytes / 2);
        iobuf_put(b);
    }
}

/* What the accounts say is what nobody points to. */
static void __attribute__((noinline)) lose(void)
{
    for (int i = 0; i < LEAKED_BLOCKS; i++) {
        /* cppcheck-suppress leakReturnValNotUsed */
        must(mem_zalloc(&mt_block, LEAKED_BYTES) != NULL);
    }
}

static void
leak(void)
{
    struct mem_type_stats stats;

    lose();
    mem_account_read_one("test.valgrind", "block", &stats);
    must(stats.num_allocs == LEAKED_BLOCKS);
    must(stats.size == LEAKED_BLOCKS * LEAKED_BYTES);
}

static int
supported(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
    !defined(HAVE_VALGRIND_MEMCHECK_H)
    return 77;
#else
    return 0;
#endif
}

#define CASE(name)                                                             \
    {                                                                          \
        #name, name                                                            \
    }

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    CASE(clean),
    CASE(use_after_free_read),
    CASE(use_after_free_late),
    CASE(overrun_read),
    CASE(overrun_large),
    CASE(underrun_read),
    CASE(uninitialised_use),
    CASE(pool_use_after_put),
    CASE(pool_overrun_read),
    CASE(pool_uninitialised_use),
    CASE(iobuf_use_after_put),
    CASE(iobuf_small_use_after_put),
    CASE(iobuf_large_use_after_put),
    CASE(iobuf_uninitialised_use),
    CASE(leak),
};

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "supported") == 0)
        return supported();
    for (size_t i = 0; argc == 2 && i < COUNT_OF(cases); i++) {
        if (strcmp(cases[i].name, argv[1]) == 0) {
            cases[i].run();
            return 0;
        }
    }
    (void)fputs("usage: valgrind_plants CASE\n", stderr);
    return 2;
}
