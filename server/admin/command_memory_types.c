/* SPDX-License-Identifier: BSD-2-Clause */
/* Types of memory that one looks into: growth, call sites, poison. */
#include "server/admin/control_command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/debug.h"
#include "mem/growth.h"
#include "mem/scope.h"
#include "mem/trace.h"
#include "server/admin/control_text.h"
#include "server/admin/memory_rows.h"
#include "server/admin/memory_words.h"
#define LOG_DOMAIN "control"
#include "server/core/log.h"

MEM_TYPE(mt_type_name, "server.admin", "type name");

enum {
    INTERVAL_DEFAULT = 16 * 1024,
    SITES_SHOWN = 64,
    SYMBOL_BYTES = 256,
    RING_MAX = 64, /* samples */
};

_Static_assert((int)RING_MAX >= (int)MEM_GROWTH_MINUTES_KEPT &&
                   (int)RING_MAX >= (int)MEM_GROWTH_HOURS_KEPT &&
                   (int)RING_MAX >= (int)MEM_GROWTH_DAYS_KEPT,
               "a ring fits");

/* --- naming a type --- */

/* "module/name", "name", or "all". */
struct type_name {
    char *text;               /* to be freed */
    const char *module, *name; /* views into text; NULL: any */
};

/* 0 or -errno; text is to be freed in any case. */
static int
read_type(struct control_call *call, struct type_name *out)
{
    const char *type = control_request_text(&call->req, "type");
    char *slash;

    *out = (struct type_name){0};
    if (type == NULL || type[0] == '\0')
        return control_fail(call, -EINVAL, "the request names no type");
    out->text = mem_strdup(&mt_type_name, type);
    if (out->text == NULL)
        return control_no_memory(call);
    if (strcmp(type, "all") == 0)
        return 0;
    slash = strchr(out->text, '/');
    if (slash == NULL) {
        out->name = out->text;
        return 0;
    }
    *slash = '\0';
    out->module = out->text;
    out->name = slash + 1;
    return 0;
}

static bool
is_type(const struct type_name *type, const char *module, const char *name)
{
    return (type->module == NULL || strcmp(type->module, module) == 0) &&
           (type->name == NULL || strcmp(type->name, name) == 0);
}

static int
no_type(struct control_call *call)
{
    return control_fail(call, -ENOENT,
                        "there is no type '%.128s' in use; 'memory' lists "
                        "them, MODULE/NAME or NAME names them",
                        control_request_text(&call->req, "type"));
}

/* --- growth --- */

static bool
add_growth(json_object *obj, const struct mem_growth *g)
{
    json_object *past = control_add_object(obj, "past"), *then;

    control_add_text(obj, "module", g->module);
    control_add_text(obj, "name", g->name);
    control_add_count(obj, "size", g->size);
    control_add_count(obj, "blocks", g->num_allocs);
    control_add_decimal(obj, "slope", g->slope_bytes_per_s);
    control_add_count(obj, "steps", g->steps);
    control_add_count(obj, "steps-up", g->steps_up);
    for (int i = 0; i < MEM_GROWTH_SPANS; i++) {
        if (g->past[i].age_ns == 0)
            continue;
        then = control_add_object(past, memory_span_name[i]);
        if (then == NULL)
            return false;
        control_add_count(then, "age", g->past[i].age_ns / CLOCK_NS_PER_SEC);
        control_add_count(then, "size", g->past[i].size);
        control_add_count(then, "blocks", g->past[i].num_allocs);
    }
    return past != NULL;
}

/* Sizes of one type, oldest first, in each ring. */
static bool
add_rings(json_object *obj, const struct mem_growth *g)
{
    json_object *rings = control_add_object(obj, "samples");

    for (int span = 0; span < MEM_GROWTH_SPANS; span++) {
        json_object *list = control_add_list(rings, memory_span_name[span]);
        uint64_t sizes[RING_MAX];
        size_t n = mem_growth_ring(g->module, g->name, span, sizes, RING_MAX);

        if (list == NULL)
            return false;
        for (size_t i = 0; i < n; i++) {
            json_object *size = json_object_new_int64((int64_t)sizes[i]);

            if (size == NULL || json_object_array_add(list, size) < 0) {
                json_object_put(size);
                return false;
            }
        }
    }
    return true;
}

static int
add_growths(struct control_call *call, const struct type_name *type)
{
    size_t count, found = 0;
    AUTO_FREE struct mem_growth *rows = memory_rows_growth(&count);
    json_object *list = control_add_list(call->reply, "types"), *obj;

    if (rows == NULL || list == NULL)
        return control_no_memory(call);
    for (size_t i = 0; i < count; i++) {
        if (type != NULL && !is_type(type, rows[i].module, rows[i].name))
            continue;
        found++;
        obj = control_list_object(list);
        if (obj == NULL || !add_growth(obj, &rows[i]) ||
            (type != NULL && !add_rings(obj, &rows[i])))
            return control_no_memory(call);
    }
    return type != NULL && found == 0 ? no_type(call) : 0;
}

static int
run_growth(struct control_call *call)
{
    struct type_name type;
    int err;

    if (control_request_text(&call->req, "type") == NULL)
        return add_growths(call, NULL);
    err = read_type(call, &type);
    if (err == 0)
        err = add_growths(call, &type);
    mem_free(type.text);
    return err;
}

int
command_memory_growth(struct control_call *call)
{
    return control_run_later(call, run_growth);
}

/* --- trace --- */

static bool
add_stack(json_object *obj, const struct mem_trace_site *site)
{
    json_object *list = control_add_list(obj, "stack");
    char symbol[SYMBOL_BYTES];

    for (unsigned i = 0; i < site->frames_count; i++) {
        json_object *text;

        mem_trace_symbol(site->frames[i], symbol, sizeof(symbol));
        text = control_text(symbol);
        if (text == NULL || json_object_array_add(list, text) < 0) {
            json_object_put(text);
            return false;
        }
    }
    return list != NULL;
}

static bool
add_site(json_object *obj, const struct mem_trace_site *site)
{
    control_add_text(obj, "module", site->module);
    control_add_text(obj, "name", site->name);
    control_add_count(obj, "live-bytes", site->live_bytes);
    control_add_count(obj, "live-blocks", site->live_blocks);
    control_add_count(obj, "total-bytes", site->total_bytes);
    control_add_count(obj, "total-blocks", site->total_blocks);
    control_add_count(obj, "samples-live", site->samples_live);
    control_add_count(obj, "samples-total", site->samples_total);
    return add_stack(obj, site);
}

static int
show_sites(struct control_call *call, const struct type_name *type)
{
    size_t count, sites = 0;
    AUTO_FREE struct mem_trace_site *rows = memory_rows_sites(&count);
    json_object *list = control_add_list(call->reply, "sites"), *obj;

    if (rows == NULL || list == NULL)
        return control_no_memory(call);
    for (size_t i = 0; i < count; i++) {
        if (!is_type(type, rows[i].module, rows[i].name) ||
            ++sites > SITES_SHOWN)
            continue;
        obj = control_list_object(list);
        if (obj == NULL || !add_site(obj, &rows[i]))
            return control_no_memory(call);
    }
    control_add_count(call->reply, "sites-count", sites);
    control_add_count(call->reply, "types-traced", mem_trace_types());
    control_add_count(call->reply, "lost", mem_trace_lost());
    return 0;
}

/* Of the request, in bytes; 0: there is none that is good. */
static size_t
read_interval(struct control_call *call)
{
    const char *text = control_request_text(&call->req, "interval");
    unsigned long long n;
    char *end;

    if (text == NULL)
        return INTERVAL_DEFAULT;
    if (text[0] < '0' || text[0] > '9')
        return 0;
    errno = 0;
    n = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && n <= MEM_TRACE_INTERVAL_MAX ? (size_t)n
                                                                     : 0;
}

static int
trace_on(struct control_call *call, const struct type_name *type)
{
    size_t interval = read_interval(call);
    int types;

    if (interval == 0)
        return control_fail(call, -EINVAL,
                            "the interval is a number of bytes from 1 to %d",
                            (int)MEM_TRACE_INTERVAL_MAX);
    types = mem_trace_on(type->module, type->name, interval);
    if (types < 0)
        return control_fail(call, types, "%s", strerror(-types));
    if (types == 0)
        return no_type(call);
    log_notice("the control socket traces %d types of memory: %s", types,
               control_request_text(&call->req, "type"));
    control_add_count(call->reply, "types", (uint64_t)types);
    control_add_count(call->reply, "interval", interval);
    return 0;
}

static int
trace(struct control_call *call, const struct type_name *type)
{
    const char *what = control_request_text(&call->req, "what");
    int types;

    if (what != NULL && strcmp(what, "on") == 0)
        return trace_on(call, type);
    if (what != NULL && strcmp(what, "show") == 0)
        return show_sites(call, type);
    if (what == NULL || strcmp(what, "off") != 0)
        return control_fail(call, -EINVAL, "one of on, off and show is wanted");
    types = mem_trace_off(type->module, type->name);
    if (types < 0)
        return control_fail(call, types, "%s", strerror(-types));
    log_notice("the control socket stops tracing %d types of memory", types);
    control_add_count(call->reply, "types", (uint64_t)types);
    return 0;
}

static int
run_trace(struct control_call *call)
{
    struct type_name type;
    int err = read_type(call, &type);

    if (err == 0)
        err = trace(call, &type);
    mem_free(type.text);
    return err;
}

int
command_memory_trace(struct control_call *call)
{
    return control_run_later(call, run_trace);
}

/* --- poison --- */

static int
run_poison(struct control_call *call)
{
    const char *what = control_request_text(&call->req, "what");
    struct type_name type;
    unsigned types;
    bool on;
    int err;

    if (what == NULL || (strcmp(what, "on") != 0 && strcmp(what, "off") != 0))
        return control_fail(call, -EINVAL, "one of on and off is wanted");
    on = strcmp(what, "on") == 0;
    err = read_type(call, &type);
    if (err == 0) {
        types = mem_poison_set(type.module, type.name, on);
        control_add_count(call->reply, "types", types);
        control_add_count(call->reply, "types-poisoned", mem_poison_types());
        if (types == 0 && on)
            err = no_type(call);
        else
            log_notice("the control socket switches poison %s for %u types of "
                       "memory: %s",
                       what, types, control_request_text(&call->req, "type"));
    }
    mem_free(type.text);
    return err;
}

int
command_memory_poison(struct control_call *call)
{
    return control_run_later(call, run_poison);
}
