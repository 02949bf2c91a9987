/* SPDX-License-Identifier: BSD-2-Clause */
/* Growth: loads in, numbers of threads out. */
#include "iothreads/scale.h"

#include <check.h>
#include <stdlib.h>

#include "mem/must.h"

static const struct iot_limits limits = {
    .threads_max = 16,
    .class_max = {8, 8, 4, 1},
};

static const struct {
    const char *what;
    struct iot_load load;
    uint32_t start;
} cases[] = {
    {"a pool has at least one thread", {.threads = 0}, 1},
    {"nothing to do, nothing to start", {.threads = 1, .sleeping = 1}, 0},
    {"a sleeping thread is enough for one item",
     {.queued = {1}, .threads = 1, .sleeping = 1}, 0},
    {"one on its way is enough too", {.queued = {1}, .threads = 1}, 0},
    {"what runs keeps its thread",
     {.queued = {1}, .running = {1}, .threads = 1}, 1},
    {"two sleep, three come",
     {.queued = {0, 3}, .threads = 2, .sleeping = 2}, 1},
    {"a queue asks for no more than its limit",
     {.queued = {0, 0, 1000}, .threads = 1, .sleeping = 1}, 3},
    {"least asks for its one",
     {.queued = {0, 0, 0, 50}, .running = {2}, .threads = 2}, 1},
    {"a class at its limit asks for nothing",
     {.queued = {0, 0, 0, 50}, .running = {0, 0, 0, 1}, .threads = 1}, 0},
    {"classes add up",
     {.queued = {3, 2, 9, 9}, .threads = 1, .sleeping = 1}, 9},
    {"up to threads_max",
     {.queued = {100, 100, 100, 100}, .threads = 1, .sleeping = 1}, 15},
    {"never beyond it",
     {.queued = {100}, .running = {0, 8, 4}, .threads = 16}, 0},
    {"nor when there are more already",
     {.queued = {100}, .running = {0, 8, 4, 1}, .threads = 20}, 0},
    {"items above a lowered limit do not hide another class's need",
     {.queued = {0, 2, 5}, .running = {0, 0, 6}, .threads = 6}, 2},
    {"the longest queue does not overflow",
     {.queued = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
      .running = {1}, .threads = 1}, 15},
};

START_TEST(a_load_starts_exactly_the_threads_it_lacks)
{
    uint32_t start = iot_scale_up(&cases[_i].load, &limits);

    ck_assert_msg(start == cases[_i].start, "%s: %u, not %u", cases[_i].what,
                  start, cases[_i].start);
}
END_TEST

static uint32_t
least_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Whatever the load: after the start every item that may run has a thread, or
 * the pool is as large as it may be; and there was no thread too many. */
START_TEST(random_loads_get_enough_and_no_more)
{
    srandom(7);
    for (int i = 0; i < 100000; i++) {
        struct iot_limits lim = {.threads_max = 1 + (uint32_t)random() % 64};
        struct iot_load load = {.threads = 0};
        uint32_t ready = 0, running = 0, start, after;

        for (int c = 0; c < IOT_CLASSES; c++) {
            lim.class_max[c] = 1 + (uint32_t)random() % 64;
            load.queued[c] = (uint32_t)random() % 40;
            load.running[c] = (uint32_t)random() % (lim.class_max[c] + 1);
            running += load.running[c];
            ready += least_of(load.queued[c],
                              lim.class_max[c] - load.running[c]);
        }
        load.sleeping = (uint32_t)random() % 10;
        load.threads = running + load.sleeping + (uint32_t)random() % 3;
        start = iot_scale_up(&load, &lim);
        after = load.threads + start;
        ck_assert(after - running >= ready || after >= lim.threads_max);
        ck_assert(start == 0 || after <= lim.threads_max);
        ck_assert(start == 0 || load.threads == 0 ||
                  after - running <= ready);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("iot_scale");
    TCase *tc = tcase_create("scale");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_loop_test(tc, a_load_starts_exactly_the_threads_it_lacks, 0,
                        (int)COUNT_OF(cases));
    tcase_add_test(tc, random_loads_get_enough_and_no_more);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
