/* SPDX-License-Identifier: BSD-2-Clause */
#define LOG_DOMAIN "heal"
#include "server/heal/virtual.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/heal/index_priv.h"

MEM_TYPE(mt_entries, "server.heal", "directory entries");

enum { BATCH_BYTES = 32768 };

/* --- which one --- */

const struct gfid *
virtual_gfid(const struct index *index, enum index_kind kind)
{
    return &index->gfids[kind];
}

static struct gfid
mixed(const struct index *index, const struct gfid *gfid)
{
    struct gfid out;
    unsigned i;

    for (i = 0; i < GFID_BYTES; i++)
        out.b[i] = gfid->b[i] ^ index->secret.b[i];
    return out;
}

int
virtual_find(struct index *index, const struct gfid *gfid,
             struct virtual_dir *dir)
{
    struct stat st;
    unsigned i;

    OBJ_CHECK(index, INDEX_MAGIC);
    *dir = (struct virtual_dir){.gfid = *gfid};
    for (i = 0; i < INDEX_KINDS; i++) {
        if (gfid_equal(gfid, &index->gfids[i])) {
            dir->kind = i;
            return 0;
        }
    }
    dir->kind = INDEX_CHANGES;
    dir->below = true;
    dir->of = mixed(index, gfid);
    if (fstatat(index->dirs[INDEX_CHANGES].fd, gfid_str(&dir->of), &st,
                AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? -ENOENT : -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOENT;
}

unsigned
virtual_type(const struct virtual_dir *dir)
{
    if (dir->below)
        return 0;
    return dir->kind == INDEX_CHANGES ? 2 : 1;
}

/* A descriptor for the caller to close. */
static int
dir_open(struct index *index, const struct virtual_dir *dir)
{
    int fd;

    if (dir->below)
        return index_changes_open(index, &dir->of, false);
    fd = openat(index->dirs[dir->kind].fd, ".",
                O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return fd;
}

/* --- looking --- */

int
virtual_stat(struct index *index, const struct virtual_dir *dir,
             struct iatt *stat)
{
    AUTO_CLOSE int fd = dir_open(index, dir);
    struct stat st;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    posix_store_iatt(&dir->gfid, &st, stat);
    return 0;
}

static int
entry_stat(struct index *index, const struct virtual_dir *dir,
           const char *name, struct stat *st)
{
    AUTO_CLOSE int fd = -1;
    int err = index_name_check(name);

    if (err < 0)
        return err;
    fd = dir_open(index, dir);
    if (fd < 0)
        return fd;
    return fstatat(fd, name, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int
virtual_lookup(struct index *index, const struct virtual_dir *dir,
               const char *name, struct iatt *stat)
{
    struct gfid gfid;
    struct stat st;
    int err = entry_stat(index, dir, name, &st);

    if (err < 0)
        return err;
    if (dir->kind == INDEX_CHANGES && !dir->below && S_ISDIR(st.st_mode) &&
        gfid_parse(&gfid, name, strlen(name)) == 0)
        gfid = mixed(index, &gfid);
    else
        gfid_random(&gfid); /* an entry is nothing but its name */
    posix_store_iatt(&gfid, &st, stat);
    return 0;
}

/* --- listing --- */

struct listing {
    struct index *index;
    const struct virtual_dir *dir;
    bool with_types;
    bool (*emit)(void *arg, const struct posix_dirent *e);
    void *arg;
    int taken;
    bool full;
};

/* Of the object, DT_UNKNOWN if there is none. */
static uint8_t
type_of(struct listing *l, const char *name)
{
    struct gfid gfid;
    uint32_t type;

    if (!l->with_types || l->dir->below ||
        gfid_parse(&gfid, name, strlen(name)) < 0 ||
        posix_type(l->index->px, &gfid, &type) < 0)
        return DT_UNKNOWN;
    return (uint8_t)IFTODT(type);
}

static void
emit_one(struct listing *l, const struct dirent64 *d)
{
    struct index_dir *dir = &l->index->dirs[l->dir->kind];
    struct posix_dirent e = {
        .ino = d->d_ino, .off = (uint64_t)d->d_off, .name = d->d_name,
        .name_bytes = (uint32_t)strlen(d->d_name),
    };

    if (!l->dir->below && index_base_is(dir, d->d_name)) {
        index_base_drop_unused(l->index, dir, d->d_name);
        return;
    }
    e.type = type_of(l, d->d_name);
    if (l->emit(l->arg, &e))
        l->taken++;
    else
        l->full = true;
}

/* 1: at the end. */
static int
emit_batch(struct listing *l, int fd, uint8_t *buf)
{
    long n = syscall(SYS_getdents64, fd, buf, BATCH_BYTES);
    long at = 0;

    if (n <= 0)
        return n < 0 ? -errno : 1;
    while (at < n && !l->full) {
        const struct dirent64 *d = (const void *)(buf + at);

        must(d->d_reclen > 0 && at + d->d_reclen <= n);
        emit_one(l, d);
        at += d->d_reclen;
    }
    return 0;
}

int
virtual_readdir(struct index *index, const struct virtual_dir *dir,
                uint64_t offset, bool with_types,
                bool (*emit)(void *arg, const struct posix_dirent *e),
                void *arg, bool *end)
{
    struct listing l = {.index = index, .dir = dir, .with_types = with_types,
                        .emit = emit, .arg = arg};
    AUTO_FREE uint8_t *buf = NULL;
    AUTO_CLOSE int fd = -1;
    int result = 0;

    *end = false;
    if (offset > INT64_MAX)
        return -EINVAL;
    fd = dir_open(index, dir);
    if (fd < 0)
        return fd;
    if (lseek(fd, (off_t)offset, SEEK_SET) < 0)
        return -errno;
    buf = mem_alloc_aligned(&mt_entries, 64, BATCH_BYTES);
    if (buf == NULL)
        return -ENOMEM;
    while (!l.full && result == 0)
        result = emit_batch(&l, fd, buf);
    /* What was taken so far is an answer. */
    if (result < 0 && l.taken == 0)
        return result;
    *end = result == 1;
    return l.taken;
}

/* --- removing --- */

int
virtual_unlink(struct index *index, const struct virtual_dir *dir,
               const char *name)
{
    AUTO_CLOSE int fd = -1;
    struct gfid gfid;
    struct stat st;
    int err = entry_stat(index, dir, name, &st);

    if (err < 0)
        return err;
    if (S_ISDIR(st.st_mode))
        return -EPERM;
    if (dir->kind != INDEX_CHANGES && gfid_parse(&gfid, name,
                                                 strlen(name)) == 0)
        return index_remove(index, dir->kind, &gfid);
    if (index_base_is(&index->dirs[dir->kind], name) && !dir->below)
        return -EPERM; /* others are links to it */
    fd = dir_open(index, dir);
    if (fd < 0)
        return fd;
    return unlinkat(fd, name, 0) < 0 ? -errno : 0;
}

int
virtual_rmdir(struct index *index, const struct virtual_dir *dir,
              const char *name)
{
    struct gfid gfid;
    struct stat st;
    int err = entry_stat(index, dir, name, &st);

    if (err < 0)
        return err;
    if (!S_ISDIR(st.st_mode))
        return -ENOTDIR;
    if (dir->kind != INDEX_CHANGES || dir->below ||
        gfid_parse(&gfid, name, strlen(name)) < 0)
        return -EPERM;
    return index_changes_purge(index, &gfid);
}
