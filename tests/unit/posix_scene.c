/* SPDX-License-Identifier: BSD-2-Clause */
#include "posix_scene.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

struct scratch s;
struct gfid scene_gfid;

void
scene_begin(void)
{
    scratch_begin(&s);
    ck_assert_msg(scratch_open(&s) == 0, "%s", s.err);
}

void
scene_end(void)
{
    scratch_end(&s);
}

void
scene_make_call(void)
{
    scratch_new_call(&s);
    gfid_random(&scene_gfid);
    ck_assert_int_eq(dict_set_gfid(&s.xdata, "gfid-req", &scene_gfid), 0);
}

struct inode *
scene_file(struct inode *parent, const char *name)
{
    struct posix_made made;

    scene_make_call();
    ck_assert_int_eq(
        posix_mknod(&s.call, parent, name, S_IFREG | 0644, 0, &made), 0);
    scratch_new_call(&s);
    return made.inode;
}

struct inode *
scene_dir(struct inode *parent, const char *name)
{
    struct posix_made made;

    scene_make_call();
    ck_assert_int_eq(posix_mkdir(&s.call, parent, name, 0755, &made), 0);
    scratch_new_call(&s);
    return made.inode;
}

struct fd *
scene_open(struct inode *parent, const char *name)
{
    struct posix_made made;
    struct fd *fd;

    scene_make_call();
    ck_assert_int_eq(posix_create(&s.call, parent, name, O_RDWR | O_EXCL, 0644,
                                  NULL, &made, &fd),
                     0);
    inode_put(made.inode);
    scratch_new_call(&s);
    return fd;
}

void
scene_write(struct fd *fd, uint64_t offset, const char *text)
{
    struct iatt pre, post;

    ck_assert_int_eq(posix_writev(&s.call, fd, offset, text,
                                  (uint32_t)strlen(text), 0, &pre, &post),
                     (int64_t)strlen(text));
}

int
scene_unlink(struct inode *parent, const char *name, struct inode *inode)
{
    struct posix_removed removed;

    return posix_unlink(&s.call, parent, name, inode, &removed);
}

bool
scene_stat(const char *path, struct stat *st)
{
    if (lstat(at(&s, path), st) == 0)
        return true;
    ck_assert_int_eq(errno, ENOENT);
    return false;
}

bool
scene_has(const char *path)
{
    struct stat st;

    return scene_stat(path, &st);
}

bool
scene_has_handle(const struct gfid *gfid)
{
    struct stat st;

    return lstat(handle_at(&s, gfid), &st) == 0;
}

ssize_t
scene_xattr(const char *path, const char *name, void *value, size_t bytes)
{
    ssize_t n = lgetxattr(at(&s, path), name, value, bytes);

    return n < 0 ? -errno : n;
}

static void
is_empty(int dirfd)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY);
    struct dirent *e;
    DIR *dir;

    ck_assert_int_ge(fd, 0);
    dir = fdopendir(fd);
    ck_assert_ptr_nonnull(dir);
    while ((e = readdir(dir)) != NULL)
        ck_assert_msg(e->d_name[0] == '.', "%s", e->d_name);
    ck_assert_int_eq(closedir(dir), 0);
}

void
scene_is_tidy(void)
{
    is_empty(s.px->private_fd);
    is_empty(s.px->unlink_fd);
}
