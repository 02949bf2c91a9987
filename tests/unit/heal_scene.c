/* SPDX-License-Identifier: BSD-2-Clause */
#include "heal_scene.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* --- the calls that change the disk --- */

int crash_at = -1;
int steps;
bool few_links;
int setxattr_left = -1;

static void
step(void)
{
    if (crash_at >= 0 && steps == crash_at)
        _exit(CRASHED);
    steps++;
}

int __real_linkat(int olddir, const char *old, int newdir, const char *new,
                  int flags);
int __wrap_linkat(int olddir, const char *old, int newdir, const char *new,
                  int flags);
int __real_unlinkat(int dirfd, const char *name, int flags);
int __wrap_unlinkat(int dirfd, const char *name, int flags);
int __real_mkdirat(int dirfd, const char *name, mode_t mode);
int __wrap_mkdirat(int dirfd, const char *name, mode_t mode);
int __real_renameat(int olddir, const char *old, int newdir, const char *new);
int __wrap_renameat(int olddir, const char *old, int newdir, const char *new);
int __real_setxattr(const char *path, const char *name, const void *value,
                    size_t bytes, int flags);
int __wrap_setxattr(const char *path, const char *name, const void *value,
                    size_t bytes, int flags);
int __real_fsetxattr(int fd, const char *name, const void *value, size_t bytes,
                     int flags);
int __wrap_fsetxattr(int fd, const char *name, const void *value, size_t bytes,
                     int flags);

int
__wrap_linkat(int olddir, const char *old, int newdir, const char *new,
              int flags)
{
    struct stat st;

    step();
    if (few_links && fstatat(olddir, old, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_nlink >= LINKS_MAX) {
        errno = EMLINK;
        return -1;
    }
    return __real_linkat(olddir, old, newdir, new, flags);
}

int
__wrap_unlinkat(int dirfd, const char *name, int flags)
{
    step();
    return __real_unlinkat(dirfd, name, flags);
}

int
__wrap_mkdirat(int dirfd, const char *name, mode_t mode)
{
    step();
    return __real_mkdirat(dirfd, name, mode);
}

int
__wrap_renameat(int olddir, const char *old, int newdir, const char *new)
{
    step();
    return __real_renameat(olddir, old, newdir, new);
}

static bool
disk_is_full(void)
{
    if (setxattr_left != 0) {
        setxattr_left -= setxattr_left > 0;
        return false;
    }
    errno = ENOSPC;
    return true;
}

int
__wrap_setxattr(const char *path, const char *name, const void *value,
                size_t bytes, int flags)
{
    step();
    if (strncmp(name, "trusted.afr.", 12) == 0 && disk_is_full())
        return -1;
    return __real_setxattr(path, name, value, bytes, flags);
}

int
__wrap_fsetxattr(int fd, const char *name, const void *value, size_t bytes,
                 int flags)
{
    struct stat st;

    /* O_PATH: the caller comes again, by the other. */
    if (fstat(fd, &st) < 0 || (fcntl(fd, F_GETFL) & O_PATH) != 0) {
        errno = EBADF;
        return -1;
    }
    step();
    if (strncmp(name, "trusted.afr.", 12) == 0 && disk_is_full())
        return -1;
    return __real_fsetxattr(fd, name, value, bytes, flags);
}

/* --- the scene --- */

struct heal *heal;
struct inode *file, *dir;
struct gfid file_gfid, dir_gfid;

void
open_heal(void)
{
    char err[HEAL_ERROR_BYTES];

    ck_assert_msg(heal_open(&heal, s.options, s.px, err) == 0, "%s", err);
}

static void
find_both(void)
{
    scratch_new_call(&s);
    ck_assert_int_eq(posix_find(&s.call, &file_gfid, &file), 0);
    ck_assert_int_eq(posix_find(&s.call, &dir_gfid, &dir), 0);
}

void
heal_scene_begin(void)
{
    crash_at = -1;
    few_links = false;
    setxattr_left = -1;
    scene_begin();
    open_heal();
    file = scene_file(posix_root(s.px), "file");
    dir = scene_dir(posix_root(s.px), "dir");
    file_gfid = file->gfid;
    dir_gfid = dir->gfid;
}

void
close_brick(void)
{
    inode_put(file);
    inode_put(dir);
    file = dir = NULL;
    heal_close(&heal);
    scratch_close(&s);
}

void
open_brick(void)
{
    ck_assert_msg(scratch_open(&s) == 0, "%s", s.err);
    open_heal();
    find_both();
}

void
heal_scene_end(void)
{
    inode_put(file);
    inode_put(dir);
    heal_close(&heal);
    scene_end();
}

/* --- XATTROP --- */

struct dict pairs, result;

void
request(void)
{
    scratch_new_call(&s);
    dict_init(&pairs, &s.arena);
    dict_init(&result, &s.arena);
    pairs.null = false;
}

void
with(const char *name, int32_t a, int32_t b, int32_t c)
{
    uint8_t *v = arena_alloc(&s.arena, 12);
    int32_t in[3] = {a, b, c};
    unsigned i;

    ck_assert_ptr_nonnull(v);
    for (i = 0; i < 12; i++)
        v[i] = (uint8_t)((uint32_t)in[i / 4] >> (24 - 8 * (i % 4)));
    ck_assert_int_eq(dict_set_ptr(&pairs, name, v, 12), 0);
}

void
asking(const char *key, const char *value)
{
    s.xdata.null = false;
    ck_assert_int_eq(dict_set_str(&s.xdata, key, value), 0);
}

int
apply(struct inode *inode, uint32_t op)
{
    return heal_xattrop(heal, &s.call, inode, NULL, op, &pairs, &result);
}

int32_t
counter(const char *name, unsigned i)
{
    const struct dict_pair *p = dict_find(&result, name);

    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(p->type, DICT_PTR);
    ck_assert_uint_eq(p->bytes, 12);
    return (int32_t)((uint32_t)p->data[4 * i] << 24 |
                     (uint32_t)p->data[4 * i + 1] << 16 |
                     (uint32_t)p->data[4 * i + 2] << 8 | p->data[4 * i + 3]);
}

void
change(struct inode *inode, const char *name, int32_t by)
{
    request();
    with(name, by, 0, 0);
    ck_assert_int_eq(apply(inode, ARRAY_ADD), 0);
}

/* --- the index on disk --- */

const char *
entry_path(const char *kind, const struct gfid *gfid)
{
    static char path[4][256];
    static unsigned next;
    char *to = path[next++ % 4];

    (void)snprintf(to, 256, ".glusterfs/indices/%s/%s", kind, gfid_str(gfid));
    return to;
}

bool
in_index(const char *kind, const struct gfid *gfid)
{
    return scene_has(entry_path(kind, gfid));
}

unsigned
count_names(const char *kind, bool bases)
{
    char path[64], prefix[32];
    unsigned count = 0;
    struct dirent *e;
    DIR *d;

    (void)snprintf(path, sizeof(path), ".glusterfs/indices/%s", kind);
    (void)snprintf(prefix, sizeof(prefix), "%s-", kind);
    d = opendir(at(&s, path));
    ck_assert_ptr_nonnull(d);
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] != '.' &&
            (strncmp(e->d_name, prefix, strlen(prefix)) == 0) == bases)
            count++;
    ck_assert_int_eq(closedir(d), 0);
    return count;
}
