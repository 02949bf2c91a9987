/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a thread leaves when it ends, the next one that starts adopts as it is:
 * counters, magazines and all.  So a thread that lives for one request costs
 * what it allocates.  What nobody adopts within a second or two goes back.
 */
#include "mem/thread.h"

#include <pthread.h>
#include <sys/mman.h>

#include "mem/account_slot.h"
#include "mem/heap.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/os_pages.h"
#include "mem/ranks.h"
#include "mem/scope.h"
#include "mem/thread_flush.h"

enum {
    THREAD_BYTES = (sizeof(struct mem_thread) + OS_PAGE_BYTES - 1) /
                   OS_PAGE_BYTES * OS_PAGE_BYTES,
};

struct mem_thread mem_no_thread;
_Thread_local struct mem_thread *mem_self = &mem_no_thread;
static _Thread_local bool ended;

static struct {
    struct mutex mtx;
    LIST_HEAD(, mem_thread) all;   /* [mtx] with those that were left */
    SLIST_HEAD(, mem_thread) left; /* [mtx] */
    pthread_key_t exit_key;
} threads = {.mtx = MUTEX_INITIALIZER("mem.threads", MEM_RANK_THREADS)};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic(unsigned) flush_asked;

/* At the end of a thread.  Destructors of others that run later allocate and
 * free without magazines. */
static void
thread_end(void *arg)
{
    struct mem_thread *self = arg;

    must(self == mem_self);
    (void)iobuf_thread_flush(true);
    mem_self = &mem_no_thread;
    ended = true;
    mutex_lock(&threads.mtx);
    self->left_ticks = 0;
    SLIST_INSERT_HEAD(&threads.left, self, left_node);
    mutex_unlock(&threads.mtx);
}

static size_t
destroy(struct mem_thread *t)
{
    size_t bytes = pools_thread_flush(t);

    bytes += heap_thread_flush(t);
    /* In one step for readers: they see these counters in one place. */
    mutex_lock(&threads.mtx);
    LIST_REMOVE(t, node);
    account_fold(t);
    mutex_unlock(&threads.mtx);
    os_pages_unmap(t, THREAD_BYTES);
    return bytes;
}

/* One that was left for long enough; NULL: none. */
static struct mem_thread *
take_left(bool all)
{
    struct mem_thread *t;
    MUTEX_SCOPE(&threads.mtx);

    SLIST_FOREACH(t, &threads.left, left_node) {
        if (all || t->left_ticks > 1) {
            SLIST_REMOVE(&threads.left, t, mem_thread, left_node);
            break;
        }
    }
    return t;
}

size_t
mem_threads_trim(bool all)
{
    struct mem_thread *t;
    size_t bytes = 0;

    {
        MUTEX_SCOPE(&threads.mtx);
        SLIST_FOREACH(t, &threads.left, left_node)
            t->left_ticks++;
    }
    while ((t = take_left(all)) != NULL)
        bytes += destroy(t);
    return bytes;
}

static struct mem_thread *
adopt(void)
{
    struct mem_thread *t;
    MUTEX_SCOPE(&threads.mtx);

    t = SLIST_FIRST(&threads.left);
    if (t != NULL)
        SLIST_REMOVE_HEAD(&threads.left, left_node);
    return t;
}

static struct mem_thread *
make_new(void)
{
    struct mem_thread *t = os_pages_map(THREAD_BYTES, OS_PAGE_BYTES);

    if (t == NULL)
        return NULL;
    t->flushed = atomic_load_explicit(&flush_asked, memory_order_relaxed);
    MUTEX_SCOPE(&threads.mtx);
    LIST_INSERT_HEAD(&threads.all, t, node);
    return t;
}

static void
init_once(void)
{
    heap_init();
    must(pthread_key_create(&threads.exit_key, thread_end) == 0);
}

struct mem_thread *
mem_thread_make(void)
{
    struct mem_thread *self = mem_self;

    if (self != &mem_no_thread)
        return self;
    if (ended)
        return NULL;
    must(pthread_once(&once, init_once) == 0);
    self = adopt();
    if (self == NULL)
        self = make_new();
    if (self == NULL)
        return NULL;
    if (pthread_setspecific(threads.exit_key, self) != 0) {
        MUTEX_SCOPE(&threads.mtx);
        SLIST_INSERT_HEAD(&threads.left, self, left_node);
        return NULL;
    }
    mem_self = self;
    return self;
}

struct mem_thread *
mem_threads_lock(void)
{
    mutex_lock(&threads.mtx);
    return LIST_FIRST(&threads.all);
}

void
mem_threads_unlock(void)
{
    mutex_unlock(&threads.mtx);
}

uint64_t
mem_threads_bytes(unsigned *count)
{
    unsigned char present[THREAD_BYTES / OS_PAGE_BYTES];
    struct mem_thread *t;
    uint64_t pages = 0;

    *count = 0;
    for (t = mem_threads_lock(); t != NULL; t = LIST_NEXT(t, node)) {
        (*count)++;
        /* Fails only for addresses that are not mapped. */
        must(mincore(t, THREAD_BYTES, present) == 0);
        for (size_t i = 0; i < COUNT_OF(present); i++)
            pages += present[i] & 1;
    }
    mem_threads_unlock();
    return pages * OS_PAGE_BYTES;
}

size_t
mem_thread_flush(void)
{
    struct mem_thread *self = mem_self;
    size_t bytes;

    if (self == &mem_no_thread)
        return 0;
    self->flushed = atomic_load_explicit(&flush_asked, memory_order_relaxed);
    bytes = iobuf_thread_flush(false);
    bytes += pools_thread_flush(self);
    bytes += heap_thread_flush(self);
    return bytes;
}

bool
mem_thread_flush_wanted(void)
{
    struct mem_thread *self = mem_self;

    return self != &mem_no_thread &&
           self->flushed !=
               atomic_load_explicit(&flush_asked, memory_order_relaxed);
}

void
mem_thread_idle(void)
{
    if (mem_thread_flush_wanted())
        (void)mem_thread_flush();
}

void
mem_thread_flush_ask(void)
{
    (void)atomic_fetch_add_explicit(&flush_asked, 1, memory_order_relaxed);
}
