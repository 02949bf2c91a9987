/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listening sockets.  They live on the first event thread; what they accept
 * goes to the thread with the fewest connections.  Options of the connections
 * are set on the listening socket, from which Linux lets them be inherited:
 * an option that cannot be had is so found out when the daemon starts.
 *
 * When accept() finds no descriptor left, the listener rests for a moment: the
 * connection it could not take would make the socket readable for ever.
 */
#include "rpc/service.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "rpc/service_impl.h"

MEM_TYPE(mt_listener, "rpc", "listener");

enum { ACCEPTS_MAX = 64, REST_USEC = 100000 };

struct rpc_listener {
    unsigned magic;
    struct rpc_service *svc;
    struct cds_list_head node; /* [svc->mtx] */
    int fd;
    struct sockaddr_storage addr; /* bound to */
    socklen_t addr_bytes;
    dev_t unix_dev; /* of the socket file, so that we remove only ours */
    ino_t unix_ino;
    char name[RPC_ADDRESS_BYTES];
    struct event *readable;
    struct event *rested; /* timer */
    _Atomic(bool) closing;
};

/* --- making a socket --- */

static int
set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0
                                                                     : -errno;
}

static int
set_positive(int fd, int level, int option, int value)
{
    return value > 0 ? set_int(fd, level, option, value) : 0;
}

static int
set_keepalive(int fd, const struct rpc_listen_params *p)
{
    int err = set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);

    if (err == 0)
        err = set_positive(fd, IPPROTO_TCP, TCP_KEEPIDLE,
                           p->keepalive_idle_secs);
    if (err == 0)
        err = set_positive(fd, IPPROTO_TCP, TCP_KEEPINTVL,
                           p->keepalive_interval_secs);
    if (err == 0)
        err = set_positive(fd, IPPROTO_TCP, TCP_KEEPCNT, p->keepalive_count);
    return err;
}

static int
set_tcp(int fd, const struct rpc_listen_params *p)
{
    int err = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);

    if (err == 0 && p->family == AF_INET6)
        err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (err == 0 && p->nodelay)
        err = set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (err == 0 && p->keepalive)
        err = set_keepalive(fd, p);
    if (err == 0 && p->user_timeout_secs > INT32_MAX / 1000)
        err = -EINVAL;
    if (err == 0)
        err = set_positive(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                           p->user_timeout_secs * 1000);
    return err;
}

static int
set_window(int fd, const struct rpc_listen_params *p)
{
    int err = set_positive(fd, SOL_SOCKET, SO_SNDBUF, p->window_bytes);

    if (err == 0)
        err = set_positive(fd, SOL_SOCKET, SO_RCVBUF, p->window_bytes);
    return err;
}

/* What getaddrinfo() says, as an errno that says as much. */
static int
resolve_error(int err)
{
    switch (err) {
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_ADDRFAMILY: /* an address of the other family */
    case EAI_FAMILY:
        return -EAFNOSUPPORT;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_AGAIN:
        return -EADDRNOTAVAIL;
    default:
        return -EINVAL;
    }
}

static int
resolve(const struct rpc_listen_params *p, struct sockaddr_storage *addr,
        socklen_t *bytes)
{
    struct addrinfo hints = {.ai_family = p->family,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    char port[8];
    int err;

    (void)snprintf(port, sizeof(port), "%u", p->port);
    err = getaddrinfo(p->bind, port, &hints, &found);
    if (err != 0)
        return resolve_error(err);
    memcpy(addr, found->ai_addr, found->ai_addrlen);
    *bytes = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int
bind_tcp(struct rpc_listener *l, const struct rpc_listen_params *p)
{
    struct sockaddr_storage addr;
    socklen_t bytes;
    int err;

    err = resolve(p, &addr, &bytes);
    if (err == 0)
        err = set_tcp(l->fd, p);
    if (err == 0 && bind(l->fd, (struct sockaddr *)&addr, bytes) != 0)
        err = -errno;
    return err;
}

/* A socket file that nobody listens on is left over from a process that was
 * killed.  0: there is none any more; -EADDRINUSE: somebody listens; -ENOTSOCK:
 * something else has that name. */
static int
remove_stale(const struct sockaddr_un *un)
{
    struct stat st;
    AUTO_CLOSE int fd = -1;

    if (lstat(un->sun_path, &st) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -ENOTSOCK;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0)
        return -EADDRINUSE;
    if (errno != ECONNREFUSED)
        return errno == EAGAIN ? -EADDRINUSE : -errno;
    return unlink(un->sun_path) == 0 || errno == ENOENT ? 0 : -errno;
}

static int
bind_unix(struct rpc_listener *l, const struct rpc_listen_params *p)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct stat st;
    int err;

    if (p->bind == NULL || p->bind[0] == '\0')
        return -EINVAL;
    if (strlen(p->bind) >= sizeof(un.sun_path))
        return -ENAMETOOLONG;
    memcpy(un.sun_path, p->bind, strlen(p->bind) + 1);
    err = remove_stale(&un);
    if (err != 0)
        return err;
    if (bind(l->fd, (struct sockaddr *)&un, sizeof(un)) != 0)
        return -errno;
    /* Nobody can connect before listen(). */
    if (chmod(un.sun_path, p->unix_mode) != 0 || lstat(un.sun_path, &st) != 0)
        return -errno;
    l->unix_dev = st.st_dev;
    l->unix_ino = st.st_ino;
    return 0;
}

static int
open_socket(struct rpc_listener *l, const struct rpc_listen_params *p)
{
    int err;

    if (p->family != AF_INET && p->family != AF_INET6 && p->family != AF_UNIX)
        return -EAFNOSUPPORT;
    l->fd = socket(p->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return -errno;
    err = set_window(l->fd, p);
    if (err == 0)
        err = p->family == AF_UNIX ? bind_unix(l, p) : bind_tcp(l, p);
    if (err != 0)
        return err;
    if (listen(l->fd, p->backlog > 0 ? p->backlog : SOMAXCONN) != 0)
        return -errno;
    l->addr_bytes = sizeof(l->addr);
    if (getsockname(l->fd, (struct sockaddr *)&l->addr, &l->addr_bytes) != 0)
        return -errno;
    (void)snprintf(l->name, sizeof(l->name), "%s",
                   p->family == AF_UNIX ? p->bind : "listener");
    return 0;
}

/* --- accepting --- */

static void
tell(struct rpc_listener *l, enum rpc_event event, const char *peer, int error)
{
    const struct rpc_service_ops *ops = &l->svc->ops;

    if (ops->event != NULL)
        ops->event(ops->arg, event, peer, strerrorname_np(error), error);
}

/* Make a connection of an accepted socket, or close it. */
static void
take(struct rpc_listener *l, int fd, const struct sockaddr_storage *peer,
     socklen_t peer_bytes)
{
    struct sockaddr_storage local = l->addr;
    socklen_t local_bytes = sizeof(local);
    struct rpc_conn *conn;
    int err;

    /* On which of our addresses it came in. */
    if (getsockname(fd, (struct sockaddr *)&local, &local_bytes) != 0) {
        local = l->addr;
        local_bytes = l->addr_bytes;
    }
    conn = conn_new(l->svc, fd, peer, peer_bytes, &local, local_bytes);
    err = conn != NULL ? service_adopt(l->svc, conn) : -ENOMEM;
    if (err == 0) {
        atomic_fetch_add(&l->svc->accepted, 1);
        return;
    }
    if (err != -ESHUTDOWN) {
        atomic_fetch_add(&l->svc->refused, 1);
        tell(l, RPC_CONN_REFUSED, conn != NULL ? rpc_conn_peer(conn) : l->name,
             -err);
    }
    if (conn != NULL)
        conn_discard(conn);
    (void)close(fd); /* nothing was written to it */
}

static void
rest(struct rpc_listener *l, int error)
{
    static const struct timeval pause = {.tv_usec = REST_USEC};

    atomic_fetch_add(&l->svc->accept_errors, 1);
    tell(l, RPC_ACCEPT_FAILED, l->name, error);
    /* Without a timer it must go on trying. */
    if (!atomic_load(&l->closing) && event_add(l->rested, &pause) == 0)
        must(event_del(l->readable) == 0);
}

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    struct rpc_listener *l = arg;

    OBJ_CHECK(l, RPC_LISTENER_MAGIC);
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
        socklen_t bytes = sizeof(peer);
        int conn_fd = accept4(l->fd, (struct sockaddr *)&peer, &bytes,
                              SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (conn_fd >= 0) {
            take(l, conn_fd, &peer, bytes);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            rest(l, errno);
        return;
    }
}

static void
on_rested(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval pause = {.tv_usec = REST_USEC};
    struct rpc_listener *l = arg;

    OBJ_CHECK(l, RPC_LISTENER_MAGIC);
    if (!atomic_load(&l->closing) && event_add(l->readable, NULL) != 0)
        must(event_add(l->rested, &pause) == 0);
}

/* --- service.h --- */

/* The two events arm each other, perhaps at this moment: once both have been
 * waited for, neither does so again, and the first may have been armed by the
 * second in between. */
static void
events_end(struct rpc_listener *l)
{
    if (l->readable == NULL || l->rested == NULL)
        return;
    atomic_store(&l->closing, true);
    must(event_del(l->readable) == 0);
    must(event_del(l->rested) == 0);
    must(event_del(l->readable) == 0);
}

static void
listener_free(struct rpc_listener *l)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&l->addr;
    struct stat st;

    events_end(l);
    if (l->readable != NULL)
        event_free(l->readable);
    if (l->rested != NULL)
        event_free(l->rested);
    if (l->unix_ino != 0 && lstat(un->sun_path, &st) == 0 &&
        st.st_dev == l->unix_dev && st.st_ino == l->unix_ino)
        (void)unlink(un->sun_path); /* the next start finds it stale */
    if (l->fd >= 0)
        (void)close(l->fd);
    l->magic = 0;
    mem_free(l);
}

static int
start(struct rpc_listener *l, const struct rpc_listen_params *params)
{
    struct rpc_service *svc = l->svc;
    struct event_base *base = svc->threads[0]->base;
    int err = open_socket(l, params);

    if (err != 0)
        return err;
    l->readable = event_new(base, l->fd, EV_READ | EV_PERSIST, on_acceptable,
                            l);
    l->rested = event_new(base, -1, 0, on_rested, l);
    if (l->readable == NULL || l->rested == NULL)
        return -ENOMEM;
    MUTEX_SCOPE(&svc->mtx);
    if (svc->stopping)
        return -ESHUTDOWN;
    if (!params->paused && event_add(l->readable, NULL) != 0)
        return -ENOMEM;
    cds_list_add_tail(&l->node, &svc->listeners);
    return 0;
}

int
rpc_listen(struct rpc_service *svc, const struct rpc_listen_params *params,
           struct rpc_listener **out)
{
    struct rpc_listener *l = mem_zalloc(&mt_listener, sizeof(*l));
    int err;

    OBJ_CHECK(svc, RPC_SERVICE_MAGIC);
    if (l == NULL)
        return -ENOMEM;
    l->magic = RPC_LISTENER_MAGIC;
    l->svc = svc;
    l->fd = -1;
    err = start(l, params);
    if (err != 0) {
        listener_free(l);
        return err;
    }
    if (out != NULL)
        *out = l;
    return 0;
}

int
rpc_listener_resume(struct rpc_listener *l)
{
    OBJ_CHECK(l, RPC_LISTENER_MAGIC);
    MUTEX_SCOPE(&l->svc->mtx);
    if (l->svc->stopping)
        return -ESHUTDOWN;
    return event_add(l->readable, NULL) != 0 ? -ENOMEM : 0;
}

uint16_t
rpc_listener_port(const struct rpc_listener *l)
{
    OBJ_CHECK(l, RPC_LISTENER_MAGIC);
    if (l->addr.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&l->addr)->sin_port);
    if (l->addr.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&l->addr)->sin6_port);
    return 0;
}

void
listeners_close(struct rpc_service *svc)
{
    struct rpc_listener *l, *next;
    CDS_LIST_HEAD(gone);

    mutex_lock(&svc->mtx);
    cds_list_splice(&svc->listeners, &gone);
    CDS_INIT_LIST_HEAD(&svc->listeners);
    mutex_unlock(&svc->mtx);
    /* event_free() waits for a callback that is running, and that may want
     * the mutex. */
    cds_list_for_each_entry_safe(l, next, &gone, node) {
        cds_list_del(&l->node);
        listener_free(l);
    }
}
