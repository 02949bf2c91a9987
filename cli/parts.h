/* SPDX-License-Identifier: BSD-2-Clause */
/* The words that say what is to be in a statedump. */
#ifndef CLINKER_CLI_PARTS_H
#define CLINKER_CLI_PARTS_H

#include <json.h>

/* Add `count` of them to a statedump's request; none: nothing is added. */
void parts_add(json_object *request, char **words, int count);

#endif
