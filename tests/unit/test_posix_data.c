/* SPDX-License-Identifier: BSD-2-Clause */
/* Data and attributes. */
#include "posix_scene.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/must.h"

static struct fd *fd;

static void
setup(void)
{
    scene_begin();
    fd = scene_open(posix_root(s.px), "f");
}

static void
teardown(void)
{
    fd_put(fd);
    scene_end();
}

/* What a read returns, against what the file should hold. */
static void
reads(uint64_t offset, uint32_t size, const char *text, bool at_end)
{
    struct iobuf *buf = NULL;
    struct iatt stat;
    bool eof = !at_end;

    ck_assert_int_eq(posix_readv(&s.call, fd, offset, size, false, &buf, &stat,
                                 &eof),
                     (int64_t)strlen(text));
    ck_assert_int_eq(memcmp(buf->data, text, strlen(text)), 0);
    ck_assert_int_eq(eof, at_end);
    iobuf_put(buf);
}

START_TEST(what_is_written_is_read)
{
    struct iatt pre, post;

    ck_assert_int_eq(posix_writev(&s.call, fd, 3, "abcdef", 6, 0, &pre, &post),
                     6);
    ck_assert_uint_eq(pre.size, 0);
    ck_assert_uint_eq(post.size, 9);
    ck_assert(s.reply.null);
    reads(3, 3, "abc", false);
    reads(3, 100, "abcdef", true);
    reads(9, 100, "", true);
    reads(1 << 20, 100, "", true);
    ck_assert_int_eq(posix_writev(&s.call, fd, 9, "x", 1, O_SYNC, &pre, &post),
                     1);
}
END_TEST

START_TEST(offsets_that_cannot_be_are_refused)
{
    const uint64_t far = (uint64_t)INT64_MAX;
    struct iatt pre, post, src;
    struct iobuf *buf = NULL;
    uint8_t strong[POSIX_CHECKSUM_BYTES];
    uint32_t weak;
    uint64_t at_;
    bool eof;

    ck_assert_int_eq(posix_readv(&s.call, fd, 0, 0, false, &buf, &pre, &eof),
                     -EINVAL);
    ck_assert_int_eq(posix_readv(&s.call, fd, far + 1, 1, false, &buf, &pre,
                                 &eof),
                     -EINVAL);
    ck_assert_int_eq(posix_readv(&s.call, fd, far, 1, false, &buf, &pre, &eof),
                     -EINVAL);
    ck_assert_ptr_null(buf);
    ck_assert_int_eq(posix_writev(&s.call, fd, far + 1, "x", 1, 0, &pre,
                                  &post),
                     -EINVAL);
    ck_assert_int_eq(posix_writev(&s.call, fd, far, "x", 1, 0, &pre, &post),
                     -EINVAL);
    ck_assert_int_eq(posix_truncate(&s.call, fd->inode, fd, far + 1, &pre,
                                    &post),
                     -EINVAL);
    ck_assert_int_eq(posix_allocate(&s.call, fd, false, far, 2, &pre, &post),
                     -EFBIG);
    ck_assert_int_eq(posix_discard(&s.call, fd, UINT64_MAX, 2, &pre, &post),
                     -EINVAL);
    ck_assert_int_eq(posix_zerofill(&s.call, fd, 2, UINT64_MAX, &pre, &post),
                     -EINVAL);
    ck_assert_int_eq(posix_seek(&s.call, fd, UINT64_MAX, SEEK_DATA, &at_),
                     -ENXIO);
    ck_assert_int_eq(posix_rchecksum(&s.call, fd, UINT64_MAX, 2, &weak,
                                     strong),
                     -EINVAL);
    ck_assert_int_eq(posix_copy_file_range(&s.call, fd, far + 1, fd, 0, 1,
                                           &src, &pre, &post),
                     -EINVAL);
}
END_TEST

START_TEST(a_cached_read_does_not_wait)
{
    struct iobuf *buf;
    struct iatt stat;
    bool eof;

    scene_write(fd, 0, "cached");
    ck_assert_int_eq(posix_readv(&s.call, fd, 0, 100, true, &buf, &stat, &eof),
                     6);
    ck_assert(eof);
    iobuf_put(buf);
    /* A time to write is work that may block. */
    s.caller.time_flags = CALLER_ATIME;
    ck_assert_int_eq(posix_readv(&s.call, fd, 0, 100, true, &buf, &stat, &eof),
                     -EAGAIN);
}
END_TEST

START_TEST(writes_answer_what_they_are_asked)
{
    struct iatt pre, post;
    int64_t v = -1;

    ck_assert_int_eq(dict_set_u64(&s.xdata, "glusterfs.write-is-append", 1),
                     0);
    ck_assert_int_eq(dict_set_u64(&s.xdata, "glusterfs.open-fd-count", 1), 0);
    ck_assert_int_eq(dict_set_u64(&s.xdata, "glusterfs.open-active-fd-count",
                                  1),
                     0);
    scene_write(fd, 0, "0123");
    ck_assert_int_eq(dict_i64(&s.reply, "glusterfs.write-is-append", &v), 0);
    ck_assert_int_eq(v, 1);
    ck_assert_int_eq(dict_i64(&s.reply, "glusterfs.open-fd-count", &v), 0);
    ck_assert_int_eq(v, 1);
    ck_assert_int_eq(dict_i64(&s.reply, "glusterfs.open-active-fd-count", &v),
                     0);
    ck_assert_int_eq(v, 1);
    scene_write(fd, 1, "x");
    ck_assert_int_eq(dict_i64(&s.reply, "glusterfs.write-is-append", &v), 0);
    ck_assert_int_eq(v, 0);
    ck_assert_uint_eq(s.reply.count, 3);
    scratch_new_call(&s);
    ck_assert_int_eq(dict_set_i64(&s.xdata,
                                  "trusted.glusterfs.protect.writes", 1),
                     0);
    scene_write(fd, 0, "y");
    ck_assert_int_eq(scene_xattr("f", "trusted.glusterfs.protect.writes",
                                 NULL, 0),
                     2);
    scratch_new_call(&s);
    ck_assert_int_eq(dict_set_i64(&s.xdata, "glusterfs.avoid.overwrite", 1),
                     0);
    ck_assert_int_eq(posix_writev(&s.call, fd, 0, "z", 1, 0, &pre, &post),
                     -EBUSY);
    reads(0, 1, "y", false);
}
END_TEST

enum { THREADS = 4, ROUNDS = 200 };

/* Sum of what each thread's writes have added, by their own iatts. */
static void *
grow(void *arg)
{
    int64_t *added = arg;
    struct caller caller = {0};
    int i;

    urcu_memb_register_thread();
    for (i = 0; i < ROUNDS; i++) {
        uint8_t first[2048] __attribute__((aligned(8)));
        struct dict xdata, reply;
        struct iatt pre, post;
        struct arena arena;
        struct posix_call c = {.px = s.px, .caller = &caller, .xdata = &xdata,
                               .reply = &reply, .arena = &arena};

        arena_init(&arena, s.arena.type, first, sizeof(first));
        dict_init(&xdata, &arena);
        dict_init(&reply, &arena);
        must(dict_set_i64(&xdata, "glusterfs.write-update-atomic", 1) == 0);
        must(posix_writev(&c, fd, (uint64_t)rand() % 100000, "x", 1, 0, &pre,
                          &post) == 1);
        *added += (int64_t)(post.size - pre.size);
        arena_release(&arena);
    }
    urcu_memb_unregister_thread();
    return NULL;
}

START_TEST(atomic_writes_account_for_every_byte)
{
    int64_t added[THREADS] = {0}, sum = 0;
    pthread_t threads[THREADS];
    struct stat st;
    int i;

    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, grow, &added[i]),
                         0);
    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        sum += added[i];
    }
    ck_assert(scene_stat("f", &st));
    ck_assert_int_eq(st.st_size, sum);
}
END_TEST

START_TEST(a_direct_write_needs_no_aligned_memory)
{
    char *block = malloc(8192);
    struct iatt pre, post;
    struct fd *direct;
    int err;

    ck_assert_ptr_nonnull(block);
    memset(block, 'd', 8192);
    err = posix_open_file(&s.call, fd->inode, O_RDWR | O_DIRECT, NULL,
                          &direct);
    if (err == 0) { /* not every file system has it */
        ck_assert_int_eq(posix_writev(&s.call, direct, 0, block + 1, 4096, 0,
                                      &pre, &post),
                         4096);
        ck_assert_uint_eq(post.size, 4096);
        fd_put(direct);
    } else {
        ck_assert_int_eq(err, -EINVAL);
    }
    free(block);
}
END_TEST

START_TEST(truncate_works_by_inode_and_by_fd)
{
    struct iatt pre, post;
    struct inode *root = posix_root(s.px);

    scene_write(fd, 0, "0123456789");
    ck_assert_int_eq(posix_truncate(&s.call, fd->inode, NULL, 4, &pre, &post),
                     0);
    ck_assert_uint_eq(pre.size, 10);
    ck_assert_uint_eq(post.size, 4);
    ck_assert_int_eq(posix_truncate(&s.call, fd->inode, fd, 2, &pre, &post),
                     0);
    reads(0, 10, "01", true);
    ck_assert_int_eq(posix_truncate(&s.call, root, NULL, 0, &pre, &post),
                     -EISDIR);
}
END_TEST

START_TEST(ranges_are_allocated_punched_and_zeroed)
{
    struct iatt pre, post;
    uint64_t found;

    ck_assert_int_eq(posix_allocate(&s.call, fd, true, 0, 65536, &pre, &post),
                     0);
    ck_assert_uint_eq(post.size, 0);
    ck_assert_uint_eq(post.blocks, 0); /* beyond the size: not shown */
    ck_assert_int_eq(posix_allocate(&s.call, fd, false, 0, 131072, &pre,
                                    &post),
                     0);
    ck_assert_uint_eq(post.size, 131072);
    scene_write(fd, 100, "data");
    ck_assert_int_eq(posix_zerofill(&s.call, fd, 100, 2, &pre, &post), 0);
    reads(102, 2, "ta", false);
    ck_assert_int_eq(posix_discard(&s.call, fd, 0, 65536, &pre, &post), 0);
    ck_assert_uint_eq(post.size, 131072);
    ck_assert_int_eq(posix_seek(&s.call, fd, 0, SEEK_HOLE, &found), 0);
    ck_assert_uint_eq(found, 0);
    ck_assert_int_eq(posix_seek(&s.call, fd, 131072, SEEK_DATA, &found),
                     -ENXIO);
    ck_assert_int_eq(posix_seek(&s.call, fd, 0, SEEK_SET, &found), -ENOTSUP);
}
END_TEST

START_TEST(a_range_is_copied)
{
    struct iatt src, pre, post;
    struct fd *to = scene_open(posix_root(s.px), "to");

    scene_write(fd, 0, "copy me");
    ck_assert_int_eq(posix_copy_file_range(&s.call, fd, 5, to, 1, 2, &src,
                                           &pre, &post),
                     2);
    ck_assert_uint_eq(src.size, 7);
    ck_assert_uint_eq(pre.size, 0);
    ck_assert_uint_eq(post.size, 3);
    fd_put(to);
}
END_TEST

START_TEST(checksums_are_the_peers)
{
    static const uint8_t md5[16] = {0xcd, 0xf4, 0x2a, 0xa4, 0x0d, 0xd5,
                                    0xd5, 0x2b, 0x50, 0x4e, 0x8a, 0x06,
                                    0x81, 0x36, 0xb9, 0x05};
    static const uint8_t none[16];
    uint8_t bytes[5120], strong[POSIX_CHECKSUM_BYTES];
    struct iatt pre, post;
    uint32_t weak = 0;
    int64_t v = -1;
    size_t i;

    for (i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    ck_assert_int_eq(posix_writev(&s.call, fd, 0, bytes, sizeof(bytes), 0,
                                  &pre, &post),
                     sizeof(bytes));
    ck_assert_int_eq(posix_rchecksum(&s.call, fd, 0, 1 << 20, &weak, strong),
                     0);
    ck_assert_uint_eq(weak, 264566407);
    ck_assert_int_eq(dict_i64(&s.reply, "fips-mode-rchecksum", &v), 0);
    ck_assert_int_ne(memcmp(strong + 16, none, 16), 0);
    scratch_set(&s, "posix.fips-mode-rchecksum", "off");
    scratch_new_call(&s);
    ck_assert_int_eq(dict_set_i64(&s.xdata, "check-zero-filled", 1), 0);
    ck_assert_int_eq(posix_rchecksum(&s.call, fd, 0, sizeof(bytes), &weak,
                                     strong),
                     0);
    ck_assert_uint_eq(weak, 264566407);
    ck_assert_int_eq(memcmp(strong, md5, 16), 0);
    ck_assert_int_eq(memcmp(strong + 16, none, 16), 0);
    ck_assert_int_eq(dict_i64(&s.reply, "buf-has-zeroes", &v), 0);
    ck_assert_int_eq(v, 0);
    ck_assert(!dict_has(&s.reply, "fips-mode-rchecksum"));
    ck_assert_int_eq(posix_rchecksum(&s.call, fd, 1 << 20, 10, &weak, strong),
                     0);
    ck_assert_uint_eq(weak, 0);
}
END_TEST

START_TEST(the_reserve_spares_only_what_needs_no_space)
{
    struct iatt pre, post;
    struct posix_made made;

    scene_write(fd, 0, "0123456789");
    scratch_set(&s, "posix.reserve", "99%");
    ck_assert_int_eq(posix_writev(&s.call, fd, 2, "x", 1, 0, &pre, &post), 1);
    ck_assert_int_eq(posix_writev(&s.call, fd, 10, "x", 1, 0, &pre, &post),
                     -ENOSPC);
    ck_assert_int_eq(posix_allocate(&s.call, fd, false, 0, 5, &pre, &post),
                     0);
    ck_assert_int_eq(posix_allocate(&s.call, fd, false, 0, 50, &pre, &post),
                     -ENOSPC);
    scene_make_call();
    ck_assert_int_eq(posix_mkdir(&s.call, posix_root(s.px), "d", 0755, &made),
                     -ENOSPC);
    s.caller.pid = CALLER_PID_SELF_HEAL;
    ck_assert_int_eq(posix_writev(&s.call, fd, 10, "x", 1, 0, &pre, &post),
                     1);
}
END_TEST

/* --- attributes --- */

START_TEST(setattr_sets_what_is_valid)
{
    struct iatt set = {.mode = 04755, .uid = 11, .gid = 12, .size = 999,
                       .atime = {1000, 1}, .mtime = {2000, 2}};
    struct iatt pre, post;

    ck_assert_int_eq(posix_setattr(&s.call, fd->inode, NULL, &set, 0xffffff,
                                   &pre, &post),
                     0);
    ck_assert_uint_eq(post.mode & 07777, 04755);
    ck_assert_uint_eq(post.uid, 11);
    ck_assert_uint_eq(post.gid, 12);
    ck_assert_uint_eq(post.size, 0);
    ck_assert_int_eq(post.atime.tv_sec, 1000);
    ck_assert_int_eq(post.mtime.tv_nsec, 2);
    set.mode = 0600;
    ck_assert_int_eq(posix_setattr(&s.call, fd->inode, fd, &set, SETATTR_MODE,
                                   &pre, &post),
                     0);
    ck_assert_uint_eq(post.mode & 07777, 0600);
    set.atime.tv_nsec = UTIME_NOW;
    ck_assert_int_eq(posix_setattr(&s.call, fd->inode, NULL, &set,
                                   SETATTR_ATIME, &pre, &post),
                     -EINVAL);
}
END_TEST

START_TEST(times_of_mdata_go_where_setattr_says)
{
    struct iatt set = {.mtime = {500, 0}};
    struct iatt pre, post;

    s.caller.time = (struct timespec){9000, 0};
    s.caller.time_flags = CALLER_CTIME | CALLER_MTIME;
    ck_assert_int_eq(posix_writev(&s.call, fd, 0, "x", 1, 0, &pre, &post), 1);
    ck_assert_int_eq(post.mtime.tv_sec, 9000);
    s.caller.time_flags = 0;
    s.caller.time.tv_sec = 9001;
    ck_assert_int_eq(posix_setattr(&s.call, fd->inode, NULL, &set,
                                   SETATTR_MTIME, &pre, &post),
                     0);
    ck_assert_int_eq(post.mtime.tv_sec, 500);
    ck_assert_int_eq(post.ctime.tv_sec, 9001);
}
END_TEST

START_TEST(a_symlinks_mode_is_left_alone)
{
    struct iatt set = {.mode = 0600, .uid = 5};
    struct iatt pre, post;
    struct posix_made made;

    scene_make_call();
    ck_assert_int_eq(posix_symlink(&s.call, posix_root(s.px), "l", "f", &made),
                     0);
    ck_assert_int_eq(posix_setattr(&s.call, made.inode, NULL, &set,
                                   SETATTR_MODE | SETATTR_UID, &pre, &post),
                     0);
    ck_assert_uint_eq(post.uid, 5);
    ck_assert_uint_eq(post.mode, S_IFLNK | 0777);
    inode_put(made.inode);
}
END_TEST

START_TEST(masks_shape_modes)
{
    struct iatt set = {.mode = 01777}, pre, post;
    struct inode *inode;
    struct stat st;

    scratch_set(&s, "posix.create-mask", "0750");
    scratch_set(&s, "posix.force-create-mode", "0010");
    inode = scene_file(posix_root(s.px), "g");
    ck_assert(scene_stat("g", &st));
    ck_assert_uint_eq(st.st_mode & 07777, 0650);
    ck_assert_int_eq(posix_setattr(&s.call, inode, NULL, &set, SETATTR_MODE,
                                   &pre, &post),
                     0);
    ck_assert_uint_eq(post.mode & 07777, 01750);
    inode_put(inode);
}
END_TEST

START_TEST(content_comes_with_stat_only_where_it_may)
{
    struct iatt stat;
    int64_t v = 0;
    struct inode *inode = NULL;
    struct iatt parent;
    const struct dict_pair *p;

    scene_write(fd, 0, "hello");
    scratch_new_call(&s);
    ck_assert_int_eq(dict_set_u64(&s.xdata, "glusterfs.content", 100), 0);
    ck_assert_int_eq(dict_set_u64(&s.xdata, "get-size", 1), 0);
    ck_assert_int_eq(dict_set_u64(&s.xdata, "glusterfs.open-fd-count", 1), 0);
    ck_assert_int_eq(dict_set_u64(&s.xdata, "trusted.gfid2path.*", 1), 0);
    ck_assert_int_eq(dict_set_u64(&s.xdata, "user.none", 1), 0);
    ck_assert_int_eq(posix_stat(&s.call, fd->inode, fd, &stat), 0);
    ck_assert(!dict_has(&s.reply, "glusterfs.content"));
    ck_assert_int_eq(dict_i64(&s.reply, "get-size", &v), 0);
    ck_assert_int_eq(v, 5);
    ck_assert_int_eq(dict_i64(&s.reply, "glusterfs.open-fd-count", &v), 0);
    ck_assert_int_eq(v, 1);
    ck_assert_uint_eq(s.reply.count, 3); /* and the matching xattr */
    ck_assert_int_eq(posix_lookup(&s.call, posix_root(s.px), "f", &gfid_null,
                                  &inode, &stat, &parent),
                     0);
    p = dict_find(&s.reply, "glusterfs.content");
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(p->bytes, 5);
    ck_assert_int_eq(memcmp(p->data, "hello", 5), 0);
    inode_put(inode);
}
END_TEST

START_TEST(statfs_takes_the_reserve_off)
{
    struct statvfs all, less;

    ck_assert_int_eq(posix_statfs(&s.call, fd->inode, &all), 0);
    scratch_set(&s, "posix.reserve", "99%");
    ck_assert_int_eq(posix_statfs(&s.call, fd->inode, &less), 0);
    ck_assert_uint_lt(less.f_bfree, all.f_bfree);
}
END_TEST

START_TEST(sync_reaches_files_and_directories)
{
    struct iatt pre, post;
    struct inode *root = posix_root(s.px);
    struct fd *dir;

    scene_write(fd, 0, "x");
    ck_assert_int_eq(posix_fsync(&s.call, fd, false, &pre, &post), 0);
    ck_assert_int_eq(posix_fsync(&s.call, fd, true, &pre, &post), 0);
    ck_assert_uint_eq(post.size, 1);
    ck_assert_int_eq(posix_flush(&s.call, fd), 0);
    ck_assert_int_eq(posix_opendir(&s.call, root, NULL, &dir), 0);
    ck_assert_int_eq(posix_fsyncdir(&s.call, root, dir, false), 0);
    ck_assert_int_eq(posix_fsyncdir(&s.call, root, NULL, true), 0);
    ck_assert_int_eq(posix_fsyncdir(&s.call, fd->inode, fd, true), -ENOTDIR);
    fd_put(dir);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("posix data");
    TCase *tc = tcase_create("data");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_is_written_is_read);
    tcase_add_test(tc, offsets_that_cannot_be_are_refused);
    tcase_add_test(tc, a_cached_read_does_not_wait);
    tcase_add_test(tc, writes_answer_what_they_are_asked);
    tcase_add_test(tc, atomic_writes_account_for_every_byte);
    tcase_add_test(tc, a_direct_write_needs_no_aligned_memory);
    tcase_add_test(tc, truncate_works_by_inode_and_by_fd);
    tcase_add_test(tc, ranges_are_allocated_punched_and_zeroed);
    tcase_add_test(tc, a_range_is_copied);
    tcase_add_test(tc, checksums_are_the_peers);
    tcase_add_test(tc, the_reserve_spares_only_what_needs_no_space);
    tcase_add_test(tc, setattr_sets_what_is_valid);
    tcase_add_test(tc, times_of_mdata_go_where_setattr_says);
    tcase_add_test(tc, a_symlinks_mode_is_left_alone);
    tcase_add_test(tc, masks_shape_modes);
    tcase_add_test(tc, content_comes_with_stat_only_where_it_may);
    tcase_add_test(tc, statfs_takes_the_reserve_off);
    tcase_add_test(tc, sync_reaches_files_and_directories);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
