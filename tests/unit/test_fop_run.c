/* SPDX-License-Identifier: BSD-2-Clause */
/* A request's way from a socket to the brick and back, and what becomes of it
 * when its client or the server goes. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "mem/account.h"
#include "mem/alloc.h"
#include "mem/must.h"
#include "rpc/program.h"
#include "server/fop/call.h"
#include "server/lock/posixlk.h"
#include "server/wire/types.h"
#include "tests/unit/server_scene.h"

MEM_TYPE(mt_test, "tests", "call");

enum { LK_SET = 1, LK_SETW = 2 };

static void
setup(void)
{
    scene_start(NULL);
}

static void
begin_lookup(struct peer *p, const struct gfid *gfid,
             const struct gfid *parent, const char *name)
{
    peer_begin_fop(p, FOP_LOOKUP);
    put_gfid(p, gfid);
    put_gfid(p, parent);
    put_u32(p, 0);
    put_text(p, name);
    put_no_dict(p);
}

static struct gfid
take_gfid(struct peer *p)
{
    struct gfid g;

    memcpy(g.b, p->in + p->at, GFID_BYTES);
    take_skip(p, GFID_BYTES);
    return g;
}

/* A fresh connection that has said who it is. */
static struct peer *
client(const char *uid)
{
    struct peer *p = peer_connect();
    int32_t op_errno;

    ck_assert_int_eq(peer_hello(p, uid, NULL, &op_errno), 0);
    return p;
}

/* The next answer: op_ret. */
static int32_t
next_answer(struct peer *p, uint32_t *xid, int32_t *op_errno)
{
    int32_t op_ret;

    ck_assert_uint_eq(peer_receive(p, xid), RPC_SUCCESS);
    op_ret = (int32_t)take_u32(p);
    *op_errno = (int32_t)take_u32(p);
    return op_ret;
}

/* The answer to a request that was sent, and no other. */
static int32_t
answer_to(struct peer *p, uint32_t sent, int32_t *op_errno)
{
    uint32_t xid;
    int32_t op_ret = next_answer(p, &xid, op_errno);

    ck_assert_uint_eq(xid, sent);
    return op_ret;
}

static void
wait_until_clients_are_freed(void)
{
    static const struct timespec tick = {.tv_nsec = 2000000};
    struct mem_type_stats st;

    for (int i = 0; i < 5000; i++) {
        mem_account_read_one("server.client", "client", &st);
        if (st.num_allocs == 0)
            return;
        (void)nanosleep(&tick, NULL);
    }
    ck_abort_msg("%lu blocks of clients left", (unsigned long)st.num_allocs);
}

START_TEST(before_setvolume_no_operation_is_decoded)
{
    struct peer *p = peer_connect();
    uint32_t xid, sent;

    begin_lookup(p, &gfid_root, &gfid_null, "");
    sent = peer_send(p);
    ck_assert_uint_eq(peer_receive(p, &xid), RPC_GARBAGE_ARGS);
    ck_assert_uint_eq(xid, sent);
    peer_expect_quiet(p);
    peer_close(&p);
}
END_TEST

START_TEST(the_root_is_found)
{
    struct peer *p = client("one");
    struct gfid gfid;
    int32_t op_errno;

    begin_lookup(p, &gfid_root, &gfid_null, "");
    ck_assert_int_eq(peer_call(p, &op_errno), 0);
    take_dict(p);
    gfid = take_gfid(p);
    ck_assert(gfid_is_root(&gfid));
    peer_close(&p);
}
END_TEST

START_TEST(a_connection_is_one_clients)
{
    struct peer *p = client("one");
    int32_t op_errno;

    ck_assert_int_eq(peer_hello(p, "two", NULL, &op_errno), -1);
    ck_assert_int_eq(op_errno, EALREADY);
    begin_lookup(p, &gfid_root, &gfid_null, "");
    ck_assert_int_eq(peer_call(p, &op_errno), 0);
    peer_close(&p);
}
END_TEST

/* All bytes of SETVOLUME and of lookups at once: a lookup is refused or
 * served, as it meets it. */
START_TEST(requests_may_follow_setvolume_at_once)
{
    enum { ROUNDS = 30, LOOKUPS = 8 };
    static uint8_t all[SCENE_REQUEST_BYTES_MAX];

    for (int i = 0; i < ROUNDS; i++) {
        struct peer *p = peer_connect();
        size_t bytes;

        peer_begin_hello(p, "at once", NULL);
        (void)peer_end(p);
        bytes = p->used;
        memcpy(all, p->out, bytes);
        for (int j = 0; j < LOOKUPS; j++) {
            begin_lookup(p, &gfid_root, &gfid_null, "");
            (void)peer_end(p);
            memcpy(all + bytes, p->out, p->used);
            bytes += p->used;
        }
        memcpy(p->out, all, bytes);
        peer_send_part(p, 0, bytes);
        for (int j = 0; j < LOOKUPS + 1; j++) {
            uint32_t xid, stat = peer_receive(p, &xid);

            ck_assert(stat == RPC_SUCCESS || stat == RPC_GARBAGE_ARGS);
        }
        peer_close(&p);
    }
}
END_TEST

/* Whichever comes first, the client or the end of its connection. */
START_TEST(a_connection_may_end_during_setvolume)
{
    for (int i = 0; i < 200; i++) {
        struct peer *p = peer_connect();

        peer_begin_hello(p, "in haste", NULL);
        (void)peer_send(p);
        if (i % 2 == 0)
            peer_wait_read(p);
        peer_close(&p);
    }
    wait_until_clients_are_freed();
}
END_TEST

/* A WRITE cut at every byte: before, in and behind its xdata. */
START_TEST(a_write_may_come_in_any_two_pieces)
{
    static const uint8_t data[64] = "sixty-four bytes";
    struct peer *p = client("one");
    struct gfid gfid;
    int64_t fd = peer_create(p, "file", &gfid);
    size_t cut = 1, all = 2;

    for (; cut < all; cut += 3) {
        uint32_t sent;
        int32_t op_errno;

        peer_begin_fop(p, FOP_WRITE);
        put_gfid(p, &gfid);
        put_u64(p, (uint64_t)fd);
        put_u64(p, 0);
        put_u32(p, sizeof(data));
        put_u32(p, 0);
        put_gfid_req(p, &gfid);
        memcpy(p->out + p->used, data, sizeof(data));
        p->used += sizeof(data);
        all = p->used;
        sent = peer_end(p);
        peer_send_part(p, 0, cut);
        peer_wait_read(p);
        peer_send_part(p, cut, all);
        ck_assert_int_eq(answer_to(p, sent, &op_errno), (int)sizeof(data));
    }
    peer_close(&p);
}
END_TEST

START_TEST(a_lock_that_waits_is_granted_by_the_unlock)
{
    struct peer *p = client("one"), *q = client("two");
    struct gfid gfid;
    int64_t fd = peer_create(p, "file", &gfid), other;
    int32_t op_errno;
    uint32_t waits;

    peer_begin_fop(q, FOP_OPEN);
    put_gfid(q, &gfid);
    put_u32(q, 2);
    put_no_dict(q);
    ck_assert_int_eq(peer_call(q, &op_errno), 0);
    take_dict(q);
    other = (int64_t)take_u64(q);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(
            answer_to(p, peer_lock(p, &gfid, fd, LK_SET, LK_WRITE),
                      &op_errno), 0);
        waits = peer_lock(q, &gfid, other, LK_SETW, LK_WRITE);
        ck_assert_int_eq(
            answer_to(p, peer_lock(p, &gfid, fd, LK_SET, LK_UNLOCK),
                      &op_errno), 0);
        ck_assert_int_eq(answer_to(q, waits, &op_errno), 0);
        ck_assert_int_eq(
            answer_to(q, peer_lock(q, &gfid, other, LK_SETW, LK_UNLOCK),
                      &op_errno), 0);
    }
    peer_close(&p);
    peer_close(&q);
}
END_TEST

START_TEST(a_client_waits_for_so_many_locks)
{
    enum { WAITING_MAX = 16384 };
    struct peer *p = client("one"), *q = client("one");
    struct gfid gfid;
    int64_t fd = peer_create(p, "file", &gfid);
    int32_t op_errno;
    uint32_t xid;

    ck_assert_int_eq(answer_to(p, peer_lock(p, &gfid, fd, LK_SET, LK_WRITE),
                               &op_errno), 0);
    memset(q->owner, 9, sizeof(q->owner));
    for (int i = 0; i < WAITING_MAX + 1; i++)
        (void)peer_lock(q, &gfid, fd, LK_SETW, LK_WRITE);
    /* Some worker met the limit, not always with the last request. */
    ck_assert_int_eq(next_answer(q, &xid, &op_errno), -1);
    ck_assert_int_eq(op_errno, ENOLCK);
    ck_assert_int_eq(answer_to(p, peer_lock(p, &gfid, fd, LK_SETW, LK_UNLOCK),
                               &op_errno), 0);
    for (int i = 0; i < WAITING_MAX; i++)
        ck_assert_int_eq(next_answer(q, &xid, &op_errno), 0);
    peer_expect_quiet(q);
    peer_close(&p);
    peer_close(&q);
}
END_TEST

/* An open fd, a lock and requests that wait for one, all of one client; the
 * other one gets the lock when it goes. */
START_TEST(a_client_that_goes_leaves_nothing)
{
    struct peer *p = client("one"), *q = client("two");
    struct gfid gfid;
    int64_t fd = peer_create(p, "file", &gfid), other;
    int32_t op_errno;
    uint32_t waits;

    peer_begin_fop(q, FOP_OPEN);
    put_gfid(q, &gfid);
    put_u32(q, 2);
    put_no_dict(q);
    ck_assert_int_eq(peer_call(q, &op_errno), 0);
    take_dict(q);
    other = (int64_t)take_u64(q);
    ck_assert_int_eq(answer_to(p, peer_lock(p, &gfid, fd, LK_SET, LK_WRITE),
                               &op_errno), 0);
    memset(p->owner, 9, sizeof(p->owner));
    for (int i = 0; i < 10; i++)
        (void)peer_lock(p, &gfid, fd, LK_SETW, LK_WRITE);
    peer_expect_quiet(p);
    waits = peer_lock(q, &gfid, other, LK_SETW, LK_WRITE);
    peer_close(&p);
    ck_assert_int_eq(answer_to(q, waits, &op_errno), 0);
    peer_close(&q);
    wait_until_clients_are_freed();
}
END_TEST

/* Stopped with everything open, held and waiting; scene_stop() looks. */
START_TEST(the_server_stops_with_requests_waiting)
{
    struct peer *p = client("one"), *q = client("one");
    struct gfid gfid;
    int64_t fd = peer_create(p, "file", &gfid);
    int32_t op_errno;

    ck_assert_int_eq(answer_to(p, peer_lock(p, &gfid, fd, LK_SET, LK_WRITE),
                               &op_errno), 0);
    memset(q->owner, 9, sizeof(q->owner));
    (void)peer_lock(q, &gfid, fd, LK_SETW, LK_WRITE);
    peer_expect_quiet(q);
    scene_stop();
    peer_close(&p);
    peer_close(&q);
}
END_TEST

/* --- a sub-directory's mount --- */

static struct gfid
make_dir(struct peer *p, const struct gfid *parent, const char *name)
{
    struct gfid gfid;

    gfid_random(&gfid);
    peer_begin_fop(p, FOP_MKDIR);
    put_gfid(p, parent);
    put_u32(p, 0755);
    put_u32(p, 022);
    put_text(p, name);
    put_gfid_req(p, &gfid);
    ck_assert_int_eq(peer_call(p, NULL), 0);
    return gfid;
}

START_TEST(a_subdirectory_is_its_mounts_root)
{
    struct peer *p = client("one"), *q = peer_connect();
    struct gfid outer = make_dir(p, &gfid_root, "outer"), seen;
    struct gfid inner = make_dir(p, &outer, "inner");
    int32_t op_errno;
    int64_t fd;
    bool dot = false, dotdot = false;

    ck_assert_int_eq(peer_hello(q, "two", "/none", &op_errno), -1);
    ck_assert_int_eq(op_errno, ENOENT);
    ck_assert_int_eq(peer_hello(q, "two", "/outer/inner", &op_errno), 0);
    begin_lookup(q, &gfid_root, &gfid_null, "");
    ck_assert_int_eq(peer_call(q, &op_errno), 0);
    take_dict(q);
    seen = take_gfid(q);
    ck_assert(gfid_is_root(&seen));
    /* What it makes in its root is in that directory. */
    (void)make_dir(q, &gfid_root, "made");
    begin_lookup(p, &gfid_null, &inner, "made");
    ck_assert_int_eq(peer_call(p, &op_errno), 0);

    peer_begin_fop(q, FOP_OPENDIR);
    put_gfid(q, &gfid_root);
    put_no_dict(q);
    ck_assert_int_eq(peer_call(q, &op_errno), 0);
    take_dict(q);
    fd = (int64_t)take_u64(q);
    peer_begin_fop(q, FOP_READDIRP);
    put_gfid(q, &gfid_root);
    put_u64(q, (uint64_t)fd);
    put_u64(q, 0);
    put_u32(q, 65536);
    put_no_dict(q);
    ck_assert_int_eq(peer_call(q, &op_errno), 3);
    take_dict(q);
    while (take_u32(q) != 0) {
        uint32_t name_bytes;
        const char *name;

        take_skip(q, 16);
        (void)take_u32(q);
        (void)take_u32(q);
        name_bytes = take_u32(q);
        name = (const char *)q->in + q->at;
        take_skip(q, (name_bytes + 3) & ~3u);
        seen = take_gfid(q);
        take_skip(q, WIRE_IATT_BYTES - GFID_BYTES);
        take_dict(q);
        if (name_bytes == 1 && name[0] == '.') {
            dot = true;
            ck_assert(gfid_is_root(&seen));
        } else if (name_bytes == 2 && memcmp(name, "..", 2) == 0) {
            dotdot = true;
            ck_assert(gfid_is_null(&seen));
        }
    }
    ck_assert(dot && dotdot);
    peer_close(&p);
    peer_close(&q);
}
END_TEST

/* What a handler installed goes again when the reply cannot be made after all:
 * nobody would know its number. */
START_TEST(an_fd_of_which_the_client_is_not_told_is_no_more)
{
    const struct inode_table_ops ops = {.arg = NULL};
    struct inode_table *inodes = inode_table_new(10, &ops);
    struct client who = {.fds = fd_table_new()};
    struct call *c = mem_zalloc(&mt_test, sizeof(*c));
    struct inode *inode;
    struct gfid gfid;

    ck_assert_ptr_nonnull(inodes);
    ck_assert_ptr_nonnull(who.fds);
    ck_assert_ptr_nonnull(c);
    gfid_random(&gfid);
    inode = inode_link(inodes, &gfid, S_IFREG);
    c->client = &who;
    c->fd = fd_new(inode, open("/dev/null", O_RDONLY), O_RDONLY, 1, &who,
                   false);
    ck_assert_ptr_nonnull(c->fd);
    ck_assert_int_eq(call_install_fd(c), 0);
    ck_assert_int_eq(c->reply.fd, c->fd->number);
    call_uninstall_fd(c);
    ck_assert_int_eq(c->fd->number, -1);
    ck_assert_uint_eq(c->fd->ref, 1);
    call_uninstall_fd(c);
    /* Released by who guessed the number. */
    ck_assert_int_eq(call_install_fd(c), 0);
    fd_put(fd_table_remove(who.fds, c->fd->number));
    call_uninstall_fd(c);
    ck_assert_uint_eq(c->fd->ref, 1);
    fd_put(c->fd);
    fd_table_close(who.fds, NULL, NULL);
    fd_table_destroy(&who.fds);
    inode_put(inode);
    inode_table_destroy(&inodes);
    mem_free(c);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("fop_run");
    TCase *tc = tcase_create("requests");
    TCase *stop = tcase_create("stop");
    SRunner *r;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, scene_stop);
    tcase_add_test(tc, before_setvolume_no_operation_is_decoded);
    tcase_add_test(tc, the_root_is_found);
    tcase_add_test(tc, a_connection_is_one_clients);
    tcase_add_test(tc, requests_may_follow_setvolume_at_once);
    tcase_add_test(tc, a_connection_may_end_during_setvolume);
    tcase_add_test(tc, a_write_may_come_in_any_two_pieces);
    tcase_add_test(tc, a_lock_that_waits_is_granted_by_the_unlock);
    tcase_add_test(tc, a_client_waits_for_so_many_locks);
    tcase_add_test(tc, a_client_that_goes_leaves_nothing);
    tcase_add_test(tc, a_subdirectory_is_its_mounts_root);
    tcase_add_test(tc, an_fd_of_which_the_client_is_not_told_is_no_more);
    suite_add_tcase(s, tc);
    tcase_set_timeout(stop, 120);
    tcase_add_checked_fixture(stop, setup, NULL);
    tcase_add_test(stop, the_server_stops_with_requests_waiting);
    suite_add_tcase(s, stop);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
