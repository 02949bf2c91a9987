/* SPDX-License-Identifier: BSD-2-Clause */
/* Group membership.  The list is as the client sent it, unsorted and short. */
#include "server/core/caller.h"

bool
caller_in_group(const struct caller *c, uint32_t gid)
{
    if (c->gid == gid)
        return true;
    for (uint32_t i = 0; i < c->groups_count; i++) {
        if (c->groups[i] == gid)
            return true;
    }
    return false;
}
