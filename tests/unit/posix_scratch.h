/* SPDX-License-Identifier: BSD-2-Clause */
/* A brick in a scratch directory, for tests of server/posix. */
#ifndef CLINKER_TESTS_UNIT_POSIX_SCRATCH_H
#define CLINKER_TESTS_UNIT_POSIX_SCRATCH_H

#include "server/posix/internal.h"

struct scratch {
    char directory[256];
    struct options *options;
    struct inode_table *table;
    struct posix *px; /* NULL: not open */
    char err[POSIX_ERROR_BYTES];
    /* A request, ready to use; the dictionaries are empty at first. */
    struct arena arena;
    struct caller caller;
    struct dict xdata, reply;
    struct posix_call call;
};

/* A directory, options and a table; the brick is not opened. The calling
 * thread is registered with RCU. */
void scratch_begin(struct scratch *s);
int scratch_open(struct scratch *s);
void scratch_close(struct scratch *s);
/* Closes, removes the directory, and finds that nothing was leaked. */
void scratch_end(struct scratch *s);
void scratch_set(struct scratch *s, const char *key, const char *value);
/* Empty dictionaries again. */
void scratch_new_call(struct scratch *s);

/* Paths below the brick directory, in a static buffer of eight. */
const char *at(const struct scratch *s, const char *path);
/* Of a gfid's handle. */
const char *handle_at(const struct scratch *s, const struct gfid *gfid);
void put_file(const struct scratch *s, const char *path, const char *text);
void put_gfid(const struct scratch *s, const char *path,
              const struct gfid *gfid);

#endif
