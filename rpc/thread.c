/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event threads: one libevent base each.  A thread that is no longer wanted
 * takes no new connections, serves those it has until they end, and then ends
 * itself; its slot can be filled again.
 */
#include "rpc/service_impl.h"

#include <errno.h>
#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>

#include "mem/alloc.h"
#include "mem/limit.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "mem/thread_flush.h"

MEM_TYPE(mt_thread, "rpc", "event_thread");

/* What libevent wants is the server's own: without a timer a connection that
 * waits for memory, which is when there is none, would have to be closed. */
static void *
event_malloc(size_t bytes)
{
    enum mem_importance was = mem_set_importance(MEM_FOR_SERVER);
    void *p = mem_lib_malloc(bytes);

    (void)mem_set_importance(was);
    return p;
}

static void *
event_realloc(void *p, size_t bytes)
{
    enum mem_importance was = mem_set_importance(MEM_FOR_SERVER);
    void *bigger = mem_lib_realloc(p, bytes);

    (void)mem_set_importance(was);
    return bigger;
}

static void
libevent_init_once(void)
{
    event_set_mem_functions(event_malloc, event_realloc, mem_lib_free);
    must(evthread_use_pthreads() == 0);
}

void
rpc_libevent_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    must(pthread_once(&once, libevent_init_once) == 0);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct rpc_thread *thread = arg;
    MUTEX_SCOPE(&thread->svc->mtx);

    if (thread->leave && thread->conns_count == 0)
        must(event_base_loopbreak(thread->base) == 0);
}

static void *
thread_main(void *arg)
{
    struct rpc_thread *thread = arg;
    struct rpc_service *svc = thread->svc;
    bool leave = false;

    if (svc->ops.thread_start != NULL)
        svc->ops.thread_start(svc->ops.arg);
    while (!leave) {
        must(event_base_loop(thread->base,
                             EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) >= 0);
        mem_thread_idle();
        /* on_wake() breaks the loop when this may be the end. */
        if (!event_base_got_break(thread->base))
            continue;
        MUTEX_SCOPE(&svc->mtx);
        /* Wanted again in between, it stays. */
        leave = thread->leave && thread->conns_count == 0;
        if (leave)
            thread->running = false;
    }
    if (svc->ops.thread_stop != NULL)
        svc->ops.thread_stop(svc->ops.arg);
    return NULL;
}

static void
thread_free(struct rpc_thread *thread)
{
    if (thread->wake != NULL)
        event_free(thread->wake);
    if (thread->base != NULL)
        event_base_free(thread->base);
    mem_free(thread);
}

static int
thread_create(struct rpc_thread *thread)
{
    sigset_t all, before;
    char name[16];
    int err;

    /* Signals are the main thread's. */
    must(sigfillset(&all) == 0);
    must(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    err = pthread_create(&thread->tid, NULL, thread_main, thread);
    must(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (err != 0)
        return -err;
    (void)snprintf(name, sizeof(name), "glfs_epoll%03u", thread->index);
    must(pthread_setname_np(thread->tid, name) == 0);
    return 0;
}

static int
thread_start(struct rpc_service *svc, unsigned index)
{
    struct rpc_thread *thread = mem_zalloc(&mt_thread, sizeof(*thread));
    int err = -ENOMEM;

    if (thread == NULL)
        return -ENOMEM;
    thread->svc = svc;
    thread->index = index;
    thread->running = true;
    thread->base = event_base_new();
    if (thread->base != NULL)
        thread->wake = event_new(thread->base, -1, EV_PERSIST, on_wake, thread);
    if (thread->wake != NULL)
        err = thread_create(thread);
    if (err != 0) {
        thread_free(thread);
        return err;
    }
    MUTEX_SCOPE(&svc->mtx);
    svc->threads[index] = thread;
    return 0;
}

static void
thread_join(struct rpc_service *svc, unsigned index)
{
    struct rpc_thread *thread = svc->threads[index];

    must(pthread_join(thread->tid, NULL) == 0);
    mutex_lock(&svc->mtx);
    svc->threads[index] = NULL;
    mutex_unlock(&svc->mtx);
    thread_free(thread);
}

/* Make slot `index` run, or keep it running. */
static int
thread_want(struct rpc_service *svc, unsigned index)
{
    struct rpc_thread *thread;

    mutex_lock(&svc->mtx);
    thread = svc->threads[index];
    if (thread != NULL && thread->running) {
        thread->leave = false;
        mutex_unlock(&svc->mtx);
        return 0;
    }
    mutex_unlock(&svc->mtx);
    if (thread != NULL)
        thread_join(svc, index);
    return thread_start(svc, index);
}

int
threads_resize_locked(struct rpc_service *svc, uint32_t n)
{
    int err = 0;
    uint32_t i;

    mutex_assert_held(&svc->resize_mtx);
    must(n <= RPC_EVENT_THREADS_MAX);
    for (i = 0; i < n && err == 0; i++) {
        err = thread_want(svc, i);
        if (err != 0)
            break;
    }
    MUTEX_SCOPE(&svc->mtx);
    svc->threads_wanted = i;
    for (; i < RPC_EVENT_THREADS_MAX; i++) {
        struct rpc_thread *thread = svc->threads[i];

        if (thread != NULL && thread->running) {
            thread->leave = true;
            event_active(thread->wake, EV_TIMEOUT, 0);
        }
    }
    return err;
}

void
threads_join_locked(struct rpc_service *svc)
{
    mutex_assert_held(&svc->resize_mtx);
    for (uint32_t i = 0; i < RPC_EVENT_THREADS_MAX; i++) {
        if (svc->threads[i] != NULL)
            thread_join(svc, i);
    }
}

void
rpc_service_flush(struct rpc_service *svc)
{
    MUTEX_SCOPE(&svc->mtx);

    for (uint32_t i = 0; i < RPC_EVENT_THREADS_MAX; i++) {
        if (svc->threads[i] != NULL && svc->threads[i]->running)
            event_active(svc->threads[i]->wake, EV_TIMEOUT, 0);
    }
}

struct rpc_thread *
threads_pick_locked(struct rpc_service *svc)
{
    struct rpc_thread *best = svc->threads[0];

    mutex_assert_held(&svc->mtx);
    for (uint32_t i = 1; i < svc->threads_wanted; i++) {
        if (svc->threads[i]->conns_count < best->conns_count)
            best = svc->threads[i];
    }
    return best;
}
