/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving.  Bytes go to one buffer per connection, and records are used
 * where they lie in it; a request in flight holds a reference, and then the
 * buffer is filled further behind it, never over it.  A connection with
 * nothing buffered has no buffer.
 *
 * The payload of a WRITE must lie at the start of a page-aligned buffer of its
 * own, and its bytes must not be copied there.  How long the head before it
 * is can be known only when it has been read.  So we guess: the head is as
 * long as that of the last record with a payload, and so is the payload:
 *
 *      readv:   | head ............ | payload ........ | head of the next |
 *               buf[end..]            a fresh iobuf      buf, right behind
 *
 * A steady stream of writes is received so without a copy and in one system
 * call each.  When the guess was wrong, the bytes that landed in the wrong
 * place are moved; nothing but speed depends on it.
 */
#include "rpc/conn.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "mem/must.h"
#include "rpc/message.h"
#include "rpc/service_impl.h"

enum {
    BUF_BYTES_MIN = 4096,
    BUF_BYTES_USUAL_MAX = 65536, /* larger only for a larger record */
    BUF_ROOM_MIN = 512,          /* less at the end is not worth a read */
    PEEK_BYTES_MAX = 1024,       /* of the next head, behind a payload */
    BULK_FIRST_BYTES = 4 << 20,  /* made at once when a head announces it */
    GUESS_MISSES_MAX = 8,
    READS_MAX = 16, /* then the next connection has its turn */
};

static void
count_add(_Atomic(uint64_t) *count, uint64_t n)
{
    atomic_fetch_add_explicit(count, n, memory_order_relaxed);
}

static size_t
avail_bytes(const struct conn_rx *rx)
{
    return rx->end - rx->start;
}

static size_t
record_bytes_max(const struct rpc_conn *conn)
{
    return atomic_load_explicit(&conn->trusted, memory_order_relaxed)
               ? RPC_RECORD_BYTES_MAX
               : RPC_RECORD_BYTES_UNTRUSTED;
}

/* --- the buffer --- */

/* Before anything was read or moved, no memory is no harm: it is tried again
 * later. */
static int
later(int err)
{
    return err == -ENOMEM ? -EAGAIN : err;
}

/* Replace buf by one of `bytes`, with what was in it moved to its start. */
static int
renew(struct conn_rx *rx, size_t bytes)
{
    struct iobuf *fresh = iobuf_new(bytes);
    size_t have = avail_bytes(rx);

    if (fresh == NULL)
        return -ENOMEM;
    if (have > 0)
        memcpy(fresh->data, rx->buf->data + rx->start, have);
    iobuf_put(rx->buf);
    rx->buf = fresh;
    rx->start = 0;
    rx->end = have;
    return 0;
}

/* Nothing is buffered and nobody else looks at the buffer: begin at its
 * start. */
static void
rewind_if_unused(struct conn_rx *rx)
{
    if (rx->buf != NULL && rx->start == rx->end &&
        atomic_load_explicit(&rx->buf->ref, memory_order_acquire) == 1)
        rx->start = rx->end = 0;
}

/* Make room for the record at start to come to `total` bytes, or for a part of
 * it: memory follows what has arrived. */
static int
make_room(struct conn_rx *rx, size_t total)
{
    size_t have = avail_bytes(rx);
    size_t size = rx->want_bytes;

    rewind_if_unused(rx);
    if (rx->buf != NULL && rx->buf->capacity - rx->start >= total &&
        rx->end < rx->buf->capacity)
        return 0;
    if (total > size)
        size = record_buffer_bytes(have, total);
    if (size < rx->want_bytes)
        size = rx->want_bytes;
    /* What there is may do for now. */
    if (rx->buf != NULL && rx->buf->capacity - rx->start >= size &&
        rx->end < rx->buf->capacity)
        return 0;
    return renew(rx, size);
}

/* Insert bytes at `at`, before what is already buffered behind it. */
static int
insert(struct conn_rx *rx, size_t at, const uint8_t *p, size_t bytes)
{
    size_t offset = at - rx->start;
    size_t have = avail_bytes(rx);

    if (rx->buf->capacity - rx->end < bytes) {
        int err = renew(rx, have + bytes > rx->want_bytes ? have + bytes
                                                         : rx->want_bytes);

        if (err != 0)
            return err;
    }
    at = rx->start + offset;
    memmove(rx->buf->data + at + bytes, rx->buf->data + at, rx->end - at);
    memcpy(rx->buf->data + at, p, bytes);
    rx->end += bytes;
    return 0;
}

/* --- records with a payload --- */

/* Is the record at start one with a payload, and where does that begin, from
 * the mark?  `have` bytes from start on may be looked at.  0: not, or not to
 * be told yet. */
static size_t
bulk_head_bytes(const struct rpc_conn *conn, size_t have, size_t *payload)
{
    const uint8_t *p;
    struct record_mark mark;
    struct message_call call;
    const struct rpc_program *program;
    const struct rpc_proc *proc;
    enum rpc_accept stat;
    size_t head, args;

    if (have < RECORD_MARK_BYTES || conn->rx.frag.open ||
        !atomic_load_explicit(&conn->trusted, memory_order_relaxed))
        return 0;
    p = conn->rx.buf->data + conn->rx.start;
    mark = record_mark_decode(p);
    p += RECORD_MARK_BYTES;
    have -= RECORD_MARK_BYTES;
    if (!mark.last || mark.bytes > record_bytes_max(conn))
        return 0;
    if (have > mark.bytes)
        have = mark.bytes;
    if (message_call_head_bytes(p, have, &head) != 0 ||
        message_decode_call(&call, p, head) != 0)
        return 0;
    proc = dispatch_find(conn->svc, call.program, call.version,
                         call.procedure, &program, &stat);
    if (proc == NULL || proc->split == NULL ||
        proc->split(p + head, have - head, &args) != 0)
        return 0;
    /* All of the arguments must be there, also where split could tell their
     * length from a part; and without a payload there is nothing to set
     * apart. */
    if (args > have - head || args == mark.bytes - head)
        return 0;
    *payload = mark.bytes - head - args;
    return RECORD_MARK_BYTES + head + args;
}

/* Begin to receive a payload of `need` bytes apart, into buf (taken over,
 * which holds `have` of them). */
static void
bulk_begin(struct conn_rx *rx, size_t head, struct iobuf *buf, size_t have,
           size_t need, bool copied)
{
    must(!rx->bulk_open);
    rx->bulk_open = true;
    rx->bulk = buf;
    rx->bulk_head = head;
    rx->bulk_have = have;
    rx->bulk_need = need;
    rx->bulk_copied = copied;
}

static int
bulk_grow(struct conn_rx *rx, size_t have)
{
    size_t bytes = record_buffer_bytes(have, rx->bulk_need);
    struct iobuf *bigger;

    bigger = conn_payload_new(bytes);
    if (bigger == NULL)
        return -ENOMEM;
    memcpy(bigger->data, rx->bulk->data, rx->bulk_have);
    iobuf_put(rx->bulk);
    rx->bulk = bigger;
    return 0;
}

/* The head is there and the record is not complete: the payload shall go to a
 * buffer of its own from here on.  1: begun; 0: not such a record; -ENOMEM. */
static int
bulk_try(struct rpc_conn *conn)
{
    struct conn_rx *rx = &conn->rx;
    size_t need, have, head = bulk_head_bytes(conn, avail_bytes(rx), &need);
    size_t sure = BULK_FIRST_BYTES / 4;
    struct iobuf *buf;

    if (head == 0)
        return 0;
    have = avail_bytes(rx) - head;
    must(have < need);
    buf = conn_payload_new(
        record_buffer_bytes(have > sure ? have : sure, need));
    if (buf == NULL)
        return -ENOMEM;
    if (have > 0)
        memcpy(buf->data, rx->buf->data + rx->start + head, have);
    rx->end -= have;
    count_add(&conn->count.bulk_moved_bytes, have);
    bulk_begin(rx, head, buf, have, need, have > 0);
    return 1;
}

static void
guess_from(struct conn_rx *rx, size_t head, size_t payload)
{
    rx->guess_head = head <= PEEK_BYTES_MAX ? head : 0;
    rx->guess_payload =
        payload < BULK_FIRST_BYTES ? payload : BULK_FIRST_BYTES;
    rx->guess_misses = 0;
}

static void
guess_missed(struct conn_rx *rx)
{
    if (rx->guess_head > 0 && ++rx->guess_misses >= GUESS_MISSES_MAX)
        rx->guess_head = 0;
}

static int
bulk_finish(struct rpc_conn *conn)
{
    struct conn_rx *rx = &conn->rx;
    struct iobuf *payload = rx->bulk;
    const uint8_t *record = rx->buf->data + rx->start + RECORD_MARK_BYTES;
    size_t bytes = rx->bulk_head - RECORD_MARK_BYTES;

    count_add(&conn->count.bulk_records, 1);
    if (!rx->bulk_copied)
        count_add(&conn->count.bulk_in_place, 1);
    guess_from(rx, rx->bulk_head, rx->bulk_need);
    rx->start += rx->bulk_head;
    rx->bulk = NULL;
    rx->bulk_open = false;
    return dispatch_record(conn, rx->buf, record, bytes, payload,
                           &rx->bulk_need);
}

/* --- from buffered bytes to dispatched records --- */

static int
take_fragments(struct rpc_conn *conn)
{
    struct conn_rx *rx = &conn->rx;
    struct iobuf *buf;
    size_t used, bytes, payload = 0;
    int r;

    r = record_asm_feed(&rx->frag, record_bytes_max(conn),
                        rx->buf->data + rx->start, avail_bytes(rx), &used);
    rx->start += used;
    if (r <= 0)
        return r;
    buf = record_asm_take(&rx->frag, &bytes);
    if (buf == NULL)
        return -EPROTO; /* fragments enough, and nothing in them */
    r = dispatch_record(conn, buf, buf->data, bytes, NULL, &payload);
    iobuf_put(buf);
    guess_missed(rx);
    return r < 0 ? r : 1;
}

static int
take_whole(struct rpc_conn *conn, size_t bytes)
{
    struct conn_rx *rx = &conn->rx;
    const uint8_t *record = rx->buf->data + rx->start + RECORD_MARK_BYTES;
    size_t payload = 0;
    int err;

    rx->start += RECORD_MARK_BYTES + bytes;
    err = dispatch_record(conn, rx->buf, record, bytes, NULL, &payload);
    /* Small enough to have arrived whole, with its payload: that was copied,
     * and tells what to expect next. */
    if (payload > 0)
        guess_from(rx, RECORD_MARK_BYTES + bytes - payload, payload);
    else
        guess_missed(rx);
    return err < 0 ? err : 1;
}

/* 1: a record was dispatched or some step made; 0: more bytes are needed. */
static int
take_record(struct rpc_conn *conn)
{
    struct conn_rx *rx = &conn->rx;
    struct record_mark mark;
    int err;

    if (rx->bulk_open) {
        if (rx->bulk_have < rx->bulk_need)
            return 0;
        err = bulk_finish(conn);
        return err < 0 ? err : 1;
    }
    if (avail_bytes(rx) == 0)
        return 0;
    if (rx->frag.open)
        return take_fragments(conn);
    if (avail_bytes(rx) < RECORD_MARK_BYTES)
        return later(make_room(rx, RECORD_MARK_BYTES));
    mark = record_mark_decode(rx->buf->data + rx->start);
    if (mark.bytes > record_bytes_max(conn))
        return -EMSGSIZE;
    if (!mark.last)
        return take_fragments(conn);
    if (avail_bytes(rx) - RECORD_MARK_BYTES >= mark.bytes)
        return take_whole(conn, mark.bytes);
    err = bulk_try(conn);
    if (err != 0)
        return later(err);
    return later(make_room(rx, RECORD_MARK_BYTES + (size_t)mark.bytes));
}

/* What is being received now. */
static void
count_held(struct rpc_conn *conn)
{
    const struct conn_rx *rx = &conn->rx;
    size_t bytes = 0;

    if (rx->buf != NULL)
        bytes += rx->buf->capacity;
    if (rx->bulk != NULL)
        bytes += rx->bulk->capacity;
    if (rx->frag.buf != NULL)
        bytes += rx->frag.buf->capacity;
    if (atomic_load_explicit(&conn->rx_held, memory_order_relaxed) != bytes)
        atomic_store_explicit(&conn->rx_held, bytes, memory_order_relaxed);
}

static int
receive_buffered(struct rpc_conn *conn)
{
    int r = 1;

    while (r > 0) {
        if (atomic_load(&conn->close_wanted) || conn->stopping ||
            conn_pause_if_full(conn))
            return 0;
        r = take_record(conn);
    }
    return r;
}

/* An empty buffer goes; who still has a request in it keeps it. */
static void
trim(struct conn_rx *rx)
{
    if (rx->buf != NULL && rx->start == rx->end && !rx->bulk_open) {
        iobuf_put(rx->buf);
        rx->buf = NULL;
        rx->start = rx->end = 0;
    }
}

int
conn_receive_buffered(struct rpc_conn *conn)
{
    int r = receive_buffered(conn);

    trim(&conn->rx);
    count_held(conn);
    return r;
}

/* --- reading --- */

/* Bytes read, 0 when there are none now, -ENOTCONN at the end, or -errno.
 * *drained: the socket had less than we asked for. */
static ssize_t
read_parts(struct rpc_conn *conn, struct iovec *iov, int parts, bool *drained)
{
    size_t asked = 0;
    ssize_t n;

    for (int i = 0; i < parts; i++)
        asked += iov[i].iov_len;
    must(asked > 0);
    do {
        n = readv(conn->fd, iov, parts);
    } while (n < 0 && errno == EINTR);
    *drained = n < (ssize_t)asked;
    if (n == 0)
        return -ENOTCONN;
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -ENOTCONN;
    count_add(&conn->count.bytes_read, (uint64_t)n);
    return n;
}

/* The next read is sized by the last: quiet connections take a page, busy ones
 * sixteen. */
static void
adapt(struct conn_rx *rx, size_t room, size_t got)
{
    if (got >= room && rx->want_bytes < BUF_BYTES_USUAL_MAX)
        rx->want_bytes *= 2;
    else if (got < rx->want_bytes / 8 && rx->want_bytes > BUF_BYTES_MIN)
        rx->want_bytes /= 2;
}

static int
read_plain(struct rpc_conn *conn, bool *drained)
{
    struct conn_rx *rx = &conn->rx;
    struct iovec iov;
    size_t room;
    ssize_t n;

    rewind_if_unused(rx);
    if (rx->buf == NULL ||
        (rx->start == rx->end &&
         rx->buf->capacity - rx->end < BUF_ROOM_MIN) ||
        rx->buf->capacity == rx->end) {
        int err = renew(rx, rx->want_bytes > avail_bytes(rx) * 2
                                ? rx->want_bytes
                                : avail_bytes(rx) * 2);

        if (err != 0)
            return later(err);
    }
    room = rx->buf->capacity - rx->end;
    iov = (struct iovec){.iov_base = rx->buf->data + rx->end, .iov_len = room};
    n = read_parts(conn, &iov, 1, drained);
    if (n < 0)
        return (int)n;
    rx->end += (size_t)n;
    adapt(rx, room, (size_t)n);
    return 0;
}

/* A payload has begun: read the rest of it to its place, and with the same
 * call what the next record's head may be. */
static int
read_bulk(struct rpc_conn *conn, bool *drained)
{
    struct conn_rx *rx = &conn->rx;
    struct iovec iov[2];
    size_t want, peek;
    ssize_t n;
    int err;

    if (rx->bulk_have == rx->bulk->capacity &&
        (err = bulk_grow(rx, rx->bulk_have)) != 0)
        return later(err);
    want = (rx->bulk_need < rx->bulk->capacity ? rx->bulk_need
                                               : rx->bulk->capacity) -
           rx->bulk_have;
    peek = rx->buf->capacity - rx->end;
    if (peek > rx->bulk_head)
        peek = rx->bulk_head;
    if (rx->bulk_have + want < rx->bulk_need)
        peek = 0;
    iov[0] = (struct iovec){.iov_base = rx->bulk->data + rx->bulk_have,
                            .iov_len = want};
    iov[1] = (struct iovec){.iov_base = rx->buf->data + rx->end,
                            .iov_len = peek};
    n = read_parts(conn, iov, 2, drained);
    if (n < 0)
        return (int)n;
    if ((size_t)n > want) {
        rx->end += (size_t)n - want;
        n = (ssize_t)want;
    }
    rx->bulk_have += (size_t)n;
    return 0;
}

/* The guess was right about the head.  buf (taken over) holds `got` bytes that
 * came behind it, the last `tail` bytes of rx->buf came after those. */
static int
settle_bulk(struct rpc_conn *conn, struct iobuf *buf, size_t got, size_t head,
            size_t need, size_t tail)
{
    struct conn_rx *rx = &conn->rx;
    size_t have = got < need ? got : need;
    size_t move;
    int err;

    if (got > need) {
        /* It was longer than this one is: the excess is the next record's. */
        err = insert(rx, rx->end - tail, buf->data + need, got - need);
        if (err != 0) {
            iobuf_put(buf);
            return err;
        }
        count_add(&conn->count.bulk_moved_bytes, got - need);
        bulk_begin(rx, head, buf, have, need, false);
        return 0;
    }
    bulk_begin(rx, head, buf, have, need, false);
    move = need - have < tail ? need - have : tail;
    if (move == 0)
        return 0;
    /* This one is longer: what came after belongs to it too. */
    if (have + move > buf->capacity &&
        (err = bulk_grow(rx, have + move)) != 0)
        return err;
    memcpy(rx->bulk->data + have, rx->buf->data + rx->end - tail, move);
    memmove(rx->buf->data + rx->end - tail,
            rx->buf->data + rx->end - tail + move, tail - move);
    rx->end -= move;
    rx->bulk_have += move;
    rx->bulk_copied = true;
    count_add(&conn->count.bulk_moved_bytes, move);
    return 0;
}

/* Put what a guessing read brought where it belongs. */
static int
settle(struct rpc_conn *conn, struct iobuf *buf, size_t got, size_t tail)
{
    struct conn_rx *rx = &conn->rx;
    size_t need, head;
    int err;

    head = bulk_head_bytes(conn, rx->guess_head, &need);
    if (head == rx->guess_head)
        return settle_bulk(conn, buf, got, head, need, tail);
    err = insert(rx, rx->end - tail, buf->data, got);
    count_add(&conn->count.bulk_moved_bytes, got);
    iobuf_put(buf);
    return err;
}

static int
read_guessing(struct rpc_conn *conn, bool *drained)
{
    struct conn_rx *rx = &conn->rx;
    size_t head = rx->guess_head, got, tail;
    size_t first = head - avail_bytes(rx);
    struct iovec iov[3];
    struct iobuf *buf;
    ssize_t n;
    int err;

    rewind_if_unused(rx);
    if ((rx->buf == NULL || rx->buf->capacity - rx->end < first + head) &&
        (err = renew(rx, rx->want_bytes)) != 0)
        return later(err);
    buf = conn_payload_new(rx->guess_payload);
    if (buf == NULL)
        return later(-ENOMEM);
    iov[0] = (struct iovec){.iov_base = rx->buf->data + rx->end,
                            .iov_len = first};
    iov[1] = (struct iovec){.iov_base = buf->data,
                            .iov_len = rx->guess_payload};
    iov[2] = (struct iovec){.iov_base = rx->buf->data + rx->end + first,
                            .iov_len = head};
    n = read_parts(conn, iov, 3, drained);
    if (n <= (ssize_t)first) {
        iobuf_put(buf);
        if (n < 0)
            return (int)n;
        rx->end += (size_t)n;
        return 0;
    }
    got = (size_t)n - first;
    if (got > rx->guess_payload)
        got = rx->guess_payload;
    tail = (size_t)n - first - got;
    rx->end += first + tail;
    return settle(conn, buf, got, tail);
}

static int
read_once(struct rpc_conn *conn, bool *drained)
{
    struct conn_rx *rx = &conn->rx;

    if (rx->want_bytes < BUF_BYTES_MIN)
        rx->want_bytes = BUF_BYTES_MIN;
    if (rx->bulk_open)
        return read_bulk(conn, drained);
    if (!rx->frag.open && avail_bytes(rx) < rx->guess_head)
        return read_guessing(conn, drained);
    return read_plain(conn, drained);
}

int
conn_receive(struct rpc_conn *conn)
{
    bool drained = false;
    int err = 0;

    for (int i = 0; i < READS_MAX && err == 0 && !drained; i++) {
        if (atomic_load(&conn->close_wanted) || conn->stopping ||
            conn_pause_if_full(conn))
            break;
        err = read_once(conn, &drained);
        count_held(conn);
        if (err == 0)
            err = receive_buffered(conn);
    }
    trim(&conn->rx);
    count_held(conn);
    return err;
}

void
conn_receive_drop(struct rpc_conn *conn)
{
    struct conn_rx *rx = &conn->rx;

    iobuf_put(rx->buf);
    iobuf_put(rx->bulk);
    record_asm_reset(&rx->frag);
    *rx = (struct conn_rx){.want_bytes = 0};
    count_held(conn);
}
