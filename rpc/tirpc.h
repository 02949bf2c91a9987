/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libtirpc's headers of RPC messages.  They are called rpc/… as ours are, and
 * the include path has ours first: include_next passes over them.
 */
#ifndef CLINKER_RPC_TIRPC_H
#define CLINKER_RPC_TIRPC_H

#include <rpc/types.h>
#include "rpc/xdr.h"

/* Its client side has an enumerator of this name, unused here. */
#define RPC_SUCCESS TIRPC_CLNT_SUCCESS
#include_next <rpc/auth.h>
#undef RPC_SUCCESS

struct rpc_err; /* rpc_msg.h names it and leaves it to others */
#include <rpc/rpc_msg.h>

#endif
