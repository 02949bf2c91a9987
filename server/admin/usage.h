/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel counts of this process. */
#ifndef CLINKER_SERVER_ADMIN_USAGE_H
#define CLINKER_SERVER_ADMIN_USAGE_H

#include <stdint.h>

uint64_t usage_resident_bytes(void); /* 0: not to be had */

#endif
