/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of shrinkers as reclaim walks it.  Private to mem/. */
#ifndef CLINKER_MEM_SHRINKER_H
#define CLINKER_MEM_SHRINKER_H

#include <stdbool.h>
#include <stddef.h>

#include "mem/reclaim.h"

/* The first shrinker (before: NULL) or the one after `before`, which is let
 * go; only leaves if so wanted.  It stays until it is let go.  NULL: no more.
 */
struct mem_shrinker *shrinker_next(struct mem_shrinker *before, bool leaf);
/* To end a walk early. */
void shrinker_let_go(struct mem_shrinker *s);
/* Ask one that is held; no mutex of mem/ may be. */
size_t shrinker_ask(struct mem_shrinker *s, size_t want_bytes);

#endif
