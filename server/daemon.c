/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem/must.h"

static int
failed(char *err, const char *what, const char *name)
{
    int e = errno;

    (void)snprintf(err, DAEMON_ERROR_BYTES, "%s %s: %s", what, name,
                   strerror(e));
    return -e;
}

/* The lock is fcntl's, since that is what glusterd tests; the pid inside is
 * that of the process that holds it. */
static int
lock_pid_file(struct daemon *d, const char *path, char *err)
{
    char text[32];
    int len;

    if (lockf(d->pid_fd, F_TLOCK, 0) != 0) {
        (void)snprintf(err, DAEMON_ERROR_BYTES,
                       "pid file %s is locked: another daemon runs", path);
        return -EBUSY;
    }
    len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(d->pid_fd, 0) != 0 ||
        write(d->pid_fd, text, (size_t)len) != len)
        return failed(err, "cannot write pid file", path);
    return 0;
}

/* The child's status, or failure when it ends without one. */
static int
wait_for_child(int fd, pid_t pid)
{
    int status = 0;
    ssize_t n;

    do {
        n = read(fd, &status, sizeof(status));
    } while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof(status))
        return abs(status);
    if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
        WEXITSTATUS(status) != 0)
        return WEXITSTATUS(status);
    return EXIT_FAILURE;
}

/* All but stderr: until the parent is told, the operator hears of what goes
 * wrong. */
static int
detach(char *err)
{
    int null;

    if (setsid() < 0)
        return failed(err, "cannot begin", "a session");
    if (chdir("/") != 0)
        return failed(err, "cannot change to", "/");
    null = open("/dev/null", O_RDWR);
    if (null < 0)
        return failed(err, "cannot open", "/dev/null");
    if (dup2(null, 0) < 0 || dup2(null, 1) < 0)
        return failed(err, "cannot use", "/dev/null");
    if (null > 1)
        (void)close(null);
    return 0;
}

static int
into_background(struct daemon *d, char *err)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return failed(err, "cannot make", "a pipe");
    pid = fork();
    if (pid < 0)
        return failed(err, "cannot", "fork");
    if (pid > 0) {
        (void)close(fds[1]);
        d->is_parent = true;
        return wait_for_child(fds[0], pid);
    }
    (void)close(fds[0]);
    d->status_fd = fds[1];
    return detach(err);
}

int
daemon_begin(struct daemon *d, const char *pid_file, bool background,
             char err[DAEMON_ERROR_BYTES])
{
    int e = 0;

    *d = (struct daemon){.status_fd = -1, .pid_fd = -1};
    if (pid_file != NULL) {
        d->pid_fd = open(pid_file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC,
                         0644);
        if (d->pid_fd < 0)
            return failed(err, "cannot open pid file", pid_file);
    }
    if (background)
        e = into_background(d, err);
    if (d->is_parent || e != 0)
        return e;
    return pid_file == NULL ? 0 : lock_pid_file(d, pid_file, err);
}

void
daemon_tell_parent(struct daemon *d, int status)
{
    ssize_t n;

    if (d->status_fd < 0)
        return;
    if (status == 0)
        must(dup2(0, 2) == 2); /* /dev/null */
    n = write(d->status_fd, &status, sizeof(status));
    /* A parent that has been killed hears nothing. */
    must(n == (ssize_t)sizeof(status) || errno == EPIPE);
    (void)close(d->status_fd);
    d->status_fd = -1;
}
