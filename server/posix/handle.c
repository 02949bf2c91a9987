/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles: the entry that each object has below .glusterfs, by its gfid.
 *
 *     xx/yy/<gfid>   a hard link to whatever is not a directory, or for a
 *                    directory a symlink "../../pp/qq/<parent gfid>/<name>"
 *
 * The symlinks are read, never followed.  A directory is reached by reading
 * them upwards until one whose descriptor is held (the root at the latest),
 * then opening downwards, a name at a time; what is found must carry the gfid
 * that was wanted.  So neither an outdated link nor one that somebody planted
 * leads to anything but the object or nowhere.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

MEM_TYPE(mt_chain, "server.posix", "directory chain");

enum {
    DEPTH_MAX = 4096, /* directories between an object and the root */
    TRIES = 5,        /* against renames that pass by */
    LEVEL_NAME_BYTES = 3,
    TARGET_HEAD_BYTES = 49, /* "../../pp/qq/<gfid>/" */
    TARGET_BYTES_MIN = 50,
    TARGET_BYTES_MAX = 511,
};

static const char hex[] = "0123456789abcdef";

static char *
level2_name(const struct gfid *gfid, char name[LEVEL_NAME_BYTES])
{
    name[0] = hex[gfid->b[1] >> 4];
    name[1] = hex[gfid->b[1] & 15];
    name[2] = '\0';
    return name;
}

int
handle_place(struct posix *px, const struct gfid *gfid,
             char name[HANDLE_NAME_BYTES])
{
    (void)level2_name(gfid, name);
    name[2] = '/';
    (void)gfid_format(gfid, name + 3);
    return px->level1_fd[gfid->b[0]];
}

int
handle_level2(struct posix *px, const struct gfid *gfid, bool make)
{
    char name[LEVEL_NAME_BYTES];
    int level1 = px->level1_fd[gfid->b[0]];
    int fd;

    (void)level2_name(gfid, name);
    fd = posix_openat(level1, name, O_PATH | O_DIRECTORY, 0);
    if (fd != -ENOENT || !make)
        return fd;
    if (mkdirat(level1, name, 0700) < 0 && errno != EEXIST)
        return -errno;
    return posix_openat(level1, name, O_PATH | O_DIRECTORY, 0);
}

/* What an open of something that may have been tampered with says: a symlink
 * or a file where a directory belongs is as good as nothing there. */
static int
no_such(int err)
{
    return err == -ELOOP || err == -ENOTDIR || err == -EXDEV ? -ENOENT : err;
}

bool
handle_is_dot(const struct posix *px, const struct stat *st)
{
    return st->st_ino == px->dot_ino && st->st_dev == px->dot_dev;
}

/* --- the symlinks of directories --- */

static void
target_format(const struct gfid *parent, const char *name,
              char target[TARGET_BYTES_MAX + 1])
{
    char text[GFID_TEXT_BYTES];
    int bytes;

    (void)gfid_format(parent, text);
    bytes = snprintf(target, TARGET_BYTES_MAX + 1, "../../%.2s/%.2s/%s/%s",
                     text, text + 2, text, name);
    must(bytes >= TARGET_BYTES_MIN && bytes <= TARGET_BYTES_MAX);
}

static int
target_parse(const char *target, size_t bytes, struct gfid *parent, char *name)
{
    char again[TARGET_BYTES_MAX + 1];

    if (bytes < TARGET_BYTES_MIN || bytes > TARGET_BYTES_MAX ||
        bytes - TARGET_HEAD_BYTES > POSIX_NAME_BYTES_MAX ||
        memchr(target, '\0', bytes) != NULL)
        return -EINVAL;
    if (gfid_parse(parent, target + 12, GFID_TEXT_BYTES - 1) < 0 ||
        gfid_is_null(parent))
        return -EINVAL;
    memcpy(name, target + TARGET_HEAD_BYTES, bytes - TARGET_HEAD_BYTES);
    name[bytes - TARGET_HEAD_BYTES] = '\0';
    if (posix_name_check(name) < 0)
        return -EINVAL;
    /* Only the one spelling of it. */
    target_format(parent, name, again);
    return strlen(again) == bytes && memcmp(again, target, bytes) == 0
               ? 0
               : -EINVAL;
}

/* fd: O_PATH of a handle that is a symlink. */
static int
target_read(int fd, struct gfid *parent, char *name)
{
    char target[TARGET_BYTES_MAX + 2];
    ssize_t bytes = readlinkat(fd, "", target, sizeof(target));

    if (bytes < 0)
        return -errno;
    return target_parse(target, (size_t)bytes, parent, name);
}

/* The handle itself, not followed. */
static int
handle_entry_open(struct posix *px, const struct gfid *gfid, struct stat *st)
{
    char name[HANDLE_NAME_BYTES];
    int level1 = handle_place(px, gfid, name);
    int fd = posix_openat(level1, name, O_PATH, 0);

    if (fd < 0)
        return no_such(fd);
    if (fstat(fd, st) < 0) {
        int err = -errno;

        (void)close(fd);
        return err;
    }
    return fd;
}

/* Is this open symlink a symlink of the user's with that gfid (1), a
 * directory's handle (0), or neither (-ENOENT)? */
static int
symlink_kind(int fd, const struct gfid *gfid)
{
    struct gfid own;
    int err = posix_gfid_read_fd(fd, &own);

    if (err == -ENODATA)
        return 0;
    if (err < 0)
        return err;
    return gfid_equal(&own, gfid) ? 1 : -ENOENT;
}

int
handle_dir_read(struct posix *px, const struct gfid *gfid, struct gfid *parent,
                char *name)
{
    struct stat st;
    AUTO_CLOSE int fd = -1;
    int kind;

    if (gfid_is_root(gfid))
        return -EINVAL;
    fd = handle_entry_open(px, gfid, &st);
    if (fd < 0)
        return fd;
    if (!S_ISLNK(st.st_mode))
        return -ENOTDIR;
    kind = symlink_kind(fd, gfid);
    if (kind != 0)
        return kind < 0 ? kind : -ENOTDIR;
    return target_read(fd, parent, name);
}

int
handle_dir_is(struct posix *px, const struct gfid *gfid,
              const struct gfid *parent, const char *name)
{
    char is_name[POSIX_NAME_BYTES_MAX + 1];
    struct gfid is_parent;
    int err = handle_dir_read(px, gfid, &is_parent, is_name);

    if (err == -EINVAL)
        return 0; /* malformed: it says nothing */
    if (err < 0)
        return err;
    return gfid_equal(&is_parent, parent) && strcmp(is_name, name) == 0;
}

/* --- opening a directory --- */

struct chain {
    char (*names)[POSIX_NAME_BYTES_MAX + 1]; /* from the object upwards */
    size_t count, capacity;
    int fd;                         /* where to start downwards */
    struct inode_fd_holder *holder; /* keeps fd; NULL: it is the root's */
};

static void
chain_end(struct chain *chain)
{
    mem_free(chain->names);
    inode_fd_holder_put(chain->holder);
}

static char *
chain_grow(struct chain *chain)
{
    size_t capacity = chain->capacity == 0 ? 8 : chain->capacity * 2;
    void *names;

    if (chain->count < chain->capacity)
        return chain->names[chain->count++];
    names = mem_realloc(&mt_chain, chain->names,
                        capacity * sizeof(*chain->names));
    if (names == NULL)
        return NULL;
    chain->names = names;
    chain->capacity = capacity;
    return chain->names[chain->count++];
}

/* Does the chain need to go no further up than this directory? */
static bool
chain_starts_at(struct posix *px, struct chain *chain, const struct gfid *gfid)
{
    struct inode *inode;

    if (gfid_is_root(gfid)) {
        chain->fd = px->root_fd;
        return true;
    }
    inode = inode_find(px->table, gfid);
    if (inode == NULL)
        return false;
    if (inode_type(inode) == S_IFDIR)
        chain->holder = inode_path_fd_get(inode);
    inode_put(inode);
    if (chain->holder == NULL)
        return false;
    chain->fd = chain->holder->fd;
    return true;
}

/* Upwards. */
static int
chain_read(struct posix *px, const struct gfid *gfid, struct chain *chain)
{
    struct gfid at = *gfid, seen = *gfid;
    int err;

    do {
        char *name;

        if (chain->count >= DEPTH_MAX)
            return -ELOOP;
        name = chain_grow(chain);
        if (name == NULL)
            return -ENOMEM;
        err = handle_dir_read(px, &at, &at, name);
        if (err < 0)
            return err == -EINVAL || err == -ENOTDIR ? -ENOENT : err;
        if (gfid_is_root(&at) && strcmp(name, ".glusterfs") == 0)
            return -ENOENT;
        /* Who goes in a circle meets, before long, one that was remembered at
         * a power of two. */
        if (gfid_equal(&at, &seen))
            return -ELOOP;
        if ((chain->count & (chain->count - 1)) == 0)
            seen = at;
    } while (!chain_starts_at(px, chain, &at));
    return 0;
}

/* Downwards; all but the last as a place to step from. */
static int
chain_walk(const struct chain *chain)
{
    AUTO_CLOSE int at = -1;
    size_t i = chain->count;

    must(i > 0);
    for (;;) {
        int flags = i == 1 ? O_RDONLY | O_DIRECTORY : O_PATH | O_DIRECTORY;
        int from = at >= 0 ? at : chain->fd;
        int fd = posix_openat(from, chain->names[i - 1], flags, 0);

        if (fd < 0 || i == 1)
            return no_such(fd);
        if (at >= 0)
            (void)close(at);
        at = fd;
        i--;
    }
}

static int
dir_open_once(struct posix *px, const struct gfid *gfid, struct stat *st)
{
    struct chain chain = {.fd = -1};
    struct gfid found;
    int err, fd;

    err = chain_read(px, gfid, &chain);
    fd = err < 0 ? err : chain_walk(&chain);
    chain_end(&chain);
    if (fd < 0)
        return fd;
    err = posix_gfid_read_fd(fd, &found);
    if (err == 0 && fstat(fd, st) < 0)
        err = -errno;
    if (err == -ENODATA ||
        (err == 0 && (!gfid_equal(&found, gfid) || handle_is_dot(px, st))))
        err = -ENOENT;
    if (err < 0) {
        (void)close(fd);
        return err;
    }
    return fd;
}

/* Once more where a rename above may have been in the way. */
static int
dir_open(struct posix *px, const struct gfid *gfid, struct stat *st)
{
    int i, fd = -ENOENT;

    for (i = 0; i < TRIES && fd == -ENOENT; i++)
        fd = dir_open_once(px, gfid, st);
    return no_such(fd);
}

static int
root_open(struct posix *px, struct stat *st)
{
    int fd = fcntl(px->root_fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (fstat(fd, st) < 0) {
        int err = -errno;

        (void)close(fd);
        return err;
    }
    return fd;
}

/* --- opening anything --- */

int
handle_open(struct posix *px, const struct gfid *gfid, int *fdp,
            struct stat *st, bool *dangling)
{
    AUTO_CLOSE int fd = -1;
    bool leads_nowhere = false;
    struct gfid own;
    int err, kind;

    if (dangling == NULL)
        dangling = &leads_nowhere;
    *dangling = false;
    if (gfid_is_root(gfid)) {
        *fdp = root_open(px, st);
        return *fdp < 0 ? *fdp : 0;
    }
    fd = handle_entry_open(px, gfid, st);
    if (fd < 0)
        return fd;
    if (S_ISDIR(st->st_mode))
        return -ENOENT; /* no handle is one */
    if (S_ISLNK(st->st_mode)) {
        kind = symlink_kind(fd, gfid);
        if (kind < 0)
            return kind;
        if (kind == 0) {
            int dir = dir_open(px, gfid, st);

            *dangling = dir == -ENOENT;
            if (dir < 0)
                return dir;
            *fdp = dir;
            return 0;
        }
    }
    if (st->st_nlink < 2) {
        *dangling = true;
        return -ENOENT;
    }
    err = posix_gfid_read_fd(fd, &own);
    if (err == -ENODATA || (err == 0 && !gfid_equal(&own, gfid))) {
        log_limited(LOG_LVL_WARNING, 5,
                    "handle gfid=%s: a link to another object",
                    gfid_str(gfid));
        return -ENOENT;
    }
    if (err < 0)
        return err;
    *fdp = fd;
    fd = -1;
    return 0;
}

int
handle_stat(struct posix *px, const struct gfid *gfid, struct stat *st)
{
    AUTO_CLOSE int fd = -1;

    return handle_open(px, gfid, &fd, st, NULL);
}

bool
handle_leads_to(struct posix *px, const struct gfid *gfid,
                const struct stat *st)
{
    struct stat at;

    return handle_stat(px, gfid, &at) == 0 && at.st_ino == st->st_ino &&
           at.st_dev == st->st_dev;
}

/* --- changing --- */

static int
handle_unlink(struct posix *px, const struct gfid *gfid)
{
    AUTO_CLOSE int level2 = handle_level2(px, gfid, false);

    if (level2 < 0)
        return level2;
    return unlinkat(level2, gfid_str(gfid), 0) < 0 ? -errno : 0;
}

int
handle_remove(struct posix *px, const struct gfid *gfid)
{
    int err;

    must(!gfid_is_root(gfid));
    err = handle_unlink(px, gfid);
    return err == -ENOENT ? 0 : err;
}

void
handle_remove_dangling(struct posix *px, const struct gfid *gfid)
{
    AUTO_CLOSE int fd = -1;
    struct stat st;
    bool dangling;
    int err;

    /* It may have become whole since the caller looked. */
    if (handle_open(px, gfid, &fd, &st, &dangling) != -ENOENT || !dangling)
        return;
    err = handle_remove(px, gfid);
    if (err < 0)
        log_warning("remove dangling handle gfid=%s: %s", gfid_str(gfid),
                    strerror(-err));
    else
        log_info("removed the handle of gfid=%s, which led nowhere",
                 gfid_str(gfid));
}

int
handle_move_begin(struct posix *px, const struct gfid *gfid,
                  const struct gfid *parent, const char *name,
                  struct handle_move *move)
{
    char target[TARGET_BYTES_MAX + 1];

    must(!gfid_is_root(gfid));
    move->gfid = *gfid;
    move->temp[0] = '\0';
    move->level2_fd = handle_level2(px, gfid, true);
    if (move->level2_fd < 0)
        return move->level2_fd;
    target_format(parent, name, target);
    (void)snprintf(move->temp, sizeof(move->temp), "handle.%" PRIu64,
                   atomic_fetch_add(&px->serial, 1));
    if (symlinkat(target, px->private_fd, move->temp) < 0) {
        move->temp[0] = '\0';
        return -errno;
    }
    return 0;
}

int
handle_move_done(struct posix *px, struct handle_move *move)
{
    must(move->temp[0] != '\0');
    if (renameat(px->private_fd, move->temp, move->level2_fd,
                 gfid_str(&move->gfid)) < 0)
        return -errno;
    move->temp[0] = '\0';
    return 0;
}

void
handle_move_end(struct posix *px, struct handle_move *move)
{
    if (move->temp[0] != '\0' &&
        unlinkat(px->private_fd, move->temp, 0) < 0)
        log_warning("remove private name %s: %s", move->temp,
                    strerror(errno));
    move->temp[0] = '\0';
    if (move->level2_fd >= 0)
        (void)close(move->level2_fd);
    move->level2_fd = -1;
}

int
handle_move_dir(struct posix *px, const struct gfid *gfid,
                const struct gfid *parent, const char *name)
{
    struct handle_move move;
    int err = handle_move_begin(px, gfid, parent, name, &move);

    if (err == 0)
        err = handle_move_done(px, &move);
    handle_move_end(px, &move);
    return err;
}

static int
handle_make_dir(struct posix *px, const struct gfid *gfid,
                const struct gfid *parent, const char *name,
                const struct stat *st)
{
    char target[TARGET_BYTES_MAX + 1];
    AUTO_CLOSE int level2 = handle_level2(px, gfid, true);
    AUTO_CLOSE int fd = -1;
    struct stat found;
    int err;

    if (level2 < 0)
        return level2;
    target_format(parent, name, target);
    if (symlinkat(target, level2, gfid_str(gfid)) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    if (handle_dir_is(px, gfid, parent, name) == 1)
        return 0;
    err = handle_open(px, gfid, &fd, &found, NULL);
    if (err == 0 &&
        (found.st_ino != st->st_ino || found.st_dev != st->st_dev))
        return -EEXIST;
    if (err < 0 && err != -ENOENT)
        return err;
    return handle_move_dir(px, gfid, parent, name);
}

static int
handle_make_link(struct posix *px, const struct gfid *gfid, int dirfd,
                 const char *name, const struct stat *st)
{
    AUTO_CLOSE int level2 = handle_level2(px, gfid, true);
    char text[GFID_TEXT_BYTES];
    struct stat found;
    bool made, dangling;
    int i;

    if (level2 < 0)
        return level2;
    (void)gfid_format(gfid, text);
    for (i = 0; i < TRIES; i++) {
        AUTO_CLOSE int fd = -1;
        int err;

        made = linkat(dirfd, name, level2, text, 0) == 0;
        if (!made && errno != EEXIST)
            return -errno;
        if (fstatat(level2, text, &found, AT_SYMLINK_NOFOLLOW) < 0) {
            if (errno == ENOENT)
                continue;
            return -errno;
        }
        if (found.st_ino == st->st_ino && found.st_dev == st->st_dev)
            return 0;
        if (made) {
            (void)unlinkat(level2, text, 0);
            return -ESTALE;
        }
        err = handle_open(px, gfid, &fd, &found, &dangling);
        if (err < 0 && err != -ENOENT)
            return err;
        if (err == 0 || !dangling)
            return -EEXIST;
        err = handle_remove(px, gfid);
        if (err < 0)
            return err;
    }
    return -EEXIST;
}

int
handle_make(struct posix *px, const struct gfid *gfid, int dirfd,
            const struct gfid *parent, const char *name, const struct stat *st)
{
    must(!gfid_is_null(gfid));
    /* The root has its handle, and no other object may take it. */
    if (gfid_is_root(gfid))
        return -EEXIST;
    if (S_ISDIR(st->st_mode))
        return handle_make_dir(px, gfid, parent, name, st);
    return handle_make_link(px, gfid, dirfd, name, st);
}

int
handle_set_aside(struct posix *px, const struct gfid *gfid)
{
    AUTO_CLOSE int level2 = handle_level2(px, gfid, false);
    char text[GFID_TEXT_BYTES];

    if (level2 < 0)
        return level2;
    (void)gfid_format(gfid, text);
    return renameat(level2, text, px->unlink_fd, text) < 0 ? -errno : 0;
}

int
handle_bring_back(struct posix *px, const struct gfid *gfid)
{
    AUTO_CLOSE int level2 = handle_level2(px, gfid, true);
    char text[GFID_TEXT_BYTES];

    if (level2 < 0)
        return level2;
    (void)gfid_format(gfid, text);
    if (renameat2(px->unlink_fd, text, level2, text, RENAME_NOREPLACE) < 0)
        return -errno;
    return 0;
}

int
handle_aside_remove(struct posix *px, const struct gfid *gfid)
{
    if (unlinkat(px->unlink_fd, gfid_str(gfid), 0) < 0 && errno != ENOENT)
        return -errno;
    return 0;
}
