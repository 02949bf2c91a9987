/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client's half of the brick's protocol, enough of it to put load on a
 * brick: calls are built here, one at a time or as heads to be copied and
 * patched; the simple ones are also sent and awaited here.
 */
#ifndef CLINKER_TESTS_BENCH_WIRE_CLIENT_H
#define CLINKER_TESTS_BENCH_WIRE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/xdr.h"

enum {
    WIRE_GFID_BYTES = 16,
    /* Where things are in a record, from its mark on.  All calls carry a
     * credential of the same length, so their arguments start alike. */
    WIRE_XID_AT = 4,
    WIRE_TIME_FLAGS_AT = 48,
    WIRE_TIME_NSEC_AT = 52,
    WIRE_TIME_SEC_AT = 56,
    WIRE_ARGS_AT = 84,
    WIRE_OP_RET_AT = 28, /* in a reply */
    WIRE_OP_ERRNO_AT = 32,
    WIRE_REPLY_HEAD_BYTES = 36,
    WIRE_REPLY_BYTES_MAX = 1 << 20,
};

enum { /* as the client's utime translator says it */
    WIRE_CHANGES_NEW = 0x1f,
    WIRE_CHANGES_DATA = 0x3,
    WIRE_CHANGES_XATTR = 0x1,
    WIRE_CHANGES_GONE = 0x19,
};

enum wire_program { WIRE_DUMP, WIRE_HANDSHAKE, WIRE_FOP };

enum wire_fop {
    WIRE_STAT = 1,
    WIRE_MKNOD = 3,
    WIRE_MKDIR = 4,
    WIRE_UNLINK = 5,
    WIRE_RMDIR = 6,
    WIRE_OPEN = 11,
    WIRE_READ = 12,
    WIRE_WRITE = 13,
    WIRE_SETXATTR = 17,
    WIRE_GETXATTR = 18,
    WIRE_LOOKUP = 27,
};

struct wire_target {
    const char *host, *port, *brick;
    int32_t pid; /* in the credential; negative: an internal client */
};

struct wire_conn {
    const struct wire_target *target;
    int fd; /* -1: not connected */
    uint32_t xid;
};

/* The result of an awaited call: what stands behind the RPC header. */
struct wire_reply {
    struct iobuf *buf;
    const uint8_t *body; /* op_ret first */
    size_t bytes;
    int32_t op_ret, op_errno;
};

/* Start a call; its arguments follow through `out`. 0 or -ENOMEM. */
int wire_call_begin(struct xdr_out *out, const struct wire_target *target,
                    enum wire_program program, uint32_t procedure);
/* Set the mark; payload_bytes follow what was encoded. */
void wire_call_end(struct xdr_out *out, size_t payload_bytes);

/* Stamp a call with the time and with what it changes (WIRE_CHANGES_…). */
void wire_call_stamp(uint8_t *record, uint32_t changes);

void wire_out_string(struct xdr_out *out, const char *text);
/* No dictionary, and one with one value of bytes (a PTR). */
void wire_out_no_dict(struct xdr_out *out);
void wire_out_one(struct xdr_out *out, const char *key, const void *value,
                  uint32_t bytes);
/* The dictionary of a call that makes something: which gfid it gets. */
void wire_out_gfid_request(struct xdr_out *out,
                           const uint8_t gfid[WIRE_GFID_BYTES]);

/* Send a call that was begun and its payload, and await its reply; takes
 * `call` over.  0, or a negative errno: the connection's, -EPROTO, or what
 * op_errno says.  Give the reply back with wire_reply_drop(). */
int wire_await(struct wire_conn *conn, struct xdr_out *call,
               const void *payload, size_t payload_bytes,
               struct wire_reply *reply);
void wire_reply_drop(struct wire_reply *reply);

/* The two halves of it, for several calls in flight.  Replies come in any
 * order; what wire_send() gave the call as conn->xid is first in its buffer.
 * wire_receive() is 0 for an answer that is an error, too. */
int wire_send(struct wire_conn *conn, struct xdr_out *call,
              const void *payload, size_t payload_bytes);
int wire_receive(struct wire_conn *conn, struct wire_reply *reply);

/* Connect, check what the server offers, and introduce ourselves as client
 * number `number` of this process.  0 or a negative errno. */
int wire_connect(struct wire_conn *conn, const struct wire_target *target,
                 unsigned number);
void wire_close(struct wire_conn *conn);

/* Big-endian numbers in a record. */
void wire_put_u32(uint8_t *p, uint32_t v);
void wire_put_u64(uint8_t *p, uint64_t v);
uint32_t wire_get_u32(const uint8_t *p);
uint64_t wire_get_u64(const uint8_t *p);

#endif
