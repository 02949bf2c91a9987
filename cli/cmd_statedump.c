/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/ctl.h"

#include "cli/memory.h"
#include "cli/parts.h"

void
parts_add(json_object *request, char **words, int count)
{
    json_object *list;

    if (count == 0)
        return;
    list = memory_check(json_object_new_array());
    for (int i = 0; i < count; i++) {
        json_object *word = memory_check(json_object_new_string(words[i]));

        if (json_object_array_add(list, word) < 0)
            (void)memory_check(NULL);
    }
    if (json_object_object_add(request, "parts", list) < 0)
        (void)memory_check(NULL);
}

static void
show(struct ctl *ctl, json_object *reply)
{
    (void)puts(ctl_text(reply, "path"));
}

int
cmd_statedump(struct ctl *ctl)
{
    json_object *request = ctl_request("statedump");

    parts_add(request, ctl->argv, ctl->argc);
    return ctl_ask(ctl, request, show);
}
