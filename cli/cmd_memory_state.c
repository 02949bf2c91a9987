/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages, pools, the limit, guard objects, and giving memory back. */
#include "cli/ctl.h"

#include <inttypes.h>

#include "cli/table.h"
#include "mem/must.h"
#include "server/core/humane.h"

static void
add_heads(struct table *t, const char *const *heads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        table_add(t, "%s", heads[i]);
}

static void
add_size(struct table *t, const char *what, int64_t bytes)
{
    table_add(t, "%s", what);
    table_add(t, "%s", HUMANE_SIZE(bytes));
}

/* --- pages --- */

static void
show_orders(json_object *list)
{
    static const char *const heads[] = {"SIZE",   "FREE",     "SPLITS",
                                        "MERGES", "FAILURES", "UNUSABLE"};
    struct table *t = table_new(COUNT_OF(heads), 0x3f);

    add_heads(t, heads, COUNT_OF(heads));
    for (size_t i = 0; i < ctl_length(list); i++) {
        json_object *o = json_object_array_get_idx(list, i);

        table_add(t, "%s", HUMANE_SIZE(ctl_number(o, "bytes")));
        table_add(t, "%" PRId64, ctl_number(o, "free"));
        table_add(t, "%" PRId64, ctl_number(o, "splits"));
        table_add(t, "%" PRId64, ctl_number(o, "merges"));
        table_add(t, "%" PRId64, ctl_number(o, "failures"));
        table_add(t, "%.1f%%",
                  (double)ctl_number(o, "unusable-permille") / 10);
    }
    table_print(t, stdout);
    table_free(&t);
}

static void
show_pages(struct ctl *ctl, json_object *reply)
{
    static const struct {
        const char *key, *what;
    } rows[] = {
        {"arenas", "in arenas"},
        {"slabs", "  slabs"},
        {"buffers", "  buffers"},
        {"blocks", "  large blocks"},
        {"free-dirty", "  free, still ours"},
        {"free-clean", "  free, the kernel's"},
        {"mapped", "mapped singly"},
        {"purged", "given back, ever"},
    };
    struct table *t = table_new(2, 1 << 1);

    show_orders(ctl_member(reply, "orders"));
    (void)putchar('\n');
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        add_size(t, rows[i].what, ctl_number(reply, rows[i].key));
    table_add(t, "huge pages");
    table_add(t, "%s", ctl_bool(reply, "huge") ? "asked for" : "off");
    table_print(t, stdout);
    table_free(&t);
}

int
cmd_memory_pages(struct ctl *ctl)
{
    return ctl_ask(ctl, ctl_request("memory-pages"), show_pages);
}

/* --- pools --- */

static void
add_pool(struct table *t, json_object *p)
{
    int64_t padded = ctl_number(p, "padded-bytes");

    table_add(t, "%s", ctl_text(p, "module"));
    table_add(t, "%s", ctl_text(p, "name"));
    table_add(t, "%" PRId64, padded);
    table_add(t, "%" PRId64, ctl_number(p, "hot"));
    table_add(t, "%" PRId64, ctl_number(p, "cold"));
    table_add(t, "%s",
              HUMANE_SIZE((ctl_number(p, "hot") + ctl_number(p, "cold")) *
                          padded));
    table_add(t, "%" PRId64, ctl_number(p, "hot-max"));
    table_add(t, "%" PRId64, ctl_number(p, "gets"));
    table_add(t, "%" PRId64, ctl_number(p, "misses"));
}

static void
show_buffers(json_object *list)
{
    static const char *const heads[] = {"BUFFER", "USED", "KEPT", "KEPT SIZE",
                                        "PEAK", "EVER"};
    struct table *t = table_new(COUNT_OF(heads), 0x3f);

    add_heads(t, heads, COUNT_OF(heads));
    for (size_t i = 0; i < ctl_length(list); i++) {
        json_object *b = json_object_array_get_idx(list, i);
        int64_t bytes = ctl_number(b, "bytes"), cold = ctl_number(b, "cold");

        if (bytes > 0)
            table_add(t, "%s", HUMANE_SIZE(bytes));
        else
            table_add(t, "larger");
        table_add(t, "%" PRId64, ctl_number(b, "active"));
        table_add(t, "%" PRId64, cold);
        table_add(t, "%s", HUMANE_SIZE(bytes * cold));
        table_add(t, "%" PRId64, ctl_number(b, "active-max"));
        table_add(t, "%" PRId64, ctl_number(b, "total"));
    }
    table_print(t, stdout);
    table_free(&t);
}

static void
show_pools(struct ctl *ctl, json_object *reply)
{
    static const char *const heads[] = {"MODULE", "POOL", "BYTES",
                                        "USED",   "KEPT", "SIZE",
                                        "PEAK",   "GETS", "MISSES"};
    json_object *list = ctl_member(reply, "pools");
    struct table *t = table_new(COUNT_OF(heads), 0x1fc);

    add_heads(t, heads, COUNT_OF(heads));
    for (size_t i = 0; i < ctl_length(list); i++)
        add_pool(t, json_object_array_get_idx(list, i));
    table_print(t, stdout);
    table_free(&t);
    (void)putchar('\n');
    show_buffers(ctl_member(reply, "buffers"));
}

int
cmd_memory_pools(struct ctl *ctl)
{
    return ctl_ask(ctl, ctl_request("memory-pools"), show_pools);
}

/* --- the limit --- */

static void
add_limit(struct table *t, json_object *r)
{
    json_object *marks = ctl_member(r, "free-marks");

    table_add(t, "limit");
    if (ctl_number(r, "limit") > 0)
        table_add(t, "%s", HUMANE_SIZE(ctl_number(r, "limit")));
    else
        table_add(t, "none");
    table_add(t, "%s has", ctl_text(r, "machine-from"));
    table_add(t, "%s", HUMANE_SIZE(ctl_number(r, "machine")));
    add_size(t, "used", ctl_number(r, "used"));
    add_size(t, "peak", ctl_number(r, "peak"));
    add_size(t, "resident", ctl_number(r, "resident"));
    table_add(t, "level");
    table_add(t, "%s", ctl_text(r, "level"));
    if (ctl_number(r, "limit") == 0)
        return;
    add_size(t, "reclaimed until so much is free", ctl_number(marks, "high"));
    add_size(t, "reclaim begins below", ctl_number(marks, "low"));
    add_size(t, "internal clients are refused below",
             ctl_number(marks, "min"));
    add_size(t, "users are refused below", ctl_number(marks, "margin"));
}

static void
add_history(struct table *t, json_object *r)
{
    json_object *reclaims = ctl_member(r, "reclaims");
    json_object *refusals = ctl_member(r, "refusals");
    json_object *list = ctl_member(r, "shrinkers");

    table_add(t, "reclaimed in the background");
    table_add(t, "%s in %" PRId64,
              HUMANE_SIZE(ctl_number(reclaims, "background-bytes")),
              ctl_number(reclaims, "background"));
    table_add(t, "reclaimed by who allocated");
    table_add(t, "%s in %" PRId64,
              HUMANE_SIZE(ctl_number(reclaims, "direct-bytes")),
              ctl_number(reclaims, "direct"));
    table_add(t, "refused");
    table_add(t,
              "%" PRId64 " internal, %" PRId64 " slow, %" PRId64
              " users', %" PRId64 " the server's",
              ctl_number(refusals, "internal"), ctl_number(refusals, "slow"),
              ctl_number(refusals, "users"), ctl_number(refusals, "server"));
    for (size_t i = 0; i < ctl_length(list); i++) {
        json_object *s = json_object_array_get_idx(list, i);

        table_add(t, "  %s", ctl_text(s, "name"));
        table_add(t, "could give %s, gave %s in %" PRId64,
                  HUMANE_SIZE(ctl_number(s, "held")),
                  HUMANE_SIZE(ctl_number(s, "given-back")),
                  ctl_number(s, "calls"));
    }
}

static void
show_limit(struct ctl *ctl, json_object *reply)
{
    struct table *t = table_new(2, 0);

    add_limit(t, reply);
    add_history(t, reply);
    table_print(t, stdout);
    table_free(&t);
}

static void
show_set(struct ctl *ctl, json_object *reply)
{
    const char *old = ctl_text(reply, "old");

    (void)printf("memory.limit = %s (was %s)\n", ctl_text(reply, "value"),
                 old[0] != '\0' ? old : "unset");
}

int
cmd_memory_limit(struct ctl *ctl)
{
    json_object *request;

    if (ctl->argc == 0)
        return ctl_ask(ctl, ctl_request("memory-limit"), show_limit);
    request = ctl_request("config-set");
    ctl_request_text(request, "key", "memory.limit");
    ctl_request_text(request, "value", ctl->argv[0]);
    return ctl_ask(ctl, request, show_set);
}

/* --- guard --- */

static void
show_guard(struct ctl *ctl, json_object *reply)
{
    int64_t rate = ctl_number(reply, "rate");

    if (rate > 0)
        (void)printf("one allocation in %" PRId64 " is guarded\n", rate);
    else
        (void)puts("no allocation is guarded");
    (void)printf("%" PRId64 " of %" PRId64 " slots are in use\n",
                 ctl_number(reply, "slots-used"), ctl_number(reply, "slots"));
    (void)printf("%" PRId64 " were guarded, %" PRId64
                 " were not since no slot was free\n",
                 ctl_number(reply, "guarded"), ctl_number(reply, "full"));
    (void)printf("%" PRId64 " types are poisoned, %s are in quarantine\n",
                 ctl_number(reply, "poisoned-types"),
                 HUMANE_SIZE(ctl_number(reply, "quarantine")));
}

int
cmd_memory_guard(struct ctl *ctl)
{
    return ctl_ask(ctl, ctl_request("memory-guard"), show_guard);
}

/* --- reclaim --- */

static void
show_reclaim(struct ctl *ctl, json_object *reply)
{
    static const char *const keys[] = {"resident", "accounted", "free-dirty"};
    static const char *const heads[] = {"", "BEFORE", "AFTER"};
    json_object *before = ctl_member(reply, "before");
    json_object *after = ctl_member(reply, "after");
    struct table *t = table_new(3, 0x6);

    add_heads(t, heads, COUNT_OF(heads));
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        table_add(t, "%s", keys[i]);
        table_add(t, "%s", HUMANE_SIZE(ctl_number(before, keys[i])));
        table_add(t, "%s", HUMANE_SIZE(ctl_number(after, keys[i])));
    }
    table_print(t, stdout);
    table_free(&t);
    (void)printf("%s given back\n",
                 HUMANE_SIZE(ctl_number(reply, "given-back")));
}

int
cmd_memory_reclaim(struct ctl *ctl)
{
    return ctl_ask(ctl, ctl_request("memory-reclaim"), show_reclaim);
}
