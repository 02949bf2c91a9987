/* SPDX-License-Identifier: BSD-2-Clause */
/* Removing and renaming: names and what becomes of handles. */
#include "posix_scene.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/must.h"

static struct inode *
root(void)
{
    return posix_root(s.px);
}

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

/* Make, link, rename and remove the same few names. */
static void
churn_once(unsigned *seed)
{
    struct caller caller = {0};
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
    (void)snprintf(from, sizeof(from), "n%d", rand_r(seed) % 4);
    (void)snprintf(to, sizeof(to), "n%d", rand_r(seed) % 4);
    must(dict_set_gfid(&xdata, "gfid-req", &gfid) == 0);
    if (posix_find_entry(&c, root(), from, &inode, NULL) < 0) {
        if (posix_mknod(&c, root(), from, S_IFREG | 0600, 0, &made) == 0)
            inode_put(made.inode);
    } else if (rand_r(seed) % 2 == 0) {
        (void)posix_find_entry(&c, root(), to, &victim, NULL);
        (void)posix_rename(&c, root(), from, inode, root(), to, victim,
                           &renamed);
    } else if (rand_r(seed) % 2 == 0) {
        (void)posix_unlink(&c, root(), from, inode, &removed);
    } else if (posix_link(&c, inode, root(), to, &made) == 0) {
        inode_put(made.inode);
    }
    inode_put(victim);
    inode_put(inode);
    arena_release(&arena);
}

static void *
churn(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    int i;

    urcu_memb_register_thread();
    for (i = 0; i < ROUNDS; i++)
        churn_once(&seed);
    urcu_memb_unregister_thread();
    return NULL;
}

static void *
churn_forever(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;

    urcu_memb_register_thread();
    for (;;)
        churn_once(&seed);
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

static void
names_and_handles_match(void)
{
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
    names_and_handles_match();
    scene_is_tidy();
}
END_TEST

/* --- killed --- */

/* Names are looked up as clients would, then everything has to match. */
static void
look_at_all_names(void)
{
    int i;

    for (i = 0; i < 4; i++) {
        struct inode *inode = NULL;
        char name[8];
        int err;

        (void)snprintf(name, sizeof(name), "n%d", i);
        err = posix_find_entry(&s.call, root(), name, &inode, NULL);
        ck_assert_msg(err == 0 || err == -ENOENT, "%s: %s", name,
                      strerror(-err));
        inode_put(inode);
    }
}

static const char *churn_directory;

/* The program called again, as the process that is killed: churns on a brick
 * until then.  (The scratch brick's checks want to be in a test.) */
START_TEST(churn_until_killed)
{
    pthread_t threads[THREADS];
    uintptr_t i;

    scratch_begin(&s);
    must(rmdir(s.directory) == 0);
    (void)snprintf(s.directory, sizeof(s.directory), "%s", churn_directory);
    scratch_set(&s, "posix.directory", churn_directory);
    must(scratch_open(&s) == 0);
    for (i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, churn_forever,
                            (void *)((uintptr_t)getpid() + i)) == 0);
    must(write(STDOUT_FILENO, "x", 1) == 1);
    for (;;)
        (void)pause();
}
END_TEST

static int
churn_main(const char *directory)
{
    Suite *suite = suite_create("churn");
    TCase *tc = tcase_create("churn");
    SRunner *runner;

    churn_directory = directory;
    tcase_add_test(tc, churn_until_killed);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_SILENT);
    srunner_free(runner);
    return EXIT_FAILURE; /* it came back */
}

static void
churn_and_kill(useconds_t after)
{
    int ready[2];
    char go;
    pid_t pid;

    ck_assert_int_eq(pipe(ready), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)dup2(ready[1], STDOUT_FILENO);
        (void)execl("/proc/self/exe", "churn", "--churn", s.directory, NULL);
        _exit(127);
    }
    (void)close(ready[1]);
    ck_assert_int_eq(read(ready[0], &go, 1), 1);
    (void)close(ready[0]);
    (void)usleep(after); /* not awaiting anything: any moment will do */
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(a_kill_leaves_nothing_that_a_lookup_does_not_mend)
{
    enum { KILLS = 25 };
    unsigned i;

    scratch_close(&s);
    for (i = 0; i < KILLS; i++) {
        churn_and_kill(3000 + i * 700);
        ck_assert_msg(scratch_open(&s) == 0, "%s", s.err);
        look_at_all_names();
        names_and_handles_match();
        scene_is_tidy();
        scratch_close(&s);
    }
}
END_TEST

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--churn") == 0)
        return churn_main(argv[2]);
    Suite *suite = suite_create("posix names");
    TCase *tc = tcase_create("names");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, scene_begin, scene_end);
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
    tcase_add_test(tc, a_kill_leaves_nothing_that_a_lookup_does_not_mend);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
