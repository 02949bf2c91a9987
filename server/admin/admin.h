/* SPDX-License-Identifier: BSD-2-Clause */
/* What the administrative parts (control socket, statedump) are given. */
#ifndef CLINKER_SERVER_ADMIN_ADMIN_H
#define CLINKER_SERVER_ADMIN_ADMIN_H

#include <stdint.h>

#include "server/fop/brick.h"

struct event_base;

struct admin {
    struct brick *brick;
    struct event_base *base;  /* the main loop's; single-threaded */
    const char *dump_name;    /* brick path with '/' as '-', for dump files */
    const char *volume_name;
    const char *config_path;  /* NULL: none */
    const char *version;
    int64_t started;          /* wall clock, seconds */
    uint16_t port;            /* listening on; 0: none */
    /* As SIGHUP: read the configuration anew, reopen the log. -errno and one
     * line in err. */
    int (*reload)(void *arg, char err[OPTION_ERROR_BYTES]);
    void *arg;
};

#endif
