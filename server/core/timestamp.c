/* SPDX-License-Identifier: BSD-2-Clause */
/* The peer's form of a time, which its scripts read. */
#include "server/core/timestamp.h"

#include <stdio.h>
#include <string.h>

#include "mem/must.h"

char *
timestamp_format(char out[TIMESTAMP_BYTES], const struct timespec *t,
                 bool local_time)
{
    char date[32], zone[8];
    struct tm tm;

    must(t->tv_nsec >= 0 && t->tv_nsec < 1000000000);
    /* Years that do not fit an int. */
    if ((local_time ? localtime_r(&t->tv_sec, &tm)
                    : gmtime_r(&t->tv_sec, &tm)) == NULL ||
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm) == 0 ||
        strftime(zone, sizeof(zone), "%z", &tm) == 0)
        return strcpy(out, "N/A");
    (void)snprintf(out, TIMESTAMP_BYTES, "%s.%06u %s", date,
                   (unsigned)t->tv_nsec / 1000 % 1000000, zone);
    return out;
}

char *
timestamp_now(char out[TIMESTAMP_BYTES], bool local_time)
{
    struct timespec now;

    must(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return timestamp_format(out, &now, local_time);
}
