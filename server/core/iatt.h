/* SPDX-License-Identifier: BSD-2-Clause */
/* The attributes of an object as clients see them. */
#ifndef CLINKER_SERVER_CORE_IATT_H
#define CLINKER_SERVER_CORE_IATT_H

#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "server/core/gfid.h"

enum {
    IATT_TYPE = 0x1,
    IATT_MODE = 0x2,
    IATT_NLINK = 0x4,
    IATT_UID = 0x8,
    IATT_GID = 0x10,
    IATT_ATIME = 0x20,
    IATT_MTIME = 0x40,
    IATT_CTIME = 0x80,
    IATT_INO = 0x100,
    IATT_SIZE = 0x200,
    IATT_BLOCKS = 0x400,
    IATT_BTIME = 0x800,
    IATT_GFID = 0x1000,
    IATT_ALL = 0x17ff, /* what a filled one carries */
};

/* SETATTR's valid bits. */
enum {
    SETATTR_MODE = 0x1,
    SETATTR_UID = 0x2,
    SETATTR_GID = 0x4,
    SETATTR_SIZE = 0x8, /* ignored, as on the peer */
    SETATTR_ATIME = 0x10,
    SETATTR_MTIME = 0x20,
    SETATTR_CTIME = 0x40,
};

/* All zero means "no attributes". */
struct iatt {
    struct gfid gfid;
    uint64_t flags; /* IATT_*: which fields are valid */
    uint64_t ino;
    uint64_t dev;
    uint64_t rdev; /* (major << 32) | minor */
    uint64_t size;
    uint64_t blocks; /* of 512 bytes */
    struct timespec atime, mtime, ctime, btime;
    uint32_t nlink;
    uint32_t uid, gid;
    uint32_t blksize;
    uint32_t mode; /* type and permission bits, Linux values */
};

/* Times of trusted.glusterfs.mdata. */
struct mdata {
    struct timespec ctime, mtime, atime;
};

#endif
