/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: clinkerd's own options and all of glusterfsd's. */
#ifndef CLINKER_SERVER_CORE_CMDLINE_H
#define CLINKER_SERVER_CORE_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

enum { CMDLINE_SETS_MAX = 256 };

struct cmdline {
    bool peer_mode;         /* called as glusterfsd, or with its options: exit
                               codes and defaults are the peer's */
    const char *program;    /* basename of argv[0] */
    /* clinkerd's own */
    const char *config;     /* -c, --config FILE */
    const char *brick;      /* positional, or --brick DIR */
    const char *sets[CMDLINE_SETS_MAX]; /* --set KEY=VALUE */
    size_t sets_count;
    bool check_only;        /* --check-config */
    bool list_options;      /* --list-options: the option table as text */
    /* shared with the peer */
    const char *volfile;    /* -f */
    const char *volfile_server; /* -s */
    int volfile_server_port;
    const char *volfile_server_transport;
    const char *volfile_id;
    const char *pid_file;   /* -p */
    const char *mgmt_socket; /* -S */
    bool foreground;        /* -N, --no-daemon, --debug */
    bool debug;             /* --debug: foreground, DEBUG, stderr */
    const char *log_file;   /* -l */
    const char *log_level;  /* -L */
    const char *logger;     /* gluster-log | syslog */
    bool localtime_logging;
    const char *brick_name;
    int brick_port;         /* 0: not given */
    const char *process_name;
    const char *xlator_options[CMDLINE_SETS_MAX];
    size_t xlator_options_count;
    int oom_score_adj;
    bool oom_score_adj_set;
    const char *print;      /* the answer to a query, printed already */
};

/* 0: go on.  1: *exit_code says how to leave (help, version, queries, error;
 * the text has been printed): 0; 64 for a command line that is none; for bad
 * values 255 in peer mode, else 64.  list_options and check_only are the
 * caller's to do.  Pointers are into argv or to constants.
 *
 * Called as glusterfsd it knows the peer's options only, so that their unique
 * prefixes mean what they mean there. */
int cmdline_parse(struct cmdline *c, int argc, char **argv, int *exit_code);

#endif
