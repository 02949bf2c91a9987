/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an object back to its names: gfid2path, an xattr for each name of
 * whatever is not a directory, and (where it is asked for) pgfid, the number
 * of names in each parent.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <xxhash.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

enum {
    NAMES_MAX = 500, /* of one object that get an xattr each */
    PGFID_BYTES = 4,
    PGFID_NAME_BYTES = sizeof("trusted.pgfid.") + GFID_TEXT_BYTES,
};

size_t
backref_format(const struct gfid *parent, const char *name,
               char xattr[GFID2PATH_NAME_BYTES],
               char value[GFID2PATH_VALUE_BYTES])
{
    char text[GFID_TEXT_BYTES];
    int bytes;

    bytes = snprintf(value, GFID2PATH_VALUE_BYTES, "%s/%s",
                     gfid_format(parent, text), name);
    must(bytes > 0 && bytes < GFID2PATH_VALUE_BYTES);
    (void)snprintf(xattr, GFID2PATH_NAME_BYTES,
                   GFID2PATH_XATTR_PREFIX "%016llx",
                   (unsigned long long)XXH64(value, (size_t)bytes, 0));
    return (size_t)bytes;
}

int
backref_parse(const char *value, size_t bytes, struct gfid *parent, char *name)
{
    const size_t head = GFID_TEXT_BYTES - 1;

    if (bytes <= head + 1 || bytes > head + 1 + POSIX_NAME_BYTES_MAX ||
        value[head] != '/' || memchr(value, '\0', bytes) != NULL ||
        gfid_parse(parent, value, head) < 0 || gfid_is_null(parent))
        return -EINVAL;
    memcpy(name, value + head + 1, bytes - head - 1);
    name[bytes - head - 1] = '\0';
    return posix_name_check(name) < 0 ? -EINVAL : 0;
}

/* --- pgfid --- */

static void
pgfid_name(const struct gfid *parent, char out[PGFID_NAME_BYTES])
{
    (void)snprintf(out, PGFID_NAME_BYTES, "trusted.pgfid.%s",
                   gfid_str(parent));
}

static int
pgfid_set(int fd, const char *xattr, uint32_t count, int flags)
{
    uint8_t value[PGFID_BYTES] = {
        (uint8_t)(count >> 24),
        (uint8_t)(count >> 16),
        (uint8_t)(count >> 8),
        (uint8_t)count,
    };

    return posix_fsetxattr(fd, xattr, value, sizeof(value), flags);
}

/* Read, change and write: the parent's mutex is held over it, since nothing
 * else orders two changes. */
static int
pgfid_change(struct posix *px, int fd, const struct gfid *parent, int by)
{
    char xattr[PGFID_NAME_BYTES];
    uint8_t value[PGFID_BYTES];
    uint32_t count = 0;
    ssize_t n;

    pgfid_name(parent, xattr);
    MUTEX_SCOPE(
        &px->pgfid_mtx[parent->b[GFID_BYTES - 1] % COUNT_OF(px->pgfid_mtx)]);
    n = posix_fgetxattr(fd, xattr, value, sizeof(value));
    if (n == PGFID_BYTES)
        count = (uint32_t)value[0] << 24 | (uint32_t)value[1] << 16 |
                (uint32_t)value[2] << 8 | value[3];
    else if (n < 0 && n != -ENODATA && n != -ERANGE)
        return (int)n;
    if (by > 0)
        return pgfid_set(fd, xattr, count + 1, 0);
    if (count > 1)
        return pgfid_set(fd, xattr, count - 1, 0);
    return n == -ENODATA ? 0 : posix_fremovexattr(fd, xattr);
}

static void
pgfid_change_or_log(struct posix *px, int fd, const struct gfid *parent,
                    int by)
{
    int err;

    if (!options_bool(px->options, OPT_PGFID))
        return;
    err = pgfid_change(px, fd, parent, by);
    if (err < 0)
        log_limited(LOG_LVL_WARNING, 5, "count names in parent gfid=%s: %s",
                    gfid_str(parent), strerror(-err));
}

void
backref_note(struct posix *px, int ref_fd, const struct gfid *parent)
{
    char xattr[PGFID_NAME_BYTES];
    int err;

    if (!options_bool(px->options, OPT_PGFID))
        return;
    pgfid_name(parent, xattr);
    err = pgfid_set(ref_fd, xattr, 1, XATTR_CREATE);
    if (err < 0 && err != -EEXIST)
        log_limited(LOG_LVL_WARNING, 5, "set %s: %s", xattr, strerror(-err));
}

/* --- both --- */

int
backref_add(struct posix *px, int ref_fd, const struct gfid *parent,
            const char *name, uint32_t nlink_after)
{
    char xattr[GFID2PATH_NAME_BYTES], value[GFID2PATH_VALUE_BYTES];
    size_t bytes;
    int err;

    if (options_bool(px->options, OPT_GFID2PATH) && nlink_after <= NAMES_MAX) {
        bytes = backref_format(parent, name, xattr, value);
        err = posix_fsetxattr(ref_fd, xattr, value, bytes, XATTR_CREATE);
        /* Left by a crash, or by another name of the same hash: the one that
         * is there is as good. */
        if (err < 0 && err != -EEXIST)
            return err;
    }
    pgfid_change_or_log(px, ref_fd, parent, 1);
    return 0;
}

void
backref_remove(struct posix *px, int ref_fd, const struct gfid *parent,
               const char *name)
{
    char xattr[GFID2PATH_NAME_BYTES], value[GFID2PATH_VALUE_BYTES];
    int err;

    if (options_bool(px->options, OPT_GFID2PATH)) {
        (void)backref_format(parent, name, xattr, value);
        err = posix_fremovexattr(ref_fd, xattr);
        if (err < 0 && err != -ENODATA)
            log_limited(LOG_LVL_WARNING, 5, "remove %s: %s", xattr,
                        strerror(-err));
    }
    pgfid_change_or_log(px, ref_fd, parent, -1);
}
