/* SPDX-License-Identifier: BSD-2-Clause */
/* Jobs off the main loop: in turn, each told of once, also at the end. */
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mem/must.h"
#include "server/admin/background.h"

enum { JOBS = BACKGROUND_WAITING_MAX + 2 };

struct test_job {
    struct background_job base;
    int number;
    _Atomic(int) runs;
    int dones;
    bool ran;
    pid_t thread; /* it ran on */
    bool blocks;
};

static struct event_base *base;
static struct background *bg;
static struct test_job jobs[JOBS];
static _Atomic(int) order;
static int dones_expected, dones;
static sem_t began, go_on;

static pid_t
self(void)
{
    return (pid_t)syscall(SYS_gettid);
}

static void
run(struct background_job *job)
{
    struct test_job *t = container_of_member(job, struct test_job, base);

    if (t->blocks) {
        ck_assert_int_eq(sem_post(&began), 0);
        while (sem_wait(&go_on) < 0)
            ck_assert_int_eq(errno, EINTR);
    }
    t->thread = self();
    t->runs++;
    ck_assert_int_eq(order++, t->number);
}

static void
done(struct background_job *job, bool ran)
{
    struct test_job *t = container_of_member(job, struct test_job, base);

    t->dones++;
    t->ran = ran;
    if (++dones == dones_expected)
        ck_assert_int_eq(event_base_loopbreak(base), 0);
}

static void
setup(void)
{
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    ck_assert_int_eq(sem_init(&began, 0, 0), 0);
    ck_assert_int_eq(sem_init(&go_on, 0, 0), 0);
    ck_assert_int_eq(background_new(&bg, base, "test"), 0);
    for (int i = 0; i < JOBS; i++)
        jobs[i] = (struct test_job){.base = {.run = run, .done = done},
                                    .number = i};
}

static void
teardown(void)
{
    background_stop(&bg);
    ck_assert_ptr_null(bg);
    event_base_free(base);
}

START_TEST(jobs_run_in_turn_on_another_thread)
{
    dones_expected = 10;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(background_submit(bg, &jobs[i].base), 0);
    ck_assert_int_eq(event_base_dispatch(base), 0);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(jobs[i].runs, 1);
        ck_assert_int_eq(jobs[i].dones, 1);
        ck_assert(jobs[i].ran);
        ck_assert_int_ne(jobs[i].thread, self());
        ck_assert_int_eq(jobs[i].thread, jobs[0].thread);
    }
}
END_TEST

START_TEST(job_may_be_submitted_again_when_done)
{
    for (int i = 0; i < 5; i++) {
        jobs[0].number = i;
        dones_expected = i + 1;
        ck_assert_int_eq(background_submit(bg, &jobs[0].base), 0);
        ck_assert_int_eq(event_base_dispatch(base), 0);
        ck_assert_int_eq(jobs[0].dones, i + 1);
    }
}
END_TEST

START_TEST(waiting_jobs_are_bounded_and_told_of_at_the_end)
{
    jobs[0].blocks = true;
    ck_assert_int_eq(background_submit(bg, &jobs[0].base), 0);
    while (sem_wait(&began) < 0)
        ck_assert_int_eq(errno, EINTR);
    for (int i = 1; i <= BACKGROUND_WAITING_MAX; i++)
        ck_assert_int_eq(background_submit(bg, &jobs[i].base), 0);
    ck_assert_int_eq(background_submit(bg, &jobs[JOBS - 1].base), -EBUSY);
    /* It has one run to finish at least; the thread may take more before it
     * sees that it is to stop. */
    ck_assert_int_eq(sem_post(&go_on), 0);
    background_stop(&bg);
    ck_assert_int_eq(jobs[0].runs, 1);
    ck_assert(jobs[0].ran);
    for (int i = 0; i <= BACKGROUND_WAITING_MAX; i++) {
        ck_assert_int_eq(jobs[i].dones, 1);
        ck_assert_int_eq(jobs[i].runs, jobs[i].ran ? 1 : 0);
    }
    ck_assert_int_eq(jobs[JOBS - 1].dones, 0);
}
END_TEST

START_TEST(thread_may_be_started_early_and_never_used)
{
    ck_assert_int_eq(background_start(bg), 0);
    ck_assert_int_eq(background_start(bg), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("background");
    TCase *t = tcase_create("background");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, jobs_run_in_turn_on_another_thread);
    tcase_add_test(t, job_may_be_submitted_again_when_done);
    tcase_add_test(t, waiting_jobs_are_bounded_and_told_of_at_the_end);
    tcase_add_test(t, thread_may_be_started_early_and_never_used);
    suite_add_tcase(s, t);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
