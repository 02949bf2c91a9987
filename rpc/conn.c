/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection's events and its end.  The event thread is the only one to act;
 * any other sets a wish and kicks, and the kick is looked at here.
 *
 * Pausing: paused is set before the counts are looked at once more, and those
 * who lower a count look at paused afterwards; so one of the two sees the
 * other and no connection sleeps for ever.
 */
#include "rpc/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "rpc/ranks.h"
#include "rpc/service_impl.h"

MEM_TYPE(mt_conn, "rpc", "conn");

#define STARVED_NS_MAX (10 * CLOCK_NS_PER_SEC)
enum { PRIVILEGED_PORT_MAX = 1023, STARVED_RETRY_USEC = 20000 };

/* --- addresses --- */

/* An IPv4 peer of a dual-stack listener is an IPv4 peer, also in rules. */
static void
unmap_v4(struct sockaddr_storage *addr)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
    struct sockaddr_in in = {.sin_family = AF_INET};

    if (addr->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
        return;
    in.sin_port = in6->sin6_port;
    memcpy(&in.sin_addr, &in6->sin6_addr.s6_addr[12], sizeof(in.sin_addr));
    memset(addr, 0, sizeof(*addr));
    memcpy(addr, &in, sizeof(in));
}

static uint16_t
port_of(const struct sockaddr_storage *addr)
{
    if (addr->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)addr)->sin_port);
    if (addr->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)addr)->sin6_port);
    return 0;
}

static void
print_address(char *out, const struct sockaddr_storage *addr, socklen_t bytes)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)addr;
    char text[INET6_ADDRSTRLEN];

    if (addr->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

        must(inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)) != NULL);
        (void)snprintf(out, RPC_ADDRESS_BYTES, "%s:%u", text, port_of(addr));
    } else if (addr->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;

        must(inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text)) !=
             NULL);
        (void)snprintf(out, RPC_ADDRESS_BYTES, "[%s]:%u", text,
                       port_of(addr));
    } else if (bytes > offsetof(struct sockaddr_un, sun_path)) {
        (void)snprintf(out, RPC_ADDRESS_BYTES, "%.*s",
                       (int)(bytes - offsetof(struct sockaddr_un, sun_path)),
                       un->sun_path);
    }
}

/* --- birth and death --- */

struct rpc_conn *
conn_new(struct rpc_service *svc, int fd,
         const struct sockaddr_storage *peer_addr, socklen_t peer_bytes,
         const struct sockaddr_storage *local_addr, socklen_t local_bytes)
{
    struct rpc_conn *conn = mem_zalloc(&mt_conn, sizeof(*conn));
    struct sockaddr_storage local = *local_addr;
    uint16_t port;

    if (conn == NULL)
        return NULL;
    conn->magic = RPC_CONN_MAGIC;
    atomic_init(&conn->ref, 1);
    conn->svc = svc;
    conn->fd = fd;
    conn->peer_addr = *peer_addr;
    unmap_v4(&conn->peer_addr);
    unmap_v4(&local);
    print_address(conn->peer, &conn->peer_addr, peer_bytes);
    print_address(conn->local, &local, local_bytes);
    /* A client of a unix socket seldom has a name; the listener has. */
    if (conn->peer[0] == '\0')
        memcpy(conn->peer, conn->local, sizeof(conn->peer));
    port = port_of(&conn->peer_addr);
    conn->privileged_port = conn->peer_addr.ss_family == AF_UNIX ||
                            port <= PRIVILEGED_PORT_MAX;
    mutex_init(&conn->tx_mtx, "rpc.conn.tx", RPC_RANK_TX);
    CDS_INIT_LIST_HEAD(&conn->tx_queue);
    return conn;
}

static void
conn_free(struct rpc_conn *conn)
{
    must(conn->fd < 0 && conn->rx.buf == NULL);
    must(conn_held_bytes(conn) == 0);
    must(cds_list_empty(&conn->tx_queue));
    mutex_destroy(&conn->tx_mtx);
    conn->magic = 0;
    mem_free(conn);
}

void
conn_discard(struct rpc_conn *conn)
{
    must(conn->thread == NULL && atomic_load(&conn->ref) == 1);
    conn->fd = -1;
    conn_free(conn);
}

struct rpc_conn *
rpc_conn_get(struct rpc_conn *conn)
{
    OBJ_CHECK(conn, RPC_CONN_MAGIC);
    must(atomic_fetch_add_explicit(&conn->ref, 1, memory_order_relaxed) > 0);
    return conn;
}

void
rpc_conn_put(struct rpc_conn *conn)
{
    struct rpc_service *svc;
    uint32_t before;

    OBJ_CHECK(conn, RPC_CONN_MAGIC);
    before = atomic_fetch_sub_explicit(&conn->ref, 1, memory_order_acq_rel);
    must(before > 0);
    if (before > 1)
        return;
    svc = conn->svc;
    conn_free(conn);
    service_conn_freed(svc);
}

/* Event thread: the end, once. */
static void
conn_shut(struct rpc_conn *conn)
{
    const struct rpc_service_ops *ops = &conn->svc->ops;

    must(!conn->shut);
    conn->shut = true;
    must(event_del(&conn->read_ev) == 0);
    must(event_del(&conn->look_ev) == 0);
    mutex_lock(&conn->tx_mtx);
    atomic_store(&conn->closed, true); /* no kick follows from here on */
    must(event_del(&conn->write_ev) == 0);
    must(event_del(&conn->kick_ev) == 0);
    conn_queue_drop_locked(conn);
    (void)close(conn->fd); /* nothing buffered that an error could lose */
    conn->fd = -1;
    mutex_unlock(&conn->tx_mtx);
    conn_receive_drop(conn);
    if (conn->opened && ops->conn_closed != NULL)
        ops->conn_closed(ops->arg, conn);
    service_forget(conn->svc, conn);
    rpc_conn_put(conn);
}

/* --- back-pressure --- */

/* What is being received counts, but is no reason by itself: there would be
 * nothing whose end lets it go on. */
static bool
over_bytes(const struct rpc_conn *conn, uint32_t share)
{
    uint64_t max = service_conn_bytes_max(conn->svc);
    uint64_t work;

    if (max == 0)
        return false;
    work = atomic_load(&conn->active_held) + atomic_load(&conn->tx_held);
    return work > 0 && work + atomic_load(&conn->rx_held) > max / share;
}

/* share: 1 for the limits themselves, 2 for half of them. */
static bool
over(const struct rpc_conn *conn, uint32_t share)
{
    uint32_t limit = atomic_load_explicit(&conn->svc->outstanding_limit,
                                          memory_order_relaxed);

    if (atomic_load(&conn->tx_held) > RPC_TX_BYTES_HIGH / share ||
        over_bytes(conn, share))
        return true;
    return limit > 0 &&
           atomic_load(&conn->outstanding) >= (limit + share - 1) / share;
}

/* The end of a peer that we do not read from has to be looked for.  (libevent
 * reports a reset to readers and writers only, and would spin on a descriptor
 * that is watched for its end alone.) */
static void
watch_unread(struct rpc_conn *conn)
{
    static const struct timeval period = {.tv_usec = 500000};

    if (event_add(&conn->look_ev, &period) != 0)
        rpc_conn_close(conn);
}

/* There was no memory to read into: let others finish, and try again.  false:
 * that has been so for too long, and what it has sent so far may be what keeps
 * memory short. */
static bool
starve(struct rpc_conn *conn)
{
    static const struct timeval period = {.tv_usec = STARVED_RETRY_USEC};
    uint64_t now = clock_ns();

    if (conn->starved_ns == 0)
        conn->starved_ns = now;
    if (now - conn->starved_ns > STARVED_NS_MAX)
        return false;
    atomic_store(&conn->paused, true);
    must(event_del(&conn->read_ev) == 0);
    if (event_add(&conn->look_ev, &period) != 0)
        rpc_conn_close(conn);
    return true;
}

bool
conn_pause_if_full(struct rpc_conn *conn)
{
    if (!over(conn, 1))
        return false;
    atomic_store(&conn->paused, true);
    if (!over(conn, 2)) {
        atomic_store(&conn->paused, false);
        return false;
    }
    must(event_del(&conn->read_ev) == 0);
    watch_unread(conn);
    if (!conn->stuck_told &&
        atomic_load(&conn->tx_held) > RPC_TX_BYTES_HIGH) {
        conn->stuck_told = true;
        conn_event(conn, RPC_CONN_STUCK, "replies are not read", 0);
    }
    return true;
}

void
conn_relieved(struct rpc_conn *conn)
{
    if (atomic_load(&conn->stop_wanted) ||
        (atomic_load(&conn->paused) && !over(conn, 2)))
        conn_kick(conn);
}

/* --- the event thread --- */

/* Act on what receiving came to; false: the connection is no more. */
static bool
received(struct rpc_conn *conn, int err)
{
    if (err == -EAGAIN)
        err = starve(conn) ? 0 : -ENOMEM;
    if (err == 0 && !atomic_load(&conn->close_wanted))
        return true;
    if (err != 0 && err != -ENOTCONN) {
        atomic_fetch_add(&conn->svc->bad_records, 1);
        conn_event(conn, RPC_CONN_BAD_RECORD,
                   err == -EMSGSIZE ? "record over its bound"
                   : err == -ENOMEM ? "no memory for a record"
                                    : "not an RPC message",
                   -err);
    }
    conn_shut(conn);
    return false;
}

static void
resume(struct rpc_conn *conn)
{
    atomic_store(&conn->paused, false);
    must(event_del(&conn->look_ev) == 0);
    if (atomic_load(&conn->tx_bytes) == 0)
        conn->stuck_told = false;
    if (!received(conn, conn_receive_buffered(conn)))
        return;
    if (!atomic_load(&conn->paused) && event_add(&conn->read_ev, NULL) != 0)
        conn_shut(conn);
}

/* Everything that other threads may have wished for, and what they made
 * possible. */
static void
look_around(struct rpc_conn *conn)
{
    if (atomic_load(&conn->stop_wanted) && !conn->stopping) {
        conn->stopping = true;
        must(event_del(&conn->read_ev) == 0);
        watch_unread(conn);
    }
    if (atomic_load(&conn->close_wanted) ||
        (conn->stopping && atomic_load(&conn->outstanding) == 0 &&
         atomic_load(&conn->tx_bytes) == 0)) {
        conn_shut(conn);
        return;
    }
    if (!conn->stopping && atomic_load(&conn->paused) && !over(conn, 2))
        resume(conn);
}

static void
open_now(struct rpc_conn *conn)
{
    const struct rpc_service_ops *ops = &conn->svc->ops;

    conn->opened = true;
    if (ops->conn_opened != NULL)
        ops->conn_opened(ops->arg, conn);
    if (event_add(&conn->read_ev, NULL) != 0)
        rpc_conn_close(conn);
}

static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
    struct rpc_conn *conn = arg;

    OBJ_CHECK(conn, RPC_CONN_MAGIC);
    atomic_store(&conn->kick_pending, false);
    if (!conn->opened && !atomic_load(&conn->stop_wanted))
        open_now(conn);
    look_around(conn);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct rpc_conn *conn = arg;
    int err;

    OBJ_CHECK(conn, RPC_CONN_MAGIC);
    err = conn_receive(conn);
    if (err == 0)
        conn->starved_ns = 0;
    (void)received(conn, err);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct rpc_conn *conn = arg;

    OBJ_CHECK(conn, RPC_CONN_MAGIC);
    conn_flush(conn);
    look_around(conn);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
    struct rpc_conn *conn = arg;
    struct pollfd pfd = {.fd = conn->fd, .events = POLLRDHUP};

    OBJ_CHECK(conn, RPC_CONN_MAGIC);
    if (poll(&pfd, 1, 0) > 0)
        conn_shut(conn);
    else
        look_around(conn);
}

void
conn_assign(struct rpc_conn *conn, struct rpc_thread *thread)
{
    struct event_base *base = thread->base;

    conn->thread = thread;
    must(event_assign(&conn->read_ev, base, conn->fd, EV_READ | EV_PERSIST,
                      on_readable, conn) == 0);
    must(event_assign(&conn->write_ev, base, conn->fd, EV_WRITE | EV_PERSIST,
                      on_writable, conn) == 0);
    must(event_assign(&conn->look_ev, base, -1, EV_PERSIST, on_look, conn) ==
         0);
    must(event_assign(&conn->kick_ev, base, -1, EV_PERSIST, on_kick, conn) ==
         0);
}

void
conn_kick_locked(struct rpc_conn *conn)
{
    if (!atomic_load(&conn->closed) &&
        !atomic_exchange(&conn->kick_pending, true))
        event_active(&conn->kick_ev, EV_TIMEOUT, 0);
}

void
conn_kick(struct rpc_conn *conn)
{
    if (atomic_load(&conn->kick_pending))
        return; /* it will look at everything */
    MUTEX_SCOPE(&conn->tx_mtx);
    conn_kick_locked(conn);
}

void
conn_event(struct rpc_conn *conn, enum rpc_event event, const char *detail,
           int error)
{
    const struct rpc_service_ops *ops = &conn->svc->ops;

    if (ops->event != NULL)
        ops->event(ops->arg, event, conn->peer, detail, error);
}

/* --- service.h --- */

void
rpc_conn_close(struct rpc_conn *conn)
{
    OBJ_CHECK(conn, RPC_CONN_MAGIC);
    atomic_store(&conn->close_wanted, true);
    conn_kick(conn);
}

bool
rpc_conn_is_closed(const struct rpc_conn *conn)
{
    return atomic_load(&conn->closed);
}

const char *
rpc_conn_peer(const struct rpc_conn *conn)
{
    return conn->peer;
}

const char *
rpc_conn_local(const struct rpc_conn *conn)
{
    return conn->local;
}

const struct sockaddr_storage *
rpc_conn_peer_addr(const struct rpc_conn *conn)
{
    return &conn->peer_addr;
}

bool
rpc_conn_is_privileged_port(const struct rpc_conn *conn)
{
    return conn->privileged_port;
}

void
rpc_conn_set_user(struct rpc_conn *conn, void *user)
{
    atomic_store(&conn->user, user);
}

void *
rpc_conn_user(const struct rpc_conn *conn)
{
    return atomic_load(&conn->user);
}

struct rpc_service *
rpc_conn_service(const struct rpc_conn *conn)
{
    return conn->svc;
}

void
rpc_conn_set_trusted(struct rpc_conn *conn)
{
    atomic_store(&conn->trusted, true);
}

uint64_t
conn_held_bytes(const struct rpc_conn *conn)
{
    return atomic_load(&conn->rx_held) + atomic_load(&conn->active_held) +
           atomic_load(&conn->parked_held) + atomic_load(&conn->tx_held);
}

void
rpc_conn_read(const struct rpc_conn *conn, struct rpc_conn_stats *out)
{
    const struct conn_counters *c = &conn->count;

    out->bytes_read = atomic_load(&c->bytes_read);
    out->bytes_written = atomic_load(&c->bytes_written);
    out->calls = atomic_load(&c->calls);
    out->replies = atomic_load(&c->replies);
    out->outstanding = atomic_load(&conn->outstanding);
    out->tx_queued_bytes = atomic_load(&conn->tx_bytes);
    out->held_bytes = conn_held_bytes(conn);
    out->reading = !atomic_load(&conn->closed) &&
                   !atomic_load(&conn->stop_wanted) &&
                   !atomic_load(&conn->paused);
}
