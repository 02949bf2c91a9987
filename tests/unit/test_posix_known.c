/* SPDX-License-Identifier: BSD-2-Clause */
/* What somebody does to the brick directly, while its objects are known. */
#include "posix_scene.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/must.h"
#include "server/posix/ops.h"

static struct iatt stat_out, postparent;

static struct inode *
root(void)
{
    return posix_root(s.px);
}

/* By name; the inode is the caller's to put. */
static struct inode *
lookup(struct inode *parent, const char *name)
{
    struct inode *inode;

    scratch_new_call(&s);
    ck_assert_int_eq(posix_lookup(&s.call, parent, name, NULL, &inode,
                                  &stat_out, &postparent),
                     0);
    return inode;
}

static int
lookup_error(struct inode *parent, const char *name)
{
    struct inode *inode;
    int err;

    scratch_new_call(&s);
    err = posix_lookup(&s.call, parent, name, NULL, &inode, &stat_out,
                       &postparent);
    ck_assert(err != 0 || inode == NULL);
    return err;
}

static ino_t
ino_at(const char *path)
{
    struct stat st;

    ck_assert(scene_stat(path, &st));
    return st.st_ino;
}

static ino_t
ino_of_handle(const struct gfid *gfid)
{
    struct stat st;

    ck_assert_int_eq(stat(handle_at(&s, gfid), &st), 0);
    return st.st_ino;
}

/* What the inode works on. */
static ino_t
ino_held(struct inode *inode)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    struct stat st;

    ck_assert_int_eq(posix_ref_get(s.px, inode, NULL, &ref), 0);
    ck_assert_int_eq(fstat(ref.fd, &st), 0);
    return st.st_ino;
}

/* A file, known and held, whose place and handle another one takes that has the
 * same gfid: as a restore from a backup does it. */
static struct gfid
exchanged(const char *name)
{
    struct inode *f = scene_file(root(), name), *found;
    struct gfid gfid = f->gfid;

    found = lookup(root(), name);
    ck_assert_ptr_eq(found, f);
    ck_assert_ptr_nonnull(f->path_fd);
    put_file(&s, "new", "restored");
    put_gfid(&s, "new", &gfid);
    ck_assert_int_eq(rename(at(&s, "new"), at(&s, name)), 0);
    ck_assert_int_eq(unlink(handle_at(&s, &gfid)), 0);
    ck_assert_int_eq(link(at(&s, name), handle_at(&s, &gfid)), 0);
    inode_put(found);
    inode_put(f);
    return gfid;
}

/* A copy of the object at `from`, whose inode is in the table. */
static void
copy_file(const char *from, const char *to, const struct gfid *gfid)
{
    put_file(&s, to, "copy");
    put_gfid(&s, to, gfid);
    ck_assert(ino_at(from) != ino_at(to));
}

/* --- exchanged --- */

START_TEST(a_lookup_finds_the_file_that_is_there_now)
{
    struct gfid gfid = exchanged("f");
    struct inode *f = lookup(root(), "f");

    ck_assert(gfid_equal(&f->gfid, &gfid));
    ck_assert_uint_eq(stat_out.size, strlen("restored"));
    ck_assert_uint_eq(stat_out.nlink, 1);
    ck_assert_uint_eq(ino_held(f), ino_at("f"));
    inode_put(f);
}
END_TEST

START_TEST(a_file_that_was_exchanged_is_unlinked)
{
    struct gfid gfid = exchanged("f");
    struct inode *f;

    ck_assert_int_eq(posix_find_entry(&s.call, root(), "f", &f, NULL), 0);
    ck_assert_int_eq(scene_unlink(root(), "f", f), 0);
    inode_put(f);
    ck_assert(!scene_has("f"));
    ck_assert(!scene_has_handle(&gfid));
    ck_assert_int_eq(lookup_error(root(), "f"), -ENOENT);
    scene_is_tidy();
}
END_TEST

START_TEST(a_file_that_was_exchanged_is_renamed)
{
    struct gfid gfid = exchanged("f"), over = exchanged("g");
    struct posix_renamed renamed;
    struct inode *f, *g;

    ck_assert_int_eq(posix_find_entry(&s.call, root(), "f", &f, NULL), 0);
    ck_assert_int_eq(posix_find_entry(&s.call, root(), "g", &g, NULL), 0);
    ck_assert_int_eq(posix_rename(&s.call, root(), "f", f, root(), "g", g,
                                  &renamed),
                     0);
    ck_assert_uint_eq(renamed.stat.size, strlen("restored"));
    inode_put(f);
    inode_put(g);
    ck_assert_uint_eq(ino_at("g"), ino_of_handle(&gfid));
    ck_assert(!scene_has_handle(&over));
    ck_assert(!scene_has("f"));
}
END_TEST

/* Who has the old one open keeps it. */
START_TEST(an_open_file_that_was_exchanged_stays_readable)
{
    struct fd *fd = scene_open(root(), "f");
    struct gfid gfid = fd->inode->gfid;
    struct iatt stat;
    struct inode *f;

    put_file(&s, "new", "restored");
    put_gfid(&s, "new", &gfid);
    ck_assert_int_eq(rename(at(&s, "new"), at(&s, "f")), 0);
    ck_assert_int_eq(unlink(handle_at(&s, &gfid)), 0);
    f = lookup(root(), "f");
    ck_assert_ptr_ne(f, fd->inode);
    ck_assert_uint_eq(stat_out.size, strlen("restored"));
    ck_assert_uint_eq(ino_of_handle(&gfid), ino_at("f"));
    ck_assert_int_eq(posix_stat(&s.call, fd->inode, fd, &stat), 0);
    ck_assert_uint_eq(stat.size, 0);
    ck_assert_int_eq(scene_unlink(root(), "f", f), 0);
    inode_put(f);
    fd_put(fd);
    ck_assert(!scene_has_handle(&gfid));
    scene_is_tidy();
}
END_TEST

START_TEST(a_directory_that_was_exchanged_is_entered)
{
    struct inode *d = scene_dir(root(), "d"), *now, *inner;
    struct gfid gfid = d->gfid;

    inner = scene_file(d, "gone");
    inode_put(inner);
    ck_assert_ptr_nonnull(d->path_fd);
    ck_assert_int_eq(rename(at(&s, "d"), at(&s, "before")), 0);
    ck_assert_int_eq(mkdir(at(&s, "d"), 0755), 0);
    put_gfid(&s, "d", &gfid);
    now = lookup(root(), "d");
    ck_assert(gfid_equal(&now->gfid, &gfid));
    ck_assert_int_eq(lookup_error(now, "gone"), -ENOENT);
    inner = scene_file(now, "f");
    ck_assert(scene_has("d/f"));
    inode_put(inner);
    inode_put(now);
    inode_put(d);
}
END_TEST

START_TEST(another_gfid_moved_over_a_name_is_what_it_is_now)
{
    struct inode *f = scene_file(root(), "f"), *g = scene_file(root(), "g");
    struct gfid gone = f->gfid;
    struct inode *now;

    inode_put(lookup(root(), "f"));
    ck_assert_int_eq(rename(at(&s, "g"), at(&s, "f")), 0);
    /* As resolved before: the name stays. */
    ck_assert_int_eq(scene_unlink(root(), "f", f), -ESTALE);
    now = lookup(root(), "f");
    ck_assert_ptr_eq(now, g);
    ck_assert_int_eq(scene_unlink(root(), "f", now), 0);
    ck_assert(!scene_has("f"));
    inode_put(now);
    inode_put(g);
    inode_put(f);
    ck_assert_int_eq(posix_lookup(&s.call, NULL, "", &gone, &now, &stat_out,
                                  &postparent),
                     -ENOENT);
    ck_assert(!scene_has_handle(&gone));
}
END_TEST

START_TEST(a_file_exchanged_for_a_directory_is_one)
{
    struct inode *f = scene_file(root(), "f"), *now;
    struct gfid gfid = f->gfid;

    inode_put(lookup(root(), "f"));
    ck_assert_int_eq(unlink(at(&s, "f")), 0);
    ck_assert_int_eq(unlink(handle_at(&s, &gfid)), 0);
    ck_assert_int_eq(mkdir(at(&s, "f"), 0755), 0);
    put_gfid(&s, "f", &gfid);
    now = lookup(root(), "f");
    ck_assert_uint_eq(inode_type(now), S_IFDIR);
    inode_put(scene_file(now, "inner"));
    ck_assert(scene_has("f/inner"));
    inode_put(now);
    inode_put(f);
}
END_TEST

/* What is cached is of the object that there was. */
START_TEST(nothing_of_the_old_one_stays_in_memory)
{
    struct inode *d = scene_dir(root(), "d");
    struct gfid gfid = d->gfid;
    const struct stat st = {.st_dev = 99, .st_ino = 98};

    ck_assert(d->mdata_known);
    inode_disk_set(d, &st);
    ck_assert_ptr_null(d->path_fd);
    ck_assert(!d->mdata_known);
    ck_assert_int_eq(inode_disk_is(d, &st), INODE_DISK_SAME);
    inode_put(d);
    d = lookup(root(), "d");
    ck_assert(gfid_equal(&d->gfid, &gfid));
    ck_assert_uint_eq(ino_held(d), ino_at("d"));
    inode_put(d);
}
END_TEST

/* --- copies --- */

START_TEST(a_copy_shows_itself_and_leaves_the_object_alone)
{
    struct inode *f = scene_file(root(), "f"), *c;
    struct gfid gfid = f->gfid;
    int round;

    copy_file("f", "copy", &gfid);
    for (round = 0; round < 2; round++) {
        c = lookup(root(), "copy");
        ck_assert(gfid_equal(&c->gfid, &gfid));
        ck_assert_uint_eq(stat_out.size, strlen("copy"));
        ck_assert_uint_eq(ino_held(c), ino_at("f"));
        inode_put(c);
        inode_put(f);
        /* Again, with neither in the table. */
        inode_table_drop_unused(s.table);
        f = NULL;
    }
    f = lookup(root(), "f");
    ck_assert_uint_eq(stat_out.size, 0);
    ck_assert_uint_eq(stat_out.nlink, 1);
    ck_assert_uint_eq(ino_of_handle(&gfid), ino_at("f"));
    inode_put(f);
}
END_TEST

START_TEST(what_a_copy_has_is_not_taken_for_the_objects)
{
    static const uint8_t acl[] = {
        2, 0, 0, 0, 1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, 2, 0, 7, 0, 42, 0,
        0, 0, 4, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, 0x10, 0, 7, 0, 0xff, 0xff,
        0xff, 0xff, 0x20, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
    };
    struct inode *f = scene_file(root(), "f"), *c;
    const uint8_t *value;
    uint32_t bytes;

    copy_file("f", "copy", &f->gfid);
    inode_put(f);
    inode_table_drop_unused(s.table);
    ck_assert_int_eq(setxattr(at(&s, "copy"), POSIX_ACL_ACCESS_XATTR, acl,
                              sizeof(acl), 0),
                     0);
    scratch_new_call(&s);
    ck_assert_int_eq(dict_set_u64(&s.xdata, POSIX_ACL_ACCESS_XATTR, 0), 0);
    ck_assert_int_eq(posix_lookup(&s.call, root(), "copy", NULL, &c,
                                  &stat_out, &postparent),
                     0);
    ck_assert_int_eq(posix_acl(s.px, c, false, &s.arena, &value, &bytes), 0);
    ck_assert_uint_eq(bytes, 0);
    inode_put(c);
}
END_TEST

START_TEST(a_copy_is_removed_without_its_object)
{
    struct inode *f = scene_file(root(), "f"), *d = scene_dir(root(), "d");
    struct gfid file = f->gfid, dir = d->gfid;
    struct posix_removed removed;
    struct inode *c;

    copy_file("f", "copy", &file);
    ck_assert_int_eq(mkdir(at(&s, "dcopy"), 0755), 0);
    put_gfid(&s, "dcopy", &dir);
    c = lookup(root(), "copy");
    ck_assert_int_eq(scene_unlink(root(), "copy", c), 0);
    inode_put(c);
    c = lookup(root(), "dcopy");
    ck_assert_int_eq(posix_rmdir(&s.call, root(), "dcopy", c, 0, &removed), 0);
    inode_put(c);
    ck_assert(!scene_has("copy"));
    ck_assert(!scene_has("dcopy"));
    ck_assert_uint_eq(ino_of_handle(&file), ino_at("f"));
    ck_assert_int_eq(handle_dir_is(s.px, &dir, &gfid_root, "d"), 1);
    /* The objects' inodes are as they were. */
    ck_assert_int_eq(scene_xattr("f", "trusted.gfid", NULL, 0), 16);
    c = lookup(root(), "f");
    ck_assert_ptr_eq(c, f);
    inode_put(c);
    inode_put(scene_file(d, "inner"));
    ck_assert(scene_has("d/inner"));
    inode_put(f);
    inode_put(d);
}
END_TEST

START_TEST(a_copy_is_renamed_and_over_its_object_takes_its_place)
{
    struct inode *f = scene_file(root(), "f"), *c, *g;
    struct gfid gfid = f->gfid;
    struct posix_renamed renamed;
    ino_t copy;

    copy_file("f", "copy", &gfid);
    copy = ino_at("copy");
    c = lookup(root(), "copy");
    ck_assert_int_eq(posix_rename(&s.call, root(), "copy", c, root(), "c2",
                                  NULL, &renamed),
                     0);
    ck_assert_uint_eq(renamed.stat.size, strlen("copy"));
    ck_assert_uint_eq(ino_at("c2"), copy);
    ck_assert_uint_eq(ino_of_handle(&gfid), ino_at("f"));
    inode_put(c);
    /* Something else over it. */
    g = scene_file(root(), "g");
    c = lookup(root(), "c2");
    ck_assert_int_eq(posix_rename(&s.call, root(), "g", g, root(), "c2", c,
                                  &renamed),
                     0);
    ck_assert_uint_eq(ino_of_handle(&gfid), ino_at("f"));
    ck_assert_uint_eq(ino_of_handle(&g->gfid), ino_at("c2"));
    inode_put(c);
    inode_put(g);
    copy_file("f", "copy", &gfid);
    copy = ino_at("copy");
    c = lookup(root(), "copy");
    ck_assert_int_eq(posix_rename(&s.call, root(), "copy", c, root(), "f", f,
                                  &renamed),
                     0);
    inode_put(c);
    inode_put(f);
    f = lookup(root(), "f");
    ck_assert_uint_eq(ino_at("f"), copy);
    ck_assert_uint_eq(ino_of_handle(&gfid), copy);
    inode_put(f);
    scene_is_tidy();
}
END_TEST

START_TEST(a_gfid_on_another_kind_of_object_is_refused)
{
    struct inode *d = scene_dir(root(), "d");

    put_file(&s, "f", "");
    put_gfid(&s, "f", &d->gfid);
    ck_assert_int_eq(lookup_error(root(), "f"), -ESTALE);
    put_gfid(&s, "f", &gfid_root);
    ck_assert_int_eq(lookup_error(root(), "f"), -ESTALE);
    inode_put(d);
}
END_TEST

/* Heal makes a renamed directory at its new place, then removes the old. */
START_TEST(the_directory_whose_gfid_was_taken_over_is_removed)
{
    struct inode *old = scene_dir(root(), "old"), *c;
    struct gfid gfid = old->gfid;
    struct posix_removed removed;
    struct posix_made made;

    ck_assert_int_eq(dict_set_gfid(&s.xdata, "gfid-req", &gfid), 0);
    ck_assert_int_eq(posix_mkdir(&s.call, root(), "new", 0755, &made), 0);
    inode_put(made.inode);
    inode_put(old);
    c = lookup(root(), "old");
    ck_assert_int_eq(posix_rmdir(&s.call, root(), "old", c, 0, &removed), 0);
    inode_put(c);
    ck_assert(!scene_has("old"));
    ck_assert_int_eq(handle_dir_is(s.px, &gfid, &gfid_root, "new"), 1);
    c = lookup(root(), "new");
    inode_put(scene_file(c, "inner"));
    ck_assert(scene_has("new/inner"));
    inode_put(c);
}
END_TEST

/* --- a removal that fails --- */

struct finder {
    struct gfid gfid;
    _Atomic(int) tid;
    _Atomic(bool) done;
    int err;
    struct inode *found;
};

static void *
find_by_gfid(void *arg)
{
    struct finder *f = arg;
    struct caller caller = {0};
    struct iatt stat, parent;
    struct dict xdata, reply;
    struct arena arena;
    struct posix_call c = {.px = s.px, .caller = &caller, .xdata = &xdata,
                           .reply = &reply, .arena = &arena};

    urcu_memb_register_thread();
    arena_init(&arena, s.arena.type, NULL, 0);
    dict_init(&xdata, &arena);
    dict_init(&reply, &arena);
    f->tid = (int)syscall(SYS_gettid);
    f->err = posix_lookup(&c, NULL, "", &f->gfid, &f->found, &stat, &parent);
    f->done = true;
    arena_release(&arena);
    urcu_memb_unregister_thread();
    return NULL;
}

/* Until the finder is done, or waits for a mutex. */
static void
await_finder(struct finder *f)
{
    char path[64], text[32] = "";
    long number;

    while (!f->done) {
        FILE *file;

        if (f->tid == 0) {
            (void)sched_yield();
            continue;
        }
        (void)snprintf(path, sizeof(path), "/proc/self/task/%d/syscall",
                       f->tid);
        file = fopen(path, "r");
        if (file == NULL)
            continue; /* it has ended */
        if (fgets(text, sizeof(text), file) != NULL &&
            sscanf(text, "%ld", &number) == 1 && number == SYS_futex) {
            (void)fclose(file);
            return;
        }
        (void)fclose(file);
        (void)sched_yield();
    }
}

START_TEST(a_lookup_amid_a_removal_that_fails_forgets_nothing)
{
    struct fd *fd = scene_open(root(), "f");
    struct inode *f = fd->inode, *found;
    struct finder finder = {.gfid = f->gfid};
    struct lastname ln;
    struct stat st;
    pthread_t thread;

    /* In use by a reference of ours; not open, or the handle would be set
     * aside. */
    (void)inode_get(f);
    fd_put(fd);
    inode_put(lookup(root(), "f"));
    ck_assert_ptr_nonnull(f->path_fd);
    ck_assert(scene_stat("f", &st));
    ck_assert_int_eq(lastname_begin(s.px, f, s.px->root_fd, "f", &st, &ln), 0);
    ck_assert(!scene_has_handle(&f->gfid));
    ck_assert_int_eq(pthread_create(&thread, NULL, find_by_gfid, &finder), 0);
    await_finder(&finder);
    lastname_undo(s.px, &ln, s.px->root_fd, &gfid_root, "f");
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(finder.err, 0);
    ck_assert_ptr_eq(finder.found, f);
    inode_put(finder.found);
    found = inode_find(s.table, &f->gfid);
    ck_assert_ptr_eq(found, f);
    inode_put(found);
    ck_assert_uint_eq(ino_of_handle(&f->gfid), ino_at("f"));
    inode_put(f);
}
END_TEST

/* The same gfid twice at once: who comes too late does not take the inode of
 * the other out of the table. */
START_TEST(a_making_that_fails_forgets_no_inode_in_use)
{
    struct inode *f = scene_file(root(), "f"), *found;

    (void)inode_get(f);
    inode_forget_unshared(f); /* as by the other one */
    found = inode_find(s.table, &f->gfid);
    ck_assert_ptr_eq(found, f);
    inode_put(found);
    inode_put(f);
    inode_forget_unshared(f);
    ck_assert_ptr_null(inode_find(s.table, &f->gfid));
    inode_put(f);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("posix known");
    TCase *tc = tcase_create("known");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, scene_begin, scene_end);
    tcase_add_test(tc, a_lookup_finds_the_file_that_is_there_now);
    tcase_add_test(tc, a_file_that_was_exchanged_is_unlinked);
    tcase_add_test(tc, a_file_that_was_exchanged_is_renamed);
    tcase_add_test(tc, an_open_file_that_was_exchanged_stays_readable);
    tcase_add_test(tc, a_directory_that_was_exchanged_is_entered);
    tcase_add_test(tc, another_gfid_moved_over_a_name_is_what_it_is_now);
    tcase_add_test(tc, a_file_exchanged_for_a_directory_is_one);
    tcase_add_test(tc, nothing_of_the_old_one_stays_in_memory);
    tcase_add_test(tc, a_copy_shows_itself_and_leaves_the_object_alone);
    tcase_add_test(tc, what_a_copy_has_is_not_taken_for_the_objects);
    tcase_add_test(tc, a_copy_is_removed_without_its_object);
    tcase_add_test(tc, a_copy_is_renamed_and_over_its_object_takes_its_place);
    tcase_add_test(tc, a_gfid_on_another_kind_of_object_is_refused);
    tcase_add_test(tc, the_directory_whose_gfid_was_taken_over_is_removed);
    tcase_add_test(tc, a_lookup_amid_a_removal_that_fails_forgets_nothing);
    tcase_add_test(tc, a_making_that_fails_forgets_no_inode_in_use);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
