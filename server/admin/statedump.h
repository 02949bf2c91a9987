/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statedumps: the daemon's state as text, in the peer's format
 * (doc/statedump.md), written by a thread of its own while everything else
 * goes on.  All functions are called on the main loop.
 */
#ifndef CLINKER_SERVER_ADMIN_STATEDUMP_H
#define CLINKER_SERVER_ADMIN_STATEDUMP_H

#include "server/admin/admin.h"

struct statedump;

enum { STATEDUMP_WAITING_MAX = 32 };

/* Start the thread; `admin` is borrowed. 0 or -errno. */
int statedump_start(struct statedump **out, struct admin *admin);
/* Ends the dump that is being written, answers -ESHUTDOWN to those that wait,
 * joins the thread. */
void statedump_stop(struct statedump **sdp);

/* Write one, as after SIGUSR1: how it went is logged.  However often it is
 * asked for while one is written, one more follows. */
void statedump_request(struct statedump *sd);

/* Write one; done is called once, on the main loop, with 0 and the file's path
 * or with -errno and NULL.  parts: DUMP_*, 0: what the options file says, else
 * everything. 0; -EBUSY with STATEDUMP_WAITING_MAX waiting; -ENOMEM. */
int statedump_write(struct statedump *sd, unsigned parts,
                    void (*done)(void *arg, int err, const char *path),
                    void *arg);

#endif
