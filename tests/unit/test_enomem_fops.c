/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every file operation with its first allocation failing, its second, and so
 * on until none is left to fail; and then from each on, as at the limit.
 *
 * Whatever fails, the client gets an answer or the end of its connection, and
 * the brick is as it was before or as it is after the operation, to the last
 * xattr: as before if the answer is ENOMEM.  A success is a whole one, and its
 * reply is as long as ever.  Then the operation is tried again, and works.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "mem/account.h"
#include "mem/must.h"
#include "rpc/program.h"
#include "rpc/record.h"
#include "server/core/iatt.h"
#include "server/wire/types.h"
#include "tests/unit/brick_tree.h"
#include "tests/unit/enomem_requests.h"
#include "tests/unit/mem_fault.h"
#include "tests/unit/server_scene.h"

#ifdef __SANITIZE_ADDRESS__
enum { STEP = 3 }; /* of allocations, since each takes its time there */
#else
enum { STEP = 1 };
#endif
enum {
    ALLOCATIONS_MAX = 400, /* of one operation; far beyond any */
    BATCH = 8,
};

/* --- before and after --- */

static void
u_new_file(void)
{
    unlink_name("new");
    must_do();
}

static int64_t fd_got; /* of the last answer that has one */

static void
release(const struct gfid *gfid, int64_t fd)
{
    if (fd < 0)
        return;
    fop(FOP_RELEASE, gfid);
    put_u64(p, (uint64_t)fd);
    put_no_dict(p);
    must_do();
}

static void
u_created(void)
{
    release(&g_new, fd_got);
    u_new_file();
}

static void
u_opened(void)
{
    release(&g_file, fd_got);
}

static void
u_new_dir(void)
{
    rmdir_name("new");
    must_do();
}

static void
u_victim(void)
{
    make_node("victim", &g_victim, S_IFREG | 0644);
    must_do();
}

static void
u_second(void)
{
    fop(FOP_LINK, &g_two);
    put_gfid(p, &g_dir);
    put_text(p, "second");
    put_no_dict(p);
    must_do();
}

static void
make_dir(const struct gfid *parent, const char *name, const struct gfid *gfid)
{
    fop(FOP_MKDIR, parent);
    put_u32(p, 0755);
    put_u32(p, 022);
    put_text(p, name);
    put_gfid_only(gfid);
    must_do();
}

static void
u_empty(void)
{
    make_dir(&g_dir, "empty", &g_empty);
}

static void
u_rename(void)
{
    rename_name("new", "file");
    must_do();
}

static void
u_rename_over(void)
{
    rename_name("victim", "file");
    must_do();
    u_victim();
}

static void
u_rename_dir(void)
{
    rename_name("new", "sub");
    must_do();
}

static void
u_rename_dir_over(void)
{
    rename_name("empty", "sub");
    must_do();
    u_empty();
}

static void
u_setattr(void)
{
    fop(FOP_SETATTR, &g_file);
    put_attr(0, 0, 0644);
    put_u32(p, SETATTR_MODE | SETATTR_UID | SETATTR_GID);
    put_no_dict(p);
    must_do();
}

static const char content[] = "the content of the file";

static void
u_data(void)
{
    fop(FOP_TRUNCATE, &g_file);
    put_u64(p, 0);
    put_no_dict(p);
    must_do();
    write_text(content, fd_file);
    must_do();
}

static void
remove_key(const char *key)
{
    fop(FOP_REMOVEXATTR, &g_file);
    put_text(p, key);
    put_no_dict(p);
    must_do();
}

static void
u_setxattr(void)
{
    remove_key("user.first");
    remove_key("user.second");
    remove_key("user.third");
    remove_key("user.fourth");
    remove_key("system.posix_acl_access");
    u_setattr();
}

static void
u_removexattr(void)
{
    static const struct pair pairs[] = {
        {.key = "user.one", .type = DICT_PTR, .text = "1"},
        {.key = "user.two", .type = DICT_PTR, .text = "2"},
    };

    fop(FOP_SETXATTR, &g_file);
    put_u32(p, 0);
    put_pairs(pairs, COUNT_OF(pairs));
    put_no_dict(p);
    must_do();
}

static void
u_mknod_link(void)
{
    u_new_file();
    remove_key("trusted.number");
}

static void
u_locked(void)
{
    lk(LK_SET, NO_LOCK, 0, 0);
    must_do();
}

static void
p_lock(void)
{
    lk(LK_SET, WRITE_LOCK, 0, 100);
    must_do();
}

static void
nothing(void)
{
}

/* The fd's number stands behind xdata, in CREATE's reply behind attributes. */
enum fd_place { NO_FD, FD_FIRST, FD_BEHIND_IATT };

static const struct op {
    const char *name;
    void (*build)(void);
    void (*undo)(void);
    enum fd_place fd;
    void (*prepare)(void); /* before each run */
    bool short_reply;      /* a shorter one will do */
} ops[] = {
    {"CREATE", b_create, u_created, FD_BEHIND_IATT, NULL, false},
    {"CREATE, to read", b_create_read_only, u_created, FD_BEHIND_IATT, NULL,
     false},
    {"CREATE of what is there", b_create_there, u_opened, FD_BEHIND_IATT,
     NULL, false},
    {"MKNOD", b_mknod, u_new_file, NO_FD, NULL, false},
    {"MKNOD of a fifo", b_mkfifo, u_new_file, NO_FD, NULL, false},
    {"MKNOD of one more name", b_mknod_link, u_mknod_link, NO_FD, NULL, false},
    {"MKDIR", b_mkdir, u_new_dir, NO_FD, NULL, false},
    {"SYMLINK", b_symlink, u_new_file, NO_FD, NULL, false},
    {"LINK", b_link, u_new_file, NO_FD, NULL, false},
    {"UNLINK", b_unlink, u_victim, NO_FD, NULL, false},
    {"UNLINK of one of two", b_unlink_one_of_two, u_second, NO_FD, NULL, false},
    {"RMDIR", b_rmdir, u_empty, NO_FD, NULL, false},
    {"RENAME", b_rename, u_rename, NO_FD, NULL, false},
    {"RENAME over a file", b_rename_over, u_rename_over, NO_FD, NULL, false},
    {"RENAME of a directory", b_rename_dir, u_rename_dir, NO_FD, NULL, false},
    {"RENAME over a directory", b_rename_dir_over, u_rename_dir_over, NO_FD,
     NULL, false},
    {"SETATTR", b_setattr, u_setattr, NO_FD, NULL, true},
    {"FSETATTR", b_fsetattr, u_setattr, NO_FD, NULL, true},
    {"TRUNCATE", b_truncate, u_data, NO_FD, NULL, false},
    {"FTRUNCATE", b_ftruncate, u_data, NO_FD, NULL, false},
    {"WRITE", b_write, u_data, NO_FD, NULL, false},
    {"WRITE without an fd", b_write_anonymous, u_data, NO_FD, NULL, false},
    {"FALLOCATE", b_fallocate, u_data, NO_FD, NULL, false},
    {"DISCARD", b_discard, u_data, NO_FD, NULL, false},
    {"ZEROFILL", b_zerofill, u_data, NO_FD, NULL, false},
    {"COPY_FILE_RANGE", b_copy, u_data, NO_FD, NULL, false},
    {"SETXATTR", b_setxattr, u_setxattr, NO_FD, NULL, false},
    {"FSETXATTR", b_fsetxattr, u_setxattr, NO_FD, NULL, false},
    {"REMOVEXATTR", b_removexattr, u_removexattr, NO_FD, NULL, false},
    {"REMOVEXATTR of several", b_removexattr_bulk, u_removexattr, NO_FD,
     NULL, false},
    {"LOOKUP", b_lookup, nothing, NO_FD, NULL, false},
    {"LOOKUP of a directory", b_lookup_dir, nothing, NO_FD, NULL, false},
    {"LOOKUP of a gfid", b_lookup_gfid, nothing, NO_FD, NULL, false},
    {"STAT", b_stat, nothing, NO_FD, NULL, false},
    {"FSTAT", b_fstat, nothing, NO_FD, NULL, false},
    {"ACCESS", b_access, nothing, NO_FD, NULL, false},
    {"READ", b_read, nothing, NO_FD, NULL, false},
    {"READLINK", b_readlink, nothing, NO_FD, NULL, false},
    {"STATFS", b_statfs, nothing, NO_FD, NULL, false},
    {"GETXATTR", b_getxattr, nothing, NO_FD, NULL, false},
    {"GETXATTR of all", b_getxattr_all, nothing, NO_FD, NULL, false},
    {"GETXATTR of the path", b_getxattr_path, nothing, NO_FD, NULL, false},
    {"GETXATTR of the place", b_getxattr_pathinfo, nothing, NO_FD, NULL, false},
    {"GETXATTR of an ACL", b_getxattr_acl, nothing, NO_FD, NULL, false},
    {"GETXATTR of the queues", b_getxattr_queues, nothing, NO_FD, NULL, false},
    {"FGETXATTR", b_fgetxattr, nothing, NO_FD, NULL, false},
    {"OPEN", b_open, u_opened, FD_FIRST, NULL, false},
    {"OPENDIR", b_opendir, u_opened, FD_FIRST, NULL, false},
    {"READDIR", b_readdir, nothing, NO_FD, NULL, false},
    {"READDIRP", b_readdirp, nothing, NO_FD, NULL, true},
    {"FLUSH", b_flush, nothing, NO_FD, NULL, false},
    {"FSYNC", b_fsync, nothing, NO_FD, NULL, false},
    {"SEEK", b_seek, nothing, NO_FD, NULL, false},
    {"RCHECKSUM", b_rchecksum, nothing, NO_FD, NULL, false},
    {"LK", b_lock, u_locked, NO_FD, NULL, false},
    {"LK that asks", b_lock_test, nothing, NO_FD, NULL, false},
    {"LK of the middle, unlocked", b_unlock_middle, u_locked, NO_FD, p_lock,
     false},
};

/* --- answers --- */

enum outcome { DONE, REFUSED, NO_REPLY, ENDED };

static bool
receive_bytes(uint8_t *to, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = recv(p->fd, to, bytes, 0);

        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return false;
        ck_assert_msg(n > 0, "no answer: %s", strerror(errno));
        to += n;
        bytes -= (size_t)n;
    }
    return true;
}

/* NO_REPLY: it was told that no reply could be made. */
static enum outcome
receive(enum fd_place place)
{
    uint8_t head[RECORD_MARK_BYTES];
    struct record_mark mark;
    int32_t op_ret, op_errno;
    uint32_t stat;

    fd_got = -1;
    if (!receive_bytes(head, sizeof(head)))
        return ENDED;
    mark = record_mark_decode(head);
    ck_assert(mark.last);
    ck_assert_uint_le(mark.bytes, sizeof(p->in));
    if (!receive_bytes(p->in, mark.bytes))
        return ENDED;
    p->in_bytes = mark.bytes;
    p->at = 0;
    ck_assert_uint_eq(take_u32(p), p->xid);
    ck_assert_uint_eq(take_u32(p), 1);
    ck_assert_uint_eq(take_u32(p), 0);
    ck_assert_uint_eq(take_u64(p), 0);
    stat = take_u32(p);
    if (stat != RPC_SUCCESS) {
        ck_assert_uint_eq(stat, RPC_SYSTEM_ERR);
        return NO_REPLY;
    }
    op_ret = (int32_t)take_u32(p);
    op_errno = (int32_t)take_u32(p);
    if (op_ret < 0) {
        ck_assert_msg(op_errno == ENOMEM, "%s", strerror(op_errno));
        return REFUSED;
    }
    if (place != NO_FD) {
        take_dict(p);
        if (place == FD_BEHIND_IATT)
            take_skip(p, WIRE_IATT_BYTES);
        fd_got = (int64_t)take_u64(p);
    }
    return DONE;
}

/* --- one operation --- */

static char before[BRICK_TREE_BYTES], after[BRICK_TREE_BYTES],
    now[BRICK_TREE_BYTES];

static char *
brick(void)
{
    static char path[320];

    (void)snprintf(path, sizeof(path), "%s/brick", scene_directory);
    return path;
}

static void
come(void)
{
    p = peer_connect();
    ck_assert_int_eq(peer_hello(p, "one", NULL, NULL), 0);
    fop(FOP_OPEN, &g_file);
    put_u32(p, O_RDWR);
    put_no_dict(p);
    must_do();
    take_dict(p);
    fd_file = (int64_t)take_u64(p);
    fop(FOP_OPENDIR, &g_dir);
    put_no_dict(p);
    must_do();
    take_dict(p);
    fd_dir = (int64_t)take_u64(p);
}

/* Blocks that belong to nothing but requests, open files and locks. */
static uint64_t
held(void)
{
    static const char *const types[][2] = {
        {"server.inode", "fd"},           {"server.lock", "record lock"},
        {"server.lock", "record lock waiter"}, {"server.fop", "call"},
        {"server.fop", "call arena"},     {"server.client", "client"},
        {"rpc", "connection"},
    };
    struct mem_type_stats st;
    uint64_t sum = 0;

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        mem_account_read_one(types[i][0], types[i][1], &st);
        sum += st.num_allocs;
    }
    return sum;
}

static uint64_t held_at_rest;

/* Replies leave a moment before their requests end. */
static void
expect_held(const char *name, unsigned n)
{
    static const struct timespec tick = {.tv_nsec = 200000};

    for (int i = 0; i < 100000 && held() != held_at_rest; i++)
        (void)nanosleep(&tick, NULL);
    ck_assert_msg(held() == held_at_rest,
                  "%s, allocation %u:%s: %lu blocks held, not %lu", name, n,
                  mem_fault_where(), (unsigned long)held(),
                  (unsigned long)held_at_rest);
}

static void
come_to_rest(void)
{
    static const struct timespec tick = {.tv_nsec = 200000};
    struct mem_type_stats st;
    int i = 0;

    do {
        mem_account_read_one("server.fop", "call", &st);
        (void)nanosleep(&tick, NULL);
    } while (st.num_allocs > 0 && ++i < 100000);
    held_at_rest = held();
}

static void
expect_tree(const char *want, const char *what, const char *name, unsigned n)
{
    brick_tree_read(brick(), now);
    ck_assert_msg(strcmp(now, want) == 0, "%s, allocation %u:%s: %s:\n%s",
                  name, n, mem_fault_where(), what,
                  brick_tree_difference(want, now));
}

static enum outcome
run(const struct op *op)
{
    op->build();
    (void)peer_send(p);
    return receive(op->fd);
}

/* Without a fault: what it does, how long its reply is. */
static size_t
measure(const struct op *op)
{
    size_t bytes;

    brick_tree_read(brick(), before);
    if (op->prepare != NULL)
        op->prepare();
    ck_assert_msg(run(op) == DONE, "%s", op->name);
    bytes = p->in_bytes;
    brick_tree_read(brick(), after);
    op->undo();
    return bytes;
}

/* Returns whether something failed. */
static bool
fail_one(const struct op *op, enum mem_fault_mode mode, unsigned n,
         size_t reply_bytes)
{
    enum outcome out;
    unsigned failed;

    if (op->prepare != NULL)
        op->prepare();
    mem_fault_arm(mode, n);
    out = run(op);
    failed = mem_fault_disarm();
    if (failed == 0)
        ck_assert_msg(out == DONE, "%s: outcome %d", op->name, out);
    if (out == ENDED) {
        peer_close(&p);
        come();
        fd_got = -1;
    }
    if (out == DONE) {
        ck_assert_msg(p->in_bytes == reply_bytes ||
                          (op->short_reply && p->in_bytes < reply_bytes),
                      "%s, allocation %u:%s: a reply of %zu bytes, not %zu",
                      op->name, n, mem_fault_where(), p->in_bytes,
                      reply_bytes);
        expect_tree(after, "not done", op->name, n);
    } else if (out == REFUSED) {
        expect_tree(before, "done in part", op->name, n);
    } else {
        brick_tree_read(brick(), now);
        if (strcmp(now, after) != 0)
            expect_tree(before, "done in part", op->name, n);
    }
    if (out != DONE) {
        /* Without a reply it may have been done. */
        if (out != REFUSED && strcmp(before, after) != 0 &&
            strcmp(now, after) == 0) {
            op->undo();
        }
        if (op->prepare != NULL)
            op->prepare();
        out = run(op);
        ck_assert_msg(out == DONE, "%s, after allocation %u:%s failed: it "
                      "does not work any more", op->name, n,
                      mem_fault_where());
        expect_tree(after, "not done afterwards", op->name, n);
    }
    op->undo();
    expect_held(op->name, n);
    return failed != 0;
}

static void
make_tree(void)
{
    p = peer_connect();
    ck_assert_int_eq(peer_hello(p, "one", NULL, NULL), 0);
    make_dir(&gfid_root, "dir", &g_dir);
    make_node("file", &g_file, S_IFREG | 0644);
    must_do();
    u_victim();
    make_node("two", &g_two, S_IFREG | 0644);
    must_do();
    u_second();
    u_empty();
    make_dir(&g_dir, "sub", &g_sub);
    fop(FOP_SYMLINK, &g_dir);
    put_text(p, "link");
    put_u32(p, 022);
    put_text(p, "../target");
    put_gfid_only(&g_link);
    must_do();
    peer_close(&p);
    come();
    u_removexattr();
    write_text(content, fd_file);
    must_do();
    come_to_rest();
}

/* Inodes that nobody uses are forgotten at once, so that operations have to
 * make them. */
static void
setup(void)
{
    static const char *const options[] = {"server.inode-lru-limit", "1", NULL};

    mem_fault_exempt();
    scene_start(options);
    make_tree();
}

static void
teardown(void)
{
    peer_close(&p);
    scene_stop();
}

static void
fail_each(const struct op *op, enum mem_fault_mode mode)
{
    size_t reply_bytes = measure(op);
    unsigned n = 1;

    while (fail_one(op, mode, n, reply_bytes)) {
        n += STEP;
        ck_assert_uint_lt(n, ALLOCATIONS_MAX);
    }
    expect_tree(before, "not as before", op->name, n);
    ck_assert_msg(n > 1 || mode != MEM_FAULT_ONCE, "%s: nothing has failed",
                  op->name);
}

/* Some operations for each server: starting one takes longer than they do. */
static void
fail_batch(int batch, enum mem_fault_mode mode)
{
    size_t first = (size_t)batch * BATCH;

    for (size_t i = first; i < first + BATCH && i < COUNT_OF(ops); i++)
        fail_each(&ops[i], mode);
}

START_TEST(one_allocation_fails)
{
    fail_batch(_i, MEM_FAULT_ONCE);
}
END_TEST

START_TEST(there_is_no_memory_from_here_on)
{
    fail_batch(_i, MEM_FAULT_WORKERS);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("enomem_fops");
    TCase *tc = tcase_create("operations");
    int batches = (COUNT_OF(ops) + BATCH - 1) / BATCH;
    SRunner *r;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, one_allocation_fails, 0, batches);
    tcase_add_loop_test(tc, there_is_no_memory_from_here_on, 0, batches);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
