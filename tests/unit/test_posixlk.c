/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record locks: the rules, one by one.
 */
#include "server/lock/posixlk.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem/alloc.h"
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

/* Client 0 throughout, where only one is of interest. */
#define SET(owner_, type_, start_, len_)                                       \
    ck_assert_int_eq(scene_set(&scene, 0, owner_, type_, start_, len_), 0)
#define REFUSED(owner_, type_, start_, len_)                                   \
    ck_assert_int_eq(scene_set(&scene, 0, owner_, type_, start_, len_),        \
                     -EAGAIN)
#define TEXT(text_) ck_assert_str_eq(scene_text(&scene), text_)

/* --- conflicts --- */

START_TEST(readers_share_and_writers_do_not)
{
    SET('a', LK_READ, 0, 10);
    SET('b', LK_READ, 5, 10);
    REFUSED('c', LK_WRITE, 9, 1);
    REFUSED('a', LK_WRITE, 5, 1); /* b reads there */
    SET('a', LK_WRITE, 0, 5);     /* nobody else */
    REFUSED('b', LK_READ, 0, 1);
    TEXT("R5-9:a R5-14:b W0-4:a");
}
END_TEST

START_TEST(the_same_owner_bytes_of_two_clients_are_two_owners)
{
    ck_assert_int_eq(scene_set(&scene, 0, 'a', LK_WRITE, 0, 1), 0);
    ck_assert_int_eq(scene_set(&scene, 1, 'a', LK_WRITE, 0, 1), -EAGAIN);
    ck_assert_int_eq(scene_set(&scene, 1, 'a', LK_UNLOCK, 0, 1), 0);
    TEXT("W0-0:a");
}
END_TEST

START_TEST(owners_of_different_length_differ)
{
    struct lk_request req = scene_request(&scene, 0, 'a', LK_WRITE, 0, 1);

    ck_assert_int_eq(lk_set(&req, NULL, NULL), 0);
    req.owner_bytes = 2;
    ck_assert_int_eq(lk_set(&req, NULL, NULL), -EAGAIN);
    req.owner_bytes = 0;
    req.owner = NULL;
    ck_assert_int_eq(lk_set(&req, NULL, NULL), -EAGAIN);
}
END_TEST

START_TEST(bad_requests_are_refused)
{
    static uint8_t owner[LK_OWNER_BYTES_MAX + 1];
    struct lk_request req = scene_request(&scene, 0, 'a', LK_WRITE, -1, 1);
    struct lk_desc desc;

    ck_assert_int_eq(lk_set(&req, NULL, NULL), -EINVAL);
    ck_assert_int_eq(lk_test(&req, &desc), -EINVAL);
    req.start = 5;
    req.len = -6;
    ck_assert_int_eq(lk_set(&req, NULL, NULL), -EINVAL);
    req.len = 1;
    req.type = (enum lk_type)3;
    ck_assert_int_eq(lk_set(&req, NULL, NULL), -EINVAL);
    ck_assert_int_eq(lk_test(&req, &desc), -EINVAL);
    req.type = LK_WRITE;
    req.owner = owner;
    req.owner_bytes = LK_OWNER_BYTES_MAX + 1;
    ck_assert_int_eq(lk_set(&req, NULL, NULL), -EINVAL);
    ck_assert_uint_eq(lk_count(scene.inode), 0);
    req.owner_bytes = LK_OWNER_BYTES_MAX;
    ck_assert_int_eq(lk_set(&req, NULL, NULL), 0);
    ck_assert_uint_eq(lk_count(scene.inode), 1);
}
END_TEST

START_TEST(an_anonymous_fd_takes_no_locks)
{
    struct lk_request req = scene_request(&scene, 0, 'a', LK_WRITE, 0, 1);

    req.fd = fd_new(scene.inode, dup(0), 0, 1, &scene, true);
    ck_assert_ptr_nonnull(req.fd);
    ck_assert_int_eq(lk_set(&req, NULL, NULL), -EBADF);
    req.type = LK_UNLOCK;
    ck_assert_int_eq(lk_set(&req, NULL, NULL), 0);
    fd_put(req.fd);
    ck_assert_uint_eq(lk_count(scene.inode), 0);
}
END_TEST

/* --- merging --- */

START_TEST(overlapping_locks_of_a_kind_become_one)
{
    SET('a', LK_WRITE, 0, 10);
    SET('a', LK_WRITE, 20, 10);
    SET('a', LK_WRITE, 9, 12); /* bridges both */
    TEXT("W0-29:a");
}
END_TEST

START_TEST(adjacent_locks_stay_two)
{
    SET('a', LK_READ, 0, 10);
    SET('a', LK_READ, 10, 10);
    TEXT("R0-9:a R10-19:a");
}
END_TEST

START_TEST(another_kind_cuts)
{
    SET('a', LK_WRITE, 0, 30);
    SET('a', LK_READ, 10, 10);
    TEXT("W0-9:a W20-29:a R10-19:a");
    SET('a', LK_READ, 5, 20); /* swallows the middle, trims both sides */
    TEXT("W0-4:a W25-29:a R5-24:a");
    SET('a', LK_WRITE, 0, 0);
    TEXT("W0-:a");
}
END_TEST

START_TEST(unlocking_cuts_and_never_fails)
{
    SET('a', LK_UNLOCK, 0, 0);
    SET('a', LK_WRITE, 0, 0);
    SET('a', LK_UNLOCK, 10, 10);
    TEXT("W0-9:a W20-:a");
    SET('b', LK_UNLOCK, 0, 0);
    SET('b', LK_WRITE, 12, 2);
    TEXT("W0-9:a W20-:a W12-13:b");
    SET('a', LK_UNLOCK, 5, 0);
    TEXT("W0-4:a W12-13:b");
    SET('a', LK_UNLOCK, 0, 5);
    SET('b', LK_UNLOCK, 0, 0);
    TEXT("");
}
END_TEST

/* The peer's quirk: locking the same range again with another flag leaves
 * the old lock's attributes. */
START_TEST(a_swallowed_lock_passes_its_attributes_on)
{
    struct lk_request req = scene_request(&scene, 0, 'a', LK_WRITE, 0, 10);
    struct lk_request probe = scene_request(&scene, 1, 'z', LK_WRITE, 0, 0);
    struct lk_desc desc;

    ck_assert_int_eq(lk_set(&req, NULL, NULL), 0);
    req.flags = 1;
    req.pid = 77;
    ck_assert_int_eq(lk_set(&req, NULL, NULL), 0);
    ck_assert_int_eq(lk_test(&probe, &desc), 0);
    ck_assert_uint_eq(desc.pid, 2000);
    /* Same flags as the stored ones: the new request's attributes. */
    req.flags = 0;
    req.pid = 78;
    ck_assert_int_eq(lk_set(&req, NULL, NULL), 0);
    ck_assert_int_eq(lk_test(&probe, &desc), 0);
    ck_assert_uint_eq(desc.pid, 78);
    TEXT("W0-9:a");
}
END_TEST

START_TEST(another_flag_cuts_like_another_kind)
{
    struct lk_request req = scene_request(&scene, 0, 'a', LK_WRITE, 5, 10);

    SET('a', LK_WRITE, 0, 10);
    req.flags = 1;
    ck_assert_int_eq(lk_set(&req, NULL, NULL), 0);
    TEXT("W0-4:a W5-14:a");
}
END_TEST

/* --- what is answered --- */

START_TEST(testing_tells_the_first_in_the_way)
{
    struct lk_request req = scene_request(&scene, 1, 'b', LK_WRITE, 100, -10);
    struct lk_desc desc;

    SET('a', LK_READ, 95, 0);
    ck_assert_int_eq(lk_test(&req, &desc), 0);
    ck_assert_int_eq(desc.type, LK_READ);
    ck_assert_int_eq(desc.start, 95);
    ck_assert_int_eq(desc.len, 0);
    ck_assert_uint_eq(desc.pid, 2000);
    ck_assert_uint_eq(desc.owner_bytes, 1);
    ck_assert_int_eq(desc.owner[0], 'a');
    req.type = LK_READ;
    ck_assert_int_eq(lk_test(&req, &desc), 0);
    ck_assert_int_eq(desc.type, LK_UNLOCK);
    ck_assert_int_eq(desc.start, 90);
    ck_assert_int_eq(desc.len, 10);
    ck_assert_int_eq(desc.owner[0], 'b');
    ck_assert_uint_eq(desc.pid, 2001);
}
END_TEST

START_TEST(setting_answers_the_request_made_regular)
{
    struct lk_request req = scene_request(&scene, 0, 'a', LK_WRITE, 100, -10);
    struct lk_desc desc;

    ck_assert_int_eq(lk_set(&req, NULL, &desc), 0);
    ck_assert_int_eq(desc.type, LK_WRITE);
    ck_assert_int_eq(desc.start, 90);
    ck_assert_int_eq(desc.len, 10);
    ck_assert_uint_eq(desc.pid, 2000);
    ck_assert_uint_eq(desc.owner_bytes, 1);
    ck_assert_int_eq(desc.owner[0], 'a');
}
END_TEST

START_TEST(unlocking_tells_whether_the_fd_has_locks_left)
{
    struct lk_request req = scene_request(&scene, 0, 'a', LK_UNLOCK, 0, 10);
    struct lk_desc desc;

    ck_assert_int_eq(lk_set(&req, NULL, &desc), 0); /* never had any */
    ck_assert_int_eq(desc.type, LK_UNLOCK);
    SET('a', LK_WRITE, 0, 20);
    ck_assert_int_eq(lk_set(&req, NULL, &desc), 0);
    ck_assert_int_eq(desc.type, LK_READ);
    req.start = 10;
    ck_assert_int_eq(lk_set(&req, NULL, &desc), 0);
    ck_assert_int_eq(desc.type, LK_UNLOCK);
}
END_TEST

/* --- waiting --- */

START_TEST(waiters_are_served_first_come_first_and_once)
{
    static struct answer a[4];

    SET('a', LK_WRITE, 0, 10);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(scene_set_wait(&scene, 1 + i, (char)('b' + i),
                                        LK_WRITE, 5, 1, &a[i]),
                         1);
    TEXT("W0-9:a W5-5:b? W5-5:c? W5-5:d? W5-5:e?");
    SET('a', LK_UNLOCK, 0, 0);
    TEXT("W5-5:b W5-5:c? W5-5:d? W5-5:e?");
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned k = 0; k < 4; k++)
            ck_assert_uint_eq(a[k].calls, k <= i ? 1 : 0);
        ck_assert_int_eq(a[i].err, 0);
        ck_assert_int_eq(a[i].desc.type, LK_WRITE);
        ck_assert_int_eq(a[i].desc.start, 5);
        ck_assert_int_eq(a[i].desc.len, 1);
        ck_assert_int_eq(a[i].desc.owner[0], 'b' + (char)i);
        ck_assert_int_eq(scene_set(&scene, 1 + i, (char)('b' + i), LK_UNLOCK,
                                   0, 0),
                         0);
    }
    for (unsigned i = 1; i < 4; i++)
        ck_assert_uint_lt(a[i - 1].order, a[i].order);
    TEXT("");
}
END_TEST

START_TEST(what_is_free_is_not_waited_for)
{
    static struct answer a;

    ck_assert_int_eq(scene_set_wait(&scene, 0, 'a', LK_WRITE, 0, 0, &a), 0);
    ck_assert_uint_eq(a.calls, 0);
    TEXT("W0-:a");
}
END_TEST

START_TEST(who_waits_to_upgrade_lets_go_first)
{
    static struct answer a[2];

    SET('a', LK_READ, 0, 10);
    SET('b', LK_READ, 0, 10);
    ck_assert_int_eq(scene_set_wait(&scene, 0, 'a', LK_WRITE, 3, 2, &a[0]), 1);
    TEXT("R0-2:a R5-9:a R0-9:b W3-4:a?");
    /* And so the second upgrade of the same bytes is free to go. */
    ck_assert_int_eq(scene_set_wait(&scene, 0, 'b', LK_WRITE, 3, 2, &a[1]), 0);
    TEXT("R0-2:a R5-9:a R0-2:b R5-9:b W3-4:b W3-4:a?");
    SET('b', LK_UNLOCK, 0, 0);
    TEXT("R0-2:a R5-9:a W3-4:a");
    ck_assert_uint_eq(a[0].calls, 1);
    ck_assert_uint_eq(a[1].calls, 0);
}
END_TEST

/* Letting go for an upgrade may serve another, who is in the way then. */
START_TEST(letting_go_serves_who_waited)
{
    static struct answer a[2];

    SET('a', LK_READ, 0, 10);
    SET('b', LK_READ, 5, 5);
    ck_assert_int_eq(scene_set_wait(&scene, 1, 'c', LK_WRITE, 0, 5, &a[0]), 1);
    ck_assert_int_eq(scene_set_wait(&scene, 0, 'a', LK_WRITE, 0, 10, &a[1]),
                     1);
    ck_assert_uint_eq(a[0].calls, 1);
    TEXT("R5-9:b W0-4:c W0-9:a?");
}
END_TEST

START_TEST(readers_are_let_in_together)
{
    static struct answer a[3];

    SET('a', LK_WRITE, 0, 10);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(scene_set_wait(&scene, 1 + i, (char)('b' + i),
                                        LK_READ, 0, 10, &a[i]),
                         1);
    SET('a', LK_READ, 0, 10); /* a downgrade */
    TEXT("R0-9:a R0-9:b R0-9:c R0-9:d");
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(a[i].calls, 1);
}
END_TEST

START_TEST(a_reader_does_not_overtake_a_writer_among_readers)
{
    static struct answer w, r;

    SET('a', LK_WRITE, 0, 5);
    SET('b', LK_READ, 5, 5);
    ck_assert_int_eq(scene_set_wait(&scene, 1, 'c', LK_WRITE, 0, 10, &w), 1);
    ck_assert_int_eq(scene_set_wait(&scene, 2, 'd', LK_READ, 0, 10, &r), 1);
    SET('a', LK_UNLOCK, 0, 0);
    TEXT("R5-9:b W0-9:c? R0-9:d?");
    SET('b', LK_UNLOCK, 0, 0);
    TEXT("W0-9:c R0-9:d?");
    ck_assert_uint_eq(w.calls, 1);
    ck_assert_uint_eq(r.calls, 0);
}
END_TEST

START_TEST(a_waiter_on_free_bytes_goes_past_a_stuck_one)
{
    static struct answer w, r;

    SET('a', LK_WRITE, 0, 5);
    SET('b', LK_READ, 5, 5);
    ck_assert_int_eq(scene_set_wait(&scene, 1, 'c', LK_WRITE, 0, 10, &w), 1);
    ck_assert_int_eq(scene_set_wait(&scene, 2, 'd', LK_READ, 0, 5, &r), 1);
    SET('a', LK_UNLOCK, 0, 0);
    TEXT("R5-9:b R0-4:d W0-9:c?");
    ck_assert_uint_eq(r.calls, 1);
}
END_TEST

/* Two waiters of one owner: the second is granted into the first's range. */
START_TEST(a_grant_may_split_what_was_just_granted)
{
    static struct answer a[3];

    SET('a', LK_WRITE, 0, 10);
    ck_assert_int_eq(scene_set_wait(&scene, 1, 'b', LK_READ, 4, 2, &a[2]), 1);
    ck_assert_int_eq(scene_set_wait(&scene, 0, 'c', LK_WRITE, 0, 10, &a[0]),
                     1);
    ck_assert_int_eq(scene_set_wait(&scene, 0, 'c', LK_READ, 3, 4, &a[1]), 1);
    /* b reads 4-5; c's writing waits, and behind it c's reading. */
    SET('a', LK_UNLOCK, 0, 0);
    TEXT("R4-5:b R3-6:c W0-9:c?");
    ck_assert_int_eq(scene_set(&scene, 1, 'b', LK_UNLOCK, 0, 0), 0);
    TEXT("W0-9:c");
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(a[i].calls, 1);
}
END_TEST

START_TEST(a_later_grant_of_an_owner_cuts_its_earlier_one)
{
    static struct answer a[3];

    SET('a', LK_WRITE, 0, 10);
    ck_assert_int_eq(scene_set_wait(&scene, 0, 'c', LK_WRITE, 0, 10, &a[0]),
                     1);
    ck_assert_int_eq(scene_set_wait(&scene, 1, 'b', LK_READ, 4, 2, &a[2]), 1);
    ck_assert_int_eq(scene_set_wait(&scene, 0, 'c', LK_READ, 3, 4, &a[1]), 1);
    /* c writes all, then only reads 3-6 (cut in two), which lets b in. */
    SET('a', LK_UNLOCK, 0, 0);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_uint_eq(a[i].calls, 1);
    TEXT("W0-2:c W7-9:c R3-6:c R4-5:b");
    ck_assert_uint_eq(a[2].calls, 1);
}
END_TEST

/* --- flush and release --- */

START_TEST(flushing_drops_the_owners_locks_and_leaves_its_waiters)
{
    static struct answer a[2];

    SET('a', LK_WRITE, 0, 5);
    SET('b', LK_WRITE, 10, 5);
    /* Another client's owner a. */
    ck_assert_int_eq(scene_set(&scene, 1, 'a', LK_WRITE, 20, 5), 0);
    ck_assert_int_eq(scene_set_wait(&scene, 0, 'a', LK_WRITE, 12, 1, &a[0]),
                     1);
    ck_assert_int_eq(scene_set_wait(&scene, 2, 'c', LK_WRITE, 4, 1, &a[1]), 1);
    lk_flush(scene.fds[0], &scene.fds[0], (const uint8_t *)"a", 1);
    TEXT("W10-14:b W20-24:a W4-4:c W12-12:a?");
    ck_assert_uint_eq(a[0].calls, 0);
    ck_assert_uint_eq(a[1].calls, 1);
    lk_flush(scene.fds[0], &scene.fds[0], (const uint8_t *)"b", 1);
    ck_assert_uint_eq(a[0].calls, 1);
    lk_flush(scene.fds[3], &scene.fds[3], NULL, 0);
    TEXT("W20-24:a W4-4:c W12-12:a");
    lk_flush(scene.fds[1], &scene.fds[1], NULL, 0);
    TEXT("W4-4:c W12-12:a");
}
END_TEST

START_TEST(flushing_an_unlocked_inode_is_nothing)
{
    lk_flush(scene.fds[0], &scene.fds[0], (const uint8_t *)"a", 1);
    lk_flush(scene.fds[0], &scene.fds[0], NULL, 0);
    ck_assert_ptr_null(scene.inode->locks);
    ck_assert_uint_eq(lk_count(scene.inode), 0);
}
END_TEST

START_TEST(release_takes_all_of_the_fd_and_answers_its_waiters)
{
    static struct answer a[2];

    SET('a', LK_WRITE, 0, 5);
    SET('b', LK_WRITE, 5, 5);
    ck_assert_int_eq(scene_set(&scene, 1, 'd', LK_READ, 20, 5), 0);
    ck_assert_int_eq(scene_set_wait(&scene, 0, 'c', LK_WRITE, 20, 1, &a[0]),
                     1);
    ck_assert_int_eq(scene_set_wait(&scene, 1, 'd', LK_WRITE, 0, 10, &a[1]),
                     1);
    ck_assert_uint_eq(lk_count(scene.inode), 5);
    scene_release_fd(&scene, 0);
    ck_assert_uint_eq(a[0].calls, 1);
    ck_assert_int_eq(a[0].err, -EAGAIN);
    ck_assert_uint_eq(a[1].calls, 1);
    ck_assert_int_eq(a[1].err, 0);
    TEXT("R20-24:d W0-9:d");
    ck_assert_uint_eq(lk_count(scene.inode), 2);
}
END_TEST

START_TEST(nothing_is_added_after_release)
{
    static struct answer a;

    ck_assert_int_eq(scene_set(&scene, 1, 'b', LK_WRITE, 0, 5), 0);
    scene_release_fd(&scene, 0);
    ck_assert_int_eq(scene_set(&scene, 0, 'a', LK_WRITE, 10, 5), -ESHUTDOWN);
    ck_assert_int_eq(scene_set_wait(&scene, 0, 'a', LK_WRITE, 0, 5, &a),
                     -ESHUTDOWN);
    ck_assert_int_eq(scene_set(&scene, 0, 'a', LK_UNLOCK, 0, 0), 0);
    ck_assert_uint_eq(a.calls, 0);
    TEXT("W0-4:b");
}
END_TEST

START_TEST(locks_keep_their_inode)
{
    uint32_t ref = scene.inode->ref;

    SET('a', LK_WRITE, 0, 5);
    SET('b', LK_WRITE, 5, 5);
    ck_assert_uint_eq(scene.inode->ref, ref + 1);
    SET('a', LK_UNLOCK, 0, 0);
    ck_assert_uint_eq(scene.inode->ref, ref + 1);
    SET('b', LK_UNLOCK, 0, 0);
    ck_assert_uint_eq(scene.inode->ref, ref);
}
END_TEST

/* A waiter that, when told, asks for the next lock itself. */
struct chain {
    struct answer answer;
    int rc;
};

static void
chain_done(void *arg, int err, const struct lk_desc *granted)
{
    struct chain *c = arg;

    answer_done(&c->answer, err, granted);
    c->rc = scene_set(&scene, 1, 'b', LK_WRITE, 50, 1);
}

START_TEST(who_is_told_may_lock_again)
{
    struct lk_request req = scene_request(&scene, 1, 'b', LK_WRITE, 0, 1);
    struct chain c = {.rc = 1};
    struct lk_wait wait = {chain_done, &c};

    SET('a', LK_WRITE, 0, 1);
    ck_assert_int_eq(lk_set(&req, &wait, NULL), 1);
    SET('a', LK_UNLOCK, 0, 1);
    ck_assert_uint_eq(c.answer.calls, 1);
    ck_assert_int_eq(c.rc, 0);
    TEXT("W0-0:b W50-50:b");
}
END_TEST

/* --- dump --- */

static char *
dump_text(const char *dir, size_t *bytes)
{
    char path[PATH_MAX] = "", *text;
    struct dump *d = NULL;
    FILE *f;

    ck_assert_int_eq(dump_begin(&d, dir, DUMP_ALL, false), 0);
    lk_dump(d, scene.inode, "v1-locks", "/lkf");
    ck_assert_int_eq(dump_end(&d, "locks", path, sizeof(path)), 0);
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    text = mem_lib_malloc(65536);
    ck_assert_ptr_nonnull(text);
    *bytes = fread(text, 1, 65535, f);
    text[*bytes] = '\0';
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(unlink(path), 0);
    return text;
}

/* Told that it has its lock, it unlocks what a third one waits for. */
struct opener {
    struct answer *waits;
    unsigned granted_before; /* answers that this one brought about */
};

static void
open_the_way(void *arg, int err, const struct lk_desc *granted)
{
    struct opener *o = arg;

    ck_assert_int_eq(err, 0);
    SET('y', LK_UNLOCK, 10, 10);
    SET('z', LK_UNLOCK, 0, 5);
    o->granted_before = o->waits->calls;
}

/* The request is answered before lk_set() has returned, and what it was to be
 * answered into may be gone. */
START_TEST(a_queued_request_is_not_touched)
{
    struct lk_request z = scene_request(&scene, 0, 'z', LK_WRITE, 0, 5);
    struct lk_request x = scene_request(&scene, 0, 'x', LK_WRITE, 0, 20);
    struct answer answer = {.err = -1};
    struct opener opener = {.waits = &answer};
    const struct lk_wait z_wait = {.done = open_the_way, .arg = &opener};
    const struct lk_wait x_wait = {.done = answer_done, .arg = &answer};
    struct lk_desc out, untouched;

    memset(&out, 0xa5, sizeof(out));
    memset(&untouched, 0xa5, sizeof(untouched));
    SET('x', LK_WRITE, 0, 10);
    SET('y', LK_WRITE, 10, 10);
    ck_assert_int_eq(lk_set(&z, &z_wait, NULL), 1);
    /* It has to wait for y, so it lets go of what it has, and z is told. */
    ck_assert_int_eq(lk_set(&x, &x_wait, &out), 1);
    ck_assert_uint_eq(opener.granted_before, 1);
    ck_assert_int_eq(answer.err, 0);
    ck_assert_mem_eq(&out, &untouched, sizeof(out));
    TEXT("W0-19:x");
}
END_TEST

START_TEST(the_dump_has_the_peers_form)
{
    static const uint8_t owner[] = {0xcc, 0xda, 0xfb, 0xac, 0x97,
                                    0xbc, 0x61, 0x14, 0x01};
    struct lk_request req = scene_request(&scene, 0, 'a', LK_WRITE, 1, 5);
    char dir[] = "/tmp/clinker-lk-XXXXXX", want[1024], *text, *at;
    static struct answer a, b;
    int y, m, d, h, min, sec;
    size_t bytes;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    text = dump_text(dir, &bytes);
    ck_assert_ptr_null(strstr(text, "locks"));
    mem_lib_free(text);

    req.owner = owner;
    req.owner_bytes = sizeof(owner);
    ck_assert_int_eq(lk_set(&req, NULL, NULL), 0);
    ck_assert_int_eq(scene_set_wait(&scene, 1, 'b', LK_READ, 0, 0, &a), 1);
    text = dump_text(dir, &bytes);
    snprintf(want, sizeof(want),
             "\n[xlator.features.locks.v1-locks.inode]\n"
             "path=/lkf\n"
             "mandatory=0\n"
             "posixlk-count=2\n"
             "posixlk.posixlk[0](ACTIVE)=type=WRITE, whence=0, start=1, len=5, "
             "pid = 1000, owner=ccdafbac97bc6114-01, client=%p, "
             "connection-id=CTX_ID:test-client-0, granted at ",
             (const void *)&scene.fds[0]);
    at = strstr(text, want);
    ck_assert_msg(at != NULL, "%s", text);
    at += strlen(want);
    ck_assert_int_eq(sscanf(at, "%d-%d-%d %d:%d:%d +0000\n", &y, &m, &d, &h,
                            &min, &sec),
                     6);
    snprintf(want, sizeof(want),
             "\nposixlk.posixlk[1](BLOCKED)=type=READ, whence=0, start=0, "
             "len=0, pid = 1001, owner=62, client=%p, "
             "connection-id=CTX_ID:test-client-0, blocked at ",
             (const void *)&scene.fds[1]);
    at = strstr(text, want);
    ck_assert_msg(at != NULL, "%s", text);
    ck_assert_ptr_nonnull(strstr(at, " +0000\nremoves_pending=0\n"));
    mem_lib_free(text);

    req.type = LK_UNLOCK;
    ck_assert_int_eq(lk_set(&req, NULL, NULL), 0);
    text = dump_text(dir, &bytes);
    at = strstr(text, "[0](ACTIVE)=type=READ");
    ck_assert_ptr_nonnull(at);
    at = strstr(at, ", blocked at ");
    ck_assert_ptr_nonnull(at);
    ck_assert_ptr_nonnull(strstr(at, ", granted at "));
    mem_lib_free(text);

    /* Enough to make the text grow. */
    for (int64_t i = 0; i < 200; i++)
        ck_assert_int_eq(scene_set(&scene, 2, 'c', LK_READ, 2 * i, 1), 0);
    ck_assert_int_eq(scene_set_wait(&scene, 3, 'd', LK_WRITE, 0, 0, &b), 1);
    text = dump_text(dir, &bytes);
    ck_assert_ptr_nonnull(strstr(text, "posixlk-count=202\n"));
    ck_assert_ptr_nonnull(strstr(text, "posixlk.posixlk[200](ACTIVE)=type=R"));
    ck_assert_ptr_nonnull(strstr(text, "posixlk.posixlk[201](BLOCKED)=type=W"));
    mem_lib_free(text);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

/* --- */

int
main(void)
{
    Suite *s = suite_create("posixlk");
    TCase *rules = tcase_create("rules");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(rules, setup, teardown);
    tcase_add_test(rules, readers_share_and_writers_do_not);
    tcase_add_test(rules, the_same_owner_bytes_of_two_clients_are_two_owners);
    tcase_add_test(rules, owners_of_different_length_differ);
    tcase_add_test(rules, bad_requests_are_refused);
    tcase_add_test(rules, an_anonymous_fd_takes_no_locks);
    tcase_add_test(rules, overlapping_locks_of_a_kind_become_one);
    tcase_add_test(rules, adjacent_locks_stay_two);
    tcase_add_test(rules, another_kind_cuts);
    tcase_add_test(rules, unlocking_cuts_and_never_fails);
    tcase_add_test(rules, a_swallowed_lock_passes_its_attributes_on);
    tcase_add_test(rules, another_flag_cuts_like_another_kind);
    tcase_add_test(rules, testing_tells_the_first_in_the_way);
    tcase_add_test(rules, setting_answers_the_request_made_regular);
    tcase_add_test(rules, unlocking_tells_whether_the_fd_has_locks_left);
    tcase_add_test(rules, waiters_are_served_first_come_first_and_once);
    tcase_add_test(rules, what_is_free_is_not_waited_for);
    tcase_add_test(rules, who_waits_to_upgrade_lets_go_first);
    tcase_add_test(rules, letting_go_serves_who_waited);
    tcase_add_test(rules, readers_are_let_in_together);
    tcase_add_test(rules, a_reader_does_not_overtake_a_writer_among_readers);
    tcase_add_test(rules, a_waiter_on_free_bytes_goes_past_a_stuck_one);
    tcase_add_test(rules, a_grant_may_split_what_was_just_granted);
    tcase_add_test(rules, a_later_grant_of_an_owner_cuts_its_earlier_one);
    tcase_add_test(rules,
                   flushing_drops_the_owners_locks_and_leaves_its_waiters);
    tcase_add_test(rules, flushing_an_unlocked_inode_is_nothing);
    tcase_add_test(rules, release_takes_all_of_the_fd_and_answers_its_waiters);
    tcase_add_test(rules, nothing_is_added_after_release);
    tcase_add_test(rules, locks_keep_their_inode);
    tcase_add_test(rules, who_is_told_may_lock_again);
    tcase_add_test(rules, a_queued_request_is_not_touched);
    tcase_add_test(rules, the_dump_has_the_peers_form);
    suite_add_tcase(s, rules);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
