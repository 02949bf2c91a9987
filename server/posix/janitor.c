/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The janitor: trees that were thrown into landfill are taken apart here, with
 * the handles of what was in them, by a thread that nobody waits for.
 *
 * Going down costs a descriptor a level.  A directory that lies deep is not
 * entered but moved to the top of landfill, and taken apart from there.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/clock.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

MEM_TYPE(mt_janitor, "server.posix", "janitor");

enum { DEEP = 32, JANITOR_RANK = 55 };

struct posix_janitor {
    struct mutex mtx; /* rank 55 */
    struct cond cond;
    bool wake;          /* [mtx] */
    _Atomic(bool) stop; /* set under mtx, read anywhere */
    pthread_t thread;
};

/* --- taking apart --- */

static void
complain(const char *what, const char *name, int err)
{
    log_limited(LOG_LVL_WARNING, 5, "landfill: %s %s: %s", what, name,
                strerror(-err));
}

/* The object has no name any more.  Who still has it open keeps it, by its
 * handle in unlink/. */
static void
handle_of_file_gone(struct posix *px, const struct gfid *gfid)
{
    struct inode *inode = inode_find(px->table, gfid);
    int err;

    if (inode != NULL && inode->fd_count > 0) {
        inode->unlinked = true;
        err = handle_set_aside(px, gfid);
        /* The last fd may have gone before there was anything to remove. */
        if (err == 0 && inode->fd_count == 0)
            err = handle_aside_remove(px, gfid);
    } else {
        err = handle_remove(px, gfid);
    }
    if (err < 0 && err != -ENOENT)
        complain("handle of gfid", gfid_str(gfid), err);
    if (inode == NULL)
        return;
    posix_ref_forget(inode);
    inode_forget(inode);
    inode_put(inode);
}

/* The directory is gone; unless its gfid has been given to another since. */
static void
handle_of_dir_gone(struct posix *px, const struct gfid *gfid)
{
    struct inode *inode;
    struct stat st;
    int err;

    if (gfid_is_root(gfid) || handle_stat(px, gfid, &st) != -ENOENT)
        return;
    err = handle_remove(px, gfid);
    if (err < 0)
        complain("handle of gfid", gfid_str(gfid), err);
    inode = inode_find(px->table, gfid);
    if (inode == NULL)
        return;
    posix_ref_forget(inode);
    inode_forget(inode);
    inode_put(inode);
}

/* Is (dev, ino) what the gfid's handle is a link to? */
static bool
handle_is(struct posix *px, const struct gfid *gfid, const struct stat *st)
{
    char name[HANDLE_NAME_BYTES];
    int level1 = handle_place(px, gfid, name);
    AUTO_CLOSE int fd = posix_openat(level1, name, O_PATH, 0);
    struct stat at;

    return fd >= 0 && fstat(fd, &at) == 0 && at.st_ino == st->st_ino &&
           at.st_dev == st->st_dev;
}

static int
purge_file(struct posix *px, int dirfd, const char *name,
           const struct stat *st)
{
    struct gfid gfid;
    bool has_handle = posix_gfid_read(dirfd, name, &gfid) == 0 &&
                      !gfid_is_root(&gfid) && st->st_nlink == 2 &&
                      handle_is(px, &gfid, st);

    if (unlinkat(dirfd, name, 0) < 0)
        return -errno;
    if (has_handle)
        handle_of_file_gone(px, &gfid);
    return 0;
}

static uint64_t purge_dir(struct posix *px, int dirfd, unsigned depth,
                          const _Atomic(bool) *stop);

/* Out of the depths; the next round finds it. */
static int
raise_dir(struct posix *px, int dirfd, const char *name)
{
    struct gfid random;

    gfid_random(&random);
    return renameat(dirfd, name, px->landfill_fd, gfid_str(&random)) < 0
               ? -errno
               : 0;
}

static int
purge_subdir(struct posix *px, int dirfd, const char *name, unsigned depth,
             const _Atomic(bool) *stop)
{
    struct gfid gfid;
    bool has_gfid;
    int fd;

    if (depth >= DEEP)
        return raise_dir(px, dirfd, name);
    fd = posix_openat(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    has_gfid = posix_gfid_read_fd(fd, &gfid) == 0;
    (void)purge_dir(px, fd, depth + 1, stop);
    if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
        return -errno;
    if (has_gfid)
        handle_of_dir_gone(px, &gfid);
    return 0;
}

static int
purge_entry(struct posix *px, int dirfd, const char *name, unsigned depth,
            const _Atomic(bool) *stop)
{
    struct stat st;

    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (S_ISDIR(st.st_mode))
        return purge_subdir(px, dirfd, name, depth, stop);
    return purge_file(px, dirfd, name, &st);
}

/* Closes dirfd. */
static uint64_t
purge_dir(struct posix *px, int dirfd, unsigned depth,
          const _Atomic(bool) *stop)
{
    DIR *dir = fdopendir(dirfd);
    uint64_t failed = 0;
    struct dirent *e;

    if (dir == NULL) {
        complain("open", "a directory", -errno);
        (void)close(dirfd);
        return 1;
    }
    while ((e = readdir(dir)) != NULL) {
        int err;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (stop != NULL && *stop)
            break;
        err = purge_entry(px, dirfd, e->d_name, depth, stop);
        if (err < 0 && err != -ENOENT) {
            failed++;
            if (stop == NULL || !*stop)
                complain("remove", e->d_name, err);
        }
    }
    (void)closedir(dir);
    return failed;
}

uint64_t
posix_purge(struct posix *px, int dirfd, const _Atomic(bool) *stop)
{
    int fd = posix_openat(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0) {
        complain("open", ".", fd);
        return 1;
    }
    return purge_dir(px, fd, 0, stop);
}

/* --- the thread --- */

static bool
is_empty(int dirfd)
{
    int fd = posix_openat(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    unsigned entries = 0;

    if (dir == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return true;
    }
    while (entries < 3 && readdir(dir) != NULL)
        entries++;
    (void)closedir(dir);
    return entries < 3;
}

/* Until nothing that can be removed is left. */
static void
clean(struct posix *px, struct posix_janitor *j)
{
    while (!j->stop && !options_bool(px->options, OPT_DISABLE_LANDFILL) &&
           !is_empty(px->landfill_fd)) {
        if (posix_purge(px, px->landfill_fd, &j->stop) > 0)
            return; /* not again at once */
    }
}

static void *
janitor_run(void *arg)
{
    struct posix *px = arg;
    struct posix_janitor *j = px->janitor;

    (void)prctl(PR_SET_NAME, "janitor");
    urcu_memb_register_thread();
    mutex_lock(&j->mtx);
    while (!j->stop) {
        int64_t sleep_s = options_number(px->options, OPT_JANITOR_SLEEP);
        struct timespec until =
            clock_timespec(clock_ns() + (uint64_t)sleep_s * CLOCK_NS_PER_SEC);
        bool in_time = true;

        while (!j->stop && !j->wake && in_time)
            in_time = cond_wait_until(&j->cond, &j->mtx, &until);
        j->wake = false;
        mutex_unlock(&j->mtx);
        clean(px, j);
        mutex_lock(&j->mtx);
    }
    mutex_unlock(&j->mtx);
    urcu_memb_unregister_thread();
    return NULL;
}

int
posix_janitor_start(struct posix *px)
{
    struct posix_janitor *j = mem_zalloc(&mt_janitor, sizeof(*j));
    int err;

    if (j == NULL)
        return -ENOMEM;
    mutex_init(&j->mtx, "janitor", JANITOR_RANK);
    cond_init(&j->cond);
    px->janitor = j;
    err = pthread_create(&j->thread, NULL, janitor_run, px);
    if (err == 0)
        return 0;
    px->janitor = NULL;
    cond_destroy(&j->cond);
    mutex_destroy(&j->mtx);
    mem_free(j);
    return -err;
}

void
posix_janitor_wake(struct posix *px)
{
    struct posix_janitor *j = px->janitor;

    MUTEX_SCOPE(&j->mtx);
    j->wake = true;
    cond_signal(&j->cond);
}

void
posix_janitor_stop(struct posix *px)
{
    struct posix_janitor *j = px->janitor;

    if (j == NULL)
        return;
    mutex_lock(&j->mtx);
    j->stop = true;
    cond_signal(&j->cond);
    mutex_unlock(&j->mtx);
    must(pthread_join(j->thread, NULL) == 0);
    px->janitor = NULL;
    cond_destroy(&j->cond);
    mutex_destroy(&j->mtx);
    mem_free(j);
}
