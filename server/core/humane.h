/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers as people read them. */
#ifndef CLINKER_SERVER_CORE_HUMANE_H
#define CLINKER_SERVER_CORE_HUMANE_H

#include <stdint.h>

enum { HUMANE_BYTES = 32 };

/* "0 B", "1.5 KiB", "512 MiB"; three digits at most.  Returns out. */
char *humane_size(char out[HUMANE_BYTES], uint64_t bytes);
/* "12s", "3m 5s", "2d 4h": the two largest units.  Returns out. */
char *humane_duration(char out[HUMANE_BYTES], int64_t seconds);

/* "850 us", "12.3 ms", "1.5 s"; three digits at most below 1000 s.  Returns
 * out. */
char *humane_ns(char out[HUMANE_BYTES], uint64_t ns);

/* The same, in a temporary that lives to the end of the enclosing block. */
#define HUMANE_SIZE(n) humane_size((char[HUMANE_BYTES]){0}, (uint64_t)(n))
#define HUMANE_DURATION(n) humane_duration((char[HUMANE_BYTES]){0}, (n))
#define HUMANE_NS(n) humane_ns((char[HUMANE_BYTES]){0}, (uint64_t)(n))

#endif
