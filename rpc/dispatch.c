/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a record to the handler of its procedure, and from the handler's
 * results to a reply.  What is wrong with a call is answered here, in the
 * words of RFC 5531; only what is no call at all ends the connection.
 */
#include "rpc/program.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mem/clock.h"
#include "mem/limit.h"
#include "mem/must.h"
#include "rpc/conn.h"
#include "rpc/message.h"
#include "rpc/service_impl.h"

enum {
    RPC_REQUEST_MAGIC = 0x72726571,
    /* What the peer says of a credential, and of a port. */
    AUTH_STAT_BAD_CRED = 0,
    AUTH_STAT_BAD_PORT = 2,
};

const struct rpc_proc *
dispatch_find(const struct rpc_service *svc, uint32_t program,
              uint32_t version, uint32_t procedure,
              const struct rpc_program **found, enum rpc_accept *stat)
{
    *stat = RPC_PROG_UNAVAIL;
    for (uint32_t i = 0; i < svc->programs_count; i++) {
        const struct rpc_program *p = &svc->programs[i];

        if (p->number != program)
            continue;
        *stat = RPC_PROG_MISMATCH;
        if (p->version != version)
            continue;
        *stat = RPC_PROC_UNAVAIL;
        if (procedure >= p->procs_count || p->procs[procedure].name == NULL ||
            p->procs[procedure].handler == NULL)
            return NULL;
        *stat = RPC_SUCCESS;
        *found = p;
        return &p->procs[procedure];
    }
    return NULL;
}

/* --- answers without results --- */

static struct iobuf *
answer_new(struct rpc_conn *conn)
{
    enum mem_importance was = mem_set_importance(MEM_FOR_SERVER);
    struct iobuf *buf =
        iobuf_new(RECORD_MARK_BYTES + MESSAGE_REPLY_BYTES_MAX);

    (void)mem_set_importance(was);
    /* A call without an answer would hang the peer; an end it understands. */
    if (buf == NULL)
        rpc_conn_close(conn);
    return buf;
}

static void
answer_send(struct rpc_conn *conn, struct iobuf *buf, size_t bytes)
{
    record_mark_encode(buf->data, (uint32_t)bytes);
    if (conn_send(conn, buf, RECORD_MARK_BYTES + bytes, NULL, 0) == 0)
        atomic_fetch_add_explicit(&conn->count.replies, 1,
                                  memory_order_relaxed);
}

static void
answer_accepted(struct rpc_conn *conn, uint32_t xid, enum rpc_accept stat)
{
    struct iobuf *buf = answer_new(conn);

    if (buf != NULL)
        answer_send(conn, buf,
                    message_encode_accepted(buf->data + RECORD_MARK_BYTES,
                                            xid, stat));
}

static void
answer_auth_error(struct rpc_conn *conn, uint32_t xid, uint32_t auth_stat)
{
    struct iobuf *buf = answer_new(conn);

    if (buf != NULL)
        answer_send(conn, buf,
                    message_encode_auth_error(buf->data + RECORD_MARK_BYTES,
                                              xid, auth_stat));
}

/* --- records --- */

/* The payload at the end of a record that arrived whole goes to a buffer of
 * its own, as it would have if received apart. */
static int
split_copied(struct rpc_request *req, const struct rpc_proc *proc)
{
    size_t args;

    if (proc->split(req->args, req->args_bytes, &args) != 0 ||
        args >= req->args_bytes)
        return 0;
    req->payload_bytes = req->args_bytes - args;
    req->payload = conn_payload_new(req->payload_bytes);
    if (req->payload == NULL)
        return -ENOMEM;
    memcpy(req->payload->data, req->args + args, req->payload_bytes);
    req->payload_data = req->payload->data;
    req->args_bytes = args;
    atomic_fetch_add_explicit(&req->conn->count.bulk_records, 1,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&req->conn->count.bulk_moved_bytes,
                              req->payload_bytes, memory_order_relaxed);
    return 0;
}

static void
refuse_unknown(struct rpc_conn *conn, const struct message_call *call,
               enum rpc_accept stat)
{
    char detail[96];

    (void)snprintf(detail, sizeof(detail),
                   "program %" PRIu32 " version %" PRIu32
                   " procedure %" PRIu32,
                   call->program, call->version, call->procedure);
    conn_event(conn, RPC_CONN_UNKNOWN_PROC, detail, 0);
    answer_accepted(conn, call->xid, stat);
}

/* Everything that may be said against a call before its handler sees it; true:
 * it was answered. */
static bool
refuse_call(struct rpc_conn *conn, const struct message_call *call,
            struct rpc_request *req)
{
    struct rpc_service *svc = conn->svc;

    if (rpc_cred_decode(&req->cred, call->cred_flavor, call->cred,
                        call->cred_bytes) != 0) {
        conn_event(conn, RPC_CONN_BAD_CRED, "credential does not decode",
                   EINVAL);
        answer_auth_error(conn, call->xid, AUTH_STAT_BAD_CRED);
        return true;
    }
    if (!conn->privileged_port &&
        !atomic_load_explicit(&svc->allow_insecure, memory_order_relaxed)) {
        conn_event(conn, RPC_CONN_INSECURE_PORT, "source port is above 1023",
                   EACCES);
        answer_auth_error(conn, call->xid, AUTH_STAT_BAD_PORT);
        return true;
    }
    return false;
}

/* Outstanding, or no longer. */
static void
outstanding_add(struct rpc_conn *conn)
{
    if (atomic_fetch_add(&conn->outstanding, 1) == 0)
        (void)atomic_fetch_add_explicit(&conn->svc->busy_conns, 1,
                                        memory_order_relaxed);
}

static void
outstanding_sub(struct rpc_conn *conn)
{
    if (atomic_fetch_sub(&conn->outstanding, 1) == 1)
        (void)atomic_fetch_sub_explicit(&conn->svc->busy_conns, 1,
                                        memory_order_relaxed);
}

static void
request_begin(struct rpc_request *req, struct rpc_conn *conn,
              const struct message_call *call, const struct rpc_proc *proc)
{
    const struct rpc_service_ops *ops = &conn->svc->ops;

    req->received_ns = clock_ns();
    req->held_bytes = req->args_bytes;
    if (req->payload != NULL)
        req->held_bytes += req->payload->capacity;
    atomic_fetch_add(&conn->active_held, req->held_bytes);
    outstanding_add(conn);
    if (ops->request_init != NULL)
        ops->request_init(ops->arg, req);
    proc->handler(req);
}

/* A call whose header has been decoded.  0: answered or with its handler, and
 * the references in *req (rx, payload) are taken over; else they are not. */
static int
run_call(struct rpc_conn *conn, const struct message_call *call,
         struct rpc_request *req, size_t *payload_bytes)
{
    const struct rpc_proc *proc;
    enum rpc_accept stat;

    if (refuse_call(conn, call, req))
        return -EACCES;
    proc = dispatch_find(conn->svc, call->program, call->version,
                         call->procedure, &req->program, &stat);
    if (proc == NULL) {
        refuse_unknown(conn, call, stat);
        return -ENOSYS;
    }
    if (proc->split != NULL && req->payload == NULL) {
        if (split_copied(req, proc) != 0) {
            answer_accepted(conn, call->xid, RPC_SYSTEM_ERR);
            return -ENOMEM;
        }
        *payload_bytes = req->payload_bytes;
    }
    request_begin(req, conn, call, proc);
    return 0;
}

static void
request_fill(struct rpc_request *req, struct rpc_conn *conn,
             const struct message_call *call, struct iobuf *rx,
             const uint8_t *record, size_t bytes)
{
    req->magic = RPC_REQUEST_MAGIC;
    req->conn = rpc_conn_get(conn);
    req->xid = call->xid;
    req->program = NULL;
    req->proc = call->procedure;
    req->args = record + call->head_bytes;
    req->args_bytes = bytes - call->head_bytes;
    req->rx = iobuf_get(rx);
    req->payload = NULL;
    req->payload_data = NULL;
    req->payload_bytes = 0;
    req->parked = false;
    req->held_bytes = 0;
}

static void
request_free(struct rpc_request *req)
{
    struct rpc_conn *conn = req->conn;

    req->magic = 0;
    req->conn = NULL;
    iobuf_put(req->rx);
    iobuf_put(req->payload);
    mem_pool_put(conn->svc->ops.request_pool, req);
    rpc_conn_put(conn);
}

static int
dispatch_call(struct rpc_conn *conn, struct iobuf *rx, const uint8_t *record,
              size_t bytes, struct iobuf *payload, size_t *payload_bytes)
{
    struct rpc_service *svc = conn->svc;
    struct message_call call;
    struct rpc_request *req;

    if (message_decode_call(&call, record, bytes) != 0) {
        /* As the peer answers what it cannot read: with the xid 0. */
        atomic_fetch_add(&svc->bad_calls, 1);
        conn_event(conn, RPC_CONN_BAD_CALL, NULL, 0);
        answer_accepted(conn, 0, RPC_GARBAGE_ARGS);
        iobuf_put(payload);
        return 0;
    }
    atomic_fetch_add_explicit(&conn->count.calls, 1, memory_order_relaxed);
    req = mem_pool_get(svc->ops.request_pool);
    if (req == NULL) {
        answer_accepted(conn, call.xid, RPC_SYSTEM_ERR);
        iobuf_put(payload);
        return 0;
    }
    request_fill(req, conn, &call, rx, record, bytes);
    if (payload != NULL) {
        req->payload = payload;
        req->payload_data = payload->data;
        req->payload_bytes = *payload_bytes;
    }
    if (run_call(conn, &call, req, payload_bytes) != 0) {
        atomic_fetch_add(&svc->bad_calls, 1);
        request_free(req);
    }
    return 0;
}

int
dispatch_record(struct rpc_conn *conn, struct iobuf *rx, const uint8_t *record,
                size_t bytes, struct iobuf *payload, size_t *payload_bytes)
{
    int type = message_type(record, bytes);

    if (type == MESSAGE_CALL)
        return dispatch_call(conn, rx, record, bytes, payload, payload_bytes);
    must(payload == NULL); /* only a call has one */
    if (type < 0 || message_check_reply(record, bytes) != 0)
        return -EPROTO;
    return 0; /* we ask nothing that is answered */
}

/* --- program.h --- */

static void
request_end(struct rpc_request *req)
{
    struct rpc_conn *conn = req->conn;
    const struct rpc_service_ops *ops = &conn->svc->ops;

    if (!req->parked) {
        outstanding_sub(conn);
        atomic_fetch_sub(&conn->active_held, req->held_bytes);
    } else {
        atomic_fetch_sub(&conn->parked_held, req->held_bytes);
    }
    conn_relieved(conn);
    if (ops->request_fini != NULL)
        ops->request_fini(ops->arg, req);
    request_free(req);
}

void
rpc_reply(struct rpc_request *req, struct iobuf *head, size_t head_bytes,
          struct iobuf *payload, size_t payload_bytes)
{
    size_t bytes = head_bytes + payload_bytes - RECORD_MARK_BYTES;

    OBJ_CHECK(req, RPC_REQUEST_MAGIC);
    must(head_bytes >= RPC_REPLY_HEAD_BYTES && head_bytes <= head->capacity);
    must(payload_bytes <= RPC_RECORD_BYTES_MAX &&
         bytes <= RPC_RECORD_BYTES_MAX);
    record_mark_encode(head->data, (uint32_t)bytes);
    (void)message_encode_accepted(head->data + RECORD_MARK_BYTES, req->xid,
                                  RPC_SUCCESS);
    if (conn_send(req->conn, head, head_bytes, payload, payload_bytes) == 0)
        atomic_fetch_add_explicit(&req->conn->count.replies, 1,
                                  memory_order_relaxed);
    request_end(req);
}

void
rpc_reply_error(struct rpc_request *req, enum rpc_accept stat)
{
    OBJ_CHECK(req, RPC_REQUEST_MAGIC);
    must(stat != RPC_SUCCESS);
    atomic_fetch_add(&req->conn->svc->bad_calls, 1);
    answer_accepted(req->conn, req->xid, stat);
    request_end(req);
}

void
rpc_request_drop(struct rpc_request *req)
{
    OBJ_CHECK(req, RPC_REQUEST_MAGIC);
    request_end(req);
}

void
rpc_request_holds(struct rpc_request *req, size_t bytes)
{
    OBJ_CHECK(req, RPC_REQUEST_MAGIC);
    must(!req->parked);
    req->held_bytes += bytes;
    atomic_fetch_add(&req->conn->active_held, bytes);
}

void
rpc_request_park(struct rpc_request *req)
{
    OBJ_CHECK(req, RPC_REQUEST_MAGIC);
    if (req->parked)
        return;
    req->parked = true;
    atomic_fetch_add(&req->conn->parked_held, req->held_bytes);
    atomic_fetch_sub(&req->conn->active_held, req->held_bytes);
    outstanding_sub(req->conn);
    conn_relieved(req->conn);
}

int
rpc_conn_notify(struct rpc_conn *conn, uint32_t program, uint32_t version,
                uint32_t proc, struct iobuf *body, size_t body_bytes)
{
    uint32_t xid;

    must(body_bytes >= RPC_CALL_HEAD_BYTES &&
         body_bytes - RECORD_MARK_BYTES <= RPC_RECORD_BYTES_MAX);
    /* A peer that does not read is owed its replies, not news. */
    if (atomic_load(&conn->tx_held) > RPC_TX_BYTES_HIGH) {
        iobuf_put(body);
        return -ENOMEM;
    }
    mutex_lock(&conn->tx_mtx);
    xid = ++conn->notify_xid;
    mutex_unlock(&conn->tx_mtx);
    record_mark_encode(body->data, (uint32_t)(body_bytes - RECORD_MARK_BYTES));
    (void)message_encode_call(body->data + RECORD_MARK_BYTES, xid, program,
                              version, proc);
    return conn_send(conn, body, body_bytes, NULL, 0);
}
