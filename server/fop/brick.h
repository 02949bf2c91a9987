/* SPDX-License-Identifier: BSD-2-Clause */
/* One brick as request handlers see it: the parts that a request passes
 * through, put together by server.c. */
#ifndef CLINKER_SERVER_FOP_BRICK_H
#define CLINKER_SERVER_FOP_BRICK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "iothreads/pool.h"
#include "mem/pool.h"
#include "rpc/service.h"
#include "server/core/options.h"
#include "server/fop/stats.h"
#include "server/inode/table.h"
#include "server/posix/posix.h"
#include "server/stage/groups.h"

struct client_table;
struct heal;
struct pressure;

struct brick {
    const char *name; /* what clients ask for; constant */
    struct options *options;
    struct inode_table *inodes;
    struct posix *px;
    struct heal *heal;
    struct iot_pool *pool;
    struct rpc_service *rpc;
    struct mem_pool *call_pool;
    struct client_table *clients;
    struct groups_cache *groups;
    struct pressure *pressure; /* pressure.c's; until clients go */
    struct fop_stats stats;
    struct iot_owner handshakes; /* whose work belongs to no client yet */
    struct iot_work recheck;     /* authorize_again()'s, in the queue or running
                                    while the next is not 0 */
    _Atomic(uint32_t) rechecks_wanted; /* since it last began */
    char process_uuid[GFID_TEXT_BYTES];
    atomic_bool stopping;
};

#endif
