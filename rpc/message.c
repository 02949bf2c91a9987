/* SPDX-License-Identifier: BSD-2-Clause */
/* RPC headers through libtirpc; message.h tells the idea. */
#include "rpc/message.h"

#include <errno.h>
#include <string.h>

#include "mem/must.h"
#include "rpc/record.h"
#include "rpc/tirpc.h"
#include "rpc/xdr.h"

enum {
    CRED_FLAVOR_AT = 24, /* xid, type, rpc version, program, version, proc */
    CRED_BODY_AT = CRED_FLAVOR_AT + 8,
};

_Static_assert(MAX_AUTH_BYTES == RPC_CRED_BYTES_MAX, "one bound");
_Static_assert(CALL == (int)MESSAGE_CALL && REPLY == (int)MESSAGE_REPLY,
               "one coding");
_Static_assert(SUCCESS == (int)RPC_SUCCESS &&
                   SYSTEM_ERR == (int)RPC_SYSTEM_ERR,
               "one coding");

static XDR *
stream(XDR *xdrs, const uint8_t *p, size_t bytes, enum xdr_op op)
{
    must(bytes <= RPC_RECORD_BYTES_MAX);
    xdrmem_create(xdrs, (char *)(uintptr_t)p, (u_int)bytes, op);
    return xdrs;
}

/* xdr_void() has another type than the hook for results. */
static bool_t
no_results(XDR *xdrs, ...)
{
    return TRUE;
}

int
message_type(const uint8_t *p, size_t bytes)
{
    struct xdr_in in;
    uint32_t type;

    xdr_in_init(&in, p, bytes);
    (void)xdr_in_u32(&in);
    type = xdr_in_u32(&in);
    if (in.bad || (type != MESSAGE_CALL && type != MESSAGE_REPLY))
        return -EPROTO;
    return (int)type;
}

int
message_decode_call(struct message_call *call, const uint8_t *p, size_t bytes)
{
    /* libtirpc copies both bodies out; given room it does not allocate. */
    char cred[MAX_AUTH_BYTES], verf[MAX_AUTH_BYTES];
    struct rpc_msg msg = {.rm_xid = 0};
    XDR xdrs;

    msg.rm_call.cb_cred.oa_base = cred;
    msg.rm_call.cb_verf.oa_base = verf;
    if (!xdr_callmsg(stream(&xdrs, p, bytes, XDR_DECODE), &msg))
        return -EINVAL;
    call->xid = msg.rm_xid;
    call->program = (uint32_t)msg.rm_call.cb_prog;
    call->version = (uint32_t)msg.rm_call.cb_vers;
    call->procedure = (uint32_t)msg.rm_call.cb_proc;
    call->cred_flavor = (uint32_t)msg.rm_call.cb_cred.oa_flavor;
    call->cred_bytes = msg.rm_call.cb_cred.oa_length;
    call->cred = p + CRED_BODY_AT;
    call->head_bytes = XDR_GETPOS(&xdrs);
    return 0;
}

int
message_check_reply(const uint8_t *p, size_t bytes)
{
    char verf[MAX_AUTH_BYTES];
    struct rpc_msg msg = {.rm_xid = 0};
    XDR xdrs;

    msg.acpted_rply.ar_verf.oa_base = verf;
    msg.acpted_rply.ar_results.where = NULL;
    msg.acpted_rply.ar_results.proc = no_results;
    if (!xdr_replymsg(stream(&xdrs, p, bytes, XDR_DECODE), &msg))
        return -EINVAL;
    return 0;
}

int
message_call_head_bytes(const uint8_t *p, size_t avail, size_t *bytes)
{
    struct xdr_in in;
    size_t need = CRED_BODY_AT;

    /* Credential, then verifier: flavour, length, body. */
    for (int i = 0; i < 2; i++) {
        uint32_t body;

        if (avail < need) {
            *bytes = need;
            return -EAGAIN;
        }
        xdr_in_init(&in, p + need - BYTES_PER_XDR_UNIT, BYTES_PER_XDR_UNIT);
        body = xdr_in_u32(&in);
        if (body > MAX_AUTH_BYTES)
            return -EINVAL;
        need += RNDUP(body) + (i == 0 ? 2 * BYTES_PER_XDR_UNIT : 0);
    }
    *bytes = need;
    return avail < need ? -EAGAIN : 0;
}

static size_t
encode_reply(uint8_t *out, struct rpc_msg *msg)
{
    XDR xdrs;

    msg->rm_direction = REPLY;
    must(xdr_replymsg(stream(&xdrs, out, MESSAGE_REPLY_BYTES_MAX, XDR_ENCODE),
                      msg));
    return XDR_GETPOS(&xdrs);
}

size_t
message_encode_accepted(uint8_t *out, uint32_t xid, enum rpc_accept stat)
{
    struct rpc_msg msg = {.rm_xid = xid};
    size_t bytes;

    msg.rm_reply.rp_stat = MSG_ACCEPTED;
    msg.acpted_rply.ar_verf = _null_auth;
    msg.acpted_rply.ar_stat = (enum accept_stat)stat;
    if (stat == RPC_PROG_MISMATCH) {
        /* The peer's clients are used to seeing no range. */
        msg.acpted_rply.ar_vers.low = 0;
        msg.acpted_rply.ar_vers.high = 0;
    } else {
        msg.acpted_rply.ar_results.where = NULL;
        msg.acpted_rply.ar_results.proc = no_results;
    }
    bytes = encode_reply(out, &msg);
    must(stat == RPC_PROG_MISMATCH ||
         bytes == RPC_REPLY_HEAD_BYTES - RECORD_MARK_BYTES);
    return bytes;
}

size_t
message_encode_auth_error(uint8_t *out, uint32_t xid, uint32_t auth_stat)
{
    struct rpc_msg msg = {.rm_xid = xid};

    msg.rm_reply.rp_stat = MSG_DENIED;
    msg.rjcted_rply.rj_stat = AUTH_ERROR;
    msg.rjcted_rply.rj_why = (enum auth_stat)auth_stat;
    return encode_reply(out, &msg);
}

size_t
message_encode_call(uint8_t *out, uint32_t xid, uint32_t program,
                    uint32_t version, uint32_t proc)
{
    struct rpc_msg msg = {.rm_xid = xid, .rm_direction = CALL};
    size_t bytes = RPC_CALL_HEAD_BYTES - RECORD_MARK_BYTES;
    XDR xdrs;

    msg.rm_call.cb_rpcvers = RPC_MSG_VERSION;
    msg.rm_call.cb_prog = program;
    msg.rm_call.cb_vers = version;
    msg.rm_call.cb_proc = proc;
    msg.rm_call.cb_cred = _null_auth;
    msg.rm_call.cb_verf = _null_auth;
    must(xdr_callmsg(stream(&xdrs, out, bytes, XDR_ENCODE), &msg));
    must(XDR_GETPOS(&xdrs) == bytes);
    return bytes;
}
