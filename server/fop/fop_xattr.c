/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations on extended attributes. */
#include <errno.h>
#include <string.h>

#include "server/fop/handlers.h"
#include "server/fop/index_dir.h"
#include "server/fop/permit.h"
#include "server/fop/resolve.h"

static bool
is_acl_key(const char *key)
{
    return strcmp(key, "system.posix_acl_access") == 0 ||
           strcmp(key, "system.posix_acl_default") == 0 ||
           strcmp(key, "glusterfs.posix.acl") == 0 ||
           strcmp(key, "glusterfs.posix.default_acl") == 0;
}

/* ACLs are the owner's, all other keys want w. */
static int
permit_keys(struct call *c, const struct dict *keys)
{
    bool owner = false, write = keys->count == 0;
    uint32_t i;
    int err = 0;

    for (i = 0; i < keys->count; i++) {
        if (is_acl_key(keys->pairs[i].key))
            owner = true;
        else
            write = true;
    }
    if (owner)
        err = permit_owner(c, c->inode);
    if (err == 0 && write)
        err = permit_inode(c, c->inode, ACCESS_W);
    return err;
}

int64_t
fop_setxattr(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_inode(c);

    if (err == 0)
        err = permit_keys(c, &c->args.dict);
    if (err != 0)
        return err;
    return posix_setxattr(&pc, c->inode, NULL, &c->args.dict,
                          (int)c->args.flags);
}

int64_t
fop_fsetxattr(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err != 0)
        return err;
    return posix_setxattr(&pc, c->fd->inode, c->fd, &c->args.dict,
                          (int)c->args.flags);
}

/* How long the queues are, answered by the scheduler on any object. */
static int64_t
queue_sizes(struct call *c)
{
    static const char *const keys[IOT_CLASSES] = {"HIGH", "NORMAL", "LOW",
                                                  "LEAST"};
    struct iot_stats st;
    unsigned i;
    int err = 0;

    iot_pool_read(c->brick->pool, &st);
    for (i = 0; i < IOT_CLASSES && err == 0; i++)
        err = dict_set_i64(&c->reply.dict, keys[i], st.class[i].queued);
    return err;
}

/* Without a name all are listed, whatever stands where the name would. */
static const char *
wanted(const struct call *c)
{
    return c->args.name_flag == 0 ? "" : c->args.name;
}

static int64_t
get(struct call *c, struct inode *inode, struct fd *fd)
{
    struct posix_call pc = call_posix(c);
    const char *name = wanted(c);

    if (strcmp(name, "io-thread-queue-size") == 0)
        return queue_sizes(c);
    if (fop_is_clear(name, fd != NULL))
        return fop_clear(c, inode, name);
    call_answer_xdata(c);
    return posix_getxattr(&pc, inode, fd, name, &c->reply.dict);
}

int64_t
fop_getxattr(struct call *c)
{
    int err = resolve_inode(c);
    int64_t ret;

    if (err == 0 && index_dir_getxattr(c, &ret))
        return ret;
    if (err == 0 && !is_acl_key(wanted(c)))
        err = permit_inode(c, c->inode, ACCESS_R);
    return err != 0 ? err : get(c, c->inode, NULL);
}

int64_t
fop_fgetxattr(struct call *c)
{
    int err = resolve_fd(c);

    return err != 0 ? err : get(c, c->fd->inode, c->fd);
}

int64_t
fop_removexattr(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_inode(c);

    if (err == 0 && c->args.name[0] == '\0') {
        err = permit_keys(c, &c->args.xdata);
    } else if (err == 0) {
        if (is_acl_key(c->args.name))
            err = permit_owner(c, c->inode);
        if (err == 0)
            err = permit_inode(c, c->inode, ACCESS_W);
    }
    if (err != 0)
        return err;
    return posix_removexattr(&pc, c->inode, NULL, c->args.name);
}

int64_t
fop_fremovexattr(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err != 0)
        return err;
    return posix_removexattr(&pc, c->fd->inode, c->fd, c->args.name);
}
