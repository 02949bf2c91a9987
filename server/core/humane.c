/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/core/humane.h"

#include <inttypes.h>
#include <stdio.h>

#include "mem/must.h"

char *
humane_size(char out[HUMANE_BYTES], uint64_t bytes)
{
    static const char *const units[] = {"B",   "KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB"};
    double n = (double)bytes;
    size_t unit = 0;

    /* What would be rounded up to 1000 or more is of the next unit. */
    while (n >= 999.5 && unit + 1 < COUNT_OF(units)) {
        n /= 1024;
        unit++;
    }
    if (unit == 0 || n >= 99.95)
        (void)snprintf(out, HUMANE_BYTES, "%.0f %s", n, units[unit]);
    else
        (void)snprintf(out, HUMANE_BYTES, "%.1f %s", n, units[unit]);
    return out;
}

char *
humane_duration(char out[HUMANE_BYTES], int64_t seconds)
{
    int64_t s = seconds > 0 ? seconds : 0;

    if (s < 60)
        (void)snprintf(out, HUMANE_BYTES, "%" PRId64 "s", s);
    else if (s < 3600)
        (void)snprintf(out, HUMANE_BYTES, "%" PRId64 "m %" PRId64 "s", s / 60,
                       s % 60);
    else if (s < 86400)
        (void)snprintf(out, HUMANE_BYTES, "%" PRId64 "h %" PRId64 "m",
                       s / 3600, s % 3600 / 60);
    else
        (void)snprintf(out, HUMANE_BYTES, "%" PRId64 "d %" PRId64 "h",
                       s / 86400, s % 86400 / 3600);
    return out;
}

char *
humane_ns(char out[HUMANE_BYTES], uint64_t ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    double n = (double)ns;
    int i = 0;

    /* What rounds to 1000 belongs to the next unit. */
    while (i < 3 && n >= 999.5) {
        n /= 1000;
        i++;
    }
    (void)snprintf(out, HUMANE_BYTES, "%.*f %s",
                   i > 0 && n < 9.95 ? 2 : i > 0 && n < 99.5 ? 1 : 0, n,
                   units[i]);
    return out;
}
