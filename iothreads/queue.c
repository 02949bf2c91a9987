/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Items by class, by owner, by age: see queue.h.  Everything but a drop is a
 * constant number of list steps, whatever is queued.
 */
#include "iothreads/queue.h"

#include <stddef.h>

#include "mem/must.h"

const char *const iot_class_name[IOT_CLASSES] = {
    [IOT_FAST] = "fast",
    [IOT_NORMAL] = "normal",
    [IOT_SLOW] = "slow",
    [IOT_LEAST] = "least",
};

void
iot_owner_init(struct iot_owner *owner)
{
    for (int c = 0; c < IOT_CLASSES; c++) {
        CDS_INIT_LIST_HEAD(&owner->items[c]);
        CDS_INIT_LIST_HEAD(&owner->turn[c]);
        owner->queued[c] = 0;
    }
}

void
iot_queue_init(struct iot_queue *q)
{
    for (int c = 0; c < IOT_CLASSES; c++) {
        CDS_INIT_LIST_HEAD(&q->turns[c]);
        q->queued[c] = 0;
        q->running[c] = 0;
        q->limit[c] = 0;
    }
}

/* The owner whose member `turn`, an element of turn[class], is. */
static struct iot_owner *
turn_owner(struct cds_list_head *turn, int class)
{
    return container_of_member(turn - class, struct iot_owner, turn);
}

void
iot_queue_push(struct iot_queue *q, struct iot_work *work)
{
    struct iot_owner *owner = work->owner;
    int c = (int)work->class;

    must(owner != NULL);
    must(c >= 0 && c < IOT_CLASSES);
    must(!work->queued);

    if (owner->queued[c] == 0)
        cds_list_add_tail(&owner->turn[c], &q->turns[c]);
    cds_list_add_tail(&work->node, &owner->items[c]);
    work->queued = true;
    owner->queued[c]++;
    q->queued[c]++;
    must(q->queued[c] != 0);
}

static bool
may_run(const struct iot_queue *q, int class)
{
    return q->queued[class] > 0 && q->running[class] < q->limit[class];
}

struct iot_work *
iot_queue_pop_class(struct iot_queue *q, enum iot_class class)
{
    int c = (int)class;
    struct iot_owner *owner;
    struct iot_work *work;

    must(c >= 0 && c < IOT_CLASSES);
    if (!may_run(q, c))
        return NULL;

    must(!cds_list_empty(&q->turns[c]));
    owner = turn_owner(q->turns[c].next, c);
    must(owner->queued[c] > 0);
    must(!cds_list_empty(&owner->items[c]));
    work = cds_list_first_entry(&owner->items[c], struct iot_work, node);
    must(work->queued);
    must(work->owner == owner);

    cds_list_del_init(&work->node);
    cds_list_del_init(&owner->turn[c]);
    work->queued = false;
    owner->queued[c]--;
    q->queued[c]--;
    if (owner->queued[c] > 0)
        cds_list_add_tail(&owner->turn[c], &q->turns[c]);
    q->running[c]++;
    return work;
}

struct iot_work *
iot_queue_pop(struct iot_queue *q)
{
    for (int c = 0; c < IOT_CLASSES; c++) {
        struct iot_work *work = iot_queue_pop_class(q, (enum iot_class)c);

        if (work != NULL)
            return work;
    }
    return NULL;
}

void
iot_queue_done(struct iot_queue *q, enum iot_class class)
{
    must(q->running[class] > 0);
    q->running[class]--;
}

uint32_t
iot_queue_drop_owner(struct iot_queue *q, struct iot_owner *owner,
                     unsigned keep_mask, struct cds_list_head *out,
                     uint64_t dropped[IOT_CLASSES])
{
    uint32_t total = 0;

    for (int c = 0; c < IOT_CLASSES; c++) {
        if ((keep_mask & (1u << c)) != 0 || owner->queued[c] == 0)
            continue;
        while (!cds_list_empty(&owner->items[c])) {
            struct iot_work *work =
                cds_list_first_entry(&owner->items[c], struct iot_work, node);

            cds_list_del(&work->node);
            cds_list_add_tail(&work->node, out);
            work->queued = false;
            owner->queued[c]--;
            q->queued[c]--;
            dropped[c]++;
            total++;
        }
        must(owner->queued[c] == 0);
        cds_list_del_init(&owner->turn[c]);
    }
    return total;
}

uint32_t
iot_queue_turns(const struct iot_queue *q, enum iot_class class,
                struct iot_turn *out, uint32_t max)
{
    struct cds_list_head *turn;
    uint32_t count = 0;

    must((unsigned)class < IOT_CLASSES);
    cds_list_for_each(turn, &q->turns[class]) {
        const struct iot_owner *owner = turn_owner(turn, (int)class);

        if (count == max)
            break;
        out[count++] = (struct iot_turn){.owner = owner,
                                         .queued = owner->queued[class]};
    }
    return count;
}

uint32_t
iot_queue_ready(const struct iot_queue *q)
{
    uint32_t ready = 0;

    for (int c = 0; c < IOT_CLASSES; c++) {
        if (may_run(q, c)) {
            uint32_t room = q->limit[c] - q->running[c];

            ready += q->queued[c] < room ? q->queued[c] : room;
        }
    }
    return ready;
}

uint32_t
iot_queue_running(const struct iot_queue *q)
{
    uint32_t running = 0;

    for (int c = 0; c < IOT_CLASSES; c++)
        running += q->running[c];
    return running;
}

unsigned
iot_queue_waiting_mask(const struct iot_queue *q)
{
    unsigned mask = 0;

    for (int c = 0; c < IOT_CLASSES; c++) {
        if (q->queued[c] > 0)
            mask |= 1u << c;
    }
    return mask;
}
