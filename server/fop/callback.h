/* SPDX-License-Identifier: BSD-2-Clause */
/* The callback program: what the brick says to clients unasked.  Nothing of it
 * is answered. */
#ifndef CLINKER_SERVER_FOP_CALLBACK_H
#define CLINKER_SERVER_FOP_CALLBACK_H

#include "server/fop/client.h"
#include "server/lock/internal.h"

/* The storage has failed: to one connection. */
void callback_child_down(struct rpc_conn *conn);
/* Somebody else wants a lock that the client has. */
void callback_contention(struct client *client,
                         const struct lk_notice *notice);

#endif
