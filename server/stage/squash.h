/* SPDX-License-Identifier: BSD-2-Clause */
/* Squashing: root, or everybody, acts as somebody who owns nothing.  Pure. */
#ifndef CLINKER_SERVER_STAGE_SQUASH_H
#define CLINKER_SERVER_STAGE_SQUASH_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/caller.h"

struct squash_rules {
    bool root_squash; /* uid and gid 0 become anonuid and anongid */
    bool all_squash;  /* any uid and gid do */
    uint32_t anonuid;
    uint32_t anongid;
};

/* Put the identity under which the request acts into c.  trusted: the client
 * logged in with the volume's user name; its internal pids keep their
 * identity.  groups_buf has RPC_GROUPS_MAX entries and lives as long as c; it
 * is written, and c->groups points to it, only when a group changes. */
void squash_apply(struct caller *c, bool trusted, const struct squash_rules *r,
                  uint32_t *groups_buf);

#endif
