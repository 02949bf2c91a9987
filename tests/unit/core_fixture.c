/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/core_fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem/account.h"

char core_dir[64];

void
core_dir_make(void)
{
    strcpy(core_dir, "/tmp/clinker-core-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(core_dir));
    ck_assert_int_eq(chdir(core_dir), 0);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    return remove(path);
}

void
core_dir_remove(void)
{
    struct mem_type_stats stats[64];
    size_t n = mem_account_read(stats, 64);

    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(nftw(core_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    ck_assert_uint_le(n, 64);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(stats[i].module, "server.core") == 0)
            ck_assert_msg(stats[i].size == 0, "%s has leaked", stats[i].name);
    }
}

void
core_file_write(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

const char *
core_file_read(const char *name, size_t *bytes)
{
    static char text[1 << 20];
    FILE *f = fopen(name, "r");
    size_t n;

    ck_assert_msg(f != NULL, "%s: %m", name);
    n = fread(text, 1, sizeof(text) - 1, f);
    ck_assert_int_eq(ferror(f), 0);
    ck_assert_int_eq(fclose(f), 0);
    text[n] = '\0';
    if (bytes != NULL)
        *bytes = n;
    return text;
}

void
core_lines_add(void *arg, const char *line)
{
    struct core_lines *lines = arg;
    size_t used = strlen(lines->text);

    ck_assert_ptr_null(strchr(line, '\n'));
    ck_assert_uint_lt(used + strlen(line) + 1, sizeof(lines->text));
    (void)sprintf(lines->text + used, "%s\n", line);
    lines->count++;
}

TCase *
core_tcase(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, core_dir_make, core_dir_remove);
    suite_add_tcase(suite, tc);
    return tc;
}

int
core_run(Suite *suite)
{
    SRunner *sr = srunner_create(suite);
    int failed;

    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
