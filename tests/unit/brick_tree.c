/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/brick_tree.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { LINES_MAX = 256, LINE_BYTES = 2048, NAMES_MAX = 64,
       LEVEL1_BYTES = sizeof("/.glusterfs/xx") - 1 };

static char lines[LINES_MAX][LINE_BYTES];
static size_t lines_count;
static size_t top_bytes;

static void
put(char *line, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void
put(char *line, const char *fmt, ...)
{
    size_t used = strlen(line);
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line + used, LINE_BYTES - used, fmt, ap);
    va_end(ap);
    ck_assert(n >= 0 && (size_t)n < LINE_BYTES - used);
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
by_line(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void
put_xattrs(char *line, const char *path)
{
    char names[4096], value[1024];
    const char *sorted[NAMES_MAX] = {NULL};
    ssize_t n = llistxattr(path, names, sizeof(names));
    size_t count = 0;

    ck_assert_int_ge(n, 0);
    for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1) {
        ck_assert_uint_lt(count, NAMES_MAX);
        sorted[count++] = names + i;
    }
    qsort(sorted, count, sizeof(sorted[0]), by_text);
    for (size_t i = 0; i < count; i++) {
        n = lgetxattr(path, sorted[i], value, sizeof(value));
        ck_assert_int_ge(n, 0);
        put(line, " %s=", sorted[i]);
        for (ssize_t k = 0; k < n; k++)
            put(line, "%02x", (unsigned char)value[k]);
    }
}

/* Allocated space beyond the end is part of the state. */
static void
put_data(char *line, const char *path, const struct stat *st)
{
    uint64_t sum = 14695981039346656037u;
    unsigned char bytes[4096];
    int fd = open(path, O_RDONLY | O_NOATIME | O_CLOEXEC);
    ssize_t n;

    ck_assert_int_ge(fd, 0);
    while ((n = read(fd, bytes, sizeof(bytes))) > 0)
        for (ssize_t i = 0; i < n; i++)
            sum = (sum ^ bytes[i]) * 1099511628211u;
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(close(fd), 0);
    put(line, " size=%lld sum=%" PRIx64, (long long)st->st_size, sum);
}

static bool
is_level(const char *name)
{
    return strncmp(name, "/.glusterfs/", 12) == 0 &&
           strspn(name + 12, "0123456789abcdef/") == strlen(name + 12) &&
           strlen(name + 12) <= 5;
}

static int
one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    const char *name = path + top_bytes;
    char target[256];
    char *line;
    ssize_t n;

    /* No handle below it: there are hundreds of these. */
    if (S_ISDIR(st->st_mode) && is_level(name))
        return st->st_nlink == 2 && strlen(name) == LEVEL1_BYTES
                   ? FTW_SKIP_SUBTREE
                   : FTW_CONTINUE;
    ck_assert_uint_lt(lines_count, LINES_MAX);
    line = lines[lines_count++];
    line[0] = '\0';
    put(line, "%s mode=%o owner=%u:%u", name, st->st_mode, st->st_uid,
        st->st_gid);
    if (!S_ISDIR(st->st_mode))
        put(line, " links=%lu", (unsigned long)st->st_nlink);
    if (S_ISREG(st->st_mode))
        put_data(line, path, st);
    if (S_ISLNK(st->st_mode)) {
        n = readlink(path, target, sizeof(target) - 1);
        ck_assert_int_ge(n, 0);
        target[n] = '\0';
        put(line, " target=%s", target);
    }
    put_xattrs(line, path);
    return FTW_CONTINUE;
}

void
brick_tree_read(const char *brick, char out[BRICK_TREE_BYTES])
{
    size_t used = 0;

    lines_count = 0;
    top_bytes = strlen(brick);
    ck_assert_int_eq(nftw(brick, one, 16, FTW_PHYS | FTW_ACTIONRETVAL), 0);
    qsort(lines, lines_count, sizeof(lines[0]), by_line);
    out[0] = '\0';
    for (size_t i = 0; i < lines_count; i++) {
        int n = snprintf(out + used, BRICK_TREE_BYTES - used, "%s\n",
                         lines[i]);

        ck_assert(n > 0 && (size_t)n < BRICK_TREE_BYTES - used);
        used += (size_t)n;
    }
}

const char *
brick_tree_difference(const char *before, const char *after)
{
    static char text[LINE_BYTES * 2];
    size_t from = 0, i;

    for (i = 0; before[i] == after[i]; i++) {
        if (before[i] == '\0')
            return "";
        if (before[i] == '\n')
            from = i + 1;
    }
    (void)snprintf(text, sizeof(text), "before: %.*s\nafter:  %.*s",
                   (int)strcspn(before + from, "\n"), before + from,
                   (int)strcspn(after + from, "\n"), after + from);
    return text;
}
