/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A unit of work and whom it is for.  Both structs are embedded in the
 * caller's own; the pool allocates nothing per item.
 */
#ifndef CLINKER_IOTHREADS_WORK_H
#define CLINKER_IOTHREADS_WORK_H

#include <stdbool.h>
#include <stdint.h>
#include <urcu/list.h>

enum iot_class { IOT_FAST, IOT_NORMAL, IOT_SLOW, IOT_LEAST, IOT_CLASSES };

extern const char *const iot_class_name[IOT_CLASSES]; /* "fast" … "least" */

/* One client.  All members belong to the pool and are guarded by its mutex;
 * the client's own lifetime must cover that of its queued work. */
struct iot_owner {
    struct cds_list_head items[IOT_CLASSES]; /* FIFO of iot_work.node */
    struct cds_list_head turn[IOT_CLASSES];  /* on the class's turn-list  <=>
                                                items[] is not empty */
    uint32_t queued[IOT_CLASSES];
};

struct iot_work {
    struct cds_list_head node;
    struct iot_owner *owner; /* never NULL */
    enum iot_class class;
    bool queued;
    uint64_t queued_ns; /* CLOCK_MONOTONIC, set by iot_submit() */
    uint64_t taken_ns;  /* a worker took it; untouched if none did */
    /* Runs on a worker, which may not touch the work afterwards. */
    void (*run)(struct iot_work *work);
    /* Runs instead of run when the item was dropped unrun. */
    void (*drop)(struct iot_work *work);
};

void iot_owner_init(struct iot_owner *owner);

#endif
