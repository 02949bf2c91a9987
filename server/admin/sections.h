/* SPDX-License-Identifier: BSD-2-Clause */
/* The sections of a statedump, each by the file that knows its subject.  They
 * run on the statedump's thread and hold no mutex while they write.  Private
 * to the statedump. */
#ifndef CLINKER_SERVER_ADMIN_SECTIONS_H
#define CLINKER_SERVER_ADMIN_SECTIONS_H

#include "server/admin/admin.h"
#include "server/core/dump.h"

enum {
    SECTIONS_CALLS_MAX = 4096, /* requests shown of one client */
    SECTIONS_FDS_MAX = 4096,   /* fds shown of one client */
};

/* All of them, in the peer's order. */
void sections_write(struct dump *d, struct admin *admin);

/* mallinfo, usage by type, pools, buffers, and what the kernel says */
void section_memory(struct dump *d);
void section_iobufs(struct dump *d);
/* parts of the first that are ours: pages, limit and reclaim, faults, growth */
void section_pages(struct dump *d);
void section_pressure(struct dump *d);
/* requests in flight */
void section_calls(struct dump *d, struct admin *admin);
/* counters of the operations */
void section_latency(struct dump *d, struct admin *admin);
void section_stages(struct dump *d, struct admin *admin);
void section_slow_ops(struct dump *d, struct admin *admin);
void section_programs(struct dump *d, struct admin *admin);
/* objects known, and the locks on them */
void section_inodes(struct dump *d, struct admin *admin);
/* clients and their fds */
void section_clients(struct dump *d, struct admin *admin);
void section_iothreads(struct dump *d, struct admin *admin);
void section_rpc(struct dump *d, struct admin *admin);

#endif
