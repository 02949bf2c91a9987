/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's program: command line, configuration, log, pid file.  Called as
 * glusterfsd, or with that program's options, its exit codes and manners are
 * the peer's.
 */
#include "server/clinkerd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "mem/alloc.h"
#include "mem/guard.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/cmdline.h"
#include "server/core/libraries.h"
#include "server/core/volfile.h"
#include "server/daemon.h"
#include "server/server.h"
#define LOG_DOMAIN "clinkerd"
#include "server/core/log.h"

MEM_TYPE(mt_main, "server", "main");

enum {
    EXIT_START = 1,        /* the daemon could not start */
    EXIT_PEER_USAGE = 255, /* as the peer exits on bad values */
    EXIT_PEER_PORT = 98,   /* EADDRINUSE: glusterd tries another port */
};

#define CONFIG_DEFAULT SYSCONFDIR "/clinker/clinkerd.conf"

struct program {
    struct cmdline cmd;
    struct options *options;
    const char *config; /* the file in use, NULL: none */
    bool log_is_open;
    struct note *notes; /* until then */
};

/* What the configuration has to say, kept until there is a log for it. */
struct note {
    struct note *next;
    char text[];
};

static void
complain(const struct program *p, const char *text)
{
    fprintf(stderr, "%s: %s\n", p->cmd.program, text);
}

/* --- configuration, in rising order: defaults, file or volfile, command
 * line --- */

static void
note(void *arg, const char *line)
{
    struct program *p = arg;
    struct note **last = &p->notes, *n;
    size_t bytes = strlen(line) + 1;

    if (p->log_is_open) {
        log_info("%s", line);
        return;
    }
    n = mem_alloc(&mt_main, sizeof(*n) + bytes);
    if (n == NULL)
        return;
    n->next = NULL;
    memcpy(n->text, line, bytes);
    while (*last != NULL)
        last = &(*last)->next;
    *last = n;
}

/* Logs them if the log is open, and forgets them. */
static void
drop_notes(struct program *p)
{
    struct note *n;

    while ((n = p->notes) != NULL) {
        p->notes = n->next;
        if (p->log_is_open)
            log_info("%s", n->text);
        mem_free(n);
    }
}

static int
apply_sets(struct program *p, char err[OPTION_ERROR_BYTES])
{
    size_t i;
    int e = 0;

    for (i = 0; i < p->cmd.sets_count && e == 0; i++) {
        const char *eq = strchr(p->cmd.sets[i], '=');
        AUTO_FREE char *key = NULL;

        if (eq == NULL || eq == p->cmd.sets[i]) {
            (void)snprintf(err, OPTION_ERROR_BYTES,
                           "--set %s: KEY=VALUE is wanted", p->cmd.sets[i]);
            return -EINVAL;
        }
        key = mem_strndup(&mt_main, p->cmd.sets[i],
                          (size_t)(eq - p->cmd.sets[i]));
        if (key == NULL)
            return -ENOMEM;
        e = options_set(p->options, key, eq + 1, false, err);
    }
    return e;
}

static int
apply_volfile(struct program *p, bool running, char err[OPTION_ERROR_BYTES])
{
    char verr[VOLFILE_ERROR_BYTES] = "";
    struct volfile *v = NULL;
    size_t i;
    int e = volfile_read(&v, p->cmd.volfile, verr);

    for (i = 0; i < p->cmd.xlator_options_count && e == 0; i++)
        e = volfile_override(v, p->cmd.xlator_options[i], verr);
    if (e == 0)
        e = volfile_apply(v, p->options, running, verr, note, p);
    volfile_free(&v);
    if (e != 0)
        (void)snprintf(err, OPTION_ERROR_BYTES, "%s", verr);
    return e;
}

/* The brick directory as given on the command line, made absolute. */
static int
apply_brick(struct program *p, char err[OPTION_ERROR_BYTES])
{
    AUTO_FREE char *path = NULL;
    char cwd[4096];
    size_t len;

    if (p->cmd.brick == NULL)
        return 0;
    if (p->cmd.brick[0] == '/') {
        path = mem_strdup(&mt_main, p->cmd.brick);
    } else {
        if (getcwd(cwd, sizeof(cwd)) == NULL)
            return -errno;
        path = mem_asprintf(&mt_main, "%s/%s", cwd, p->cmd.brick);
    }
    if (path == NULL)
        return -ENOMEM;
    for (len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
        path[len - 1] = '\0';
    return options_set(p->options, "posix.directory", path, false, err);
}

/* A daemon in the background whose log nobody named logs where the peer
 * would: in a file named after the volfile. */
static int
default_log(struct program *p, char err[OPTION_ERROR_BYTES])
{
    const char *name = p->cmd.volfile;
    AUTO_FREE char *path = NULL;
    char *c;

    if (!p->cmd.peer_mode || p->cmd.foreground || p->cmd.log_file != NULL ||
        name == NULL)
        return 0;
    path = mem_asprintf(&mt_main, LOGDIR "/%s.log",
                        name[0] == '/' ? name + 1 : name);
    if (path == NULL)
        return -ENOMEM;
    for (c = path + strlen(LOGDIR) + 1; *c != '\0'; c++)
        if (*c == '/')
            *c = '-';
    return options_set(p->options, "log.file", path, false, err);
}

/* What has an option of its own on the command line. */
static int
apply_flags(struct program *p, char err[OPTION_ERROR_BYTES])
{
    const struct cmdline *cmd = &p->cmd;
    const bool syslog =
        cmd->logger != NULL && strcmp(cmd->logger, "syslog") == 0;
    const struct {
        const char *key, *value; /* NULL: not said */
    } said[] = {
        {"log.level", cmd->debug ? "DEBUG" : cmd->log_level},
        {"log.file", cmd->debug ? NULL : cmd->log_file},
        {"log.sink", syslog ? "journal" : NULL},
        {"log.localtime", cmd->localtime_logging ? "on" : NULL},
        {"server.pid-file", cmd->pid_file},
        {"server.brick-name", cmd->brick_name},
    };
    int e = default_log(p, err);

    for (size_t i = 0; i < COUNT_OF(said) && e == 0; i++)
        if (said[i].value != NULL)
            e = options_set(p->options, said[i].key, said[i].value, false,
                            err);
    return e;
}

static void
warn(void *arg, const char *text)
{
    log_warning("%s", text);
}

static int
configure(struct program *p, char err[OPTION_ERROR_BYTES])
{
    int e = 0;

    if (p->cmd.config != NULL)
        p->config = p->cmd.config;
    else if (p->cmd.volfile == NULL && access(CONFIG_DEFAULT, F_OK) == 0)
        p->config = CONFIG_DEFAULT;
    if (p->cmd.volfile_server != NULL) {
        (void)snprintf(err, OPTION_ERROR_BYTES,
                       "a volfile from a management daemon (-s) is not "
                       "supported yet: give one with -f");
        return -ENOTSUP;
    }
    if (p->config != NULL)
        e = options_load_file(p->options, p->config, false, err, warn, NULL);
    if (e == 0 && p->cmd.volfile != NULL)
        e = apply_volfile(p, false, err);
    if (e == 0)
        e = apply_brick(p, err);
    if (e == 0)
        e = apply_flags(p, err);
    if (e == 0)
        e = apply_sets(p, err);
    if (e == 0 && options_const(p->options, OPT_BRICK_DIRECTORY) == NULL) {
        (void)snprintf(err, OPTION_ERROR_BYTES,
                       "which brick? Give its directory, a config file (-c) "
                       "or a volfile (-f)");
        e = -EINVAL;
    }
    return e;
}

static int
reload(void *arg, char err[OPTION_ERROR_BYTES])
{
    struct program *p = arg;
    int e = 0;

    if (p->config != NULL)
        e = options_load_file(p->options, p->config, true, err, warn, NULL);
    if (e == 0 && p->cmd.volfile != NULL)
        e = apply_volfile(p, true, err);
    if (p->config == NULL && p->cmd.volfile == NULL)
        e = options_load_none(p->options);
    return e;
}

/* --- process --- */

static int
open_log(struct program *p, char err[OPTION_ERROR_BYTES])
{
    enum log_sink sink = LOG_SINK_STDERR;
    enum log_level level = LOG_LVL_INFO;
    char text[64];
    const char *file = options_const(p->options, OPT_LOG_FILE);
    int e;

    (void)options_text(p->options, OPT_LOG_LEVEL, text, sizeof(text));
    if (log_level_parse(text, &level) != 0)
        return -EINVAL;
    if (strcmp(options_const(p->options, OPT_LOG_SINK), "journal") == 0)
        sink = LOG_SINK_JOURNAL;
    else if (file != NULL && strcmp(file, "-") != 0 &&
             strcmp(file, "/dev/stderr") != 0)
        sink = LOG_SINK_FILE;
    e = log_open(sink, file, level, options_bool(p->options,
                                                 OPT_LOG_LOCALTIME));
    if (e != 0 && sink == LOG_SINK_JOURNAL)
        (void)snprintf(err, OPTION_ERROR_BYTES,
                       "log.sink is journal, and no journal is there");
    else if (e != 0)
        (void)snprintf(err, OPTION_ERROR_BYTES,
                       "failed to open log file %s: %s",
                       file == NULL ? "" : file, strerror(-e));
    return e;
}

/* As many open files as are to be had: held descriptors save system calls. */
static void
raise_limits(void)
{
    struct rlimit fds = {1048576, 1048576};
    struct rlimit now;

    if (setrlimit(RLIMIT_NOFILE, &fds) == 0)
        return;
    if (getrlimit(RLIMIT_NOFILE, &now) == 0) {
        now.rlim_cur = now.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &now);
        log_info("open files are limited to %llu",
                 (unsigned long long)now.rlim_max);
    }
}

static void
set_oom_score(const struct cmdline *cmd)
{
    AUTO_CLOSE int fd = -1;
    char text[16];
    int len;

    if (!cmd->oom_score_adj_set)
        return;
    fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    len = snprintf(text, sizeof(text), "%d", cmd->oom_score_adj);
    if (fd < 0 || write(fd, text, (size_t)len) != len)
        log_warning("cannot set oom_score_adj: %s", strerror(errno));
}

static void
log_must(const char *text)
{
    log_write(LOG_LVL_CRITICAL, "must", __FILE__, __LINE__, __func__, "%s",
              text);
}

static int
exit_code(const struct program *p, int ended_by)
{
    if (ended_by == 0)
        return EXIT_START; /* the brick has failed */
    return p->cmd.peer_mode ? ended_by : 0;
}

static int
serve(struct program *p, struct daemon *d)
{
    const struct server_params params = {.options = p->options,
                                         .config_path = p->config,
                                         .version = PACKAGE_VERSION,
                                         .reload = reload,
                                         .arg = p};
    char err[SERVER_ERROR_BYTES];
    struct server *srv;
    int code;

    log_notice("started running %s version %s", p->cmd.program,
               PACKAGE_VERSION);
    raise_limits();
    set_oom_score(&p->cmd);
    mem_guard_install();
    srv = server_start(&params, err);
    if (srv == NULL) {
        code = errno == EADDRINUSE && p->cmd.peer_mode ? EXIT_PEER_PORT
                                                       : EXIT_START;
        log_error("%s", err);
        if (options_const(p->options, OPT_LOG_FILE) != NULL)
            complain(p, err); /* not only in the log file */
        daemon_tell_parent(d, code);
        return code;
    }
    daemon_tell_parent(d, 0);
    code = exit_code(p, server_run(srv));
    server_stop(&srv);
    log_notice("stopped");
    return code;
}

static int
run(struct program *p)
{
    char err[OPTION_ERROR_BYTES] = "";
    struct daemon d;
    int e = configure(p, err), code;

    if (e != 0) {
        complain(p, err);
        return p->cmd.peer_mode && p->cmd.volfile == NULL ? EXIT_PEER_USAGE
                                                          : EXIT_START;
    }
    if (p->cmd.check_only) {
        p->log_is_open = true; /* it is stderr */
        drop_notes(p);
        printf("%s: configuration is right\n", p->cmd.program);
        return 0;
    }
    e = open_log(p, err);
    if (e != 0) {
        complain(p, err);
        return p->cmd.peer_mode ? EXIT_PEER_USAGE : EXIT_START;
    }
    p->log_is_open = true;
    drop_notes(p);
    must_set_hook(log_must);
    umask(0);
    (void)signal(SIGPIPE, SIG_IGN);
    code = daemon_begin(&d, options_const(p->options, OPT_PID_FILE),
                        p->cmd.peer_mode && !p->cmd.foreground, err);
    if (d.is_parent)
        return code;
    if (code != 0) {
        log_error("%s", err);
        if (options_const(p->options, OPT_LOG_FILE) != NULL)
            complain(p, err);
        daemon_tell_parent(&d, EXIT_START);
        return EXIT_START;
    }
    code = serve(p, &d);
    log_close();
    return code;
}

int
clinkerd_main(int argc, char **argv)
{
    static struct program p;
    int code = 0;

    libraries_init();
    if (cmdline_parse(&p.cmd, argc, argv, &code) != 0)
        return code;
    if (p.cmd.print != NULL) {
        printf("%s\n", p.cmd.print);
        return 0;
    }
    if (p.cmd.list_options) {
        options_print_table(stdout);
        return 0;
    }
    p.options = options_new();
    if (p.options == NULL) {
        complain(&p, "out of memory");
        return EXIT_START;
    }
    code = run(&p);
    drop_notes(&p);
    options_free(&p.options);
    return code;
}
