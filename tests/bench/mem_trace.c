/* SPDX-License-Identifier: BSD-2-Clause */
/* Read twice: to count what each thread does, and to lay it out. */
#include "tests/bench/mem_trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "mem/must.h"
#include "tests/bench/mem_lanes.h"

struct reader {
    gzFile file;
    bool bad;
};

struct object {
    uint32_t bytes;
    uint16_t type;
    uint16_t lane;
    bool is_live;
};

/* For laying out. */
struct layout {
    struct trace *trace;
    uint64_t *thread_ops;  /* by thread */
    uint16_t *thread_lane; /* by thread */
    struct object *objects;
    uint64_t live_bytes;
};

static uint8_t
read_byte(struct reader *r)
{
    int c = gzgetc(r->file);

    if (c < 0)
        r->bad = true;
    return c < 0 ? 0 : (uint8_t)c;
}

/* 0 where it is bad. */
static uint32_t
read_number(struct reader *r, uint32_t max)
{
    uint64_t v = 0;
    unsigned shift = 0;
    uint8_t byte;

    do {
        byte = read_byte(r);
        v |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0 && shift < 42 && !r->bad);
    if (v > max)
        r->bad = true;
    return r->bad ? 0 : (uint32_t)v;
}

static void
read_text(struct reader *r, char text[TRACE_TEXT_MAX])
{
    for (unsigned i = 0; i < TRACE_TEXT_MAX && !r->bad; i++) {
        text[i] = (char)read_byte(r);
        if (text[i] == '\0')
            return;
    }
    text[0] = '\0';
    r->bad = true;
}

static void
read_head(struct reader *r, struct trace *t)
{
    static const char magic[] = "CMR1";

    for (size_t i = 0; i < sizeof(magic) - 1; i++)
        if (read_byte(r) != (uint8_t)magic[i])
            r->bad = true;
    t->threads = read_number(r, TRACE_THREADS_MAX);
    t->types_count = read_number(r, TRACE_TYPES_MAX);
    t->ops_count = read_number(r, TRACE_OPS_MAX);
    t->objects = read_number(r, TRACE_OPS_MAX);
    if (t->threads == 0 || t->types_count == 0 || t->objects == 0 ||
        t->objects > t->ops_count)
        r->bad = true;
}

static void
read_types(struct reader *r, struct trace *t)
{
    for (uint32_t i = 0; i < t->types_count && !r->bad; i++) {
        struct trace_type *type = &t->types[i];

        type->kind = (enum record_kind)read_number(r, RECORD_IOBUF);
        type->object_bytes = read_number(r, TRACE_BYTES_MAX);
        type->align_log2 = read_number(r, 20);
        read_text(r, type->module);
        read_text(r, type->name);
        if (type->kind == RECORD_POOL && type->object_bytes == 0)
            r->bad = true;
    }
}

/* The next operation; *thread is whose. */
static struct trace_op
read_op(struct reader *r, const struct trace *t, uint32_t begun,
        uint32_t *thread)
{
    uint32_t key = read_number(r, t->threads * 2 - 1);
    struct trace_op op = {.is_free = key % 2 == 1};

    *thread = key / 2;
    if (op.is_free) {
        uint32_t back = read_number(r, begun);

        if (back == 0)
            r->bad = true;
        op.object = begun - back;
        return op;
    }
    op.type = (uint16_t)read_number(r, t->types_count - 1);
    op.bytes = read_number(r, TRACE_BYTES_MAX);
    op.object = begun;
    if (begun >= t->objects)
        r->bad = true;
    return op;
}

/* Threads by how much they do, each to the lane that has least. */
static void
share_out(struct layout *l, uint64_t *lane_ops)
{
    const struct trace *t = l->trace;

    for (uint32_t n = 0; n < t->threads; n++) {
        uint32_t busiest = 0;
        unsigned lane = 0;

        for (uint32_t i = 1; i < t->threads; i++)
            if (l->thread_ops[i] > l->thread_ops[busiest])
                busiest = i;
        for (unsigned i = 1; i < t->lanes_count; i++)
            if (lane_ops[i] < lane_ops[lane])
                lane = i;
        lane_ops[lane] += l->thread_ops[busiest];
        l->thread_lane[busiest] = (uint16_t)lane;
        l->thread_ops[busiest] = 0;
    }
}

/* First reading: who does how much. */
static void
count_ops(struct reader *r, struct layout *l)
{
    const struct trace *t = l->trace;
    uint32_t begun = 0, thread;

    for (uint32_t i = 0; i < t->ops_count && !r->bad; i++) {
        struct trace_op op = read_op(r, t, begun, &thread);

        begun += !op.is_free;
        l->thread_ops[thread]++;
    }
    if (begun != t->objects)
        r->bad = true;
}

static void
append(struct layout *l, unsigned lane, struct trace_op op)
{
    struct trace_lane *to = &l->trace->lanes[lane];

    to->ops[to->count++] = op;
}

static void
lay_out_alloc(struct layout *l, unsigned lane, struct trace_op op)
{
    const struct trace_type *type = &l->trace->types[op.type];
    struct object *o = &l->objects[op.object];

    if (type->kind == RECORD_POOL)
        op.bytes = type->object_bytes;
    *o = (struct object){.bytes = op.bytes, .type = op.type,
                         .lane = (uint16_t)lane, .is_live = true};
    l->live_bytes += op.bytes;
    if (l->live_bytes > l->trace->live_bytes_max)
        l->trace->live_bytes_max = l->live_bytes;
    append(l, lane, op);
}

static void
lay_out_free(struct layout *l, unsigned lane, struct trace_op op)
{
    struct object *o = &l->objects[op.object];

    op.type = o->type;
    op.bytes = o->bytes;
    op.is_foreign = o->lane != lane;
    o->is_live = false;
    l->live_bytes -= o->bytes;
    append(l, lane, op);
}

/* Second reading. */
static void
lay_out(struct reader *r, struct layout *l)
{
    const struct trace *t = l->trace;
    uint32_t begun = 0, thread, i;

    for (i = 0; i < t->ops_count && !r->bad; i++) {
        struct trace_op op = read_op(r, t, begun, &thread);
        unsigned lane = l->thread_lane[thread];

        op.at = i;
        if (!op.is_free) {
            begun++;
            lay_out_alloc(l, lane, op);
        } else if (!l->objects[op.object].is_live) {
            r->bad = true; /* freed twice */
        } else {
            lay_out_free(l, lane, op);
        }
    }
    for (uint32_t k = 0; k < t->objects && !r->bad; k++)
        if (l->objects[k].is_live)
            lay_out_free(l, l->objects[k].lane,
                         (struct trace_op){.at = i, .object = k,
                                           .is_free = true});
}

static void
read_trace(struct reader *r, struct trace *t, unsigned lanes_count)
{
    struct layout l = {.trace = t};
    uint64_t *lane_ops;

    read_head(r, t);
    if (r->bad)
        return;
    t->lanes_count = lanes_count > 0 ? lanes_count : t->threads;
    if (t->lanes_count > LANES_MAX)
        t->lanes_count = LANES_MAX;
    t->types = lanes_map(t->types_count * sizeof(*t->types));
    t->lanes = lanes_map(t->lanes_count * sizeof(*t->lanes));
    l.thread_ops = lanes_map(t->threads * sizeof(*l.thread_ops));
    l.thread_lane = lanes_map(t->threads * sizeof(*l.thread_lane));
    l.objects = lanes_map(t->objects * sizeof(*l.objects));
    lane_ops = lanes_map(t->lanes_count * sizeof(*lane_ops));
    read_types(r, t);
    count_ops(r, &l);
    if (r->bad)
        return;
    share_out(&l, lane_ops);
    for (unsigned i = 0; i < t->lanes_count; i++)
        /* And for each object, in case that it must be freed at the end. */
        t->lanes[i].ops = lanes_map((lane_ops[i] * 2 + 1) *
                                    sizeof(*t->lanes[i].ops));
    if (gzrewind(r->file) != 0) {
        r->bad = true;
        return;
    }
    read_head(r, t);
    read_types(r, t);
    lay_out(r, &l);
}

int
trace_load(const char *path, unsigned lanes_count, struct trace *trace)
{
    struct reader r = {.file = gzopen(path, "rb")};

    *trace = (struct trace){0};
    if (r.file == NULL) {
        int rc = errno != 0 ? -errno : -ENOMEM;

        fprintf(stderr, "%s: %s\n", path, strerror(-rc));
        return rc;
    }
    read_trace(&r, trace, lanes_count);
    (void)gzclose(r.file); /* only read */
    if (!r.bad)
        return 0;
    fprintf(stderr, "%s: no trace, or damaged\n", path);
    return -EINVAL;
}
