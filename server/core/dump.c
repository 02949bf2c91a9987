/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A statedump on its way to disk.  Lines gather in a buffer; the file has a
 * temporary name until it is whole, because people and scripts take what they
 * find under the final one.  After the first error nothing more is written,
 * and dump_end() tells it.
 */
#include "server/core/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "server/core/escape.h"
#include "server/core/timestamp.h"

#define DUMP_MAGIC 0x44554d50u

enum { DUMP_BUFFER_BYTES = 64 * 1024 };

MEM_TYPE(mt_dump, "server.core", "dump");

struct dump {
    unsigned magic;
    unsigned parts;
    bool local_time;
    int fd;
    int err; /* the first one, 0 until then */
    size_t used;
    char dir[PATH_MAX];
    char tmp[PATH_MAX];
    char buffer[DUMP_BUFFER_BYTES];
};

static void
flush(struct dump *d)
{
    const char *p = d->buffer;

    while (d->err == 0 && d->used > 0) {
        ssize_t n = write(d->fd, p, d->used);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            d->err = -errno;
            return;
        }
        p += n;
        d->used -= (size_t)n;
    }
}

static void
put(struct dump *d, const char *text, size_t bytes)
{
    must(bytes <= sizeof(d->buffer));
    if (d->err == 0 && bytes > sizeof(d->buffer) - d->used)
        flush(d);
    if (d->err < 0)
        return;
    memcpy(d->buffer + d->used, text, bytes);
    d->used += bytes;
}

/* Format into out, escaped; returns the bytes. */
static size_t __attribute__((format(printf, 3, 0)))
format_escaped(char *out, size_t out_bytes, const char *fmt, va_list ap)
{
    char raw[DUMP_LINE_BYTES_MAX];
    int n = vsnprintf(raw, sizeof(raw), fmt, ap);

    must(n >= 0);
    return escape_line(out, out_bytes, raw,
                       (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1,
                       NULL);
}

bool
dump_wants(const struct dump *d, enum dump_part part)
{
    return (d->parts & (unsigned)part) != 0;
}

void
dump_section(struct dump *d, const char *fmt, ...)
{
    char name[DUMP_LINE_BYTES_MAX - 4];
    size_t bytes;
    va_list ap;

    OBJ_CHECK(d, DUMP_MAGIC);
    va_start(ap, fmt);
    bytes = format_escaped(name, sizeof(name), fmt, ap);
    va_end(ap);
    put(d, "\n[", 2);
    put(d, name, bytes);
    put(d, "]\n", 2);
}

void
dump_line(struct dump *d, const char *key, const char *fmt, ...)
{
    char line[DUMP_LINE_BYTES_MAX];
    size_t used;
    va_list ap;

    OBJ_CHECK(d, DUMP_MAGIC);
    /* Room for '=' and the newline. */
    used = escape_line(line, sizeof(line) - 2, key, strlen(key), NULL);
    line[used++] = '=';
    va_start(ap, fmt);
    used += format_escaped(line + used, sizeof(line) - used, fmt, ap);
    va_end(ap);
    must(used < sizeof(line));
    line[used++] = '\n';
    put(d, line, used);
}

void
dump_raw(struct dump *d, const char *fmt, ...)
{
    char line[DUMP_LINE_BYTES_MAX + 1];
    va_list ap;
    int n;

    OBJ_CHECK(d, DUMP_MAGIC);
    va_start(ap, fmt);
    n = vsnprintf(line, DUMP_LINE_BYTES_MAX, fmt, ap);
    va_end(ap);
    must(n >= 0);
    if (n >= DUMP_LINE_BYTES_MAX)
        n = DUMP_LINE_BYTES_MAX - 1;
    if (n == 0 || line[n - 1] != '\n')
        line[n++] = '\n';
    put(d, line, (size_t)n);
}

static void
put_time(struct dump *d, const char *what)
{
    char stamp[TIMESTAMP_BYTES], line[TIMESTAMP_BYTES + 32];
    int n = snprintf(line, sizeof(line), "%s: %s", what,
                     timestamp_now(stamp, d->local_time));

    must(n > 0 && (size_t)n < sizeof(line));
    put(d, line, (size_t)n);
}

int
dump_begin(struct dump **dp, const char *dir, unsigned parts, bool local_time)
{
    struct dump *d;
    int err;

    *dp = NULL;
    if (strlen(dir) + sizeof("/dumpXXXXXX") > PATH_MAX)
        return -ENAMETOOLONG;
    d = mem_alloc(&mt_dump, sizeof(*d));
    if (d == NULL)
        return -ENOMEM;
    d->magic = DUMP_MAGIC;
    d->parts = parts;
    d->local_time = local_time;
    d->err = 0;
    d->used = 0;
    strcpy(d->dir, dir);
    (void)stpcpy(stpcpy(d->tmp, dir), "/dumpXXXXXX");
    d->fd = mkostemp(d->tmp, O_CLOEXEC);
    if (d->fd < 0) {
        err = -errno;
        d->magic = 0;
        mem_free(d);
        return err;
    }
    put_time(d, "DUMP-START-TIME");
    put(d, "\n", 1);
    *dp = d;
    return 0;
}

/* The final name into out; a name with a slash would leave the directory. */
static int
final_path(const struct dump *d, const char *name, char out[PATH_MAX])
{
    int n;

    if (name[0] == '\0' || strchr(name, '/') != NULL)
        return -EINVAL;
    n = snprintf(out, PATH_MAX, "%s/%s", d->dir, name);
    return n >= 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int
dump_end(struct dump **dp, const char *name, char *path, size_t path_bytes)
{
    struct dump *d = *dp;
    char final[PATH_MAX];
    int err;

    OBJ_CHECK(d, DUMP_MAGIC);
    *dp = NULL;
    put(d, "\n", 1);
    put_time(d, "DUMP-END-TIME");
    flush(d);
    err = d->err;
    if (close(d->fd) < 0 && err == 0)
        err = -errno;
    if (err == 0)
        err = final_path(d, name, final);
    if (err == 0 && path != NULL && strlen(final) >= path_bytes)
        err = -ENAMETOOLONG;
    if (err == 0 && rename(d->tmp, final) < 0)
        err = -errno;
    if (err == 0 && path != NULL)
        strcpy(path, final);
    /* An error of unlink would only hide the one that led here. */
    if (err < 0)
        (void)unlink(d->tmp);
    d->magic = 0;
    mem_free(d);
    return err;
}
