/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/held.h"

#include <stdlib.h>

#include "mem/alloc.h"

MEM_TYPE(mt_rows, "server.fop", "held by clients");

enum { ROWS_FIRST = 64 };

/* Of one connection.  The client is compared and never looked at: it may have
 * gone. */
struct held_row {
    uintptr_t client;
    uint64_t bytes;
    bool reading;
};

static bool
make_room(struct held *h)
{
    size_t room = h->room > 0 ? 2 * h->room : ROWS_FIRST;
    struct held_row *rows;

    if (h->count < h->room)
        return true;
    rows = mem_realloc(&mt_rows, h->rows, room * sizeof(*rows));
    if (rows == NULL)
        return false;
    h->rows = rows;
    h->room = room;
    return true;
}

static void
add_conn(void *arg, struct rpc_conn *conn)
{
    struct held *h = arg;
    struct rpc_conn_stats stats;
    void *client = rpc_conn_user(conn);

    if (client == NULL)
        return;
    if (!make_room(h)) {
        h->failed = true;
        return;
    }
    rpc_conn_read(conn, &stats);
    h->rows[h->count++] = (struct held_row){
        .client = (uintptr_t)client,
        .bytes = stats.held_bytes,
        .reading = stats.reading,
    };
}

static int
by_client(const void *a, const void *b)
{
    const struct held_row *x = a, *y = b;

    return (x->client > y->client) - (x->client < y->client);
}

void
held_read(struct held *h, struct rpc_service *svc)
{
    *h = (struct held){.rows = NULL};
    rpc_service_each_conn(svc, add_conn, h);
    if (h->count > 1)
        qsort(h->rows, h->count, sizeof(*h->rows), by_client);
}

uint64_t
held_of(const struct held *h, const struct client *client, bool *reading)
{
    const struct held_row key = {.client = (uintptr_t)client};
    const struct held_row *row, *end = h->rows + h->count;
    uint64_t bytes = 0;

    *reading = true;
    if (h->count == 0)
        return 0;
    row = bsearch(&key, h->rows, h->count, sizeof(*h->rows), by_client);
    if (row == NULL)
        return 0;
    while (row > h->rows && row[-1].client == key.client)
        row--;
    for (; row < end && row->client == key.client; row++) {
        bytes += row->bytes;
        *reading = *reading && row->reading;
    }
    return bytes;
}

void
held_free(struct held *h)
{
    mem_free(h->rows);
    h->rows = NULL;
}
