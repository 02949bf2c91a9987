/* SPDX-License-Identifier: BSD-2-Clause */
/* A histogram as a member of an answer. */
#ifndef CLINKER_SERVER_ADMIN_SPREAD_H
#define CLINKER_SERVER_ADMIN_SPREAD_H

#include <json.h>

#include "server/fop/latency.h"

/* count, sum-ns, mean-ns, p50-ns, p90-ns, p99-ns, p999-ns and max-ns, as an
 * object.  Returns it, or NULL without memory. */
json_object *spread_add(json_object *obj, const char *key,
                        const struct latency *l);
/* The buckets that hold something, as a list of [up to ns, count]; up to -1:
 * longer than all others. */
void spread_add_buckets(json_object *obj, const struct latency *l);

#endif
