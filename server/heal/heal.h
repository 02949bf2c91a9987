/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Heal bookkeeping: XATTROP, by which clients of replicated and dispersed
 * volumes note in xattrs what is to be healed, and the index of the objects
 * that they did it to.
 *
 * A change of xattrs and the entries of the index that belong to it are one
 * step for everybody else: one XATTROP at a time on an object.
 */
#ifndef CLINKER_SERVER_HEAL_HEAL_H
#define CLINKER_SERVER_HEAL_HEAL_H

#include <stdbool.h>

#include "server/core/dump.h"
#include "server/core/options.h"
#include "server/heal/index.h"
#include "server/heal/virtual.h"
#include "server/posix/posix.h"

struct heal;

enum { HEAL_ERROR_BYTES = 512 };

/* px outlives it. -errno and one clear line in err. */
int heal_open(struct heal **out, struct options *options, struct posix *px,
              char err[HEAL_ERROR_BYTES]);
void heal_close(struct heal **healp); /* NULL is fine */

/* XATTROP; fd may be NULL.  op: a number of the wire.  Answers go to `result`,
 * and those to keys of xdata to c->reply.  -EINVAL: no such operation, no
 * dictionary, no whole number of elements; -ERANGE: there is more than was
 * sent; -EPERM: not for this xattr. */
int heal_xattrop(struct heal *heal, struct posix_call *c, struct inode *inode,
                 struct fd *fd, uint32_t op, const struct dict *pairs,
                 struct dict *result);
/* Does a request change nothing? */
bool heal_xattrop_is_idle(const struct dict *pairs);

/* Is there an object with pending xattrs? */
bool heal_is_pending(const struct heal *heal);

/* getxattr of a name that is the index's: 1, or 0: it is none. */
int heal_getxattr(struct heal *heal, const char *name, struct dict *result);

/* The virtual directories; as in virtual.h. */
int heal_find(struct heal *heal, const struct gfid *gfid,
              struct virtual_dir *dir);
int heal_stat(struct heal *heal, const struct virtual_dir *dir,
              struct iatt *stat);
int heal_lookup(struct heal *heal, const struct virtual_dir *dir,
                const char *name, struct iatt *stat);
int heal_readdir(struct heal *heal, const struct virtual_dir *dir,
                 uint64_t offset, bool with_types,
                 bool (*emit)(void *arg, const struct posix_dirent *e),
                 void *arg, bool *end);
/* is_dir: RMDIR. */
int heal_remove(struct heal *heal, const struct virtual_dir *dir,
                const char *name, bool is_dir);

/* Section of the statedump. */
void heal_dump(struct heal *heal, const char *volume, struct dump *d);

#endif
