/* SPDX-License-Identifier: BSD-2-Clause */
/* Values and lists of whatever size they turn out to have, and what names
 * mean. */
#include "server/posix/ops.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

enum {
    GUESS_BYTES = 1024,
    TRIES = 8, /* against one that grows all the time */
};

bool
ops_starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* name NULL: the list of names. */
static int
read_sized(int fd, const char *name, struct arena *arena, uint8_t **out,
           uint32_t *bytes)
{
    uint8_t guess[GUESS_BYTES];
    uint8_t *value = guess;
    size_t room = sizeof(guess);
    ssize_t n;
    int i;

    for (i = 0; i < TRIES; i++) {
        n = name != NULL ? posix_fgetxattr(fd, name, value, room)
                         : posix_flistxattr(fd, (char *)value, room);
        if (n >= 0)
            break;
        if (n != -ERANGE)
            return (int)n;
        n = name != NULL ? posix_fgetxattr(fd, name, NULL, 0)
                         : posix_flistxattr(fd, NULL, 0);
        if (n < 0)
            return (int)n;
        /* The kernel gives no more; a name that is too long is ERANGE too. */
        if (room >= POSIX_XATTR_BYTES_MAX)
            return -ERANGE;
        room = (size_t)n + GUESS_BYTES;
        if (room > POSIX_XATTR_BYTES_MAX)
            room = POSIX_XATTR_BYTES_MAX;
        value = arena_alloc(arena, room);
        if (value == NULL)
            return -ENOMEM;
    }
    if (n < 0)
        return -EAGAIN;
    if (value == guess) {
        value = arena_memdup(arena, guess, (size_t)n);
        if (value == NULL)
            return -ENOMEM;
    }
    *out = value;
    *bytes = (uint32_t)n;
    return 0;
}

int
ops_xattr_read(int fd, const char *name, struct arena *arena,
               const uint8_t **value, uint32_t *bytes)
{
    uint8_t *found = NULL;
    int err;

    if (name[0] == '\0' || strnlen(name, XATTR_NAME_MAX + 1) > XATTR_NAME_MAX)
        return -ERANGE;
    err = read_sized(fd, name, arena, &found, bytes);
    *value = found;
    return err;
}

int
ops_xattr_list(int fd, struct arena *arena, const char **names,
               uint32_t *bytes)
{
    uint8_t *found = NULL;
    int err = read_sized(fd, NULL, arena, &found, bytes);

    *names = (const char *)found;
    /* Each ends in a NUL; ops_xattr_next() relies on it. */
    if (err == 0 && *bytes > 0 && found[*bytes - 1] != '\0')
        err = -EIO;
    return err;
}

bool
ops_xattr_is_quota(const char *name)
{
    return ops_starts_with(name, "trusted.glusterfs.quota.") ||
           ops_starts_with(name, "trusted.pgfid.");
}

bool
ops_xattr_is_bitrot(const char *name)
{
    return ops_starts_with(name, "trusted.bit-rot.");
}

bool
ops_xattr_is_hidden(const struct caller *caller, const char *name)
{
    static const char *const patterns[] = {
        "trusted.glusterfs.*.stime",
        "trusted.glusterfs.*.entry_stime",
        "trusted.glusterfs.*.xtime",
        "trusted.glusterfs.volume-mark*",
    };
    size_t i;

    if (!ops_starts_with(name, "trusted."))
        return false;
    if (strcmp(name, POSIX_GFID_XATTR) == 0 ||
        strcmp(name, POSIX_VOLUME_ID_XATTR) == 0 ||
        ops_starts_with(name, GFID2PATH_XATTR_PREFIX) ||
        ops_xattr_is_quota(name) || ops_xattr_is_bitrot(name))
        return true;
    if (strcmp(name, POSIX_MDATA_XATTR) == 0)
        return !caller_is_internal(caller);
    if (caller->pid == CALLER_PID_GSYNCD)
        return false;
    if (strcmp(name, "trusted.glusterfs.lockinfo") == 0)
        return true;
    for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        if (fnmatch(patterns[i], name, 0) == 0)
            return true;
    }
    return false;
}
