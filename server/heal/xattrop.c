/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XATTROP, step by step, with the object's mutex held:
 *
 *   1. a class of watched xattrs gets something that is not zero: its entry is
 *      made in the index; so are names of changes
 *   2. the xattrs are changed
 *   3. a class whose xattrs have all become zero loses its entry; names of
 *      changes go
 *
 * A crash leaves an entry too many at the worst.
 */
#define LOG_DOMAIN "heal"
#include "server/heal/heal_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"
#include "server/heal/array.h"

static const enum index_kind kind_of_class[WATCH_CLASSES] = {
    [WATCH_PENDING] = INDEX_XATTROP,
    [WATCH_DIRTY] = INDEX_DIRTY,
};

struct xattrop {
    struct heal *heal;
    struct posix_call *c;
    struct inode *inode;
    uint32_t op;
    const struct dict *pairs;
    struct posix_update *updates; /* one a pair */
    struct {
        const uint8_t *data;
        uint32_t bytes;
    } *requests; /* likewise */
    struct watch_view before[WATCH_CLASSES], after[WATCH_CLASSES];
    bool tracked; /* the index follows it … */
    bool tracked_class[WATCH_CLASSES]; /* … in these classes */
};

/* --- what is wanted --- */

static int
take_request(struct xattrop *x, uint32_t i)
{
    uint32_t bytes;
    int err = dict_pair_stored(&x->pairs->pairs[i], x->c->arena,
                               &x->requests[i].data, &x->requests[i].bytes);

    if (err < 0)
        return err;
    x->updates[i].name = x->pairs->pairs[i].key;
    watch_note(&x->heal->lists, x->before, x->updates[i].name,
               x->requests[i].data, x->requests[i].bytes);
    return array_result_bytes(x->op, x->requests[i].bytes, &bytes);
}

/* The index follows the two operations by which clients count; the one of 64
 * bits is of disperse, whose xattrs are all of one class. */
static void
decide_tracking(struct xattrop *x)
{
    switch (x->op) {
    case ARRAY_ADD:
        x->tracked = true;
        x->tracked_class[WATCH_PENDING] = true;
        x->tracked_class[WATCH_DIRTY] = true;
        break;
    case ARRAY_ADD64:
        x->tracked = x->before[WATCH_PENDING].seen;
        x->tracked_class[WATCH_PENDING] = true;
        break;
    default:
        break;
    }
}

static int
take_requests(struct xattrop *x)
{
    uint32_t count = x->pairs->count, i, bytes;
    int err = array_result_bytes(x->op, 0, &bytes);

    if (x->pairs->null || err < 0)
        return -EINVAL;
    x->updates = arena_zalloc(x->c->arena, (count + 1) * sizeof(*x->updates));
    x->requests =
        arena_zalloc(x->c->arena, (count + 1) * sizeof(*x->requests));
    if (x->updates == NULL || x->requests == NULL)
        return -ENOMEM;
    for (i = 0; i < count && err == 0; i++)
        err = take_request(x, i);
    decide_tracking(x);
    return err;
}

/* --- the index --- */

/* What a key of xdata says; *name NULL: it is not there. */
static int
take_name(const struct xattrop *x, const char *key, const char **name)
{
    *name = dict_str(x->c->xdata, key);
    return *name == NULL && dict_has(x->c->xdata, key) ? -EINVAL : 0;
}

static void
complain(const struct xattrop *x, const char *what, int err)
{
    log_limited(LOG_LVL_ERROR, 5, "index: %s gfid=%s: %s", what,
                gfid_str(&x->inode->gfid), strerror(-err));
}

/* Of an entry that cannot be made somebody will hear when it is missed; of a
 * change that is refused for it, everybody at once. */
static int
index_before(struct xattrop *x)
{
    const char *name;
    unsigned i;
    int err;

    if (!x->tracked)
        return 0;
    for (i = 0; i < WATCH_CLASSES; i++) {
        if (!x->tracked_class[i] || !x->before[i].not_zero)
            continue;
        err = index_add(x->heal->index, kind_of_class[i], &x->inode->gfid);
        if (err < 0)
            complain(x, "add", err);
    }
    err = take_name(x, "glusterfs.xattrop-entry-create", &name);
    if (err == 0 && name != NULL)
        err = index_change_add(x->heal->index, &x->inode->gfid, name);
    return err;
}

/* Nothing is left to be healed in a directory: nor are the names in it. */
static bool
purge_is_wanted(const struct xattrop *x)
{
    int64_t wanted = 0;

    if (inode_type(x->inode) != S_IFDIR || !x->after[WATCH_PENDING].seen ||
        x->after[WATCH_PENDING].not_zero)
        return false;
    return x->c->xdata->null ||
           (dict_i64(x->c->xdata, "glusterfs.xattrop-purge-index", &wanted) ==
                0 &&
            wanted != 0);
}

/* The xattrs say already how it is: an entry that stays is one too many. */
static void
index_after(struct xattrop *x)
{
    const char *name;
    unsigned i;
    int err;

    if (!x->tracked)
        return;
    for (i = 0; i < WATCH_CLASSES; i++) {
        if (!x->tracked_class[i] || !x->after[i].seen)
            continue;
        err = x->after[i].not_zero
                  ? index_add(x->heal->index, kind_of_class[i],
                              &x->inode->gfid)
                  : index_remove(x->heal->index, kind_of_class[i],
                                 &x->inode->gfid);
        if (err < 0)
            complain(x, x->after[i].not_zero ? "add" : "remove", err);
    }
    err = take_name(x, "glusterfs.xattrop-entry-delete", &name);
    if (err == 0 && name != NULL)
        err = index_change_remove(x->heal->index, &x->inode->gfid, name);
    if (err < 0)
        complain(x, "remove a name of", err);
    if (!purge_is_wanted(x))
        return;
    err = index_changes_purge(x->heal->index, &x->inode->gfid);
    if (err < 0)
        complain(x, "purge", err);
}

/* --- the xattrs --- */

static int
compute(void *arg, struct posix_update *u)
{
    struct xattrop *x = arg;
    uint32_t i = (uint32_t)(u - x->updates);
    const uint8_t *request = x->requests[i].data;
    uint32_t bytes = 0;
    uint8_t *value;
    int err;

    must(array_result_bytes(x->op, x->requests[i].bytes, &bytes) == 0);
    value = arena_alloc(x->c->arena, bytes + 1);
    if (value == NULL)
        return -ENOMEM;
    err = array_apply(x->op, request, x->requests[i].bytes, u->old,
                      u->old_bytes, value);
    if (err < 0)
        return err;
    u->value = value;
    u->bytes = bytes;
    /* Adding nothing does not make an xattr either. */
    u->write = x->op == ARRAY_GET_AND_SET ||
               !array_is_zero(request, x->requests[i].bytes);
    watch_note(&x->heal->lists, x->after, u->name, value, bytes);
    return 0;
}

/* The value before, as long as the one that has taken its place. */
static int
put_old(struct xattrop *x, const struct posix_update *u, struct dict *result)
{
    uint8_t *old;

    if (!u->exists)
        return 0;
    old = arena_zalloc(x->c->arena, u->bytes + 1);
    if (old == NULL)
        return -ENOMEM;
    if (u->old_bytes > 0)
        memcpy(old, u->old, u->old_bytes);
    return dict_set_ptr(result, u->name, old, u->bytes);
}

static int
put_result(struct xattrop *x, struct dict *result)
{
    uint32_t i;
    int err = 0;

    for (i = 0; i < x->pairs->count && err == 0; i++) {
        const struct posix_update *u = &x->updates[i];

        err = x->op == ARRAY_GET_AND_SET
                  ? put_old(x, u, result)
                  : dict_set_ptr(result, u->name, u->value, u->bytes);
    }
    return err;
}

int
heal_xattrop(struct heal *heal, struct posix_call *c, struct inode *inode,
             struct fd *fd, uint32_t op, const struct dict *pairs,
             struct dict *result)
{
    struct xattrop x = {.heal = heal, .c = c, .inode = inode, .op = op,
                        .pairs = pairs};
    int err;

    OBJ_CHECK(heal, HEAL_MAGIC);
    err = take_requests(&x);
    /* What is changed is to be answered: the room for it comes first. */
    if (err == 0)
        err = dict_reserve(result, pairs->count);
    if (err < 0)
        return err;
    result->null = false;
    MUTEX_SCOPE(heal_object_mutex(heal, &inode->gfid));
    err = index_before(&x);
    if (err == 0)
        err = posix_update_xattrs(c, inode, fd, x.updates, pairs->count,
                                  compute, &x);
    if (err == 0)
        index_after(&x);
    return err < 0 ? err : put_result(&x, result);
}

bool
heal_xattrop_is_idle(const struct dict *pairs)
{
    uint32_t i;

    for (i = 0; i < pairs->count; i++) {
        const struct dict_pair *p = &pairs->pairs[i];

        switch (p->type) {
        case DICT_STR_OLD:
        case DICT_STR:
        case DICT_PTR:
        case DICT_GFUUID:
            if (!array_is_zero(p->data, p->bytes))
                return false;
            break;
        default: /* text on disk, even of a 0 */
            return false;
        }
    }
    return true;
}
