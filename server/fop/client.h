/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connected clients.  A client is the pair (process-uuid, exact credential
 * bytes) of SETVOLUME; connections with an equal pair share it and are its
 * bindings.  When the last binding goes, so does everything that the client
 * held: internal locks, fds, record locks, waiting requests.
 *
 *   bound   bindings > 0
 *   gone    the last binding has ended; its fd table is closed, so that a
 *           request still in flight can add nothing
 *   freed   no request refers to it any more; that it holds nothing is
 *           asserted
 */
#ifndef CLINKER_SERVER_FOP_CLIENT_H
#define CLINKER_SERVER_FOP_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <urcu/list.h>

#include "iothreads/work.h"
#include "mem/mutex.h"
#include "rpc/service.h"
#include "server/core/gfid.h"
#include "server/fop/share.h"
#include "server/inode/fd.h"
#include "server/lock/holder.h"

struct brick;
struct client_table;

enum {
    CLIENT_MAGIC = 0x434c4e54,
    /* In the log, of each kind: how often they come and go is up to them. */
    CLIENT_LINES_PER_SECOND = 20,
};

struct client {
    unsigned magic;
    _Atomic(uint32_t) ref;
    struct client_table *table;
    uint64_t generation;   /* of this client; never used twice */
    char *uid;             /* process-uuid */
    char *process_name;    /* may be NULL */
    char *version;         /* may be NULL */
    char *subdir;          /* subdir-mount, NULL: the whole volume */
    struct gfid subdir_gfid;
    uint32_t opversion;
    bool trusted;          /* logged in with user and password */
    char *username;        /* may be NULL */
    char *password;        /* may be NULL; for when the rules change */
    uint32_t cred_flavor;
    uint8_t *cred;
    uint32_t cred_bytes;
    int64_t since;         /* wall clock, seconds */
    char peer[RPC_ADDRESS_BYTES];

    atomic_bool gone;
    uint32_t bindings;           /* [table->mtx] */
    struct cds_list_head node;   /* [table->mtx] until freed */
    struct fd_table *fds;
    struct iot_owner owner;      /* the pool's */
    struct iot_work cleanup;

    struct lk_holder locks;      /* internal ones; its client is this */
    struct share share;
    _Atomic(uint32_t) waiting;   /* requests that wait for locks */
    _Atomic(uint32_t) gated;     /* of those, reads and writes */
    struct mutex calls_mtx;      /* rank 40 */
    struct cds_list_head calls;  /* [calls_mtx] requests in flight */
    uint32_t calls_count;        /* [calls_mtx] */
};

/* NULL and ENOMEM. */
struct client_table *client_table_new(struct brick *brick);
/* Every client must have been freed. */
void client_table_destroy(struct client_table **tablep);

/* What SETVOLUME says of a client. */
struct client_hello {
    const char *uid, *process_name, *version, *subdir;
    const char *username, *password;
    struct gfid subdir_gfid;
    uint32_t opversion;
    bool trusted;
    const struct rpc_cred *cred;
};

/* Bind the connection to its client, made if need be.  -ENOTCONN: it has
 * closed meanwhile. -EALREADY: it is bound. -ENOMEM. */
int client_bind(struct client_table *table, struct rpc_conn *conn,
                const struct client_hello *hello);
/* The connection has closed. */
void client_unbind(struct client_table *table, struct rpc_conn *conn);

/* The connection's client with a reference, or NULL; on any thread. */
struct client *client_of_conn(struct client_table *table,
                              struct rpc_conn *conn);
struct brick *client_brick(const struct client *client);
/* The bound client that calls itself so, with a reference; NULL. */
struct client *client_of_uid(struct client_table *table, const char *uid);
struct client *client_get(struct client *client);
void client_put(struct client *client); /* NULL is fine */

struct client_table_stats {
    uint32_t bound;
    uint32_t leaving; /* gone, but a request still refers to them */
    uint64_t generations;
    uint64_t freed; /* each of them asserted to hold nothing */
};
void client_table_read(struct client_table *table,
                       struct client_table_stats *out);
/* Calls fn with a reference held, no mutex; clients that are gone too. */
void client_table_each(struct client_table *table,
                       void (*fn)(void *arg, struct client *client),
                       void *arg);

#endif
