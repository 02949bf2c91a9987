/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control protocol: a request is one JSON object on a line,
 *
 *     {"command": "config-get", "key": "io-threads.thread-count"}
 *
 * and so is its answer: {"ok": true, …} or {"ok": false, "error": "one line",
 * "code": an errno}.  Requests of one connection are answered in turn.
 */
#ifndef CLINKER_SERVER_ADMIN_CONTROL_LINE_H
#define CLINKER_SERVER_ADMIN_CONTROL_LINE_H

#include <json.h>
#include <stddef.h>

enum {
    CONTROL_LINE_BYTES_MAX = 64 * 1024, /* without the newline */
    CONTROL_DEPTH_MAX = 8,
    CONTROL_ERROR_BYTES = 512,
};

struct control_request {
    json_object *root;   /* one reference */
    const char *command; /* a view into root */
};

/* Parse `bytes` bytes without their newline.  0, or -EINVAL / -EMSGSIZE /
 * -ENOMEM with one line in err and nothing to give back. */
int control_line_parse(struct control_request *req, const char *line,
                       size_t bytes, char err[CONTROL_ERROR_BYTES]);
/* Gives root back. */
void control_request_fini(struct control_request *req);

/* A member that is text without a NUL in it; NULL when there is none or it is
 * something else.  Lives as long as root. */
const char *control_request_text(const struct control_request *req,
                                 const char *key);

#endif
