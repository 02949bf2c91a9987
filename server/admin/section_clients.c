/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients and the files that they have open. */
#include "server/admin/sections.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/scope.h"
#include "server/fop/client.h"
#include "server/fop/held.h"
#include "server/inode/fd.h"

MEM_TYPE(mt_rows, "server.admin", "statedump fds");

struct row {
    int64_t number;
    struct gfid gfid;
    uint32_t ref;
    int flags;
    int32_t pid;
};

struct pass {
    struct dump *d;
    struct admin *admin;
    struct row *rows; /* SECTIONS_FDS_MAX; NULL: no memory */
    size_t rows_count;
    uint32_t clients;
    struct held held;
};

/* Under the fd table's mutex: just a copy, and no more than is shown. */
static bool
copy_fd(void *arg, int64_t number, struct fd *fd)
{
    struct pass *p = arg;

    p->rows[p->rows_count++] = (struct row){.number = number,
                                            .gfid = fd->inode->gfid,
                                            .ref = fd->ref,
                                            .flags = fd->flags,
                                            .pid = fd->pid};
    return p->rows_count < SECTIONS_FDS_MAX;
}

static void
dump_fds(struct pass *p, struct client *client)
{
    struct fd_table_stats stats;
    struct dump *d = p->d;

    p->rows_count = 0;
    if (p->rows != NULL)
        fd_table_each(client->fds, copy_fd, p);
    fd_table_read(client->fds, &stats);
    dump_section(d, "conn.%" PRIu32 ".fdtable", p->clients);
    dump_line(d, "open", "%" PRIu32, stats.open);
    dump_line(d, "maxfds", "%" PRIu32, stats.size);
    dump_line(d, "first_free", "%" PRId64, stats.first_free);
    if (p->rows == NULL)
        dump_line(d, "Unable to dump fds", "(%s)", strerror(ENOMEM));
    if (p->rows_count == SECTIONS_FDS_MAX)
        dump_line(d, "shown", "%zu", p->rows_count);
    for (size_t i = 0; i < p->rows_count; i++) {
        const struct row *row = &p->rows[i];

        dump_section(d, "conn.%" PRIu32 ".fdentry[%" PRId64 "]", p->clients,
                     row->number);
        dump_line(d, "pid", "%" PRId32, row->pid);
        dump_line(d, "refcount", "%" PRIu32, row->ref);
        dump_line(d, "flags", "%d", row->flags);
        dump_line(d, "gfid", "%s", gfid_str(&row->gfid));
    }
}

static void dump_client_line(struct pass *p, const char *what, const char *fmt,
                             ...) __attribute__((format(printf, 3, 4)));

static void
dump_client_line(struct pass *p, const char *what, const char *fmt, ...)
{
    char key[64], value[DUMP_LINE_BYTES_MAX];
    va_list ap;

    (void)snprintf(key, sizeof(key), "conn.%" PRIu32 ".%s", p->clients, what);
    va_start(ap, fmt);
    (void)vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    dump_line(p->d, key, "%s", value);
}

static void
dump_share(struct pass *p, const struct client *client)
{
    struct share_counts n;

    share_read(&client->share, &n);
    dump_client_line(p, "calls", "%" PRIu64, n.calls);
    dump_client_line(p, "failures", "%" PRIu64, n.failures);
    dump_client_line(p, "data-bytes-read", "%" PRIu64, n.bytes_read);
    dump_client_line(p, "data-bytes-write", "%" PRIu64, n.bytes_written);
    if (n.calls > 0)
        dump_client_line(p, "latency",
                         "MEAN:%" PRIu64 " P50:%" PRIu64 " P99:%" PRIu64,
                         n.ns_sum / n.calls, share_quantile_ns(&n, 500),
                         share_quantile_ns(&n, 990));
}

static void
dump_client(void *arg, struct client *client)
{
    struct pass *p = arg;
    uint64_t bytes;
    bool reading;

    bytes = held_of(&p->held, client, &reading);
    p->clients++; /* slot 0 is never shown: the peer's numbers begin at 1 */
    dump_section(p->d, "conn.%" PRIu32, p->clients);
    dump_client_line(p, "id", "%s", client->uid);
    /* Without the one held during this call. */
    dump_client_line(p, "ref", "%" PRIu32, client->ref - 1);
    if (client->subdir != NULL)
        dump_client_line(p, "subdir", "%s", client->subdir);
    dump_client_line(p, "bound_xl", "%s", p->admin->brick->name);
    dump_client_line(p, "peer", "%s", client->peer);
    if (client->process_name != NULL)
        dump_client_line(p, "process-name", "%s", client->process_name);
    if (client->version != NULL)
        dump_client_line(p, "version", "%s", client->version);
    dump_client_line(p, "op-version", "%" PRIu32, client->opversion);
    dump_client_line(p, "since", "%" PRId64, client->since);
    dump_client_line(p, "gone", "%d", client->gone ? 1 : 0);
    dump_client_line(p, "held-bytes", "%" PRIu64, bytes);
    dump_client_line(p, "read-from", "%d", reading ? 1 : 0);
    dump_share(p, client);
    dump_fds(p, client);
}

void
section_clients(struct dump *d, struct admin *admin)
{
    struct pass p = {.d = d, .admin = admin};
    AUTO_FREE struct row *rows =
        mem_calloc(&mt_rows, SECTIONS_FDS_MAX, sizeof(*rows));
    struct client_table_stats stats;
    struct rpc_service_stats rpc;

    p.rows = rows;
    held_read(&p.held, admin->brick->rpc);
    client_table_each(admin->brick->clients, dump_client, &p);
    held_free(&p.held);
    client_table_read(admin->brick->clients, &stats);
    dump_section(d, "clinker.clients");
    dump_line(d, "bound", "%" PRIu32, stats.bound);
    dump_line(d, "leaving", "%" PRIu32, stats.leaving);
    dump_line(d, "generations", "%" PRIu64, stats.generations);
    dump_line(d, "freed", "%" PRIu64, stats.freed);
    rpc_service_read(admin->brick->rpc, &rpc);
    dump_line(d, "held-bytes", "%" PRIu64, rpc.held_bytes);
    dump_line(d, "held-bytes-each-max", "%" PRIu64, rpc.conn_bytes_max);
}
