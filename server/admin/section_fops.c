/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations in the statedump: how often, how long, and the programs that
 * offer them.  The counters go on after a dump; on the peer it resets them. */
#include "server/admin/sections.h"

#include <inttypes.h>
#include <stdio.h>

#include "rpc/service.h"
#include "server/fop/run.h"
#include "server/fop/stats.h"
#include "server/wire/fop.h"

/* "PREFIX.latency.OP=AVG: CNT: TOTAL: MIN: MAX:", in nanoseconds. */
static void
dump_latencies(struct dump *d, struct admin *admin, const char *prefix)
{
    struct fop_counter c;
    char key[256];

    for (unsigned proc = 0; proc < FOP_PROCS; proc++) {
        if (fop_table[proc].name == NULL)
            continue;
        fop_stats_read(&admin->brick->stats, proc, &c);
        if (c.calls == 0)
            continue;
        (void)snprintf(key, sizeof(key), "%s.latency.%s", prefix,
                       fop_table[proc].name);
        dump_line(d, key,
                  "AVG:%f CNT:%" PRIu64 " TOTAL:%" PRIu64 " MIN:%" PRIu64
                  " MAX:%" PRIu64,
                  (double)c.ns_sum / (double)c.calls, c.calls, c.ns_sum,
                  c.ns_min != UINT64_MAX ? c.ns_min : 0, c.ns_max);
    }
}

static void
dump_failures(struct dump *d, struct admin *admin)
{
    struct fop_counter c;

    dump_section(d, "clinker.fop.failures");
    for (unsigned proc = 0; proc < FOP_PROCS; proc++) {
        if (fop_table[proc].name == NULL)
            continue;
        fop_stats_read(&admin->brick->stats, proc, &c);
        if (c.failures > 0)
            dump_line(d, fop_table[proc].name, "%" PRIu64, c.failures);
    }
}

void
section_latency(struct dump *d, struct admin *admin)
{
    char prefix[128];

    (void)snprintf(prefix, sizeof(prefix), "%s-server", admin->volume_name);
    dump_section(d, "%s.latency", prefix);
    dump_latencies(d, admin, prefix);
    dump_failures(d, admin);
}

void
section_programs(struct dump *d, struct admin *admin)
{
    struct rpc_service_stats stats;
    const struct rpc_program *program;
    uint64_t read, written;
    char key[128];

    rpc_service_read(admin->brick->rpc, &stats);
    fop_stats_read_bytes(&admin->brick->stats, &read, &written);
    dump_section(d, "xlator.protocol.server.priv");
    dump_line(d, "server.total-bytes-read", "%" PRIu64, stats.bytes_read);
    dump_line(d, "server.total-bytes-write", "%" PRIu64, stats.bytes_written);
    dump_line(d, "server.data-bytes-read", "%" PRIu64, read);
    dump_line(d, "server.data-bytes-write", "%" PRIu64, written);
    for (unsigned i = 0; i < RPC_PROGRAMS_MAX; i++) {
        program = rpc_service_program(admin->brick->rpc, i);
        if (program == NULL)
            break;
        dump_section(d, "%s", program->name);
        (void)snprintf(key, sizeof(key), "%s.program-number", program->name);
        dump_line(d, key, "%" PRIu32, program->number);
        (void)snprintf(key, sizeof(key), "%s.program-version", program->name);
        dump_line(d, key, "%" PRIu32, program->version);
        if (program->number == fop_program_v400.number)
            dump_latencies(d, admin, program->name);
    }
}
