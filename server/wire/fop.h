/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of file operations, from fop_list.h. */
#ifndef CLINKER_SERVER_WIRE_FOP_H
#define CLINKER_SERVER_WIRE_FOP_H

#include <stdint.h>

#include "iothreads/work.h"

enum fop_proc {
#define FOP(proc_, number_, name_, ...) FOP_##name_ = proc_,
#include "server/wire/fop_list.h"
#undef FOP
    /* Not in the table: no client sends them. */
    FOP_COMPOUND = 49,
    FOP_PUT = 55,
    FOP_PROCS = 57, /* one past the last */
};

enum fop_counts { FOP_COUNTS_NONE, FOP_COUNTS_OBJECT, FOP_COUNTS_FD,
                  FOP_COUNTS_PARENT };

enum { FOP_CHANGES = 1 << 0, FOP_NEVER_LEAST = 1 << 1 };

struct fop_def {
    const char *name; /* "LOOKUP"; NULL: no such operation */
    uint8_t proc;
    uint8_t number; /* the peer's, for statistics */
    enum iot_class class;
    const char *request;
    const char *result;
    enum fop_counts counts;
    unsigned flags;
};

extern const struct fop_def fop_table[FOP_PROCS]; /* by procedure */

#endif
