/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which object of the disk an inode is known to be, and the descriptor of it
 * that it holds.  They go together: a descriptor of what it was before is let
 * go, and so is what was remembered of it.
 */
#include "server/inode/table_priv.h"

#include <stdatomic.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"

MEM_TYPE(mt_holder, "server.inode", "path fd");

/* Of a descriptor's holder, with what it takes in its size class. */
enum { HOLDER_BYTES = 32 };

/* The inode's own reference, which is the caller's to put once the mutex is
 * free. */
static struct inode_fd_holder *
take_locked(struct inode *inode)
{
    struct inode_fd_holder *holder = inode->path_fd;

    mutex_assert_held(&inode->mtx);
    inode->path_fd = NULL;
    return holder;
}

/* --- what it is on disk --- */

static bool
disk_is_locked(const struct inode *inode, const struct stat *st)
{
    return inode->disk_ino == st->st_ino && inode->disk_dev == st->st_dev;
}

enum inode_disk
inode_disk_is(struct inode *inode, const struct stat *st)
{
    OBJ_CHECK(inode, INODE_MAGIC);
    MUTEX_SCOPE(&inode->mtx);
    if (inode->disk_ino == 0)
        return INODE_DISK_UNKNOWN;
    return disk_is_locked(inode, st) ? INODE_DISK_SAME : INODE_DISK_OTHER;
}

/* Returns the descriptor of the object that it was before, to be put once the
 * mutex is free. */
static struct inode_fd_holder *
disk_set_locked(struct inode *inode, const struct stat *st)
{
    struct inode_fd_holder *holder = NULL;

    mutex_assert_held(&inode->mtx);
    if (disk_is_locked(inode, st))
        return NULL;
    if (inode->disk_ino != 0) {
        holder = take_locked(inode);
        inode->mdata_known = false;
        inode->acl_access.known = false;
        inode->acl_default.known = false;
    }
    inode->disk_dev = st->st_dev;
    inode->disk_ino = st->st_ino;
    return holder;
}

void
inode_disk_set(struct inode *inode, const struct stat *st)
{
    struct inode_fd_holder *holder;

    OBJ_CHECK(inode, INODE_MAGIC);
    mutex_lock(&inode->mtx);
    holder = disk_set_locked(inode, st);
    mutex_unlock(&inode->mtx);
    inode_fd_holder_put(holder);
}

/* --- held descriptors --- */

void
inode_fd_holder_put(struct inode_fd_holder *holder)
{
    if (holder == NULL || atomic_fetch_sub(&holder->ref, 1) != 1)
        return;
    (void)close(holder->fd);
    (void)atomic_fetch_sub(inode_table_path_fd_count(holder->table), 1);
    mem_free(holder);
}

struct inode_fd_holder *
inode_path_fd_get(struct inode *inode)
{
    struct inode_fd_holder *holder;

    OBJ_CHECK(inode, INODE_MAGIC);
    MUTEX_SCOPE(&inode->mtx);
    holder = inode->path_fd;
    if (holder != NULL)
        (void)atomic_fetch_add(&holder->ref, 1);
    return holder;
}

struct inode_fd_holder *
inode_path_fd_set(struct inode *inode, int fd, const struct stat *st)
{
    struct inode_fd_holder *holder, *other, *before;

    OBJ_CHECK(inode, INODE_MAGIC);
    must(fd >= 0);
    holder = mem_alloc(&mt_holder, sizeof(*holder));
    if (holder == NULL)
        return NULL;
    holder->ref = 1;
    holder->fd = fd;
    holder->table = inode->table;
    (void)atomic_fetch_add(inode_table_path_fd_count(inode->table), 1);
    mutex_lock(&inode->mtx);
    before = disk_set_locked(inode, st);
    other = inode->path_fd;
    if (other != NULL) {
        (void)atomic_fetch_add(&other->ref, 1);
    } else if (!inode->path_fd_barred) {
        (void)atomic_fetch_add(&holder->ref, 1);
        inode->path_fd = holder;
    }
    mutex_unlock(&inode->mtx);
    inode_fd_holder_put(before);
    if (other == NULL)
        return holder;
    inode_fd_holder_put(holder);
    return other;
}

void
inode_path_fd_drop(struct inode *inode, bool bar)
{
    struct inode_fd_holder *holder;

    OBJ_CHECK(inode, INODE_MAGIC);
    mutex_lock(&inode->mtx);
    holder = take_locked(inode);
    if (bar)
        inode->path_fd_barred = true;
    mutex_unlock(&inode->mtx);
    inode_fd_holder_put(holder);
}

void
inode_path_fd_unbar(struct inode *inode)
{
    OBJ_CHECK(inode, INODE_MAGIC);
    MUTEX_SCOPE(&inode->mtx);
    inode->path_fd_barred = false;
}

uint64_t
inode_table_path_fds(struct inode_table *table)
{
    return *inode_table_path_fd_count(table);
}

/* --- reclaim --- */

uint64_t
inode_table_path_fds_bytes(struct inode_table *table)
{
    return inode_table_path_fds(table) * HOLDER_BYTES;
}

struct path_fd_pass {
    uint64_t want, dropped;
};

static bool
drop_path_fd(void *arg, struct inode *inode)
{
    struct path_fd_pass *p = arg;
    struct inode_fd_holder *holder;

    mutex_lock(&inode->mtx);
    holder = take_locked(inode);
    mutex_unlock(&inode->mtx);
    if (holder != NULL)
        p->dropped++;
    inode_fd_holder_put(holder);
    return p->dropped < p->want;
}

size_t
inode_table_shrink_path_fds(struct inode_table *table, size_t want_bytes)
{
    struct path_fd_pass p = {.want = want_bytes / HOLDER_BYTES + 1};

    inode_table_each(table, drop_path_fd, &p);
    return p.dropped * HOLDER_BYTES;
}
