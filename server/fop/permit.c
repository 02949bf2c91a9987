/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/fop/permit.h"

#include <errno.h>

#include "server/core/acl.h"
#define LOG_DOMAIN "access-control"
#include "server/core/log.h"

#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

uint32_t
permit_super_uid(const struct call *c)
{
    return (uint32_t)options_number(c->brick->options, OPT_SUPER_UID);
}

bool
permit_is_exempt(const struct call *c)
{
    return access_is_exempt(&c->caller, permit_super_uid(c));
}

static int
load(struct call *c, struct inode *inode, struct iatt *stat,
     struct access_object *o)
{
    int err = posix_iatt(c->brick->px, inode, NULL, stat);

    if (err != 0)
        return err;
    o->stat = stat;
    o->acl = NULL;
    o->acl_bytes = 0;
    err = posix_acl(c->brick->px, inode, false, &c->arena, &o->acl,
                    &o->acl_bytes);
    if (o->acl_bytes == 0)
        o->acl = NULL;
    return err;
}

static int
denied(const struct call *c, const struct inode *inode, unsigned want, int err)
{
    if (err == -EACCES || err == -EPERM)
        log_limited(LOG_LVL_INFO, 10,
                    "%s denied: client=%s gfid=%s uid=%u gid=%u want=%u",
                    c->fop->name, c->client->uid, gfid_str(&inode->gfid),
                    c->caller.uid, c->caller.gid, want);
    return err;
}

int
permit_inode(struct call *c, struct inode *inode, unsigned want)
{
    struct access_object o;
    struct iatt stat;
    int err;

    if (permit_is_exempt(c))
        return 0;
    err = load(c, inode, &stat, &o);
    if (err == 0)
        err = access_check(&c->caller, permit_super_uid(c), &o, want);
    return denied(c, inode, want, err);
}

int
permit_granted(struct call *c, struct inode *inode, unsigned want)
{
    struct access_object o;
    struct iatt stat;
    int err;

    if (permit_is_exempt(c))
        return (int)want;
    err = load(c, inode, &stat, &o);
    if (err != 0)
        return err;
    return (int)access_granted(&c->caller, permit_super_uid(c), &o, want);
}

int
permit_new_entry(struct call *c, struct inode *parent, const char *name,
                 unsigned want)
{
    struct posix_call pc = call_posix(c);
    struct inode *existing = NULL;
    int err = permit_inode(c, parent, want);

    if (err != -EACCES)
        return err;
    if (posix_find_entry(&pc, parent, name, &existing, NULL) == 0) {
        inode_put(existing);
        return -EEXIST;
    }
    return err;
}

int
permit_removal(struct call *c, struct inode *parent, const struct iatt *child,
               unsigned want)
{
    struct access_object o;
    struct iatt stat;
    int err;

    if (permit_is_exempt(c))
        return 0;
    err = load(c, parent, &stat, &o);
    if (err == 0)
        err = access_sticky(&c->caller, permit_super_uid(c), &stat, child);
    if (err == 0)
        err = access_check(&c->caller, permit_super_uid(c), &o, want);
    return denied(c, parent, want, err);
}

/* Internal callers are exempt from permissions but not from the ownership
 * rules, as on the peer, so these ask access_*() itself. */
int
permit_owner(struct call *c, struct inode *inode)
{
    struct iatt stat;
    int err;

    if (c->caller.uid == permit_super_uid(c))
        return 0;
    err = posix_iatt(c->brick->px, inode, NULL, &stat);
    if (err == 0)
        err = access_own(&c->caller, permit_super_uid(c), &stat);
    return denied(c, inode, 0, err);
}

int
permit_setattr(struct call *c, struct inode *inode, struct iatt *set,
               uint32_t valid)
{
    struct access_object o;
    struct iatt stat;
    int err;

    if (c->caller.uid == permit_super_uid(c))
        return 0;
    err = load(c, inode, &stat, &o);
    if (err == 0)
        err = access_setattr(&c->caller, permit_super_uid(c), &o, set, valid);
    return denied(c, inode, 0, err);
}

/* xdata umask and mode, where a client sends them, stand for the wire's own
 * and are not for storage. */
static void
override(struct dict *xdata, uint32_t *mode, uint32_t *umask)
{
    int64_t v;

    if (dict_i64(xdata, "umask", &v) == 0) {
        *umask = (uint32_t)v;
        if (dict_i64(xdata, "mode", &v) == 0)
            *mode = (*mode & S_IFMT) | ((uint32_t)v & 07777);
    }
    dict_remove(xdata, "umask");
    dict_remove(xdata, "mode");
}

int
permit_inherit(struct call *c, struct inode *parent, uint32_t *mode,
               bool directory)
{
    struct dict *xdata = &c->args.xdata;
    const uint8_t *def, *access;
    uint32_t def_bytes, access_bytes, umask = c->args.umask;
    int err;

    override(xdata, mode, &umask);
    err = posix_acl(c->brick->px, parent, true, &c->arena, &def, &def_bytes);
    if (err != 0)
        return err;
    if (def_bytes == 0) {
        *mode &= ~(umask & 0777);
        return 0;
    }
    err = acl_inherit(def, def_bytes, mode, &c->arena, &access, &access_bytes);
    if (err == 0)
        err = dict_set_ptr(xdata, ACL_ACCESS, access, access_bytes);
    if (err == 0 && directory)
        err = dict_set_ptr(xdata, ACL_DEFAULT, def, def_bytes);
    return err;
}
