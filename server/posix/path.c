/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paths, for people to read: a directory's by its chain of handles, another
 * object's by one of its back references.  Nothing is opened by them.
 */
#include "server/posix/internal.h"

#include <errno.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/arena.h"
#include "mem/must.h"
#include "mem/scope.h"

MEM_TYPE(mt_names, "server.posix", "xattr names");

enum {
    DEPTH_MAX = 4096,
    PATH_BYTES_MAX = 65536, /* longer ones are not told */
    LIST_TRIES = 5,         /* against xattrs that come meanwhile */
};

/* The path so far is at the end of buf: it grows to the front. */
struct tail {
    size_t start;
    char *buf; /* PATH_BYTES_MAX */
};

static int
tail_prepend(struct tail *t, const char *name)
{
    size_t bytes = strlen(name);

    if (t->start < bytes + 1)
        return -ENAMETOOLONG;
    t->start -= bytes + 1;
    t->buf[t->start] = '/';
    memcpy(t->buf + t->start + 1, name, bytes);
    return 0;
}

/* Names of the directory `gfid` and those above it. */
static int
tail_dirs(struct posix *px, struct tail *t, const struct gfid *gfid)
{
    char name[POSIX_NAME_BYTES_MAX + 1];
    struct gfid at = *gfid;
    int depth, err;

    for (depth = 0; !gfid_is_root(&at); depth++) {
        if (depth >= DEPTH_MAX)
            return -ENOENT;
        err = handle_dir_read(px, &at, &at, name);
        if (err == -EINVAL || err == -ENOTDIR)
            return -ENOENT;
        if (err == 0)
            err = tail_prepend(t, name);
        if (err < 0)
            return err;
    }
    return 0;
}

/* All names, each with its NUL.  mem_free() them. */
static ssize_t
list_names(int fd, char **out)
{
    int i;

    for (i = 0; i < LIST_TRIES; i++) {
        ssize_t bytes = posix_flistxattr(fd, NULL, 0);
        char *names;

        if (bytes <= 0)
            return bytes;
        names = mem_alloc(&mt_names, (size_t)bytes);
        if (names == NULL)
            return -ENOMEM;
        bytes = posix_flistxattr(fd, names, (size_t)bytes);
        if (bytes > 0) {
            *out = names;
            return bytes;
        }
        mem_free(names);
        if (bytes != -ERANGE)
            return bytes;
    }
    return -ERANGE;
}

/* The first back reference that can be read. */
static int
first_backref(int fd, struct gfid *parent, char *name)
{
    AUTO_FREE char *names = NULL;
    ssize_t bytes = list_names(fd, &names);
    const char *at;

    if (bytes < 0)
        return (int)bytes;
    for (at = names; bytes > 0;) {
        size_t step = strnlen(at, (size_t)bytes) + 1;
        char value[GFID2PATH_VALUE_BYTES];
        ssize_t n;

        if (strncmp(at, GFID2PATH_XATTR_PREFIX,
                    sizeof(GFID2PATH_XATTR_PREFIX) - 1) == 0) {
            n = posix_fgetxattr(fd, at, value, sizeof(value));
            if (n > 0 && backref_parse(value, (size_t)n, parent, name) == 0)
                return 0;
        }
        at += step;
        bytes -= (ssize_t)step;
    }
    return -ENOENT;
}

static int
tail_object(struct posix *px, struct tail *t, struct inode *inode)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    char name[POSIX_NAME_BYTES_MAX + 1];
    struct gfid parent;
    int err;

    if (inode_type(inode) == S_IFDIR)
        return tail_dirs(px, t, &inode->gfid);
    err = posix_ref_get(px, inode, NULL, &ref);
    if (err == 0)
        err = first_backref(ref.fd, &parent, name);
    if (err == 0)
        err = tail_prepend(t, name);
    return err < 0 ? err : tail_dirs(px, t, &parent);
}

int
posix_path(struct posix *px, struct inode *inode, struct arena *arena,
           const char **path)
{
    AUTO_FREE char *buf = NULL;
    struct tail t;
    int err;

    OBJ_CHECK(inode, INODE_MAGIC);
    if (gfid_is_root(&inode->gfid)) {
        *path = "/";
        return 0;
    }
    buf = mem_alloc(&mt_names, PATH_BYTES_MAX);
    if (buf == NULL)
        return -ENOMEM;
    t = (struct tail){.start = PATH_BYTES_MAX, .buf = buf};
    err = tail_object(px, &t, inode);
    if (err < 0)
        return err;
    *path = arena_strndup(arena, buf + t.start, PATH_BYTES_MAX - t.start);
    return *path != NULL ? 0 : -ENOMEM;
}
