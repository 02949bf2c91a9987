/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/ctl.h"

#include <inttypes.h>

#include "server/core/humane.h"
#include "cli/table.h"

static void
add_daemon(struct table *t, json_object *r)
{
    const char *id = ctl_text(r, "volume-id");
    const char *config = ctl_text(r, "config");
    int64_t port = ctl_number(r, "port");

    table_add(t, "Brick");
    table_add(t, "%s", ctl_text(r, "brick"));
    table_add(t, "Directory");
    table_add(t, "%s", ctl_text(r, "directory"));
    table_add(t, "Volume");
    table_add(t, "%s%s%s%s", ctl_text(r, "volume"), id[0] ? " (" : "", id,
              id[0] ? ")" : "");
    table_add(t, "Daemon");
    table_add(t, "version %s, pid %" PRId64 ", up %s", ctl_text(r, "version"),
              ctl_number(r, "pid"),
              HUMANE_DURATION(ctl_number(r, "uptime")));
    if (port > 0) {
        table_add(t, "Port");
        table_add(t, "%" PRId64, port);
    }
    table_add(t, "Configuration");
    table_add(t, "%s", config[0] != '\0' ? config : "built-in defaults");
    table_add(t, "Log level");
    table_add(t, "%s", ctl_text(r, "log-level"));
}

static void
add_load(struct table *t, json_object *r)
{
    json_object *conns = ctl_member(r, "connections");
    json_object *ops = ctl_member(r, "operations");
    json_object *inodes = ctl_member(r, "inodes");
    json_object *memory = ctl_member(r, "memory");

    table_add(t, "Clients");
    table_add(t, "%" PRId64 " (%" PRId64 " connections, %" PRId64 " leaving)",
              ctl_number(conns, "clients"), ctl_number(conns, "open"),
              ctl_number(conns, "leaving"));
    table_add(t, "Operations");
    table_add(t, "%" PRId64 " (%" PRId64 " failed)", ctl_number(ops, "calls"),
              ctl_number(ops, "failures"));
    table_add(t, "Data");
    table_add(t, "%s read, %s written",
              HUMANE_SIZE(ctl_number(ops, "bytes-read")),
              HUMANE_SIZE(ctl_number(ops, "bytes-written")));
    table_add(t, "Inodes");
    table_add(t, "%" PRId64 " in use, %" PRId64 " kept of %" PRId64,
              ctl_number(inodes, "active"), ctl_number(inodes, "unused"),
              ctl_number(inodes, "unused-limit"));
    table_add(t, "Memory");
    table_add(t, "%s resident, %s accounted",
              HUMANE_SIZE(ctl_number(memory, "resident")),
              HUMANE_SIZE(ctl_number(memory, "accounted")));
    table_add(t, "Event threads");
    table_add(t, "%" PRId64, ctl_number(conns, "event-threads"));
}

static void
add_workers(struct table *t, json_object *r)
{
    json_object *workers = ctl_member(r, "workers");
    json_object *classes = ctl_member(workers, "classes");

    table_add(t, "Workers");
    table_add(t, "%" PRId64 " of %" PRId64 " (%" PRId64 " asleep)",
              ctl_number(workers, "threads"),
              ctl_number(workers, "threads-max"),
              ctl_number(workers, "sleeping"));
    if (classes == NULL)
        return;
    json_object_object_foreach(classes, name, c) {
        table_add(t, "  %s", name);
        table_add(t,
                  "%" PRId64 " running of %" PRId64 ", %" PRId64
                  " queued, %" PRId64 " served",
                  ctl_number(c, "running"), ctl_number(c, "limit"),
                  ctl_number(c, "queued"), ctl_number(c, "served"));
    }
}

static void
show(struct ctl *ctl, json_object *reply)
{
    struct table *t = table_new(2, 0);

    add_daemon(t, reply);
    add_load(t, reply);
    add_workers(t, reply);
    table_print(t, stdout);
    table_free(&t);
}

int
cmd_status(struct ctl *ctl)
{
    return ctl_ask(ctl, ctl_request("status"), show);
}
