/* SPDX-License-Identifier: BSD-2-Clause */
/* A service for tests and its clients; rpc_fixture.h tells the idea. */
#include "tests/unit/rpc_fixture.h"

#include <arpa/inet.h>
#include <check.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "mem/account.h"
#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "rpc/message.h"
#include "rpc/record.h"
#include "rpc/xdr.h"

enum { PATIENCE_SECS = 20 };

MEM_TYPE(mt_fixture, "test", "fixture");
MEM_TYPE(mt_request, "test", "request");

uint32_t
get_be32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return be32toh(v);
}

void
put_be32(uint8_t *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof(v));
}

void
fill_pattern(uint8_t *p, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)(i * 31 + (i >> 8) + seed);
}

uint32_t
sum_bytes(const uint8_t *p, size_t bytes)
{
    uint32_t sum = 1;

    for (size_t i = 0; i < bytes; i++)
        sum = sum * 16777619u + p[i];
    return sum;
}

/* --- the program --- */

static struct fixture *
fixture_of(struct rpc_request *req)
{
    return rpc_conn_user(req->conn);
}

static void
answer(struct rpc_request *req, const void *p, size_t bytes)
{
    struct iobuf *buf = iobuf_new(RPC_REPLY_HEAD_BYTES + bytes);

    must(buf != NULL);
    if (bytes > 0)
        memcpy(buf->data + RPC_REPLY_HEAD_BYTES, p, bytes);
    rpc_reply(req, buf, RPC_REPLY_HEAD_BYTES + bytes, NULL, 0);
}

static void
do_echo(struct rpc_request *req)
{
    answer(req, req->args, req->args_bytes);
}

static int
split_write(const uint8_t *args, size_t avail, size_t *args_bytes)
{
    if (avail < 4) {
        *args_bytes = 4;
        return -EAGAIN;
    }
    *args_bytes = get_be32(args);
    if (*args_bytes < 4 || *args_bytes > 100000)
        return -EINVAL;
    return 0; /* though not all of them may be there */
}

static void
do_write(struct rpc_request *req)
{
    uint8_t out[16];

    put_be32(out, (uint32_t)req->payload_bytes);
    put_be32(out + 4, req->payload == NULL ||
                          ((uintptr_t)req->payload_data % IOBUF_ALIGN == 0 &&
                           req->payload_data == req->payload->data));
    put_be32(out + 8, sum_bytes(req->payload_data, req->payload_bytes));
    put_be32(out + 12, sum_bytes(req->args, req->args_bytes));
    answer(req, out, sizeof(out));
}

static void
do_hold(struct rpc_request *req)
{
    struct fixture *f = fixture_of(req);

    if (req->proc == PROC_PARK)
        rpc_request_park(req);
    MUTEX_SCOPE(&f->mtx);
    must(f->held_count < HELD_MAX);
    f->held[f->held_count++] = req;
    cond_broadcast(&f->changed);
}

static void
do_read(struct rpc_request *req)
{
    uint32_t n = get_be32(req->args);
    struct iobuf *head = iobuf_new(RPC_REPLY_HEAD_BYTES + 4);
    struct iobuf *payload = iobuf_new(n);

    must(head != NULL && payload != NULL);
    put_be32(head->data + RPC_REPLY_HEAD_BYTES, n);
    fill_pattern(payload->data, n, req->xid);
    rpc_reply(req, head, RPC_REPLY_HEAD_BYTES + 4, payload, n);
}

static void
do_trust(struct rpc_request *req)
{
    rpc_conn_set_trusted(req->conn);
    answer(req, NULL, 0);
}

static void
do_close(struct rpc_request *req)
{
    rpc_conn_close(req->conn);
    rpc_request_drop(req);
}

static void
do_notify(struct rpc_request *req)
{
    struct iobuf *body = iobuf_new(RPC_CALL_HEAD_BYTES + 4);

    must(body != NULL);
    put_be32(body->data + RPC_CALL_HEAD_BYTES, 0xfeedbeef);
    must(rpc_conn_notify(req->conn, 52743234, 1, 10, body,
                         RPC_CALL_HEAD_BYTES + 4) == 0);
    answer(req, NULL, 0);
}

static void
do_fail(struct rpc_request *req)
{
    rpc_reply_error(req, RPC_SYSTEM_ERR);
}

static const struct rpc_proc procs[PROC_COUNT] = {
    [PROC_ECHO] = {.name = "echo", .handler = do_echo},
    [PROC_WRITE] = {.name = "write", .handler = do_write,
                    .split = split_write},
    [PROC_HOLD] = {.name = "hold", .handler = do_hold},
    [PROC_PARK] = {.name = "park", .handler = do_hold},
    [PROC_READ] = {.name = "read", .handler = do_read},
    [PROC_TRUST] = {.name = "trust", .handler = do_trust},
    [PROC_DROP] = {.name = "drop", .handler = rpc_request_drop},
    [PROC_CLOSE] = {.name = "close", .handler = do_close},
    [PROC_NOTIFY] = {.name = "notify", .handler = do_notify},
    [PROC_FAIL] = {.name = "fail", .handler = do_fail},
};

static const struct rpc_program program = {
    .name = "echo",
    .number = ECHO_PROGRAM,
    .version = ECHO_VERSION,
    .procs = procs,
    .procs_count = PROC_COUNT,
};

/* --- the service --- */

static void
bump(struct fixture *f, unsigned *count)
{
    MUTEX_SCOPE(&f->mtx);

    (*count)++;
    cond_broadcast(&f->changed);
}

static void
on_init(void *arg, struct rpc_request *req)
{
    struct fixture *f = arg;

    bump(f, &f->init);
}

static void
on_fini(void *arg, struct rpc_request *req)
{
    struct fixture *f = arg;

    bump(f, &f->fini);
}

static void
on_opened(void *arg, struct rpc_conn *conn)
{
    struct fixture *f = arg;

    rpc_conn_set_user(conn, f);
    bump(f, &f->opened);
}

static void
on_closed(void *arg, struct rpc_conn *conn)
{
    struct fixture *f = arg;

    must(rpc_conn_user(conn) == f);
    must(rpc_conn_is_closed(conn));
    bump(f, &f->closed);
}

static void
on_event(void *arg, enum rpc_event event, const char *peer, const char *detail,
         int error)
{
    struct fixture *f = arg;

    must(peer != NULL && peer[0] != '\0');
    bump(f, &f->events[event]);
}

static void
on_thread_start(void *arg)
{
    struct fixture *f = arg;

    bump(f, &f->threads);
}

static void
on_thread_stop(void *arg)
{
    struct fixture *f = arg;
    MUTEX_SCOPE(&f->mtx);

    f->threads--;
    cond_broadcast(&f->changed);
}

struct fixture *
fixture_start(const struct rpc_service_params *params)
{
    struct fixture *f = mem_zalloc(&mt_fixture, sizeof(*f));
    struct rpc_service_ops ops = {
        .arg = f,
        .request_init = on_init,
        .request_fini = on_fini,
        .conn_opened = on_opened,
        .conn_closed = on_closed,
        .event = on_event,
        .thread_start = on_thread_start,
        .thread_stop = on_thread_stop,
    };
    struct rpc_listen_params listen = {.family = AF_INET,
                                       .bind = "127.0.0.1",
                                       .nodelay = true,
                                       .keepalive = true};

    ck_assert_ptr_nonnull(f);
    mutex_init(&f->mtx, "fixture", 800);
    cond_init(&f->changed);
    f->pool = mem_pool_new(&mt_request, sizeof(struct rpc_request), NULL);
    ck_assert_ptr_nonnull(f->pool);
    ops.request_pool = f->pool;
    f->svc = rpc_service_new(params, &ops);
    ck_assert_ptr_nonnull(f->svc);
    ck_assert_int_eq(rpc_service_add_program(f->svc, &program), 0);
    ck_assert_int_eq(rpc_listen(f->svc, &listen, &f->listener), 0);
    ck_assert_uint_ne(rpc_listener_port(f->listener), 0);
    return f;
}

struct fixture *
fixture_start_default(void)
{
    static const struct rpc_service_params params = {
        .event_threads = 2, .outstanding_limit = 64, .allow_insecure = true};

    return fixture_start(&params);
}

static void
expect_nothing_left(void)
{
    static const char *const types[] = {"conn", "service", "event_thread",
                                        "listener", "queued_reply"};
    struct iobuf_stats rows[32];
    struct mem_type_stats st;
    size_t n = iobuf_read(rows, COUNT_OF(rows));

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        mem_account_read_one("rpc", types[i], &st);
        ck_assert_msg(st.num_allocs == 0, "%lu of rpc.%s left",
                      (unsigned long)st.num_allocs, types[i]);
    }
    ck_assert_uint_le(n, COUNT_OF(rows));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(rows[i].active == 0, "%lu iobufs of %lu left",
                      (unsigned long)rows[i].active,
                      (unsigned long)rows[i].page_size);
}

void
fixture_end(struct fixture *f)
{
    rpc_service_stop(f->svc, 0);
    rpc_service_destroy(&f->svc);
    ck_assert_ptr_null(f->svc);
    ck_assert_uint_eq(f->opened, f->closed);
    ck_assert_uint_eq(f->init, f->fini);
    ck_assert_uint_eq(f->threads, 0);
    mem_pool_destroy(&f->pool);
    expect_nothing_left();
    cond_destroy(&f->changed);
    mutex_destroy(&f->mtx);
    mem_free(f);
}

static struct timespec
patience(void)
{
    return clock_timespec(clock_ns() + PATIENCE_SECS * CLOCK_NS_PER_SEC);
}

void
fixture_wait(struct fixture *f, const unsigned *count, unsigned n)
{
    struct timespec until = patience();
    bool waiting = true;
    MUTEX_SCOPE(&f->mtx);

    while (*count < n && waiting)
        waiting = cond_wait_until(&f->changed, &f->mtx, &until);
    ck_assert_uint_ge(*count, n);
}

struct rpc_request *
fixture_take(struct fixture *f, uint32_t xid)
{
    struct timespec until = patience();
    bool waiting = true;
    MUTEX_SCOPE(&f->mtx);

    while (waiting) {
        for (unsigned i = 0; i < f->held_count; i++) {
            struct rpc_request *req = f->held[i];

            if (req->xid == xid) {
                f->held[i] = f->held[--f->held_count];
                return req;
            }
        }
        waiting = cond_wait_until(&f->changed, &f->mtx, &until);
    }
    ck_abort_msg("request %u was not held", xid);
}

void
fixture_release(struct fixture *f, uint32_t xid)
{
    uint8_t out[4];

    put_be32(out, xid);
    answer(fixture_take(f, xid), out, sizeof(out));
}

void
wait_stats(struct fixture *f,
           bool (*what)(const struct rpc_service_stats *st, uint64_t n),
           uint64_t n)
{
    static const struct timespec tick = {.tv_nsec = 1000000};
    struct rpc_service_stats st;

    for (int i = 0; i < PATIENCE_SECS * 1000; i++) {
        rpc_service_read(f->svc, &st);
        if (what(&st, n))
            return;
        (void)nanosleep(&tick, NULL);
    }
    ck_abort_msg("counters never came to what was awaited");
}

/* --- clients --- */

int
client_connect(struct fixture *f)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port =
                                 htons(rpc_listener_port(f->listener)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval tv = {.tv_sec = PATIENCE_SECS};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    return fd;
}

void
client_send(int fd, const void *p, size_t bytes)
{
    const uint8_t *from = p;

    while (bytes > 0) {
        ssize_t n = send(fd, from, bytes, MSG_NOSIGNAL);

        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return; /* what a bad client may meet; the test looks further */
        ck_assert_int_gt(n, 0);
        from += n;
        bytes -= (size_t)n;
    }
}

size_t
client_call_bytes(uint8_t *out, uint32_t xid, uint32_t proc, const void *args,
                  size_t bytes)
{
    size_t head = message_encode_call(out + RECORD_MARK_BYTES, xid,
                                      ECHO_PROGRAM, ECHO_VERSION, proc);

    record_mark_encode(out, (uint32_t)(head + bytes));
    if (bytes > 0)
        memcpy(out + RECORD_MARK_BYTES + head, args, bytes);
    return RECORD_MARK_BYTES + head + bytes;
}

void
client_call(int fd, uint32_t xid, uint32_t proc, const void *args,
            size_t bytes)
{
    uint8_t *buf = mem_alloc(&mt_fixture, RPC_CALL_HEAD_BYTES + bytes);

    ck_assert_ptr_nonnull(buf);
    client_send(fd, buf, client_call_bytes(buf, xid, proc, args, bytes));
    mem_free(buf);
}

static void
receive_all(int fd, uint8_t *p, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = recv(fd, p, bytes, 0);

        ck_assert_msg(n > 0, "no reply: %s", n == 0 ? "end" : strerror(errno));
        p += n;
        bytes -= (size_t)n;
    }
}

size_t
client_record(int fd, uint8_t *out, size_t max)
{
    uint8_t mark[RECORD_MARK_BYTES];
    struct record_mark m;

    receive_all(fd, mark, sizeof(mark));
    m = record_mark_decode(mark);
    ck_assert(m.last);
    ck_assert_uint_le(m.bytes, max);
    receive_all(fd, out, m.bytes);
    return m.bytes;
}

size_t
client_results(int fd, uint32_t *xid, uint8_t *out, size_t max)
{
    size_t head = RPC_REPLY_HEAD_BYTES - RECORD_MARK_BYTES;
    uint8_t *buf = mem_alloc(&mt_fixture, head + max);
    size_t n;

    ck_assert_ptr_nonnull(buf);
    n = client_record(fd, buf, head + max);
    ck_assert_uint_ge(n, head);
    *xid = get_be32(buf);
    ck_assert_uint_eq(get_be32(buf + 4), 1);
    for (size_t i = 8; i < head; i += 4)
        ck_assert_uint_eq(get_be32(buf + i), 0);
    if (out != NULL)
        memcpy(out, buf + head, n - head);
    mem_free(buf);
    return n - head;
}

void
client_expect_stat(int fd, uint32_t xid, uint32_t stat)
{
    uint8_t buf[64];
    size_t n = client_record(fd, buf, sizeof(buf));

    ck_assert_uint_eq(n, stat == RPC_PROG_MISMATCH ? 32 : 24);
    ck_assert_uint_eq(get_be32(buf), xid);
    ck_assert_uint_eq(get_be32(buf + 4), 1);
    ck_assert_uint_eq(get_be32(buf + 8), 0);
    ck_assert_uint_eq(get_be32(buf + 12), 0);
    ck_assert_uint_eq(get_be32(buf + 16), 0);
    ck_assert_uint_eq(get_be32(buf + 20), stat);
    for (size_t i = 24; i < n; i += 4)
        ck_assert_uint_eq(get_be32(buf + i), 0);
}

void
client_expect_alive(int fd)
{
    uint8_t out[8];
    uint32_t xid;

    client_call(fd, 0xa11fe, PROC_ECHO, "alive?!", 8);
    ck_assert_uint_eq(client_results(fd, &xid, out, sizeof(out)), 8);
    ck_assert_uint_eq(xid, 0xa11fe);
    ck_assert_mem_eq(out, "alive?!", 8);
}

void
client_expect_closed(int fd)
{
    uint8_t byte;
    ssize_t n = recv(fd, &byte, 1, 0);

    ck_assert_msg(n == 0 || (n < 0 && errno == ECONNRESET),
                  "still open: %zd %s", n, n < 0 ? strerror(errno) : "");
    ck_assert_int_eq(close(fd), 0);
}
