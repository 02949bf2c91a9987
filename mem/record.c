/* SPDX-License-Identifier: BSD-2-Clause */
/* Nothing here allocates through mem/, which would record itself.  What a
 * thread collected is written when its buffer is full, when it ends, and for
 * those that are still there when the process exits.  A process that forks
 * after its first allocation goes on recording in the parent only. */
#include "mem/record.h"

#ifdef CLINKER_MEM_RECORD

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/os_pages.h"
#include "mem/ranks.h"

enum { BUFFER_BYTES = 1 << 18, TEXT_BYTES_MAX = 255 };
enum block_kind { BLOCK_EVENTS, BLOCK_TYPE };

struct event {
    uint64_t sequence, address;
    uint32_t bytes; /* UINT32_MAX: that or more */
    uint16_t slot;
    uint8_t align_log2;
    uint8_t what; /* enum record_kind */
};

_Static_assert(sizeof(struct event) == 24, "as the packer reads it");

struct block_head {
    char magic[4];
    uint32_t thread, count, kind;
};

struct type_head {
    uint32_t slot;
    uint16_t module_bytes, name_bytes;
};

struct buffer {
    _Atomic(uint32_t) count; /* written by its thread only */
    uint32_t thread;
    LIST_ENTRY(buffer) node; /* [record.mtx] */
    struct event events[];
};

enum {
    BUFFER_EVENTS =
        (BUFFER_BYTES - sizeof(struct buffer)) / sizeof(struct event)
};

static struct {
    struct mutex mtx;
    int fd;                      /* [mtx] -1: closed */
    LIST_HEAD(, buffer) buffers; /* [mtx] of threads that live */
    uint32_t threads;            /* [mtx] ever seen */
    pthread_key_t exit_key;      /* constant after start() */
    _Atomic(bool) on;
    _Atomic(uint64_t) sequence;
    _Atomic(bool) is_known[MEM_TYPES_MAX]; /* the type's names are written */
} record = {
    .mtx = MUTEX_INITIALIZER("mem.record", MEM_RANK_RECORD),
    .fd = -1,
};

static pthread_once_t start_once = PTHREAD_ONCE_INIT;
static _Thread_local struct buffer *own_buffer;
static _Thread_local bool own_buffer_closed; /* this thread is ending */

/* A file that cannot be written ends the recording: it would have gaps. */
static void
write_locked(const struct iovec *iov, int count)
{
    size_t bytes = 0;

    for (int i = 0; i < count; i++)
        bytes += iov[i].iov_len;
    if (record.fd < 0 || writev(record.fd, iov, count) == (ssize_t)bytes)
        return;
    must_panic("mem: recording: %s", strerror(errno));
}

static void
write_events_locked(struct buffer *b)
{
    struct block_head head = {
        .magic = {'M', 'R', 'e', 'c'},
        .thread = b->thread,
        .count = atomic_load_explicit(&b->count, memory_order_acquire),
        .kind = BLOCK_EVENTS,
    };
    struct iovec iov[] = {
        {.iov_base = &head, .iov_len = sizeof(head)},
        {.iov_base = b->events, .iov_len = head.count * sizeof(b->events[0])},
    };

    write_locked(iov, COUNT_OF(iov));
}

static void
write_type_locked(uint32_t slot)
{
    const struct mem_type *type = mem_account_type(slot);
    struct block_head head = {
        .magic = {'M', 'R', 'e', 'c'}, .count = 1, .kind = BLOCK_TYPE,
    };
    struct type_head t = {.slot = slot};

    must(type != NULL);
    t.module_bytes = (uint16_t)strnlen(type->module, TEXT_BYTES_MAX);
    t.name_bytes = (uint16_t)strnlen(type->name, TEXT_BYTES_MAX);
    write_locked(
        (struct iovec[]){
            {.iov_base = &head, .iov_len = sizeof(head)},
            {.iov_base = &t, .iov_len = sizeof(t)},
            {.iov_base = (void *)type->module, .iov_len = t.module_bytes},
            {.iov_base = (void *)type->name, .iov_len = t.name_bytes},
        },
        4);
}

static void
buffer_close(void *arg)
{
    struct buffer *b = arg;

    own_buffer_closed = true;
    own_buffer = NULL;
    mutex_lock(&record.mtx);
    write_events_locked(b);
    LIST_REMOVE(b, node);
    mutex_unlock(&record.mtx);
    os_pages_unmap(b, BUFFER_BYTES);
}

/* Of threads that go on, what they have collected until now. */
static void
finish(void)
{
    struct buffer *b;

    atomic_store_explicit(&record.on, false, memory_order_relaxed);
    mutex_lock(&record.mtx);
    LIST_FOREACH(b, &record.buffers, node)
        write_events_locked(b);
    if (record.fd >= 0)
        must(close(record.fd) == 0);
    record.fd = -1;
    mutex_unlock(&record.mtx);
}

static void
stop_in_child(void)
{
    atomic_store_explicit(&record.on, false, memory_order_relaxed);
    record.fd = -1;
}

static void
start(void)
{
    const char *path = getenv("CLINKER_MEM_RECORD");

    if (path == NULL || path[0] == '\0')
        return;
    must(pthread_key_create(&record.exit_key, buffer_close) == 0);
    must(pthread_atfork(NULL, NULL, stop_in_child) == 0);
    must(atexit(finish) == 0);
    record.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
                     0600);
    if (record.fd < 0)
        must_panic("mem: recording to %s: %s", path, strerror(errno));
    atomic_store_explicit(&record.on, true, memory_order_relaxed);
}

static struct buffer *
buffer_make(void)
{
    struct buffer *b = os_pages_map(BUFFER_BYTES, OS_PAGE_BYTES);

    if (b == NULL || pthread_setspecific(record.exit_key, b) != 0)
        must_panic("mem: recording: no memory");
    mutex_lock(&record.mtx);
    b->thread = record.threads++;
    LIST_INSERT_HEAD(&record.buffers, b, node);
    mutex_unlock(&record.mtx);
    return b;
}

static bool
is_on(void)
{
    must(pthread_once(&start_once, start) == 0);
    return atomic_load_explicit(&record.on, memory_order_relaxed);
}

/* A thread that is ending has given its buffer up. */
static void
write_one(const struct event *e)
{
    struct block_head head = {
        .magic = {'M', 'R', 'e', 'c'},
        .thread = UINT32_MAX,
        .count = 1,
        .kind = BLOCK_EVENTS,
    };

    mutex_lock(&record.mtx);
    write_locked(
        (struct iovec[]){
            {.iov_base = &head, .iov_len = sizeof(head)},
            {.iov_base = (void *)e, .iov_len = sizeof(*e)},
        },
        2);
    mutex_unlock(&record.mtx);
}

static void
add(struct event e)
{
    struct buffer *b = own_buffer;
    uint32_t count;

    e.sequence =
        atomic_fetch_add_explicit(&record.sequence, 1, memory_order_relaxed);
    if (own_buffer_closed) {
        write_one(&e);
        return;
    }
    if (b == NULL)
        b = own_buffer = buffer_make();
    count = atomic_load_explicit(&b->count, memory_order_relaxed);
    b->events[count++] = e;
    atomic_store_explicit(&b->count, count, memory_order_release);
    if (count < BUFFER_EVENTS)
        return;
    mutex_lock(&record.mtx);
    write_events_locked(b);
    atomic_store_explicit(&b->count, 0, memory_order_relaxed);
    mutex_unlock(&record.mtx);
}

static void
know_type(uint32_t slot)
{
    must(slot < MEM_TYPES_MAX);
    if (atomic_exchange_explicit(&record.is_known[slot], true,
                                 memory_order_relaxed))
        return;
    mutex_lock(&record.mtx);
    write_type_locked(slot);
    mutex_unlock(&record.mtx);
}

void
mem_record_alloc(enum record_kind kind, uint32_t slot, unsigned align_log2,
                 size_t bytes, const void *p)
{
    if (p == NULL || !is_on())
        return;
    know_type(slot);
    add((struct event){
        .address = (uintptr_t)p,
        .bytes = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX,
        .slot = (uint16_t)slot,
        .align_log2 = (uint8_t)align_log2,
        .what = (uint8_t)kind,
    });
}

void
mem_record_free(const void *p)
{
    if (p == NULL || !is_on())
        return;
    add((struct event){.address = (uintptr_t)p, .what = RECORD_FREED});
}

#endif
