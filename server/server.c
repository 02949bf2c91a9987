/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts the parts together, from the ground up, and takes them apart in the
 * reverse order:
 *
 *   inode table, workers, rpc service, reclaim, listeners, statedump, control
 *   socket, brick on disk
 */
#include "server/server.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <urcu/urcu-memb.h>

#include "mem/alloc.h"
#include "mem/limit.h"
#include "mem/must.h"
#include "mem/thread_flush.h"
#include "server/admin/admin.h"
#include "server/admin/control.h"
#include "server/admin/statedump.h"
#include "server/fop/authorize.h"
#include "server/fop/callback.h"
#include "server/fop/call.h"
#include "server/fop/dump_program.h"
#include "server/fop/hello.h"
#include "server/fop/run.h"
#include "server/heal/heal.h"
#include "server/lock/posixlk.h"
#include "server/pressure.h"
#include "server/server_options.h"
#define LOG_DOMAIN "server"
#include "server/core/log.h"

MEM_TYPE(mt_server, "server", "server");
MEM_TYPE(mt_call, "server.fop", "call");

enum {
    STOP_TIMEOUT_MS = 5000, /* for requests in flight */
};

enum { SIGNALS_MAX = 6 };

struct server {
    struct server_params params;
    struct options *options;
    struct brick brick;
    struct admin admin;
    struct event_base *base;
    struct event *signals[SIGNALS_MAX];
    struct event *dead_event;
    struct rpc_listener *tcp, *unix_socket;
    struct statedump *statedump;
    struct control *control;
    struct pressure *pressure;
    char *brick_name, *dump_name, *volume_name;
    int ended_by; /* signal, or 0 */
    _Atomic(int) dead_error;
};

/* --- what the layers below call --- */

static void
inode_released(void *arg, struct inode *inode)
{
    struct brick *brick = arg;

    lk_inode_release(inode);
    if (brick->px != NULL)
        posix_inode_release(brick->px, inode);
}

static void
thread_start(void *arg)
{
    urcu_memb_register_thread();
}

static void
thread_stop(void *arg)
{
    struct brick *brick = arg;

    fop_stats_thread_stop(&brick->stats);
    urcu_memb_unregister_thread();
}

static void
stalled(void *arg, enum iot_class class, uint32_t queued)
{
    log_warning("io-threads: the %s queue has stalled with %u requests; one "
                "more worker for it",
                iot_class_name[class], queued);
}

static void
conn_closed(void *arg, struct rpc_conn *conn)
{
    struct brick *brick = arg;

    client_unbind(brick->clients, conn);
}

static void
conn_event(void *arg, enum rpc_event event, const char *peer,
           const char *detail, int error)
{
    static const char *const what[] = {
        [RPC_CONN_BAD_RECORD] = "closed, it does not speak the protocol",
        [RPC_CONN_BAD_CALL] = "sent a call that does not decode",
        [RPC_CONN_BAD_CRED] = "credential refused",
        [RPC_CONN_INSECURE_PORT] = "refused, its port is not privileged",
        [RPC_CONN_UNKNOWN_PROC] = "asked for what is not served",
        [RPC_CONN_REFUSED] = "refused, too many connections",
        [RPC_CONN_STUCK] = "does not read its replies and is not read from",
        [RPC_ACCEPT_FAILED] = "cannot accept connections",
    };

    log_limited(event == RPC_ACCEPT_FAILED ? LOG_LVL_ERROR : LOG_LVL_WARNING,
                5, "%s: %s%s%s%s%s", peer == NULL ? "listener" : peer,
                what[event], detail == NULL ? "" : ": ",
                detail == NULL ? "" : detail, error == 0 ? "" : ": ",
                error == 0 ? "" : strerror(error < 0 ? -error : error));
}

/* On the health check's thread. */
static void
brick_dead(void *arg, int error)
{
    struct server *srv = arg;

    srv->dead_error = error;
    event_active(srv->dead_event, EV_TIMEOUT, 0);
}

/* --- the main loop's events --- */

static void
tell_child_down(void *arg, struct rpc_conn *conn)
{
    if (rpc_conn_user(conn) != NULL)
        callback_child_down(conn);
}

static void
on_dead(evutil_socket_t fd, short what, void *arg)
{
    struct server *srv = arg;

    log_at(LOG_LVL_EMERG, "brick %s has failed (%s), going down",
           srv->brick.name, strerror(srv->dead_error));
    rpc_service_each_conn(srv->brick.rpc, tell_child_down, NULL);
    srv->ended_by = 0;
    (void)event_base_loopexit(srv->base, NULL);
}

static int
reload(void *arg, char err[OPTION_ERROR_BYTES])
{
    struct server *srv = arg;
    int e = log_reopen();

    if (e != 0)
        log_warning("the log file could not be opened anew: %s", strerror(-e));
    if (srv->params.reload == NULL)
        return 0;
    return srv->params.reload(srv->params.arg, err);
}

static void
on_signal(evutil_socket_t signum, short what, void *arg)
{
    char err[OPTION_ERROR_BYTES] = "";
    struct server *srv = arg;

    switch (signum) {
    case SIGUSR1:
        statedump_request(srv->statedump);
        return;
    case SIGUSR2:
        log_notice("received signum (%d): there is no metrics dump; see "
                   "clinkerctl status --json",
                   SIGUSR2);
        return;
    case SIGHUP:
        if (reload(srv, err) != 0)
            log_error("configuration not changed: %s", err);
        else
            log_notice("received signum (%d): configuration read anew",
                       SIGHUP);
        return;
    default:
        log_warning("received signum (%d), shutting down", (int)signum);
        srv->ended_by = (int)signum;
        (void)event_base_loopexit(srv->base, NULL);
    }
}

static int
add_signals(struct server *srv)
{
    static const int numbers[SIGNALS_MAX] = {SIGTERM, SIGINT,  SIGHUP,
                                             SIGUSR1, SIGUSR2, SIGQUIT};
    unsigned i;

    for (i = 0; i < SIGNALS_MAX; i++) {
        srv->signals[i] = evsignal_new(srv->base, numbers[i], on_signal, srv);
        if (srv->signals[i] == NULL || event_add(srv->signals[i], NULL) != 0)
            return -ENOMEM;
    }
    srv->dead_event = event_new(srv->base, -1, EV_PERSIST, on_dead, srv);
    return srv->dead_event == NULL ? -ENOMEM : 0;
}

/* --- start, step by step --- */

static int
start_pressure(struct server *srv)
{
    srv->pressure = pressure_start(&srv->brick);
    return srv->pressure == NULL ? -errno : 0;
}

static char *
option_copy(struct options *o, enum option_id id)
{
    char text[4096];

    return mem_strdup(&mt_server, options_text(o, id, text, sizeof(text)));
}

static int
set_names(struct server *srv)
{
    char *p;

    srv->brick_name = option_copy(srv->options, OPT_BRICK_NAME);
    if (srv->brick_name != NULL && srv->brick_name[0] == '\0') {
        mem_free(srv->brick_name);
        srv->brick_name = option_copy(srv->options, OPT_BRICK_DIRECTORY);
    }
    srv->volume_name = option_copy(srv->options, OPT_VOLUME_NAME);
    if (srv->brick_name == NULL || srv->volume_name == NULL)
        return -ENOMEM;
    p = srv->brick_name;
    srv->dump_name = mem_strdup(&mt_server, p[0] == '/' ? p + 1 : p);
    if (srv->dump_name == NULL)
        return -ENOMEM;
    for (p = srv->dump_name; *p != '\0'; p++)
        if (*p == '/')
            *p = '-';
    srv->brick.name = srv->brick_name;
    return 0;
}

static int
start_inodes(struct server *srv)
{
    const struct inode_table_ops ops = {.arg = &srv->brick,
                                        .release = inode_released};

    srv->brick.inodes = inode_table_new(
        pressure_unused_inodes(srv->options), &ops);
    return srv->brick.inodes == NULL ? -errno : 0;
}

/* After the addresses have been taken: this is the first step that may change
 * anything on disk.  Who is faster than it waits, clients to be accepted, and
 * those on the control socket for the main loop. */
static int
start_brick(struct server *srv, char *err)
{
    char perr[POSIX_ERROR_BYTES] = "", herr[HEAL_ERROR_BYTES] = "";
    struct brick *brick = &srv->brick;
    int e;

    e = posix_open(&brick->px, srv->options, brick->inodes, perr);
    if (e != 0) {
        (void)snprintf(err, SERVER_ERROR_BYTES, "%s", perr);
        return e;
    }
    e = heal_open(&brick->heal, srv->options, brick->px, herr);
    if (e != 0) {
        (void)snprintf(err, SERVER_ERROR_BYTES, "%s", herr);
        return e;
    }
    posix_on_dead(brick->px, brick_dead, srv);
    return 0;
}

static int
start_workers(struct server *srv)
{
    const struct iot_limits limits = server_iot_limits(srv->options);
    const struct iot_hooks hooks = {.arg = &srv->brick,
                                    .thread_start = thread_start,
                                    .thread_stop = thread_stop,
                                    .stalled = stalled};
    struct brick *brick = &srv->brick;

    iot_owner_init(&brick->handshakes);
    brick->pool = iot_pool_new(&limits, &hooks);
    if (brick->pool == NULL)
        return -errno;
    brick->groups = groups_cache_new(
        (uint32_t)options_number(srv->options, OPT_GID_TIMEOUT), NULL);
    brick->clients = client_table_new(brick);
    if (brick->groups == NULL || brick->clients == NULL)
        return -ENOMEM;
    return fop_stats_init(&brick->stats);
}

static int
start_rpc(struct server *srv)
{
    const struct rpc_service_params params = server_rpc_params(srv->options);
    struct brick *brick = &srv->brick;
    struct rpc_service_ops ops = {
        .arg = brick,
        .request_init = call_init,
        .request_fini = call_fini,
        .conn_closed = conn_closed,
        .event = conn_event,
        .thread_start = thread_start,
        .thread_stop = thread_stop,
    };
    int err;

    brick->call_pool = mem_pool_new(&mt_call, sizeof(struct call), NULL);
    if (brick->call_pool == NULL)
        return -errno;
    ops.request_pool = brick->call_pool;
    brick->rpc = rpc_service_new(&params, &ops);
    if (brick->rpc == NULL)
        return -errno;
    err = rpc_service_add_program(brick->rpc, &fop_program_v400);
    if (err == 0)
        err = rpc_service_add_program(brick->rpc, &dump_program);
    if (err == 0)
        err = rpc_service_add_program(brick->rpc, &hello_program);
    return err;
}

static int
listen_on(struct server *srv, const struct rpc_listen_params *params,
          struct rpc_listener **out, char *err)
{
    int e = rpc_listen(srv->brick.rpc, params, out);

    if (e == 0)
        return 0;
    if (params->family == AF_UNIX)
        (void)snprintf(err, SERVER_ERROR_BYTES, "cannot listen on %s: %s",
                       params->bind, strerror(-e));
    else
        (void)snprintf(err, SERVER_ERROR_BYTES,
                       "cannot listen on %s port %u: %s",
                       params->bind == NULL ? "any address" : params->bind,
                       params->port, strerror(-e));
    return e;
}

static int
start_listening(struct server *srv, char *err)
{
    struct rpc_listen_params tcp = server_listen_params(srv->options);
    const char *path = options_const(srv->options, OPT_LISTEN_PATH);
    struct rpc_listen_params local = tcp;
    int e = 0;

    if (tcp.family != AF_UNIX)
        e = listen_on(srv, &tcp, &srv->tcp, err);
    else if (path == NULL) {
        (void)snprintf(err, SERVER_ERROR_BYTES,
                       "server.address-family is unix and there is no "
                       "server.listen-path");
        return -EINVAL;
    }
    if (e == 0 && path != NULL) {
        local.family = AF_UNIX;
        local.bind = path;
        local.unix_mode = 0755;
        e = listen_on(srv, &local, &srv->unix_socket, err);
    }
    return e;
}

static int
resume_listening(struct server *srv)
{
    int e = srv->tcp == NULL ? 0 : rpc_listener_resume(srv->tcp);

    if (e == 0 && srv->unix_socket != NULL)
        e = rpc_listener_resume(srv->unix_socket);
    return e;
}

static int
start_admin(struct server *srv, char *err)
{
    char path[4096];
    int e;

    srv->admin = (struct admin){
        .brick = &srv->brick,
        .base = srv->base,
        .dump_name = srv->dump_name,
        .volume_name = srv->volume_name,
        .config_path = srv->params.config_path,
        .version = srv->params.version,
        .started = time(NULL),
        .port = srv->tcp == NULL ? 0 : rpc_listener_port(srv->tcp),
        .reload = reload,
        .arg = srv,
    };
    e = statedump_start(&srv->statedump, &srv->admin);
    if (e != 0)
        return e;
    (void)options_text(srv->options, OPT_CONTROL_SOCKET, path, sizeof(path));
    return control_start(&srv->control, &srv->admin, srv->statedump,
                         path[0] == '\0' ? NULL : path, err);
}

static void
option_changed(void *arg, enum option_id id)
{
    struct server *srv = arg;

    server_option_changed(&srv->brick, id);
}

struct server *
server_start(const struct server_params *params, char err[SERVER_ERROR_BYTES])
{
    struct server *srv = mem_zalloc(&mt_server, sizeof(*srv));
    struct gfid uuid;
    int e;

    err[0] = '\0';
    if (srv == NULL) {
        (void)snprintf(err, SERVER_ERROR_BYTES, "cannot start: %s",
                       strerror(errno));
        return NULL;
    }
    srv->params = *params;
    srv->options = srv->brick.options = params->options;
    gfid_random(&uuid);
    (void)gfid_format(&uuid, srv->brick.process_uuid);
    urcu_memb_register_thread();
    /* Here and now: a worker would give that thread its own name. */
    (void)urcu_memb_get_default_call_rcu_data();
    rpc_libevent_init();
    (void)mem_set_importance(MEM_FOR_SERVER);
    pressure_apply(srv->options);
    srv->base = event_base_new();
    e = srv->base == NULL ? -ENOMEM : add_signals(srv);
    if (e == 0)
        e = set_names(srv);
    if (e == 0)
        e = start_inodes(srv);
    if (e == 0)
        e = start_workers(srv);
    if (e == 0)
        e = start_rpc(srv);
    if (e == 0)
        e = start_pressure(srv);
    if (e == 0)
        e = start_listening(srv, err);
    if (e == 0)
        e = start_admin(srv, err);
    if (e == 0)
        e = start_brick(srv, err);
    if (e == 0)
        e = options_subscribe(srv->options, option_changed, srv);
    if (e == 0)
        e = resume_listening(srv);
    if (e != 0) {
        if (err[0] == '\0')
            (void)snprintf(err, SERVER_ERROR_BYTES, "cannot start: %s",
                           strerror(-e));
        server_stop(&srv);
        errno = -e;
        return NULL;
    }
    log_notice("serving brick %s as %s on port %u",
               posix_directory(srv->brick.px), srv->brick.name,
               srv->admin.port);
    return srv;
}

int
server_run(struct server *srv)
{
    while (!event_base_got_exit(srv->base)) {
        must(event_base_loop(srv->base,
                             EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) == 0);
        mem_thread_idle();
    }
    return srv->ended_by;
}

/* --- stop --- */

static void
stop_admin(struct server *srv)
{
    if (srv->control != NULL)
        control_stop(&srv->control);
    if (srv->statedump != NULL)
        statedump_stop(&srv->statedump);
}

/* First no new requests and the answers to the old ones; then the workers,
 * who also clean up behind the clients that have just gone; then what the
 * workers used. */
static void
stop_serving(struct server *srv)
{
    struct brick *brick = &srv->brick;

    brick->stopping = true;
    pressure_leave_clients(srv->pressure);
    if (brick->rpc != NULL)
        rpc_service_stop(brick->rpc, STOP_TIMEOUT_MS);
    if (brick->pool != NULL)
        iot_pool_destroy(&brick->pool);
    if (brick->rpc != NULL)
        rpc_service_destroy(&brick->rpc);
    client_table_destroy(&brick->clients);
    if (brick->call_pool != NULL)
        mem_pool_destroy(&brick->call_pool);
    groups_cache_free(&brick->groups);
    fop_stats_fini(&brick->stats);
    heal_close(&brick->heal);
    if (brick->px != NULL)
        posix_close(&brick->px);
    pressure_stop(&srv->pressure);
    if (brick->inodes != NULL)
        inode_table_destroy(&brick->inodes);
}

void
server_stop(struct server **srvp)
{
    struct server *srv = *srvp;
    unsigned i;

    *srvp = NULL;
    if (srv == NULL)
        return;
    stop_admin(srv);
    stop_serving(srv);
    for (i = 0; i < SIGNALS_MAX; i++)
        if (srv->signals[i] != NULL)
            event_free(srv->signals[i]);
    if (srv->dead_event != NULL)
        event_free(srv->dead_event);
    if (srv->base != NULL)
        event_base_free(srv->base);
    urcu_memb_unregister_thread();
    mem_free(srv->brick_name);
    mem_free(srv->dump_name);
    mem_free(srv->volume_name);
    mem_free(srv);
}
