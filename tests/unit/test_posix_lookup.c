/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding objects, and what finding them mends. */
#include "posix_scratch.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/must.h"
#include "mem/scope.h"

static struct scratch s;
static struct iatt stat_out, postparent;

static void
setup(void)
{
    scratch_begin(&s);
    ck_assert_msg(scratch_open(&s) == 0, "%s", s.err);
}

static void
teardown(void)
{
    scratch_end(&s);
}

/* A fresh request that brings a gfid to give. */
static struct gfid *
new_gfid(void)
{
    struct gfid *gfid;

    scratch_new_call(&s);
    gfid = arena_alloc(&s.arena, sizeof(*gfid));
    gfid_random(gfid);
    ck_assert_int_eq(dict_set_gfid(&s.xdata, "gfid-req", gfid), 0);
    return gfid;
}

static int
lookup(struct inode *parent, const char *name, struct inode **out)
{
    return posix_lookup(&s.call, parent != NULL ? parent : posix_root(s.px),
                        name, NULL, out, &stat_out, &postparent);
}

static int
lookup_gfid(const struct gfid *gfid, struct inode **out)
{
    return posix_lookup(&s.call, NULL, "", gfid, out, &stat_out, &postparent);
}

/* An entry made behind the brick's back and taken in; its inode. */
static struct inode *
adopt(const char *path, mode_t mode)
{
    struct gfid *gfid = new_gfid();
    struct inode *inode;

    if (S_ISDIR(mode))
        ck_assert_int_eq(mkdir(at(&s, path), 0755), 0);
    else if (S_ISLNK(mode))
        ck_assert_int_eq(symlink("/etc", at(&s, path)), 0);
    else
        ck_assert_int_eq(mknod(at(&s, path), mode, 0), 0);
    ck_assert_int_eq(lookup(NULL, path, &inode), 0);
    ck_assert(gfid_equal(&inode->gfid, gfid));
    scratch_new_call(&s);
    return inode;
}

/* --- by name --- */

START_TEST(an_entry_without_gfid_takes_the_one_it_is_brought)
{
    static const mode_t kinds[] = {S_IFREG | 0644, S_IFDIR, S_IFLNK,
                                   S_IFIFO | 0644};
    struct inode *inode, *again;
    struct stat st;
    char name[8];
    size_t i;

    for (i = 0; i < COUNT_OF(kinds); i++) {
        (void)snprintf(name, sizeof(name), "k%zu", i);
        inode = adopt(name, kinds[i]);
        ck_assert_uint_eq(inode_type(inode), kinds[i] & S_IFMT);
        ck_assert_uint_eq(stat_out.flags, IATT_ALL);
        ck_assert_uint_eq(stat_out.ino, gfid_ino(&inode->gfid));
        ck_assert(gfid_equal(&stat_out.gfid, &inode->gfid));
        ck_assert_uint_eq(stat_out.mode & S_IFMT, kinds[i] & S_IFMT);
        ck_assert_uint_eq(stat_out.nlink, S_ISDIR(kinds[i]) ? 2 : 1);
        ck_assert(gfid_is_root(&postparent.gfid));
        ck_assert_uint_eq(postparent.ino, 1);
        ck_assert_int_eq(handle_stat(s.px, &inode->gfid, &st), 0);
        ck_assert_int_eq(lookup_gfid(&inode->gfid, &again), 0);
        ck_assert_ptr_eq(again, inode);
        ck_assert_uint_eq(postparent.flags, 0);
        inode_put(again);
        inode_put(inode);
    }
}
END_TEST

START_TEST(without_a_gfid_there_is_no_data)
{
    struct inode *inode;

    put_file(&s, "f", "hello");
    ck_assert_int_eq(lookup(NULL, "f", &inode), -ENODATA);
    ck_assert_ptr_null(inode);
    ck_assert_int_eq(
        posix_find_entry(&s.call, posix_root(s.px), "f", &inode, NULL),
        -ENODATA);
    ck_assert_int_eq(dict_set_i64(&s.xdata, "gfidless-lookup", 0), 0);
    ck_assert_int_eq(lookup(NULL, "f", &inode), -ENODATA);
    ck_assert_int_eq(dict_set_i64(&s.xdata, "gfidless-lookup", 1), 0);
    ck_assert_int_eq(lookup(NULL, "f", &inode), 0);
    ck_assert_ptr_null(inode);
    ck_assert(gfid_is_null(&stat_out.gfid));
    ck_assert_uint_eq(stat_out.flags, 0x16ff);
    ck_assert_uint_eq(stat_out.ino, UINT64_MAX);
    ck_assert_uint_eq(stat_out.size, 5);
    ck_assert_uint_eq(stat_out.blocks, 1);
    ck_assert(!s.reply.null);
    /* A null one is none. */
    scratch_new_call(&s);
    ck_assert_int_eq(dict_set_gfid(&s.xdata, "gfid-req", &gfid_null), 0);
    ck_assert_int_eq(lookup(NULL, "f", &inode), -ENODATA);
    ck_assert_int_eq(lgetxattr(at(&s, "f"), "trusted.gfid", NULL, 0), -1);
}
END_TEST

START_TEST(a_gfid_in_use_is_not_given_again)
{
    struct inode *first = adopt("first", S_IFREG | 0644), *inode;

    put_file(&s, "second", "");
    ck_assert_int_eq(mkdir(at(&s, "third"), 0755), 0);
    ck_assert_int_eq(dict_set_gfid(&s.xdata, "gfid-req", &first->gfid), 0);
    ck_assert_int_eq(lookup(NULL, "second", &inode), -ENODATA);
    ck_assert_int_eq(lookup(NULL, "third", &inode), -ENODATA);
    ck_assert_int_eq(lgetxattr(at(&s, "second"), "trusted.gfid", NULL, 0), -1);
    ck_assert_int_eq(lgetxattr(at(&s, "third"), "trusted.gfid", NULL, 0), -1);
    inode_put(first);
}
END_TEST

START_TEST(names_are_judged)
{
    struct inode *inode;
    char longest[300];

    (void)memset(longest, 'n', sizeof(longest));
    longest[255] = '\0';
    ck_assert_int_eq(lookup(NULL, longest, &inode), -ENOENT);
    longest[255] = 'n';
    longest[256] = '\0';
    ck_assert_int_eq(lookup(NULL, longest, &inode), -ENAMETOOLONG);
    ck_assert_int_eq(lookup(NULL, "a/b", &inode), -EPERM);
    ck_assert_int_eq(lookup(NULL, "/etc", &inode), -EPERM);
    ck_assert_int_eq(lookup(NULL, "../x", &inode), -EPERM);
    ck_assert_int_eq(lookup(NULL, ".glusterfs", &inode), -EPERM);
    ck_assert_int_eq(
        posix_find_entry(&s.call, posix_root(s.px), ".glusterfs", &inode, NULL),
        -ENOENT);
    ck_assert_int_eq(
        posix_find_entry(&s.call, posix_root(s.px), ".", &inode, NULL),
        -EINVAL);
    ck_assert_int_eq(
        posix_find_entry(&s.call, posix_root(s.px), "..", &inode, NULL),
        -EINVAL);
    ck_assert_int_eq(
        posix_find_entry(&s.call, posix_root(s.px), "", &inode, NULL),
        -EINVAL);
}
END_TEST

START_TEST(dots_are_here_and_above)
{
    struct inode *a = adopt("a", S_IFDIR), *b, *inode;
    struct gfid *gfid = new_gfid();

    ck_assert_int_eq(mkdir(at(&s, "a/b"), 0755), 0);
    ck_assert_int_eq(mkdir(at(&s, "a/.glusterfs"), 0755), 0);
    ck_assert_int_eq(lookup(a, "b", &b), 0);
    ck_assert(gfid_equal(&b->gfid, gfid));
    (void)new_gfid();
    /* Only the root's is hidden. */
    ck_assert_int_eq(lookup(a, ".glusterfs", &inode), 0);
    inode_put(inode);
    ck_assert_int_eq(lookup(b, ".", &inode), 0);
    ck_assert_ptr_eq(inode, b);
    ck_assert(gfid_equal(&postparent.gfid, &b->gfid));
    inode_put(inode);
    ck_assert_int_eq(lookup(b, "..", &inode), 0);
    ck_assert_ptr_eq(inode, a);
    inode_put(inode);
    ck_assert_int_eq(lookup(a, "..", &inode), 0);
    ck_assert_ptr_eq(inode, posix_root(s.px));
    inode_put(inode);
    ck_assert_int_eq(lookup(NULL, "..", &inode), -ENODATA);
    ck_assert_int_eq(lookup(NULL, ".", &inode), 0);
    inode_put(inode);
    inode_put(a);
    inode_put(b);
}
END_TEST

START_TEST(a_missing_handle_is_made_at_the_first_lookup)
{
    struct inode *f = adopt("f", S_IFREG | 0644), *d = adopt("d", S_IFDIR);
    struct gfid file = f->gfid, dir = d->gfid;
    struct stat st;

    ck_assert_int_eq(unlink(handle_at(&s, &file)), 0);
    ck_assert_int_eq(unlink(handle_at(&s, &dir)), 0);
    inode_put(f);
    inode_put(d);
    inode_table_drop_unused(s.table);
    ck_assert_int_eq(lookup_gfid(&file, &f), -ENOENT);
    ck_assert_int_eq(lookup_gfid(&dir, &d), -ENOENT);
    ck_assert_int_eq(lookup(NULL, "f", &f), 0);
    ck_assert_uint_eq(stat_out.nlink, 1);
    ck_assert_int_eq(lookup(NULL, "d", &d), 0);
    ck_assert_int_eq(handle_stat(s.px, &file, &st), 0);
    ck_assert_int_eq(handle_stat(s.px, &dir, &st), 0);
    inode_put(f);
    inode_put(d);
}
END_TEST

START_TEST(a_directory_moved_behind_our_back_is_mended)
{
    struct inode *d = adopt("d", S_IFDIR);
    struct gfid dir = d->gfid;

    inode_put(d);
    inode_table_drop_unused(s.table);
    ck_assert_int_eq(rename(at(&s, "d"), at(&s, "e")), 0);
    ck_assert_int_eq(lookup(NULL, "e", &d), 0);
    ck_assert(gfid_equal(&d->gfid, &dir));
    ck_assert_int_eq(handle_dir_is(s.px, &dir, &gfid_root, "e"), 1);
    inode_put(d);
}
END_TEST

START_TEST(a_symlink_is_found_and_not_followed)
{
    struct inode *l = adopt("l", S_IFLNK), *inode;

    ck_assert(S_ISLNK(stat_out.mode));
    ck_assert_uint_eq(stat_out.size, 4);
    /* Nothing is to be found in it. */
    ck_assert_int_eq(lookup(l, "passwd", &inode), -ENOTDIR);
    inode_put(l);
}
END_TEST

START_TEST(a_directory_replaced_by_a_symlink_leads_nowhere)
{
    struct inode *d = adopt("d", S_IFDIR), *inode;

    inode_path_fd_drop(d, false);
    ck_assert_int_eq(rmdir(at(&s, "d")), 0);
    ck_assert_int_eq(symlink("/etc", at(&s, "d")), 0);
    ck_assert_int_eq(lookup(d, "passwd", &inode), -ESTALE);
    inode_put(d);
}
END_TEST

START_TEST(protect_writes_is_cleaned)
{
    struct inode *f = adopt("f", S_IFREG | 0644);
    struct inode *inode;

    ck_assert_int_eq(setxattr(at(&s, "f"), "trusted.glusterfs.protect.writes",
                              "1", 2, 0),
                     0);
    ck_assert_int_eq(lookup(NULL, "f", &inode), 0);
    inode_put(inode);
    ck_assert_int_eq(
        getxattr(at(&s, "f"), "trusted.glusterfs.protect.writes", NULL, 0), 2);
    ck_assert_int_eq(dict_set_str(&s.xdata, "glusterfs.clean.writexattr", "1"),
                     0);
    ck_assert_int_eq(lookup(NULL, "f", &inode), 0);
    inode_put(inode);
    ck_assert_int_eq(
        getxattr(at(&s, "f"), "trusted.glusterfs.protect.writes", NULL, 0),
        -1);
    inode_put(f);
}
END_TEST

/* --- by gfid --- */

START_TEST(gfids_that_name_nothing)
{
    struct inode *inode;
    struct gfid gfid;

    gfid_random(&gfid);
    ck_assert_int_eq(lookup_gfid(&gfid, &inode), -ENOENT);
    ck_assert_int_eq(posix_find(&s.call, &gfid, &inode), -ENOENT);
    ck_assert_int_eq(lookup_gfid(&gfid_null, &inode), -EINVAL);
    ck_assert_int_eq(posix_find(&s.call, &gfid_null, &inode), -EINVAL);
    ck_assert_int_eq(lookup_gfid(&gfid_root, &inode), 0);
    ck_assert_ptr_eq(inode, posix_root(s.px));
    inode_put(inode);
}
END_TEST

START_TEST(a_dangling_handle_is_removed)
{
    struct inode *f = adopt("f", S_IFREG | 0644), *d = adopt("d", S_IFDIR);
    struct gfid file = f->gfid, dir = d->gfid;
    struct stat st;

    inode_put(f);
    inode_put(d);
    inode_table_drop_unused(s.table);
    ck_assert_int_eq(unlink(at(&s, "f")), 0);
    ck_assert_int_eq(rmdir(at(&s, "d")), 0);
    ck_assert_int_eq(lookup_gfid(&file, &f), -ENOENT);
    ck_assert_int_eq(lookup_gfid(&dir, &d), -ENOENT);
    ck_assert_int_eq(lstat(handle_at(&s, &file), &st), -1);
    ck_assert_int_eq(lstat(handle_at(&s, &dir), &st), -1);
}
END_TEST

START_TEST(what_was_removed_behind_our_back_is_not_served)
{
    struct inode *f = adopt("f", S_IFREG | 0644), *d = adopt("d", S_IFDIR);
    struct inode *inode;
    struct stat st;

    {
        AUTO_REF struct posix_ref dir_ref = POSIX_REF_NONE;

        /* Both are held open. */
        ck_assert_int_eq(posix_dir_ref(s.px, d, &dir_ref), 0);
        ck_assert_ptr_nonnull(dir_ref.holder);
    }
    ck_assert_int_eq(unlink(at(&s, "f")), 0);
    ck_assert_int_eq(rmdir(at(&s, "d")), 0);
    ck_assert_int_eq(lookup_gfid(&f->gfid, &inode), -ENOENT);
    ck_assert_int_eq(lookup_gfid(&d->gfid, &inode), -ENOENT);
    ck_assert_int_eq(lstat(handle_at(&s, &f->gfid), &st), -1);
    ck_assert_ptr_null(f->path_fd);
    inode_put(f);
    inode_put(d);
}
END_TEST

START_TEST(an_unlinked_open_file_is_seen_only_where_asked_for)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    struct inode *f = adopt("f", S_IFREG | 0644), *inode;
    struct fd *fd = fd_new(f, open(at(&s, "f"), O_RDWR), O_RDWR, 0, NULL,
                           false);

    ck_assert_int_eq(handle_set_aside(s.px, &f->gfid), 0);
    ck_assert_int_eq(unlink(at(&s, "f")), 0);
    f->unlinked = true;
    posix_ref_forget(f);
    ck_assert_int_eq(lookup_gfid(&f->gfid, &inode), -ENOENT);
    ck_assert_int_eq(posix_ref_get(s.px, f, NULL, &ref), -ENOENT);
    ck_assert_int_eq(posix_ref_get(s.px, f, fd, &ref), 0);
    ck_assert_int_eq(ref.fd, fd->os_fd);
    ck_assert_int_eq(dict_set_u64(&s.xdata, "unlinked-lookup", 1), 0);
    ck_assert_int_eq(lookup_gfid(&f->gfid, &inode), 0);
    ck_assert_ptr_null(inode);
    ck_assert_uint_eq(stat_out.nlink, 0);
    ck_assert(gfid_is_null(&stat_out.gfid));
    ck_assert(s.reply.null);
    fd_put(fd);
    inode_forget(f);
    inode_put(f);
}
END_TEST

/* --- descriptors --- */

START_TEST(descriptors_are_held_up_to_the_limit)
{
    struct inode *a = adopt("a", S_IFDIR), *b = adopt("b", S_IFDIR);
    AUTO_REF struct posix_ref one = POSIX_REF_NONE, two = POSIX_REF_NONE,
                              three = POSIX_REF_NONE;

    s.px->path_fds_max = inode_table_path_fds(s.table) + 1;
    ck_assert_int_eq(posix_dir_ref(s.px, a, &one), 0);
    ck_assert_ptr_nonnull(one.holder);
    ck_assert_int_eq(posix_dir_ref(s.px, b, &two), 0);
    ck_assert_ptr_null(two.holder);
    ck_assert(two.owned);
    ck_assert_int_eq(posix_ref_get(s.px, a, NULL, &three), 0);
    ck_assert_int_eq(three.fd, one.fd);
    ck_assert_int_eq(faccessat(two.fd, ".", R_OK, 0), 0);
    inode_put(a);
    inode_put(b);
}
END_TEST

START_TEST(a_file_is_no_directory)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    struct inode *f = adopt("f", S_IFREG | 0644);

    ck_assert_int_eq(posix_dir_ref(s.px, f, &ref), -ENOTDIR);
    inode_put(f);
}
END_TEST

START_TEST(open_flags_nobody_knows_do_no_harm)
{
    int fd = posix_openat(s.px->root_fd, "n", O_CREAT | O_RDWR | 0x40000000,
                          0100644);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(posix_openat(s.px->root_fd, "../etc", O_RDONLY, 0),
                     -EXDEV);
    ck_assert_int_eq(posix_openat(s.px->root_fd, "/etc", O_RDONLY, 0), -EXDEV);
}
END_TEST

/* --- paths --- */

START_TEST(paths_are_told)
{
    struct inode *a = adopt("a", S_IFDIR), *b, *f;
    AUTO_CLOSE int fd = -1;
    const char *path;

    (void)new_gfid();
    ck_assert_int_eq(mkdir(at(&s, "a/b"), 0755), 0);
    ck_assert_int_eq(lookup(a, "b", &b), 0);
    (void)new_gfid();
    put_file(&s, "a/b/f", "");
    ck_assert_int_eq(lookup(b, "f", &f), 0);
    ck_assert_int_eq(posix_path(s.px, posix_root(s.px), &s.arena, &path), 0);
    ck_assert_str_eq(path, "/");
    ck_assert_int_eq(posix_path(s.px, b, &s.arena, &path), 0);
    ck_assert_str_eq(path, "/a/b");
    ck_assert_int_eq(posix_path(s.px, f, &s.arena, &path), -ENOENT);
    fd = open(at(&s, "a/b/f"), O_RDONLY);
    ck_assert_int_eq(setxattr(at(&s, "a/b/f"), "trusted.gfid2path.0", "x", 1,
                              0),
                     0);
    ck_assert_int_eq(backref_add(s.px, fd, &b->gfid, "f", 1), 0);
    ck_assert_int_eq(posix_path(s.px, f, &s.arena, &path), 0);
    ck_assert_str_eq(path, "/a/b/f");
    ck_assert_int_eq(unlink(handle_at(&s, &a->gfid)), 0);
    ck_assert_int_eq(posix_path(s.px, f, &s.arena, &path), -ENOENT);
    inode_put(a);
    inode_put(b);
    inode_put(f);
}
END_TEST

/* --- times --- */

static const uint8_t mdata_sample[MDATA_BYTES] = {
    1, 0,    0,    0,    0,    0,    0, 0, 0, 0, 0,    0,    0,    0x6b, 0x03,
    0xaf, 0x7e, 0, 0,    0,    0,    0x0c, 0x4c, 0x6f, 0xec, 0, 0, 0,
    0, 0x6b, 0x03, 0xaf, 0x7e, 0,    0, 0, 0, 0x07, 0x98, 0x0a, 0x91,
    0, 0,    0,    0,    0x6b, 0x03, 0xaf, 0x79, 0, 0, 0, 0, 0x3a, 0x1c,
    0x2f, 0x66};

START_TEST(mdata_is_of_the_peers_form)
{
    uint8_t again[MDATA_BYTES], bad[MDATA_BYTES];
    struct mdata md;

    ck_assert_int_eq(posix_mdata_parse(mdata_sample, MDATA_BYTES, &md), 0);
    ck_assert_int_eq(md.ctime.tv_sec, 1795403646);
    ck_assert_int_eq(md.ctime.tv_nsec, 206335980);
    ck_assert_int_eq(md.mtime.tv_nsec, 127404689);
    ck_assert_int_eq(md.atime.tv_sec, 1795403641);
    ck_assert_int_eq(md.atime.tv_nsec, 974925670);
    posix_mdata_format(&md, again);
    ck_assert_mem_eq(again, mdata_sample, MDATA_BYTES);
    ck_assert_int_eq(posix_mdata_parse(mdata_sample, 56, &md), -EINVAL);
    memcpy(bad, mdata_sample, MDATA_BYTES);
    bad[0] = 2;
    ck_assert_int_eq(posix_mdata_parse(bad, MDATA_BYTES, &md), -EINVAL);
    bad[0] = 1;
    bad[21] = 0xff; /* nanoseconds */
    ck_assert_int_eq(posix_mdata_parse(bad, MDATA_BYTES, &md), -EINVAL);
}
END_TEST

static void
mdata_on_disk(const char *path, struct mdata *md)
{
    uint8_t value[MDATA_BYTES + 1];
    ssize_t n = lgetxattr(at(&s, path), POSIX_MDATA_XATTR, value,
                          sizeof(value));

    ck_assert_int_eq(n, MDATA_BYTES);
    ck_assert_int_eq(posix_mdata_parse(value, MDATA_BYTES, md), 0);
}

START_TEST(times_only_rise_and_reach_the_disk)
{
    struct inode *f = adopt("f", S_IFREG | 0644);
    struct iatt set = {.atime = {50, 5}, .mtime = {60, 6}, .ctime = {400, 4}};
    AUTO_CLOSE int fd = open(at(&s, "f"), O_PATH);
    struct mdata md;

    /* Nothing asked: nothing made. */
    posix_mdata_apply(s.px, &s.caller, f, fd, false);
    posix_mdata_setattr(s.px, &s.caller, f, fd, &set, 0xffffff);
    ck_assert_int_eq(lgetxattr(at(&s, "f"), POSIX_MDATA_XATTR, NULL, 0), -1);
    s.caller.time = (struct timespec){100, 1};
    s.caller.time_flags = CALLER_PARENT_CTIME;
    posix_mdata_apply(s.px, &s.caller, f, fd, false);
    ck_assert_int_eq(lgetxattr(at(&s, "f"), POSIX_MDATA_XATTR, NULL, 0), -1);
    /* The first sets all three. */
    posix_mdata_apply(s.px, &s.caller, f, fd, true);
    mdata_on_disk("f", &md);
    ck_assert_int_eq(md.atime.tv_sec, 100);
    ck_assert_int_eq(md.mtime.tv_sec, 100);
    ck_assert_int_eq(md.ctime.tv_nsec, 1);
    s.caller.time_flags = CALLER_CTIME | CALLER_MTIME;
    s.caller.time = (struct timespec){200, 0};
    posix_mdata_apply(s.px, &s.caller, f, fd, false);
    s.caller.time = (struct timespec){150, 0};
    posix_mdata_apply(s.px, &s.caller, f, fd, false);
    mdata_on_disk("f", &md);
    ck_assert_int_eq(md.ctime.tv_sec, 200);
    ck_assert_int_eq(md.mtime.tv_sec, 200);
    ck_assert_int_eq(md.atime.tv_sec, 100);
    /* setattr goes back as well, but not ctime. */
    posix_mdata_setattr(s.px, &s.caller, f, fd, &set,
                        SETATTR_ATIME | SETATTR_MTIME);
    mdata_on_disk("f", &md);
    ck_assert_int_eq(md.atime.tv_sec, 50);
    ck_assert_int_eq(md.mtime.tv_sec, 60);
    ck_assert_int_eq(md.ctime.tv_sec, 200);
    posix_mdata_setattr(s.px, &s.caller, f, fd, &set, SETATTR_CTIME);
    ck_assert_int_eq(posix_iatt_ref(s.px, f, fd, &stat_out), 0);
    ck_assert_int_eq(stat_out.ctime.tv_sec, 400);
    ck_assert_int_eq(stat_out.mtime.tv_sec, 60);
    /* Merging writes anew what was removed. */
    ck_assert_int_eq(lremovexattr(at(&s, "f"), POSIX_MDATA_XATTR), 0);
    md = (struct mdata){{1, 1}, {300, 3}, {1, 1}};
    ck_assert_int_eq(posix_mdata_merge(s.px, f, fd, &md), 0);
    mdata_on_disk("f", &md);
    ck_assert_int_eq(md.ctime.tv_sec, 400);
    ck_assert_int_eq(md.mtime.tv_sec, 300);
    ck_assert_int_eq(md.atime.tv_sec, 50);
    md.atime.tv_nsec = 1000000000;
    ck_assert_int_eq(posix_mdata_merge(s.px, f, fd, &md), -EINVAL);
    /* And with ctime off the file system's own are told. */
    scratch_set(&s, "posix.ctime", "off");
    ck_assert_int_eq(posix_iatt_ref(s.px, f, fd, &stat_out), 0);
    ck_assert_int_gt(stat_out.ctime.tv_sec, 1000);
    inode_put(f);
}
END_TEST

START_TEST(mdata_of_a_wrong_length_is_none)
{
    struct inode *l = adopt("l", S_IFLNK);
    AUTO_CLOSE int fd = posix_openat(s.px->root_fd, "l", O_PATH, 0);
    struct mdata md;

    inode_forget(l);
    inode_put(l);
    ck_assert_int_eq(
        lsetxattr(at(&s, "l"), POSIX_MDATA_XATTR, mdata_sample, 56, 0), 0);
    ck_assert_int_eq(lookup(NULL, "l", &l), 0);
    ck_assert_int_ne(stat_out.ctime.tv_sec, 1795403646);
    /* Of a symlink too, it is written to the link itself. */
    s.caller.time_flags = CALLER_CTIME;
    s.caller.time = (struct timespec){100, 1};
    posix_mdata_apply(s.px, &s.caller, l, fd, false);
    mdata_on_disk("l", &md);
    ck_assert_int_eq(md.ctime.tv_sec, 100);
    inode_put(l);
}
END_TEST

/* --- the reserve --- */

START_TEST(the_request_that_would_cross_the_reserve_is_refused)
{
    struct statvfs sv, shown;
    char bytes[32];
    uint64_t free_bytes;

    ck_assert_int_eq(posix_reserve_check(&s.call, UINT64_MAX), 0); /* off */
    ck_assert_int_eq(fstatvfs(s.px->root_fd, &sv), 0);
    free_bytes = sv.f_bfree * sv.f_frsize;
    (void)snprintf(bytes, sizeof(bytes), "%llu",
                   (unsigned long long)free_bytes / 2);
    scratch_set(&s, "posix.reserve", bytes);
    ck_assert_int_eq(posix_reserve_check(&s.call, free_bytes / 4), 0);
    ck_assert_int_eq(posix_reserve_check(&s.call, free_bytes / 4 * 3),
                     -ENOSPC);
    ck_assert_int_eq(posix_reserve_check(&s.call, UINT64_MAX), -ENOSPC);
    shown = sv;
    posix_reserve_statfs(s.px, &shown);
    ck_assert_uint_le(shown.f_bfree, sv.f_bfree / 2 + 1);
    ck_assert_uint_le(shown.f_bavail, shown.f_bfree);
    scratch_set(&s, "posix.reserve", "99.9999");
    ck_assert_int_eq(posix_reserve_check(&s.call, 0), -ENOSPC);
    s.caller.internal_fop = true;
    ck_assert_int_eq(posix_reserve_check(&s.call, 0), 0);
    s.caller.internal_fop = false;
    s.caller.pid = CALLER_PID_SELF_HEAL;
    ck_assert_int_eq(posix_reserve_check(&s.call, 0), 0);
    scratch_set(&s, "posix.reserve", "0");
    scratch_set(&s, "posix.shared-brick-count", "4");
    shown = sv;
    posix_reserve_statfs(s.px, &shown);
    ck_assert_uint_eq(shown.f_blocks, sv.f_blocks / 4);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("posix lookup");
    TCase *tc = tcase_create("lookup");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_entry_without_gfid_takes_the_one_it_is_brought);
    tcase_add_test(tc, without_a_gfid_there_is_no_data);
    tcase_add_test(tc, a_gfid_in_use_is_not_given_again);
    tcase_add_test(tc, names_are_judged);
    tcase_add_test(tc, dots_are_here_and_above);
    tcase_add_test(tc, a_missing_handle_is_made_at_the_first_lookup);
    tcase_add_test(tc, a_directory_moved_behind_our_back_is_mended);
    tcase_add_test(tc, a_symlink_is_found_and_not_followed);
    tcase_add_test(tc, a_directory_replaced_by_a_symlink_leads_nowhere);
    tcase_add_test(tc, protect_writes_is_cleaned);
    tcase_add_test(tc, gfids_that_name_nothing);
    tcase_add_test(tc, a_dangling_handle_is_removed);
    tcase_add_test(tc, what_was_removed_behind_our_back_is_not_served);
    tcase_add_test(tc, an_unlinked_open_file_is_seen_only_where_asked_for);
    tcase_add_test(tc, descriptors_are_held_up_to_the_limit);
    tcase_add_test(tc, a_file_is_no_directory);
    tcase_add_test(tc, open_flags_nobody_knows_do_no_harm);
    tcase_add_test(tc, paths_are_told);
    tcase_add_test(tc, mdata_is_of_the_peers_form);
    tcase_add_test(tc, times_only_rise_and_reach_the_disk);
    tcase_add_test(tc, mdata_of_a_wrong_length_is_none);
    tcase_add_test(tc, the_request_that_would_cross_the_reserve_is_refused);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
