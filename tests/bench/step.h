/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two load programs that take turns, one kind of operation at a time: what
 * else the machine does then falls on both.  Each says "ready" on stdout when
 * it has prepared everything, and waits for a line on stdin before each kind.
 */
#ifndef CLINKER_TESTS_BENCH_STEP_H
#define CLINKER_TESTS_BENCH_STEP_H

void step_ready(void);
/* 0, or -EPIPE: nobody will tell us to go on. */
int step_wait(void);

#endif
