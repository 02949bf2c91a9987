/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks that are not simply one of a size class: large ones, aligned ones, and
 * those of types that are traced or poisoned.  They have a longer head:
 *
 *     base … │ struct special, its last word the usual head │ bytes │ zone
 *
 * The usual head is marked, so that mem_free() comes here.  Private to mem/.
 */
#ifndef CLINKER_MEM_SPECIAL_H
#define CLINKER_MEM_SPECIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/heap.h"

struct special {
    uint64_t bytes;       /* as asked for */
    uint64_t whole_bytes; /* of the run of pages; 0: a class's block */
    uint32_t offset;      /* from base to user */
    uint16_t class;       /* as heap.h has it */
    uint8_t align_log2;   /* of user, as asked for */
    uint8_t marks;        /* SPECIAL_… */
    struct head head;
};

enum {
    SPECIAL_TRACED = 1,   /* trace_freed() wants to know */
    SPECIAL_POISONED = 2, /* filled, with a red zone, and to be quarantined */
};

_Static_assert(sizeof(struct special) == 32, "keeps user aligned");

/* align: a power of two, at most 1 MiB.  Charged to the slot.  NULL: no
 * memory. */
void *special_new(uint32_t slot, size_t bytes, size_t align, unsigned marks,
                  bool zero);
/* The special in front of a live block whose head says that there is one,
 * checked; what is wrong ends the process. */
struct special special_checked(const void *user);
void special_free(void *user);

/* An overrun or a broken head: says what is known, and ends the process. */
void block_overrun(const void *user, uint32_t slot, size_t bytes)
    __attribute__((noreturn, cold));
const char *block_type_name(uint32_t slot, char *text, size_t text_bytes);

#endif
