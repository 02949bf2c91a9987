/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * getxattr: one by name, or all with what clients shall not see left out.  Its
 * result is more than success: clients of a disperse volume compare it between
 * bricks.
 */
#include "server/posix/ops.h"

#include <errno.h>
#include <string.h>

#include "mem/must.h"

#define SELINUX_XATTR "security.selinux"
#define SELINUX_STORED_XATTR "trusted.glusterfs.selinux"

/* Whether a single name may not be read by this caller. */
static int
name_refused(const struct caller *caller, const char *name, bool by_fd)
{
    if (strcmp(name, "trusted.bit-rot.version") == 0 ||
        strcmp(name, "trusted.bit-rot.signature") == 0)
        return -EINVAL;
    if (ops_xattr_is_bitrot(name) || ops_xattr_is_quota(name))
        return 0;
    if (by_fd && strcmp(name, POSIX_MDATA_XATTR) == 0)
        return 0;
    if (by_fd && ops_starts_with(name, GFID2PATH_XATTR_PREFIX))
        return 0;
    return ops_xattr_is_hidden(caller, name) ? -ENODATA : 0;
}

static int
get_one(struct posix_call *c, struct inode *inode, int fd, bool by_fd,
        const char *name, struct dict *result)
{
    const char *stored = name, *shown = name;
    const uint8_t *value;
    uint32_t bytes;
    int ret;

    if (virtual_get(c, inode, fd, by_fd, name, result, &ret) == 1)
        return ret;
    ret = name_refused(c->caller, name, by_fd);
    if (ret < 0)
        return ret;
    if (options_bool(c->px->options, OPT_SELINUX) &&
        (strcmp(name, SELINUX_XATTR) == 0 ||
         strcmp(name, SELINUX_STORED_XATTR) == 0)) {
        stored = SELINUX_STORED_XATTR;
        shown = SELINUX_XATTR;
    }
    ret = ops_xattr_read(fd, stored, c->arena, &value, &bytes);
    if (ret == 0)
        ret = dict_set_ptr(result, shown, value, bytes);
    return ret < 0 ? ret : (int)bytes;
}

static int
get_all(struct posix_call *c, int fd, struct dict *result)
{
    const char *names, *name = NULL;
    uint32_t names_bytes;
    int ret = 0;
    int err = ops_xattr_list(fd, c->arena, &names, &names_bytes);

    if (err < 0)
        return err;
    result->null = false;
    while ((name = ops_xattr_next(names, names_bytes, name)) != NULL) {
        const uint8_t *value;
        uint32_t bytes;

        if (strcmp(name, POSIX_GFID_XATTR) == 0 ||
            strcmp(name, POSIX_VOLUME_ID_XATTR) == 0) {
            ret = GFID_BYTES; /* counted, not shown */
            continue;
        }
        if (ops_xattr_is_hidden(c->caller, name))
            continue;
        err = ops_xattr_read(fd, name, c->arena, &value, &bytes);
        if (err == -ENODATA)
            continue; /* gone since it was listed */
        if (err == 0)
            err = dict_set_ptr(result, name, value, bytes);
        if (err < 0)
            return err;
        ret = (int)bytes;
    }
    return ret;
}

int
posix_getxattr(struct posix_call *c, struct inode *inode, struct fd *fd,
               const char *name, struct dict *result)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    bool all = name == NULL || name[0] == '\0';
    int ret, err;

    err = posix_ref_get(c->px, inode, fd, &ref);
    if (err < 0)
        return err;
    ret = all ? get_all(c, ref.fd, result)
              : get_one(c, inode, ref.fd, fd != NULL, name, result);
    if (ret < 0)
        return ret;
    ops_reply_as_asked(c);
    if (c->xdata->count == 0)
        return ret;
    err = content_answer(c, inode, ref.fd, NULL, c->xdata, false, c->reply);
    return err < 0 ? err : ret;
}
