/* SPDX-License-Identifier: BSD-2-Clause */
/* Who asks: the identity that a request acts under, after squashing. */
#ifndef CLINKER_SERVER_CORE_CALLER_H
#define CLINKER_SERVER_CORE_CALLER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Pids of internal clients (doc/protocol.md). */
enum {
    CALLER_PID_GSYNCD = -1,
    CALLER_PID_DEFRAG = -3,
    CALLER_PID_NO_ROOT_SQUASH = -4,
    CALLER_PID_QUOTA = -5,
    CALLER_PID_SELF_HEAL = -6,
    CALLER_PID_TRASH = -11,
    CALLER_PID_SET_UTIME = -13,
    CALLER_PID_NFS = 1,
};

/* Which times of object and parent the request wants set. */
enum {
    CALLER_CTIME = 0x1,
    CALLER_MTIME = 0x2,
    CALLER_ATIME = 0x4,
    CALLER_PARENT_CTIME = 0x8,
    CALLER_PARENT_MTIME = 0x10,
    CALLER_PARENT_ATIME = 0x20,
};

struct caller {
    int32_t pid;
    uint32_t uid, gid;
    uint32_t groups_count;
    const uint32_t *groups;
    const uint8_t *lk_owner;
    uint32_t lk_owner_bytes;
    uint32_t time_flags; /* CALLER_*TIME */
    struct timespec time;
    bool internal_fop; /* xdata has glusterfs-internal-fop */
};

static inline bool
caller_is_internal(const struct caller *c)
{
    return c->pid < 0;
}

bool caller_in_group(const struct caller *c, uint32_t gid);

#endif
