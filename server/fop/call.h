/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request from its record to its reply.  It belongs to one thread at a time;
 * handing it over (to the pool, to a lock's waiting list) is the only
 * synchronisation it needs.
 */
#ifndef CLINKER_SERVER_FOP_CALL_H
#define CLINKER_SERVER_FOP_CALL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "mem/arena.h"
#include "rpc/program.h"
#include "server/core/caller.h"
#include "server/fop/brick.h"
#include "server/fop/client.h"
#include "server/posix/posix.h"
#include "server/wire/args.h"
#include "server/wire/reply.h"

enum { CALL_MAGIC = 0x43414c4c, CALL_FIRST_BLOCK_BYTES = 2048 };

enum call_state { CALL_RECEIVED, CALL_QUEUED, CALL_RUNNING, CALL_PARKED };

struct call {
    struct rpc_request rpc; /* first: rpc hands us a pointer to it */
    unsigned magic;
    struct brick *brick;
    struct client *client;      /* a reference; NULL before SETVOLUME */
    struct cds_list_head node;  /* [client->calls_mtx] on client->calls */
    const struct fop_def *fop;  /* NULL: not a file operation */
    _Atomic(int) state;         /* enum call_state, for the statedump */
    bool waits;                 /* counted in client->waiting */
    bool gated;                 /* counted in client->gated */
    bool fd_installed;          /* c->fd, by this call */
    bool fd_reserved;           /* fd_number is kept for it */
    int64_t fd_number;
    struct caller caller;
    uint32_t groups[RPC_GROUPS_MAX]; /* squashed, or looked up */
    struct arena arena;
    struct fop_args args;
    struct fop_reply reply;
    struct iot_work work;
    struct call_times {  /* spent.h's */
        uint64_t decoded_ns; /* when it was first queued, or run; 0: not yet */
        uint64_t parked_ns;  /* waits for a lock since; 0: it does not */
        uint64_t waited_ns, locked_ns; /* for a worker, for locks; so far */
        bool queued;
    } times;
    struct inode *removing; /* its removal has begun; a reference */
    /* Resolved objects, given back with the call. */
    struct inode *inode, *parent, *inode2, *parent2;
    struct fd *fd, *fd2;
    uint64_t first_block[CALL_FIRST_BLOCK_BYTES / sizeof(uint64_t)];
};

static inline struct call *
call_of(struct rpc_request *req)
{
    return (struct call *)req;
}

/* For rpc_service_ops; arg is the brick. */
void call_init(void *arg, struct rpc_request *req);
void call_fini(void *arg, struct rpc_request *req);
/* It will be run anew: give back what its handler resolved. */
void call_unresolve(struct call *c);

/* Keep a number for the fd that is to be installed, before anything is changed
 * for it; it goes with the call.  0 or -errno. */
int call_reserve_fd(struct call *c);
/* Number c->fd for the client, and tell it in the reply. 0 or -errno. */
int call_install_fd(struct call *c);
/* The client will not be told: without its number, nobody would ever release
 * it. */
void call_uninstall_fd(struct call *c);
/* For replies that have a dictionary exactly when the request had one. */
void call_answer_xdata(struct call *c);
/* What posix functions want. */
struct posix_call call_posix(struct call *c);

#endif
