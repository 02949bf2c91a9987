/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inode table: objects by gfid, in an RCU hash table, so that finding one
 * takes no lock.  The table itself holds one reference on each of its inodes;
 * one that nobody else refers to is "unused" and may be dropped once there
 * are more of them than the limit: a clock hand walks the list of all and
 * gives those used since its last visit a second chance.  Dropping is
 * invisible to clients: any gfid can be found again on disk.
 *
 * Every thread that calls in here is registered with RCU
 * (urcu_memb_register_thread) by whoever owns the thread.
 */
#ifndef CLINKER_SERVER_INODE_TABLE_H
#define CLINKER_SERVER_INODE_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>
#include <urcu/list.h>

#include "mem/mutex.h"
#include "server/core/gfid.h"
#include "server/core/iatt.h"

struct inode_table;
struct lock_domain;

enum { INODE_MAGIC = 0x494e4f44 };
#define INODE_IN_TABLE 0x80000000u

/* A descriptor that an inode holds.  It is counted, so that dropping it never
 * closes it under a thread that is using it. */
struct inode_fd_holder {
    _Atomic(uint32_t) ref;
    int fd;
    struct inode_table *table;
};

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
    _Atomic(uint32_t) ref;            /* references of others, and the table's
                                         as INODE_IN_TABLE; 0: dead, about to be
                                         freed by RCU */
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
    struct inode_fd_holder *path_fd; /* [mtx] NULL: none.  Directories:
                                O_RDONLY|O_DIRECTORY; others: O_PATH */
    bool path_fd_barred;     /* [mtx] unlinked: none is to be held again */
    dev_t disk_dev;          /* [mtx] the object on disk that it was last found
                                to be; path_fd and what is cached below are of
                                that one */
    ino_t disk_ino;          /* [mtx] 0: not known yet */
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
/* What is over the limit is dropped at once. */
void inode_table_set_limit(struct inode_table *table, uint32_t unused_limit);
/* What one unused inode takes, with its share of the hash table. */
size_t inode_table_inode_bytes(void);

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
/* Nothing came of what the inode was linked for: as inode_forget(), if nobody
 * but the caller refers to it.  Who does may have had more luck. */
void inode_forget_unshared(struct inode *inode);

enum inode_disk { INODE_DISK_UNKNOWN, INODE_DISK_SAME, INODE_DISK_OTHER };
/* Is the object on disk the one that the inode was last found to be? */
enum inode_disk inode_disk_is(struct inode *inode, const struct stat *st);
/* It has been found to be this object, by its handle.  If it was another
 * before, what was held and cached of that goes. */
void inode_disk_set(struct inode *inode, const struct stat *st);

/* The held descriptor, with a reference for the caller; NULL: none. */
struct inode_fd_holder *inode_path_fd_get(struct inode *inode);
/* Let the inode hold `fd`, an open descriptor of the object `st`
 * (inode_disk_set()), which is taken over (not on failure).  Returns a
 * reference for the caller, to the one of another thread if that was faster.
 * Of a barred inode it lives as long as that reference.  NULL and ENOMEM. */
struct inode_fd_holder *inode_path_fd_set(struct inode *inode, int fd,
                                          const struct stat *st);
/* The inode lets go of it.  With `bar`, for good. */
void inode_path_fd_drop(struct inode *inode, bool bar);
/* Its object has come back: it may hold one again. */
void inode_path_fd_unbar(struct inode *inode);
void inode_fd_holder_put(struct inode_fd_holder *holder); /* NULL is fine */
/* How many descriptors the table's inodes hold. */
uint64_t inode_table_path_fds(struct inode_table *table);
/* Drop every inode that nobody refers to. */
void inode_table_drop_unused(struct inode_table *table);
/* For reclaim: drop unused inodes until about want_bytes of memory are free,
 * those that were used since the clock hand's last visit only when there are
 * no others.  Returns once RCU has freed them; the caller holds nothing and is
 * no RCU reader.  Returns bytes. */
size_t inode_table_shrink(struct inode_table *table, size_t want_bytes);
/* The same with held descriptors of inodes in use: they are opened again when
 * they are wanted. */
size_t inode_table_shrink_path_fds(struct inode_table *table,
                                   size_t want_bytes);
/* What the two could give, about. */
uint64_t inode_table_unused_bytes(struct inode_table *table);
uint64_t inode_table_path_fds_bytes(struct inode_table *table);

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
