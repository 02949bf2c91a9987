/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line, by glibc's argp as on the peer: so prefixes, "--opt val"
 * and "-oval" are read alike.  Two tables: the peer's, which is all there is
 * when we are called by its name, and our own above it.
 *
 * Values are judged as they come, but what a bad one costs (the exit code) is
 * known only at the end, when it is clear whose command line this is.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "server/core/cmdline.h"

#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mem/must.h"
#include "server/core/log.h"
#include "server/core/option_value.h"

/* Where Debian's package of the peer has its parts. */
#ifndef PEER_LIBDIR
#define PEER_LIBDIR "/usr/lib/x86_64-linux-gnu"
#endif
#define PEER_VERSION "10.3"
#define PEER_DEFAULT_VOLFILE "/etc/glusterfs/glusterfsd.vol"

enum { EXIT_USAGE = 64, EXIT_PEER_ERROR = 255 };

enum key {
    KEY_VOLFILE_SERVER = 's',
    KEY_VOLFILE = 'f',
    KEY_PID_FILE = 'p',
    KEY_SOCKET_FILE = 'S',
    KEY_NO_DAEMON = 'N',
    KEY_LOG_FILE = 'l',
    KEY_LOG_LEVEL = 'L',
    KEY_RUN_ID = 'r',
    KEY_VERSION = 'V',
    KEY_HELP = '?',
    KEY_CONFIG = 'c',
    KEY_FIRST_LONG = 0x1000,
    KEY_USAGE,
    KEY_VOLFILE_SERVER_PORT,
    KEY_VOLFILE_SERVER_TRANSPORT,
    KEY_VOLFILE_ID,
    KEY_LOGGER,
    KEY_LOG_FORMAT,
    KEY_LOG_BUF_SIZE,
    KEY_LOG_FLUSH_TIMEOUT,
    KEY_DEBUG,
    KEY_XLATOR_OPTION,
    KEY_BRICK_NAME,
    KEY_BRICK_PORT,
    KEY_PROCESS_NAME,
    KEY_LOCALTIME,
    KEY_SUBDIR_MOUNT,
    KEY_SECURE_MGMT,
    KEY_OOM_SCORE_ADJ,
    KEY_SWITCH,  /* without an effect here, but its value is checked */
    KEY_IGNORED, /* any value will do */
    KEY_PRINT_XLATORDIR,
    KEY_PRINT_STATEDUMPDIR,
    KEY_PRINT_LOGDIR,
    KEY_PRINT_LIBEXECDIR,
    KEY_BRICK,
    KEY_SET,
    KEY_CHECK_CONFIG,
    KEY_LIST_OPTIONS,
    KEY_FOREGROUND,
};

#define NONE NULL, 0
#define NEEDED "VALUE", 0
#define MAYBE "VALUE", OPTION_ARG_OPTIONAL
#define IGNORED(name_, argument_) IGNORED_WITH(name_, argument_)
#define IGNORED_WITH(name_, arg_, flags_)                                      \
    {name_, KEY_IGNORED, arg_, (flags_) | OPTION_HIDDEN, NULL, 0},

static const struct argp_option peer_options[] = {
    {NULL, 0, NULL, 0, "Where the brick's volfile comes from:", 2},
    {"volfile", KEY_VOLFILE, "FILE", 0, "Read this volfile", 2},
    {"spec-file", KEY_VOLFILE, "FILE", OPTION_ALIAS | OPTION_HIDDEN, NULL, 2},
    {"volfile-server", KEY_VOLFILE_SERVER, "HOST", 0,
     "Fetch the volfile from glusterd on this host", 2},
    {"volfile-server-port", KEY_VOLFILE_SERVER_PORT, "PORT", 0,
     "Its port [24007]", 2},
    {"volfile-server-transport", KEY_VOLFILE_SERVER_TRANSPORT, "TRANSPORT", 0,
     "Its transport, tcp or unix [tcp]", 2},
    {"volfile-id", KEY_VOLFILE_ID, "KEY", 0, "What to ask for", 2},
    {"xlator-option", KEY_XLATOR_OPTION, "XLATOR.OPTION=VALUE", 0,
     "Set an option of the translators that match (repeatable)", 2},
    {NULL, 0, NULL, 0, "The process:", 3},
    {"pid-file", KEY_PID_FILE, "FILE", 0, "Write and lock this pid file", 3},
    {"socket-file", KEY_SOCKET_FILE, "PATH", 0,
     "Listen here for glusterd's brick operations", 3},
    {"no-daemon", KEY_NO_DAEMON, NULL, 0, "Stay in the foreground", 3},
    {"brick-name", KEY_BRICK_NAME, "NAME", 0,
     "The brick's name for glusterd's port map", 3},
    {"brick-port", KEY_BRICK_PORT, "PORT", 0,
     "The brick's port for glusterd's port map", 3},
    {"process-name", KEY_PROCESS_NAME, "NAME", 0, "Role of the process", 3},
    {"oom-score-adj", KEY_OOM_SCORE_ADJ, "N", 0,
     "Adjust the kernel's out-of-memory score", 3},
    {"secure-mgmt", KEY_SECURE_MGMT, "BOOL", OPTION_ARG_OPTIONAL,
     "TLS towards glusterd: not supported, refused when on", 3},
    {NULL, 0, NULL, 0, "The log:", 4},
    {"log-file", KEY_LOG_FILE, "FILE", 0, "Log to this file; - is stderr", 4},
    {"log-level", KEY_LOG_LEVEL, "LEVEL", 0,
     "DEBUG, INFO, WARNING, ERROR, CRITICAL, TRACE or NONE [INFO]", 4},
    {"logger", KEY_LOGGER, "LOGGER", 0,
     "gluster-log, or syslog: the journal [gluster-log]", 4},
    {"log-format", KEY_LOG_FORMAT, "FORMAT", OPTION_HIDDEN, NULL, 4},
    {"log-buf-size", KEY_LOG_BUF_SIZE, "N", OPTION_HIDDEN, NULL, 4},
    {"log-flush-timeout", KEY_LOG_FLUSH_TIMEOUT, "SECONDS", OPTION_HIDDEN,
     NULL, 4},
    {"debug", KEY_DEBUG, NULL, 0,
     "Stay in the foreground and log all to stderr", 4},
    {"localtime-logging", KEY_LOCALTIME, NULL, 0,
     "Local time in log and statedumps", 4},
    {"run-id", KEY_RUN_ID, "ID", OPTION_HIDDEN, NULL, 4},
    {NULL, 0, NULL, 0, "Print and leave:", 5},
    {"print-xlatordir", KEY_PRINT_XLATORDIR, NULL, 0,
     "Where the stock server's translators are", 5},
    {"print-statedumpdir", KEY_PRINT_STATEDUMPDIR, NULL, 0,
     "Where statedumps go", 5},
    {"print-logdir", KEY_PRINT_LOGDIR, NULL, 0, "Where logs go", 5},
    {"print-libexecdir", KEY_PRINT_LIBEXECDIR, NULL, 0,
     "Where the stock server's helpers are", 5},
    {"help", KEY_HELP, NULL, 0, "This text", -1},
    {"usage", KEY_USAGE, NULL, 0, "A shorter one", -1},
    {"version", KEY_VERSION, NULL, 0, "The program's version", -1},
    /* Taken for glusterd's and scripts' sake. */
    {"subdir-mount", KEY_SUBDIR_MOUNT, "PATH", OPTION_HIDDEN, NULL, 0},
    {"global-threading", KEY_SWITCH, "BOOL",
     OPTION_ARG_OPTIONAL | OPTION_HIDDEN, NULL, 0},
    {"io-engine", KEY_IGNORED, "ENGINE", OPTION_HIDDEN, NULL, 0},
    {"brick-mux", KEY_IGNORED, NULL, OPTION_HIDDEN, NULL, 0},
    {"mem-accounting", KEY_IGNORED, NULL, OPTION_HIDDEN, NULL, 0},
    {"no-mem-accounting", KEY_IGNORED, NULL, OPTION_HIDDEN, NULL, 0},
#include "server/core/cmdline_list.h"
    {0},
};

#undef IGNORED
#undef IGNORED_WITH
#undef NONE
#undef NEEDED
#undef MAYBE

static const struct argp_option own_options[] = {
    {NULL, 0, NULL, 0, "The brick and its configuration:", 1},
    {"brick", KEY_BRICK, "DIRECTORY", 0,
     "The brick directory, which may also stand alone", 1},
    {"config", KEY_CONFIG, "FILE", 0, "Read this configuration file", 1},
    {"set", KEY_SET, "KEY=VALUE", 0,
     "Set an option, above any file (repeatable)", 1},
    {"check-config", KEY_CHECK_CONFIG, NULL, 0,
     "Check the configuration and leave", 1},
    {"list-options", KEY_LIST_OPTIONS, NULL, 0,
     "Print the table of options and leave", 1},
    {"foreground", KEY_FOREGROUND, NULL, 0, "As --no-daemon", 1},
    {0},
};

struct parse {
    struct cmdline *c;
    const char *operand;
    bool bad;        /* reason holds why */
    char reason[512];
    bool done;       /* something was printed that was asked for */
};

/* The first bad value is the one that is told. */
static void __attribute__((format(printf, 2, 3)))
bad_value(struct parse *p, const char *fmt, ...)
{
    va_list ap;

    if (p->bad)
        return;
    p->bad = true;
    va_start(ap, fmt);
    (void)vsnprintf(p->reason, sizeof(p->reason), fmt, ap);
    va_end(ap);
}

static bool
number_in(const char *text, size_t bytes, long min, long max, int *out)
{
    const struct option_def def = {
        .key = "", .type = OPTION_INT, .min = min, .max = max};
    char copy[32], err[OPTION_ERROR_BYTES];
    struct option_value value;

    if (bytes >= sizeof(copy))
        return false;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    if (option_value_parse(&def, copy, &value, err) < 0)
        return false;
    *out = (int)value.number;
    return true;
}

static void
take_number(struct parse *p, const char *name, const char *arg, long min,
            long max, int *out)
{
    if (!number_in(arg, strlen(arg), min, max, out))
        bad_value(p, "invalid --%s '%.100s': %ld to %ld", name, arg, min, max);
}

static bool
take_switch(struct parse *p, const char *name, const char *arg)
{
    static const struct option_def def = {.key = "", .type = OPTION_BOOL};
    char err[OPTION_ERROR_BYTES];
    struct option_value value;

    if (arg == NULL)
        return true;
    if (option_value_parse(&def, arg, &value, err) < 0) {
        bad_value(p, "invalid --%s '%.100s': on or off", name, arg);
        return false;
    }
    return value.number != 0;
}

static void
append(struct parse *p, const char *name, const char **list, size_t *count,
       const char *arg)
{
    if (*count >= CMDLINE_SETS_MAX)
        bad_value(p, "more than %d --%s", CMDLINE_SETS_MAX, name);
    else
        list[(*count)++] = arg;
}

static void
take_xlator_option(struct parse *p, const char *arg)
{
    const char *dot = strchr(arg, '.');
    const char *equals = dot != NULL ? strchr(dot, '=') : NULL;

    if (equals == NULL || dot == arg || equals == dot + 1 || equals[1] == '\0')
        bad_value(p, "invalid --xlator-option '%.200s': XLATOR.OPTION=VALUE",
                  arg);
    else
        append(p, "xlator-option", p->c->xlator_options,
               &p->c->xlator_options_count, arg);
}

static void
take_set(struct parse *p, const char *arg)
{
    const char *equals = strchr(arg, '=');

    if (equals == NULL || equals == arg)
        bad_value(p, "invalid --set '%.200s': KEY=VALUE", arg);
    else
        append(p, "set", p->c->sets, &p->c->sets_count, arg);
}

/* N[,N2]: the second is for a transport that nobody has any more. */
static void
take_brick_port(struct parse *p, const char *arg)
{
    size_t bytes = strcspn(arg, ",");
    int second;

    if (!number_in(arg, bytes, 1, 65535, &p->c->brick_port) ||
        (arg[bytes] == ',' &&
         !number_in(arg + bytes + 1, strlen(arg + bytes + 1), 0, 65535,
                    &second)))
        bad_value(p, "invalid --brick-port '%.100s': 1 to 65535", arg);
}

static void
take_brick(struct parse *p, const char *arg)
{
    if (p->c->brick != NULL)
        bad_value(p, "there are two bricks, '%.200s' and '%.200s'",
                  p->c->brick, arg);
    p->c->brick = arg;
}

static void
print_version(const struct cmdline *c)
{
    if (c->peer_mode)
        printf("glusterfs %s\n", PEER_VERSION);
    printf("clinkerd %s\n", PACKAGE_VERSION);
    printf("A storage brick server for GlusterFS volumes.\n"
           "Distributed under the terms of the BSD 2-Clause License, without "
           "any warranty.\n");
}

/* Something was asked for and printed: nothing after it counts. */
static error_t
answered(struct parse *p, struct argp_state *state)
{
    p->done = true;
    state->next = state->argc;
    return 0;
}

static error_t
answer(struct parse *p, struct argp_state *state, const char *text)
{
    p->c->print = text;
    puts(text);
    return answered(p, state);
}

static error_t
parse_log(struct parse *p, int key, const char *arg)
{
    struct cmdline *c = p->c;
    enum log_level level;
    int ignored;

    switch (key) {
    case KEY_LOG_FILE:
        c->log_file = arg;
        return 0;
    case KEY_LOG_LEVEL:
        c->log_level = arg;
        if (log_level_parse(arg, &level) < 0)
            bad_value(p, "unrecognized log level '%.100s': DEBUG, INFO, "
                         "WARNING, ERROR, CRITICAL, TRACE or NONE",
                      arg);
        return 0;
    case KEY_LOGGER:
        c->logger = arg;
        if (strcasecmp(arg, "gluster-log") != 0 &&
            strcasecmp(arg, "syslog") != 0)
            bad_value(p, "unknown logger '%.100s': gluster-log or syslog",
                      arg);
        return 0;
    case KEY_LOG_FORMAT:
        if (strcasecmp(arg, "no-msg-id") != 0 &&
            strcasecmp(arg, "with-msg-id") != 0)
            bad_value(p, "unknown log format '%.100s': no-msg-id or "
                         "with-msg-id",
                      arg);
        return 0;
    case KEY_LOG_BUF_SIZE:
        take_number(p, "log-buf-size", arg, 0, 20, &ignored);
        return 0;
    case KEY_LOG_FLUSH_TIMEOUT:
        take_number(p, "log-flush-timeout", arg, 30, 300, &ignored);
        return 0;
    case KEY_DEBUG:
        c->debug = c->foreground = true;
        c->log_level = "DEBUG";
        c->log_file = "/dev/stderr";
        return 0;
    case KEY_LOCALTIME:
        c->localtime_logging = true;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static error_t
parse_volfile(struct parse *p, int key, const char *arg)
{
    struct cmdline *c = p->c;

    switch (key) {
    case KEY_VOLFILE:
        c->volfile = arg;
        break;
    case KEY_VOLFILE_SERVER:
        /* Further ones are stand-ins for the first. */
        if (c->volfile_server == NULL)
            c->volfile_server = arg;
        break;
    case KEY_VOLFILE_ID:
        c->volfile_id = arg;
        break;
    case KEY_SOCKET_FILE:
        c->mgmt_socket = arg;
        break;
    case KEY_BRICK_NAME:
        c->brick_name = arg;
        break;
    case KEY_PROCESS_NAME:
        c->process_name = arg;
        break;
    case KEY_XLATOR_OPTION:
        take_xlator_option(p, arg);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    /* Nobody but the peer's callers says any of these. */
    c->peer_mode = true;
    return 0;
}

static error_t
parse_query(struct parse *p, int key, struct argp_state *state)
{
    switch (key) {
    case KEY_PRINT_XLATORDIR:
        return answer(p, state,
                      PEER_LIBDIR "/glusterfs/" PEER_VERSION "/xlator");
    case KEY_PRINT_STATEDUMPDIR:
        return answer(p, state, STATEDUMPDIR);
    case KEY_PRINT_LOGDIR:
        return answer(p, state, LOGDIR);
    case KEY_PRINT_LIBEXECDIR:
        return answer(p, state, PEER_LIBDIR "/glusterfs");
    case KEY_HELP:
        argp_state_help(state, stdout,
                        ARGP_HELP_STD_HELP & ~(unsigned)ARGP_HELP_EXIT_OK);
        return answered(p, state);
    case KEY_USAGE:
        argp_state_help(state, stdout, ARGP_HELP_USAGE);
        return answered(p, state);
    case KEY_VERSION:
        print_version(p->c);
        return answered(p, state);
    }
    return ARGP_ERR_UNKNOWN;
}

static error_t
parse_process(struct parse *p, int key, const char *arg)
{
    struct cmdline *c = p->c;

    switch (key) {
    case KEY_PID_FILE:
        c->pid_file = arg;
        return 0;
    case KEY_NO_DAEMON:
        c->foreground = true;
        return 0;
    case KEY_VOLFILE_SERVER_PORT:
        take_number(p, "volfile-server-port", arg, 1, 65535,
                    &c->volfile_server_port);
        return 0;
    case KEY_VOLFILE_SERVER_TRANSPORT:
        c->volfile_server_transport = arg;
        return 0;
    case KEY_BRICK_PORT:
        take_brick_port(p, arg);
        return 0;
    case KEY_OOM_SCORE_ADJ:
        take_number(p, "oom-score-adj", arg, -1000, 1000, &c->oom_score_adj);
        c->oom_score_adj_set = true;
        return 0;
    case KEY_SECURE_MGMT:
        if (take_switch(p, "secure-mgmt", arg))
            bad_value(p, "--secure-mgmt is not supported");
        return 0;
    case KEY_SWITCH:
        (void)take_switch(p, "global-threading", arg);
        return 0;
    case KEY_SUBDIR_MOUNT:
        if (arg[0] != '/')
            bad_value(p, "--subdir-mount '%.100s' does not begin with /", arg);
        return 0;
    case KEY_RUN_ID:
    case KEY_IGNORED:
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static error_t
parse_peer(int key, char *arg, struct argp_state *state)
{
    struct parse *p = state->input;
    error_t err = parse_volfile(p, key, arg);

    if (key == ARGP_KEY_ARG && state->arg_num == 0) {
        p->operand = arg;
        return 0;
    }
    if (err == ARGP_ERR_UNKNOWN)
        err = parse_process(p, key, arg);
    if (err == ARGP_ERR_UNKNOWN)
        err = parse_log(p, key, arg);
    if (err == ARGP_ERR_UNKNOWN)
        err = parse_query(p, key, state);
    return err;
}

static error_t
parse_own(int key, char *arg, struct argp_state *state)
{
    struct parse *p = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = state->input;
        return 0;
    case KEY_BRICK:
        take_brick(p, arg);
        return 0;
    case KEY_CONFIG:
        p->c->config = arg;
        return 0;
    case KEY_SET:
        take_set(p, arg);
        return 0;
    case KEY_CHECK_CONFIG:
        p->c->check_only = true;
        return 0;
    case KEY_LIST_OPTIONS:
        p->c->list_options = true;
        return 0;
    case KEY_FOREGROUND:
        p->c->foreground = true;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static int
leave_with(const struct parse *p, const char *reason, int *exit_code)
{
    fprintf(stderr, "%s: %s\n", p->c->program, reason);
    *exit_code = p->c->peer_mode ? EXIT_PEER_ERROR : EXIT_USAGE;
    return 1;
}

/* What can only be judged when all has been read. */
static int
finish(struct parse *p, const char *argv0, int *exit_code)
{
    struct cmdline *c = p->c;

    if (p->done) {
        *exit_code = 0;
        return 1;
    }
    /* The peer takes a mount point there, for clients. */
    if (p->operand != NULL && !c->peer_mode)
        take_brick(p, p->operand);
    if (p->bad)
        return leave_with(p, p->reason, exit_code);
    if (!c->peer_mode)
        return 0;
    if (c->config != NULL || c->brick != NULL)
        return leave_with(p, "--config and --brick do not go with a volfile",
                          exit_code);
    if (c->volfile_server != NULL && c->volfile == NULL &&
        c->volfile_id == NULL)
        return leave_with(p, "--volfile-server needs --volfile-id", exit_code);
    if (c->volfile == NULL && c->volfile_server == NULL) {
        c->volfile = PEER_DEFAULT_VOLFILE;
        if (access(c->volfile, R_OK) < 0) {
            fprintf(stderr, "USAGE: %s [options] [mountpoint]\n", argv0);
            *exit_code = EXIT_PEER_ERROR;
            return 1;
        }
    }
    return 0;
}

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

int
cmdline_parse(struct cmdline *c, int argc, char **argv, int *exit_code)
{
    static const struct argp peer = {
        peer_options, parse_peer, "[MOUNT-POINT]", NULL, NULL, NULL, NULL};
    static const struct argp below_own = {
        peer_options, parse_peer, NULL, NULL, NULL, NULL, NULL};
    static const struct argp_child children[] = {{&below_own, 0, NULL, 0},
                                                 {0}};
    static const struct argp own = {
        own_options, parse_own, "[BRICK-DIRECTORY]",
        "A storage brick server for GlusterFS volumes.\v"
        "With the options of glusterfsd it takes that program's place.",
        children, NULL, NULL};
    struct parse p = {.c = c};
    bool peer_name;

    must(argc > 0 && argv[0] != NULL);
    memset(c, 0, sizeof(*c));
    c->program = base_name(argv[0]);
    peer_name = strncmp(c->program, "glusterfsd", 10) == 0;
    c->peer_mode = peer_name;
    c->volfile_server_port = 24007;
    c->volfile_server_transport = "tcp";
    if (argp_parse(peer_name ? &peer : &own, argc, argv,
                   ARGP_NO_EXIT | ARGP_NO_HELP, NULL, &p) != 0) {
        *exit_code = EXIT_USAGE;
        return 1;
    }
    return finish(&p, argv[0], exit_code);
}
