/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/ctl.h"

#include <inttypes.h>
#include <string.h>

#include "server/core/humane.h"
#include "cli/table.h"

enum { COLUMNS = 9, RIGHT = 1 << 3 | 1 << 5 };

static void
add_range(struct table *t, json_object *lock)
{
    int64_t start = ctl_number(lock, "start"), len = ctl_number(lock, "len");

    if (len == 0)
        table_add(t, "%" PRId64 "-", start);
    else
        table_add(t, "%" PRId64 "-%" PRId64, start, start + len - 1);
}

static void
add_lock(struct table *t, json_object *object, json_object *lock)
{
    const char *path = ctl_text(object, "path");
    const char *domain = ctl_text(lock, "domain");

    table_add(t, "%s", ctl_text(lock, "family"));
    table_add(t, "%s", ctl_text(lock, "state"));
    table_add(t, "%s", ctl_text(lock, "type"));
    table_add(t, "%s", HUMANE_DURATION(ctl_number(lock, "seconds")));
    if (strcmp(ctl_text(lock, "family"), "entry") != 0)
        add_range(t, lock);
    else if (ctl_text(lock, "name")[0] == '\0')
        table_add(t, "all names");
    else
        table_add(t, "%s", ctl_text(lock, "name"));
    table_add(t, "%" PRId64, ctl_number(lock, "pid"));
    table_add(t, "%s", domain[0] != '\0' ? domain : "-");
    table_add(t, "%s", path[0] != '\0' ? path : ctl_text(object, "gfid"));
    table_add(t, "%s", ctl_text(lock, "client"));
}

static void
show(struct ctl *ctl, json_object *reply)
{
    static const char *const heads[COLUMNS] = {"FAMILY", "STATE", "TYPE",
                                               "FOR",    "WHAT",  "PID",
                                               "DOMAIN", "PATH",  "CLIENT"};
    json_object *objects = ctl_member(reply, "objects");
    struct table *t;

    if (!json_object_is_type(objects, json_type_array) ||
        json_object_array_length(objects) == 0) {
        (void)puts("no locks");
        return;
    }
    t = table_new(COLUMNS, RIGHT);
    for (int i = 0; i < COLUMNS; i++)
        table_add(t, "%s", heads[i]);
    for (size_t i = 0; i < json_object_array_length(objects); i++) {
        json_object *object = json_object_array_get_idx(objects, i);
        json_object *locks = ctl_member(object, "locks");

        if (!json_object_is_type(locks, json_type_array))
            continue;
        for (size_t j = 0; j < json_object_array_length(locks); j++)
            add_lock(t, object, json_object_array_get_idx(locks, j));
    }
    table_print(t, stdout);
    table_free(&t);
    if (ctl_bool(reply, "more"))
        (void)puts("There are more.");
}

int
cmd_locks(struct ctl *ctl)
{
    return ctl_ask(ctl, ctl_request("locks"), show);
}
