/* SPDX-License-Identifier: BSD-2-Clause */
/* Credentials of a call: flavours AUTH_NULL, AUTH_UNIX, GlusterFS v1, v2, v3
 * decoded to one struct of views into the record (doc/protocol.md). */
#ifndef CLINKER_RPC_AUTH_H
#define CLINKER_RPC_AUTH_H

#include <stddef.h>
#include <stdint.h>

enum {
    RPC_AUTH_NULL = 0,
    RPC_AUTH_UNIX = 1,
    RPC_AUTH_GLUSTERFS_V1 = 5,
    RPC_AUTH_GLUSTERFS_V2 = 390039,
    RPC_AUTH_GLUSTERFS_V3 = 390040,
};

enum {
    RPC_CRED_BYTES_MAX = 400, /* body of the credential, RFC 5531 */
    RPC_GROUPS_MAX = 99,      /* what fits into it */
    RPC_LK_OWNER_BYTES_MAX = 400,
};

struct rpc_cred {
    uint32_t flavor;
    const uint8_t *raw; /* the body as received, a view */
    uint32_t raw_bytes;
    int32_t pid; /* negative: internal clients */
    uint32_t uid;
    uint32_t gid;
    uint32_t time_flags; /* v3: which times the operation changes */
    uint32_t ctime_nsec;
    uint64_t ctime_sec;
    uint32_t groups_count;
    uint32_t groups[RPC_GROUPS_MAX];
    uint32_t lk_owner_bytes;
    uint8_t lk_owner_buf[8]; /* v1, which has a number and not bytes */
    const uint8_t *lk_owner; /* a view, or lk_owner_buf */
};

/* 0, or -EINVAL for a body that does not decode or breaks the limits on
 * groups and lk_owner; an unknown flavour is taken as AUTH_NULL. */
int rpc_cred_decode(struct rpc_cred *cred, uint32_t flavor,
                    const uint8_t *body, uint32_t bytes);

#endif
