/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue by itself: promises one by one, then random operations against a
 * model that does everything the slow and obvious way. */
#include "iothreads/queue.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { OWNERS = 5, ITEMS = 400, CROWD = 10000, STEPS = 40000 };

static void
no_run(struct iot_work *work)
{
    ck_abort_msg("nothing runs here");
}

static void
item_init(struct iot_work *work, struct iot_owner *owner, enum iot_class class)
{
    memset(work, 0, sizeof(*work));
    work->owner = owner;
    work->class = class;
    work->run = no_run;
    work->drop = no_run;
}

static void
queue_setup(struct iot_queue *q, uint32_t limit)
{
    iot_queue_init(q);
    for (int c = 0; c < IOT_CLASSES; c++)
        q->limit[c] = limit;
}

static void
push_n(struct iot_queue *q, struct iot_work *items, size_t n,
       struct iot_owner *owner, enum iot_class class)
{
    for (size_t i = 0; i < n; i++) {
        item_init(&items[i], owner, class);
        iot_queue_push(q, &items[i]);
    }
}

START_TEST(turns_are_told_in_their_order)
{
    static struct iot_work items[3][4];
    struct iot_owner owners[3];
    struct iot_turn turns[3];
    struct iot_queue q;

    queue_setup(&q, 1);
    ck_assert_uint_eq(iot_queue_turns(&q, IOT_SLOW, turns, 3), 0);
    for (int i = 0; i < 3; i++) {
        iot_owner_init(&owners[i]);
        push_n(&q, items[i], (size_t)i + 2, &owners[i], IOT_SLOW);
    }
    ck_assert_ptr_eq(iot_queue_pop(&q), &items[0][0]);
    ck_assert_uint_eq(iot_queue_turns(&q, IOT_SLOW, turns, 3), 3);
    for (int i = 0; i < 3; i++) {
        int who = (i + 1) % 3; /* the first went to the end */

        ck_assert_ptr_eq(turns[i].owner, &owners[who]);
        ck_assert_uint_eq(turns[i].queued, who == 0 ? 1 : who + 2);
    }
    ck_assert_uint_eq(iot_queue_turns(&q, IOT_SLOW, turns, 2), 2);
    ck_assert_uint_eq(iot_queue_turns(&q, IOT_FAST, turns, 3), 0);
}
END_TEST

START_TEST(an_empty_queue_has_no_next)
{
    struct iot_queue q;

    queue_setup(&q, 1);
    ck_assert_ptr_null(iot_queue_pop(&q));
    ck_assert_uint_eq(iot_queue_ready(&q), 0);
    ck_assert_uint_eq(iot_queue_waiting_mask(&q), 0);
}
END_TEST

START_TEST(one_owners_items_keep_their_order)
{
    static struct iot_work items[100];
    struct iot_owner owner;
    struct iot_queue q;

    queue_setup(&q, UINT32_MAX);
    iot_owner_init(&owner);
    push_n(&q, items, 100, &owner, IOT_SLOW);
    for (int i = 0; i < 100; i++) {
        ck_assert_ptr_eq(iot_queue_pop(&q), &items[i]);
        ck_assert(!items[i].queued);
    }
    ck_assert_uint_eq(q.running[IOT_SLOW], 100);
    ck_assert_uint_eq(owner.queued[IOT_SLOW], 0);
}
END_TEST

START_TEST(one_item_is_served_at_the_next_turn_beside_ten_thousand)
{
    static struct iot_work crowd[CROWD];
    struct iot_owner many, one;
    struct iot_work single;
    struct iot_queue q;

    queue_setup(&q, UINT32_MAX);
    iot_owner_init(&many);
    iot_owner_init(&one);
    push_n(&q, crowd, CROWD, &many, IOT_NORMAL);
    push_n(&q, &single, 1, &one, IOT_NORMAL);

    ck_assert_ptr_eq(iot_queue_pop(&q), &crowd[0]);
    ck_assert_ptr_eq(iot_queue_pop(&q), &single);
    for (int i = 1; i < CROWD; i++)
        ck_assert_ptr_eq(iot_queue_pop(&q), &crowd[i]);
    ck_assert_ptr_null(iot_queue_pop(&q));
}
END_TEST

START_TEST(owners_take_turns)
{
    struct iot_owner owners[3];
    struct iot_work items[3][4];
    struct iot_queue q;

    queue_setup(&q, UINT32_MAX);
    for (int o = 0; o < 3; o++) {
        iot_owner_init(&owners[o]);
        push_n(&q, items[o], 4, &owners[o], IOT_FAST);
    }
    for (int i = 0; i < 4; i++) {
        for (int o = 0; o < 3; o++)
            ck_assert_ptr_eq(iot_queue_pop(&q), &items[o][i]);
    }
}
END_TEST

START_TEST(a_higher_class_goes_first)
{
    struct iot_work items[IOT_CLASSES];
    struct iot_owner owner;
    struct iot_queue q;

    queue_setup(&q, 1);
    iot_owner_init(&owner);
    for (int c = IOT_CLASSES - 1; c >= 0; c--)
        push_n(&q, &items[c], 1, &owner, (enum iot_class)c);
    ck_assert_uint_eq(iot_queue_waiting_mask(&q), (1u << IOT_CLASSES) - 1);
    for (int c = 0; c < IOT_CLASSES; c++)
        ck_assert_ptr_eq(iot_queue_pop(&q), &items[c]);
    ck_assert_uint_eq(iot_queue_running(&q), IOT_CLASSES);
}
END_TEST

START_TEST(a_class_at_its_limit_is_passed_over)
{
    struct iot_work fast[3], least;
    struct iot_owner owner;
    struct iot_queue q;

    queue_setup(&q, 1);
    iot_owner_init(&owner);
    push_n(&q, fast, 3, &owner, IOT_FAST);
    push_n(&q, &least, 1, &owner, IOT_LEAST);

    ck_assert_uint_eq(iot_queue_ready(&q), 2);
    ck_assert_ptr_eq(iot_queue_pop(&q), &fast[0]);
    ck_assert_ptr_eq(iot_queue_pop(&q), &least);
    ck_assert_ptr_null(iot_queue_pop(&q));
    ck_assert_uint_eq(iot_queue_ready(&q), 0);
    iot_queue_done(&q, IOT_FAST);
    ck_assert_uint_eq(iot_queue_ready(&q), 1);
    ck_assert_ptr_eq(iot_queue_pop(&q), &fast[1]);
    /* A lowered limit waits for what runs above it. */
    q.limit[IOT_FAST] = 2;
    ck_assert_ptr_eq(iot_queue_pop(&q), &fast[2]);
    q.limit[IOT_FAST] = 1;
    push_n(&q, fast, 1, &owner, IOT_FAST);
    iot_queue_done(&q, IOT_FAST);
    ck_assert_ptr_null(iot_queue_pop(&q));
    iot_queue_done(&q, IOT_FAST);
    ck_assert_ptr_eq(iot_queue_pop(&q), &fast[0]);
}
END_TEST

START_TEST(a_drop_takes_all_of_one_owner_but_the_kept_classes)
{
    struct iot_work gone[IOT_CLASSES][3], stays[2], *work;
    struct iot_owner leaving, other;
    uint64_t dropped[IOT_CLASSES] = {0};
    struct iot_queue q;
    CDS_LIST_HEAD(out);
    int n = 0;

    queue_setup(&q, UINT32_MAX);
    iot_owner_init(&leaving);
    iot_owner_init(&other);
    push_n(&q, &stays[0], 1, &other, IOT_NORMAL);
    for (int c = 0; c < IOT_CLASSES; c++)
        push_n(&q, gone[c], 3, &leaving, (enum iot_class)c);
    push_n(&q, &stays[1], 1, &other, IOT_NORMAL);

    ck_assert_uint_eq(
        iot_queue_drop_owner(&q, &leaving, 1u << IOT_LEAST, &out, dropped), 9);
    cds_list_for_each_entry(work, &out, node) {
        ck_assert_ptr_eq(work, &gone[n / 3][n % 3]);
        ck_assert(!work->queued);
        n++;
    }
    ck_assert_int_eq(n, 9);
    ck_assert_uint_eq(dropped[IOT_SLOW], 3);
    ck_assert_uint_eq(dropped[IOT_LEAST], 0);
    ck_assert_ptr_eq(iot_queue_pop(&q), &stays[0]);
    ck_assert_ptr_eq(iot_queue_pop(&q), &stays[1]);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_eq(iot_queue_pop(&q), &gone[IOT_LEAST][i]);
    ck_assert_ptr_null(iot_queue_pop(&q));
    ck_assert_uint_eq(
        iot_queue_drop_owner(&q, &leaving, 0, &out, dropped), 0);
}
END_TEST

START_TEST(an_owner_comes_back_at_the_tail)
{
    struct iot_work a[2], b[2];
    struct iot_owner first, second;
    struct iot_queue q;

    queue_setup(&q, UINT32_MAX);
    iot_owner_init(&first);
    iot_owner_init(&second);
    push_n(&q, &a[0], 1, &first, IOT_FAST);
    push_n(&q, b, 2, &second, IOT_FAST);
    ck_assert_ptr_eq(iot_queue_pop(&q), &a[0]); /* leaves the turn-list */
    push_n(&q, &a[1], 1, &first, IOT_FAST);
    ck_assert_ptr_eq(iot_queue_pop(&q), &b[0]);
    ck_assert_ptr_eq(iot_queue_pop(&q), &a[1]);
    ck_assert_ptr_eq(iot_queue_pop(&q), &b[1]);
}
END_TEST

/* The model: everything queued in one array by age, the turn of each class as
 * an array of owner numbers. */
struct model {
    struct iot_work *age[ITEMS];
    size_t count;
    int turn[IOT_CLASSES][OWNERS];
    int turns[IOT_CLASSES];
    uint32_t running[IOT_CLASSES];
    uint32_t limit[IOT_CLASSES];
};

static struct iot_owner owners[OWNERS];

static int
owner_no(const struct iot_work *work)
{
    return (int)(work->owner - owners);
}

static size_t
model_count(const struct model *m, int owner, int c)
{
    size_t n = 0;

    for (size_t i = 0; i < m->count; i++)
        n += owner_no(m->age[i]) == owner && (int)m->age[i]->class == c;
    return n;
}

static struct iot_work *
model_remove(struct model *m, size_t at)
{
    struct iot_work *work = m->age[at];

    memmove(&m->age[at], &m->age[at + 1],
            (m->count - at - 1) * sizeof(m->age[0]));
    m->count--;
    return work;
}

static void
model_turn_remove(struct model *m, int c, int at)
{
    memmove(&m->turn[c][at], &m->turn[c][at + 1],
            (size_t)(m->turns[c] - at - 1) * sizeof(int));
    m->turns[c]--;
}

static void
model_push(struct model *m, struct iot_work *work)
{
    int c = (int)work->class;

    if (model_count(m, owner_no(work), c) == 0)
        m->turn[c][m->turns[c]++] = owner_no(work);
    m->age[m->count++] = work;
}

static struct iot_work *
model_pop(struct model *m)
{
    for (int c = 0; c < IOT_CLASSES; c++) {
        size_t at = 0;
        int owner;

        if (m->turns[c] == 0 || m->running[c] >= m->limit[c])
            continue;
        owner = m->turn[c][0];
        while (owner_no(m->age[at]) != owner || (int)m->age[at]->class != c)
            at++;
        model_turn_remove(m, c, 0);
        if (model_count(m, owner, c) > 1)
            m->turn[c][m->turns[c]++] = owner;
        m->running[c]++;
        return model_remove(m, at);
    }
    return NULL;
}

static void
model_drop_one(struct model *m, int owner, int c, struct cds_list_head *out)
{
    for (size_t at = 0; at < m->count;) {
        struct iot_work *work = m->age[at];

        if (owner_no(work) != owner || (int)work->class != c) {
            at++;
            continue;
        }
        ck_assert(!cds_list_empty(out));
        ck_assert_ptr_eq(cds_list_first_entry(out, struct iot_work, node),
                         work);
        cds_list_del(&work->node);
        model_remove(m, at);
    }
    for (int i = 0; i < m->turns[c]; i++) {
        if (m->turn[c][i] == owner)
            model_turn_remove(m, c, i--);
    }
}

static void
compare(const struct iot_queue *q, const struct model *m)
{
    uint32_t ready = 0;

    for (int c = 0; c < IOT_CLASSES; c++) {
        uint32_t queued = 0;

        for (int o = 0; o < OWNERS; o++) {
            uint32_t n = (uint32_t)model_count(m, o, c);

            ck_assert_uint_eq(owners[o].queued[c], n);
            ck_assert(cds_list_empty(&owners[o].turn[c]) == (n == 0));
            queued += n;
        }
        ck_assert_uint_eq(q->queued[c], queued);
        ck_assert_uint_eq(q->running[c], m->running[c]);
        if (m->running[c] < m->limit[c]) {
            uint32_t room = m->limit[c] - m->running[c];

            ready += queued < room ? queued : room;
        }
    }
    ck_assert_uint_eq(iot_queue_ready(q), ready);
}

static void
random_push(struct iot_queue *q, struct model *m, struct iot_work *items)
{
    for (int i = 0; i < ITEMS; i++) {
        if (items[i].queued)
            continue;
        item_init(&items[i], &owners[random() % OWNERS],
                  (enum iot_class)(random() % IOT_CLASSES));
        iot_queue_push(q, &items[i]);
        model_push(m, &items[i]);
        return;
    }
}

static void
random_drop(struct iot_queue *q, struct model *m)
{
    int owner = (int)(random() % OWNERS);
    unsigned keep = (unsigned)(random() % (1 << IOT_CLASSES));
    uint64_t dropped[IOT_CLASSES] = {0};
    CDS_LIST_HEAD(out);

    iot_queue_drop_owner(q, &owners[owner], keep, &out, dropped);
    for (int c = 0; c < IOT_CLASSES; c++) {
        if ((keep & (1u << c)) == 0)
            model_drop_one(m, owner, c, &out);
    }
    ck_assert(cds_list_empty(&out));
}

static void
random_step(struct iot_queue *q, struct model *m, struct iot_work *items)
{
    long dice = random() % 100;
    int c = (int)(random() % IOT_CLASSES);

    if (dice < 45) {
        random_push(q, m, items);
    } else if (dice < 75) {
        ck_assert_ptr_eq(iot_queue_pop(q), model_pop(m));
    } else if (dice < 96) {
        if (m->running[c] > 0) {
            iot_queue_done(q, (enum iot_class)c);
            m->running[c]--;
        }
    } else if (dice < 98) {
        q->limit[c] = m->limit[c] = (uint32_t)(random() % 6);
    } else {
        random_drop(q, m);
    }
}

START_TEST(random_operations_match_the_model)
{
    static struct iot_work items[ITEMS];
    static struct model m;
    struct iot_queue q;

    srandom((unsigned)_i + 1); /* a failure names its seed as its loop */
    memset(&m, 0, sizeof(m));
    queue_setup(&q, 3);
    for (int c = 0; c < IOT_CLASSES; c++)
        m.limit[c] = 3;
    for (int o = 0; o < OWNERS; o++)
        iot_owner_init(&owners[o]);
    for (int i = 0; i < STEPS; i++) {
        random_step(&q, &m, items);
        if (i % 16 == 0)
            compare(&q, &m);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("iot_queue");
    TCase *tc = tcase_create("queue");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, an_empty_queue_has_no_next);
    tcase_add_test(tc, one_owners_items_keep_their_order);
    tcase_add_test(tc, one_item_is_served_at_the_next_turn_beside_ten_thousand);
    tcase_add_test(tc, owners_take_turns);
    tcase_add_test(tc, a_higher_class_goes_first);
    tcase_add_test(tc, a_class_at_its_limit_is_passed_over);
    tcase_add_test(tc, a_drop_takes_all_of_one_owner_but_the_kept_classes);
    tcase_add_test(tc, an_owner_comes_back_at_the_tail);
    tcase_add_test(tc, turns_are_told_in_their_order);
    tcase_add_loop_test(tc, random_operations_match_the_model, 0, 8);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
