/* SPDX-License-Identifier: BSD-2-Clause */
/* Who holds locks, and who waits for them. */
#include "server/admin/control_command.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "mem/arena.h"
#include "server/admin/control_text.h"
#include "server/core/gfid.h"
#include "server/lock/owner_text.h"
#include "server/lock/rows.h"
#include "server/posix/posix.h"

MEM_TYPE(mt_arena, "server.admin", "paths of locks");

/* What one answer holds; beyond that it says that there are more. */
enum { LOCKS_SHOWN_MAX = 10000 };

struct showing {
    struct admin *admin;
    json_object *list; /* of objects */
    json_object *rows; /* of the object at hand */
    int64_t now;
    unsigned shown;
    bool more, failed;
};

static void
add_what(json_object *obj, const struct lk_row *row)
{
    if (row->family == LK_FAMILY_ENTRY) {
        control_add_text(obj, "name", row->name);
        return;
    }
    control_add_count(obj, "start", row->range.start);
    control_add_number(obj, "len", lk_range_len(&row->range));
}

static bool
add_row(void *arg, const struct lk_row *row)
{
    struct showing *s = arg;
    char owner[LK_OWNER_TEXT_BYTES];
    json_object *obj;

    if (s->shown == LOCKS_SHOWN_MAX) {
        s->more = true;
        return false;
    }
    obj = control_list_object(s->rows);
    if (obj == NULL) {
        s->failed = true;
        return false;
    }
    s->shown++;
    control_add_text(obj, "family", lk_family_name(row->family));
    control_add_text(obj, "domain", row->volume);
    control_add_text(obj, "type", row->type == LK_READ ? "read" : "write");
    control_add_text(obj, "state", row->waits ? "waits" : "holds");
    add_what(obj, row);
    control_add_number(obj, "since", row->since);
    control_add_number(obj, "seconds",
                       s->now > row->since ? s->now - row->since : 0);
    control_add_number(obj, "pid", row->caller_pid);
    control_add_text(obj, "owner",
                     lk_owner_text(row->owner, row->owner_bytes, owner));
    control_add_text(obj, "client", row->client_uid);
    return true;
}

static void
add_path(struct showing *s, json_object *obj, struct inode *inode)
{
    struct arena arena;
    const char *path = NULL;

    arena_init(&arena, &mt_arena, NULL, 0);
    if (posix_path(s->admin->brick->px, inode, &arena, &path) < 0)
        path = NULL;
    control_add_text(obj, "path", path);
    arena_release(&arena);
}

static bool
add_inode(void *arg, struct inode *inode)
{
    struct showing *s = arg;
    json_object *obj;

    if (!lk_has_rows(inode))
        return true;
    obj = control_list_object(s->list);
    s->rows = control_add_list(obj, "locks");
    if (s->rows == NULL) {
        s->failed = true;
        return false;
    }
    control_add_text(obj, "gfid", gfid_str(&inode->gfid));
    add_path(s, obj, inode);
    lk_rows_each(inode, add_row, s);
    return !s->failed && !s->more;
}

static int
run(struct control_call *call)
{
    struct showing s = {.admin = call->admin,
                        .list = control_add_list(call->reply, "objects"),
                        .now = (int64_t)time(NULL)};

    if (s.list != NULL)
        inode_table_each(call->admin->brick->inodes, add_inode, &s);
    if (s.list == NULL || s.failed)
        return control_no_memory(call);
    control_add_bool(call->reply, "more", s.more);
    return 0;
}

/* All inodes are looked at, and their paths on the brick. */
int
command_locks(struct control_call *call)
{
    return control_run_later(call, run);
}
