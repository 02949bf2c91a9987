/* SPDX-License-Identifier: BSD-2-Clause */
/* The slowest operations of the last hour. */
#include "server/admin/control_command.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/scope.h"
#include "server/admin/control_text.h"
#include "server/admin/slow_path.h"

enum { SHOWN = 100 };

static int
read_since(struct control_call *call, int64_t *minutes)
{
    const char *text = control_request_text(&call->req, "since");
    char *end;
    long n;

    *minutes = SLOW_MINUTES;
    if (text == NULL)
        return 0;
    errno = 0;
    n = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || n < 1 ||
        n > SLOW_MINUTES)
        return control_fail(call, -EINVAL,
                            "since is from 1 to %d minutes, not '%.64s'",
                            SLOW_MINUTES, text);
    *minutes = n;
    return 0;
}

static int
read_proc(struct control_call *call, int *proc)
{
    const char *name = control_request_text(&call->req, "op");

    *proc = -1;
    if (name == NULL)
        return 0;
    *proc = slow_proc(name);
    if (*proc < 0)
        return control_fail(call, -EINVAL, "no such operation: %.64s", name);
    return 0;
}

static void
add_op(json_object *obj, const struct brick *brick, const struct slow_op *op,
       int64_t wall_minus_monotonic_ns)
{
    int64_t at = (int64_t)op->ended_ns + wall_minus_monotonic_ns;
    char path[SLOW_PATH_BYTES];

    control_add_text(obj, "op", fop_table[op->proc].name);
    control_add_text(obj, "path", slow_path(brick, op, path));
    control_add_text(obj, "gfid", gfid_str(&op->gfid));
    control_add_text(obj, "name", op->name[0] != '\0' ? op->name : NULL);
    control_add_text(obj, "client", op->peer);
    control_add_count(obj, "client-generation", op->client);
    control_add_number(obj, "uid", op->uid);
    control_add_number(obj, "pid", op->pid);
    control_add_text(obj, "class", iot_class_name[op->class]);
    control_add_number(obj, "time", at / (int64_t)CLOCK_NS_PER_SEC);
    control_add_count(obj, "total-ns", op->total_ns);
    control_add_count(obj, "queued-ns", op->queued_ns);
    control_add_count(obj, "run-ns", op->run_ns);
    control_add_count(obj, "locked-ns", op->locked_ns);
    control_add_number(obj, "error", op->op_errno);
}

/* Paths are read from the brick. */
static int
run_slow_ops(struct control_call *call)
{
    struct brick *brick = call->admin->brick;
    AUTO_FREE struct slow_op *ops = slow_rows();
    uint64_t now = clock_ns(), span;
    int64_t offset, minutes;
    json_object *list, *obj;
    size_t count;
    int proc = -1, err;

    err = read_since(call, &minutes);
    if (err == 0)
        err = read_proc(call, &proc);
    if (err < 0)
        return err;
    if (ops == NULL)
        return control_no_memory(call);
    span = (uint64_t)minutes * 60 * CLOCK_NS_PER_SEC;
    offset = (int64_t)clock_read_ns(CLOCK_REALTIME) - (int64_t)now;
    count = slow_read(&brick->stats.slow, now, now > span ? now - span : 0,
                      proc, ops);
    control_add_number(call->reply, "minutes", minutes);
    control_add_count(call->reply, "count", count);
    list = control_add_list(call->reply, "operations");
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        obj = control_list_object(list);
        if (obj == NULL)
            return control_no_memory(call);
        add_op(obj, brick, &ops[i], offset);
    }
    return 0;
}

int
command_slow_ops(struct control_call *call)
{
    return control_run_later(call, run_slow_ops);
}
