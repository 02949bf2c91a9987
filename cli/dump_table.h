/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a statedump can be compared with another: types and pools of memory,
 * and some counts.  A dump may be ours or the peer's, cut off, or no dump at
 * all; what is not understood is passed over.
 */
#ifndef CLINKER_CLI_DUMP_TABLE_H
#define CLINKER_CLI_DUMP_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    DUMP_TABLE_ROWS_MAX = 65536,
    DUMP_TABLE_NAME_BYTES = 256, /* longer ones are cut */
};

enum dump_kind { DUMP_KIND_TYPE, DUMP_KIND_POOL, DUMP_KIND_COUNT };

struct dump_row {
    enum dump_kind kind;
    char *name;      /* "module/type", "module/pool", a key */
    uint64_t size;   /* bytes; of a count its number */
    uint64_t blocks; /* types and pools: how many */
};

struct dump_table {
    struct dump_row *rows; /* by kind and name, each once */
    size_t count, room;
};

/* 0; -EBADMSG: no statedump; -E2BIG: more rows than there may be; -EIO.  The
 * table is to be given back in any case.  Without memory the program ends. */
int dump_table_read(struct dump_table *out, FILE *in);
void dump_table_fini(struct dump_table *table);

struct dump_change {
    enum dump_kind kind;
    const char *name; /* of a row */
    uint64_t old_size, size;
    uint64_t old_blocks, blocks;
};

/* What differs, kinds in their order, what grew most first.  An array to be
 * given to mem_free(), *count long; it points into both tables. */
struct dump_change *dump_table_diff(const struct dump_table *older,
                                    const struct dump_table *newer,
                                    size_t *count);

#endif
