/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket's file.  By default it is RUNDIR/NAME.sock with NAME the
 * brick's path with '/' as '-'; clinkerctl looks through RUNDIR for *.sock and
 * takes the only one that answers.  A socket elsewhere (server.control-socket)
 * is reached with `clinkerctl --socket`.
 */
#ifndef CLINKER_SERVER_ADMIN_CONTROL_SOCKET_H
#define CLINKER_SERVER_ADMIN_CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "server/admin/control_line.h"

enum { CONTROL_PATH_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path) };

/* The default path for this dump name; one too long for a socket's address
 * becomes its hash. */
void control_socket_path(const char *dump_name, char out[CONTROL_PATH_BYTES]);

/* Make the socket and listen: non-blocking, mode 0600 from its first moment. A
 * socket that nobody listens to any more is replaced; *made says which file
 * it is.  The descriptor, or -errno with one line in err: -EADDRINUSE when
 * somebody listens, -EEXIST when the file is no socket. */
int control_socket_listen(const char *path, struct stat *made,
                          char err[CONTROL_ERROR_BYTES]);
/* Take the file away, unless another has taken its place. */
void control_socket_remove(const char *path, const struct stat *made);

/* True when the process at the other end is root's or our own user's. */
bool control_socket_peer_allowed(int fd);

#endif
