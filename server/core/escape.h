/* SPDX-License-Identifier: BSD-2-Clause */
/* Text from outside made safe for one line of a log or a dump. */
#ifndef CLINKER_SERVER_CORE_ESCAPE_H
#define CLINKER_SERVER_CORE_ESCAPE_H

#include <stddef.h>

/* Copies `bytes` bytes to out and adds a NUL; control characters become \xNN,
 * so that nobody can begin a line of his own or talk to a terminal.  Cut, never
 * within an escape, when out_bytes (at least 1) do not do.  Returns how many
 * bytes were written without the NUL; *cut, if not NULL, says whether all
 * were. */
size_t escape_line(char *out, size_t out_bytes, const char *text, size_t bytes,
                   _Bool *cut);

#endif
