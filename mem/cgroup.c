/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much memory this process may have at most: the machine's, or less if a
 * control group says so.
 *
 *     /proc/meminfo           MemTotal
 *     /proc/self/mountinfo    where each hierarchy is mounted, and which part
 *     /proc/self/cgroup       our group in each
 *     <mount>/<group>/        its limits, and so at each level above, since a
 *                             group has no more than those it lies in
 *
 * Version 2 has memory.max, which kills, and memory.high, which throttles the
 * process into standing still: either is a limit to stay below.  Version 1 has
 * memory.limit_in_bytes, and hierarchical_memory_limit for what lies above the
 * part that is mounted here.  A machine may have both versions, the memory
 * controller being in one of them: both are looked at.
 *
 * Nothing here is trusted to be there or to make sense: what cannot be read is
 * no limit.  Lines that are longer than LINE_BYTES are skipped.
 */
#include "mem/cgroup.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem/limit.h"
#include "mem/must.h"

enum { LINE_BYTES = 4096, PATH_BYTES = 4096, ROOT_BYTES = 256 };
enum { FILE_BYTES_MAX = 16 << 20, LEVELS_MAX = 64 };

struct lines {
    int fd;
    size_t len, pos, total;
    char buf[LINE_BYTES];
};

static bool
lines_open(struct lines *l, const char *path)
{
    l->len = l->pos = l->total = 0;
    l->fd = open(path, O_RDONLY | O_CLOEXEC);
    return l->fd >= 0;
}

static void
lines_close(struct lines *l)
{
    (void)close(l->fd);
}

static bool
fill(struct lines *l)
{
    ssize_t n;

    memmove(l->buf, l->buf + l->pos, l->len - l->pos);
    l->len -= l->pos;
    l->pos = 0;
    n = l->total < FILE_BYTES_MAX
            ? read(l->fd, l->buf + l->len, sizeof(l->buf) - 1 - l->len)
            : 0;
    if (n <= 0)
        return false;
    l->len += (size_t)n;
    l->total += (size_t)n;
    return true;
}

/* The next line, without its end; NULL after the last.  Valid until the next
 * call. */
static char *
lines_next(struct lines *l)
{
    bool skipping = false;

    for (;;) {
        char *line = l->buf + l->pos;
        char *end = memchr(line, '\n', l->len - l->pos);

        if (end != NULL) {
            l->pos = (size_t)(end - l->buf) + 1;
            *end = '\0';
            if (!skipping && strlen(line) == (size_t)(end - line))
                return line;
            skipping = false;
            continue;
        }
        if (l->pos == 0 && l->len == sizeof(l->buf) - 1) {
            skipping = true;
            l->pos = l->len;
        }
        if (fill(l))
            continue;
        if (skipping || l->len == l->pos)
            return NULL;
        line = l->buf + l->pos;
        l->buf[l->len] = '\0';
        l->pos = l->len;
        return line;
    }
}

/* A number at the start of text, ended by a blank or the text's end. */
static bool
parse_number(const char *text, uint64_t *out)
{
    const char *p = text;
    uint64_t n = 0;

    for (; *p >= '0' && *p <= '9'; p++) {
        unsigned digit = (unsigned)(*p - '0');

        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (p == text || (*p != '\0' && *p != ' '))
        return false;
    *out = n;
    return true;
}

struct finding {
    uint64_t bytes;
    const char *from;
};

/* 0 and nonsense (a word like "max") are no limit. */
static void
consider(struct finding *f, const char *text, uint64_t unit, const char *from)
{
    uint64_t n;

    if (!parse_number(text, &n) || n == 0 || n > UINT64_MAX / unit)
        return;
    if (n * unit < f->bytes) {
        f->bytes = n * unit;
        f->from = from;
    }
}

/* A line of a file that starts with `key`, or the first if that is "". */
static void
consider_file(struct finding *f, const char *path, const char *key,
              uint64_t unit, const char *from)
{
    struct lines l;
    char *line;

    if (!lines_open(&l, path))
        return;
    while ((line = lines_next(&l)) != NULL) {
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        line += strlen(key);
        consider(f, line + strspn(line, " \t"), unit, from);
        break;
    }
    lines_close(&l);
}

static void
consider_in(struct finding *f, const char *dir, const char *name,
            const char *key, const char *from)
{
    char path[PATH_BYTES + 64];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    consider_file(f, path, key, 1, from);
}

static void
consider_group(struct finding *f, const char *dir, bool v2)
{
    if (v2) {
        consider_in(f, dir, "memory.max", "", "the control group's memory.max");
        consider_in(f, dir, "memory.high", "",
                    "the control group's memory.high");
    } else {
        consider_in(f, dir, "memory.limit_in_bytes", "",
                    "the control group's memory.limit_in_bytes");
        consider_in(f, dir, "memory.stat", "hierarchical_memory_limit",
                    "the control group's hierarchical_memory_limit");
    }
}

/* Where a hierarchy is mounted, and which of its groups is at the top there. */
struct mount {
    char dir[PATH_BYTES];
    char top[PATH_BYTES];
};

/* mountinfo writes blanks and the like as \ooo. */
static void
unescape(char *text)
{
    char *to = text;

    while (*text != '\0') {
        if (text[0] == '\\' && strspn(text + 1, "01234567") >= 3 &&
            text[1] < '4') {
            *to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
                           (text[3] - '0'));
            text += 4;
        } else {
            *to++ = *text++;
        }
    }
    *to = '\0';
}

/* Is `word` one of those between commas? */
static bool
has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (;;) {
        size_t n = strcspn(list, ",");

        if (n == len && memcmp(list, word, len) == 0)
            return true;
        if (list[n] == '\0')
            return false;
        list += n + 1;
    }
}

/* The hierarchy's mount, if that is what the line is about. */
static bool
mount_parse(char *line, bool v2, const char *root, struct mount *m)
{
    char *field[6] = {NULL}, *rest = line, *type, *word, *save = NULL;
    char *tail = strstr(line, " - ");

    if (tail == NULL)
        return false;
    *tail = '\0';
    for (size_t i = 0; i < COUNT_OF(field); i++) {
        field[i] = strtok_r(rest, " ", &save);
        rest = NULL;
        if (field[i] == NULL)
            return false;
    }
    type = strtok_r(tail + 3, " ", &save);
    if (type == NULL || strcmp(type, v2 ? "cgroup2" : "cgroup") != 0)
        return false;
    (void)strtok_r(NULL, " ", &save); /* the source */
    word = strtok_r(NULL, " ", &save);
    if (!v2 && (word == NULL || !has_word(word, "memory")))
        return false;
    unescape(field[3]);
    unescape(field[4]);
    if (snprintf(m->dir, sizeof(m->dir), "%s%s", root, field[4]) >=
        (int)sizeof(m->dir))
        return false;
    (void)snprintf(m->top, sizeof(m->top), "%s", field[3]);
    return true;
}

static bool
mount_find(const char *root, bool v2, struct mount *m)
{
    char path[ROOT_BYTES + 32];
    struct lines l;
    bool found = false;
    char *line;

    (void)snprintf(path, sizeof(path), "%s/proc/self/mountinfo", root);
    if (!lines_open(&l, path))
        return false;
    while (!found && (line = lines_next(&l)) != NULL)
        found = mount_parse(line, v2, root, m);
    lines_close(&l);
    return found;
}

/* Our group in the hierarchy: "0::PATH", or "N:...,memory,...:PATH". */
static bool
group_find(const char *root, bool v2, char *group, size_t group_bytes)
{
    char path[ROOT_BYTES + 32];
    struct lines l;
    bool found = false;
    char *line;

    (void)snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    if (!lines_open(&l, path))
        return false;
    while (!found && (line = lines_next(&l)) != NULL) {
        char *list = strchr(line, ':'), *name;

        if (list == NULL)
            continue;
        *list++ = '\0';
        name = strchr(list, ':');
        if (name == NULL)
            continue;
        *name++ = '\0';
        found = v2 ? strcmp(line, "0") == 0 && *list == '\0'
                   : has_word(list, "memory");
        if (found)
            (void)snprintf(group, group_bytes, "%s", name);
    }
    lines_close(&l);
    return found;
}

/* The group's path below the top of what is mounted.  A group that does not
 * lie there (a container that sees its own group as the root, a path with
 * ".." out of a namespace) is taken for the top itself. */
static const char *
below_top(const char *group, const char *top)
{
    size_t len = strlen(top);

    if (len > 0 && top[len - 1] == '/')
        len--; /* the root */
    if (group[0] != '/' || strstr(group, "/..") != NULL ||
        strncmp(group, top, len) != 0 ||
        (group[len] != '/' && group[len] != '\0'))
        return "";
    return group + len;
}

static void
consider_hierarchy(struct finding *f, const char *root, bool v2)
{
    char dir[2 * PATH_BYTES], group[PATH_BYTES];
    struct mount m;
    size_t len, top_len;

    if (!mount_find(root, v2, &m) ||
        !group_find(root, v2, group, sizeof(group)))
        return;
    top_len = strlen(m.dir);
    (void)snprintf(dir, sizeof(dir), "%s%s", m.dir, below_top(group, m.top));
    if (strlen(dir) >= PATH_BYTES)
        return;
    for (int level = 0; level < LEVELS_MAX; level++) {
        consider_group(f, dir, v2);
        len = strlen(dir);
        while (len > top_len && dir[len - 1] != '/')
            len--;
        while (len > top_len && dir[len - 1] == '/')
            len--;
        if (len == top_len && strlen(dir) <= top_len)
            break;
        dir[len] = '\0';
    }
}

uint64_t
cgroup_limit_of_machine(const char *root, const char **from)
{
    struct finding f = {.bytes = UINT64_MAX};
    char path[ROOT_BYTES + 32];

    must(strlen(root) < ROOT_BYTES);
    (void)snprintf(path, sizeof(path), "%s/proc/meminfo", root);
    consider_file(&f, path, "MemTotal:", 1024, "the machine's memory");
    if (f.from == NULL) {
        f.bytes =
            (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
        f.from = "the machine's memory";
    }
    consider_hierarchy(&f, root, true);
    consider_hierarchy(&f, root, false);
    *from = f.from;
    return f.bytes;
}

uint64_t
mem_limit_of_machine(const char **from)
{
    return cgroup_limit_of_machine("", from);
}
