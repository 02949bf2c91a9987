/* SPDX-License-Identifier: BSD-2-Clause */
/* The option --select of the benchmarks' programs. */
#ifndef CLINKER_TESTS_BENCH_SELECT_H
#define CLINKER_TESTS_BENCH_SELECT_H

#include <stdbool.h>
#include <string.h>

/* Is `name` among these, which commas separate?  NULL: all are. */
static inline bool
is_selected(const char *select, const char *name)
{
    size_t bytes = strlen(name);

    for (const char *p = select; p != NULL; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, name, bytes) == 0 && (p[bytes] == ',' || !p[bytes]))
            return true;
    }
    return select == NULL;
}

#endif
