/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file as a back.  One descriptor number serves for the life of the process:
 * a new file is put in its place by dup3(), which is atomic, so that writers
 * need no mutex and never write to a number that has come to mean something
 * else.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log_back.h"

static struct {
    _Atomic(int) fd;     /* -1 until the first open, then constant */
    char path[PATH_MAX]; /* absolute; [the front's sink mutex] */
} log_file = {.fd = -1};

static int
make_parents(const char *path)
{
    char dir[PATH_MAX];

    must(strlen(path) < sizeof(dir));
    strcpy(dir, path);
    for (char *slash = strchr(dir + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        /* EROFS and EACCES may come for what exists; opening will tell. */
        if (mkdir(dir, 0755) < 0 && errno != EEXIST && errno != EROFS &&
            errno != EACCES)
            return -errno;
        *slash = '/';
    }
    return 0;
}

/* Put a newly opened file where lines go. */
static int
open_in_place(const char *path)
{
    AUTO_CLOSE int fd =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    int place = atomic_load(&log_file.fd);

    if (fd < 0)
        return -errno;
    if (place < 0) {
        place = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (place < 0)
            return -errno;
        atomic_store(&log_file.fd, place);
        return 0;
    }
    return dup3(fd, place, O_CLOEXEC) < 0 ? -errno : 0;
}

/* A daemon changes its directory; the name must go on meaning the same. */
static int
make_absolute(const char *path, char out[PATH_MAX])
{
    char cwd[PATH_MAX];
    int n;

    if (path[0] == '\0')
        return -ENOENT;
    if (path[0] == '/')
        n = snprintf(out, PATH_MAX, "%s", path);
    else if (getcwd(cwd, sizeof(cwd)) == NULL)
        return -errno;
    else
        n = snprintf(out, PATH_MAX, "%s/%s", cwd, path);
    return n >= 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int
log_file_open(const char *path)
{
    char absolute[PATH_MAX];
    int err;

    err = make_absolute(path, absolute);
    if (err == 0)
        err = make_parents(absolute);
    if (err == 0)
        err = open_in_place(absolute);
    if (err == 0)
        strcpy(log_file.path, absolute);
    return err;
}

int
log_file_reopen(void)
{
    int err = make_parents(log_file.path);

    return err < 0 ? err : open_in_place(log_file.path);
}

/* Whoever still writes a line writes it to stderr. */
void
log_file_close(void)
{
    int place = atomic_load(&log_file.fd);

    if (place >= 0 && dup3(STDERR_FILENO, place, O_CLOEXEC) < 0 &&
        errno == EBADF) {
        /* There is no stderr, nor anybody to tell. */
        (void)close(place);
        atomic_store(&log_file.fd, -1);
    }
}

int
log_fd_write(int fd, const char *line, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(fd, line, bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        line += n;
        bytes -= (size_t)n;
    }
    return 0;
}

int
log_file_write(const char *line, size_t bytes)
{
    return log_fd_write(atomic_load_explicit(&log_file.fd,
                                             memory_order_acquire),
                        line, bytes);
}
