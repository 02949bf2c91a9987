/* SPDX-License-Identifier: BSD-2-Clause */
/* A service over real sockets: calls, payloads and their order. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem/alloc.h"
#include "mem/must.h"
#include "rpc/record.h"
#include "tests/unit/rpc_fixture.h"

MEM_TYPE(mt_test, "test", "buffer");

static void *
buffer(size_t bytes)
{
    void *p = mem_alloc(&mt_test, bytes);

    ck_assert_ptr_nonnull(p);
    return p;
}

static bool
read_bytes_reached(const struct rpc_service_stats *st, uint64_t n)
{
    return st->bytes_read >= n;
}

/* --- calls --- */

START_TEST(a_call_is_answered)
{
    struct fixture *f = fixture_start_default();
    int fd = client_connect(f);

    client_expect_alive(fd);
    ck_assert_int_eq(close(fd), 0);
    fixture_wait(f, &f->closed, 1);
    fixture_end(f);
}
END_TEST

START_TEST(pipelined_calls_of_any_length_are_all_answered)
{
    enum { CALLS = 300 };
    struct fixture *f = fixture_start_default();
    int fd = client_connect(f);
    uint8_t *args = buffer(CALLS), *out = buffer(CALLS);
    uint8_t *all = buffer(CALLS * (CALLS + RPC_CALL_HEAD_BYTES));
    size_t bytes = 0;
    uint32_t xid;

    /* Odd lengths, so that records start at odd addresses. */
    fill_pattern(args, CALLS, 5);
    for (uint32_t i = 0; i < CALLS; i++)
        bytes += client_call_bytes(all + bytes, i, PROC_ECHO, args, i);
    client_send(fd, all, bytes);
    for (uint32_t i = 0; i < CALLS; i++) {
        ck_assert_uint_eq(client_results(fd, &xid, out, CALLS), i);
        ck_assert_uint_eq(xid, i);
        ck_assert_mem_eq(out, args, i);
    }
    mem_free(args);
    mem_free(out);
    mem_free(all);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

START_TEST(a_record_in_pieces_is_put_together)
{
    struct fixture *f = fixture_start_default();
    int fd = client_connect(f);
    uint8_t args[100], record[256], out[100];
    uint32_t xid;
    size_t bytes;

    fill_pattern(args, sizeof(args), 9);
    bytes = client_call_bytes(record, 77, PROC_ECHO, args, sizeof(args));
    for (size_t i = 0; i < bytes; i++) {
        client_send(fd, record + i, 1);
        wait_stats(f, read_bytes_reached, i + 1);
    }
    ck_assert_uint_eq(client_results(fd, &xid, out, sizeof(out)),
                      sizeof(args));
    ck_assert_mem_eq(out, args, sizeof(args));
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

START_TEST(fragments_make_a_record)
{
    enum { BYTES = 300000 };
    static const size_t sizes[] = {1, 3, 0, 50, 40000, 7, 200000};
    struct fixture *f = fixture_start_default();
    int fd = client_connect(f);
    uint8_t *args = buffer(BYTES), *out = buffer(BYTES);
    uint8_t *record = buffer(BYTES + 64);
    size_t bytes, pos = RECORD_MARK_BYTES;
    uint8_t mark[4];
    uint32_t xid;

    fill_pattern(args, BYTES, 1);
    bytes = client_call_bytes(record, 5, PROC_ECHO, args, BYTES);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        put_be32(mark, (uint32_t)sizes[i]);
        client_send(fd, mark, sizeof(mark));
        client_send(fd, record + pos, sizes[i]);
        pos += sizes[i];
    }
    record_mark_encode(mark, (uint32_t)(bytes - pos));
    client_send(fd, mark, sizeof(mark));
    client_send(fd, record + pos, bytes - pos);
    ck_assert_uint_eq(client_results(fd, &xid, out, BYTES), BYTES);
    ck_assert_mem_eq(out, args, BYTES);
    client_expect_alive(fd);
    mem_free(args);
    mem_free(out);
    mem_free(record);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

START_TEST(replies_may_come_in_another_order)
{
    struct fixture *f = fixture_start_default();
    int fd = client_connect(f);
    uint8_t out[4];
    uint32_t xid;

    for (uint32_t i = 1; i <= 5; i++)
        client_call(fd, i, PROC_HOLD, NULL, 0);
    for (uint32_t i = 5; i >= 1; i--) {
        fixture_release(f, i);
        ck_assert_uint_eq(client_results(fd, &xid, out, 4), 4);
        ck_assert_uint_eq(xid, i);
        ck_assert_uint_eq(get_be32(out), i);
    }
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

struct releaser {
    struct fixture *f;
    uint32_t first, step, end;
};

static void *
release_some(void *arg)
{
    struct releaser *r = arg;

    for (uint32_t i = r->first; i < r->end; i += r->step)
        fixture_release(r->f, i);
    return NULL;
}

START_TEST(many_threads_answer_one_connection)
{
    enum { THREADS = 4, CALLS = 400 };
    struct rpc_service_params params = {.event_threads = 1,
                                        .allow_insecure = true};
    struct fixture *f = fixture_start(&params);
    struct releaser r[THREADS];
    pthread_t tid[THREADS];
    bool seen[CALLS] = {false};
    int fd = client_connect(f);
    uint8_t out[4];
    uint32_t xid;

    for (uint32_t i = 0; i < THREADS; i++) {
        r[i] = (struct releaser){f, i, THREADS, CALLS};
        ck_assert_int_eq(pthread_create(&tid[i], NULL, release_some, &r[i]),
                         0);
    }
    for (uint32_t i = 0; i < CALLS; i++)
        client_call(fd, i, PROC_HOLD, NULL, 0);
    for (uint32_t i = 0; i < CALLS; i++) {
        ck_assert_uint_eq(client_results(fd, &xid, out, 4), 4);
        ck_assert_uint_lt(xid, CALLS);
        ck_assert(!seen[xid]);
        seen[xid] = true;
    }
    for (uint32_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(tid[i], NULL), 0);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

START_TEST(a_one_way_call_reaches_the_peer)
{
    struct fixture *f = fixture_start_default();
    int fd = client_connect(f);
    uint8_t buf[64];
    static const uint32_t head[] = {1, 0, 2, 52743234, 1, 10, 0, 0, 0, 0,
                                    0xfeedbeef};
    uint32_t xid;

    client_call(fd, 3, PROC_NOTIFY, NULL, 0);
    ck_assert_uint_eq(client_record(fd, buf, sizeof(buf)), sizeof(head));
    for (size_t i = 0; i < COUNT_OF(head); i++)
        ck_assert_uint_eq(get_be32(buf + i * 4), head[i]);
    ck_assert_uint_eq(client_results(fd, &xid, NULL, 0), 0);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

/* --- payloads --- */

static size_t
write_call(uint8_t *out, uint32_t xid, size_t args_bytes, size_t payload)
{
    uint8_t *args = buffer(args_bytes + payload);
    size_t n;

    fill_pattern(args, args_bytes, 3);
    put_be32(args, (uint32_t)args_bytes);
    fill_pattern(args + args_bytes, payload, xid);
    n = client_call_bytes(out, xid, PROC_WRITE, args, args_bytes + payload);
    mem_free(args);
    return n;
}

static void
expect_written(int fd, uint32_t xid, size_t args_bytes, size_t payload)
{
    uint8_t *args = buffer(args_bytes), *data = buffer(payload);
    uint8_t out[16];
    uint32_t got;

    fill_pattern(args, args_bytes, 3);
    put_be32(args, (uint32_t)args_bytes);
    fill_pattern(data, payload, xid);
    ck_assert_uint_eq(client_results(fd, &got, out, sizeof(out)), 16);
    ck_assert_uint_eq(got, xid);
    ck_assert_uint_eq(get_be32(out), payload);
    ck_assert_uint_eq(get_be32(out + 4), 1);
    ck_assert_uint_eq(get_be32(out + 8), sum_bytes(data, payload));
    ck_assert_uint_eq(get_be32(out + 12), sum_bytes(args, args_bytes));
    mem_free(args);
    mem_free(data);
}

static int
trusted_client(struct fixture *f)
{
    int fd = client_connect(f);
    uint32_t xid;

    client_call(fd, 1, PROC_TRUST, NULL, 0);
    ck_assert_uint_eq(client_results(fd, &xid, NULL, 0), 0);
    return fd;
}

START_TEST(steady_writes_are_received_without_a_copy)
{
    enum { WRITES = 50, ARGS = 92, PAYLOAD = 131072 };
    struct fixture *f = fixture_start_default();
    int fd = trusted_client(f);
    uint8_t *call = buffer(PAYLOAD + 1024);
    struct rpc_service_stats before, after;

    client_send(fd, call, write_call(call, 1, ARGS, PAYLOAD));
    expect_written(fd, 1, ARGS, PAYLOAD);
    rpc_service_read(f->svc, &before);
    ck_assert_uint_eq(before.bulk_records, 1);
    for (uint32_t i = 2; i < 2 + WRITES; i++) {
        client_send(fd, call, write_call(call, i, ARGS, PAYLOAD));
        expect_written(fd, i, ARGS, PAYLOAD);
    }
    rpc_service_read(f->svc, &after);
    ck_assert_uint_eq(after.bulk_records - before.bulk_records, WRITES);
    ck_assert_uint_eq(after.bulk_in_place - before.bulk_in_place, WRITES);
    ck_assert_uint_eq(after.bulk_moved_bytes, before.bulk_moved_bytes);
    mem_free(call);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

struct send_job {
    int fd;
    size_t bytes;
    uint8_t *p;
};

static void *
send_from_thread(void *arg)
{
    struct send_job *job = arg;

    client_send(job->fd, job->p, job->bytes);
    return NULL;
}

START_TEST(pipelined_writes_are_received_without_a_copy)
{
    enum { WRITES = 200, ARGS = 92, PAYLOAD = 4097 };
    struct fixture *f = fixture_start_default();
    int fd = trusted_client(f);
    uint8_t *all = buffer(WRITES * (PAYLOAD + 1024));
    struct send_job job = {fd, 0, all};
    struct rpc_service_stats before, after;
    pthread_t tid;

    client_send(fd, all, write_call(all, 0, ARGS, PAYLOAD));
    expect_written(fd, 0, ARGS, PAYLOAD);
    rpc_service_read(f->svc, &before);
    for (uint32_t i = 0; i < WRITES; i++)
        job.bytes += write_call(all + job.bytes, i, ARGS, PAYLOAD);
    ck_assert_int_eq(pthread_create(&tid, NULL, send_from_thread, &job), 0);
    for (uint32_t i = 0; i < WRITES; i++)
        expect_written(fd, i, ARGS, PAYLOAD);
    ck_assert_int_eq(pthread_join(tid, NULL), 0);
    rpc_service_read(f->svc, &after);
    ck_assert_uint_eq(after.bulk_in_place - before.bulk_in_place, WRITES);
    ck_assert_uint_eq(after.bulk_moved_bytes, before.bulk_moved_bytes);
    mem_free(all);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

/* Sizes at random and other calls between them, all sent ahead: every guess
 * that can be wrong is wrong at some time, and no byte may be. */
static void
mixed_traffic(struct fixture *f, int fd, unsigned seed)
{
    enum { CALLS = 400, PAYLOAD_MAX = 20000 };
    uint8_t *all = buffer(CALLS * (PAYLOAD_MAX + 2048));
    struct send_job job = {fd, 0, all};
    struct { size_t args, payload; bool echo; } plan[CALLS];
    uint8_t text[300], out[300];
    pthread_t tid;
    uint32_t xid;

    fill_pattern(text, sizeof(text), 2);
    for (uint32_t i = 0; i < CALLS; i++) {
        unsigned kind = (unsigned)rand_r(&seed) % 8;

        plan[i].args = 4 + (size_t)rand_r(&seed) % (kind == 0 ? 1500 : 90);
        plan[i].payload = (size_t)rand_r(&seed) %
                          (kind < 3 ? 40 : PAYLOAD_MAX);
        if (kind > 5 && i > 0) {
            plan[i].args = plan[i - 1].args;
            plan[i].payload = plan[i - 1].payload;
        }
        plan[i].echo = kind == 4 || kind == 5;
        if (plan[i].echo)
            job.bytes += client_call_bytes(all + job.bytes, i, PROC_ECHO,
                                           text, plan[i].args % 300);
        else
            job.bytes += write_call(all + job.bytes, i, plan[i].args,
                                    plan[i].payload);
    }
    ck_assert_int_eq(pthread_create(&tid, NULL, send_from_thread, &job), 0);
    for (uint32_t i = 0; i < CALLS; i++) {
        if (!plan[i].echo) {
            expect_written(fd, i, plan[i].args, plan[i].payload);
            continue;
        }
        ck_assert_uint_eq(client_results(fd, &xid, out, sizeof(out)),
                          plan[i].args % 300);
        ck_assert_uint_eq(xid, i);
        ck_assert_mem_eq(out, text, plan[i].args % 300);
    }
    ck_assert_int_eq(pthread_join(tid, NULL), 0);
    mem_free(all);
}

START_TEST(mixed_traffic_arrives_whole)
{
    struct fixture *f = fixture_start_default();
    int trusted = trusted_client(f), other = client_connect(f);

    for (unsigned seed = 1; seed <= 6; seed++)
        mixed_traffic(f, trusted, seed);
    mixed_traffic(f, other, 7);
    ck_assert_int_eq(close(trusted), 0);
    ck_assert_int_eq(close(other), 0);
    fixture_end(f);
}
END_TEST

START_TEST(a_large_write_arrives_whole)
{
    enum { PAYLOAD = 9 << 20 };
    struct fixture *f = fixture_start_default();
    int fd = trusted_client(f);
    uint8_t *call = buffer(PAYLOAD + 1024);

    for (uint32_t i = 1; i <= 3; i++) {
        client_send(fd, call, write_call(call, i, 52, PAYLOAD / i));
        expect_written(fd, i, 52, PAYLOAD / i);
    }
    mem_free(call);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

START_TEST(a_read_brings_head_and_payload)
{
    struct fixture *f = fixture_start_default();
    int fd = client_connect(f);
    static const uint32_t sizes[] = {1, 4096, 131072, 5000000};
    uint8_t *out = buffer(5000004), *want = buffer(5000000);
    uint8_t arg[4];
    uint32_t xid;

    for (uint32_t i = 0; i < COUNT_OF(sizes); i++) {
        put_be32(arg, sizes[i]);
        client_call(fd, i, PROC_READ, arg, 4);
        ck_assert_uint_eq(client_results(fd, &xid, out, 5000004),
                          4 + sizes[i]);
        fill_pattern(want, sizes[i], i);
        ck_assert_uint_eq(get_be32(out), sizes[i]);
        ck_assert_mem_eq(out + 4, want, sizes[i]);
    }
    mem_free(out);
    mem_free(want);
    ck_assert_int_eq(close(fd), 0);
    fixture_end(f);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        a_call_is_answered,
        pipelined_calls_of_any_length_are_all_answered,
        a_record_in_pieces_is_put_together,
        fragments_make_a_record,
        replies_may_come_in_another_order,
        many_threads_answer_one_connection,
        a_one_way_call_reaches_the_peer,
        steady_writes_are_received_without_a_copy,
        pipelined_writes_are_received_without_a_copy,
        mixed_traffic_arrives_whole,
        a_large_write_arrives_whole,
        a_read_brings_head_and_payload,
    };
    Suite *s = suite_create("rpc_service");
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
