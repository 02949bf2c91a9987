/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories.  Requests on one fd share its descriptor but not its position:
 * each batch of getdents64() is read from where its request is, under the
 * fd's mutex; looking at the entries needs none.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"

MEM_TYPE(mt_dirents, "server.posix", "directory entries");

enum {
    BATCH_BYTES_MIN = 4096,
    BATCH_BYTES_MAX = 32768,
    REPLY_PER_ENTRY = 8, /* a reply's bytes for one of the kernel's, about */
};

int
posix_opendir(struct posix_call *c, struct inode *inode, const void *client,
              struct fd **fd)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    int err = posix_dir_ref(c->px, inode, &ref);
    int os_fd;

    if (err < 0)
        return err;
    os_fd = posix_openat(ref.fd, ".", O_RDONLY | O_DIRECTORY, 0);
    if (os_fd < 0)
        return os_fd;
    posix_mdata_apply(c->px, c->caller, inode, os_fd, false);
    return ops_fd_new(c, inode, os_fd, O_RDONLY | O_DIRECTORY, client, false,
                      fd);
}

struct listing {
    struct posix_call *c;
    struct fd *fd;
    bool plus, no_dirs;
    bool (*emit)(void *arg, const struct posix_dirent *e);
    void *arg;
    uint64_t at; /* cookie behind the last entry taken or left out */
    int taken;
    bool full;
};

/* --- one entry --- */

static uint8_t
type_of_mode(mode_t mode)
{
    return (uint8_t)IFTODT(mode);
}

/* ".." of the root lies outside the brick: nobody's attributes are shown. */
static bool
is_outside(const struct listing *l, const char *name)
{
    return strcmp(name, "..") == 0 && gfid_is_root(&l->fd->inode->gfid);
}

static int
entry_open(const struct listing *l, const char *name)
{
    int fd;

    if (strcmp(name, "..") != 0)
        return posix_openat(l->fd->os_fd, name, O_PATH, 0);
    /* Not beneath, but inside: the root's was dealt with. */
    fd = openat(l->fd->os_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return fd;
}

static bool
is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Attributes, gfid and keys of an entry, all from one descriptor, so that they
 * belong together whatever is renamed meanwhile.  -ENOENT: it is gone. */
static int
entry_look(struct listing *l, const char *name, struct iatt *stat,
           struct dict *xdata)
{
    struct posix *px = l->c->px;
    AUTO_CLOSE int fd = -1;
    struct inode *inode;
    struct gfid gfid;
    struct stat st;
    int err;

    if (is_outside(l, name)) {
        if (fstat(l->fd->os_fd, &st) < 0)
            return -errno;
        posix_iatt_plain(&gfid_null, &st, stat);
        return 0;
    }
    fd = entry_open(l, name);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    err = posix_gfid_read_fd(fd, &gfid);
    if (err == -ENODATA) {
        posix_iatt_plain(&gfid_null, &st, stat);
        return 0;
    }
    if (err < 0)
        return err;
    if (is_dots(name)) {
        inode = inode_link(px->table, &gfid, st.st_mode & S_IFMT);
        if (inode == NULL)
            return -ENOMEM;
    } else {
        err = known_inode(l->c, l->fd->inode, l->fd->os_fd, name, &gfid, fd,
                          &st, &inode);
        if (err < 0)
            return err;
    }
    posix_iatt_fill(px, inode, fd, &st, stat);
    err = l->c->xdata->count == 0
              ? 0
              : content_answer(l->c, inode, fd, stat, l->c->xdata, true,
                               xdata);
    inode_put(inode);
    return err;
}

/* The type, from the object where the directory does not tell. */
static uint8_t
entry_type(struct listing *l, const struct dirent64 *d)
{
    struct stat st;

    if (d->d_type != DT_UNKNOWN ||
        fstatat(l->fd->os_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return d->d_type;
    return type_of_mode(st.st_mode);
}

/* 0, or an error that ends the listing. */
static int
entry_emit(struct listing *l, const struct dirent64 *d)
{
    struct posix_dirent e = {
        .ino = d->d_ino, .off = (uint64_t)d->d_off, .name = d->d_name,
        .name_bytes = (uint32_t)strlen(d->d_name),
    };
    struct iatt stat;
    struct dict xdata;

    if (posix_name_is_hidden(l->fd->inode, d->d_name))
        return 0;
    e.type = l->plus && !l->no_dirs ? d->d_type : entry_type(l, d);
    if (l->no_dirs && e.type == DT_DIR)
        return 0;
    if (l->plus) {
        int err;

        dict_init(&xdata, l->c->arena);
        xdata.null = false;
        err = entry_look(l, d->d_name, &stat, &xdata);
        if (err == -ENOMEM)
            return err;
        if (err == -ENOENT)
            return 0;
        if (err < 0)
            memset(&stat, 0, sizeof(stat)); /* the client will look it up */
        else
            e.type = type_of_mode(stat.mode);
        e.ino = stat.ino;
        e.stat = &stat;
        e.xdata = &xdata;
    }
    if (!l->emit(l->arg, &e)) {
        l->full = true;
        return 0;
    }
    l->taken++;
    return 0;
}

/* --- batches --- */

static long
batch_read(struct listing *l, uint8_t *buf, size_t bytes)
{
    long n;

    MUTEX_SCOPE(&l->fd->dir_mtx);
    if (lseek(l->fd->os_fd, (off_t)l->at, SEEK_SET) < 0)
        return -errno;
    n = syscall(SYS_getdents64, l->fd->os_fd, buf, bytes);
    return n < 0 ? -errno : n;
}

static int
batch_emit(struct listing *l, const uint8_t *buf, size_t bytes)
{
    size_t at = 0;

    while (at < bytes) {
        const struct dirent64 *d = (const void *)(buf + at);
        int err;

        must(d->d_reclen > 0 && at + d->d_reclen <= bytes);
        err = entry_emit(l, d);
        if (err < 0 || l->full)
            return err;
        l->at = (uint64_t)d->d_off;
        at += d->d_reclen;
    }
    return 0;
}

static size_t
batch_bytes(uint32_t size)
{
    size_t bytes = size / REPLY_PER_ENTRY;

    if (bytes < BATCH_BYTES_MIN)
        return BATCH_BYTES_MIN;
    return bytes > BATCH_BYTES_MAX ? BATCH_BYTES_MAX : bytes & ~(size_t)7;
}

static int
list_entries(struct listing *l, uint32_t size, bool *end)
{
    size_t bytes = batch_bytes(size);
    AUTO_FREE uint8_t *buf = mem_alloc_aligned(&mt_dirents, 64, bytes);

    if (buf == NULL)
        return -ENOMEM;
    while (!l->full) {
        long n = batch_read(l, buf, bytes);
        int err;

        if (n == 0) {
            *end = true;
            break;
        }
        err = n < 0 ? (int)n : batch_emit(l, buf, (size_t)n);
        /* What was taken so far is an answer. */
        if (err < 0)
            return l->taken > 0 ? l->taken : err;
    }
    return l->taken;
}

/* --- ancestors --- */

static int
ancestor_emit(struct listing *l, const struct gfid *gfid, const char *name)
{
    struct inode *inode = NULL;
    struct dict xdata;
    struct iatt stat;
    int err = posix_find(l->c, gfid, &inode);

    if (err == 0)
        err = posix_iatt(l->c->px, inode, NULL, &stat);
    inode_put(inode);
    if (err < 0)
        return err;
    dict_init(&xdata, l->c->arena);
    xdata.null = false;
    struct posix_dirent e = {
        /* Only the name and the attributes count; and one cannot go on behind
         * an ancestor: a cookie is a place in the directory itself. */
        .ino = UINT64_MAX, .off = 0, .type = DT_UNKNOWN, .name = name,
        .name_bytes = (uint32_t)strlen(name), .stat = &stat, .xdata = &xdata,
    };
    if (!l->emit(l->arg, &e))
        l->full = true;
    else
        l->taken++;
    return 0;
}

/* From the root down to the directory itself. */
static int
list_ancestors(struct listing *l)
{
    enum { DEPTH_MAX = 1024 };
    struct ancestor {
        struct gfid gfid;
        char *name;
        struct ancestor *below;
    } *top = NULL;
    struct gfid at = l->fd->inode->gfid;
    int depth, err;

    for (depth = 0; !gfid_is_root(&at); depth++) {
        char name[POSIX_NAME_BYTES_MAX + 1];
        struct ancestor *a = arena_alloc(l->c->arena, sizeof(*a));

        if (a == NULL)
            return -ENOMEM;
        if (depth == DEPTH_MAX)
            return -ELOOP;
        a->gfid = at;
        err = handle_dir_read(l->c->px, &a->gfid, &at, name);
        if (err < 0)
            return err;
        a->name = arena_strndup(l->c->arena, name, strlen(name));
        if (a->name == NULL)
            return -ENOMEM;
        a->below = top;
        top = a;
    }
    err = ancestor_emit(l, &gfid_root, "/");
    for (; top != NULL && err == 0 && !l->full; top = top->below)
        err = ancestor_emit(l, &top->gfid, top->name);
    return err < 0 ? err : l->taken;
}

int
posix_readdir(struct posix_call *c, struct fd *fd, uint64_t offset, bool plus,
              uint32_t size,
              bool (*emit)(void *arg, const struct posix_dirent *e), void *arg,
              bool *end)
{
    struct listing l = {.c = c, .fd = fd, .plus = plus, .at = offset,
                        .emit = emit, .arg = arg};

    OBJ_CHECK(fd, FD_MAGIC);
    *end = false;
    if (inode_type(fd->inode) != S_IFDIR || offset > INT64_MAX)
        return -EINVAL;
    l.no_dirs = ops_asked_true(c, "readdir-filter-directories");
    if (plus && offset == 0 && ops_asked(c, "glusterfs.ancestry.dentry"))
        return list_ancestors(&l);
    return list_entries(&l, size, end);
}

int
posix_fsyncdir(struct posix_call *c, struct inode *inode, struct fd *fd,
               bool datasync)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    int err;

    if (inode_type(inode) != S_IFDIR)
        return -ENOTDIR;
    err = posix_ref_get(c->px, inode, fd, &ref);
    if (err < 0)
        return err;
    return (datasync ? fdatasync(ref.fd) : fsync(ref.fd)) < 0 ? -errno : 0;
}
