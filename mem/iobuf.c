/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O buffers in size classes.
 *
 * Small ones are objects of a pool, the data behind the header.  From
 * IOBUF_ALIGN on the data is pages of its own, which stay with their header
 * while they are free:
 *
 *     new, put ──► own stock ◄── half of it ──► depot of the class ──► kernel
 *
 * The classes have 4 KiB more than a power of two where a payload of that
 * power usually comes with a header in front.  Stocks and depots are bounded;
 * what does not fit them goes back to the kernel at once.  Pages that no write
 * has touched cost nothing, so that a class may be larger than what is asked.
 */
#include "mem/iobuf.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/mutex.h"
#include "mem/page_run.h"
#include "mem/poison.h"
#include "mem/pool.h"
#include "mem/pool_one.h"
#include "mem/ranks.h"
#include "mem/record.h"
#include "mem/thread.h"

#define IOBUF_MAGIC 0x494f4255u
#define IOBUF_MAGIC_DEAD 0x696f6275u

enum {
    SMALL_BYTES = 512,
    STOCK_MAX = 16,                /* buffers of a class in a thread's stock */
    STOCKED_CLASSES = 4,           /* larger ones go to the depot directly */
    DEPOT_BYTES_MAX = 4 << 20,     /* kept free in one class */
    REF_MAX = 1 << 30,
};

_Static_assert(PAGE_BYTES % IOBUF_ALIGN == 0, "pages are aligned enough");

/* The header with what only this file knows; fits one line of a pool. */
struct buffer {
    struct iobuf pub; /* ref 0 and dead magic while free */
    struct class *class;
    struct buffer *next; /* in the depot; [class->mtx] */
};

_Static_assert(sizeof(struct buffer) <= 56, "one line with the pool's word");

struct small_buffer {
    struct buffer buffer;
    uint8_t data[SMALL_BYTES] __attribute__((aligned(64)));
};

struct class {
    size_t bytes;            /* 0: any, never kept */
    unsigned stock_max;      /* buffers in one thread's stock */
    struct mem_type type;    /* those in use, of this class alone */
    struct mutex mtx;
    struct buffer *depot;    /* [mtx] */
    size_t depot_count;      /* [mtx] */
    _Atomic(uint64_t) made;  /* that exist, in use or free */
};

#define CLASS(bytes_, stock_)                                                  \
    {                                                                          \
        .bytes = (bytes_), .stock_max = (stock_),                              \
        .type = {.module = "mem", .name = "iobuf"},                            \
        .mtx = MUTEX_INITIALIZER("mem.iobuf", MEM_RANK_IOBUF),                 \
    }

static struct class classes[] = {
    CLASS(4096, 16),          CLASS(16384, 8),
    CLASS(65536, 2),          CLASS((128 << 10) + 4096, 1),
    CLASS((256 << 10) + 4096, 0), CLASS((512 << 10) + 4096, 0),
    CLASS((1 << 20) + 4096, 0),   CLASS(0, 0),
};

enum { LARGE = COUNT_OF(classes) - 1 };

/* Everything that classes hold is charged to `cold`; reading shows there what
 * is not in use. */
MEM_TYPE(mt_cold, "mem", "iobuf cold");
MEM_TYPE(mt_small, "mem", "iobuf");
MEM_TYPE(mt_header, "mem", "iobuf header");

static struct mutex make_mtx =
    MUTEX_INITIALIZER("mem.iobuf_make", MEM_RANK_IOBUF_MAKE);
static _Atomic(struct mem_pool *) header_pool; /* [make_mtx] writes, as below */
static _Atomic(struct mem_pool *) small_pool;

static pthread_once_t once = PTHREAD_ONCE_INIT;

struct stock {
    unsigned count;
    struct buffer *buffers[STOCK_MAX];
};

static _Thread_local struct stock stocks[STOCKED_CLASSES];
static _Thread_local bool stocks_closed; /* the thread is past its end */

static void
small_construct(void *obj)
{
    struct small_buffer *b = obj;

    b->buffer.pub.magic = IOBUF_MAGIC_DEAD;
    b->buffer.pub.data = b->data;
    b->buffer.pub.capacity = SMALL_BYTES;
    b->buffer.class = NULL;
}

static void
header_construct(void *obj)
{
    struct buffer *b = obj;

    b->pub.magic = IOBUF_MAGIC_DEAD;
}

/* The pool, made on first use; NULL and ENOMEM when it cannot be. */
static struct mem_pool *
pool_of(_Atomic(struct mem_pool *) *poolp, struct mem_type *type, size_t bytes,
        void (*construct)(void *))
{
    struct mem_pool *pool = atomic_load_explicit(poolp, memory_order_acquire);

    if (__builtin_expect(pool != NULL, 1))
        return pool;
    mutex_lock(&make_mtx);
    pool = atomic_load_explicit(poolp, memory_order_relaxed);
    if (pool == NULL) {
        pool = mem_pool_new(type, bytes, construct);
        atomic_store_explicit(poolp, pool, memory_order_release);
    }
    mutex_unlock(&make_mtx);
    return pool;
}

static struct mem_pool *
headers(void)
{
    return pool_of(&header_pool, &mt_header, sizeof(struct buffer),
                   header_construct);
}

static struct mem_pool *
smalls(void)
{
    return pool_of(&small_pool, &mt_small, sizeof(struct small_buffer),
                   small_construct);
}

static struct class *
class_for(size_t bytes)
{
    size_t i = 0;

    while (i < LARGE && bytes > classes[i].bytes)
        i++;
    return &classes[i];
}

static bool
is_large(const struct class *class)
{
    return class == &classes[LARGE];
}

/*
 * Buffers from the kernel and back
 */

static struct buffer *
buffer_make(struct class *class, size_t bytes)
{
    struct mem_pool *pool = headers();
    struct buffer *b;
    uint8_t *data;

    if (bytes > PTRDIFF_MAX - PAGE_BYTES || pool == NULL)
        return NULL;
    bytes = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    b = mem_pool_get(pool);
    if (b == NULL)
        return NULL;
    data = page_run_take(bytes, PAGE_BUFFER, false);
    if (data == NULL) {
        mem_pool_put(pool, b);
        return NULL;
    }
    must(b->pub.magic == IOBUF_MAGIC_DEAD);
    b->pub.data = data;
    b->pub.capacity = bytes;
    b->class = class;
    if (!is_large(class))
        mem_account_charge(&mt_cold, bytes);
    (void)atomic_fetch_add_explicit(&class->made, 1, memory_order_relaxed);
    return b;
}

static void
buffer_unmake(struct buffer *b)
{
    struct class *class = b->class;

    must(b->pub.magic == IOBUF_MAGIC_DEAD);
    (void)atomic_fetch_sub_explicit(&class->made, 1, memory_order_relaxed);
    if (!is_large(class))
        mem_account_discharge(&mt_cold, b->pub.capacity);
    unpoison(b->pub.data, b->pub.capacity);
    page_run_give(b->pub.data, b->pub.capacity);
    mem_pool_put(headers(), b);
}

/* Free buffers in a list; returns their bytes. */
static size_t
buffers_unmake(struct buffer *list)
{
    size_t bytes = 0;

    while (list != NULL) {
        struct buffer *b = list;

        list = b->next;
        bytes += b->pub.capacity;
        buffer_unmake(b);
    }
    return bytes;
}

/*
 * Depots and stocks
 */

static size_t
depot_max(const struct class *class)
{
    return DEPOT_BYTES_MAX / class->bytes;
}

/* Give `n` buffers; those that find no room are returned as a list. */
static struct buffer *
depot_give(struct class *class, struct buffer **buffers, unsigned n)
{
    struct buffer *rest = NULL;

    mutex_lock(&class->mtx);
    while (n > 0) {
        struct buffer *b = buffers[--n];

        if (class->depot_count < depot_max(class)) {
            b->next = class->depot;
            class->depot = b;
            class->depot_count++;
        } else {
            b->next = rest;
            rest = b;
        }
    }
    mutex_unlock(&class->mtx);
    return rest;
}

static unsigned
depot_take(struct class *class, struct buffer **buffers, unsigned max)
{
    unsigned n = 0;

    mutex_lock(&class->mtx);
    while (n < max && class->depot != NULL) {
        buffers[n++] = class->depot;
        class->depot = class->depot->next;
        class->depot_count--;
    }
    mutex_unlock(&class->mtx);
    return n;
}

/* Into the depots; returns the bytes that found no room there. */
static size_t
stocks_empty(void)
{
    size_t bytes = 0;

    for (size_t i = 0; i < STOCKED_CLASSES; i++) {
        bytes += buffers_unmake(
            depot_give(&classes[i], stocks[i].buffers, stocks[i].count));
        stocks[i].count = 0;
    }
    return bytes;
}

size_t
iobuf_thread_flush(bool at_end)
{
    size_t bytes = 0;

    if (at_end)
        stocks_closed = true;
    for (size_t i = 0; i < STOCKED_CLASSES; i++)
        bytes += stocks[i].count * classes[i].bytes;
    (void)stocks_empty();
    return bytes;
}

static void
init_once(void)
{
    for (size_t i = 0; i < LARGE; i++)
        mem_account_set_whole(&classes[i].type, &mt_cold);
}

/* This thread's stock of the class, NULL when it keeps none. */
static struct stock *
stock_of(const struct class *class)
{
    /* A thread with no mapping of its own would not be told of its end. */
    if (class->stock_max == 0 || stocks_closed || mem_thread_make() == NULL)
        return NULL;
    return &stocks[class - classes];
}

static struct buffer *
take(struct class *class)
{
    struct stock *stock = stock_of(class);
    struct buffer *b;

    if (stock == NULL)
        return depot_take(class, &b, 1) == 1 ? b : NULL;
    if (stock->count == 0)
        stock->count =
            depot_take(class, stock->buffers, (class->stock_max + 1) / 2);
    return stock->count > 0 ? stock->buffers[--stock->count] : NULL;
}

static void
give(struct class *class, struct buffer *b)
{
    struct stock *stock = stock_of(class);
    unsigned n;

    if (stock == NULL) {
        (void)buffers_unmake(depot_give(class, &b, 1));
        return;
    }
    if (stock->count == class->stock_max) {
        n = (class->stock_max + 1) / 2;
        stock->count -= n;
        (void)buffers_unmake(
            depot_give(class, &stock->buffers[stock->count], n));
    }
    stock->buffers[stock->count++] = b;
}

/*
 * The public side
 */

static struct iobuf *
bring_to_life(struct buffer *b)
{
    must(b->pub.magic == IOBUF_MAGIC_DEAD);
    b->pub.magic = IOBUF_MAGIC;
    atomic_store_explicit(&b->pub.ref, 1, memory_order_relaxed);
    return &b->pub;
}

static struct iobuf *
small_new(size_t bytes)
{
    struct mem_pool *pool = smalls();
    struct small_buffer *b = pool != NULL ? mem_pool_get(pool) : NULL;

    if (b == NULL)
        return NULL;
    RECORD_ALLOC(RECORD_IOBUF, mem_account_slot(&mt_small), bytes,
                 b->buffer.pub.data);
    mem_defined(b->data, SMALL_BYTES, false);
    return bring_to_life(&b->buffer);
}

struct iobuf *
iobuf_new(size_t bytes)
{
    size_t asked_bytes = bytes;
    struct class *class;
    struct buffer *b = NULL;

    if (bytes <= SMALL_BYTES)
        return small_new(bytes);
    must(pthread_once(&once, init_once) == 0);
    class = class_for(bytes);
    if (!is_large(class)) {
        b = take(class);
        bytes = class->bytes;
    }
    if (b == NULL)
        b = buffer_make(class, bytes);
    if (b == NULL) {
        mem_account_failure(&class->type);
        errno = ENOMEM;
        return NULL;
    }
    mem_given(b->pub.data, b->pub.capacity, false);
    mem_account_charge(&class->type, b->pub.capacity);
    RECORD_ALLOC(RECORD_IOBUF, mem_account_slot(&class->type), asked_bytes,
                 b->pub.data);
    (void)asked_bytes;
    return bring_to_life(b);
}

/* Also of a header that is free, which a sanitizer would not let us see. */
static POISON_BLIND unsigned
magic_of(const struct iobuf *buf)
{
    return buf->magic;
}

static void
check_live(const struct iobuf *buf, const char *what)
{
    unsigned magic = magic_of(buf);

    if (__builtin_expect(magic == IOBUF_MAGIC, 1))
        return;
    must_panic("mem: iobuf %s of %p, which is %s", what, (const void *)buf,
               magic == IOBUF_MAGIC_DEAD ? "not in use" : "no iobuf");
}

struct iobuf *
iobuf_get(struct iobuf *buf)
{
    uint32_t ref;

    must(buf != NULL);
    check_live(buf, "get");
    ref = atomic_fetch_add_explicit(&buf->ref, 1, memory_order_relaxed);
    must(ref > 0 && ref < REF_MAX);
    return buf;
}

static void
release(struct buffer *b)
{
    b->pub.magic = IOBUF_MAGIC_DEAD;
    RECORD_FREE(b->pub.data);
    if (b->class == NULL) {
        mem_pool_put(smalls(), b);
        return;
    }
    mem_account_discharge(&b->class->type, b->pub.capacity);
    mem_taken_back(b->pub.data, b->pub.capacity);
    if (is_large(b->class)) {
        buffer_unmake(b);
        return;
    }
    give(b->class, b);
}

void
iobuf_put(struct iobuf *buf)
{
    uint32_t ref;

    if (buf == NULL)
        return;
    check_live(buf, "put");
    ref = atomic_fetch_sub_explicit(&buf->ref, 1, memory_order_acq_rel);
    must(ref > 0);
    if (ref == 1)
        release(container_of_member(buf, struct buffer, pub));
}

static void
read_small(struct iobuf_stats *out)
{
    struct mem_pool *pool =
        atomic_load_explicit(&small_pool, memory_order_acquire);
    struct mem_pool_stats stats;

    memset(out, 0, sizeof(*out));
    out->page_size = SMALL_BYTES;
    if (pool == NULL)
        return;
    mem_pool_read_one(pool, &stats);
    out->active = stats.hot;
    out->cold = stats.cold;
    out->max_active = stats.hot_max;
    out->total = stats.total_gets;
}

static void
read_class(struct class *class, struct iobuf_stats *out)
{
    struct mem_type_stats used;
    uint64_t made;

    mem_account_read_slot(&class->type, &used);
    made = atomic_load_explicit(&class->made, memory_order_relaxed);
    out->page_size = class->bytes;
    out->active = used.num_allocs;
    out->cold = made > used.num_allocs ? made - used.num_allocs : 0;
    out->max_active = used.max_num_allocs;
    out->total = used.total_allocs;
}

size_t
iobuf_read(struct iobuf_stats *out, size_t max)
{
    if (max > 0)
        read_small(&out[0]);
    for (size_t i = 0; i < COUNT_OF(classes) && i + 1 < max; i++)
        read_class(&classes[i], &out[i + 1]);
    return COUNT_OF(classes) + 1;
}

static size_t
depot_empty(struct class *class)
{
    struct buffer *list;

    mutex_lock(&class->mtx);
    list = class->depot;
    class->depot = NULL;
    class->depot_count = 0;
    mutex_unlock(&class->mtx);
    return buffers_unmake(list);
}

static size_t
pool_shrink(_Atomic(struct mem_pool *) *poolp)
{
    struct mem_pool *pool = atomic_load_explicit(poolp, memory_order_acquire);

    return pool != NULL ? mem_pool_shrink(pool) : 0;
}

size_t
iobuf_shrink(void)
{
    size_t bytes = stocks_empty();

    for (size_t i = 0; i < LARGE; i++)
        bytes += depot_empty(&classes[i]);
    return bytes + pool_shrink(&small_pool) + pool_shrink(&header_pool);
}
