/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/index_dir.h"

#include <errno.h>
#include <fcntl.h>

#include "server/heal/heal.h"

bool
index_dir_find(struct call *c, const struct gfid *gfid, int64_t err,
               struct virtual_dir *dir)
{
    return (err == -ESTALE || err == -ENOENT) &&
           heal_find(c->brick->heal, gfid, dir) == 0;
}

int64_t
index_dir_lookup(struct call *c, const struct virtual_dir *dir)
{
    static const char asked[] = "glusterfs.index-ia-type-get-req";
    unsigned type = virtual_type(dir);
    int err = heal_stat(c->brick->heal, dir, &c->reply.iatt[0]);

    c->reply.xdata.null = false;
    if (err == 0 && type != 0 && dict_has(&c->args.xdata, asked))
        err = dict_set_u64(&c->reply.xdata, "glusterfs.index-ia-type-get-rsp",
                           type);
    return err;
}

int64_t
index_dir_lookup_entry(struct call *c, const struct virtual_dir *dir)
{
    c->reply.xdata.null = false;
    return heal_lookup(c->brick->heal, dir, c->args.name, &c->reply.iatt[0]);
}

int64_t
index_dir_open(struct call *c, const struct virtual_dir *dir)
{
    c->inode = inode_link(c->brick->inodes, &dir->gfid, S_IFDIR);
    if (c->inode == NULL)
        return -ENOMEM;
    /* Only the fd has it: it is no object that others could work on. */
    inode_forget(c->inode);
    c->fd = fd_new(c->inode, FD_MADE_UP, O_RDONLY | O_DIRECTORY,
                   c->caller.pid, c->client, false);
    return c->fd == NULL ? -ENOMEM : call_install_fd(c);
}

int64_t
index_dir_remove(struct call *c, const struct virtual_dir *dir, bool is_dir)
{
    struct heal *heal = c->brick->heal;
    int err = heal_stat(heal, dir, &c->reply.iatt[0]);

    if (err == 0)
        err = heal_remove(heal, dir, c->args.name, is_dir);
    if (err == 0)
        err = heal_stat(heal, dir, &c->reply.iatt[1]);
    return err;
}

int
index_dir_readdir(struct call *c,
                  bool (*emit)(void *arg, const struct posix_dirent *e),
                  void *arg, bool *end)
{
    struct heal *heal = c->brick->heal;
    struct virtual_dir dir;
    int err = heal_find(heal, &c->fd->inode->gfid, &dir);

    /* Purged since it was opened: it is empty. */
    if (err == -ENOENT) {
        *end = true;
        return 0;
    }
    if (err < 0)
        return err;
    return heal_readdir(heal, &dir, c->args.offset,
                        dict_has(&c->args.xdata, "get-gfid-type"), emit, arg,
                        end);
}

bool
index_dir_getxattr(struct call *c, int64_t *ret)
{
    int found;

    if (c->args.name_flag == 0)
        return false;
    found = heal_getxattr(c->brick->heal, c->args.name, &c->reply.dict);
    *ret = found < 0 ? found : 0;
    return found != 0;
}
