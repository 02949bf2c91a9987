/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel counts of this process. */
#ifndef CLINKER_SERVER_ADMIN_USAGE_H
#define CLINKER_SERVER_ADMIN_USAGE_H

#include <stdint.h>

uint64_t usage_resident_bytes(void); /* 0: not to be had */

/* Page faults: since the process began, and in a second, between the last two
 * looks that were a second apart at least (the first: since it began). */
struct usage_faults {
    uint64_t minor, major;
    double minor_per_s, major_per_s;
    uint64_t interval_ns; /* between those looks */
};
void usage_faults_read(struct usage_faults *out);

#endif
