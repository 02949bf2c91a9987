/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/admin/control_command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mem/must.h"
#include "server/admin/control_text.h"
#include "server/admin/statedump_options.h"
#define LOG_DOMAIN "control"
#include "server/core/log.h"

_Static_assert((int)CONTROL_ERROR_BYTES == (int)OPTION_ERROR_BYTES,
               "the options write their errors into a call's");

static int command_help(struct control_call *call);
static int command_reload(struct control_call *call);
static int command_statedump(struct control_call *call);

static const struct {
    const char *name;
    int (*run)(struct control_call *call);
    const char *help;
} commands[] = {
    {"status", command_status, "what the daemon is and does"},
    {"clients", command_clients, "connected clients"},
    {"io-threads", command_io_threads,
     "workers, classes, and whose turn it is"},
    {"slow-ops", command_slow_ops,
     "the slowest operations of the last \"since\" minutes, of \"op\""},
    {"top", command_top,
     "operations, clients, queues and memory, for rates between two looks"},
    {"locks", command_locks, "who holds locks, and who waits"},
    {"statedump", command_statedump,
     "write a statedump; \"parts\": what is to be in it, \"volume\": the "
     "volume it must be"},
    {"config-list", command_config_list, "every option"},
    {"config-get", command_config_get, "the option \"key\""},
    {"config-set", command_config_set, "give \"key\" the value \"value\""},
    {"log-level", command_log_level, "tell the log level, or set \"level\""},
    {"memory", command_memory, "memory by type, and where the rest is"},
    {"memory-pages", command_memory_pages, "pages by order"},
    {"memory-pools", command_memory_pools, "pools of objects, I/O buffers"},
    {"memory-growth", command_memory_growth,
     "how types have grown; the one of \"type\" with its samples"},
    {"memory-trace", command_memory_trace,
     "\"what\" on, off or show: call sites of \"type\", of one block in "
     "\"interval\" bytes"},
    {"memory-poison", command_memory_poison,
     "\"what\" on or off: poison and red zones of \"type\""},
    {"memory-reclaim", command_memory_reclaim, "give memory back"},
    {"memory-limit", command_memory_limit,
     "the limit, its marks, and what was reclaimed"},
    {"memory-guard", command_memory_guard, "guard objects"},
    {"memory-doctor", command_memory_doctor, "what is wrong with the memory"},
    {"reload", command_reload, "read the configuration anew, reopen the log"},
    {"help", command_help, "these commands"},
};

int
control_no_memory(struct control_call *call)
{
    return control_fail(call, -ENOMEM, "out of memory");
}

int
control_fail(struct control_call *call, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(call->err, sizeof(call->err), fmt, ap);
    va_end(ap);
    return code;
}

static void
run_job(struct background_job *job)
{
    struct control_call *call =
        container_of_member(job, struct control_call, job);

    call->ret = call->run(call);
}

static void
job_done(struct background_job *job, bool ran)
{
    struct control_call *call =
        container_of_member(job, struct control_call, job);

    if (!ran)
        call->ret = control_fail(call, -ESHUTDOWN, "the daemon ends");
    call->finish(call, call->ret);
}

int
control_run_later(struct control_call *call,
                  int (*run)(struct control_call *call))
{
    int err;

    call->run = run;
    call->job.run = run_job;
    call->job.done = job_done;
    err = background_submit(call->bg, &call->job);
    if (err < 0)
        return control_fail(call, err, "%s",
                            err == -EBUSY ? "too many commands are waiting"
                                          : strerror(-err));
    return CONTROL_LATER;
}

int
control_command_run(struct control_call *call)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(commands[i].name, call->req.command) == 0)
            return commands[i].run(call);
    return control_fail(call, -EOPNOTSUPP, "unknown command '%.64s'",
                        call->req.command);
}

static int
command_help(struct control_call *call)
{
    json_object *list = json_object_new_object();

    for (size_t i = 0; list != NULL && i < COUNT_OF(commands); i++)
        control_add_text(list, commands[i].name, commands[i].help);
    if (json_object_object_add(call->reply, "commands", list) < 0) {
        json_object_put(list);
        return control_no_memory(call);
    }
    return 0;
}

static int
command_reload(struct control_call *call)
{
    int err;

    log_notice("the control socket asks to read the configuration anew");
    call->err[0] = '\0';
    err = call->admin->reload(call->admin->arg, call->err);
    if (err < 0 && call->err[0] == '\0')
        return control_fail(call, err, "%s", strerror(-err));
    return err;
}

/* --- statedump --- */

static void
on_dumped(void *arg, int err, const char *path)
{
    struct control_call *call = arg;

    if (err == 0)
        control_add_text(call->reply, "path", path);
    else
        (void)control_fail(call, err, "the statedump could not be written: %s",
                           strerror(-err));
    call->finish(call, err);
}

/* DUMP_* of the request's words; 0: it has none. -EINVAL. */
static int
read_parts(struct control_call *call, unsigned *parts)
{
    json_object *list, *word;

    *parts = 0;
    if (!json_object_object_get_ex(call->req.root, "parts", &list))
        return 0;
    if (!json_object_is_type(list, json_type_array))
        return control_fail(call, -EINVAL, "parts is not a list of words");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        unsigned part = 0;

        word = json_object_array_get_idx(list, i);
        if (json_object_is_type(word, json_type_string))
            part = statedump_part(json_object_get_string(word),
                                  (size_t)json_object_get_string_len(word));
        if (part == 0)
            return control_fail(call, -EINVAL,
                                "no such part of a statedump: %.64s",
                                word != NULL ? json_object_get_string(word)
                                             : "null");
        *parts |= part;
    }
    return 0;
}

static int
command_statedump(struct control_call *call)
{
    const char *volume = control_request_text(&call->req, "volume");
    unsigned parts;
    int err;

    if (volume != NULL && strcmp(volume, call->admin->volume_name) != 0)
        return control_fail(call, -ENOENT,
                            "volume %.256s is not served here: this is a "
                            "brick of %.128s",
                            volume, call->admin->volume_name);
    err = read_parts(call, &parts);
    if (err < 0)
        return err;
    err = statedump_write(call->sd, parts, on_dumped, call);
    if (err < 0)
        return control_fail(call, err, "%s",
                            err == -EBUSY ? "too many statedumps are waiting"
                                          : strerror(-err));
    return CONTROL_LATER;
}
