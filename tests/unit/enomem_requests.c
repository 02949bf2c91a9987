/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/enomem_requests.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "mem/must.h"
#include "server/core/iatt.h"
#include "server/wire/types.h"

/* --- what is there --- */

const struct gfid g_dir = {{0xd1, 1}}, g_file = {{0xf1, 2}},
                         g_victim = {{0xf2, 3}}, g_empty = {{0xd2, 4}},
                         g_link = {{0x51, 5}}, g_new = {{0xaa, 6}},
                         g_sub = {{0xd3, 7}}, g_two = {{0xf3, 8}};
struct peer *p;
int64_t fd_file, fd_dir;

/* --- dictionaries --- */

void
put_pairs(const struct pair *pairs, uint32_t count)
{
    size_t start = p->used, end;

    put_u32(p, 0);
    put_u32(p, count);
    put_u32(p, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct pair *pair = &pairs[i];

        put_bytes(p, pair->key, (uint32_t)strlen(pair->key) + 1);
        put_u32(p, pair->type);
        if (pair->type == DICT_GFUUID)
            put_gfid(p, pair->gfid);
        else if (pair->type == DICT_INT || pair->type == DICT_UINT)
            put_u64(p, pair->number);
        else
            put_bytes(p, pair->text, (uint32_t)strlen(pair->text) +
                                         (pair->type == DICT_STR));
    }
    end = p->used;
    p->used = start;
    put_u32(p, (uint32_t)(end - start - 12));
    p->used = end;
}

/* What is asked for with most operations: counts, attributes. */
#define ASKED                                                                  \
    {.key = "glusterfs.posixlk-count", .type = DICT_UINT},                     \
        {.key = "glusterfs.inodelk-count", .type = DICT_UINT},                 \
        {.key = "glusterfs.entrylk-count", .type = DICT_UINT},                 \
        {.key = "glusterfs.parent-entrylk", .type = DICT_UINT},                \
        {.key = "glusterfs.inodelk-dom-count", .type = DICT_STR, .text = "x"}, \
        {.key = "get-link-count", .type = DICT_UINT},                          \
        {.key = "gf_request_link_count", .type = DICT_UINT},                   \
        {.key = "gf_get_file_block_count", .type = DICT_UINT},                 \
        {.key = "link-count", .type = DICT_STR,                                \
         .text = "glusterfs.xattrop_index_count"},                             \
        {.key = "dht-get-iatt-in-xattr", .type = DICT_UINT},                   \
        {.key = "user.one", .type = DICT_UINT}

void
put_asked(void)
{
    static const struct pair pairs[] = {ASKED};

    put_pairs(pairs, COUNT_OF(pairs));
}

void
put_asked_new(const struct gfid *gfid)
{
    const struct pair pairs[] = {
        {.key = "gfid-req", .type = DICT_GFUUID, .gfid = gfid},
        {.key = "trusted.number", .type = DICT_INT, .number = 7},
        {.key = "user.text", .type = DICT_STR, .text = "some text"},
        {.key = "trusted.other", .type = DICT_UINT, .number = 8},
        ASKED,
    };

    put_pairs(pairs, COUNT_OF(pairs));
}

void
put_gfid_only(const struct gfid *gfid)
{
    put_gfid_req(p, gfid);
}

void
put_attr(uint32_t uid, uint32_t gid, uint32_t mode)
{
    for (size_t i = 0; i < WIRE_IATT_BYTES / 4 - 4; i++)
        put_u32(p, 0);
    put_u32(p, uid);
    put_u32(p, gid);
    put_u32(p, 0);
    put_u32(p, mode);
}

/* --- requests --- */

void
fop(enum fop_proc proc, const struct gfid *gfid)
{
    peer_begin_fop(p, proc);
    put_gfid(p, gfid);
}

void
must_do(void)
{
    int32_t op_errno, op_ret = peer_call(p, &op_errno);

    ck_assert_msg(op_ret >= 0, "%s", strerror(op_errno));
}

void
on_fd(enum fop_proc proc)
{
    fop(proc, &g_file);
    put_u64(p, (uint64_t)fd_file);
}

void
b_create(void)
{
    fop(FOP_CREATE, &g_dir);
    put_u32(p, O_RDWR);
    put_u32(p, 0644);
    put_u32(p, 022);
    put_text(p, "new");
    put_asked_new(&g_new);
}

void
b_create_read_only(void)
{
    fop(FOP_CREATE, &g_dir);
    put_u32(p, O_RDONLY | O_EXCL);
    put_u32(p, 0644);
    put_u32(p, 022);
    put_text(p, "new");
    put_asked_new(&g_new);
}

void
b_create_there(void)
{
    fop(FOP_CREATE, &g_dir);
    put_u32(p, O_RDWR);
    put_u32(p, 0644);
    put_u32(p, 022);
    put_text(p, "file");
    put_asked_new(&g_new);
}

void
make_node(const char *name, const struct gfid *gfid, uint32_t mode)
{
    fop(FOP_MKNOD, &g_dir);
    put_u64(p, 0);
    put_u32(p, mode);
    put_u32(p, 022);
    put_text(p, name);
    put_gfid_only(gfid);
}

void
b_mknod(void)
{
    fop(FOP_MKNOD, &g_dir);
    put_u64(p, 0);
    put_u32(p, S_IFREG | 0640);
    put_u32(p, 022);
    put_text(p, "new");
    put_asked_new(&g_new);
}

void
b_mkfifo(void)
{
    fop(FOP_MKNOD, &g_dir);
    put_u64(p, 0);
    put_u32(p, S_IFIFO | 0640);
    put_u32(p, 022);
    put_text(p, "new");
    put_asked_new(&g_new);
}

/* As distribute does: one more name for a gfid that is there. */
void
b_mknod_link(void)
{
    const struct pair pairs[] = {
        {.key = "gfid-req", .type = DICT_GFUUID, .gfid = &g_file},
        {.key = "glusterfs-internal-fop", .type = DICT_STR, .text = "yes"},
        {.key = "trusted.number", .type = DICT_INT, .number = 7},
        ASKED,
    };

    fop(FOP_MKNOD, &g_dir);
    put_u64(p, 0);
    put_u32(p, S_IFREG | 0640);
    put_u32(p, 022);
    put_text(p, "new");
    put_pairs(pairs, COUNT_OF(pairs));
}

void
b_mkdir(void)
{
    fop(FOP_MKDIR, &g_dir);
    put_u32(p, 0755);
    put_u32(p, 022);
    put_text(p, "new");
    put_asked_new(&g_new);
}

void
b_symlink(void)
{
    fop(FOP_SYMLINK, &g_dir);
    put_text(p, "new");
    put_u32(p, 022);
    put_text(p, "/some/where");
    put_asked_new(&g_new);
}

void
b_link(void)
{
    fop(FOP_LINK, &g_file);
    put_gfid(p, &g_dir);
    put_text(p, "new");
    put_asked();
}

void
unlink_name(const char *name)
{
    fop(FOP_UNLINK, &g_dir);
    put_text(p, name);
    put_u32(p, 0);
    put_asked();
}

void
rmdir_name(const char *name)
{
    fop(FOP_RMDIR, &g_dir);
    put_u32(p, 0);
    put_text(p, name);
    put_asked();
}

void
b_unlink(void)
{
    unlink_name("victim");
}

void
b_unlink_one_of_two(void)
{
    unlink_name("second");
}

void
b_rmdir(void)
{
    rmdir_name("empty");
}

void
rename_name(const char *from, const char *to)
{
    fop(FOP_RENAME, &g_dir);
    put_gfid(p, &g_dir);
    put_text(p, from);
    put_text(p, to);
    put_asked();
}

void
b_rename(void)
{
    rename_name("file", "new");
}

void
b_rename_over(void)
{
    rename_name("file", "victim");
}

void
b_rename_dir(void)
{
    rename_name("sub", "new");
}

void
b_rename_dir_over(void)
{
    rename_name("sub", "empty");
}

void
b_setattr(void)
{
    fop(FOP_SETATTR, &g_file);
    put_attr(12, 13, 0600);
    put_u32(p, SETATTR_MODE | SETATTR_UID | SETATTR_GID);
    put_asked();
}

void
b_fsetattr(void)
{
    on_fd(FOP_FSETATTR);
    put_attr(12, 13, 0600);
    put_u32(p, SETATTR_MODE | SETATTR_UID | SETATTR_GID);
    put_asked();
}

void
b_truncate(void)
{
    fop(FOP_TRUNCATE, &g_file);
    put_u64(p, 3);
    put_asked();
}

void
b_ftruncate(void)
{
    on_fd(FOP_FTRUNCATE);
    put_u64(p, 3);
    put_asked();
}

void
write_text(const char *text, int64_t fd)
{
    size_t bytes = strlen(text);

    fop(FOP_WRITE, &g_file);
    put_u64(p, (uint64_t)fd);
    put_u64(p, 0);
    put_u32(p, (uint32_t)bytes);
    put_u32(p, 0);
    put_asked();
    memcpy(p->out + p->used, text, bytes);
    p->used += bytes;
}

void
b_write(void)
{
    write_text("something else", fd_file);
}

void
b_write_anonymous(void)
{
    write_text("something else", -2);
}

void
b_fallocate(void)
{
    on_fd(FOP_FALLOCATE);
    put_u32(p, 0);
    put_u64(p, 0);
    put_u64(p, 8192);
    put_asked();
}

void
b_discard(void)
{
    on_fd(FOP_DISCARD);
    put_u64(p, 0);
    put_u64(p, 4096);
    put_asked();
}

void
b_zerofill(void)
{
    on_fd(FOP_ZEROFILL);
    put_u64(p, 1);
    put_u64(p, 6000);
    put_asked();
}

void
put_values(void)
{
    static const struct pair pairs[] = {
        {.key = "user.first", .type = DICT_PTR, .text = "a"},
        {.key = "user.second", .type = DICT_INT, .number = 44},
        {.key = "glusterfs.posix.acl", .type = DICT_STR,
         .text = "user::rw-,user:77:rw-,group::r--,mask::rw-,other::r--"},
        {.key = "user.third", .type = DICT_UINT, .number = 45},
        {.key = "user.fourth", .type = DICT_PTR, .text = "b"},
    };

    put_pairs(pairs, COUNT_OF(pairs));
}

void
b_setxattr(void)
{
    fop(FOP_SETXATTR, &g_file);
    put_u32(p, 0);
    put_values();
    put_asked();
}

void
b_fsetxattr(void)
{
    on_fd(FOP_FSETXATTR);
    put_u32(p, 0);
    put_values();
    put_asked();
}

void
b_removexattr(void)
{
    fop(FOP_REMOVEXATTR, &g_file);
    put_text(p, "user.one");
    put_asked();
}

void
b_removexattr_bulk(void)
{
    static const struct pair pairs[] = {
        {.key = "user.one", .type = DICT_UINT},
        {.key = "user.two", .type = DICT_UINT},
    };

    fop(FOP_REMOVEXATTR, &g_file);
    put_text(p, "");
    put_pairs(pairs, COUNT_OF(pairs));
}

void
lookup(const struct gfid *gfid, const struct gfid *parent, const char *name)
{
    fop(FOP_LOOKUP, gfid);
    put_gfid(p, parent);
    put_u32(p, 0);
    put_text(p, name);
    put_asked();
}

void
b_lookup(void)
{
    lookup(&gfid_null, &g_dir, "file");
}

void
b_lookup_dir(void)
{
    lookup(&gfid_null, &g_dir, "sub");
}

void
b_lookup_gfid(void)
{
    lookup(&g_victim, &gfid_null, "");
}

void
b_stat(void)
{
    fop(FOP_STAT, &g_victim);
    put_asked();
}

void
b_fstat(void)
{
    on_fd(FOP_FSTAT);
    put_asked();
}

void
b_access(void)
{
    p->uid = 1000;
    p->gid = 1000;
    fop(FOP_ACCESS, &g_file);
    p->uid = p->gid = 0;
    put_u32(p, 4);
    put_asked();
}

void
b_read(void)
{
    on_fd(FOP_READ);
    put_u64(p, 0);
    put_u32(p, 100);
    put_u32(p, 0);
    put_asked();
}

void
b_readlink(void)
{
    fop(FOP_READLINK, &g_link);
    put_u32(p, 4096);
    put_asked();
}

void
b_statfs(void)
{
    fop(FOP_STATFS, &g_sub);
    put_asked();
}

void
get_key(const struct gfid *gfid, const char *name)
{
    fop(FOP_GETXATTR, gfid);
    put_u32(p, name[0] != '\0');
    put_text(p, name);
    put_asked();
}

void
b_getxattr(void)
{
    get_key(&g_file, "user.one");
}

void
b_getxattr_all(void)
{
    get_key(&g_file, "");
}

void
b_getxattr_path(void)
{
    get_key(&g_sub, "glusterfs.ancestry.path");
}

void
b_getxattr_pathinfo(void)
{
    get_key(&g_file, "trusted.glusterfs.pathinfo");
}

void
b_getxattr_acl(void)
{
    get_key(&g_file, "glusterfs.posix.acl");
}

void
b_getxattr_queues(void)
{
    get_key(&g_file, "io-thread-queue-size");
}

void
b_fgetxattr(void)
{
    on_fd(FOP_FGETXATTR);
    put_u32(p, 1);
    put_text(p, "user.one");
    put_asked();
}

void
b_open(void)
{
    fop(FOP_OPEN, &g_victim);
    put_u32(p, O_RDWR);
    put_asked();
}

void
b_opendir(void)
{
    fop(FOP_OPENDIR, &g_empty);
    put_asked();
}

void
list_dir(enum fop_proc proc)
{
    fop(proc, &g_dir);
    put_u64(p, (uint64_t)fd_dir);
    put_u64(p, 0);
    put_u32(p, 65536);
    put_asked();
}

void
b_readdir(void)
{
    list_dir(FOP_READDIR);
}

void
b_readdirp(void)
{
    list_dir(FOP_READDIRP);
}

void
b_flush(void)
{
    on_fd(FOP_FLUSH);
    put_asked();
}

void
b_fsync(void)
{
    on_fd(FOP_FSYNC);
    put_u32(p, 1);
    put_asked();
}

void
b_seek(void)
{
    on_fd(FOP_SEEK);
    put_u64(p, 0);
    put_u32(p, 0);
    put_asked();
}

void
b_rchecksum(void)
{
    on_fd(FOP_RCHECKSUM);
    put_u64(p, 0);
    put_u32(p, 100);
    put_u32(p, 0);
    put_asked();
}

void
b_copy(void)
{
    fop(FOP_COPY_FILE_RANGE, &g_file);
    put_gfid(p, &g_file);
    put_u64(p, (uint64_t)fd_file);
    put_u64(p, (uint64_t)fd_file);
    put_u64(p, 0);
    put_u64(p, 20);
    put_u32(p, 5);
    put_u32(p, 0);
    put_asked();
}

/* The same owner at all times; `len` bytes from `start`. */
void
lk(uint32_t cmd, uint32_t type, uint64_t start, uint64_t len)
{
    on_fd(FOP_LK);
    put_u32(p, cmd);
    put_u32(p, type);
    put_u32(p, type);
    put_u32(p, 0);
    put_u64(p, start);
    put_u64(p, len);
    put_u32(p, (uint32_t)p->pid);
    put_bytes(p, p->owner, sizeof(p->owner));
    put_asked();
}


void
b_lock(void)
{
    lk(LK_SET, WRITE_LOCK, 0, 100);
}

void
b_lock_test(void)
{
    lk(LK_GET, WRITE_LOCK, 0, 100);
}

void
b_unlock_middle(void)
{
    lk(LK_SET, NO_LOCK, 10, 10);
}
