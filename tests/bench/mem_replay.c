/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replays a trace of allocations: what each thread allocated and freed, in its
 * order, and who freed what another had allocated.  A lane may run ahead of
 * the slowest by a few hundred operations, so that about as much lives at a
 * time as did.  Prints one line of JSON.
 *
 * Ours gets typed blocks, pools and I/O buffers as recorded.  For malloc() a
 * buffer is a header and page-aligned data, as a daemon over malloc() has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem/must.h"
#include "tests/bench/mem_lanes.h"
#include "tests/bench/mem_trace.h"

#ifdef CONTENDER_OURS
#include "mem/alloc.h"
#include "mem/iobuf.h"
#include "mem/pool.h"
#endif

enum {
    AHEAD_MAX = 512,   /* operations */
    TELL_MASK = 15,    /* how often lanes look at each other */
    PAGE_BYTES = 4096, /* from this size on a buffer starts on a page */
    LINE_BYTES = 64,
};

enum touch { TOUCH_ALL, TOUCH_FIRST, TOUCH_VERIFY };

struct progress {
    _Atomic(uint64_t) at;
} __attribute__((aligned(128)));

struct replay {
    struct trace trace;
    enum touch touch;
    unsigned passes;
    _Atomic(void *) *objects; /* handles, by number; NULL: not there */
    struct progress progress[LANES_MAX];
    pthread_barrier_t barrier; /* between passes */
#ifdef CONTENDER_OURS
    struct mem_type *types;
    struct mem_pool **pools;
#endif
};

/* A handle is what is freed; *data what may be written. */
#ifdef CONTENDER_OURS
static void
replay_init(struct replay *r)
{
    uint32_t n = r->trace.types_count;

    r->types = lanes_map(n * sizeof(*r->types));
    r->pools = lanes_map(n * sizeof(*r->pools));
    for (uint32_t i = 0; i < n; i++) {
        const struct trace_type *type = &r->trace.types[i];

        r->types[i].module = type->module;
        r->types[i].name = type->name;
        if (type->kind != RECORD_POOL)
            continue;
        r->pools[i] = mem_pool_new(&r->types[i], type->object_bytes, NULL);
        must(r->pools[i] != NULL);
    }
}

static inline void *
take(struct replay *r, const struct trace_op *op, void **data)
{
    const struct trace_type *type = &r->trace.types[op->type];
    struct iobuf *buf;

    if (type->kind == RECORD_POOL)
        return *data = mem_pool_get(r->pools[op->type]);
    if (type->kind == RECORD_TYPED && type->align_log2 > 4)
        return *data = mem_alloc_aligned(&r->types[op->type],
                                         (size_t)1 << type->align_log2,
                                         op->bytes);
    if (type->kind == RECORD_TYPED)
        return *data = mem_alloc(&r->types[op->type], op->bytes);
    buf = iobuf_new(op->bytes);
    must(buf != NULL);
    *data = buf->data;
    return buf;
}

static inline void
give(struct replay *r, const struct trace_op *op, void *handle)
{
    const struct trace_type *type = &r->trace.types[op->type];

    if (type->kind == RECORD_POOL)
        mem_pool_put(r->pools[op->type], handle);
    else if (type->kind == RECORD_IOBUF)
        iobuf_put(handle);
    else
        mem_free(handle);
}

static inline void *
data_of(struct replay *r, const struct trace_op *op, void *handle)
{
    return r->trace.types[op->type].kind == RECORD_IOBUF
               ? ((struct iobuf *)handle)->data
               : handle;
}
#else
struct buffer {
    void *data;
    size_t bytes, more; /* a header has a few fields */
};

static void
replay_init(struct replay *r)
{
    (void)r;
}

static inline void *
take_buffer(size_t bytes, void **data)
{
    struct buffer *b;

    if (bytes < PAGE_BYTES) {
        b = malloc(sizeof(*b) + bytes);
        must(b != NULL);
        b->data = b + 1;
    } else {
        b = malloc(sizeof(*b));
        must(b != NULL);
        must(posix_memalign(&b->data, PAGE_BYTES, bytes) == 0);
    }
    b->bytes = bytes;
    *data = b->data;
    return b;
}

static inline void *
take(struct replay *r, const struct trace_op *op, void **data)
{
    const struct trace_type *type = &r->trace.types[op->type];
    void *p;

    if (type->kind == RECORD_IOBUF)
        return take_buffer(op->bytes, data);
    if (type->kind == RECORD_TYPED && type->align_log2 > 4) {
        must(posix_memalign(&p, (size_t)1 << type->align_log2, op->bytes) == 0);
        return *data = p;
    }
    return *data = malloc(op->bytes);
}

static inline void
give(struct replay *r, const struct trace_op *op, void *handle)
{
    struct buffer *b = handle;

    if (r->trace.types[op->type].kind == RECORD_IOBUF &&
        b->bytes >= PAGE_BYTES)
        free(b->data);
    free(handle);
}

static inline void *
data_of(struct replay *r, const struct trace_op *op, void *handle)
{
    return r->trace.types[op->type].kind == RECORD_IOBUF
               ? ((struct buffer *)handle)->data
               : handle;
}
#endif

static inline int
mark_of(const struct trace_op *op)
{
    return (int)(op->object * 167 % 251) + 1;
}

static inline void
fill(const struct replay *r, const struct trace_op *op, void *data)
{
    size_t bytes = op->bytes;

    if (r->touch == TOUCH_FIRST && bytes > LINE_BYTES)
        bytes = LINE_BYTES;
    memset(data, mark_of(op), bytes);
}

/* Does it still hold what was written?  All of it is looked at. */
static void
verify(const struct trace_op *op, const uint8_t *data)
{
    if (op->bytes > 0 &&
        (data[0] != mark_of(op) || memcmp(data, data + 1, op->bytes - 1) != 0))
        must_panic("object %u of %u bytes was overwritten", op->object,
                   op->bytes);
}

/* Wait for those who are far behind. */
static void
keep_step(struct replay *r, struct lane *lane, uint64_t at)
{
    unsigned tries = 0;

    atomic_store_explicit(&r->progress[lane->index].at, at,
                          memory_order_relaxed);
    for (unsigned i = 0; i < lane->count; i++) {
        _Atomic(uint64_t) *other = &r->progress[i].at;
        uint64_t began;

        if (atomic_load_explicit(other, memory_order_relaxed) + AHEAD_MAX >= at)
            continue;
        began = lane_wait_begin();
        while (atomic_load_explicit(other, memory_order_relaxed) + AHEAD_MAX <
               at)
            lane_wait_once(&tries);
        lane_wait_end(lane, began);
    }
}

static void *
await_object(struct replay *r, struct lane *lane, const struct trace_op *op)
{
    _Atomic(void *) *at = &r->objects[op->object];
    void *handle = atomic_load_explicit(at, memory_order_acquire);
    uint64_t began;
    unsigned tries = 0;

    if (handle != NULL)
        return handle;
    /* Nobody may wait for us while we wait. */
    atomic_store_explicit(&r->progress[lane->index].at, op->at,
                          memory_order_relaxed);
    began = lane_wait_begin();
    while ((handle = atomic_load_explicit(at, memory_order_acquire)) == NULL)
        lane_wait_once(&tries);
    lane_wait_end(lane, began);
    return handle;
}

static inline void
replay_op(struct replay *r, struct lane *lane, const struct trace_op *op)
{
    void *handle, *data;

    if (!op->is_free) {
        handle = take(r, op, &data);
        must(handle != NULL);
        fill(r, op, data);
        atomic_store_explicit(&r->objects[op->object], handle,
                              memory_order_release);
        return;
    }
    handle = op->is_foreign
                 ? await_object(r, lane, op)
                 : atomic_load_explicit(&r->objects[op->object],
                                        memory_order_relaxed);
    atomic_store_explicit(&r->objects[op->object], NULL, memory_order_relaxed);
    if (r->touch == TOUCH_VERIFY)
        verify(op, data_of(r, op, handle));
    give(r, op, handle);
}

static void
replay_pass(struct replay *r, struct lane *lane)
{
    const struct trace_lane *mine = &r->trace.lanes[lane->index];

    for (uint64_t i = 0; i < mine->count; i++) {
        if ((i & TELL_MASK) == 0)
            keep_step(r, lane, mine->ops[i].at);
        replay_op(r, lane, &mine->ops[i]);
    }
    atomic_store_explicit(&r->progress[lane->index].at, UINT32_MAX,
                          memory_order_relaxed);
    lane->ops += mine->count;
}

static void
replay_lane(struct lane *lane, bool warm)
{
    struct replay *r = lane->arg;
    unsigned passes = warm ? 1 : r->passes;

    for (unsigned i = 0; i < passes; i++) {
        uint64_t began = lane_wait_begin();

        (void)pthread_barrier_wait(&r->barrier);
        atomic_store(&r->progress[lane->index].at, 0);
        (void)pthread_barrier_wait(&r->barrier);
        lane_wait_end(lane, began);
        replay_pass(r, lane);
    }
}

/* A line of /proc, in KiB. */
static uint64_t
proc_kib(const char *path, const char *field)
{
    FILE *f = fopen(path, "r");
    char line[256];
    uint64_t kib = 0;

    must(f != NULL);
    while (fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtoull(line + strlen(field), NULL, 10);
    must(fclose(f) == 0);
    return kib;
}

/* What is highest from now on; where the kernel does not do that, what was
 * needed to load the trace counts, too. */
static void
reset_peak(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, "5", 1) != 1)
        fprintf(stderr, "mem_replay: /proc/self/clear_refs: %s\n",
                strerror(errno));
    if (fd >= 0)
        must(close(fd) == 0);
}

static void
run(struct replay *r, uint64_t ops)
{
    uint64_t base_kib, peak_kib, end_kib, in_pass = 0;
    struct lanes_result result;

    for (unsigned i = 0; i < r->trace.lanes_count; i++)
        in_pass += r->trace.lanes[i].count;
    must(in_pass > 0);
    r->passes = (unsigned)((ops + in_pass - 1) / in_pass);
    r->objects = lanes_map(r->trace.objects * sizeof(*r->objects));
    must(pthread_barrier_init(&r->barrier, NULL, r->trace.lanes_count) == 0);
    replay_init(r);
    reset_peak();
    base_kib = proc_kib("/proc/self/smaps_rollup", "Rss:");
    lanes_run(r->trace.lanes_count, replay_lane, r, &result);
    peak_kib = proc_kib("/proc/self/status", "VmHWM:");
    end_kib = proc_kib("/proc/self/smaps_rollup", "Rss:");
    printf("{\"lanes\": %u, \"passes\": %u, \"ops\": %" PRIu64
           ", \"cpu_ns\": %.3f, \"wall_ns\": %.3f, \"waits\": %" PRIu64
           ", \"base_kib\": %" PRIu64 ", \"peak_kib\": %" PRIu64
           ", \"end_kib\": %" PRIu64 ", \"live_kib\": %" PRIu64 "}\n",
           r->trace.lanes_count, r->passes, result.ops, result.cpu_ns,
           result.wall_ns, result.waits, base_kib, peak_kib, end_kib,
           r->trace.live_bytes_max / 1024);
}

static const char usage[] =
    "usage: mem_replay --trace FILE [OPTION]...\n"
    "Replay a trace of allocations: tests/bench/mem runs this.\n"
    "\n"
    "  --lanes N     threads to share the recorded ones out to (1); 0: as\n"
    "                many as were recorded\n"
    "  --ops N       operations at least, in whole passes (2000000)\n"
    "  --touch WHAT  all (the whole block is written once), first (its first\n"
    "                64 bytes), verify (and checked when it is freed)\n"
    "  --help        print this text\n";

static const struct option options[] = {
    {"trace", required_argument, NULL, 'f'},
    {"lanes", required_argument, NULL, 'l'},
    {"ops", required_argument, NULL, 'n'},
    {"touch", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool
number_parse(const char *text, uint64_t max, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out <= max;
}

static bool
touch_parse(const char *text, enum touch *touch)
{
    static const char *const names[] = {
        [TOUCH_ALL] = "all", [TOUCH_FIRST] = "first", [TOUCH_VERIFY] = "verify",
    };

    for (unsigned i = 0; i < COUNT_OF(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *touch = (enum touch)i;
            return true;
        }
    return false;
}

int
main(int argc, char **argv)
{
    static struct replay replay;
    uint64_t lanes = 1, ops = 2000000;
    const char *path = NULL;
    bool ok = true;
    int opt;

    while (ok && (opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (opt) {
        case 'h':
            fputs(usage, stdout);
            return 0;
        case 'f':
            path = optarg;
            break;
        case 'l':
            ok = number_parse(optarg, LANES_MAX, &lanes);
            break;
        case 'n':
            ok = number_parse(optarg, UINT64_C(1) << 40, &ops) && ops > 0;
            break;
        case 't':
            ok = touch_parse(optarg, &replay.touch);
            break;
        default:
            return 2;
        }
        if (!ok)
            fprintf(stderr, "mem_replay: bad value: %s\n", optarg);
    }
    if (!ok)
        return 2;
    if (path == NULL || optind != argc) {
        fputs(usage, stderr);
        return 2;
    }
    if (trace_load(path, (unsigned)lanes, &replay.trace) != 0)
        return 1;
    run(&replay, ops);
    return 0;
}
