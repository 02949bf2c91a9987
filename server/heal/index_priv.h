/* SPDX-License-Identifier: BSD-2-Clause */
/* What index.c, index_base.c and virtual.c share.  Private to them. */
#ifndef CLINKER_SERVER_HEAL_INDEX_PRIV_H
#define CLINKER_SERVER_HEAL_INDEX_PRIV_H

#include <sys/stat.h>

#include "mem/mutex.h"
#include "server/heal/index.h"

enum {
    INDEX_MAGIC = 0x49445821,
    /* "entry-changes-<uuid>" and its NUL */
    INDEX_BASE_NAME_BYTES = 14 + GFID_TEXT_BYTES,
};

struct index_dir {
    const char *name; /* "dirty" */
    int fd;           /* its number stays; what it stands for is replaced when
                         somebody has removed the directory */
    char base[INDEX_BASE_NAME_BYTES]; /* [index->mtx] the file that new entries
                                         become links to; "": none yet */
    _Atomic(uint64_t) count;          /* entries */
};

struct index {
    unsigned magic;
    struct posix *px;   /* not owned */
    struct mutex mtx;   /* rank 12: base files are made, one at a time */
    struct index_dir dirs[INDEX_KINDS];
    struct gfid gfids[INDEX_KINDS]; /* by which clients know them; random */
    struct gfid secret;             /* what gfids of directories below
                                       entry-changes are mixed with */
};

/* --- base files (index_base.c) --- */

/* Is this the name of a base file in that directory? */
bool index_base_is(const struct index_dir *dir, const char *name);
/* A link to the base file, dirfd/name, with all that may have to be made for
 * it.  1, or 0 when it was there already. */
int index_base_link(struct index *index, struct index_dir *dir, int dirfd,
                    const char *name);
/* The directory has been removed behind our back: make it again, and a base. */
int index_base_renew(struct index *index, struct index_dir *dir);
/* An old one goes once nothing is a link to it. */
void index_base_drop_unused(struct index *index, struct index_dir *dir,
                            const char *name);

/* --- reading (index.c) --- */

/* Calls fn for each name but "." and ".." in a directory, of which fd is a
 * descriptor that is taken over; until fn returns an error, which is passed
 * on. */
int index_each(int fd, int (*fn)(void *arg, int dirfd, const char *name),
               void *arg);
/* Changes of that directory: a descriptor for the caller to close; made if
 * `make`. */
int index_changes_open(struct index *index, const struct gfid *gfid,
                       bool make);
/* 0, -EPERM, -ENAMETOOLONG, -EINVAL. */
int index_name_check(const char *name);

#endif
