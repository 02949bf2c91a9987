/* SPDX-License-Identifier: BSD-2-Clause */
/* Where operations wait: the worker pool's queues, and the slowest. */
#include "cli/ctl.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/table.h"
#include "mem/must.h"
#include "server/core/humane.h"

static void
add_heads(struct table *t, const char *const *heads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        table_add(t, "%s", heads[i]);
}

/* --- io-threads --- */

static void
show_classes(json_object *classes)
{
    static const char *const heads[] = {
        "CLASS",  "QUEUED",  "MOST",      "RUNNING",  "LIMIT",
        "SERVED", "DROPPED", "MEAN WAIT", "P99 WAIT", "MAX WAIT"};
    struct table *t = table_new(COUNT_OF(heads), 0x3fe);

    add_heads(t, heads, COUNT_OF(heads));
    if (json_object_is_type(classes, json_type_object)) {
        json_object_object_foreach(classes, name, c) {
            json_object *waited = ctl_member(c, "waited");

            table_add(t, "%s", name);
            table_add(t, "%" PRId64, ctl_number(c, "queued"));
            table_add(t, "%" PRId64, ctl_number(c, "queued-max"));
            table_add(t, "%" PRId64, ctl_number(c, "running"));
            table_add(t, "%" PRId64, ctl_number(c, "limit"));
            table_add(t, "%" PRId64, ctl_number(c, "served"));
            table_add(t, "%" PRId64, ctl_number(c, "dropped"));
            table_add(t, "%s", HUMANE_NS(ctl_number(waited, "mean-ns")));
            table_add(t, "%s", HUMANE_NS(ctl_number(waited, "p99-ns")));
            table_add(t, "%s", HUMANE_NS(ctl_number(waited, "max-ns")));
        }
    }
    table_print(t, stdout);
    table_free(&t);
}

static void
show_turns(json_object *lists)
{
    static const char *const heads[] = {"CLASS", "TURN", "QUEUED", "CLIENT",
                                        "ID"};
    struct table *t = table_new(COUNT_OF(heads), 1 << 1 | 1 << 2);
    size_t shown = 0;

    add_heads(t, heads, COUNT_OF(heads));
    if (json_object_is_type(lists, json_type_object)) {
        json_object_object_foreach(lists, name, list) {
            for (size_t i = 0; i < ctl_length(list); i++, shown++) {
                json_object *turn = json_object_array_get_idx(list, i);
                const char *client = ctl_text(turn, "client");

                table_add(t, "%s", name);
                table_add(t, "%zu", i + 1);
                table_add(t, "%" PRId64, ctl_number(turn, "queued"));
                table_add(t, "%s", client[0] != '\0' ? client : "(gone)");
                table_add(t, "%s", ctl_text(turn, "id"));
            }
        }
    }
    (void)putchar('\n');
    if (shown == 0)
        (void)puts("No client waits.");
    else
        table_print(t, stdout);
    table_free(&t);
}

static void
show_io_threads(struct ctl *ctl, json_object *reply)
{
    (void)printf("%" PRId64 " of %" PRId64 " threads, %" PRId64
                 " asleep, %" PRId64 " ever started\n\n",
                 ctl_number(reply, "threads"),
                 ctl_number(reply, "threads-max"),
                 ctl_number(reply, "sleeping"),
                 ctl_number(reply, "threads-started"));
    show_classes(ctl_member(reply, "classes"));
    show_turns(ctl_member(reply, "turns"));
}

int
cmd_io_threads(struct ctl *ctl)
{
    return ctl_ask(ctl, ctl_request("io-threads"), show_io_threads);
}

/* --- slow-ops --- */

static void
add_time(struct table *t, int64_t at)
{
    time_t seconds = (time_t)at;
    char text[16];
    struct tm tm;

    if (localtime_r(&seconds, &tm) == NULL ||
        strftime(text, sizeof(text), "%H:%M:%S", &tm) == 0)
        table_add(t, "-");
    else
        table_add(t, "%s", text);
}

static const char *
error_name(int error)
{
    const char *name = error != 0 ? strerrorname_np(error) : "-";

    return name != NULL ? name : "?";
}

static void
add_slow(struct table *t, json_object *op)
{
    int64_t error = ctl_number(op, "error");
    int64_t locked = ctl_number(op, "locked-ns");

    add_time(t, ctl_number(op, "time"));
    table_add(t, "%s", ctl_text(op, "op"));
    table_add(t, "%s", HUMANE_NS(ctl_number(op, "total-ns")));
    table_add(t, "%s", HUMANE_NS(ctl_number(op, "queued-ns")));
    table_add(t, "%s", HUMANE_NS(ctl_number(op, "run-ns")));
    table_add(t, "%s", locked > 0 ? HUMANE_NS(locked) : "-");
    table_add(t, "%s", error_name((int)error));
    table_add(t, "%" PRId64, ctl_number(op, "uid"));
    table_add(t, "%s", ctl_text(op, "client"));
    table_add(t, "%s", ctl_text(op, "path"));
}

static void
show_slow_ops(struct ctl *ctl, json_object *reply)
{
    static const char *const heads[] = {"TIME", "OPERATION", "TOOK",  "QUEUED",
                                        "RUN",  "LOCKED",    "ERROR", "UID",
                                        "CLIENT", "PATH"};
    json_object *list = ctl_member(reply, "operations");
    struct table *t;

    if (ctl_length(list) == 0) {
        (void)puts("no operations");
        return;
    }
    t = table_new(COUNT_OF(heads), 0xbc);
    add_heads(t, heads, COUNT_OF(heads));
    for (size_t i = 0; i < ctl_length(list); i++)
        add_slow(t, json_object_array_get_idx(list, i));
    table_print(t, stdout);
    table_free(&t);
    if (ctl_number(reply, "count") > (int64_t)ctl_length(list))
        (void)printf("and %" PRId64 " that were faster\n",
                     ctl_number(reply, "count") - (int64_t)ctl_length(list));
}

int
cmd_slow_ops(struct ctl *ctl)
{
    json_object *request = ctl_request("slow-ops");

    if (ctl->since != NULL)
        ctl_request_text(request, "since", ctl->since);
    if (ctl->op != NULL)
        ctl_request_text(request, "op", ctl->op);
    return ctl_ask(ctl, request, show_slow_ops);
}
