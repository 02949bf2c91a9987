/* SPDX-License-Identifier: BSD-2-Clause */
/* A volfile: parsed to translators, and the brick stack in it mapped onto our
 * options. */
#ifndef CLINKER_SERVER_CORE_VOLFILE_H
#define CLINKER_SERVER_CORE_VOLFILE_H

#include <stddef.h>

#include "server/core/options.h"

enum { VOLFILE_BYTES_MAX = 1 << 20, VOLFILE_ERROR_BYTES = 512 };

struct volfile_option {
    char *key, *value;
};
struct volfile_xlator {
    char *name, *type;
    struct volfile_option *options;
    size_t options_count;
    size_t *children; /* indices of earlier translators */
    size_t children_count;
};
struct volfile {
    struct volfile_xlator *xlators;
    size_t count; /* the last is the top */
};

/* Volumes with type, options and subvolumes; backticks are refused.  -EINVAL
 * with "file:line: what" in err. */
int volfile_parse(struct volfile **out, const char *text, size_t bytes,
                  const char *file, char err[VOLFILE_ERROR_BYTES]);
int volfile_read(struct volfile **out, const char *path,
                 char err[VOLFILE_ERROR_BYTES]);
void volfile_free(struct volfile **vp);
/* --xlator-option PATTERN.KEY=VALUE onto each translator whose name matches.
 * -EINVAL when the text has not that form; -E2BIG, -ENOMEM: then some of them
 * may have it and others not. */
int volfile_override(struct volfile *v, const char *text,
                     char err[VOLFILE_ERROR_BYTES]);
/* Check that the graph is a brick's and set our options from it.  A translator
 * or option whose absence would change what a client may rely on (e.g. quota
 * switched on, worm, changelog on, cdc) is refused by name: -ENOTSUP.  What
 * may be left out is told through note(), one line each.  The brick's name is
 * the server's (one) child.  All or nothing: -EINVAL, -ERANGE for values,
 * -ENOMEM.  With `running`, options that are not reloadable stay as they are
 * and are noted.  note may be NULL. */
int volfile_apply(const struct volfile *v, struct options *o, bool running,
                  char err[VOLFILE_ERROR_BYTES],
                  void (*note)(void *arg, const char *line), void *arg);

#endif
