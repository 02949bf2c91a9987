/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations on open directories. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "mem/must.h"
#include "server/fop/handlers.h"
#include "server/fop/index_dir.h"
#include "server/fop/lock_counts.h"
#include "server/fop/permit.h"
#include "server/fop/resolve.h"

enum {
    READDIR_BYTES_MAX = 128 * 1024,    /* as clients count, and as encoded */
    READDIR_ENCODED_BYTES_MAX = 1 << 20, /* with what xdata asked for */
    /* What the peer charges an entry besides its name; clients size their
     * requests for it. */
    READDIR_ENTRY_CHARGE = 208,
};

int64_t
fop_opendir(struct call *c)
{
    struct posix_call pc = call_posix(c);
    struct virtual_dir dir;
    int err = resolve_inode(c);

    if (index_dir_find(c, &c->args.gfid, err, &dir))
        return index_dir_open(c, &dir);
    if (err == 0)
        err = permit_inode(c, c->inode, ACCESS_R);
    if (err == 0)
        err = posix_opendir(&pc, c->inode, c->client, &c->fd);
    return err != 0 ? err : call_install_fd(c);
}

struct emit_state {
    struct call *c;
    uint32_t left;
    int err;
};

/* What a sub-directory mount sees of an entry.  ".." of its root lies outside:
 * as of the volume's root, nobody's attributes are shown. */
static void
show(const struct call *c, struct posix_dirent *e, struct iatt *copy)
{
    static const struct dict none = {.null = false};

    if (e->stat == NULL || c->client->subdir == NULL)
        return;
    *copy = *e->stat;
    e->stat = copy;
    if (fop_subdir_iatt(c, copy) || strcmp(e->name, "..") != 0 ||
        !gfid_equal(&c->fd->inode->gfid, &c->client->subdir_gfid))
        return;
    *copy = (struct iatt){.mode = S_IFDIR, .ino = 1};
    e->ino = copy->ino;
    e->xdata = &none;
}

/* With the lock counts that were asked for. */
static int
add_counts(struct call *c, struct posix_dirent *e, struct dict *xdata)
{
    uint32_t i;
    int err;

    if (e->stat == NULL || e->xdata == NULL || !lock_counts_are_asked(c))
        return 0;
    dict_init(xdata, &c->arena);
    xdata->null = e->xdata->null;
    err = dict_reserve(xdata, e->xdata->count);
    if (err != 0)
        return err;
    for (i = 0; i < e->xdata->count; i++)
        dict_append(xdata, &e->xdata->pairs[i]);
    e->xdata = xdata;
    return lock_counts_entry(c, e->name, &e->stat->gfid, xdata);
}

static bool
emit(void *arg, const struct posix_dirent *found)
{
    struct emit_state *st = arg;
    struct fop_reply *r = &st->c->reply;
    uint32_t charge = READDIR_ENTRY_CHARGE + found->name_bytes + 1;
    struct posix_dirent e = *found;
    struct dict counted;
    struct iatt copy;

    if (charge > st->left || r->entries.pos > READDIR_ENCODED_BYTES_MAX)
        return false;
    st->err = add_counts(st->c, &e, &counted);
    if (st->err != 0)
        return false;
    st->left -= charge;
    show(st->c, &e, &copy);
    fop_reply_entry(r, e.ino, e.off, e.type, e.name, e.name_bytes, e.stat,
                    e.xdata);
    return true;
}

static int64_t
readdir(struct call *c, bool plus)
{
    struct posix_call pc = call_posix(c);
    struct emit_state st = {.c = c};
    uint32_t size = (uint32_t)c->args.size;
    bool end = false;
    int taken, err;

    err = resolve_fd(c);
    if (err == 0 && !index_dir_is_open(c))
        err = permit_inode(c, c->fd->inode, ACCESS_R);
    if (err != 0)
        return err;
    if (size > READDIR_BYTES_MAX)
        size = READDIR_BYTES_MAX;
    st.left = size;
    err = xdr_out_init(&c->reply.entries, 0, size < 4096 ? 4096 : size);
    if (err != 0)
        return err;
    taken = index_dir_is_open(c)
                ? index_dir_readdir(c, emit, &st, &end)
                : posix_readdir(&pc, c->fd, c->args.offset, plus, size, emit,
                                &st, &end);
    if (st.err != 0)
        return st.err;
    if (taken < 0)
        return taken;
    /* The one success with a meaning in op_errno: nothing comes after this. */
    if (end)
        c->reply.op_errno = ENOENT;
    return taken;
}

int64_t
fop_readdir(struct call *c)
{
    return readdir(c, false);
}

int64_t
fop_readdirp(struct call *c)
{
    static const char *const acls[] = {"system.posix_acl_access",
                                       "system.posix_acl_default"};
    size_t i;

    for (i = 0; i < COUNT_OF(acls); i++) {
        int err = 0;

        if (!dict_has(&c->args.xdata, acls[i]))
            err = dict_set_u64(&c->args.xdata, acls[i], 0);
        if (err != 0)
            return err;
    }
    return readdir(c, true);
}

int64_t
fop_fsyncdir(struct call *c)
{
    struct posix_call pc = call_posix(c);
    int err = resolve_fd(c);

    if (err != 0)
        return err;
    return posix_fsyncdir(&pc, c->fd->inode, c->fd, c->args.what != 0);
}
