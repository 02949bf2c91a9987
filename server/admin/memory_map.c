/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which mapping is what is told by its name, by its address, or by its
 * neighbour: a thread's stack lies behind a closed page, variables without a
 * value behind those of the same file that have one, and a heap of the C
 * library's begins at a multiple of 64 MiB with the rest of those closed.
 */
#include "server/admin/memory_map.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem/pages.h"
#include "mem/scope.h"

enum {
    PAGE_SIZE_BYTES = 4096,
    STACK_BYTES_MIN = 16384, /* the C library's own minimum */
    ENTRIES = 1024,          /* of the page table, at a time */
    LINE_BYTES = 1024,       /* what is behind is the end of a name */
};
#define MAPPING_MAX ((uintptr_t)1 << 40) /* 2 GiB of entries */
#define HEAP_SPAN ((uintptr_t)64 << 20)
#define ENTRY_PRESENT ((uint64_t)1 << 63)
#define ENTRY_FILE ((uint64_t)1 << 61)

bool
memory_map_parse(const char *text, struct memory_map_line *line)
{
    char perms[5];
    int at = 0;

    if (sscanf(text, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %n",
               &line->start, &line->end, perms, &at) != 3 ||
        at == 0 || line->start >= line->end)
        return false;
    line->closed = perms[0] == '-' && perms[1] == '-';
    line->name = text + at;
    return true;
}

static int
judge_anonymous(const struct memory_map_state *s,
                const struct memory_map_line *line)
{
    bool follows = s->last.end == line->start;

    if (line->start >= s->arenas && line->start < s->arenas_end)
        return MEMORY_MAP_PAGES;
    if (follows && s->last_is_file)
        return MEMORY_MAP_FILES;
    if (follows && s->last.closed &&
        s->last.end - s->last.start == PAGE_SIZE_BYTES &&
        line->end - line->start >= STACK_BYTES_MIN)
        return MEMORY_MAP_STACKS;
    return MEMORY_MAP_OTHER;
}

static int
judge_named(const struct memory_map_line *line)
{
    if (line->name[0] != '[')
        return MEMORY_MAP_FILES;
    if (strncmp(line->name, "[stack", 6) == 0)
        return MEMORY_MAP_STACKS;
    if (strncmp(line->name, "[heap]", 6) == 0)
        return MEMORY_MAP_HEAP;
    if (strncmp(line->name, "[anon", 5) == 0)
        return MEMORY_MAP_OTHER;
    return MEMORY_MAP_NONE; /* the kernel's own pages */
}

int
memory_map_judge(struct memory_map_state *s, const struct memory_map_line *line)
{
    bool file = line->name[0] != '\0' && line->name[0] != '[';
    int kind;

    if (line->closed)
        kind = s->last_kind == MEMORY_MAP_OTHER &&
                       s->last.end == line->start &&
                       s->last.start % HEAP_SPAN == 0 &&
                       line->end == s->last.start + HEAP_SPAN
                   ? MEMORY_MAP_LAST_WAS_HEAP
                   : MEMORY_MAP_NONE;
    else
        kind = line->name[0] == '\0' ? judge_anonymous(s, line)
                                     : judge_named(line);
    s->last = *line;
    s->last.name = NULL;
    s->last_is_file = file && !line->closed;
    s->last_kind = kind >= 0 ? (enum memory_map_kind)kind : MEMORY_MAP_KINDS;
    return kind;
}

/* --- reading --- */

struct pages {
    uint64_t anonymous, file; /* bytes */
};

/* What of a mapping is resident; one that has gone meanwhile is empty. */
static struct pages
look(int fd, const struct memory_map_line *line)
{
    uint64_t entries[ENTRIES];
    struct pages found = {0};

    for (uintptr_t at = line->start; at < line->end;) {
        size_t want = (line->end - at) / PAGE_SIZE_BYTES;
        ssize_t n;

        if (want > ENTRIES)
            want = ENTRIES;
        n = pread(fd, entries, want * sizeof(entries[0]),
                  (off_t)(at / PAGE_SIZE_BYTES * sizeof(entries[0])));
        if (n < (ssize_t)sizeof(entries[0]))
            break;
        n /= (ssize_t)sizeof(entries[0]);
        for (ssize_t i = 0; i < n; i++) {
            if (!(entries[i] & ENTRY_PRESENT))
                continue;
            if (entries[i] & ENTRY_FILE)
                found.file += PAGE_SIZE_BYTES;
            else
                found.anonymous += PAGE_SIZE_BYTES;
        }
        at += (uintptr_t)n * PAGE_SIZE_BYTES;
    }
    return found;
}

/* One line without its newline; what does not fit is left out.  false: there
 * is none. */
static bool
next_line(FILE *in, char text[LINE_BYTES])
{
    size_t bytes;

    if (fgets(text, LINE_BYTES, in) == NULL)
        return false;
    bytes = strlen(text);
    if (bytes > 0 && text[bytes - 1] == '\n') {
        text[bytes - 1] = '\0';
        return true;
    }
    for (int c = getc(in); c != EOF && c != '\n'; c = getc(in))
        continue;
    return true;
}

/* 0 or -EFBIG. */
static int
add_lines(struct memory_map *out, FILE *in, int fd,
          struct memory_map_state *state)
{
    struct memory_map_line line;
    uint64_t last_bytes = 0;
    char text[LINE_BYTES];

    while (next_line(in, text)) {
        struct pages found;
        int kind;

        if (!memory_map_parse(text, &line))
            continue;
        kind = memory_map_judge(state, &line);
        if (kind == MEMORY_MAP_LAST_WAS_HEAP) {
            out->resident[MEMORY_MAP_OTHER] -= last_bytes;
            out->resident[MEMORY_MAP_HEAP] += last_bytes;
        }
        if (kind < 0)
            continue;
        if (line.end - line.start > MAPPING_MAX)
            return -EFBIG;
        found = look(fd, &line);
        last_bytes = found.anonymous + found.file;
        out->resident[kind] += last_bytes;
        out->anonymous += found.anonymous;
        out->file += found.file;
        if (kind == MEMORY_MAP_STACKS)
            out->stacks++;
    }
    return 0;
}

int
memory_map_read(struct memory_map *out)
{
    AUTO_CLOSE int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    struct memory_map_state state = {.last_kind = MEMORY_MAP_KINDS};
    struct mem_pages_stats pages;
    FILE *in;
    int err;

    *out = (struct memory_map){0};
    if (fd < 0)
        return -errno;
    in = fopen("/proc/self/maps", "re");
    if (in == NULL)
        return -errno;
    mem_pages_read(&pages);
    state.arenas = (uintptr_t)pages.base;
    state.arenas_end = state.arenas + pages.reserved_bytes;
    err = add_lines(out, in, fd, &state);
    (void)fclose(in);
    if (err < 0)
        *out = (struct memory_map){0};
    return err;
}
