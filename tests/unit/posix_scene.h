/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations on a scratch brick with the usual arguments filled in. */
#ifndef CLINKER_TESTS_UNIT_POSIX_SCENE_H
#define CLINKER_TESTS_UNIT_POSIX_SCENE_H

#include "posix_scratch.h"

/* The brick, opened. */
extern struct scratch s;

void scene_begin(void);
void scene_end(void);
/* A new request, whose gfid-req is random and kept in scene_gfid. */
void scene_make_call(void);
extern struct gfid scene_gfid;

/* Made with success; the inode is the caller's to put. */
struct inode *scene_file(struct inode *parent, const char *name);
struct inode *scene_dir(struct inode *parent, const char *name);
/* A file, created and open. */
struct fd *scene_open(struct inode *parent, const char *name);
void scene_write(struct fd *fd, uint64_t offset, const char *text);

int scene_unlink(struct inode *parent, const char *name, struct inode *inode);
/* stat(2) of a path on the brick; false when nothing is there. */
bool scene_stat(const char *path, struct stat *st);
bool scene_has(const char *path);
bool scene_has_handle(const struct gfid *gfid);
/* Whether an xattr is on a path, and its value. */
ssize_t scene_xattr(const char *path, const char *name, void *value,
                    size_t bytes);
/* Nothing is left in the directories where things are made and unlinked. */
void scene_is_tidy(void);

#endif
