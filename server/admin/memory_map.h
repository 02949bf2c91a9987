/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the process's resident memory is, by mapping: the kernel's page tables
 * are asked page by page.  That holds no lock for longer than 2 MiB of
 * addresses take, unlike /proc/self/smaps, which holds one that page faults
 * need for as long as a whole mapping takes.
 */
#ifndef CLINKER_SERVER_ADMIN_MEMORY_MAP_H
#define CLINKER_SERVER_ADMIN_MEMORY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum memory_map_kind {
    MEMORY_MAP_FILES,  /* program and libraries, with their variables */
    MEMORY_MAP_STACKS, /* of threads */
    MEMORY_MAP_HEAP,   /* the C library's, without what it maps singly */
    MEMORY_MAP_PAGES,  /* arenas of mem/pages.h */
    MEMORY_MAP_OTHER,  /* any other anonymous memory */
    MEMORY_MAP_KINDS,
};

struct memory_map {
    uint64_t resident[MEMORY_MAP_KINDS]; /* bytes */
    uint64_t anonymous, file;            /* the same bytes, split */
    unsigned stacks;
};

/* One line of /proc/PID/maps. */
struct memory_map_line {
    uintptr_t start, end;
    bool closed;      /* nobody may touch it */
    const char *name; /* "" for anonymous memory */
};

/* What the lines before say of the next one; all zeroes at first. */
struct memory_map_state {
    uintptr_t arenas, arenas_end; /* set before the first line */
    struct memory_map_line last;  /* without its name */
    bool last_is_file;
    enum memory_map_kind last_kind;
};

enum { MEMORY_MAP_NONE = -1, MEMORY_MAP_LAST_WAS_HEAP = -2 };

/* The kind of a line; MEMORY_MAP_NONE: it holds no memory;
 * MEMORY_MAP_LAST_WAS_HEAP: nor does this, and it shows that the one before,
 * taken for MEMORY_MAP_OTHER, is the C library's heap. */
int memory_map_judge(struct memory_map_state *state,
                     const struct memory_map_line *line);
/* false: the text is no such line. line->name points into it. */
bool memory_map_parse(const char *text, struct memory_map_line *line);

/* 0; -EFBIG: a mapping is larger than what one can look at (sanitizers have
 * such); or -errno; then all is zero. */
int memory_map_read(struct memory_map *out);

#endif
