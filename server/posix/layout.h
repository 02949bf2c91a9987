/* SPDX-License-Identifier: BSD-2-Clause */
/* The directories below .glusterfs.  Private to posix/. */
#ifndef CLINKER_SERVER_POSIX_LAYOUT_H
#define CLINKER_SERVER_POSIX_LAYOUT_H

#include "server/posix/internal.h"

/* Is what is there of the right kind?  Changes nothing. */
int layout_check(int dot_fd, const char *brick, char err[POSIX_ERROR_BYTES]);
/* Make what is missing; fills px->level1_fd, landfill_fd, unlink_fd
 * and private_fd. */
int layout_make(struct posix *px, char err[POSIX_ERROR_BYTES]);
/* An open descriptor of a directory, new with exactly that mode or old. */
int layout_make_dir(int dirfd, const char *name, mode_t mode, int flags);

#endif
