/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/authorize.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "mem/must.h"
#include "server/core/option_value.h"
#include "server/fop/brick.h"
#include "server/stage/auth.h"
#define LOG_DOMAIN "server"
#include "server/core/log.h"

/* The rules as set; a list is NULL when there is none. */
struct rules {
    const char *allow, *reject, *login_allow;
};

/* In the arena: lists can be long.  false: no memory, which must not pass for
 * "no such list". */
static bool
list(const struct options *o, enum option_id id, struct arena *arena,
     const char **out)
{
    char *text = arena_alloc(arena, OPTION_VALUE_BYTES_MAX);

    if (text == NULL)
        return false;
    (void)options_text(o, id, text, OPTION_VALUE_BYTES_MAX);
    *out = text[0] == '\0' ? NULL : text;
    return true;
}

/* The peer's address as rules name it: without its port. */
static const char *
host_text(const struct rpc_conn *conn, char *buf, size_t bytes)
{
    const struct sockaddr_storage *addr = rpc_conn_peer_addr(conn);
    socklen_t len = addr->ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                               : sizeof(struct sockaddr_in6);

    if (addr->ss_family == AF_UNIX ||
        getnameinfo((const struct sockaddr *)addr, len, buf,
                    (socklen_t)bytes, NULL, 0, NI_NUMERICHOST) != 0)
        return rpc_conn_peer(conn);
    return buf;
}

static bool
password_of(void *arg, const char *user, char *buf, size_t bytes)
{
    return options_login(arg, user, buf, bytes);
}

static bool
decide(struct brick *brick, struct rpc_conn *conn, const char *user,
       const char *password, const char *subdir, struct arena *arena,
       bool *trusted)
{
    const struct sockaddr_storage *addr = rpc_conn_peer_addr(conn);
    struct options *o = brick->options;
    struct rules rules = {NULL, NULL, NULL};
    char text[RPC_ADDRESS_BYTES];
    const struct auth_peer peer = {
        .text = host_text(conn, text, sizeof(text)),
        .addr = addr->ss_family == AF_UNIX ? NULL : addr,
        .privileged = rpc_conn_is_privileged_port(conn),
        .is_unix = addr->ss_family == AF_UNIX,
    };
    struct auth_login login = {
        .user = user,
        .password = password,
        .strict = options_bool(o, OPT_STRICT_AUTH),
        .password_of = password_of,
        .arg = o,
    };
    enum auth_verdict by_addr, by_login;

    if (!list(o, OPT_AUTH_ALLOW, arena, &rules.allow) ||
        !list(o, OPT_AUTH_REJECT, arena, &rules.reject) ||
        !list(o, OPT_AUTH_LOGIN_ALLOW, arena, &rules.login_allow)) {
        log_limited(LOG_LVL_ERROR, 1, "%s: no memory to read the rules",
                    rpc_conn_peer(conn));
        return false;
    }
    login.allow = rules.login_allow;
    by_addr = auth_addr(rules.allow, rules.reject,
                        options_bool(o, OPT_ALLOW_INSECURE), &peer, subdir);
    by_login = auth_login(&login, trusted);
    return auth_combine(by_addr, by_login) == AUTH_ACCEPT;
}

MEM_TYPE(mt_lists, "server.fop", "auth lists");

bool
authorize(struct brick *brick, struct rpc_conn *conn,
          struct client_hello *hello)
{
    struct arena arena;
    bool ok;

    arena_init(&arena, &mt_lists, NULL, 0);
    ok = decide(brick, conn, hello->username, hello->password, hello->subdir,
                &arena, &hello->trusted);
    arena_release(&arena);
    return ok;
}

static void
check_again(void *arg, struct rpc_conn *conn)
{
    struct brick *brick = arg;
    struct client *client = client_of_conn(brick->clients, conn);
    struct arena arena;
    bool trusted = false;

    if (client == NULL)
        return;
    if (brick->stopping) { /* they all have to go */
        client_put(client);
        return;
    }
    arena_init(&arena, &mt_lists, NULL, 0);
    /* One that was trusted and is not any more has to come again as what it
     * is now. */
    if (!decide(brick, conn, client->username, client->password,
                client->subdir, &arena, &trusted) ||
        (client->trusted && !trusted)) {
        log_notice("disconnecting %s, client %s: the rules no longer admit it",
                   rpc_conn_peer(conn), client->uid);
        rpc_conn_close(conn);
    }
    arena_release(&arena);
    client_put(client);
}

/* Rules that change while it runs are looked at in another round. */
static void
recheck_run(struct iot_work *work)
{
    struct brick *brick = container_of_member(work, struct brick, recheck);
    uint32_t wanted = brick->rechecks_wanted;

    do {
        must(wanted > 0);
        rpc_service_each_conn(brick->rpc, check_again, brick);
    } while (!atomic_compare_exchange_strong(&brick->rechecks_wanted, &wanted,
                                             0));
}

static void
recheck_drop(struct iot_work *work)
{
    struct brick *brick = container_of_member(work, struct brick, recheck);

    brick->rechecks_wanted = 0;
}

void
authorize_again(struct brick *brick)
{
    if (atomic_fetch_add(&brick->rechecks_wanted, 1) > 0)
        return;
    brick->recheck.owner = &brick->handshakes;
    brick->recheck.class = IOT_NORMAL;
    brick->recheck.run = recheck_run;
    brick->recheck.drop = recheck_drop;
    iot_submit_away(brick->pool, &brick->recheck);
}
