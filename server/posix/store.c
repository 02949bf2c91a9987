/* SPDX-License-Identifier: BSD-2-Clause */
/* What other parts of the brick keep below .glusterfs: directories of theirs,
 * and a way to be rid of what is in them. */
#include "server/posix/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "mem/must.h"
#include "server/posix/layout.h"

int
posix_store_open(struct posix *px, const char *name, uint32_t mode)
{
    OBJ_CHECK(px, POSIX_MAGIC);
    return layout_make_dir(px->dot_fd, name, mode, O_RDONLY);
}

int
posix_store_discard(struct posix *px, int dirfd, const char *name)
{
    struct gfid random;

    OBJ_CHECK(px, POSIX_MAGIC);
    gfid_random(&random);
    if (renameat(dirfd, name, px->landfill_fd, gfid_str(&random)) < 0)
        return -errno;
    posix_janitor_wake(px);
    return 0;
}

void
posix_store_iatt(const struct gfid *gfid, const struct stat *st,
                 struct iatt *out)
{
    posix_iatt_plain(&gfid_null, st, out);
    out->gfid = *gfid;
    out->flags &= ~(uint64_t)IATT_GFID;
    out->nlink = (uint32_t)st->st_nlink;
}

int
posix_type(struct posix *px, const struct gfid *gfid, uint32_t *type)
{
    struct inode *inode;
    struct stat st;
    int err;

    OBJ_CHECK(px, POSIX_MAGIC);
    inode = inode_find(px->table, gfid);
    *type = inode == NULL ? 0 : inode_type(inode);
    inode_put(inode);
    if (*type != 0)
        return 0;
    err = handle_stat(px, gfid, &st);
    if (err == 0)
        *type = st.st_mode & S_IFMT;
    return err;
}
