/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/ctl.h"

void *
memory_check(void *p)
{
    if (p != NULL)
        return p;
    (void)fputs("clinkerctl: out of memory\n", stderr);
    exit(CTL_REFUSED);
}
