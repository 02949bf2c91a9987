/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One peer on an event loop.  Private to rpc/.
 *
 *   conn.c      birth, events, pauses, end
 *   receive.c   bytes to records
 *   transmit.c  replies to bytes
 *   dispatch.c  records to requests, requests to replies
 *
 * Phases: new (accepted, its event thread does not know it yet) -> open ->
 * shut (descriptor closed, conn_closed told) -> freed with the last reference.
 * The event thread alone moves a connection on; other threads set a wish
 * (close_wanted) and kick.
 */
#ifndef CLINKER_RPC_CONN_H
#define CLINKER_RPC_CONN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <urcu/list.h>

#include "mem/iobuf.h"
#include "mem/mutex.h"
#include "rpc/record.h"
#include "rpc/service.h"

struct rpc_thread;

enum { RPC_CONN_MAGIC = 0x72636f6e };

/* What was received and not dispatched yet.  The event thread's alone.
 *
 * buf holds bytes start..end.  With bulk open, the head of a record is at
 * start, bulk_head bytes long, and its payload goes to bulk; bytes behind the
 * head in buf belong to the next record and are there only once the payload
 * is complete.  With frag.open, bytes at start go on with that record. */
struct conn_rx {
    struct iobuf *buf; /* NULL: nothing buffered */
    size_t start, end;
    size_t want_bytes; /* how large the next buffer shall be */
    bool bulk_open;
    struct iobuf *bulk;
    size_t bulk_head; /* from the mark to the payload */
    size_t bulk_have, bulk_need;
    bool bulk_copied; /* some of its bytes were moved */
    /* The guess for the next record: as the last one with a payload.  0: do
     * not guess. */
    size_t guess_head, guess_payload;
    unsigned guess_misses; /* records since, that had none */
    struct record_asm frag;
};

struct conn_counters { /* written by one thread or under tx_mtx, read by any */
    _Atomic(uint64_t) bytes_read, bytes_written, calls, replies;
    _Atomic(uint64_t) bulk_records, bulk_in_place, bulk_moved_bytes;
};

struct rpc_conn {
    unsigned magic;
    _Atomic(uint32_t) ref;
    struct rpc_service *svc;
    struct rpc_thread *thread;
    uint64_t id;               /* ascending along svc->conns */
    struct cds_list_head node; /* [svc->mtx] on svc->conns */
    bool listed;               /* [svc->mtx] */

    struct sockaddr_storage peer_addr;
    bool privileged_port;
    char peer[RPC_ADDRESS_BYTES];
    char local[RPC_ADDRESS_BYTES];
    _Atomic(void *) user;

    /* Event thread. */
    struct event read_ev;  /* pending <=> open, not paused, not stopping */
    struct event look_ev;  /* a timer, pending while we do not read */
    struct event kick_ev;  /* never pending, only activated */
    bool opened, shut, stopping, stuck_told;
    uint64_t starved_ns; /* since then it could not be read for lack of memory;
                            0: it could */
    struct conn_rx rx;

    /* Wishes and counts, any thread. */
    _Atomic(bool) close_wanted;
    _Atomic(bool) stop_wanted;
    _Atomic(bool) kick_pending;
    _Atomic(bool) paused;
    _Atomic(bool) trusted;
    _Atomic(bool) closed;          /* set under tx_mtx */
    _Atomic(uint32_t) outstanding; /* requests neither answered nor parked */
    _Atomic(uint64_t) active_held; /* memory of those */
    _Atomic(uint64_t) parked_held; /* of those that are parked */
    _Atomic(uint64_t) rx_held;     /* of what is being received */
    _Atomic(uint64_t) tx_bytes;    /* queued; changed under tx_mtx */
    _Atomic(uint64_t) tx_held;     /* memory of the queue; likewise */
    struct conn_counters count;

    struct mutex tx_mtx; /* guards what follows, and writes to fd */
    int fd;              /* -1 once closed */
    bool tx_broken;      /* a write failed: nothing more goes out */
    uint32_t notify_xid;
    struct cds_list_head tx_queue;
    struct event write_ev; /* pending <=> tx_queue is not empty */
};

/* --- conn.c --- */
/* Takes over the reference that the open connection holds on itself.  fd stays
 * the caller's on failure.  NULL and errno. */
struct rpc_conn *conn_new(struct rpc_service *svc, int fd,
                          const struct sockaddr_storage *peer_addr,
                          socklen_t peer_bytes,
                          const struct sockaddr_storage *local_addr,
                          socklen_t local_bytes);
/* Bind to a thread, before anything can be told or asked of it. */
void conn_assign(struct rpc_conn *conn, struct rpc_thread *thread);
/* Drop a connection that was never assigned; closes no descriptor. */
void conn_discard(struct rpc_conn *conn);
/* Have the event thread look at the wishes. */
void conn_kick(struct rpc_conn *conn);
void conn_kick_locked(struct rpc_conn *conn); /* tx_mtx held */
/* Event thread: is there enough outstanding to stop reading?  Stops it. */
bool conn_pause_if_full(struct rpc_conn *conn);
/* After something was answered or sent: wake the event thread if it waits for
 * that. */
void conn_relieved(struct rpc_conn *conn);
uint64_t conn_held_bytes(const struct rpc_conn *conn);
void conn_event(struct rpc_conn *conn, enum rpc_event event,
                const char *detail, int error);

/* --- receive.c --- */
/* A buffer for a payload: aligned however short it is. */
static inline struct iobuf *
conn_payload_new(size_t bytes)
{
    return iobuf_new(bytes > IOBUF_ALIGN ? bytes : IOBUF_ALIGN);
}

/* Read once or a few times and dispatch.  0, -EAGAIN: no memory to go on, and
 * nothing is lost; or another negative errno: end the connection (-ENOTCONN: in
 * peace; the others are a bad record's). */
int conn_receive(struct rpc_conn *conn);
/* Dispatch what is buffered; as conn_receive(). */
int conn_receive_buffered(struct rpc_conn *conn);
void conn_receive_drop(struct rpc_conn *conn);

/* --- transmit.c --- */
/* Both references are taken over.  0, or -ENOTCONN or -ENOMEM: nothing will
 * be sent, and the connection ends. */
int conn_send(struct rpc_conn *conn, struct iobuf *head, size_t head_bytes,
              struct iobuf *payload, size_t payload_bytes);
/* Event thread: the socket takes more. */
void conn_flush(struct rpc_conn *conn);
void conn_queue_drop_locked(struct rpc_conn *conn);

/* --- dispatch.c --- */
/* A record without its mark, which lies in rx (the caller keeps its reference)
 * and whose payload, if it was received apart, is in payload (the reference is
 * taken over) and *payload_bytes long.  Without payload, *payload_bytes tells
 * afterwards how many bytes at the end of the record were one.  0, or -EPROTO:
 * not RPC, or -ENOMEM. */
int dispatch_record(struct rpc_conn *conn, struct iobuf *rx,
                    const uint8_t *record, size_t bytes,
                    struct iobuf *payload, size_t *payload_bytes);
/* The procedure that a program of the service has under these numbers, or
 * NULL; *stat says why not. */
const struct rpc_proc *dispatch_find(const struct rpc_service *svc,
                                     uint32_t program, uint32_t version,
                                     uint32_t procedure,
                                     const struct rpc_program **found,
                                     enum rpc_accept *stat);

#endif
