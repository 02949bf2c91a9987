/* SPDX-License-Identifier: BSD-2-Clause */
/* What lies on a brick, as text: two states of it can be compared. */
#ifndef CLINKER_TESTS_UNIT_BRICK_TREE_H
#define CLINKER_TESTS_UNIT_BRICK_TREE_H

#include <stddef.h>

enum { BRICK_TREE_BYTES = 64 * 1024 };

/* A line for each object: path, mode, owner, links, size, a sum of its data or
 * its target, xattrs with their values; sorted.  Names and handles alike, and
 * what lies where things are made and unlinked; but not times, nor the
 * directories that hold handles, which may stay. */
void brick_tree_read(const char *brick, char out[BRICK_TREE_BYTES]);

/* The first line that is in one of them and not in the other, with a sign; ""
 * where they are the same. */
const char *brick_tree_difference(const char *before, const char *after);

#endif
