/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one path of a file operation: decode, queue, run, encode, reply.
 */
#ifndef CLINKER_SERVER_FOP_RUN_H
#define CLINKER_SERVER_FOP_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "server/fop/call.h"

/* What a handler returns: op_ret, or a negative errno, or FOP_WAITS when
 * somebody else has the call now and will finish it. */
#define FOP_WAITS INT64_MIN

typedef int64_t (*fop_handler)(struct call *c);

/* rpc_proc.handler of every file operation. */
void fop_receive(struct rpc_request *req);
/* Answer a call: ret as a handler returns it, but not FOP_WAITS.  The call is
 * gone afterwards. */
void fop_finish(struct call *c, int64_t ret);

/* Run a call's handler anew, which has returned FOP_WAITS: what it waited for
 * may have come about. */
void fop_again(struct call *c);

/* Of a sub-directory mount, whose root is that directory: give its attributes
 * the root's gfid and number.  True if it is. */
bool fop_subdir_iatt(const struct call *c, struct iatt *ia);

/* The program for rpc_service_add_program(). */
extern const struct rpc_program fop_program_v400;

#endif
