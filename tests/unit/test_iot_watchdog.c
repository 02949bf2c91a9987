/* SPDX-License-Identifier: BSD-2-Clause */
/* The watchdog's decisions, on times made up here: nothing sleeps. */
#include "iothreads/watchdog.h"

#include <check.h>
#include <stdlib.h>

enum { PATIENCE = 100 };

/* At its limit, with items waiting, in a pool that stands still. */
static const struct iot_watch_view stuck = {
    .queued = 3,
    .running = 2,
    .class_max = 2,
    .pool_since_ns = 1000,
};

START_TEST(a_class_stalls_when_its_patience_is_over_and_not_before)
{
    struct iot_watch w = {.since_ns = 1000};

    ck_assert_int_eq(iot_watch_check(&w, &stuck, 1000, PATIENCE),
                     IOT_WATCH_FINE);
    ck_assert_int_eq(iot_watch_check(&w, &stuck, 1099, PATIENCE),
                     IOT_WATCH_FINE);
    ck_assert_uint_eq(w.raised, 0);
    ck_assert_int_eq(iot_watch_check(&w, &stuck, 1100, PATIENCE),
                     IOT_WATCH_STALLED);
    ck_assert_uint_eq(w.raised, 1);
}
END_TEST

START_TEST(one_stall_is_told_and_raised_once)
{
    struct iot_watch w = {.since_ns = 1000};

    ck_assert_int_eq(iot_watch_check(&w, &stuck, 1100, PATIENCE),
                     IOT_WATCH_STALLED);
    for (uint64_t now = 1101; now < 2000; now += 50)
        ck_assert_int_eq(iot_watch_check(&w, &stuck, now, PATIENCE),
                         IOT_WATCH_STILL_STALLED);
    ck_assert_uint_eq(w.raised, 1);
}
END_TEST

START_TEST(a_class_where_nothing_waits_never_stalls)
{
    struct iot_watch_view view = stuck;
    struct iot_watch w = {.since_ns = 1000};

    view.queued = 0;
    ck_assert_int_eq(iot_watch_check(&w, &view, 999999, PATIENCE),
                     IOT_WATCH_FINE);
}
END_TEST

START_TEST(a_class_that_moves_is_fine_and_can_stall_again)
{
    struct iot_watch_view view = stuck;
    struct iot_watch w = {.since_ns = 1000};

    iot_watch_check(&w, &view, 1100, PATIENCE);
    iot_watch_moved(&w, 1150);
    view.running = 3;
    view.pool_since_ns = 1150;
    ck_assert_int_eq(iot_watch_check(&w, &view, 1249, PATIENCE),
                     IOT_WATCH_FINE);
    ck_assert_int_eq(iot_watch_check(&w, &view, 1250, PATIENCE),
                     IOT_WATCH_STALLED);
    ck_assert_uint_eq(w.raised, 2);
}
END_TEST

START_TEST(a_starved_class_gets_one_thread_while_the_others_move)
{
    struct iot_watch_view view = stuck;
    struct iot_watch w = {.since_ns = 1000};

    view.running = 0;
    view.pool_since_ns = 1099;
    ck_assert_int_eq(iot_watch_check(&w, &view, 1100, PATIENCE),
                     IOT_WATCH_STALLED);
    ck_assert_uint_eq(w.raised, 1);

    iot_watch_moved(&w, 1101);
    view.pool_since_ns = 1200;
    ck_assert_int_eq(iot_watch_check(&w, &view, 1201, PATIENCE),
                     IOT_WATCH_STALLED);
    ck_assert_uint_eq(w.raised, 1);

    /* Nobody moves: no thread will come free to take its item. */
    iot_watch_moved(&w, 1202);
    view.pool_since_ns = 1202;
    ck_assert_int_eq(iot_watch_check(&w, &view, 1302, PATIENCE),
                     IOT_WATCH_STALLED);
    ck_assert_uint_eq(w.raised, 2);
}
END_TEST

START_TEST(raising_has_an_end)
{
    struct iot_watch_view view = stuck;
    struct iot_watch w = {.since_ns = 1000};
    uint64_t now = 1000;

    for (int i = 0; i < 3 * IOT_RAISED_MAX; i++) {
        now += PATIENCE;
        view.running = view.class_max + w.raised;
        ck_assert_int_eq(iot_watch_check(&w, &view, now, PATIENCE),
                         IOT_WATCH_STALLED);
        iot_watch_moved(&w, now);
    }
    ck_assert_uint_eq(w.raised, IOT_RAISED_MAX);
}
END_TEST

START_TEST(what_was_raised_is_given_back_when_it_is_not_needed)
{
    struct iot_watch_view view = stuck;
    struct iot_watch w = {.since_ns = 1000, .raised = 2};

    ck_assert(!iot_watch_settle(&w, &view)); /* items wait */
    view.queued = 0;
    ck_assert(!iot_watch_settle(&w, &view)); /* its own limit is used up */
    view.running = 1;
    ck_assert(iot_watch_settle(&w, &view));
    ck_assert_uint_eq(w.raised, 0);
    ck_assert(!iot_watch_settle(&w, &view)); /* nothing left */
}
END_TEST

START_TEST(the_next_look_is_when_a_class_could_stall)
{
    struct iot_watch_view view = stuck;
    struct iot_watch w = {.since_ns = 1000};

    ck_assert_uint_eq(iot_watch_next_ns(&w, &view, 1040, PATIENCE), 1100);
    view.queued = 0;
    ck_assert_uint_eq(iot_watch_next_ns(&w, &view, 1040, PATIENCE), 1140);
    iot_watch_check(&w, &stuck, 1100, PATIENCE);
    ck_assert_uint_eq(iot_watch_next_ns(&w, &stuck, 1100, PATIENCE), 1200);
}
END_TEST

START_TEST(times_out_of_order_do_no_harm)
{
    struct iot_watch w = {.since_ns = 1000};

    iot_watch_moved(&w, 900);
    ck_assert_uint_eq(w.since_ns, 1000);
    ck_assert_int_eq(iot_watch_check(&w, &stuck, 950, PATIENCE),
                     IOT_WATCH_FINE);
    ck_assert_uint_eq(iot_watch_next_ns(&w, &stuck, 950, PATIENCE), 1050);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("iot_watchdog");
    TCase *tc = tcase_create("watchdog");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tc,
                   a_class_stalls_when_its_patience_is_over_and_not_before);
    tcase_add_test(tc, one_stall_is_told_and_raised_once);
    tcase_add_test(tc, a_class_where_nothing_waits_never_stalls);
    tcase_add_test(tc, a_class_that_moves_is_fine_and_can_stall_again);
    tcase_add_test(tc, a_starved_class_gets_one_thread_while_the_others_move);
    tcase_add_test(tc, raising_has_an_end);
    tcase_add_test(tc, what_was_raised_is_given_back_when_it_is_not_needed);
    tcase_add_test(tc, the_next_look_is_when_a_class_could_stall);
    tcase_add_test(tc, times_out_of_order_do_no_harm);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
