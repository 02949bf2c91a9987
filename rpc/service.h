/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A service: programs, event threads, listeners and connections.
 */
#ifndef CLINKER_RPC_SERVICE_H
#define CLINKER_RPC_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "rpc/program.h"

struct rpc_service;
struct rpc_listener;
struct rpc_conn;

enum {
    RPC_PROGRAMS_MAX = 8,
    RPC_ADDRESS_BYTES = 128,
    RPC_EVENT_THREADS_MAX = 1024,
    RPC_RECORD_BYTES_UNTRUSTED = 1 << 20,
    /* Memory of replies that a peer leaves unread: reading stops above the
     * first, the connection is closed above the second. */
    RPC_TX_BYTES_HIGH = 16 << 20,
    RPC_TX_BYTES_MAX = 256 << 20,
};

/* What a connection did that somebody should hear of; log lines are the
 * service's user's business. */
enum rpc_event {
    RPC_CONN_BAD_RECORD,    /* not RPC, or over a bound: closed */
    RPC_CONN_BAD_CALL,      /* its header does not decode: answered */
    RPC_CONN_BAD_CRED,      /* credential refused, answered AUTH_ERROR */
    RPC_CONN_INSECURE_PORT, /* refused by allow_insecure */
    RPC_CONN_UNKNOWN_PROC,  /* answered with the protocol's error */
    RPC_CONN_REFUSED,       /* over the connection limit */
    RPC_CONN_STUCK,         /* peer does not read its replies: not read from */
    RPC_ACCEPT_FAILED,      /* accept(2) failed; error says why */
};

struct rpc_service_ops {
    void *arg;
    /* A pool of objects whose first member is struct rpc_request; get and put
     * are rpc's.  request_init runs after get, once rpc's part is filled;
     * request_fini before put, when the reply has been handed over: it must
     * release what the service hung onto the request. */
    struct mem_pool *request_pool;
    void (*request_init)(void *arg, struct rpc_request *req);
    void (*request_fini)(void *arg, struct rpc_request *req);
    /* On the event thread: a connection is there, or has ended.  After
     * conn_closed no handler runs for it; requests in flight may still
     * complete.  Either may be NULL. */
    void (*conn_opened)(void *arg, struct rpc_conn *conn);
    void (*conn_closed)(void *arg, struct rpc_conn *conn);
    /* May be called often by a hostile peer: rate-limit what you log. */
    void (*event)(void *arg, enum rpc_event event, const char *peer,
                  const char *detail, int error);
    void (*thread_start)(void *arg); /* event thread: RCU registration … */
    void (*thread_stop)(void *arg);
};

struct rpc_service_params {
    uint32_t event_threads;     /* 1..1024 */
    uint32_t outstanding_limit; /* requests per connection, 0: no limit */
    uint32_t conns_max;         /* 0: no limit but descriptors */
    bool allow_insecure;        /* peers from ports >= 1024 */
};

/* NULL and errno on failure. */
struct rpc_service *rpc_service_new(const struct rpc_service_params *params,
                                    const struct rpc_service_ops *ops);
/* Give libevent our allocator and its thread support.  rpc_service_new() does
 * so; a program that uses libevent earlier calls this first.  Any number of
 * times. */
void rpc_libevent_init(void);
/* Programs are added before the first listener. 0 or -ENOSPC. */
int rpc_service_add_program(struct rpc_service *svc,
                            const struct rpc_program *program);
/* For DUMP: programs in the order added; NULL past the end. */
const struct rpc_program *rpc_service_program(const struct rpc_service *svc,
                                              unsigned index);
/* Takes effect at once, but for event threads that are no longer wanted: they
 * keep the connections they have.  0, or a negative errno when fewer threads
 * than asked for could be started.  Not from an event thread. */
int rpc_service_reconfigure(struct rpc_service *svc,
                            const struct rpc_service_params *params);
/* What one connection may hold (requests in flight, with what they are said to
 * hold, and unread replies) before it is no longer read from; and all that have
 * requests in work together, in equal shares.  0: no bound.  A lone request is
 * never held up by it, nor are those that are parked counted, so that whoever
 * is not read from has something in work whose end lets it go on.  Takes effect
 * at once. */
void rpc_service_bound_bytes(struct rpc_service *svc, uint64_t each_bytes,
                             uint64_t all_bytes);
/* Have all event threads look whether mem_thread_flush_ask() has asked for what
 * they keep. */
void rpc_service_flush(struct rpc_service *svc);
/* Stops listening and reading, closes connections once their requests have
 * been answered (parked ones apart: nobody is left to bring about what they
 * wait for) or timeout_ms has passed.  Not from an event thread. */
void rpc_service_stop(struct rpc_service *svc, uint32_t timeout_ms);
/* Stops what still runs, waits until every request and every reference to a
 * connection has been given back, and joins the threads. */
void rpc_service_destroy(struct rpc_service **svcp);

struct rpc_service_stats {
    uint64_t accepted;      /* connections ever taken */
    uint64_t refused;       /* over conns_max, or no memory for them */
    uint64_t accept_errors; /* accept(2) failed */
    uint64_t bytes_read, bytes_written;
    uint64_t calls, replies;
    uint64_t bad_records; /* closed a connection */
    uint64_t bad_calls;   /* answered with an error of RPC's */
    /* Records with a payload of their own: how many, how many of them without
     * a byte copied, and how many bytes were copied for the others. */
    uint64_t bulk_records, bulk_in_place, bulk_moved_bytes;
    uint64_t held_bytes;     /* by open connections, as rpc_conn_stats */
    uint64_t conn_bytes_max; /* in force; 0: none */
    uint32_t conns;   /* open now */
    uint32_t threads; /* event threads running now */
};
void rpc_service_read(struct rpc_service *svc, struct rpc_service_stats *out);

struct rpc_listen_params {
    int family;           /* AF_INET, AF_INET6 (v4 too), AF_UNIX */
    const char *bind;     /* address or host name of that family, NULL: any;
                             path for AF_UNIX */
    uint16_t port;        /* 0: any free one */
    int backlog;
    bool nodelay;
    bool keepalive;
    int keepalive_idle_secs, keepalive_interval_secs, keepalive_count;
    int user_timeout_secs; /* TCP_USER_TIMEOUT, 0: leave */
    int window_bytes;      /* SO_SNDBUF and SO_RCVBUF, 0: leave */
    mode_t unix_mode;      /* of the socket file */
    bool paused;           /* take the address, and connections only after
                              rpc_listener_resume(); till then they wait */
};

/* 0 or -errno (-EADDRINUSE for a port or a live unix socket; -EAFNOSUPPORT for
 * an address of another family, -EADDRNOTAVAIL for a name that is not known).
 * May ask a name server. */
int rpc_listen(struct rpc_service *svc, const struct rpc_listen_params *params,
               struct rpc_listener **out);
/* 0, -ESHUTDOWN, -ENOMEM. */
int rpc_listener_resume(struct rpc_listener *l);
uint16_t rpc_listener_port(const struct rpc_listener *l);

/* --- connections --- */
struct rpc_conn *rpc_conn_get(struct rpc_conn *conn);
void rpc_conn_put(struct rpc_conn *conn);
/* From any thread; conn_closed follows on the event thread. */
void rpc_conn_close(struct rpc_conn *conn);
bool rpc_conn_is_closed(const struct rpc_conn *conn);
/* "127.0.0.1:49151", "[::1]:80", or the path of a unix socket. */
const char *rpc_conn_peer(const struct rpc_conn *conn);
const char *rpc_conn_local(const struct rpc_conn *conn);
const struct sockaddr_storage *rpc_conn_peer_addr(const struct rpc_conn *conn);
bool rpc_conn_is_privileged_port(const struct rpc_conn *conn); /* unix: true */
/* The service's user may hang one pointer on a connection.  On any thread:
 * what was written before it was set is seen by who reads it. */
void rpc_conn_set_user(struct rpc_conn *conn, void *user);
void *rpc_conn_user(const struct rpc_conn *conn);
struct rpc_service *rpc_conn_service(const struct rpc_conn *conn);
/* The peer has made itself known: from now on its records may be as large as
 * the protocol allows, and not only RPC_RECORD_BYTES_UNTRUSTED.  From any
 * thread. */
void rpc_conn_set_trusted(struct rpc_conn *conn);

struct rpc_conn_stats {
    uint64_t bytes_read, bytes_written;
    uint64_t calls, replies;
    uint32_t outstanding;
    uint64_t tx_queued_bytes; /* replies the peer has not taken */
    /* Memory of what is being received, of its requests until they are
     * answered, and of replies that it has not taken. */
    uint64_t held_bytes;
    bool reading; /* false: back-pressure */
};
void rpc_conn_read(const struct rpc_conn *conn, struct rpc_conn_stats *out);
/* Calls fn with a reference held for the time of the call, for each open
 * connection; fn must not block. */
void rpc_service_each_conn(struct rpc_service *svc,
                           void (*fn)(void *arg, struct rpc_conn *conn),
                           void *arg);

/* Send a one-way call to the peer (callback program; never answered).  `body`
 * holds the arguments after RPC_CALL_HEAD_BYTES; the reference is taken over.
 * 0, -ENOTCONN, -ENOMEM. */
int rpc_conn_notify(struct rpc_conn *conn, uint32_t program, uint32_t version,
                    uint32_t proc, struct iobuf *body, size_t body_bytes);

#endif
