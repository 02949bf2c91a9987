/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inode table.  It hands its inodes out one by one, so nothing is copied
 * and nobody waits; an inode that comes into use or goes out of it between
 * the two passes may show in both lists or in neither.
 */
#include "server/admin/sections.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "mem/arena.h"
#include "server/core/gfid.h"
#include "server/inode/table.h"
#include "server/lock/posixlk.h"
#include "server/lock/rows.h"
#include "server/posix/posix.h"

MEM_TYPE(mt_arena, "server.admin", "statedump paths");

struct pass {
    struct dump *d;
    struct admin *admin;
    bool active; /* list those that somebody refers to, or the others */
    uint64_t count;
};

/* The peer's numbers of file types. */
static int
ia_type(uint32_t type)
{
    switch (type & S_IFMT) {
    case S_IFREG:
        return 1;
    case S_IFDIR:
        return 2;
    case S_IFLNK:
        return 3;
    case S_IFBLK:
        return 4;
    case S_IFCHR:
        return 5;
    case S_IFIFO:
        return 6;
    case S_IFSOCK:
        return 7;
    default:
        return 0;
    }
}

static void
dump_locks(struct pass *p, struct inode *inode)
{
    char layer[128], unknown[GFID_TEXT_BYTES + 16];
    struct arena arena;
    const char *path;

    if (!lk_has_rows(inode))
        return;
    arena_init(&arena, &mt_arena, NULL, 0);
    if (posix_path(p->admin->brick->px, inode, &arena, &path) < 0) {
        (void)snprintf(unknown, sizeof(unknown), "<gfid:%s>",
                       gfid_str(&inode->gfid));
        path = unknown;
    }
    (void)snprintf(layer, sizeof(layer), "%s-locks", p->admin->volume_name);
    lk_dump(p->d, inode, layer, path);
    arena_release(&arena);
}

static bool
dump_inode(void *arg, struct inode *inode)
{
    struct pass *p = arg;
    /* Without the table's reference and the one held during this call. */
    uint32_t ref = (inode->ref & ~INODE_IN_TABLE) - 1;
    uint32_t fds = inode->fd_count, active = inode->active_fd_count;
    struct dump *d = p->d;

    if ((ref > 0) != p->active)
        return true;
    p->count++;
    dump_section(d, "conn.0.bound_xl.%s.%s.%" PRIu64, p->admin->brick->name,
                 p->active ? "active" : "lru", p->count);
    /* Scripts take these four lines by their place. */
    dump_line(d, "gfid", "%s", gfid_str(&inode->gfid));
    /* Not counted: an inode of the table is one that clients may know. */
    dump_line(d, "nlookup", "1");
    dump_line(d, "fd-count", "%" PRIu32, fds);
    dump_line(d, "active-fd-count", "%" PRIu32, active);
    dump_line(d, "ref", "%" PRIu32, ref);
    dump_line(d, "invalidate-sent", "0");
    dump_line(d, "ia_type", "%d", ia_type(inode_type(inode)));
    if (inode->unlinked)
        dump_line(d, "unlinked", "1");
    if (dump_wants(d, DUMP_INODECTX))
        dump_locks(p, inode);
    return true;
}

static void
dump_table_line(struct pass *p, const char *what, uint64_t value)
{
    char key[DUMP_LINE_BYTES_MAX];

    (void)snprintf(key, sizeof(key), "conn.0.bound_xl.%s.%s",
                   p->admin->brick->name, what);
    dump_line(p->d, key, "%" PRIu64, value);
}

void
section_inodes(struct dump *d, struct admin *admin)
{
    struct pass p = {.d = d, .admin = admin};
    char key[DUMP_LINE_BYTES_MAX];
    struct inode_table_stats stats;

    inode_table_read(admin->brick->inodes, &stats);
    (void)snprintf(key, sizeof(key), "conn.0.bound_xl.%s.name",
                   admin->brick->name);
    dump_line(d, key, "%s/inode", admin->brick->name);
    dump_table_line(&p, "lru_limit", stats.unused_limit);
    dump_table_line(&p, "active_size", stats.active);
    dump_table_line(&p, "lru_size", stats.unused);
    dump_table_line(&p, "purge_size", 0);
    dump_table_line(&p, "invalidate_size", 0);
    dump_table_line(&p, "finds", stats.finds);
    dump_table_line(&p, "hits", stats.hits);
    dump_table_line(&p, "links", stats.links);
    dump_table_line(&p, "drops", stats.drops);
    p.active = true;
    inode_table_each(admin->brick->inodes, dump_inode, &p);
    p.active = false;
    p.count = 0;
    inode_table_each(admin->brick->inodes, dump_inode, &p);
}
