/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times as clients set them: an xattr that is the same on every brick, where
 * the file system's own differ.  Read once for each inode; memory then is the
 * truth and the disk follows it.
 *
 * No mutex is held while the xattr is written.  Two writers may pass each
 * other on the way, so each looks again afterwards, and writes again if memory
 * says something newer than what it wrote: the last to write finds nothing
 * newer.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/internal.h"

#include <errno.h>
#include <string.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

enum { MDATA_VERSION = 1, NSEC_PER_SEC = 1000000000 };

/* --- the format --- */

static uint64_t
be64_get(const uint8_t *p)
{
    uint64_t v = 0;
    int i;

    for (i = 0; i < 8; i++)
        v = (v << 8) | p[i];
    return v;
}

static void
be64_put(uint8_t *p, uint64_t v)
{
    int i;

    for (i = 7; i >= 0; i--) {
        p[i] = (uint8_t)v;
        v >>= 8;
    }
}

static int
time_get(const uint8_t *p, struct timespec *ts)
{
    uint64_t nsec = be64_get(p + 8);

    ts->tv_sec = (time_t)be64_get(p);
    ts->tv_nsec = (long)nsec;
    return nsec < NSEC_PER_SEC ? 0 : -EINVAL;
}

static void
time_put(uint8_t *p, const struct timespec *ts)
{
    be64_put(p, (uint64_t)ts->tv_sec);
    be64_put(p + 8, (uint64_t)ts->tv_nsec);
}

int
posix_mdata_parse(const uint8_t *value, size_t bytes, struct mdata *md)
{
    if (bytes != MDATA_BYTES || value[0] != MDATA_VERSION)
        return -EINVAL;
    if (time_get(value + 9, &md->ctime) < 0 ||
        time_get(value + 25, &md->mtime) < 0 ||
        time_get(value + 41, &md->atime) < 0)
        return -EINVAL;
    return 0;
}

void
posix_mdata_format(const struct mdata *md, uint8_t out[MDATA_BYTES])
{
    memset(out, 0, MDATA_BYTES);
    out[0] = MDATA_VERSION;
    time_put(out + 9, &md->ctime);
    time_put(out + 25, &md->mtime);
    time_put(out + 41, &md->atime);
}

/* --- times --- */

static bool
is_time(const struct timespec *ts)
{
    return ts->tv_nsec >= 0 && ts->tv_nsec < NSEC_PER_SEC;
}

static void
raise_to(struct timespec *ts, const struct timespec *to)
{
    if (to->tv_sec > ts->tv_sec ||
        (to->tv_sec == ts->tv_sec && to->tv_nsec > ts->tv_nsec))
        *ts = *to;
}

static bool
times_equal(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
mdata_equal(const struct mdata *a, const struct mdata *b)
{
    return times_equal(&a->ctime, &b->ctime) &&
           times_equal(&a->mtime, &b->mtime) &&
           times_equal(&a->atime, &b->atime);
}

/* --- memory and disk --- */

/* 1: present; 0: absent, or not of a form that we know. */
static int
mdata_read(int fd, struct mdata *md)
{
    uint8_t value[MDATA_BYTES];
    ssize_t n = posix_fgetxattr(fd, POSIX_MDATA_XATTR, value, sizeof(value));

    if (n == -ENODATA || n == -ERANGE || n == -EOPNOTSUPP)
        return 0;
    if (n < 0)
        return (int)n;
    return posix_mdata_parse(value, (size_t)n, md) == 0;
}

/* Have it in memory. */
static int
mdata_know(struct inode *inode, int ref_fd)
{
    struct mdata md = {0};
    bool known;
    int present;

    mutex_lock(&inode->mtx);
    known = inode->mdata_known;
    mutex_unlock(&inode->mtx);
    if (known)
        return 0;
    present = mdata_read(ref_fd, &md);
    if (present < 0)
        return present;
    mutex_lock(&inode->mtx);
    if (!inode->mdata_known) {
        inode->mdata = md;
        inode->mdata_present = present == 1;
        inode->mdata_known = true;
    }
    mutex_unlock(&inode->mtx);
    return 0;
}

int
posix_mdata_get(struct posix *px, struct inode *inode, int ref_fd,
                struct mdata *out)
{
    int err;

    if (!options_bool(px->options, OPT_CTIME))
        return 0;
    err = mdata_know(inode, ref_fd);
    if (err < 0)
        return err;
    MUTEX_SCOPE(&inode->mtx);
    if (!inode->mdata_present)
        return 0;
    *out = inode->mdata;
    return 1;
}

/* Bring the disk to what memory says; md: what it said when the caller let go
 * of the mutex. */
static int
mdata_store(struct inode *inode, int ref_fd, struct mdata md)
{
    uint8_t value[MDATA_BYTES];
    bool newer;
    int err;

    do {
        posix_mdata_format(&md, value);
        err = posix_fsetxattr(ref_fd, POSIX_MDATA_XATTR, value, sizeof(value),
                              0);
        if (err < 0)
            return err;
        mutex_lock(&inode->mtx);
        newer = !mdata_equal(&md, &inode->mdata);
        md = inode->mdata;
        mutex_unlock(&inode->mtx);
    } while (newer);
    return 0;
}

static void
log_failure(const struct inode *inode, int err)
{
    log_limited(LOG_LVL_WARNING, 5, "%s of gfid=%s: %s", POSIX_MDATA_XATTR,
                gfid_str(&inode->gfid), strerror(-err));
}

int
posix_mdata_try(struct posix *px, const struct caller *caller,
                struct inode *inode, int ref_fd, bool parent)
{
    uint32_t flags = parent ? caller->time_flags >> 3 : caller->time_flags;
    const struct timespec *now = &caller->time;
    struct mdata old, md;
    bool write;
    int err;

    flags &= CALLER_CTIME | CALLER_MTIME | CALLER_ATIME;
    if (flags == 0 || !is_time(now) || !options_bool(px->options, OPT_CTIME))
        return 0;
    err = mdata_know(inode, ref_fd);
    if (err < 0)
        return err;
    mutex_lock(&inode->mtx);
    old = inode->mdata;
    if (!inode->mdata_present) {
        inode->mdata = (struct mdata){*now, *now, *now};
        inode->mdata_present = true;
        write = true;
    } else {
        if ((flags & CALLER_CTIME) != 0)
            raise_to(&inode->mdata.ctime, now);
        if ((flags & CALLER_MTIME) != 0)
            raise_to(&inode->mdata.mtime, now);
        if ((flags & CALLER_ATIME) != 0)
            raise_to(&inode->mdata.atime, now);
        write = !mdata_equal(&old, &inode->mdata);
    }
    md = inode->mdata;
    mutex_unlock(&inode->mtx);
    return write ? mdata_store(inode, ref_fd, md) : 0;
}

void
posix_mdata_apply(struct posix *px, const struct caller *caller,
                  struct inode *inode, int ref_fd, bool parent)
{
    int err = posix_mdata_try(px, caller, inode, ref_fd, parent);

    if (err < 0)
        log_failure(inode, err);
}

void
posix_mdata_setattr(struct posix *px, const struct caller *caller,
                    struct inode *inode, int ref_fd, const struct iatt *set,
                    uint32_t valid)
{
    bool atime = (valid & SETATTR_ATIME) != 0 && is_time(&set->atime);
    bool mtime = (valid & SETATTR_MTIME) != 0 && is_time(&set->mtime);
    bool ctime = (valid & SETATTR_CTIME) != 0 && is_time(&set->ctime);
    bool present;
    struct mdata md;
    int err;

    if ((!atime && !mtime && !ctime) || !options_bool(px->options, OPT_CTIME))
        return;
    err = mdata_know(inode, ref_fd);
    if (err < 0) {
        log_failure(inode, err);
        return;
    }
    mutex_lock(&inode->mtx);
    present = inode->mdata_present;
    if (present) {
        if (atime)
            inode->mdata.atime = set->atime;
        if (mtime)
            inode->mdata.mtime = set->mtime;
        if ((atime || mtime) && is_time(&caller->time))
            raise_to(&inode->mdata.ctime, &caller->time);
        if (ctime)
            raise_to(&inode->mdata.ctime, &set->ctime);
    }
    md = inode->mdata;
    mutex_unlock(&inode->mtx);
    err = present ? mdata_store(inode, ref_fd, md) : 0;
    if (err < 0)
        log_failure(inode, err);
}

int
posix_mdata_merge(struct posix *px, struct inode *inode, int ref_fd,
                  const struct mdata *md)
{
    struct mdata merged;
    int err;

    if (!is_time(&md->ctime) || !is_time(&md->mtime) || !is_time(&md->atime))
        return -EINVAL;
    err = mdata_know(inode, ref_fd);
    if (err < 0)
        return err;
    mutex_lock(&inode->mtx);
    if (inode->mdata_present) {
        raise_to(&inode->mdata.ctime, &md->ctime);
        raise_to(&inode->mdata.mtime, &md->mtime);
        raise_to(&inode->mdata.atime, &md->atime);
    } else {
        inode->mdata = *md;
        inode->mdata_present = true;
    }
    merged = inode->mdata;
    mutex_unlock(&inode->mtx);
    /* Also when nothing rose: the xattr may have been removed. */
    return mdata_store(inode, ref_fd, merged);
}
