/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call is a head, copied from the connection's model and patched, and for a
 * WRITE a payload that all share.  Of a reply only the first bytes are looked
 * at; the rest is received and dropped.
 *
 * A slot is one call's place: free -> pending (to be sent) -> sent -> free.
 * Its xid is congruent to its index modulo the depth, so a reply finds it.
 */
#include "tests/bench/wire_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"

MEM_TYPE(mt_engine, "bench", "engine");

enum {
    HEAD_BYTES_MAX = 192,
    RECEIVE_BYTES = 256 << 10,
    IOV_MAX_USED = 64,
    EVENTS_MAX = 128,
    STUCK_MS = 30 * 1000, /* no reply on any connection for so long */
    LAST_FRAGMENT = 1U << 31,
};

struct model { /* a call's head; 0: has no such field */
    uint8_t bytes[HEAD_BYTES_MAX];
    size_t len, gfid_at, name_at, offset_at;
};

struct slot {
    bool busy;
    uint32_t xid;
    uint64_t start_ns;
    uint8_t head[HEAD_BYTES_MAX];
};

struct load_conn {
    struct wire_conn wire;
    int64_t data_fd;
    struct model model;
    struct slot *slots;
    /* Slots to be sent: a ring; of the first, so many bytes went out. */
    uint32_t *pending;
    size_t pending_first, pending_count, sent;
    bool wants_write;
    /* The record that is being received. */
    uint8_t rx_head[WIRE_REPLY_HEAD_BYTES];
    size_t rx_have, rx_skip;
    struct slot *rx_slot;
};

struct load_thread {
    struct engine *engine;
    pthread_t thread;
    int epoll_fd; /* -1: none */
    struct load_conn *conns;
    unsigned conns_count;
    uint64_t quota, issued, done, random;
    int error;
    struct histogram latency;
    uint8_t scratch[RECEIVE_BYTES];
};

struct engine {
    const struct scene *scene;
    unsigned depth, conns_count, threads_count;
    struct load_conn *conns;
    struct load_thread *threads;
    pthread_barrier_t barrier;
    /* The run. */
    const struct wire_op *op;
    uint64_t deadline_ns;
    _Atomic(bool) stop; /* somebody failed */
};

/* --- calls --- */

static int
model_build(struct engine *engine, struct load_conn *conn)
{
    struct model *m = &conn->model;
    const struct wire_op *op = engine->op;
    const struct scene *scene = engine->scene;
    static const uint8_t nobody[WIRE_GFID_BYTES];
    uint8_t name[SCENE_NAME_BYTES];
    struct xdr_out out;
    struct iobuf *buf;
    int rc = wire_call_begin(&out, conn->wire.target, WIRE_FOP, op->fop);

    if (rc != 0)
        return rc;
    *m = (struct model){0};
    switch (op->fop) {
    case WIRE_LOOKUP:
        xdr_out_fixed(&out, nobody, sizeof(nobody));
        xdr_out_fixed(&out, scene->dir, sizeof(scene->dir));
        xdr_out_u32(&out, 0);
        scene_name(name, 0);
        m->name_at = out.pos + 4;
        xdr_out_opaque(&out, name, sizeof(name));
        break;
    case WIRE_STAT:
        m->gfid_at = out.pos;
        xdr_out_fixed(&out, nobody, sizeof(nobody));
        break;
    case WIRE_GETXATTR:
        m->gfid_at = out.pos;
        xdr_out_fixed(&out, nobody, sizeof(nobody));
        xdr_out_u32(&out, 1);
        wire_out_string(&out, SCENE_XATTR);
        break;
    default:
        must(op->fop == WIRE_READ || op->fop == WIRE_WRITE);
        xdr_out_fixed(&out, scene->data, sizeof(scene->data));
        xdr_out_i64(&out, conn->data_fd);
        m->offset_at = out.pos;
        xdr_out_u64(&out, 0);
        xdr_out_u32(&out, op->block_bytes);
        xdr_out_u32(&out, 0);
        break;
    }
    wire_out_no_dict(&out);
    if (!out.failed)
        wire_call_end(&out, op->fop == WIRE_WRITE ? op->block_bytes : 0);
    buf = xdr_out_take(&out, &m->len);
    if (buf == NULL)
        return -ENOMEM;
    must(m->len <= sizeof(m->bytes));
    memcpy(m->bytes, buf->data, m->len);
    iobuf_put(buf);
    return 0;
}

static uint64_t
random_next(uint64_t *state) /* xorshift64 */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void
issue(struct load_thread *t, struct load_conn *conn, struct slot *slot,
      uint64_t now_ns)
{
    const struct engine *engine = t->engine;
    const struct model *m = &conn->model;
    uint32_t index = (uint32_t)(slot - conn->slots);
    uint64_t r = random_next(&t->random);

    must(!slot->busy);
    must(conn->pending_count < engine->depth);
    if (slot->xid > UINT32_MAX - engine->depth)
        slot->xid = index;
    slot->xid += engine->depth;
    slot->busy = true;
    slot->start_ns = now_ns;
    memcpy(slot->head, m->bytes, m->len);
    wire_put_u32(slot->head + WIRE_XID_AT, slot->xid);
    if (m->gfid_at > 0)
        memcpy(slot->head + m->gfid_at, engine->scene->names[r % SCENE_NAMES],
               WIRE_GFID_BYTES);
    if (m->name_at > 0)
        scene_name(slot->head + m->name_at, (unsigned)(r % SCENE_NAMES));
    if (m->offset_at > 0)
        wire_put_u64(slot->head + m->offset_at,
                     r % (SCENE_DATA_BYTES / engine->op->block_bytes) *
                         engine->op->block_bytes);
    if (engine->op->fop == WIRE_WRITE)
        wire_call_stamp(slot->head, WIRE_CHANGES_DATA);
    conn->pending[(conn->pending_first + conn->pending_count) %
                  engine->depth] = index;
    conn->pending_count++;
    t->issued++;
}

/* --- sending --- */

static size_t
payload_bytes(const struct engine *engine)
{
    return engine->op->fop == WIRE_WRITE ? engine->op->block_bytes : 0;
}

/* Lay out what is pending, as far as the vector goes. */
static size_t
gather(const struct engine *engine, struct load_conn *conn, struct iovec *iov)
{
    size_t count = 0, skip = conn->sent;

    for (size_t i = 0; i < conn->pending_count && count + 2 <= IOV_MAX_USED;
         i++) {
        size_t at = (conn->pending_first + i) % engine->depth;
        struct slot *slot = &conn->slots[conn->pending[at]];
        struct iovec part[2] = {
            {slot->head, conn->model.len},
            {(void *)engine->scene->block, payload_bytes(engine)},
        };

        for (size_t k = 0; k < COUNT_OF(part); k++) {
            size_t drop = skip < part[k].iov_len ? skip : part[k].iov_len;

            skip -= drop;
            if (part[k].iov_len == drop)
                continue;
            iov[count].iov_base = (uint8_t *)part[k].iov_base + drop;
            iov[count].iov_len = part[k].iov_len - drop;
            count++;
        }
    }
    return count;
}

static int
watch(struct load_thread *t, struct load_conn *conn, bool write, int how)
{
    struct epoll_event ev = {.events = EPOLLIN | (write ? EPOLLOUT : 0U),
                             .data.ptr = conn};

    conn->wants_write = write;
    return epoll_ctl(t->epoll_fd, how, conn->wire.fd, &ev) == 0 ? 0 : -errno;
}

static int
flush(struct load_thread *t, struct load_conn *conn)
{
    const size_t each = conn->model.len + payload_bytes(t->engine);

    while (conn->pending_count > 0) {
        struct iovec iov[IOV_MAX_USED];
        struct msghdr msg = {.msg_iov = iov};
        ssize_t n;

        msg.msg_iovlen = gather(t->engine, conn, iov);
        n = sendmsg(conn->wire.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return -errno;
        conn->sent += (size_t)n;
        while (conn->pending_count > 0 && conn->sent >= each) {
            conn->sent -= each;
            conn->pending_first = (conn->pending_first + 1) %
                                  t->engine->depth;
            conn->pending_count--;
        }
    }
    if (conn->wants_write == (conn->pending_count > 0))
        return 0;
    return watch(t, conn, conn->pending_count > 0, EPOLL_CTL_MOD);
}

/* --- receiving --- */

static void
slot_done(struct load_thread *t, struct load_conn *conn, uint64_t now_ns)
{
    struct slot *slot = conn->rx_slot;

    conn->rx_slot = NULL;
    slot->busy = false;
    t->done++;
    histogram_add(&t->latency, now_ns - slot->start_ns);
    if (t->issued < t->quota && now_ns < t->engine->deadline_ns)
        issue(t, conn, slot, now_ns);
}

/* The head of a record is there. */
static int
head_done(struct load_thread *t, struct load_conn *conn)
{
    const struct engine *engine = t->engine;
    uint32_t bytes = wire_get_u32(conn->rx_head);
    uint32_t xid = wire_get_u32(conn->rx_head + WIRE_XID_AT);
    struct slot *slot = &conn->slots[xid % engine->depth];
    int32_t op_ret;

    if ((bytes & LAST_FRAGMENT) == 0)
        return -EPROTO;
    bytes &= ~(uint32_t)LAST_FRAGMENT;
    if (bytes < WIRE_REPLY_HEAD_BYTES - 4 || bytes > WIRE_REPLY_BYTES_MAX)
        return -EPROTO;
    conn->rx_skip = bytes - (WIRE_REPLY_HEAD_BYTES - 4);
    if (wire_get_u32(conn->rx_head + 8) == 0)
        return 0; /* a call of the server's own: dropped */
    for (size_t i = 8 + 4; i < WIRE_OP_RET_AT; i += 4)
        if (wire_get_u32(conn->rx_head + i) != 0)
            return -EPROTO; /* not accepted, or not a success */
    if (!slot->busy || slot->xid != xid)
        return -EPROTO;
    op_ret = (int32_t)wire_get_u32(conn->rx_head + WIRE_OP_RET_AT);
    if (op_ret < 0)
        return -(int)(wire_get_u32(conn->rx_head + WIRE_OP_ERRNO_AT) & 0xfff);
    if (engine->op->block_bytes > 0 &&
        (uint32_t)op_ret != engine->op->block_bytes)
        return -EIO;
    conn->rx_slot = slot;
    return 0;
}

static int
digest(struct load_thread *t, struct load_conn *conn, const uint8_t *p,
       size_t bytes, uint64_t now_ns)
{
    while (bytes > 0) {
        size_t take = WIRE_REPLY_HEAD_BYTES - conn->rx_have;

        if (take > 0) {
            take = take < bytes ? take : bytes;
            memcpy(conn->rx_head + conn->rx_have, p, take);
            conn->rx_have += take;
            if (conn->rx_have == WIRE_REPLY_HEAD_BYTES) {
                int rc = head_done(t, conn);

                if (rc != 0)
                    return rc;
            }
        } else {
            take = conn->rx_skip < bytes ? conn->rx_skip : bytes;
            conn->rx_skip -= take;
        }
        p += take;
        bytes -= take;
        if (conn->rx_have == WIRE_REPLY_HEAD_BYTES && conn->rx_skip == 0) {
            conn->rx_have = 0;
            if (conn->rx_slot != NULL)
                slot_done(t, conn, now_ns);
        }
    }
    return 0;
}

static int
receive(struct load_thread *t, struct load_conn *conn)
{
    ssize_t n = recv(conn->wire.fd, t->scratch, sizeof(t->scratch),
                     MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (n == 0)
        return -ECONNRESET;
    return digest(t, conn, t->scratch, (size_t)n, measure_now_ns());
}

/* --- threads --- */

static int
start(struct load_thread *t)
{
    for (unsigned i = 0; i < t->conns_count; i++) {
        struct load_conn *conn = &t->conns[i];
        int rc;

        for (unsigned k = 0; k < t->engine->depth && t->issued < t->quota; k++)
            issue(t, conn, &conn->slots[k], measure_now_ns());
        rc = flush(t, conn);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int
loop(struct load_thread *t)
{
    struct epoll_event events[EVENTS_MAX];
    int rc = start(t);

    while (rc == 0 && t->done < t->issued && !t->engine->stop) {
        int n = epoll_wait(t->epoll_fd, events, EVENTS_MAX, STUCK_MS);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return -ETIMEDOUT;
        for (int i = 0; i < n && rc == 0; i++) {
            struct load_conn *conn = events[i].data.ptr;

            if (events[i].events & ~(uint32_t)EPOLLOUT)
                rc = receive(t, conn);
            if (rc == 0)
                rc = flush(t, conn);
        }
    }
    return rc;
}

static void *
thread_main(void *arg)
{
    struct load_thread *t = arg;

    /* Twice: everybody is here; the clocks are read. */
    (void)pthread_barrier_wait(&t->engine->barrier);
    (void)pthread_barrier_wait(&t->engine->barrier);
    t->error = loop(t);
    if (t->error != 0)
        t->engine->stop = true;
    return NULL;
}

static int
prepare(struct engine *engine, uint64_t ops)
{
    for (unsigned i = 0; i < engine->threads_count; i++) {
        struct load_thread *t = &engine->threads[i];

        t->issued = t->done = 0;
        t->quota = ops / engine->threads_count +
                   (i < ops % engine->threads_count);
        t->latency = (struct histogram){0};
    }
    for (unsigned i = 0; i < engine->conns_count; i++) {
        int rc = model_build(engine, &engine->conns[i]);

        if (rc != 0)
            return rc;
    }
    return 0;
}

int
engine_run(struct engine *engine, const struct wire_op *op, uint64_t ops,
           double seconds, struct measure *m, struct histogram *h,
           uint64_t *done)
{
    int rc;

    engine->op = op;
    must(op->block_bytes <= SCENE_BLOCK_BYTES_MAX);
    rc = prepare(engine, ops);
    if (rc != 0)
        return rc;
    for (unsigned i = 0; i < engine->threads_count; i++) {
        struct load_thread *t = &engine->threads[i];

        must(pthread_create(&t->thread, NULL, thread_main, t) == 0);
    }
    (void)pthread_barrier_wait(&engine->barrier);
    rc = measure_start(m);
    engine->deadline_ns = UINT64_MAX;
    if (seconds > 0)
        engine->deadline_ns = measure_now_ns() + (uint64_t)(seconds * 1e9);
    engine->stop = rc != 0;
    (void)pthread_barrier_wait(&engine->barrier);
    for (unsigned i = 0; i < engine->threads_count; i++)
        must(pthread_join(engine->threads[i].thread, NULL) == 0);
    if (rc == 0)
        rc = measure_stop(m);
    *done = 0;
    for (unsigned i = 0; i < engine->threads_count; i++) {
        if (rc == 0)
            rc = engine->threads[i].error;
        *done += engine->threads[i].done;
        histogram_merge(h, &engine->threads[i].latency);
    }
    return rc;
}

/* --- birth and end --- */

static int
conn_init(struct engine *engine, struct load_conn *conn,
          const struct wire_target *target, unsigned number)
{
    int rc;

    conn->slots = mem_calloc(&mt_engine, engine->depth, sizeof(*conn->slots));
    conn->pending =
        mem_calloc(&mt_engine, engine->depth, sizeof(*conn->pending));
    if (conn->slots == NULL || conn->pending == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < engine->depth; i++)
        conn->slots[i].xid = i;
    rc = wire_connect(&conn->wire, target, number);
    if (rc == 0)
        rc = scene_open_data(engine->scene, &conn->wire, &conn->data_fd);
    return rc;
}

static int
thread_init(struct engine *engine, struct load_thread *t, unsigned number)
{
    unsigned each = engine->conns_count / engine->threads_count;
    unsigned more = engine->conns_count % engine->threads_count;

    t->engine = engine;
    t->random = UINT64_C(0x9e3779b97f4a7c15) * (number + 1);
    t->conns = engine->conns + number * each + (number < more ? number : more);
    t->conns_count = each + (number < more);
    t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (t->epoll_fd < 0)
        return -errno;
    for (unsigned i = 0; i < t->conns_count; i++) {
        int rc = watch(t, &t->conns[i], false, EPOLL_CTL_ADD);

        if (rc != 0)
            return rc;
    }
    return 0;
}

static int
engine_connect(struct engine *engine, const struct wire_target *target)
{
    int rc = 0;

    for (unsigned i = 0; i < engine->conns_count && rc == 0; i++)
        rc = conn_init(engine, &engine->conns[i], target, i + 1);
    for (unsigned i = 0; i < engine->threads_count && rc == 0; i++)
        rc = thread_init(engine, &engine->threads[i], i);
    return rc;
}

struct engine *
engine_new(const struct wire_target *target, const struct scene *scene,
           unsigned connections, unsigned depth, unsigned threads)
{
    struct engine *engine = mem_zalloc(&mt_engine, sizeof(*engine));
    int rc = -ENOMEM;

    must(connections > 0);
    must(depth > 0);
    must(threads > 0);
    if (engine == NULL)
        return NULL;
    engine->scene = scene;
    engine->depth = depth;
    engine->threads_count = threads < connections ? threads : connections;
    must(pthread_barrier_init(&engine->barrier, NULL,
                              engine->threads_count + 1) == 0);
    engine->conns = mem_calloc(&mt_engine, connections, sizeof(*engine->conns));
    engine->threads = mem_calloc(&mt_engine, engine->threads_count,
                                 sizeof(*engine->threads));
    for (unsigned i = 0; engine->conns != NULL && i < connections; i++)
        engine->conns[i].wire.fd = -1;
    for (unsigned i = 0; engine->threads && i < engine->threads_count; i++)
        engine->threads[i].epoll_fd = -1;
    if (engine->conns != NULL && engine->threads != NULL) {
        engine->conns_count = connections;
        rc = engine_connect(engine, target);
    }
    if (rc != 0) {
        engine_destroy(&engine);
        errno = -rc;
    }
    return engine;
}

void
engine_destroy(struct engine **enginep)
{
    struct engine *engine = *enginep;

    *enginep = NULL;
    for (unsigned i = 0; i < engine->conns_count; i++) {
        wire_close(&engine->conns[i].wire);
        mem_free(engine->conns[i].slots);
        mem_free(engine->conns[i].pending);
    }
    for (unsigned i = 0; engine->threads && i < engine->threads_count; i++)
        if (engine->threads[i].epoll_fd >= 0)
            close(engine->threads[i].epoll_fd);
    mem_free(engine->conns);
    mem_free(engine->threads);
    must(pthread_barrier_destroy(&engine->barrier) == 0);
    mem_free(engine);
}
