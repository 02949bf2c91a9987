/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening a brick, and handles: what they lead to and what they do not. */
#include "posix_scratch.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/must.h"
#include "mem/scope.h"

static struct scratch s;

static void
setup(void)
{
    scratch_begin(&s);
}

static void
open_brick(void)
{
    scratch_begin(&s);
    ck_assert_msg(scratch_open(&s) == 0, "%s", s.err);
}

static void
teardown(void)
{
    scratch_end(&s);
}

/* --- opening --- */

static void
refuses(int err, const char *text)
{
    ck_assert_int_eq(scratch_open(&s), err);
    ck_assert_msg(strstr(s.err, text) != NULL, "%s", s.err);
    ck_assert_ptr_eq(strchr(s.err, '\n'), NULL);
}

static unsigned
mode_of(const char *path)
{
    struct stat st;

    ck_assert_msg(lstat(at(&s, path), &st) == 0, "%s", path);
    return st.st_mode & 07777;
}

START_TEST(a_fresh_directory_becomes_a_brick)
{
    char target[64], proc[POSIX_PROC_PATH_BYTES], link[PATH_MAX] = {0};
    struct gfid gfid;
    ssize_t n;

    ck_assert_int_eq(scratch_open(&s), 0);
    ck_assert_int_eq(
        lgetxattr(s.directory, "trusted.gfid", gfid.b, GFID_BYTES), 16);
    ck_assert(gfid_is_root(&gfid));
    ck_assert_ptr_null(posix_volume_id(s.px));
    n = readlink(handle_at(&s, &gfid_root), target, sizeof(target));
    ck_assert_int_eq(n, 8);
    ck_assert_mem_eq(target, "../../..", 8);
    ck_assert_uint_eq(mode_of(".glusterfs"), 0700);
    ck_assert_uint_eq(mode_of(".glusterfs/ff"), 0700);
    ck_assert_uint_eq(mode_of(".glusterfs/landfill"), 0755);
    ck_assert_uint_eq(mode_of(".glusterfs/unlink"), 0600);
    ck_assert_uint_eq(mode_of(".glusterfs/indices/entry-changes"), 0600);
    ck_assert_uint_eq(mode_of(".glusterfs/changelogs/csnap"), 0600);
    ck_assert_int_gt(readlink(posix_proc_path(s.px->root_fd, proc), link,
                              sizeof(link) - 1),
                     0);
    ck_assert_str_eq(link, s.directory);
}
END_TEST

START_TEST(a_missing_directory_is_refused)
{
    ck_assert_int_eq(rmdir(s.directory), 0);
    refuses(-ENOENT, "does not exist");
    ck_assert_int_eq(mkdir(s.directory, 0755), 0);
}
END_TEST

START_TEST(a_file_is_no_brick)
{
    ck_assert_int_eq(rmdir(s.directory), 0);
    ck_assert_int_eq(mknod(s.directory, S_IFREG | 0644, 0), 0);
    refuses(-ENOTDIR, "is not a directory");
    ck_assert_int_eq(unlink(s.directory), 0);
    ck_assert_int_eq(mkdir(s.directory, 0755), 0);
}
END_TEST

START_TEST(a_file_system_without_xattrs_is_refused)
{
    scratch_set(&s, "posix.directory", "/proc/self");
    refuses(-EOPNOTSUPP, "stores no extended attributes");
}
END_TEST

#define VOLUME "11111111-2222-4333-8444-555555555555"
#define OTHER "99999999-2222-4333-8444-555555555555"

START_TEST(the_volume_id_must_be_the_one_wanted)
{
    struct gfid id;

    scratch_set(&s, "posix.volume-id", VOLUME);
    refuses(-ENODATA, VOLUME);
    ck_assert_int_eq(gfid_parse(&id, OTHER, 36), 0);
    ck_assert_int_eq(
        setxattr(s.directory, POSIX_VOLUME_ID_XATTR, id.b, 15, 0), 0);
    refuses(-EINVAL, "16 bytes");
    ck_assert_int_eq(
        setxattr(s.directory, POSIX_VOLUME_ID_XATTR, id.b, 16, 0), 0);
    refuses(-EEXIST, OTHER);
    ck_assert_ptr_nonnull(strstr(s.err, VOLUME));
    /* And nothing was changed. */
    ck_assert_int_eq(access(at(&s, ".glusterfs"), F_OK), -1);
    ck_assert_int_eq(lgetxattr(s.directory, "trusted.gfid", NULL, 0), -1);
    ck_assert_int_eq(gfid_parse(&id, VOLUME, 36), 0);
    ck_assert_int_eq(
        setxattr(s.directory, POSIX_VOLUME_ID_XATTR, id.b, 16, 0), 0);
    ck_assert_int_eq(scratch_open(&s), 0);
    ck_assert(gfid_equal(posix_volume_id(s.px), &id));
}
END_TEST

START_TEST(a_root_with_another_gfid_is_refused)
{
    struct gfid gfid;

    gfid_random(&gfid);
    ck_assert_int_eq(setxattr(s.directory, "trusted.gfid", gfid.b, 16, 0), 0);
    refuses(-EINVAL, gfid_str(&gfid));
    ck_assert_int_eq(setxattr(s.directory, "trusted.gfid", gfid.b, 7, 0), 0);
    refuses(-EINVAL, "16 bytes");
    ck_assert_int_eq(access(at(&s, ".glusterfs"), F_OK), -1);
}
END_TEST

START_TEST(a_wrong_layout_is_refused)
{
    put_file(&s, ".glusterfs", "");
    refuses(-ENOTDIR, ".glusterfs is not a directory");
    ck_assert_int_eq(unlink(at(&s, ".glusterfs")), 0);
    ck_assert_int_eq(symlink("/", at(&s, ".glusterfs")), 0);
    refuses(-ENOTDIR, ".glusterfs is not a directory");
    ck_assert_int_eq(unlink(at(&s, ".glusterfs")), 0);
    ck_assert_int_eq(mkdir(at(&s, ".glusterfs"), 0700), 0);
    ck_assert_int_eq(symlink("/", at(&s, ".glusterfs/a7")), 0);
    refuses(-ENOTDIR, "a7");
    ck_assert_int_eq(unlink(at(&s, ".glusterfs/a7")), 0);
    ck_assert_int_eq(mkdir(at(&s, ".glusterfs/00"), 0700), 0);
    ck_assert_int_eq(mkdir(at(&s, ".glusterfs/00/00"), 0700), 0);
    ck_assert_int_eq(symlink("/etc", handle_at(&s, &gfid_root)), 0);
    refuses(-EINVAL, "root's handle");
    ck_assert_int_eq(access(at(&s, ".glusterfs/01"), F_OK), -1);
    ck_assert_int_eq(lgetxattr(s.directory, "trusted.gfid", NULL, 0), -1);
}
END_TEST

START_TEST(a_second_daemon_is_refused_by_pid)
{
    struct posix *first;
    char text[64];

    ck_assert_int_eq(scratch_open(&s), 0);
    first = s.px;
    s.px = NULL;
    (void)snprintf(text, sizeof(text), "is served by process %ld",
                   (long)getpid());
    refuses(-EBUSY, text);
    s.px = first;
    scratch_close(&s);
    ck_assert_int_eq(scratch_open(&s), 0);
}
END_TEST

START_TEST(what_was_left_over_goes_at_the_start)
{
    struct gfid gfid;

    ck_assert_int_eq(scratch_open(&s), 0);
    scratch_close(&s);
    gfid_random(&gfid);
    put_file(&s, ".glusterfs/unlink/x", "open once");
    ck_assert_int_eq(mkdir(at(&s, ".glusterfs/unlink/d"), 0700), 0);
    put_file(&s, ".glusterfs/unlink/d/y", "");
    ck_assert_int_eq(symlink("/etc", at(&s, ".glusterfs/unlink/d/l")), 0);
    ck_assert_int_eq(
        symlink("x", at(&s, ".glusterfs/clinker/making/handle.0")), 0);
    ck_assert_int_eq(mkdir(at(&s, ".landfill"), 0755), 0);
    put_file(&s, ".landfill/z", "");
    ck_assert_int_eq(scratch_open(&s), 0);
    ck_assert_int_eq(rmdir(at(&s, ".glusterfs/unlink")), 0);
    ck_assert_int_eq(rmdir(at(&s, ".glusterfs/clinker/making")), 0);
    ck_assert_int_eq(access(at(&s, ".landfill"), F_OK), -1);
    ck_assert_int_eq(access("/etc/passwd", F_OK), 0);
    scratch_close(&s);
    ck_assert_int_eq(scratch_open(&s), 0);
}
END_TEST

/* --- handles --- */

/* A directory or file with gfid and handle, as the upper half makes them. */
static void
make(const struct gfid *parent, int dirfd, const char *name, mode_t mode,
     struct gfid *gfid)
{
    AUTO_CLOSE int fd = -1;
    struct stat st;

    if (S_ISDIR(mode))
        ck_assert_int_eq(mkdirat(dirfd, name, 0755), 0);
    else if (S_ISLNK(mode))
        ck_assert_int_eq(symlinkat("/etc/passwd", dirfd, name), 0);
    else
        ck_assert_int_eq(mknodat(dirfd, name, mode, 0), 0);
    gfid_random(gfid);
    fd = posix_openat(dirfd, name, O_PATH, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_int_eq(
        posix_fsetxattr(fd, POSIX_GFID_XATTR, gfid->b, GFID_BYTES, 0), 0);
    ck_assert_int_eq(handle_make(s.px, gfid, dirfd, parent, name, &st), 0);
}

/* (dev, ino) of what the gfid leads to; -errno. */
static int
leads_to(const struct gfid *gfid, struct stat *st)
{
    struct stat opened;
    int fd, err = handle_open(s.px, gfid, &fd, st, NULL);

    ck_assert_int_eq(handle_stat(s.px, gfid, &opened), err);
    if (err < 0)
        return err;
    ck_assert_int_eq(fstat(fd, &opened), 0);
    ck_assert_uint_eq(opened.st_ino, st->st_ino);
    ck_assert_int_eq(close(fd), 0);
    return 0;
}

static const mode_t kinds[] = {S_IFREG | 0644, S_IFLNK | 0777, S_IFIFO | 0600,
                               S_IFSOCK | 0600, S_IFCHR | 0600};

START_TEST(everything_is_found_by_its_handle)
{
    char name[32], target[128];
    struct gfid gfid, dir;
    struct stat st, own;
    size_t i;
    ssize_t n;

    for (i = 0; i < COUNT_OF(kinds); i++) {
        (void)snprintf(name, sizeof(name), "k%zu", i);
        make(&gfid_root, s.px->root_fd, name, kinds[i], &gfid);
        ck_assert_int_eq(leads_to(&gfid, &st), 0);
        ck_assert_int_eq(lstat(at(&s, name), &own), 0);
        ck_assert_uint_eq(own.st_ino, st.st_ino);
        ck_assert_uint_eq(own.st_nlink, 2);
        ck_assert_int_eq(lstat(handle_at(&s, &gfid), &own), 0);
        ck_assert_uint_eq(own.st_ino, st.st_ino);
    }
    make(&gfid_root, s.px->root_fd, "pdir", S_IFDIR, &dir);
    n = readlink(handle_at(&s, &dir), target, sizeof(target) - 1);
    ck_assert_int_gt(n, 0);
    target[n] = '\0';
    ck_assert_str_eq(
        target, "../../00/00/00000000-0000-0000-0000-000000000001/pdir");
    ck_assert_int_eq(leads_to(&dir, &st), 0);
    ck_assert_int_eq(leads_to(&gfid_root, &st), 0);
    gfid_random(&gfid);
    ck_assert_int_eq(leads_to(&gfid, &st), -ENOENT);
}
END_TEST

START_TEST(an_equal_handle_is_fine_and_another_is_not)
{
    struct gfid file, dir;
    struct stat file_st, dir_st, other;

    make(&gfid_root, s.px->root_fd, "f", S_IFREG | 0644, &file);
    make(&gfid_root, s.px->root_fd, "d", S_IFDIR, &dir);
    ck_assert_int_eq(lstat(at(&s, "f"), &file_st), 0);
    ck_assert_int_eq(lstat(at(&s, "d"), &dir_st), 0);
    ck_assert_int_eq(handle_make(s.px, &file, s.px->root_fd, &gfid_root, "f",
                                 &file_st),
                     0);
    ck_assert_int_eq(
        handle_make(s.px, &dir, s.px->root_fd, &gfid_root, "d", &dir_st), 0);
    put_file(&s, "g", "");
    ck_assert_int_eq(mkdir(at(&s, "e"), 0755), 0);
    ck_assert_int_eq(lstat(at(&s, "g"), &other), 0);
    ck_assert_int_eq(
        handle_make(s.px, &file, s.px->root_fd, &gfid_root, "g", &other),
        -EEXIST);
    ck_assert_int_eq(
        handle_make(s.px, &dir, s.px->root_fd, &gfid_root, "g", &other),
        -EEXIST);
    ck_assert_int_eq(
        handle_make(s.px, &gfid_root, s.px->root_fd, &gfid_root, "g", &other),
        -EEXIST);
    /* st is of another object than the name. */
    (void)memset(&dir, 7, sizeof(dir));
    ck_assert_int_eq(
        handle_make(s.px, &dir, s.px->root_fd, &gfid_root, "f", &other),
        -ESTALE);
    ck_assert_int_eq(access(handle_at(&s, &dir), F_OK), -1);
    ck_assert_int_eq(lstat(at(&s, "e"), &other), 0);
    ck_assert_int_eq(
        handle_make(s.px, &file, s.px->root_fd, &gfid_root, "e", &other),
        -EEXIST);
}
END_TEST

START_TEST(a_handle_that_leads_nowhere_is_replaced)
{
    struct gfid file, dir;
    struct stat st;

    make(&gfid_root, s.px->root_fd, "f", S_IFREG | 0644, &file);
    make(&gfid_root, s.px->root_fd, "d", S_IFDIR, &dir);
    ck_assert_int_eq(unlink(at(&s, "f")), 0);
    ck_assert_int_eq(rmdir(at(&s, "d")), 0);
    put_file(&s, "g", "");
    put_gfid(&s, "g", &file);
    ck_assert_int_eq(mkdir(at(&s, "e"), 0755), 0);
    put_gfid(&s, "e", &dir);
    ck_assert_int_eq(lstat(at(&s, "g"), &st), 0);
    ck_assert_int_eq(
        handle_make(s.px, &file, s.px->root_fd, &gfid_root, "g", &st), 0);
    ck_assert_int_eq(lstat(at(&s, "e"), &st), 0);
    ck_assert_int_eq(
        handle_make(s.px, &dir, s.px->root_fd, &gfid_root, "e", &st), 0);
    ck_assert_int_eq(leads_to(&file, &st), 0);
    ck_assert_int_eq(leads_to(&dir, &st), 0);
    ck_assert_int_eq(handle_dir_is(s.px, &dir, &gfid_root, "e"), 1);
    ck_assert_int_eq(handle_dir_is(s.px, &dir, &gfid_root, "d"), 0);
}
END_TEST

START_TEST(set_aside_and_back)
{
    struct gfid gfid;
    struct stat st;

    make(&gfid_root, s.px->root_fd, "f", S_IFREG | 0644, &gfid);
    ck_assert_int_eq(handle_set_aside(s.px, &gfid), 0);
    ck_assert_int_eq(handle_set_aside(s.px, &gfid), -ENOENT);
    ck_assert_int_eq(leads_to(&gfid, &st), -ENOENT);
    ck_assert_int_eq(handle_bring_back(s.px, &gfid), 0);
    ck_assert_int_eq(leads_to(&gfid, &st), 0);
    ck_assert_int_eq(handle_bring_back(s.px, &gfid), -ENOENT);
    ck_assert_int_eq(handle_set_aside(s.px, &gfid), 0);
    ck_assert_int_eq(handle_aside_remove(s.px, &gfid), 0);
    ck_assert_int_eq(handle_aside_remove(s.px, &gfid), 0);
    ck_assert_int_eq(handle_remove(s.px, &gfid), 0);
    ck_assert_int_eq(lstat(at(&s, "f"), &st), 0);
    ck_assert_uint_eq(st.st_nlink, 1);
}
END_TEST

/* --- trees --- */

enum { TREE_DIRS = 60, TREE_MOVES = 200 };

struct tree_dir {
    struct gfid gfid;
    ino_t ino;
    int parent; /* -1: the root */
    char name[16];
};

static struct tree_dir tree[TREE_DIRS];

static bool
is_below(int dir, int above)
{
    for (; dir >= 0; dir = tree[dir].parent) {
        if (dir == above)
            return true;
    }
    return false;
}

static int
tree_fd(int dir)
{
    struct stat st;
    int fd;

    ck_assert_int_eq(handle_open(s.px,
                                 dir < 0 ? &gfid_root : &tree[dir].gfid, &fd,
                                 &st, NULL),
                     0);
    ck_assert(dir < 0 || st.st_ino == tree[dir].ino);
    return fd;
}

static const struct gfid *
tree_gfid(int dir)
{
    return dir < 0 ? &gfid_root : &tree[dir].gfid;
}

static void
tree_make(int i)
{
    struct tree_dir *d = &tree[i];
    struct stat st;
    int fd;

    d->parent = i == 0 ? -1 : (int)(random() % (i + 1)) - 1;
    (void)snprintf(d->name, sizeof(d->name), "d%d", i);
    fd = tree_fd(d->parent);
    make(tree_gfid(d->parent), fd, d->name, S_IFDIR, &d->gfid);
    ck_assert_int_eq(fstatat(fd, d->name, &st, 0), 0);
    d->ino = st.st_ino;
    ck_assert_int_eq(close(fd), 0);
}

static void
tree_move(void)
{
    int i = (int)(random() % TREE_DIRS);
    int to = (int)(random() % (TREE_DIRS + 1)) - 1;
    struct tree_dir *d = &tree[i];
    int from_fd, to_fd;
    char name[16];

    if (is_below(to, i))
        return;
    (void)snprintf(name, sizeof(name), "m%ld", random());
    from_fd = tree_fd(d->parent);
    to_fd = tree_fd(to);
    ck_assert_int_eq(renameat(from_fd, d->name, to_fd, name), 0);
    ck_assert_int_eq(handle_move_dir(s.px, &d->gfid, tree_gfid(to), name), 0);
    ck_assert_int_eq(close(from_fd), 0);
    ck_assert_int_eq(close(to_fd), 0);
    d->parent = to;
    (void)strcpy(d->name, name);
}

START_TEST(directories_are_found_wherever_they_are_moved)
{
    char name[POSIX_NAME_BYTES_MAX + 1];
    struct gfid parent;
    int i;

    srandom(7);
    for (i = 0; i < TREE_DIRS; i++)
        tree_make(i);
    for (i = 0; i < TREE_MOVES; i++)
        tree_move();
    for (i = 0; i < TREE_DIRS; i++) {
        ck_assert_int_eq(close(tree_fd(i)), 0);
        ck_assert_int_eq(
            handle_dir_read(s.px, &tree[i].gfid, &parent, name), 0);
        ck_assert_str_eq(name, tree[i].name);
        ck_assert(gfid_equal(&parent, tree_gfid(tree[i].parent)));
    }
}
END_TEST

START_TEST(a_moved_handle_is_made_before_the_move)
{
    char name[POSIX_NAME_BYTES_MAX + 1], temp[64];
    struct gfid gfid, parent;
    struct handle_move move;
    struct stat st;

    make(&gfid_root, s.px->root_fd, "old", S_IFDIR, &gfid);
    ck_assert_int_eq(
        handle_move_begin(s.px, &gfid, &gfid_root, "new", &move), 0);
    ck_assert_int_eq(leads_to(&gfid, &st), 0);
    (void)snprintf(temp, sizeof(temp), ".glusterfs/clinker/making/%s",
                   move.temp);
    ck_assert_int_eq(lstat(at(&s, temp), &st), 0);
    /* Given up: nothing is left of it. */
    handle_move_end(s.px, &move);
    ck_assert_int_eq(lstat(at(&s, temp), &st), -1);
    ck_assert_int_eq(handle_dir_read(s.px, &gfid, &parent, name), 0);
    ck_assert_str_eq(name, "old");

    ck_assert_int_eq(
        handle_move_begin(s.px, &gfid, &gfid_root, "new", &move), 0);
    ck_assert_int_eq(rename(at(&s, "old"), at(&s, "new")), 0);
    ck_assert_int_eq(handle_move_done(s.px, &move), 0);
    handle_move_end(s.px, &move);
    ck_assert_int_eq(handle_dir_read(s.px, &gfid, &parent, name), 0);
    ck_assert_str_eq(name, "new");
    ck_assert_int_eq(leads_to(&gfid, &st), 0);
}
END_TEST

START_TEST(deep_directories_are_found_and_circles_end)
{
    enum { DEPTH = 200 };
    struct gfid chain[DEPTH], *above = NULL;
    struct stat st;
    int i, fd = dup(s.px->root_fd);

    /* Far beyond what the kernel would follow. */
    for (i = 0; i < DEPTH; i++) {
        int next;

        make(above == NULL ? &gfid_root : above, fd, "deeper", S_IFDIR,
             &chain[i]);
        next = posix_openat(fd, "deeper", O_PATH, 0);
        ck_assert_int_ge(next, 0);
        ck_assert_int_eq(close(fd), 0);
        fd = next;
        above = &chain[i];
    }
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(leads_to(&chain[DEPTH - 1], &st), 0);
    ck_assert_int_eq(
        handle_move_dir(s.px, &chain[0], &chain[DEPTH - 1], "deeper"), 0);
    ck_assert_int_eq(leads_to(&chain[0], &st), -ENOENT);
    ck_assert_int_eq(leads_to(&chain[DEPTH / 2], &st), -ENOENT);
    ck_assert_int_eq(handle_move_dir(s.px, &chain[0], &chain[0], "deeper"),
                     0);
    ck_assert_int_eq(leads_to(&chain[0], &st), -ENOENT);
}
END_TEST

/* --- planted links --- */

/* A directory outside, with the gfid that is looked for. */
static void
make_outside(char path[64], const struct gfid *gfid)
{
    char file[96];
    int fd;

    (void)strcpy(path, "/var/tmp/outside.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    ck_assert_int_eq(setxattr(path, "trusted.gfid", gfid->b, 16, 0), 0);
    (void)snprintf(file, sizeof(file), "%s/%s", path, gfid_str(gfid));
    fd = open(file, O_CREAT | O_RDWR, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fsetxattr(fd, "trusted.gfid", gfid->b, 16, 0), 0);
    ck_assert_int_eq(close(fd), 0);
}

static void
remove_outside(const char *path, const struct gfid *gfid)
{
    char file[96];

    (void)snprintf(file, sizeof(file), "%s/%s", path, gfid_str(gfid));
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(rmdir(path), 0);
}

START_TEST(a_planted_symlink_leads_nowhere)
{
    char outside[64], level2[PATH_MAX], target[128];
    struct gfid gfid;
    struct stat st;

    make(&gfid_root, s.px->root_fd, "d", S_IFDIR, &gfid);
    make_outside(outside, &gfid);
    ck_assert_int_eq(leads_to(&gfid, &st), 0);

    /* In the user's tree. */
    ck_assert_int_eq(rename(at(&s, "d"), at(&s, "e")), 0);
    ck_assert_int_eq(symlink(outside, at(&s, "d")), 0);
    ck_assert_int_eq(leads_to(&gfid, &st), -ENOENT);
    ck_assert_int_eq(unlink(at(&s, "d")), 0);
    ck_assert_int_eq(rename(at(&s, "e"), at(&s, "d")), 0);
    ck_assert_int_eq(leads_to(&gfid, &st), 0);

    /* In place of the handle. */
    ck_assert_int_eq(unlink(handle_at(&s, &gfid)), 0);
    ck_assert_int_eq(symlink(outside, handle_at(&s, &gfid)), 0);
    ck_assert_int_eq(leads_to(&gfid, &st), -ENOENT);
    ck_assert_int_eq(unlink(handle_at(&s, &gfid)), 0);
    (void)snprintf(target, sizeof(target), "../../00/00/%s/../..%s",
                   gfid_str(&gfid_root), outside);
    ck_assert_int_eq(symlink(target, handle_at(&s, &gfid)), 0);
    ck_assert_int_eq(leads_to(&gfid, &st), -ENOENT);

    /* In place of level 2. */
    (void)strcpy(level2, handle_at(&s, &gfid));
    *strrchr(level2, '/') = '\0';
    ck_assert_int_eq(unlink(handle_at(&s, &gfid)), 0);
    ck_assert_int_eq(rmdir(level2), 0);
    ck_assert_int_eq(symlink(outside, level2), 0);
    ck_assert_int_eq(leads_to(&gfid, &st), -ENOENT);
    ck_assert_int_eq(handle_remove(s.px, &gfid), -ENOTDIR);
    ck_assert_int_eq(lstat(at(&s, "d"), &st), 0);
    ck_assert_int_eq(
        handle_make(s.px, &gfid, s.px->root_fd, &gfid_root, "d", &st),
        -ENOTDIR);
    ck_assert_int_lt(handle_set_aside(s.px, &gfid), 0);
    ck_assert_int_eq(unlink(level2), 0);
    remove_outside(outside, &gfid);
}
END_TEST

START_TEST(a_users_symlink_in_handles_form_is_only_a_symlink)
{
    char target[128];
    struct gfid gfid, dir;
    struct stat st;
    int fd;

    make(&gfid_root, s.px->root_fd, "d", S_IFDIR, &dir);
    (void)snprintf(target, sizeof(target), "../../00/00/%s/d",
                   gfid_str(&gfid_root));
    ck_assert_int_eq(symlink(target, at(&s, "l")), 0);
    gfid_random(&gfid);
    put_gfid(&s, "l", &gfid);
    ck_assert_int_eq(lstat(at(&s, "l"), &st), 0);
    ck_assert_int_eq(
        handle_make(s.px, &gfid, s.px->root_fd, &gfid_root, "l", &st), 0);
    ck_assert_int_eq(handle_open(s.px, &gfid, &fd, &st, NULL), 0);
    ck_assert(S_ISLNK(st.st_mode));
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(
        handle_dir_read(s.px, &gfid, &dir, (char[NAME_MAX + 1]){0}), -ENOTDIR);
}
END_TEST

START_TEST(malformed_targets_lead_nowhere)
{
    static const char *const heads[] = {
        "",
        "x",
        "../../00/00/00000000-0000-0000-0000-000000000001/",
        "../../00/01/00000000-0000-0000-0000-000000000001/d",
        "../../00/00/00000000-0000-0000-0000-000000000001/d/",
        "../../00/00/00000000-0000-0000-0000-000000000001/..",
        "../../00/00/00000000-0000-0000-0000-000000000001/.glusterfs",
        "../../00/00/00000000-0000-0000-0000-000000000000/d",
        "../../AB/00/AB000000-0000-0000-0000-000000000001/d",
        "./../00/00/00000000-0000-0000-0000-000000000001/d",
        "/../../00/00/00000000-0000-0000-0000-00000000001/d",
    };
    char longest[600];
    struct gfid gfid;
    struct stat st;
    size_t i;

    make(&gfid_root, s.px->root_fd, "d", S_IFDIR, &gfid);
    put_gfid(&s, ".glusterfs", &gfid);
    for (i = 1; i < COUNT_OF(heads); i++) {
        ck_assert_int_eq(unlink(handle_at(&s, &gfid)), 0);
        ck_assert_int_eq(symlink(heads[i], handle_at(&s, &gfid)), 0);
        ck_assert_int_eq(leads_to(&gfid, &st), -ENOENT);
    }
    (void)strcpy(longest, heads[2]);
    (void)memset(longest + 49, 'n', sizeof(longest) - 50);
    longest[sizeof(longest) - 1] = '\0';
    for (i = 600; i > 49 + 255; i--) {
        longest[i - 1] = '\0';
        ck_assert_int_eq(unlink(handle_at(&s, &gfid)), 0);
        ck_assert_int_eq(symlink(longest, handle_at(&s, &gfid)), 0);
        ck_assert_int_eq(leads_to(&gfid, &st), -ENOENT);
    }
}
END_TEST

/* --- back references, janitor --- */

START_TEST(gfid2path_is_the_peers)
{
    char xattr[GFID2PATH_NAME_BYTES], value[GFID2PATH_VALUE_BYTES];
    char name[POSIX_NAME_BYTES_MAX + 1];
    struct gfid parent;

    ck_assert_uint_eq(backref_format(&gfid_root, "sp", xattr, value), 39);
    ck_assert_str_eq(xattr, "trusted.gfid2path.a683f9f117a11738");
    ck_assert_str_eq(value, "00000000-0000-0000-0000-000000000001/sp");
    ck_assert_int_eq(backref_parse(value, 39, &parent, name), 0);
    ck_assert(gfid_is_root(&parent));
    ck_assert_str_eq(name, "sp");
    ck_assert_int_eq(backref_parse(value, 37, &parent, name), -EINVAL);
    ck_assert_int_eq(backref_parse(value, 300, &parent, name), -EINVAL);
}
END_TEST

START_TEST(names_are_counted_by_parent)
{
    AUTO_CLOSE int fd = -1;
    uint8_t value[4];
    struct gfid gfid;
    char xattr[64];

    scratch_set(&s, "posix.update-link-count-parent", "on");
    make(&gfid_root, s.px->root_fd, "f", S_IFREG | 0644, &gfid);
    fd = posix_openat(s.px->root_fd, "f", O_PATH, 0);
    (void)snprintf(xattr, sizeof(xattr), "trusted.pgfid.%s",
                   gfid_str(&gfid_root));
    ck_assert_int_eq(backref_add(s.px, fd, &gfid_root, "f", 1), 0);
    ck_assert_int_eq(backref_add(s.px, fd, &gfid_root, "g", 2), 0);
    ck_assert_int_eq(posix_fgetxattr(fd, xattr, value, 4), 4);
    ck_assert_mem_eq(value, "\0\0\0\2", 4);
    backref_remove(s.px, fd, &gfid_root, "g");
    ck_assert_int_eq(posix_fgetxattr(fd, xattr, value, 4), 4);
    ck_assert_mem_eq(value, "\0\0\0\1", 4);
    backref_remove(s.px, fd, &gfid_root, "f");
    ck_assert_int_eq(posix_fgetxattr(fd, xattr, value, 4), -ENODATA);
    ck_assert_int_eq(posix_flistxattr(fd, NULL, 0), sizeof("trusted.gfid"));
}
END_TEST

START_TEST(the_janitor_takes_trees_apart_with_their_handles)
{
    struct gfid top, file, linked, deep, other;
    struct stat st;
    int fd, sub, i;

    make(&gfid_root, s.px->root_fd, "top", S_IFDIR, &top);
    fd = posix_openat(s.px->root_fd, "top", O_RDONLY | O_DIRECTORY, 0);
    make(&top, fd, "file", S_IFREG | 0644, &file);
    make(&top, fd, "linked", S_IFREG | 0644, &linked);
    make(&gfid_root, s.px->root_fd, "other", S_IFDIR, &other);
    ck_assert_int_eq(linkat(fd, "linked", s.px->root_fd, "kept", 0), 0);
    ck_assert_int_eq(symlinkat(at(&s, "other"), fd, "away"), 0);
    sub = dup(fd);
    for (i = 0; i < 100; i++) {
        int next;

        make(i == 0 ? &top : &deep, sub, "sub", S_IFDIR, &deep);
        next = posix_openat(sub, "sub", O_RDONLY | O_DIRECTORY, 0);
        ck_assert_int_eq(close(sub), 0);
        sub = next;
    }
    ck_assert_int_eq(close(sub), 0);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(
        renameat(s.px->root_fd, "top", s.px->landfill_fd, "t"), 0);
    for (i = 0; i < 10; i++)
        (void)posix_purge(s.px, s.px->landfill_fd, NULL);
    ck_assert_int_eq(rmdir(at(&s, ".glusterfs/landfill")), 0);
    ck_assert_int_eq(lstat(handle_at(&s, &top), &st), -1);
    ck_assert_int_eq(lstat(handle_at(&s, &deep), &st), -1);
    ck_assert_int_eq(lstat(handle_at(&s, &file), &st), -1);
    ck_assert_int_eq(leads_to(&linked, &st), 0);
    ck_assert_uint_eq(st.st_nlink, 2);
    ck_assert_int_eq(leads_to(&other, &st), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("posix handles");
    TCase *opening = tcase_create("opening");
    TCase *handles = tcase_create("handles");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(opening, setup, teardown);
    tcase_add_test(opening, a_fresh_directory_becomes_a_brick);
    tcase_add_test(opening, a_missing_directory_is_refused);
    tcase_add_test(opening, a_file_is_no_brick);
    tcase_add_test(opening, a_file_system_without_xattrs_is_refused);
    tcase_add_test(opening, the_volume_id_must_be_the_one_wanted);
    tcase_add_test(opening, a_root_with_another_gfid_is_refused);
    tcase_add_test(opening, a_wrong_layout_is_refused);
    tcase_add_test(opening, a_second_daemon_is_refused_by_pid);
    tcase_add_test(opening, what_was_left_over_goes_at_the_start);
    suite_add_tcase(suite, opening);
    tcase_add_checked_fixture(handles, open_brick, teardown);
    tcase_set_timeout(handles, 60);
    tcase_add_test(handles, everything_is_found_by_its_handle);
    tcase_add_test(handles, an_equal_handle_is_fine_and_another_is_not);
    tcase_add_test(handles, a_handle_that_leads_nowhere_is_replaced);
    tcase_add_test(handles, set_aside_and_back);
    tcase_add_test(handles, directories_are_found_wherever_they_are_moved);
    tcase_add_test(handles, a_moved_handle_is_made_before_the_move);
    tcase_add_test(handles, deep_directories_are_found_and_circles_end);
    tcase_add_test(handles, a_planted_symlink_leads_nowhere);
    tcase_add_test(handles, a_users_symlink_in_handles_form_is_only_a_symlink);
    tcase_add_test(handles, malformed_targets_lead_nowhere);
    tcase_add_test(handles, gfid2path_is_the_peers);
    tcase_add_test(handles, names_are_counted_by_parent);
    tcase_add_test(handles, the_janitor_takes_trees_apart_with_their_handles);
    suite_add_tcase(suite, handles);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
