/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One look of `clinkerctl top`, from two answers of the daemon: counters are
 * subtracted, and what is left is divided by the time between them.
 */
#ifndef CLINKER_CLI_TOP_H
#define CLINKER_CLI_TOP_H

#include <json.h>
#include <stdio.h>

/* older NULL: averages since the daemon began.  rows: how many lines there is
 * room for, 0: any number. */
void top_print(FILE *out, json_object *older, json_object *newer,
               unsigned rows);

/* The duration that `permille` of 1000 of the operations between two answers
 * did not exceed; their "buckets", older may be NULL.  0: there were none, -1:
 * longer than any bucket. */
int64_t top_quantile_ns(json_object *older, json_object *newer,
                        unsigned permille);

#endif
