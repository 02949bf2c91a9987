/* SPDX-License-Identifier: BSD-2-Clause */
/* What grew between two statedumps.  Asks no daemon. */
#include "cli/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/dump_table.h"
#include "cli/memory.h"
#include "cli/table.h"
#include "mem/alloc.h"
#include "mem/must.h"
#include "server/core/humane.h"

enum { ERROR_BYTES = 4200 };

static const struct {
    const char *key, *head;
} kinds[] = {
    [DUMP_KIND_TYPE] = {"types", "TYPE"},
    [DUMP_KIND_POOL] = {"pools", "POOL"},
    [DUMP_KIND_COUNT] = {"counts", "COUNT"},
};

static void
add_number(json_object *obj, const char *key, uint64_t n)
{
    json_object *number = memory_check(json_object_new_uint64(n));

    if (json_object_object_add(obj, key, number) < 0)
        (void)memory_check(NULL);
}

static json_object *
make_change(const struct dump_change *c)
{
    json_object *obj = memory_check(json_object_new_object());

    ctl_request_text(obj, "name", c->name);
    add_number(obj, "old-size", c->old_size);
    add_number(obj, "size", c->size);
    if (c->kind != DUMP_KIND_COUNT) {
        add_number(obj, "old-blocks", c->old_blocks);
        add_number(obj, "blocks", c->blocks);
    }
    return obj;
}

static json_object *
make_reply(const struct dump_change *changes, size_t count)
{
    json_object *reply = memory_check(json_object_new_object());

    if (json_object_object_add(reply, "ok", json_object_new_boolean(1)) < 0)
        (void)memory_check(NULL);
    for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
        json_object *list = memory_check(json_object_new_array());

        for (size_t i = 0; i < count; i++)
            if (changes[i].kind == kind &&
                json_object_array_add(list, make_change(&changes[i])) < 0)
                (void)memory_check(NULL);
        if (json_object_object_add(reply, kinds[kind].key, list) < 0)
            (void)memory_check(NULL);
    }
    return reply;
}

/* --- for people --- */

static uint64_t
unsigned_of(json_object *obj, const char *key)
{
    return json_object_get_uint64(ctl_member(obj, key));
}

static void
add_change(struct table *t, uint64_t from, uint64_t to, bool bytes)
{
    uint64_t by = to >= from ? to - from : from - to;

    table_add(t, "%c", to >= from ? '+' : '-');
    if (bytes)
        table_add(t, "%s", HUMANE_SIZE(by));
    else
        table_add(t, "%" PRIu64, by);
}

static void
show_kind(json_object *list, enum dump_kind kind)
{
    bool counts = kind == DUMP_KIND_COUNT;
    struct table *t;

    if (ctl_length(list) == 0)
        return;
    t = counts ? table_new(5, 0x1e) : table_new(7, 0x7e);
    table_add(t, "%s", kinds[kind].head);
    table_add(t, "%s", "");
    table_add(t, "GREW");
    table_add(t, "OLDER");
    table_add(t, "NEWER");
    if (!counts) {
        table_add(t, "%s", "");
        table_add(t, "BLOCKS");
    }
    for (size_t i = 0; i < ctl_length(list); i++) {
        json_object *c = json_object_array_get_idx(list, i);
        uint64_t from = unsigned_of(c, "old-size"), to = unsigned_of(c, "size");

        table_add(t, "%s", ctl_text(c, "name"));
        add_change(t, from, to, !counts);
        if (counts) {
            table_add(t, "%" PRIu64, from);
            table_add(t, "%" PRIu64, to);
            continue;
        }
        table_add(t, "%s", HUMANE_SIZE(from));
        table_add(t, "%s", HUMANE_SIZE(to));
        add_change(t, unsigned_of(c, "old-blocks"), unsigned_of(c, "blocks"),
                   false);
    }
    table_print(t, stdout);
    table_free(&t);
    (void)putchar('\n');
}

static void
show(struct ctl *ctl, json_object *reply)
{
    size_t changes = 0;

    for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
        json_object *list = ctl_member(reply, kinds[kind].key);

        changes += ctl_length(list);
        show_kind(list, kind);
    }
    if (changes == 0)
        (void)puts("nothing differs");
}

/* --- reading --- */

/* 0, or -errno with the text of it. */
static int
read_table(const char *path, struct dump_table *out, char err[ERROR_BYTES])
{
    FILE *in = fopen(path, "re");
    int ret = in == NULL ? -errno : dump_table_read(out, in);

    if (in != NULL)
        (void)fclose(in);
    else
        *out = (struct dump_table){0};
    if (ret < 0)
        (void)snprintf(err, ERROR_BYTES, "%.4000s: %s", path,
                       ret == -EBADMSG ? "this is no statedump"
                       : ret == -E2BIG ? "there are too many types in it"
                                       : strerror(-ret));
    return ret;
}

int
cmd_statedump_diff(struct ctl *ctl)
{
    struct dump_table older, newer;
    struct dump_change *changes;
    char err[ERROR_BYTES];
    size_t count;
    int ret = read_table(ctl->argv[0], &older, err), code;

    if (ret < 0) {
        dump_table_fini(&older);
        return ctl_fail(ctl, err, ret);
    }
    ret = read_table(ctl->argv[1], &newer, err);
    if (ret < 0) {
        code = ctl_fail(ctl, err, ret);
    } else {
        changes = dump_table_diff(&older, &newer, &count);
        code = ctl_show(ctl, make_reply(changes, count), show);
        mem_free(changes);
    }
    dump_table_fini(&older);
    dump_table_fini(&newer);
    return code;
}
