/* SPDX-License-Identifier: BSD-2-Clause */
/* What each client holds in memory: of all its connections, read at once. */
#ifndef CLINKER_SERVER_FOP_HELD_H
#define CLINKER_SERVER_FOP_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/service.h"
#include "server/fop/client.h"

struct held_row;

struct held {
    struct held_row *rows; /* by client */
    size_t count, room;
    bool failed; /* no memory for all of them */
};

void held_read(struct held *h, struct rpc_service *svc);
/* Bytes, and in *reading whether all of its connections are read from. */
uint64_t held_of(const struct held *h, const struct client *client,
                 bool *reading);
void held_free(struct held *h);

#endif
