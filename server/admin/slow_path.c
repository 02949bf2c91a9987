/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/admin/slow_path.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mem/alloc.h"
#include "mem/arena.h"
#include "server/posix/posix.h"

MEM_TYPE(mt_rows, "server.admin", "slow operations");
MEM_TYPE(mt_arena, "server.admin", "slow path arena");

/* The object's path in the arena, or NULL. */
static const char *
object_path(const struct brick *brick, const struct gfid *gfid,
            struct arena *arena)
{
    const struct caller nobody = {.pid = 0};
    struct dict xdata, reply;
    struct posix_call call = {.px = brick->px,
                              .caller = &nobody,
                              .xdata = &xdata,
                              .reply = &reply,
                              .arena = arena};
    const char *path = NULL;
    struct inode *inode;

    if (gfid_is_null(gfid))
        return NULL;
    dict_init(&xdata, arena);
    dict_init(&reply, arena);
    if (posix_find(&call, gfid, &inode) != 0)
        return NULL;
    if (posix_path(brick->px, inode, arena, &path) != 0)
        path = NULL;
    inode_put(inode);
    return path;
}

const char *
slow_path(const struct brick *brick, const struct slow_op *op,
          char out[SLOW_PATH_BYTES])
{
    bool named = op->name[0] != '\0';
    struct arena arena;
    const char *path;

    arena_init(&arena, &mt_arena, NULL, 0);
    path = object_path(brick, &op->gfid, &arena);
    if (path == NULL)
        (void)snprintf(out, SLOW_PATH_BYTES, "<gfid:%s>%s%s",
                       gfid_str(&op->gfid), named ? "/" : "", op->name);
    else
        (void)snprintf(out, SLOW_PATH_BYTES, "%.4095s%s%s", path,
                       named && strcmp(path, "/") != 0 ? "/" : "", op->name);
    arena_release(&arena);
    return out;
}

struct slow_op *
slow_rows(void)
{
    return mem_calloc(&mt_rows, SLOW_TOTAL, sizeof(struct slow_op));
}

int
slow_proc(const char *name)
{
    for (int p = 0; p < FOP_PROCS; p++)
        if (fop_table[p].name != NULL &&
            strcasecmp(fop_table[p].name, name) == 0)
            return p;
    return -1;
}
