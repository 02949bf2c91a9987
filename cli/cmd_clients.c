/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/ctl.h"

#include <inttypes.h>
#include <time.h>

#include "server/core/humane.h"
#include "cli/table.h"

enum { COLUMNS = 8, RIGHT = 1 << 3 | 1 << 4 | 1 << 5 };

static const char *
or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

static void
add_client(struct table *t, json_object *c, int64_t now)
{
    table_add(t, "%s", or_dash(ctl_text(c, "peer")));
    table_add(t, "%s", or_dash(ctl_text(c, "process-name")));
    table_add(t, "%s", or_dash(ctl_text(c, "version")));
    table_add(t, "%" PRId64, ctl_number(c, "fds"));
    table_add(t, "%" PRId64, ctl_number(c, "requests"));
    if (ctl_bool(c, "gone"))
        table_add(t, "leaving");
    else
        table_add(t, "%s", HUMANE_DURATION(now - ctl_number(c, "since")));
    table_add(t, "%s", or_dash(ctl_text(c, "subdir")));
    table_add(t, "%s", ctl_text(c, "id"));
}

static void
show(struct ctl *ctl, json_object *reply)
{
    static const char *const heads[COLUMNS] = {
        "PEER",     "PROCESS", "VERSION", "FDS",
        "REQUESTS", "SINCE",   "SUBDIR",  "ID"};
    json_object *list = ctl_member(reply, "clients");
    struct table *t;

    if (!json_object_is_type(list, json_type_array) ||
        json_object_array_length(list) == 0) {
        (void)puts("no clients");
        return;
    }
    t = table_new(COLUMNS, RIGHT);
    for (int i = 0; i < COLUMNS; i++)
        table_add(t, "%s", heads[i]);
    for (size_t i = 0; i < json_object_array_length(list); i++)
        add_client(t, json_object_array_get_idx(list, i),
                   (int64_t)time(NULL));
    table_print(t, stdout);
    table_free(&t);
}

int
cmd_clients(struct ctl *ctl)
{
    return ctl_ask(ctl, ctl_request("clients"), show);
}
