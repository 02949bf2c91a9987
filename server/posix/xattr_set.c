/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Setting and removing xattrs: what each name means is
 * decided in one place, kind_of(), for setxattr and for entries that are made
 * with xattrs.
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
#include "server/core/acl.h"
#include "server/core/log.h"

#define SELINUX_XATTR "security.selinux"
#define SELINUX_STORED_XATTR "trusted.glusterfs.selinux"

enum kind {
    KIND_PLAIN,
    KIND_DROPPED, /* success, nothing stored */
    KIND_NOTSUP,
    KIND_ACCESS,
    KIND_PERM,
    KIND_INVALID,
    KIND_MDATA,
    KIND_ACL_TEXT,
    KIND_ACL,
    KIND_SELINUX,
    KIND_QUOTA_CLEANUP,
};

static const struct {
    const char *name;
    enum kind kind;
} kinds[] = {
    {POSIX_GFID_XATTR, KIND_DROPPED},
    {POSIX_VOLUME_ID_XATTR, KIND_DROPPED},
    {"trusted.glusterfs.pathinfo", KIND_ACCESS},
    {"glusterfs.pathinfo", KIND_ACCESS},
    {POSIX_MDATA_XATTR, KIND_MDATA},
    {"glusterfs.posix.acl", KIND_ACL_TEXT},
    {"glusterfs.posix.default_acl", KIND_ACL_TEXT},
    {POSIX_ACL_ACCESS_XATTR, KIND_ACL},
    {POSIX_ACL_DEFAULT_XATTR, KIND_ACL},
    {SELINUX_XATTR, KIND_SELINUX},
    {"trusted.bit-rot.version", KIND_INVALID},
    {"trusted.bit-rot.signature", KIND_INVALID},
    {"trusted.bit-rot.bad-file", KIND_INVALID},
    {"trusted.glusterfs.set-signature", KIND_DROPPED},
    /* The locks of an fd, to be taken over by another: no xattr. */
    {"trusted.glusterfs.lockinfo", KIND_PERM},
    {"trusted.glusterfs.enforce-mandatory-lock", KIND_DROPPED},
    {"glusterfs.quota-xattr-cleanup", KIND_QUOTA_CLEANUP},
    {"glusterfs.geo-rep.trigger-sync", KIND_DROPPED},
    {"glusterfs.lock-migration-meta-lock", KIND_DROPPED},
    {"glusterfs.lock-migration-meta-unlock", KIND_DROPPED},
    {"glusterfs.internal-ctx", KIND_DROPPED},
    {"glusterfs-internal-fop", KIND_DROPPED},
    {"force-replace", KIND_DROPPED},
    {"gfid-req", KIND_DROPPED},
    {"sync_backend_xattrs", KIND_DROPPED},
    {"dht-get-iatt-in-xattr", KIND_DROPPED},
    {"glusters.marker.dont-account", KIND_DROPPED},
};

static enum kind
kind_of(const struct caller *caller, const char *name)
{
    size_t i;

    for (i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(name, kinds[i].name) == 0)
            return kinds[i].kind;
    }
    if (ops_starts_with(name, GFID2PATH_XATTR_PREFIX))
        return KIND_NOTSUP;
    if (ops_xattr_is_bitrot(name) && !caller_is_internal(caller))
        return KIND_INVALID;
    if (ops_starts_with(name, "trusted.glusterfs.volume-mark") &&
        caller->pid != CALLER_PID_GSYNCD)
        return KIND_PERM;
    if (fnmatch("*io*stat*dump", name, 0) == 0)
        return KIND_DROPPED;
    return KIND_PLAIN;
}

bool
ops_xattr_has_meaning(const struct caller *caller, const char *name)
{
    return kind_of(caller, name) != KIND_PLAIN;
}

/* --- storing one --- */

static int
store_acl(struct inode *inode, int fd, const char *name, const uint8_t *value,
          uint32_t bytes, int flags)
{
    struct stat st;
    int err;

    /* The mode of a pointer file says what it is; an access ACL would change
     * it. */
    if (strcmp(name, POSIX_ACL_ACCESS_XATTR) == 0) {
        if (fstat(fd, &st) < 0)
            return -errno;
        if (is_linkto_mode(st.st_mode))
            return 0;
    }
    err = posix_fsetxattr(fd, name, value, bytes, flags);
    posix_acl_changed(inode);
    return err;
}

static int
store_mdata(struct posix_call *c, struct inode *inode, int fd,
            const uint8_t *value, uint32_t bytes, bool by_fd)
{
    struct mdata md;
    int err;

    if (by_fd)
        return posix_fsetxattr(fd, POSIX_MDATA_XATTR, value, bytes, 0);
    err = posix_mdata_parse(value, bytes, &md);
    return err < 0 ? err : posix_mdata_merge(c->px, inode, fd, &md);
}

/* Remove each of the listed xattrs of which wanted() says so. */
static int
remove_listed(int fd, const char *names, uint32_t bytes,
              bool (*wanted)(const char *name))
{
    const char *name = NULL;
    int err = 0;

    while (err == 0 && (name = ops_xattr_next(names, bytes, name)) != NULL) {
        if (!wanted(name))
            continue;
        err = posix_fremovexattr(fd, name);
        if (err == -ENODATA)
            err = 0;
    }
    return err;
}

static int
remove_those(struct posix_call *c, int fd, bool (*wanted)(const char *name))
{
    const char *names;
    uint32_t bytes;
    int err = ops_xattr_list(fd, c->arena, &names, &bytes);

    return err < 0 ? err : remove_listed(fd, names, bytes, wanted);
}

/* The names are the value: what is to be looked through. */
static int
prepare_cleanup(struct posix_call *c, int fd, struct xattr_change *out)
{
    const char *names;
    int err;

    if (c->caller->uid != 0)
        return -EPERM;
    err = ops_xattr_list(fd, c->arena, &names, &out->bytes);
    out->value = (const uint8_t *)names;
    return err;
}

static int
prepare_acl_text(struct posix_call *c, const struct dict_pair *pair,
                 struct xattr_change *out)
{
    const uint8_t *data;
    uint32_t bytes;
    char *text;
    int err = dict_pair_stored(pair, c->arena, &data, &bytes);

    out->name = strcmp(pair->key, "glusterfs.posix.acl") == 0
                    ? POSIX_ACL_ACCESS_XATTR
                    : POSIX_ACL_DEFAULT_XATTR;
    if (err < 0)
        return err;
    text = arena_strndup(c->arena, (const char *)data,
                         strnlen((const char *)data, bytes));
    if (text == NULL)
        return -ENOMEM;
    err = acl_from_text(text, c->arena, &out->value, &out->bytes);
    /* Room to answer with it. */
    return err < 0 ? err : dict_reserve(c->reply, c->reply->count + 1);
}

static int
prepare_value(struct posix_call *c, const struct dict_pair *pair,
              struct xattr_change *out)
{
    int err;

    out->name = out->kind == KIND_SELINUX ? SELINUX_STORED_XATTR : pair->key;
    /* As the kernel answers it. */
    if (out->name[0] == '\0' ||
        strnlen(out->name, XATTR_NAME_MAX + 1) > XATTR_NAME_MAX)
        return -ERANGE;
    err = dict_pair_stored(pair, c->arena, &out->value, &out->bytes);
    if (err < 0)
        return err;
    return out->bytes > POSIX_XATTR_BYTES_MAX ? -E2BIG : 0;
}

static int
prepare_kind(struct posix_call *c, int fd, const struct dict_pair *pair,
             struct xattr_change *out)
{
    switch ((enum kind)out->kind) {
    case KIND_DROPPED:
        return 0;
    case KIND_NOTSUP:
        return -ENOTSUP;
    case KIND_ACCESS:
        return -EACCES;
    case KIND_PERM:
        return -EPERM;
    case KIND_INVALID:
        return -EINVAL;
    case KIND_QUOTA_CLEANUP:
        return prepare_cleanup(c, fd, out);
    case KIND_ACL_TEXT:
        return prepare_acl_text(c, pair, out);
    case KIND_PLAIN:
    case KIND_MDATA:
    case KIND_ACL:
    case KIND_SELINUX:
        break;
    }
    return prepare_value(c, pair, out);
}

int
ops_xattr_prepare(struct posix_call *c, int fd, const struct dict_pair *pair,
                  struct xattr_change *out)
{
    *out = (struct xattr_change){.key = pair->key,
                                 .kind = (int)kind_of(c->caller, pair->key)};
    out->err = prepare_kind(c, fd, pair, out);
    return out->err == -ENOMEM ? -ENOMEM : 0;
}

static int
apply_acl_text(struct posix_call *c, struct inode *inode, int fd,
               const struct xattr_change *change, int flags)
{
    int err = store_acl(inode, fd, change->name, change->value, change->bytes,
                        flags);

    if (err == 0 && strcmp(change->name, POSIX_ACL_ACCESS_XATTR) == 0)
        must(dict_set_ptr(c->reply, change->name, change->value,
                          change->bytes) == 0);
    return err;
}

int
ops_xattr_apply(struct posix_call *c, struct inode *inode, int fd,
                const struct xattr_change *change, int flags, bool by_fd)
{
    if (change->err < 0)
        return change->err;
    switch ((enum kind)change->kind) {
    case KIND_DROPPED:
        return 0;
    case KIND_QUOTA_CLEANUP:
        return remove_listed(fd, (const char *)change->value, change->bytes,
                             ops_xattr_is_quota);
    case KIND_ACL_TEXT:
        return apply_acl_text(c, inode, fd, change, flags);
    case KIND_ACL:
        return store_acl(inode, fd, change->name, change->value, change->bytes,
                         flags);
    case KIND_MDATA:
        return store_mdata(c, inode, fd, change->value, change->bytes, by_fd);
    default:
        return posix_fsetxattr(fd, change->name, change->value, change->bytes,
                               flags);
    }
}

/* --- setxattr --- */

/* What a change of xattrs always answers. */
struct iatts {
    struct iatt pre, post;
};

static int
iatts_begin(struct posix_call *c, struct inode *inode, int fd,
            struct iatts **out)
{
    struct iatts *ia = arena_zalloc(c->arena, sizeof(*ia));
    int err;

    if (ia == NULL)
        return -ENOMEM;
    err = posix_iatt_ref(c->px, inode, fd, &ia->pre);
    /* Put in now: once the change is made it must not fail for them. */
    if (err == 0)
        err = dict_set_iatt(c->reply, "dht-get-iatt-in-xattr", &ia->post);
    if (err == 0)
        err = dict_set_iatt(c->reply, "virt-gf-prestat", &ia->pre);
    if (err == 0)
        err = dict_set_iatt(c->reply, "virt-gf-poststat", &ia->post);
    *out = ia;
    return err;
}

/* What distribute replaces when it heals a directory from another brick. */
static bool
is_synced(const char *name)
{
    return ops_starts_with(name, "user.") ||
           strcmp(name, POSIX_ACL_ACCESS_XATTR) == 0 ||
           strcmp(name, POSIX_ACL_DEFAULT_XATTR) == 0 ||
           strcmp(name, "trusted.glusterfs.quota.limit-set") == 0 ||
           strcmp(name, "trusted.glusterfs.quota.limit-objects") == 0 ||
           strcmp(name, POSIX_MDATA_XATTR) == 0;
}

static int
set_ctime_mdata(struct posix_call *c, struct inode *inode, int fd,
                const struct dict_pair *p)
{
    c->reply->null = true;
    if (p->type != DICT_MDATA)
        return -EINVAL;
    return posix_mdata_merge(c->px, inode, fd, p->mdata);
}

static int
set_pairs(struct posix_call *c, struct inode *inode, int fd, bool by_fd,
          const struct dict *pairs, int flags)
{
    struct xattr_change *changes;
    uint32_t i;
    int err = 0;

    changes = arena_alloc(c->arena, pairs->count * sizeof(*changes));
    if (changes == NULL)
        return -ENOMEM;
    /* Changes of xattrs that build on what was there exclude each other. */
    MUTEX_SCOPE(&inode->write_mtx);
    /* None is made before there is memory for all. */
    for (i = 0; i < pairs->count; i++) {
        err = ops_xattr_prepare(c, fd, &pairs->pairs[i], &changes[i]);
        if (err < 0)
            return err;
    }
    if (!by_fd && inode_type(inode) == S_IFDIR &&
        ops_asked_true(c, "sync_backend_xattrs")) {
        err = remove_those(c, fd, is_synced);
        posix_acl_changed(inode);
    }
    for (i = 0; i < pairs->count && err == 0; i++)
        err = ops_xattr_apply(c, inode, fd, &changes[i], flags, by_fd);
    return err;
}

/* What belongs to a feature is refused before anything is set. */
static int
refused(const struct caller *caller, const struct dict *pairs)
{
    uint32_t i;

    for (i = 0; i < pairs->count; i++) {
        switch (kind_of(caller, pairs->pairs[i].key)) {
        case KIND_INVALID:
            return -EINVAL;
        case KIND_PERM:
            return -EPERM;
        default:
            break;
        }
    }
    return 0;
}

int
posix_setxattr(struct posix_call *c, struct inode *inode, struct fd *fd,
               const struct dict *pairs, int flags)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    const struct dict_pair *special;
    struct iatts *ia;
    int err, post;

    err = refused(c->caller, pairs);
    if (err == 0)
        err = posix_reserve_check(c, 0);
    if (err == 0)
        err = posix_ref_get(c->px, inode, fd, &ref);
    if (err < 0)
        return err;
    special = dict_find(pairs, "set-ctime-mdata");
    if (special != NULL && fd == NULL)
        return set_ctime_mdata(c, inode, ref.fd, special);
    err = iatts_begin(c, inode, ref.fd, &ia);
    if (err < 0)
        return err;
    if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0)
        err = -EINVAL;
    else if (fd != NULL && dict_has(pairs, "trusted.glusterfs.durable-op"))
        err = fsync(ref.fd) < 0 ? -errno : 0;
    else
        err = set_pairs(c, inode, ref.fd, fd != NULL, pairs, flags);
    if (err == 0 && fd != NULL)
        posix_mdata_apply(c->px, c->caller, inode, ref.fd, false);
    /* A failure through an fd shows them as well, and some pairs may have
     * been set. */
    post = posix_iatt_ref(c->px, inode, ref.fd, &ia->post);
    return err < 0 ? err : post;
}

/* --- removexattr --- */

static int
remove_one(struct posix_call *c, struct inode *inode, int fd,
           const char *name)
{
    int err;

    if (strcmp(name, POSIX_GFID_XATTR) == 0 ||
        strcmp(name, POSIX_VOLUME_ID_XATTR) == 0)
        return -EPERM;
    if (ops_starts_with(name, GFID2PATH_XATTR_PREFIX))
        return -ENODATA;
    if (ops_xattr_is_bitrot(name) && !caller_is_internal(c->caller))
        return -EINVAL;
    if (strnlen(name, XATTR_NAME_MAX + 1) > XATTR_NAME_MAX)
        return -ERANGE;
    err = posix_fremovexattr(fd, name);
    if (strcmp(name, POSIX_ACL_ACCESS_XATTR) == 0 ||
        strcmp(name, POSIX_ACL_DEFAULT_XATTR) == 0)
        posix_acl_changed(inode);
    return err;
}

/* All that xdata names. */
static int
remove_bulk(struct posix_call *c, struct inode *inode, int fd)
{
    const struct dict *xdata = c->xdata;
    uint32_t i;
    int err = 0;

    if (xdata->null || xdata->count == 0)
        return -ERANGE;
    if (dict_has(xdata, POSIX_GFID_XATTR) ||
        dict_has(xdata, POSIX_VOLUME_ID_XATTR))
        return -EPERM;
    for (i = 0; i < xdata->count && err == 0; i++) {
        err = remove_one(c, inode, fd, xdata->pairs[i].key);
        /* Not there, or no xattr at all but a key of another meaning. */
        if (err == -ENODATA || err == -ENOTSUP)
            err = 0;
    }
    return err;
}

int
posix_removexattr(struct posix_call *c, struct inode *inode, struct fd *fd,
                  const char *name)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    struct iatts *ia;
    int err = posix_ref_get(c->px, inode, fd, &ref);

    if (err == 0)
        err = iatts_begin(c, inode, ref.fd, &ia);
    if (err < 0)
        return err;
    mutex_lock(&inode->write_mtx);
    err = name[0] == '\0' ? remove_bulk(c, inode, ref.fd)
                          : remove_one(c, inode, ref.fd, name);
    mutex_unlock(&inode->write_mtx);
    if (err < 0)
        return err;
    posix_mdata_apply(c->px, c->caller, inode, ref.fd, false);
    return posix_iatt_ref(c->px, inode, ref.fd, &ia->post);
}
