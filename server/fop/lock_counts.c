/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/lock_counts.h"

#include <string.h>

#include "mem/must.h"
#include "server/lock/internal.h"
#include "server/lock/posixlk.h"

#define KEY_INODELK "glusterfs.inodelk-count"
#define KEY_ENTRYLK "glusterfs.entrylk-count"
#define KEY_POSIXLK "glusterfs.posixlk-count"
#define KEY_VOLUME "glusterfs.inodelk-dom-count"
#define KEY_VOLUMES "glusterfs.multi-dom-lk-cnt-req"
#define KEY_PARENT "glusterfs.parent-entrylk"

/* Whose locks are counted; without an object there are none. */
struct counted {
    struct inode *inode, *other; /* of two, the larger count */
    struct inode *parent;        /* where the name is looked for */
    const char *name;            /* NULL: no name */
};

static uint32_t
larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t
count_kind(const struct counted *of, enum ilk_kind kind)
{
    return larger(of->inode ? ilk_count(of->inode, kind) : 0,
                  of->other ? ilk_count(of->other, kind) : 0);
}

static uint32_t
count_in(const struct counted *of, const char *volume)
{
    return larger(
        of->inode ? ilk_count_in(of->inode, ILK_RANGE, volume) : 0,
        of->other ? ilk_count_in(of->other, ILK_RANGE, volume) : 0);
}

static uint32_t
count_records(const struct counted *of)
{
    return larger(of->inode ? lk_count(of->inode) : 0,
                  of->other ? lk_count(of->other) : 0);
}

/* Volumes that are counted each by itself. */
static int
answer_volumes(const struct dict *asked, const struct counted *of,
               struct dict *xdata)
{
    static const char prefix[] = "glusterfs.inodelk-dom-prefix:";
    uint32_t i;
    int err = 0;

    if (!dict_has(asked, KEY_VOLUMES))
        return 0;
    for (i = 0; i < asked->count && err == 0; i++) {
        const char *key = asked->pairs[i].key;

        if (strncmp(key, prefix, strlen(prefix)) == 0)
            err = dict_set_i64(xdata, key,
                               count_in(of, key + strlen(prefix)));
    }
    return err;
}

static int
answer(const struct dict *asked, const struct counted *of, struct dict *xdata)
{
    const char *volume;
    int err = 0;

    if (dict_has(asked, KEY_INODELK))
        err = dict_set_i64(xdata, KEY_INODELK, count_kind(of, ILK_RANGE));
    if (err == 0 && dict_has(asked, KEY_ENTRYLK))
        err = dict_set_i64(xdata, KEY_ENTRYLK, count_kind(of, ILK_NAME));
    if (err == 0 && dict_has(asked, KEY_PARENT) && of->name)
        err = dict_set_i64(
            xdata, KEY_PARENT,
            of->parent && ilk_name_is_held(of->parent, of->name));
    if (err == 0 && dict_has(asked, KEY_VOLUME)) {
        volume = dict_str(asked, KEY_VOLUME);
        err = dict_set_i64(xdata, KEY_INODELK,
                           volume ? count_in(of, volume) : 0);
    }
    if (err == 0)
        err = answer_volumes(asked, of, xdata);
    if (err == 0 && dict_has(asked, KEY_POSIXLK))
        err = dict_set_i64(xdata, KEY_POSIXLK, count_records(of));
    return err;
}

int
lock_counts_answer(struct call *c)
{
    const struct dict *asked = &c->args.xdata;
    struct counted of = {0};

    if (asked->count == 0)
        return 0;
    switch (c->fop->counts) {
    case FOP_COUNTS_OBJECT:
        of.inode = c->inode;
        break;
    case FOP_COUNTS_FD:
        of.inode = c->fd == NULL ? NULL : c->fd->inode;
        break;
    case FOP_COUNTS_PARENT:
        of.inode = c->parent;
        of.other = c->parent2;
        break;
    case FOP_COUNTS_NONE:
        return 0;
    }
    if (c->fop->proc == FOP_LOOKUP && c->args.name[0] != '\0') {
        of.parent = c->parent;
        of.name = c->args.name;
    }
    return answer(asked, &of, &c->reply.xdata);
}

bool
lock_counts_are_asked(const struct call *c)
{
    static const char *const keys[] = {KEY_INODELK, KEY_ENTRYLK, KEY_POSIXLK,
                                       KEY_VOLUME,  KEY_VOLUMES, KEY_PARENT};
    size_t i;

    for (i = 0; i < COUNT_OF(keys); i++)
        if (dict_has(&c->args.xdata, keys[i]))
            return true;
    return false;
}

int
lock_counts_entry(struct call *c, const char *name, const struct gfid *gfid,
                  struct dict *xdata)
{
    struct counted of = {.parent = c->fd->inode, .name = name};
    int err;

    if (!gfid_is_null(gfid))
        of.inode = inode_find(c->brick->inodes, gfid);
    err = answer(&c->args.xdata, &of, xdata);
    inode_put(of.inode);
    return err;
}
