/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests in flight.  Only what was constant before a request came onto its
 * client's list is read, under the mutex without which it cannot leave: the
 * rest belongs to the thread that runs it.
 */
#include "server/admin/sections.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/scope.h"
#include "rpc/program.h"
#include "server/core/timestamp.h"
#include "server/fop/call.h"
#include "server/fop/client.h"
#include "server/fop/run.h"

MEM_TYPE(mt_rows, "server.admin", "statedump calls");

enum {
    OWNER_BYTES_SHOWN = 64, /* of a lock owner */
    NS_PER_SECOND = 1000000000,
};

struct row {
    const void *call; /* as a number: it may be gone */
    const char *op;   /* static text */
    uint64_t received_ns;
    uint32_t xid, uid, gid;
    int32_t pid;
    int state;
    bool is_fop;
    uint32_t owner_bytes;
    uint8_t owner[OWNER_BYTES_SHOWN];
};

struct pass {
    struct dump *d;
    struct admin *admin;
    struct row *rows; /* SECTIONS_CALLS_MAX; NULL: just count */
    uint64_t count;   /* requests seen, also in the pass that only counts */
    uint64_t shown;
    int64_t wall_minus_monotonic_ns;
};

static const char *const state_name[] = {
    [CALL_RECEIVED] = "received",
    [CALL_QUEUED] = "queued",
    [CALL_RUNNING] = "running",
    [CALL_PARKED] = "parked",
};

static void
copy_call(struct row *row, const struct call *c)
{
    const struct rpc_program *program = c->rpc.program;
    const struct rpc_cred *cred = &c->rpc.cred;

    row->call = c;
    row->op = program != NULL && c->rpc.proc < program->procs_count
                  ? program->procs[c->rpc.proc].name
                  : NULL;
    row->is_fop = program != NULL &&
                  program->number == fop_program_v400.number;
    row->received_ns = c->rpc.received_ns;
    row->xid = c->rpc.xid;
    row->uid = cred->uid;
    row->gid = cred->gid;
    row->pid = cred->pid;
    row->state = c->state;
    row->owner_bytes = cred->lk_owner_bytes < OWNER_BYTES_SHOWN
                           ? cred->lk_owner_bytes
                           : OWNER_BYTES_SHOWN;
    if (row->owner_bytes > 0)
        memcpy(row->owner, cred->lk_owner, row->owner_bytes);
}

/* Copies what fits; returns how many there are. */
static uint32_t
copy_calls(struct client *client, struct row *rows, uint32_t *copied)
{
    struct call *c;

    MUTEX_SCOPE(&client->calls_mtx);
    *copied = 0;
    cds_list_for_each_entry(c, &client->calls, node) {
        if (*copied == SECTIONS_CALLS_MAX)
            break;
        copy_call(&rows[(*copied)++], c);
    }
    return client->calls_count;
}

static void
format_owner(const struct row *row, char out[OWNER_BYTES_SHOWN * 2 + 1])
{
    for (uint32_t i = 0; i < row->owner_bytes; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", row->owner[i]);
    out[2 * row->owner_bytes] = '\0';
}

/* The peer's odd form: nanoseconds behind the zone. */
static void
format_time(int64_t wall_ns, char out[64])
{
    time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
    char text[40];
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S +0000", &tm) == 0)
        text[0] = '\0';
    (void)snprintf(out, 64, "%s.%09d", text, (int)(wall_ns % NS_PER_SECOND));
}

static void
dump_call(struct pass *p, const struct row *row, struct client *client)
{
    int64_t ns = (int64_t)row->received_ns + p->wall_minus_monotonic_ns;
    char when[64], owner[OWNER_BYTES_SHOWN * 2 + 1];
    struct dump *d = p->d;

    format_time(ns, when);
    format_owner(row, owner);
    p->shown++;
    dump_section(d, "global.callpool.stack.%" PRIu64, p->shown);
    dump_line(d, "callstack-creation-time", "%s", when);
    dump_line(d, "stack", "%p", row->call);
    dump_line(d, "uid", "%" PRIu32, row->uid);
    dump_line(d, "gid", "%" PRIu32, row->gid);
    dump_line(d, "pid", "%" PRId32, row->pid);
    dump_line(d, "unique", "%" PRIu32, row->xid);
    dump_line(d, "lk-owner", "%s", owner);
    dump_line(d, "ctime", "%" PRId64 ".%09d", ns / NS_PER_SECOND,
              (int)(ns % NS_PER_SECOND));
    dump_line(d, "op", "%s", row->op != NULL ? row->op : "?");
    dump_line(d, "type", "%d", row->is_fop ? 1 : 2);
    dump_line(d, "cnt", "1");
    dump_section(d, "global.callpool.stack.%" PRIu64 ".frame.1", p->shown);
    dump_line(d, "frame-creation-time", "%s", when);
    dump_line(d, "timings", "%" PRId64 ".%09d -> 0.000000000",
              ns / NS_PER_SECOND, (int)(ns % NS_PER_SECOND));
    dump_line(d, "frame", "%p", row->call);
    dump_line(d, "translator", "%s", p->admin->brick->name);
    dump_line(d, "complete", "0");
    dump_line(d, "state", "%s", state_name[row->state]);
    dump_line(d, "client", "%s", client->uid);
}

static void
count_client(void *arg, struct client *client)
{
    struct pass *p = arg;

    MUTEX_SCOPE(&client->calls_mtx);
    p->count += client->calls_count;
}

static void
dump_client(void *arg, struct client *client)
{
    struct pass *p = arg;
    uint32_t copied, count = copy_calls(client, p->rows, &copied);

    for (uint32_t i = 0; i < copied; i++)
        dump_call(p, &p->rows[i], client);
    if (count > copied) {
        dump_section(p->d, "clinker.callpool.more");
        dump_line(p->d, "client", "%s", client->uid);
        dump_line(p->d, "cnt", "%" PRIu32, count);
        dump_line(p->d, "shown", "%" PRIu32, copied);
    }
}

void
section_calls(struct dump *d, struct admin *admin)
{
    struct pass p = {.d = d, .admin = admin};
    AUTO_FREE struct row *rows =
        mem_calloc(&mt_rows, SECTIONS_CALLS_MAX, sizeof(*rows));

    p.wall_minus_monotonic_ns =
        (int64_t)clock_read_ns(CLOCK_REALTIME) - (int64_t)clock_ns();
    client_table_each(admin->brick->clients, count_client, &p);
    dump_section(d, "global.callpool");
    dump_line(d, "callpool_address", "%p", (void *)admin->brick->call_pool);
    dump_line(d, "callpool.cnt", "%" PRIu64, p.count);
    if (rows == NULL) {
        dump_line(d, "Unable to dump the callpool", "(%s)", strerror(ENOMEM));
        return;
    }
    p.rows = rows;
    client_table_each(admin->brick->clients, dump_client, &p);
}
