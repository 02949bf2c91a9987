/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peer's options file is there for about a second and in a directory that
 * others may write to: a fifo must not hold the dump up, nor a large file
 * fill memory, and a symlink is not followed.
 */
#include "server/admin/statedump_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/dump.h"

MEM_TYPE(mt_options, "server.admin", "statedump options");

static const struct {
    const char *word;
    unsigned parts;
} words[] = {
    {"all", DUMP_ALL},         {"mem", DUMP_MEM},
    {"iobuf", DUMP_IOBUF},     {"callpool", DUMP_CALLPOOL},
    {"priv", DUMP_PRIV},       {"fd", DUMP_FD},
    {"inode", DUMP_INODE},     {"inodectx", DUMP_INODECTX},
    {"fdctx", DUMP_FDCTX},     {"history", DUMP_HISTORY},
};

void
statedump_options_init(struct statedump_options *o)
{
    o->parts = DUMP_ALL;
    o->path[0] = '\0';
}

unsigned
statedump_part(const char *word, size_t bytes)
{
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strlen(words[i].word) == bytes &&
            strncasecmp(words[i].word, word, bytes) == 0)
            return words[i].parts;
    return 0;
}

static bool
is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int
take_path(struct statedump_options *o, const char *value, size_t bytes)
{
    if (bytes == 0 || value[0] != '/' || bytes >= sizeof(o->path) ||
        memchr(value, '\0', bytes) != NULL)
        return -EINVAL;
    memcpy(o->path, value, bytes);
    o->path[bytes] = '\0';
    return 0;
}

/* One word of the file. */
static int
take_word(struct statedump_options *o, const char *word, size_t bytes)
{
    const char *eq = memchr(word, '=', bytes);
    size_t key_bytes, value_bytes;
    const char *value;
    unsigned parts;

    if (eq == NULL)
        return 0;
    key_bytes = (size_t)(eq - word);
    value = eq + 1;
    value_bytes = bytes - key_bytes - 1;
    if (key_bytes == 4 && memcmp(word, "path", 4) == 0)
        return take_path(o, value, value_bytes);
    parts = statedump_part(word, key_bytes);
    /* "all" stands for yes whatever is said of it: the peer's habit. */
    if (parts == DUMP_ALL ||
        (value_bytes >= 3 && strncasecmp(value, "yes", 3) == 0))
        o->parts |= parts;
    else
        o->parts &= ~parts;
    return 0;
}

int
statedump_options_parse(struct statedump_options *o, const char *text,
                        size_t bytes)
{
    size_t at = 0;

    o->parts = 0;
    o->path[0] = '\0';
    while (at < bytes) {
        size_t start;

        while (at < bytes && is_space(text[at]))
            at++;
        start = at;
        while (at < bytes && !is_space(text[at]))
            at++;
        if (take_word(o, text + start, at - start) < 0) {
            statedump_options_init(o);
            return -EINVAL;
        }
    }
    if (o->parts == 0)
        o->parts = DUMP_MEM | DUMP_CALLPOOL;
    return 0;
}

static int
read_all(int fd, char *buf, size_t size, size_t *used)
{
    *used = 0;
    for (;;) {
        ssize_t n = read(fd, buf + *used, size - *used);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        *used += (size_t)n;
        if (*used == size)
            return -EFBIG;
    }
}

static int
read_file(struct statedump_options *o, const char *path)
{
    AUTO_CLOSE int fd =
        open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    AUTO_FREE char *text = NULL;
    struct stat st;
    size_t bytes;
    int err;

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    text = mem_alloc(&mt_options, STATEDUMP_OPTIONS_BYTES_MAX + 1);
    if (text == NULL)
        return -ENOMEM;
    err = read_all(fd, text, STATEDUMP_OPTIONS_BYTES_MAX + 1, &bytes);
    if (err == 0)
        err = statedump_options_parse(o, text, bytes);
    return err < 0 ? err : 1;
}

int
statedump_options_read(struct statedump_options *o, const char *dir, pid_t pid)
{
    char path[PATH_MAX];
    int n, found;

    statedump_options_init(o);
    n = snprintf(path, sizeof(path), "%s/glusterdump.options", dir);
    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    found = read_file(o, path);
    if (found != 0)
        return found;
    n = snprintf(path, sizeof(path), "%s/glusterdump.%d.options", dir,
                 (int)pid);
    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    return read_file(o, path);
}
