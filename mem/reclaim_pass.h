/* SPDX-License-Identifier: BSD-2-Clause */
/* One walk over the shrinkers, by whichever thread may.  Private to mem/. */
#ifndef CLINKER_MEM_RECLAIM_PASS_H
#define CLINKER_MEM_RECLAIM_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reclaimed {
    uint64_t claimed_bytes;  /* what shrinkers say they gave, to mem/ mostly */
    uint64_t returned_bytes; /* what the kernel was given by this thread */
};

/* Until want_bytes are with the kernel or everybody was asked; SIZE_MAX: all
 * there is.  leaf: leaf shrinkers only, else the caller holds no mutex, and no
 * other thread may be in such a pass. */
struct reclaimed reclaim_pass(size_t want_bytes, bool leaf);

/* How long a reclaimer rests after a pass that gave nothing: given how long it
 * did the last time (0: the last pass gave something) and whether memory is
 * below min. */
uint64_t reclaim_rest_ns(uint64_t last_ns, bool below_min);

#endif
