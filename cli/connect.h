/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding the daemon and talking to it. */
#ifndef CLINKER_CLI_CONNECT_H
#define CLINKER_CLI_CONNECT_H

#include <json.h>

enum {
    CONNECT_ERROR_BYTES = 8192,
    CONNECT_ANSWER_SECS = 60,
    CONNECT_ANSWER_BYTES_MAX = 256 << 20,
};

/* Connect to `path`, or (NULL) to the only socket in RUNDIR that answers.  The
 * descriptor, or -errno with one text in err: -EUSERS when there are several
 * (err names them), -ENOENT when there is none. */
int connect_daemon(const char *path, char err[CONNECT_ERROR_BYTES]);

/* Send the request and wait for the answer, one reference to which is the
 * caller's. 0 or -errno with one text in err. */
int connect_ask(int fd, json_object *request, json_object **answer,
                char err[CONNECT_ERROR_BYTES]);

#endif
