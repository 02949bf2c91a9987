/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One daemon a brick: a lock on a file of ours, that ends with the descriptor
 * that took it and so with the process, however it ends.  The kernel does not
 * tell whose such a lock is, so the file says it.
 */
#include "server/posix/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mem/must.h"

enum { PID_TEXT_BYTES = 24 };

static long
pid_read(int fd)
{
    char text[PID_TEXT_BYTES];
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    long pid;

    if (n <= 0)
        return 0;
    text[n] = '\0';
    pid = strtol(text, NULL, 10);
    return pid > 0 ? pid : 0;
}

int
owner_take(int dirfd, bool look, long *pid)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd, err;

    *pid = 0;
    fd = posix_openat(dirfd, "lock", look ? O_RDWR : O_RDWR | O_CREAT,
                      0600);
    if (fd < 0)
        return fd;
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return fd;
    err = -errno;
    if (err == -EAGAIN || err == -EACCES) {
        err = -EBUSY;
        *pid = pid_read(fd);
    }
    (void)close(fd);
    return err;
}

int
owner_sign(int owner_fd)
{
    char text[PID_TEXT_BYTES];
    /* Always as long: written over the last holder's, on a full disk too. */
    int bytes = snprintf(text, sizeof(text), "%-20ld\n", (long)getpid());
    ssize_t n;

    must(bytes > 0 && bytes < PID_TEXT_BYTES);
    n = pwrite(owner_fd, text, (size_t)bytes, 0);
    if (n < 0)
        return -errno;
    return n == bytes ? 0 : -ENOSPC;
}
