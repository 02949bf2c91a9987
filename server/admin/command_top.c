/* SPDX-License-Identifier: BSD-2-Clause */
/* All that `clinkerctl top` shows, as counters since the start: whoever asks
 * twice has rates, and from the buckets the latencies in between. */
#include "server/admin/control_command.h"

#include <errno.h>
#include <time.h>

#include "iothreads/pool.h"
#include "mem/account.h"
#include "mem/clock.h"
#include "mem/limit.h"
#include "rpc/service.h"
#include "server/admin/control_text.h"
#include "server/admin/spread.h"
#include "server/admin/usage.h"
#include "server/fop/client.h"
#include "server/fop/held.h"

/* --- operations --- */

static bool
add_stages(json_object *obj, const struct timing *t, int proc)
{
    json_object *stages = control_add_object(obj, "stages");
    bool ok = stages != NULL;
    struct latency l;

    for (int s = 0; ok && s < STAGES; s++) {
        json_object *spread;

        timing_read(t, proc, TIMING_ALL, (enum stage)s, &l, NULL);
        if (l.count == 0)
            continue;
        spread = spread_add(stages, stage_name[s], &l);
        ok = spread != NULL;
        if (ok && s == STAGE_TOTAL)
            spread_add_buckets(spread, &l);
    }
    return ok;
}

static bool
add_operations(json_object *reply, const struct timing *t)
{
    json_object *list = control_add_list(reply, "operations");
    bool ok = list != NULL;
    struct timing_counts counts;

    for (int p = 0; ok && p < FOP_PROCS; p++) {
        json_object *obj;

        if (fop_table[p].name == NULL)
            continue;
        timing_read(t, p, TIMING_ALL, STAGE_TOTAL, NULL, &counts);
        if (counts.calls == 0)
            continue;
        obj = control_list_object(list);
        if (obj == NULL)
            return false;
        control_add_text(obj, "op", fop_table[p].name);
        control_add_count(obj, "calls", counts.calls);
        control_add_count(obj, "failures", counts.failures);
        ok = add_stages(obj, t, p);
    }
    return ok;
}

static bool
add_classes(json_object *reply, const struct brick *brick)
{
    json_object *obj, *classes = control_add_object(reply, "classes");
    struct iot_stats stats;
    struct latency l;

    if (classes == NULL)
        return false;
    iot_pool_read(brick->pool, &stats);
    control_add_number(reply, "threads", stats.threads);
    control_add_number(reply, "threads-max", stats.threads_max);
    for (int i = 0; i < IOT_CLASSES; i++) {
        obj = control_add_object(classes, iot_class_name[i]);
        if (obj == NULL)
            return false;
        control_add_number(obj, "queued", stats.class[i].queued);
        control_add_number(obj, "running", stats.class[i].running);
        control_add_number(obj, "limit", stats.class[i].limit);
        control_add_count(obj, "served", stats.class[i].served);
        for (int s = 0; s < STAGES; s++) {
            timing_read(&brick->stats.timing, TIMING_ALL, i, (enum stage)s,
                        &l, NULL);
            if (spread_add(obj, stage_name[s], &l) == NULL)
                return false;
        }
    }
    return true;
}

/* --- clients --- */

struct clients {
    json_object *list;
    struct held held;
    bool failed;
};

static void
add_client(void *arg, struct client *client)
{
    struct clients *clients = arg;
    json_object *obj = control_list_object(clients->list);
    struct share_counts n;
    bool reading;

    if (obj == NULL) {
        clients->failed = true;
        return;
    }
    share_read(&client->share, &n);
    control_add_count(obj, "generation", client->generation);
    control_add_text(obj, "peer", client->peer);
    control_add_text(obj, "process-name", client->process_name);
    control_add_text(obj, "id", client->uid);
    control_add_count(obj, "calls", n.calls);
    control_add_count(obj, "failures", n.failures);
    control_add_count(obj, "bytes-read", n.bytes_read);
    control_add_count(obj, "bytes-written", n.bytes_written);
    control_add_count(obj, "sum-ns", n.ns_sum);
    control_add_number(obj, "mean-ns",
                       n.calls > 0 ? (int64_t)(n.ns_sum / n.calls) : 0);
    control_add_count(obj, "p50-ns", share_quantile_ns(&n, 500));
    control_add_count(obj, "p99-ns", share_quantile_ns(&n, 990));
    control_add_count(obj, "held-bytes",
                      held_of(&clients->held, client, &reading));
}

static bool
add_clients(json_object *reply, const struct brick *brick)
{
    struct clients clients = {.list = control_add_list(reply, "clients")};

    if (clients.list == NULL)
        return false;
    held_read(&clients.held, brick->rpc);
    client_table_each(brick->clients, add_client, &clients);
    held_free(&clients.held);
    return !clients.failed;
}

/* --- the rest --- */

static bool
add_memory(json_object *reply)
{
    json_object *obj = control_add_object(reply, "memory");
    struct mem_limit_stats limit;

    if (obj == NULL)
        return false;
    mem_limit_read(&limit);
    control_add_count(obj, "accounted", mem_account_total_bytes());
    control_add_count(obj, "resident", usage_resident_bytes());
    control_add_count(obj, "limit", limit.limit_bytes);
    return true;
}

static void
add_sums(json_object *reply, const struct admin *admin)
{
    const struct brick *brick = admin->brick;
    struct rpc_service_stats rpc;
    uint64_t read, written;

    rpc_service_read(brick->rpc, &rpc);
    fop_stats_read_bytes(&brick->stats, &read, &written);
    control_add_text(reply, "brick", brick->name);
    control_add_text(reply, "volume", admin->volume_name);
    /* For rates: seconds of the wall clock would be too coarse. */
    control_add_count(reply, "at-ns", clock_ns());
    control_add_number(reply, "uptime", time(NULL) - admin->started);
    control_add_number(reply, "connections", rpc.conns);
    control_add_count(reply, "held-bytes", rpc.held_bytes);
    control_add_count(reply, "data-bytes-read", read);
    control_add_count(reply, "data-bytes-written", written);
}

int
command_top(struct control_call *call)
{
    const struct brick *brick = call->admin->brick;

    add_sums(call->reply, call->admin);
    if (!add_operations(call->reply, &brick->stats.timing) ||
        !add_classes(call->reply, brick) ||
        !add_clients(call->reply, brick) || !add_memory(call->reply))
        return control_no_memory(call);
    return 0;
}
