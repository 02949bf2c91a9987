/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of posix/ share. Nobody else includes this. */
#ifndef CLINKER_SERVER_POSIX_INTERNAL_H
#define CLINKER_SERVER_POSIX_INTERNAL_H

#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>

#include "server/posix/posix.h"

enum {
    POSIX_MAGIC = 0x50534958,
    POSIX_NAME_BYTES_MAX = 255,
    POSIX_XATTR_BYTES_MAX = 65536, /* a value, XATTR_SIZE_MAX */
};

struct posix_health;
struct posix_janitor;

struct posix {
    unsigned magic;
    struct options *options;   /* not owned */
    struct inode_table *table; /* not owned */
    char *directory;           /* canonical as given */
    char hostname[256];
    int root_fd;      /* the brick directory, held for life */
    int dot_fd;       /* .glusterfs */
    int level1_fd[256]; /* .glusterfs/00 … ff */
    int unlink_fd;    /* .glusterfs/unlink */
    int landfill_fd;  /* .glusterfs/landfill */
    int private_fd;   /* .glusterfs/clinker/making: for names that are being
                         made; emptied at start */
    int owner_fd;     /* our lock: one daemon a brick */
    uint64_t path_fds_max;    /* descriptors that inodes may hold */
    _Atomic(uint64_t) serial; /* of names in private_fd */
    struct mutex pgfid_mtx[16]; /* rank 50, by parent: counting in pgfid */
    dev_t dot_dev;    /* .glusterfs by (dev, ino): never shown */
    ino_t dot_ino;
    bool has_volume_id;
    struct gfid volume_id;
    struct inode *root;
    bool acl_supported;
    struct posix_health *health;
    struct posix_janitor *janitor;
};

/* --- descriptors (ref.c) ---
 * A descriptor for an inode: the held one of a directory or a hot inode, or
 * one opened for this use. O_RDONLY|O_DIRECTORY for directories, else O_PATH
 * (also of a symlink itself). */
struct posix_ref {
    int fd;
    bool owned;                     /* close it */
    struct inode_fd_holder *holder; /* or: let go of it */
};
/* For AUTO_REF variables. */
#define POSIX_REF_NONE {.fd = -1}
/* -ENOENT when the handle has gone from disk, or the inode was unlinked. With
 * fd given, its os_fd; fd must then outlive the ref. */
int posix_ref_get(struct posix *px, struct inode *inode, struct fd *fd,
                  struct posix_ref *ref);
void posix_ref_put(struct posix_ref *ref);
#define AUTO_REF __attribute__((cleanup(posix_ref_put)))
enum { POSIX_PROC_PATH_BYTES = 64 };
/* "/proc/self/fd/N": for calls that only take a path.  Returns buf. */
char *posix_proc_path(int fd, char buf[POSIX_PROC_PATH_BYTES]);
/* The directory's descriptor for one step below it. */
int posix_dir_ref(struct posix *px, struct inode *dir, struct posix_ref *ref);
/* Drop the held descriptor for good (the object was unlinked). */
void posix_ref_forget(struct inode *inode);
/* Give a descriptor that was just opened (of the kind above) to the inode to
 * hold, or to the ref.  st is the object's, which its handle leads to. */
void posix_ref_offer(struct posix *px, struct inode *inode, int fd,
                     const struct stat *st, struct posix_ref *ref);
/* openat2 of one name, beneath, no symlinks (O_NOFOLLOW|O_CLOEXEC added; with
 * O_PATH a symlink itself is opened).  Flags that Linux does not know are left
 * out, mode counts only where something is made. */
int posix_openat(int dirfd, const char *name, int flags, mode_t mode);

/* --- handles (handle.c) --- */
enum { HANDLE_NAME_BYTES = 3 + GFID_TEXT_BYTES }; /* "yy/<gfid>" */
/* Level-1 descriptor and the name below it. */
int handle_place(struct posix *px, const struct gfid *gfid,
                 char name[HANDLE_NAME_BYTES]);
/* Opening below a level-1 descriptor is safe with posix_openat(); calls that
 * change names or do not take a descriptor go by a level-2 one instead, since
 * a planted symlink in its place would be followed.  Made if `make`; the
 * caller closes it. */
int handle_level2(struct posix *px, const struct gfid *gfid, bool make);
/* The object of a gfid, whatever it is: *fd as posix_ref says, the caller's to
 * close.  -ENOENT when there is none, and then *dangling (may be NULL) says
 * whether a handle is there that leads nowhere. */
int handle_open(struct posix *px, const struct gfid *gfid, int *fd,
                struct stat *st, bool *dangling);
/* Remove a handle that handle_open() found dangling, if it still is. */
void handle_remove_dangling(struct posix *px, const struct gfid *gfid);
/* Of the object, through a directory's handle. -ENOENT. */
int handle_stat(struct posix *px, const struct gfid *gfid, struct stat *st);
/* Does it lead to the object that st is of? */
bool handle_leads_to(struct posix *px, const struct gfid *gfid,
                     const struct stat *st);
/* Is st the .glusterfs directory? */
bool handle_is_dot(const struct posix *px, const struct stat *st);
/* Make the handle for an entry just made or found without: hard link, or for a
 * directory the symlink to its place.  An equal one is fine, one that leads
 * nowhere is replaced.  -EEXIST when the gfid belongs to another live object;
 * -ESTALE when dirfd/name is not st's object any more.  The name must be there
 * before its handle: a handle alone is taken for a leftover. */
int handle_make(struct posix *px, const struct gfid *gfid, int dirfd,
                const struct gfid *parent, const char *name,
                const struct stat *st);
/* 0 also if there is none. */
int handle_remove(struct posix *px, const struct gfid *gfid);
/* A directory's handle for another place, in two steps, so that a full disk
 * shows before the directory is moved: begin() makes the new symlink, done()
 * puts it where the handle is, whatever is there, and takes no space for it.
 * end() follows whatever came of them. */
struct handle_move {
    struct gfid gfid;
    char temp[32]; /* its name in the private directory; "": none */
    int level2_fd;
};
int handle_move_begin(struct posix *px, const struct gfid *gfid,
                      const struct gfid *parent, const char *name,
                      struct handle_move *move);
int handle_move_done(struct posix *px, struct handle_move *move);
void handle_move_end(struct posix *px, struct handle_move *move);
/* All of it at once. */
int handle_move_dir(struct posix *px, const struct gfid *gfid,
                    const struct gfid *parent, const char *name);
/* Does the directory handle say (parent, name)?  1, 0, -errno. */
int handle_dir_is(struct posix *px, const struct gfid *gfid,
                  const struct gfid *parent, const char *name);
/* Parent and name out of a directory's handle; name NAME_MAX + 1 bytes. */
int handle_dir_read(struct posix *px, const struct gfid *gfid,
                    struct gfid *parent, char *name);
/* To .glusterfs/unlink and back; -ENOENT, back also -EEXIST. */
int handle_set_aside(struct posix *px, const struct gfid *gfid);
int handle_bring_back(struct posix *px, const struct gfid *gfid);
/* 0 also if there is none. */
int handle_aside_remove(struct posix *px, const struct gfid *gfid);

/* --- gfids and attributes (iatt.c) --- */
#define POSIX_GFID_XATTR "trusted.gfid"
#define POSIX_VOLUME_ID_XATTR "trusted.glusterfs.volume-id"
#define POSIX_MDATA_XATTR "trusted.glusterfs.mdata"
#define POSIX_ACL_ACCESS_XATTR "system.posix_acl_access"
#define POSIX_ACL_DEFAULT_XATTR "system.posix_acl_default"
/* Extended attributes of an open descriptor, O_PATH or not. */
ssize_t posix_fgetxattr(int fd, const char *name, void *value, size_t bytes);
ssize_t posix_flistxattr(int fd, char *names, size_t bytes);
int posix_fsetxattr(int fd, const char *name, const void *value, size_t bytes,
                    int flags);
int posix_fremovexattr(int fd, const char *name);
/* trusted.gfid of dirfd/name (not followed). -ENODATA; -EIO: wrong size. */
int posix_gfid_read(int dirfd, const char *name, struct gfid *gfid);
int posix_gfid_read_fd(int fd, struct gfid *gfid);
/* struct stat to iatt as clients know it (iatt.c), times from the inode's
 * mdata where it has one.  ref is an open descriptor of the object for reading
 * mdata the first time. */
void posix_iatt_fill(struct posix *px, struct inode *inode, int ref_fd,
                     const struct stat *st, struct iatt *out);
/* The same for a child that is not in the table. */
void posix_iatt_plain(const struct gfid *gfid, const struct stat *st,
                      struct iatt *out);
int posix_iatt_ref(struct posix *px, struct inode *inode, int ref_fd,
                   struct iatt *out);

/* --- ctime (mdata.c) --- */
/* The times of the inode's mdata: 1, or 0: it has none or `ctime` is off. */
int posix_mdata_get(struct posix *px, struct inode *inode, int ref_fd,
                    struct mdata *out);
/* Apply the caller's time flags (those of the object, or of the parent when
 * parent is true) to the inode and its xattr (doc/brick.md).  The first of the
 * two tells of an error, for who can still take back what the times are of;
 * the other logs it. */
int posix_mdata_try(struct posix *px, const struct caller *caller,
                    struct inode *inode, int ref_fd, bool parent);
void posix_mdata_apply(struct posix *px, const struct caller *caller,
                       struct inode *inode, int ref_fd, bool parent);
/* Exact atime/mtime from setattr where mdata exists, ctime to max. */
void posix_mdata_setattr(struct posix *px, const struct caller *caller,
                         struct inode *inode, int ref_fd,
                         const struct iatt *set, uint32_t valid);
/* Create, or raise each time to the maximum. */
int posix_mdata_merge(struct posix *px, struct inode *inode, int ref_fd,
                      const struct mdata *md);
int posix_mdata_parse(const uint8_t *value, size_t bytes, struct mdata *md);
enum { MDATA_BYTES = 57 };
void posix_mdata_format(const struct mdata *md, uint8_t out[MDATA_BYTES]);

/* --- back references (backref.c): gfid2path and pgfid --- */
int backref_add(struct posix *px, int ref_fd, const struct gfid *parent,
                const char *name, uint32_t nlink_after);
void backref_remove(struct posix *px, int ref_fd, const struct gfid *parent,
                    const char *name);

/* pgfid of (parent) where it is on and absent: set to 1.  Errors are logged. */
void backref_note(struct posix *px, int ref_fd, const struct gfid *parent);
#define GFID2PATH_XATTR_PREFIX "trusted.gfid2path."
enum {
    GFID2PATH_NAME_BYTES = sizeof(GFID2PATH_XATTR_PREFIX) + 16, /* with NUL */
    GFID2PATH_VALUE_BYTES = 1024,
};
/* Name of the xattr and its value, for (parent, name). Returns the bytes of
 * value, without a NUL (which is written as well). */
size_t backref_format(const struct gfid *parent, const char *name,
                      char xattr[GFID2PATH_NAME_BYTES],
                      char value[GFID2PATH_VALUE_BYTES]);
/* Parent and name out of a value; name NAME_MAX + 1 bytes. -EINVAL. */
int backref_parse(const char *value, size_t bytes, struct gfid *parent,
                  char *name);

/* --- reserved space (reserve.c) ---
 * Would `more` bytes cross the reserve?  0 or -ENOSPC; internal callers and
 * requests with glusterfs-internal-fop pass. */
int posix_reserve_check(struct posix_call *c, uint64_t more);
/* Take what is reserved off what statfs says is free. */
void posix_reserve_statfs(struct posix *px, struct statvfs *sv);

/* --- entries (known.c) ---
 * The inode of an entry that is open as fd.  Unless the table knows it to be
 * this very object, its handle is looked at, and mended where it is not right
 * (st is then read anew).  1: the name is a copy, made behind our back, of the
 * object that has the gfid, and the inode that one's; -ESTALE: even of another
 * kind; -ENOENT: the name has changed meanwhile. */
int known_inode(struct posix_call *c, struct inode *parent, int dirfd,
                const char *name, const struct gfid *gfid, int fd,
                struct stat *st, struct inode **out);
/* Is the name, where `seen` was seen, a copy of what the inode is?  1, 0 (it
 * is the object now, or has another gfid), -errno. */
int known_is_copy(struct posix *px, struct inode *inode, int dirfd,
                  const char *name, const struct stat *seen);

/* --- names (name.c) ---
 * One component: not empty, no '/', no NUL, at most 255 bytes, not "." or
 * "..".  0, -EPERM, -ENAMETOOLONG, -EINVAL. */
int posix_name_check(const char *name);
bool posix_name_is_hidden(const struct inode *parent, const char *name);

/* --- content keys (content.c) ---
 * Answers what c->xdata asks for into `reply`. `name` and
 * dirfd only where the object was reached by name. */
int posix_content_keys(struct posix_call *c, struct inode *inode, int ref_fd,
                       const struct iatt *stat, const struct dict *asked,
                       struct dict *reply);

/* --- ACL cache --- */
void posix_acl_changed(struct inode *inode);

/* --- trees in landfill (janitor.c) --- */
/* Remove what is below dirfd, handles too; *stop (may be NULL) ends it early.
 * Errors are logged.  Returns how many entries could not be removed. */
uint64_t posix_purge(struct posix *px, int dirfd,
                     const _Atomic(bool) *stop);

/* --- background --- */
int posix_health_start(struct posix *px);
void posix_health_stop(struct posix *px);
void posix_health_on_dead(struct posix *px, void (*fn)(void *arg, int error),
                          void *arg);
/* Its options have changed. */
void posix_health_wake(struct posix *px);
void posix_health_dump(struct posix *px, struct dump *d);
int posix_janitor_start(struct posix *px);
void posix_janitor_stop(struct posix *px);
/* Look now. */
void posix_janitor_wake(struct posix *px);

#endif
