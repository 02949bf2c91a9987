/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Becoming a daemon as the peer does: the parent stays until the child has
 * finished starting and exits with the child's status; the pid file is locked
 * for as long as the daemon lives.
 */
#ifndef CLINKER_SERVER_DAEMON_H
#define CLINKER_SERVER_DAEMON_H

#include <stdbool.h>

enum { DAEMON_ERROR_BYTES = 512 };

struct daemon {
    bool is_parent;  /* the caller is the parent: exit with what
                        daemon_begin() returned */
    int status_fd;   /* child's end of the pipe, -1: none */
    int pid_fd;      /* locked, -1: none */
};

/* pid_file may be NULL.  In the child, or without `background`: 0, or -errno
 * with one line in err. */
int daemon_begin(struct daemon *d, const char *pid_file, bool background,
                 char err[DAEMON_ERROR_BYTES]);
/* Start-up has ended with this exit status (0: serving, and in the background
 * there is no stderr any more).  Once. */
void daemon_tell_parent(struct daemon *d, int status);

#endif
