/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a service, shared by service.c, listener.c, thread.c and the
 * files of a connection.  Private to rpc/. */
#ifndef CLINKER_RPC_SERVICE_IMPL_H
#define CLINKER_RPC_SERVICE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <urcu/list.h>

#include "mem/mutex.h"
#include "rpc/conn.h"
#include "rpc/service.h"

enum {
    RPC_SERVICE_MAGIC = 0x72737663,
    RPC_LISTENER_MAGIC = 0x726c7374,
    RPC_TX_ITEM_BYTES = 64, /* of a queued reply, in tx_pool */
};

struct rpc_thread {
    struct rpc_service *svc;
    unsigned index;
    pthread_t tid;
    struct event_base *base;
    struct event *wake;   /* activated to have the thread look at `leave` */
    uint32_t conns_count; /* [svc->mtx] */
    bool running;         /* [svc->mtx] false: may be joined */
    bool leave;           /* [svc->mtx] end when there is nothing left */
};

struct rpc_service {
    unsigned magic;
    struct rpc_service_ops ops;
    struct rpc_program programs[RPC_PROGRAMS_MAX];
    uint32_t programs_count;
    struct mem_pool *tx_pool;

    _Atomic(uint32_t) outstanding_limit;
    _Atomic(uint32_t) conns_max;
    _Atomic(bool) allow_insecure;
    _Atomic(uint64_t) each_bytes_max, all_bytes_max; /* 0: no limit */
    _Atomic(uint64_t) accepted, refused, accept_errors;
    _Atomic(uint64_t) bad_records, bad_calls;
    _Atomic(uint32_t) busy_conns; /* with outstanding requests */

    struct mutex resize_mtx; /* one at a time starts and joins threads */
    struct mutex mtx;        /* guards the rest */
    struct cond changed;     /* a connection or thread has gone */
    bool stopping;
    uint32_t threads_wanted; /* threads with an index below take connections */
    struct rpc_thread *threads[RPC_EVENT_THREADS_MAX];
    struct cds_list_head listeners;
    struct cds_list_head conns; /* open, oldest first */
    uint32_t conns_count;       /* on that list */
    uint32_t conns_alive;       /* objects, also those only referenced */
    uint64_t conn_id_last;
    struct rpc_service_stats past; /* counters of connections that ended */
};

/* --- thread.c --- */
/* Make threads 0..n-1 run and let the others end.  resize_mtx held.
 * 0 or a negative errno (those that run stay). */
int threads_resize_locked(struct rpc_service *svc, uint32_t n);
/* All have been told to leave; join them.  resize_mtx held. */
void threads_join_locked(struct rpc_service *svc);
/* The thread with the fewest connections; mtx held. */
struct rpc_thread *threads_pick_locked(struct rpc_service *svc);

/* --- listener.c --- */
void listeners_close(struct rpc_service *svc);

/* --- service.c --- */
/* Put a new connection on a thread.  0; -ESHUTDOWN or -EUSERS (over the
 * limit): the caller keeps it. */
int service_adopt(struct rpc_service *svc, struct rpc_conn *conn);
/* Event thread: it is no longer open. */
void service_forget(struct rpc_service *svc, struct rpc_conn *conn);
/* What one may hold now; 0: no limit. */
uint64_t service_conn_bytes_max(const struct rpc_service *svc);
/* Its memory is about to go. */
void service_conn_freed(struct rpc_service *svc);

#endif
