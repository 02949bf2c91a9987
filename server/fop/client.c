/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/client.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "mem/alloc.h"
#include "mem/limit.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/fop/brick.h"
#include "server/fop/locks.h"
#include "server/lock/posixlk.h"
#define LOG_DOMAIN "server"
#include "server/core/log.h"

MEM_TYPE(mt_client, "server.client", "client");
MEM_TYPE(mt_table, "server.client", "table");

struct client_table {
    struct brick *brick;
    struct mutex mtx;           /* rank 50 */
    struct cds_list_head all;   /* [mtx] */
    uint64_t generations;       /* [mtx] */
    uint64_t freed;             /* [mtx] */
};

struct client_table *
client_table_new(struct brick *brick)
{
    struct client_table *table = mem_zalloc(&mt_table, sizeof(*table));

    if (table == NULL)
        return NULL;
    table->brick = brick;
    mutex_init(&table->mtx, "server.clients", 50);
    CDS_INIT_LIST_HEAD(&table->all);
    return table;
}

void
client_table_destroy(struct client_table **tablep)
{
    struct client_table *table = *tablep;

    *tablep = NULL;
    if (table == NULL)
        return;
    must(cds_list_empty(&table->all));
    mutex_destroy(&table->mtx);
    mem_free(table);
}

static void
client_free(struct client *client)
{
    mem_free(client->uid);
    mem_free(client->process_name);
    mem_free(client->version);
    mem_free(client->subdir);
    mem_free(client->username);
    mem_free(client->password);
    mem_free(client->cred);
    share_fini(&client->share);
    if (client->fds != NULL)
        fd_table_destroy(&client->fds);
    lk_holder_fini(&client->locks);
    mutex_destroy(&client->calls_mtx);
    client->magic = 0;
    mem_free(client);
}

/* --- a client goes --- */

static void
release_fd(void *arg, struct fd *fd)
{
    struct client *client = arg;

    log_debug("fd cleanup on gfid=%s client=%s", gfid_str(&fd->inode->gfid),
              client->uid);
    fd->active = false;
    lk_release_fd(fd);
    fd_put(fd);
}

/* Closes files, so it runs on a worker and not on the event thread. */
static void
cleanup_run(struct iot_work *work)
{
    struct client *client = container_of_member(work, struct client, cleanup);
    enum mem_importance was = mem_set_importance(MEM_FOR_SERVER);
    struct lk_rules rules = lock_rules(client->table->brick->options);

    lk_holder_leave(&client->locks, &rules);
    fd_table_close(client->fds, release_fd, client);
    log_limited(LOG_LVL_INFO, CLIENT_LINES_PER_SECOND, "shut down client %s",
                client->uid);
    client_put(client);
    (void)mem_set_importance(was);
}

static void
client_leave(struct client *client)
{
    struct brick *brick = client->table->brick;

    client->gone = true;
    if (options_bool(brick->options, OPT_CLEANUP_REQS))
        (void)iot_owner_drop(brick->pool, &client->owner, 0);
    client->cleanup.owner = &client->owner;
    client->cleanup.class = IOT_NORMAL;
    client->cleanup.run = cleanup_run;
    client->cleanup.drop = cleanup_run;
    iot_submit(brick->pool, &client->cleanup);
}

struct brick *
client_brick(const struct client *client)
{
    return client->table->brick;
}

struct client *
client_get(struct client *client)
{
    OBJ_CHECK(client, CLIENT_MAGIC);
    atomic_fetch_add_explicit(&client->ref, 1, memory_order_relaxed);
    return client;
}

/* The last reference goes after the cleanup has run: cleanup holds one.  What
 * the client held must be gone by now; a request in flight found its table
 * closed. */
void
client_put(struct client *client)
{
    struct client_table *table;
    struct fd_table_stats fds;

    if (client == NULL)
        return;
    OBJ_CHECK(client, CLIENT_MAGIC);
    if (atomic_fetch_sub_explicit(&client->ref, 1, memory_order_acq_rel) != 1)
        return;
    table = client->table;
    fd_table_read(client->fds, &fds);
    must(client->gone);
    must(fds.open == 0);
    must(cds_list_empty(&client->calls));
    {
        MUTEX_SCOPE(&table->mtx);
        cds_list_del(&client->node);
        table->freed++;
    }
    log_debug("client generation %llu is free and holds nothing",
              (unsigned long long)client->generation);
    client_free(client);
}

/* --- a client comes --- */

static int
copy_text(char **out, const char *text)
{
    if (text == NULL)
        return 0;
    *out = mem_strdup(&mt_client, text);
    return *out == NULL ? -ENOMEM : 0;
}

static struct client *
client_new(struct client_table *table, const struct client_hello *hello,
           const char *peer)
{
    struct client *client = mem_zalloc(&mt_client, sizeof(*client));

    if (client == NULL)
        return NULL;
    client->magic = CLIENT_MAGIC;
    client->table = table;
    client->ref = 1; /* the bindings' */
    client->opversion = hello->opversion;
    client->trusted = hello->trusted;
    client->subdir_gfid = hello->subdir_gfid;
    client->cred_flavor = hello->cred->flavor;
    client->cred_bytes = hello->cred->raw_bytes;
    client->since = time(NULL);
    (void)snprintf(client->peer, sizeof(client->peer), "%s", peer);
    mutex_init(&client->calls_mtx, "server.client.calls", 40);
    CDS_INIT_LIST_HEAD(&client->calls);
    iot_owner_init(&client->owner);
    lk_holder_init(&client->locks, client, NULL, &client_holder_ops);
    client->fds = fd_table_new();
    client->cred = mem_memdup(&mt_client, hello->cred->raw,
                              hello->cred->raw_bytes);
    if (client->fds == NULL || client->cred == NULL ||
        copy_text(&client->uid, hello->uid) != 0 ||
        copy_text(&client->process_name, hello->process_name) != 0 ||
        copy_text(&client->version, hello->version) != 0 ||
        copy_text(&client->subdir, hello->subdir) != 0 ||
        copy_text(&client->username, hello->username) != 0 ||
        copy_text(&client->password, hello->password) != 0) {
        if (client->fds != NULL)
            fd_table_close(client->fds, release_fd, client);
        client_free(client);
        return NULL;
    }
    client->locks.uid = client->uid;
    return client;
}

/* The directory may have been made anew since: then it is another one. */
static bool
same_subdir(const struct client *client, const struct client_hello *hello)
{
    if (client->subdir == NULL || hello->subdir == NULL)
        return client->subdir == NULL && hello->subdir == NULL;
    return strcmp(client->subdir, hello->subdir) == 0 &&
           gfid_equal(&client->subdir_gfid, &hello->subdir_gfid);
}

/* Flavour 0 carries no identity and never shares. */
static struct client *
find_locked(struct client_table *table, const struct client_hello *hello)
{
    struct client *client;

    mutex_assert_held(&table->mtx);
    if (hello->cred->flavor == RPC_AUTH_NULL)
        return NULL;
    cds_list_for_each_entry(client, &table->all, node) {
        if (client->bindings > 0 && strcmp(client->uid, hello->uid) == 0 &&
            client->cred_flavor == hello->cred->flavor &&
            client->cred_bytes == hello->cred->raw_bytes &&
            memcmp(client->cred, hello->cred->raw, client->cred_bytes) == 0 &&
            client->trusted == hello->trusted &&
            same_subdir(client, hello))
            return client;
    }
    return NULL;
}

/* Returns the client when that was its last binding. */
static struct client *
unbind_locked(struct rpc_conn *conn)
{
    struct client *client = rpc_conn_user(conn);

    if (client == NULL)
        return NULL;
    OBJ_CHECK(client, CLIENT_MAGIC);
    rpc_conn_set_user(conn, NULL);
    must(client->bindings > 0);
    client->bindings--;
    return client->bindings == 0 ? client : NULL;
}

int
client_bind(struct client_table *table, struct rpc_conn *conn,
            const struct client_hello *hello)
{
    struct client *client, *fresh;
    int err = 0;

    fresh = client_new(table, hello, rpc_conn_peer(conn));
    if (fresh == NULL)
        return -ENOMEM;
    mutex_lock(&table->mtx);
    /* The connection's end is told under the same mutex: either it sees our
     * binding and ends it, or we see that it has closed. */
    if (rpc_conn_is_closed(conn)) {
        err = -ENOTCONN;
    } else if (rpc_conn_user(conn) != NULL) {
        /* Requests of the first identity may be on their way. */
        err = -EALREADY;
    } else {
        client = find_locked(table, hello);
        if (client == NULL) {
            client = fresh;
            fresh = NULL;
            client->generation = ++table->generations;
            cds_list_add_tail(&client->node, &table->all);
        }
        client->bindings++;
        rpc_conn_set_user(conn, client);
        rpc_conn_set_trusted(conn);
    }
    mutex_unlock(&table->mtx);
    if (fresh != NULL) {
        fd_table_close(fresh->fds, release_fd, fresh);
        client_free(fresh);
    }
    return err;
}

void
client_unbind(struct client_table *table, struct rpc_conn *conn)
{
    struct client *left;

    mutex_lock(&table->mtx);
    left = unbind_locked(conn);
    mutex_unlock(&table->mtx);
    if (left == NULL)
        return;
    log_limited(LOG_LVL_INFO, CLIENT_LINES_PER_SECOND,
                "disconnecting connection from %s, %s", left->uid,
                rpc_conn_peer(conn));
    client_leave(left);
}

/* --- looking --- */

/* Under the mutex a bound client has its bindings' reference. */
struct client *
client_of_conn(struct client_table *table, struct rpc_conn *conn)
{
    struct client *client;

    MUTEX_SCOPE(&table->mtx);
    client = rpc_conn_user(conn);
    return client == NULL ? NULL : client_get(client);
}

struct client *
client_of_uid(struct client_table *table, const char *uid)
{
    struct client *client;

    MUTEX_SCOPE(&table->mtx);
    cds_list_for_each_entry(client, &table->all, node)
        if (client->bindings > 0 && strcmp(client->uid, uid) == 0)
            return client_get(client);
    return NULL;
}

void
client_table_read(struct client_table *table, struct client_table_stats *out)
{
    struct client *client;

    MUTEX_SCOPE(&table->mtx);
    *out = (struct client_table_stats){.generations = table->generations,
                                       .freed = table->freed};
    cds_list_for_each_entry(client, &table->all, node) {
        if (client->bindings > 0)
            out->bound++;
        else
            out->leaving++;
    }
}

/* A client whose last reference has just gone is still on the list until it
 * gets the mutex: it must not be revived. */
static bool
get_unless_dead(struct client *client)
{
    uint32_t ref = client->ref;

    while (ref > 0)
        if (atomic_compare_exchange_weak(&client->ref, &ref, ref + 1))
            return true;
    return false;
}

void
client_table_each(struct client_table *table,
                  void (*fn)(void *arg, struct client *client), void *arg)
{
    uint64_t last = 0;

    for (;;) {
        struct client *client, *next = NULL;

        mutex_lock(&table->mtx);
        cds_list_for_each_entry(client, &table->all, node) {
            if (client->generation > last && get_unless_dead(client)) {
                next = client;
                break;
            }
        }
        mutex_unlock(&table->mtx);
        if (next == NULL)
            return;
        last = next->generation;
        fn(arg, next);
        client_put(next);
    }
}
