/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/admin/memory_words.h"

const char *const memory_level_name[] = {
    [MEM_PLENTY] = "plenty",
    [MEM_BELOW_HIGH] = "below high",
    [MEM_BELOW_LOW] = "below low",
    [MEM_BELOW_MIN] = "below min",
};

const char *const memory_importance_name[MEM_IMPORTANCES] = {
    [MEM_FOR_INTERNAL] = "internal",
    [MEM_FOR_SLOW] = "slow",
    [MEM_FOR_USERS] = "users",
    [MEM_FOR_SERVER] = "server",
};

const char *const memory_span_name[MEM_GROWTH_SPANS] = {
    [MEM_GROWTH_MINUTES] = "minutes",
    [MEM_GROWTH_HOURS] = "hours",
    [MEM_GROWTH_DAYS] = "days",
};
