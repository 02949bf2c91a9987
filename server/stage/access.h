/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access control: decides from uid, gid, groups, mode and POSIX ACLs, as the
 * kernel would for a local user, since system calls run as the daemon.
 */
#ifndef CLINKER_SERVER_STAGE_ACCESS_H
#define CLINKER_SERVER_STAGE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/acl.h"
#include "server/core/caller.h"
#include "server/core/iatt.h"

enum { ACCESS_R = 4, ACCESS_W = 2, ACCESS_X = 1 };

/* An object's attributes that matter here. */
struct access_object {
    const struct iatt *stat;
    const uint8_t *acl; /* system.posix_acl_access, NULL: none */
    uint32_t acl_bytes;
};

/* --- decisions: 0 or -EACCES, -EPERM --- */

/* By uid (0, or super_uid: option access-control.super-uid) or as an internal
 * client. */
bool access_is_exempt(const struct caller *c, uint32_t super_uid);
/* want: ACCESS_* bits, all needed. */
int access_check(const struct caller *c, uint32_t super_uid,
                 const struct access_object *o, unsigned want);
/* The bits of want that are granted, each asked for alone. */
unsigned access_granted(const struct caller *c, uint32_t super_uid,
                        const struct access_object *o, unsigned want);
/* Removal or renaming of `child` out of (or over, in) `parent`. */
int access_sticky(const struct caller *c, uint32_t super_uid,
                  const struct iatt *parent, const struct iatt *child);
/* Bits wanted by open flags (wire values). */
unsigned access_for_open(int flags);
/* SETATTR: may drop S_ISGID from set->mode.  Internal clients are not exempt
 * here and below. */
int access_setattr(const struct caller *c, uint32_t super_uid,
                   const struct access_object *o, struct iatt *set,
                   uint32_t valid);
/* Setting or removing an ACL xattr: owner only. */
int access_own(const struct caller *c, uint32_t super_uid,
               const struct iatt *stat);

#endif
