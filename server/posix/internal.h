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
    int owner_fd;     /* our lock: one daemon a brick */
    dev_t dot_dev;    /* .glusterfs by (dev, ino): never shown */
    ino_t dot_ino;
    bool has_volume_id;
    struct gfid volume_id;
    struct inode *root;
    bool acl_supported;
    struct posix_health *health;
    struct posix_janitor *janitor;
    void (*dead_fn)(void *arg, int error);
    void *dead_arg;
};

/* --- descriptors (ref.c) ---
 * A descriptor for an inode: the held one of a directory or a hot inode, or
 * one opened for this use. O_RDONLY|O_DIRECTORY for directories, else O_PATH
 * (also of a symlink itself). */
struct posix_ref {
    int fd;
    bool owned; /* close it */
};
/* -ENOENT when the handle has gone from disk. With fd given, its os_fd. */
int posix_ref_get(struct posix *px, struct inode *inode, struct fd *fd,
                  struct posix_ref *ref);
void posix_ref_put(struct posix_ref *ref);
#define AUTO_REF __attribute__((cleanup(posix_ref_put)))
enum { POSIX_PROC_PATH_BYTES = 64 };
/* "/proc/self/fd/N": for calls that only take a path.  Returns buf. */
char *posix_proc_path(int fd, char buf[POSIX_PROC_PATH_BYTES]);
/* The directory's descriptor for one step below it. */
int posix_dir_ref(struct posix *px, struct inode *dir, struct posix_ref *ref);
/* Drop the held descriptor (the object was unlinked). */
void posix_ref_forget(struct inode *inode);
/* openat2 of one name, beneath, no symlinks (O_NOFOLLOW|O_CLOEXEC added). */
int posix_openat(int dirfd, const char *name, int flags, mode_t mode);

/* --- handles (handle.c) --- */
enum { HANDLE_NAME_BYTES = 3 + GFID_TEXT_BYTES }; /* "yy/<gfid>" */
/* Level-1 descriptor and the name below it. */
int handle_place(struct posix *px, const struct gfid *gfid,
                 char name[HANDLE_NAME_BYTES]);
int handle_stat(struct posix *px, const struct gfid *gfid, struct stat *st);
/* Make the handle for an entry just made or found without: hard link, or for a
 * directory the symlink to its place.  An equal one is fine.  -EEXIST when the
 * gfid belongs to another live object. */
int handle_make(struct posix *px, const struct gfid *gfid, int dirfd,
                const struct gfid *parent, const char *name,
                const struct stat *st);
int handle_remove(struct posix *px, const struct gfid *gfid);
/* A directory's handle after rename. */
int handle_move_dir(struct posix *px, const struct gfid *gfid,
                    const struct gfid *parent, const char *name);
/* Does the directory handle say (parent, name)?  1, 0, -errno. */
int handle_dir_is(struct posix *px, const struct gfid *gfid,
                  const struct gfid *parent, const char *name);
/* Parent and name out of a directory's handle; name NAME_MAX + 1 bytes. */
int handle_dir_read(struct posix *px, const struct gfid *gfid,
                    struct gfid *parent, char *name);
/* To .glusterfs/unlink and back. */
int handle_set_aside(struct posix *px, const struct gfid *gfid);
int handle_bring_back(struct posix *px, const struct gfid *gfid);
int handle_aside_remove(struct posix *px, const struct gfid *gfid);

/* --- gfids and attributes (iatt.c) --- */
/* trusted.gfid of dirfd/name (not followed). -ENODATA; -EIO for a wrong size. */
int posix_gfid_read(int dirfd, const char *name, struct gfid *gfid);
int posix_gfid_read_fd(int fd, struct gfid *gfid);
/* struct stat to iatt by the rules of storage.md 2.1, times from the inode's
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
/* Apply the caller's time flags (those of the object, or of the parent when
 * parent is true) to the inode: storage.md 2.2. Errors are logged. */
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

/* --- reserved space (reserve.c) ---
 * Would `more` bytes cross the reserve?  0 or -ENOSPC; internal callers and
 * requests with glusterfs-internal-fop pass. */
int posix_reserve_check(struct posix_call *c, uint64_t more);
/* statfs arithmetic of storage.md 3.11. */
void posix_reserve_statfs(struct posix *px, struct statvfs *sv);

/* --- names (name.c) ---
 * One component: not empty, no '/', no NUL, at most 255 bytes, not "." or
 * "..".  0, -EPERM, -ENAMETOOLONG, -EINVAL. */
int posix_name_check(const char *name);
bool posix_name_is_hidden(const struct inode *parent, const char *name);

/* --- content keys (content.c) ---
 * Answers what c->xdata asks for (storage.md 3.7) into `reply`. `name` and
 * dirfd only where the object was reached by name. */
int posix_content_keys(struct posix_call *c, struct inode *inode, int ref_fd,
                       const struct iatt *stat, const struct dict *asked,
                       struct dict *reply);

/* --- ACL cache --- */
void posix_acl_changed(struct inode *inode);

/* --- background --- */
int posix_health_start(struct posix *px);
void posix_health_stop(struct posix *px);
int posix_janitor_start(struct posix *px);
void posix_janitor_stop(struct posix *px);

#endif
