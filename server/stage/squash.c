/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/stage/squash.h"

#include <string.h>

#include "mem/must.h"
#include "rpc/auth.h"

/* Internal clients that must see files as they are.  Not all of them: the
 * list is the peer's. */
static bool
is_spared(int32_t pid)
{
    switch (pid) {
    case CALLER_PID_GSYNCD:
    case CALLER_PID_DEFRAG:
    case CALLER_PID_NO_ROOT_SQUASH:
    case CALLER_PID_QUOTA:
    case CALLER_PID_SELF_HEAL:
        return true;
    default:
        return false;
    }
}

static void
squash_groups(struct caller *c, uint32_t anongid, uint32_t *groups_buf)
{
    uint32_t i = 0;

    while (i < c->groups_count && c->groups[i] != 0)
        i++;
    if (i == c->groups_count)
        return;
    must(c->groups_count <= RPC_GROUPS_MAX);
    memmove(groups_buf, c->groups, c->groups_count * sizeof(*groups_buf));
    for (; i < c->groups_count; i++)
        if (groups_buf[i] == 0)
            groups_buf[i] = anongid;
    c->groups = groups_buf;
}

void
squash_apply(struct caller *c, bool trusted, const struct squash_rules *r,
             uint32_t *groups_buf)
{
    if (!r->root_squash && !r->all_squash)
        return;
    if (trusted && is_spared(c->pid))
        return;
    if (r->all_squash || c->uid == 0)
        c->uid = r->anonuid;
    if (r->all_squash || c->gid == 0)
        c->gid = r->anongid;
    squash_groups(c, r->anongid, groups_buf);
}
