/* SPDX-License-Identifier: BSD-2-Clause */
#define LOG_DOMAIN "heal"
#include "server/heal/index_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

MEM_TYPE(mt_index, "server.heal", "index");

enum { INDEX_RANK = 12, NAME_BYTES_MAX = 255 };

static const char *const names[INDEX_KINDS] = {
    [INDEX_XATTROP] = "xattrop",
    [INDEX_DIRTY] = "dirty",
    [INDEX_CHANGES] = "entry-changes",
};

/* --- reading --- */

int
index_each(int fd, int (*fn)(void *arg, int dirfd, const char *name),
           void *arg)
{
    struct dirent *e;
    DIR *dir;
    int err = 0;

    if (fd < 0)
        return fd;
    dir = fdopendir(fd);
    if (dir == NULL) {
        err = -errno;
        (void)close(fd);
        return err;
    }
    for (;;) {
        errno = 0;
        e = readdir(dir);
        if (e == NULL) {
            err = -errno;
            break;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        err = fn(arg, dirfd(dir), e->d_name);
        if (err < 0)
            break;
    }
    (void)closedir(dir);
    return err;
}

static int
dir_reopen(const struct index_dir *dir)
{
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    return fd;
}

struct counting {
    struct index_dir *dir;
    uint64_t count;
};

static int
count_one(void *arg, int dirfd, const char *name)
{
    struct counting *counting = arg;

    if (!index_base_is(counting->dir, name))
        counting->count++;
    return 0;
}

int
index_read_count(struct index *index, enum index_kind kind, uint64_t *count)
{
    struct counting counting = {.dir = &index->dirs[kind]};
    int err;

    OBJ_CHECK(index, INDEX_MAGIC);
    err = index_each(dir_reopen(counting.dir), count_one, &counting);
    *count = counting.count;
    return err;
}

/* --- opening --- */

/* Counts, and finds a base to go on with. */
static int
look_at_one(void *arg, int dirfd, const char *name)
{
    struct counting *counting = arg;
    struct index_dir *dir = counting->dir;
    struct stat st;

    if (!index_base_is(dir, name)) {
        counting->count++;
        return 0;
    }
    if (dir->base[0] == '\0' && strlen(name) < sizeof(dir->base) &&
        fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(st.st_mode))
        (void)snprintf(dir->base, sizeof(dir->base), "%s", name);
    return 0;
}

struct dropping {
    struct index *index;
    struct index_dir *dir;
};

static int
drop_one(void *arg, int dirfd, const char *name)
{
    struct dropping *dropping = arg;

    if (index_base_is(dropping->dir, name))
        index_base_drop_unused(dropping->index, dropping->dir, name);
    return 0;
}

static int
dir_open(struct index *index, enum index_kind kind)
{
    struct index_dir *dir = &index->dirs[kind];
    struct counting counting = {.dir = dir};
    struct dropping dropping = {index, dir};
    char path[32];
    int err;

    (void)snprintf(path, sizeof(path), "indices/%s", dir->name);
    dir->fd = posix_store_open(index->px, path, 0600);
    if (dir->fd < 0)
        return dir->fd;
    err = index_each(dir_reopen(dir), look_at_one, &counting);
    if (err == 0)
        err = index_each(dir_reopen(dir), drop_one, &dropping);
    dir->count = counting.count;
    return err;
}

/* Is that where the brick's are?  By what is there, not by its path. */
static int
check_path(struct posix *px, const char *path)
{
    AUTO_CLOSE int ours = posix_store_open(px, "indices", 0600);
    struct stat there, here;

    if (ours < 0)
        return ours;
    if (fstat(ours, &here) < 0)
        return -errno;
    if (stat(path, &there) < 0)
        return errno == ENOENT || errno == ENOTDIR ? -EXDEV : -errno;
    return here.st_dev == there.st_dev && here.st_ino == there.st_ino
               ? 0
               : -EXDEV;
}

int
index_open(struct index **out, struct posix *px, const char *path)
{
    struct index *index = mem_zalloc(&mt_index, sizeof(*index));
    int err = 0;
    unsigned i;

    if (index == NULL)
        return -ENOMEM;
    index->magic = INDEX_MAGIC;
    index->px = px;
    mutex_init(&index->mtx, "index", INDEX_RANK);
    gfid_random(&index->secret);
    for (i = 0; i < INDEX_KINDS; i++) {
        index->dirs[i].name = names[i];
        index->dirs[i].fd = -1;
        gfid_random(&index->gfids[i]);
    }
    if (path != NULL)
        err = check_path(px, path);
    for (i = 0; i < INDEX_KINDS && err == 0; i++)
        err = dir_open(index, i);
    if (err < 0)
        index_close(&index);
    else
        *out = index;
    return err;
}

void
index_close(struct index **indexp)
{
    struct index *index = *indexp;
    unsigned i;

    if (index == NULL)
        return;
    *indexp = NULL;
    OBJ_CHECK(index, INDEX_MAGIC);
    for (i = 0; i < INDEX_KINDS; i++) {
        if (index->dirs[i].fd >= 0)
            (void)close(index->dirs[i].fd);
    }
    mutex_destroy(&index->mtx);
    index->magic = 0;
    mem_free(index);
}

/* --- objects --- */

int
index_add(struct index *index, enum index_kind kind, const struct gfid *gfid)
{
    struct index_dir *dir = &index->dirs[kind];
    int made;

    OBJ_CHECK(index, INDEX_MAGIC);
    must(kind != INDEX_CHANGES);
    made = index_base_link(index, dir, dir->fd, gfid_str(gfid));
    if (made == 1)
        (void)atomic_fetch_add(&dir->count, 1);
    return made < 0 ? made : 0;
}

int
index_remove(struct index *index, enum index_kind kind,
             const struct gfid *gfid)
{
    struct index_dir *dir = &index->dirs[kind];
    uint64_t count;

    OBJ_CHECK(index, INDEX_MAGIC);
    must(kind != INDEX_CHANGES);
    if (unlinkat(dir->fd, gfid_str(gfid), 0) < 0)
        return errno == ENOENT ? 0 : -errno;
    /* Entries that somebody else has put there were not counted. */
    count = dir->count;
    while (count > 0 &&
           !atomic_compare_exchange_weak(&dir->count, &count, count - 1))
        continue;
    return 0;
}

uint64_t
index_count(const struct index *index, enum index_kind kind)
{
    return index->dirs[kind].count;
}

/* --- names in directories --- */

int
index_name_check(const char *name)
{
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    if (strchr(name, '/') != NULL)
        return -EPERM;
    return strlen(name) > NAME_BYTES_MAX ? -ENAMETOOLONG : 0;
}

int
index_changes_open(struct index *index, const struct gfid *gfid, bool make)
{
    const struct index_dir *dir = &index->dirs[INDEX_CHANGES];
    char name[GFID_TEXT_BYTES];
    int fd;

    (void)gfid_format(gfid, name);
    if (make && mkdirat(dir->fd, name, 0600) < 0 && errno != EEXIST)
        return -errno;
    fd = openat(dir->fd, name,
                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return fd;
}

static int
change_check(const char *name)
{
    int err = index_name_check(name);

    return err == -EPERM ? -EINVAL : err;
}

int
index_change_add(struct index *index, const struct gfid *gfid,
                 const char *name)
{
    AUTO_CLOSE int fd = -1;
    int err = change_check(name);

    OBJ_CHECK(index, INDEX_MAGIC);
    if (err < 0)
        return err;
    fd = index_changes_open(index, gfid, true);
    if (fd == -ENOENT) {
        /* entry-changes itself has gone: with a base it is there again. */
        struct index_dir *dir = &index->dirs[INDEX_CHANGES];

        err = index_base_renew(index, dir);
        fd = err < 0 ? err : index_changes_open(index, gfid, true);
    }
    if (fd < 0)
        return fd;
    err = index_base_link(index, &index->dirs[INDEX_CHANGES], fd, name);
    return err < 0 ? err : 0;
}

int
index_change_remove(struct index *index, const struct gfid *gfid,
                    const char *name)
{
    AUTO_CLOSE int fd = -1;
    int err = change_check(name);

    OBJ_CHECK(index, INDEX_MAGIC);
    if (err < 0)
        return err;
    fd = index_changes_open(index, gfid, false);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    if (unlinkat(fd, name, 0) < 0)
        return errno == ENOENT ? 0 : -errno;
    return 0;
}

int
index_changes_purge(struct index *index, const struct gfid *gfid)
{
    int dirfd, err;

    OBJ_CHECK(index, INDEX_MAGIC);
    dirfd = index->dirs[INDEX_CHANGES].fd;
    if (unlinkat(dirfd, gfid_str(gfid), AT_REMOVEDIR) == 0)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return errno == ENOENT ? 0 : -errno;
    err = posix_store_discard(index->px, dirfd, gfid_str(gfid));
    return err == -ENOENT ? 0 : err;
}
