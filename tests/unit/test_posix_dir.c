/* SPDX-License-Identifier: BSD-2-Clause */
/* Listing directories. */
#include "posix_scene.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/must.h"

enum { SEEN_MAX = 600 };

struct seen {
    unsigned room; /* entries taken at most */
    unsigned count;
    struct {
        char name[256];
        uint64_t ino, off;
        uint8_t type;
        struct iatt stat;
        uint32_t keys;
    } e[SEEN_MAX];
};

static struct seen seen;

static bool
take(void *arg, const struct posix_dirent *e)
{
    struct seen *to = arg;

    if (to->count == to->room)
        return false;
    ck_assert_uint_lt(to->count, SEEN_MAX);
    ck_assert_uint_eq(strlen(e->name), e->name_bytes);
    (void)snprintf(to->e[to->count].name, 256, "%s", e->name);
    to->e[to->count].ino = e->ino;
    to->e[to->count].off = e->off;
    to->e[to->count].type = e->type;
    if (e->stat != NULL)
        to->e[to->count].stat = *e->stat;
    if (e->xdata != NULL)
        to->e[to->count].keys = e->xdata->count;
    to->count++;
    return true;
}

static struct fd *
open_dir(struct inode *inode)
{
    struct fd *dir;

    ck_assert_int_eq(posix_opendir(&s.call, inode, NULL, &dir), 0);
    return dir;
}

static bool
list(struct fd *dir, uint64_t offset, unsigned room, bool plus)
{
    bool end = false;
    int n;

    memset(&seen, 0, sizeof(seen));
    seen.room = room;
    n = posix_readdir(&s.call, dir, offset, plus, 4096, take, &seen, &end);
    ck_assert_int_eq(n, (int)seen.count);
    return end;
}

static int
find(const char *name)
{
    unsigned i;

    for (i = 0; i < seen.count; i++) {
        if (strcmp(seen.e[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

START_TEST(the_root_shows_all_but_one)
{
    struct fd *dir = open_dir(posix_root(s.px));
    struct inode *sub;

    inode_put(scene_file(posix_root(s.px), "f"));
    sub = scene_dir(posix_root(s.px), "d");
    inode_put(scene_dir(sub, ".glusterfs"));
    ck_assert(list(dir, 0, SEEN_MAX, false));
    ck_assert_uint_eq(seen.count, 4);
    ck_assert_int_ge(find("."), 0);
    ck_assert_int_ge(find(".."), 0);
    ck_assert_int_eq(find(".glusterfs"), -1);
    ck_assert_uint_eq(seen.e[find("f")].type, DT_REG);
    ck_assert_uint_eq(seen.e[find("d")].type, DT_DIR);
    fd_put(dir);
    dir = open_dir(sub);
    ck_assert(list(dir, 0, SEEN_MAX, false));
    ck_assert_int_ge(find(".glusterfs"), 0); /* an ordinary name here */
    fd_put(dir);
    inode_put(sub);
}
END_TEST

START_TEST(every_entry_comes_once_in_any_batches)
{
    enum { FILES = 500 };
    struct inode *sub = scene_dir(posix_root(s.px), "d");
    struct fd *dir = open_dir(sub), *other = open_dir(sub);
    bool got[FILES] = {false};
    uint64_t offset = 0;
    unsigned i, total = 0;
    bool end = false;

    for (i = 0; i < FILES; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "f%u", i);
        inode_put(scene_file(sub, name));
    }
    while (!end) {
        end = list(dir, offset, 37, false);
        for (i = 0; i < seen.count; i++) {
            unsigned n;

            total++;
            if (sscanf(seen.e[i].name, "f%u", &n) != 1)
                continue;
            ck_assert_uint_lt(n, FILES);
            ck_assert(!got[n]);
            got[n] = true;
        }
        if (seen.count > 0)
            offset = seen.e[seen.count - 1].off;
    }
    ck_assert_uint_eq(total, FILES + 2);
    /* No room for anything: nothing taken, and the end is not reached. */
    ck_assert(!list(other, 0, 0, false));
    ck_assert_uint_eq(seen.count, 0);
    ck_assert(list(other, offset, 10, false));
    ck_assert_uint_eq(seen.count, 0);
    fd_put(other);
    fd_put(dir);
    inode_put(sub);
}
END_TEST

START_TEST(plus_brings_attributes_and_keys)
{
    struct inode *f = scene_file(posix_root(s.px), "f"), *found;
    struct inode *sub = scene_dir(posix_root(s.px), "d");
    struct fd *dir = open_dir(posix_root(s.px));
    int i;

    ck_assert_int_eq(setxattr(at(&s, "f"), "user.a", "1", 1, 0), 0);
    put_file(&s, "bare", "x");
    ck_assert_int_eq(dict_set_i64(&s.xdata, "user.a", 0), 0);
    ck_assert(list(dir, 0, SEEN_MAX, true));
    i = find("f");
    ck_assert_int_ge(i, 0);
    ck_assert(gfid_equal(&seen.e[i].stat.gfid, &f->gfid));
    ck_assert_uint_eq(seen.e[i].ino, gfid_ino(&f->gfid));
    ck_assert_uint_eq(seen.e[i].stat.nlink, 1);
    ck_assert_uint_eq(seen.e[i].keys, 1);
    i = find("bare");
    ck_assert(gfid_is_null(&seen.e[i].stat.gfid));
    ck_assert_uint_eq(seen.e[i].stat.mode, S_IFREG | 0644);
    /* What lies above the root is nobody's business. */
    i = find("..");
    ck_assert(gfid_is_null(&seen.e[i].stat.gfid));
    ck_assert_uint_eq(seen.e[i].ino, UINT64_MAX);
    i = find(".");
    ck_assert(gfid_is_root(&seen.e[i].stat.gfid));
    fd_put(dir);
    inode_put(f);
    found = inode_find(s.table, &seen.e[find("f")].stat.gfid);
    ck_assert_ptr_nonnull(found);
    inode_put(found);
    dir = open_dir(sub);
    scratch_new_call(&s);
    ck_assert(list(dir, 0, SEEN_MAX, true));
    ck_assert(gfid_is_root(&seen.e[find("..")].stat.gfid));
    fd_put(dir);
    inode_put(sub);
}
END_TEST

START_TEST(directories_are_left_out_when_asked)
{
    struct fd *dir = open_dir(posix_root(s.px));

    inode_put(scene_file(posix_root(s.px), "f"));
    inode_put(scene_dir(posix_root(s.px), "d"));
    ck_assert_int_eq(dict_set_i64(&s.xdata, "readdir-filter-directories", 1),
                     0);
    ck_assert(list(dir, 0, SEEN_MAX, true));
    ck_assert_uint_eq(seen.count, 1);
    ck_assert_str_eq(seen.e[0].name, "f");
    ck_assert(list(dir, 0, SEEN_MAX, false));
    ck_assert_uint_eq(seen.count, 1);
    fd_put(dir);
}
END_TEST

START_TEST(ancestors_come_root_first)
{
    struct inode *a = scene_dir(posix_root(s.px), "a"), *b = scene_dir(a, "b");
    struct fd *dir = open_dir(b);

    ck_assert_int_eq(dict_set_i64(&s.xdata, "glusterfs.ancestry.dentry", 1),
                     0);
    /* The entries themselves are still to come. */
    ck_assert(!list(dir, 0, SEEN_MAX, true));
    ck_assert_uint_eq(seen.count, 3);
    ck_assert_uint_eq(seen.e[2].off, 0);
    ck_assert_str_eq(seen.e[0].name, "/");
    ck_assert_str_eq(seen.e[1].name, "a");
    ck_assert_str_eq(seen.e[2].name, "b");
    ck_assert(gfid_equal(&seen.e[2].stat.gfid, &b->gfid));
    fd_put(dir);
    inode_put(b);
    inode_put(a);
}
END_TEST

START_TEST(only_directories_are_listed)
{
    struct fd *fd = scene_open(posix_root(s.px), "f"), *dir, *anon;
    bool end;

    ck_assert_int_eq(posix_opendir(&s.call, fd->inode, NULL, &dir), -ENOTDIR);
    ck_assert_int_eq(posix_readdir(&s.call, fd, 0, false, 4096, take, &seen,
                                   &end),
                     -EINVAL);
    ck_assert_int_eq(posix_open_anonymous(&s.call, &gfid_root, 0, &anon), 0);
    ck_assert_int_eq(posix_readdir(&s.call, anon, UINT64_MAX, false, 4096,
                                   take, &seen, &end),
                     -EINVAL);
    ck_assert(list(anon, 0, SEEN_MAX, false));
    ck_assert_int_ge(find("f"), 0);
    fd_put(anon);
    fd_put(fd);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("posix directories");
    TCase *tc = tcase_create("directories");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, scene_begin, scene_end);
    tcase_add_test(tc, the_root_shows_all_but_one);
    tcase_add_test(tc, every_entry_comes_once_in_any_batches);
    tcase_add_test(tc, plus_brings_attributes_and_keys);
    tcase_add_test(tc, directories_are_left_out_when_asked);
    tcase_add_test(tc, ancestors_come_root_first);
    tcase_add_test(tc, only_directories_are_listed);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
