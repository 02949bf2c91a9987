/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended attributes: what is stored, shown, hidden and made up. */
#include "posix_scene.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/must.h"
#include "server/core/acl.h"

static struct fd *fd;
static struct inode *inode;

static void
setup(void)
{
    scene_begin();
    fd = scene_open(posix_root(s.px), "f");
    inode = fd->inode;
}

static void
teardown(void)
{
    fd_put(fd);
    scene_end();
}

static int
set(struct fd *by, const char *name, const void *value, uint32_t bytes)
{
    struct dict pairs;

    dict_init(&pairs, &s.arena);
    ck_assert_int_eq(dict_set_ptr(&pairs, name, value, bytes), 0);
    return posix_setxattr(&s.call, inode, by, &pairs, 0);
}

static int
get(struct fd *by, const char *name, struct dict *result)
{
    dict_init(result, &s.arena);
    return posix_getxattr(&s.call, inode, by, name, result);
}

static int
length_of(struct fd *by, const char *name)
{
    struct dict result;

    return get(by, name, &result);
}

START_TEST(values_come_back_as_stored)
{
    const struct dict_pair *p;
    struct dict result, pairs;
    char *large = malloc(4000);

    ck_assert_ptr_nonnull(large);
    memset(large, 'v', 4000);
    ck_assert_int_eq(set(NULL, "user.a", "xyz", 3), 0);
    ck_assert_int_eq(get(NULL, "user.a", &result), 3);
    p = dict_find(&result, "user.a");
    ck_assert_int_eq(p->type, DICT_PTR);
    ck_assert_int_eq(memcmp(p->data, "xyz", 3), 0);
    ck_assert_int_eq(set(fd, "user.empty", "", 0), 0);
    ck_assert_int_eq(length_of(fd, "user.empty"), 0);
    ck_assert_int_eq(length_of(NULL, "user.none"), -ENODATA);
    /* More than the first guess. */
    ck_assert_int_eq(set(NULL, "user.large", large, 3500), 0);
    ck_assert_int_eq(length_of(NULL, "user.large"), 3500);
    free(large);
    dict_init(&pairs, &s.arena);
    ck_assert_int_eq(posix_setxattr(&s.call, inode, NULL, &pairs, 0), 0);
    ck_assert_int_eq(posix_setxattr(&s.call, inode, NULL, &pairs, 4),
                     -EINVAL);
    ck_assert_int_eq(dict_set_u64(&pairs, "trusted.glusterfs.dht.commithash",
                                  3702389653),
                     0);
    ck_assert_int_eq(posix_setxattr(&s.call, inode, NULL, &pairs, 0), 0);
    ck_assert_int_eq(get(NULL, "trusted.glusterfs.dht.commithash", &result),
                     11);
    ck_assert_str_eq((const char *)result.pairs[0].data, "3702389653");
}
END_TEST

START_TEST(changes_answer_three_iatts)
{
    const struct dict_pair *p;

    s.caller.time_flags = CALLER_CTIME;
    s.caller.time = (struct timespec){7000, 0};
    ck_assert_int_eq(set(fd, "user.a", "1", 1), 0);
    ck_assert_uint_eq(s.reply.count, 3);
    ck_assert(dict_has(&s.reply, "dht-get-iatt-in-xattr"));
    ck_assert(dict_has(&s.reply, "virt-gf-prestat"));
    p = dict_find(&s.reply, "virt-gf-poststat");
    ck_assert_int_eq(p->type, DICT_IATT);
    ck_assert_int_eq(p->iatt->ctime.tv_sec, 7000);
    scratch_new_call(&s);
    ck_assert_int_eq(posix_removexattr(&s.call, inode, NULL, "user.a"), 0);
    ck_assert_uint_eq(s.reply.count, 3);
}
END_TEST

START_TEST(names_that_are_not_for_clients_are_refused)
{
    char longest[300] = "user.";
    struct gfid gfid;

    ck_assert_int_eq(set(NULL, "trusted.gfid", "0123456789abcdef", 16), 0);
    ck_assert_int_eq(scene_xattr("f", "trusted.gfid", &gfid, 16), 16);
    ck_assert(gfid_equal(&gfid, &inode->gfid));
    ck_assert_int_eq(set(NULL, "trusted.glusterfs.volume-id", "x", 1), 0);
    ck_assert_int_eq(set(NULL, "trusted.gfid2path.0", "x", 1), -ENOTSUP);
    ck_assert_int_eq(set(NULL, "trusted.glusterfs.pathinfo", "x", 1),
                     -EACCES);
    ck_assert_int_eq(set(NULL, "trusted.bit-rot.version", "x", 1), -EINVAL);
    ck_assert_int_eq(set(NULL, "trusted.io-stats-dump", "/tmp/x", 6), 0);
    ck_assert_int_eq(scene_xattr("f", "trusted.io-stats-dump", NULL, 0),
                     -ENODATA);
    ck_assert_int_eq(set(NULL, "glusterfs.file.x", "x", 1), -ENOTSUP);
    ck_assert_int_eq(set(NULL, "/etc/passwd", "x", 1), -ENOTSUP);
    ck_assert_int_eq(set(NULL, "", "x", 1), -ERANGE);
    memset(longest + 5, 'n', 251);
    ck_assert_int_eq(set(NULL, longest, "x", 1), -ERANGE);
    ck_assert_int_eq(length_of(NULL, longest), -ERANGE);
    ck_assert_int_eq(posix_removexattr(&s.call, inode, NULL, longest),
                     -ERANGE);
    longest[255] = '\0';
    ck_assert_int_eq(set(NULL, longest, "x", 1), 0);
    ck_assert_int_eq(posix_removexattr(&s.call, inode, NULL, "trusted.gfid"),
                     -EPERM);
    ck_assert_int_eq(posix_removexattr(&s.call, inode, NULL,
                                       "trusted.gfid2path.0"),
                     -ENODATA);
    ck_assert_int_eq(posix_removexattr(&s.call, inode, NULL,
                                       "trusted.bit-rot.signature"),
                     -EINVAL);
    ck_assert_int_eq(posix_removexattr(&s.call, inode, NULL, ""), -ERANGE);
    /* An empty list is no error. */
    s.xdata.null = false;
    ck_assert_int_eq(posix_removexattr(&s.call, inode, NULL, ""), 0);
    s.xdata.null = true;
}
END_TEST

START_TEST(listings_hide_what_is_ours)
{
    static const char *const hidden[] = {
        "trusted.glusterfs.mdata",   "trusted.glusterfs.v.xtime",
        "trusted.glusterfs.v.stime", "trusted.glusterfs.quota.size",
        "trusted.pgfid.x",           "trusted.bit-rot.version",
    };
    struct dict result;
    uint32_t i;
    size_t k;

    for (k = 0; k < COUNT_OF(hidden); k++)
        ck_assert_int_eq(setxattr(at(&s, "f"), hidden[k], "x", 1, 0), 0);
    ck_assert_int_eq(set(NULL, "trusted.afr.dirty", "123456789012", 12), 0);
    ck_assert_int_ge(get(NULL, "", &result), 0);
    ck_assert_uint_eq(result.count, 1);
    ck_assert_str_eq(result.pairs[0].key, "trusted.afr.dirty");
    s.caller.pid = CALLER_PID_SELF_HEAL;
    ck_assert_int_ge(get(NULL, NULL, &result), 0);
    for (i = 0; i < result.count; i++)
        ck_assert_ptr_null(strstr(result.pairs[i].key, "gfid"));
    ck_assert(dict_has(&result, "trusted.glusterfs.mdata"));
    ck_assert_uint_eq(result.count, 2);
    s.caller.pid = 0;
    ck_assert_int_eq(length_of(NULL, "trusted.glusterfs.mdata"), -ENODATA);
    ck_assert_int_eq(length_of(NULL, "trusted.glusterfs.v.xtime"), -ENODATA);
    ck_assert_int_eq(length_of(NULL, "trusted.glusterfs.quota.size"), 1);
    ck_assert_int_eq(length_of(NULL, "trusted.bit-rot.version"), -EINVAL);
    ck_assert_int_eq(get(NULL, "trusted.gfid", &result), 16);
    ck_assert_uint_eq(result.count, 0);
}
END_TEST

START_TEST(a_list_results_in_the_length_read_last)
{
    struct inode *plain = scene_file(posix_root(s.px), "plain");
    struct dict result;

    dict_init(&result, &s.arena);
    /* gfid and gfid2path alone, in whatever order. */
    ck_assert_int_eq(posix_getxattr(&s.call, plain, NULL, "", &result), 16);
    ck_assert_uint_eq(result.count, 0);
    inode_put(plain);
}
END_TEST

START_TEST(mdata_is_merged_not_stored)
{
    struct mdata md = {.ctime = {100, 0}, .mtime = {200, 0},
                       .atime = {300, 0}};
    struct iatt stat;
    struct dict pairs;
    uint8_t value[MDATA_BYTES];

    dict_init(&pairs, &s.arena);
    const struct dict_pair pair = {.key = "set-ctime-mdata",
                                   .type = DICT_MDATA, .mdata = &md};
    ck_assert_int_eq(dict_set_pair(&pairs, &pair), 0);
    ck_assert_int_eq(posix_setxattr(&s.call, inode, NULL, &pairs, 0), 0);
    ck_assert(s.reply.null);
    ck_assert_int_eq(posix_stat(&s.call, inode, NULL, &stat), 0);
    ck_assert_int_eq(stat.mtime.tv_sec, 200);
    md.mtime.tv_sec = 150;
    md.atime.tv_sec = 400;
    posix_mdata_format(&md, value);
    ck_assert_int_eq(set(NULL, "trusted.glusterfs.mdata", value,
                         sizeof(value)),
                     0);
    ck_assert_int_eq(posix_stat(&s.call, inode, NULL, &stat), 0);
    ck_assert_int_eq(stat.mtime.tv_sec, 200);
    ck_assert_int_eq(stat.atime.tv_sec, 400);
    ck_assert_int_eq(set(NULL, "trusted.glusterfs.mdata", "short", 5),
                     -EINVAL);
}
END_TEST

START_TEST(bulk_removal_takes_what_is_there)
{
    ck_assert_int_eq(set(NULL, "user.a", "1", 1), 0);
    ck_assert_int_eq(set(NULL, "user.b", "1", 1), 0);
    scratch_new_call(&s);
    ck_assert_int_eq(dict_set_ptr(&s.xdata, "user.a", "", 0), 0);
    ck_assert_int_eq(dict_set_ptr(&s.xdata, "user.none", "", 0), 0);
    ck_assert_int_eq(posix_removexattr(&s.call, inode, NULL, ""), 0);
    ck_assert_int_eq(scene_xattr("f", "user.a", NULL, 0), -ENODATA);
    ck_assert_int_eq(scene_xattr("f", "user.b", NULL, 0), 1);
    ck_assert_int_eq(dict_set_ptr(&s.xdata, "user.b", "", 0), 0);
    ck_assert_int_eq(dict_set_ptr(&s.xdata, "trusted.gfid", "", 0), 0);
    ck_assert_int_eq(posix_removexattr(&s.call, inode, NULL, ""), -EPERM);
    ck_assert_int_eq(scene_xattr("f", "user.b", NULL, 0), 1);
}
END_TEST

START_TEST(selinux_labels_are_kept_under_another_name)
{
    struct dict result;

    ck_assert_int_eq(set(NULL, "security.selinux", "label", 6), 0);
    ck_assert_int_eq(scene_xattr("f", "trusted.glusterfs.selinux", NULL, 0),
                     6);
    ck_assert_int_eq(get(fd, "security.selinux", &result), 6);
    ck_assert(dict_has(&result, "security.selinux"));
    ck_assert_int_eq(get(NULL, "trusted.glusterfs.selinux", &result), 6);
    ck_assert(dict_has(&result, "security.selinux"));
    ck_assert_int_eq(posix_removexattr(&s.call, inode, NULL,
                                       "security.selinux"),
                     -ENODATA);
}
END_TEST

/* --- ACLs --- */

START_TEST(acls_are_cached_and_follow_changes)
{
    static const char text[] = "u::rw-,u:2000:rw-,g::r--,m::rw-,o::---";
    const uint8_t *value;
    uint32_t bytes = 9;
    struct iatt mode = {.mode = 0600}, pre, post;
    struct dict result;

    if (!s.px->acl_supported)
        return;
    ck_assert_int_eq(posix_acl(s.px, inode, false, &s.arena, &value, &bytes),
                     0);
    ck_assert_uint_eq(bytes, 0);
    ck_assert_int_eq(set(NULL, "glusterfs.posix.acl", text, sizeof(text)), 0);
    ck_assert(dict_has(&s.reply, "system.posix_acl_access"));
    ck_assert_int_eq(posix_acl(s.px, inode, false, &s.arena, &value, &bytes),
                     0);
    ck_assert_str_eq(acl_to_text(value, bytes, &s.arena), text);
    ck_assert_int_eq(get(NULL, "glusterfs.posix.acl", &result), 0);
    ck_assert_str_eq(dict_str(&result, "glusterfs.posix.acl"), text);
    ck_assert_int_eq(length_of(fd, "glusterfs.posix.acl"), -ENOTSUP);
    /* chmod changes the mask behind the ACL's back. */
    ck_assert_int_eq(posix_setattr(&s.call, inode, NULL, &mode, SETATTR_MODE,
                                   &pre, &post),
                     0);
    ck_assert_int_eq(posix_acl(s.px, inode, false, &s.arena, &value, &bytes),
                     0);
    ck_assert_str_eq(acl_to_text(value, bytes, &s.arena),
                     "u::rw-,u:2000:rw-,g::r--,m::---,o::---");
    ck_assert_int_eq(posix_removexattr(&s.call, inode, NULL,
                                       "system.posix_acl_access"),
                     0);
    ck_assert_int_eq(posix_acl(s.px, inode, false, &s.arena, &value, &bytes),
                     0);
    ck_assert_uint_eq(bytes, 0);
    ck_assert_int_eq(set(NULL, "system.posix_acl_access", "junk", 4),
                     -EOPNOTSUPP);
}
END_TEST

START_TEST(acl_values_are_checked)
{
    const uint8_t *value, *access;
    uint32_t bytes, access_bytes, mode = 0640;

    ck_assert_int_eq(acl_from_text("o::r--,u::rwx,g::r-x", &s.arena, &value,
                                   &bytes),
                     0);
    ck_assert_str_eq(acl_to_text(value, bytes, &s.arena),
                     "u::rwx,g::r-x,o::r--");
    ck_assert_int_eq(acl_check(value, bytes - 1), -EINVAL);
    ck_assert_int_eq(acl_check(value, 3), -EINVAL);
    ck_assert_int_eq(acl_check(value, 4), -EINVAL);
    ck_assert_int_eq(acl_check((const uint8_t *)"\3\0\0\0", 4), -EOPNOTSUPP);
    ck_assert_int_eq(acl_inherit(value, bytes, &mode, &s.arena, &access,
                                 &access_bytes),
                     0);
    ck_assert_str_eq(acl_to_text(access, access_bytes, &s.arena),
                     "u::rw-,g::r--,o::---");
    ck_assert_uint_eq(mode, 0640);
    ck_assert_int_eq(acl_from_text("", &s.arena, &value, &bytes), -EINVAL);
    ck_assert_int_eq(acl_from_text("u::rwx", &s.arena, &value, &bytes),
                     -EINVAL);
    ck_assert_int_eq(acl_from_text("u::rwx,u:5:r--,g::r--,o::---", &s.arena,
                                   &value, &bytes),
                     -EINVAL);
    ck_assert_int_eq(acl_from_text("u:99999999999:rwx", &s.arena, &value,
                                   &bytes),
                     -EINVAL);
    ck_assert_int_eq(acl_from_text("m:5:rwx", &s.arena, &value, &bytes),
                     -EINVAL);
    ck_assert_int_eq(acl_from_text("u::rwxr", &s.arena, &value, &bytes),
                     -EINVAL);
    ck_assert_int_eq(acl_from_text("u:", &s.arena, &value, &bytes), -EINVAL);
}
END_TEST

START_TEST(a_pointer_file_keeps_its_mode)
{
    static const char text[] = "u::rw-,g::rw-,o::rw-";
    struct stat st;

    ck_assert_int_eq(chmod(at(&s, "f"), 01000), 0);
    ck_assert_int_eq(set(NULL, "glusterfs.posix.acl", text, sizeof(text)), 0);
    ck_assert(scene_stat("f", &st));
    ck_assert_uint_eq(st.st_mode & 07777, 01000);
}
END_TEST

/* --- made up --- */

START_TEST(made_up_values_are_the_peers)
{
    struct inode *dir = scene_dir(posix_root(s.px), "Dir");
    char want[600];
    struct dict result;
    int n;

    n = snprintf(want, sizeof(want), "<POSIX(%s):%s:%s/f>", s.px->directory,
                 s.px->hostname, s.px->directory);
    ck_assert_int_eq(get(NULL, "glusterfs.pathinfo", &result), n);
    ck_assert_str_eq(dict_str(&result, "glusterfs.pathinfo"), want);
    ck_assert_int_eq(length_of(fd, "glusterfs.pathinfo"), -ENOTSUP);
    ck_assert_int_eq(length_of(NULL, "trusted.glusterfs.list-node-uuids"),
                     -ENODATA);
    ck_assert_int_eq(get(NULL, "glusterfs.gfidtopath", &result), 0);
    ck_assert_uint_eq(result.pairs[0].bytes, 2);
    ck_assert_int_eq(memcmp(result.pairs[0].data, "/f", 2), 0);
    ck_assert_int_eq(length_of(NULL, "glusterfs.open-fd-count"), 0);
    ck_assert_int_eq(length_of(NULL, "glusterfs.ancestry.path"), -ENODATA);
    ck_assert_int_eq(length_of(NULL, "glusterfs.get_real_filename:F"),
                     -ENOTDIR);
    dict_init(&result, &s.arena);
    ck_assert_int_eq(posix_getxattr(&s.call, posix_root(s.px), NULL,
                                    "glusterfs.get_real_filename:dIR",
                                    &result),
                     4);
    ck_assert_str_eq(dict_str(&result, "glusterfs.get_real_filename:dIR"),
                     "Dir");
    ck_assert_int_eq(posix_getxattr(&s.call, posix_root(s.px), NULL,
                                    "glusterfs.get_real_filename:.GLUSTERFS",
                                    &result),
                     -ENODATA);
    dict_init(&result, &s.arena);
    ck_assert_int_eq(posix_getxattr(&s.call, dir, NULL,
                                    "glusterfs.ancestry.path", &result),
                     0);
    ck_assert_str_eq(dict_str(&result, "glusterfs.ancestry.path"), "/Dir");
    inode_put(dir);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("posix xattrs");
    TCase *tc = tcase_create("xattrs");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, values_come_back_as_stored);
    tcase_add_test(tc, changes_answer_three_iatts);
    tcase_add_test(tc, names_that_are_not_for_clients_are_refused);
    tcase_add_test(tc, listings_hide_what_is_ours);
    tcase_add_test(tc, a_list_results_in_the_length_read_last);
    tcase_add_test(tc, mdata_is_merged_not_stored);
    tcase_add_test(tc, bulk_removal_takes_what_is_there);
    tcase_add_test(tc, selinux_labels_are_kept_under_another_name);
    tcase_add_test(tc, acls_are_cached_and_follow_changes);
    tcase_add_test(tc, acl_values_are_checked);
    tcase_add_test(tc, a_pointer_file_keeps_its_mode);
    tcase_add_test(tc, made_up_values_are_the_peers);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
