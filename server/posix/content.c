/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys by which a request asks for more than attributes.
 * Any key that is none of the known ones is a pattern for names of xattrs;
 * the names are listed once, however many keys there are.
 */
#define LOG_DOMAIN "posix"
#include "server/posix/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/log.h"

struct answer {
    struct posix_call *c;
    struct inode *inode;
    int fd;
    const struct iatt *stat;
    const struct dict *asked;
    struct dict *reply;
    bool content;
    const char *names; /* of xattrs, once they are wanted */
    uint32_t names_bytes;
    bool listed;
};

/* --- the known keys --- */

static int
answer_open_count(struct answer *a, const struct dict_pair *p)
{
    return dict_set_u64(a->reply, p->key, a->inode->fd_count);
}

static int
answer_active_count(struct answer *a, const struct dict_pair *p)
{
    return dict_set_u64(a->reply, p->key, a->inode->active_fd_count);
}

static int
answer_size(struct answer *a, const struct dict_pair *p)
{
    return a->stat != NULL && S_ISREG(a->stat->mode)
               ? dict_set_u64(a->reply, p->key, a->stat->size)
               : 0;
}

static int
answer_echo(struct answer *a, const struct dict_pair *p)
{
    return dict_set_pair(a->reply, p);
}

static int
answer_nothing(struct answer *a, const struct dict_pair *p)
{
    return 0;
}

/* More than this no client of ours asks for, and a reply has to hold it. */
enum { CONTENT_BYTES_MAX = 1 << 20 };

static int
answer_content(struct answer *a, const struct dict_pair *p)
{
    AUTO_CLOSE int fd = -1;
    int64_t max = 0;
    uint8_t *data;
    ssize_t n;

    if (!a->content || a->stat == NULL || !S_ISREG(a->stat->mode) ||
        dict_i64(a->asked, p->key, &max) < 0 || max < 0)
        return 0;
    if (max > CONTENT_BYTES_MAX)
        max = CONTENT_BYTES_MAX;
    if (a->stat->size > (uint64_t)max)
        return 0;
    data = arena_alloc(a->c->arena, a->stat->size);
    if (data == NULL)
        return -ENOMEM;
    fd = a->stat->size == 0 ? -1 : ops_reopen(a->fd, O_RDONLY);
    if (a->stat->size > 0 && fd < 0)
        return 0; /* it can be read by itself, and tells why not */
    n = fd < 0 ? 0 : pread(fd, data, a->stat->size, 0);
    if (n < 0 || (uint64_t)n != a->stat->size)
        return 0;
    return dict_set_ptr(a->reply, p->key, data, (uint32_t)n);
}

static int
answer_path(struct answer *a, const struct dict_pair *p)
{
    const char *path;
    int err;

    if (inode_type(a->inode) != S_IFDIR &&
        !options_bool(a->c->px->options, OPT_PGFID))
        return 0;
    err = posix_path(a->c->px, a->inode, a->c->arena, &path);
    if (err == -ENOMEM)
        return err;
    return err < 0 ? 0 : dict_set_str(a->reply, p->key, path);
}

static int
answer_acl(struct answer *a, const struct dict_pair *p)
{
    bool is_default = strcmp(p->key, "glusterfs.posix.default_acl") == 0;
    const char *text;
    int err = acl_text_of(a->c->px, a->inode, a->fd, is_default, a->c->arena,
                          &text);

    if (err == -ENOMEM)
        return err;
    return err < 0 ? 0 : dict_set_str(a->reply, p->key, text);
}

/* --- xattrs --- */

static int
xattrs_list(struct answer *a)
{
    int err;

    if (a->listed)
        return 0;
    a->listed = true;
    err = ops_xattr_list(a->fd, a->c->arena, &a->names, &a->names_bytes);
    if (err == -ENOMEM)
        return err;
    if (err < 0)
        a->names_bytes = 0;
    return 0;
}

static int
xattr_put(struct answer *a, const char *name)
{
    const uint8_t *value;
    uint32_t bytes;
    int err;

    if (dict_has(a->reply, name))
        return 0;
    err = ops_xattr_read(a->fd, name, a->c->arena, &value, &bytes);
    if (err == -ENOMEM)
        return err;
    return err < 0 ? 0 : dict_set_ptr(a->reply, name, value, bytes);
}

/* What `list-xattr` leaves out. */
static bool
list_skips(const char *name)
{
    static const struct caller anybody = {.pid = 0};

    if (strcmp(name, POSIX_MDATA_XATTR) == 0)
        return false;
    return ops_xattr_is_hidden(&anybody, name) ||
           strcmp(name, "security.selinux") == 0;
}

static int
answer_list(struct answer *a, const struct dict_pair *p)
{
    const char *name = NULL;
    int err = xattrs_list(a);

    while (err == 0 && (name = ops_xattr_next(a->names, a->names_bytes,
                                              name)) != NULL) {
        if (!list_skips(name))
            err = xattr_put(a, name);
    }
    return err;
}

static bool
is_pattern(const char *key)
{
    return strpbrk(key, "*?[\\") != NULL;
}

/* Asked for with every lookup and every entry of a listing: the inode
 * remembers them, also that there is none. */
static int
answer_raw_acl(struct answer *a, const struct dict_pair *p)
{
    bool def = strcmp(p->key, POSIX_ACL_DEFAULT_XATTR) == 0;
    const uint8_t *value;
    uint32_t bytes;
    int err;

    if (dict_has(a->reply, p->key))
        return 0;
    err = acl_of(a->c->px, a->inode, a->fd, def, a->c->arena, &value, &bytes);
    if (err == -ENOMEM)
        return err;
    return err < 0 || bytes == 0
               ? 0
               : dict_set_ptr(a->reply, p->key, value, bytes);
}

static int
answer_pattern(struct answer *a, const struct dict_pair *p)
{
    bool pattern = is_pattern(p->key);
    const char *name = NULL;
    int err;

    /* Names on disk have a namespace. */
    if (!pattern && !ops_starts_with(p->key, "trusted.") &&
        !ops_starts_with(p->key, "user.") &&
        !ops_starts_with(p->key, "security.") &&
        !ops_starts_with(p->key, "system."))
        return 0;
    err = xattrs_list(a);
    while (err == 0 && (name = ops_xattr_next(a->names, a->names_bytes,
                                              name)) != NULL) {
        if (ops_xattr_is_quota(name))
            continue;
        if (pattern ? fnmatch(p->key, name, 0) == 0
                    : strcmp(p->key, name) == 0)
            err = xattr_put(a, name);
    }
    return err;
}

static const struct {
    const char *key;
    int (*fn)(struct answer *a, const struct dict_pair *p);
} answers[] = {
    {"get-size", answer_size},
    {"gf_request_link_count", answer_echo},
    {"glusterfs.ancestry.path", answer_path},
    {"glusterfs.content", answer_content},
    {"glusterfs.open-active-fd-count", answer_active_count},
    {"glusterfs.open-fd-count", answer_open_count},
    {"glusterfs.posix.acl", answer_acl},
    {"glusterfs.posix.default_acl", answer_acl},
    {"list-xattr", answer_list},
    {POSIX_ACL_ACCESS_XATTR, answer_raw_acl},
    {POSIX_ACL_DEFAULT_XATTR, answer_raw_acl},
    {"trusted.glusterfs.lockinfo", answer_nothing},
};

static int
answer_key(struct answer *a, const struct dict_pair *p)
{
    size_t i;

    for (i = 0; i < COUNT_OF(answers); i++) {
        if (strcmp(p->key, answers[i].key) == 0)
            return answers[i].fn(a, p);
    }
    return answer_pattern(a, p);
}

int
content_answer(struct posix_call *c, struct inode *inode, int ref_fd,
               const struct iatt *stat, const struct dict *asked,
               bool content, struct dict *reply)
{
    struct answer a = {.c = c, .inode = inode, .fd = ref_fd, .stat = stat,
                       .asked = asked, .reply = reply, .content = content};
    uint32_t i;

    for (i = 0; i < asked->count; i++) {
        int err = answer_key(&a, &asked->pairs[i]);

        if (err < 0)
            return err;
    }
    return 0;
}

int
posix_content_keys(struct posix_call *c, struct inode *inode, int ref_fd,
                   const struct iatt *stat, const struct dict *asked,
                   struct dict *reply)
{
    return content_answer(c, inode, ref_fd, stat, asked, true, reply);
}
