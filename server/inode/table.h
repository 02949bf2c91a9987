/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inode table: objects by gfid, in an RCU hash table, so that finding one
 * takes no lock.  The table itself holds one reference on each of its inodes;
 * one that nobody else refers to is "unused" and may be dropped once there
 * are more of them than the limit: a clock hand walks the list of all and
 * gives those used since its last visit a second chance.  Dropping is
 * invisible to clients: any gfid can be found again on disk.
 */
#ifndef CLINKER_SERVER_INODE_TABLE_H
#define CLINKER_SERVER_INODE_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>
#include <urcu/list.h>

#include "mem/mutex.h"
#include "server/core/gfid.h"
#include "server/core/iatt.h"

struct inode_table;
struct lock_domain;

enum { INODE_MAGIC = 0x494e4f44 };

/* An ACL as cached: the raw xattr value. */
struct inode_acl {
    bool known;     /* looked for since the last change */
    uint32_t bytes; /* 0: the object has none */
    uint8_t *value; /* mem_alloc'ed */
};

struct inode {
    unsigned magic;
    struct gfid gfid;                 /* constant */
    struct inode_table *table;        /* constant */
    _Atomic(uint32_t) type;           /* S_IFMT bits, 0 while unknown */
    _Atomic(uint32_t) ref;            /* 0: dead, about to be freed by RCU */
    _Atomic(bool) used;               /* since the clock hand's last visit */
    struct cds_lfht_node hash_node;
    struct cds_list_head all_node;    /* [table->mtx] */
    struct rcu_head rcu;

    _Atomic(uint32_t) fd_count;        /* fd objects on it */
    _Atomic(uint32_t) active_fd_count; /* of those, not yet closed by their
                                          client */
    _Atomic(bool) unlinked; /* its last name has gone; while fds are open its
                               handle lies in .glusterfs/unlink */

    struct mutex mtx;        /* rank 20; guards what follows */
    int path_fd;             /* [mtx] held descriptor, -1: none.  Directories:
                                O_RDONLY|O_DIRECTORY; others: O_PATH */
    bool mdata_known;        /* [mtx] mdata was read from disk */
    bool mdata_present;      /* [mtx] and there is one */
    struct mdata mdata;      /* [mtx] */
    struct inode_acl acl_access, acl_default; /* [mtx] */

    struct mutex write_mtx;  /* rank 15, before mtx: held over a write whose
                                pre- and post-attributes must fit together,
                                and over read-modify-write of xattrs */
    struct lock_domain *_Atomic locks; /* made on first use, freed with the
                                          inode through table->ops */
};

struct inode_table_ops {
    void *arg;
    /* The inode's last reference has gone; release what hangs on it (path_fd
     * and ACLs are the table's own business). */
    void (*release)(void *arg, struct inode *inode);
};

/* NULL and errno. */
struct inode_table *inode_table_new(uint32_t unused_limit,
                                    const struct inode_table_ops *ops);
/* Nobody may refer to an inode any more. */
void inode_table_destroy(struct inode_table **tablep);
void inode_table_set_limit(struct inode_table *table, uint32_t unused_limit);

/* The inode with a reference for the caller, or NULL.  Takes no lock. */
struct inode *inode_find(struct inode_table *table, const struct gfid *gfid);
/* The same, made if it is not there.  NULL and ENOMEM. */
struct inode *inode_link(struct inode_table *table, const struct gfid *gfid,
                         uint32_t type);
struct inode *inode_get(struct inode *inode); /* returns inode */
void inode_put(struct inode *inode);          /* NULL is fine */
/* The object has gone from disk: the table lets go of it, so that the gfid is
 * looked for on disk next time.  Others keep their references. */
void inode_forget(struct inode *inode);

static inline uint32_t
inode_type(const struct inode *inode)
{
    return inode->type;
}

struct inode_table_stats {
    uint32_t active; /* somebody refers to it */
    uint32_t unused;
    uint32_t unused_limit;
    uint64_t path_fds; /* descriptors held */
    uint64_t finds, hits, links, drops;
};
void inode_table_read(struct inode_table *table, struct inode_table_stats *out);
/* Calls fn for every inode, in the order of their making, with a reference
 * held during the call and no lock; inodes made or dropped meanwhile may be
 * missed.  Stops when fn returns false. */
void inode_table_each(struct inode_table *table,
                      bool (*fn)(void *arg, struct inode *inode), void *arg);

#endif
