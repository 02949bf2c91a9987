/* SPDX-License-Identifier: BSD-2-Clause */
/* A reply's results, encoded by the letters of fop_list.h. */
#ifndef CLINKER_SERVER_WIRE_REPLY_H
#define CLINKER_SERVER_WIRE_REPLY_H

#include "server/wire/fop.h"
#include "server/wire/types.h"

enum { FOP_REPLY_IATTS = 5, FOP_REPLY_CHECKSUM_BYTES = 32 };

struct fop_reply {
    int32_t op_ret, op_errno;
    struct dict xdata;
    struct dict dict;
    struct iatt iatt[FOP_REPLY_IATTS];
    int64_t fd;
    const char *path;
    struct statvfs statfs;
    struct wire_flock flock;
    struct wire_lease lease;
    const struct wire_lock *locks;
    uint32_t locks_count;
    uint64_t offset;
    uint32_t weak;
    uint8_t strong[FOP_REPLY_CHECKSUM_BYTES];
    struct xdr_out entries; /* directory entries, encoded; buf NULL: none */
    struct iobuf *payload;  /* READ; a reference */
    size_t payload_bytes;
};

void fop_reply_init(struct fop_reply *r, struct arena *arena);
/* Give back what the reply still holds. */
void fop_reply_fini(struct fop_reply *r);
/* A failure: full structure, zeroed; xdata is kept if it was set. */
void fop_reply_fail(struct fop_reply *r, int op_errno);
/* Results behind RPC_REPLY_HEAD_BYTES, for rpc_reply(). NULL: no memory. */
struct iobuf *fop_reply_encode(const struct fop_reply *r,
                               const struct fop_def *fop, size_t *bytes);

/* One directory entry into entries. */
enum { FOP_ENTRY_FIXED_BYTES = 4 + 8 + 8 + 4 + 4 + 4 };
void fop_reply_entry(struct fop_reply *r, uint64_t ino, uint64_t off,
                     uint8_t type, const char *name, uint32_t name_bytes,
                     const struct iatt *stat, const struct dict *xdata);

#endif
