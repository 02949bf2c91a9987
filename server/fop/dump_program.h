/* SPDX-License-Identifier: BSD-2-Clause */
/* The program by which a client asks what we speak, and whether we live. */
#ifndef CLINKER_SERVER_FOP_DUMP_PROGRAM_H
#define CLINKER_SERVER_FOP_DUMP_PROGRAM_H

#include "rpc/program.h"

extern const struct rpc_program dump_program;

/* op_ret, op_errno and an empty opaque: PING, and every program's NULL. */
void reply_plain(struct rpc_request *req, int32_t op_ret, int32_t op_errno);
/* The results as written so far; nothing but an RPC error when that failed. */
struct xdr_out;
void reply_xdr(struct rpc_request *req, struct xdr_out *out);

#endif
