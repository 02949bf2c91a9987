/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/admin/control_socket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xxhash.h>

#include "server/admin/directory.h"

enum { BACKLOG = 128 };

void
control_socket_path(const char *dump_name, char out[CONTROL_PATH_BYTES])
{
    int n = snprintf(out, CONTROL_PATH_BYTES, "%s/%s.sock", RUNDIR, dump_name);

    if (n >= 0 && n < CONTROL_PATH_BYTES)
        return;
    (void)snprintf(out, CONTROL_PATH_BYTES, "%s/%016" PRIx64 ".sock", RUNDIR,
                   (uint64_t)XXH64(dump_name, strlen(dump_name), 0));
}

static int __attribute__((format(printf, 3, 4)))
fail(char err[CONTROL_ERROR_BYTES], int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(err, CONTROL_ERROR_BYTES, fmt, ap);
    va_end(ap);
    return code;
}

/* Whether somebody listens there; -errno when that cannot be told. */
static int
is_live(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int err;

    if (fd < 0)
        return -errno;
    err = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? errno
                                                                        : 0;
    (void)close(fd);
    /* EAGAIN: its backlog is full. */
    if (err == 0 || err == EAGAIN)
        return 1;
    return err == ECONNREFUSED || err == ENOENT ? 0 : -err;
}

/* Whoever left it is gone. */
static int
clear_stale(const struct sockaddr_un *addr, char err[CONTROL_ERROR_BYTES])
{
    const char *path = addr->sun_path;
    struct stat st;
    int live;

    if (lstat(path, &st) < 0)
        return errno == ENOENT
                   ? 0
                   : fail(err, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return fail(err, -EEXIST, "%s exists and is not a socket", path);
    live = is_live(addr);
    if (live > 0)
        return fail(err, -EADDRINUSE,
                    "%s: another daemon listens there; server.control-socket "
                    "names another place",
                    path);
    if (live < 0)
        return fail(err, live, "%s: %s", path, strerror(-live));
    if (unlink(path) < 0 && errno != ENOENT)
        return fail(err, -errno, "%s: %s", path, strerror(errno));
    return 0;
}

/* The mode of an unbound socket is that of the file bind() makes, less the
 * umask: so the file is never wider, and no other thread's files feel a
 * changed umask. */
static int
bind_private(int fd, const struct sockaddr_un *addr, struct stat *made)
{
    int err;

    if (fchmod(fd, 0600) < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
        return -errno;
    if (lstat(addr->sun_path, made) < 0)
        return -errno;
    err = (made->st_mode & 0177) != 0 ? -EPERM : 0;
    if (err == 0 && listen(fd, BACKLOG) < 0)
        err = -errno;
    if (err < 0)
        (void)unlink(addr->sun_path);
    return err;
}

static int
make_parent(const char *path)
{
    char dir[CONTROL_PATH_BYTES];
    char *slash;

    (void)snprintf(dir, sizeof(dir), "%s", path);
    slash = strrchr(dir, '/');
    if (slash == NULL || slash == dir)
        return 0;
    *slash = '\0';
    return directory_make(dir);
}

int
control_socket_listen(const char *path, struct stat *made,
                      char err[CONTROL_ERROR_BYTES])
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd, ret;

    if (strlen(path) >= sizeof(addr.sun_path))
        return fail(err, -ENAMETOOLONG, "%s: longer than %zu bytes", path,
                    sizeof(addr.sun_path) - 1);
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    ret = make_parent(path);
    if (ret < 0)
        return fail(err, ret, "the directory of %s cannot be made: %s", path,
                    strerror(-ret));
    ret = clear_stale(&addr, err);
    if (ret < 0)
        return ret;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(err, -errno, "%s: %s", path, strerror(errno));
    ret = bind_private(fd, &addr, made);
    if (ret < 0) {
        (void)close(fd);
        return fail(err, ret, "%s: %s", path, strerror(-ret));
    }
    return fd;
}

void
control_socket_remove(const char *path, const struct stat *made)
{
    struct stat st;

    if (lstat(path, &st) == 0 && st.st_dev == made->st_dev &&
        st.st_ino == made->st_ino)
        (void)unlink(path);
}

bool
control_socket_peer_allowed(int fd)
{
    struct ucred cred;
    socklen_t bytes = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &bytes) < 0 ||
        bytes != sizeof(cred))
        return false;
    return cred.uid == 0 || cred.uid == geteuid();
}
