/* SPDX-License-Identifier: BSD-2-Clause */
/* What a peer may send that is wrong: each gets the protocol's error or a
 * closed connection; a second connection on the same event thread notices
 * nothing, and nothing is left behind. */
#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mem/account.h"
#include "mem/must.h"
#include "rpc/record.h"
#include "tests/unit/rpc_fixture.h"

enum { HEAD_WORDS = 10 };

static struct fixture *f;
static int other; /* the innocent bystander */

static void
setup(void)
{
    struct rpc_service_params params = {.event_threads = 1,
                                        .outstanding_limit = 64,
                                        .allow_insecure = true};

    f = fixture_start(&params);
    other = client_connect(f);
    client_expect_alive(other);
}

static void
teardown(void)
{
    client_expect_alive(other);
    ck_assert_int_eq(close(other), 0);
    fixture_end(f);
}

static bool
read_reached(const struct rpc_service_stats *st, uint64_t n)
{
    return st->bytes_read >= n;
}

static uint64_t
bytes_read(void)
{
    struct rpc_service_stats st;

    rpc_service_read(f->svc, &st);
    return st.bytes_read;
}

static int
trusted_client(void)
{
    int fd = client_connect(f);
    uint32_t xid;

    client_call(fd, 1, PROC_TRUST, NULL, 0);
    ck_assert_uint_eq(client_results(fd, &xid, NULL, 0), 0);
    return fd;
}

/* Send these words, the first a mark. */
static void
send_words(int fd, const uint32_t *words, size_t n)
{
    uint8_t buf[256];

    ck_assert_uint_le(n * 4, sizeof(buf));
    for (size_t i = 0; i < n; i++)
        put_be32(buf + i * 4, words[i]);
    client_send(fd, buf, n * 4);
}

static void
send_head(int fd, const uint32_t head[HEAD_WORDS])
{
    uint32_t words[1 + HEAD_WORDS];

    words[0] = UINT32_C(0x80000000) | HEAD_WORDS * 4;
    memcpy(words + 1, head, HEAD_WORDS * sizeof(*head));
    send_words(fd, words, COUNT_OF(words));
}

/* The server closed fd for what it sent, and said so once more. */
static void
expect_thrown_out(int fd)
{
    static unsigned count;

    client_expect_closed(fd);
    fixture_wait(f, &f->events[RPC_CONN_BAD_RECORD], ++count);
    ck_assert_uint_eq(f->events[RPC_CONN_BAD_RECORD], count);
    client_expect_alive(other);
}

/* --- records --- */

START_TEST(a_record_over_the_bound_closes_at_once)
{
    static const uint32_t marks[] = {
        0xc0000000, /* 1 GiB, last */
        0xffffffff, /* all that a mark can say */
        0x40000000, /* 1 GiB, more to come */
        0x7fffffff,
        0x80100001, /* one past what a stranger may send */
        0x00100001,
    };

    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        int fd = client_connect(f);

        send_words(fd, &marks[i], 1);
        expect_thrown_out(fd);
    }
}
END_TEST

START_TEST(the_bound_is_higher_for_the_trusted)
{
    static const uint32_t beyond = 0xc0000000, within = 0x80100001;
    int fd = trusted_client();

    send_words(fd, &beyond, 1);
    expect_thrown_out(fd);
    fd = trusted_client();
    send_words(fd, &within, 1);
    client_expect_alive(other);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(an_announced_record_takes_no_memory)
{
    static const uint32_t marks[] = {0xbfffffff, 0x3fffffff};
    uint64_t before = mem_account_total_bytes();
    uint64_t read_before = bytes_read();
    int fd[2];

    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        fd[i] = trusted_client();
        send_words(fd[i], &marks[i], 1);
        client_send(fd[i], "begins", 6);
    }
    wait_stats(f, read_reached, read_before + 2 * (44 + 10));
    client_expect_alive(other);
    ck_assert_uint_lt(mem_account_total_bytes(), before + (1 << 20));
    ck_assert_int_eq(close(fd[0]), 0);
    ck_assert_int_eq(close(fd[1]), 0);
}
END_TEST

START_TEST(an_announced_payload_takes_little_memory)
{
    /* WRITE to the test program, 4 bytes of arguments, 1 GiB to come. */
    static const uint32_t call[] = {0xbfffffff, 9, 0, 2, ECHO_PROGRAM,
                                    ECHO_VERSION, PROC_WRITE, 0, 0, 0, 0, 4};
    uint64_t before = mem_account_total_bytes();
    uint64_t read_before = bytes_read();
    int fd = trusted_client();

    send_words(fd, call, COUNT_OF(call));
    wait_stats(f, read_reached, read_before + 44 + sizeof(call));
    client_expect_alive(other);
    ck_assert_uint_lt(mem_account_total_bytes(), before + (5 << 20));
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(fragments_that_never_end_meet_the_bound)
{
    uint8_t piece[4 + 4096] = {0};
    int fd = client_connect(f);

    put_be32(piece, 4096);
    for (int i = 0; i < 300; i++) /* 1.2 MB: past the bound of 1 MiB */
        client_send(fd, piece, sizeof(piece));
    expect_thrown_out(fd);
}
END_TEST

START_TEST(empty_fragments_are_counted)
{
    static const uint8_t marks[4 * (RECORD_EMPTY_FRAGMENTS_MAX + 1)];
    int fd = client_connect(f);

    client_send(fd, marks, sizeof(marks) - 4);
    client_expect_alive(other);
    client_send(fd, marks, 4);
    expect_thrown_out(fd);
}
END_TEST

START_TEST(an_empty_record_closes)
{
    static const uint32_t empty = 0x80000000, twice[] = {0, 0x80000000};
    int fd = client_connect(f);

    send_words(fd, &empty, 1);
    expect_thrown_out(fd);
    fd = client_connect(f);
    send_words(fd, twice, 2);
    expect_thrown_out(fd);
}
END_TEST

START_TEST(another_protocol_closes)
{
    static const char http[] = "GET / HTTP/1.1\r\nHost: brick\r\n\r\n";
    static const uint8_t tls[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
    int fd = client_connect(f);

    client_send(fd, http, sizeof(http) - 1);
    expect_thrown_out(fd);
    fd = client_connect(f);
    client_send(fd, tls, sizeof(tls));
    expect_thrown_out(fd);
}
END_TEST

START_TEST(random_bytes_harm_nobody)
{
    unsigned seed = 4711;

    for (int i = 0; i < 200; i++) {
        int fd = client_connect(f);
        uint8_t junk[600];
        size_t bytes = 1 + (size_t)rand_r(&seed) % sizeof(junk);

        for (size_t j = 0; j < bytes; j++)
            junk[j] = (uint8_t)rand_r(&seed);
        /* Every other one with a mark that fits, to come further. */
        if (i % 2 == 0 && bytes > 4)
            record_mark_encode(junk, (uint32_t)bytes - 4);
        client_send(fd, junk, bytes);
        ck_assert_int_eq(close(fd), 0);
    }
    fixture_wait(f, &f->closed, 200);
}
END_TEST

START_TEST(a_message_of_another_type_closes)
{
    static const uint32_t head[HEAD_WORDS] = {
        1, 2, 2, ECHO_PROGRAM, ECHO_VERSION, PROC_ECHO};
    static const uint32_t only_xid[] = {0x80000004, 5};
    int fd = client_connect(f);

    send_head(fd, head);
    expect_thrown_out(fd);
    fd = client_connect(f);
    send_words(fd, only_xid, 2);
    expect_thrown_out(fd);
}
END_TEST

START_TEST(replies_are_ignored_when_they_are_replies)
{
    static const uint32_t good[] = {0x80000018, 7, 1, 0, 0, 0, 0};
    static const uint32_t bad[] = {0x8000000c, 7, 1, 99};
    int fd = client_connect(f);

    send_words(fd, good, COUNT_OF(good));
    client_expect_alive(fd);
    send_words(fd, bad, COUNT_OF(bad));
    expect_thrown_out(fd);
}
END_TEST

/* --- headers --- */

START_TEST(a_header_that_does_not_decode_is_garbage)
{
    static const uint32_t version3[HEAD_WORDS] = {
        0x77, 0, 3, ECHO_PROGRAM, ECHO_VERSION, PROC_ECHO};
    static const uint32_t cred401[HEAD_WORDS] = {
        0x77, 0, 2, ECHO_PROGRAM, ECHO_VERSION, PROC_ECHO, 0, 401};
    static const uint32_t huge_cred[HEAD_WORDS] = {
        0x77, 0, 2, ECHO_PROGRAM, ECHO_VERSION, PROC_ECHO, 0, 0xffffffff};
    static const uint32_t long_verf[HEAD_WORDS] = {
        0x77, 0, 2, ECHO_PROGRAM, ECHO_VERSION, PROC_ECHO, 0, 0, 0, 400};
    int fd = client_connect(f);

    send_head(fd, version3);
    client_expect_stat(fd, 0, RPC_GARBAGE_ARGS);
    send_head(fd, cred401);
    client_expect_stat(fd, 0, RPC_GARBAGE_ARGS);
    send_head(fd, huge_cred);
    client_expect_stat(fd, 0, RPC_GARBAGE_ARGS);
    send_head(fd, long_verf);
    client_expect_stat(fd, 0, RPC_GARBAGE_ARGS);
    client_expect_alive(fd);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(a_header_cut_short_anywhere_is_garbage)
{
    static const uint32_t head[HEAD_WORDS] = {
        0x77, 0, 2, ECHO_PROGRAM, ECHO_VERSION, PROC_ECHO};
    int fd = client_connect(f);

    for (uint32_t words = 2; words < HEAD_WORDS; words++) {
        uint32_t record[1 + HEAD_WORDS];

        record[0] = UINT32_C(0x80000000) | words * 4;
        memcpy(record + 1, head, sizeof(head));
        send_words(fd, record, 1 + words);
        client_expect_stat(fd, 0, RPC_GARBAGE_ARGS);
    }
    client_expect_alive(fd);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(unknown_numbers_get_the_protocols_answers)
{
    static const struct {
        uint32_t program, version, proc, stat;
    } calls[] = {
        {ECHO_PROGRAM + 1, ECHO_VERSION, PROC_ECHO, RPC_PROG_UNAVAIL},
        {ECHO_PROGRAM, ECHO_VERSION + 1, PROC_ECHO, RPC_PROG_MISMATCH},
        {ECHO_PROGRAM, ECHO_VERSION, PROC_NONE, RPC_PROC_UNAVAIL},
        {ECHO_PROGRAM, ECHO_VERSION, PROC_COUNT, RPC_PROC_UNAVAIL},
        {ECHO_PROGRAM, ECHO_VERSION, 0xffffffff, RPC_PROC_UNAVAIL},
        {ECHO_PROGRAM, ECHO_VERSION, PROC_FAIL, RPC_SYSTEM_ERR},
    };
    int fd = client_connect(f);

    for (uint32_t i = 0; i < COUNT_OF(calls); i++) {
        uint32_t head[HEAD_WORDS] = {i, 0, 2, calls[i].program,
                                     calls[i].version, calls[i].proc};

        send_head(fd, head);
        client_expect_stat(fd, i, calls[i].stat);
    }
    fixture_wait(f, &f->events[RPC_CONN_UNKNOWN_PROC], 5);
    client_expect_alive(fd);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

static void
expect_denied(int fd, uint32_t xid, uint32_t auth_stat)
{
    uint8_t buf[64];
    const uint32_t want[] = {xid, 1, 1, 1, auth_stat};

    ck_assert_uint_eq(client_record(fd, buf, sizeof(buf)), sizeof(want));
    for (size_t i = 0; i < COUNT_OF(want); i++)
        ck_assert_uint_eq(get_be32(buf + i * 4), want[i]);
}

START_TEST(a_bad_credential_is_denied)
{
    /* v3, one group announced beyond the body's end. */
    static const uint32_t call[] = {0x80000000 | 76, 31, 0, 2, ECHO_PROGRAM,
                                    ECHO_VERSION, PROC_ECHO, 390040, 36,
                                    0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0};
    int fd = client_connect(f);

    send_words(fd, call, COUNT_OF(call));
    expect_denied(fd, 31, 0);
    fixture_wait(f, &f->events[RPC_CONN_BAD_CRED], 1);
    client_expect_alive(fd);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(an_insecure_port_is_denied_when_it_is_to_be)
{
    struct rpc_service_params params = {.event_threads = 1,
                                        .outstanding_limit = 64};
    int fd = client_connect(f);

    client_expect_alive(fd);
    ck_assert_int_eq(rpc_service_reconfigure(f->svc, &params), 0);
    client_call(fd, 5, PROC_ECHO, NULL, 0);
    expect_denied(fd, 5, 2);
    fixture_wait(f, &f->events[RPC_CONN_INSECURE_PORT], 1);
    params.allow_insecure = true;
    ck_assert_int_eq(rpc_service_reconfigure(f->svc, &params), 0);
    client_expect_alive(fd);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* --- payloads --- */

START_TEST(a_payload_whose_arguments_lie_is_an_ordinary_record)
{
    /* The split of the test program refuses 0xffffffff and may want more
     * bytes than there are. */
    static const uint32_t lies[] = {0, 3, 0xffffffff, 100001, 99999};
    int fd = trusted_client();
    uint8_t args[8] = {0}, out[16];
    uint32_t xid;

    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        put_be32(args, lies[i]);
        client_call(fd, 3, PROC_WRITE, args, sizeof(args));
        ck_assert_uint_eq(client_results(fd, &xid, out, sizeof(out)), 16);
        ck_assert_uint_eq(get_be32(out), 0);
        ck_assert_uint_eq(get_be32(out + 12), sum_bytes(args, sizeof(args)));
    }
    client_call(fd, 4, PROC_WRITE, NULL, 0);
    ck_assert_uint_eq(client_results(fd, &xid, out, sizeof(out)), 16);
    ck_assert_uint_eq(get_be32(out), 0);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(an_end_in_the_midst_of_a_record_leaves_nothing)
{
    uint8_t record[8192], args[4000] = {0};
    size_t bytes;

    for (int trusted = 0; trusted < 2; trusted++) {
        for (size_t cut = 1; cut < 60; cut += 7) {
            int fd = trusted ? trusted_client() : client_connect(f);
            uint64_t before = bytes_read();

            put_be32(args, 4);
            bytes = client_call_bytes(record, 8, PROC_WRITE, args,
                                      sizeof(args));
            client_send(fd, record, bytes - cut * 60);
            wait_stats(f, read_reached, before + bytes - cut * 60);
            ck_assert_int_eq(close(fd), 0);
        }
    }
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        a_record_over_the_bound_closes_at_once,
        the_bound_is_higher_for_the_trusted,
        an_announced_record_takes_no_memory,
        an_announced_payload_takes_little_memory,
        fragments_that_never_end_meet_the_bound,
        empty_fragments_are_counted,
        an_empty_record_closes,
        another_protocol_closes,
        random_bytes_harm_nobody,
        a_message_of_another_type_closes,
        replies_are_ignored_when_they_are_replies,
        a_header_that_does_not_decode_is_garbage,
        a_header_cut_short_anywhere_is_garbage,
        unknown_numbers_get_the_protocols_answers,
        a_bad_credential_is_denied,
        an_insecure_port_is_denied_when_it_is_to_be,
        a_payload_whose_arguments_lie_is_an_ordinary_record,
        an_end_in_the_midst_of_a_record_leaves_nothing,
    };
    Suite *s = suite_create("rpc_hostile");
    TCase *tc = tcase_create("hostile");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    for (size_t i = 0; i < COUNT_OF(tests); i++)
        tcase_add_test(tc, tests[i]);
    tcase_set_timeout(tc, 120);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
