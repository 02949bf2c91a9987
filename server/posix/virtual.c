/* SPDX-License-Identifier: BSD-2-Clause */
/* Xattrs that are made up when asked for by name. */
#define LOG_DOMAIN "posix"
#include "server/posix/ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mem/must.h"
#include "mem/scope.h"

struct asking {
    struct posix_call *c;
    struct inode *inode;
    int fd;
    const char *name;
    struct dict *result;
};

/* getxattr's result where the text's length is it. */
static int
put_text(struct asking *a, const char *text)
{
    int err = text == NULL ? -ENOMEM
                           : dict_set_str(a->result, a->name, text);

    return err < 0 ? err : (int)strlen(text);
}

static int
get_pathinfo(struct asking *a)
{
    struct posix *px = a->c->px;
    char uuid[GFID_TEXT_BYTES] = "";
    const char *path, *host = px->hostname;
    int err = posix_path(px, a->inode, a->c->arena, &path);

    if (err < 0)
        return err;
    if (options_bool(px->options, OPT_NODE_UUID_PATHINFO))
        host = options_text(px->options, OPT_GLUSTERD_UUID, uuid,
                            sizeof(uuid));
    if (strcmp(path, "/") == 0)
        path = "";
    return put_text(a, arena_printf(a->c->arena, "<POSIX(%s):%s:%s%s>",
                                    px->directory, host, px->directory, path));
}

static int
get_node_uuid(struct asking *a)
{
    char uuid[GFID_TEXT_BYTES];

    (void)options_text(a->c->px->options, OPT_GLUSTERD_UUID, uuid,
                       sizeof(uuid));
    if (uuid[0] == '\0')
        return -ENODATA;
    return put_text(a, arena_strndup(a->c->arena, uuid, strlen(uuid)));
}

static int
get_nodata(struct asking *a)
{
    return -ENODATA;
}

static int
get_path(struct asking *a)
{
    const char *path;
    int err = posix_path(a->c->px, a->inode, a->c->arena, &path);

    return err < 0 ? err : put_text(a, path);
}

static int
get_ancestry(struct asking *a)
{
    int err;

    if (inode_type(a->inode) != S_IFDIR &&
        !options_bool(a->c->px->options, OPT_PGFID))
        return -ENODATA;
    err = get_path(a);
    return err < 0 ? err : 0;
}

/* One path out of a back reference; "" where its parent has gone. */
static int
backref_path(struct asking *a, const char *xattr, const char **path)
{
    struct posix_call *c = a->c;
    char name[POSIX_NAME_BYTES_MAX + 1];
    struct inode *parent = NULL;
    const char *parent_path;
    const uint8_t *value;
    struct gfid gfid;
    uint32_t bytes;
    int err;

    *path = "";
    err = ops_xattr_read(a->fd, xattr, c->arena, &value, &bytes);
    if (err < 0 || backref_parse((const char *)value, bytes, &gfid, name) < 0)
        return err == -ENOMEM ? err : 0;
    err = posix_find(c, &gfid, &parent);
    if (err == 0)
        err = posix_path(c->px, parent, c->arena, &parent_path);
    inode_put(parent);
    if (err < 0)
        return err == -ENOMEM ? err : 0;
    if (strcmp(parent_path, "/") == 0)
        parent_path = "";
    *path = arena_printf(c->arena, "%s/%s", parent_path, name);
    return *path == NULL ? -ENOMEM : 0;
}

static int
get_gfidtopath(struct asking *a)
{
    struct posix_call *c = a->c;
    char separator[16];
    const char *names, *name = NULL, *path, *all = "";
    uint32_t bytes;
    int err;

    if (inode_type(a->inode) == S_IFDIR) {
        err = get_path(a);
        return err < 0 ? err : 0;
    }
    if (!options_bool(c->px->options, OPT_GFID2PATH))
        return -ENODATA;
    (void)options_text(c->px->options, OPT_GFID2PATH_SEPARATOR, separator,
                       sizeof(separator));
    err = ops_xattr_list(a->fd, c->arena, &names, &bytes);
    if (err < 0)
        return err;
    while ((name = ops_xattr_next(names, bytes, name)) != NULL) {
        if (!ops_starts_with(name, GFID2PATH_XATTR_PREFIX))
            continue;
        err = backref_path(a, name, &path);
        if (err < 0)
            return err;
        if (path[0] == '\0')
            continue;
        all = arena_printf(c->arena, "%s%s%s", all,
                           all[0] == '\0' ? "" : separator, path);
        if (all == NULL)
            return -ENOMEM;
    }
    if (all[0] == '\0')
        return -ENODATA;
    err = dict_set_ptr(a->result, a->name, all, (uint32_t)strlen(all));
    return err;
}

static int
get_open_count(struct asking *a)
{
    return dict_set_u64(a->result, a->name, a->inode->fd_count > 0);
}

static int
get_acl(struct asking *a)
{
    bool is_default = strcmp(a->name, "glusterfs.posix.default_acl") == 0;
    const char *text;
    int err = acl_text_of(a->c->px, a->inode, a->fd, is_default, a->c->arena,
                          &text);

    return err < 0 ? err : dict_set_str(a->result, a->name, text);
}

/* Success, but nothing to show. */
static int
get_empty(struct asking *a)
{
    return 0;
}

/* Nothing to show either, but its length where it is there. */
static int
get_hidden_id(struct asking *a)
{
    const uint8_t *value;
    uint32_t bytes;
    int err = ops_xattr_read(a->fd, a->name, a->c->arena, &value, &bytes);

    return err < 0 ? err : (int)bytes;
}

static int
get_gfid2path_xattr(struct asking *a)
{
    return -ENODATA;
}

/* --- a name whatever its case --- */

#define REAL_FILENAME "glusterfs.get_real_filename:"

static int
get_real_filename(struct asking *a)
{
    const char *wanted = a->name + strlen(REAL_FILENAME);
    const char *found = NULL;
    struct dirent *e;
    DIR *dir;
    int fd, err;

    if (inode_type(a->inode) != S_IFDIR)
        return -ENOTDIR;
    fd = posix_openat(a->fd, ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    dir = fdopendir(fd);
    if (dir == NULL) {
        err = -errno;
        (void)close(fd);
        return err;
    }
    errno = 0;
    while ((e = readdir(dir)) != NULL) {
        if (strcasecmp(e->d_name, wanted) != 0 ||
            posix_name_is_hidden(a->inode, e->d_name))
            continue;
        found = arena_strndup(a->c->arena, e->d_name, strlen(e->d_name));
        break;
    }
    err = e == NULL ? (errno != 0 ? -errno : -ENODATA)
                    : (found == NULL ? -ENOMEM : 0);
    (void)closedir(dir);
    if (err == 0)
        err = put_text(a, found);
    return err < 0 ? err : err + 1;
}

/* --- the table --- */

static const struct {
    const char *name;
    int (*fn)(struct asking *a);
    int by_fd; /* through an fd: 0 the same, else this error */
} virtuals[] = {
    {"trusted.glusterfs.pathinfo", get_pathinfo, -ENODATA},
    {"glusterfs.pathinfo", get_pathinfo, -ENOTSUP},
    {"trusted.glusterfs.node-uuid", get_node_uuid, -ENODATA},
    {"trusted.glusterfs.list-node-uuids", get_nodata, -ENODATA},
    {"glusterfs.gfid2path", get_path, -ENOTSUP},
    {"glusterfs.gfidtopath", get_gfidtopath, -ENOTSUP},
    {"glusterfs.ancestry.path", get_ancestry, -ENOTSUP},
    {"glusterfs.open-fd-count", get_open_count, 0},
    {"glusterfs.posix.acl", get_acl, -ENOTSUP},
    {"glusterfs.posix.default_acl", get_acl, -ENOTSUP},
    {"trusted.glusterfs.get-signature", get_empty, 0},
    {POSIX_GFID_XATTR, get_hidden_id, 0},
    {POSIX_VOLUME_ID_XATTR, get_hidden_id, 0},
};

int
virtual_get(struct posix_call *c, struct inode *inode, int ref_fd, bool by_fd,
            const char *name, struct dict *result, int *ret)
{
    struct asking a = {c, inode, ref_fd, name, result};
    size_t i;

    for (i = 0; i < COUNT_OF(virtuals); i++) {
        if (strcmp(name, virtuals[i].name) != 0)
            continue;
        *ret = by_fd && virtuals[i].by_fd != 0 ? virtuals[i].by_fd
                                               : virtuals[i].fn(&a);
        return 1;
    }
    if (ops_starts_with(name, REAL_FILENAME)) {
        *ret = by_fd ? -ENOTDIR : get_real_filename(&a);
        return 1;
    }
    if (!by_fd && ops_starts_with(name, GFID2PATH_XATTR_PREFIX)) {
        *ret = get_gfid2path_xattr(&a);
        return 1;
    }
    return 0;
}
