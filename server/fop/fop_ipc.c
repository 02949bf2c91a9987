/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages to a feature of the brick. */
#include <errno.h>

#include "server/fop/handlers.h"

enum { IPC_CHANGELOG = 0, IPC_UPCALL = 2 };

/* Clients register names for cache invalidation at every connect, whether it
 * is on or not; both features are off here, and an error would only fill the
 * clients' logs. */
int64_t
fop_ipc(struct call *c)
{
    if (c->args.what == IPC_UPCALL || c->args.what == IPC_CHANGELOG)
        return 0;
    return -EOPNOTSUPP;
}
