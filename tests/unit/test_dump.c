/* SPDX-License-Identifier: BSD-2-Clause */
/* Statedump files: whole or not there, and lines that stay lines. */
#include "server/core/dump.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/core_fixture.h"

static size_t
files_here(void)
{
    DIR *dir = opendir(".");
    size_t n = 0;

    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        n += e->d_name[0] != '.';
    ck_assert_int_eq(closedir(dir), 0);
    return n;
}

START_TEST(a_dump_has_the_peers_form)
{
    char path[PATH_MAX];
    struct stat st;
    struct dump *d;
    const char *text;
    size_t bytes;

    ck_assert_int_eq(dump_begin(&d, ".", DUMP_ALL, false), 0);
    dump_section(d, "mem.%s", "pool");
    dump_line(d, "size", "%d", 42);
    dump_raw(d, "as it is");
    dump_raw(d, "with its own end\n");
    ck_assert_int_eq(dump_end(&d, "b.1.dump.2", path, sizeof(path)), 0);
    ck_assert_ptr_null(d);
    ck_assert_str_eq(path, "./b.1.dump.2");
    text = core_file_read(path, &bytes);
    ck_assert(strncmp(text, "DUMP-START-TIME: 20", 19) == 0);
    ck_assert_contains(text, " +0000\n\n[mem.pool]\nsize=42\nas it is\n"
                             "with its own end\n\nDUMP-END-TIME: 20");
    ck_assert_int_ne(text[bytes - 1], '\n');
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_uint_eq(files_here(), 1);
}
END_TEST

START_TEST(nothing_has_the_final_name_before_the_end)
{
    struct dump *d;

    ck_assert_int_eq(dump_begin(&d, ".", DUMP_ALL, false), 0);
    for (int i = 0; i < 10000; i++)
        dump_line(d, "key", "%d", i);
    ck_assert_int_ne(access("x", F_OK), 0);
    ck_assert_uint_eq(files_here(), 1); /* the temporary one */
    ck_assert_int_eq(dump_end(&d, "x", NULL, 0), 0);
    ck_assert_contains(core_file_read("x", NULL), "key=0\nkey=1\n");
    ck_assert_contains(core_file_read("x", NULL), "key=9998\nkey=9999\n");
    ck_assert_uint_eq(files_here(), 1);
}
END_TEST

START_TEST(names_from_clients_stay_on_their_line)
{
    struct dump *d;

    ck_assert_int_eq(dump_begin(&d, ".", DUMP_ALL, false), 0);
    dump_section(d, "%s", "a]\n[b");
    dump_line(d, "k\n[c]", "%s", "v\n[d]\nDUMP-END-TIME: now");
    ck_assert_int_eq(dump_end(&d, "x", NULL, 0), 0);
    ck_assert_contains(core_file_read("x", NULL),
                       "\n[a]\\x0a[b]\n"
                       "k\\x0a[c]=v\\x0a[d]\\x0aDUMP-END-TIME: now\n");
}
END_TEST

START_TEST(long_lines_are_cut)
{
    static char big[10000];
    struct dump *d;
    const char *text, *line, *end;

    memset(big, 'v', sizeof(big) - 1);
    ck_assert_int_eq(dump_begin(&d, ".", DUMP_ALL, false), 0);
    dump_line(d, "key", "%s", big);
    dump_line(d, big, "%s", big);
    dump_raw(d, "%s", big);
    dump_section(d, "%s", big);
    ck_assert_int_eq(dump_end(&d, "x", NULL, 0), 0);
    text = core_file_read("x", NULL);
    for (line = text; (end = strchr(line, '\n')) != NULL; line = end + 1)
        ck_assert_int_le(end - line + 1, DUMP_LINE_BYTES_MAX);
    ck_assert_contains(text, "\nkey=vvvv");
    ck_assert_contains(text, "vvv]\n");
}
END_TEST

START_TEST(parts_can_be_left_out)
{
    struct dump *d;

    ck_assert_int_eq(dump_begin(&d, ".", DUMP_MEM | DUMP_FD, false), 0);
    ck_assert(dump_wants(d, DUMP_MEM) && dump_wants(d, DUMP_FD));
    ck_assert(!dump_wants(d, DUMP_INODE) && !dump_wants(d, DUMP_FDCTX));
    ck_assert_int_eq(dump_end(&d, "x", NULL, 0), 0);
}
END_TEST

START_TEST(a_directory_that_is_none_is_told)
{
    static char longer[PATH_MAX + 10];
    struct dump *d;

    ck_assert_int_eq(dump_begin(&d, "none", DUMP_ALL, false), -ENOENT);
    ck_assert_ptr_null(d);
    core_file_write("file", "");
    ck_assert_int_eq(dump_begin(&d, "file", DUMP_ALL, false), -ENOTDIR);
    memset(longer, 'x', sizeof(longer) - 1);
    ck_assert_int_eq(dump_begin(&d, longer, DUMP_ALL, false), -ENAMETOOLONG);
}
END_TEST

static void
assert_refused(const char *name, char *path, size_t path_bytes, int err)
{
    struct dump *d;

    ck_assert_int_eq(dump_begin(&d, ".", DUMP_ALL, false), 0);
    ck_assert_int_eq(dump_end(&d, name, path, path_bytes), err);
    ck_assert_ptr_null(d);
    ck_assert_uint_eq(files_here(), 0);
}

START_TEST(names_that_lead_elsewhere_leave_no_file)
{
    static char longer[PATH_MAX];
    char path[4];

    assert_refused("a/b", NULL, 0, -EINVAL);
    assert_refused("../x", NULL, 0, -EINVAL);
    assert_refused("", NULL, 0, -EINVAL);
    memset(longer, 'x', sizeof(longer) - 1);
    assert_refused(longer, NULL, 0, -ENAMETOOLONG);
    longer[256] = '\0';
    assert_refused(longer, NULL, 0, -ENAMETOOLONG);
    assert_refused("xy", path, sizeof(path), -ENAMETOOLONG);
}
END_TEST

START_TEST(a_full_disk_is_told_and_leaves_no_file)
{
    const struct rlimit few = {100 * 1024, RLIM_INFINITY};
    struct dump *d;

    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    ck_assert_int_eq(dump_begin(&d, ".", DUMP_ALL, false), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
    for (int i = 0; i < 100000; i++)
        dump_line(d, "key", "%d", i);
    ck_assert_int_eq(dump_end(&d, "x", NULL, 0), -EFBIG);
    ck_assert_uint_eq(files_here(), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dump");
    TCase *tc = core_tcase(suite, "dump");

    tcase_add_test(tc, a_dump_has_the_peers_form);
    tcase_add_test(tc, nothing_has_the_final_name_before_the_end);
    tcase_add_test(tc, names_from_clients_stay_on_their_line);
    tcase_add_test(tc, long_lines_are_cut);
    tcase_add_test(tc, parts_can_be_left_out);
    tcase_add_test(tc, a_directory_that_is_none_is_told);
    tcase_add_test(tc, names_that_lead_elsewhere_leave_no_file);
    tcase_add_test(tc, a_full_disk_is_told_and_leaves_no_file);
    return core_run(suite);
}
