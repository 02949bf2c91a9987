/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process's resident memory as a sum: what is accounted, named lines, and
 * what is left, `unaccounted`.  At rest that is small; when it is not,
 * somebody has memory that no account knows.
 */
#ifndef CLINKER_SERVER_ADMIN_MEMORY_BALANCE_H
#define CLINKER_SERVER_ADMIN_MEMORY_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/account.h"
#include "mem/pages.h"
#include "server/admin/memory_map.h"

enum memory_line {
    MEMORY_LINE_PROGRAM,   /* "program and libraries" */
    MEMORY_LINE_STACKS,    /* "thread stacks": what was touched of them */
    MEMORY_LINE_LIBC,      /* "C library heap": what libraries allocate */
    MEMORY_LINE_FREE,      /* "free pages": not given back yet */
    MEMORY_LINE_UNTOUCHED, /* "not touched": accounted, and not resident;
                              negative */
    MEMORY_LINES,
};

struct memory_balance {
    bool known;        /* the page tables could be looked at; if not, lines
                          that need them are 0 */
    uint64_t resident; /* = accounted + lines + unaccounted */
    uint64_t anonymous, file;
    uint64_t accounted;
    int64_t lines[MEMORY_LINES];
    int64_t unaccounted;
    unsigned stacks;
    /* What it was made of. */
    struct memory_map map;
    struct mem_pages_stats pages;
};

extern const char *const memory_line_name[MEMORY_LINES];

void memory_balance_read(struct memory_balance *out);
/* The sum, from map, pages, what the C library has mapped by itself, what is
 * accounted, and what of that lies in mem/'s mappings that are not runs of
 * pages.  out->known, resident, map and pages are set. */
void memory_balance_sum(struct memory_balance *out, uint64_t libc_mapped_bytes,
                        uint64_t accounted, uint64_t outside_bytes);

#endif
