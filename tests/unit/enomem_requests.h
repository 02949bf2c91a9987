/* SPDX-License-Identifier: BSD-2-Clause */
/* A request of each file operation, put together and not sent, on a small tree:
 * what test_enomem_fops.c makes fail. */
#ifndef CLINKER_TESTS_UNIT_ENOMEM_REQUESTS_H
#define CLINKER_TESTS_UNIT_ENOMEM_REQUESTS_H

#include "server/core/dict.h"
#include "tests/unit/server_scene.h"

enum { LK_GET = 0, LK_SET = 1 };
enum { READ_LOCK = 0, WRITE_LOCK = 1, NO_LOCK = 2 };

/* Who asks, and what it has open. */
extern struct peer *p;
extern int64_t fd_file, fd_dir;
extern const struct gfid g_dir, g_file, g_victim, g_empty, g_link, g_new,
    g_sub, g_two;

struct pair {
    const char *key;
    enum dict_type type;
    const char *text; /* STR, PTR */
    uint64_t number;  /* INT, UINT */
    const struct gfid *gfid;
};

void put_pairs(const struct pair *pairs, uint32_t count);
void put_asked(void);
void put_asked_new(const struct gfid *gfid);
void put_gfid_only(const struct gfid *gfid);
void put_attr(uint32_t uid, uint32_t gid, uint32_t mode);
void fop(enum fop_proc proc, const struct gfid *gfid);
void must_do(void);
void on_fd(enum fop_proc proc);
void b_create(void);
void b_create_read_only(void);
void b_create_there(void);
void make_node(const char *name, const struct gfid *gfid, uint32_t mode);
void b_mknod(void);
void b_mkfifo(void);
void b_mknod_link(void);
void b_mkdir(void);
void b_symlink(void);
void b_link(void);
void unlink_name(const char *name);
void rmdir_name(const char *name);
void b_unlink(void);
void b_unlink_one_of_two(void);
void b_rmdir(void);
void rename_name(const char *from, const char *to);
void b_rename(void);
void b_rename_over(void);
void b_rename_dir(void);
void b_rename_dir_over(void);
void b_setattr(void);
void b_fsetattr(void);
void b_truncate(void);
void b_ftruncate(void);
void write_text(const char *text, int64_t fd);
void b_write(void);
void b_write_anonymous(void);
void b_fallocate(void);
void b_discard(void);
void b_zerofill(void);
void put_values(void);
void b_setxattr(void);
void b_fsetxattr(void);
void b_removexattr(void);
void b_removexattr_bulk(void);
void lookup(const struct gfid *gfid, const struct gfid *parent,
    const char *name);
void b_lookup(void);
void b_lookup_dir(void);
void b_lookup_gfid(void);
void b_stat(void);
void b_fstat(void);
void b_access(void);
void b_read(void);
void b_readlink(void);
void b_statfs(void);
void get_key(const struct gfid *gfid, const char *name);
void b_getxattr(void);
void b_getxattr_all(void);
void b_getxattr_path(void);
void b_getxattr_pathinfo(void);
void b_getxattr_acl(void);
void b_getxattr_queues(void);
void b_fgetxattr(void);
void b_open(void);
void b_opendir(void);
void list_dir(enum fop_proc proc);
void b_readdir(void);
void b_readdirp(void);
void b_flush(void);
void b_fsync(void);
void b_seek(void);
void b_rchecksum(void);
void b_copy(void);
void lk(uint32_t cmd, uint32_t type, uint64_t start, uint64_t len);
void b_lock(void);
void b_lock_test(void);
void b_unlock_middle(void);

#endif
