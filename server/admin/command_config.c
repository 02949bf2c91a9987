/* SPDX-License-Identifier: BSD-2-Clause */
/* The options and the log level, as the control socket shows and sets them. */
#include "server/admin/control_command.h"

#include <errno.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/scope.h"
#include "server/admin/control_text.h"
#include "server/core/options.h"
#define LOG_DOMAIN "control"
#include "server/core/log.h"

MEM_TYPE(mt_value, "server.admin", "option value");

enum { VALUE_BYTES = 64 * 1024, RANGE_BYTES = 256 };

static void
describe(json_object *obj, const struct options *options, enum option_id id,
         char scratch[VALUE_BYTES])
{
    const struct option_def *def = option_def(id);
    char range[RANGE_BYTES];

    control_add_text(obj, "key", def->key);
    control_add_text(obj, "volume-key", def->volume_key);
    control_add_text(obj, "type", option_type_name(def->type));
    control_add_text(obj, "value",
                     options_text(options, id, scratch, VALUE_BYTES));
    control_add_text(obj, "default", def->def);
    control_add_bool(obj, "is-default", options_is_default(options, id));
    control_add_bool(obj, "reloadable", def->reloadable);
    control_add_text(obj, "range",
                     option_range_text(def, range, sizeof(range)));
    control_add_text(obj, "help", def->help);
}

int
command_config_list(struct control_call *call)
{
    AUTO_FREE char *scratch = mem_alloc(&mt_value, VALUE_BYTES);
    json_object *list = json_object_new_array();

    if (list == NULL || scratch == NULL ||
        json_object_object_add(call->reply, "options", list) < 0) {
        json_object_put(list);
        return control_no_memory(call);
    }
    for (int id = 0; id < OPTIONS_COUNT; id++) {
        json_object *obj = json_object_new_object();

        if (obj == NULL || json_object_array_add(list, obj) < 0) {
            json_object_put(obj);
            return control_no_memory(call);
        }
        describe(obj, call->admin->brick->options, id, scratch);
    }
    return 0;
}

/* The option that the request's "key" names; -errno. */
static int
find(struct control_call *call)
{
    const char *key = control_request_text(&call->req, "key"), *near;
    int id;

    if (key == NULL)
        return control_fail(call, -EINVAL, "the request names no key");
    id = option_find(key);
    if (id >= 0)
        return id;
    near = option_nearest(key);
    if (near == NULL)
        return control_fail(call, -ENOENT, "unknown option '%.128s'", key);
    return control_fail(call, -ENOENT,
                        "unknown option '%.128s'; did you mean '%s'?", key,
                        near);
}

int
command_config_get(struct control_call *call)
{
    AUTO_FREE char *scratch = mem_alloc(&mt_value, VALUE_BYTES);
    json_object *obj;
    int id = find(call);

    if (id < 0)
        return id;
    obj = json_object_new_object();
    if (obj == NULL || scratch == NULL ||
        json_object_object_add(call->reply, "option", obj) < 0) {
        json_object_put(obj);
        return control_no_memory(call);
    }
    describe(obj, call->admin->brick->options, id, scratch);
    return 0;
}

static int
set(struct control_call *call, int id, const char *value, char *old, char *new)
{
    struct options *options = call->admin->brick->options;
    const char *key = option_def(id)->key;
    bool changed;
    int err;

    (void)options_text(options, id, old, VALUE_BYTES);
    call->err[0] = '\0';
    err = options_set(options, key, value, true, call->err);
    if (err < 0)
        return call->err[0] != '\0'
                   ? err
                   : control_fail(call, err, "%s: %s", key, strerror(-err));
    (void)options_text(options, id, new, VALUE_BYTES);
    changed = strcmp(old, new) != 0;
    control_add_text(call->reply, "key", key);
    control_add_text(call->reply, "old", old);
    control_add_text(call->reply, "value", new);
    control_add_bool(call->reply, "changed", changed);
    control_add_text(call->reply, "config", call->admin->config_path);
    if (changed)
        log_notice("the control socket sets %s to %s, from %s", key, new, old);
    return 0;
}

static int
set_text(struct control_call *call, int id, const char *value)
{
    AUTO_FREE char *old = mem_alloc(&mt_value, VALUE_BYTES);
    AUTO_FREE char *new = mem_alloc(&mt_value, VALUE_BYTES);

    if (old == NULL || new == NULL)
        return control_no_memory(call);
    return set(call, id, value, old, new);
}

int
command_config_set(struct control_call *call)
{
    const char *value = control_request_text(&call->req, "value");
    int id = find(call);

    if (id < 0)
        return id;
    if (value == NULL)
        return control_fail(call, -EINVAL, "the request has no value");
    return set_text(call, id, value);
}

int
command_log_level(struct control_call *call)
{
    const char *text = control_request_text(&call->req, "level");
    enum log_level level;
    int err;

    if (json_object_object_get_ex(call->req.root, "level", NULL)) {
        if (text == NULL || log_level_parse(text, &level) < 0)
            return control_fail(call, -EINVAL, "no such log level: %.64s",
                                text != NULL ? text : "");
        err = set_text(call, OPT_LOG_LEVEL, log_level_name(level));
        if (err < 0)
            return err;
        log_set_level(level);
    }
    control_add_text(call->reply, "level", log_level_name(log_get_level()));
    return 0;
}
