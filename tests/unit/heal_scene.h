/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scratch brick with heal bookkeeping, a file and a directory, and requests
 * to it.  The linker passes calls that change the disk through here
 * (heal_wraps in server/heal/local.mk): a test can end the process before any
 * of them, or let them fail.
 */
#ifndef CLINKER_TESTS_UNIT_HEAL_SCENE_H
#define CLINKER_TESTS_UNIT_HEAL_SCENE_H

#include "posix_scene.h"

#include "server/heal/array.h"
#include "server/heal/heal.h"

#define DIRTY "trusted.afr.dirty"
#define PENDING "trusted.afr.v-client-0"
#define PENDING2 "trusted.afr.v-client-1"

enum { CRASHED = 77, LINKS_MAX = 4 };

extern int crash_at;      /* the process ends, with CRASHED, before that
                             many-th of the calls; -1: never */
extern int steps;         /* such calls so far */
extern bool few_links;    /* a file takes LINKS_MAX links */
extern int setxattr_left; /* that many of the xattrs above can be set, then the
                             disk is full; -1: it is not */

extern struct heal *heal;
extern struct inode *file, *dir;
extern struct gfid file_gfid, dir_gfid;

void heal_scene_begin(void);
void heal_scene_end(void);
void open_heal(void);
void close_brick(void);
void open_brick(void);

/* A request being put together, and its answer. */
extern struct dict pairs, result;
void request(void);
/* Three counters, as replicate's are. */
void with(const char *name, int32_t a, int32_t b, int32_t c);
/* In xdata. */
void asking(const char *key, const char *value);
int apply(struct inode *inode, uint32_t op);
/* One counter of what came back. */
int32_t counter(const char *name, unsigned i);
/* All of it: add to the first counter. */
void change(struct inode *inode, const char *name, int32_t by);

/* The index on disk: a path below the brick, one of the last four. */
const char *entry_path(const char *kind, const struct gfid *gfid);
bool in_index(const char *kind, const struct gfid *gfid);
/* Names in a directory of the index: base files or the others. */
unsigned count_names(const char *kind, bool bases);

#endif
