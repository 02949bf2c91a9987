/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending.  Whoever has a reply writes it, straight from its own thread; only
 * when the socket is full, or others already wait, does it join the queue that
 * the event thread drains.  A reply is never torn: what one sendmsg() left
 * over stands at the head of the queue before anybody else may write.
 */
#include "rpc/conn.h"

#include <errno.h>
#include <sys/uio.h>

#include "mem/limit.h"
#include "mem/must.h"
#include "mem/pool.h"
#include "mem/scope.h"
#include "rpc/service_impl.h"

enum { FLUSH_PARTS = 64 };

struct tx_item {
    struct cds_list_head node;
    struct iobuf *head, *payload; /* payload may be NULL */
    size_t head_bytes, payload_bytes;
    size_t sent;
};

_Static_assert(sizeof(struct tx_item) <= RPC_TX_ITEM_BYTES, "pool object");

/* The memory that an item keeps: of small replies, far more than is sent. */
static size_t
item_held(const struct tx_item *it)
{
    return RPC_TX_ITEM_BYTES + it->head->capacity +
           (it->payload == NULL ? 0 : it->payload->capacity);
}

static void
put_both(struct iobuf *head, struct iobuf *payload)
{
    iobuf_put(head);
    iobuf_put(payload);
}

/* What of an item is still to be sent; returns the parts used. */
static int
fill_iov(struct iovec *iov, const struct tx_item *it)
{
    size_t skip = it->sent;
    int n = 0;

    if (skip < it->head_bytes)
        iov[n++] = (struct iovec){.iov_base = it->head->data + skip,
                                  .iov_len = it->head_bytes - skip};
    skip = skip > it->head_bytes ? skip - it->head_bytes : 0;
    if (skip < it->payload_bytes)
        iov[n++] = (struct iovec){.iov_base = it->payload->data + skip,
                                  .iov_len = it->payload_bytes - skip};
    return n;
}

/* Bytes taken by the socket, 0 when it is full, or -errno. */
static ssize_t
send_parts(struct rpc_conn *conn, struct iovec *iov, int parts)
{
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)parts};
    ssize_t n;

    do {
        n = sendmsg(conn->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
    atomic_fetch_add_explicit(&conn->count.bytes_written, (uint64_t)n,
                              memory_order_relaxed);
    return n;
}

static void
break_locked(struct rpc_conn *conn)
{
    conn->tx_broken = true;
    atomic_store(&conn->close_wanted, true);
    conn_kick_locked(conn);
}

static int
queue_locked(struct rpc_conn *conn, const struct tx_item *rest)
{
    size_t bytes = rest->head_bytes + rest->payload_bytes - rest->sent;
    size_t held = item_held(rest);
    enum mem_importance was;
    struct tx_item *it;

    /* The hard bound, for a peer that had more asked for than it reads. */
    if (atomic_load(&conn->tx_held) + held > RPC_TX_BYTES_MAX)
        return -ENOBUFS;
    was = mem_set_importance(MEM_FOR_SERVER);
    it = mem_pool_get(conn->svc->tx_pool);
    (void)mem_set_importance(was);
    if (it == NULL)
        return -ENOMEM;
    *it = *rest;
    if (cds_list_empty(&conn->tx_queue) &&
        event_add(&conn->write_ev, NULL) != 0) {
        mem_pool_put(conn->svc->tx_pool, it);
        return -ENOMEM;
    }
    cds_list_add_tail(&it->node, &conn->tx_queue);
    atomic_fetch_add(&conn->tx_bytes, bytes);
    atomic_fetch_add(&conn->tx_held, held);
    return 0;
}

int
conn_send(struct rpc_conn *conn, struct iobuf *head, size_t head_bytes,
          struct iobuf *payload, size_t payload_bytes)
{
    struct tx_item it = {.head = head,
                         .head_bytes = head_bytes,
                         .payload = payload,
                         .payload_bytes = payload_bytes};
    int err = 0;

    must(head_bytes <= head->capacity);
    must(payload_bytes == 0 || payload_bytes <= payload->capacity);
    mutex_lock(&conn->tx_mtx);
    if (conn->fd < 0 || conn->tx_broken) {
        err = -ENOTCONN;
    } else if (cds_list_empty(&conn->tx_queue)) {
        struct iovec iov[2];
        ssize_t n = send_parts(conn, iov, fill_iov(iov, &it));

        if (n < 0)
            err = -ENOTCONN;
        else
            it.sent = (size_t)n;
    }
    if (err == 0 && it.sent < head_bytes + payload_bytes) {
        err = queue_locked(conn, &it);
        if (err == 0)
            it.head = it.payload = NULL; /* the queue's now */
    }
    if (err != 0 && conn->fd >= 0 && !conn->tx_broken)
        break_locked(conn);
    mutex_unlock(&conn->tx_mtx);
    put_both(it.head, it.payload);
    return err;
}

static void
item_done_locked(struct rpc_conn *conn, struct tx_item *it)
{
    cds_list_del(&it->node);
    atomic_fetch_sub(&conn->tx_held, item_held(it));
    put_both(it->head, it->payload);
    mem_pool_put(conn->svc->tx_pool, it);
}

/* Strike `n` sent bytes from the front of the queue. */
static void
advance_locked(struct rpc_conn *conn, size_t n)
{
    atomic_fetch_sub(&conn->tx_bytes, n);
    while (n > 0) {
        struct tx_item *it =
            cds_list_first_entry(&conn->tx_queue, struct tx_item, node);
        size_t left = it->head_bytes + it->payload_bytes - it->sent;

        if (n < left) {
            it->sent += n;
            return;
        }
        n -= left;
        item_done_locked(conn, it);
    }
}

void
conn_flush(struct rpc_conn *conn)
{
    MUTEX_SCOPE(&conn->tx_mtx);

    while (conn->fd >= 0 && !conn->tx_broken &&
           !cds_list_empty(&conn->tx_queue)) {
        struct iovec iov[FLUSH_PARTS];
        size_t bytes = 0;
        struct tx_item *it;
        ssize_t n;
        int parts = 0;

        cds_list_for_each_entry(it, &conn->tx_queue, node) {
            if (parts + 2 > FLUSH_PARTS)
                break;
            parts += fill_iov(iov + parts, it);
            bytes += it->head_bytes + it->payload_bytes - it->sent;
        }
        n = send_parts(conn, iov, parts);
        if (n < 0) {
            break_locked(conn);
            break;
        }
        advance_locked(conn, (size_t)n);
        if ((size_t)n < bytes)
            break;
    }
    if (conn->tx_broken || cds_list_empty(&conn->tx_queue))
        must(event_del(&conn->write_ev) == 0);
}

void
conn_queue_drop_locked(struct rpc_conn *conn)
{
    struct tx_item *it, *next;

    mutex_assert_held(&conn->tx_mtx);
    cds_list_for_each_entry_safe(it, next, &conn->tx_queue, node)
        item_done_locked(conn, it);
    atomic_store(&conn->tx_bytes, 0);
}
