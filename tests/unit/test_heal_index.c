/* SPDX-License-Identifier: BSD-2-Clause */
/* The heal index: the files that its entries are links to, and what clients
 * see of it. */
#include "heal_scene.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/must.h"

/* --- base files --- */

static void
remove_base(const char *kind)
{
    char command[600];

    (void)snprintf(command, sizeof(command), "rm -f %s/%s/%s-*",
                   at(&s, ".glusterfs/indices"), kind, kind);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(a_base_that_is_full_is_followed_by_another)
{
    struct inode *inodes[10];
    unsigned i, bases;

    few_links = true;
    for (i = 0; i < COUNT_OF(inodes); i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "f%u", i);
        inodes[i] = scene_file(posix_root(s.px), name);
        change(inodes[i], PENDING, 1);
    }
    ck_assert_uint_eq(count_names("xattrop", false), 10);
    bases = count_names("xattrop", true);
    ck_assert_uint_ge(bases, 3);
    few_links = false;
    /* The next run goes on with one of them. */
    for (i = 0; i < COUNT_OF(inodes); i++)
        inode_put(inodes[i]);
    close_brick();
    open_brick();
    ck_assert(heal_is_pending(heal));
    change(file, PENDING, 1);
    ck_assert_uint_eq(count_names("xattrop", true), bases);
    for (i = 0; i < COUNT_OF(inodes); i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "f%u", i);
        request();
        ck_assert_int_eq(posix_find_entry(&s.call, posix_root(s.px), name,
                                          &inodes[i], NULL),
                         0);
        change(inodes[i], PENDING, -1);
        inode_put(inodes[i]);
    }
    change(file, PENDING, -1);
    ck_assert(!heal_is_pending(heal));
    ck_assert_uint_eq(count_names("xattrop", false), 0);
    close_brick();
    open_brick();
    ck_assert_uint_eq(count_names("xattrop", true), 1);
}
END_TEST

START_TEST(what_was_removed_behind_our_back_is_made_again)
{
    char command[600];

    change(file, PENDING, 1);
    remove_base("xattrop");
    change(dir, PENDING, 1);
    ck_assert(in_index("xattrop", &dir_gfid));
    (void)snprintf(command, sizeof(command), "rm -rf %s",
                   at(&s, ".glusterfs/indices"));
    ck_assert_int_eq(system(command), 0);
    request();
    with(PENDING, 1, 0, 0);
    with(DIRTY, 1, 0, 0);
    asking("glusterfs.xattrop-entry-create", "name");
    ck_assert_int_eq(apply(dir, ARRAY_ADD), 0);
    ck_assert(in_index("xattrop", &dir_gfid));
    ck_assert(in_index("dirty", &dir_gfid));
    ck_assert(in_index("entry-changes", &dir_gfid));
    change(dir, PENDING, -2);
    change(file, PENDING, -1);
    ck_assert(!heal_is_pending(heal));
}
END_TEST

START_TEST(another_place_is_refused)
{
    char err[HEAL_ERROR_BYTES];
    struct heal *other = NULL;

    close_brick();
    scratch_set(&s, "index.index-base", "/nowhere/.glusterfs/indices");
    ck_assert_int_eq(scratch_open(&s), 0);
    ck_assert_int_eq(heal_open(&other, s.options, s.px, err), -EXDEV);
    ck_assert(strstr(err, "index.index-base") != NULL);
    ck_assert_ptr_null(other);
    scratch_close(&s);
    scratch_set(&s, "index.index-base", at(&s, ".glusterfs/indices"));
    open_brick();
}
END_TEST

/* --- what clients see --- */

struct seen {
    char names[16][256];
    uint8_t types[16];
    uint64_t offs[16];
    int count, room;
};

static bool
see(void *arg, const struct posix_dirent *e)
{
    struct seen *seen = arg;

    if (seen->count == seen->room)
        return false;
    (void)snprintf(seen->names[seen->count], 256, "%s", e->name);
    seen->types[seen->count] = e->type;
    seen->offs[seen->count++] = e->off;
    return true;
}

static int
position(const struct seen *seen, const char *name)
{
    int i;

    for (i = 0; i < seen->count; i++)
        if (strcmp(seen->names[i], name) == 0)
            return i;
    return -1;
}

static struct gfid
gfid_of(const char *key)
{
    struct gfid gfid;

    request();
    ck_assert_int_eq(heal_getxattr(heal, key, &result), 1);
    ck_assert_int_eq(dict_gfid(&result, key, &gfid), 0);
    return gfid;
}

START_TEST(the_index_can_be_listed)
{
    struct gfid gfid = gfid_of("glusterfs.xattrop_index_gfid");
    struct seen seen = {.room = 16};
    struct virtual_dir vd;
    uint64_t off = 0;
    bool end = false;
    int64_t n;
    int i;

    change(file, PENDING, 1);
    change(dir, PENDING, 1);
    ck_assert_int_eq(heal_find(heal, &gfid, &vd), 0);
    ck_assert_int_eq(heal_readdir(heal, &vd, 0, true, see, &seen, &end), 4);
    ck_assert(end);
    i = position(&seen, gfid_str(&file_gfid));
    ck_assert_int_ge(i, 0);
    ck_assert_uint_eq(seen.types[i], DT_REG);
    i = position(&seen, gfid_str(&dir_gfid));
    ck_assert_int_ge(i, 0);
    ck_assert_uint_eq(seen.types[i], DT_DIR);
    /* One at a time, each once. */
    for (i = 0; i < 4; i++) {
        struct seen one = {.room = 1};

        ck_assert_int_eq(heal_readdir(heal, &vd, off, false, see, &one, &end),
                         1);
        ck_assert(end == (i == 3));
        ck_assert_str_eq(one.names[0], seen.names[i]);
        off = one.offs[0];
    }
    ck_assert_int_eq(heal_readdir(heal, &vd, off, false, see, &seen, &end), 0);
    ck_assert(end);
    request();
    ck_assert_int_eq(heal_getxattr(heal, "glusterfs.xattrop_index_count",
                                   &result),
                     1);
    ck_assert_int_eq(dict_i64(&result, "glusterfs.xattrop_index_count", &n),
                     0);
    ck_assert_int_eq(n, 2);
    ck_assert_int_eq(heal_getxattr(heal, "glusterfs.xattrop_index", &result),
                     0);
}
END_TEST

START_TEST(entries_can_be_looked_up_and_removed)
{
    struct gfid gfid = gfid_of("glusterfs.xattrop_dirty_gfid"), other;
    struct virtual_dir vd;
    struct iatt stat;

    change(file, DIRTY, 1);
    ck_assert_int_eq(heal_find(heal, &gfid, &vd), 0);
    ck_assert_uint_eq(virtual_type(&vd), 1);
    ck_assert_int_eq(heal_stat(heal, &vd, &stat), 0);
    ck_assert(gfid_equal(&stat.gfid, &gfid));
    ck_assert_uint_eq(stat.ino, UINT64_MAX);
    ck_assert_uint_eq(stat.mode, S_IFDIR | 0600);
    ck_assert_int_eq(heal_lookup(heal, &vd, gfid_str(&file_gfid), &stat), 0);
    ck_assert_uint_eq(stat.mode, S_IFREG);
    ck_assert_uint_eq(stat.nlink, 2);
    ck_assert_int_eq(heal_lookup(heal, &vd, gfid_str(&dir_gfid), &stat),
                     -ENOENT);
    ck_assert_int_eq(heal_lookup(heal, &vd, "..", &stat), -EINVAL);
    ck_assert_int_eq(heal_lookup(heal, &vd, "../xattrop", &stat), -EPERM);
    ck_assert_int_eq(heal_remove(heal, &vd, "../../health_check", false),
                     -EPERM);
    ck_assert_int_eq(heal_remove(heal, &vd, "..", true), -EINVAL);
    ck_assert_int_eq(heal_remove(heal, &vd, gfid_str(&file_gfid), true),
                     -ENOTDIR);
    ck_assert_int_eq(heal_remove(heal, &vd, gfid_str(&file_gfid), false), 0);
    ck_assert(!in_index("dirty", &file_gfid));
    ck_assert_int_eq(heal_remove(heal, &vd, gfid_str(&file_gfid), false),
                     -ENOENT);
    gfid_random(&other);
    ck_assert_int_eq(heal_find(heal, &other, &vd), -ENOENT);
    ck_assert_int_eq(heal_find(heal, &file_gfid, &vd), -ENOENT);
}
END_TEST

START_TEST(base_files_stay)
{
    struct gfid gfid = gfid_of("glusterfs.xattrop_index_gfid");
    struct seen seen = {.room = 16};
    struct virtual_dir vd;
    struct dirent *e;
    bool end;
    DIR *d;

    few_links = true;
    for (int i = 0; i < 2 * LINKS_MAX; i++) {
        char name[8];
        struct inode *inode;

        (void)snprintf(name, sizeof(name), "f%d", i);
        inode = scene_file(posix_root(s.px), name);
        change(inode, PENDING, 1);
        if (i < LINKS_MAX - 1)
            change(inode, PENDING, -1);
        inode_put(inode);
    }
    ck_assert_int_eq(heal_find(heal, &gfid, &vd), 0);
    d = opendir(at(&s, ".glusterfs/indices/xattrop"));
    ck_assert_ptr_nonnull(d);
    while ((e = readdir(d)) != NULL)
        if (strncmp(e->d_name, "xattrop-", 8) == 0)
            ck_assert_int_eq(heal_remove(heal, &vd, e->d_name, false), -EPERM);
    ck_assert_int_eq(closedir(d), 0);
    /* Nor are they shown. */
    ck_assert_int_ge(heal_readdir(heal, &vd, 0, false, see, &seen, &end), 5);
    for (int i = 0; i < seen.count; i++)
        ck_assert(strncmp(seen.names[i], "xattrop-", 8) != 0);
}
END_TEST

START_TEST(changes_are_seen_below)
{
    struct gfid gfid = gfid_of("glusterfs.xattrop_entry_changes_gfid"), below;
    struct seen seen = {.room = 16};
    struct virtual_dir vd, bd;
    struct iatt stat;
    bool end;

    request();
    with(PENDING, 0, 0, 1);
    asking("glusterfs.xattrop-entry-create", "one");
    ck_assert_int_eq(apply(dir, ARRAY_ADD), 0);
    ck_assert_int_eq(heal_find(heal, &gfid, &vd), 0);
    ck_assert_uint_eq(virtual_type(&vd), 2);
    ck_assert_int_eq(heal_lookup(heal, &vd, gfid_str(&dir_gfid), &stat), 0);
    ck_assert_uint_eq(stat.mode, S_IFDIR | 0600);
    below = stat.gfid;
    ck_assert(!gfid_equal(&below, &dir_gfid));
    ck_assert_int_eq(heal_find(heal, &below, &bd), 0);
    ck_assert(gfid_equal(&bd.of, &dir_gfid));
    ck_assert_uint_eq(virtual_type(&bd), 0);
    ck_assert_int_eq(heal_stat(heal, &bd, &stat), 0);
    ck_assert(gfid_equal(&stat.gfid, &below));
    ck_assert_int_eq(heal_readdir(heal, &bd, 0, true, see, &seen, &end), 3);
    ck_assert_int_ge(position(&seen, "one"), 0);
    ck_assert_int_eq(heal_lookup(heal, &bd, "one", &stat), 0);
    ck_assert_int_eq(heal_remove(heal, &bd, "none", false), -ENOENT);
    ck_assert_int_eq(heal_remove(heal, &vd, gfid_str(&dir_gfid), false),
                     -EPERM);
    /* With what is in it. */
    ck_assert_int_eq(heal_remove(heal, &vd, gfid_str(&dir_gfid), true), 0);
    ck_assert(!in_index("entry-changes", &dir_gfid));
    ck_assert_int_eq(heal_find(heal, &below, &bd), -ENOENT);
    ck_assert_int_eq(heal_remove(heal, &vd, gfid_str(&dir_gfid), true),
                     -ENOENT);
    /* And again. */
    request();
    with(PENDING, 0, 0, 1);
    asking("glusterfs.xattrop-entry-create", "two");
    ck_assert_int_eq(apply(dir, ARRAY_ADD), 0);
    ck_assert_int_eq(heal_find(heal, &below, &bd), 0);
    ck_assert_int_eq(heal_remove(heal, &bd, "two", false), 0);
    ck_assert_int_eq(heal_lookup(heal, &bd, "two", &stat), -ENOENT);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("heal index");
    TCase *tc = tcase_create("heal index");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, heal_scene_begin, heal_scene_end);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_base_that_is_full_is_followed_by_another);
    tcase_add_test(tc, what_was_removed_behind_our_back_is_made_again);
    tcase_add_test(tc, another_place_is_refused);
    tcase_add_test(tc, the_index_can_be_listed);
    tcase_add_test(tc, entries_can_be_looked_up_and_removed);
    tcase_add_test(tc, base_files_stay);
    tcase_add_test(tc, changes_are_seen_below);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
