/* SPDX-License-Identifier: BSD-2-Clause */
/* xorshift64* (Vigna, 2016), a state for each thread. */
#include "mem/random.h"

#include <math.h>
#include <stdatomic.h>

#include "mem/clock.h"

static _Thread_local uint64_t state; /* 0: not seeded yet */
static _Atomic(uint64_t) seeds;

/* splitmix64: neighbouring seeds become unrelated states. */
static uint64_t
scatter(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void
seed(void)
{
    uint64_t n = atomic_fetch_add_explicit(&seeds, 1, memory_order_relaxed);

    state = scatter(clock_ns() ^ scatter(n));
    if (state == 0)
        state = 1;
}

uint64_t
random_u64(void)
{
    uint64_t x;

    if (state == 0)
        seed();
    x = state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

double
random_exponential(double mean)
{
    /* In (0, 1], of 53 bits. */
    double u = (double)((random_u64() >> 11) + 1) * 0x1p-53;

    return -mean * log(u);
}
