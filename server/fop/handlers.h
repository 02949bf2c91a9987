/* SPDX-License-Identifier: BSD-2-Clause */
/* The handlers of file operations, by family; handlers.c has them by
 * procedure. */
#ifndef CLINKER_SERVER_FOP_HANDLERS_H
#define CLINKER_SERVER_FOP_HANDLERS_H

#include "server/fop/run.h"

extern const fop_handler fop_handlers[FOP_PROCS];

/* fop_entry.c */
int64_t fop_lookup(struct call *c);
int64_t fop_mknod(struct call *c);
int64_t fop_mkdir(struct call *c);
int64_t fop_symlink(struct call *c);
int64_t fop_create(struct call *c);
int64_t fop_link(struct call *c);
int64_t fop_unlink(struct call *c);
int64_t fop_rmdir(struct call *c);
int64_t fop_rename(struct call *c);
int64_t fop_icreate(struct call *c);
int64_t fop_namelink(struct call *c);
/* fop_dir.c */
int64_t fop_opendir(struct call *c);
int64_t fop_readdir(struct call *c);
int64_t fop_readdirp(struct call *c);
int64_t fop_fsyncdir(struct call *c);
/* fop_data.c */
int64_t fop_open(struct call *c);
int64_t fop_read(struct call *c);
int64_t fop_write(struct call *c);
int64_t fop_flush(struct call *c);
int64_t fop_fsync(struct call *c);
int64_t fop_truncate(struct call *c);
int64_t fop_ftruncate(struct call *c);
int64_t fop_fallocate(struct call *c);
int64_t fop_discard(struct call *c);
int64_t fop_zerofill(struct call *c);
int64_t fop_seek(struct call *c);
int64_t fop_rchecksum(struct call *c);
int64_t fop_copy_file_range(struct call *c);
int64_t fop_release(struct call *c);
/* fop_attr.c */
int64_t fop_stat(struct call *c);
int64_t fop_fstat(struct call *c);
int64_t fop_setattr(struct call *c);
int64_t fop_fsetattr(struct call *c);
int64_t fop_access(struct call *c);
int64_t fop_statfs(struct call *c);
int64_t fop_readlink(struct call *c);
/* fop_xattr.c */
int64_t fop_setxattr(struct call *c);
int64_t fop_fsetxattr(struct call *c);
int64_t fop_getxattr(struct call *c);
int64_t fop_fgetxattr(struct call *c);
int64_t fop_removexattr(struct call *c);
int64_t fop_fremovexattr(struct call *c);
/* fop_heal.c */
int64_t fop_xattrop(struct call *c);
int64_t fop_fxattrop(struct call *c);
/* fop_lock.c */
int64_t fop_lk(struct call *c);
/* fop_internal.c */
int64_t fop_inodelk(struct call *c);
int64_t fop_finodelk(struct call *c);
int64_t fop_entrylk(struct call *c);
int64_t fop_fentrylk(struct call *c);
/* fop_activelk.c */
int64_t fop_getactivelk(struct call *c);
int64_t fop_setactivelk(struct call *c);
/* fop_clear.c: for GETXATTR, of a name that is an order about locks. */
bool fop_is_clear(const char *name, bool by_fd);
int64_t fop_clear(struct call *c, struct inode *inode, const char *name);
/* fop_ipc.c */
int64_t fop_ipc(struct call *c);

#endif
