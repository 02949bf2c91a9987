/* SPDX-License-Identifier: BSD-2-Clause */
/* Back-pressure, endings, event threads and listeners. */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mem/account.h"
#include "mem/alloc.h"
#include "mem/limit.h"
#include "mem/pages.h"
#include "mem/must.h"
#include "tests/unit/rpc_fixture.h"

MEM_TYPE(mt_test, "test", "buffer");

static bool
calls_reached(const struct rpc_service_stats *st, uint64_t n)
{
    return st->calls >= n;
}

static bool
threads_are(const struct rpc_service_stats *st, uint64_t n)
{
    return st->threads == n;
}

/* --- pressure --- */

START_TEST(reading_stops_at_the_outstanding_limit)
{
    enum { LIMIT = 8, CALLS = 100 };
    struct rpc_service_params params = {.event_threads = 1,
                                        .outstanding_limit = LIMIT,
                                        .allow_insecure = true};
    struct fixture *f = fixture_start(&params);
    int fd = client_connect(f), other = client_connect(f);
    struct rpc_service_stats st;
    uint8_t out[4];
    uint32_t xid;

    for (uint32_t i = 0; i < CALLS; i++)
        client_call(fd, i, PROC_HOLD, NULL, 0);
    wait_stats(f, calls_reached, LIMIT);
    client_expect_alive(other);
    client_expect_alive(other);
    rpc_service_read(f->svc, &st);
    ck_assert_uint_eq(st.calls, LIMIT + 2);
    for (uint32_t i = 0; i < CALLS; i++) {
        fixture_release(f, i);
        mutex_lock(&f->mtx);
        ck_assert_uint_le(f->held_count, LIMIT);
        mutex_unlock(&f->mtx);
    }
    for (uint32_t i = 0; i < CALLS; i++)
        ck_assert_uint_eq(client_results(fd, &xid, out, 4), 4);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(close(other), 0);
    fixture_end(f);
}
END_TEST

START_TEST(a_raised_limit_lets_go_on)
{
    struct rpc_service_params params = {.event_threads = 1,
                                        .outstanding_limit = 2,
                                        .allow_insecure = true};
    struct fixture *f = fixture_start(&params);
    int fd = client_connect(f);

    for (uint32_t i = 0; i < 10; i++)
        client_call(fd, i, PROC_HOLD, NULL, 0);
    fixture_wait(f, &f->held_count, 2);
    params.outstanding_limit = 20;
    ck_assert_int_eq(rpc_service_reconfigure(f->svc, &params), 0);
    fixture_wait(f, &f->held_count, 10);
    for (uint32_t i = 0; i < 10; i++)
        fixture_release(f, i);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

START_TEST(parked_requests_do_not_count)
{
    enum { LIMIT = 4, PARKED = 200 };
    struct rpc_service_params params = {.event_threads = 1,
                                        .outstanding_limit = LIMIT,
                                        .allow_insecure = true};
    struct fixture *f = fixture_start(&params);
    int fd = client_connect(f);
    uint8_t out[4];
    uint32_t xid;

    for (uint32_t i = 0; i < PARKED; i++)
        client_call(fd, i, PROC_PARK, NULL, 0);
    client_expect_alive(fd);
    for (uint32_t i = 0; i < PARKED; i++)
        fixture_release(f, i);
    for (uint32_t i = 0; i < PARKED; i++)
        ck_assert_uint_eq(client_results(fd, &xid, out, 4), 4);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

/* What the service's connections hold. */
static uint64_t
held_bytes(struct fixture *f)
{
    struct rpc_service_stats st;

    rpc_service_read(f->svc, &st);
    return st.held_bytes;
}

static bool
nothing_is_held(const struct rpc_service_stats *st, uint64_t n)
{
    return st->held_bytes == n;
}

START_TEST(reading_stops_at_the_bound_on_bytes)
{
    /* The buffer that is received into counts, too: 132 KiB at most. */
    enum { CALLS = 100, ARG = 8192, BOUND = 300 << 10, FIT = 16 };
    struct rpc_service_params params = {.event_threads = 1,
                                        .allow_insecure = true};
    struct fixture *f = fixture_start(&params);
    int fd = client_connect(f), other = client_connect(f);
    uint8_t arg[ARG] = {0}, out[4];
    struct rpc_service_stats st;
    uint32_t xid;

    rpc_service_bound_bytes(f->svc, BOUND, 0);
    for (uint32_t i = 0; i < CALLS; i++)
        client_call(fd, i, PROC_HOLD, arg, ARG);
    wait_stats(f, calls_reached, FIT);
    client_expect_alive(other);
    rpc_service_read(f->svc, &st);
    ck_assert_uint_lt(st.calls, CALLS);
    ck_assert_uint_ge(st.held_bytes, FIT * ARG);
    ck_assert_uint_le(st.held_bytes, BOUND + 2 * ARG);
    for (uint32_t i = 0; i < CALLS; i++)
        fixture_release(f, i);
    for (uint32_t i = 0; i < CALLS; i++)
        ck_assert_uint_eq(client_results(fd, &xid, out, 4), 4);
    wait_stats(f, nothing_is_held, 0);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(close(other), 0);
    fixture_end(f);
}
END_TEST

START_TEST(one_request_at_a_time_goes_on_under_any_bound)
{
    enum { CALLS = 20, ARG = 100000 };
    struct rpc_service_params params = {.event_threads = 1,
                                        .allow_insecure = true};
    struct fixture *f = fixture_start(&params);
    int fd = client_connect(f);
    uint8_t *arg = mem_zalloc(&mt_test, ARG), out[4];
    uint32_t xid;

    ck_assert_ptr_nonnull(arg);
    /* A share for each that is less than one request. */
    rpc_service_bound_bytes(f->svc, 4096, 100);
    for (uint32_t i = 0; i < CALLS; i++) {
        client_call(fd, i, PROC_HOLD, arg, ARG);
        fixture_release(f, i);
        ck_assert_uint_eq(client_results(fd, &xid, out, 4), 4);
    }
    /* And those that wait for others hold nobody up. */
    for (uint32_t i = 0; i < CALLS; i++)
        client_call(fd, i, PROC_PARK, arg, 1000);
    client_expect_alive(fd);
    ck_assert_uint_ge(held_bytes(f), CALLS * 1000);
    for (uint32_t i = 0; i < CALLS; i++)
        fixture_release(f, i);
    for (uint32_t i = 0; i < CALLS; i++)
        ck_assert_uint_eq(client_results(fd, &xid, out, 4), 4);
    mem_free(arg);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

START_TEST(a_raised_bound_on_bytes_lets_go_on)
{
    enum { CALLS = 10 };
    struct rpc_service_params params = {.event_threads = 1,
                                        .allow_insecure = true};
    struct fixture *f = fixture_start(&params);
    int fd = client_connect(f), other = client_connect(f);
    uint8_t arg[1000] = {0};

    /* Shared by two: one request each is more than enough. */
    rpc_service_bound_bytes(f->svc, 0, 2 * 1000);
    for (uint32_t i = 0; i < CALLS; i++)
        client_call(fd, i, PROC_HOLD, arg, sizeof(arg));
    fixture_wait(f, &f->held_count, 1);
    client_expect_alive(other);
    mutex_lock(&f->mtx);
    ck_assert_uint_lt(f->held_count, CALLS);
    mutex_unlock(&f->mtx);
    rpc_service_bound_bytes(f->svc, 0, 0);
    fixture_wait(f, &f->held_count, CALLS);
    for (uint32_t i = 0; i < CALLS; i++)
        fixture_release(f, i);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(close(other), 0);
    fixture_end(f);
}
END_TEST

static void
count_stopped(void *arg, struct rpc_conn *conn)
{
    struct rpc_conn_stats st;
    unsigned *stopped = arg;

    rpc_conn_read(conn, &st);
    *stopped += !st.reading;
}

START_TEST(without_memory_to_read_into_it_waits)
{
    enum { BYTES = 900000 };
    struct rpc_service_params params = {.event_threads = 1,
                                        .allow_insecure = true};
    struct fixture *f = fixture_start(&params);
    uint8_t *record = mem_zalloc(&mt_test, BYTES + 1024);
    uint8_t *out = mem_alloc(&mt_test, BYTES);
    int fd = client_connect(f);
    unsigned stopped = 0;
    uint32_t xid;
    size_t bytes, sent = 0;

    ck_assert_ptr_nonnull(record);
    ck_assert_ptr_nonnull(out);
    client_expect_alive(fd);
    (void)mem_pages_purge(0, SIZE_MAX);
    mem_limit_set(1 << 20); /* nothing more from the kernel */
    bytes = client_call_bytes(record, 7, PROC_ECHO, out, BYTES);
    while (stopped == 0) {
        ssize_t n = send(fd, record + sent, bytes - sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        sent += n > 0 ? (size_t)n : 0;
        rpc_service_each_conn(f->svc, count_stopped, &stopped);
    }
    mem_limit_set(0);
    client_send(fd, record + sent, bytes - sent);
    ck_assert_uint_eq(client_results(fd, &xid, out, BYTES), BYTES);
    ck_assert_uint_eq(xid, 7);
    client_expect_alive(fd);
    mem_free(record);
    mem_free(out);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

START_TEST(a_peer_that_does_not_read_is_not_read_from)
{
    enum { CALLS = 200, BYTES = 1 << 20 };
    struct rpc_service_params params = {.event_threads = 1,
                                        .allow_insecure = true};
    struct fixture *f = fixture_start(&params);
    int fd = client_connect(f), other = client_connect(f);
    uint8_t *out = mem_alloc(&mt_test, BYTES + 4);
    uint64_t before = mem_account_total_bytes();
    uint8_t arg[4];
    uint32_t xid;

    ck_assert_ptr_nonnull(out);
    put_be32(arg, BYTES);
    for (uint32_t i = 0; i < CALLS; i++)
        client_call(fd, i, PROC_READ, arg, 4);
    fixture_wait(f, &f->events[RPC_CONN_STUCK], 1);
    client_expect_alive(other);
    ck_assert_uint_lt(mem_account_total_bytes() - before,
                      RPC_TX_BYTES_HIGH + 8 * BYTES);
    /* It reads after all, and gets everything. */
    for (uint32_t i = 0; i < CALLS; i++) {
        ck_assert_uint_eq(client_results(fd, &xid, out, BYTES + 4),
                          BYTES + 4);
        ck_assert_uint_eq(xid, i);
        ck_assert_uint_eq(out[BYTES / 2],
                          (uint8_t)((BYTES / 2 - 4) * 31 +
                                    ((BYTES / 2 - 4) >> 8) + i));
    }
    client_expect_alive(fd);
    mem_free(out);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(close(other), 0);
    fixture_end(f);
}
END_TEST

START_TEST(the_end_of_a_peer_that_is_not_read_from_is_seen)
{
    struct rpc_service_params params = {.event_threads = 1,
                                        .outstanding_limit = 1,
                                        .allow_insecure = true};
    struct fixture *f = fixture_start(&params);
    struct linger hard = {.l_onoff = 1};
    int fd = client_connect(f);

    client_call(fd, 1, PROC_HOLD, NULL, 0);
    client_call(fd, 2, PROC_HOLD, NULL, 0);
    fixture_wait(f, &f->held_count, 1);
    ck_assert_int_eq(
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    ck_assert_int_eq(close(fd), 0);
    fixture_wait(f, &f->closed, 1);
    fixture_release(f, 1);
    fixture_end(f);
}
END_TEST

/* --- endings --- */

START_TEST(replies_for_a_closed_connection_are_swallowed)
{
    struct fixture *f = fixture_start_default();
    int fd = client_connect(f);

    for (uint32_t i = 0; i < 10; i++)
        client_call(fd, i, i % 2 ? PROC_HOLD : PROC_PARK, NULL, 0);
    fixture_wait(f, &f->held_count, 10);
    ck_assert_int_eq(close(fd), 0);
    fixture_wait(f, &f->closed, 1);
    for (uint32_t i = 0; i < 10; i++)
        fixture_release(f, i);
    ck_assert_uint_eq(f->closed, 1);
    fixture_end(f);
}
END_TEST

START_TEST(a_handler_may_close_its_connection)
{
    struct fixture *f = fixture_start_default();
    int fd = client_connect(f), other = client_connect(f);

    client_call(fd, 1, PROC_CLOSE, NULL, 0);
    client_call(fd, 2, PROC_ECHO, NULL, 0);
    client_expect_closed(fd);
    fixture_wait(f, &f->closed, 1);
    client_expect_alive(other);
    ck_assert_int_eq(close(other), 0);
    fixture_end(f);
}
END_TEST

static void *
stop_service(void *arg)
{
    struct fixture *f = arg;

    rpc_service_stop(f->svc, 20000);
    return NULL;
}

static bool
refused(const struct rpc_service_stats *st, uint64_t n)
{
    return st->refused >= n;
}

START_TEST(stopping_lets_replies_out)
{
    struct fixture *f = fixture_start_default();
    int fd = client_connect(f), idle = client_connect(f);
    uint8_t out[4];
    uint32_t xid;
    pthread_t tid;

    client_expect_alive(idle);
    client_call(fd, 1, PROC_HOLD, NULL, 0);
    fixture_wait(f, &f->held_count, 1);
    ck_assert_int_eq(pthread_create(&tid, NULL, stop_service, f), 0);
    client_expect_closed(idle);
    fixture_release(f, 1);
    ck_assert_uint_eq(client_results(fd, &xid, out, 4), 4);
    client_expect_closed(fd);
    ck_assert_int_eq(pthread_join(tid, NULL), 0);
    fixture_end(f);
}
END_TEST

START_TEST(stopping_ends_in_time)
{
    struct fixture *f = fixture_start_default();
    int fd = client_connect(f);

    client_call(fd, 1, PROC_HOLD, NULL, 0);
    fixture_wait(f, &f->held_count, 1);
    rpc_service_stop(f->svc, 50);
    client_expect_closed(fd);
    fixture_release(f, 1);
    fixture_end(f);
}
END_TEST

/* --- threads, listeners, limits --- */

START_TEST(event_threads_come_and_go)
{
    struct rpc_service_params params = {.event_threads = 4,
                                        .allow_insecure = true};
    struct fixture *f = fixture_start(&params);
    int fds[8];

    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = client_connect(f);
        client_expect_alive(fds[i]);
    }
    params.event_threads = 1;
    ck_assert_int_eq(rpc_service_reconfigure(f->svc, &params), 0);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        client_expect_alive(fds[i]);
    wait_stats(f, threads_are, 4); /* they have connections */
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        ck_assert_int_eq(close(fds[i]), 0);
    wait_stats(f, threads_are, 1);
    params.event_threads = 3;
    ck_assert_int_eq(rpc_service_reconfigure(f->svc, &params), 0);
    wait_stats(f, threads_are, 3);
    fds[0] = client_connect(f);
    client_expect_alive(fds[0]);
    ck_assert_int_eq(close(fds[0]), 0);
    fixture_end(f);
}
END_TEST

START_TEST(connections_over_the_limit_are_refused)
{
    struct rpc_service_params params = {
        .event_threads = 1, .conns_max = 1, .allow_insecure = true};
    struct fixture *f = fixture_start(&params);
    int fd = client_connect(f), more;

    client_expect_alive(fd);
    more = client_connect(f);
    client_expect_closed(more);
    wait_stats(f, refused, 1);
    fixture_wait(f, &f->events[RPC_CONN_REFUSED], 1);
    client_expect_alive(fd);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

START_TEST(running_out_of_descriptors_passes)
{
    struct fixture *f = fixture_start_default();
    int first = client_connect(f), second = -1, probe;
    struct rlimit lim, low;
    struct sockaddr_in in;
    socklen_t bytes = sizeof(in);

    client_expect_alive(first);
    ck_assert_int_eq(getpeername(first, (struct sockaddr *)&in, &bytes), 0);
    second = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    probe = dup(second);
    ck_assert_int_ge(probe, 0);
    ck_assert_int_eq(close(probe), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &lim), 0);
    low = lim;
    low.rlim_cur = (rlim_t)probe; /* the next one to be had */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    ck_assert_int_eq(connect(second, (struct sockaddr *)&in, sizeof(in)), 0);
    fixture_wait(f, &f->events[RPC_ACCEPT_FAILED], 2);
    client_expect_alive(first);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &lim), 0);
    client_expect_alive(second);
    ck_assert_int_eq(close(first), 0);
    ck_assert_int_eq(close(second), 0);
    fixture_end(f);
}
END_TEST

static int
connect_unix(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_uint_lt(strlen(path), sizeof(un.sun_path));
    memcpy(un.sun_path, path, strlen(path) + 1);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    return fd;
}

static void
check_unix_conn(void *arg, struct rpc_conn *conn)
{
    const char *path = arg;

    ck_assert(rpc_conn_is_privileged_port(conn));
    ck_assert_str_eq(rpc_conn_peer(conn), path);
    ck_assert_str_eq(rpc_conn_local(conn), path);
}

START_TEST(unix_sockets_serve_and_are_cleaned_up)
{
    struct rpc_service_params params = {.event_threads = 1};
    struct fixture *f = fixture_start(&params);
    char dir[] = "/tmp/rpc-test-XXXXXX", path[64], longer[128];
    struct rpc_listen_params listen = {
        .family = AF_UNIX, .bind = path, .unix_mode = 0600};
    struct rpc_listener *l;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct stat st;
    int fd, stale;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/s", dir);
    /* Left over from a dead process. */
    stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(un.sun_path, path, strlen(path) + 1);
    ck_assert_int_eq(bind(stale, (struct sockaddr *)&un, sizeof(un)), 0);
    ck_assert_int_eq(close(stale), 0);

    ck_assert_int_eq(rpc_listen(f->svc, &listen, &l), 0);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(rpc_listen(f->svc, &listen, &l), -EADDRINUSE);
    fd = connect_unix(path);
    client_expect_alive(fd);
    rpc_service_each_conn(f->svc, check_unix_conn, path);
    ck_assert_int_eq(close(fd), 0);

    /* One past what fits, and a file that is no socket. */
    memset(longer, 'x', 108);
    longer[0] = '/';
    longer[108] = '\0';
    listen.bind = longer;
    ck_assert_int_eq(rpc_listen(f->svc, &listen, &l), -ENAMETOOLONG);
    listen.bind = dir;
    ck_assert_int_eq(rpc_listen(f->svc, &listen, &l), -ENOTSOCK);
    fixture_end(f);
    ck_assert_int_eq(stat(path, &st), -1);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

static void
check_v4_conn(void *arg, struct rpc_conn *conn)
{
    ck_assert_int_eq(strncmp(rpc_conn_peer(conn), "127.0.0.1:", 10), 0);
    ck_assert_int_eq(rpc_conn_peer_addr(conn)->ss_family, AF_INET);
    ++*(int *)arg;
}

START_TEST(dual_stack_listeners_show_v4_peers_as_such)
{
    struct fixture *f = fixture_start_default();
    struct rpc_listen_params listen = {.family = AF_INET6, .nodelay = true,
                                       .keepalive = true,
                                       .keepalive_idle_secs = 21,
                                       .user_timeout_secs = 42};
    struct rpc_listener *l, *first = f->listener;
    int fd, seen = 0;

    ck_assert_int_eq(rpc_listen(f->svc, &listen, &l), 0);
    f->listener = l;
    fd = client_connect(f);
    client_expect_alive(fd);
    rpc_service_each_conn(f->svc, check_v4_conn, &seen);
    ck_assert_int_eq(seen, 1);
    listen.port = rpc_listener_port(l);
    ck_assert_int_eq(rpc_listen(f->svc, &listen, &l), -EADDRINUSE);
    listen.bind = "127.0.0.1";
    ck_assert_int_eq(rpc_listen(f->svc, &listen, &l), -EAFNOSUPPORT);
    f->listener = first;
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        reading_stops_at_the_outstanding_limit,
        a_raised_limit_lets_go_on,
        parked_requests_do_not_count,
        reading_stops_at_the_bound_on_bytes,
        one_request_at_a_time_goes_on_under_any_bound,
        a_raised_bound_on_bytes_lets_go_on,
        without_memory_to_read_into_it_waits,
        a_peer_that_does_not_read_is_not_read_from,
        the_end_of_a_peer_that_is_not_read_from_is_seen,
        replies_for_a_closed_connection_are_swallowed,
        a_handler_may_close_its_connection,
        stopping_lets_replies_out,
        stopping_ends_in_time,
        event_threads_come_and_go,
        connections_over_the_limit_are_refused,
        running_out_of_descriptors_passes,
        unix_sockets_serve_and_are_cleaned_up,
        dual_stack_listeners_show_v4_peers_as_such,
    };
    Suite *s = suite_create("rpc_pressure");
    TCase *tc = tcase_create("service");
    SRunner *sr = srunner_create(s);
    int failed;

    for (size_t i = 0; i < COUNT_OF(tests); i++)
        tcase_add_test(tc, tests[i]);
    tcase_set_timeout(tc, 120);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
