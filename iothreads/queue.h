/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which item is next: the pure structure, without mutex, thread or clock.
 *
 *     class    turn-list        each owner's items, oldest first
 *     fast     A -> C           A: a1 a2   C: c1
 *     normal   B                B: b1 b2 b3
 *     slow     (empty)
 *     least    A                A: a3
 *
 * The next item is that of the highest class that has one and runs less than
 * its limit; inside the class it is the first owner's oldest.  The owner then
 * goes to the tail of the turn-list, or leaves it with its last item.  So an
 * owner waits at most one item of every other owner, however long their
 * queues are.
 */
#ifndef CLINKER_IOTHREADS_QUEUE_H
#define CLINKER_IOTHREADS_QUEUE_H

#include <stdint.h>
#include <urcu/list.h>

#include "iothreads/work.h"

struct iot_queue {
    struct cds_list_head turns[IOT_CLASSES]; /* of iot_owner.turn[class] */
    uint32_t queued[IOT_CLASSES]; /* == sum of owners' queued[class] */
    uint32_t running[IOT_CLASSES];
    uint32_t limit[IOT_CLASSES]; /* running may be above it only after the
                                    limit was lowered */
};

/* All limits are 0: nothing is next until they are set. */
void iot_queue_init(struct iot_queue *q);

/* Append to the owner's items of work->class. */
void iot_queue_push(struct iot_queue *q, struct iot_work *work);
/* Take the next item, NULL when there is none that may run.  It counts as
 * running until iot_queue_done(). */
struct iot_work *iot_queue_pop(struct iot_queue *q);
/* Take the next item of this one class, under the same rules. */
struct iot_work *iot_queue_pop_class(struct iot_queue *q, enum iot_class class);
void iot_queue_done(struct iot_queue *q, enum iot_class class);

/* Take what `owner` has queued in the classes that are not in keep_mask (bit
 * 1 << class) and append it to `out` (by iot_work.node), class by class,
 * oldest first.  Adds to dropped[class]; returns how many in all. */
uint32_t iot_queue_drop_owner(struct iot_queue *q, struct iot_owner *owner,
                              unsigned keep_mask, struct cds_list_head *out,
                              uint64_t dropped[IOT_CLASSES]);

/* The first `max` owners of a class's turn-list, next first, and what each has
 * queued.  Returns how many were copied. */
struct iot_turn {
    const struct iot_owner *owner;
    uint32_t queued;
};
uint32_t iot_queue_turns(const struct iot_queue *q, enum iot_class class,
                         struct iot_turn *out, uint32_t max);

/* How many items more threads could take now. */
uint32_t iot_queue_ready(const struct iot_queue *q);
/* How many items run. */
uint32_t iot_queue_running(const struct iot_queue *q);
/* Bit 1 << class for each class that has items. */
unsigned iot_queue_waiting_mask(const struct iot_queue *q);

#endif
