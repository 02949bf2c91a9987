/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Freed blocks of types that are poisoned wait here before their memory is
 * used again, so that a late write to one is found and is harmless.  Private to
 * mem/.
 */
#ifndef CLINKER_MEM_QUARANTINE_H
#define CLINKER_MEM_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quarantined {
    void *block;  /* where its contents start */
    size_t bytes; /* of them */
    uint32_t slot;
    /* Called when its time has come, without a lock. */
    void (*release)(void *owner, void *block);
    void *owner;
    uint64_t hash; /* quarantine.c's */
};

/* From now on nobody may change the contents: whoever did, even by one byte,
 * is reported by type when the block leaves.  May release others. */
void quarantine_put(const struct quarantined *q);
/* Release those of one owner, or all (NULL); returns their bytes.  No release
 * for that one owner is under way any more, by whatever thread. */
size_t quarantine_flush(const void *owner);
uint64_t quarantine_bytes(void);

#endif
