/* SPDX-License-Identifier: BSD-2-Clause */
/* How many threads the pool should have: a pure function, so that it can be
 * tested without threads. */
#ifndef CLINKER_IOTHREADS_SCALE_H
#define CLINKER_IOTHREADS_SCALE_H

#include <stdint.h>

#include "iothreads/pool.h"

struct iot_load {
    uint32_t queued[IOT_CLASSES];
    uint32_t running[IOT_CLASSES];
    uint32_t threads;
    uint32_t sleeping;
};

/* Threads to start now, 0 or more. */
uint32_t iot_scale_up(const struct iot_load *load,
                      const struct iot_limits *limits);
#endif
