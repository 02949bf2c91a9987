/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon is, does and serves. */
#include "server/admin/control_command.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "iothreads/pool.h"
#include "mem/account.h"
#include "mem/must.h"
#include "rpc/service.h"
#include "server/admin/control_text.h"
#include "server/admin/usage.h"
#include "server/core/gfid.h"
#include "server/core/log.h"
#include "server/fop/client.h"
#include "server/fop/held.h"
#include "server/fop/stats.h"
#include "server/inode/fd.h"
#include "server/posix/posix.h"

static void
add_process(json_object *reply, const struct admin *admin)
{
    int64_t now = (int64_t)time(NULL);
    const struct gfid *id = posix_volume_id(admin->brick->px);

    control_add_text(reply, "version", admin->version);
    control_add_number(reply, "pid", getpid());
    control_add_number(reply, "started", admin->started);
    control_add_number(reply, "uptime",
                       now > admin->started ? now - admin->started : 0);
    control_add_text(reply, "volume", admin->volume_name);
    control_add_text(reply, "volume-id", id != NULL ? gfid_str(id) : NULL);
    control_add_text(reply, "brick", admin->brick->name);
    control_add_text(reply, "directory", posix_directory(admin->brick->px));
    control_add_number(reply, "port", admin->port);
    control_add_text(reply, "config", admin->config_path);
    control_add_text(reply, "process-uuid", admin->brick->process_uuid);
    control_add_text(reply, "log-level", log_level_name(log_get_level()));
}

static bool
add_connections(json_object *reply, const struct brick *brick)
{
    json_object *obj = control_add_object(reply, "connections");
    struct client_table_stats clients;
    struct rpc_service_stats rpc;

    if (obj == NULL)
        return false;
    client_table_read(brick->clients, &clients);
    rpc_service_read(brick->rpc, &rpc);
    control_add_number(obj, "clients", clients.bound);
    control_add_number(obj, "leaving", clients.leaving);
    control_add_number(obj, "open", rpc.conns);
    control_add_count(obj, "accepted", rpc.accepted);
    control_add_count(obj, "refused", rpc.refused);
    control_add_count(obj, "bytes-read", rpc.bytes_read);
    control_add_count(obj, "bytes-written", rpc.bytes_written);
    control_add_number(obj, "event-threads", rpc.threads);
    control_add_count(obj, "held-bytes", rpc.held_bytes);
    control_add_count(obj, "held-bytes-each-max", rpc.conn_bytes_max);
    return true;
}

static bool
add_classes(json_object *reply, const struct iot_stats *stats)
{
    json_object *classes = control_add_object(reply, "classes");

    for (int i = 0; classes != NULL && i < IOT_CLASSES; i++) {
        json_object *obj = control_add_object(classes, iot_class_name[i]);

        if (obj == NULL)
            return false;
        control_add_number(obj, "queued", stats->class[i].queued);
        control_add_number(obj, "running", stats->class[i].running);
        control_add_number(obj, "limit", stats->class[i].limit);
        control_add_count(obj, "served", stats->class[i].served);
        control_add_count(obj, "dropped", stats->class[i].dropped);
    }
    return classes != NULL;
}

static bool
add_workers(json_object *reply, const struct brick *brick)
{
    json_object *obj = control_add_object(reply, "workers");
    struct iot_stats stats;

    if (obj == NULL)
        return false;
    iot_pool_read(brick->pool, &stats);
    control_add_number(obj, "threads", stats.threads);
    control_add_number(obj, "threads-max", stats.threads_max);
    control_add_number(obj, "sleeping", stats.sleeping);
    return add_classes(obj, &stats);
}

static bool
add_operations(json_object *reply, const struct brick *brick)
{
    json_object *obj = control_add_object(reply, "operations");
    uint64_t calls = 0, failures = 0, read, written;
    struct fop_counter c;

    if (obj == NULL)
        return false;
    for (unsigned proc = 0; proc < FOP_PROCS; proc++) {
        fop_stats_read(&brick->stats, proc, &c);
        calls += c.calls;
        failures += c.failures;
    }
    fop_stats_read_bytes(&brick->stats, &read, &written);
    control_add_count(obj, "calls", calls);
    control_add_count(obj, "failures", failures);
    control_add_count(obj, "bytes-read", read);
    control_add_count(obj, "bytes-written", written);
    return true;
}

static bool
add_memory(json_object *reply, const struct brick *brick)
{
    json_object *obj = control_add_object(reply, "memory");
    struct inode_table_stats inodes;

    if (obj == NULL)
        return false;
    control_add_count(obj, "accounted", mem_account_total_bytes());
    control_add_count(obj, "resident", usage_resident_bytes());
    obj = control_add_object(reply, "inodes");
    if (obj == NULL)
        return false;
    inode_table_read(brick->inodes, &inodes);
    control_add_number(obj, "active", inodes.active);
    control_add_number(obj, "unused", inodes.unused);
    control_add_number(obj, "unused-limit", inodes.unused_limit);
    control_add_count(obj, "descriptors", inodes.path_fds);
    return true;
}

int
command_status(struct control_call *call)
{
    const struct brick *brick = call->admin->brick;

    add_process(call->reply, call->admin);
    if (!add_connections(call->reply, brick) ||
        !add_workers(call->reply, brick) ||
        !add_operations(call->reply, brick) || !add_memory(call->reply, brick))
        return control_no_memory(call);
    return 0;
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
    json_object *obj = json_object_new_object();
    struct fd_table_stats fds;
    uint64_t bytes;
    uint32_t calls;
    bool reading;

    if (obj == NULL || json_object_array_add(clients->list, obj) < 0) {
        json_object_put(obj);
        clients->failed = true;
        return;
    }
    mutex_lock(&client->calls_mtx);
    calls = client->calls_count;
    mutex_unlock(&client->calls_mtx);
    fd_table_read(client->fds, &fds);
    control_add_text(obj, "id", client->uid);
    control_add_text(obj, "peer", client->peer);
    control_add_text(obj, "process-name", client->process_name);
    control_add_text(obj, "version", client->version);
    control_add_number(obj, "op-version", client->opversion);
    control_add_text(obj, "subdir", client->subdir);
    control_add_number(obj, "since", client->since);
    control_add_bool(obj, "trusted", client->trusted);
    control_add_bool(obj, "gone", client->gone);
    control_add_number(obj, "fds", fds.open);
    control_add_number(obj, "requests", calls);
    bytes = held_of(&clients->held, client, &reading);
    control_add_count(obj, "held-bytes", bytes);
    control_add_bool(obj, "read-from", reading);
}

int
command_clients(struct control_call *call)
{
    struct clients clients = {.list = json_object_new_array()};

    if (clients.list == NULL ||
        json_object_object_add(call->reply, "clients", clients.list) < 0) {
        json_object_put(clients.list);
        return control_no_memory(call);
    }
    held_read(&clients.held, call->admin->brick->rpc);
    client_table_each(call->admin->brick->clients, add_client, &clients);
    held_free(&clients.held);
    if (clients.failed)
        return control_no_memory(call);
    return 0;
}
