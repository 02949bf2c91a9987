/* SPDX-License-Identifier: BSD-2-Clause */
/* Making entries. */
#include "posix_scene.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
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
                     -ENODATA);
    ck_assert_int_eq(posix_symlink(&s.call, root(), "g", "x", &made),
                     -ENODATA);
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

/* A fifo opens, and there is nothing to read or write in it. */
static void
waits_for_nobody(struct inode *fifo)
{
    struct iobuf *buf = NULL;
    struct iatt pre, post;
    struct fd *fd;
    bool eof;

    ck_assert_int_eq(posix_open_file(&s.call, fifo, O_RDWR, NULL, &fd), 0);
    ck_assert_int_eq(posix_readv(&s.call, fd, 0, 1, false, &buf, &pre, &eof),
                     -ESPIPE);
    ck_assert_int_eq(posix_writev(&s.call, fd, 0, "x", 1, 0, &pre, &post),
                     -ESPIPE);
    fd_put(fd);
    ck_assert_int_eq(posix_open_file(&s.call, fifo, O_RDONLY, NULL, &fd), 0);
    fd_put(fd);
}

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
        if (kinds[i] == S_IFIFO) {
            waits_for_nobody(made.inode);
        } else if (kinds[i] != S_IFREG) {
            int want = kinds[i] == S_IFSOCK ? -ENXIO : -EINVAL;

            /* Nobody reads the server's devices. */
            ck_assert_int_eq(posix_open_file(&s.call, made.inode, O_RDWR,
                                             NULL, &fd),
                             want);
            ck_assert_int_eq(posix_open_anonymous(&s.call, &scene_gfid, 0,
                                                  &fd),
                             want);
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
                     -EINVAL);
    ck_assert_int_eq(posix_readlink(&s.call, made.inode, 11, &target, &stat),
                     11);
    ck_assert_str_eq(target, "/etc/passwd");
    ck_assert_int_eq(posix_readlink(&s.call, made.inode, 4, &target, &stat),
                     4);
    ck_assert_str_eq(target, "/etc");
    inode_put(made.inode);
    ck_assert_int_eq(posix_readlink(&s.call, root(), 9, &target, &stat),
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
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
