/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket: requests of operators (clinkerctl), answered on the main
 * loop.  The protocol is in control_line.h, the commands are in
 * control_command.c. */
#ifndef CLINKER_SERVER_ADMIN_CONTROL_H
#define CLINKER_SERVER_ADMIN_CONTROL_H

#include "server/admin/admin.h"
#include "server/admin/control_line.h"
#include "server/admin/statedump.h"

struct control;

enum {
    CONTROL_CONNS_MAX = 32,
    CONTROL_IDLE_SECS = 30, /* then a connection is closed */
};

/* Listen at path; NULL: at the default one (control_socket.h).  admin and sd
 * are borrowed. 0, or -errno with one line in err. */
int control_start(struct control **out, struct admin *admin,
                  struct statedump *sd, const char *path,
                  char err[CONTROL_ERROR_BYTES]);
/* Closes every connection and removes the socket.  Before or after
 * statedump_stop(), but both before the brick's parts go. */
void control_stop(struct control **cp);
/* Where it listens. */
const char *control_path(const struct control *c);

#endif
