/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of the control socket: one table in control_command.c.  They
 * run on the main loop and do not block it. */
#ifndef CLINKER_SERVER_ADMIN_CONTROL_COMMAND_H
#define CLINKER_SERVER_ADMIN_CONTROL_COMMAND_H

#include "server/admin/admin.h"
#include "server/admin/background.h"
#include "server/admin/control_line.h"
#include "server/admin/statedump.h"

/* One request on its way to its answer. */
struct control_call {
    struct admin *admin;
    struct statedump *sd;
    struct background *bg;
    struct control_request req;
    json_object *reply;            /* what goes with ok */
    char err[CONTROL_ERROR_BYTES]; /* on failure: one line */
    /* Ends a call whose command returned CONTROL_LATER; ret as of a command. */
    void (*finish)(struct control_call *call, int ret);
    void *arg; /* finish's */
    /* Of control_run_later(): */
    struct background_job job;
    int (*run)(struct control_call *call);
    int ret;
};

enum { CONTROL_LATER = 1 };

/* 0: call->reply is the answer; -errno with call->err; CONTROL_LATER:
 * call->finish() will be called. */
int control_command_run(struct control_call *call);

/* Run a command where it may take long: on another thread, one at a time, with
 * the call its own.  run returns 0 or -errno.  Returns what the command is to
 * return. */
int control_run_later(struct control_call *call,
                      int (*run)(struct control_call *call));

/* Put one line into call->err; returns code. */
int control_fail(struct control_call *call, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, for what happens most; returns -ENOMEM. */
int control_no_memory(struct control_call *call);

/* --- the commands, as in control_command_run() --- */
int command_status(struct control_call *call);
int command_clients(struct control_call *call);
int command_io_threads(struct control_call *call);
int command_slow_ops(struct control_call *call);
int command_top(struct control_call *call);
int command_locks(struct control_call *call);
int command_config_list(struct control_call *call);
int command_config_get(struct control_call *call);
int command_config_set(struct control_call *call);
int command_log_level(struct control_call *call);
int command_memory(struct control_call *call);
int command_memory_pages(struct control_call *call);
int command_memory_pools(struct control_call *call);
int command_memory_limit(struct control_call *call);
int command_memory_guard(struct control_call *call);
int command_memory_reclaim(struct control_call *call);
int command_memory_growth(struct control_call *call);
int command_memory_trace(struct control_call *call);
int command_memory_poison(struct control_call *call);
int command_memory_doctor(struct control_call *call);

#endif
