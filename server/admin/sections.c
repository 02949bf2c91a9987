/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of a statedump, as on the peer: memory first, then requests, then
 * layer by layer.  Sections the peer does not have are named clinker.…
 */
#include "server/admin/sections.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "server/fop/client.h"
#include "server/heal/heal.h"

/* We have no dictionaries of our own between requests; the section is there
 * because the peer's always is. */
static void
section_dict(struct dump *d)
{
    dump_section(d, "dict");
    dump_line(d, "max-pairs-per-dict", "0");
    dump_line(d, "total-pairs-used", "0");
    dump_line(d, "total-dicts-used", "0");
    dump_line(d, "average-pairs-per-dict", "0");
}

static void
section_process(struct dump *d, struct admin *admin)
{
    dump_section(d, "clinker.process");
    dump_line(d, "version", "%s", admin->version);
    dump_line(d, "pid", "%d", (int)getpid());
    dump_line(d, "uptime", "%" PRId64,
              (int64_t)time(NULL) - admin->started);
    dump_line(d, "volume", "%s", admin->volume_name);
    dump_line(d, "brick", "%s", admin->brick->name);
    dump_line(d, "port", "%u", admin->port);
    dump_line(d, "process-uuid", "%s", admin->brick->process_uuid);
}

void
sections_write(struct dump *d, struct admin *admin)
{
    if (dump_wants(d, DUMP_MEM))
        section_memory(d);
    if (dump_wants(d, DUMP_IOBUF))
        section_iobufs(d);
    if (dump_wants(d, DUMP_CALLPOOL))
        section_calls(d, admin);
    section_dict(d);
    dump_section(d, "active graph - 0");
    section_process(d, admin);
    section_latency(d, admin);
    section_stages(d, admin);
    section_slow_ops(d, admin);
    if (dump_wants(d, DUMP_PRIV))
        section_programs(d, admin);
    if (dump_wants(d, DUMP_INODE))
        section_inodes(d, admin);
    if (dump_wants(d, DUMP_FD))
        section_clients(d, admin);
    if (dump_wants(d, DUMP_PRIV)) {
        section_iothreads(d, admin);
        section_rpc(d, admin);
    }
    heal_dump(admin->brick->heal, admin->volume_name, d);
    posix_dump(admin->brick->px, d);
}
