/* SPDX-License-Identifier: BSD-2-Clause */
#include "mem/thread.h"

#include <pthread.h>
#include <sys/mman.h>

#include "mem/account_slot.h"
#include "mem/heap.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/os_pages.h"
#include "mem/ranks.h"
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
    LIST_HEAD(, mem_thread) all; /* [mtx] */
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
    (void)pools_thread_flush(self);
    (void)heap_thread_flush(self);
    mem_self = &mem_no_thread;
    ended = true;
    /* In one step for readers: they see these counters in one place. */
    mutex_lock(&threads.mtx);
    LIST_REMOVE(self, node);
    account_fold(self);
    mutex_unlock(&threads.mtx);
    os_pages_unmap(self, THREAD_BYTES);
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
    self = os_pages_map(THREAD_BYTES, OS_PAGE_BYTES);
    if (self == NULL)
        return NULL;
    if (pthread_setspecific(threads.exit_key, self) != 0) {
        os_pages_unmap(self, THREAD_BYTES);
        return NULL;
    }
    self->flushed = atomic_load_explicit(&flush_asked, memory_order_relaxed);
    mutex_lock(&threads.mtx);
    LIST_INSERT_HEAD(&threads.all, self, node);
    mutex_unlock(&threads.mtx);
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
