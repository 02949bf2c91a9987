/* SPDX-License-Identifier: BSD-2-Clause */
/* Which word was meant: commands, options. */
#ifndef CLINKER_SERVER_CORE_NEAREST_H
#define CLINKER_SERVER_CORE_NEAREST_H

#include <stddef.h>

/* The one of `words` that is least far from `word` (Levenshtein), the first of
 * several; NULL when none is near.  The pointer is that in `words`. */
const char *nearest(const char *word, const char *const *words, size_t count);

#endif
