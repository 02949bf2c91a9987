/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/bench/mem_lanes.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "mem/clock.h"
#include "mem/must.h"

enum { SPINS = 64, YIELDS = 80, NAP_NS = 50000 };

struct lanes {
    void (*fn)(struct lane *lane, bool warm);
    pthread_barrier_t barrier;
    struct lane each[LANES_MAX];
};

static struct lanes lanes; /* too large for a stack, and used once at a time */

uint64_t
lane_wait_begin(void)
{
    return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

void
lane_wait_end(struct lane *lane, uint64_t began)
{
    lane->waits++;
    lane->wait_ns += clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - began;
}

void
lane_wait_once(unsigned *tries)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};

    ++*tries;
    if (*tries < SPINS)
        __builtin_ia32_pause();
    else if (*tries < YIELDS)
        (void)sched_yield();
    else
        (void)nanosleep(&nap, NULL); /* woken early is fine */
}

static void *
lane_main(void *arg)
{
    struct lane *lane = arg;

    lane->lanes->fn(lane, true);
    lane->waits = lane->wait_ns = lane->ops = 0;
    (void)pthread_barrier_wait(&lane->lanes->barrier); /* all are warm */
    (void)pthread_barrier_wait(&lane->lanes->barrier); /* the clock runs */
    lane->start_ns = clock_ns();
    lane->lanes->fn(lane, false);
    lane->end_ns = clock_ns();
    return NULL;
}

void
lanes_run(unsigned count, void (*fn)(struct lane *lane, bool warm), void *arg,
          struct lanes_result *out)
{
    uint64_t cpu_ns, start_ns = UINT64_MAX, end_ns = 0;

    must(count > 0 && count <= LANES_MAX);
    *out = (struct lanes_result){0};
    memset(lanes.each, 0, sizeof(lanes.each));
    lanes.fn = fn;
    must(pthread_barrier_init(&lanes.barrier, NULL, count + 1) == 0);
    for (unsigned i = 0; i < count; i++) {
        struct lane *lane = &lanes.each[i];

        lane->index = i;
        lane->count = count;
        lane->random = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
        lane->arg = arg;
        lane->lanes = &lanes;
        must(pthread_create(&lane->thread, NULL, lane_main, lane) == 0);
    }
    (void)pthread_barrier_wait(&lanes.barrier);
    cpu_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
    (void)pthread_barrier_wait(&lanes.barrier);
    for (unsigned i = 0; i < count; i++)
        must(pthread_join(lanes.each[i].thread, NULL) == 0);
    /* The ends of threads, and what they give back then, are part of it. */
    cpu_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
    must(pthread_barrier_destroy(&lanes.barrier) == 0);
    for (unsigned i = 0; i < count; i++) {
        const struct lane *lane = &lanes.each[i];

        out->ops += lane->ops;
        out->waits += lane->waits;
        cpu_ns -= lane->wait_ns < cpu_ns ? lane->wait_ns : cpu_ns;
        if (lane->start_ns < start_ns)
            start_ns = lane->start_ns;
        if (lane->end_ns > end_ns)
            end_ns = lane->end_ns;
    }
    must(out->ops > 0);
    out->cpu_ns = (double)cpu_ns / (double)out->ops;
    out->wall_ns =
        (double)(end_ns - start_ns) * count / (double)out->ops;
}

void *
lanes_map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    must(p != MAP_FAILED);
    return p;
}
