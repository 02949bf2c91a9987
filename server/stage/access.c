/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decisions of access control.
 *
 * An ACL is read where it lies, entry by entry and within its bytes; one that
 * does not hold together grants nothing.  Whoever is exempt is so by uid (the
 * super-user, from everything) or by a negative pid (an internal client, from
 * permissions but not from ownership, as on the peer).
 */
#include "server/stage/access.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum {
    ACL_VERSION = 2,
    ACL_HEADER_BYTES = 4,
    ACL_ENTRY_BYTES = 8,
    TAG_USER = 0x02,
    TAG_GROUP_OBJ = 0x04,
    TAG_GROUP = 0x08,
    TAG_MASK = 0x10,
};

/* Open flags as the wire has them. */
enum {
    WIRE_ACCMODE = 03,
    WIRE_WRONLY = 01,
    WIRE_RDWR = 02,
    WIRE_EXEC = 040,
    WIRE_TRUNC = 01000,
    WIRE_APPEND = 02000,
};

enum { RWX = ACCESS_R | ACCESS_W | ACCESS_X };

struct entry {
    unsigned tag, perm;
    uint32_t id;
};

static bool
is_super(const struct caller *c, uint32_t super_uid)
{
    return c->uid == 0 || c->uid == super_uid;
}

bool
access_is_exempt(const struct caller *c, uint32_t super_uid)
{
    return caller_is_internal(c) || is_super(c, super_uid);
}

/* --- ACLs --- */

/* Entries in an ACL value, -1 when it is none. */
static int
entries_count(const struct access_object *o)
{
    uint32_t version;

    if (o->acl_bytes < ACL_HEADER_BYTES ||
        (o->acl_bytes - ACL_HEADER_BYTES) % ACL_ENTRY_BYTES != 0)
        return -1;
    memcpy(&version, o->acl, sizeof(version));
    if (le32toh(version) != ACL_VERSION)
        return -1;
    return (int)((o->acl_bytes - ACL_HEADER_BYTES) / ACL_ENTRY_BYTES);
}

static struct entry
entry_at(const struct access_object *o, int i)
{
    const uint8_t *p = o->acl + ACL_HEADER_BYTES + (size_t)i * ACL_ENTRY_BYTES;
    uint16_t tag, perm;
    uint32_t id;

    memcpy(&tag, p, sizeof(tag));
    memcpy(&perm, p + 2, sizeof(perm));
    memcpy(&id, p + 4, sizeof(id));
    return (struct entry){le16toh(tag), le16toh(perm) & RWX, le32toh(id)};
}

/* --- the permission test --- */

/* What the caller's groups say.  Several may apply; one that has all that is
 * wanted decides, and if none has, that is a no. */
struct group_vote {
    bool member;
    bool enough;
};

static void
vote(struct group_vote *v, unsigned perm, unsigned want)
{
    v->member = true;
    if ((want & ~perm) == 0)
        v->enough = true;
}

static bool
mode_grants(const struct caller *c, const struct iatt *st, unsigned want)
{
    unsigned shift = caller_in_group(c, st->gid) ? 3 : 0;

    return (want & ~((st->mode >> shift) & RWX)) == 0;
}

static bool
acl_grants(const struct caller *c, const struct access_object *o,
           unsigned want)
{
    int count = entries_count(o);
    struct group_vote groups = {false, false};
    unsigned mask = RWX, user = 0;
    bool named = false;

    if (count < 0)
        return false;
    for (int i = 0; i < count; i++) {
        struct entry e = entry_at(o, i);

        if (e.tag == TAG_MASK) {
            mask = e.perm;
        } else if (e.tag == TAG_USER && e.id == c->uid) {
            named = true;
            user = e.perm;
        } else if (e.tag == TAG_GROUP_OBJ) {
            if (caller_in_group(c, o->stat->gid))
                vote(&groups, e.perm, want);
        } else if (e.tag == TAG_GROUP && caller_in_group(c, e.id)) {
            vote(&groups, e.perm, want);
        }
    }
    if (named)
        return (want & ~(user & mask)) == 0;
    if (groups.member)
        return groups.enough && (want & ~mask) == 0;
    return (want & ~(o->stat->mode & RWX)) == 0;
}

int
access_check(const struct caller *c, uint32_t super_uid,
             const struct access_object *o, unsigned want)
{
    bool granted;

    want &= RWX;
    if (access_is_exempt(c, super_uid))
        return 0;
    if (c->uid == o->stat->uid)
        granted = (want & ~((o->stat->mode >> 6) & RWX)) == 0;
    else if (o->acl)
        granted = acl_grants(c, o, want);
    else
        granted = mode_grants(c, o->stat, want);
    return granted ? 0 : -EACCES;
}

unsigned
access_granted(const struct caller *c, uint32_t super_uid,
               const struct access_object *o, unsigned want)
{
    static const unsigned bits[] = {ACCESS_R, ACCESS_W, ACCESS_X};
    unsigned granted = 0;

    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        if ((want & bits[i]) != 0 &&
            access_check(c, super_uid, o, bits[i]) == 0)
            granted |= bits[i];
    return granted;
}

int
access_sticky(const struct caller *c, uint32_t super_uid,
              const struct iatt *parent, const struct iatt *child)
{
    if ((parent->mode & S_ISVTX) == 0 || access_is_exempt(c, super_uid) ||
        c->uid == parent->uid || c->uid == child->uid)
        return 0;
    return -EACCES;
}

unsigned
access_for_open(int flags)
{
    unsigned want = 0;

    switch (flags & WIRE_ACCMODE) {
    case 0:
        want = (flags & WIRE_EXEC) != 0 ? ACCESS_X : ACCESS_R;
        break;
    case WIRE_WRONLY:
        want = ACCESS_W;
        break;
    case WIRE_RDWR:
    default: /* 3 is no mode: as much as can be asked for */
        want = ACCESS_R | ACCESS_W;
        break;
    }
    if ((flags & (WIRE_TRUNC | WIRE_APPEND)) != 0)
        want |= ACCESS_W;
    return want;
}

/* --- ownership --- */

int
access_own(const struct caller *c, uint32_t super_uid, const struct iatt *stat)
{
    return is_super(c, super_uid) || c->uid == stat->uid ? 0 : -EPERM;
}

/* A new group must be one's own, unless it is the old one. */
static bool
may_give_group(const struct caller *c, const struct iatt *stat, uint32_t gid)
{
    return c->uid == stat->uid && (gid == stat->gid || caller_in_group(c, gid));
}

int
access_setattr(const struct caller *c, uint32_t super_uid,
               const struct access_object *o, struct iatt *set, uint32_t valid)
{
    const struct iatt *stat = o->stat;
    bool owner = c->uid == stat->uid;

    if (is_super(c, super_uid))
        return 0;
    if ((valid & SETATTR_MODE) != 0 && !owner)
        return -EPERM;
    if ((valid & (SETATTR_ATIME | SETATTR_MTIME)) != 0 && !owner &&
        access_check(c, super_uid, o, ACCESS_W) != 0)
        return -EACCES;
    if ((valid & SETATTR_UID) != 0 && set->uid != stat->uid)
        return -EPERM;
    if ((valid & SETATTR_GID) != 0 && !may_give_group(c, stat, set->gid))
        return -EPERM;
    /* Nobody lends a file the rights of a group that is not his; asked of
     * the group that the file has and of the one that it gets. */
    if ((valid & SETATTR_MODE) != 0 &&
        (!caller_in_group(c, stat->gid) ||
         ((valid & SETATTR_GID) != 0 && !caller_in_group(c, set->gid))))
        set->mode &= ~(uint32_t)S_ISGID;
    return 0;
}
