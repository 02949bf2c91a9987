/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Headers of calls and replies (RFC 5531, section 9), read and written by
 * libtirpc's own routines.
 */
#ifndef CLINKER_RPC_MESSAGE_H
#define CLINKER_RPC_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "rpc/program.h"

enum {
    MESSAGE_CALL = 0,
    MESSAGE_REPLY = 1,
    /* Largest answer that has no results: denied, or a version mismatch. */
    MESSAGE_REPLY_BYTES_MAX = 32,
};

struct message_call {
    uint32_t xid;
    uint32_t program;
    uint32_t version;
    uint32_t procedure;
    uint32_t cred_flavor;
    uint32_t cred_bytes;
    const uint8_t *cred; /* a view */
    size_t head_bytes;   /* the arguments follow */
};

/* MESSAGE_CALL, MESSAGE_REPLY, or -EPROTO for anything else. */
int message_type(const uint8_t *p, size_t bytes);
/* 0, or -EINVAL: cut short, not RPC version 2, a credential or verifier over
 * its bound. */
int message_decode_call(struct message_call *call, const uint8_t *p,
                        size_t bytes);
/* Does a reply's header decode?  0 or -EINVAL. */
int message_check_reply(const uint8_t *p, size_t bytes);
/* Where a call's header ends, of which `avail` bytes are there.  0: *bytes is
 * set; -EAGAIN: at least *bytes are needed to tell; -EINVAL. */
int message_call_head_bytes(const uint8_t *p, size_t avail, size_t *bytes);

/* Writers; each returns the bytes written, without a record mark.  Up to
 * MESSAGE_REPLY_BYTES_MAX; for RPC_SUCCESS RPC_REPLY_HEAD_BYTES less the
 * mark. */
size_t message_encode_accepted(uint8_t *out, uint32_t xid,
                               enum rpc_accept stat);
size_t message_encode_auth_error(uint8_t *out, uint32_t xid,
                                 uint32_t auth_stat);
/* RPC_CALL_HEAD_BYTES less the mark; AUTH_NULL. */
size_t message_encode_call(uint8_t *out, uint32_t xid, uint32_t program,
                           uint32_t version, uint32_t proc);

#endif
