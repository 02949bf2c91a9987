/* SPDX-License-Identifier: BSD-2-Clause */
/* clinkerctl: the operator's side of the control socket. */
#ifndef CLINKER_CLI_CTL_H
#define CLINKER_CLI_CTL_H

#include <json.h>
#include <stdbool.h>
#include <stdio.h>

/* How it exits. */
enum {
    CTL_OK = 0,
    CTL_REFUSED = 1,     /* the daemon said no, or the output went nowhere */
    CTL_USAGE = 2,       /* the command line is wrong */
    CTL_UNREACHABLE = 3, /* no daemon, or it does not answer */
};

/* One run. */
struct ctl {
    const char *program;
    const char *socket; /* --socket; NULL: look for the only one */
    bool json;          /* answers as JSON */
    bool list;          /* help: names for scripts */
    const char *interval, *count; /* of top, as given; NULL: not */
    const char *since, *op;       /* of slow-ops; the same */
    int argc;           /* the command's own arguments */
    char **argv;
};

/* The whole program; returns its exit code. */
int clinkerctl_main(int argc, char **argv);

/* Send `request` (the reference is taken over) and show the answer: as JSON
 * with --json, else by show().  Failures are told in the same way.  Returns
 * the exit code. */
int ctl_ask(struct ctl *ctl, json_object *request,
            void (*show)(struct ctl *ctl, json_object *reply));
/* The same in two steps.  0 and *reply, one reference, whose "ok" may be
 * false; or -errno with one line in err, which ctl_unreachable() tells.
 * `request` keeps its reference. */
enum { CTL_ERROR_BYTES = 8192 };
int ctl_fetch(struct ctl *ctl, json_object *request, json_object **reply,
              char err[CTL_ERROR_BYTES]);
int ctl_unreachable(struct ctl *ctl, const char *err, int ret);
/* {"command": NAME}; never NULL: without memory the program ends. */
json_object *ctl_request(const char *command);
void ctl_request_text(json_object *request, const char *key,
                      const char *value);

/* Members of an answer: "" and 0 when they are missing or something else. */
const char *ctl_text(json_object *obj, const char *key);
int64_t ctl_number(json_object *obj, const char *key);
bool ctl_bool(json_object *obj, const char *key);
json_object *ctl_member(json_object *obj, const char *key);
size_t ctl_length(json_object *list); /* 0 when it is no list */

/* An answer that is made here: shown as ctl_ask() shows those of the daemon.
 * The reference is taken over. */
int ctl_show(struct ctl *ctl, json_object *reply,
             void (*show)(struct ctl *ctl, json_object *reply));
/* Tell a failure that was found here, and return the exit code. */
int ctl_fail(struct ctl *ctl, const char *text, int err);

/* --- the commands of ctl_list.h --- */
int cmd_status(struct ctl *ctl);
int cmd_clients(struct ctl *ctl);
int cmd_top(struct ctl *ctl);
int cmd_slow_ops(struct ctl *ctl);
int cmd_io_threads(struct ctl *ctl);
int cmd_locks(struct ctl *ctl);
int cmd_statedump(struct ctl *ctl);
int cmd_volume_statedump(struct ctl *ctl);
int cmd_config_list(struct ctl *ctl);
int cmd_config_get(struct ctl *ctl);
int cmd_config_set(struct ctl *ctl);
int cmd_log_level(struct ctl *ctl);
int cmd_reload(struct ctl *ctl);
int cmd_statedump_diff(struct ctl *ctl);
int cmd_memory(struct ctl *ctl);
int cmd_memory_pages(struct ctl *ctl);
int cmd_memory_pools(struct ctl *ctl);
int cmd_memory_growth(struct ctl *ctl);
int cmd_memory_trace(struct ctl *ctl);
int cmd_memory_poison(struct ctl *ctl);
int cmd_memory_reclaim(struct ctl *ctl);
int cmd_memory_limit(struct ctl *ctl);
int cmd_memory_guard(struct ctl *ctl);
int cmd_memory_doctor(struct ctl *ctl);
int cmd_help(struct ctl *ctl);

#endif
