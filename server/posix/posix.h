/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The brick on disk: a directory in the peer's format (doc/brick.md), and the
 * file operations on it.
 *
 * Every path is one step from a directory that we hold open, resolved beneath
 * it and never through a symlink.  System calls run as the daemon; permission
 * has been decided above.  All functions return 0 (or what they say) or a
 * negative errno and may block; they are called by any number of threads.
 *
 * `parent` and `inode` are referenced by the caller.  Where both an inode and
 * an fd are taken, fd may be NULL: then the object is reached by its gfid.
 * iatts are filled on success and untouched else, unless said otherwise.
 */
#ifndef CLINKER_SERVER_POSIX_POSIX_H
#define CLINKER_SERVER_POSIX_POSIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/statvfs.h>

#include "mem/iobuf.h"
#include "server/core/caller.h"
#include "server/core/dict.h"
#include "server/core/dump.h"
#include "server/core/iatt.h"
#include "server/core/options.h"
#include "server/inode/fd.h"
#include "server/inode/table.h"

struct posix;

/* What goes with each operation. */
struct posix_call {
    struct posix *px;
    const struct caller *caller;
    const struct dict *xdata; /* of the request, never NULL (may be ->null) */
    struct dict *reply;       /* xdata of the reply, for the keys that the
                                 operation answers */
    struct arena *arena;      /* for values in reply */
};

/* --- the brick --- */

enum { POSIX_ERROR_BYTES = 512 };

/* Verify the directory (storage format, volume-id, xattrs, that no other
 * daemon has it: an OFD lock on a file of ours below .glusterfs), then make
 * what is missing below .glusterfs, and start the background threads.
 * Nothing on disk is changed unless every check has passed.
 * -errno and one clear line in err. */
int posix_open(struct posix **out, struct options *options,
               struct inode_table *table, char err[POSIX_ERROR_BYTES]);
/* Nobody may refer to an inode of the brick any more; unused ones are dropped
 * from the table. */
void posix_close(struct posix **pxp);
/* NULL when the brick belongs to no volume. */
const struct gfid *posix_volume_id(const struct posix *px);
const char *posix_directory(const struct posix *px);
/* As pathinfo names this machine. */
const char *posix_hostname(const struct posix *px);
struct inode *posix_root(struct posix *px); /* borrowed, lives with px */
/* Called from the health check's thread when the brick is dead; at most once.
 * A slow disk is logged, not told here.  fn must not call posix_close(). */
void posix_on_dead(struct posix *px, void (*fn)(void *arg, int error),
                   void *arg);
/* To be called after a reloadable option has changed (options_subscribe()). */
void posix_options_changed(struct posix *px, enum option_id id);
/* The table's ops.release for inodes of this brick. */
void posix_inode_release(struct posix *px, struct inode *inode);
/* Sections of the statedump. */
void posix_dump(struct posix *px, struct dump *d);

/* --- finding --- */

/* By gfid: from the table, else from disk.  -ENOENT when there is none (a
 * dangling handle found on the way is removed). */
int posix_find(struct posix_call *c, const struct gfid *gfid,
               struct inode **out);
/* By name, for operations that need the entry: the inode and (if stat is not
 * NULL) its attributes.  Names are checked here: "" and over-long ones,
 * '/' (EPERM), ".glusterfs" in the root (see resolve rules).  "." and ".."
 * are not accepted here (-EINVAL). gfid-req in xdata heals an entry that has
 * no gfid.  -ENOENT, -ENODATA (no gfid). */
int posix_find_entry(struct posix_call *c, struct inode *parent,
                     const char *name, struct inode **out, struct iatt *stat);

/* LOOKUP.  By name if name[0], else by gfid.  With all that belongs to it:
 * ".", "..", gfid-req, gfidless-lookup, unlinked-lookup, clean.writexattr,
 * repair of handles, the content keys into c->reply.  *out may come back NULL
 * with 0 (gfidless). */
int posix_lookup(struct posix_call *c, struct inode *parent, const char *name,
                 const struct gfid *gfid, struct inode **out,
                 struct iatt *stat, struct iatt *postparent);

/* --- entries --- */

struct posix_made {
    struct inode *inode; /* a reference for the caller */
    struct iatt stat, preparent, postparent;
};

/* mode: permission bits already masked by umask or ACL; type bits from mode
 * for mknod.  acl_* keys to set are in c->xdata as system.posix_acl_*.  The
 * order of steps is in doc/brick.md. */
int posix_mknod(struct posix_call *c, struct inode *parent, const char *name,
                uint32_t mode, uint64_t rdev, struct posix_made *out);
int posix_mkdir(struct posix_call *c, struct inode *parent, const char *name,
                uint32_t mode, struct posix_made *out);
int posix_symlink(struct posix_call *c, struct inode *parent, const char *name,
                  const char *target, struct posix_made *out);
/* Also opens; *fd gets an fd with one reference. */
int posix_create(struct posix_call *c, struct inode *parent, const char *name,
                 int flags, uint32_t mode, const void *client,
                 struct posix_made *out, struct fd **fd);
int posix_link(struct posix_call *c, struct inode *inode, struct inode *parent,
               const char *name, struct posix_made *out);

struct posix_removed {
    struct iatt preparent, postparent;
};
int posix_unlink(struct posix_call *c, struct inode *parent, const char *name,
                 struct inode *inode, struct posix_removed *out);
int posix_rmdir(struct posix_call *c, struct inode *parent, const char *name,
                struct inode *inode, int flags, struct posix_removed *out);

struct posix_renamed {
    struct iatt stat, preold, postold, prenew, postnew;
};
/* victim: what newname was resolved to, or NULL. */
int posix_rename(struct posix_call *c, struct inode *oldparent,
                 const char *oldname, struct inode *inode,
                 struct inode *newparent, const char *newname,
                 struct inode *victim, struct posix_renamed *out);
/* At most size bytes (0: all) of the target, NUL-terminated, in c->arena;
 * returns its length. */
int posix_readlink(struct posix_call *c, struct inode *inode, uint32_t size,
                   const char **target, struct iatt *stat);

/* --- directories --- */

int posix_opendir(struct posix_call *c, struct inode *inode, const void *client,
                  struct fd **fd);
struct posix_dirent {
    uint64_t ino;
    uint64_t off; /* cookie to go on behind this entry */
    uint8_t type; /* DT_* */
    uint32_t name_bytes;
    const char *name;          /* NUL-terminated, lives until emit returns */
    const struct iatt *stat;   /* readdirp only; NULL else */
    const struct dict *xdata;  /* readdirp only */
};
/* Calls emit for each entry after `offset` (0: from the start) until emit
 * returns false (that entry is then not taken) or the end is reached.  *end:
 * the end was reached.  Returns the number taken. */
int posix_readdir(struct posix_call *c, struct fd *fd, uint64_t offset,
                  bool plus, uint32_t size,
                  bool (*emit)(void *arg, const struct posix_dirent *e),
                  void *arg, bool *end);
int posix_fsyncdir(struct posix_call *c, struct inode *inode, struct fd *fd,
                   bool datasync);

/* --- data --- */

int posix_open_file(struct posix_call *c, struct inode *inode, int flags,
                    const void *client, struct fd **fd);
/* An fd for one request (number -2), O_RDWR where the object allows it. extra:
 * O_DIRECT or 0. */
int posix_open_anonymous(struct posix_call *c, const struct gfid *gfid,
                         int extra, struct fd **fd);
/* Up to size bytes into *buf (a new iobuf, possibly with 0 bytes); returns the
 * number read.  *eof: offset + read reached the end of the file.  With
 * `nowait`: -EAGAIN unless the page cache has it all. */
int64_t posix_readv(struct posix_call *c, struct fd *fd, uint64_t offset,
                    uint32_t size, bool nowait, struct iobuf **buf,
                    struct iatt *stat, bool *eof);
/* data is page-aligned where it should be; flags: the request's (O_SYNC …).
 * Returns bytes written. */
int64_t posix_writev(struct posix_call *c, struct fd *fd, uint64_t offset,
                     const void *data, uint32_t size, int flags,
                     struct iatt *pre, struct iatt *post);
int posix_truncate(struct posix_call *c, struct inode *inode, struct fd *fd,
                   uint64_t size, struct iatt *pre, struct iatt *post);
int posix_flush(struct posix_call *c, struct fd *fd);
int posix_fsync(struct posix_call *c, struct fd *fd, bool datasync,
                struct iatt *pre, struct iatt *post);
/* FALLOCATE; libc has taken the other name. */
int posix_allocate(struct posix_call *c, struct fd *fd, bool keep_size,
                   uint64_t offset, uint64_t size, struct iatt *pre,
                   struct iatt *post);
int posix_discard(struct posix_call *c, struct fd *fd, uint64_t offset,
                  uint64_t size, struct iatt *pre, struct iatt *post);
int posix_zerofill(struct posix_call *c, struct fd *fd, uint64_t offset,
                   uint64_t size, struct iatt *pre, struct iatt *post);
/* what: SEEK_DATA or SEEK_HOLE. */
int posix_seek(struct posix_call *c, struct fd *fd, uint64_t offset, int what,
               uint64_t *result);
enum { POSIX_CHECKSUM_BYTES = 32 };
int posix_rchecksum(struct posix_call *c, struct fd *fd, uint64_t offset,
                    uint32_t size, uint32_t *weak,
                    uint8_t strong[POSIX_CHECKSUM_BYTES]);
int64_t posix_copy_file_range(struct posix_call *c, struct fd *in,
                              uint64_t off_in, struct fd *out,
                              uint64_t off_out, uint32_t size,
                              struct iatt *src, struct iatt *predst,
                              struct iatt *postdst);

/* --- attributes --- */

/* Also answers the content keys asked for in c->xdata. */
int posix_stat(struct posix_call *c, struct inode *inode, struct fd *fd,
               struct iatt *stat);
/* Just the attributes: for access control and the like. */
int posix_iatt(struct posix *px, struct inode *inode, struct fd *fd,
               struct iatt *stat);
/* valid: SETATTR_*; unknown bits are ignored. */
int posix_setattr(struct posix_call *c, struct inode *inode, struct fd *fd,
                  const struct iatt *set, uint32_t valid, struct iatt *pre,
                  struct iatt *post);
int posix_statfs(struct posix_call *c, struct inode *inode,
                 struct statvfs *out);

/* --- extended attributes --- */

int posix_setxattr(struct posix_call *c, struct inode *inode, struct fd *fd,
                   const struct dict *pairs, int flags);
/* name NULL or "": all.  Returns op_ret, which clients of a
 * disperse volume compare between bricks. */
int posix_getxattr(struct posix_call *c, struct inode *inode, struct fd *fd,
                   const char *name, struct dict *result);
/* name "": those named by the keys of c->xdata. */
int posix_removexattr(struct posix_call *c, struct inode *inode, struct fd *fd,
                      const char *name);
/* One xattr of posix_update_xattrs().  The caller sets the name; compute() is
 * shown what is there and sets the last three. */
struct posix_update {
    const char *name;
    const uint8_t *old;
    uint32_t old_bytes;
    bool exists;
    bool write;           /* false: left as it is, or absent */
    const uint8_t *value; /* lives as long as the call's arena */
    uint32_t bytes;
};
/* Change xattrs in one step, as seen by any other change of them: all or none,
 * unless a crash comes in between.  -EPERM: a name that is not just a value
 * (gfids, ACLs …). */
int posix_update_xattrs(struct posix_call *c, struct inode *inode,
                        struct fd *fd, struct posix_update *updates,
                        uint32_t count,
                        int (*compute)(void *arg, struct posix_update *u),
                        void *arg);
/* The object's ACL, from the inode's cache or from disk.  *value is in `arena`;
 * *bytes 0: it has none. */
int posix_acl(struct posix *px, struct inode *inode, bool default_acl,
              struct arena *arena, const uint8_t **value, uint32_t *bytes);
/* The type (S_IFMT) of an object.  -ENOENT. */
int posix_type(struct posix *px, const struct gfid *gfid, uint32_t *type);
/* Path from the volume's root ("/a/b"), into the arena; -ENOENT when the chain
 * is broken. For logs, pathinfo, statedumps. */
int posix_path(struct posix *px, struct inode *inode, struct arena *arena,
               const char **path);

/* --- what others keep below .glusterfs (store.c) --- */

/* A descriptor of that directory ("indices/dirty"), made if it is missing. */
int posix_store_open(struct posix *px, const char *name, uint32_t mode);
/* Hand the tree dirfd/name, which is below .glusterfs, to the janitor. */
int posix_store_discard(struct posix *px, int dirfd, const char *name);
/* Attributes of something there that clients know by a gfid of its own. */
void posix_store_iatt(const struct gfid *gfid, const struct stat *st,
                      struct iatt *out);

#endif
