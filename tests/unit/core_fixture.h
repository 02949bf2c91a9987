/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of server/core share. */
#ifndef CLINKER_TESTS_UNIT_CORE_FIXTURE_H
#define CLINKER_TESTS_UNIT_CORE_FIXTURE_H

#include <check.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* A directory for each test, made before and removed after it; relative names
 * are in it. */
extern char core_dir[64];
void core_dir_make(void);
/* Also asserts that all memory of server.core was given back. */
void core_dir_remove(void);

void core_file_write(const char *name, const char *text);
/* NUL-terminated, good until the next call; bytes may be NULL. */
const char *core_file_read(const char *name, size_t *bytes);

/* Lines gathered from warn() and note() callbacks. */
struct core_lines {
    char text[8192];
    size_t count;
};
void core_lines_add(void *arg, const char *line);

/* With checked fixture, and its closing line. */
int core_run(Suite *suite);
TCase *core_tcase(Suite *suite, const char *name);

#define ck_assert_contains(text_, part_)                                       \
    ck_assert_msg(strstr((text_), (part_)) != NULL,                            \
                  "'%s' is not in '%s'", (part_), (text_))
#define ck_assert_contains_not(text_, part_)                                   \
    ck_assert_msg(strstr((text_), (part_)) == NULL, "'%s' is in '%s'",         \
                  (part_), (text_))

#endif
