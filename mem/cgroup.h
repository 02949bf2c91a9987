/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits on memory from outside the process.  Private to mem/; its users call
 * mem_limit_of_machine(). */
#ifndef CLINKER_MEM_CGROUP_H
#define CLINKER_MEM_CGROUP_H

#include <stdint.h>

/* As mem_limit_of_machine(), with /proc and /sys below `root` ("" for the real
 * ones; less than 256 bytes): tests plant files there. */
uint64_t cgroup_limit_of_machine(const char *root, const char **from);

#endif
