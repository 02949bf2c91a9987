/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that do the same at the same time, and what that costs: the
 * process's CPU time less what the threads spent waiting for each other, which
 * says more about schedulers than about allocators; and wall time.
 *
 * Nothing here uses an allocator.
 */
#ifndef CLINKER_TESTS_BENCH_MEM_LANES_H
#define CLINKER_TESTS_BENCH_MEM_LANES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANES_MAX = 256 };

struct lane {
    unsigned index, count;
    uint64_t random; /* the same in each run */
    void *arg;
    uint64_t ops;     /* set by its function: what was done */
    uint64_t waits;   /* how often it waited */
    uint64_t wait_ns; /* CPU time of that */
    uint64_t start_ns, end_ns;
    pthread_t thread;
    struct lanes *lanes;
} __attribute__((aligned(128)));

struct lanes_result {
    uint64_t ops, waits;
    double cpu_ns;  /* per operation */
    double wall_ns; /* per operation of one lane */
};

/* Run `count` threads of fn(), first for a warm-up, with warm true. */
void lanes_run(unsigned count, void (*fn)(struct lane *lane, bool warm),
               void *arg, struct lanes_result *out);

/* Around a loop that waits for another lane. */
uint64_t lane_wait_begin(void);
void lane_wait_end(struct lane *lane, uint64_t began);
/* In it: give way, for longer the more often it was tried. */
void lane_wait_once(unsigned *tries);

static inline uint64_t
lane_random(uint64_t *state) /* xorshift64* */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* Zeroed pages, resident; never given back. */
void *lanes_map(size_t bytes);

#endif
