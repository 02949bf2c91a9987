/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal locks: the rules, one by one; then random requests against a model;
 * then threads whose clients come and go. */
#include "server/lock/internal.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mem/account.h"
#include "mem/must.h"
#include "server/core/log.h"
#include "server/lock/domain.h"
#include "server/lock/removal.h"

enum { CLIENTS = 5 };

/* A client: how often it was told, and of what last. */
struct actor {
    struct lk_holder holder;
    _Atomic(unsigned) refs;
    _Atomic(unsigned) notices;
    struct lk_notice last;
    char last_name[ILK_NAME_BYTES_MAX + 1];
};

struct told {
    _Atomic(unsigned) calls;
    _Atomic(unsigned) order;
    int err;
};

static struct inode_table *table;
static struct inode *inode;
static struct actor actors[CLIENTS];
static _Atomic(unsigned) tellings;
static struct lk_rules rules;
static unsigned released;

static void
actor_get(struct lk_holder *holder)
{
    container_of_member(holder, struct actor, holder)->refs++;
}

static void
actor_put(struct lk_holder *holder)
{
    container_of_member(holder, struct actor, holder)->refs--;
}

static void
actor_wanted(struct lk_holder *holder, const struct lk_notice *notice)
{
    struct actor *a = container_of_member(holder, struct actor, holder);

    a->notices++;
    a->last = *notice;
    if (notice->name != NULL)
        (void)snprintf(a->last_name, sizeof(a->last_name), "%s",
                       notice->name);
}

static const struct lk_holder_ops actor_ops = {actor_get, actor_put,
                                               actor_wanted};

static void
inode_released(void *arg, struct inode *gone)
{
    lk_inode_release(gone);
    released++;
}

static void
setup(void)
{
    struct inode_table_ops ops = {.release = inode_released};
    struct gfid gfid = {.b = {[15] = 42}};

    rules = (struct lk_rules){.notify = true, .notify_secs = 5};
    released = 0;
    table = inode_table_new(0, &ops);
    ck_assert_ptr_nonnull(table);
    inode = inode_link(table, &gfid, S_IFREG);
    ck_assert_ptr_nonnull(inode);
    memset(actors, 0, sizeof(actors));
    for (unsigned i = 0; i < CLIENTS; i++)
        lk_holder_init(&actors[i].holder, &actors[i], "CTX_ID:test",
                       &actor_ops);
}

static void
nothing_is_left(void)
{
    static const char *const names[] = {
        "inodelk", "entrylk", "internal lock waiter", "lock volume",
        "tie",     "contention notice", "lock domain", "record lock",
        "removal that waits"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct mem_type_stats stats;

        mem_account_read_one("server.lock", names[i], &stats);
        ck_assert_msg(stats.num_allocs == 0, "%s left", names[i]);
    }
}

static void
teardown(void)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        lk_holder_leave(&actors[i].holder, &rules);
        lk_holder_fini(&actors[i].holder);
        ck_assert_uint_eq(actors[i].refs, 0);
    }
    ck_assert_uint_eq(ilk_count(inode, ILK_RANGE), 0);
    ck_assert_uint_eq(ilk_count(inode, ILK_NAME), 0);
    inode_forget(inode);
    inode_put(inode);
    inode_table_destroy(&table);
    ck_assert_uint_eq(released, 1);
    nothing_is_left();
}

/* --- short forms --- */

static void
told_done(void *arg, int err)
{
    struct told *t = arg;

    t->err = err;
    t->order = ++tellings;
    t->calls++;
}

static struct ilk_request
request(unsigned client, char owner, enum ilk_kind kind, enum lk_type type)
{
    static const char owners[] = "abcdefghijklmnopqrstuvwxyz";

    return (struct ilk_request){
        .inode = inode,
        .holder = &actors[client].holder,
        .caller_pid = 1000 + (int)client,
        .owner = (const uint8_t *)strchr(owners, owner),
        .owner_bytes = 1,
        .volume = "v",
        .kind = kind,
        .type = type,
    };
}

static int
range(unsigned client, char owner, enum lk_type type, int64_t start,
      int64_t len, struct told *told)
{
    struct ilk_request req = request(client, owner, ILK_RANGE, type);
    struct ilk_wait wait = {told_done, told};

    req.start = start;
    req.len = len;
    return ilk_set(&req, &rules, told == NULL ? NULL : &wait);
}

static int
unrange(unsigned client, char owner, int64_t start, int64_t len)
{
    struct ilk_request req = request(client, owner, ILK_RANGE, LK_WRITE);

    req.start = start;
    req.len = len;
    return ilk_unset(&req, &rules);
}

static int
name(unsigned client, char owner, const char *text, struct told *told)
{
    struct ilk_request req = request(client, owner, ILK_NAME, LK_WRITE);
    struct ilk_wait wait = {told_done, told};

    req.name = text;
    return ilk_set(&req, &rules, told == NULL ? NULL : &wait);
}

static int
unname(unsigned client, char owner, const char *text)
{
    struct ilk_request req = request(client, owner, ILK_NAME, LK_WRITE);

    req.name = text;
    return ilk_unset(&req, &rules);
}

#define OK(call_) ck_assert_int_eq(call_, 0)
#define BUSY(call_) ck_assert_int_eq(call_, -EAGAIN)
#define QUEUED(call_) ck_assert_int_eq(call_, 1)
#define NOT_HELD(call_) ck_assert_int_eq(call_, -EINVAL)
#define WAITS(told_) ck_assert_uint_eq((told_).calls, 0)
#define TOLD(told_, err_)                                                      \
    do {                                                                       \
        ck_assert_uint_eq((told_).calls, 1);                                   \
        ck_assert_int_eq((told_).err, err_);                                   \
    } while (0)

/* --- ranges --- */

START_TEST(readers_share_and_writers_do_not)
{
    OK(range(0, 'a', LK_READ, 0, 10, NULL));
    OK(range(1, 'b', LK_READ, 5, 10, NULL));
    BUSY(range(2, 'c', LK_WRITE, 9, 1, NULL));
    OK(range(2, 'c', LK_WRITE, 15, 0, NULL));
    BUSY(range(0, 'a', LK_READ, 14, 2, NULL));
}
END_TEST

START_TEST(equal_owner_bytes_of_two_clients_are_two_owners)
{
    OK(range(0, 'a', LK_WRITE, 0, 1, NULL));
    BUSY(range(1, 'a', LK_WRITE, 0, 1, NULL));
    NOT_HELD(unrange(1, 'a', 0, 1));
}
END_TEST

START_TEST(one_owners_locks_stack_and_each_is_unlocked)
{
    OK(range(0, 'a', LK_WRITE, 0, 10, NULL));
    OK(range(0, 'a', LK_READ, 0, 10, NULL));
    ck_assert_uint_eq(ilk_count(inode, ILK_RANGE), 2);
    OK(unrange(0, 'a', 0, 10)); /* the newest: the read lock */
    BUSY(range(1, 'b', LK_READ, 0, 1, NULL));
    OK(unrange(0, 'a', 0, 10));
    NOT_HELD(unrange(0, 'a', 0, 10));
}
END_TEST

START_TEST(an_unlock_must_name_both_ends)
{
    OK(range(0, 'a', LK_WRITE, 0, 10, NULL));
    NOT_HELD(unrange(0, 'a', 0, 9));
    NOT_HELD(unrange(0, 'a', 0, 0));
    OK(unrange(0, 'a', 0, 10));
}
END_TEST

START_TEST(volumes_do_not_meet)
{
    struct ilk_request req = request(1, 'b', ILK_RANGE, LK_WRITE);

    OK(range(0, 'a', LK_WRITE, 0, 0, NULL));
    req.volume = "w";
    OK(ilk_set(&req, &rules, NULL));
    ck_assert_uint_eq(ilk_count_in(inode, ILK_RANGE, "v"), 1);
    ck_assert_uint_eq(ilk_count_in(inode, ILK_RANGE, "w"), 1);
    ck_assert_uint_eq(ilk_count_in(inode, ILK_RANGE, "none"), 0);
    ck_assert_uint_eq(ilk_count_in(inode, ILK_NAME, "v"), 0);
}
END_TEST

START_TEST(what_is_no_range_or_name_is_refused)
{
    struct ilk_request req = request(0, 'a', ILK_RANGE, LK_WRITE);
    char longest[ILK_VOLUME_BYTES_MAX + 2];

    NOT_HELD(range(0, 'a', LK_WRITE, -1, 1, NULL));
    NOT_HELD(range(0, 'a', LK_WRITE, 0, -1, NULL));
    NOT_HELD(range(0, 'a', LK_UNLOCK, 0, 1, NULL));
    OK(range(0, 'a', LK_WRITE, 50, INT64_MAX, NULL)); /* to infinity */
    OK(unrange(0, 'a', 50, 0));
    memset(longest, 'v', sizeof(longest));
    longest[ILK_VOLUME_BYTES_MAX + 1] = '\0';
    req.volume = longest;
    NOT_HELD(ilk_set(&req, &rules, NULL));
    longest[ILK_VOLUME_BYTES_MAX] = '\0';
    OK(ilk_set(&req, &rules, NULL));
    longest[ILK_NAME_BYTES_MAX + 1] = '\0';
    ck_assert_int_eq(name(0, 'a', longest, NULL), -ENAMETOOLONG);
    longest[ILK_NAME_BYTES_MAX] = '\0';
    OK(name(0, 'a', longest, NULL));
}
END_TEST

/* --- names --- */

START_TEST(names_conflict_whatever_the_type)
{
    struct ilk_request req = request(1, 'b', ILK_NAME, LK_READ);

    req.name = "x";
    OK(ilk_set(&req, &rules, NULL));
    req = request(0, 'a', ILK_NAME, LK_READ);
    req.name = "x";
    BUSY(ilk_set(&req, &rules, NULL));
    OK(name(0, 'a', "y", NULL));
    ck_assert(ilk_name_is_held(inode, "x"));
    ck_assert(ilk_name_is_held(inode, "y"));
    ck_assert(!ilk_name_is_held(inode, "z"));
}
END_TEST

START_TEST(no_name_is_all_names)
{
    OK(name(0, 'a', NULL, NULL));
    BUSY(name(1, 'b', "x", NULL));
    OK(name(0, 'a', "x", NULL));
    NOT_HELD(unname(0, 'a', "y"));
    OK(unname(0, 'a', NULL));
    OK(name(1, 'b', "y", NULL));
    BUSY(name(1, 'b', NULL, NULL)); /* a has x */
    ck_assert(!ilk_name_is_held(inode, "z"));
}
END_TEST

START_TEST(an_unlock_of_a_name_must_name_its_type)
{
    struct ilk_request req = request(0, 'a', ILK_NAME, LK_READ);

    OK(name(0, 'a', "x", NULL));
    req.name = "x";
    NOT_HELD(ilk_unset(&req, &rules));
    OK(unname(0, 'a', "x"));
}
END_TEST

/* --- waiting --- */

START_TEST(who_waits_gets_it_in_order)
{
    struct told b = {0}, c = {0}, d = {0};

    OK(range(0, 'a', LK_WRITE, 0, 10, NULL));
    QUEUED(range(1, 'b', LK_WRITE, 0, 5, &b));
    QUEUED(range(2, 'c', LK_WRITE, 0, 10, &c));
    QUEUED(range(3, 'd', LK_WRITE, 5, 5, &d));
    ck_assert_uint_eq(ilk_count(inode, ILK_RANGE), 4);
    OK(unrange(0, 'a', 0, 10));
    TOLD(b, 0);
    WAITS(c);
    WAITS(d); /* behind c, which wants that too */
    OK(unrange(1, 'b', 0, 5));
    TOLD(c, 0);
    WAITS(d);
    OK(unrange(2, 'c', 0, 10));
    TOLD(d, 0);
}
END_TEST

START_TEST(readers_do_not_starve_a_writer)
{
    struct told b = {0};

    OK(range(0, 'a', LK_READ, 0, 10, NULL));
    QUEUED(range(1, 'b', LK_WRITE, 0, 10, &b));
    BUSY(range(2, 'c', LK_READ, 0, 10, NULL));
    OK(range(2, 'c', LK_READ, 10, 1, NULL));
    /* Who has something in the volume may have to finish what it began. */
    OK(range(2, 'c', LK_READ, 0, 10, NULL));
    OK(range(0, 'a', LK_READ, 0, 10, NULL));
    WAITS(b);
    lk_holder_leave(&actors[1].holder, &rules);
    TOLD(b, -EAGAIN);
}
END_TEST

START_TEST(who_leaves_is_answered_and_lets_others_in)
{
    struct told b = {0}, c = {0}, x = {0};

    OK(range(0, 'a', LK_WRITE, 0, 10, NULL));
    OK(name(0, 'a', "x", NULL));
    QUEUED(range(1, 'b', LK_WRITE, 0, 10, &b));
    QUEUED(range(2, 'c', LK_WRITE, 0, 10, &c));
    QUEUED(name(2, 'c', "x", &x));
    lk_holder_leave(&actors[1].holder, &rules);
    TOLD(b, -EAGAIN);
    WAITS(c);
    lk_holder_leave(&actors[0].holder, &rules);
    TOLD(c, 0);
    TOLD(x, 0);
    ck_assert_int_eq(range(0, 'a', LK_READ, 50, 1, NULL), -ESHUTDOWN);
    ck_assert_int_eq(range(0, 'a', LK_READ, 0, 1, &b), -ESHUTDOWN);
}
END_TEST

/* --- contention --- */

START_TEST(holders_are_told_of_others_but_not_too_often)
{
    struct told b = {0};

    OK(range(0, 'a', LK_WRITE, 0, 10, NULL));
    OK(range(1, 'b', LK_READ, 20, 1, NULL));
    BUSY(range(2, 'c', LK_WRITE, 5, 1, NULL));
    ck_assert_uint_eq(actors[0].notices, 1);
    ck_assert_uint_eq(actors[1].notices, 0);
    ck_assert_int_eq(actors[0].last.type, LK_WRITE);
    ck_assert_uint_eq(actors[0].last.range.end, 9);
    ck_assert_int_eq(actors[0].last.caller_pid, 1000);
    QUEUED(range(2, 'c', LK_WRITE, 5, 1, &b));
    ck_assert_uint_eq(actors[0].notices, 1);
    rules.notify_secs = 0;
    BUSY(range(3, 'd', LK_WRITE, 9, 1, NULL));
    ck_assert_uint_eq(actors[0].notices, 2);
    rules.notify = false;
    BUSY(range(3, 'd', LK_WRITE, 9, 1, NULL));
    ck_assert_uint_eq(actors[0].notices, 2);
    lk_holder_leave(&actors[2].holder, &rules);
    TOLD(b, -EAGAIN);
}
END_TEST

START_TEST(a_new_holder_is_told_of_those_who_still_wait)
{
    struct told b = {0}, c = {0};

    OK(name(0, 'a', "x", NULL));
    QUEUED(name(1, 'b', "x", &b));
    QUEUED(name(2, 'c', "x", &c));
    OK(unname(0, 'a', "x"));
    TOLD(b, 0);
    ck_assert_uint_eq(actors[1].notices, 1);
    ck_assert_str_eq(actors[1].last_name, "x");
    lk_holder_leave(&actors[1].holder, &rules);
    TOLD(c, 0);
}
END_TEST

/* --- revocation --- */

START_TEST(too_many_who_wait_take_the_lock_away)
{
    struct told b = {0}, c = {0};

    rules.revoke_secs = 3600;
    rules.revoke_blocked = 2;
    OK(range(0, 'a', LK_WRITE, 0, 10, NULL));
    QUEUED(range(1, 'b', LK_WRITE, 0, 5, &b));
    BUSY(range(2, 'c', LK_WRITE, 0, 5, NULL));
    QUEUED(range(2, 'c', LK_WRITE, 5, 5, &c));
    BUSY(range(3, 'd', LK_WRITE, 0, 1, NULL)); /* but a has lost it */
    TOLD(b, 0);
    TOLD(c, 0);
    NOT_HELD(unrange(0, 'a', 0, 10));
}
END_TEST

START_TEST(who_waits_can_be_refused_as_well)
{
    struct told b = {0};

    rules.revoke_secs = 3600;
    rules.revoke_blocked = 1;
    rules.revoke_all = true;
    OK(name(0, 'a', "x", NULL));
    QUEUED(name(1, 'b', "x", &b));
    OK(name(2, 'c', "x", NULL));
    TOLD(b, -EAGAIN);
    NOT_HELD(unname(0, 'a', "x"));
}
END_TEST

START_TEST(without_an_age_nothing_is_revoked)
{
    struct told b = {0};

    rules.revoke_blocked = 1;
    OK(name(0, 'a', "x", NULL));
    QUEUED(name(1, 'b', "x", &b));
    BUSY(name(2, 'c', "x", NULL));
    WAITS(b);
    lk_holder_leave(&actors[1].holder, &rules);
    TOLD(b, -EAGAIN);
}
END_TEST

/* --- removals --- */

static int
removal(unsigned client, struct told *told)
{
    struct ilk_wait wait = {told_done, told};

    return lk_removal_begin(inode, &actors[client].holder, &rules,
                            told == NULL ? NULL : &wait);
}

START_TEST(a_removal_waits_for_other_clients)
{
    struct told t = {0};

    OK(range(0, 'a', LK_READ, 0, 10, NULL));
    OK(removal(0, NULL)); /* its own */
    lk_removal_end(inode, &rules);
    BUSY(removal(1, NULL));
    QUEUED(removal(1, &t));
    ck_assert_uint_eq(actors[0].notices, 1);
    BUSY(range(2, 'c', LK_READ, 50, 1, NULL)); /* nobody new */
    OK(range(0, 'b', LK_READ, 50, 1, NULL));   /* who is in, goes on */
    OK(unrange(0, 'a', 0, 10));
    WAITS(t);
    OK(unrange(0, 'b', 50, 1));
    TOLD(t, 0);
    BUSY(range(0, 'a', LK_READ, 0, 10, NULL)); /* it is at work */
    lk_removal_end(inode, &rules);
    OK(range(2, 'c', LK_READ, 50, 1, NULL));
}
END_TEST

START_TEST(who_is_kept_back_by_a_removal_goes_on_after_it)
{
    struct told t = {0}, c = {0};

    OK(removal(1, NULL));
    OK(removal(2, NULL));
    QUEUED(range(2, 'c', LK_WRITE, 0, 10, &c));
    lk_removal_end(inode, &rules);
    WAITS(c);
    lk_removal_end(inode, &rules);
    TOLD(c, 0);
    memset(&c, 0, sizeof(c));
    QUEUED(removal(1, &t));
    QUEUED(range(3, 'd', LK_WRITE, 50, 10, &c));
    lk_holder_leave(&actors[1].holder, &rules);
    TOLD(t, -EAGAIN);
    TOLD(c, 0);
}
END_TEST

START_TEST(internal_callers_and_removals_do_not_meet)
{
    struct ilk_request req = request(0, 'a', ILK_RANGE, LK_WRITE);

    req.caller_pid = -6;
    OK(ilk_set(&req, &rules, NULL));
    OK(removal(1, NULL));
    req.volume = "w";
    OK(ilk_set(&req, &rules, NULL));
    OK(name(2, 'c', "x", NULL));
    lk_removal_end(inode, &rules);
}
END_TEST

/* --- random requests against a model --- */

enum { STEPS = 4000, MODEL_MAX = 512, SPAN = 12 };

struct model_lock {
    bool used, waits;
    bool dead; /* answered without the lock */
    unsigned client;
    char owner;
    bool write;
    unsigned start, end;
    struct told *told;
};

/* In the order in which they came, or were granted. */
static struct model_lock model[MODEL_MAX];
static unsigned model_count;

static bool
model_same(const struct model_lock *a, const struct model_lock *b)
{
    return a->client == b->client && a->owner == b->owner;
}

static bool
model_collide(const struct model_lock *a, const struct model_lock *b)
{
    return (a->write || b->write) && a->start <= b->end && b->start <= a->end;
}

/* By the words of the rules: `upto` is how many locks came before. */
static bool
model_must_wait(const struct model_lock *m, unsigned upto)
{
    bool behind = false, known = false;

    for (unsigned i = 0; i < model_count; i++) {
        const struct model_lock *o = &model[i];

        if (o == m || (o->waits && i >= upto))
            continue;
        if (!o->waits && model_collide(o, m) && !model_same(o, m))
            return true;
        behind = behind || (o->waits && model_collide(o, m));
        known = known || model_same(o, m);
    }
    return behind && !known;
}

static void
model_remove(unsigned at)
{
    memmove(&model[at], &model[at + 1],
            (model_count - at - 1) * sizeof(model[0]));
    model_count--;
}

/* Grant in order; a granted one moves to the end, as the newest. */
static void
model_regrant(void)
{
    unsigned i = 0, end = model_count;

    while (i < end) {
        struct model_lock m = model[i];

        if (!m.waits || model_must_wait(&model[i], i)) {
            i++;
            continue;
        }
        ck_assert_ptr_nonnull(m.told);
        TOLD(*m.told, 0);
        free(m.told);
        m.told = NULL;
        m.waits = false;
        model_remove(i);
        model[model_count++] = m;
        end--;
    }
    for (i = 0; i < model_count; i++)
        if (model[i].waits)
            WAITS(*model[i].told);
}

static unsigned
pick(unsigned below)
{
    return (unsigned)random() % below;
}

static struct model_lock
model_random(void)
{
    struct model_lock m = {.client = pick(3),
                           .owner = (char)('a' + pick(2)),
                           .write = pick(2) == 0,
                           .start = pick(SPAN)};

    m.end = m.start + pick(SPAN - m.start);
    return m;
}

static void
model_lock_step(void)
{
    struct model_lock m = model_random();
    bool wait = pick(3) == 0, busy = model_must_wait(&m, model_count);
    int rc;

    if (wait)
        m.told = calloc(1, sizeof(*m.told));
    rc = range(m.client, m.owner, m.write ? LK_WRITE : LK_READ, m.start,
               m.end - m.start + 1, m.told);
    ck_assert_int_eq(rc, !busy ? 0 : wait ? 1 : -EAGAIN);
    if (rc != 1) {
        free(m.told);
        m.told = NULL;
    }
    m.waits = rc == 1;
    if (rc >= 0)
        model[model_count++] = m;
}

static void
model_unlock_step(void)
{
    struct model_lock m = model_random();
    unsigned at = model_count;

    if (model_count > 0 && pick(4) != 0) {
        const struct model_lock *like = &model[pick(model_count)];

        m.client = like->client;
        m.owner = like->owner;
        m.start = like->start;
        m.end = like->end;
    }
    while (at > 0) {
        const struct model_lock *o = &model[at - 1];

        if (!o->waits && model_same(o, &m) && o->start == m.start &&
            o->end == m.end)
            break;
        at--;
    }
    ck_assert_int_eq(
        unrange(m.client, m.owner, m.start, m.end - m.start + 1),
        at == 0 ? -EINVAL : 0);
    if (at == 0)
        return;
    model_remove(at - 1);
    model_regrant();
}

static void
model_leave_step(void)
{
    unsigned client = pick(3), i = 0;

    lk_holder_leave(&actors[client].holder, &rules);
    lk_holder_fini(&actors[client].holder);
    lk_holder_init(&actors[client].holder, &actors[client], "CTX_ID:test",
                   &actor_ops);
    while (i < model_count) {
        if (model[i].client != client) {
            i++;
            continue;
        }
        if (model[i].waits) {
            TOLD(*model[i].told, -EAGAIN);
            free(model[i].told);
        }
        model_remove(i);
    }
    model_regrant();
}

START_TEST(random_requests_do_what_the_model_says)
{
    model_count = 0;
    srandom((unsigned)_i + 1);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned what = pick(100);

        if (what < 50 && model_count < MODEL_MAX)
            model_lock_step();
        else if (what < 99)
            model_unlock_step();
        else
            model_leave_step();
        ck_assert_uint_eq(ilk_count(inode, ILK_RANGE), model_count);
    }
    for (unsigned c = 0; c < CLIENTS; c++)
        lk_holder_leave(&actors[c].holder, &rules);
    for (unsigned i = 0; i < model_count; i++)
        free(model[i].told);
}
END_TEST

/* --- threads --- */

enum { THREADS = 4, ROUNDS = 3000 };

static _Atomic(unsigned) inside; /* who holds the write lock */
static struct mutex gate_mtx = MUTEX_INITIALIZER("gate", 0);
static struct cond gate;

static void
gate_done(void *arg, int err)
{
    struct told *t = arg;

    mutex_lock(&gate_mtx);
    t->err = err;
    t->calls++;
    cond_broadcast(&gate);
    mutex_unlock(&gate_mtx);
}

static int
lock_and_wait(struct lk_holder *holder)
{
    struct told t = {0};
    const struct ilk_wait wait = {gate_done, &t};
    struct ilk_request req = request(0, 'a', ILK_RANGE, LK_WRITE);
    int rc;

    req.holder = holder;
    rc = ilk_set(&req, &rules, &wait);
    if (rc != 1)
        return rc;
    mutex_lock(&gate_mtx);
    while (t.calls == 0)
        cond_wait(&gate, &gate_mtx);
    mutex_unlock(&gate_mtx);
    return t.err;
}

static void *
come_and_go(void *arg)
{
    struct actor *a = arg;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct ilk_request req = request(0, 'a', ILK_RANGE, LK_WRITE);

        lk_holder_init(&a->holder, a, "CTX_ID:test", &actor_ops);
        req.holder = &a->holder;
        must(lock_and_wait(&a->holder) == 0);
        must(atomic_fetch_add(&inside, 1) == 0);
        must(atomic_fetch_sub(&inside, 1) == 1);
        if (i % 2 == 0)
            must(ilk_unset(&req, &rules) == 0);
        lk_holder_leave(&a->holder, &rules);
        while (a->refs > 0)
            sched_yield();
        lk_holder_fini(&a->holder);
    }
    return NULL;
}

START_TEST(clients_of_threads_come_and_go)
{
    static struct actor mine[THREADS];
    pthread_t threads[THREADS];

    cond_init(&gate);
    memset(mine, 0, sizeof(mine));
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, come_and_go, &mine[i]), 0);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    cond_destroy(&gate);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("internal locks");
    TCase *rule = tcase_create("rules"), *random_ = tcase_create("model");
    TCase *threads = tcase_create("threads");
    SRunner *runner;
    int failed;

    urcu_memb_register_thread();
    log_set_level(LOG_LVL_NONE);
    tcase_add_checked_fixture(rule, setup, teardown);
    tcase_add_test(rule, readers_share_and_writers_do_not);
    tcase_add_test(rule, equal_owner_bytes_of_two_clients_are_two_owners);
    tcase_add_test(rule, one_owners_locks_stack_and_each_is_unlocked);
    tcase_add_test(rule, an_unlock_must_name_both_ends);
    tcase_add_test(rule, volumes_do_not_meet);
    tcase_add_test(rule, what_is_no_range_or_name_is_refused);
    tcase_add_test(rule, names_conflict_whatever_the_type);
    tcase_add_test(rule, no_name_is_all_names);
    tcase_add_test(rule, an_unlock_of_a_name_must_name_its_type);
    tcase_add_test(rule, who_waits_gets_it_in_order);
    tcase_add_test(rule, readers_do_not_starve_a_writer);
    tcase_add_test(rule, who_leaves_is_answered_and_lets_others_in);
    tcase_add_test(rule, holders_are_told_of_others_but_not_too_often);
    tcase_add_test(rule, a_new_holder_is_told_of_those_who_still_wait);
    tcase_add_test(rule, too_many_who_wait_take_the_lock_away);
    tcase_add_test(rule, who_waits_can_be_refused_as_well);
    tcase_add_test(rule, without_an_age_nothing_is_revoked);
    tcase_add_test(rule, a_removal_waits_for_other_clients);
    tcase_add_test(rule, who_is_kept_back_by_a_removal_goes_on_after_it);
    tcase_add_test(rule, internal_callers_and_removals_do_not_meet);
    tcase_add_checked_fixture(random_, setup, teardown);
    tcase_add_loop_test(random_, random_requests_do_what_the_model_says, 0, 8);
    tcase_add_checked_fixture(threads, setup, teardown);
    tcase_add_test(threads, clients_of_threads_come_and_go);
    suite_add_tcase(suite, rule);
    suite_add_tcase(suite, random_);
    suite_add_tcase(suite, threads);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    urcu_memb_unregister_thread();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
