/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index: which objects wait to be healed, as names of hard links to empty
 * files below .glusterfs/indices, in the peer's format.
 *
 *     xattrop/<gfid>                a pending xattr is not zero
 *     dirty/<gfid>                  a change has begun and not ended
 *     entry-changes/<gfid>/<name>   that name in that directory differs
 *     <directory>/<directory>-<uuid>   the base file, which they are links to
 *
 * An entry is there before the xattr that it stands for, and goes after it: a
 * crash leaves an entry too many, which whoever heals finds and removes, but
 * never one too few.  Who changes entries of one gfid keeps others from it.
 */
#ifndef CLINKER_SERVER_HEAL_INDEX_H
#define CLINKER_SERVER_HEAL_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "server/core/gfid.h"
#include "server/posix/posix.h"

enum index_kind { INDEX_XATTROP, INDEX_DIRTY, INDEX_CHANGES, INDEX_KINDS };

struct index;

/* Opens the directories and counts what is in them.  path: what a volfile says
 * about where they are, or NULL; -EXDEV: not where this brick's are. */
int index_open(struct index **out, struct posix *px, const char *path);
void index_close(struct index **indexp); /* NULL is fine */

/* kind: not INDEX_CHANGES.  0 also if it is there, or gone, already. */
int index_add(struct index *index, enum index_kind kind,
              const struct gfid *gfid);
int index_remove(struct index *index, enum index_kind kind,
                 const struct gfid *gfid);
/* What index_add() and index_remove() have left, and what was there at the
 * start: one atomic load. */
uint64_t index_count(const struct index *index, enum index_kind kind);
/* The same, read from the disk. */
int index_read_count(struct index *index, enum index_kind kind,
                     uint64_t *count);

/* Names in a directory.  -EINVAL: it cannot be one; -ENAMETOOLONG. */
int index_change_add(struct index *index, const struct gfid *gfid,
                     const char *name);
int index_change_remove(struct index *index, const struct gfid *gfid,
                        const char *name);
/* All of them; 0 also if there were none. */
int index_changes_purge(struct index *index, const struct gfid *gfid);

#endif
