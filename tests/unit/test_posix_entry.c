/* SPDX-License-Identifier: BSD-2-Clause */
/* Making, removing and renaming entries. */
#include "posix_scene.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/must.h"

static struct inode *
root(void)
{
    return posix_root(s.px);
}

/* --- making --- */

START_TEST(a_new_file_has_what_the_peer_gives_it)
{
    struct posix_made made;
    struct stat st, handle;
    uint8_t value[128];
    struct gfid gfid;
    struct fd *fd;

    scene_make_call();
    s.caller.uid = 1000;
    s.caller.gid = 2000;
    s.caller.time_flags = 0x1f;
    s.caller.time = (struct timespec){1700000000, 5};
    ck_assert_int_eq(dict_set_ptr(&s.xdata, "trusted.ec.size", "12345678", 8),
                     0);
    ck_assert_int_eq(posix_create(&s.call, root(), "f",
                                  O_WRONLY | O_EXCL | O_CREAT, 0xffff8000 |
                                  06755, NULL, &made, &fd),
                     0);
    ck_assert(scene_stat("f", &st));
    ck_assert_int_eq(lstat(handle_at(&s, &scene_gfid), &handle), 0);
    ck_assert_uint_eq(st.st_ino, handle.st_ino);
    ck_assert_uint_eq(st.st_nlink, 2);
    ck_assert_uint_eq(st.st_uid, 1000);
    ck_assert_uint_eq(st.st_gid, 2000);
    ck_assert_uint_eq(st.st_mode, S_IFREG | 0755);
    ck_assert_int_eq(scene_xattr("f", "trusted.gfid", &gfid, 16), 16);
    ck_assert(gfid_equal(&gfid, &scene_gfid));
    ck_assert_int_eq(scene_xattr("f", "trusted.ec.size", value, 128), 8);
    ck_assert_int_eq(scene_xattr("f", "trusted.glusterfs.mdata", value, 128),
                     57);
    ck_assert_int_gt(flistxattr(fd->os_fd, NULL, 0), 0);
    ck_assert_int_eq(made.stat.nlink, 1);
    ck_assert_int_eq(made.stat.ctime.tv_sec, 1700000000);
    ck_assert_int_eq(made.postparent.mtime.tv_sec, 1700000000);
    ck_assert(gfid_equal(&made.stat.gfid, &scene_gfid));
    /* The reply repeats the request. */
    ck_assert(dict_has(&s.reply, "gfid-req"));
    ck_assert(dict_has(&s.reply, "trusted.ec.size"));
    ck_assert_uint_eq(made.inode->fd_count, 1);
    fd_put(fd);
    inode_put(made.inode);
    scene_is_tidy();
}
END_TEST

START_TEST(the_back_reference_is_the_peers)
{
    static const char want[] = "00000000-0000-0000-0000-000000000001/sp";
    char value[128];

    inode_put(scene_file(root(), "sp"));
    ck_assert_int_eq(scene_xattr("sp", "trusted.gfid2path.a683f9f117a11738",
                                 value, sizeof(value)),
                     (ssize_t)strlen(want));
    ck_assert_int_eq(memcmp(value, want, strlen(want)), 0);
}
END_TEST

START_TEST(create_needs_a_gfid)
{
    struct posix_made made;
    struct fd *fd;

    ck_assert_int_eq(posix_create(&s.call, root(), "f", 0, 0644, NULL, &made,
                                  &fd),
                     -EINVAL);
    ck_assert_int_eq(dict_set_gfid(&s.xdata, "gfid-req", &gfid_null), 0);
    ck_assert_int_eq(posix_mknod(&s.call, root(), "f", S_IFREG, 0, &made),
                     -EINVAL);
    ck_assert(!scene_has("f"));
}
END_TEST

START_TEST(create_opens_what_is_there_unless_exclusive)
{
    struct posix_made made;
    struct inode *inode = scene_file(root(), "f");
    struct fd *fd;

    scene_make_call();
    ck_assert_int_eq(posix_create(&s.call, root(), "f", O_RDWR | O_EXCL, 0600,
                                  NULL, &made, &fd),
                     -EEXIST);
    ck_assert_int_eq(posix_create(&s.call, root(), "f", O_RDWR, 0600, NULL,
                                  &made, &fd),
                     0);
    ck_assert_ptr_eq(made.inode, inode);
    ck_assert_uint_eq(made.stat.mode & 07777, 0644);
    fd_put(fd);
    inode_put(made.inode);
    inode_put(inode);
    scene_is_tidy();
}
END_TEST

START_TEST(create_of_a_gfid_in_use_shows_nothing)
{
    struct inode *inode = scene_file(root(), "f");
    struct gfid gfid = inode->gfid;
    struct posix_made made;
    struct fd *fd;

    ck_assert_int_eq(dict_set_gfid(&s.xdata, "gfid-req", &gfid), 0);
    ck_assert_int_eq(posix_create(&s.call, root(), "g", O_RDWR | O_EXCL, 0600,
                                  NULL, &made, &fd),
                     -ENODATA);
    ck_assert_int_eq(posix_mknod(&s.call, root(), "g", S_IFREG | 0644, 0,
                                 &made),
                     -EEXIST);
    ck_assert_int_eq(posix_symlink(&s.call, root(), "g", "x", &made),
                     -EEXIST);
    ck_assert(!scene_has("g"));
    ck_assert(scene_has_handle(&gfid));
    inode_put(inode);
    scene_is_tidy();
}
END_TEST

START_TEST(a_read_only_creator_cannot_write)
{
    struct posix_made made;
    struct fd *fd;

    scene_make_call();
    ck_assert_int_eq(posix_create(&s.call, root(), "f", O_RDONLY | O_EXCL,
                                  0644, NULL, &made, &fd),
                     0);
    ck_assert_int_eq(fcntl(fd->os_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    fd_put(fd);
    inode_put(made.inode);
}
END_TEST

START_TEST(every_kind_of_node_is_made)
{
    static const mode_t kinds[] = {S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR,
                                   S_IFBLK};
    struct posix_made made;
    struct stat st;
    struct fd *fd;
    size_t i;

    for (i = 0; i < COUNT_OF(kinds); i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "n%zu", i);
        scene_make_call();
        ck_assert_int_eq(posix_mknod(&s.call, root(), name, kinds[i] | 0640,
                                     makedev(1, 3), &made),
                         0);
        ck_assert(scene_stat(name, &st));
        ck_assert_uint_eq(st.st_mode, kinds[i] | 0640);
        ck_assert_uint_eq(st.st_nlink, 2);
        ck_assert(scene_has_handle(&scene_gfid));
        if (kinds[i] != S_IFREG) {
            /* Nobody reads the server's devices, or waits in its fifos. */
            ck_assert_int_eq(posix_open_file(&s.call, made.inode, O_RDWR,
                                             NULL, &fd),
                             -EINVAL);
            ck_assert_int_eq(posix_open_anonymous(&s.call, &scene_gfid, 0,
                                                  &fd),
                             -EINVAL);
        }
        if (kinds[i] == S_IFCHR)
            ck_assert_uint_eq(made.stat.rdev, (uint64_t)1 << 32 | 3);
        inode_put(made.inode);
    }
    scene_is_tidy();
}
END_TEST

START_TEST(a_directory_gets_a_handle_and_the_parents_group)
{
    struct inode *dir = scene_dir(root(), "d");
    struct posix_made made;
    char target[256];
    struct stat st;
    ssize_t n;

    ck_assert_int_eq(chmod(at(&s, "d"), 02775), 0);
    ck_assert_int_eq(chown(at(&s, "d"), 0, 777), 0);
    scene_make_call();
    s.caller.uid = 5;
    s.caller.gid = 6;
    ck_assert_int_eq(posix_mkdir(&s.call, dir, "sub", 0700, &made), 0);
    ck_assert(scene_stat("d/sub", &st));
    ck_assert_uint_eq(st.st_mode, S_IFDIR | 02700);
    ck_assert_uint_eq(st.st_uid, 5);
    ck_assert_uint_eq(st.st_gid, 777);
    n = readlink(handle_at(&s, &scene_gfid), target, sizeof(target) - 1);
    ck_assert_int_gt(n, 0);
    target[n] = '\0';
    ck_assert_str_eq(target + 12 + 36, "/sub");
    ck_assert_int_eq(strncmp(target + 12, gfid_str(&dir->gfid), 36), 0);
    inode_put(made.inode);
    scene_make_call();
    ck_assert_int_eq(posix_mkdir(&s.call, dir, "sub", 0700, &made), -EEXIST);
    inode_put(dir);
    scene_is_tidy();
}
END_TEST

START_TEST(a_default_acl_is_applied_by_the_request_alone)
{
    /* u::rwx g::rwx o::rwx, and what the kernel would make of it is not
     * wanted: the request brings the finished mode. */
    static const uint8_t acl[] = {2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255,
                                  4, 0, 7, 0, 255, 255, 255, 255, 32, 0, 7, 0,
                                  255, 255, 255, 255};
    struct inode *dir = scene_dir(root(), "d"), *inode;
    struct stat st;

    ck_assert_int_eq(setxattr(at(&s, "d"), "system.posix_acl_default", acl,
                              sizeof(acl), 0),
                     0);
    inode = scene_file(dir, "f");
    ck_assert(scene_stat("d/f", &st));
    ck_assert_uint_eq(st.st_mode & 07777, 0644);
    inode_put(inode);
    inode = scene_dir(dir, "sub");
    ck_assert_int_eq(scene_xattr("d/sub", "system.posix_acl_default", NULL, 0),
                     -ENODATA);
    inode_put(inode);
    inode_put(dir);
}
END_TEST

START_TEST(a_default_acl_of_the_root_reaches_no_object)
{
    static const uint8_t acl[] = {2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255,
                                  2, 0, 7, 0, 9, 0, 0, 0, 4, 0, 7, 0, 255, 255,
                                  255, 255, 16, 0, 7, 0, 255, 255, 255, 255,
                                  32, 0, 7, 0, 255, 255, 255, 255};
    struct stat st;

    scratch_end(&s);
    scratch_begin(&s);
    ck_assert_int_eq(setxattr(s.directory, "system.posix_acl_default", acl,
                              sizeof(acl), 0),
                     0);
    ck_assert_int_eq(scratch_open(&s), 0);
    inode_put(scene_file(root(), "f"));
    ck_assert(scene_stat("f", &st));
    ck_assert_uint_eq(st.st_mode & 07777, 0644);
    ck_assert_int_eq(scene_xattr("f", "system.posix_acl_access", NULL, 0),
                     -ENODATA);
}
END_TEST

START_TEST(mkdir_checks_what_distribute_asks_for)
{
    struct posix_made made;
    int64_t failed = 0;

    scene_make_call();
    ck_assert_int_eq(dict_set_str(&s.xdata, "glusterfs.preop.parent.key",
                                  "trusted.glusterfs.dht"),
                     0);
    ck_assert_int_eq(dict_set_ptr(&s.xdata, "trusted.glusterfs.dht", "right",
                                  5),
                     0);
    ck_assert_int_eq(posix_mkdir(&s.call, root(), "d", 0755, &made),
                     -ENODATA);
    ck_assert_int_eq(setxattr(s.directory, "trusted.glusterfs.dht", "wrong", 5,
                              0),
                     0);
    ck_assert_int_eq(posix_mkdir(&s.call, root(), "d", 0755, &made), -EIO);
    ck_assert_int_eq(dict_i64(&s.reply, "glusterfs.preop.check.failed",
                              &failed),
                     0);
    ck_assert_int_eq(failed, 1);
    ck_assert(!scene_has("d"));
    ck_assert_int_eq(setxattr(s.directory, "trusted.glusterfs.dht", "right", 5,
                              0),
                     0);
    ck_assert_int_eq(posix_mkdir(&s.call, root(), "d", 0755, &made), 0);
    ck_assert_int_eq(scene_xattr("d", "trusted.glusterfs.dht", NULL, 0),
                     -ENODATA);
    inode_put(made.inode);
}
END_TEST

START_TEST(a_directory_takes_its_gfid_over_when_healed)
{
    struct inode *old = scene_dir(root(), "old");
    struct gfid gfid = old->gfid;
    struct posix_made made;
    char target[256] = "";

    ck_assert_int_eq(dict_set_gfid(&s.xdata, "gfid-req", &gfid), 0);
    ck_assert_int_eq(posix_mkdir(&s.call, root(), "new", 0755, &made), 0);
    ck_assert_int_gt(readlink(handle_at(&s, &gfid), target, 255), 0);
    ck_assert_str_eq(target + 12 + 36, "/new");
    inode_put(made.inode);
    inode_put(old);
    scene_is_tidy();
}
END_TEST

START_TEST(names_that_are_none_are_refused)
{
    static const char *const names[] = {"", ".", "..", "a/b", "/etc/passwd",
                                        "../x"};
    struct posix_made made;
    char longest[300];
    struct fd *fd;
    size_t i;

    for (i = 0; i < COUNT_OF(names); i++) {
        scene_make_call();
        ck_assert_int_lt(posix_mkdir(&s.call, root(), names[i], 0755, &made),
                         0);
        ck_assert_int_lt(posix_mknod(&s.call, root(), names[i], S_IFREG, 0,
                                     &made),
                         0);
        ck_assert_int_lt(posix_symlink(&s.call, root(), names[i], "x", &made),
                         0);
        ck_assert_int_lt(posix_create(&s.call, root(), names[i], 0, 0, NULL,
                                      &made, &fd),
                         0);
    }
    memset(longest, 'n', sizeof(longest));
    longest[256] = '\0';
    ck_assert_int_eq(posix_mkdir(&s.call, root(), longest, 0755, &made),
                     -ENAMETOOLONG);
    longest[255] = '\0';
    ck_assert_int_eq(posix_mkdir(&s.call, root(), longest, 0755, &made), 0);
    inode_put(made.inode);
}
END_TEST

START_TEST(the_hidden_name_is_nobodys)
{
    struct inode *inode = scene_file(root(), "f"), *dir;
    struct posix_renamed renamed;
    struct posix_made made;
    struct fd *fd;

    scene_make_call();
    ck_assert_int_eq(posix_mkdir(&s.call, root(), ".glusterfs", 0755, &made),
                     -EPERM);
    ck_assert_int_eq(posix_mknod(&s.call, root(), ".glusterfs", S_IFREG, 0,
                                 &made),
                     -EEXIST);
    ck_assert_int_eq(posix_symlink(&s.call, root(), ".glusterfs", "x", &made),
                     -EEXIST);
    ck_assert_int_eq(posix_link(&s.call, inode, root(), ".glusterfs", &made),
                     -EEXIST);
    ck_assert_int_eq(posix_create(&s.call, root(), ".glusterfs", O_RDWR, 0,
                                  NULL, &made, &fd),
                     -EISDIR);
    ck_assert_int_eq(scene_unlink(root(), ".glusterfs", inode), -ENOENT);
    dir = scene_dir(root(), "d");
    ck_assert_int_eq(posix_rename(&s.call, root(), "d", dir, root(),
                                  ".glusterfs", NULL, &renamed),
                     -ENOTEMPTY);
    inode_put(dir);
    inode_put(inode);
}
END_TEST

START_TEST(mknod_of_a_known_gfid_is_a_link_for_internal_clients)
{
    struct inode *inode = scene_file(root(), "f");
    struct gfid gfid = inode->gfid;
    struct posix_made made;
    struct stat a, b;

    ck_assert_int_eq(dict_set_gfid(&s.xdata, "gfid-req", &gfid), 0);
    ck_assert_int_eq(dict_set_str(&s.xdata, "glusterfs-internal-fop", "yes"),
                     0);
    ck_assert_int_eq(posix_mknod(&s.call, root(), "g", S_IFREG | 0600, 0,
                                 &made),
                     0);
    ck_assert(scene_stat("f", &a) && scene_stat("g", &b));
    ck_assert_uint_eq(a.st_ino, b.st_ino);
    ck_assert_uint_eq(b.st_nlink, 3);
    ck_assert_ptr_eq(made.inode, inode);
    inode_put(made.inode);
    inode_put(inode);
}
END_TEST

START_TEST(a_pointer_file_is_replaced_when_asked)
{
    struct posix_made made;
    struct stat st;

    scene_make_call();
    ck_assert_int_eq(posix_mknod(&s.call, root(), "f", S_IFREG | 01000, 0,
                                 &made),
                     0);
    inode_put(made.inode);
    scene_make_call();
    ck_assert_int_eq(posix_mknod(&s.call, root(), "f", S_IFREG | 0644, 0,
                                 &made),
                     -EEXIST);
    ck_assert_int_eq(dict_set_str(&s.xdata, "force-replace", "yes"), 0);
    ck_assert_int_eq(posix_mknod(&s.call, root(), "f", S_IFREG | 0644, 0,
                                 &made),
                     0);
    inode_put(made.inode);
    ck_assert(scene_stat("f", &st));
    ck_assert_uint_eq(st.st_mode & 07777, 0644);
    scene_make_call();
    ck_assert_int_eq(dict_set_str(&s.xdata, "force-replace", "yes"), 0);
    ck_assert_int_eq(posix_mknod(&s.call, root(), "f", S_IFREG | 0600, 0,
                                 &made),
                     -EEXIST);
    scene_is_tidy();
}
END_TEST

START_TEST(symlinks_are_read_as_far_as_asked)
{
    struct posix_made made;
    const char *target;
    struct iatt stat;

    scene_make_call();
    ck_assert_int_eq(posix_symlink(&s.call, root(), "l", "/etc/passwd", &made),
                     0);
    ck_assert_int_eq(scene_xattr("l", "trusted.gfid", NULL, 0), 16);
    ck_assert_int_eq(posix_readlink(&s.call, made.inode, 0, &target, &stat),
                     11);
    ck_assert_str_eq(target, "/etc/passwd");
    ck_assert_int_eq(posix_readlink(&s.call, made.inode, 4, &target, &stat),
                     4);
    ck_assert_str_eq(target, "/etc");
    inode_put(made.inode);
    ck_assert_int_eq(posix_readlink(&s.call, root(), 0, &target, &stat),
                     -EINVAL);
}
END_TEST

/* --- links --- */

START_TEST(links_are_counted_and_limited)
{
    struct inode *inode = scene_file(root(), "f");
    struct posix_made made;
    struct inode *dir;

    scratch_set(&s, "posix.max-hardlinks", "3");
    ck_assert_int_eq(posix_link(&s.call, inode, root(), "g", &made), 0);
    ck_assert_uint_eq(made.stat.nlink, 2);
    inode_put(made.inode);
    ck_assert_int_eq(posix_link(&s.call, inode, root(), "g", &made), -EEXIST);
    ck_assert_int_eq(posix_link(&s.call, inode, root(), "h", &made), 0);
    ck_assert_uint_eq(made.stat.nlink, 3);
    inode_put(made.inode);
    ck_assert_int_eq(posix_link(&s.call, inode, root(), "i", &made), -EMLINK);
    dir = scene_dir(root(), "d");
    ck_assert_int_eq(posix_link(&s.call, dir, root(), "e", &made), -EPERM);
    inode_put(dir);
    inode_put(inode);
}
END_TEST

/* --- removing --- */

START_TEST(the_last_name_takes_the_handle_along)
{
    struct inode *inode = scene_file(root(), "f");
    struct gfid gfid = inode->gfid;
    struct inode *found = NULL;
    struct posix_made made;
    uint64_t count = 9;
    char value[8];

    ck_assert_int_eq(posix_link(&s.call, inode, root(), "g", &made), 0);
    inode_put(made.inode);
    scratch_new_call(&s);
    ck_assert_int_eq(dict_set_i64(&s.xdata, "get-link-count", 1), 0);
    ck_assert_int_eq(scene_unlink(root(), "f", inode), 0);
    ck_assert_int_eq(dict_i64(&s.reply, "get-link-count", (int64_t *)&count),
                     0);
    ck_assert_uint_eq(count, 2);
    ck_assert(scene_has_handle(&gfid));
    ck_assert_int_eq(scene_xattr("g", "trusted.gfid", value, 0), 16);
    scratch_new_call(&s);
    ck_assert_int_eq(scene_unlink(root(), "g", inode), 0);
    ck_assert_int_eq(dict_i64(&s.reply, "get-link-count", (int64_t *)&count),
                     0);
    ck_assert_uint_eq(count, 0);
    ck_assert(!scene_has_handle(&gfid));
    ck_assert(!scene_has("g"));
    ck_assert_int_eq(posix_find(&s.call, &gfid, &found), -ENOENT);
    inode_put(inode);
    scene_is_tidy();
}
END_TEST

START_TEST(an_open_file_outlives_its_last_name)
{
    struct fd *fd = scene_open(root(), "f"), *anon;
    struct gfid gfid = fd->inode->gfid;
    struct iatt stat;
    char path[128];

    scene_write(fd, 0, "still here");
    scratch_new_call(&s);
    ck_assert_int_eq(dict_set_i64(&s.xdata, "dont-unlink-for-open-fd", 1), 0);
    ck_assert_int_eq(scene_unlink(root(), "f", fd->inode), -EBUSY);
    scratch_new_call(&s);
    ck_assert_int_eq(scene_unlink(root(), "f", fd->inode), 0);
    ck_assert(!scene_has("f"));
    ck_assert(!scene_has_handle(&gfid));
    (void)snprintf(path, sizeof(path), ".glusterfs/unlink/%s",
                   gfid_str(&gfid));
    ck_assert(scene_has(path));
    ck_assert_int_eq(posix_stat(&s.call, fd->inode, fd, &stat), 0);
    ck_assert_uint_eq(stat.nlink, 0);
    ck_assert_int_eq(posix_stat(&s.call, fd->inode, NULL, &stat), -ENOENT);
    ck_assert_int_eq(posix_open_anonymous(&s.call, &gfid, 0, &anon), 0);
    scene_write(anon, 0, "again");
    fd_put(anon);
    ck_assert(scene_has(path));
    fd_put(fd);
    ck_assert(!scene_has(path));
    scene_is_tidy();
}
END_TEST

START_TEST(an_unlinked_open_file_comes_back_by_mknod)
{
    struct fd *fd = scene_open(root(), "f");
    struct gfid gfid = fd->inode->gfid;
    struct posix_made made;
    struct stat st;

    ck_assert_int_eq(scene_unlink(root(), "f", fd->inode), 0);
    scratch_new_call(&s);
    ck_assert_int_eq(dict_set_gfid(&s.xdata, "gfid-req", &gfid), 0);
    ck_assert_int_eq(dict_set_i64(&s.xdata, "glusterfs-internal-fop", 1), 0);
    ck_assert_int_eq(posix_mknod(&s.call, root(), "g", S_IFREG | 0644, 0,
                                 &made),
                     0);
    ck_assert_ptr_eq(made.inode, fd->inode);
    ck_assert(scene_stat("g", &st));
    ck_assert_uint_eq(st.st_nlink, 2);
    ck_assert(scene_has_handle(&gfid));
    fd_put(fd);
    ck_assert(scene_has_handle(&gfid));
    inode_put(made.inode);
    scene_is_tidy();
}
END_TEST

START_TEST(unlink_answers_the_attributes_that_it_leaves)
{
    struct inode *inode = scene_file(root(), "f");
    const struct dict_pair *p;

    ck_assert_int_eq(dict_set_i64(&s.xdata, "dht-get-iatt-in-xattr", 1), 0);
    ck_assert_int_eq(dict_set_i64(&s.xdata, "gf_request_link_count", 1), 0);
    ck_assert_int_eq(scene_unlink(root(), "f", inode), 0);
    p = dict_find(&s.reply, "virt-gf-poststat");
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(p->type, DICT_IATT);
    ck_assert_uint_eq(p->iatt->nlink, 0);
    ck_assert(gfid_equal(&p->iatt->gfid, &inode->gfid));
    ck_assert(dict_has(&s.reply, "gf_response_link_count"));
    inode_put(inode);
}
END_TEST

START_TEST(only_pointer_files_go_when_asked_so)
{
    struct inode *inode = scene_file(root(), "f");

    ck_assert_int_eq(dict_set_i64(&s.xdata, "unlink-only-if-dht-linkto-file",
                                  1),
                     0);
    ck_assert_int_eq(scene_unlink(root(), "f", inode), -EBUSY);
    ck_assert_int_eq(chmod(at(&s, "f"), 01000), 0);
    ck_assert_int_eq(scene_unlink(root(), "f", inode), -EBUSY);
    ck_assert_int_eq(setxattr(at(&s, "f"), "trusted.glusterfs.dht.linkto",
                              "v", 2, 0),
                     0);
    ck_assert_int_eq(scene_unlink(root(), "f", inode), 0);
    inode_put(inode);
}
END_TEST

START_TEST(a_name_that_stands_for_something_else_stays)
{
    struct inode *f = scene_file(root(), "f"), *g = scene_file(root(), "g");

    ck_assert_int_eq(scene_unlink(root(), "f", g), -ESTALE);
    ck_assert(scene_has("f") && scene_has_handle(&f->gfid));
    ck_assert(scene_has("g") && scene_has_handle(&g->gfid));
    inode_put(f);
    inode_put(g);
}
END_TEST

START_TEST(the_wrong_removal_changes_nothing)
{
    struct inode *dir = scene_dir(root(), "d"), *f = scene_file(root(), "f");
    struct inode *in = scene_file(dir, "in");
    struct posix_removed removed;

    ck_assert_int_eq(scene_unlink(root(), "d", dir), -EISDIR);
    ck_assert_int_eq(posix_rmdir(&s.call, root(), "f", f, 0, &removed),
                     -ENOTDIR);
    ck_assert_int_eq(posix_rmdir(&s.call, root(), "d", dir, 0, &removed),
                     -ENOTEMPTY);
    ck_assert(scene_has_handle(&dir->gfid) && scene_has_handle(&f->gfid));
    ck_assert_int_eq(scene_unlink(dir, "in", in), 0);
    ck_assert_int_eq(posix_rmdir(&s.call, root(), "d", dir, 0, &removed), 0);
    ck_assert(!scene_has_handle(&dir->gfid));
    inode_put(in);
    inode_put(dir);
    inode_put(f);
}
END_TEST

START_TEST(a_tree_goes_to_landfill)
{
    struct inode *dir = scene_dir(root(), "d");
    struct posix_removed removed;
    struct gfid gfid = dir->gfid;

    inode_put(scene_file(dir, "in"));
    ck_assert_int_eq(posix_rmdir(&s.call, root(), "d", dir, 1, &removed), 0);
    ck_assert(!scene_has("d"));
    ck_assert(!scene_has_handle(&gfid));
    inode_put(dir);
}
END_TEST

/* --- renaming --- */

static int
rename_to(struct inode *inode, const char *from, struct inode *to_dir,
          const char *to, struct inode *victim)
{
    struct posix_renamed renamed;

    return posix_rename(&s.call, root(), from, inode, to_dir, to, victim,
                        &renamed);
}

START_TEST(a_renamed_directory_takes_its_handle_along)
{
    struct inode *a = scene_dir(root(), "a"), *b = scene_dir(root(), "b");
    char target[256] = "";

    ck_assert_int_eq(rename_to(a, "a", b, "c", NULL), 0);
    ck_assert_int_gt(readlink(handle_at(&s, &a->gfid), target, 255), 0);
    ck_assert_int_eq(strncmp(target + 12, gfid_str(&b->gfid), 36), 0);
    ck_assert_str_eq(target + 12 + 36, "/c");
    /* Into itself: refused, and the handle stays. */
    ck_assert_int_eq(rename_to(b, "b", a, "x", NULL), -EINVAL);
    ck_assert(scene_has_handle(&b->gfid));
    inode_put(a);
    inode_put(b);
}
END_TEST

START_TEST(a_replaced_file_loses_its_handle)
{
    struct inode *f = scene_file(root(), "f"), *g = scene_file(root(), "g");
    struct gfid gone = g->gfid;
    int64_t count = 0;

    ck_assert_int_eq(dict_set_i64(&s.xdata, "get-link-count", 1), 0);
    ck_assert_int_eq(rename_to(f, "f", root(), "g", g), 0);
    ck_assert_int_eq(dict_i64(&s.reply, "get-link-count", &count), 0);
    ck_assert_int_eq(count, 1);
    ck_assert(!scene_has("f"));
    ck_assert(!scene_has_handle(&gone));
    ck_assert(scene_has_handle(&f->gfid));
    ck_assert_int_eq(scene_xattr("g", "trusted.gfid", NULL, 0), 16);
    inode_put(f);
    inode_put(g);
    scene_is_tidy();
}
END_TEST

START_TEST(a_replaced_open_file_stays_readable_by_gfid)
{
    struct inode *f = scene_file(root(), "f");
    struct fd *fd = scene_open(root(), "g"), *anon;
    struct gfid gone = fd->inode->gfid;

    /* The caller had not seen it: it is found here. */
    ck_assert_int_eq(rename_to(f, "f", root(), "g", NULL), 0);
    ck_assert_int_eq(posix_open_anonymous(&s.call, &gone, 0, &anon), 0);
    fd_put(anon);
    fd_put(fd);
    inode_put(f);
    scene_is_tidy();
}
END_TEST

START_TEST(a_failed_rename_keeps_all_handles)
{
    struct inode *f = scene_file(root(), "f"), *d = scene_dir(root(), "d");
    struct inode *e = scene_dir(root(), "e"), *in = scene_file(e, "in");

    ck_assert_int_eq(rename_to(f, "f", root(), "d", d), -EISDIR);
    ck_assert_int_eq(rename_to(d, "d", root(), "f", f), -ENOTDIR);
    ck_assert_int_eq(rename_to(d, "d", root(), "e", e), -ENOTEMPTY);
    /* Not the directory that was resolved. */
    ck_assert_int_eq(rename_to(d, "d", root(), "e", NULL), -EEXIST);
    ck_assert(scene_has_handle(&f->gfid) && scene_has_handle(&d->gfid));
    ck_assert(scene_has_handle(&e->gfid) && scene_has_handle(&in->gfid));
    ck_assert_int_eq(rename_to(f, "nothing", root(), "x", NULL), -ENOENT);
    ck_assert_int_eq(scene_unlink(e, "in", in), 0);
    scratch_new_call(&s);
    ck_assert_int_eq(rename_to(d, "d", root(), "e", e), 0);
    ck_assert(!scene_has_handle(&e->gfid));
    inode_put(in);
    inode_put(e);
    inode_put(d);
    inode_put(f);
}
END_TEST

START_TEST(renaming_onto_another_name_of_itself_changes_nothing)
{
    struct inode *f = scene_file(root(), "f");
    struct posix_made made;

    ck_assert_int_eq(posix_link(&s.call, f, root(), "g", &made), 0);
    inode_put(made.inode);
    ck_assert_int_eq(rename_to(f, "f", root(), "g", f), 0);
    ck_assert_int_eq(rename_to(f, "f", root(), "f", f), 0);
    ck_assert(scene_has("f") && scene_has("g"));
    inode_put(f);
}
END_TEST

START_TEST(back_references_follow_a_rename)
{
    struct inode *f = scene_file(root(), "f");

    ck_assert_int_eq(rename_to(f, "f", root(), "sp", NULL), 0);
    ck_assert_int_gt(scene_xattr("sp", "trusted.gfid2path.a683f9f117a11738",
                                 NULL, 0),
                     0);
    inode_put(f);
}
END_TEST

/* --- all at once --- */

enum { THREADS = 4, ROUNDS = 300 };

/* Threads that make, link, rename and remove the same few names. */
static void *
churn(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    struct caller caller = {0};
    int i;

    urcu_memb_register_thread();
    for (i = 0; i < ROUNDS; i++) {
        uint8_t first[4096] __attribute__((aligned(8)));
        char from[8], to[8];
        struct posix_renamed renamed;
        struct posix_removed removed;
        struct posix_made made = {0};
        struct inode *inode = NULL, *victim = NULL;
        struct dict xdata, reply;
        struct arena arena;
        struct posix_call c = {.px = s.px, .caller = &caller, .xdata = &xdata,
                               .reply = &reply, .arena = &arena};
        struct gfid gfid;

        arena_init(&arena, s.arena.type, first, sizeof(first));
        dict_init(&xdata, &arena);
        dict_init(&reply, &arena);
        gfid_random(&gfid);
        (void)snprintf(from, sizeof(from), "n%d", rand_r(&seed) % 4);
        (void)snprintf(to, sizeof(to), "n%d", rand_r(&seed) % 4);
        must(dict_set_gfid(&xdata, "gfid-req", &gfid) == 0);
        if (posix_find_entry(&c, root(), from, &inode, NULL) < 0) {
            if (posix_mknod(&c, root(), from, S_IFREG | 0600, 0, &made) == 0)
                inode_put(made.inode);
        } else if (rand_r(&seed) % 2 == 0) {
            (void)posix_find_entry(&c, root(), to, &victim, NULL);
            (void)posix_rename(&c, root(), from, inode, root(), to, victim,
                               &renamed);
        } else if (rand_r(&seed) % 2 == 0) {
            (void)posix_unlink(&c, root(), from, inode, &removed);
        } else if (posix_link(&c, inode, root(), to, &made) == 0) {
            inode_put(made.inode);
        }
        inode_put(victim);
        inode_put(inode);
        arena_release(&arena);
    }
    urcu_memb_unregister_thread();
    return NULL;
}

/* Files below .glusterfs/xx/yy and the names outside must be one another's. */
static unsigned long
count_lines(const char *command)
{
    char text[1024];
    unsigned long n;
    FILE *p;

    (void)snprintf(text, sizeof(text), "cd %s && %s", s.directory, command);
    p = popen(text, "r");
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(fscanf(p, "%lu", &n), 1);
    ck_assert_int_eq(pclose(p), 0);
    return n;
}

START_TEST(names_and_handles_match_after_any_races)
{
    pthread_t threads[THREADS];
    uintptr_t i;

    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, churn, (void *)(i + 1)), 0);
    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(
        count_lines("find .glusterfs/[0-9a-f][0-9a-f] -type f -links 1 | "
                    "wc -l"),
        0);
    ck_assert_uint_eq(
        count_lines("find . -path ./.glusterfs -prune -o -type f -links 1 "
                    "-print | wc -l"),
        0);
    ck_assert_uint_eq(
        count_lines("find .glusterfs/[0-9a-f][0-9a-f] -type f | wc -l"),
        count_lines("find . -path ./.glusterfs -prune -o -type f "
                    "-printf '%i\\n' | sort -u | wc -l"));
    scene_is_tidy();
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("posix entries");
    TCase *tc = tcase_create("entries");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, scene_begin, scene_end);
    tcase_add_test(tc, a_new_file_has_what_the_peer_gives_it);
    tcase_add_test(tc, the_back_reference_is_the_peers);
    tcase_add_test(tc, create_needs_a_gfid);
    tcase_add_test(tc, create_opens_what_is_there_unless_exclusive);
    tcase_add_test(tc, create_of_a_gfid_in_use_shows_nothing);
    tcase_add_test(tc, a_read_only_creator_cannot_write);
    tcase_add_test(tc, every_kind_of_node_is_made);
    tcase_add_test(tc, a_directory_gets_a_handle_and_the_parents_group);
    tcase_add_test(tc, a_default_acl_is_applied_by_the_request_alone);
    tcase_add_test(tc, a_default_acl_of_the_root_reaches_no_object);
    tcase_add_test(tc, mkdir_checks_what_distribute_asks_for);
    tcase_add_test(tc, a_directory_takes_its_gfid_over_when_healed);
    tcase_add_test(tc, names_that_are_none_are_refused);
    tcase_add_test(tc, the_hidden_name_is_nobodys);
    tcase_add_test(tc, mknod_of_a_known_gfid_is_a_link_for_internal_clients);
    tcase_add_test(tc, a_pointer_file_is_replaced_when_asked);
    tcase_add_test(tc, symlinks_are_read_as_far_as_asked);
    tcase_add_test(tc, links_are_counted_and_limited);
    tcase_add_test(tc, the_last_name_takes_the_handle_along);
    tcase_add_test(tc, an_open_file_outlives_its_last_name);
    tcase_add_test(tc, an_unlinked_open_file_comes_back_by_mknod);
    tcase_add_test(tc, unlink_answers_the_attributes_that_it_leaves);
    tcase_add_test(tc, only_pointer_files_go_when_asked_so);
    tcase_add_test(tc, a_name_that_stands_for_something_else_stays);
    tcase_add_test(tc, the_wrong_removal_changes_nothing);
    tcase_add_test(tc, a_tree_goes_to_landfill);
    tcase_add_test(tc, a_renamed_directory_takes_its_handle_along);
    tcase_add_test(tc, a_replaced_file_loses_its_handle);
    tcase_add_test(tc, a_replaced_open_file_stays_readable_by_gfid);
    tcase_add_test(tc, a_failed_rename_keeps_all_handles);
    tcase_add_test(tc, renaming_onto_another_name_of_itself_changes_nothing);
    tcase_add_test(tc, back_references_follow_a_rename);
    tcase_add_test(tc, names_and_handles_match_after_any_races);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
