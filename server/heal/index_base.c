/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base files.  All entries of a directory are links to one empty file, so that
 * an entry costs a name and no inode.  A file takes only so many links; then
 * there is another base.  Those of earlier runs are as good as our own: one of
 * them is gone on with, the others stay until their last entry has gone.
 */
#define LOG_DOMAIN "heal"
#include "server/heal/index_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

enum { TRIES = 4 }; /* each with something made that was missing */

bool
index_base_is(const struct index_dir *dir, const char *name)
{
    size_t bytes = strlen(dir->name);

    return strncmp(name, dir->name, bytes) == 0 && name[bytes] == '-';
}

/* The directory itself may have been removed behind our back.  A new one gets
 * the old one's number, so that nobody has to be told. */
static int
dir_renew_locked(struct index *index, struct index_dir *dir)
{
    char path[32];
    AUTO_CLOSE int fd = -1;

    (void)snprintf(path, sizeof(path), "indices/%s", dir->name);
    fd = posix_store_open(index->px, path, 0600);
    if (fd == -ENOENT) {
        AUTO_CLOSE int above = posix_store_open(index->px, "indices", 0600);

        fd = posix_store_open(index->px, path, 0600);
    }
    if (fd < 0)
        return fd;
    dir->count = 0;
    return dup3(fd, dir->fd, O_CLOEXEC) < 0 ? -errno : 0;
}

static int
base_make_locked(struct index *index, struct index_dir *dir)
{
    char name[INDEX_BASE_NAME_BYTES];
    struct gfid uuid;
    int fd;

    gfid_random(&uuid);
    (void)snprintf(name, sizeof(name), "%s-%s", dir->name, gfid_str(&uuid));
    fd = openat(dir->fd, name, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0 && errno == ENOENT) {
        int err = dir_renew_locked(index, dir);

        if (err < 0)
            return err;
        fd = openat(dir->fd, name, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0);
    }
    if (fd < 0)
        return -errno;
    (void)close(fd);
    memcpy(dir->base, name, sizeof(name));
    return 0;
}

/* The base of now, in `base`.  failed: the one that no link could be made of,
 * which somebody may have replaced meanwhile. */
static int
base_get(struct index *index, struct index_dir *dir, const char *failed,
         char base[INDEX_BASE_NAME_BYTES])
{
    int err = 0;

    MUTEX_SCOPE(&index->mtx);
    if (dir->base[0] == '\0' || strcmp(dir->base, failed) == 0)
        err = base_make_locked(index, dir);
    memcpy(base, dir->base, INDEX_BASE_NAME_BYTES);
    return err;
}

int
index_base_renew(struct index *index, struct index_dir *dir)
{
    MUTEX_SCOPE(&index->mtx);
    return base_make_locked(index, dir);
}

int
index_base_link(struct index *index, struct index_dir *dir, int dirfd,
                const char *name)
{
    char base[INDEX_BASE_NAME_BYTES] = "";
    int tries, err;

    for (tries = 0; tries < TRIES; tries++) {
        char failed[INDEX_BASE_NAME_BYTES];

        memcpy(failed, base, sizeof(failed));
        err = base_get(index, dir, failed, base);
        if (err < 0)
            return err;
        if (linkat(dir->fd, base, dirfd, name, 0) == 0)
            return 1;
        if (errno == EEXIST)
            return 0;
        if (errno != EMLINK && errno != ENOENT)
            break;
    }
    return -errno;
}

void
index_base_drop_unused(struct index *index, struct index_dir *dir,
                       const char *name)
{
    struct stat st;

    MUTEX_SCOPE(&index->mtx);
    /* Only the base of now gets links. */
    if (strcmp(name, dir->base) == 0 ||
        fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(st.st_mode) || st.st_nlink != 1)
        return;
    if (unlinkat(dir->fd, name, 0) < 0 && errno != ENOENT)
        log_limited(LOG_LVL_WARNING, 5, "index: remove %s/%.100s: %s",
                    dir->name, name, strerror(errno));
}
