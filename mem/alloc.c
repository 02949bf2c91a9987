/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Typed allocations: small ones from size classes (heap.h), the rest from runs
 * of pages (special.h).
 *
 * The fast path touches a magazine, the block and one line of counters, all
 * this thread's own.  It is left, to the same end, when the magazine is empty
 * or full, when the type has a mark, and when a guard object is due.
 *
 * A type is charged what was asked for; heads, tails and what size classes
 * leave over are on a line of their own.
 */
#include "mem/alloc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mem/account_slot.h"
#include "mem/guard_hook.h"
#include "mem/heap.h"
#include "mem/must.h"
#include "mem/poison.h"
#include "mem/record.h"
#include "mem/special.h"

enum { ALIGN_MAX = 1 << 20, GUARD_HEAD_BYTES = 16 };

#define HEAD_GUARD 0x9a2dbeefu

MEM_TYPE(mt_lib, "lib", "event");

static POISON_BLIND void __attribute__((noreturn, cold))
head_broken(const void *user)
{
    uint64_t head = head_load(user);
    uint32_t slot = head_slot(head);
    char name[128];

    if (head_magic(user, head) == HEAD_DEAD)
        must_panic("mem: double free of %p, a block of %s", user,
                   block_type_name(slot, name, sizeof(name)));
    must_panic("mem: %p is no block of ours or its head was overwritten "
               "(says %s)",
               user, block_type_name(slot, name, sizeof(name)));
}

static inline void
seal(void *user, uint32_t slot, uint32_t class, size_t bytes)
{
    struct tail *tail = (void *)((uint8_t *)user + bytes);

    head_store(user, HEAD_LIVE, slot | class, bytes);
    tail->magic = TAIL;
}

static inline const struct tail *
tail_of(const void *user, size_t bytes)
{
    return (const void *)((const uint8_t *)user + bytes);
}

/*
 * Allocation
 */

/* A guarded block, if there is room for one. */
static void *
guarded_new(uint32_t slot, size_t bytes, bool zero)
{
    uint8_t *user =
        guard_take(slot, bytes + GUARD_HEAD_BYTES, HEAP_GRAIN_BYTES);

    if (user == NULL)
        return NULL;
    guard_set_head(user, GUARD_HEAD_BYTES);
    user += GUARD_HEAD_BYTES;
    head_store(user, HEAD_GUARD, slot, UINT16_MAX);
    if (zero)
        memset(user, 0, bytes);
    mem_account_add(slot, bytes, 1);
    mem_account_add(mem_account_slot(&heap_slack), bytes + GUARD_HEAD_BYTES, 1);
    return user;
}

/* Not where more was asked for than a guard object does. */
static bool
can_be_guarded(uint32_t id, size_t bytes, size_t align)
{
    return (id & (TYPE_TRACED | TYPE_POISONED)) == 0 &&
           bytes + GUARD_HEAD_BYTES <= GUARD_BYTES_MAX &&
           align <= HEAP_GRAIN_BYTES;
}

static unsigned
marks_of(uint32_t id)
{
    return ((id & TYPE_TRACED) != 0 ? SPECIAL_TRACED : 0) |
           ((id & (TYPE_POISONED | TYPE_WATCHED)) != 0 ? SPECIAL_POISONED : 0);
}

static void *
class_new(struct mem_thread *self, uint32_t slot, size_t bytes, bool zero)
{
    uint32_t class = heap_class_for(bytes);
    uint8_t *user = heap_take(self, class);

    if (user == NULL)
        return NULL;
    user += HEAD_BYTES;
    if (head_magic(user, head_load(user)) != HEAD_DEAD)
        must_panic("mem: the head of a free block at %p was overwritten",
                   (void *)user);
    seal(user, slot, class, bytes);
    mem_account_add(slot, bytes, 1);
    if (zero)
        memset(user, 0, bytes);
    return user;
}

/* Of a type that was never allocated: what its blocks lie in is part of the
 * heap. */
static uint32_t
id_of(struct mem_type *type)
{
    uint32_t id = atomic_load_explicit(&type->id, memory_order_relaxed);

    if (id == 0) {
        id = mem_account_register(type);
        mem_account_set_whole(type, &heap_slack);
    }
    return id;
}

void *
heap_refuse(struct mem_type *type)
{
    (void)id_of(type);
    mem_account_failure(type);
    errno = ENOMEM;
    return NULL;
}

static __attribute__((noinline)) void *
alloc_slow(struct mem_type *type, size_t align, size_t bytes, bool zero)
{
    uint32_t id = id_of(type), slot = id & TYPE_SLOT;
    struct mem_thread *self = mem_thread_make();
    void *user = NULL;

    if (bytes > PTRDIFF_MAX)
        return heap_refuse(type);
    if (guard_is_due(self, id, can_be_guarded(id, bytes, align)))
        user = guarded_new(slot, bytes, zero);
    id &= ~(uint32_t)TYPE_GUARD;
    if (user == NULL) {
        if (bytes <= HEAP_BYTES_MAX && align <= HEAP_GRAIN_BYTES &&
            id == slot && !UNDER_ASAN)
            user = class_new(self, slot, bytes, zero);
        else
            user = special_new(
                slot, bytes, align,
                marks_of(id) | (UNDER_ASAN ? SPECIAL_POISONED : 0), zero);
    }
    if (user == NULL)
        return heap_refuse(type);
    RECORD_ALLOC(RECORD_TYPED, slot, bytes, user);
    return user;
}

static inline void *
alloc(struct mem_type *type, size_t bytes)
{
    struct mem_thread *self = mem_self;
    uint32_t slot = atomic_load_explicit(&type->id, memory_order_relaxed);
    struct magazine *mag;
    struct mem_counter *c;
    uint32_t class, count;
    uint8_t *user;
    bool far;

    /* A slot of 0, or any mark, is beyond the types there may be. */
    if (__builtin_expect(UNDER_ASAN || slot - 1 >= MEM_TYPES_MAX - 1 ||
                             bytes > HEAP_BYTES_MAX,
                         0))
        return alloc_slow(type, HEAP_GRAIN_BYTES, bytes, false);
    class = heap_class_for(bytes);
    mag = heap_magazine(self, class);
    count = mag->count;
    if (__builtin_expect(count == 0, 0))
        return alloc_slow(type, HEAP_GRAIN_BYTES, bytes, false);
    mag->count = --count;
    user = (uint8_t *)mag->objects[count] + HEAD_BYTES;
    seal(user, slot, class, bytes);
    c = &self->counters[slot];
    far = counter_add(c, bytes, 1);
    RECORD_ALLOC(RECORD_TYPED, slot, bytes, user);
    if (__builtin_expect(far, 0))
        return account_tell_and_return(slot, c, user);
    return user;
}

void *
mem_alloc(struct mem_type *type, size_t bytes)
{
    return alloc(type, bytes);
}

void *
mem_zalloc(struct mem_type *type, size_t bytes)
{
    void *user;

    /* Large ones may be zero as they come. */
    if (bytes > HEAP_BYTES_MAX)
        return alloc_slow(type, HEAP_GRAIN_BYTES, bytes, true);
    user = alloc(type, bytes);
    if (__builtin_expect(user != NULL, 1))
        memset(user, 0, bytes);
    return user;
}

void *
mem_calloc(struct mem_type *type, size_t n, size_t bytes)
{
    size_t all_bytes;

    if (__builtin_mul_overflow(n, bytes, &all_bytes))
        return heap_refuse(type);
    return mem_zalloc(type, all_bytes);
}

void *
mem_alloc_aligned(struct mem_type *type, size_t align, size_t bytes)
{
    must(align > 0 && align <= ALIGN_MAX && (align & (align - 1)) == 0);
    if (align <= HEAP_GRAIN_BYTES)
        return alloc(type, bytes);
    return alloc_slow(type, align, bytes, false);
}

/*
 * Freeing
 */

static POISON_BLIND bool
has_head(const void *user, uint32_t magic)
{
    return head_magic(user, head_load(user)) == magic;
}

static void
must_be_aligned(const void *user)
{
    if ((uintptr_t)user % HEAP_GRAIN_BYTES != 0)
        must_panic("mem: %p is no block of ours", user);
}

static void
guarded_free(void *user)
{
    uint8_t *block = (uint8_t *)user - GUARD_HEAD_BYTES;
    uint32_t slot;
    size_t bytes = guard_check(block, &slot) - GUARD_HEAD_BYTES;

    mem_account_sub(slot, bytes, 1);
    mem_account_sub(mem_account_slot(&heap_slack), bytes + GUARD_HEAD_BYTES, 1);
    guard_give(block);
}

static __attribute__((noinline)) void
free_slow(void *user)
{
    struct mem_thread *self = mem_thread_make();
    uint64_t head;
    uint32_t slot;

    must_be_aligned(user);
    RECORD_FREE(user);
    if (has_head(user, HEAD_SPECIAL)) {
        special_free(user);
        return;
    }
    if (has_head(user, HEAD_GUARD) && guard_owns(user)) {
        guarded_free(user);
        return;
    }
    if (!has_head(user, HEAD_LIVE))
        head_broken(user);
    head = head_load(user);
    slot = head_slot(head);
    if (tail_of(user, head_bytes(head))->magic != TAIL)
        block_overrun(user, slot, head_bytes(head));
    mem_account_sub(slot, head_bytes(head), 1);
    head_turn(user, head, HEAD_LIVE, HEAD_DEAD);
    heap_give(self, head_class(head), (uint8_t *)user - HEAD_BYTES);
}

#if UNDER_ASAN
void
mem_free(void *p)
{
    if (p != NULL)
        free_slow(p);
}
#else
void
mem_free(void *p)
{
    struct mem_thread *self = mem_self;
    struct mem_counter *c;
    struct magazine *mag;
    uint64_t head;
    uint32_t count;

    if (p == NULL)
        return;
    head = head_load(p);
    if (__builtin_expect(head_magic(p, head) != HEAD_LIVE, 0)) {
        free_slow(p);
        return;
    }
    mag = heap_magazine(self, head_class(head));
    count = mag->count;
    if (__builtin_expect(tail_of(p, head_bytes(head))->magic != TAIL ||
                             count >= mag->max,
                         0)) {
        free_slow(p);
        return;
    }
    RECORD_FREE(p);
    head_turn(p, head, HEAD_LIVE, HEAD_DEAD);
    mag->objects[count] = (uint8_t *)p - HEAD_BYTES;
    mag->count = count + 1;
    c = &self->counters[head_slot(head)];
    if (__builtin_expect(counter_sub(c, head_bytes(head), 1), 0))
        account_tell(head_slot(head), c);
}
#endif

/*
 * Looking at blocks, and changing them
 */

/* Bytes of a live block, whatever it is, and its alignment. */
static size_t
block_checked(const void *user, uint32_t *slot, size_t *align)
{
    uint64_t head;

    *align = HEAP_GRAIN_BYTES;
    must_be_aligned(user);
    if (has_head(user, HEAD_SPECIAL)) {
        struct special sp = special_checked(user);

        *align = (size_t)1 << sp.align_log2;
        *slot = head_slot(head_load(user));
        return sp.bytes;
    }
    if (has_head(user, HEAD_GUARD) && guard_owns(user))
        return guard_check((const uint8_t *)user - GUARD_HEAD_BYTES, slot) -
               GUARD_HEAD_BYTES;
    if (!has_head(user, HEAD_LIVE))
        head_broken(user);
    head = head_load(user);
    *slot = head_slot(head);
    if (tail_of(user, head_bytes(head))->magic != TAIL)
        block_overrun(user, *slot, head_bytes(head));
    return head_bytes(head);
}

/* A block of the same class that only changes its bytes, or its type. */
static bool
resize_in_place(struct mem_type *type, void *p, size_t bytes)
{
    uint32_t id = id_of(type);
    uint64_t head;

    if (UNDER_ASAN || !has_head(p, HEAD_LIVE) || id != (id & TYPE_SLOT) ||
        bytes > HEAP_BYTES_MAX)
        return false;
    head = head_load(p);
    if (heap_class_for(bytes) != head_class(head))
        return false;
    mem_account_sub(head_slot(head), head_bytes(head), 1);
    mem_account_add(id, bytes, 1);
    seal(p, id, head_class(head), bytes);
    return true;
}

void *
mem_realloc(struct mem_type *type, void *p, size_t bytes)
{
    size_t old_bytes, align;
    uint32_t slot;
    void *q;

    if (p == NULL)
        return mem_alloc(type, bytes);
    old_bytes = block_checked(p, &slot, &align);
    if (resize_in_place(type, p, bytes))
        return p;
    q = mem_alloc_aligned(type, align, bytes);
    if (q == NULL)
        return NULL;
    memcpy(q, p, old_bytes < bytes ? old_bytes : bytes);
    mem_free(p);
    return q;
}

size_t
mem_usable_bytes(const void *p)
{
    uint32_t slot;
    size_t align;

    return block_checked(p, &slot, &align);
}

void *
mem_memdup(struct mem_type *type, const void *p, size_t bytes)
{
    void *q = mem_alloc(type, bytes);

    if (q != NULL && bytes > 0)
        memcpy(q, p, bytes);
    return q;
}

char *
mem_strdup(struct mem_type *type, const char *s)
{
    return mem_memdup(type, s, strlen(s) + 1);
}

char *
mem_strndup(struct mem_type *type, const char *s, size_t max)
{
    size_t len = strnlen(s, max);
    char *q = mem_alloc(type, len + 1);

    if (q == NULL)
        return NULL;
    memcpy(q, s, len);
    q[len] = '\0';
    return q;
}

char *
mem_vasprintf(struct mem_type *type, const char *fmt, va_list ap)
{
    va_list again;
    char *q;
    int len;

    va_copy(again, ap);
    len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    must(len >= 0);
    q = mem_alloc(type, (size_t)len + 1);
    if (q != NULL)
        must(vsnprintf(q, (size_t)len + 1, fmt, ap) == len);
    return q;
}

char *
mem_asprintf(struct mem_type *type, const char *fmt, ...)
{
    va_list ap;
    char *q;

    va_start(ap, fmt);
    q = mem_vasprintf(type, fmt, ap);
    va_end(ap);
    return q;
}

void *
mem_lib_malloc(size_t bytes)
{
    return mem_alloc(&mt_lib, bytes);
}

void *
mem_lib_realloc(void *p, size_t bytes)
{
    return mem_realloc(&mt_lib, p, bytes);
}

void
mem_lib_free(void *p)
{
    mem_free(p);
}
