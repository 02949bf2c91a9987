/* SPDX-License-Identifier: BSD-2-Clause */
/* How long the stages of requests took, by operation and by class, and the
 * slowest of the last hour. */
#include "server/admin/sections.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/scope.h"
#include "server/admin/slow_path.h"
#include "server/fop/timing.h"

enum { SLOW_SHOWN = 20 };

static void
dump_stage(struct dump *d, enum stage stage, const struct latency *l)
{
    if (l->count > 0)
        dump_line(d, stage_name[stage],
                  "CNT:%" PRIu64 " MEAN:%" PRIu64 " P50:%" PRIu64
                  " P90:%" PRIu64 " P99:%" PRIu64 " P999:%" PRIu64
                  " MAX:%" PRIu64,
                  l->count, latency_mean_ns(l), latency_quantile_ns(l, 500),
                  latency_quantile_ns(l, 900), latency_quantile_ns(l, 990),
                  latency_quantile_ns(l, 999), l->ns_max);
}

static void
dump_stages(struct dump *d, const struct timing *t, int proc, int class)
{
    struct latency l;

    for (int s = 0; s < STAGES; s++) {
        timing_read(t, proc, class, (enum stage)s, &l, NULL);
        dump_stage(d, (enum stage)s, &l);
    }
}

void
section_stages(struct dump *d, struct admin *admin)
{
    const struct timing *t = &admin->brick->stats.timing;
    struct timing_counts counts;

    dump_section(d, "clinker.latency");
    dump_line(d, "not-counted", "%" PRIu64, timing_lost(t));
    for (int c = 0; c < IOT_CLASSES; c++) {
        dump_section(d, "clinker.latency.class.%s", iot_class_name[c]);
        dump_stages(d, t, TIMING_ALL, c);
    }
    for (int p = 0; p < FOP_PROCS; p++) {
        if (fop_table[p].name == NULL)
            continue;
        timing_read(t, p, TIMING_ALL, STAGE_TOTAL, NULL, &counts);
        if (counts.calls == 0)
            continue;
        dump_section(d, "clinker.latency.op.%s", fop_table[p].name);
        dump_stages(d, t, p, TIMING_ALL);
    }
}

void
section_slow_ops(struct dump *d, struct admin *admin)
{
    AUTO_FREE struct slow_op *ops = slow_rows();
    uint64_t now = clock_ns();
    char path[SLOW_PATH_BYTES], key[32];
    size_t count;

    dump_section(d, "clinker.slow-ops");
    if (ops == NULL) {
        dump_line(d, "Unable to dump slow operations", "(%s)",
                  strerror(ENOMEM));
        return;
    }
    count = slow_read(&admin->brick->stats.slow, now, 0, -1, ops);
    dump_line(d, "known", "%zu", count);
    for (size_t i = 0; i < count && i < SLOW_SHOWN; i++) {
        (void)snprintf(key, sizeof(key), "op.%zu", i + 1);
        dump_line(d, key,
                  "%s total %" PRIu64 " queued %" PRIu64 " run %" PRIu64
                  " locked %" PRIu64 " ago %" PRIu64 " error %d uid %" PRIu32
                  " pid %" PRId32 " client %s path %s",
                  fop_table[ops[i].proc].name, ops[i].total_ns,
                  ops[i].queued_ns, ops[i].run_ns, ops[i].locked_ns,
                  now > ops[i].ended_ns ? (now - ops[i].ended_ns) /
                                              CLOCK_NS_PER_SEC
                                        : 0,
                  ops[i].op_errno, ops[i].uid, ops[i].pid, ops[i].peer,
                  slow_path(admin->brick, &ops[i], path));
    }
}
