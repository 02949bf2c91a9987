/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internal locks: inodelk on ranges of an object, entrylk on names in a
 * directory, each in a volume (lock domain).  An owner is a client together
 * with the owner bytes of the request.  They are tied to the client alone: no
 * fd's closing releases them.
 */
#ifndef CLINKER_SERVER_LOCK_INTERNAL_H
#define CLINKER_SERVER_LOCK_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "server/inode/table.h"
#include "server/lock/holder.h"
#include "server/lock/posixlk.h"
#include "server/lock/range.h"

enum ilk_kind { ILK_RANGE, ILK_NAME, ILK_KINDS };

enum {
    /* The volumes of the cluster's layers are a volume's name and a few
     * words. */
    ILK_VOLUME_BYTES_MAX = 1024,
    ILK_NAME_BYTES_MAX = 255,
};

struct ilk_request {
    struct inode *inode;
    struct lk_holder *holder; /* must stay valid until it has left */
    int32_t caller_pid;
    const uint8_t *owner;
    uint32_t owner_bytes;
    const char *volume;
    enum ilk_kind kind;
    enum lk_type type; /* LK_READ, LK_WRITE */
    uint32_t whence;   /* ILK_RANGE */
    int64_t start, len;
    const char *name;  /* ILK_NAME; NULL: all names */
};

/* Who waits: as lk_wait. */
struct ilk_wait {
    void (*done)(void *arg, int err);
    void *arg;
};

/* 0: granted.
 * 1: queued, done will be called (or has been).
 * -EAGAIN: not to be had, and wait is NULL.
 * -EINVAL: type, range, owner or volume is none.  -ENAMETOOLONG.
 * -ESHUTDOWN: the holder has gone.
 * -ENOMEM. */
int ilk_set(const struct ilk_request *req, const struct lk_rules *rules,
            const struct ilk_wait *wait);
/* Ranges match by both ends whatever the type, names by name and type; of
 * equal ones the newest goes.  0; -EINVAL: not held, or as above; -ENOMEM. */
int ilk_unset(const struct ilk_request *req, const struct lk_rules *rules);

/* Granted and waiting, on the inode. */
uint32_t ilk_count(struct inode *inode, enum ilk_kind kind);
/* The same in one volume. */
uint32_t ilk_count_in(struct inode *inode, enum ilk_kind kind,
                      const char *volume);
/* Is this very name locked in the directory, in some volume? */
bool ilk_name_is_held(struct inode *inode, const char *name);

/* What somebody else wants: the lock as it is held. */
struct lk_notice {
    struct cds_list_head node; /* lock/'s */
    struct lk_holder *holder;
    struct gfid gfid;
    enum ilk_kind kind;
    enum lk_type type;
    uint32_t whence;
    struct lk_range range;
    int32_t caller_pid;
    const char *name; /* NULL: all names */
    const char *volume;
};

#endif
