/* SPDX-License-Identifier: BSD-2-Clause */
/* A command that has no memory says so and ends. */
#ifndef CLINKER_CLI_MEMORY_H
#define CLINKER_CLI_MEMORY_H

/* Returns p unless it is NULL. */
void *memory_check(void *p);

#endif
