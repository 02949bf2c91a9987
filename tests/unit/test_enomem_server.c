/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting, SETVOLUME, clients that go, the control socket, statedumps and
 * reload, with each allocation failing in turn: an error or the end of a
 * connection, never of the process, and afterwards all works as before.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "mem/account.h"
#include "mem/must.h"
#include "server/lock/posixlk.h"
#include "server/wire/types.h"
#include "tests/unit/mem_fault.h"
#include "tests/unit/server_scene.h"

enum {
    ALLOCATIONS_MAX = 4000, /* of one thing that is done; far beyond any */
    LK_SET = 1,
    LK_SETW = 2,
};

/* --- start --- */

START_TEST(a_start_fails_whole_or_not_at_all)
{
    unsigned n = 0, failed;
    bool started;

    scene_prepare(NULL);
    do {
        char err[SERVER_ERROR_BYTES];

        ck_assert_uint_lt(++n, ALLOCATIONS_MAX);
        mem_fault_arm(MEM_FAULT_ONCE, n);
        started = scene_try_start(err);
        failed = mem_fault_disarm();
        if (!started)
            ck_assert_uint_ne(err[0], '\0');
        /* What it can do without it starts without. */
        if (started && failed > 0)
            server_stop(&scene_server);
    } while (failed > 0);
    ck_assert(started);
    scene_stop();
}
END_TEST

/* --- clients --- */

static uint64_t
blocks(const char *module, const char *name)
{
    struct mem_type_stats st;

    mem_account_read_one(module, name, &st);
    return st.num_allocs;
}

static void
wait_for_blocks(const char *module, const char *name, uint64_t want)
{
    static const struct timespec tick = {.tv_nsec = 1000000};

    for (int i = 0; i < 20000 && blocks(module, name) != want; i++)
        (void)nanosleep(&tick, NULL);
    ck_assert_msg(blocks(module, name) == want, "%lu of %s left:%s",
                  (unsigned long)blocks(module, name), name,
                  mem_fault_where());
}

static void
setup(void)
{
    mem_fault_exempt();
    scene_start(NULL);
}

/* Whether the connection ended, or an answer came: which is left unread. */
static bool
has_ended(struct peer *p)
{
    uint8_t byte;
    ssize_t n = recv(p->fd, &byte, 1, MSG_PEEK);

    ck_assert_msg(n >= 0 || errno == ECONNRESET, "%s", strerror(errno));
    return n <= 0;
}

START_TEST(a_handshake_is_refused_or_done)
{
    unsigned n = 0, failed;

    do {
        struct peer *p;
        uint32_t xid;

        ck_assert_uint_lt(++n, ALLOCATIONS_MAX);
        mem_fault_arm(MEM_FAULT_ONCE, n);
        p = peer_connect();
        peer_begin_hello(p, "one", NULL);
        (void)peer_end(p);
        /* It may have been closed as soon as it was taken. */
        if (send(p->fd, p->out, p->used, MSG_NOSIGNAL) < 0)
            ck_assert_int_eq(errno, EPIPE);
        else if (!has_ended(p))
            (void)peer_receive(p, &xid);
        failed = mem_fault_disarm();
        peer_close(&p);
        wait_for_blocks("server.client", "client", 0);
        wait_for_blocks("rpc", "connection", 0);
    } while (failed > 0);
    ck_assert_uint_gt(n, 5);
}
END_TEST

static int64_t
open_file(struct peer *p, const struct gfid *gfid)
{
    peer_begin_fop(p, FOP_OPEN);
    put_gfid(p, gfid);
    put_u32(p, 2);
    put_no_dict(p);
    ck_assert_int_eq(peer_call(p, NULL), 0);
    take_dict(p);
    return (int64_t)take_u64(p);
}

static void
answered(struct peer *p, uint32_t sent)
{
    uint32_t xid;

    ck_assert_uint_eq(peer_receive(p, &xid), 0);
    ck_assert_uint_eq(xid, sent);
    ck_assert_int_eq((int32_t)take_u32(p), 0);
}

/* Open files, locks, and requests that wait for one: all goes while nothing at
 * all can be allocated. */
START_TEST(who_goes_is_cleaned_up_behind_without_memory)
{
    struct peer *p = peer_connect(), *q = peer_connect();
    struct gfid gfid;
    int64_t fd, other;
    uint64_t clients;

    ck_assert_int_eq(peer_hello(q, "two", NULL, NULL), 0);
    wait_for_blocks("server.fop", "call", 0);
    clients = blocks("server.client", "client");
    ck_assert_int_eq(peer_hello(p, "one", NULL, NULL), 0);
    fd = peer_create(p, "file", &gfid);
    other = open_file(q, &gfid);
    for (int i = 0; i < 100; i++)
        (void)open_file(p, &gfid);
    answered(p, peer_lock(p, &gfid, fd, LK_SET, LK_WRITE));
    memset(p->owner, 9, sizeof(p->owner));
    for (int i = 0; i < 10; i++)
        (void)peer_lock(p, &gfid, fd, LK_SETW, LK_WRITE);
    peer_expect_quiet(p);
    mem_fault_arm(MEM_FAULT_ALL, 1);
    peer_close(&p);
    wait_for_blocks("server.client", "client", clients);
    wait_for_blocks("server.inode", "fd", 1);
    wait_for_blocks("server.lock", "record lock", 0);
    (void)mem_fault_disarm();
    answered(q, peer_lock(q, &gfid, other, LK_SET, LK_WRITE));
    peer_close(&q);
}
END_TEST

/* The lock is another client's by the unlock, for whose sake nothing else may
 * be refused. */
START_TEST(who_waits_for_a_lock_gets_it_and_is_told)
{
    struct peer *p = peer_connect(), *q = peer_connect();
    unsigned n = 0, failed = 1;
    struct gfid gfid;
    int64_t fd, other;

    ck_assert_int_eq(peer_hello(p, "one", NULL, NULL), 0);
    ck_assert_int_eq(peer_hello(q, "two", NULL, NULL), 0);
    fd = peer_create(p, "file", &gfid);
    other = open_file(q, &gfid);
    while (failed > 0) {
        uint32_t waits, xid, sent;
        int32_t op_ret;

        ck_assert_uint_lt(++n, ALLOCATIONS_MAX);
        answered(p, peer_lock(p, &gfid, fd, LK_SET, LK_WRITE));
        waits = peer_lock(q, &gfid, other, LK_SETW, LK_WRITE);
        wait_for_blocks("server.lock", "record lock waiter", 1);
        mem_fault_arm(MEM_FAULT_WORKERS, n);
        sent = peer_lock(p, &gfid, fd, LK_SET, LK_UNLOCK);
        ck_assert_uint_eq(peer_receive(p, &xid), 0);
        ck_assert_uint_eq(xid, sent);
        op_ret = (int32_t)take_u32(p);
        failed = mem_fault_disarm();
        if (op_ret < 0) {
            ck_assert_int_eq((int32_t)take_u32(p), ENOMEM);
            ck_assert_uint_eq(blocks("server.lock", "record lock waiter"), 1);
            answered(p, peer_lock(p, &gfid, fd, LK_SET, LK_UNLOCK));
        }
        answered(q, waits);
        answered(q, peer_lock(q, &gfid, other, LK_SET, LK_UNLOCK));
    }
    ck_assert_uint_gt(n, 1);
    peer_close(&p);
    peer_close(&q);
}
END_TEST

/* --- the operator --- */

static const char *const commands[] = {
    "\"status\"",
    "\"clients\"",
    "\"config-list\"",
    "\"config-get\",\"key\":\"server.event-threads\"",
    "\"config-set\",\"key\":\"server.event-threads\",\"value\":\"3\"",
    "\"log-level\"",
    "\"memory\"",
    "\"memory-pages\"",
    "\"memory-pools\"",
    "\"memory-growth\"",

    "\"memory-limit\"",
    "\"memory-guard\"",
    "\"memory-doctor\"",
    "\"memory-reclaim\"",
    "\"statedump\"",
    "\"reload\"",
    "\"help\"",
};

static int
operator_connect(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct timeval tv = {.tv_sec = 20};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    (void)snprintf(un.sun_path, sizeof(un.sun_path), "%.90s/control",
                   scene_directory);
    ck_assert_int_eq(
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    return fd;
}

/* One command: true when it was answered with success.  An answer is a whole
 * line, or there is none. */
static bool
ask(const char *command)
{
    static char text[1 << 20];
    size_t used = 0;
    int fd = operator_connect();
    char line[256];
    int bytes = snprintf(line, sizeof(line), "{\"command\":%s}\n", command);
    ssize_t n;

    /* It may have been closed as soon as it was taken. */
    if (send(fd, line, (size_t)bytes, MSG_NOSIGNAL) != bytes) {
        ck_assert_int_eq(errno, EPIPE);
        ck_assert_int_eq(close(fd), 0);
        return false;
    }
    do {
        ck_assert_uint_lt(used, sizeof(text) - 1);
        n = recv(fd, text + used, sizeof(text) - 1 - used, 0);
        ck_assert_msg(n >= 0 || errno == ECONNRESET, "%s: %s:%s", command,
                      strerror(errno), mem_fault_where());
        used += n > 0 ? (size_t)n : 0;
        text[used] = '\0';
    } while (n > 0 && strchr(text, '\n') == NULL);
    ck_assert_int_eq(close(fd), 0);
    return strchr(text, '\n') != NULL && strstr(text, "\"ok\":true") != NULL;
}

static void *
operate(void *arg)
{
    const char *command = arg;
    unsigned n = 0, failed;

    mem_fault_exempt();
    do {
        bool ok;

        ck_assert_uint_lt(++n, ALLOCATIONS_MAX);
        mem_fault_arm(MEM_FAULT_ONCE, n);
        ok = ask(command);
        failed = mem_fault_disarm();
        ck_assert_msg(failed > 0 || ok, "%s", command);
        ck_assert_msg(ask(command), "%s, after allocation %u failed:%s",
                      command, n, mem_fault_where());
    } while (failed > 0);
    ck_assert_uint_gt(n, 5);
    mem_fault_arm(MEM_FAULT_ALL, 1);
    (void)ask(command);
    (void)mem_fault_disarm();
    ck_assert_msg(ask(command), "%s", command);
    ck_assert_int_eq(kill(getpid(), SIGTERM), 0);
    return NULL;
}

START_TEST(an_operator_is_answered_or_not)
{
    pthread_t operator;

    scene_start(NULL);
    ck_assert_int_eq(pthread_create(&operator, NULL, operate,
                                    (void *)commands[_i]), 0);
    ck_assert_int_eq(server_run(scene_server), SIGTERM);
    ck_assert_int_eq(pthread_join(operator, NULL), 0);
    scene_stop();
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("enomem_server");
    TCase *start = tcase_create("start");
    TCase *tc = tcase_create("clients");
    TCase *control = tcase_create("control");
    SRunner *r;
    int failed;

    tcase_set_timeout(start, 120);
    tcase_add_test(start, a_start_fails_whole_or_not_at_all);
    suite_add_tcase(s, start);
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, scene_stop);
    tcase_add_test(tc, a_handshake_is_refused_or_done);
    tcase_add_test(tc, who_goes_is_cleaned_up_behind_without_memory);
    tcase_add_test(tc, who_waits_for_a_lock_gets_it_and_is_told);
    suite_add_tcase(s, tc);
    tcase_set_timeout(control, 120);
    tcase_add_loop_test(control, an_operator_is_answered_or_not, 0,
                        COUNT_OF(commands));
    suite_add_tcase(s, control);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
