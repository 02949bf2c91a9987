/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work that takes long, off the main loop: a thread that runs jobs one after
 * another, started with the first of them.  All functions are called on the
 * main loop.
 */
#ifndef CLINKER_SERVER_ADMIN_BACKGROUND_H
#define CLINKER_SERVER_ADMIN_BACKGROUND_H

#include <event2/event.h>
#include <stdbool.h>
#include <urcu/list.h>

struct background;

enum { BACKGROUND_WAITING_MAX = 64 };

/* Embedded in what the job is about; the submitter's until submitted and again
 * from done() on. */
struct background_job {
    void (*run)(struct background_job *job); /* on the thread */
    /* On the main loop, once.  ran: false when the thread was stopped first. */
    void (*done)(struct background_job *job, bool ran);
    struct cds_list_head node; /* background.c's */
};

/* The name is the thread's, 15 bytes at most, static. 0 or -errno. */
int background_new(struct background **out, struct event_base *base,
                   const char *name);
/* Start the thread now: who submits later is not told that there is none.
 * 0 or -errno. */
int background_start(struct background *bg);
/* Waits for the job that runs; done() is called for it and for those that
 * wait. */
void background_stop(struct background **bgp);
/* 0; -EBUSY when BACKGROUND_WAITING_MAX wait; -errno: there is no thread. */
int background_submit(struct background *bg, struct background_job *job);

#endif
