/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index as clients see it: three directories that no name leads to, with
 * gfids that are new at each start, and below the third one for each directory
 * with changes.  They can be looked up, listed, and entries be removed; there
 * is nothing else to be done with them, and no permission is asked for it.
 *
 * The gfid of a directory below entry-changes is the real one's, mixed with a
 * secret: so it can be told from any other without having to be remembered.
 */
#ifndef CLINKER_SERVER_HEAL_VIRTUAL_H
#define CLINKER_SERVER_HEAL_VIRTUAL_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/iatt.h"
#include "server/heal/index.h"

struct virtual_dir {
    enum index_kind kind;
    bool below;        /* of kind INDEX_CHANGES: one below it … */
    struct gfid of;    /* … with what changed in this directory */
    struct gfid gfid;  /* its own, as clients say it */
};

/* The gfid of one of the three. */
const struct gfid *virtual_gfid(const struct index *index,
                                enum index_kind kind);
/* Is it one of them, or below?  -ENOENT. */
int virtual_find(struct index *index, const struct gfid *gfid,
                 struct virtual_dir *dir);
int virtual_stat(struct index *index, const struct virtual_dir *dir,
                 struct iatt *stat);
/* What a crawler asks the type of: 1, files, or 2, directories, as the peer
 * numbers them; 0: one of those below, of which it is not asked. */
unsigned virtual_type(const struct virtual_dir *dir);

/* -EPERM ('/'), -EINVAL ("", "." and ".."), -ENAMETOOLONG, -ENOENT. */
int virtual_lookup(struct index *index, const struct virtual_dir *dir,
                   const char *name, struct iatt *stat);
/* As posix_readdir().  with_types: of the objects that names stand for. */
int virtual_readdir(struct index *index, const struct virtual_dir *dir,
                    uint64_t offset, bool with_types,
                    bool (*emit)(void *arg, const struct posix_dirent *e),
                    void *arg, bool *end);
/* -EPERM: a directory; -ENOTDIR: none. */
int virtual_unlink(struct index *index, const struct virtual_dir *dir,
                   const char *name);
int virtual_rmdir(struct index *index, const struct virtual_dir *dir,
                  const char *name);

#endif
