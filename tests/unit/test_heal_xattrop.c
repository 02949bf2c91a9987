/* SPDX-License-Identifier: BSD-2-Clause */
/* XATTROP: what it does to xattrs and index together, and what is left when
 * the process ends between any two system calls of it. */
#include "heal_scene.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/must.h"

/* --- what they do together --- */

START_TEST(entries_follow_the_xattrs)
{
    change(file, DIRTY, 1);
    ck_assert(in_index("dirty", &file_gfid));
    ck_assert(!in_index("xattrop", &file_gfid));
    ck_assert(!heal_is_pending(heal));
    request();
    with(PENDING, 0, 2, 3);
    with(PENDING2, 0, 0, 0);
    ck_assert_int_eq(apply(file, ARRAY_ADD), 0);
    ck_assert_int_eq(counter(PENDING, 1), 2);
    ck_assert_int_eq(counter(PENDING, 2), 3);
    ck_assert_int_eq(counter(PENDING2, 2), 0);
    ck_assert(in_index("xattrop", &file_gfid));
    ck_assert(heal_is_pending(heal));
    /* Adding nothing has made none of it. */
    ck_assert_int_eq(scene_xattr("file", PENDING2, NULL, 0), -ENODATA);
    request();
    with(PENDING, 0, -2, -3);
    with(DIRTY, -1, 0, 0);
    ck_assert_int_eq(apply(file, ARRAY_ADD), 0);
    ck_assert(!in_index("xattrop", &file_gfid));
    ck_assert(!in_index("dirty", &file_gfid));
    ck_assert(!heal_is_pending(heal));
}
END_TEST

START_TEST(adding_nothing_removes_a_stale_entry)
{
    struct gfid gone;

    change(file, PENDING, 1);
    ck_assert_int_eq(removexattr(at(&s, "file"), PENDING), 0);
    change(file, PENDING, 0);
    ck_assert(!in_index("xattrop", &file_gfid));
    gfid_random(&gone);
    ck_assert(!in_index("xattrop", &gone));
}
END_TEST

START_TEST(only_sums_are_followed)
{
    request();
    with(PENDING, 1, 1, 1);
    ck_assert_int_eq(apply(file, ARRAY_GET_AND_SET), 0);
    ck_assert(dict_find(&result, PENDING) == NULL);
    ck_assert(!in_index("xattrop", &file_gfid));
    request();
    with(PENDING, 0, 0, 0);
    ck_assert_int_eq(apply(file, ARRAY_GET_AND_SET), 0);
    ck_assert_int_eq(counter(PENDING, 0), 1);
    ck_assert_int_eq(scene_xattr("file", PENDING, NULL, 0), 12);
}
END_TEST

START_TEST(disperse_has_one_class)
{
    static const uint8_t one[16] = {0, 0, 0, 0, 0, 0, 0, 1};

    request();
    ck_assert_int_eq(dict_set_ptr(&pairs, DIRTY, one, 16), 0);
    ck_assert_int_eq(apply(dir, ARRAY_ADD64), 0);
    ck_assert(!in_index("dirty", &dir_gfid));
    request();
    ck_assert_int_eq(dict_set_ptr(&pairs, "trusted.ec.dirty", one, 16), 0);
    ck_assert_int_eq(apply(dir, ARRAY_ADD64), 0);
    ck_assert(in_index("xattrop", &dir_gfid));
}
END_TEST

START_TEST(all_or_none)
{
    request();
    with("trusted.a", 1, 1, 1);
    ck_assert_int_eq(dict_set_ptr(&pairs, DIRTY, "\0\0\0\1", 4), 0);
    ck_assert_int_eq(apply(file, ARRAY_ADD), 0);
    /* Longer on disk, for the second. */
    request();
    ck_assert_int_eq(dict_set_ptr(&pairs, DIRTY, "\0\0\0\1", 4), 0);
    ck_assert_int_eq(dict_set_ptr(&pairs, "trusted.a", "\0\0\0\1", 4), 0);
    ck_assert_int_eq(apply(file, ARRAY_ADD), -ERANGE);
    request();
    ck_assert_int_eq(dict_set_ptr(&pairs, DIRTY, "\0\0\0\0", 4), 0);
    ck_assert_int_eq(apply(file, ARRAY_ADD), 0);
    ck_assert_int_eq(dict_find(&result, DIRTY)->data[3], 1);
    /* The disk is full from the second on: what was there is back. */
    request();
    with(PENDING, 7, 0, 0);
    with(PENDING2, 7, 0, 0);
    setxattr_left = 1;
    ck_assert_int_eq(apply(file, ARRAY_ADD), -ENOSPC);
    setxattr_left = -1;
    ck_assert_int_eq(scene_xattr("file", PENDING, NULL, 0), -ENODATA);
    /* An entry too many, which the next look removes. */
    ck_assert(in_index("xattrop", &file_gfid));
    change(file, PENDING, 0);
    ck_assert(!in_index("xattrop", &file_gfid));
}
END_TEST

START_TEST(names_that_are_not_just_values)
{
    static const char *const names[] = {
        "trusted.gfid", "trusted.glusterfs.volume-id",
        "trusted.glusterfs.mdata", "system.posix_acl_access",
        "trusted.gfid2path.0123456789abcdef", "security.selinux"};
    size_t i;

    for (i = 0; i < COUNT_OF(names); i++) {
        request();
        ck_assert_int_eq(dict_set_ptr(&pairs, names[i], "aaaaaaaaaaaaaaaa",
                                      16),
                         0);
        ck_assert_int_eq(apply(file, ARRAY_GET_AND_SET), -EPERM);
    }
    request();
    pairs.null = true;
    ck_assert_int_eq(apply(file, ARRAY_ADD), -EINVAL);
    request();
    ck_assert_int_eq(apply(file, ARRAY_OR), -EINVAL);
    ck_assert_int_eq(apply(file, ARRAY_ADD), 0);
    ck_assert(!result.null && result.count == 0);
}
END_TEST

START_TEST(xdata_is_answered)
{
    int64_t v;

    request();
    s.xdata.null = false;
    ck_assert_int_eq(dict_set_i64(&s.xdata, "dht-get-mode-in-xattr", 1), 0);
    ck_assert_int_eq(dict_set_i64(&s.xdata, "get-size", 1), 0);
    with("trusted.a", 1, 0, 0);
    ck_assert_int_eq(apply(file, ARRAY_ADD), 0);
    ck_assert_int_eq(dict_i64(&s.reply, "dht-get-mode-in-xattr", &v), 0);
    ck_assert_int_eq(v, S_IFREG | 0644);
    ck_assert_int_eq(dict_i64(&s.reply, "get-size", &v), 0);
}
END_TEST

/* --- names of changes --- */

START_TEST(changes_have_names)
{
    char path[400];
    struct stat st;

    request();
    with(PENDING, 0, 0, 1);
    asking("glusterfs.xattrop-entry-create", "a name");
    ck_assert_int_eq(apply(dir, ARRAY_ADD), 0);
    (void)snprintf(path, sizeof(path), "%s/a name",
                   entry_path("entry-changes", &dir_gfid));
    ck_assert(scene_stat(path, &st));
    ck_assert_uint_eq(st.st_nlink, 2);
    request();
    with(PENDING, 0, 0, 1);
    asking("glusterfs.xattrop-entry-delete", "a name");
    ck_assert_int_eq(apply(dir, ARRAY_ADD), 0);
    ck_assert(!scene_has(path));
    /* All of them go with the last pending change, if it is said. */
    request();
    with(PENDING, 0, 0, 0);
    asking("glusterfs.xattrop-entry-create", "another");
    ck_assert_int_eq(apply(dir, ARRAY_ADD), 0);
    request();
    with(PENDING, 0, 0, -2);
    asking("who.knows", "1");
    ck_assert_int_eq(apply(dir, ARRAY_ADD), 0);
    ck_assert(in_index("entry-changes", &dir_gfid));
    request();
    with(PENDING, 0, 0, 0);
    s.xdata.null = true;
    ck_assert_int_eq(apply(dir, ARRAY_ADD), 0);
    ck_assert(!in_index("entry-changes", &dir_gfid));
}
END_TEST

START_TEST(names_of_changes_are_names)
{
    static const struct {
        const char *name;
        int error;
    } bad[] = {{"", -EINVAL},     {".", -EINVAL},    {"..", -EINVAL},
               {"a/b", -EINVAL},  {"/", -EINVAL},    {"../x", -EINVAL}};
    char longest[257];
    size_t i;

    for (i = 0; i < COUNT_OF(bad); i++) {
        request();
        with(PENDING, 0, 0, 1);
        asking("glusterfs.xattrop-entry-create", bad[i].name);
        ck_assert_int_eq(apply(dir, ARRAY_ADD), bad[i].error);
        ck_assert_int_eq(scene_xattr("dir", PENDING, NULL, 0), -ENODATA);
    }
    memset(longest, 'n', 256);
    longest[256] = '\0';
    request();
    with(PENDING, 0, 0, 1);
    asking("glusterfs.xattrop-entry-create", longest);
    ck_assert_int_eq(apply(dir, ARRAY_ADD), -ENAMETOOLONG);
    request();
    with(PENDING, 0, 0, 1);
    s.xdata.null = false;
    ck_assert_int_eq(dict_set_i64(&s.xdata, "glusterfs.xattrop-entry-create",
                                  5),
                     0);
    ck_assert_int_eq(apply(dir, ARRAY_ADD), -EINVAL);
}
END_TEST

/* --- many at once --- */

MEM_TYPE(mt_pump, "test", "pump");

enum { THREADS = 4, TURNS = 150 };

static void *
pump(void *arg)
{
    struct arena arena;
    struct dict xdata, reply, mine, got;
    struct caller caller = {.pid = 0};
    struct posix_call c = {.px = s.px, .caller = &caller, .xdata = &xdata,
                           .reply = &reply, .arena = &arena};
    static const uint8_t up[12] = {0, 0, 0, 1};
    static const uint8_t down[12] = {0xff, 0xff, 0xff, 0xff};
    int i;

    urcu_memb_register_thread();
    arena_init(&arena, &mt_pump, NULL, 0);
    for (i = 0; i < 2 * TURNS; i++) {
        const uint8_t *v = i % 2 == 0 ? up : down;

        dict_init(&xdata, &arena);
        dict_init(&reply, &arena);
        dict_init(&mine, &arena);
        dict_init(&got, &arena);
        must(dict_set_ptr(&mine, DIRTY, v, 12) == 0);
        must(dict_set_ptr(&mine, PENDING, v, 12) == 0);
        must(heal_xattrop(heal, &c, file, NULL, ARRAY_ADD, &mine, &got) == 0);
        arena_release(&arena);
    }
    urcu_memb_unregister_thread();
    return arg;
}

START_TEST(no_change_is_lost)
{
    pthread_t threads[THREADS];
    unsigned i;

    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, pump, NULL), 0);
    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    change(file, PENDING, 0);
    ck_assert_int_eq(counter(PENDING, 0), 0);
    change(file, DIRTY, 0);
    ck_assert_int_eq(counter(DIRTY, 0), 0);
    ck_assert(!in_index("xattrop", &file_gfid));
    ck_assert(!in_index("dirty", &file_gfid));
    ck_assert(!heal_is_pending(heal));
}
END_TEST

/* --- crashes --- */

/* A process of its own: fn, and what it ends with. */
static int
in_child(void (*fn)(void))
{
    int status;
    pid_t pid;

    urcu_memb_call_rcu_before_fork();
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        urcu_memb_call_rcu_after_fork_child();
        fn();
        _exit(0);
    }
    urcu_memb_call_rcu_after_fork_parent();
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* In a child a failed check is an exit status. */
#define CHILD(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            _exit(1);                                                          \
    } while (0)

static void
child_open(void)
{
    char err[HEAL_ERROR_BYTES];

    CHILD(scratch_open(&s) == 0);
    CHILD(heal_open(&heal, s.options, s.px, err) == 0);
    scratch_new_call(&s);
    CHILD(posix_find(&s.call, &file_gfid, &file) == 0);
    CHILD(posix_find(&s.call, &dir_gfid, &dir) == 0);
}

static int crash_wanted;

/* A change that begins and ends, on both; with names. */
static void
transaction(void)
{
    child_open();
    crash_at = crash_wanted;
    steps = 0;
    request();
    with(DIRTY, 0, 0, 1);
    with(PENDING, 0, 0, 1);
    asking("glusterfs.xattrop-entry-create", "name");
    CHILD(apply(dir, ARRAY_ADD) == 0);
    request();
    with(DIRTY, 1, 0, 0);
    with(PENDING, 0, 0, 0);
    CHILD(apply(file, ARRAY_ADD) == 0);
    request();
    with(DIRTY, -1, 0, 0);
    with(PENDING, 1, 1, 0);
    CHILD(apply(file, ARRAY_ADD) == 0);
    request();
    with(DIRTY, 0, 0, -1);
    with(PENDING, 0, 0, -1);
    CHILD(apply(dir, ARRAY_ADD) == 0);
    request();
    with(DIRTY, 0, 0, 0);
    with(PENDING, -1, -1, 0);
    CHILD(apply(file, ARRAY_ADD) == 0);
    crash_at = -1;
}

static void
heal_one(struct inode *inode, const char *path, const char *name)
{
    uint8_t v[12] = {0}, minus[12] = {0};
    unsigned i;

    if (getxattr(at(&s, path), name, v, 12) < 0)
        memset(v, 0, sizeof(v));
    for (i = 0; i < 12; i += 4) {
        uint32_t n = (uint32_t)v[i] << 24 | (uint32_t)v[i + 1] << 16 |
                     (uint32_t)v[i + 2] << 8 | v[i + 3];

        n = 0 - n;
        minus[i] = (uint8_t)(n >> 24);
        minus[i + 1] = (uint8_t)(n >> 16);
        minus[i + 2] = (uint8_t)(n >> 8);
        minus[i + 3] = (uint8_t)n;
    }
    request();
    CHILD(dict_set_ptr(&pairs, name, minus, 12) == 0);
    CHILD(apply(inode, ARRAY_ADD) == 0);
}

/* What a heal daemon does in the end. */
static void
healing(void)
{
    child_open();
    heal_one(file, "file", DIRTY);
    heal_one(file, "file", PENDING);
    heal_one(dir, "dir", DIRTY);
    heal_one(dir, "dir", PENDING);
    CHILD(!heal_is_pending(heal));
}

static bool
has_bits(const char *path, const char *name)
{
    uint8_t v[12];
    ssize_t n = scene_xattr(path, name, v, sizeof(v));

    return n > 0 && !array_is_zero(v, (uint32_t)n);
}

static void
nothing_is_forgotten(int at_step)
{
    static const char *const paths[] = {"file", "dir"};
    unsigned i;

    for (i = 0; i < 2; i++) {
        const struct gfid *gfid = i == 0 ? &file_gfid : &dir_gfid;

        ck_assert_msg(!has_bits(paths[i], DIRTY) || in_index("dirty", gfid),
                      "step %d: %s is dirty, and not in the index", at_step,
                      paths[i]);
        ck_assert_msg(!has_bits(paths[i], PENDING) ||
                          in_index("xattrop", gfid),
                      "step %d: %s is pending, and not in the index", at_step,
                      paths[i]);
    }
}

START_TEST(a_crash_forgets_nothing)
{
    int status = CRASHED, n;

    close_brick();
    for (n = 0; status == CRASHED; n++) {
        ck_assert_int_lt(n, 100);
        crash_wanted = n;
        status = in_child(transaction);
        ck_assert(status == CRASHED || status == 0);
        nothing_is_forgotten(n);
        ck_assert_int_eq(in_child(healing), 0);
        ck_assert_uint_eq(count_names("xattrop", false), 0);
        ck_assert_uint_eq(count_names("dirty", false), 0);
        ck_assert_uint_eq(count_names("entry-changes", false), 0);
        ck_assert_uint_eq(count_names("xattrop", true), 1);
    }
    /* Every entry, xattr and name was a step. */
    ck_assert_int_ge(n, 15);
    open_brick();
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("heal xattrop");
    TCase *tc = tcase_create("heal xattrop");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, heal_scene_begin, heal_scene_end);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, entries_follow_the_xattrs);
    tcase_add_test(tc, adding_nothing_removes_a_stale_entry);
    tcase_add_test(tc, only_sums_are_followed);
    tcase_add_test(tc, disperse_has_one_class);
    tcase_add_test(tc, all_or_none);
    tcase_add_test(tc, names_that_are_not_just_values);
    tcase_add_test(tc, xdata_is_answered);
    tcase_add_test(tc, changes_have_names);
    tcase_add_test(tc, names_of_changes_are_names);
    tcase_add_test(tc, no_change_is_lost);
    tcase_add_test(tc, a_crash_forgets_nothing);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
