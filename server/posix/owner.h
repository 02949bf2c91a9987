/* SPDX-License-Identifier: BSD-2-Clause */
/* One daemon a brick.  Private to posix/. */
#ifndef CLINKER_SERVER_POSIX_OWNER_H
#define CLINKER_SERVER_POSIX_OWNER_H

#include "server/posix/internal.h"

/* Take the lock; its descriptor keeps it.  dirfd is .glusterfs/clinker.
 * With `look`: only if its file exists (else -ENOENT), which is not changed.
 * -EBUSY and the holder's pid in *pid (0: it cannot be told). */
int owner_take(int dirfd, bool look, long *pid);
/* Say who has it. */
int owner_sign(int owner_fd);

#endif
