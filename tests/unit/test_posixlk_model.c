/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record locks: random requests against a model that knows each byte's
 * lockers, then threads.
 */
#include "server/lock/posixlk.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/lk_scene.h"

static struct scene scene;

static void
setup(void)
{
    scene_open(&scene);
}

static void
teardown(void)
{
    scene_close(&scene);
}

#define TEXT(text_) ck_assert_str_eq(scene_text(&scene), text_)

/* --- random requests against a map of bytes --- */

enum {
    MODEL_BYTES = 64,
    MODEL_OWNERS = 5,
    MODEL_STEPS = 2000,
    MODEL_WAITERS = 64,
};

struct model_waiter {
    struct answer answer;
    bool used;
    bool seen; /* its answer is in the map */
    unsigned owner;
    enum lk_type type;
    int64_t start, len;
};

static struct model {
    char held[MODEL_OWNERS][MODEL_BYTES]; /* 0, 'R', 'W' */
    struct model_waiter waiters[MODEL_WAITERS];
    unsigned order;
} model;

static char
model_owner_name(unsigned owner)
{
    return (char)('a' + owner);
}

static bool
model_conflict(unsigned owner, enum lk_type type, int64_t start, int64_t len)
{
    for (unsigned o = 0; o < MODEL_OWNERS; o++)
        for (int64_t i = start; o != owner && i < start + len; i++)
            if (model.held[o][i] == 'W' ||
                (model.held[o][i] == 'R' && type == LK_WRITE))
                return true;
    return false;
}

static void
model_fill(unsigned owner, enum lk_type type, int64_t start, int64_t len)
{
    memset(&model.held[owner][start],
           type == LK_READ ? 'R' : type == LK_WRITE ? 'W' : 0, (size_t)len);
}

/* Take over, in their order, the grants that were told since. */
static void
model_take_answers(void)
{
    for (;;) {
        struct model_waiter *first = NULL;

        for (unsigned i = 0; i < MODEL_WAITERS; i++) {
            struct model_waiter *w = &model.waiters[i];

            if (!w->used || w->seen || w->answer.calls == 0)
                continue;
            ck_assert_uint_eq(w->answer.calls, 1);
            if (!first || w->answer.order < first->answer.order)
                first = w;
        }
        if (!first)
            return;
        first->seen = true;
        if (first->answer.err != 0) {
            ck_assert_int_eq(first->answer.err, -EAGAIN);
            continue;
        }
        ck_assert(!model_conflict(first->owner, first->type, first->start,
                                  first->len));
        model_fill(first->owner, first->type, first->start, first->len);
    }
}

/* Every byte: what each owner holds, as told by lk_test of another. */
static void
model_compare(void)
{
    struct {
        char type;
        unsigned start, end;
        char owner;
    } word;
    char seen[MODEL_OWNERS][MODEL_BYTES] = {{0}}, *save = NULL;
    char text[8192];
    unsigned waiting = 0, expected = 0;

    snprintf(text, sizeof(text), "%s", scene_text(&scene));
    for (char *p = strtok_r(text, " ", &save); p;
         p = strtok_r(NULL, " ", &save)) {
        unsigned o;

        ck_assert_int_eq(sscanf(p, "%c%u-%u:%c", &word.type, &word.start,
                                &word.end, &word.owner),
                         4);
        if (strchr(p, '?')) {
            waiting++;
            continue;
        }
        o = (unsigned)(word.owner - 'a');
        for (unsigned i = word.start; i <= word.end; i++) {
            ck_assert_int_eq(seen[o][i], 0); /* no lock of one owner twice */
            seen[o][i] = word.type;
        }
    }
    ck_assert_mem_eq(seen, model.held, sizeof(seen));
    for (unsigned i = 0; i < MODEL_BYTES; i++)
        for (unsigned o = 0; o < MODEL_OWNERS; o++)
            if (seen[o][i] == 'W')
                for (unsigned k = 0; k < MODEL_OWNERS; k++)
                    ck_assert(k == o || seen[k][i] == 0);
    for (unsigned i = 0; i < MODEL_WAITERS; i++)
        if (model.waiters[i].used && !model.waiters[i].seen)
            expected++;
    ck_assert_uint_eq(waiting, expected);
}

/* A waiter with nobody in its way, held or waiting, must have been let in. */
static void
model_no_idle_waiter(void)
{
    for (unsigned i = 0; i < MODEL_WAITERS; i++) {
        struct model_waiter *w = &model.waiters[i];
        bool behind = false;

        if (!w->used || w->seen ||
            model_conflict(w->owner, w->type, w->start, w->len))
            continue;
        for (unsigned k = 0; k < MODEL_WAITERS && !behind; k++) {
            struct model_waiter *v = &model.waiters[k];

            behind = v != w && v->used && !v->seen && v->owner != w->owner &&
                     (v->type == LK_WRITE || w->type == LK_WRITE) &&
                     v->start < w->start + w->len &&
                     w->start < v->start + v->len;
        }
        ck_assert_msg(behind, "%s", scene_text(&scene));
    }
}

static void
step_test(unsigned owner, enum lk_type type, int64_t start, int64_t len)
{
    struct lk_request req = scene_request(
        &scene, owner, model_owner_name(owner), type, start, len);
    struct lk_desc desc;

    if (type == LK_UNLOCK)
        return;
    ck_assert_int_eq(lk_test(&req, &desc), 0);
    ck_assert_int_eq(desc.type != LK_UNLOCK,
                     model_conflict(owner, type, start, len));
}

static void
step_set(unsigned owner, enum lk_type type, int64_t start, int64_t len)
{
    int rc = scene_set(&scene, owner, model_owner_name(owner), type, start,
                       len);

    if (type != LK_UNLOCK && model_conflict(owner, type, start, len)) {
        ck_assert_int_eq(rc, -EAGAIN);
        return;
    }
    ck_assert_int_eq(rc, 0);
    model_fill(owner, type, start, len);
}

static void
step_wait(unsigned owner, enum lk_type type, int64_t start, int64_t len)
{
    struct model_waiter *w = NULL;
    int rc;

    for (unsigned i = 0; i < MODEL_WAITERS; i++)
        if (!model.waiters[i].used || model.waiters[i].seen)
            w = &model.waiters[i];
    if (!w || type == LK_UNLOCK)
        return;
    memset(w, 0, sizeof(*w));
    w->owner = owner;
    w->type = type;
    w->start = start;
    w->len = len;
    if (model_conflict(owner, type, start, len))
        model_fill(owner, LK_UNLOCK, start, len);
    rc = scene_set_wait(&scene, owner, model_owner_name(owner), type, start,
                        len, &w->answer);
    /* These owners wait in many places: some of that would be a circle.  Then
     * they may or may not have let go yet. */
    if (rc == -EDEADLK) {
        ck_assert_int_eq(scene_set(&scene, owner, model_owner_name(owner),
                                   LK_UNLOCK, start, len),
                         0);
        return;
    }
    ck_assert(rc == 0 || rc == 1);
    if (rc == 0) {
        ck_assert_uint_eq(w->answer.calls, 0);
        model_take_answers(); /* whom the letting go served came first */
        ck_assert(!model_conflict(owner, type, start, len));
        model_fill(owner, type, start, len);
        return;
    }
    w->used = true;
}

static void
step_flush(unsigned owner)
{
    char name = model_owner_name(owner);

    lk_flush(scene.fds[owner], &scene.fds[owner], (const uint8_t *)&name, 1);
    memset(model.held[owner], 0, MODEL_BYTES);
}

START_TEST(random_requests_agree_with_a_map_of_bytes)
{
    unsigned seed = (unsigned)_i * 7919 + 1, granted = 0;

    memset(&model, 0, sizeof(model));
    for (unsigned step = 0; step < MODEL_STEPS; step++) {
        unsigned owner = (unsigned)rand_r(&seed) % MODEL_OWNERS;
        enum lk_type type = (enum lk_type)(rand_r(&seed) % 3);
        int64_t start = rand_r(&seed) % MODEL_BYTES;
        int64_t len = 1 + rand_r(&seed) % (MODEL_BYTES - start);
        unsigned what = (unsigned)rand_r(&seed) % 40;

        if (what < 10)
            step_test(owner, type, start, len);
        else if (what < 30)
            step_set(owner, type, start, len);
        else if (what < 39)
            step_wait(owner, type, start, len);
        else
            step_flush(owner);
        model_take_answers();
        model_compare();
        model_no_idle_waiter();
    }
    for (unsigned o = 0; o < MODEL_OWNERS; o++)
        scene_release_fd(&scene, o);
    for (unsigned i = 0; i < MODEL_WAITERS; i++)
        if (model.waiters[i].used) {
            ck_assert_uint_eq(model.waiters[i].answer.calls, 1);
            granted += model.waiters[i].answer.err == 0;
        }
    ck_assert_uint_gt(granted, 0);
    TEXT("");
}
END_TEST

/* --- threads --- */

enum { THREADS = 4, TURNS = 500 };

struct worker {
    pthread_t thread;
    unsigned index;
    unsigned waited;
};

/* Guarded by nothing but the lock on byte 0. */
static uint64_t shared_counter;

static void
take_byte_0(struct worker *w, struct answer *a)
{
    int rc = scene_set_wait(&scene, w->index, 'a', LK_WRITE, 0, 1, a);

    ck_assert(rc == 0 || rc == 1);
    if (rc == 0)
        return;
    answer_wait(a);
    ck_assert_int_eq(a->err, 0);
    w->waited++;
}

static void *
work(void *arg)
{
    struct worker *w = arg;

    for (unsigned i = 0; i < TURNS; i++) {
        struct answer a = {0};

        take_byte_0(w, &a);
        shared_counter++;
        ck_assert_int_eq(scene_set(&scene, w->index, 'a', LK_UNLOCK, 0, 1), 0);
    }
    return NULL;
}

START_TEST(a_lock_excludes_threads)
{
    struct worker w[THREADS] = {0};

    shared_counter = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        w[i].index = i;
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(w[i].thread, NULL), 0);
    ck_assert_uint_eq(shared_counter, (uint64_t)THREADS * TURNS);
    TEXT("");
}
END_TEST

struct racer {
    pthread_barrier_t start;
    unsigned set, refused;
    struct answer answers[64];
    unsigned queued;
};

/* Locks of its own, locks to wait for, until its fd is closed under it. */
static void *
race(void *arg)
{
    struct racer *r = arg;

    pthread_barrier_wait(&r->start);
    for (unsigned i = 0; i < 64; i++) {
        int rc = scene_set_wait(&scene, 0, 'a', i % 2 ? LK_WRITE : LK_READ,
                                (int64_t)i, 2, &r->answers[i]);

        if (rc == -ESHUTDOWN) {
            r->refused++;
            continue;
        }
        ck_assert_uint_eq(r->refused, 0); /* closed is closed */
        ck_assert(rc == 0 || rc == 1);
        if (rc == 1)
            r->queued++;
        r->set++;
    }
    return NULL;
}

START_TEST(release_against_setting_leaves_nothing)
{
    for (unsigned turn = 0; turn < 200; turn++) {
        struct racer r = {.set = 0};
        unsigned answered = 0;
        pthread_t thread;

        pthread_barrier_init(&r.start, NULL, 2);
        ck_assert_int_eq(scene_set(&scene, 1, 'b', LK_WRITE, 30, 10), 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, race, &r), 0);
        pthread_barrier_wait(&r.start);
        for (unsigned i = 0; i < turn % 50; i++)
            ck_assert_uint_le(lk_count(scene.inode), 66);
        scene_release_fd(&scene, 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_uint_eq(r.set + r.refused, 64);
        ck_assert_uint_eq(lk_count(scene.inode), 1);
        for (unsigned i = 0; i < 64; i++) {
            ck_assert_uint_le(r.answers[i].calls, 1);
            answered += r.answers[i].calls;
        }
        ck_assert_uint_eq(answered, r.queued);
        pthread_barrier_destroy(&r.start);
        ck_assert_int_eq(scene_set(&scene, 1, 'b', LK_UNLOCK, 0, 0), 0);
        scene_reopen_fd(&scene, 0);
    }
}
END_TEST

/* --- */

int
main(void)
{
    Suite *s = suite_create("posixlk_model");
    TCase *random_ = tcase_create("random");
    TCase *threads = tcase_create("threads");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(random_, setup, teardown);
    tcase_add_loop_test(random_, random_requests_agree_with_a_map_of_bytes, 0,
                        4);
    tcase_set_timeout(random_, 120);
    suite_add_tcase(s, random_);
    tcase_add_checked_fixture(threads, setup, teardown);
    tcase_add_test(threads, a_lock_excludes_threads);
    tcase_add_test(threads, release_against_setting_leaves_nothing);
    tcase_set_timeout(threads, 120);
    suite_add_tcase(s, threads);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
