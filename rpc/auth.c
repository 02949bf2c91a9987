/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One decoder per credential flavour.  The bounds follow from the 400 bytes of
 * a body: what v2 leaves for groups and lk_owner is 95 units, v3 91.  A group
 * counts one unit and so does a byte of the lk_owner; the peer reckons so at
 * both ends, therefore we do.
 */
#include "rpc/auth.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "rpc/xdr.h"

enum {
    V1_GROUPS = 16,     /* always that many slots */
    V2_UNITS_MAX = 95,  /* groups and bytes of lk_owner together */
    V3_UNITS_MAX = 91,
    UNIX_NAME_BYTES_MAX = 255,
    UNIX_GROUPS_MAX = 16,
};

static void
read_groups(struct rpc_cred *cred, struct xdr_in *in, uint32_t max)
{
    uint32_t n = xdr_in_u32(in);

    if (n > max) {
        in->bad = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        cred->groups[i] = xdr_in_u32(in);
    cred->groups_count = in->bad ? 0 : n;
}

static void
read_identity(struct rpc_cred *cred, struct xdr_in *in)
{
    cred->pid = xdr_in_i32(in);
    cred->uid = xdr_in_u32(in);
    cred->gid = xdr_in_u32(in);
}

static void
read_groups_and_owner(struct rpc_cred *cred, struct xdr_in *in, uint32_t units)
{
    read_groups(cred, in, units);
    cred->lk_owner = xdr_in_opaque(in, &cred->lk_owner_bytes,
                                   units - cred->groups_count);
}

static void
read_unix(struct rpc_cred *cred, struct xdr_in *in)
{
    uint32_t name_bytes;

    (void)xdr_in_u32(in); /* stamp */
    (void)xdr_in_opaque(in, &name_bytes, UNIX_NAME_BYTES_MAX);
    cred->uid = xdr_in_u32(in);
    cred->gid = xdr_in_u32(in);
    read_groups(cred, in, UNIX_GROUPS_MAX);
}

static void
read_v1(struct rpc_cred *cred, struct xdr_in *in)
{
    uint64_t owner = htole64(xdr_in_u64(in));
    uint32_t n;

    read_identity(cred, in);
    n = xdr_in_u32(in);
    for (uint32_t i = 0; i < V1_GROUPS; i++)
        cred->groups[i] = xdr_in_u32(in);
    if (n > V1_GROUPS)
        in->bad = true;
    cred->groups_count = n;
    memcpy(cred->lk_owner_buf, &owner, sizeof(owner));
    cred->lk_owner = cred->lk_owner_buf;
    cred->lk_owner_bytes = sizeof(owner);
}

static void
read_v3(struct rpc_cred *cred, struct xdr_in *in)
{
    read_identity(cred, in);
    cred->time_flags = xdr_in_u32(in);
    cred->ctime_nsec = xdr_in_u32(in);
    cred->ctime_sec = xdr_in_u64(in);
    read_groups_and_owner(cred, in, V3_UNITS_MAX);
}

/* All but the groups, of which groups_count says how many mean something. */
static void
clear(struct rpc_cred *cred)
{
    cred->flavor = RPC_AUTH_NULL;
    cred->raw = NULL;
    cred->raw_bytes = 0;
    cred->pid = 0;
    cred->uid = 0;
    cred->gid = 0;
    cred->time_flags = 0;
    cred->ctime_nsec = 0;
    cred->ctime_sec = 0;
    cred->groups_count = 0;
    cred->lk_owner_bytes = 0;
    cred->lk_owner = cred->lk_owner_buf;
    memset(cred->lk_owner_buf, 0, sizeof(cred->lk_owner_buf));
}

int
rpc_cred_decode(struct rpc_cred *cred, uint32_t flavor, const uint8_t *body,
                uint32_t bytes)
{
    struct xdr_in in;

    clear(cred);
    if (bytes > RPC_CRED_BYTES_MAX)
        return -EINVAL;
    cred->raw = body;
    cred->raw_bytes = bytes;
    xdr_in_init(&in, body, bytes);
    switch (flavor) {
    case RPC_AUTH_UNIX:
        read_unix(cred, &in);
        break;
    case RPC_AUTH_GLUSTERFS_V1:
        read_v1(cred, &in);
        break;
    case RPC_AUTH_GLUSTERFS_V2:
        read_identity(cred, &in);
        read_groups_and_owner(cred, &in, V2_UNITS_MAX);
        break;
    case RPC_AUTH_GLUSTERFS_V3:
        read_v3(cred, &in);
        break;
    default:
        return 0;
    }
    if (in.bad) {
        clear(cred);
        return -EINVAL;
    }
    cred->flavor = flavor;
    return 0;
}
