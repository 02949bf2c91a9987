/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reclaim, with a kernel made up here and shrinkers that hold what the test
 * had admitted.  Threads are waited for by what they do; times are compared
 * only with the least they must be.
 */
#include "mem/reclaim.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem/clock.h"
#include "mem/limit.h"
#include "mem/limit_admit.h"
#include "mem/limit_state.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/reclaim_direct.h"
#include "mem/reclaim_pass.h"
#include "mem/scope.h"
#include "mem/thread_flush.h"

/* Threads' magazines are not a subject here. */
size_t __attribute__((weak)) mem_thread_flush(void)
{
    return 0;
}

void __attribute__((weak)) mem_thread_flush_ask(void)
{
}

#define MIB (UINT64_C(1) << 20)
#define LIMIT (64 * MIB) /* high, low, min: 6, 4, 2 below */
enum { STEP = 64 * 1024 };

/* One mutex and one condition for all that tests wait for. */
static struct mutex mtx;
static struct cond happened;

/* Has all that is used been touched, or nothing? */
static bool touched = true;

static bool
fake_read(void *arg, uint64_t *resident_bytes, uint64_t *file_bytes)
{
    *file_bytes = 6 * MIB;
    *resident_bytes = touched ? limit_used_bytes() : 0;
    if (*resident_bytes < *file_bytes)
        *resident_bytes = *file_bytes;
    return true;
}

static uint64_t
fake_now_ns(void *arg)
{
    return clock_ns();
}

static const struct resident_source fake = {
    .read = fake_read,
    .now_ns = fake_now_ns,
};

/* A shrinker that holds bytes, and gives them to another or to the kernel. */
struct stock {
    struct mem_shrinker s;
    _Atomic(size_t) bytes;
    _Atomic(size_t) give_max; /* at a call; 0: no bound */
    struct stock *to;         /* NULL: the kernel */
    _Atomic(unsigned) calls;
    _Atomic(size_t) wanted; /* at the last call */
    unsigned turn;          /* when it was first called, of all */
    pthread_t caller;       /* [mtx] */
    struct mutex *needs;    /* taken in the call, when it is set */
    uint64_t called_ns[8];  /* [mtx] the first ones */
    bool blocked;           /* [mtx] calls wait until it is false */
    bool inside;            /* [mtx] */
};

static _Atomic(unsigned) turns;

static void
stock_enter(struct stock *k, size_t want)
{
    MUTEX_SCOPE(&mtx);
    if (k->calls < COUNT_OF(k->called_ns))
        k->called_ns[k->calls] = clock_ns();
    if (k->calls++ == 0)
        k->turn = ++turns;
    k->wanted = want;
    k->caller = pthread_self();
    k->inside = true;
    cond_broadcast(&happened);
    while (k->blocked)
        cond_wait(&happened, &mtx);
    k->inside = false;
}

/* What all have, for the tests in which that is counted: what is on the ledger
 * may be more for an instant, before it is refused. */
static _Atomic(uint64_t) taken;

static void
stock_return(size_t bytes)
{
    taken -= bytes;
    limit_return(bytes);
}

static size_t
stock_shrink(void *arg, size_t want)
{
    struct stock *k = arg;
    size_t had, give;

    must(reclaim_is_own());
    must(reclaim_direct(STEP) == 0); /* not recursive */
    if (k->needs != NULL) {
        mutex_lock(k->needs);
        mutex_unlock(k->needs);
    }
    stock_enter(k, want);
    had = k->bytes;
    do {
        give = want < had ? want : had;
        if (k->give_max > 0 && give > k->give_max)
            give = k->give_max;
    } while (!atomic_compare_exchange_weak(&k->bytes, &had, had - give));
    if (k->to != NULL)
        k->to->bytes += give;
    else
        stock_return(give);
    return give;
}

static uint64_t
stock_held(void *arg)
{
    return ((struct stock *)arg)->bytes;
}

static void
stock_register(struct stock *k, const char *name, int order, bool leaf,
               size_t bytes)
{
    k->s = (struct mem_shrinker){
        .name = name,
        .order = order,
        .leaf = leaf,
        .shrink = stock_shrink,
        .held = stock_held,
        .arg = k,
    };
    k->bytes = bytes;
    ck_assert(limit_admit(bytes));
    mem_shrinker_register(&k->s);
}

static void
wait_calls(struct stock *k, unsigned calls)
{
    MUTEX_SCOPE(&mtx);
    while (k->calls < calls)
        cond_wait(&happened, &mtx);
}

static void
stock_block(struct stock *k, bool blocked)
{
    MUTEX_SCOPE(&mtx);
    k->blocked = blocked;
    cond_broadcast(&happened);
}

/* Levels as they were told. */
static struct {
    enum mem_level seen[64];
    size_t count;
} levels; /* [mtx] */

static void
on_level(void *arg, enum mem_level level)
{
    MUTEX_SCOPE(&mtx);
    if (levels.count < COUNT_OF(levels.seen))
        levels.seen[levels.count++] = level;
    cond_broadcast(&happened);
}

/* Wait for the n-th telling, or one after it, to be this level. */
static void
wait_level(size_t n, enum mem_level level)
{
    MUTEX_SCOPE(&mtx);
    while (levels.count < n || levels.seen[levels.count - 1] != level)
        cond_wait(&happened, &mtx);
}

static void
fill_to(uint64_t used)
{
    enum mem_importance was = mem_set_importance(MEM_FOR_SERVER);

    if (used > limit_used_bytes())
        ck_assert(limit_admit((size_t)(used - limit_used_bytes())));
    mem_set_importance(was);
}

static void
setup(void)
{
    mutex_init(&mtx, "test", 800);
    cond_init(&happened);
    limit_set_source(&fake);
    limit_refresh();
    mem_limit_on_level(on_level, NULL);
}

START_TEST(shrinkers_are_asked_in_order_until_it_is_enough)
{
    static struct stock a, b, c, d;
    struct mem_shrinker_stats stats[8];

    stock_register(&c, "c", 30, true, 8 * MIB);
    stock_register(&a, "a", 10, false, MIB);
    stock_register(&d, "d", 40, true, 8 * MIB);
    stock_register(&b, "b", 20, false, MIB);
    ck_assert_uint_eq(reclaim_pass(4 * MIB, false).returned_bytes, 4 * MIB);
    ck_assert_uint_eq(a.turn, 1);
    /* A gift of one that is no leaf goes on through the leaves. */
    ck_assert_uint_eq(c.bytes, 5 * MIB);
    ck_assert_uint_eq(d.calls, 0);

    ck_assert_uint_eq(mem_shrinkers_read(NULL, 0), 4);
    ck_assert_uint_eq(mem_shrinkers_read(stats, 8), 4);
    ck_assert_str_eq(stats[0].name, "a");
    ck_assert_str_eq(stats[1].name, "b");
    ck_assert_str_eq(stats[2].name, "c");
    ck_assert_str_eq(stats[3].name, "d");
    ck_assert_uint_eq(stats[0].given_bytes, MIB);
    ck_assert_uint_eq(stats[0].calls, 1);
    ck_assert_uint_eq(stats[2].held_bytes, 5 * MIB);
    ck_assert_uint_eq(stats[2].given_bytes, 3 * MIB);
    mem_shrinker_unregister(&a.s);
    mem_shrinker_unregister(&c.s);
    ck_assert_uint_eq(mem_shrinkers_read(stats, 8), 2);
    ck_assert_str_eq(stats[0].name, "b");
    mem_shrinker_unregister(&b.s);
    mem_shrinker_unregister(&d.s);
    ck_assert_uint_eq(mem_shrinkers_read(stats, 8), 0);
}
END_TEST

START_TEST(only_what_reaches_the_kernel_counts)
{
    static struct stock objects, slabs;
    struct reclaimed r;

    /* Objects go to slabs; slabs were asked before and had nothing. */
    stock_register(&slabs, "slabs", 1, true, 0);
    stock_register(&objects, "objects", 2, false, 8 * MIB);
    objects.to = &slabs;
    r = reclaim_pass(3 * MIB, false);
    ck_assert_uint_eq(r.returned_bytes, 3 * MIB);
    ck_assert_uint_eq(r.claimed_bytes, 6 * MIB);
    ck_assert_uint_eq(objects.bytes, 5 * MIB);
    ck_assert_uint_eq(slabs.bytes, 0);
    mem_shrinker_unregister(&objects.s);
    mem_shrinker_unregister(&slabs.s);
}
END_TEST

START_TEST(whoever_allocates_asks_the_leaves)
{
    static struct stock leaf, other;

    stock_register(&other, "other", 1, false, 8 * MIB);
    stock_register(&leaf, "leaf", 2, true, 8 * MIB);
    ck_assert_uint_eq(reclaim_direct(3 * MIB), 3 * MIB);
    ck_assert_uint_eq(reclaim_direct(16 * MIB), 5 * MIB);
    ck_assert_uint_eq(reclaim_direct(MIB), 0);
    ck_assert_uint_eq(other.calls, 0);
    ck_assert_int_ne(pthread_equal(leaf.caller, pthread_self()), 0);
    mem_shrinker_unregister(&leaf.s);
    mem_shrinker_unregister(&other.s);
}
END_TEST

START_TEST(the_reclaimer_goes_from_low_to_high)
{
    static struct stock k;
    struct mem_limit_stats stats;

    stock_register(&k, "k", 1, false, 30 * MIB);
    mem_limit_set(LIMIT);
    ck_assert_int_eq(mem_reclaimer_start(), 0);
    fill_to(61 * MIB);
    wait_level(2, MEM_PLENTY); /* below low was told before */
    mem_reclaimer_stop();
    ck_assert_uint_eq(limit_used_bytes(), LIMIT - 6 * MIB);
    ck_assert_uint_eq(k.bytes, 27 * MIB); /* and not further */
    ck_assert_int_eq(pthread_equal(k.caller, pthread_self()), 0);
    mem_limit_read(&stats);
    ck_assert_uint_eq(stats.background_reclaimed_bytes, 3 * MIB);
    ck_assert_uint_gt(stats.background_reclaims, 0);
    mem_shrinker_unregister(&k.s);
}
END_TEST

START_TEST(between_low_and_high_nothing_is_reclaimed)
{
    static struct stock k;

    stock_register(&k, "k", 1, false, 30 * MIB);
    mem_limit_set(LIMIT);
    fill_to(59 * MIB);
    ck_assert_int_eq(mem_reclaimer_start(), 0);
    wait_level(1, MEM_BELOW_HIGH);
    mem_reclaimer_stop(); /* waits for the round in which it was told */
    ck_assert_uint_eq(k.calls, 0);
    mem_shrinker_unregister(&k.s);
}
END_TEST

START_TEST(a_new_limit_wakes_the_reclaimer)
{
    static struct stock k;

    stock_register(&k, "k", 1, false, 60 * MIB);
    ck_assert_int_eq(mem_reclaimer_start(), 0);
    fill_to(70 * MIB);
    mem_limit_set(LIMIT);
    wait_level(2, MEM_PLENTY);
    mem_reclaimer_stop();
    ck_assert_uint_eq(limit_used_bytes(), LIMIT - 6 * MIB);
    mem_shrinker_unregister(&k.s);
}
END_TEST

START_TEST(a_level_is_told_once)
{
    mem_limit_set(LIMIT);
    ck_assert_int_eq(mem_reclaimer_start(), 0);
    fill_to(59 * MIB);
    wait_level(1, MEM_BELOW_HIGH);
    fill_to(61 * MIB);
    wait_level(2, MEM_BELOW_LOW);
    fill_to(63 * MIB);
    wait_level(3, MEM_BELOW_MIN);
    limit_return(20 * MIB);
    wait_level(4, MEM_PLENTY);
    mem_limit_on_level(NULL, NULL);
    mem_reclaimer_stop();
    ck_assert_uint_eq(levels.count, 4);
}
END_TEST

START_TEST(rests_grow_to_a_second_or_less_when_somebody_waits)
{
    uint64_t ms = CLOCK_NS_PER_MS, rest = 0;

    for (int i = 0; i < 7; i++) {
        rest = reclaim_rest_ns(rest, false);
        ck_assert_uint_eq(rest, (UINT64_C(10) << i) * ms);
    }
    ck_assert_uint_eq(reclaim_rest_ns(rest, false), 1000 * ms);
    ck_assert_uint_eq(reclaim_rest_ns(1000 * ms, false), 1000 * ms);
    ck_assert_uint_eq(reclaim_rest_ns(1000 * ms, true), 50 * ms);
    ck_assert_uint_eq(reclaim_rest_ns(0, true), 10 * ms);
}
END_TEST

START_TEST(the_reclaimer_rests_when_nothing_comes)
{
    static struct stock k;
    static const uint64_t least_ms[] = {10, 20, 40, 80};

    stock_register(&k, "k", 1, false, 0);
    mem_limit_set(LIMIT);
    fill_to(61 * MIB);
    ck_assert_int_eq(mem_reclaimer_start(), 0);
    for (int i = 0; i < 1000; i++)
        reclaim_wake(); /* to no avail */
    wait_calls(&k, 5);
    for (size_t i = 0; i < COUNT_OF(least_ms); i++)
        ck_assert_uint_ge(k.called_ns[i + 1] - k.called_ns[i],
                          least_ms[i] * CLOCK_NS_PER_MS);
    /* Something turns up: it comes at the end of the rest. */
    ck_assert(limit_admit(MIB / 2));
    k.bytes = 20 * MIB;
    wait_level(2, MEM_PLENTY);
    mem_reclaimer_stop();
    mem_shrinker_unregister(&k.s);
}
END_TEST

static size_t
boast(void *arg, size_t want)
{
    struct stock *k = arg;

    stock_enter(k, want);
    return want;
}

START_TEST(a_shrinker_that_only_claims_is_not_asked_for_ever)
{
    static struct stock k;

    stock_register(&k, "k", 1, false, 0);
    k.s.shrink = boast;
    mem_limit_set(LIMIT);
    fill_to(61 * MIB);
    ck_assert_int_eq(mem_reclaimer_start(), 0);
    /* The first rest is after the 65th pass in a row; then one each. */
    wait_calls(&k, 65);
    {
        uint64_t start = clock_ns();

        wait_calls(&k, 68);
        ck_assert_uint_ge(clock_ns() - start, 20 * CLOCK_NS_PER_MS);
    }
    mem_reclaimer_stop();
    mem_shrinker_unregister(&k.s);
}
END_TEST

static _Atomic(bool) unregistered;

static void *
unregister(void *arg)
{
    struct stock *k = arg;

    mem_shrinker_unregister(&k->s);
    /* No call is under way now. */
    mutex_lock(&mtx);
    must(!k->inside);
    mutex_unlock(&mtx);
    unregistered = true;
    return NULL;
}

START_TEST(unregistering_waits_for_a_call)
{
    static struct stock k, next;
    pthread_t thread;

    stock_register(&k, "k", 1, false, 2 * MIB);
    stock_register(&next, "next", 2, false, 30 * MIB);
    stock_block(&k, true);
    mem_limit_set(LIMIT);
    fill_to(61 * MIB);
    ck_assert_int_eq(mem_reclaimer_start(), 0);
    wait_calls(&k, 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, unregister, &k), 0);
    while (mem_shrinkers_read(NULL, 0) == 2)
        sched_yield(); /* until it is marked */
    ck_assert(!unregistered);
    stock_block(&k, false);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(unregistered);
    /* The walk went on from there. */
    wait_level(2, MEM_PLENTY);
    ck_assert_uint_gt(next.calls, 0);
    mem_reclaimer_stop();
    mem_shrinker_unregister(&next.s);
}
END_TEST

START_TEST(who_holds_what_a_shrinker_needs_does_not_wait_for_ever)
{
    static struct stock k;
    static struct mutex needed;

    mutex_init(&needed, "needed", 40);
    stock_register(&k, "k", 1, false, 20 * MIB);
    k.needs = &needed;
    mem_limit_set(LIMIT);
    ck_assert_int_eq(mem_reclaimer_start(), 0);
    mutex_lock(&needed);
    fill_to(62 * MIB);
    /* Below min: each of these reclaims.  None gets anything, none hangs. */
    for (int i = 0; i < 3; i++)
        ck_assert(limit_admit(4096));
    mem_set_importance(MEM_FOR_INTERNAL);
    ck_assert(!limit_admit(4096));
    ck_assert_uint_eq(k.calls, 0);
    mutex_unlock(&needed);
    wait_level(2, MEM_PLENTY);
    ck_assert(limit_admit(4096));
    mem_reclaimer_stop();
    mem_shrinker_unregister(&k.s);
}
END_TEST

START_TEST(what_a_waiting_thread_wants_is_reclaimed)
{
    static struct stock k;

    stock_register(&k, "k", 1, false, 20 * MIB);
    ck_assert_int_eq(mem_reclaimer_start(), 0);
    (void)reclaim_direct(2 * MIB); /* it may give up on a slow machine */
    wait_calls(&k, 1);
    mem_reclaimer_stop();
    ck_assert_uint_eq(k.bytes, 18 * MIB);
    ck_assert_uint_eq(k.wanted, 2 * MIB);
    mem_shrinker_unregister(&k.s);
}
END_TEST

/* With (1) and without (0) the thread. */
START_TEST(reclaiming_all_takes_everything)
{
    static struct stock objects, slabs;
    bool threaded = _i == 1;

    stock_register(&objects, "objects", 1, false, 8 * MIB);
    stock_register(&slabs, "slabs", 2, true, 4 * MIB);
    objects.to = &slabs;
    objects.give_max = 3 * MIB; /* so it takes rounds */
    if (threaded)
        ck_assert_int_eq(mem_reclaimer_start(), 0);
    ck_assert_uint_eq(mem_reclaim_all(), 12 * MIB);
    ck_assert_uint_eq(objects.bytes + slabs.bytes, 0);
    ck_assert_int_eq(pthread_equal(objects.caller, pthread_self()) != 0,
                     !threaded);
    ck_assert_uint_eq(mem_reclaim_all(), 0);
    mem_reclaimer_stop();
    mem_shrinker_unregister(&objects.s);
    mem_shrinker_unregister(&slabs.s);
}
END_TEST

static unsigned begun, ended;
static pthread_t hooked[2];

static void
begins(void)
{
    begun++;
    hooked[0] = pthread_self();
}

static void
ends(void)
{
    ended++;
    hooked[1] = pthread_self();
}

START_TEST(the_thread_can_be_started_again_and_has_hooks)
{
    mem_reclaimer_stop(); /* there is none */
    mem_reclaimer_set_hooks(begins, ends);
    mem_reclaimer_set_purge_age(0);
    for (unsigned i = 1; i <= 3; i++) {
        ck_assert_int_eq(mem_reclaimer_start(), 0);
        mem_reclaimer_stop();
        ck_assert_uint_eq(begun, i);
        ck_assert_uint_eq(ended, i);
        ck_assert_int_ne(pthread_equal(hooked[0], hooked[1]), 0);
    }
}
END_TEST

enum { THREADS = 8, TURNS = 3000 };

static struct stock leaves, cache;

/* Takes memory as a request does and leaves some of it in caches. */
static void *
hammer(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;

    mem_set_importance((enum mem_importance)(seed % MEM_IMPORTANCES));
    for (int i = 0; i < TURNS; i++) {
        size_t bytes = (1 + (unsigned)rand_r(&seed) % 64) * 4096;

        if (!limit_admit(bytes))
            continue;
        /* The server's own may have half of the margin. */
        must((taken += bytes) <= LIMIT - 6 * MIB - MIB / 2);
        switch (rand_r(&seed) % 4) {
        case 0:
            leaves.bytes += bytes;
            break;
        case 1:
        case 2:
            cache.bytes += bytes;
            break;
        default:
            stock_return(bytes);
        }
    }
    return NULL;
}

static _Atomic(bool) hammered;

static void *
come_and_go(void *arg)
{
    static struct stock k;

    while (!hammered) {
        k.s = (struct mem_shrinker){
            .name = "k",
            .order = 15,
            .leaf = true,
            .shrink = stock_shrink,
            .held = stock_held,
            .arg = &k,
        };
        mem_shrinker_register(&k.s);
        (void)mem_shrinkers_read(NULL, 0);
        mem_shrinker_unregister(&k.s);
    }
    return NULL;
}

START_TEST(many_threads_live_off_their_caches_below_the_limit)
{
    pthread_t threads[THREADS], other;
    struct mem_limit_stats stats;
    uint64_t before = limit_used_bytes();

    touched = false; /* so that nothing ever looks like others' memory */
    stock_register(&leaves, "leaves", 10, true, 0);
    stock_register(&cache, "cache", 20, false, 0);
    cache.to = &leaves;
    mem_limit_set(LIMIT);
    ck_assert_int_eq(mem_reclaimer_start(), 0);
    ck_assert_int_eq(pthread_create(&other, NULL, come_and_go, NULL), 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)), 0);
    (void)mem_reclaim_all();
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    hammered = true;
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    (void)mem_reclaim_all();
    ck_assert_uint_eq(leaves.bytes + cache.bytes, 0);
    ck_assert_uint_le(limit_used_bytes(), before);
    mem_limit_read(&stats);
    ck_assert_uint_eq(taken, 0);
    ck_assert_uint_gt(stats.background_reclaimed_bytes, 0);
    mem_reclaimer_stop();
    mem_shrinker_unregister(&leaves.s);
    mem_shrinker_unregister(&cache.s);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("reclaim");
    TCase *tc = tcase_create("reclaim");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, shrinkers_are_asked_in_order_until_it_is_enough);
    tcase_add_test(tc, only_what_reaches_the_kernel_counts);
    tcase_add_test(tc, whoever_allocates_asks_the_leaves);
    tcase_add_test(tc, the_reclaimer_goes_from_low_to_high);
    tcase_add_test(tc, between_low_and_high_nothing_is_reclaimed);
    tcase_add_test(tc, a_new_limit_wakes_the_reclaimer);
    tcase_add_test(tc, a_level_is_told_once);
    tcase_add_test(tc, rests_grow_to_a_second_or_less_when_somebody_waits);
    tcase_add_test(tc, the_reclaimer_rests_when_nothing_comes);
    tcase_add_test(tc, a_shrinker_that_only_claims_is_not_asked_for_ever);
    tcase_add_test(tc, unregistering_waits_for_a_call);
    tcase_add_test(tc, who_holds_what_a_shrinker_needs_does_not_wait_for_ever);
    tcase_add_test(tc, what_a_waiting_thread_wants_is_reclaimed);
    tcase_add_loop_test(tc, reclaiming_all_takes_everything, 0, 2);
    tcase_add_test(tc, the_thread_can_be_started_again_and_has_hooks);
    tcase_add_test(tc, many_threads_live_off_their_caches_below_the_limit);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
