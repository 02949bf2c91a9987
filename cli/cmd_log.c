/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/ctl.h"

static void
show(struct ctl *ctl, json_object *reply)
{
    (void)puts(ctl_text(reply, "level"));
}

int
cmd_log_level(struct ctl *ctl)
{
    json_object *request = ctl_request("log-level");

    if (ctl->argc > 0)
        ctl_request_text(request, "level", ctl->argv[0]);
    return ctl_ask(ctl, request, show);
}
