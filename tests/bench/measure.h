/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the load programs measure around one operation: wall time, and the CPU
 * time of the server process, user and system, of all its threads, those that
 * ended too.
 */
#ifndef CLINKER_TESTS_BENCH_MEASURE_H
#define CLINKER_TESTS_BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

struct measure {
    bool has_server;
    clockid_t server_clock;
    uint64_t wall_ns, server_cpu_ns; /* readings at the start, then spans */
};

/* pid 0: no server to look at.  0 or a negative errno. */
int measure_init(struct measure *m, pid_t server);
int measure_start(struct measure *m);
/* Turn the readings into spans. -ESRCH: the server has gone. */
int measure_stop(struct measure *m);

uint64_t measure_now_ns(void); /* monotonic */

/* One line of JSON, left open for more members: measure_print_end(). */
void measure_print(FILE *to, const struct measure *m, const char *op,
                   uint64_t ops);
void measure_print_end(FILE *to);

#endif
