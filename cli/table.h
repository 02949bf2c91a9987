/* SPDX-License-Identifier: BSD-2-Clause */
/* Aligned columns.  Lines are never wrapped and cells never cut: what is
 * printed can be cut and pasted. */
#ifndef CLINKER_CLI_TABLE_H
#define CLINKER_CLI_TABLE_H

#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 10 };

struct table;

/* columns: at most TABLE_COLUMNS_MAX; `right` has a bit for each column that
 * is aligned at the right.  Without memory the program ends. */
struct table *table_new(unsigned columns, unsigned right);
/* The next cell, row by row; control characters in it become \xNN. */
void table_add(struct table *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void table_print(const struct table *t, FILE *out);
void table_free(struct table **tp);

#endif
