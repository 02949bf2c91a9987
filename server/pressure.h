/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory as the brick has it: what the options of [memory] mean, who gives
 * back when it gets short, and whom it is kept from.  doc/memory.md has the
 * whole.
 */
#ifndef CLINKER_SERVER_PRESSURE_H
#define CLINKER_SERVER_PRESSURE_H

#include "server/fop/brick.h"

struct pressure;

/* Less than that and there is no room to work. */
enum { PRESSURE_LIMIT_BYTES_MIN = 16 << 20 };

/* The limit and the other options that need nothing but themselves: before
 * anything large is made. */
void pressure_apply(const struct options *o);
/* How many unused inodes are to be kept. */
uint32_t pressure_unused_inodes(const struct options *o);
/* With all parts of the brick but its disk made: the reclaimer's thread and
 * its shrinkers.  NULL and errno. */
struct pressure *pressure_start(struct brick *brick);
/* Before clients and workers go: nobody wakes or stops them any more. */
void pressure_leave_clients(struct pressure *p);
/* Before the inode table goes.  NULL is fine. */
void pressure_stop(struct pressure **pp);
/* One of [memory], or server.inode-lru-limit, has changed. */
void pressure_option_changed(struct brick *brick, enum option_id id);

#endif
