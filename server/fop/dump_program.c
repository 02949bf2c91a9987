/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/dump_program.h"

#include <string.h>

#include "rpc/service.h"
#include "rpc/xdr.h"

void
reply_xdr(struct rpc_request *req, struct xdr_out *out)
{
    size_t bytes;
    struct iobuf *head = xdr_out_take(out, &bytes);

    if (head == NULL)
        rpc_reply_error(req, RPC_SYSTEM_ERR);
    else
        rpc_reply(req, head, bytes, NULL, 0);
}

void
reply_plain(struct rpc_request *req, int32_t op_ret, int32_t op_errno)
{
    struct xdr_out out;

    if (xdr_out_init(&out, RPC_REPLY_HEAD_BYTES, 12) != 0) {
        rpc_reply_error(req, RPC_SYSTEM_ERR);
        return;
    }
    xdr_out_i32(&out, op_ret);
    xdr_out_i32(&out, op_errno);
    xdr_out_opaque(&out, NULL, 0);
    reply_xdr(req, &out);
}

static void
receive_dump(struct rpc_request *req)
{
    struct rpc_service *svc = rpc_conn_service(req->conn);
    const struct rpc_program *p;
    struct xdr_out out;
    unsigned i;

    if (xdr_out_init(&out, RPC_REPLY_HEAD_BYTES, 256) != 0) {
        rpc_reply_error(req, RPC_SYSTEM_ERR);
        return;
    }
    xdr_out_u64(&out, 0);
    xdr_out_i32(&out, 0);
    xdr_out_i32(&out, 0);
    for (i = 0; (p = rpc_service_program(svc, i)) != NULL; i++) {
        xdr_out_u32(&out, 1);
        xdr_out_opaque(&out, p->name, strlen(p->name));
        xdr_out_u64(&out, p->number);
        xdr_out_u64(&out, p->version);
    }
    xdr_out_u32(&out, 0);
    reply_xdr(req, &out);
}

/* Answered here, on the event thread: it must not wait for the pool, or busy
 * disks would look like a dead brick. */
static void
receive_ping(struct rpc_request *req)
{
    reply_plain(req, 0, 0);
}

static const struct rpc_proc procs[] = {
    [1] = {.name = "DUMP", .handler = receive_dump},
    [2] = {.name = "PING", .handler = receive_ping},
};

const struct rpc_program dump_program = {
    .name = "GF-DUMP",
    .number = 123451501,
    .version = 1,
    .procs = procs,
    .procs_count = sizeof(procs) / sizeof(procs[0]),
};
