/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files, and the tables that number them, one table a client.  Numbers
 * start at 0 and the last one freed is reused first.
 */
#ifndef CLINKER_SERVER_INODE_FD_H
#define CLINKER_SERVER_INODE_FD_H

#include <stdbool.h>
#include <stdint.h>

#include "mem/mutex.h"
#include "server/inode/table.h"

enum {
    FD_MAGIC = 0x46445f5f,
    FD_ANONYMOUS = -2, /* a number */
    /* os_fd of a directory that the brick makes up: whatever else is tried by
     * it, the kernel answers EBADF. */
    FD_MADE_UP = -1,
};

struct fd {
    unsigned magic;
    _Atomic(uint32_t) ref;
    struct inode *inode; /* a reference */
    int os_fd;           /* closed with the fd; FD_MADE_UP: there is none */
    int flags;           /* open flags of the request */
    int32_t pid;         /* who opened it */
    bool anonymous;      /* lives for one request */
    _Atomic(bool) active;         /* the client has not closed it */
    _Atomic(int64_t) number;      /* in its client's table, -1: in none */
    const void *client;  /* identity of its client, for locks; not owned */
    struct mutex dir_mtx; /* rank 30: position of a directory's os_fd */
    /* Runs when the last reference goes, before os_fd is closed. */
    void (*release)(void *arg, struct fd *fd);
    void *release_arg;
};

/* One reference; takes over os_fd (also on failure: closed then) and takes a
 * reference of its own on inode.  NULL and ENOMEM. */
struct fd *fd_new(struct inode *inode, int os_fd, int flags, int32_t pid,
                  const void *client, bool anonymous);
struct fd *fd_get(struct fd *fd);
void fd_put(struct fd *fd); /* NULL is fine */

struct fd_table;
struct fd_table *fd_table_new(void); /* NULL and ENOMEM */
/* Must be closed. */
void fd_table_destroy(struct fd_table **tablep);
/* Number for fd (a reference is taken), or -ESHUTDOWN after fd_table_close(),
 * -EMFILE over 1,048,576, -ENOMEM. */
int64_t fd_table_install(struct fd_table *table, struct fd *fd);
/* A number for an fd that is yet to be made, so that giving it one cannot fail
 * for want of room: as fd_table_install(). */
int64_t fd_table_reserve(struct fd_table *table);
/* It is that fd's now, as after fd_table_install(); or -ESHUTDOWN, and the
 * number is nobody's. */
int fd_table_install_at(struct fd_table *table, int64_t number, struct fd *fd);
/* Nothing came of it. */
void fd_table_unreserve(struct fd_table *table, int64_t number);
/* With a reference for the caller; NULL if that number is not in use. */
struct fd *fd_table_find(struct fd_table *table, int64_t number);
/* Out of the table; the table's reference passes to the caller; NULL if not in
 * use.  fd->active becomes false. */
struct fd *fd_table_remove(struct fd_table *table, int64_t number);
/* The same of an fd that may have left already: false then. */
bool fd_table_uninstall(struct fd_table *table, struct fd *fd);
/* No more installs; each fd leaves the table and is passed to fn with the
 * table's reference. */
void fd_table_close(struct fd_table *table,
                    void (*fn)(void *arg, struct fd *fd),
                    void *arg);

struct fd_table_stats {
    uint32_t open;
    uint32_t size; /* slots */
    int64_t first_free;
};
void fd_table_read(struct fd_table *table, struct fd_table_stats *out);
/* Calls fn for each, in the order of their numbers, until it returns false;
 * under the table's mutex: fn must not block. */
void fd_table_each(struct fd_table *table,
                   bool (*fn)(void *arg, int64_t number, struct fd *fd),
                   void *arg);

#endif
