/* SPDX-License-Identifier: BSD-2-Clause */
/* Which word was meant. */
#ifndef CLINKER_CLI_NEAREST_H
#define CLINKER_CLI_NEAREST_H

#include <stddef.h>

/* The one of `words` that is least far from `word`, NULL when none is near. */
const char *nearest(const char *word, const char *const *words, size_t count);

#endif
