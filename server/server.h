/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon as a whole: start, serve, change while running, stop. */
#ifndef CLINKER_SERVER_SERVER_H
#define CLINKER_SERVER_SERVER_H

#include <stdbool.h>

#include "server/core/options.h"

struct server;

struct server_params {
    struct options *options;  /* not owned; set up */
    const char *config_path;  /* NULL: none */
    const char *version;
    /* SIGHUP and `clinkerctl reload`: read the configuration again into
     * options. 0 or -errno with one line in err. */
    int (*reload)(void *arg, char err[OPTION_ERROR_BYTES]);
    void *arg;
};

enum { SERVER_ERROR_BYTES = 512 };

/* Open the brick, listen, start threads.  NULL with one clear line in err and
 * errno: EADDRINUSE for a busy port, others as they come. Nothing is left
 * behind. */
struct server *server_start(const struct server_params *params,
                            char err[SERVER_ERROR_BYTES]);
/* Serves on the calling thread until a signal or a dead brick ends it.  Returns
 * the signal's number, or 0 when the brick failed. */
int server_run(struct server *srv);
/* Answer what is in flight, close, free everything. */
void server_stop(struct server **srvp);

#endif
