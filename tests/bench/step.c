/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/bench/step.h"

#include <errno.h>
#include <stdio.h>

void
step_ready(void)
{
    puts("ready");
    fflush(stdout);
}

int
step_wait(void)
{
    int c;

    do
        c = getchar();
    while (c != '\n' && c != EOF);
    return c == '\n' ? 0 : -EPIPE;
}
