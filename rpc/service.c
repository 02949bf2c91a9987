/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The service: what is shared by its event threads, and the order in which it
 * comes and goes.  Stopping: listeners first, so that nobody comes any more;
 * then every connection is told to end when it has answered; after the time
 * given, at once.  A connection's memory outlives it for as long as a request
 * refers to it, and the service outlives them all.
 */
#include "rpc/service.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/must.h"
#include "mem/pool.h"
#include "mem/scope.h"
#include "rpc/ranks.h"
#include "rpc/service_impl.h"

MEM_TYPE(mt_service, "rpc", "service");
MEM_TYPE(mt_tx, "rpc", "queued_reply");

static uint32_t
threads_bounded(uint32_t n)
{
    if (n == 0)
        return 1;
    return n < RPC_EVENT_THREADS_MAX ? n : RPC_EVENT_THREADS_MAX;
}

static void
set_params(struct rpc_service *svc, const struct rpc_service_params *params)
{
    atomic_store(&svc->outstanding_limit, params->outstanding_limit);
    atomic_store(&svc->conns_max, params->conns_max);
    atomic_store(&svc->allow_insecure, params->allow_insecure);
}

static void
service_free(struct rpc_service *svc)
{
    if (svc->tx_pool != NULL)
        mem_pool_destroy(&svc->tx_pool);
    cond_destroy(&svc->changed);
    mutex_destroy(&svc->mtx);
    mutex_destroy(&svc->resize_mtx);
    svc->magic = 0;
    mem_free(svc);
}

static int
threads_resize(struct rpc_service *svc, uint32_t n)
{
    MUTEX_SCOPE(&svc->resize_mtx);

    return threads_resize_locked(svc, n);
}

static void
threads_end(struct rpc_service *svc)
{
    MUTEX_SCOPE(&svc->resize_mtx);

    must(threads_resize_locked(svc, 0) == 0);
    threads_join_locked(svc);
}

struct rpc_service *
rpc_service_new(const struct rpc_service_params *params,
                const struct rpc_service_ops *ops)
{
    struct rpc_service *svc;
    int err;

    must(ops->request_pool != NULL);
    rpc_libevent_init();
    svc = mem_zalloc(&mt_service, sizeof(*svc));
    if (svc == NULL)
        return NULL;
    svc->magic = RPC_SERVICE_MAGIC;
    svc->ops = *ops;
    mutex_init(&svc->resize_mtx, "rpc.service.resize", RPC_RANK_RESIZE);
    mutex_init(&svc->mtx, "rpc.service", RPC_RANK_SERVICE);
    cond_init(&svc->changed);
    CDS_INIT_LIST_HEAD(&svc->listeners);
    CDS_INIT_LIST_HEAD(&svc->conns);
    set_params(svc, params);
    svc->tx_pool = mem_pool_new(&mt_tx, RPC_TX_ITEM_BYTES, NULL);
    if (svc->tx_pool == NULL) {
        service_free(svc);
        errno = ENOMEM;
        return NULL;
    }
    err = threads_resize(svc, threads_bounded(params->event_threads));
    if (err != 0) {
        threads_end(svc);
        service_free(svc);
        errno = -err;
        return NULL;
    }
    return svc;
}

int
rpc_service_add_program(struct rpc_service *svc,
                        const struct rpc_program *program)
{
    MUTEX_SCOPE(&svc->mtx);

    must(cds_list_empty(&svc->listeners));
    if (svc->programs_count == RPC_PROGRAMS_MAX)
        return -ENOSPC;
    svc->programs[svc->programs_count++] = *program;
    return 0;
}

const struct rpc_program *
rpc_service_program(const struct rpc_service *svc, unsigned index)
{
    return index < svc->programs_count ? &svc->programs[index] : NULL;
}

static void
look_at_limits(void *arg, struct rpc_conn *conn)
{
    conn_relieved(conn);
}

int
rpc_service_reconfigure(struct rpc_service *svc,
                        const struct rpc_service_params *params)
{
    OBJ_CHECK(svc, RPC_SERVICE_MAGIC);
    set_params(svc, params);
    /* A limit that was raised lets go on who was stopped at the old one. */
    rpc_service_each_conn(svc, look_at_limits, NULL);
    return threads_resize(svc, threads_bounded(params->event_threads));
}

void
rpc_service_bound_bytes(struct rpc_service *svc, uint64_t each_bytes,
                        uint64_t all_bytes)
{
    OBJ_CHECK(svc, RPC_SERVICE_MAGIC);
    atomic_store(&svc->each_bytes_max, each_bytes);
    atomic_store(&svc->all_bytes_max, all_bytes);
    /* Who was stopped at a lower bound goes on. */
    rpc_service_each_conn(svc, look_at_limits, NULL);
}

uint64_t
service_conn_bytes_max(const struct rpc_service *svc)
{
    uint64_t each = atomic_load_explicit(&svc->each_bytes_max,
                                         memory_order_relaxed);
    uint64_t all =
        atomic_load_explicit(&svc->all_bytes_max, memory_order_relaxed);
    uint32_t busy =
        atomic_load_explicit(&svc->busy_conns, memory_order_relaxed);

    if (all == 0)
        return each;
    all /= busy > 0 ? busy : 1;
    return each > 0 && each < all ? each : all + 1;
}

/* --- connections come and go --- */

int
service_adopt(struct rpc_service *svc, struct rpc_conn *conn)
{
    uint32_t max = atomic_load(&svc->conns_max);

    MUTEX_SCOPE(&svc->mtx);
    if (svc->stopping)
        return -ESHUTDOWN;
    if (max > 0 && svc->conns_count >= max)
        return -EUSERS;
    svc->conns_count++;
    svc->conns_alive++;
    conn->id = ++svc->conn_id_last;
    conn->listed = true;
    cds_list_add_tail(&conn->node, &svc->conns);
    conn_assign(conn, threads_pick_locked(svc));
    conn->thread->conns_count++;
    conn_kick(conn);
    return 0;
}

static void
add_counters(struct rpc_service_stats *sum, const struct conn_counters *c)
{
    sum->bytes_read += atomic_load(&c->bytes_read);
    sum->bytes_written += atomic_load(&c->bytes_written);
    sum->calls += atomic_load(&c->calls);
    sum->replies += atomic_load(&c->replies);
    sum->bulk_records += atomic_load(&c->bulk_records);
    sum->bulk_in_place += atomic_load(&c->bulk_in_place);
    sum->bulk_moved_bytes += atomic_load(&c->bulk_moved_bytes);
}

void
service_forget(struct rpc_service *svc, struct rpc_conn *conn)
{
    struct rpc_thread *thread = conn->thread;
    MUTEX_SCOPE(&svc->mtx);

    must(conn->listed && svc->conns_count > 0 && thread->conns_count > 0);
    add_counters(&svc->past, &conn->count);
    conn->listed = false;
    cds_list_del(&conn->node);
    svc->conns_count--;
    thread->conns_count--;
    if (thread->leave && thread->conns_count == 0)
        event_active(thread->wake, EV_TIMEOUT, 0);
    cond_broadcast(&svc->changed);
}

void
service_conn_freed(struct rpc_service *svc)
{
    MUTEX_SCOPE(&svc->mtx);

    must(svc->conns_alive > 0);
    svc->conns_alive--;
    cond_broadcast(&svc->changed);
}

/* The open connection after the one with this id, with a reference. */
static struct rpc_conn *
next_conn(struct rpc_service *svc, struct rpc_conn *last, uint64_t last_id)
{
    struct cds_list_head *node;
    MUTEX_SCOPE(&svc->mtx);

    /* Ids ascend along the list: should `last` have left it, look for its
     * successor from the start. */
    node = last != NULL && last->listed ? last->node.next : svc->conns.next;
    for (; node != &svc->conns; node = node->next) {
        struct rpc_conn *conn =
            cds_list_entry(node, struct rpc_conn, node);

        if (conn->id > last_id)
            return rpc_conn_get(conn);
    }
    return NULL;
}

void
rpc_service_each_conn(struct rpc_service *svc,
                      void (*fn)(void *arg, struct rpc_conn *conn), void *arg)
{
    struct rpc_conn *conn = next_conn(svc, NULL, 0);

    while (conn != NULL) {
        struct rpc_conn *last = conn;

        fn(arg, conn);
        conn = next_conn(svc, last, last->id);
        rpc_conn_put(last);
    }
}

void
rpc_service_read(struct rpc_service *svc, struct rpc_service_stats *out)
{
    struct rpc_conn *conn;
    MUTEX_SCOPE(&svc->mtx);

    *out = svc->past;
    cds_list_for_each_entry(conn, &svc->conns, node) {
        add_counters(out, &conn->count);
        out->held_bytes += conn_held_bytes(conn);
    }
    out->conn_bytes_max = service_conn_bytes_max(svc);
    out->accepted = atomic_load(&svc->accepted);
    out->refused = atomic_load(&svc->refused);
    out->accept_errors = atomic_load(&svc->accept_errors);
    out->bad_records = atomic_load(&svc->bad_records);
    out->bad_calls = atomic_load(&svc->bad_calls);
    out->conns = svc->conns_count;
    out->threads = 0;
    for (uint32_t i = 0; i < RPC_EVENT_THREADS_MAX; i++)
        out->threads += svc->threads[i] != NULL && svc->threads[i]->running;
}

/* --- the end --- */

static void
tell_to_stop(void *arg, struct rpc_conn *conn)
{
    atomic_store(&conn->stop_wanted, true);
    conn_kick(conn);
}

static void
tell_to_close(void *arg, struct rpc_conn *conn)
{
    rpc_conn_close(conn);
}

void
rpc_service_stop(struct rpc_service *svc, uint32_t timeout_ms)
{
    struct timespec until =
        clock_timespec(clock_ns() + timeout_ms * CLOCK_NS_PER_MS);

    OBJ_CHECK(svc, RPC_SERVICE_MAGIC);
    mutex_lock(&svc->mtx);
    svc->stopping = true; /* no connection is adopted any more */
    mutex_unlock(&svc->mtx);
    listeners_close(svc);
    rpc_service_each_conn(svc, tell_to_stop, NULL);
    mutex_lock(&svc->mtx);
    while (svc->conns_count > 0 &&
           cond_wait_until(&svc->changed, &svc->mtx, &until))
        ;
    mutex_unlock(&svc->mtx);
    rpc_service_each_conn(svc, tell_to_close, NULL);
    mutex_lock(&svc->mtx);
    while (svc->conns_count > 0)
        cond_wait(&svc->changed, &svc->mtx);
    mutex_unlock(&svc->mtx);
}

void
rpc_service_destroy(struct rpc_service **svcp)
{
    struct rpc_service *svc = *svcp;

    if (svc == NULL)
        return;
    *svcp = NULL;
    rpc_service_stop(svc, 0);
    mutex_lock(&svc->mtx);
    while (svc->conns_alive > 0)
        cond_wait(&svc->changed, &svc->mtx);
    mutex_unlock(&svc->mtx);
    threads_end(svc);
    service_free(svc);
}
