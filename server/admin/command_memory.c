/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory as the control socket shows it: by type, by page, by pool, against
 * its limit. */
#include "server/admin/control_command.h"

#include <errno.h>

#include "mem/alloc.h"
#include "mem/debug.h"
#include "mem/guard.h"
#include "mem/iobuf.h"
#include "mem/limit.h"
#include "mem/must.h"
#include "mem/pages.h"
#include "mem/scope.h"
#include "server/admin/control_text.h"
#include "server/admin/memory_balance.h"
#include "server/admin/memory_rows.h"
#include "server/admin/memory_words.h"
#include "server/admin/usage.h"
#include "server/core/options.h"

enum { IOBUF_CLASSES_MAX = 64 };

/* --- memory --- */

static void
add_type(json_object *obj, const struct mem_type_stats *t)
{
    control_add_text(obj, "module", t->module);
    control_add_text(obj, "name", t->name);
    control_add_count(obj, "size", t->size);
    control_add_count(obj, "blocks", t->num_allocs);
    control_add_count(obj, "size-max", t->max_size);
    control_add_count(obj, "blocks-max", t->max_num_allocs);
    control_add_count(obj, "allocations", t->total_allocs);
    control_add_count(obj, "failures", t->failures);
}

static int
add_types(struct control_call *call)
{
    size_t count;
    AUTO_FREE struct mem_type_stats *rows = memory_rows_types(&count);
    json_object *list = control_add_list(call->reply, "types"), *obj;

    if (rows == NULL || list == NULL)
        return control_no_memory(call);
    memory_rows_sort(rows, count);
    for (size_t i = 0; i < count; i++) {
        obj = control_list_object(list);
        if (obj == NULL)
            return control_no_memory(call);
        add_type(obj, &rows[i]);
    }
    return 0;
}

static int
add_balance(struct control_call *call)
{
    json_object *reply = call->reply;
    json_object *lines = control_add_object(reply, "lines");
    struct memory_balance b;

    if (lines == NULL)
        return control_no_memory(call);
    memory_balance_read(&b);
    control_add_count(reply, "resident", b.resident);
    control_add_count(reply, "anonymous", b.anonymous);
    control_add_count(reply, "file", b.file);
    control_add_count(reply, "accounted", b.accounted);
    for (int i = 0; i < MEMORY_LINES; i++)
        control_add_number(lines, memory_line_name[i], b.lines[i]);
    control_add_number(reply, "unaccounted", b.unaccounted);
    control_add_bool(reply, "lines-known", b.known);
    return 0;
}

static void
add_faults(json_object *obj)
{
    struct usage_faults f;

    usage_faults_read(&f);
    control_add_count(obj, "minor", f.minor);
    control_add_count(obj, "major", f.major);
    control_add_decimal(obj, "minor-per-second", f.minor_per_s);
    control_add_decimal(obj, "major-per-second", f.major_per_s);
}

static void
add_limit(json_object *reply, const struct mem_limit_stats *s)
{
    control_add_count(reply, "limit", s->limit_bytes);
    control_add_count(reply, "used", s->used_bytes);
    control_add_count(reply, "peak", s->peak_bytes);
    control_add_text(reply, "level", memory_level_name[s->level]);
}

static int
run_memory(struct control_call *call)
{
    json_object *faults;
    struct mem_limit_stats limit;
    int err = add_balance(call);

    if (err == 0)
        err = add_types(call);
    if (err < 0)
        return err;
    faults = control_add_object(call->reply, "faults");
    if (faults == NULL)
        return control_no_memory(call);
    add_faults(faults);
    mem_limit_read(&limit);
    add_limit(call->reply, &limit);
    return 0;
}

int
command_memory(struct control_call *call)
{
    return control_run_later(call, run_memory);
}

/* --- pages, pools --- */

int
command_memory_pages(struct control_call *call)
{
    static const char *const kinds[] = {"slabs", "buffers", "blocks", "used"};
    json_object *list = control_add_list(call->reply, "orders"), *obj;
    struct mem_pages_stats p;

    mem_pages_read(&p);
    control_add_count(call->reply, "reserved", p.reserved_bytes);
    control_add_count(call->reply, "arenas", p.arena_bytes);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        control_add_count(call->reply, kinds[i], p.used_bytes[i]);
    control_add_count(call->reply, "free-dirty", p.free_dirty_bytes);
    control_add_count(call->reply, "free-clean", p.free_clean_bytes);
    control_add_count(call->reply, "mapped", p.mapped_bytes);
    control_add_count(call->reply, "purged", p.purged_bytes);
    control_add_count(call->reply, "purges", p.purges);
    control_add_count(call->reply, "failures", p.failures);
    control_add_bool(call->reply, "huge", p.huge);
    for (unsigned o = 0; o < MEM_PAGE_ORDERS; o++) {
        obj = control_list_object(list);
        if (obj == NULL)
            return control_no_memory(call);
        control_add_count(obj, "bytes", (uint64_t)4096 << o);
        control_add_count(obj, "free", p.orders[o].free_blocks);
        control_add_count(obj, "splits", p.orders[o].splits);
        control_add_count(obj, "merges", p.orders[o].merges);
        control_add_count(obj, "failures", p.orders[o].failures);
        control_add_count(obj, "unusable-permille",
                          p.orders[o].unusable_permille);
    }
    return 0;
}

static int
add_buffers(struct control_call *call)
{
    struct iobuf_stats rows[IOBUF_CLASSES_MAX];
    size_t count = iobuf_read(rows, IOBUF_CLASSES_MAX);
    json_object *list = control_add_list(call->reply, "buffers"), *obj;

    must(count <= IOBUF_CLASSES_MAX);
    for (size_t i = 0; i < count; i++) {
        obj = control_list_object(list);
        if (obj == NULL)
            return control_no_memory(call);
        control_add_count(obj, "bytes", rows[i].page_size);
        control_add_count(obj, "active", rows[i].active);
        control_add_count(obj, "cold", rows[i].cold);
        control_add_count(obj, "active-max", rows[i].max_active);
        control_add_count(obj, "total", rows[i].total);
    }
    return 0;
}

int
command_memory_pools(struct control_call *call)
{
    size_t count;
    AUTO_FREE struct mem_pool_stats *rows = memory_rows_pools(&count);
    json_object *list = control_add_list(call->reply, "pools"), *obj;

    if (rows == NULL)
        return control_no_memory(call);
    for (size_t i = 0; i < count; i++) {
        obj = control_list_object(list);
        if (obj == NULL)
            return control_no_memory(call);
        control_add_text(obj, "module", rows[i].module);
        control_add_text(obj, "name", rows[i].name);
        control_add_count(obj, "object-bytes", rows[i].object_bytes);
        control_add_count(obj, "padded-bytes", rows[i].padded_bytes);
        control_add_count(obj, "hot", rows[i].hot);
        control_add_count(obj, "cold", rows[i].cold);
        control_add_count(obj, "hot-max", rows[i].hot_max);
        control_add_count(obj, "gets", rows[i].total_gets);
        control_add_count(obj, "misses", rows[i].misses);
    }
    return add_buffers(call);
}

/* --- limit, guard --- */

static int
add_shrinkers(struct control_call *call)
{
    size_t count;
    AUTO_FREE struct mem_shrinker_stats *rows = memory_rows_shrinkers(&count);
    json_object *list = control_add_list(call->reply, "shrinkers"), *obj;

    if (rows == NULL)
        return control_no_memory(call);
    for (size_t i = 0; i < count; i++) {
        obj = control_list_object(list);
        if (obj == NULL)
            return control_no_memory(call);
        control_add_text(obj, "name", rows[i].name);
        control_add_count(obj, "held", rows[i].held_bytes);
        control_add_count(obj, "calls", rows[i].calls);
        control_add_count(obj, "given-back", rows[i].given_bytes);
    }
    return 0;
}

static void
add_marks(json_object *obj, const struct mem_limit_stats *s)
{
    control_add_count(obj, "margin", s->margin_bytes);
    control_add_count(obj, "min", s->min_bytes);
    control_add_count(obj, "low", s->low_bytes);
    control_add_count(obj, "high", s->high_bytes);
}

static void
add_reclaims(json_object *obj, const struct mem_limit_stats *s)
{
    control_add_count(obj, "direct", s->direct_reclaims);
    control_add_count(obj, "direct-bytes", s->direct_reclaimed_bytes);
    control_add_count(obj, "background", s->background_reclaims);
    control_add_count(obj, "background-bytes", s->background_reclaimed_bytes);
}

static int
run_limit(struct control_call *call)
{
    json_object *reply = call->reply;
    json_object *marks = control_add_object(reply, "free-marks");
    json_object *reclaims = control_add_object(reply, "reclaims");
    json_object *refusals = control_add_object(reply, "refusals");
    struct mem_limit_stats s;
    const char *from;

    if (marks == NULL || reclaims == NULL || refusals == NULL)
        return control_no_memory(call);
    mem_limit_read(&s);
    add_limit(reply, &s);
    control_add_count(reply, "resident", s.resident_bytes);
    add_marks(marks, &s);
    add_reclaims(reclaims, &s);
    for (int i = 0; i < MEM_IMPORTANCES; i++)
        control_add_count(refusals, memory_importance_name[i], s.refusals[i]);
    control_add_count(reply, "machine", mem_limit_of_machine(&from));
    control_add_text(reply, "machine-from", from);
    return add_shrinkers(call);
}

int
command_memory_limit(struct control_call *call)
{
    return control_run_later(call, run_limit);
}

int
command_memory_guard(struct control_call *call)
{
    struct mem_guard_stats s;

    mem_guard_read(&s);
    control_add_count(call->reply, "rate", s.rate);
    control_add_count(call->reply, "slots", s.slots);
    control_add_count(call->reply, "slots-used", s.slots_used);
    control_add_count(call->reply, "guarded", s.guarded);
    control_add_count(call->reply, "full", s.full);
    control_add_count(call->reply, "poisoned-types", mem_poison_types());
    control_add_count(call->reply, "quarantine", mem_poison_quarantine_bytes());
    return 0;
}

/* --- reclaim --- */

static bool
add_state(json_object *reply, const char *key)
{
    json_object *obj = control_add_object(reply, key);
    struct mem_pages_stats pages;

    if (obj == NULL)
        return false;
    mem_pages_read(&pages);
    control_add_count(obj, "resident", usage_resident_bytes());
    control_add_count(obj, "accounted", mem_account_total_bytes());
    control_add_count(obj, "free-dirty", pages.free_dirty_bytes);
    return true;
}

static int
run_reclaim(struct control_call *call)
{
    if (!add_state(call->reply, "before"))
        return control_no_memory(call);
    control_add_count(call->reply, "given-back", mem_reclaim_all());
    return add_state(call->reply, "after") ? 0 : control_no_memory(call);
}

int
command_memory_reclaim(struct control_call *call)
{
    return control_run_later(call, run_reclaim);
}
