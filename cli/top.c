/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/top.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ctl.h"
#include "cli/memory.h"
#include "cli/table.h"
#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/humane.h"

MEM_TYPE(mt_rows, "cli", "top");

enum { HEAD_ROWS = 4, TITLE_ROWS = 2 };

/* --- between two answers --- */

static int64_t
grown(json_object *older, json_object *newer, const char *key)
{
    int64_t n = ctl_number(newer, key) - ctl_number(older, key);

    return n > 0 ? n : 0;
}

static double
seconds_between(json_object *older, json_object *newer)
{
    double s;

    if (older == NULL)
        s = (double)ctl_number(newer, "uptime");
    else
        s = (double)grown(older, newer, "at-ns") / 1e9;
    return s > 0.001 ? s : 1;
}

/* Of a list of objects that which has the same value for `key`. */
static json_object *
same_in(json_object *list, const char *key, json_object *as)
{
    json_object *wanted = ctl_member(as, key);

    for (size_t i = 0; i < ctl_length(list); i++) {
        json_object *obj = json_object_array_get_idx(list, i);

        if (json_object_equal(ctl_member(obj, key), wanted))
            return obj;
    }
    return NULL;
}

/* [[up to, count], …] */
static int64_t
bucket(json_object *pair, size_t i)
{
    return ctl_length(pair) == 2
               ? json_object_get_int64(json_object_array_get_idx(pair, i))
               : 0;
}

static int64_t
bucket_count(json_object *buckets, int64_t up_to)
{
    for (size_t i = 0; i < ctl_length(buckets); i++) {
        json_object *pair = json_object_array_get_idx(buckets, i);

        if (bucket(pair, 0) == up_to)
            return bucket(pair, 1);
    }
    return 0;
}

static int64_t
bucket_grown(json_object *older, json_object *pair)
{
    int64_t n = bucket(pair, 1) - bucket_count(older, bucket(pair, 0));

    return n > 0 ? n : 0;
}

int64_t
top_quantile_ns(json_object *older, json_object *newer, unsigned permille)
{
    int64_t total = 0, below = 0;

    for (size_t i = 0; i < ctl_length(newer); i++)
        total += bucket_grown(older, json_object_array_get_idx(newer, i));
    for (size_t i = 0; i < ctl_length(newer) && total > 0; i++) {
        json_object *pair = json_object_array_get_idx(newer, i);

        below += bucket_grown(older, pair);
        if ((double)below >= (double)total * permille / 1000)
            return bucket(pair, 0);
    }
    return 0;
}

/* --- rows, by rate --- */

struct row {
    json_object *older, *newer;
    double rate;
};

static int
by_rate(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return (x->rate < y->rate) - (x->rate > y->rate);
}

static struct row *
rows_of(json_object *older, json_object *newer, const char *list,
        const char *key, double seconds, size_t *count)
{
    json_object *before = ctl_member(older, list);
    json_object *now = ctl_member(newer, list);
    struct row *rows;

    *count = ctl_length(now);
    rows = memory_check(mem_calloc(&mt_rows, *count + 1, sizeof(*rows)));
    for (size_t i = 0; i < *count; i++) {
        struct row *r = &rows[i];

        r->newer = json_object_array_get_idx(now, i);
        r->older = same_in(before, key, r->newer);
        r->rate = (double)grown(r->older, r->newer, "calls") / seconds;
    }
    qsort(rows, *count, sizeof(*rows), by_rate);
    return rows;
}

static void
add_rate(struct table *t, double rate)
{
    table_add(t, "%.*f", rate > 0 && rate < 10 ? 1 : 0, rate);
}

static void
add_heads(struct table *t, const char *const *heads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        table_add(t, "%s", heads[i]);
}

static void
add_ns(struct table *t, int64_t ns)
{
    if (ns < 0)
        table_add(t, "long");
    else
        table_add(t, "%s", ns > 0 ? HUMANE_NS(ns) : "-");
}

/* Mean of what was counted between the two. */
static int64_t
mean(json_object *older, json_object *newer)
{
    int64_t count = grown(older, newer, "count");

    return count > 0 ? grown(older, newer, "sum-ns") / count : 0;
}

static json_object *
stage(json_object *op, const char *name)
{
    return ctl_member(ctl_member(op, "stages"), name);
}

static void
add_stage(struct table *t, const struct row *r, const char *name)
{
    add_ns(t, mean(stage(r->older, name), stage(r->newer, name)));
}

static void
print_operations(FILE *out, json_object *older, json_object *newer,
                 double seconds, size_t room)
{
    static const char *const heads[] = {"OPERATION", "OPS/S",  "FAILED/S",
                                        "MEAN",      "P50",    "P99",
                                        "QUEUED",    "RUN",    "REPLIED"};
    struct table *t = table_new(COUNT_OF(heads), 0x1fe);
    size_t count;
    AUTO_FREE struct row *rows =
        rows_of(older, newer, "operations", "op", seconds, &count);

    add_heads(t, heads, COUNT_OF(heads));
    for (size_t i = 0; i < count && i < room; i++) {
        const struct row *r = &rows[i];
        json_object *a = stage(r->older, "total");
        json_object *b = stage(r->newer, "total");

        table_add(t, "%s", ctl_text(r->newer, "op"));
        add_rate(t, r->rate);
        add_rate(t, (double)grown(r->older, r->newer, "failures") / seconds);
        add_ns(t, mean(a, b));
        for (unsigned q = 500; q <= 990; q += 490)
            add_ns(t, top_quantile_ns(ctl_member(a, "buckets"),
                                      ctl_member(b, "buckets"), q));
        add_stage(t, r, "queued");
        add_stage(t, r, "run");
        add_stage(t, r, "replied");
    }
    table_print(t, out);
    table_free(&t);
}

static void
print_clients(FILE *out, json_object *older, json_object *newer,
              double seconds, size_t room)
{
    static const char *const heads[] = {"CLIENT",    "OPS/S", "READ/S",
                                        "WRITTEN/S", "MEAN",  "HELD",
                                        "PROCESS"};
    struct table *t = table_new(COUNT_OF(heads), 0x3e);
    size_t count;
    AUTO_FREE struct row *rows =
        rows_of(older, newer, "clients", "generation", seconds, &count);

    add_heads(t, heads, COUNT_OF(heads));
    for (size_t i = 0; i < count && i < room; i++) {
        const struct row *r = &rows[i];
        int64_t calls = grown(r->older, r->newer, "calls");

        table_add(t, "%s", ctl_text(r->newer, "peer"));
        add_rate(t, r->rate);
        table_add(t, "%s", HUMANE_SIZE(
                               (double)grown(r->older, r->newer, "bytes-read") /
                               seconds));
        table_add(t, "%s",
                  HUMANE_SIZE((double)grown(r->older, r->newer,
                                            "bytes-written") /
                              seconds));
        add_ns(t, calls > 0 ? grown(r->older, r->newer, "sum-ns") / calls : 0);
        table_add(t, "%s", HUMANE_SIZE(ctl_number(r->newer, "held-bytes")));
        table_add(t, "%s", ctl_text(r->newer, "process-name"));
    }
    table_print(t, out);
    table_free(&t);
}

static void
print_head(FILE *out, json_object *older, json_object *newer, double seconds)
{
    json_object *memory = ctl_member(newer, "memory");
    int64_t limit = ctl_number(memory, "limit");
    struct table *t = table_new(1, 0);

    /* Cells, since names come from outside. */
    table_add(t, "Brick    %s of %s, up %s; rates %s",
              ctl_text(newer, "brick"), ctl_text(newer, "volume"),
              HUMANE_DURATION(ctl_number(newer, "uptime")),
              older == NULL ? "since the start" : "since the last look");
    table_add(t, "Clients  %zu on %" PRId64 " connections, holding %s",
              ctl_length(ctl_member(newer, "clients")),
              ctl_number(newer, "connections"),
              HUMANE_SIZE(ctl_number(newer, "held-bytes")));
    table_add(t, "Data     %s/s read, %s/s written",
              HUMANE_SIZE((double)grown(older, newer, "data-bytes-read") /
                          seconds),
              HUMANE_SIZE((double)grown(older, newer, "data-bytes-written") /
                          seconds));
    table_add(t, "Memory   %s resident, %s accounted, limit %s",
              HUMANE_SIZE(ctl_number(memory, "resident")),
              HUMANE_SIZE(ctl_number(memory, "accounted")),
              limit > 0 ? HUMANE_SIZE(limit) : "none");
    table_print(t, out);
    table_free(&t);
}

/* How many lines it took. */
static unsigned
print_classes(FILE *out, json_object *older, json_object *newer,
              double seconds)
{
    static const char *const heads[] = {"CLASS",   "QUEUED", "RUNNING",
                                        "LIMIT",   "OPS/S",  "WAITED",
                                        "RUN"};
    json_object *before = ctl_member(older, "classes");
    json_object *now = ctl_member(newer, "classes");
    struct table *t = table_new(COUNT_OF(heads), 0x7e);
    unsigned lines = 1;

    add_heads(t, heads, COUNT_OF(heads));
    if (json_object_is_type(now, json_type_object)) {
        json_object_object_foreach(now, name, c) {
            json_object *was = ctl_member(before, name);

            table_add(t, "%s", name);
            table_add(t, "%" PRId64, ctl_number(c, "queued"));
            table_add(t, "%" PRId64, ctl_number(c, "running"));
            table_add(t, "%" PRId64, ctl_number(c, "limit"));
            add_rate(t, (double)grown(ctl_member(was, "total"),
                                      ctl_member(c, "total"), "count") /
                            seconds);
            add_ns(t, mean(ctl_member(was, "queued"),
                           ctl_member(c, "queued")));
            add_ns(t, mean(ctl_member(was, "run"), ctl_member(c, "run")));
            lines++;
        }
    }
    table_print(t, out);
    table_free(&t);
    return lines;
}

void
top_print(FILE *out, json_object *older, json_object *newer, unsigned rows)
{
    double seconds = seconds_between(older, newer);
    size_t operations = SIZE_MAX, clients = SIZE_MAX;
    unsigned used = HEAD_ROWS;

    print_head(out, older, newer, seconds);
    (void)fputc('\n', out);
    used += 1 + print_classes(out, older, newer, seconds);
    if (rows > 0) {
        /* Two titled tables; half for each, but what the clients do not need
         * is for the operations. */
        size_t room = rows > used + 2 * TITLE_ROWS + 1
                          ? rows - used - 2 * TITLE_ROWS - 1
                          : 2;
        size_t wanted = ctl_length(ctl_member(newer, "clients"));

        clients = wanted < room / 2 ? wanted : room / 2;
        operations = room - clients;
    }
    (void)fputc('\n', out);
    print_operations(out, older, newer, seconds, operations);
    (void)fputc('\n', out);
    print_clients(out, older, newer, seconds, clients);
}
