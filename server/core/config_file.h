/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of a native configuration file.  Private to core/ and its tests. */
#ifndef CLINKER_SERVER_CORE_CONFIG_FILE_H
#define CLINKER_SERVER_CORE_CONFIG_FILE_H

#include <stddef.h>

#include "server/core/options.h"

struct options_stage;

enum { CONFIG_BYTES_MAX = 1 << 20, CONFIG_LINE_BYTES_MAX = 16384 };

/* Reads text into the stage; 0, -ENOENT for an unknown key, -EINVAL, -ERANGE,
 * -ENOMEM with "file:line: what" in err. */
int config_parse(struct options_stage *stage, const char *text, size_t bytes,
                 const char *file, char err[OPTION_ERROR_BYTES]);

#endif
