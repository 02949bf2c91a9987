/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/admin/directory.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static int
make_one(const char *path)
{
    struct stat st;

    if (mkdir(path, 0755) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    if (stat(path, &st) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int
directory_make(const char *path)
{
    char part[PATH_MAX];
    size_t bytes = strlen(path);
    struct stat st;

    if (path[0] != '/')
        return -EINVAL;
    if (bytes >= sizeof(part))
        return -ENAMETOOLONG;
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
    for (size_t i = 1; i <= bytes; i++) {
        int err;

        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        err = make_one(part);
        if (err < 0)
            return err;
    }
    return 0;
}
