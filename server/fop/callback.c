/* SPDX-License-Identifier: BSD-2-Clause */
/* The callback program; doc/protocol.md has the messages. */
#include "server/fop/callback.h"

#include <errno.h>
#include <string.h>

#include "server/fop/brick.h"
#include "server/wire/types.h"
#define LOG_DOMAIN "server"
#include "server/core/log.h"

enum {
    CALLBACK_PROGRAM = 52743234,
    CALLBACK_VERSION = 1,
    CALLBACK_CHILD_DOWN = 7,
    CALLBACK_INODELK_CONTENTION = 10,
    CALLBACK_ENTRYLK_CONTENTION = 11,
};

/* Takes over what is in out. */
static int
notify(struct rpc_conn *conn, uint32_t proc, struct xdr_out *out)
{
    size_t bytes;
    struct iobuf *body = xdr_out_take(out, &bytes);

    if (body == NULL)
        return -ENOMEM;
    return rpc_conn_notify(conn, CALLBACK_PROGRAM, CALLBACK_VERSION, proc,
                           body, bytes);
}

void
callback_child_down(struct rpc_conn *conn)
{
    struct xdr_out out;
    int err = xdr_out_init(&out, RPC_CALL_HEAD_BYTES, 0);

    if (err == 0)
        err = notify(conn, CALLBACK_CHILD_DOWN, &out);
    if (err != 0)
        log_warning("%s could not be told that the brick has failed: %s",
                    rpc_conn_peer(conn), strerror(-err));
}

/* --- contention --- */

struct contention {
    struct client *client;
    const struct lk_notice *notice;
    bool told;
};

static void
put_lock(struct xdr_out *out, const struct lk_notice *n)
{
    const struct wire_flock fl = {
        .type = n->type,
        .whence = n->whence,
        .start = n->range.start,
        .len = (uint64_t)lk_range_len(&n->range),
    }; /* without the owner: as on the peer */

    wire_out_gfid(out, &n->gfid);
    if (n->kind == ILK_RANGE) {
        wire_out_flock(out, &fl);
        xdr_out_u32(out, (uint32_t)n->caller_pid);
    } else {
        xdr_out_u32(out, n->type);
        xdr_out_u32(out, (uint32_t)n->caller_pid);
        xdr_out_opaque(out, n->name == NULL ? "" : n->name,
                       n->name == NULL ? 0 : strlen(n->name));
    }
    xdr_out_opaque(out, n->volume, strlen(n->volume));
    xdr_out_opaque(out, "", 0); /* no dictionary */
}

/* One of the client's connections will do.  The client is referred to, so the
 * connection's pointer is not another's at the same place. */
static void
tell(void *arg, struct rpc_conn *conn)
{
    struct contention *ct = arg;
    struct xdr_out out;

    if (ct->told || rpc_conn_user(conn) != ct->client)
        return;
    if (xdr_out_init(&out, RPC_CALL_HEAD_BYTES, 256) != 0)
        return;
    put_lock(&out, ct->notice);
    ct->told = notify(conn,
                      ct->notice->kind == ILK_RANGE
                          ? CALLBACK_INODELK_CONTENTION
                          : CALLBACK_ENTRYLK_CONTENTION,
                      &out) == 0;
}

void
callback_contention(struct client *client, const struct lk_notice *notice)
{
    struct contention ct = {.client = client, .notice = notice};

    rpc_service_each_conn(client_brick(client)->rpc, tell, &ct);
    if (!ct.told)
        log_debug("%s could not be told that others want its lock on %s",
                  client->uid, gfid_str(&notice->gfid));
}
