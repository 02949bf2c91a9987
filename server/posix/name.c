/* SPDX-License-Identifier: BSD-2-Clause */
/* What may be one component of a path, and the one name that is never shown. */
#include "server/posix/internal.h"

#include <errno.h>
#include <string.h>

#include "mem/must.h"

int
posix_name_check(const char *name)
{
    size_t bytes;

    must(name != NULL);
    bytes = strnlen(name, POSIX_NAME_BYTES_MAX + 1);
    if (bytes == 0)
        return -EINVAL;
    if (memchr(name, '/', bytes) != NULL)
        return -EPERM;
    if (bytes > POSIX_NAME_BYTES_MAX)
        return -ENAMETOOLONG;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    return 0;
}

bool
posix_name_is_hidden(const struct inode *parent, const char *name)
{
    return gfid_is_root(&parent->gfid) && strcmp(name, ".glusterfs") == 0;
}
