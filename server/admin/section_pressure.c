/* SPDX-License-Identifier: BSD-2-Clause */
/* The limit and its watermarks, reclaim, page faults, the C library's heap,
 * guard objects and growth in the statedump. */
#include "server/admin/sections.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/debug.h"
#include "mem/growth.h"
#include "mem/guard.h"
#include "mem/limit.h"
#include "mem/must.h"
#include "mem/reclaim.h"
#include "mem/scope.h"
#include "mem/trace.h"
#include "server/admin/memory_rows.h"
#include "server/admin/memory_words.h"
#include "server/admin/usage.h"
#include "server/core/libraries.h"

enum { GROWTHS_SHOWN = 20, KEY_BYTES = 128, GROWTH_TEXT_BYTES = 512 };

static void
dump_watermarks(struct dump *d, const struct mem_limit_stats *s)
{
    const char *from;
    uint64_t machine = mem_limit_of_machine(&from);

    dump_section(d, "clinker.watermarks");
    dump_line(d, "limit", "%" PRIu64, s->limit_bytes);
    dump_line(d, "used", "%" PRIu64, s->used_bytes);
    dump_line(d, "peak", "%" PRIu64, s->peak_bytes);
    dump_line(d, "resident", "%" PRIu64, s->resident_bytes);
    dump_line(d, "level", "%s", memory_level_name[s->level]);
    dump_line(d, "free.margin", "%" PRIu64, s->margin_bytes);
    dump_line(d, "free.min", "%" PRIu64, s->min_bytes);
    dump_line(d, "free.low", "%" PRIu64, s->low_bytes);
    dump_line(d, "free.high", "%" PRIu64, s->high_bytes);
    dump_line(d, "machine", "%" PRIu64, machine);
    dump_line(d, "machine-from", "%s", from);
}

static void
dump_shrinkers(struct dump *d)
{
    size_t count;
    AUTO_FREE struct mem_shrinker_stats *rows = memory_rows_shrinkers(&count);
    char key[KEY_BYTES];

    if (rows == NULL) {
        dump_line(d, "Unable to dump shrinkers", "(%s)", strerror(ENOMEM));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(key, sizeof(key), "shrinker.%s.held", rows[i].name);
        dump_line(d, key, "%" PRIu64, rows[i].held_bytes);
        (void)snprintf(key, sizeof(key), "shrinker.%s.calls", rows[i].name);
        dump_line(d, key, "%" PRIu64, rows[i].calls);
        (void)snprintf(key, sizeof(key), "shrinker.%s.given-back",
                       rows[i].name);
        dump_line(d, key, "%" PRIu64, rows[i].given_bytes);
    }
}

static void
dump_reclaim(struct dump *d, const struct mem_limit_stats *s)
{
    char key[KEY_BYTES];

    dump_section(d, "clinker.reclaim");
    dump_line(d, "background", "%" PRIu64, s->background_reclaims);
    dump_line(d, "background-bytes", "%" PRIu64,
              s->background_reclaimed_bytes);
    dump_line(d, "direct", "%" PRIu64, s->direct_reclaims);
    dump_line(d, "direct-bytes", "%" PRIu64, s->direct_reclaimed_bytes);
    for (int i = 0; i < MEM_IMPORTANCES; i++) {
        (void)snprintf(key, sizeof(key), "refusals.%s",
                       memory_importance_name[i]);
        dump_line(d, key, "%" PRIu64, s->refusals[i]);
    }
    dump_shrinkers(d);
}

static void
dump_faults(struct dump *d)
{
    struct usage_faults f;

    usage_faults_read(&f);
    dump_section(d, "clinker.faults");
    dump_line(d, "minor", "%" PRIu64, f.minor);
    dump_line(d, "major", "%" PRIu64, f.major);
    dump_line(d, "minor-per-second", "%.1f", f.minor_per_s);
    dump_line(d, "major-per-second", "%.1f", f.major_per_s);
    dump_line(d, "interval-seconds", "%.1f",
              (double)f.interval_ns / CLOCK_NS_PER_SEC);
}

/* What the C library was told, and what came of it. */
static void
dump_glibc(struct dump *d)
{
    struct libc_heap told = libraries_libc_heap();
    struct mallinfo2 m = mallinfo2();

    dump_section(d, "clinker.glibc");
    dump_line(d, "mmap-threshold", "%zu", told.mmap_threshold_bytes);
    dump_line(d, "trim-threshold", "%zu", told.trim_threshold_bytes);
    dump_line(d, "top-pad", "%zu", told.top_pad_bytes);
    dump_line(d, "arenas-max", "%u", told.arenas_max);
    dump_line(d, "in-use", "%zu", m.uordblks);
    dump_line(d, "free", "%zu", m.fordblks);
    dump_line(d, "mapped", "%zu", m.hblkhd);
}

static void
dump_guard(struct dump *d)
{
    struct mem_guard_stats s;

    mem_guard_read(&s);
    dump_section(d, "clinker.guard");
    dump_line(d, "rate", "%u", s.rate);
    dump_line(d, "slots", "%u", s.slots);
    dump_line(d, "slots-used", "%u", s.slots_used);
    dump_line(d, "guarded", "%" PRIu64, s.guarded);
    dump_line(d, "full", "%" PRIu64, s.full);
    dump_line(d, "poisoned-types", "%u", mem_poison_types());
    dump_line(d, "quarantine", "%" PRIu64, mem_poison_quarantine_bytes());
    dump_line(d, "traced-types", "%u", mem_trace_types());
    dump_line(d, "trace-lost", "%" PRIu64, mem_trace_lost());
}

/* MODULE/NAME=size 9 blocks 9 slope 9.9 up 9/9 minutes +9 in 9s hours … */
static void
dump_growth_of(struct dump *d, const struct mem_growth *g)
{
    char key[KEY_BYTES], text[GROWTH_TEXT_BYTES];
    int used = snprintf(text, sizeof(text),
                        "size %" PRIu64 " blocks %" PRIu64
                        " slope %.1f up %u/%u",
                        g->size, g->num_allocs, g->slope_bytes_per_s,
                        g->steps_up, g->steps);

    for (int span = 0; span < MEM_GROWTH_SPANS; span++) {
        must(used > 0 && used < (int)sizeof(text));
        if (g->past[span].age_ns > 0)
            used += snprintf(text + used, sizeof(text) - (size_t)used,
                             " %s %+" PRId64 " in %" PRIu64 "s",
                             memory_span_name[span],
                             (int64_t)(g->size - g->past[span].size),
                             g->past[span].age_ns / CLOCK_NS_PER_SEC);
    }
    (void)snprintf(key, sizeof(key), "%s/%s", g->module, g->name);
    dump_line(d, key, "%s", text);
}

static void
dump_growth(struct dump *d)
{
    size_t count;
    AUTO_FREE struct mem_growth *rows = memory_rows_growth(&count);

    dump_section(d, "clinker.growth");
    if (rows == NULL) {
        dump_line(d, "Unable to dump growth", "(%s)", strerror(ENOMEM));
        return;
    }
    dump_line(d, "types", "%zu", count);
    for (size_t i = 0; i < count && i < GROWTHS_SHOWN; i++)
        dump_growth_of(d, &rows[i]);
}

void
section_pressure(struct dump *d)
{
    struct mem_limit_stats s;

    mem_limit_read(&s);
    dump_watermarks(d, &s);
    dump_reclaim(d, &s);
    dump_faults(d);
    dump_glibc(d);
    dump_guard(d);
    dump_growth(d);
}
