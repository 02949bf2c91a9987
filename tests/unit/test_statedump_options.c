/* SPDX-License-Identifier: BSD-2-Clause */
/* The options file of statedumps: words, paths, and which file is taken. */
#include "server/admin/statedump_options.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/core/dump.h"

static struct statedump_options o;
static char dir[] = "/tmp/clinker-sdump-XXXXXX";

static int
parse(const char *text)
{
    memset(&o, 0xa5, sizeof(o));
    return statedump_options_parse(&o, text, strlen(text));
}

START_TEST(words_switch_parts_on)
{
    ck_assert_int_eq(parse("mem=yes\ninode=YES fd=yesterday iobuf=no"), 0);
    ck_assert_uint_eq(o.parts, DUMP_MEM | DUMP_INODE | DUMP_FD);
    ck_assert_str_eq(o.path, "");
}
END_TEST

START_TEST(words_are_known_in_any_case)
{
    ck_assert_int_eq(parse("MEM=Yes InodeCtx=yes FDCTX=yes History=yes"), 0);
    ck_assert_uint_eq(o.parts, DUMP_MEM | DUMP_INODECTX | DUMP_FDCTX |
                                   DUMP_HISTORY);
}
END_TEST

START_TEST(all_is_everything_whatever_its_value)
{
    ck_assert_int_eq(parse("all=no"), 0);
    ck_assert_uint_eq(o.parts, DUMP_ALL);
    ck_assert_int_eq(parse("all=yes mem=no"), 0);
    ck_assert_uint_eq(o.parts, DUMP_ALL & ~(unsigned)DUMP_MEM);
}
END_TEST

START_TEST(nothing_on_is_mem_and_callpool)
{
    ck_assert_int_eq(parse(""), 0);
    ck_assert_uint_eq(o.parts, DUMP_MEM | DUMP_CALLPOOL);
    ck_assert_int_eq(parse("priv=no strange=yes words = ="), 0);
    ck_assert_uint_eq(o.parts, DUMP_MEM | DUMP_CALLPOOL);
}
END_TEST

START_TEST(path_names_the_directory)
{
    ck_assert_int_eq(parse("\t path=/var/tmp/x \r\n priv=yes\n"), 0);
    ck_assert_str_eq(o.path, "/var/tmp/x");
    ck_assert_uint_eq(o.parts, DUMP_PRIV);
}
END_TEST

START_TEST(path_that_cannot_be_one_spoils_the_file)
{
    static char text[PATH_MAX + 64];

    ck_assert_int_eq(parse("path=relative priv=yes"), -EINVAL);
    ck_assert_uint_eq(o.parts, DUMP_ALL);
    ck_assert_str_eq(o.path, "");
    ck_assert_int_eq(parse("path="), -EINVAL);
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "path=/", 6);
    text[5 + PATH_MAX] = '\0';
    ck_assert_int_eq(parse(text), -EINVAL);
    text[5 + PATH_MAX - 1] = '\0'; /* the longest */
    ck_assert_int_eq(parse(text), 0);
    ck_assert_uint_eq(strlen(o.path), PATH_MAX - 1);
    ck_assert_int_eq(statedump_options_parse(&o, "path=/a\0b", 9), -EINVAL);
}
END_TEST

/* --- files --- */

static void
dir_make(void)
{
    strcpy(dir, "/tmp/clinker-sdump-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
path_of(char out[PATH_MAX], const char *name)
{
    (void)snprintf(out, PATH_MAX, "%s/%s", dir, name);
}

static void
put(const char *name, const char *text, size_t bytes)
{
    char path[PATH_MAX];
    FILE *f;

    path_of(path, name);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text, 1, bytes, f), bytes);
    ck_assert_int_eq(fclose(f), 0);
}

static void
drop(const char *name)
{
    char path[PATH_MAX];

    path_of(path, name);
    ck_assert_int_eq(unlink(path), 0);
}

static void
dir_remove(void)
{
    ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(no_file_is_everything)
{
    ck_assert_int_eq(statedump_options_read(&o, dir, 77), 0);
    ck_assert_uint_eq(o.parts, DUMP_ALL);
    ck_assert_str_eq(o.path, "");
}
END_TEST

START_TEST(file_for_all_goes_before_file_for_pid)
{
    put("glusterdump.77.options", "inode=yes", 9);
    put("glusterdump.78.options", "priv=yes", 8);
    ck_assert_int_eq(statedump_options_read(&o, dir, 77), 1);
    ck_assert_uint_eq(o.parts, DUMP_INODE);
    put("glusterdump.options", "fd=yes", 6);
    ck_assert_int_eq(statedump_options_read(&o, dir, 77), 1);
    ck_assert_uint_eq(o.parts, DUMP_FD);
    drop("glusterdump.options");
    drop("glusterdump.77.options");
    drop("glusterdump.78.options");
}
END_TEST

START_TEST(file_has_a_bound)
{
    static char text[STATEDUMP_OPTIONS_BYTES_MAX + 1];

    memset(text, ' ', sizeof(text));
    memcpy(text, "fd=yes", 6);
    put("glusterdump.options", text, sizeof(text) - 1);
    ck_assert_int_eq(statedump_options_read(&o, dir, 77), 1);
    ck_assert_uint_eq(o.parts, DUMP_FD);
    put("glusterdump.options", text, sizeof(text));
    ck_assert_int_eq(statedump_options_read(&o, dir, 77), -EFBIG);
    ck_assert_uint_eq(o.parts, DUMP_ALL);
    drop("glusterdump.options");
}
END_TEST

START_TEST(what_is_no_file_is_not_read)
{
    char path[PATH_MAX];

    path_of(path, "glusterdump.options");
    ck_assert_int_eq(mkfifo(path, 0600), 0); /* would block for ever */
    ck_assert_int_eq(statedump_options_read(&o, dir, 77), -EINVAL);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    ck_assert_int_eq(statedump_options_read(&o, dir, 77), -ELOOP);
    ck_assert_uint_eq(o.parts, DUMP_ALL);
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("statedump_options");
    TCase *words = tcase_create("words"), *files = tcase_create("files");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(words, words_switch_parts_on);
    tcase_add_test(words, words_are_known_in_any_case);
    tcase_add_test(words, all_is_everything_whatever_its_value);
    tcase_add_test(words, nothing_on_is_mem_and_callpool);
    tcase_add_test(words, path_names_the_directory);
    tcase_add_test(words, path_that_cannot_be_one_spoils_the_file);
    suite_add_tcase(s, words);
    tcase_add_checked_fixture(files, dir_make, dir_remove);
    tcase_add_test(files, no_file_is_everything);
    tcase_add_test(files, file_for_all_goes_before_file_for_pid);
    tcase_add_test(files, file_has_a_bound);
    tcase_add_test(files, what_is_no_file_is_not_read);
    suite_add_tcase(s, files);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
