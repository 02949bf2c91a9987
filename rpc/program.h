/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that a service offers, and the requests that reach them.
 */
#ifndef CLINKER_RPC_PROGRAM_H
#define CLINKER_RPC_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/iobuf.h"
#include "mem/pool.h"
#include "rpc/auth.h"

struct rpc_conn;
struct rpc_request;

/* accept_stat of RFC 5531. */
enum rpc_accept {
    RPC_SUCCESS = 0,
    RPC_PROG_UNAVAIL = 1,
    RPC_PROG_MISMATCH = 2,
    RPC_PROC_UNAVAIL = 3,
    RPC_GARBAGE_ARGS = 4,
    RPC_SYSTEM_ERR = 5,
};

enum {
    RPC_RECORD_BYTES_MAX = 0x3fffffff, /* the protocol's bound, exclusive of
                                          the next byte */
    /* Room to leave in front of a reply's results: record mark and header. */
    RPC_REPLY_HEAD_BYTES = 4 + 24,
    RPC_CALL_HEAD_BYTES = 4 + 40,
};

struct rpc_proc {
    const char *name; /* NULL: no such procedure */
    /* Runs on the connection's event thread and owns the request: exactly one
     * of rpc_reply(), rpc_reply_error() or rpc_request_drop() must follow, at
     * once or later, on any thread. */
    void (*handler)(struct rpc_request *req);
    /* For a procedure whose arguments are followed by raw payload that should
     * be received into an aligned buffer: tells how many bytes the arguments
     * take, given their first `avail` bytes.  0: *args_bytes is set; -EAGAIN:
     * more are needed (*args_bytes says how many in all); -EINVAL: nonsense,
     * receive it as an ordinary record. */
    int (*split)(const uint8_t *args, size_t avail, size_t *args_bytes);
};

struct rpc_program {
    const char *name; /* as told by DUMP */
    uint32_t number;
    uint32_t version;
    const struct rpc_proc *procs; /* index: procedure number */
    uint32_t procs_count;
};

/* The first member of the service's own request object. */
struct rpc_request {
    unsigned magic;
    struct rpc_conn *conn; /* holds a reference */
    uint32_t xid;
    const struct rpc_program *program;
    uint32_t proc;
    struct rpc_cred cred;
    const uint8_t *args; /* a view into rx */
    size_t args_bytes;
    struct iobuf *rx;      /* holds a reference */
    struct iobuf *payload; /* after the arguments, or NULL; reference held */
    const uint8_t *payload_data;
    size_t payload_bytes;
    uint64_t received_ns; /* CLOCK_MONOTONIC when the record was complete */
    bool parked;          /* does not count against the connection's limit */
    size_t held_bytes;    /* counted as held by the connection */
};

/* Answer.  `head` holds the results, written after RPC_REPLY_HEAD_BYTES (so
 * head_bytes includes that room, which rpc fills); `payload` follows raw and
 * may be NULL.  Both references are taken over.  The request is given back to
 * its pool: the caller may not touch it afterwards.  A connection that has
 * gone swallows the reply. */
void rpc_reply(struct rpc_request *req, struct iobuf *head, size_t head_bytes,
               struct iobuf *payload, size_t payload_bytes);
void rpc_reply_error(struct rpc_request *req, enum rpc_accept stat);
/* No answer at all: the peer has gone. */
void rpc_request_drop(struct rpc_request *req);
/* Count so many bytes more as held by the request's connection until it is
 * answered: the request's object, the reply that it will get.  Once, by its
 * handler. */
void rpc_request_holds(struct rpc_request *req, size_t bytes);
/* The request will wait for something only other requests can bring about (a
 * blocking lock): it no longer counts against the outstanding limit, lest the
 * limit keep out the very request it waits for. */
void rpc_request_park(struct rpc_request *req);

#endif
