/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory by type, and where the rest of it is. */
#include "cli/ctl.h"

#include <inttypes.h>

#include "cli/table.h"
#include "server/core/humane.h"

enum { COLUMNS = 8, RIGHT = 0xfc }; /* all but the first two */

static double
percent(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void
add_type(struct table *t, json_object *type, int64_t accounted)
{
    int64_t size = ctl_number(type, "size");

    table_add(t, "%s", ctl_text(type, "module"));
    table_add(t, "%s", ctl_text(type, "name"));
    table_add(t, "%s", HUMANE_SIZE(size));
    table_add(t, "%.1f%%", percent(size, accounted));
    table_add(t, "%s", HUMANE_SIZE(ctl_number(type, "size-max")));
    table_add(t, "%" PRId64, ctl_number(type, "blocks"));
    table_add(t, "%" PRId64, ctl_number(type, "allocations"));
    table_add(t, "%" PRId64, ctl_number(type, "failures"));
}

static void
show_types(json_object *reply)
{
    static const char *const heads[COLUMNS] = {
        "MODULE", "TYPE",   "SIZE",        "SHARE",
        "PEAK",   "BLOCKS", "ALLOCATIONS", "FAILURES"};
    json_object *list = ctl_member(reply, "types");
    struct table *t = table_new(COLUMNS, RIGHT);

    for (int i = 0; i < COLUMNS; i++)
        table_add(t, "%s", heads[i]);
    for (size_t i = 0; i < ctl_length(list); i++)
        add_type(t, json_object_array_get_idx(list, i),
                 ctl_number(reply, "accounted"));
    table_print(t, stdout);
    table_free(&t);
}

static void
add_line(struct table *t, const char *name, int64_t bytes)
{
    table_add(t, "%s", name);
    table_add(t, "%s%s", bytes < 0 ? "-" : "",
              HUMANE_SIZE(bytes < 0 ? -bytes : bytes));
}

static void
show_sum(json_object *reply)
{
    json_object *lines = ctl_member(reply, "lines");
    struct table *t = table_new(2, 1 << 1);

    add_line(t, "accounted", ctl_number(reply, "accounted"));
    if (json_object_is_type(lines, json_type_object)) {
        json_object_object_foreach(lines, name, bytes) {
            add_line(t, name, json_object_get_int64(bytes));
        }
    }
    add_line(t, "unaccounted", ctl_number(reply, "unaccounted"));
    add_line(t, "resident", ctl_number(reply, "resident"));
    if (ctl_number(reply, "limit") > 0) {
        add_line(t, "used of the limit", ctl_number(reply, "used"));
        add_line(t, "limit", ctl_number(reply, "limit"));
        table_add(t, "level");
        table_add(t, "%s", ctl_text(reply, "level"));
    }
    table_print(t, stdout);
    table_free(&t);
}

static void
show(struct ctl *ctl, json_object *reply)
{
    show_types(reply);
    (void)putchar('\n');
    show_sum(reply);
}

int
cmd_memory(struct ctl *ctl)
{
    return ctl_ask(ctl, ctl_request("memory"), show);
}

/* --- the doctor --- */

/* Wrapped at blanks: these are sentences to be read. */
static void
print_wrapped(const char *mark, const char *text)
{
    enum { WIDTH = 78, INDENT = 2 };
    size_t column = INDENT;

    (void)fputs(mark, stdout);
    while (*text != '\0') {
        const char *end = text;
        size_t bytes;

        while (*end != '\0' && *end != ' ')
            end++;
        bytes = (size_t)(end - text);
        if (bytes > 0) {
            if (column > INDENT && column + 1 + bytes > WIDTH) {
                (void)printf("\n%*s", INDENT, "");
                column = INDENT;
            } else if (column > INDENT) {
                (void)putchar(' ');
                column++;
            }
            (void)fwrite(text, 1, bytes, stdout);
            column += bytes;
        }
        text = *end == '\0' ? end : end + 1;
    }
    (void)putchar('\n');
}

static void
show_findings(struct ctl *ctl, json_object *reply)
{
    json_object *list = ctl_member(reply, "findings");

    for (size_t i = 0; i < ctl_length(list); i++) {
        json_object *f = json_object_array_get_idx(list, i);
        const char *weight = ctl_text(f, "weight");

        print_wrapped(weight[0] == 'w'   ? "! "
                      : weight[0] == 'n' ? "- "
                                         : "  ",
                      ctl_text(f, "text"));
    }
}

int
cmd_memory_doctor(struct ctl *ctl)
{
    return ctl_ask(ctl, ctl_request("memory-doctor"), show_findings);
}
