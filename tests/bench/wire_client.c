/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/bench/wire_client.h"

#include <endian.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "mem/arena.h"
#include "mem/must.h"
#include "rpc/auth.h"
#include "rpc/dict.h"

MEM_TYPE(mt_handshake, "bench", "handshake");

enum {
    LAST_FRAGMENT = 1U << 31,
    DICT_PTR = 6,
    DICT_GFUUID = 7,
    CRED_BYTES = 40,
    NAME_BYTES_MAX = 1024,
    /* A brick that has just begun to listen may not be up yet. */
    UP_TRIES = 500,
    UP_WAIT_MS = 10,
};

static const struct {
    uint32_t number, version;
} programs[] = {
    [WIRE_DUMP] = {123451501, 1},
    [WIRE_HANDSHAKE] = {14398633, 2},
    [WIRE_FOP] = {1298437, 400},
};

void
wire_put_u32(uint8_t *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof(v));
}

void
wire_put_u64(uint8_t *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof(v));
}

uint32_t
wire_get_u32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return be32toh(v);
}

uint64_t
wire_get_u64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return be64toh(v);
}

/* --- building calls --- */

int
wire_call_begin(struct xdr_out *out, const struct wire_target *target,
                enum wire_program program, uint32_t procedure)
{
    uint32_t owner = htole32((uint32_t)target->pid);
    int rc = xdr_out_init(out, 4, 256); /* the mark comes last */

    if (rc != 0)
        return rc;
    xdr_out_u32(out, 0); /* xid */
    xdr_out_u32(out, 0); /* a call */
    xdr_out_u32(out, 2); /* of RPC version 2 */
    xdr_out_u32(out, programs[program].number);
    xdr_out_u32(out, programs[program].version);
    xdr_out_u32(out, procedure);
    xdr_out_u32(out, RPC_AUTH_GLUSTERFS_V3);
    xdr_out_u32(out, CRED_BYTES);
    xdr_out_i32(out, target->pid);
    xdr_out_u32(out, 0); /* uid */
    xdr_out_u32(out, 0); /* gid */
    xdr_out_u32(out, 0); /* which times change, and the time: patched */
    xdr_out_u32(out, 0);
    xdr_out_u64(out, 0);
    xdr_out_u32(out, 0); /* groups */
    xdr_out_opaque(out, &owner, sizeof(owner));
    xdr_out_u64(out, 0); /* verifier */
    must(out->failed || out->pos == WIRE_ARGS_AT);
    return 0;
}

void
wire_call_end(struct xdr_out *out, size_t payload_bytes)
{
    size_t bytes = out->pos - 4 + payload_bytes;

    must(bytes < LAST_FRAGMENT);
    xdr_out_patch_u32(out, 0, LAST_FRAGMENT | (uint32_t)bytes);
}

void
wire_call_stamp(uint8_t *record, uint32_t changes)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail */
    wire_put_u32(record + WIRE_TIME_FLAGS_AT, changes);
    wire_put_u32(record + WIRE_TIME_NSEC_AT, (uint32_t)ts.tv_nsec);
    wire_put_u64(record + WIRE_TIME_SEC_AT, (uint64_t)ts.tv_sec);
}

void
wire_out_string(struct xdr_out *out, const char *text)
{
    xdr_out_opaque(out, text, strlen(text));
}

void
wire_out_no_dict(struct xdr_out *out)
{
    xdr_out_u32(out, 0);
    xdr_out_i32(out, -1);
    xdr_out_u32(out, 0);
}

static size_t
dict_head(struct xdr_out *out, const char *key, int32_t type)
{
    size_t at = out->pos;

    xdr_out_u32(out, 0); /* size, patched by dict_tail() */
    xdr_out_i32(out, 1);
    xdr_out_u32(out, 1);
    xdr_out_opaque(out, key, strlen(key) + 1);
    xdr_out_i32(out, type);
    return at;
}

static void
dict_tail(struct xdr_out *out, size_t at)
{
    if (!out->failed)
        xdr_out_patch_u32(out, at, (uint32_t)(out->pos - at - 12));
}

void
wire_out_one(struct xdr_out *out, const char *key, const void *value,
             uint32_t bytes)
{
    size_t at = dict_head(out, key, DICT_PTR);

    xdr_out_opaque(out, value, bytes);
    dict_tail(out, at);
}

void
wire_out_gfid_request(struct xdr_out *out,
                      const uint8_t gfid[WIRE_GFID_BYTES])
{
    size_t at = dict_head(out, "gfid-req", DICT_GFUUID);

    xdr_out_fixed(out, gfid, WIRE_GFID_BYTES);
    dict_tail(out, at);
}

/* --- sending and awaiting --- */

static int
send_all(int fd, struct iovec *iov, size_t count)
{
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = count};

    while (msg.msg_iovlen > 0) {
        ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        while (msg.msg_iovlen > 0 && (size_t)n >= msg.msg_iov[0].iov_len) {
            n -= (ssize_t)msg.msg_iov[0].iov_len;
            msg.msg_iov++;
            msg.msg_iovlen--;
        }
        if (msg.msg_iovlen > 0) {
            msg.msg_iov[0].iov_base = (uint8_t *)msg.msg_iov[0].iov_base + n;
            msg.msg_iov[0].iov_len -= (size_t)n;
        }
    }
    return 0;
}

static int
receive_all(int fd, uint8_t *p, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = recv(fd, p, bytes, MSG_WAITALL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -ECONNRESET;
        p += n;
        bytes -= (size_t)n;
    }
    return 0;
}

/* A server may send calls of its own: those are left out. */
static int
receive_reply(struct wire_conn *conn, struct wire_reply *reply)
{
    uint8_t mark[4];
    uint32_t bytes;
    int rc;

    *reply = (struct wire_reply){0};
    for (;;) {
        rc = receive_all(conn->fd, mark, sizeof(mark));
        if (rc != 0)
            return rc;
        bytes = wire_get_u32(mark);
        if ((bytes & LAST_FRAGMENT) == 0)
            return -EPROTO;
        bytes &= ~(uint32_t)LAST_FRAGMENT;
        if (bytes < WIRE_REPLY_HEAD_BYTES - 4 || bytes > WIRE_REPLY_BYTES_MAX)
            return -EPROTO;
        reply->buf = iobuf_new(bytes);
        if (reply->buf == NULL)
            return -ENOMEM;
        rc = receive_all(conn->fd, reply->buf->data, bytes);
        if (rc != 0)
            return rc;
        if (wire_get_u32(reply->buf->data + 4) == 1)
            break;
        wire_reply_drop(reply);
    }
    for (size_t i = 8; i < WIRE_OP_RET_AT - 4; i += 4)
        if (wire_get_u32(reply->buf->data + i) != 0)
            return -EPROTO; /* not accepted, or not a success */
    reply->body = reply->buf->data + WIRE_OP_RET_AT - 4;
    reply->bytes = bytes - (WIRE_OP_RET_AT - 4);
    reply->op_ret = (int32_t)wire_get_u32(reply->body);
    reply->op_errno = (int32_t)wire_get_u32(reply->body + 4);
    return 0;
}

void
wire_reply_drop(struct wire_reply *reply)
{
    iobuf_put(reply->buf);
    reply->buf = NULL;
}

int
wire_send(struct wire_conn *conn, struct xdr_out *call, const void *payload,
          size_t payload_bytes)
{
    struct iovec iov[2];
    struct iobuf *buf;
    size_t bytes;
    int rc;

    if (!call->failed)
        wire_call_end(call, payload_bytes);
    buf = xdr_out_take(call, &bytes);
    if (buf == NULL)
        return -ENOMEM;
    wire_put_u32(buf->data + WIRE_XID_AT, ++conn->xid);
    iov[0] = (struct iovec){.iov_base = buf->data, .iov_len = bytes};
    iov[1] = (struct iovec){.iov_base = (void *)payload,
                            .iov_len = payload_bytes};
    rc = send_all(conn->fd, iov, payload_bytes > 0 ? 2 : 1);
    iobuf_put(buf);
    return rc;
}

int
wire_receive(struct wire_conn *conn, struct wire_reply *reply)
{
    int rc = receive_reply(conn, reply);

    if (rc != 0)
        wire_reply_drop(reply);
    return rc;
}

int
wire_await(struct wire_conn *conn, struct xdr_out *call, const void *payload,
           size_t payload_bytes, struct wire_reply *reply)
{
    int rc = wire_send(conn, call, payload, payload_bytes);

    *reply = (struct wire_reply){0};
    if (rc == 0)
        rc = wire_receive(conn, reply);
    if (rc == 0 && wire_get_u32(reply->buf->data) != conn->xid)
        rc = -EPROTO;
    else if (rc == 0 && reply->op_ret < 0)
        rc = reply->op_errno > 0 ? -reply->op_errno : -EPROTO;
    if (rc != 0)
        wire_reply_drop(reply);
    return rc;
}

/* --- the handshake --- */

static int
socket_connect(const struct wire_target *target, int *fd)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *ai;
    int one = 1, rc = -EADDRNOTAVAIL;

    if (getaddrinfo(target->host, target->port, &hints, &list) != 0)
        return rc;
    for (ai = list; ai != NULL && rc != 0; ai = ai->ai_next) {
        *fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC,
                     ai->ai_protocol);
        if (*fd < 0) {
            rc = -errno;
            continue;
        }
        rc = 0;
        if (connect(*fd, ai->ai_addr, ai->ai_addrlen) != 0 ||
            setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0) {
            rc = -errno;
            close(*fd);
            *fd = -1;
        }
    }
    freeaddrinfo(list);
    return rc;
}

/* Does the server offer the file operations that we speak? */
static int
check_offer(struct wire_conn *conn)
{
    struct xdr_out call;
    struct wire_reply reply;
    struct xdr_in in;
    bool found = false;
    int rc = wire_call_begin(&call, conn->target, WIRE_DUMP, 1);

    if (rc != 0)
        return rc;
    xdr_out_u64(&call, 0xcaed);
    /* This result starts with 8 bytes of its own: its high half reads as
     * op_ret 0. */
    rc = wire_await(conn, &call, NULL, 0, &reply);
    if (rc != 0)
        return rc;
    xdr_in_init(&in, reply.body, reply.bytes);
    (void)xdr_in_u64(&in);
    if (xdr_in_i32(&in) < 0)
        in.bad = true;
    (void)xdr_in_i32(&in);
    while (xdr_in_u32(&in) == 1 && !in.bad) {
        uint32_t bytes;
        uint64_t number, version;

        (void)xdr_in_opaque(&in, &bytes, NAME_BYTES_MAX);
        number = xdr_in_u64(&in);
        version = xdr_in_u64(&in);
        found = found || (number == programs[WIRE_FOP].number &&
                          version == programs[WIRE_FOP].version);
    }
    rc = in.bad ? -EPROTO : found ? 0 : -EPROTONOSUPPORT;
    wire_reply_drop(&reply);
    return rc;
}

static int
introduction(struct rpc_dict *d, const struct wire_target *target,
             unsigned number)
{
    uint8_t id[8];
    int rc;

    if (getrandom(id, sizeof(id), 0) != sizeof(id))
        return -EIO;
    rc = rpc_dict_set_str(d, "remote-subvolume", target->brick);
    if (rc == 0)
        rc = rpc_dict_set_fmt(d, "process-uuid",
                              "CTX_ID:%016llx-GRAPH_ID:0-PID:%d-HOST:bench-"
                              "PC_NAME:wire-load-%u-RECON_NO:-0",
                              (unsigned long long)wire_get_u64(id),
                              (int)getpid(), number);
    if (rc == 0)
        rc = rpc_dict_set_fmt(d, "fops-version", "%u",
                              programs[WIRE_FOP].number);
    if (rc == 0)
        rc = rpc_dict_set_str(d, "client-version", "10.3");
    if (rc == 0)
        rc = rpc_dict_set_str(d, "opversion", "100000");
    if (rc == 0)
        rc = rpc_dict_set_str(d, "clnt-lk-version", "1");
    if (rc == 0)
        rc = rpc_dict_set_str(d, "process-name", "wire_load");
    return rc;
}

static int
set_volume(struct wire_conn *conn, const struct rpc_dict *d)
{
    struct xdr_out call;
    struct wire_reply reply;
    size_t bytes = rpc_dict_encoded_bytes(d);
    uint8_t *place;
    int rc = wire_call_begin(&call, conn->target, WIRE_HANDSHAKE, 1);

    if (rc != 0)
        return rc;
    xdr_out_u32(&call, (uint32_t)bytes);
    place = xdr_out_reserve(&call, (bytes + 3) / 4 * 4);
    if (place != NULL) {
        memset(place, 0, (bytes + 3) / 4 * 4);
        rpc_dict_encode(d, place);
    }
    rc = wire_await(conn, &call, NULL, 0, &reply);
    if (rc == 0)
        wire_reply_drop(&reply);
    return rc;
}

static int
introduce(struct wire_conn *conn, unsigned number)
{
    struct arena arena;
    struct rpc_dict d;
    struct pollfd gone = {.fd = conn->fd, .events = POLLIN};
    int rc;

    arena_init(&arena, &mt_handshake, NULL, 0);
    rpc_dict_init(&d, &arena);
    rc = introduction(&d, conn->target, number);
    if (rc == 0)
        rc = set_volume(conn, &d);
    for (int i = 0; i < UP_TRIES && rc == -EAGAIN; i++) {
        if (poll(&gone, 1, UP_WAIT_MS) > 0) {
            rc = -ECONNRESET;
            break;
        }
        rc = set_volume(conn, &d);
    }
    arena_release(&arena);
    return rc;
}

int
wire_connect(struct wire_conn *conn, const struct wire_target *target,
             unsigned number)
{
    int rc;

    *conn = (struct wire_conn){.target = target, .fd = -1, .xid = 1};
    rc = socket_connect(target, &conn->fd);
    if (rc == 0)
        rc = check_offer(conn);
    if (rc == 0)
        rc = introduce(conn, number);
    if (rc != 0)
        wire_close(conn);
    return rc;
}

void
wire_close(struct wire_conn *conn)
{
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
}
