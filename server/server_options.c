/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/server_options.h"

#include <string.h>

#include "server/fop/authorize.h"
#include "server/pressure.h"
#define LOG_DOMAIN "server"
#include "server/core/log.h"

static uint32_t
number(const struct options *o, enum option_id id)
{
    return (uint32_t)options_number(o, id);
}

struct iot_limits
server_iot_limits(const struct options *o)
{
    return (struct iot_limits){
        .threads_max = number(o, OPT_THREAD_COUNT),
        .class_max =
            {
                [IOT_FAST] = number(o, OPT_HIGH_PRIO),
                [IOT_NORMAL] = number(o, OPT_NORMAL_PRIO),
                [IOT_SLOW] = number(o, OPT_LOW_PRIO),
                [IOT_LEAST] = number(o, OPT_LEAST_PRIO),
            },
        .idle_secs = number(o, OPT_IDLE_TIME),
        .watchdog_secs = number(o, OPT_WATCHDOG_SECS),
        .least_enabled = options_bool(o, OPT_ENABLE_LEAST),
        .pass_through = options_bool(o, OPT_PASS_THROUGH),
    };
}

struct rpc_service_params
server_rpc_params(const struct options *o)
{
    return (struct rpc_service_params){
        .event_threads = number(o, OPT_EVENT_THREADS),
        .outstanding_limit = number(o, OPT_OUTSTANDING_LIMIT),
        .conns_max = number(o, OPT_CONNECTIONS_MAX),
        .allow_insecure = options_bool(o, OPT_ALLOW_INSECURE),
    };
}

static int
family(const struct options *o)
{
    const char *text = options_const(o, OPT_ADDRESS_FAMILY);

    if (strcmp(text, "inet6") == 0)
        return AF_INET6;
    return strcmp(text, "unix") == 0 ? AF_UNIX : AF_INET;
}

struct rpc_listen_params
server_listen_params(const struct options *o)
{
    return (struct rpc_listen_params){
        .family = family(o),
        .bind = options_const(o, OPT_BIND_ADDRESS),
        .port = (uint16_t)options_number(o, OPT_LISTEN_PORT),
        .paused = true,
        .backlog = (int)options_number(o, OPT_LISTEN_BACKLOG),
        .nodelay = options_bool(o, OPT_NODELAY),
        .keepalive = options_bool(o, OPT_KEEPALIVE),
        .keepalive_idle_secs = (int)options_number(o, OPT_KEEPALIVE_TIME),
        .keepalive_interval_secs =
            (int)options_number(o, OPT_KEEPALIVE_INTERVAL),
        .keepalive_count = (int)options_number(o, OPT_KEEPALIVE_COUNT),
        .user_timeout_secs = (int)options_number(o, OPT_TCP_USER_TIMEOUT),
        .window_bytes = (int)options_number(o, OPT_TCP_WINDOW),
    };
}

static void
rpc_changed(struct brick *brick)
{
    const struct rpc_service_params params = server_rpc_params(brick->options);
    int err = rpc_service_reconfigure(brick->rpc, &params);

    if (err != 0)
        log_error("not all event threads could be started: %s",
                  strerror(-err));
}

static void
log_level_changed(struct brick *brick)
{
    enum log_level level;
    char text[32];

    (void)options_text(brick->options, OPT_LOG_LEVEL, text, sizeof(text));
    if (log_level_parse(text, &level) == 0)
        log_set_level(level);
}

void
server_option_changed(struct brick *brick, enum option_id id)
{
    struct iot_limits limits;

    switch (id) {
    case OPT_THREAD_COUNT:
    case OPT_HIGH_PRIO:
    case OPT_NORMAL_PRIO:
    case OPT_LOW_PRIO:
    case OPT_LEAST_PRIO:
    case OPT_ENABLE_LEAST:
    case OPT_IDLE_TIME:
    case OPT_WATCHDOG_SECS:
    case OPT_PASS_THROUGH:
        limits = server_iot_limits(brick->options);
        iot_pool_reconfigure(brick->pool, &limits);
        break;
    case OPT_EVENT_THREADS:
    case OPT_OUTSTANDING_LIMIT:
    case OPT_CONNECTIONS_MAX:
    case OPT_ALLOW_INSECURE:
        rpc_changed(brick);
        break;
    case OPT_INODE_LRU_LIMIT:
    case OPT_MEMORY_LIMIT:
    case OPT_MEMORY_INODE_CACHE:
    case OPT_MEMORY_CLIENT_QUOTA:
    case OPT_MEMORY_PURGE_AGE:
    case OPT_MEMORY_HUGE_PAGES:
    case OPT_MEMORY_GUARD_RATE:
        pressure_option_changed(brick, id);
        break;
    case OPT_LOG_LEVEL:
        log_level_changed(brick);
        break;
    case OPT_GID_TIMEOUT:
        groups_cache_set_timeout(brick->groups,
                                 number(brick->options, OPT_GID_TIMEOUT));
        break;
    case OPT_AUTH_ALLOW:
    case OPT_AUTH_REJECT:
    case OPT_AUTH_LOGIN_ALLOW:
    case OPT_STRICT_AUTH:
        if (options_bool(brick->options, OPT_DYNAMIC_AUTH))
            authorize_again(brick);
        break;
    default:
        /* Read where it is used, or the brick's own. */
        posix_options_changed(brick->px, id);
        break;
    }
}
