/* SPDX-License-Identifier: BSD-2-Clause */
/* Who does the work: the worker pool, and connections with their threads. */
#include "server/admin/sections.h"

#include <inttypes.h>

#include "iothreads/pool.h"
#include "rpc/service.h"

/* The peer's words for the classes. */
static const char *const peer_queue[IOT_CLASSES] = {
    [IOT_FAST] = "fast_priority_queue_length",
    [IOT_NORMAL] = "normal_priority_queue_length",
    [IOT_SLOW] = "slow_priority_queue_length",
    [IOT_LEAST] = "least_priority_queue_length",
};

enum { PEER_STACK_BYTES = 262144 };

static void
dump_classes(struct dump *d, const struct iot_stats *stats)
{
    for (int i = 0; i < IOT_CLASSES; i++) {
        const struct iot_class_stats *c = &stats->class[i];

        dump_section(d, "clinker.iothreads.%s", iot_class_name[i]);
        dump_line(d, "queued", "%" PRIu32, c->queued);
        dump_line(d, "queued_max", "%" PRIu32, c->queued_max);
        dump_line(d, "running", "%" PRIu32, c->running);
        dump_line(d, "limit", "%" PRIu32, c->limit);
        dump_line(d, "served", "%" PRIu64, c->served);
        dump_line(d, "dropped", "%" PRIu64, c->dropped);
        dump_line(d, "wait_ns_sum", "%" PRIu64, c->wait_ns_sum);
        dump_line(d, "wait_ns_max", "%" PRIu64, c->wait_ns_max);
    }
}

void
section_iothreads(struct dump *d, struct admin *admin)
{
    struct iot_limits limits = iot_pool_limits(admin->brick->pool);
    struct iot_stats stats;

    iot_pool_read(admin->brick->pool, &stats);
    dump_section(d, "performance/io-threads.%s-io-threads",
                 admin->volume_name);
    dump_line(d, "maximum_threads_count", "%" PRIu32, limits.threads_max);
    dump_line(d, "current_threads_count", "%" PRIu32, stats.threads);
    dump_line(d, "sleep_count", "%" PRIu32, stats.sleeping);
    dump_line(d, "idle_time", "%" PRIu32, limits.idle_secs);
    dump_line(d, "stack_size", "%d", PEER_STACK_BYTES);
    dump_line(d, "max_high_priority_threads", "%" PRIu32,
              limits.class_max[IOT_FAST]);
    dump_line(d, "max_normal_priority_threads", "%" PRIu32,
              limits.class_max[IOT_NORMAL]);
    dump_line(d, "max_low_priority_threads", "%" PRIu32,
              limits.class_max[IOT_SLOW]);
    dump_line(d, "max_least_priority_threads", "%" PRIu32,
              limits.class_max[IOT_LEAST]);
    dump_line(d, "current_high_priority_threads", "%" PRIu32,
              stats.class[IOT_FAST].running);
    dump_line(d, "current_normal_priority_threads", "%" PRIu32,
              stats.class[IOT_NORMAL].running);
    dump_line(d, "current_low_priority_threads", "%" PRIu32,
              stats.class[IOT_SLOW].running);
    dump_line(d, "current_least_priority_threads", "%" PRIu32,
              stats.class[IOT_LEAST].running);
    for (int i = 0; i < IOT_CLASSES; i++)
        if (stats.class[i].queued > 0)
            dump_line(d, peer_queue[i], "%" PRIu32, stats.class[i].queued);
    dump_line(d, "threads_started", "%" PRIu64, stats.threads_started);
    dump_classes(d, &stats);
}

struct conns {
    struct dump *d;
    uint32_t count;
};

static void
dump_conn(void *arg, struct rpc_conn *conn)
{
    struct conns *conns = arg;
    struct rpc_conn_stats stats;
    struct dump *d = conns->d;

    rpc_conn_read(conn, &stats);
    dump_section(d, "clinker.rpc.conn.%" PRIu32, conns->count++);
    dump_line(d, "peer", "%s", rpc_conn_peer(conn));
    dump_line(d, "local", "%s", rpc_conn_local(conn));
    dump_line(d, "bytes_read", "%" PRIu64, stats.bytes_read);
    dump_line(d, "bytes_written", "%" PRIu64, stats.bytes_written);
    dump_line(d, "calls", "%" PRIu64, stats.calls);
    dump_line(d, "replies", "%" PRIu64, stats.replies);
    dump_line(d, "outstanding", "%" PRIu32, stats.outstanding);
    dump_line(d, "tx_queued_bytes", "%" PRIu64, stats.tx_queued_bytes);
    dump_line(d, "reading", "%d", stats.reading ? 1 : 0);
}

void
section_rpc(struct dump *d, struct admin *admin)
{
    struct conns conns = {.d = d};
    struct rpc_service_stats s;

    rpc_service_read(admin->brick->rpc, &s);
    dump_section(d, "clinker.rpc");
    dump_line(d, "event_threads", "%" PRIu32, s.threads);
    dump_line(d, "conns", "%" PRIu32, s.conns);
    dump_line(d, "accepted", "%" PRIu64, s.accepted);
    dump_line(d, "refused", "%" PRIu64, s.refused);
    dump_line(d, "bytes_read", "%" PRIu64, s.bytes_read);
    dump_line(d, "bytes_written", "%" PRIu64, s.bytes_written);
    dump_line(d, "calls", "%" PRIu64, s.calls);
    dump_line(d, "replies", "%" PRIu64, s.replies);
    dump_line(d, "bad_records", "%" PRIu64, s.bad_records);
    dump_line(d, "bad_calls", "%" PRIu64, s.bad_calls);
    dump_line(d, "bulk_records", "%" PRIu64, s.bulk_records);
    dump_line(d, "bulk_in_place", "%" PRIu64, s.bulk_in_place);
    dump_line(d, "bulk_moved_bytes", "%" PRIu64, s.bulk_moved_bytes);
    rpc_service_each_conn(admin->brick->rpc, dump_conn, &conns);
}
