/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies below .glusterfs.  Looked over first, when nothing may be changed
 * yet; then made where it is missing, and opened.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

/* The peer's, in the order in which parents come first; and a place of ours,
 * which it ignores. */
static const struct {
    const char *name;
    mode_t mode;
} directories[] = {
    {"landfill", 0755},
    {"unlink", 0600},
    {"indices", 0600},
    {"indices/xattrop", 0600},
    {"indices/dirty", 0600},
    {"indices/entry-changes", 0600},
    {"changelogs", 0600},
    {"changelogs/htime", 0600},
    {"changelogs/csnap", 0600},
    {"clinker", 0700},
    {"clinker/making", 0700},
};

static const char root_target[] = "../../..";
enum { ROOT_TARGET_BYTES = sizeof(root_target) - 1 };
#define ROOT_HANDLE "00/00/00000000-0000-0000-0000-000000000001"

/* --- looking --- */

/* -ENOENT; 0: it is a directory. */
static int
check_dir(int dot_fd, const char *name, const char *brick,
          char err[POSIX_ERROR_BYTES])
{
    AUTO_CLOSE int fd = posix_openat(dot_fd, name, O_PATH, 0);
    struct stat st;

    if (fd == -ENOENT)
        return fd;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    (void)snprintf(err, POSIX_ERROR_BYTES, "%s/.glusterfs/%s: %s", brick, name,
                   fd < 0 && fd != -ELOOP ? strerror(-fd)
                                          : "is not a directory");
    return fd < 0 && fd != -ELOOP ? fd : -ENOTDIR;
}

static int
check_root_handle(int dot_fd, const char *brick, char err[POSIX_ERROR_BYTES])
{
    AUTO_CLOSE int fd = posix_openat(dot_fd, ROOT_HANDLE, O_PATH, 0);
    char target[ROOT_TARGET_BYTES + 1];
    ssize_t n = -1;

    if (fd == -ENOENT)
        return 0;
    if (fd >= 0)
        n = readlinkat(fd, "", target, sizeof(target));
    /* Nothing else leads from there to the brick's root, by directories that
     * are real ones. */
    if (n == ROOT_TARGET_BYTES && memcmp(target, root_target, (size_t)n) == 0)
        return 0;
    (void)snprintf(err, POSIX_ERROR_BYTES,
                   "%s/.glusterfs/" ROOT_HANDLE
                   ": the root's handle does not lead to the brick directory",
                   brick);
    return -EINVAL;
}

int
layout_check(int dot_fd, const char *brick, char err[POSIX_ERROR_BYTES])
{
    char name[3];
    unsigned i;
    int result;

    for (i = 0; i < 256; i++) {
        (void)snprintf(name, sizeof(name), "%02x", i);
        result = check_dir(dot_fd, name, brick, err);
        if (result < 0 && result != -ENOENT)
            return result;
    }
    for (i = 0; i < COUNT_OF(directories); i++) {
        result = check_dir(dot_fd, directories[i].name, brick, err);
        if (result < 0 && result != -ENOENT)
            return result;
    }
    return check_root_handle(dot_fd, brick, err);
}

/* --- making --- */

/* Whatever the umask: a new one gets the mode. */
int
layout_make_dir(int dirfd, const char *name, mode_t mode, int flags)
{
    bool made = mkdirat(dirfd, name, mode) == 0;
    int fd;

    if (!made && errno != EEXIST)
        return -errno;
    fd = posix_openat(dirfd, name, flags | O_DIRECTORY, 0);
    if (fd < 0 || !made)
        return fd;
    if (fchmod(fd, mode) < 0) {
        int err = -errno;

        (void)close(fd);
        return err;
    }
    return fd;
}

static int
make_root_handle(struct posix *px)
{
    AUTO_CLOSE int level2 =
        layout_make_dir(px->level1_fd[0], "00", 0700, O_RDONLY);

    if (level2 < 0)
        return level2;
    if (symlinkat(root_target, level2, gfid_str(&gfid_root)) < 0 &&
        errno != EEXIST)
        return -errno;
    return 0;
}

/* A very old brick's landfill lies in the root; one with a gfid is a user's. */
static int
move_old_landfill(struct posix *px)
{
    AUTO_CLOSE int fd =
        posix_openat(px->root_fd, ".landfill", O_RDONLY | O_DIRECTORY, 0);
    struct gfid gfid;

    if (fd < 0 || posix_gfid_read_fd(fd, &gfid) != -ENODATA)
        return 0;
    gfid_random(&gfid);
    if (renameat(px->root_fd, ".landfill", px->landfill_fd, gfid_str(&gfid)) <
        0)
        return -errno;
    log_info("moved %s/.landfill to .glusterfs/landfill", px->directory);
    return 0;
}

/* What is made here inherits nothing: a default ACL of the brick's root is for
 * those directly in it. */
static int
make_private(struct posix *px, int fd)
{
    int err = posix_fremovexattr(fd, POSIX_ACL_DEFAULT_XATTR);

    px->private_fd = fd;
    return err == -ENODATA || err == -EOPNOTSUPP ? 0 : err;
}

static int
make_named(struct posix *px, const char *name, mode_t mode)
{
    int fd = layout_make_dir(px->dot_fd, name, mode, O_RDONLY);

    if (fd < 0)
        return fd;
    if (strcmp(name, "landfill") == 0)
        px->landfill_fd = fd;
    else if (strcmp(name, "unlink") == 0)
        px->unlink_fd = fd;
    else if (strcmp(name, "clinker/making") == 0)
        return make_private(px, fd);
    else
        (void)close(fd);
    return 0;
}

static int
failed(struct posix *px, const char *what, int result,
       char err[POSIX_ERROR_BYTES])
{
    (void)snprintf(err, POSIX_ERROR_BYTES, "%s/.glusterfs/%s: %s",
                   px->directory, what, strerror(-result));
    return result;
}

int
layout_make(struct posix *px, char err[POSIX_ERROR_BYTES])
{
    char name[3];
    unsigned i;
    int result;

    for (i = 0; i < 256; i++) {
        (void)snprintf(name, sizeof(name), "%02x", i);
        px->level1_fd[i] = layout_make_dir(px->dot_fd, name, 0700, O_RDONLY);
        if (px->level1_fd[i] < 0)
            return failed(px, name, px->level1_fd[i], err);
    }
    result = make_root_handle(px);
    if (result < 0)
        return failed(px, ROOT_HANDLE, result, err);
    for (i = 0; i < COUNT_OF(directories); i++) {
        result = make_named(px, directories[i].name, directories[i].mode);
        if (result < 0)
            return failed(px, directories[i].name, result, err);
    }
    result = move_old_landfill(px);
    if (result < 0)
        return failed(px, "landfill", result, err);
    /* Open files do not outlive the daemon that had them open, nor do things
     * that it was making. */
    (void)posix_purge(px, px->unlink_fd, NULL);
    (void)posix_purge(px, px->private_fd, NULL);
    return 0;
}
