/* SPDX-License-Identifier: BSD-2-Clause */
/* Wall-clock time as logs and statedumps show it. */
#ifndef CLINKER_SERVER_CORE_TIMESTAMP_H
#define CLINKER_SERVER_CORE_TIMESTAMP_H

#include <stdbool.h>
#include <time.h>

enum { TIMESTAMP_BYTES = 48 };

/* "YYYY-MM-DD HH:MM:SS.uuuuuu +zzzz".  Returns out. */
char *timestamp_format(char out[TIMESTAMP_BYTES], const struct timespec *t,
                       bool local_time);
char *timestamp_now(char out[TIMESTAMP_BYTES], bool local_time);

#endif
