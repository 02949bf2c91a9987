/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files and their numbers.
 *
 * A table is an array of slots that doubles.  A free slot names the next free
 * one: a stack, so that the number freed last is given next, and slots never
 * used lie at its bottom in rising order.  A reserved one is in neither place.
 */
#include "server/inode/fd.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"

MEM_TYPE(mt_fd, "server.inode", "fd");
MEM_TYPE(mt_table, "server.inode", "fd table");
MEM_TYPE(mt_slots, "server.inode", "fd slots");

enum {
    FD_TABLE_MAGIC = 0x46445442,
    SLOTS_FIRST = 64,
    SLOTS_MAX = 1048576,
    FD_TABLE_RANK = 45,
};

/* --- fds --- */

static void
close_descriptor(int os_fd)
{
    if (os_fd != FD_MADE_UP)
        (void)close(os_fd);
}

struct fd *
fd_new(struct inode *inode, int os_fd, int flags, int32_t pid,
       const void *client, bool anonymous)
{
    struct fd *fd;

    OBJ_CHECK(inode, INODE_MAGIC);
    must(os_fd >= 0 || os_fd == FD_MADE_UP);
    fd = mem_zalloc(&mt_fd, sizeof(*fd));
    if (fd == NULL) {
        close_descriptor(os_fd);
        errno = ENOMEM;
        return NULL;
    }
    fd->magic = FD_MAGIC;
    fd->ref = 1;
    fd->inode = inode_get(inode);
    fd->os_fd = os_fd;
    fd->flags = flags;
    fd->pid = pid;
    fd->anonymous = anonymous;
    fd->active = true;
    fd->number = anonymous ? FD_ANONYMOUS : -1;
    fd->client = client;
    mutex_init(&fd->dir_mtx, "fd directory", 30);
    (void)atomic_fetch_add(&inode->fd_count, 1);
    (void)atomic_fetch_add(&inode->active_fd_count, 1);
    return fd;
}

struct fd *
fd_get(struct fd *fd)
{
    OBJ_CHECK(fd, FD_MAGIC);
    must(atomic_fetch_add(&fd->ref, 1) > 0);
    return fd;
}

/* Its client is done with it; others may still be using it. */
static void
fd_deactivate(struct fd *fd)
{
    if (atomic_exchange(&fd->active, false))
        must(atomic_fetch_sub(&fd->inode->active_fd_count, 1) > 0);
}

void
fd_put(struct fd *fd)
{
    uint32_t ref;

    if (fd == NULL)
        return;
    OBJ_CHECK(fd, FD_MAGIC);
    ref = atomic_fetch_sub(&fd->ref, 1);
    must(ref > 0);
    if (ref > 1)
        return;
    must(fd->number < 0);
    fd_deactivate(fd);
    /* Counted down first: release asks whether it was the inode's last. */
    must(atomic_fetch_sub(&fd->inode->fd_count, 1) > 0);
    if (fd->release != NULL)
        fd->release(fd->release_arg, fd);
    close_descriptor(fd->os_fd);
    inode_put(fd->inode);
    mutex_destroy(&fd->dir_mtx);
    fd->magic = 0;
    mem_free(fd);
}

/* --- tables --- */

struct slot {
    struct fd *fd;     /* a reference; NULL: free */
    int64_t next_free; /* of a free one; -1: the last */
};

/* first_free == -1  <=>  open + reserved == size */
struct fd_table {
    unsigned magic;
    struct mutex mtx;   /* rank 45 */
    struct slot *slots; /* [mtx] */
    uint32_t size;      /* [mtx] */
    uint32_t open;      /* [mtx] */
    uint32_t reserved;  /* [mtx] */
    int64_t first_free; /* [mtx] */
    bool closed;        /* [mtx] */
};

struct fd_table *
fd_table_new(void)
{
    struct fd_table *table = mem_zalloc(&mt_table, sizeof(*table));

    if (table == NULL)
        return NULL;
    table->magic = FD_TABLE_MAGIC;
    table->first_free = -1;
    mutex_init(&table->mtx, "fd table", FD_TABLE_RANK);
    return table;
}

void
fd_table_destroy(struct fd_table **tablep)
{
    struct fd_table *table = *tablep;

    if (table == NULL)
        return;
    *tablep = NULL;
    OBJ_CHECK(table, FD_TABLE_MAGIC);
    must(table->closed);
    must(table->open == 0);
    must(table->reserved == 0);
    mem_free(table->slots);
    mutex_destroy(&table->mtx);
    table->magic = 0;
    mem_free(table);
}

static int
grow_locked(struct fd_table *table)
{
    uint32_t i, size = table->size == 0 ? SLOTS_FIRST : table->size * 2;
    struct slot *slots;

    mutex_assert_held(&table->mtx);
    must(table->first_free == -1);
    if (table->size >= SLOTS_MAX)
        return -EMFILE;
    slots = mem_realloc(&mt_slots, table->slots, size * sizeof(*slots));
    if (slots == NULL)
        return -ENOMEM;
    for (i = table->size; i < size; i++) {
        slots[i].fd = NULL;
        slots[i].next_free = i + 1 < size ? (int64_t)i + 1 : -1;
    }
    table->first_free = table->size;
    table->slots = slots;
    table->size = size;
    return 0;
}

int64_t
fd_table_reserve(struct fd_table *table)
{
    int64_t number;
    int err;

    OBJ_CHECK(table, FD_TABLE_MAGIC);
    MUTEX_SCOPE(&table->mtx);
    if (table->closed)
        return -ESHUTDOWN;
    if (table->first_free < 0) {
        err = grow_locked(table);
        if (err < 0)
            return err;
    }
    number = table->first_free;
    table->first_free = table->slots[number].next_free;
    table->reserved++;
    return number;
}

static void
unreserve_locked(struct fd_table *table, int64_t number)
{
    mutex_assert_held(&table->mtx);
    must(number >= 0 && number < (int64_t)table->size);
    must(table->slots[number].fd == NULL && table->reserved > 0);
    table->reserved--;
    table->slots[number].next_free = table->first_free;
    table->first_free = number;
}

void
fd_table_unreserve(struct fd_table *table, int64_t number)
{
    OBJ_CHECK(table, FD_TABLE_MAGIC);
    MUTEX_SCOPE(&table->mtx);
    unreserve_locked(table, number);
}

int
fd_table_install_at(struct fd_table *table, int64_t number, struct fd *fd)
{
    OBJ_CHECK(table, FD_TABLE_MAGIC);
    OBJ_CHECK(fd, FD_MAGIC);
    must(fd->number == -1);
    MUTEX_SCOPE(&table->mtx);
    if (table->closed) {
        unreserve_locked(table, number);
        return -ESHUTDOWN;
    }
    must(number >= 0 && number < (int64_t)table->size);
    must(table->slots[number].fd == NULL && table->reserved > 0);
    table->reserved--;
    table->slots[number].fd = fd_get(fd);
    table->open++;
    fd->number = number;
    return 0;
}

int64_t
fd_table_install(struct fd_table *table, struct fd *fd)
{
    int64_t number = fd_table_reserve(table);
    int err;

    if (number < 0)
        return number;
    err = fd_table_install_at(table, number, fd);
    return err < 0 ? err : number;
}

static struct fd *
at_locked(struct fd_table *table, int64_t number)
{
    mutex_assert_held(&table->mtx);
    if (number < 0 || number >= (int64_t)table->size)
        return NULL;
    return table->slots[number].fd;
}

struct fd *
fd_table_find(struct fd_table *table, int64_t number)
{
    struct fd *fd;

    OBJ_CHECK(table, FD_TABLE_MAGIC);
    MUTEX_SCOPE(&table->mtx);
    fd = at_locked(table, number);
    return fd != NULL ? fd_get(fd) : NULL;
}

static struct fd *
remove_locked(struct fd_table *table, int64_t number)
{
    struct fd *fd = at_locked(table, number);

    if (fd == NULL)
        return NULL;
    must(fd->number == number);
    table->slots[number].fd = NULL;
    table->slots[number].next_free = table->first_free;
    table->first_free = number;
    must(table->open > 0);
    table->open--;
    fd->number = -1;
    fd_deactivate(fd);
    return fd;
}

struct fd *
fd_table_remove(struct fd_table *table, int64_t number)
{
    OBJ_CHECK(table, FD_TABLE_MAGIC);
    MUTEX_SCOPE(&table->mtx);
    return remove_locked(table, number);
}

bool
fd_table_uninstall(struct fd_table *table, struct fd *fd)
{
    OBJ_CHECK(table, FD_TABLE_MAGIC);
    OBJ_CHECK(fd, FD_MAGIC);
    MUTEX_SCOPE(&table->mtx);
    if (fd->number < 0)
        return false;
    must(remove_locked(table, fd->number) == fd);
    return true;
}

void
fd_table_close(struct fd_table *table, void (*fn)(void *arg, struct fd *fd),
               void *arg)
{
    int64_t number;

    OBJ_CHECK(table, FD_TABLE_MAGIC);
    mutex_lock(&table->mtx);
    table->closed = true;
    /* The size is final now. */
    for (number = 0; number < (int64_t)table->size; number++) {
        struct fd *fd = remove_locked(table, number);

        if (fd == NULL)
            continue;
        mutex_unlock(&table->mtx);
        fn(arg, fd);
        mutex_lock(&table->mtx);
    }
    mutex_unlock(&table->mtx);
}

void
fd_table_read(struct fd_table *table, struct fd_table_stats *out)
{
    OBJ_CHECK(table, FD_TABLE_MAGIC);
    MUTEX_SCOPE(&table->mtx);
    out->open = table->open;
    out->size = table->size;
    out->first_free = table->first_free;
}

void
fd_table_each(struct fd_table *table,
              bool (*fn)(void *arg, int64_t number, struct fd *fd), void *arg)
{
    uint32_t i;

    OBJ_CHECK(table, FD_TABLE_MAGIC);
    MUTEX_SCOPE(&table->mtx);
    for (i = 0; i < table->size; i++) {
        if (table->slots[i].fd != NULL && !fn(arg, i, table->slots[i].fd))
            break;
    }
}
