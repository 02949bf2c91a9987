/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The native configuration file, read by libinih.  The library is lenient: it
 * cuts long lines, takes an indented line for more of the value before it, and
 * does not say why a line is wrong.  So we hand it the lines ourselves and
 * look at each first.
 */
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/config_file.h"
#include "server/core/escape.h"
#include "server/core/options_stage.h"

MEM_TYPE(mt_config, "server.core", "config_file");

struct reading {
    const char *file;
    const char *pos, *end; /* what is left of the text */
    unsigned line;         /* of what the library was given last */
    int result;            /* of the first error */
    char *err;
    struct options_stage *stage;
    unsigned set_at[OPTIONS_COUNT]; /* line, 0: not yet */
};

/* Keep the first error; the later ones often follow from it. */
static int __attribute__((format(printf, 3, 4)))
fail(struct reading *r, int result, const char *fmt, ...)
{
    char what[OPTION_ERROR_BYTES], line[OPTION_ERROR_BYTES + 256];
    va_list ap;
    int n;

    if (r->result < 0)
        return r->result;
    r->result = result;
    va_start(ap, fmt);
    n = vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    must(n >= 0);
    (void)snprintf(line, sizeof(line), "%.200s:%u: %s", r->file, r->line, what);
    (void)escape_line(r->err, OPTION_ERROR_BYTES, line, strlen(line), NULL);
    return result;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* What the library would overlook. */
static void
check_line(struct reading *r, const char *line, size_t bytes)
{
    const char *end = line + bytes, *p;

    if (memchr(line, '\0', bytes) != NULL) {
        (void)fail(r, -EINVAL, "there is a NUL in the line");
        return;
    }
    if (bytes == 0 || *line != '[')
        return;
    p = memchr(line, ']', bytes);
    if (p == NULL || p == line + 1) {
        (void)fail(r, -EINVAL, "a section is written [name]");
        return;
    }
    for (p++; p < end && is_blank(*p); p++)
        continue;
    if (p < end && *p != ';' && *p != '#')
        (void)fail(r, -EINVAL, "there is more after the section's name");
}

/* An ini_reader: the next line without the blanks before it. */
static char *
next_line(char *out, int out_bytes, void *arg)
{
    struct reading *r = arg;
    const char *line = r->pos, *newline;
    size_t bytes;

    if (r->result < 0 || r->pos >= r->end)
        return NULL;
    r->line++;
    newline = memchr(line, '\n', (size_t)(r->end - line));
    r->pos = newline != NULL ? newline + 1 : r->end;
    bytes = (size_t)((newline != NULL ? newline : r->end) - line);
    while (bytes > 0 && is_blank(*line)) {
        line++;
        bytes--;
    }
    if (bytes + 2 > (size_t)out_bytes)
        (void)fail(r, -EINVAL, "the line is longer than %d bytes",
                   out_bytes - 2);
    else
        check_line(r, line, bytes);
    if (r->result < 0)
        return NULL;
    memcpy(out, line, bytes);
    out[bytes] = '\n';
    out[bytes + 1] = '\0';
    return out;
}

static int
take_option(struct reading *r, const char *section, const char *name,
            const char *value)
{
    char key[256], what[OPTION_ERROR_BYTES];
    int id, n, result;

    n = section[0] != '\0' ? snprintf(key, sizeof(key), "%s.%s", section, name)
                           : snprintf(key, sizeof(key), "%s", name);
    must(n >= 0);
    /* Here only the full key will do: names in [section] are the section's. */
    id = (size_t)n < sizeof(key) ? option_find(key) : -1;
    if (id < 0 || strcmp(option_def((enum option_id)id)->key, key) != 0) {
        const char *nearest = option_nearest(key);

        if (nearest == NULL)
            return fail(r, -ENOENT, "unknown option '%s'", key);
        return fail(r, -ENOENT, "unknown option '%s'; did you mean '%s'?", key,
                    nearest);
    }
    if (r->set_at[id] != 0)
        return fail(r, -EINVAL, "%s has been set in line %u already", key,
                    r->set_at[id]);
    r->set_at[id] = r->line;
    result = options_stage_set(r->stage, (enum option_id)id, value, what);
    return result < 0 ? fail(r, result, "%s", what) : 0;
}

static int
take_login(struct reading *r, const char *user, const char *password)
{
    char what[OPTION_ERROR_BYTES];
    int result;

    if (option_logins_find(&r->stage->logins, user) != NULL)
        return fail(r, -EINVAL, "user '%s' is there already", user);
    result = options_stage_login(r->stage, user, password, what);
    return result < 0 ? fail(r, result, "%s", what) : 0;
}

/* An ini_handler: nonzero is success. */
static int
take_pair(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *r = arg;

    if (r->result < 0)
        return 0;
    if (value == NULL)
        value = "";
    if (strcmp(section, "logins") == 0)
        return take_login(r, name, value) == 0;
    return take_option(r, section, name, value) == 0;
}

static void
set_up_library(void)
{
    ini_max_line = CONFIG_LINE_BYTES_MAX;
    ini_use_stack = true;
    ini_allow_multiline = false;
}

int
config_parse(struct options_stage *stage, const char *text, size_t bytes,
             const char *file, char err[OPTION_ERROR_BYTES])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct reading r = {.file = file,
                        .pos = text,
                        .end = text + bytes,
                        .err = err,
                        .stage = stage};
    int line;

    must(pthread_once(&once, set_up_library) == 0);
    line = ini_parse_stream(next_line, &r, take_pair, &r);
    if (r.result == 0 && line != 0) {
        r.line = line > 0 ? (unsigned)line : r.line;
        (void)fail(&r, -EINVAL, "this is neither [section] nor name = value");
    }
    return r.result;
}

/* The whole file in *textp, for mem_free(). */
static int
read_whole(const char *path, char **textp, size_t *bytes)
{
    AUTO_CLOSE int fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    AUTO_FREE char *text = NULL;
    struct stat st;
    size_t used = 0;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (st.st_size > CONFIG_BYTES_MAX)
        return -EFBIG;
    text = mem_alloc(&mt_config, CONFIG_BYTES_MAX + 1);
    if (text == NULL)
        return -ENOMEM;
    while (used <= CONFIG_BYTES_MAX) {
        ssize_t n = read(fd, text + used, CONFIG_BYTES_MAX + 1 - used);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0) {
            *bytes = used;
            *textp = text;
            text = NULL;
            return 0;
        }
        used += (size_t)n;
    }
    return -EFBIG;
}

int
options_load_file(struct options *o, const char *path, bool running,
                  char err[OPTION_ERROR_BYTES],
                  void (*warn)(void *arg, const char *text), void *arg)
{
    struct options_stage *stage = NULL;
    AUTO_FREE char *text = NULL;
    size_t bytes = 0;
    int result = read_whole(path, &text, &bytes);

    if (result == 0) {
        stage = options_stage_new();
        if (stage == NULL)
            result = -ENOMEM;
    }
    if (result < 0) {
        (void)snprintf(err, OPTION_ERROR_BYTES, "%.200s: %s", path,
                       strerror(-result));
        return result;
    }
    result = config_parse(stage, text, bytes, path, err);
    /* There may be passwords in it. */
    explicit_bzero(text, bytes);
    if (result == 0)
        options_stage_commit(stage, o, running, warn, arg);
    options_stage_free(&stage);
    return result;
}
