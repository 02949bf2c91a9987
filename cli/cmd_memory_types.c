/* SPDX-License-Identifier: BSD-2-Clause */
/* Types of memory: how they have grown, who allocates them, poison. */
#include "cli/ctl.h"

#include <inttypes.h>
#include <string.h>

#include "cli/table.h"
#include "mem/must.h"
#include "server/core/humane.h"

enum { GROWTHS_SHOWN = 25 };

/* --- growth --- */

static void
add_past(struct table *t, json_object *type, const char *span)
{
    json_object *then = ctl_member(ctl_member(type, "past"), span);
    int64_t grown = ctl_number(type, "size") - ctl_number(then, "size");

    if (then == NULL)
        table_add(t, "-");
    else
        table_add(t, "%s%s in %s", grown < 0 ? "-" : "+",
                  HUMANE_SIZE(grown < 0 ? -grown : grown),
                  HUMANE_DURATION(ctl_number(then, "age")));
}

static double
slope(json_object *type)
{
    return json_object_get_double(ctl_member(type, "slope"));
}

static void
add_slope(struct table *t, json_object *type)
{
    double a_minute = slope(type) * 60;

    table_add(t, "%s%s", a_minute < 0 ? "-" : "",
              HUMANE_SIZE(a_minute < 0 ? -a_minute : a_minute));
}

static void
show_samples(json_object *type)
{
    json_object *samples = ctl_member(type, "samples");

    if (!json_object_is_type(samples, json_type_object))
        return;
    json_object_object_foreach(samples, span, list) {
        if (ctl_length(list) == 0)
            continue;
        (void)printf("\nby %s, oldest first:", span);
        for (size_t i = 0; i < ctl_length(list); i++)
            (void)printf("%s%s", i % 6 == 0 ? "\n  " : "  ",
                         HUMANE_SIZE(json_object_get_int64(
                             json_object_array_get_idx(list, i))));
        (void)putchar('\n');
    }
}

static void
show_growth(struct ctl *ctl, json_object *reply)
{
    static const char *const heads[] = {"MODULE",     "TYPE",  "SIZE",
                                        "THE HOUR",   "2 DAYS", "THE MONTH",
                                        "PER MINUTE", "UP"};
    json_object *list = ctl_member(reply, "types");
    struct table *t = table_new(COUNT_OF(heads), 0xfc);
    size_t count = ctl_length(list);

    if (ctl->argc == 0 && count > GROWTHS_SHOWN)
        count = GROWTHS_SHOWN;
    for (size_t i = 0; i < COUNT_OF(heads); i++)
        table_add(t, "%s", heads[i]);
    for (size_t i = 0; i < count; i++) {
        json_object *type = json_object_array_get_idx(list, i);

        table_add(t, "%s", ctl_text(type, "module"));
        table_add(t, "%s", ctl_text(type, "name"));
        table_add(t, "%s", HUMANE_SIZE(ctl_number(type, "size")));
        add_past(t, type, "minutes");
        add_past(t, type, "hours");
        add_past(t, type, "days");
        add_slope(t, type);
        table_add(t, "%" PRId64 "/%" PRId64, ctl_number(type, "steps-up"),
                  ctl_number(type, "steps"));
    }
    table_print(t, stdout);
    table_free(&t);
    for (size_t i = 0; i < count && ctl->argc > 0; i++)
        show_samples(json_object_array_get_idx(list, i));
}

int
cmd_memory_growth(struct ctl *ctl)
{
    json_object *request = ctl_request("memory-growth");

    if (ctl->argc > 0)
        ctl_request_text(request, "type", ctl->argv[0]);
    return ctl_ask(ctl, request, show_growth);
}

/* --- trace --- */

static void
show_site(json_object *site)
{
    json_object *stack = ctl_member(site, "stack");

    (void)printf("%s/%s: %s live in %" PRId64 " blocks, %s in %" PRId64
                 " since it is traced\n",
                 ctl_text(site, "module"), ctl_text(site, "name"),
                 HUMANE_SIZE(ctl_number(site, "live-bytes")),
                 ctl_number(site, "live-blocks"),
                 HUMANE_SIZE(ctl_number(site, "total-bytes")),
                 ctl_number(site, "total-blocks"));
    for (size_t i = 0; i < ctl_length(stack); i++)
        (void)printf("    %s\n", json_object_get_string(
                                     json_object_array_get_idx(stack, i)));
}

static void
show_sites(struct ctl *ctl, json_object *reply)
{
    json_object *list = ctl_member(reply, "sites");
    int64_t count = ctl_number(reply, "sites-count");
    int64_t lost = ctl_number(reply, "lost");

    if (ctl_length(list) == 0)
        (void)puts(ctl_number(reply, "types-traced") > 0
                       ? "nothing has been seen yet"
                       : "nothing is traced");
    for (size_t i = 0; i < ctl_length(list); i++)
        show_site(json_object_array_get_idx(list, i));
    if (count > (int64_t)ctl_length(list))
        (void)printf("and %" PRId64 " more sites with less\n",
                     count - (int64_t)ctl_length(list));
    if (lost > 0)
        (void)printf("%" PRId64 " blocks are not in it: the tables were full\n",
                     lost);
}

static void
show_traced(struct ctl *ctl, json_object *reply)
{
    if (ctl_member(reply, "interval") != NULL)
        (void)printf("%" PRId64 " types are traced, one block in %s\n",
                     ctl_number(reply, "types"),
                     HUMANE_SIZE(ctl_number(reply, "interval")));
    else
        (void)printf("%" PRId64 " types are not traced any more\n",
                     ctl_number(reply, "types"));
}

static int
wrong_word(struct ctl *ctl, const char *words)
{
    (void)fprintf(stderr, "%s: '%s' is not one of %s\n", ctl->program,
                  ctl->argv[1], words);
    return CTL_USAGE;
}

int
cmd_memory_trace(struct ctl *ctl)
{
    const char *what = ctl->argv[1];
    bool on = strcmp(what, "on") == 0, show = strcmp(what, "show") == 0;
    json_object *request;

    if ((!on && !show && strcmp(what, "off") != 0) || (!on && ctl->argc > 2))
        return wrong_word(ctl, "on [BYTES], off and show");
    request = ctl_request("memory-trace");
    ctl_request_text(request, "type", ctl->argv[0]);
    ctl_request_text(request, "what", what);
    if (ctl->argc > 2)
        ctl_request_text(request, "interval", ctl->argv[2]);
    return ctl_ask(ctl, request, show ? show_sites : show_traced);
}

/* --- poison --- */

static void
show_poisoned(struct ctl *ctl, json_object *reply)
{
    (void)printf("%" PRId64 " types changed, %" PRId64 " are poisoned\n",
                 ctl_number(reply, "types"),
                 ctl_number(reply, "types-poisoned"));
}

int
cmd_memory_poison(struct ctl *ctl)
{
    const char *what = ctl->argv[1];
    json_object *request;

    if (strcmp(what, "on") != 0 && strcmp(what, "off") != 0)
        return wrong_word(ctl, "on and off");
    request = ctl_request("memory-poison");
    ctl_request_text(request, "type", ctl->argv[0]);
    ctl_request_text(request, "what", what);
    return ctl_ask(ctl, request, show_poisoned);
}
