/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/ctl.h"

#include "cli/table.h"

static void
show_list(struct ctl *ctl, json_object *reply)
{
    json_object *list = ctl_member(reply, "options");
    struct table *t = table_new(4, 0);

    table_add(t, "KEY");
    table_add(t, "VALUE");
    table_add(t, "DEFAULT");
    table_add(t, "CHANGES");
    for (size_t i = 0; json_object_is_type(list, json_type_array) &&
                       i < json_object_array_length(list);
         i++) {
        json_object *o = json_object_array_get_idx(list, i);
        const char *value = ctl_text(o, "value"), *def = ctl_text(o, "default");

        table_add(t, "%s", ctl_text(o, "key"));
        table_add(t, "%s", value[0] != '\0' ? value : "-");
        table_add(t, "%s",
                  ctl_bool(o, "is-default") ? "="
                  : def[0] != '\0'          ? def
                                            : "-");
        table_add(t, "%s", ctl_bool(o, "reloadable") ? "live" : "restart");
    }
    table_print(t, stdout);
    table_free(&t);
}

int
cmd_config_list(struct ctl *ctl)
{
    return ctl_ask(ctl, ctl_request("config-list"), show_list);
}

static void
show_value(struct ctl *ctl, json_object *reply)
{
    (void)puts(ctl_text(ctl_member(reply, "option"), "value"));
}

int
cmd_config_get(struct ctl *ctl)
{
    json_object *request = ctl_request("config-get");

    ctl_request_text(request, "key", ctl->argv[0]);
    return ctl_ask(ctl, request, show_value);
}

static void
show_change(struct ctl *ctl, json_object *reply)
{
    const char *key = ctl_text(reply, "key"), *old = ctl_text(reply, "old");
    const char *value = ctl_text(reply, "value");
    const char *config = ctl_text(reply, "config");

    if (!ctl_bool(reply, "changed")) {
        (void)printf("%s is %s already\n", key, value);
        return;
    }
    (void)printf("%s = %s (was %s)\n", key, value, old[0] ? old : "unset");
    if (config[0] != '\0')
        (void)printf("To keep it, write it into %s.\n", config);
    else
        (void)puts("It holds until the daemon ends.");
}

int
cmd_config_set(struct ctl *ctl)
{
    json_object *request = ctl_request("config-set");

    ctl_request_text(request, "key", ctl->argv[0]);
    ctl_request_text(request, "value", ctl->argv[1]);
    return ctl_ask(ctl, request, show_change);
}

static void
show_reloaded(struct ctl *ctl, json_object *reply)
{
    (void)puts("the configuration has been read anew");
}

int
cmd_reload(struct ctl *ctl)
{
    return ctl_ask(ctl, ctl_request("reload"), show_reloaded);
}
