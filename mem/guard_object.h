/* SPDX-License-Identifier: BSD-2-Clause */
/* A guard object as the files that make and report them know it.  Private to
 * guard*.c. */
#ifndef CLINKER_MEM_GUARD_OBJECT_H
#define CLINKER_MEM_GUARD_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/os_pages.h"

enum {
    GUARD_OBJECTS = 64,
    /* One before the first, and one behind each. */
    GUARD_PAGES = 2 * GUARD_OBJECTS + 1,
    GUARD_FRAMES = 16,
};

/* Where something happened. */
struct guard_site {
    int tid;
    unsigned frames_count;
    void *frames[GUARD_FRAMES];
};

enum guard_state { GUARD_UNUSED, GUARD_LIVE, GUARD_FREED };

/* Of one slot: the block that is on its page, or was last. */
struct guard_object {
    _Atomic(int) state; /* enum guard_state */
    uint32_t slot;      /* of the type */
    uint32_t bytes;
    uint32_t head_bytes; /* of those, at the start; the allocator's own */
    uintptr_t start;
    const char *module, *name; /* of the type; static text */
    struct guard_site allocated, freed;
    uint16_t next; /* [guard.mtx] in the queue of freed ones */
};

/* Whatever addr is: the number of the page, or -1 where it is not ours. */
int guard_page(uintptr_t addr);
struct guard_object *guard_object_at(unsigned i);

/* Why a free is wrong, and the end. */
void guard_report_free(const struct guard_object *obj, uintptr_t start)
    __attribute__((noreturn, cold));
/* What lies at `addr`, on the block's page, was overwritten. */
void guard_report_damage(const struct guard_object *obj, uintptr_t addr)
    __attribute__((noreturn, cold));

#endif
