/* SPDX-License-Identifier: BSD-2-Clause */
/* Words that commands and the statedump have for memory. */
#ifndef CLINKER_SERVER_ADMIN_MEMORY_WORDS_H
#define CLINKER_SERVER_ADMIN_MEMORY_WORDS_H

#include "mem/growth.h"
#include "mem/limit.h"

extern const char *const memory_level_name[];              /* by mem_level */
extern const char *const memory_importance_name[MEM_IMPORTANCES];
extern const char *const memory_span_name[MEM_GROWTH_SPANS]; /* "minutes" */

#endif
