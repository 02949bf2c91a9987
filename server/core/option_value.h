/* SPDX-License-Identifier: BSD-2-Clause */
/* From an option's text to its value, and back where a number hides two
 * meanings.  Pure; private to core/. */
#ifndef CLINKER_SERVER_CORE_OPTION_VALUE_H
#define CLINKER_SERVER_CORE_OPTION_VALUE_H

#include "server/core/options.h"

enum { OPTION_VALUE_BYTES_MAX = 16384 }; /* with the NUL */

struct option_value {
    /* Numbers; booleans; for choices the position in the list; for percent or
     * size see option_percent(); 0 for texts. */
    int64_t number;
    /* To be kept: the given text, or the list's spelling of a choice. */
    const char *text;
    size_t text_bytes; /* without a NUL; text may go on behind it */
};

/* 0, -EINVAL or -ERANGE with a line in err. */
int option_value_parse(const struct option_def *def, const char *text,
                       struct option_value *out, char err[OPTION_ERROR_BYTES]);

/* Whether the number of a percent or size is a percentage. */
bool option_percent(int64_t number, double *percent, uint64_t *bytes);

#endif
