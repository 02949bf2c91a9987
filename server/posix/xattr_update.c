/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xattrs whose new values are computed from the old ones.  All are read and
 * computed before the first is written, so that what can be refused is refused
 * with nothing changed; and if one cannot be written, those before it are put
 * back.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/ops.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

static int
update_read(struct posix_call *c, int fd, struct posix_update *u)
{
    int err;

    if (ops_xattr_has_meaning(c->caller, u->name))
        return -EPERM;
    err = ops_xattr_read(fd, u->name, c->arena, &u->old, &u->old_bytes);
    u->exists = err == 0;
    if (err != -ENODATA)
        return err;
    u->old = NULL;
    u->old_bytes = 0;
    return 0;
}

static void
update_take_back(int fd, const struct posix_update *u)
{
    int err = u->exists
                  ? posix_fsetxattr(fd, u->name, u->old, u->old_bytes, 0)
                  : posix_fremovexattr(fd, u->name);

    if (err < 0)
        log_limited(LOG_LVL_ERROR, 5, "put back xattr %.100s: %s", u->name,
                    strerror(-err));
}

static int
update_write(int fd, const struct posix_update *updates, uint32_t count)
{
    uint32_t i;
    int err = 0;

    for (i = 0; i < count && err == 0; i++) {
        const struct posix_update *u = &updates[i];

        if (u->write)
            err = posix_fsetxattr(fd, u->name, u->value, u->bytes, 0);
    }
    if (err == 0)
        return 0;
    for (i--; i-- > 0;) {
        if (updates[i].write)
            update_take_back(fd, &updates[i]);
    }
    return err;
}

static int
update_all(struct posix_call *c, struct inode *inode, int fd,
           struct posix_update *updates, uint32_t count,
           int (*compute)(void *arg, struct posix_update *u), void *arg)
{
    uint32_t i;
    int err = 0;

    MUTEX_SCOPE(&inode->write_mtx);
    for (i = 0; i < count && err == 0; i++) {
        err = update_read(c, fd, &updates[i]);
        if (err == 0)
            err = compute(arg, &updates[i]);
        if (err == 0 && updates[i].write &&
            updates[i].bytes > POSIX_XATTR_BYTES_MAX)
            err = -E2BIG;
    }
    return err < 0 ? err : update_write(fd, updates, count);
}

static int
update_answer(struct posix_call *c, struct inode *inode, int fd, bool by_fd)
{
    static const char mode_key[] = "dht-get-mode-in-xattr";
    struct iatt stat;
    int err;

    ops_reply_as_asked(c);
    if (c->xdata->count == 0)
        return 0;
    err = posix_iatt_ref(c->px, inode, fd, &stat);
    if (err == 0)
        err = content_answer(c, inode, fd, &stat, c->xdata, !by_fd, c->reply);
    if (err == 0 && ops_asked(c, mode_key))
        err = dict_set_i64(c->reply, mode_key, stat.mode);
    return err;
}

int
posix_update_xattrs(struct posix_call *c, struct inode *inode, struct fd *fd,
                    struct posix_update *updates, uint32_t count,
                    int (*compute)(void *arg, struct posix_update *u),
                    void *arg)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    int err = posix_ref_get(c->px, inode, fd, &ref);

    if (err == 0)
        err = update_all(c, inode, ref.fd, updates, count, compute, arg);
    return err < 0 ? err : update_answer(c, inode, ref.fd, fd != NULL);
}
