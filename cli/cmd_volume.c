/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands said as with gluster. */
#include "cli/ctl.h"

#include "cli/parts.h"

static void
show(struct ctl *ctl, json_object *reply)
{
    (void)puts("volume statedump: success");
}

int
cmd_volume_statedump(struct ctl *ctl)
{
    json_object *request = ctl_request("statedump");

    ctl_request_text(request, "volume", ctl->argv[0]);
    parts_add(request, ctl->argv + 1, ctl->argc - 1);
    return ctl_ask(ctl, request, show);
}
