/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests to the virtual directories of the heal index (server/heal).  Their
 * gfids are on no disk: a handler comes here once a request's gfid could not
 * be resolved, so that all others pay nothing for it.  Results are those of
 * handlers.
 */
#ifndef CLINKER_SERVER_FOP_INDEX_DIR_H
#define CLINKER_SERVER_FOP_INDEX_DIR_H

#include "server/fop/call.h"
#include "server/heal/virtual.h"

/* Was `err`, of resolving the gfid, because it is one of theirs? */
bool index_dir_find(struct call *c, const struct gfid *gfid, int64_t err,
                    struct virtual_dir *dir);
int64_t index_dir_lookup(struct call *c, const struct virtual_dir *dir);
int64_t index_dir_lookup_entry(struct call *c, const struct virtual_dir *dir);
int64_t index_dir_open(struct call *c, const struct virtual_dir *dir);
int64_t index_dir_remove(struct call *c, const struct virtual_dir *dir,
                         bool is_dir);

/* c->fd is of such a directory. */
static inline bool
index_dir_is_open(const struct call *c)
{
    return c->fd->os_fd == FD_MADE_UP;
}
/* As posix_readdir(). */
int index_dir_readdir(struct call *c,
                      bool (*emit)(void *arg, const struct posix_dirent *e),
                      void *arg, bool *end);
/* GETXATTR of one of the index's names: true with *ret. */
bool index_dir_getxattr(struct call *c, int64_t *ret);

#endif
