/* SPDX-License-Identifier: BSD-2-Clause */
/* What the file operations (the upper half of posix/) share.  Nobody else
 * includes this. */
#ifndef CLINKER_SERVER_POSIX_OPS_H
#define CLINKER_SERVER_POSIX_OPS_H

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "server/posix/internal.h"

/* --- the request --- */

static inline bool
ops_asked(const struct posix_call *c, const char *key)
{
    return dict_has(c->xdata, key);
}

/* Asked for with a number that is not 0. */
static inline bool
ops_asked_true(const struct posix_call *c, const char *key)
{
    int64_t v = 0;

    return dict_i64(c->xdata, key, &v) == 0 && v != 0;
}

/* The reply has a dictionary (maybe an empty one) where the request has. */
static inline void
ops_reply_as_asked(struct posix_call *c)
{
    if (!c->xdata->null)
        c->reply->null = false;
}

/* An object that the brick no longer has, where a directory was to be stepped
 * from. */
static inline int
ops_stale(int err)
{
    return err == -ENOENT ? -ESTALE : err;
}

/* --- names (namelock.c) ---
 * Who takes a name away from an object (unlink, rmdir, rename), or gives a
 * new object its name and handle, holds the name meanwhile: between looking
 * at what a name stands for and removing it nobody replaces it. */
struct name_hold {
    struct mutex *first, *second;
};
void name_hold(struct name_hold *hold, const struct inode *parent,
               const char *name);
void name_hold_two(struct name_hold *hold, const struct inode *parent,
                   const char *name, const struct inode *parent2,
                   const char *name2);
void name_release(struct name_hold *hold);
#define AUTO_NAME __attribute__((cleanup(name_release)))

/* --- last names (lastname.c) ---
 * The handle of an object that is about to lose a name.  lastname_begin()
 * takes inode->write_mtx; lastname_done() or lastname_undo() gives it back. */
struct lastname {
    struct inode *inode;
    struct stat st;  /* before */
    bool copy;       /* the name is of a copy of it (known.c): no handle is
                        touched, and st is the copy's */
    bool last;       /* the name is its last */
    bool aside;      /* open: its handle lies in .glusterfs/unlink */
};
/* dirfd/name is what will go, and `seen` what was seen there since it is held;
 * -ESTALE when that is another object. */
int lastname_begin(struct posix *px, struct inode *inode, int dirfd,
                   const char *name, const struct stat *seen,
                   struct lastname *ln);
/* The name is gone. */
void lastname_done(struct posix *px, struct lastname *ln);
/* It stays. */
void lastname_undo(struct posix *px, struct lastname *ln, int dirfd,
                   const struct gfid *parent, const char *name);

/* Permission bits exactly 01000, regular: distribute's pointer to another
 * brick. */
static inline bool
is_linkto_mode(mode_t mode)
{
    return S_ISREG(mode) && (mode & 07777) == S_ISVTX;
}

/* --- open files (open.c) --- */

/* An fd that tells us when it goes.  Takes over os_fd. */
int ops_fd_new(struct posix_call *c, struct inode *inode, int os_fd, int flags,
               const void *client, bool anonymous, struct fd **fd);
/* Flags of a request as they may go to open(2). */
int ops_open_flags(const struct posix *px, int flags);
/* Open what ref_fd stands for anew; -EINVAL for devices, fifos and sockets. */
int ops_reopen(int ref_fd, int flags);

/* --- data --- */

/* pre and post of a change, which the caller makes in between.  With `atomic`
 * they belong to it alone: the inode's write mutex is held. */
struct change {
    struct posix_call *c;
    struct inode *inode;
    int fd;
    bool locked;
};
int change_begin(struct change *ch, struct posix_call *c, struct inode *inode,
                 int fd, bool atomic, struct iatt *pre);
/* Times, post, unlock; err is passed through where it is one. */
int change_end(struct change *ch, int err, struct iatt *post);
/* The reserve, but not for what stays inside a file whose blocks are there. */
int ops_reserve_inside(struct posix_call *c, int fd, uint64_t offset,
                       uint64_t size);
/* offset and size as the kernel can take them: -EINVAL, -EFBIG. */
int ops_range_check(uint64_t offset, uint64_t size);

/* --- extended attributes --- */

/* A value of any size in the arena; -ENODATA, -E2BIG. */
int ops_xattr_read(int fd, const char *name, struct arena *arena,
                   const uint8_t **value, uint32_t *bytes);
/* All names, each with its NUL, in the arena. */
int ops_xattr_list(int fd, struct arena *arena, const char **names,
                   uint32_t *bytes);
static inline const char *
ops_xattr_next(const char *names, uint32_t bytes, const char *at)
{
    const char *next = at == NULL ? names : at + strlen(at) + 1;

    return next < names + bytes ? next : NULL;
}
/* A pair of an entry's or setxattr's dictionary, by the rules of names. */
struct xattr_change {
    const char *key;  /* as it was sent */
    const char *name; /* of what is stored */
    const uint8_t *value;
    uint32_t bytes;
    int kind; /* xattr_set.c's */
    int err;  /* why it cannot be */
};

/* All of a change that takes memory; nothing is stored.  fd: what it is for.
 * 0, also if the change is refused, which storing it then tells; -ENOMEM. */
int ops_xattr_prepare(struct posix_call *c, int fd,
                      const struct dict_pair *pair, struct xattr_change *out);
/* Store it; takes no memory.  0 also for what is dropped. */
int ops_xattr_apply(struct posix_call *c, struct inode *inode, int fd,
                    const struct xattr_change *change, int flags, bool by_fd);
/* Is the name of more than a value that is stored as it comes? */
bool ops_xattr_has_meaning(const struct caller *caller, const char *name);
/* Names that marker keeps and no listing shows. */
bool ops_xattr_is_quota(const char *name);
bool ops_xattr_is_bitrot(const char *name);
/* Names that neither listings nor `list-xattr` show to this caller. */
bool ops_xattr_is_hidden(const struct caller *caller, const char *name);
bool ops_starts_with(const char *s, const char *prefix);

/* Value of a key that is made up.  1: it was one, and *ret is getxattr's
 * result; 0: it is none. */
int virtual_get(struct posix_call *c, struct inode *inode, int ref_fd,
                bool by_fd, const char *name, struct dict *result, int *ret);

/* posix_acl() through a descriptor of the object at hand (-1: none). */
int acl_of(struct posix *px, struct inode *inode, int ref_fd, bool default_acl,
           struct arena *arena, const uint8_t **value, uint32_t *bytes);

/* The text form of posix_acl().  Without one: the access ACL says what the
 * mode does, the default ACL is "".  -EACCES: a default ACL of what is no
 * directory; -ENODATA: of a symlink. */
int acl_text_of(struct posix *px, struct inode *inode, int ref_fd,
                bool default_acl, struct arena *arena, const char **text);

/* What the keys in xdata ask for; stat NULL: none that are about attributes;
 * content: `glusterfs.content` too. */
int content_answer(struct posix_call *c, struct inode *inode, int ref_fd,
                   const struct iatt *stat, const struct dict *asked,
                   bool content, struct dict *reply);

#endif
