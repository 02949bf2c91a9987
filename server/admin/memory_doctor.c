/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Findings are made weightiest first, each by a function that looks at one
 * thing.  A leak has a slope and hardly a step down; a cache that fills has a
 * slope that ends, a burst goes up in a few steps.
 */
#include "server/admin/memory_doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "mem/clock.h"
#include "mem/must.h"
#include "server/core/humane.h"

enum {
    LEAKS_SHOWN = 5,
    GROWTHS_SHOWN = 3,
    FRAMES_SHOWN = 6,
    SYMBOL_BYTES = 128,
    SECONDS_PER_DAY = 86400,
};

struct verdict {
    const struct doctor_facts *facts;
    struct doctor_finding *out;
    size_t count;
};

static void __attribute__((format(printf, 3, 4)))
say(struct verdict *v, enum doctor_weight weight, const char *fmt, ...)
{
    struct doctor_finding *f;
    va_list ap;

    if (v->count == DOCTOR_FINDINGS_MAX)
        return;
    f = &v->out[v->count++];
    f->weight = weight;
    va_start(ap, fmt);
    (void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
}

/* Worth a word beside all that is resident. */
static bool
is_much(const struct verdict *v, uint64_t bytes)
{
    return bytes >= DOCTOR_BYTES_MIN &&
           bytes >= v->facts->balance->resident / 100 * DOCTOR_PERCENT_MIN;
}

/* --- what grows --- */

/* The longest span that is known; -1: none. */
static int
longest(const struct mem_growth *g)
{
    for (int span = MEM_GROWTH_SPANS - 1; span >= 0; span--)
        if (g->past[span].age_ns > 0)
            return span;
    return -1;
}

static uint64_t
growth_bytes(const struct mem_growth *g, int span)
{
    uint64_t then = g->past[span].size;

    return g->size > then ? g->size - then : 0;
}

/* Since when it grows: the longest span over which it grew by no less than in
 * the last hour. */
static int
since(const struct mem_growth *g)
{
    int span = longest(g);

    while (span > MEM_GROWTH_MINUTES &&
           (g->past[span].age_ns == 0 ||
            growth_bytes(g, span) < growth_bytes(g, MEM_GROWTH_MINUTES)))
        span--;
    return span;
}

static bool
looks_leaking(const struct mem_growth *g)
{
    return g->past[MEM_GROWTH_MINUTES].age_ns > 0 &&
           g->steps >= DOCTOR_LEAK_STEPS_MIN && g->slope_bytes_per_s > 0 &&
           g->steps_up * 100 >= g->steps * DOCTOR_LEAK_STEPS_UP_PERCENT &&
           growth_bytes(g, MEM_GROWTH_MINUTES) >= DOCTOR_LEAK_BYTES_MIN;
}

/* "F < G < H", as much as fits. */
static void
stack_text(const struct doctor_facts *facts, const struct mem_trace_site *site,
           char *text, size_t bytes)
{
    size_t used = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < site->frames_count && i < FRAMES_SHOWN; i++) {
        char symbol[SYMBOL_BYTES];
        int n;

        facts->symbol(site->frames[i], symbol, sizeof(symbol));
        n = snprintf(text + used, bytes - used, "%s%s", i > 0 ? " < " : "",
                     symbol);
        if (n < 0 || (size_t)n >= bytes - used) {
            text[used] = '\0';
            return;
        }
        used += (size_t)n;
    }
}

/* Where the live blocks of a type come from. */
static void
site_text(const struct doctor_facts *facts, const struct mem_growth *g,
          char *text, size_t bytes)
{
    const struct mem_trace_site *most = NULL;
    uint64_t all = 0;
    char stack[DOCTOR_TEXT_BYTES / 2];

    for (size_t i = 0; i < facts->sites_count; i++) {
        const struct mem_trace_site *s = &facts->sites[i];

        if (strcmp(s->module, g->module) != 0 || strcmp(s->name, g->name) != 0)
            continue;
        all += s->live_bytes;
        if (most == NULL || s->live_bytes > most->live_bytes)
            most = s;
    }
    if (most == NULL || all == 0) {
        (void)snprintf(text, bytes,
                       "To see which call allocates it: clinkerctl memory "
                       "trace '%s/%s' on, and some time later show.",
                       g->module, g->name);
        return;
    }
    stack_text(facts, most, stack, sizeof(stack));
    (void)snprintf(text, bytes,
                   "Of what is live since it is traced, %u %% was allocated "
                   "at %s.",
                   (unsigned)(most->live_bytes * 100 / all), stack);
}

static void
say_when_full(const struct doctor_facts *facts, const struct mem_growth *g,
              char *text, size_t bytes)
{
    const struct mem_limit_stats *l = facts->limit;
    double seconds;

    text[0] = '\0';
    if (l->limit_bytes == 0 || l->used_bytes >= l->limit_bytes)
        return;
    seconds = (double)(l->limit_bytes - l->used_bytes) / g->slope_bytes_per_s;
    if (seconds < 30.0 * SECONDS_PER_DAY)
        (void)snprintf(text, bytes, " At this pace it meets the limit in %s.",
                       HUMANE_DURATION((int64_t)(seconds + 0.5)));
}

static void
look_for_leaks(struct verdict *v)
{
    const struct doctor_facts *facts = v->facts;
    unsigned shown = 0;

    for (size_t i = 0; i < facts->growth_count && shown < LEAKS_SHOWN; i++) {
        const struct mem_growth *g = &facts->growth[i];
        char site[DOCTOR_TEXT_BYTES * 3 / 4], full[128];
        int span;

        if (!looks_leaking(g))
            continue;
        shown++;
        span = since(g);
        site_text(facts, g, site, sizeof(site));
        say_when_full(facts, g, full, sizeof(full));
        say(v, DOCTOR_WARNING,
            "%s/%s looks like a leak: it grew by %s in the last %s, to %s in "
            "%" PRIu64 " blocks; in the last hour it grew in %u of %u minutes, "
            "by %s a minute.%s %s",
            g->module, g->name, HUMANE_SIZE(growth_bytes(g, span)),
            HUMANE_DURATION((int64_t)(g->past[span].age_ns / CLOCK_NS_PER_SEC)),
            HUMANE_SIZE(g->size), g->num_allocs, g->steps_up, g->steps,
            HUMANE_SIZE(g->slope_bytes_per_s * 60), full, site);
    }
}

static void
look_at_growth(struct verdict *v)
{
    const struct doctor_facts *facts = v->facts;
    unsigned shown = 0;

    for (size_t i = 0; i < facts->growth_count && shown < GROWTHS_SHOWN; i++) {
        const struct mem_growth *g = &facts->growth[i];
        int span = longest(g);

        if (span < 0 || looks_leaking(g) || !is_much(v, growth_bytes(g, span)))
            continue;
        shown++;
        say(v, DOCTOR_NOTE,
            "%s/%s grew by %s in the last %s, to %s, but not steadily (in %u "
            "of %u minutes): a cache that fills, or a load that came.",
            g->module, g->name, HUMANE_SIZE(growth_bytes(g, span)),
            HUMANE_DURATION((int64_t)(g->past[span].age_ns / CLOCK_NS_PER_SEC)),
            HUMANE_SIZE(g->size), g->steps_up, g->steps);
    }
}

/* --- what no account knows --- */

static void
look_at_unaccounted(struct verdict *v)
{
    const struct memory_balance *b = v->facts->balance;
    uint64_t off = b->unaccounted < 0 ? -(uint64_t)b->unaccounted
                                      : (uint64_t)b->unaccounted;

    if (!b->known) {
        say(v, DOCTOR_NOTE,
            "The kernel's page tables could not be looked at, so what is not "
            "accounted (%s) is not split into stacks, libraries and the rest.",
            HUMANE_SIZE(off));
        return;
    }
    if (off <= DOCTOR_BYTES_MIN ||
        off <= b->resident / 100 * DOCTOR_UNACCOUNTED_PERCENT)
        return;
    if (b->unaccounted < 0)
        say(v, DOCTOR_NOTE,
            "The accounts say %s more than is resident: look again when less "
            "is going on, or the machine swaps.",
            HUMANE_SIZE(off));
    else
        say(v, DOCTOR_WARNING,
            "%s are resident that no account and no line knows.  That is a "
            "library that maps memory of its own, or a bug here.",
            HUMANE_SIZE(off));
    if (is_much(v, (uint64_t)b->lines[MEMORY_LINE_LIBC]))
        say(v, DOCTOR_NOTE,
            "Libraries hold %s in the C library's heap.",
            HUMANE_SIZE(b->lines[MEMORY_LINE_LIBC]));
}

/* --- the limit --- */

static uint64_t
all_refusals(const struct mem_limit_stats *l)
{
    uint64_t n = 0;

    for (int i = 0; i < MEM_IMPORTANCES; i++)
        n += l->refusals[i];
    return n;
}

static void
look_at_limit(struct verdict *v)
{
    const struct mem_limit_stats *l = v->facts->limit;

    if (l->limit_bytes == 0)
        return;
    if (l->level >= MEM_BELOW_LOW)
        say(v, DOCTOR_WARNING,
            "Memory is short: %s of %s are used, less is left than %s.  Raise "
            "memory.limit, or lower what the largest type below may hold.",
            HUMANE_SIZE(l->used_bytes), HUMANE_SIZE(l->limit_bytes),
            HUMANE_SIZE(l->level == MEM_BELOW_MIN ? l->min_bytes
                                                  : l->low_bytes));
    if (all_refusals(l) > 0)
        say(v, DOCTOR_WARNING,
            "At the limit %" PRIu64 " allocations were refused: %" PRIu64
            " of internal clients, %" PRIu64 " of slow work, %" PRIu64
            " of users, %" PRIu64 " of the server itself.",
            all_refusals(l), l->refusals[MEM_FOR_INTERNAL],
            l->refusals[MEM_FOR_SLOW], l->refusals[MEM_FOR_USERS],
            l->refusals[MEM_FOR_SERVER]);
    if (l->direct_reclaims > 0)
        say(v, DOCTOR_NOTE,
            "Whoever allocated had to reclaim by itself %" PRIu64
            " times: the reclaimer did not keep up.",
            l->direct_reclaims);
}

static void
look_at_failures(struct verdict *v)
{
    const struct doctor_facts *facts = v->facts;
    const struct mem_type_stats *most = NULL;
    uint64_t all = 0;

    for (size_t i = 0; i < facts->types_count; i++) {
        const struct mem_type_stats *t = &facts->types[i];

        all += t->failures;
        if (most == NULL || t->failures > most->failures)
            most = t;
    }
    /* Those at the limit were told of. */
    if (all <= all_refusals(facts->limit))
        return;
    say(v, DOCTOR_WARNING,
        "%" PRIu64 " allocations failed, most of them (%" PRIu64
        ") of %s/%s; operations were answered with ENOMEM.",
        all, most->failures, most->module, most->name);
}

static void
look_at_swap(struct verdict *v)
{
    if (v->facts->major_faults_per_s >= DOCTOR_MAJOR_FAULTS_PER_S)
        say(v, DOCTOR_WARNING,
            "%.0f page faults a second wait for the disk: the machine has too "
            "little memory and swaps.  A lower memory.limit helps it.",
            v->facts->major_faults_per_s);
}

/* --- slack --- */

struct slack {
    const char *what, *cure;
    uint64_t bytes;
};

static uint64_t
cold_objects(const struct doctor_facts *facts)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < facts->pools_count; i++)
        bytes += facts->pools[i].cold * facts->pools[i].padded_bytes;
    return bytes;
}

static uint64_t
cold_buffers(const struct doctor_facts *facts)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < facts->buffers_count; i++)
        bytes += facts->buffers[i].cold * facts->buffers[i].page_size;
    return bytes;
}

/* With what size classes leave over, from which it is not told apart. */
static uint64_t
free_blocks(const struct doctor_facts *facts)
{
    for (size_t i = 0; i < facts->types_count; i++)
        if (strcmp(facts->types[i].module, "mem") == 0 &&
            strcmp(facts->types[i].name, "heap slack") == 0)
            return facts->types[i].size;
    return 0;
}

static void
look_for_slack(struct verdict *v)
{
    const struct doctor_facts *f = v->facts;
    struct slack rows[] = {
        {"free pages that have not gone back to the kernel yet",
         "They go back when they were free for some seconds.",
         (uint64_t)f->balance->lines[MEMORY_LINE_FREE]},
        {"objects that pools keep",
         "clinkerctl memory reclaim gives them back.", cold_objects(f)},
        {"I/O buffers that are kept",
         "clinkerctl memory reclaim gives them back.", cold_buffers(f)},
        {"free blocks, or what size classes leave over",
         "clinkerctl memory reclaim gives back what is in wholly free slabs.",
         free_blocks(f)},
        {"free in the C library's heap",
         "clinkerctl memory reclaim has it trimmed.", f->libc_free_bytes},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (is_much(v, rows[i].bytes))
            say(v, DOCTOR_NOTE, "%s are %s.  %s", HUMANE_SIZE(rows[i].bytes),
                rows[i].what, rows[i].cure);
}

/* --- the whole --- */

/* Warnings to the front, each kind in its order: there are few. */
static void
order(struct verdict *v)
{
    for (size_t i = 1; i < v->count; i++)
        for (size_t j = i; j > 0 && v->out[j].weight > v->out[j - 1].weight;
             j--) {
            struct doctor_finding swap = v->out[j];

            v->out[j] = v->out[j - 1];
            v->out[j - 1] = swap;
        }
}

static void
say_fine(struct verdict *v)
{
    bool known = v->facts->growth_count > 0 &&
                 longest(&v->facts->growth[0]) >= 0;

    say(v, DOCTOR_FINE, "Nothing is wrong with the memory that shows%s.",
        known ? "" : "; how it grows is known after some minutes");
}

static void
say_sum(struct verdict *v)
{
    const struct memory_balance *b = v->facts->balance;
    const struct mem_type_stats *most = NULL;
    int64_t lines = 0;

    for (int i = 0; i < MEMORY_LINES; i++)
        lines += b->lines[i];
    for (size_t i = 0; i < v->facts->types_count; i++)
        if (most == NULL || v->facts->types[i].size > most->size)
            most = &v->facts->types[i];
    if (most == NULL)
        return;
    say(v, DOCTOR_FINE,
        "%s are resident: %s accounted, %s on named lines, %s%s unaccounted.  "
        "The largest type is %s/%s with %s.",
        HUMANE_SIZE(b->resident), HUMANE_SIZE(b->accounted),
        HUMANE_SIZE(lines > 0 ? lines : 0), b->unaccounted < 0 ? "-" : "",
        HUMANE_SIZE(b->unaccounted < 0 ? -b->unaccounted : b->unaccounted),
        most->module, most->name, HUMANE_SIZE(most->size));
    if (v->facts->limit->limit_bytes == 0)
        say(v, DOCTOR_FINE, "There is no limit: memory.limit is not set.");
}

size_t
memory_doctor(const struct doctor_facts *facts,
              struct doctor_finding out[DOCTOR_FINDINGS_MAX])
{
    struct verdict v = {.facts = facts, .out = out};

    look_for_leaks(&v);
    look_at_limit(&v);
    look_at_failures(&v);
    look_at_swap(&v);
    look_at_unaccounted(&v);
    look_at_growth(&v);
    look_for_slack(&v);
    if (v.count == 0)
        say_fine(&v);
    say_sum(&v);
    order(&v);
    return v.count;
}
