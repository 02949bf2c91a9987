/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ledger of the process's memory, and who may add to it.
 *
 *     used = held + extra
 *
 * `held` is what pages took and have not given back to the kernel, touched or
 * not: exact, one atomic add each time.  `extra` is everything that is not
 * ours to admit: what is backed by files, and other anonymous memory (stacks,
 * the C library's heap).  It comes from the kernel's count R at a reading:
 *
 *     extra = file + others,  others >= (R - file) - held
 *
 * The right side is all that can be known of `others` while some of what is
 * held is still untouched, so its maximum is kept and fades over seconds.
 * Taking R itself for the use would be wrong by what was taken and is about to
 * be touched: with many requests in flight that is a good part of a small
 * limit.  So used >= R whenever R was read, and it can run ahead of R but not
 * behind it, but for what others take between two readings.
 *
 * The usual path is the add and one compare with `edge`: the smallest held
 * that anybody cares about (the low watermark, or a new peak).  Everything
 * else is in admit_slow().
 */
#include "mem/limit.h"

#include <stdatomic.h>

#include "mem/clock.h"
#include "mem/limit_admit.h"
#include "mem/limit_state.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/ranks.h"
#include "mem/reclaim_direct.h"
#include "mem/scope.h"
#include "mem/watermark.h"

/* Near a watermark a reading may be this old. */
#define READING_FRESH_NS (10 * CLOCK_NS_PER_MS)
/* What was seen of others' memory is believed for about... */
#define OTHERS_FADE_US UINT64_C(16000000)
/* Direct reclaim that found nothing is not tried again for... */
#define DIRECT_REST_NS (5 * CLOCK_NS_PER_MS)
/* How exact the peak is. */
enum { PEAK_STEP_BYTES = 65536 };
enum { DIRECT_WANT_BYTES_MAX = 4 << 20 };

static struct {
    /* Written at every run of pages that is taken. */
    _Alignas(64) _Atomic(uint64_t) held;

    /* Read there; written at readings. */
    _Alignas(64) _Atomic(uint64_t) edge; /* of held; 0 until first settled */
    _Atomic(uint64_t) extra;
    _Atomic(uint64_t) limit; /* 0: none; all watermarks follow from it */
    _Atomic(uint64_t) peak;
    _Atomic(uint64_t) read_ns;        /* of the last reading; 0: none yet */
    _Atomic(uint64_t) direct_rest_ns; /* until then direct reclaim is vain */

    _Atomic(uint64_t) direct_reclaims, direct_reclaimed;
    _Atomic(uint64_t) background_reclaims, background_reclaimed;
    _Atomic(uint64_t) refusals[MEM_IMPORTANCES];

    struct mutex mtx;
    const struct resident_source *source; /* set before there are threads */
    uint64_t resident, file, others;      /* [mtx] at the last reading */
    void (*on_level)(void *arg, enum mem_level level); /* [mtx] */
    void *on_level_arg;                                /* [mtx] */
    enum mem_level told; /* the reclaimer's thread's own */
} ledger = {
    .mtx = MUTEX_INITIALIZER("mem.limit", MEM_RANK_LIMIT),
    .source = &resident_kernel,
};

static _Thread_local enum mem_importance own_importance = MEM_FOR_USERS;
static _Thread_local uint64_t own_returned;

static inline uint64_t
get(_Atomic(uint64_t) *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}

static inline void
put(_Atomic(uint64_t) *p, uint64_t value)
{
    atomic_store_explicit(p, value, memory_order_relaxed);
}

static inline void
count(_Atomic(uint64_t) *p, uint64_t n)
{
    (void)atomic_fetch_add_explicit(p, n, memory_order_relaxed);
}

/* Less than nothing is nothing. */
static inline uint64_t
less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Computed each time, so that no two of them are of different limits. */
static struct watermarks
marks(void)
{
    uint64_t limit = get(&ledger.limit);

    return limit > 0 ? watermarks_of(limit) : (struct watermarks){0};
}

uint64_t
limit_used_bytes(void)
{
    return get(&ledger.held) + get(&ledger.extra);
}

uint64_t
limit_own_returned_bytes(void)
{
    return own_returned;
}

/* Note a new peak, and where admission has to think next. */
static void
settle_locked(void)
{
    struct watermarks w = marks();
    uint64_t extra = get(&ledger.extra), edge;
    uint64_t used = get(&ledger.held) + extra;

    if (used > get(&ledger.peak))
        put(&ledger.peak, used);
    edge = get(&ledger.peak) + PEAK_STEP_BYTES;
    if (w.limit_bytes > 0 && w.limit_bytes - w.low_bytes < edge)
        edge = w.limit_bytes - w.low_bytes;
    put(&ledger.edge, less(edge, extra));
}

/* Down to nothing in OTHERS_FADE_US, a like share each time; in units of KiB
 * and microseconds, whose product has room for 16 TiB. */
static uint64_t
faded(uint64_t bytes, uint64_t passed_ns)
{
    uint64_t passed_us = passed_ns / 1000;

    if (passed_us >= OTHERS_FADE_US)
        return 0;
    return bytes - bytes / 1024 * passed_us / OTHERS_FADE_US * 1024;
}

static void
read_locked(void)
{
    uint64_t before = get(&ledger.held), held, resident, file, seen;
    uint64_t now = ledger.source->now_ns(ledger.source->arg);
    uint64_t passed = less(now, get(&ledger.read_ns));
    bool known = ledger.source->read(ledger.source->arg, &resident, &file);

    put(&ledger.read_ns, now);
    if (known) {
        /* Pages taken during the reading may not be in it: of the two helds
         * the larger keeps them from looking like somebody else's. */
        held = get(&ledger.held);
        if (held < before)
            held = before;
        seen = less(less(resident, file), held);
        ledger.others = faded(ledger.others, passed);
        if (ledger.others < seen)
            ledger.others = seen;
        ledger.resident = resident;
        ledger.file = file;
        put(&ledger.extra, file + ledger.others);
    }
    settle_locked();
}

void
limit_refresh(void)
{
    MUTEX_SCOPE(&ledger.mtx);
    read_locked();
}

/* Read unless somebody does so now, or just did. */
static void
refresh_if_old(void)
{
    uint64_t now = ledger.source->now_ns(ledger.source->arg);
    uint64_t last = get(&ledger.read_ns);

    if (!mutex_trylock(&ledger.mtx))
        return;
    if (last == 0 || now >= last + READING_FRESH_NS)
        read_locked();
    else
        settle_locked();
    mutex_unlock(&ledger.mtx);
}

static bool
fits(const struct watermarks *w, enum mem_importance importance)
{
    return limit_used_bytes() <= watermarks_ceiling(w, importance);
}

/* Put `bytes` on the ledger if that stays below the thread's ceiling. */
static bool
take(const struct watermarks *w, enum mem_importance importance, size_t bytes)
{
    uint64_t ceiling = watermarks_ceiling(w, importance);
    uint64_t held = get(&ledger.held);

    do {
        uint64_t used = held + get(&ledger.extra);

        if (used > ceiling || bytes > ceiling - used)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        &ledger.held, &held, held + bytes, memory_order_relaxed,
        memory_order_relaxed));
    return true;
}

/* Below min, with `bytes` not on the ledger: reclaim, then look again, as
 * long as something comes.  Whose work waits least gives up first. */
static bool
take_reclaiming(const struct watermarks *w, size_t bytes)
{
    static const unsigned rounds_max[MEM_IMPORTANCES] = {1, 1, 3, 8};
    enum mem_importance importance = own_importance;
    bool rested;

    for (unsigned i = 0; i < rounds_max[importance]; i++) {
        uint64_t over =
            less(limit_used_bytes() + bytes, w->limit_bytes - w->min_bytes);
        uint64_t now = ledger.source->now_ns(ledger.source->arg);

        /* Somebody looked just now and found nothing: a queue of threads
         * that all look again would only make the shortage slow as well. */
        rested = now >= get(&ledger.direct_rest_ns);
        if (!rested && importance != MEM_FOR_SERVER)
            break;
        if (over > DIRECT_WANT_BYTES_MAX)
            over = DIRECT_WANT_BYTES_MAX;
        if (reclaim_direct(over) == 0) {
            now = ledger.source->now_ns(ledger.source->arg);
            put(&ledger.direct_rest_ns, now + DIRECT_REST_NS);
            break;
        }
        limit_refresh();
        if (take(w, importance, bytes))
            return true;
    }
    return take(w, importance, bytes);
}

/* `bytes` are on the ledger, which is past the edge.  False: they are off it
 * again. */
static __attribute__((noinline)) bool
admit_slow(size_t bytes)
{
    struct watermarks w;

    refresh_if_old();
    w = marks();
    if (w.limit_bytes == 0 || reclaim_is_own())
        return true;
    if (watermarks_level(&w, limit_used_bytes()) < MEM_BELOW_LOW)
        return true;
    reclaim_wake();
    if (fits(&w, MEM_FOR_INTERNAL))
        return true;
    /* While this thread reclaims others shall not feel what it wants. */
    (void)atomic_fetch_sub_explicit(&ledger.held, bytes, memory_order_relaxed);
    if (take_reclaiming(&w, bytes))
        return true;
    count(&ledger.refusals[own_importance], 1);
    return false;
}

bool
limit_admit(size_t bytes)
{
    uint64_t held =
        atomic_fetch_add_explicit(&ledger.held, bytes, memory_order_relaxed) +
        bytes;

    must(bytes <= PTRDIFF_MAX);
    if (__builtin_expect(held <= get(&ledger.edge), 1))
        return true;
    return admit_slow(bytes);
}

void
limit_return(size_t bytes)
{
    uint64_t held =
        atomic_fetch_sub_explicit(&ledger.held, bytes, memory_order_relaxed);

    must(held >= bytes);
    own_returned += bytes;
}

enum mem_importance
mem_set_importance(enum mem_importance importance)
{
    enum mem_importance was = own_importance;

    must((unsigned)importance < MEM_IMPORTANCES);
    own_importance = importance;
    return was;
}

void
mem_limit_set(uint64_t limit_bytes)
{
    {
        MUTEX_SCOPE(&ledger.mtx);
        put(&ledger.limit, limit_bytes);
        put(&ledger.direct_rest_ns, 0);
        read_locked();
    }
    /* For the new level to be told, if nothing else. */
    reclaim_wake();
}

void
mem_limit_read(struct mem_limit_stats *out)
{
    struct watermarks w = marks();

    {
        MUTEX_SCOPE(&ledger.mtx);
        read_locked();
        out->resident_bytes = ledger.resident;
    }
    out->limit_bytes = w.limit_bytes;
    out->margin_bytes = w.margin_bytes;
    out->min_bytes = w.min_bytes;
    out->low_bytes = w.low_bytes;
    out->high_bytes = w.high_bytes;
    out->used_bytes = limit_used_bytes();
    out->peak_bytes = get(&ledger.peak);
    out->level = watermarks_level(&w, out->used_bytes);
    out->direct_reclaims = get(&ledger.direct_reclaims);
    out->direct_reclaimed_bytes = get(&ledger.direct_reclaimed);
    out->background_reclaims = get(&ledger.background_reclaims);
    out->background_reclaimed_bytes = get(&ledger.background_reclaimed);
    for (int i = 0; i < MEM_IMPORTANCES; i++)
        out->refusals[i] = get(&ledger.refusals[i]);
}

enum mem_level
mem_limit_level(void)
{
    struct watermarks w = marks();

    return watermarks_level(&w, limit_used_bytes());
}

uint64_t
limit_missing_bytes(void)
{
    struct watermarks w = marks();

    if (w.limit_bytes == 0)
        return 0;
    return less(limit_used_bytes(), w.limit_bytes - w.high_bytes);
}

void
mem_limit_on_level(void (*fn)(void *arg, enum mem_level level), void *arg)
{
    MUTEX_SCOPE(&ledger.mtx);
    ledger.on_level = fn;
    ledger.on_level_arg = arg;
}

void
limit_tell_level(void)
{
    void (*fn)(void *arg, enum mem_level level);
    enum mem_level level = mem_limit_level();
    void *arg;

    if (level == ledger.told)
        return;
    ledger.told = level;
    mutex_lock(&ledger.mtx);
    fn = ledger.on_level;
    arg = ledger.on_level_arg;
    mutex_unlock(&ledger.mtx);
    if (fn != NULL)
        fn(arg, level);
}

void
limit_count_direct(uint64_t returned_bytes)
{
    count(&ledger.direct_reclaims, 1);
    count(&ledger.direct_reclaimed, returned_bytes);
}

void
limit_count_background(uint64_t returned_bytes)
{
    count(&ledger.background_reclaims, 1);
    count(&ledger.background_reclaimed, returned_bytes);
}

void
limit_set_source(const struct resident_source *source)
{
    ledger.source = source != NULL ? source : &resident_kernel;
}
