/* SPDX-License-Identifier: BSD-2-Clause */
/* Random numbers for sampling: fast, of each thread's own, no secret.
 * Private to mem/. */
#ifndef CLINKER_MEM_RANDOM_H
#define CLINKER_MEM_RANDOM_H

#include <stdint.h>

uint64_t random_u64(void);
/* Exponentially distributed: how long until the next event of a Poisson
 * process that has one in every `mean` on average. */
double random_exponential(double mean);

#endif
