/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes, dictionaries and the smaller structures of version 400 between
 * the wire and memory (doc/protocol.md). */
#ifndef CLINKER_SERVER_WIRE_TYPES_H
#define CLINKER_SERVER_WIRE_TYPES_H

#include <sys/statvfs.h>

#include "rpc/xdr.h"
#include "server/core/dict.h"
#include "server/core/gfid.h"
#include "server/core/iatt.h"

enum {
    WIRE_IATT_BYTES = 148,
    WIRE_STRING_BYTES_MAX = 64 * 1024, /* a name, a target, an xattr's name */
    WIRE_VALUE_BYTES_MAX = 1 << 20,    /* one value of a dictionary */
    WIRE_OWNER_BYTES_MAX = 1024,       /* an lk_owner in a flock */
    WIRE_LOCKS_MAX = 16384,            /* of a SETACTIVELK */
};

struct wire_flock {
    uint32_t type, whence;
    uint64_t start, len;
    uint32_t pid;
    uint32_t owner_bytes;
    const uint8_t *owner;
};

/* One of GETACTIVELK and SETACTIVELK. */
struct wire_lock {
    struct wire_flock flock;
    const char *client_uid;
    uint32_t flags;
};

struct wire_lease {
    uint32_t cmd, type;
    uint8_t id[16];
    uint32_t flags;
};

void wire_in_gfid(struct xdr_in *in, struct gfid *out);
void wire_in_iatt(struct xdr_in *in, struct iatt *out);
void wire_in_flock(struct xdr_in *in, struct wire_flock *out);
void wire_in_lease(struct xdr_in *in, struct wire_lease *out);
/* A list of locks, into the arena; NULL when there are none.  Sets in->bad past
 * WIRE_LOCKS_MAX, and *nul as wire_in_string().  0, -ENOMEM. */
int wire_in_locks(struct xdr_in *in, struct arena *arena,
                  struct wire_lock **locks, uint32_t *count, bool *nul);
/* A string as a C string in the arena.  Sets *nul when there is a NUL byte in
 * it (the text then ends there). */
const char *wire_in_string(struct xdr_in *in, struct arena *arena, bool *nul);
/* Values are views into the record, but for IATT and MDATA, which are decoded
 * into the arena. Sets in->bad on any lie; returns -ENOMEM for that alone. */
int wire_in_dict(struct xdr_in *in, struct dict *out, struct arena *arena);

void wire_out_gfid(struct xdr_out *out, const struct gfid *g);
void wire_out_iatt(struct xdr_out *out, const struct iatt *ia);
void wire_out_locks(struct xdr_out *out, const struct wire_lock *locks,
                    uint32_t count);
void wire_out_flock(struct xdr_out *out, const struct wire_flock *fl);
void wire_out_statfs(struct xdr_out *out, const struct statvfs *sv);
void wire_out_dict(struct xdr_out *out, const struct dict *d);

#endif
