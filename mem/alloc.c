/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Typed allocations over the C library's allocator; nothing else in the
 * project calls that.
 *
 *     base                        user
 *     │ (alignment) │ head 16 B   │ bytes asked for │ tail 4 B │
 *
 * The head's magic is mixed with the block's address, so that a head that was
 * copied with its block is not taken for one.  No byte of the tail is zero or
 * printable: the usual overrun, by a string's end, changes it.
 *
 * A freed block gets a tombstone besides a dead head, since the C library uses
 * the first 16 bytes of what it has back, the first 32 of larger blocks.  The
 * tombstone is put behind that and stays until the memory is used again: it
 * tells a doubled free from a foreign one.
 *
 * A type is charged what was asked for; heads, tails and alignment are on a
 * line of their own.
 */
#include "mem/alloc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/poison.h"

enum {
    HEAD_BYTES = 16,
    TAIL_BYTES = 4,
    TOMB_BYTES = 8,
    TOMB_OFFSET = 16, /* where the block is large enough, else 0 */
    ALIGN_MAX = 1 << 20,
};

#define HEAD_LIVE 0x6d454d2bu
#define HEAD_DEAD 0x7e8a1d0fu
#define TOMB 0x9c0ffe1du
#define TAIL 0xb1d7e39du

struct head {
    uint32_t magic;
    uint16_t slot;       /* of the type */
    uint16_t align_log2; /* user - base is this power of two, 16 at least */
    uint64_t bytes;      /* as asked for */
};

_Static_assert(sizeof(struct head) == HEAD_BYTES, "keeps 16 byte alignment");
_Static_assert(MEM_TYPES_MAX <= UINT16_MAX, "a slot fits the head");

/* Lies wherever the bytes asked for end.  Read as this and not by memcpy,
 * which is the sanitizer's and would look whether it may. */
struct tail {
    uint32_t magic;
} __attribute__((packed, may_alias));

struct tomb {
    uint32_t magic;
    uint32_t slot;
};

MEM_TYPE(mt_overhead, "mem", "block overhead");
MEM_TYPE(mt_lib, "lib", "event");

static inline uint32_t
mix(uint32_t magic, const void *user)
{
    return magic ^ (uint32_t)((uintptr_t)user >> 4);
}

static inline struct head *
head_of(const void *user)
{
    return (struct head *)((uintptr_t)user - HEAD_BYTES);
}

static inline uint8_t *
base_of(const void *user, unsigned align_log2)
{
    return (uint8_t *)((uintptr_t)user - ((size_t)1 << align_log2));
}

static inline size_t
overhead(unsigned align_log2)
{
    return ((size_t)1 << align_log2) + TAIL_BYTES;
}

/* Of the whole block, room for the tombstone included; 0: too large. */
static inline size_t
block_bytes(unsigned align_log2, size_t bytes)
{
    size_t room_bytes;

    if (__builtin_add_overflow(bytes, overhead(align_log2), &room_bytes) ||
        room_bytes > PTRDIFF_MAX)
        return 0;
    if (bytes < TOMB_BYTES - TAIL_BYTES)
        room_bytes += TOMB_BYTES - TAIL_BYTES - bytes;
    return room_bytes;
}

static const char *
slot_name(uint32_t slot, char *text, size_t text_bytes)
{
    const struct mem_type *type = mem_account_type(slot);

    if (type == NULL)
        (void)snprintf(text, text_bytes, "no type (%u)", slot);
    else
        (void)snprintf(text, text_bytes, "%s %s", type->module, type->name);
    return text;
}

static POISON_BLIND void __attribute__((noreturn, cold))
head_broken(const void *user, const struct head *h)
{
    const struct tomb *tomb = (const void *)((uintptr_t)user + TOMB_OFFSET);
    char name[128];

    if (tomb->magic != mix(TOMB, user))
        tomb = user;
    if (tomb->magic == mix(TOMB, user))
        must_panic("mem: double free of %p, a block of %s", user,
                   slot_name(tomb->slot, name, sizeof(name)));
    if (h->magic == mix(HEAD_DEAD, user))
        must_panic("mem: double free of %p, a block of %s", user,
                   slot_name(h->slot, name, sizeof(name)));
    must_panic("mem: %p is no block of ours or its head was overwritten "
               "(says %s)",
               user, slot_name(h->slot, name, sizeof(name)));
}

static void __attribute__((noreturn, cold))
tail_broken(const void *user, const struct head *h)
{
    char name[128];

    must_panic("mem: overrun behind %p, a block of %s with %zu bytes", user,
               slot_name(h->slot, name, sizeof(name)), (size_t)h->bytes);
}

/* A copy of the head of a block that is live and whole. */
static POISON_BLIND struct head
head_checked(const void *user)
{
    const struct head *h = head_of(user);
    const struct tail *tail;
    struct head copy;

    if (__builtin_expect(((uintptr_t)user & (HEAD_BYTES - 1)) != 0, 0))
        must_panic("mem: %p is no block of ours", user);
    if (__builtin_expect(h->magic != mix(HEAD_LIVE, user), 0))
        head_broken(user, h);
    copy = *h;
    tail = (const void *)((uintptr_t)user + copy.bytes);
    if (__builtin_expect(tail->magic != TAIL, 0))
        tail_broken(user, &copy);
    return copy;
}

static void *
block_seal(void *base, unsigned slot, unsigned align_log2, size_t bytes)
{
    uint8_t *user = (uint8_t *)base + ((size_t)1 << align_log2);
    struct head *h = head_of(user);
    struct tail *tail = (void *)(user + bytes);

    h->magic = mix(HEAD_LIVE, user);
    h->slot = (uint16_t)slot;
    h->align_log2 = (uint16_t)align_log2;
    h->bytes = bytes;
    tail->magic = TAIL;
    poison(base, (size_t)1 << align_log2);
    poison(user + bytes, block_bytes(align_log2, bytes) -
                             ((size_t)1 << align_log2) - bytes);
    return user;
}

/* Kept from the optimiser, to which a store before free() is a dead one. */
static void
block_bury(void *user, const struct head *was, bool leave_tomb)
{
    volatile struct head *h = head_of(user);
    volatile struct tomb *tomb = user;

    if (was->bytes >= TOMB_OFFSET + TOMB_BYTES)
        tomb = (volatile void *)((uintptr_t)user + TOMB_OFFSET);
    h->magic = mix(HEAD_DEAD, user);
    if (!leave_tomb)
        return;
    tomb->magic = mix(TOMB, user);
    tomb->slot = was->slot;
}

static void
charge(uint32_t slot, unsigned align_log2, size_t bytes)
{
    mem_account_add(slot, bytes, 1);
    mem_account_add(mem_account_slot(&mt_overhead), overhead(align_log2), 1);
}

static void
discharge(const struct head *h)
{
    mem_account_sub(h->slot, h->bytes, 1);
    mem_account_sub(mem_account_slot(&mt_overhead), overhead(h->align_log2), 1);
}

static void *
refuse(struct mem_type *type)
{
    mem_account_failure(type);
    errno = ENOMEM;
    return NULL;
}

static inline void *
block_new(struct mem_type *type, unsigned align_log2, size_t bytes, bool zero)
{
    uint32_t slot = mem_account_slot(type);
    size_t whole_bytes = block_bytes(align_log2, bytes);
    void *base = NULL;

    if (__builtin_expect(whole_bytes == 0, 0))
        return refuse(type);
    if (align_log2 > 4) {
        if (posix_memalign(&base, (size_t)1 << align_log2, whole_bytes) != 0)
            base = NULL;
    } else {
        base = zero ? calloc(1, whole_bytes) : malloc(whole_bytes);
    }
    if (__builtin_expect(base == NULL, 0))
        return refuse(type);
    charge(slot, align_log2, bytes);
    return block_seal(base, slot, align_log2, bytes);
}

void *
mem_alloc(struct mem_type *type, size_t bytes)
{
    return block_new(type, 4, bytes, false);
}

void *
mem_zalloc(struct mem_type *type, size_t bytes)
{
    return block_new(type, 4, bytes, true);
}

void *
mem_calloc(struct mem_type *type, size_t n, size_t bytes)
{
    size_t all_bytes;

    if (__builtin_mul_overflow(n, bytes, &all_bytes))
        return refuse(type);
    return block_new(type, 4, all_bytes, true);
}

void *
mem_alloc_aligned(struct mem_type *type, size_t align, size_t bytes)
{
    must(align > 0 && align <= ALIGN_MAX && (align & (align - 1)) == 0);
    if (align <= HEAD_BYTES)
        return block_new(type, 4, bytes, false);
    return block_new(type, (unsigned)__builtin_ctzl(align), bytes, false);
}

/* An aligned block stays aligned, which realloc() would not see to. */
static void *
realloc_aligned(struct mem_type *type, void *p, const struct head *h,
                size_t bytes)
{
    void *q = block_new(type, h->align_log2, bytes, false);

    if (q == NULL)
        return NULL;
    memcpy(q, p, h->bytes < bytes ? h->bytes : bytes);
    mem_free(p);
    return q;
}

void *
mem_realloc(struct mem_type *type, void *p, size_t bytes)
{
    uint32_t slot = mem_account_slot(type);
    size_t whole_bytes;
    struct head h;
    void *base;

    if (p == NULL)
        return mem_alloc(type, bytes);
    h = head_checked(p);
    whole_bytes = block_bytes(h.align_log2, bytes);
    if (whole_bytes == 0)
        return refuse(type);
    if (h.align_log2 > 4)
        return realloc_aligned(type, p, &h, bytes);
    base = base_of(p, h.align_log2);
    unpoison(base, block_bytes(h.align_log2, h.bytes));
    /* Dead while realloc() may move it: what is left behind must not pass. */
    block_bury(p, &h, false);
    base = realloc(base, whole_bytes);
    if (base == NULL) {
        (void)block_seal(base_of(p, h.align_log2), h.slot, h.align_log2,
                         h.bytes);
        return refuse(type);
    }
    discharge(&h);
    charge(slot, h.align_log2, bytes);
    return block_seal(base, slot, h.align_log2, bytes);
}

void
mem_free(void *p)
{
    struct head h;

    if (p == NULL)
        return;
    h = head_checked(p);
    discharge(&h);
    unpoison(base_of(p, h.align_log2), block_bytes(h.align_log2, h.bytes));
    block_bury(p, &h, true);
    free(base_of(p, h.align_log2));
}

size_t
mem_usable_bytes(const void *p)
{
    return head_checked(p).bytes;
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
