/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Growth: as many threads as there are items that may run at the same time.
 * A class that fills its limit asks for no more than its limit; items that
 * still run above a limit that was lowered keep their threads.
 */
#include "iothreads/scale.h"

#include "mem/must.h"

/* Threads that one class can keep busy.  64 bits: queued may be anything. */
static uint64_t
class_wants(uint64_t queued, uint64_t running, uint64_t limit)
{
    uint64_t wants = queued + running;

    if (wants > limit)
        wants = limit;
    return wants > running ? wants : running;
}

uint32_t
iot_scale_up(const struct iot_load *load, const struct iot_limits *limits)
{
    uint64_t running = 0;
    uint64_t wanted = 0;

    for (int c = 0; c < IOT_CLASSES; c++) {
        running += load->running[c];
        wanted += class_wants(load->queued[c], load->running[c],
                              limits->class_max[c]);
    }
    must(running + load->sleeping <= load->threads);

    if (wanted > limits->threads_max)
        wanted = limits->threads_max;
    if (wanted < 1)
        wanted = 1;
    /* Threads that sleep, or are on their way to their next item, are among
     * load->threads and thus taken into account. */
    return wanted > load->threads ? (uint32_t)(wanted - load->threads) : 0;
}
