/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening a brick: everything is checked before anything is changed, so that a
 * directory given by mistake is left as it was.
 *
 *     the directory     is one, can store xattrs, is this volume's
 *     .glusterfs        what is there is of the right kind
 *     the lock          nobody else serves the brick
 *     --- from here on the disk is changed ---
 *     gfid of the root, layout, threads
 */
#define LOG_DOMAIN "posix"
#include "server/posix/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"
#include "server/posix/layout.h"
#include "server/posix/owner.h"

MEM_TYPE(mt_posix, "server.posix", "brick");

enum { PGFID_RANK = 50 };

/* One line for the operator; returns result. */
static int __attribute__((format(printf, 3, 4)))
refuse(char err[POSIX_ERROR_BYTES], int result, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(err, POSIX_ERROR_BYTES, fmt, ap);
    va_end(ap);
    return result;
}

/* --- checks --- */

/* As it was given, less slashes that say nothing. */
static char *
directory_name(const char *given)
{
    char *name = mem_strdup(&mt_posix, given);
    char *to = name;
    const char *from;

    if (name == NULL)
        return NULL;
    for (from = name; *from != '\0'; from++) {
        if (*from != '/' || to == name || to[-1] != '/')
            *to++ = *from;
    }
    if (to > name + 1 && to[-1] == '/')
        to--;
    *to = '\0';
    return name;
}

static int
open_root(struct posix *px, char err[POSIX_ERROR_BYTES])
{
    px->root_fd = open(px->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (px->root_fd >= 0)
        return 0;
    if (errno == ENOENT)
        return refuse(err, -ENOENT, "brick directory %s does not exist",
                      px->directory);
    if (errno == ENOTDIR)
        return refuse(err, -ENOTDIR, "brick %s is not a directory",
                      px->directory);
    return refuse(err, -errno, "open brick directory %s: %s", px->directory,
                  strerror(errno));
}

static int
check_xattrs(struct posix *px, char err[POSIX_ERROR_BYTES])
{
    static const char *const probes[] = {"user.x", POSIX_GFID_XATTR};
    size_t i;

    for (i = 0; i < COUNT_OF(probes); i++) {
        if (fgetxattr(px->root_fd, probes[i], NULL, 0) >= 0 ||
            errno != EOPNOTSUPP)
            continue;
        if (!options_bool(px->options, OPT_MANDATE_ATTRIBUTE)) {
            log_warning("the file system of %s stores no extended attributes",
                        px->directory);
            return 0;
        }
        return refuse(err, -EOPNOTSUPP,
                      "the file system of brick %s stores no extended "
                      "attributes (%s: %s)",
                      px->directory, probes[i], strerror(EOPNOTSUPP));
    }
    px->acl_supported =
        fgetxattr(px->root_fd, POSIX_ACL_ACCESS_XATTR, NULL, 0) >= 0 ||
        errno != EOPNOTSUPP;
    if (!px->acl_supported)
        log_warning("the file system of %s stores no POSIX ACLs",
                    px->directory);
    return 0;
}

static int
check_volume_id(struct posix *px, char err[POSIX_ERROR_BYTES])
{
    char option[64];
    bool demanded;
    struct gfid want, on_disk;
    ssize_t n;

    (void)options_text(px->options, OPT_VOLUME_ID, option, sizeof(option));
    demanded = option[0] != '\0';
    if (demanded && gfid_parse(&want, option, strlen(option)) < 0)
        return refuse(err, -EINVAL, "volume-id %s is not a uuid", option);
    n = fgetxattr(px->root_fd, POSIX_VOLUME_ID_XATTR, on_disk.b, GFID_BYTES);
    if (n < 0 && (errno == ENODATA || errno == EOPNOTSUPP)) {
        if (!demanded)
            return 0;
        return refuse(err, -ENODATA,
                      "brick %s belongs to no volume: %s is absent, volume-id "
                      "%s is wanted",
                      px->directory, POSIX_VOLUME_ID_XATTR, option);
    }
    if (n < 0 && errno != ERANGE)
        return refuse(err, -errno, "read %s of brick %s: %s",
                      POSIX_VOLUME_ID_XATTR, px->directory, strerror(errno));
    if (n != GFID_BYTES)
        return refuse(err, -EINVAL, "%s of brick %s is not 16 bytes long",
                      POSIX_VOLUME_ID_XATTR, px->directory);
    if (demanded && !gfid_equal(&want, &on_disk))
        return refuse(err, -EEXIST,
                      "brick %s belongs to another volume: its volume-id is "
                      "%s, wanted is %s",
                      px->directory, gfid_str(&on_disk), option);
    px->volume_id = on_disk;
    px->has_volume_id = true;
    return 0;
}

/* *has: the root has its gfid already. */
static int
check_root_gfid(struct posix *px, bool *has, char err[POSIX_ERROR_BYTES])
{
    struct gfid gfid;
    int result = posix_gfid_read_fd(px->root_fd, &gfid);

    *has = result == 0;
    if (result == -EIO)
        return refuse(err, -EINVAL, "trusted.gfid of brick %s is not 16 bytes "
                                    "long",
                      px->directory);
    if (result == -ENODATA) {
        uint8_t value[GFID_BYTES];

        if (fgetxattr(px->root_fd, POSIX_GFID_XATTR, value, sizeof(value)) < 0)
            return 0;
        gfid = gfid_null;
        *has = true;
    } else if (result < 0 && result != -EOPNOTSUPP) {
        return refuse(err, result, "read trusted.gfid of brick %s: %s",
                      px->directory, strerror(-result));
    }
    if (*has && !gfid_is_root(&gfid))
        return refuse(err, -EINVAL,
                      "brick %s is not the root of a volume: its trusted.gfid "
                      "is %s",
                      px->directory, gfid_str(&gfid));
    return 0;
}

/* What is in .glusterfs, if there is one; and the lock, if its file is there.
 * *fresh: there is none. */
static int
check_dot(struct posix *px, bool *fresh, char err[POSIX_ERROR_BYTES])
{
    AUTO_CLOSE int dot = posix_openat(px->root_fd, ".glusterfs", O_PATH, 0);
    AUTO_CLOSE int private = -1;
    struct stat st;
    long pid;
    int result;

    *fresh = dot == -ENOENT;
    if (*fresh)
        return 0;
    if (dot < 0)
        return refuse(err, dot, "open %s/.glusterfs: %s", px->directory,
                      strerror(-dot));
    if (fstat(dot, &st) < 0)
        return refuse(err, -errno, "stat %s/.glusterfs: %s", px->directory,
                      strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return refuse(err, -ENOTDIR, "%s/.glusterfs is not a directory",
                      px->directory);
    result = layout_check(dot, px->directory, err);
    if (result < 0)
        return result;
    private = posix_openat(dot, "clinker", O_PATH | O_DIRECTORY, 0);
    if (private < 0)
        return 0;
    result = owner_take(private, true, &pid);
    if (result == -EBUSY)
        return refuse(err, -EBUSY, "brick %s is served by process %ld",
                      px->directory, pid);
    if (result < 0 && result != -ENOENT)
        return refuse(err, result, "lock %s/.glusterfs/clinker/lock: %s",
                      px->directory, strerror(-result));
    px->owner_fd = result >= 0 ? result : -1;
    return 0;
}

/* --- changes --- */

static int
make_dot(struct posix *px, char err[POSIX_ERROR_BYTES])
{
    AUTO_CLOSE int clinker = -1;
    struct stat st;
    long pid;
    int result;

    px->dot_fd = layout_make_dir(px->root_fd, ".glusterfs", 0700, O_RDONLY);
    if (px->dot_fd < 0)
        return refuse(err, px->dot_fd, "make %s/.glusterfs: %s", px->directory,
                      strerror(-px->dot_fd));
    if (fstat(px->dot_fd, &st) < 0)
        return refuse(err, -errno, "stat %s/.glusterfs: %s", px->directory,
                      strerror(errno));
    px->dot_dev = st.st_dev;
    px->dot_ino = st.st_ino;
    clinker = layout_make_dir(px->dot_fd, "clinker", 0700, O_RDONLY);
    if (clinker < 0)
        return refuse(err, clinker, "make %s/.glusterfs/clinker: %s",
                      px->directory, strerror(-clinker));
    if (px->owner_fd < 0) {
        result = owner_take(clinker, false, &pid);
        if (result == -EBUSY)
            return refuse(err, -EBUSY, "brick %s is served by process %ld",
                          px->directory, pid);
        if (result < 0)
            return refuse(err, result, "lock %s/.glusterfs/clinker/lock: %s",
                          px->directory, strerror(-result));
        px->owner_fd = result;
    }
    result = owner_sign(px->owner_fd);
    if (result == -ENOSPC || result == -EDQUOT) /* it is the lock that counts */
        log_warning("write %s/.glusterfs/clinker/lock: %s", px->directory,
                    strerror(-result));
    else if (result < 0)
        return refuse(err, result, "write %s/.glusterfs/clinker/lock: %s",
                      px->directory, strerror(-result));
    return 0;
}

static int
give_root_gfid(struct posix *px, char err[POSIX_ERROR_BYTES])
{
    int result = posix_fsetxattr(px->root_fd, POSIX_GFID_XATTR, gfid_root.b,
                                 GFID_BYTES, XATTR_CREATE);

    if (result == -EPERM)
        return refuse(err, result,
                      "set trusted.gfid of brick %s: %s (root only may)",
                      px->directory, strerror(EPERM));
    if (result < 0)
        return refuse(err, result, "set trusted.gfid of brick %s: %s",
                      px->directory, strerror(-result));
    return 0;
}

static int
own_root(struct posix *px)
{
    int64_t uid = options_number(px->options, OPT_BRICK_UID);
    int64_t gid = options_number(px->options, OPT_BRICK_GID);

    if (uid == -1 && gid == -1)
        return 0;
    return fchown(px->root_fd, (uid_t)uid, (gid_t)gid) < 0 ? -errno : 0;
}

static int
change(struct posix *px, bool has_gfid, char err[POSIX_ERROR_BYTES])
{
    int result = make_dot(px, err);

    if (result == 0 && !has_gfid)
        result = give_root_gfid(px, err);
    if (result == 0)
        result = layout_make(px, err);
    if (result < 0)
        return result;
    result = own_root(px);
    if (result < 0)
        return refuse(err, result, "change owner of brick %s: %s",
                      px->directory, strerror(-result));
    px->root = inode_link(px->table, &gfid_root, S_IFDIR);
    if (px->root == NULL)
        return refuse(err, -ENOMEM, "brick %s: %s", px->directory,
                      strerror(ENOMEM));
    return 0;
}

/* A directory that could not be made a brick of, for want of space mostly, is
 * left as it was.  Without the lock somebody else may be making it one: then
 * only what is empty goes. */
static void
undo_change(struct posix *px, bool had_gfid)
{
    if (px->dot_fd >= 0 && px->owner_fd >= 0) {
        (void)posix_purge(px, px->dot_fd, NULL);
        if (!had_gfid)
            (void)posix_fremovexattr(px->root_fd, POSIX_GFID_XATTR);
    }
    (void)unlinkat(px->root_fd, ".glusterfs/clinker", AT_REMOVEDIR);
    if (unlinkat(px->root_fd, ".glusterfs", AT_REMOVEDIR) < 0 &&
        errno != ENOENT)
        log_warning("%s/.glusterfs is left behind: %s", px->directory,
                    strerror(errno));
}

static int
start_threads(struct posix *px, char err[POSIX_ERROR_BYTES])
{
    int result = posix_health_start(px);

    if (result == 0)
        result = posix_janitor_start(px);
    if (result < 0)
        return refuse(err, result, "start threads for brick %s: %s",
                      px->directory, strerror(-result));
    return 0;
}

/* --- open and close --- */

static void
close_if_open(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static struct posix *
posix_new(struct options *options, struct inode_table *table)
{
    const char *given = options_const(options, OPT_BRICK_DIRECTORY);
    struct posix *px;
    size_t i;

    must(given != NULL);
    px = mem_zalloc(&mt_posix, sizeof(*px));
    if (px == NULL)
        return NULL;
    px->magic = POSIX_MAGIC;
    px->options = options;
    px->table = table;
    px->root_fd = px->dot_fd = px->private_fd = px->owner_fd = -1;
    px->unlink_fd = px->landfill_fd = -1;
    for (i = 0; i < COUNT_OF(px->level1_fd); i++)
        px->level1_fd[i] = -1;
    for (i = 0; i < COUNT_OF(px->pgfid_mtx); i++)
        mutex_init(&px->pgfid_mtx[i], "pgfid", PGFID_RANK);
    px->directory = directory_name(given);
    if (px->directory == NULL) {
        mem_free(px);
        return NULL;
    }
    return px;
}

static void
learn_host(struct posix *px)
{
    struct rlimit files;

    (void)options_text(px->options, OPT_HOSTNAME, px->hostname,
                       sizeof(px->hostname));
    if (px->hostname[0] == '\0' &&
        gethostname(px->hostname, sizeof(px->hostname)) < 0)
        px->hostname[0] = '\0';
    px->hostname[sizeof(px->hostname) - 1] = '\0';
    must(getrlimit(RLIMIT_NOFILE, &files) == 0);
    px->path_fds_max = files.rlim_cur / 2;
}

int
posix_open(struct posix **out, struct options *options,
           struct inode_table *table, char err[POSIX_ERROR_BYTES])
{
    struct posix *px;
    bool has_gfid = false, fresh = false;
    int result;

    err[0] = '\0';
    if (options_const(options, OPT_BRICK_DIRECTORY) == NULL)
        return refuse(err, -EINVAL, "no brick directory was given");
    px = posix_new(options, table);
    if (px == NULL)
        return refuse(err, -ENOMEM, "open brick: %s", strerror(ENOMEM));
    learn_host(px);
    result = open_root(px, err);
    if (result == 0)
        result = check_xattrs(px, err);
    if (result == 0)
        result = check_volume_id(px, err);
    if (result == 0)
        result = check_root_gfid(px, &has_gfid, err);
    if (result == 0)
        result = check_dot(px, &fresh, err);
    if (result == 0) {
        result = change(px, has_gfid, err);
        if (result < 0 && fresh)
            undo_change(px, has_gfid);
    }
    if (result == 0)
        result = start_threads(px, err);
    if (result < 0) {
        posix_close(&px);
        return result;
    }
    *out = px;
    return 0;
}

void
posix_close(struct posix **pxp)
{
    struct posix *px = *pxp;
    size_t i;

    if (px == NULL)
        return;
    *pxp = NULL;
    OBJ_CHECK(px, POSIX_MAGIC);
    posix_janitor_stop(px);
    posix_health_stop(px);
    inode_put(px->root);
    px->root = NULL;
    /* The table's release comes back to us: now, not later. */
    inode_table_drop_unused(px->table);
    for (i = 0; i < COUNT_OF(px->level1_fd); i++)
        close_if_open(&px->level1_fd[i]);
    for (i = 0; i < COUNT_OF(px->pgfid_mtx); i++)
        mutex_destroy(&px->pgfid_mtx[i]);
    close_if_open(&px->landfill_fd);
    close_if_open(&px->unlink_fd);
    close_if_open(&px->owner_fd);
    close_if_open(&px->private_fd);
    close_if_open(&px->dot_fd);
    close_if_open(&px->root_fd);
    mem_free(px->directory);
    px->magic = 0;
    mem_free(px);
}

/* --- the brick in use --- */

const struct gfid *
posix_volume_id(const struct posix *px)
{
    return px->has_volume_id ? &px->volume_id : NULL;
}

const char *
posix_directory(const struct posix *px)
{
    return px->directory;
}

const char *
posix_hostname(const struct posix *px)
{
    return px->hostname;
}

struct inode *
posix_root(struct posix *px)
{
    return px->root;
}

void
posix_on_dead(struct posix *px, void (*fn)(void *arg, int error), void *arg)
{
    OBJ_CHECK(px, POSIX_MAGIC);
    posix_health_on_dead(px, fn, arg);
}

void
posix_options_changed(struct posix *px, enum option_id id)
{
    int err;

    OBJ_CHECK(px, POSIX_MAGIC);
    switch (id) {
    case OPT_HEALTH_INTERVAL:
    case OPT_HEALTH_TIMEOUT:
        posix_health_wake(px);
        break;
    case OPT_DISABLE_LANDFILL:
        posix_janitor_wake(px);
        break;
    case OPT_BRICK_UID:
    case OPT_BRICK_GID:
        err = own_root(px);
        if (err < 0)
            log_error("change owner of brick %s: %s", px->directory,
                      strerror(-err));
        break;
    default:
        break;
    }
}

void
posix_inode_release(struct posix *px, struct inode *inode)
{
    OBJ_CHECK(px, POSIX_MAGIC);
    /* What lies in .glusterfs/unlink went with the inode's last fd (open.c).
     * By now another inode of the same gfid may have something there. */
    must(inode->fd_count == 0);
}
