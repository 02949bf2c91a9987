/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACLs, kept on the inode: access control wants them with every request.
 *
 * They are read under the inode's mutex.  Whoever changes one tells
 * posix_acl_changed() afterwards: a reader that still saw the old one has put
 * it down by then, and it is forgotten.
 */
#include "server/posix/ops.h"

#include <errno.h>
#include <string.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "mem/scope.h"
#include "server/core/acl.h"

MEM_TYPE(mt_acl, "server.posix", "acl");

static int
acl_learn(int fd, const char *name, struct inode_acl *acl,
          struct arena *arena)
{
    const uint8_t *value = NULL;
    uint32_t bytes = 0;
    int err = ops_xattr_read(fd, name, arena, &value, &bytes);

    if (err == -ENODATA || err == -EOPNOTSUPP)
        bytes = 0;
    else if (err < 0)
        return err;
    mem_free(acl->value);
    acl->value = NULL;
    acl->bytes = 0;
    if (bytes > 0) {
        acl->value = mem_memdup(&mt_acl, value, bytes);
        if (acl->value == NULL)
            return -ENOMEM;
        acl->bytes = bytes;
    }
    acl->known = true;
    return 0;
}

static int
acl_copy(const struct inode_acl *acl, struct arena *arena,
         const uint8_t **value, uint32_t *bytes)
{
    *value = NULL;
    *bytes = acl->bytes;
    if (acl->bytes == 0)
        return 0;
    *value = arena_memdup(arena, acl->value, acl->bytes);
    return *value == NULL ? -ENOMEM : 0;
}

int
posix_acl(struct posix *px, struct inode *inode, bool default_acl,
          struct arena *arena, const uint8_t **value, uint32_t *bytes)
{
    return acl_of(px, inode, -1, default_acl, arena, value, bytes);
}

int
acl_of(struct posix *px, struct inode *inode, int ref_fd, bool default_acl,
       struct arena *arena, const uint8_t **value, uint32_t *bytes)
{
    AUTO_REF struct posix_ref ref = POSIX_REF_NONE;
    struct inode_acl *acl =
        default_acl ? &inode->acl_default : &inode->acl_access;
    bool known;
    int err;

    OBJ_CHECK(inode, INODE_MAGIC);
    *value = NULL;
    *bytes = 0;
    if (!px->acl_supported || inode_type(inode) == S_IFLNK ||
        (default_acl && inode_type(inode) != S_IFDIR))
        return 0;
    mutex_lock(&inode->mtx);
    known = acl->known;
    err = known ? acl_copy(acl, arena, value, bytes) : 0;
    mutex_unlock(&inode->mtx);
    if (known)
        return err;
    if (ref_fd < 0) {
        err = posix_ref_get(px, inode, NULL, &ref);
        if (err < 0)
            return err;
        ref_fd = ref.fd;
    }
    MUTEX_SCOPE(&inode->mtx);
    if (!acl->known)
        err = acl_learn(ref_fd,
                        default_acl ? POSIX_ACL_DEFAULT_XATTR
                                    : POSIX_ACL_ACCESS_XATTR,
                        acl, arena);
    return err < 0 ? err : acl_copy(acl, arena, value, bytes);
}

/* The three entries that every mode stands for. */
static const char *
text_of_mode(uint32_t mode, struct arena *arena)
{
    char bits[3][4];
    unsigned i;

    for (i = 0; i < 3; i++) {
        unsigned perm = mode >> (6 - 3 * i) & 7;

        bits[i][0] = (perm & 4) != 0 ? 'r' : '-';
        bits[i][1] = (perm & 2) != 0 ? 'w' : '-';
        bits[i][2] = (perm & 1) != 0 ? 'x' : '-';
        bits[i][3] = '\0';
    }
    return arena_printf(arena, "u::%s,g::%s,o::%s", bits[0], bits[1],
                        bits[2]);
}

int
acl_text_of(struct posix *px, struct inode *inode, int ref_fd,
            bool default_acl, struct arena *arena, const char **text)
{
    const uint8_t *value;
    struct stat st;
    uint32_t bytes;
    int err;

    if (inode_type(inode) == S_IFLNK)
        return -ENODATA;
    if (default_acl && inode_type(inode) != S_IFDIR)
        return -EACCES;
    err = acl_of(px, inode, ref_fd, default_acl, arena, &value, &bytes);
    if (err < 0)
        return err;
    if (bytes > 0) {
        if (acl_check(value, bytes) < 0)
            return -EIO;
        *text = acl_to_text(value, bytes, arena);
    } else if (default_acl) {
        *text = "";
    } else {
        if (fstat(ref_fd, &st) < 0)
            return -errno;
        *text = text_of_mode(st.st_mode, arena);
    }
    return *text == NULL ? -ENOMEM : 0;
}

void
posix_acl_changed(struct inode *inode)
{
    MUTEX_SCOPE(&inode->mtx);
    inode->acl_access.known = false;
    inode->acl_default.known = false;
}
