/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shrinkers, in the order in which they are asked:
 *
 *     thread caches      what workers and event threads keep for themselves:
 *                        those that sleep are woken to give it back
 *     inodes             that nobody uses; they are found again on disk
 *     held descriptors   of inodes in use; they are opened again
 *
 * and bounds on connections: each may hold memory.client-quota, and those that
 * have work here together a quarter of the limit, in equal shares; an eighth
 * while memory is short.  So those who hold most are read from last.  Were they
 * bounded only when it is short, it would be short all the time: they would
 * send what fits and more each time that it is not.
 */
#include "server/pressure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <urcu/urcu-memb.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/guard.h"
#include "mem/limit.h"
#include "mem/must.h"
#include "mem/pages.h"
#include "mem/reclaim.h"
#include "mem/scope.h"
#include "mem/spare.h"
#include "mem/thread_flush.h"
#define LOG_DOMAIN "server"
#include "server/core/log.h"

MEM_TYPE(mt_pressure, "server", "pressure");

#define WAKE_INTERVAL_NS (100 * CLOCK_NS_PER_MS)

enum {
    PRESSURE_MAGIC = 0x50726573,
    PRESSURE_RANK = 680, /* before rpc's mutexes */
    ORDER_CACHES = 100,
    ORDER_INODES = 200,
    ORDER_DESCRIPTORS = 300,
    /* Shares of the limit, and of the machine's memory where there is none. */
    PLENTY_SHARE = 4,
    SHORT_SHARE = 8,
    NO_LIMIT_SHARE = 10,
    UNUSED_INODES_MIN = 1024,
};

struct pressure {
    unsigned magic;
    struct brick *brick;
    struct mem_shrinker caches, inodes, descriptors;
    bool with_clients; /* caches is registered, and levels are told */
    uint64_t woken_ns; /* the reclaimer's thread's alone */
    struct mutex mtx;  /* bounds are set one at a time, by what is true then */
};

/* --- what options mean --- */

static uint64_t
limit_bytes(const struct options *o)
{
    const char *from;
    double percent;
    uint64_t bytes;

    if (options_percent_or_size(o, OPT_MEMORY_LIMIT, &percent, &bytes))
        bytes = (uint64_t)((double)mem_limit_of_machine(&from) * percent / 100);
    if (bytes > 0 && bytes < PRESSURE_LIMIT_BYTES_MIN)
        bytes = PRESSURE_LIMIT_BYTES_MIN;
    return bytes;
}

static uint64_t
share_bytes(const struct options *o, enum option_id id, uint64_t whole)
{
    double percent;
    uint64_t bytes;

    if (options_percent_or_size(o, id, &percent, &bytes))
        bytes = (uint64_t)((double)whole * percent / 100);
    return bytes;
}

uint32_t
pressure_unused_inodes(const struct options *o)
{
    uint64_t count = (uint64_t)options_number(o, OPT_INODE_LRU_LIMIT);
    uint64_t whole = limit_bytes(o);
    const char *from;

    if (count > 0)
        return (uint32_t)count;
    if (whole == 0)
        whole = mem_limit_of_machine(&from) / NO_LIMIT_SHARE;
    count = share_bytes(o, OPT_MEMORY_INODE_CACHE, whole) /
            inode_table_inode_bytes();
    if (count < UNUSED_INODES_MIN)
        return UNUSED_INODES_MIN;
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static void
apply_limit(const struct options *o)
{
    uint64_t bytes = limit_bytes(o);
    const char *from;
    uint64_t machine = mem_limit_of_machine(&from);

    mem_limit_set(bytes);
    if (bytes == 0)
        return;
    log_info("memory.limit is %" PRIu64 " bytes; %s allows %" PRIu64, bytes,
             from, machine);
    if (bytes == PRESSURE_LIMIT_BYTES_MIN)
        log_warning("memory.limit: this is the least there can be");
    if (bytes > machine)
        log_warning("memory.limit is beyond what %s allows, and so in vain",
                    from);
}

static void
apply_one(const struct options *o, enum option_id id)
{
    int64_t secs;

    switch (id) {
    case OPT_MEMORY_LIMIT:
        apply_limit(o);
        break;
    case OPT_MEMORY_PURGE_AGE:
        secs = options_number(o, OPT_MEMORY_PURGE_AGE);
        mem_reclaimer_set_purge_age((unsigned)(secs * 1000));
        break;
    case OPT_MEMORY_HUGE_PAGES:
        mem_pages_set_huge(options_bool(o, OPT_MEMORY_HUGE_PAGES));
        break;
    case OPT_MEMORY_GUARD_RATE:
        mem_guard_set_rate(
            (unsigned)options_number(o, OPT_MEMORY_GUARD_RATE));
        break;
    default:
        break;
    }
}

void
pressure_apply(const struct options *o)
{
    apply_one(o, OPT_MEMORY_LIMIT);
    apply_one(o, OPT_MEMORY_PURGE_AGE);
    apply_one(o, OPT_MEMORY_HUGE_PAGES);
    apply_one(o, OPT_MEMORY_GUARD_RATE);
}

/* --- clients --- */

static void
bound_clients(struct pressure *p)
{
    const struct options *o = p->brick->options;
    uint64_t limit = limit_bytes(o), each, all = 0;

    MUTEX_SCOPE(&p->mtx);
    each = limit > 0 ? share_bytes(o, OPT_MEMORY_CLIENT_QUOTA, limit) : 0;
    if (each > 0)
        all = limit /
              (mem_limit_level() == MEM_PLENTY ? PLENTY_SHARE : SHORT_SHARE);
    rpc_service_bound_bytes(p->brick->rpc, each, all);
}

static void
level_changed(void *arg, enum mem_level level)
{
    static const char *const text[] = {
        [MEM_PLENTY] = "plenty",
        [MEM_BELOW_HIGH] = "getting short",
        [MEM_BELOW_LOW] = "short, reclaiming",
        [MEM_BELOW_MIN] = "very short",
    };
    struct pressure *p = arg;

    OBJ_CHECK(p, PRESSURE_MAGIC);
    log_debug("memory is %s", text[level]);
    bound_clients(p);
}

/* --- shrinkers, on the reclaimer's thread --- */

/* They give it back when they have woken: the next pass finds it.  Asked at
 * each pass, a pass every 10 ms would have them do nothing else. */
static size_t
shrink_caches(void *arg, size_t want_bytes)
{
    struct pressure *p = arg;
    uint64_t now = clock_ns();

    OBJ_CHECK(p, PRESSURE_MAGIC);
    if (p->woken_ns != 0 && now - p->woken_ns < WAKE_INTERVAL_NS)
        return 0;
    p->woken_ns = now;
    mem_thread_flush_ask();
    iot_pool_flush(p->brick->pool);
    rpc_service_flush(p->brick->rpc);
    return 0;
}

static size_t
shrink_inodes(void *arg, size_t want_bytes)
{
    return inode_table_shrink(arg, want_bytes);
}

static uint64_t
inodes_held(void *arg)
{
    return inode_table_unused_bytes(arg);
}

static size_t
shrink_descriptors(void *arg, size_t want_bytes)
{
    return inode_table_shrink_path_fds(arg, want_bytes);
}

static uint64_t
descriptors_held(void *arg)
{
    return inode_table_path_fds_bytes(arg);
}

/* --- start and stop --- */

/* What is dropped is dropped by an RCU reader. */
static void
reclaimer_begins(void)
{
    urcu_memb_register_thread();
}

static void
reclaimer_ends(void)
{
    urcu_memb_unregister_thread();
}

struct pressure *
pressure_start(struct brick *brick)
{
    struct pressure *p = mem_zalloc(&mt_pressure, sizeof(*p));
    int err;

    if (p == NULL)
        return NULL;
    p->magic = PRESSURE_MAGIC;
    p->brick = brick;
    mutex_init(&p->mtx, "server.pressure", PRESSURE_RANK);
    p->caches = (struct mem_shrinker){.name = "thread caches",
                                      .order = ORDER_CACHES,
                                      .shrink = shrink_caches,
                                      .arg = p};
    p->inodes = (struct mem_shrinker){.name = "inodes",
                                      .order = ORDER_INODES,
                                      .shrink = shrink_inodes,
                                      .held = inodes_held,
                                      .arg = brick->inodes};
    p->descriptors = (struct mem_shrinker){.name = "held descriptors",
                                           .order = ORDER_DESCRIPTORS,
                                           .shrink = shrink_descriptors,
                                           .held = descriptors_held,
                                           .arg = brick->inodes};
    mem_spare_register();
    mem_reclaimer_set_hooks(reclaimer_begins, reclaimer_ends);
    err = mem_reclaimer_start();
    if (err != 0) {
        mem_spare_unregister();
        mutex_destroy(&p->mtx);
        mem_free(p);
        errno = -err;
        return NULL;
    }
    p->with_clients = true;
    mem_shrinker_register(&p->caches);
    mem_shrinker_register(&p->inodes);
    mem_shrinker_register(&p->descriptors);
    mem_limit_on_level(level_changed, p);
    brick->pressure = p;
    bound_clients(p);
    return p;
}

void
pressure_leave_clients(struct pressure *p)
{
    if (p == NULL || !p->with_clients)
        return;
    p->with_clients = false;
    p->brick->pressure = NULL;
    /* No call to level_changed() is under way once it has stopped.  What is
     * still in work gets memory as before; if the thread cannot be started
     * again, from the shrinkers that need none. */
    mem_reclaimer_stop();
    mem_limit_on_level(NULL, NULL);
    mem_shrinker_unregister(&p->caches);
    if (mem_reclaimer_start() != 0)
        log_warning("no thread to reclaim memory while stopping");
}

void
pressure_stop(struct pressure **pp)
{
    struct pressure *p = *pp;

    if (p == NULL)
        return;
    *pp = NULL;
    OBJ_CHECK(p, PRESSURE_MAGIC);
    pressure_leave_clients(p);
    mem_reclaimer_stop();
    mem_reclaimer_set_hooks(NULL, NULL);
    mem_shrinker_unregister(&p->inodes);
    mem_shrinker_unregister(&p->descriptors);
    mem_spare_unregister();
    mutex_destroy(&p->mtx);
    p->magic = 0;
    mem_free(p);
}

void
pressure_option_changed(struct brick *brick, enum option_id id)
{
    apply_one(brick->options, id);
    switch (id) {
    case OPT_MEMORY_LIMIT:
    case OPT_MEMORY_INODE_CACHE:
    case OPT_INODE_LRU_LIMIT:
        inode_table_set_limit(brick->inodes,
                              pressure_unused_inodes(brick->options));
        break;
    default:
        break;
    }
    if (brick->pressure != NULL &&
        (id == OPT_MEMORY_LIMIT || id == OPT_MEMORY_CLIENT_QUOTA))
        bound_clients(brick->pressure);
}
