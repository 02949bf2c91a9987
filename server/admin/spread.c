/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/admin/spread.h"

#include "server/admin/control_text.h"

json_object *
spread_add(json_object *obj, const char *key, const struct latency *l)
{
    json_object *s = control_add_object(obj, key);

    if (s == NULL)
        return NULL;
    control_add_count(s, "count", l->count);
    control_add_count(s, "sum-ns", l->ns_sum);
    control_add_count(s, "mean-ns", latency_mean_ns(l));
    control_add_count(s, "p50-ns", latency_quantile_ns(l, 500));
    control_add_count(s, "p90-ns", latency_quantile_ns(l, 900));
    control_add_count(s, "p99-ns", latency_quantile_ns(l, 990));
    control_add_count(s, "p999-ns", latency_quantile_ns(l, 999));
    control_add_count(s, "max-ns", l->ns_max);
    return s;
}

static void
add_pair(json_object *list, int64_t up_to, int64_t count)
{
    json_object *pair = json_object_new_array();
    json_object *a = json_object_new_int64(up_to);
    json_object *b = json_object_new_int64(count);

    if (pair != NULL && a != NULL && b != NULL &&
        json_object_array_add(pair, a) == 0) {
        a = NULL;
        if (json_object_array_add(pair, b) == 0) {
            b = NULL;
            if (json_object_array_add(list, pair) == 0)
                pair = NULL;
        }
    }
    json_object_put(a);
    json_object_put(b);
    json_object_put(pair);
}

void
spread_add_buckets(json_object *obj, const struct latency *l)
{
    json_object *list = control_add_list(obj, "buckets");

    for (unsigned i = 0; list != NULL && i < LATENCY_BUCKETS; i++)
        if (l->buckets[i] > 0)
            add_pair(list,
                     i + 1 < LATENCY_BUCKETS ? (int64_t)latency_bucket_max_ns(i)
                                             : -1,
                     (int64_t)l->buckets[i]);
}
