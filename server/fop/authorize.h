/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may be a client: the rules of stage/auth.h fed from the options. */
#ifndef CLINKER_SERVER_FOP_AUTHORIZE_H
#define CLINKER_SERVER_FOP_AUTHORIZE_H

#include <stdbool.h>

#include "server/fop/client.h"

struct brick;

/* Sets hello->trusted. */
bool authorize(struct brick *brick, struct rpc_conn *conn,
               struct client_hello *hello);
/* The rules have changed: disconnect the clients that they no longer admit.
 * A worker does it, since names may have to be resolved; the caller waits for
 * nothing. */
void authorize_again(struct brick *brick);

#endif
