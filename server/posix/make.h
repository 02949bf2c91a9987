/* SPDX-License-Identifier: BSD-2-Clause */
/* An object in the making, shared by the files that make entries. */
#ifndef CLINKER_SERVER_POSIX_MAKE_H
#define CLINKER_SERVER_POSIX_MAKE_H

#include "server/posix/ops.h"

enum { MAKING_TEMP_BYTES = 32 };

struct making {
    struct posix_call *c;
    struct inode *parent;
    const char *name;
    uint32_t mode; /* with the type */
    dev_t rdev;
    const char *target; /* of a symlink */
    int flags;          /* open(2)'s, for files */
    bool preop_met;     /* the parent was as xdata says: its keys are spent */

    struct posix_ref dir;
    struct gfid gfid;
    uint32_t uid, gid;
    struct inode *inode; /* of the new object, a reference */
    int fd;              /* the new object; a file's is open as flags say */
    char temp[MAKING_TEMP_BYTES]; /* its name in private_fd, "" for none */
    struct stat st;
    bool taken_over; /* a directory's gfid has a handle elsewhere */
    bool hard_link;  /* fd is an object that was there before */
    bool fd_lent;    /* fd belongs to an open file */
    struct xattr_change *changes; /* what xdata says to store */
    uint32_t changes_count;
};

/* Checks that come before anything else, parent's attributes; making_end()
 * has to follow, also after a failure. */
int making_begin(struct making *m, struct posix_made *out);
/* The parent's xattr that distribute wants compared. */
int making_preop(struct making *m, bool missing_is_errno);
/* Make it under a private name or none, with all that belongs to it. */
int making_build(struct making *m);
/* Give it its name, then its handle.  -EEXIST when the name is taken. */
int making_show(struct making *m);
/* Attributes of object and parent. */
int making_finish(struct making *m, struct posix_made *out);
void making_end(struct making *m);

/* xattrs out of the request's xdata: all that takes memory.  0 or -ENOMEM. */
int making_xattrs_prepare(struct making *m);
/* Then they are stored.  0, or the errno of a full disk; others are logged. */
int making_xattrs(struct making *m);

#endif
