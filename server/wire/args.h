/* SPDX-License-Identifier: BSD-2-Clause */
/* A request's arguments, decoded by the letters of fop_list.h. */
#ifndef CLINKER_SERVER_WIRE_ARGS_H
#define CLINKER_SERVER_WIRE_ARGS_H

#include "server/wire/fop.h"
#include "server/wire/types.h"

/* Only the fields that the operation has are set. Names are C strings in the
 * arena; everything else points into the record. */
struct fop_args {
    struct gfid gfid, gfid2;
    int64_t fd, fd2;
    uint64_t offset, offset2, size;
    uint64_t rdev;
    uint64_t name_flag; /* 0: no name */
    uint32_t flags, mode, umask, mask;
    uint32_t cmd, lock_type;
    int32_t valid, what;
    const char *name, *name2, *volume;
    bool nul_in_name; /* a NUL byte stood inside one of the strings */
    struct iatt attr;
    struct wire_flock flock;
    struct wire_lease lease;
    struct wire_lock *locks;
    uint32_t locks_count;
    struct dict dict, xdata;
};

/* 0; -EINVAL: does not decode (GARBAGE_ARGS); -ENOMEM. */
int fop_args_decode(struct fop_args *args, const struct fop_def *fop,
                    const uint8_t *bytes, size_t len, struct arena *arena);
/* WRITE's arguments end where the payload begins: rpc_proc.split. */
int fop_write_split(const uint8_t *args, size_t avail, size_t *args_bytes);

#endif
