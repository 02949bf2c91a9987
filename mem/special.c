/* SPDX-License-Identifier: BSD-2-Clause */
#include "mem/special.h"

#include <stdio.h>
#include <string.h>

#include "mem/account_slot.h"
#include "mem/must.h"
#include "mem/page_run.h"
#include "mem/poison.h"
#include "mem/quarantine.h"
#include "mem/trace_hook.h"

enum {
    ZONE_BYTES = 32, /* behind a poisoned block, at least */
    FILL_NEW = 0xa5,
    FILL_ZONE = 0xb7,
    FILL_FREED = 0xd9,
};

static inline const struct special *
special_of(const void *user)
{
    return (const struct special *)((uintptr_t)user - sizeof(struct special));
}

static uint32_t
slot_of(const struct special *sp)
{
    return sp->head.slot_and_class & HEAD_SLOT;
}

const char *
block_type_name(uint32_t slot, char *text, size_t text_bytes)
{
    const struct mem_type *type = mem_account_type(slot);

    if (type == NULL)
        (void)snprintf(text, text_bytes, "no type (%u)", slot);
    else
        (void)snprintf(text, text_bytes, "%s %s", type->module, type->name);
    return text;
}

void
block_overrun(const void *user, uint32_t slot, size_t bytes)
{
    char name[128];

    must_panic("mem: overrun behind %p, a block of %s with %zu bytes", user,
               block_type_name(slot, name, sizeof(name)), bytes);
}

/* Bytes behind the block that are filled and checked. */
static size_t
zone_bytes(unsigned marks)
{
    return (marks & SPECIAL_POISONED) != 0 ? ZONE_BYTES : TAIL_BYTES;
}

static POISON_BLIND void
zone_fill(uint8_t *end, unsigned marks)
{
    if ((marks & SPECIAL_POISONED) == 0) {
        ((struct tail *)(void *)end)->magic = TAIL;
        return;
    }
    for (size_t i = 0; i < ZONE_BYTES; i++)
        end[i] = FILL_ZONE;
}

static POISON_BLIND bool
zone_is_whole(const uint8_t *end, unsigned marks)
{
    BLIND_SCOPE();

    if ((marks & SPECIAL_POISONED) == 0)
        return ((const struct tail *)(const void *)end)->magic == TAIL;
    for (size_t i = 0; i < ZONE_BYTES; i++) {
        if (end[i] != FILL_ZONE)
            return false;
    }
    return true;
}

/* Memory for `whole` bytes; sets class or whole_bytes. */
static uint8_t *
base_take(struct special *sp, size_t whole, bool zero)
{
    uint8_t *base;

    if (whole <= HEAP_BYTES_MAX) {
        sp->class = (uint16_t)heap_class_for(whole);
        base = heap_take(mem_thread_make(), sp->class);
        if (base == NULL)
            return NULL;
        return base + HEAD_BYTES;
    }
    if (whole > PTRDIFF_MAX - PAGE_BYTES)
        return NULL;
    sp->whole_bytes = (whole + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    base = page_run_take(sp->whole_bytes, PAGE_BLOCK, zero);
    if (base != NULL)
        mem_account_add(mem_account_slot(&heap_slack), sp->whole_bytes, 1);
    return base;
}

static POISON_BLIND void
inner_seal(void *inner, uint32_t slot, uint32_t magic)
{
    BLIND_SCOPE();

    head_store(inner, magic, slot, UINT16_MAX);
}

static POISON_BLIND void
special_seal(void *user, struct special *sp, uint32_t slot, uint32_t magic)
{
    struct special *to = (struct special *)((uintptr_t)user - sizeof(*to));
    BLIND_SCOPE();

    *to = *sp;
    head_store(user, magic, slot, UINT16_MAX);
}

void *
special_new(uint32_t slot, size_t bytes, size_t align, unsigned marks,
            bool zero)
{
    struct special sp = {.bytes = bytes, .marks = (uint8_t)marks};
    size_t whole, front = sizeof(sp), taken;
    uint8_t *base, *user;

    if (align < HEAP_GRAIN_BYTES)
        align = HEAP_GRAIN_BYTES;
    /* A block is aligned to a grain, a run of pages to a page. */
    if (align > HEAP_GRAIN_BYTES)
        front += align;
    if (__builtin_add_overflow(bytes, front + zone_bytes(marks), &whole))
        return NULL;
    base = base_take(&sp, whole, zero);
    if (base == NULL)
        return NULL;
    taken = sp.whole_bytes != 0 ? sp.whole_bytes : whole;
    unpoison(base, taken);
    user = (uint8_t *)(((uintptr_t)base + sizeof(sp) + align - 1) &
                       ~(uintptr_t)(align - 1));
    sp.offset = (uint32_t)(user - base);
    sp.align_log2 = (uint8_t)__builtin_ctzl(align);
    if (sp.whole_bytes == 0)
        inner_seal(base, slot, HEAD_INNER);
    if (zero && sp.whole_bytes == 0)
        memset(user, 0, bytes);
    else if (!zero && (marks & SPECIAL_POISONED) != 0)
        memset(user, FILL_NEW, bytes);
    zone_fill(user + bytes, marks);
    mem_account_add(slot, bytes, 1);
    if ((marks & SPECIAL_TRACED) != 0 && !trace_allocated(slot, user, bytes))
        sp.marks &= (uint8_t)~SPECIAL_TRACED;
    special_seal(user, &sp, slot, HEAD_SPECIAL);
    poison(base, sp.offset);
    poison(user + bytes, (size_t)(base + taken - user) - bytes);
    /* mem_free() reads the head, before it knows whose it is. */
    mem_defined(head_of(user), HEAD_BYTES, true);
    mem_given(user, bytes, zero);
    return user;
}

/* The head in front of a block, poisoned but for its last word. */
static POISON_BLIND struct special
special_read(const void *user)
{
    struct special copy;

    {
        BLIND_SCOPE();
        copy = *special_of(user);
    }
    mem_defined(&copy, sizeof(copy), true);
    return copy;
}

static POISON_BLIND bool
inner_is_whole(const void *base)
{
    BLIND_SCOPE();

    return head_magic(base, head_load(base)) == HEAD_INNER;
}

/* The same, if it can be true. */
static struct special
special_known(const void *user)
{
    struct special copy = special_read(user);
    const void *base = (const uint8_t *)user - copy.offset;
    size_t room = copy.whole_bytes != 0 ? copy.whole_bytes : HEAP_BYTES_MAX;
    bool good = copy.offset <= room && copy.bytes <= room - copy.offset;
    char name[128];

    if (good && copy.whole_bytes != 0)
        good = (uintptr_t)base % PAGE_BYTES == 0;
    else if (good)
        good = inner_is_whole(base);
    if (!good)
        must_panic("mem: the head of %p, a block of %s, was overwritten", user,
                   block_type_name(slot_of(&copy), name, sizeof(name)));
    return copy;
}

struct special
special_checked(const void *user)
{
    struct special copy = special_known(user);

    if (!zone_is_whole((const uint8_t *)user + copy.bytes, copy.marks))
        block_overrun(user, slot_of(&copy), copy.bytes);
    return copy;
}

/* The memory of a block that is dead. */
static void
base_give(void *user, const struct special *sp)
{
    uint8_t *base = (uint8_t *)user - sp->offset;

    if (sp->whole_bytes != 0) {
        unpoison(base, sp->whole_bytes);
        mem_account_sub(mem_account_slot(&heap_slack), sp->whole_bytes, 1);
        page_run_give(base, sp->whole_bytes);
        return;
    }
    inner_seal(base, slot_of(sp), HEAD_DEAD);
    poison(base, sp->offset);
    heap_give(mem_thread_make(), sp->class, base - HEAD_BYTES);
}

static void
release_quarantined(void *owner, void *block)
{
    struct special sp = special_known(block);

    base_give(block, &sp);
}

/* Does it go to the quarantine?  Not when its type was poisoned only once. */
static bool
rests(const struct special *sp, uint32_t slot)
{
    if ((sp->marks & SPECIAL_POISONED) == 0 || sp->bytes == 0)
        return false;
    return UNDER_ASAN || (mem_account_marks(slot) &
                          (TYPE_POISONED | TYPE_WATCHED)) != 0;
}

void
special_free(void *user)
{
    struct special sp = special_checked(user);
    uint32_t slot = slot_of(&sp);

    if ((sp.marks & SPECIAL_TRACED) != 0)
        trace_freed(slot, user);
    mem_account_sub(slot, sp.bytes, 1);
    special_seal(user, &sp, slot, HEAD_DEAD);
    if (rests(&sp, slot)) {
        struct quarantined q = {
            .block = user,
            .bytes = sp.bytes,
            .slot = slot,
            .release = release_quarantined,
        };

        memset(user, FILL_FREED, sp.bytes);
        mem_taken_back(user, sp.bytes);
        quarantine_put(&q);
        return;
    }
    mem_taken_back(user, sp.bytes);
    base_give(user, &sp);
}
