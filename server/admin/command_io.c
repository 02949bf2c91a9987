/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker pool: what waits in each class, for how long, and whose turn it
 * is. */
#include "server/admin/control_command.h"

#include <errno.h>

#include "iothreads/pool.h"
#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/admin/control_text.h"
#include "server/admin/spread.h"
#include "server/fop/client.h"

enum { TURNS_SHOWN = 64 };

MEM_TYPE(mt_turns, "server.admin", "turn-lists");

/* Of all classes; owners are compared and never looked at. */
struct turns {
    const struct brick *brick;
    struct iot_turn turn[IOT_CLASSES][TURNS_SHOWN];
    json_object *shown[IOT_CLASSES][TURNS_SHOWN];
    uint32_t count[IOT_CLASSES];
};

static bool
add_class(json_object *classes, const struct brick *brick, int i,
          const struct iot_class_stats *stats)
{
    json_object *obj = control_add_object(classes, iot_class_name[i]);
    struct latency waited;

    if (obj == NULL)
        return false;
    timing_read(&brick->stats.timing, TIMING_ALL, i, STAGE_QUEUED, &waited,
                NULL);
    control_add_number(obj, "queued", stats->queued);
    control_add_number(obj, "queued-max", stats->queued_max);
    control_add_number(obj, "running", stats->running);
    control_add_number(obj, "limit", stats->limit);
    control_add_count(obj, "served", stats->served);
    control_add_count(obj, "dropped", stats->dropped);
    return spread_add(obj, "waited", &waited) != NULL;
}

/* A line for each client that waits, in the order of their turns; who it is
 * comes with the second step. */
static bool
add_turns(json_object *lists, struct turns *t, int i)
{
    json_object *list = control_add_list(lists, iot_class_name[i]);

    t->count[i] = iot_pool_turns(t->brick->pool, (enum iot_class)i,
                                 t->turn[i], TURNS_SHOWN);
    for (uint32_t n = 0; n < t->count[i]; n++) {
        json_object *obj = control_list_object(list);

        if (obj == NULL)
            return false;
        control_add_number(obj, "queued", t->turn[i][n].queued);
        t->shown[i][n] = obj;
        if (t->turn[i][n].owner == &t->brick->handshakes)
            control_add_text(obj, "client", "(not logged in)");
    }
    return list != NULL;
}

static void
name_turns(void *arg, struct client *client)
{
    struct turns *t = arg;

    for (int i = 0; i < IOT_CLASSES; i++)
        for (uint32_t n = 0; n < t->count[i]; n++)
            if (t->turn[i][n].owner == &client->owner) {
                control_add_text(t->shown[i][n], "client", client->peer);
                control_add_text(t->shown[i][n], "id", client->uid);
            }
}

int
command_io_threads(struct control_call *call)
{
    const struct brick *brick = call->admin->brick;
    AUTO_FREE struct turns *turns = mem_zalloc(&mt_turns, sizeof(*turns));
    json_object *classes = control_add_object(call->reply, "classes");
    json_object *lists = control_add_object(call->reply, "turns");
    struct iot_stats stats;
    bool ok = turns != NULL && classes != NULL && lists != NULL;

    iot_pool_read(brick->pool, &stats);
    control_add_number(call->reply, "threads", stats.threads);
    control_add_number(call->reply, "threads-max", stats.threads_max);
    control_add_number(call->reply, "sleeping", stats.sleeping);
    control_add_count(call->reply, "threads-started", stats.threads_started);
    if (ok)
        turns->brick = brick;
    for (int i = 0; ok && i < IOT_CLASSES; i++)
        ok = add_class(classes, brick, i, &stats.class[i]) &&
             add_turns(lists, turns, i);
    if (!ok)
        return control_no_memory(call);
    client_table_each(brick->clients, name_turns, turns);
    return 0;
}
