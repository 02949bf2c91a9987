/* SPDX-License-Identifier: BSD-2-Clause */
#define LOG_DOMAIN "heal"
#include "server/heal/heal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"
#include "server/heal/heal_priv.h"

MEM_TYPE(mt_heal, "server.heal", "heal");

enum { OBJECT_RANK = 10 };

/* --- opening --- */

int
heal_open(struct heal **out, struct options *options, struct posix *px,
          char err[HEAL_ERROR_BYTES])
{
    const char *path = options_const(options, OPT_INDEX_BASE);
    struct heal *heal = mem_zalloc(&mt_heal, sizeof(*heal));
    unsigned i;
    int result;

    err[0] = '\0';
    if (heal == NULL) {
        (void)snprintf(err, HEAL_ERROR_BYTES, "open the heal index: %s",
                       strerror(ENOMEM));
        return -ENOMEM;
    }
    heal->magic = HEAL_MAGIC;
    heal->lists = (struct watch_lists){
        .dirty = options_const(options, OPT_INDEX_DIRTY),
        .pending = options_const(options, OPT_INDEX_PENDING),
        .pending64 = options_const(options, OPT_INDEX_PENDING64),
    };
    for (i = 0; i < COUNT_OF(heal->objects); i++)
        mutex_init(&heal->objects[i], "heal object", OBJECT_RANK);
    result = index_open(&heal->index, px, path);
    if (result == 0) {
        *out = heal;
        return 0;
    }
    if (result == -EXDEV)
        (void)snprintf(err, HEAL_ERROR_BYTES,
                       "index.index-base %.200s is not "
                       "%.200s/.glusterfs/indices",
                       path, posix_directory(px));
    else
        (void)snprintf(err, HEAL_ERROR_BYTES,
                       "open %.300s/.glusterfs/indices: %s",
                       posix_directory(px), strerror(-result));
    heal_close(&heal);
    return result;
}

void
heal_close(struct heal **healp)
{
    struct heal *heal = *healp;
    unsigned i;

    if (heal == NULL)
        return;
    *healp = NULL;
    OBJ_CHECK(heal, HEAL_MAGIC);
    index_close(&heal->index);
    for (i = 0; i < COUNT_OF(heal->objects); i++)
        mutex_destroy(&heal->objects[i]);
    heal->magic = 0;
    mem_free(heal);
}

struct mutex *
heal_object_mutex(struct heal *heal, const struct gfid *gfid)
{
    /* Gfids are random, those of the root and its like aside. */
    return &heal->objects[gfid->b[GFID_BYTES - 1] % HEAL_OBJECT_MUTEXES];
}

/* --- what is asked of the index --- */

bool
heal_is_pending(const struct heal *heal)
{
    return index_count(heal->index, INDEX_XATTROP) > 0;
}

static int
put_count(struct heal *heal, enum index_kind kind, const char *name,
          struct dict *result)
{
    uint64_t count;
    int err = index_read_count(heal->index, kind, &count);

    return err < 0 ? err : dict_set_u64(result, name, count);
}

int
heal_getxattr(struct heal *heal, const char *name, struct dict *result)
{
    static const struct {
        const char *name;
        enum index_kind kind;
        bool count;
    } keys[] = {
        {"glusterfs.xattrop_index_gfid", INDEX_XATTROP, false},
        {"glusterfs.xattrop_dirty_gfid", INDEX_DIRTY, false},
        {"glusterfs.xattrop_entry_changes_gfid", INDEX_CHANGES, false},
        {"glusterfs.xattrop_index_count", INDEX_XATTROP, true},
        {"glusterfs.xattrop_dirty_count", INDEX_DIRTY, true},
    };
    size_t i;
    int err;

    OBJ_CHECK(heal, HEAL_MAGIC);
    for (i = 0; i < COUNT_OF(keys); i++) {
        if (strcmp(name, keys[i].name) != 0)
            continue;
        err = keys[i].count
                  ? put_count(heal, keys[i].kind, name, result)
                  : dict_set_ptr(result, name,
                                 virtual_gfid(heal->index, keys[i].kind)->b,
                                 GFID_BYTES);
        return err < 0 ? err : 1;
    }
    return 0;
}

/* --- the virtual directories --- */

int
heal_find(struct heal *heal, const struct gfid *gfid, struct virtual_dir *dir)
{
    return virtual_find(heal->index, gfid, dir);
}

int
heal_stat(struct heal *heal, const struct virtual_dir *dir, struct iatt *stat)
{
    return virtual_stat(heal->index, dir, stat);
}

int
heal_lookup(struct heal *heal, const struct virtual_dir *dir, const char *name,
            struct iatt *stat)
{
    return virtual_lookup(heal->index, dir, name, stat);
}

int
heal_readdir(struct heal *heal, const struct virtual_dir *dir, uint64_t offset,
             bool with_types,
             bool (*emit)(void *arg, const struct posix_dirent *e), void *arg,
             bool *end)
{
    return virtual_readdir(heal->index, dir, offset, with_types, emit, arg,
                           end);
}

int
heal_remove(struct heal *heal, const struct virtual_dir *dir, const char *name,
            bool is_dir)
{
    struct gfid gfid = dir->of;

    /* Whose entries they are. */
    if (!dir->below && gfid_parse(&gfid, name, strlen(name)) < 0)
        gfid = gfid_null;
    MUTEX_SCOPE(heal_object_mutex(heal, &gfid));
    return is_dir ? virtual_rmdir(heal->index, dir, name)
                  : virtual_unlink(heal->index, dir, name);
}

void
heal_dump(struct heal *heal, const char *volume, struct dump *d)
{
    OBJ_CHECK(heal, HEAL_MAGIC);
    if (!dump_wants(d, DUMP_PRIV))
        return;
    dump_section(d, "features/index.%s-index", volume);
    dump_line(d, "xattrop-pending-count", "%" PRIu64,
              index_count(heal->index, INDEX_XATTROP));
    dump_line(d, "dirty-count", "%" PRIu64,
              index_count(heal->index, INDEX_DIRTY));
}
